/** escluster_open and escluster_close: locks, descriptors and threads. */
#define _GNU_SOURCE

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "acknowledge.h"
#include "cluster.h"
#include "file-watcher.h"
#include "options.h"
#include "sighup.h"
#include "transport.h"
#include "util.h"

/** Starts the threads with all signals blocked: signals are for the application's own threads. */
static bool start_threads(escluster *c, char *error, size_t size) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(&c->watcher, NULL, esc_watch_file, c);
  c->watcher_running = failed == 0;
  for (size_t i = 0; i < c->service_count && failed == 0; i++) {
    failed = pthread_create(&c->services[i].thread, NULL, esc_follow_service, &c->services[i]);
    c->services[i].running = failed == 0;
  }
  if (failed == 0 && esc_acknowledges(c)) {
    failed = pthread_create(&c->acknowledger, NULL, esc_acknowledge_epochs, c);
    c->acknowledger_running = failed == 0;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed != 0) esc_format(error, size, "cannot start a thread: %s", strerror(failed));
  return failed == 0;
}

static bool create_locks(escluster *c) {
  pthread_condattr_t attributes;
  if (pthread_mutex_init(&c->mutex, NULL) != 0) return false;
  if (pthread_mutex_init(&c->reporting, NULL) != 0 || !esc_open_logger(&c->log)) return false;
  /* Waits use the monotonic clock, because the wall clock may be set. */
  bool good = pthread_condattr_init(&attributes) == 0 && pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&c->changed, &attributes) == 0;
  pthread_condattr_destroy(&attributes);
  return good;
}

static void close_descriptors(const escluster *c) {
  const int fds[] = {c->wake_fd, c->change_fd, c->inotify_fd};
  for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++) {
    if (fds[i] >= 0) close(fds[i]);
  }
}

/** A cluster with locks and descriptors, but no options. NULL with the reason in `error`. */
static escluster *create(bool with_file, char *error, size_t size) {
  escluster *c = calloc(1, sizeof *c);
  if (c == NULL) {
    esc_format(error, size, "out of memory");
    return NULL;
  }
  c->pid = getpid();
  c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  c->change_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  c->inotify_fd = with_file ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
  if (c->wake_fd < 0 || c->change_fd < 0 || !create_locks(c) || !esc_open_transport()) {
    esc_format(error, size, "the system refuses a lock, a descriptor or TLS: %s", strerror(errno));
    close_descriptors(c);
    free(c);
    return NULL;
  }
  return c;
}

static escluster_status start(escluster *c, const escluster_options *options, char *error, size_t size) {
  if (!esc_apply_options(c, options, error, size)) return ESCLUSTER_INVALID;
  if (options->handle_sighup && !esc_install_sighup(c, error, size)) return ESCLUSTER_INVALID;
  esc_read_endpoint_file(c, true);
  return start_threads(c, error, size) ? ESCLUSTER_OK : ESCLUSTER_SYSTEM;
}

escluster_status escluster_open(const escluster_options *options, escluster **cluster, char *error, size_t error_size) {
  if (cluster != NULL) *cluster = NULL;
  if (cluster == NULL || options == NULL) {
    esc_format(error, error_size, "an argument is NULL");
    return ESCLUSTER_INVALID;
  }
  const char *broken = esc_broken_option(options);
  if (broken != NULL) {
    esc_format(error, error_size, "%s", broken);
    return ESCLUSTER_INVALID;
  }
  escluster *c = create(options->endpoint_path != NULL, error, error_size);
  if (c == NULL) return ESCLUSTER_SYSTEM;
  escluster_status status = start(c, options, error, error_size);
  if (status == ESCLUSTER_OK) {
    *cluster = c;
  } else {
    escluster_close(c);
  }
  return status;
}

static void free_options(escluster *c) {
  char *const texts[] = {c->endpoint_path,           c->directory,       c->ca_path,    c->credentials_path,
                         c->client_certificate_path, c->client_key_path, c->path_prefix};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) free(texts[i]);
  for (char **line = c->headers; *line != NULL; line++) free(*line);
  for (size_t i = 0; i < c->service_count; i++) free(c->services[i].url);
  explicit_bzero(c, sizeof *c);
  free(c);
}

static void join_threads(escluster *c) {
  if (c->watcher_running) pthread_join(c->watcher, NULL);
  if (c->acknowledger_running) pthread_join(c->acknowledger, NULL);
  for (size_t i = 0; i < c->service_count; i++) {
    if (c->services[i].running) pthread_join(c->services[i].thread, NULL);
  }
}

void escluster_close(escluster *cluster) {
  escluster *c = cluster;
  if (c == NULL) return;
  if (!esc_is_usable(c)) {
    /* In a child: the locks may be held by threads that it does not have, and to end a TLS session would end it for the
       parent. */
    close_descriptors(c);
    free_options(c);
    return;
  }
  esc_restore_sighup(c);
  escluster_cancel(c);
  atomic_store(&c->stopping, true);
  esc_wake(c->wake_fd);
  join_threads(c);
  esc_close_connections(c->idle);
  close_descriptors(c);
  pthread_cond_destroy(&c->changed);
  pthread_mutex_destroy(&c->mutex);
  pthread_mutex_destroy(&c->reporting);
  esc_close_logger(&c->log);
  free_options(c);
  esc_close_transport();
}
