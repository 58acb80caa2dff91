#define _GNU_SOURCE

#include "cluster.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void esc_log(const escluster *c, escluster_level level, const char *format, ...) {
  if (c->log == NULL) return;
  char text[ESCLUSTER_ERROR_MAX * 2];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  c->log(c->log_context, level, text);
}

void esc_wake(int fd) {
  const uint64_t one = 1;
  int kept = errno;
  /* Fails only when the counter is full: a wakeup is pending then anyway. */
  ssize_t written = write(fd, &one, sizeof one);
  (void)written;
  errno = kept;
}

const char *escluster_status_name(escluster_status status) {
  switch (status) {
    case ESCLUSTER_OK: return "ok";
    case ESCLUSTER_INVALID: return "invalid";
    case ESCLUSTER_SYSTEM: return "system";
    case ESCLUSTER_HTTP: return "http";
    case ESCLUSTER_UNAVAILABLE: return "unavailable";
    case ESCLUSTER_UNCERTAIN: return "uncertain";
    case ESCLUSTER_UNTRUSTED: return "untrusted";
    case ESCLUSTER_TOO_LARGE: return "too large";
    case ESCLUSTER_CANCELLED: return "cancelled";
  }
  return "unknown";
}

void escluster_reload(escluster *cluster) { esc_wake(cluster->wake_fd); }

void escluster_cancel(escluster *cluster) {
  pthread_mutex_lock(&cluster->mutex);
  atomic_store(&cluster->cancelled, true);
  pthread_cond_broadcast(&cluster->changed);
  pthread_mutex_unlock(&cluster->mutex);
}

bool escluster_current(escluster *cluster, escluster_endpoint *endpoint) {
  pthread_mutex_lock(&cluster->mutex);
  *endpoint = cluster->endpoint;
  pthread_mutex_unlock(&cluster->mutex);
  return endpoint->epoch != 0;
}
