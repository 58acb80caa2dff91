/** A request with all its attempts. How the time between them passes is up to perform.c and loop.c. */
#ifndef ESC_REQUEST_H
#define ESC_REQUEST_H

#include "../cluster.h"
#include "../retry.h"

typedef struct request {
  escluster *cluster;
  const escluster_call *call;
  escluster_answer *answer;
  escluster_repeat repeat; /* never ESCLUSTER_BY_METHOD */
  bool reads;
  unsigned attempts_max;
  int64_t began_ms, deadline_ms;
  /** An attempt with less time would be cut off, and leave an uncertain outcome where there was none. */
  int64_t last_start_ms;
  atomic_bool cancelled;
  struct request *next; /* of the cluster's list */
} request;

typedef struct attempt_result {
  outcome outcome;
  /** ESCLUSTER_OK, or why the request ends regardless of the outcome. */
  escluster_status failure;
  /** Seconds; 0: the answer has no Retry-After. */
  int64_t retry_after_s;
} attempt_result;

/** The rule that a call breaks; NULL: none. */
const char *esc_broken_call(const escluster_call *call);

/** Begins a request. False, with the reason in the answer, when the call is invalid; both are to be ended. */
bool esc_begin_request(request *r, escluster *c, const escluster_call *call, escluster_answer *answer);

/** Time for the next attempt. */
int64_t esc_attempt_timeout_ms(const request *r);

/** Decides after an attempt. True: the request has ended with *status. False: the next attempt follows in *wait_ms. */
bool esc_judge_attempt(const request *r, const attempt_result *result, escluster_status *status, int64_t *wait_ms);

/** The status of a request whose time or attempts are used up, or that was cancelled. */
escluster_status esc_unfinished_status(const request *r);

/** Completes the answer, and counts the request. Returns the status. */
escluster_status esc_end_request(request *r, escluster_status status);

#endif
