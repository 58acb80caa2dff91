/** One attempt of a request over one connection. */
#ifndef ESC_ATTEMPT_H
#define ESC_ATTEMPT_H

#include "cluster.h"
#include "retry.h"

typedef struct attempt_result {
  outcome outcome;
  /** ESCLUSTER_OK, or why the request ends regardless of the outcome: ESCLUSTER_TOO_LARGE, ESCLUSTER_SYSTEM. */
  escluster_status failure;
  /** Seconds; 0: the answer has no Retry-After. */
  curl_off_t retry_after_s;
} attempt_result;

/** Sends the request once. Stores an answer in *answer, and describes the outcome in its error. */
attempt_result esc_attempt(escluster *c, const escluster_call *call, connection *k, int64_t timeout_ms,
                           escluster_answer *answer);

#endif
