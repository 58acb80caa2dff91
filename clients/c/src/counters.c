#define _GNU_SOURCE

#include "counters.h"

#include <string.h>

/** Size of the first version of escluster_counts: it never changes. */
enum { FIRST_SIZE = offsetof(escluster_counts, log_lines_left_out) + sizeof(uint64_t) };

void esc_count_request(escluster *c, escluster_status status, unsigned attempts) {
  pthread_mutex_lock(&c->mutex);
  c->counts.requests++;
  if (status != ESCLUSTER_OK) c->counts.requests_failed++;
  if (status == ESCLUSTER_UNCERTAIN) c->counts.requests_uncertain++;
  if (attempts > 1) c->counts.retries += attempts - 1;
  pthread_mutex_unlock(&c->mutex);
}

void esc_count_endpoint(escluster *c) {
  if (!c->endpoint.serving) return;
  if (c->served) c->counts.switches++;
  c->served = true;
}

escluster_status escluster_counters(escluster *cluster, escluster_counts *counts) {
  if (!esc_is_usable(cluster) || counts == NULL) return ESCLUSTER_INVALID;
  if (counts->size < FIRST_SIZE) return ESCLUSTER_INVALID;
  pthread_mutex_lock(&cluster->mutex);
  escluster_counts now = cluster->counts;
  now.epoch = cluster->endpoint.epoch;
  pthread_mutex_unlock(&cluster->mutex);
  now.log_lines_left_out = esc_log_lines_left_out(&cluster->log);
  now.size = counts->size < sizeof now ? counts->size : sizeof now;
  memcpy(counts, &now, now.size);
  return ESCLUSTER_OK;
}
