/** Requests: attempts until one is final, within the budget. */
#define _GNU_SOURCE

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "attempt.h"
#include "cluster.h"
#include "counters.h"
#include "pool.h"
#include "retry.h"
#include "util.h"

/** Waits before the next attempt. A new endpoint or escluster_cancel ends the wait. */
static void back_off(escluster *c, unsigned attempts, curl_off_t retry_after_s, uint64_t generation,
                     int64_t deadline_ms) {
  unsigned wait_ms = esc_random_up_to(esc_backoff_ceiling_ms(attempts, c->backoff_base_ms, c->backoff_cap_ms));
  if (retry_after_s > 0) {
    int64_t asked_ms = retry_after_s > 3600 ? 3600000 : (int64_t)retry_after_s * 1000;
    int64_t spread_ms = asked_ms + esc_random_up_to(c->backoff_base_ms);
    int64_t capped_ms = spread_ms < (int64_t)c->backoff_cap_ms ? spread_ms : (int64_t)c->backoff_cap_ms;
    if (capped_ms > (int64_t)wait_ms) wait_ms = (unsigned)capped_ms;
  }
  int64_t until_ms = esc_now_ms() + wait_ms;
  if (until_ms > deadline_ms) until_ms = deadline_ms;
  struct timespec until = esc_timespec_of(until_ms);
  int waited = 0;
  pthread_mutex_lock(&c->mutex);
  while (waited == 0 && !atomic_load(&c->cancelled) && atomic_load(&c->generation) == generation) {
    waited = pthread_cond_timedwait(&c->changed, &c->mutex, &until);
  }
  pthread_mutex_unlock(&c->mutex);
}

/** The rule that a call breaks; NULL: none. */
static const char *broken_rule(const escluster_call *call) {
  static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE"};
  bool known = false;
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    known = known || (call->method != NULL && strcmp(call->method, methods[i]) == 0);
  }
  if (!known) return "the method is none of GET, HEAD, PUT, POST, DELETE";
  if (call->path == NULL || call->path[0] != '/') return "the path does not begin with /";
  if (strlen(call->path) >= URL_BYTES_MAX) return "the path is longer than 2047 bytes";
  for (const char *p = call->path; *p != '\0'; p++) {
    if (!isgraph((unsigned char)*p) || *p == '#') return "the path contains characters that must be percent-encoded";
  }
  if (call->content_type != NULL) {
    if (strlen(call->content_type) > 100) return "the content type is longer than 100 bytes";
    for (const char *p = call->content_type; *p != '\0'; p++) {
      if (iscntrl((unsigned char)*p)) return "the content type contains a control character";
    }
  }
  if (call->body == NULL && call->body_length > 0) return "body_length is set, but body is NULL";
  if (call->repeat == ESCLUSTER_CREATE && call->body_length == 0) return "ESCLUSTER_CREATE needs a body";
  if (call->body_length > 0 && strcmp(call->method, "HEAD") == 0) return "HEAD takes no body";
  if ((unsigned)call->repeat > ESCLUSTER_CREATE) return "repeat is none of escluster_repeat";
  return NULL;
}

/** True when the request ends with this verdict, and sets its status. */
static bool is_final(verdict v, escluster_status *status) {
  switch (v) {
    case DONE: *status = ESCLUSTER_OK; return true;
    case REFUSED: *status = ESCLUSTER_HTTP; return true;
    case STOP_UNCERTAIN: *status = ESCLUSTER_UNCERTAIN; return true;
    case STOP_UNTRUSTED: *status = ESCLUSTER_UNTRUSTED; return true;
    case STOP_INVALID: *status = ESCLUSTER_INVALID; return true;
    case AGAIN: break;
  }
  return false;
}

static escluster_status out_of_budget(const escluster_answer *answer) {
  return answer->uncertain ? ESCLUSTER_UNCERTAIN : ESCLUSTER_UNAVAILABLE;
}

