/** How an attempt ends: what the client can know of its outcome. */
#define _GNU_SOURCE

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../bulk.h"
#include "../credentials.h"
#include "../endpoint.h"
#include "../util.h"
#include "attempt.h"

static bool is_about_trust(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR ||
         code == CURLE_SSL_INVALIDCERTSTATUS;
}

/** libcurl also uses the second of these for an answer that is not HTTP. */
static bool is_about_request(CURLcode code) {
  return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_BAD_FUNCTION_ARGUMENT ||
         code == CURLE_NOT_BUILT_IN || code == CURLE_SSL_CERTPROBLEM;
}

/** A CA that cannot be read for lack of descriptors looks to libcurl like a bad one. */
static bool lacks_descriptors(void) {
  enum { NEEDED = 4 };
  int fds[NEEDED];
  int count = 0;
  while (count < NEEDED && (fds[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) count++;
  bool lacks = count < NEEDED;
  while (count > 0) close(fds[--count]);
  return lacks;
}

/** Records that a server accepted the credentials, unless they were replaced in the meantime. */
static void record_acceptance(const attempt *a) {
  escluster *c = a->request->cluster;
  pthread_mutex_lock(&c->mutex);
  if (c->credentials_version == a->credentials_version) c->credentials_accepted = true;
  pthread_mutex_unlock(&c->mutex);
}

/** Reads the credentials file after a 401. True when there are others than those that were sent. */
static bool has_new_credentials(const attempt *a) {
  escluster *c = a->request->cluster;
  (void)esc_refresh_credentials(c);
  pthread_mutex_lock(&c->mutex);
  bool renewed = c->credentials_version != a->credentials_version;
  pthread_mutex_unlock(&c->mutex);
  return renewed;
}

static outcome outcome_of(const attempt *a, CURLcode code) {
  CURL *curl = a->connection->curl;
  const escluster_call *call = a->request->call;
  bool answered = code == CURLE_OK;
  curl_off_t began_us = 0;
  outcome o = {
      .answered = answered,
      .deletes = strcmp(call->method, "DELETE") == 0,
      .from_elasticsearch = a->from_elasticsearch,
      .has_retry_after = a->has_retry_after,
      .accepted_before = a->accepted_before,
      .sent_twice = a->rewound,
  };
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &o.http_status);
  curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &began_us);
  /* A body counts as sent from the first byte that libcurl took; without a body, a connection that was ready counts. */
  o.sent = call->body_length > 0 ? a->any_taken : began_us > 0;
  o.untrusted = is_about_trust(code) && !lacks_descriptors();
  o.unsendable = is_about_request(code) && began_us == 0 && !lacks_descriptors();
  o.write_blocked = o.http_status == 403 && a->body != NULL && strstr(a->body, "cluster_block_exception") != NULL;
  if (answered && o.http_status >= 200 && o.http_status < 300) record_acceptance(a);
  o.credentials_renewed = answered && o.http_status == 401 && has_new_credentials(a);
  return o;
}

/** Describes the outcome in a sentence. */
static void describe(const outcome *o, const attempt *a, CURLcode code, char *text, size_t size) {
  const escluster_endpoint *to = &a->connection->endpoint;
  const escluster_call *call = a->request->call;
  int length = snprintf(text, size, "%s %.160s at %s (%.100s, epoch %" PRIu64 "): ", call->method, call->path,
                        to->region, esc_authority_of(to).text, to->epoch);
  if (length < 0 || (size_t)length >= size) return;
  text += length;
  size -= (size_t)length;
  if (o->answered) {
    slice start = {a->body == NULL ? "" : a->body, a->length < 160 ? a->length : 160};
    esc_format(text, size, "status %ld %.*s", o->http_status, (int)start.length, start.at);
    esc_make_printable(text);
  } else {
    esc_format(text, size, "%s", a->curl_error[0] != '\0' ? a->curl_error : curl_easy_strerror(code));
  }
}

static escluster_status failure_of(const attempt *a, CURLcode code) {
  if (a->no_memory || code == CURLE_OUT_OF_MEMORY) return ESCLUSTER_SYSTEM;
  if (a->too_large) return ESCLUSTER_TOO_LARGE;
  if (a->stopped) return ESCLUSTER_CANCELLED;
  if (!a->delivered || code == CURLE_OK) return ESCLUSTER_OK;
  return atomic_load(&a->request->cancelled) ? ESCLUSTER_CANCELLED : ESCLUSTER_INTERRUPTED;
}

static void keep_answer(attempt *a, const outcome *o) {
  escluster_answer *answer = a->request->answer;
  free(answer->body);
  answer->body = a->body;
  answer->body_length = a->length;
  answer->http_status = o->http_status;
  answer->items_failed = 0;
  answer->items_retryable = 0;
  if (o->http_status >= 200 && o->http_status < 300 && a->body != NULL && esc_is_bulk_path(a->request->call->path)) {
    (void)esc_count_items(a->body, a->length, &answer->items_failed, &answer->items_retryable);
  }
}

attempt_result esc_finish_attempt(attempt *a, CURLcode code) {
  escluster *c = a->request->cluster;
  CURL *curl = a->connection->curl;
  escluster_answer *answer = a->request->answer;
  attempt_result result = {.outcome = outcome_of(a, code), .failure = failure_of(a, code)};
  curl_off_t retry_after_s = 0;
  if (result.outcome.answered) curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &retry_after_s);
  result.retry_after_s = retry_after_s;
  describe(&result.outcome, a, code, answer->error, sizeof answer->error);
  answer->epoch = a->connection->endpoint.epoch;
  memcpy(answer->region, a->connection->endpoint.region, sizeof answer->region);
  if (result.outcome.answered) {
    keep_answer(a, &result.outcome);
  } else {
    free(a->body);
  }
  if (a->drained && code == CURLE_ABORTED_BY_CALLBACK) {
    pthread_mutex_lock(&c->mutex);
    c->counts.drained++;
    pthread_mutex_unlock(&c->mutex);
  }
  /* The handle outlives these. */
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
  curl_slist_free_all(a->headers);
  return result;
}
