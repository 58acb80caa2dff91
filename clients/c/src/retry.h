/** Which requests may be repeated after which outcome, and how long to wait first. Pure functions. */
#ifndef ESC_RETRY_H
#define ESC_RETRY_H

#include "public.h"

/** Outcome of one attempt, as far as the client can know it. */
typedef struct outcome {
  /** A complete answer was received. */
  bool answered;
  long http_status;
  /** The answer comes from Elasticsearch itself. */
  bool from_elasticsearch;
  bool has_retry_after;
  /** The answer names a write block. */
  bool write_blocked;
  /** The request is a DELETE. */
  bool deletes;
  /** After a 401: the credentials have been replaced since they were sent. */
  bool credentials_renewed;
  /** A server accepted the same credentials before. */
  bool accepted_before;
  /** Without an answer: part of the request may have reached the server. */
  bool sent;
  /** libcurl sent the body a second time by itself, because a kept connection was dead. */
  bool sent_twice;
  /** The server's certificate was rejected, or the CA could not be read. */
  bool untrusted;
  /** libcurl refuses to send this request at all. */
  bool unsendable;
} outcome;

typedef enum verdict { DONE, REFUSED, AGAIN, STOP_EARLIER, STOP_UNCERTAIN, STOP_UNTRUSTED, STOP_INVALID } verdict;

/** True when the server may have carried out the attempt without the client knowing. */
bool esc_is_uncertain(const outcome *o);

/** What follows an attempt. `uncertain`: the server may have carried out this attempt or an earlier one. */
verdict esc_judge_outcome(escluster_repeat repeat, const outcome *o, bool uncertain);

/** Upper bound of the wait after `attempt` attempts. */
unsigned esc_backoff_ceiling_ms(unsigned attempt, unsigned base_ms, unsigned cap_ms);

#endif
