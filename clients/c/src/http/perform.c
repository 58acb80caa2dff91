/** escluster_perform: requests that block. */
#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "attempt.h"
#include "http.h"
#include "pool.h"
#include "request.h"

/** Waits before the next attempt. A new endpoint or a cancellation ends the wait. */
static void back_off(const request *r, int64_t wait_ms, uint64_t generation) {
  escluster *c = r->cluster;
  struct timespec until = esc_timespec_of(esc_now_ms() + wait_ms);
  int waited = 0;
  pthread_mutex_lock(&c->mutex);
  while (waited == 0 && !atomic_load(&r->cancelled) && atomic_load(&c->generation) == generation) {
    waited = pthread_cond_timedwait(&c->changed, &c->mutex, &until);
  }
  pthread_mutex_unlock(&c->mutex);
}

static escluster_status attempt_repeatedly(request *r) {
  escluster *c = r->cluster;
  for (;;) {
    char reason[ESCLUSTER_ERROR_MAX];
    attempt a;
    escluster_status status = ESCLUSTER_OK;
    int64_t wait_ms = 0;
    connection *k = esc_acquire_connection(c, &r->cancelled, r->last_start_ms, reason, sizeof reason);
    if (k == NULL) {
      /* The outcome of the last attempt is more useful than the lack of time for another one. */
      if (r->answer->attempts == 0) memcpy(r->answer->error, reason, sizeof reason);
      return esc_unfinished_status(r);
    }
    uint64_t generation = k->generation;
    CURLcode code = esc_start_attempt(&a, r, k) ? esc_perform_handle(k->curl) : CURLE_OUT_OF_MEMORY;
    attempt_result result = esc_finish_attempt(&a, code);
    esc_release_connection(c, k);
    if (esc_judge_attempt(r, &result, &status, &wait_ms)) return status;
    back_off(r, wait_ms, generation);
    if (esc_now_ms() >= r->last_start_ms) return esc_unfinished_status(r);
  }
}

escluster_status escluster_perform(escluster *cluster, const escluster_call *call, escluster_answer *answer) {
  request r;
  if (answer != NULL) memset(answer, 0, sizeof *answer);
  if (!esc_is_usable(cluster) || call == NULL || answer == NULL) {
    if (answer != NULL)
      esc_format(answer->error, sizeof answer->error, "an argument is NULL, or this is a child process");
    return ESCLUSTER_INVALID;
  }
  bool good = esc_begin_request(&r, cluster, call, answer);
  return esc_end_request(&r, good ? attempt_repeatedly(&r) : ESCLUSTER_INVALID);
}

void escluster_answer_clear(escluster_answer *answer) {
  if (answer == NULL) return;
  free(answer->body);
  memset(answer, 0, sizeof *answer);
}
