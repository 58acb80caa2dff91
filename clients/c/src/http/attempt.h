/** One attempt of a request over one connection. */
#ifndef ESC_ATTEMPT_H
#define ESC_ATTEMPT_H

#include "pool.h"
#include "request.h"

/** State that libcurl's callbacks of one attempt share. */
typedef struct attempt {
  request *request;
  connection *connection;
  struct curl_slist *headers;
  char curl_error[CURL_ERROR_SIZE];
  /* The credentials sent, and whether a server accepted them before. */
  unsigned credentials_version;
  bool accepted_before;
  /* Body of the request: how much libcurl has taken, and whether it started over. */
  size_t taken;
  bool any_taken;
  bool rewound;
  /* Answer. */
  char *body;
  size_t length;
  size_t capacity;
  bool too_large;
  bool no_memory;
  bool delivered; /* a part of it, to on_body */
  bool stopped;   /* by on_body */
  bool drained;   /* aborted because the region was replaced */
  bool from_elasticsearch;
  bool has_retry_after;
} attempt;

/**
 * Configures the connection's handle to send the request once. It must be performed then, and the attempt finished;
 * *a must stay where it is until then. False when out of memory.
 */
bool esc_start_attempt(attempt *a, request *r, connection *k);

/** True when the attempt must be aborted: cancelled, or drained. */
bool esc_must_abort(attempt *a);

/** Stores the answer, describes the outcome in its error, and frees what belongs to the attempt. */
attempt_result esc_finish_attempt(attempt *a, CURLcode code);

/** Sets libcurl's callbacks (exchange.c). */
void esc_set_callbacks(attempt *a);

#endif