/** All attempts of a request that began at `began_ms`. */
static escluster_status attempt_repeatedly(escluster *c, const escluster_call *call, int64_t began_ms,
                                           escluster_answer *answer) {
  bool reads = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
  unsigned attempts_max = esc_or_default(call->attempts_max, c->attempts_max);
  unsigned budget_ms = esc_or_default(call->budget_ms, c->budget_ms);
  int64_t deadline_ms = began_ms + budget_ms;
  /* An attempt with less time would be cut off, and leave an uncertain outcome where there was none. */
  unsigned least_ms = c->connect_timeout_ms < budget_ms / 4 ? c->connect_timeout_ms : budget_ms / 4;
  int64_t last_start_ms = deadline_ms - least_ms;
  for (;;) {
    char reason[ESCLUSTER_ERROR_MAX];
    connection *k = esc_acquire_connection(c, last_start_ms, reason, sizeof reason);
    if (k == NULL) {
      /* The outcome of the last attempt is more useful than the lack of time for another one. */
      if (answer->attempts == 0) memcpy(answer->error, reason, sizeof reason);
      return atomic_load(&c->cancelled) ? ESCLUSTER_CANCELLED : out_of_budget(answer);
    }
    answer->attempts++;
    int64_t left_ms = deadline_ms - esc_now_ms();
    int64_t timeout_ms = left_ms < (int64_t)c->attempt_timeout_ms ? left_ms : (int64_t)c->attempt_timeout_ms;
    uint64_t generation = k->generation;
    attempt_result result = esc_attempt(c, call, k, timeout_ms < 1 ? 1 : timeout_ms, answer);
    esc_release_connection(c, k);
    answer->uncertain = answer->uncertain || (!reads && esc_is_uncertain(&result.outcome));
    escluster_status status = result.failure;
    if (status != ESCLUSTER_OK) return status;
    if (is_final(esc_judge_outcome(call->repeat, &result.outcome, answer->uncertain), &status)) return status;
    if (atomic_load(&c->cancelled)) return ESCLUSTER_CANCELLED;
    if (answer->attempts < attempts_max) {
      back_off(c, answer->attempts, result.retry_after_s, generation, last_start_ms);
    }
    if (answer->attempts >= attempts_max || esc_now_ms() >= last_start_ms) return out_of_budget(answer);
  }
}

/** Appends the consequence of the status to the error. */
static void conclude(escluster_status status, escluster_answer *answer) {
  const char *hint = NULL;
  char text[128];
  switch (status) {
    case ESCLUSTER_UNAVAILABLE: hint = "nothing was carried out"; break;
    case ESCLUSTER_UNCERTAIN: hint = "it may have been carried out, check before you repeat it"; break;
    case ESCLUSTER_UNTRUSTED: hint = "check CaPath and the server's certificate"; break;
    case ESCLUSTER_TOO_LARGE: hint = "the answer is larger than answer_bytes_max"; break;
    case ESCLUSTER_OK: answer->error[0] = '\0'; return;
    case ESCLUSTER_INVALID:
    case ESCLUSTER_SYSTEM:
    case ESCLUSTER_HTTP:
    case ESCLUSTER_CANCELLED: return;
  }
  esc_format(text, sizeof text, "; %s (%u attempt%s, %u ms)", hint, answer->attempts, answer->attempts == 1 ? "" : "s",
             answer->elapsed_ms);
  size_t room = sizeof answer->error - strlen(text) - 1;
  size_t length = strnlen(answer->error, room);
  memcpy(answer->error + length, text, strlen(text) + 1);
}

escluster_status escluster_perform(escluster *cluster, const escluster_call *call, escluster_answer *answer) {
  memset(answer, 0, sizeof *answer);
  const char *broken = broken_rule(call);
  if (broken != NULL) {
    esc_format(answer->error, sizeof answer->error, "%s", broken);
    esc_count_request(cluster, ESCLUSTER_INVALID, 0);
    return ESCLUSTER_INVALID;
  }
  int64_t began_ms = esc_now_ms();
  escluster_status status = attempt_repeatedly(cluster, call, began_ms, answer);
  answer->elapsed_ms = (unsigned)(esc_now_ms() - began_ms);
  conclude(status, answer);
  esc_count_request(cluster, status, answer->attempts);
  return status;
}

void escluster_answer_clear(escluster_answer *answer) {
  free(answer->body);
  memset(answer, 0, sizeof *answer);
}
