#define _GNU_SOURCE

#include "request.h"

#include <string.h>

#include "../counters.h"
#include "../transport.h"
#include "../util.h"

bool esc_begin_request(request *r, escluster *c, const escluster_call *call, escluster_answer *answer) {
  memset(answer, 0, sizeof *answer);
  *r = (request){.cluster = c, .call = call, .answer = answer, .began_ms = esc_now_ms()};
  const char *broken = c->endpoint_only ? "the cluster was opened with endpoint_only" : esc_broken_call(call);
  if (broken != NULL) {
    esc_format(answer->error, sizeof answer->error, "%s", broken);
  } else {
    unsigned budget_ms = esc_or_default(call->budget_ms, c->budget_ms);
    r->reads = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
    r->repeat = call->repeat;
    if (r->repeat == ESCLUSTER_BY_METHOD) r->repeat = r->reads ? ESCLUSTER_REPEATABLE : ESCLUSTER_ONCE;
    r->attempts_max = esc_or_default(call->attempts_max, c->attempts_max);
    r->deadline_ms = r->began_ms + budget_ms;
    r->last_start_ms = r->deadline_ms - (c->connect_timeout_ms < budget_ms / 4 ? c->connect_timeout_ms : budget_ms / 4);
  }
  pthread_mutex_lock(&c->mutex);
  atomic_store(&r->cancelled, atomic_load(&c->cancelled));
  r->next = c->requests;
  c->requests = r;
  pthread_mutex_unlock(&c->mutex);
  return broken == NULL;
}

int64_t esc_attempt_timeout_ms(const request *r) {
  int64_t left_ms = r->deadline_ms - esc_now_ms();
  int64_t most_ms = (int64_t)r->cluster->attempt_timeout_ms;
  if (left_ms < 1) return 1;
  return left_ms < most_ms ? left_ms : most_ms;
}

escluster_status esc_unfinished_status(const request *r) {
  if (atomic_load(&r->cancelled)) return ESCLUSTER_CANCELLED;
  return r->answer->uncertain ? ESCLUSTER_UNCERTAIN : ESCLUSTER_UNAVAILABLE;
}

/** True when the request ends with this verdict, and sets its status. */
static bool is_final(verdict v, escluster_status *status) {
  switch (v) {
    case DONE: *status = ESCLUSTER_OK; return true;
    case REFUSED: *status = ESCLUSTER_HTTP; return true;
    case STOP_EARLIER:
    case STOP_UNCERTAIN: *status = ESCLUSTER_UNCERTAIN; return true;
    case STOP_UNTRUSTED: *status = ESCLUSTER_UNTRUSTED; return true;
    case STOP_INVALID: *status = ESCLUSTER_INVALID; return true;
    case AGAIN: break;
  }
  return false;
}

/** A random wait that a server's Retry-After extends. */
static int64_t backoff_ms(const request *r, int64_t retry_after_s) {
  const escluster *c = r->cluster;
  int64_t cap_ms = (int64_t)c->backoff_cap_ms;
  int64_t wait_ms =
      esc_random_up_to(esc_backoff_ceiling_ms(r->answer->attempts, c->backoff_base_ms, c->backoff_cap_ms));
  if (retry_after_s <= 0) return wait_ms;
  int64_t asked_ms = (retry_after_s > 3600 ? 3600000 : retry_after_s * 1000) + esc_random_up_to(c->backoff_base_ms);
  if (asked_ms > cap_ms) asked_ms = cap_ms;
  return asked_ms > wait_ms ? asked_ms : wait_ms;
}

bool esc_judge_attempt(const request *r, const attempt_result *result, escluster_status *status, int64_t *wait_ms) {
  escluster_answer *answer = r->answer;
  answer->uncertain = answer->uncertain || (!r->reads && esc_is_uncertain(&result->outcome));
  *status = result->failure;
  if (*status != ESCLUSTER_OK) return true;
  verdict v = esc_judge_outcome(r->repeat, &result->outcome, answer->uncertain);
  answer->earlier_attempt = v == STOP_EARLIER || (v == DONE && result->outcome.http_status == 409);
  if (is_final(v, status)) return true;
  *status = esc_unfinished_status(r);
  if (*status == ESCLUSTER_CANCELLED || answer->attempts >= r->attempts_max) return true;
  int64_t left_ms = r->last_start_ms - esc_now_ms();
  *wait_ms = backoff_ms(r, result->retry_after_s);
  if (*wait_ms > left_ms) *wait_ms = left_ms;
  return left_ms <= 0;
}

/** Appends the consequence of the status to the error. */
static void conclude(escluster_status status, escluster_answer *answer) {
  const char *hint = NULL;
  char text[160];
  switch (status) {
    case ESCLUSTER_UNAVAILABLE: hint = "nothing was carried out"; break;
    case ESCLUSTER_UNCERTAIN:
      hint = answer->earlier_attempt ? "an earlier attempt of this same request may be the cause"
                                     : "it may have been carried out, check before you repeat it";
      break;
    case ESCLUSTER_UNTRUSTED: hint = "check CaPath and the server's certificate"; break;
    case ESCLUSTER_TOO_LARGE: hint = "the answer is larger than answer_bytes_max"; break;
    case ESCLUSTER_INTERRUPTED: hint = "a part of the answer had been delivered"; break;
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

escluster_status esc_end_request(request *r, escluster_status status) {
  escluster *c = r->cluster;
  pthread_mutex_lock(&c->mutex);
  request **at = &c->requests;
  while (*at != r) at = &(*at)->next;
  *at = r->next;
  pthread_mutex_unlock(&c->mutex);
  r->answer->elapsed_ms = (unsigned)(esc_now_ms() - r->began_ms);
  if (r->answer->attempts == 0 && status == ESCLUSTER_CANCELLED) {
    esc_format(r->answer->error, sizeof r->answer->error, "cancelled");
  }
  conclude(status, r->answer);
  esc_count_request(c, status, r->answer->attempts);
  return status;
}

unsigned esc_cancel_requests(escluster *c, const void *tag) {
  unsigned count = 0;
  for (request *r = c->requests; r != NULL; r = r->next) {
    if (tag != NULL && r->call->tag != tag) continue;
    atomic_store(&r->cancelled, true);
    count++;
  }
  esc_announce(c);
  return count;
}

unsigned escluster_cancel_call(escluster *cluster, const void *tag) {
  if (!esc_is_usable(cluster) || tag == NULL) return 0;
  pthread_mutex_lock(&cluster->mutex);
  unsigned count = esc_cancel_requests(cluster, tag);
  pthread_mutex_unlock(&cluster->mutex);
  return count;
}
