#define _GNU_SOURCE

#include "retry.h"

bool esc_is_uncertain(const outcome *o) {
  if (o->sent_twice) return true;
  if (!o->answered) return o->sent;
  /* A gateway whose server did not answer; a node that lost the primary shard half-way. */
  return o->http_status == 502 || o->http_status == 504 ||
         (o->http_status == 503 && (o->from_elasticsearch || !o->has_retry_after));
}

verdict esc_judge_outcome(escluster_repeat repeat, const outcome *o, bool uncertain) {
  if (o->unsendable) return STOP_INVALID;
  if (o->untrusted) return STOP_UNTRUSTED;
  if (o->answered) {
    if (o->http_status >= 200 && o->http_status < 300) return DONE;
    if (o->http_status == 409 && repeat == ESCLUSTER_CREATE && uncertain) return DONE;
    /* Perhaps the work of an earlier attempt, perhaps of another program. */
    bool own = o->http_status == 409 || (o->http_status == 404 && o->deletes);
    if (own && repeat == ESCLUSTER_REPEATABLE && uncertain) return STOP_EARLIER;
    bool temporary = o->http_status == 429 || (o->http_status >= 502 && o->http_status <= 504) ||
                     /* The region was fenced: it is not active any more, and the new endpoint is about to arrive. */
                     (o->http_status == 403 && o->write_blocked) ||
                     /* A node that has just started cannot read its users yet and refuses all of them. */
                     (o->http_status == 401 && (o->accepted_before || o->credentials_renewed));
    if (!temporary) return REFUSED;
  }
  return repeat == ESCLUSTER_ONCE && esc_is_uncertain(o) ? STOP_UNCERTAIN : AGAIN;
}

unsigned esc_backoff_ceiling_ms(unsigned attempt, unsigned base_ms, unsigned cap_ms) {
  uint64_t ceiling = base_ms;
  for (unsigned i = 1; i < attempt && ceiling < cap_ms; i++) ceiling *= 2;
  return ceiling < cap_ms ? (unsigned)ceiling : cap_ms;
}
