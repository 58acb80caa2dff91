#define _GNU_SOURCE

#include "multi.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include "../util.h"

/** A socket of libcurl in the epoll descriptor. */
typedef struct watched {
  multi *multi;
  curl_socket_t fd;
} watched;

static int on_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *assigned) {
  multi *m = context;
  watched *w = assigned;
  (void)curl;
  if (what == CURL_POLL_REMOVE) {
    /* Fails when libcurl has closed the socket, which removed it. */
    (void)epoll_ctl(m->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    (void)curl_multi_assign(m->curl, fd, NULL);
    free(w);
    return 0;
  }
  struct epoll_event event = {.events = 0};
  if ((what & CURL_POLL_IN) != 0) event.events |= EPOLLIN;
  if ((what & CURL_POLL_OUT) != 0) event.events |= EPOLLOUT;
  int operation = EPOLL_CTL_MOD;
  if (w == NULL) {
    operation = EPOLL_CTL_ADD;
    w = malloc(sizeof *w);
    if (w == NULL) return -1;
    *w = (watched){m, fd};
    (void)curl_multi_assign(m->curl, fd, w);
  }
  event.data.ptr = w;
  return epoll_ctl(m->epoll_fd, operation, fd, &event) == 0 ? 0 : -1;
}

static int on_timer(CURLM *curl, long timeout_ms, void *context) {
  multi *m = context;
  (void)curl;
  m->due_ms = timeout_ms < 0 ? -1 : esc_now_ms() + timeout_ms;
  return 0;
}

multi *esc_multi_of(multi **list, uint64_t generation, int epoll_fd, unsigned connections_max) {
  for (multi *m = *list; m != NULL; m = m->next) {
    if (m->generation == generation) return m;
  }
  multi *m = malloc(sizeof *m);
  if (m == NULL) return NULL;
  *m = (multi){.curl = curl_multi_init(), .epoll_fd = epoll_fd, .generation = generation, .due_ms = -1, .next = *list};
  if (m->curl == NULL) {
    free(m);
    return NULL;
  }
  curl_multi_setopt(m->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl_multi_setopt(m->curl, CURLMOPT_SOCKETDATA, m);
  curl_multi_setopt(m->curl, CURLMOPT_TIMERFUNCTION, on_timer);
  curl_multi_setopt(m->curl, CURLMOPT_TIMERDATA, m);
  curl_multi_setopt(m->curl, CURLMOPT_MAXCONNECTS, (long)connections_max);
  *list = m;
  return m;
}

void esc_handle_sockets(int epoll_fd) {
  enum { ROUNDS_MAX = 256 };
  struct epoll_event event;
  int running = 0;
  /* One event at a time: to handle one may free what another refers to. The kernel reports ready ones in turn. */
  for (int i = 0; i < ROUNDS_MAX && epoll_wait(epoll_fd, &event, 1, 0) == 1; i++) {
    const watched *w = event.data.ptr;
    int mask = 0;
    if (w == NULL) continue; /* the loop's own descriptors */
    if ((event.events & EPOLLIN) != 0) mask |= CURL_CSELECT_IN;
    if ((event.events & EPOLLOUT) != 0) mask |= CURL_CSELECT_OUT;
    if ((event.events & (EPOLLERR | EPOLLHUP)) != 0) mask |= CURL_CSELECT_ERR;
    (void)curl_multi_socket_action(w->multi->curl, w->fd, mask, &running);
  }
}

void esc_handle_timers(multi *list) {
  int running = 0;
  int64_t now_ms = esc_now_ms();
  for (multi *m = list; m != NULL; m = m->next) {
    if (m->due_ms < 0 || m->due_ms > now_ms) continue;
    m->due_ms = -1;
    (void)curl_multi_socket_action(m->curl, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

void esc_close_idle_multis(multi **list, uint64_t generation) {
  while (*list != NULL) {
    multi *m = *list;
    if (m->busy > 0 || m->generation == generation) {
      list = &m->next;
      continue;
    }
    *list = m->next;
    curl_multi_cleanup(m->curl);
    free(m);
  }
}

int64_t esc_first_timer_ms(const multi *list, int64_t otherwise) {
  for (; list != NULL; list = list->next) {
    if (list->due_ms >= 0 && list->due_ms < otherwise) otherwise = list->due_ms;
  }
  return otherwise;
}
