#define _GNU_SOURCE

#include "cluster.h"

#include <errno.h>
#include <unistd.h>

#include "transport.h"

bool esc_is_usable(const escluster *c) { return c != NULL && c->pid == getpid(); }

void esc_announce(escluster *c) {
  pthread_cond_broadcast(&c->changed);
  esc_wake_loops(c);
}

void esc_wake(int fd) {
  const uint64_t one = 1;
  int kept = errno;
  /* Fails only when the counter is full: a wakeup is pending then anyway. */
  ssize_t written = write(fd, &one, sizeof one);
  (void)written;
  errno = kept;
}

unsigned escluster_version(void) { return ESCLUSTER_VERSION; }

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
    case ESCLUSTER_INTERRUPTED: return "interrupted";
  }
  return "unknown";
}

void escluster_reload(escluster *cluster) {
  if (esc_is_usable(cluster)) esc_wake(cluster->wake_fd);
}

void escluster_cancel(escluster *cluster) {
  if (!esc_is_usable(cluster)) return;
  pthread_mutex_lock(&cluster->mutex);
  atomic_store(&cluster->cancelled, true);
  (void)esc_cancel_requests(cluster, NULL);
  pthread_mutex_unlock(&cluster->mutex);
}

bool escluster_current(escluster *cluster, escluster_endpoint *endpoint) {
  if (!esc_is_usable(cluster) || endpoint == NULL) return false;
  pthread_mutex_lock(&cluster->mutex);
  *endpoint = cluster->endpoint;
  pthread_mutex_unlock(&cluster->mutex);
  return endpoint->epoch != 0;
}
