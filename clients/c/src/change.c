#define _GNU_SOURCE

#include "change.h"

#include <unistd.h>

void esc_report_change(escluster *c) {
  esc_wake(c->change_fd);
  if (c->on_change == NULL) return;
  /* In the order of the changes, although several threads make them. */
  pthread_mutex_lock(&c->reporting);
  pthread_mutex_lock(&c->mutex);
  const escluster_endpoint endpoint = c->endpoint;
  uint64_t generation = atomic_load(&c->generation);
  pthread_mutex_unlock(&c->mutex);
  if (generation != c->reported_generation) {
    c->reported_generation = generation;
    c->on_change(c->change_context, &endpoint);
  }
  pthread_mutex_unlock(&c->reporting);
}

int escluster_change_fd(escluster *cluster) { return esc_is_usable(cluster) ? cluster->change_fd : -1; }

bool escluster_take_change(escluster *cluster, escluster_endpoint *endpoint) {
  uint64_t count = 0;
  if (!esc_is_usable(cluster) || endpoint == NULL) return false;
  /* First: a change after this makes the descriptor readable again. */
  ssize_t length = read(cluster->change_fd, &count, sizeof count);
  (void)length;
  pthread_mutex_lock(&cluster->mutex);
  *endpoint = cluster->endpoint;
  uint64_t generation = atomic_load(&cluster->generation);
  bool changed = generation != cluster->taken_generation;
  cluster->taken_generation = generation;
  pthread_mutex_unlock(&cluster->mutex);
  return changed;
}
