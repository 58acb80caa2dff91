/** escluster_loop: requests in a program's event loop. */
#define _GNU_SOURCE

#include "loop.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "../transport.h"
#include "../util.h"
#include "sigpipe.h"

void esc_wake_loops(escluster *c) {
  for (const escluster_loop *l = c->loops; l != NULL; l = l->next) esc_wake(l->wake_fd);
}

static void close_descriptors(const escluster_loop *l) {
  if (l->epoll_fd >= 0) close(l->epoll_fd);
  if (l->timer_fd >= 0) close(l->timer_fd);
  if (l->wake_fd >= 0) close(l->wake_fd);
}

static bool watch(const escluster_loop *l, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = NULL}};
  return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

escluster_status escluster_loop_open(escluster *cluster, escluster_loop **loop, char *error, size_t error_size) {
  if (loop != NULL) *loop = NULL;
  if (loop == NULL || !esc_is_usable(cluster) || cluster->endpoint_only) {
    esc_format(error, error_size, "an argument is NULL, this is a child process, or endpoint_only is set");
    return ESCLUSTER_INVALID;
  }
  escluster_loop *l = calloc(1, sizeof *l);
  if (l == NULL) {
    esc_format(error, error_size, "out of memory");
    return ESCLUSTER_SYSTEM;
  }
  l->cluster = cluster;
  l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (l->epoll_fd < 0 || l->timer_fd < 0 || l->wake_fd < 0 || !watch(l, l->timer_fd) || !watch(l, l->wake_fd)) {
    esc_format(error, error_size, "the system refuses a descriptor");
    close_descriptors(l);
    free(l);
    return ESCLUSTER_SYSTEM;
  }
  pthread_mutex_lock(&cluster->mutex);
  l->next = cluster->loops;
  cluster->loops = l;
  pthread_mutex_unlock(&cluster->mutex);
  *loop = l;
  return ESCLUSTER_OK;
}

int escluster_loop_fd(const escluster_loop *loop) { return loop == NULL ? -1 : loop->epoll_fd; }

/** Calls the functions of the requests that have ended. They may submit further ones. */
static void report(escluster_loop *l) {
  submitted *s = NULL;
  while ((s = l->ended) != NULL) {
    l->ended = s->next;
    s->done(s->context, s->status, &s->answer);
    escluster_answer_clear(&s->answer);
    free(s->path);
    free(s);
  }
}

void escluster_loop_run(escluster_loop *loop) {
  uint64_t count = 0;
  sigpipe_guard guard;
  if (loop == NULL || !esc_is_usable(loop->cluster)) return;
  ssize_t woken = read(loop->wake_fd, &count, sizeof count);
  ssize_t timed = read(loop->timer_fd, &count, sizeof count);
  (void)woken, (void)timed;
  esc_block_sigpipe(&guard);
  esc_advance(loop);
  esc_restore_sigpipe(&guard);
  report(loop);
}

/** The call with texts of its own, because the program's may be gone when it is sent. */
static bool copy_call(submitted *s, const escluster_call *call) {
  s->call = *call;
  if (call->path != NULL && (s->call.path = s->path = strdup(call->path)) == NULL) return false;
  if (call->content_type != NULL) {
    /* Cut only where the length breaks the rule anyway. */
    esc_copy(s->content_type, sizeof s->content_type, esc_slice_of(call->content_type));
    s->call.content_type = s->content_type;
  }
  static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE"};
  s->call.method = NULL;
  for (size_t i = 0; call->method != NULL && i < sizeof methods / sizeof methods[0]; i++) {
    if (strcmp(call->method, methods[i]) == 0) s->call.method = methods[i];
  }
  return true;
}

escluster_status escluster_submit(escluster_loop *loop, const escluster_call *call, escluster_done *done,
                                  void *context) {
  if (loop == NULL || call == NULL || done == NULL || !esc_is_usable(loop->cluster)) return ESCLUSTER_INVALID;
  if (loop->closing) return ESCLUSTER_CANCELLED;
  submitted *s = calloc(1, sizeof *s);
  if (s == NULL || !copy_call(s, call)) {
    free(s);
    return ESCLUSTER_SYSTEM;
  }
  s->done = done;
  s->context = context;
  s->valid = esc_begin_request(&s->request, loop->cluster, &s->call, &s->answer);
  /* At the end: first come, first served. */
  submitted **at = &loop->requests;
  while (*at != NULL) at = &(*at)->next;
  *at = s;
  esc_wake(loop->wake_fd);
  return ESCLUSTER_OK;
}

void escluster_loop_close(escluster_loop *loop) {
  sigpipe_guard guard;
  if (loop == NULL) return;
  if (esc_is_usable(loop->cluster)) {
    loop->closing = true;
    esc_block_sigpipe(&guard);
    esc_cancel_all(loop);
    esc_close_idle_multis(&loop->multis, UINT64_MAX);
    esc_restore_sigpipe(&guard);
    report(loop);
    pthread_mutex_lock(&loop->cluster->mutex);
    escluster_loop **at = &loop->cluster->loops;
    while (*at != loop) at = &(*at)->next;
    *at = loop->next;
    pthread_mutex_unlock(&loop->cluster->mutex);
  }
  close_descriptors(loop);
  free(loop);
}
