#define _GNU_SOURCE

#include "../src/retry.h"
#include "check.h"

static void repeats_only_what_is_safe_to_repeat(void) {
  enum { ONCE, REPEATABLE, CREATE };
  static const struct {
    outcome o;
    verdict once, repeatable, create;
  } cases[] = {
      {{.answered = true, .http_status = 201}, DONE, DONE, DONE},
      {{.answered = true, .http_status = 404}, REFUSED, REFUSED, REFUSED},
      {{.answered = true, .http_status = 400}, REFUSED, REFUSED, REFUSED},
      {{.answered = true, .http_status = 401}, REFUSED, REFUSED, REFUSED},
      {{.answered = true, .http_status = 401, .accepted_before = true}, AGAIN, AGAIN, AGAIN},
      {{.answered = true, .http_status = 403}, REFUSED, REFUSED, REFUSED},
      {{.answered = true, .http_status = 500}, REFUSED, REFUSED, REFUSED},
      /* A conflict with the write of another client; for one with our own write see the next test. */
      {{.answered = true, .http_status = 409}, REFUSED, REFUSED, REFUSED},
      {{.answered = true, .http_status = 409, .sent_twice = true}, REFUSED, STOP_EARLIER, DONE},
      {{.answered = true, .http_status = 404, .sent_twice = true}, REFUSED, REFUSED, REFUSED},
      {{.answered = true, .http_status = 404, .sent_twice = true, .deletes = true}, REFUSED, STOP_EARLIER, REFUSED},
      {{.answered = true, .http_status = 401, .credentials_renewed = true}, AGAIN, AGAIN, AGAIN},
      /* Rejected before execution. */
      {{.answered = true, .http_status = 429, .from_elasticsearch = true}, AGAIN, AGAIN, AGAIN},
      {{.answered = true, .http_status = 403, .write_blocked = true}, AGAIN, AGAIN, AGAIN},
      {{.answered = true, .http_status = 503, .has_retry_after = true}, AGAIN, AGAIN, AGAIN},
      /* A router that lost its server, a node that lost its shard: possibly after execution. */
      {{.answered = true, .http_status = 503}, STOP_UNCERTAIN, AGAIN, AGAIN},
      {{.answered = true, .http_status = 503, .from_elasticsearch = true, .has_retry_after = true},
       STOP_UNCERTAIN,
       AGAIN,
       AGAIN},
      {{.answered = true, .http_status = 502}, STOP_UNCERTAIN, AGAIN, AGAIN},
      {{.answered = true, .http_status = 504}, STOP_UNCERTAIN, AGAIN, AGAIN},
      /* Nothing was sent; something was sent. */
      {{.sent = false}, AGAIN, AGAIN, AGAIN},
      {{.sent = true}, STOP_UNCERTAIN, AGAIN, AGAIN},
      {{.untrusted = true}, STOP_UNTRUSTED, STOP_UNTRUSTED, STOP_UNTRUSTED},
      {{.unsendable = true}, STOP_INVALID, STOP_INVALID, STOP_INVALID},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const outcome *o = &cases[i].o;
    bool uncertain = esc_is_uncertain(o);
    verdict found[3] = {esc_judge_outcome(ESCLUSTER_ONCE, o, uncertain),
                        esc_judge_outcome(ESCLUSTER_REPEATABLE, o, uncertain),
                        esc_judge_outcome(ESCLUSTER_CREATE, o, uncertain)};
    if (found[ONCE] != cases[i].once || found[REPEATABLE] != cases[i].repeatable || found[CREATE] != cases[i].create) {
      printf("    case %zu: %d %d %d\n", i, (int)found[ONCE], (int)found[REPEATABLE], (int)found[CREATE]);
      failures++;
    }
  }
}

static void takes_a_conflict_for_its_own_only_after_an_uncertain_attempt(void) {
  outcome conflict = {.answered = true, .http_status = 409};
  CHECK(esc_judge_outcome(ESCLUSTER_CREATE, &conflict, true) == DONE);
  CHECK(esc_judge_outcome(ESCLUSTER_CREATE, &conflict, false) == REFUSED);
  CHECK(esc_judge_outcome(ESCLUSTER_REPEATABLE, &conflict, true) == STOP_EARLIER);
  CHECK(esc_judge_outcome(ESCLUSTER_REPEATABLE, &conflict, false) == REFUSED);
  CHECK(esc_judge_outcome(ESCLUSTER_ONCE, &conflict, true) == REFUSED);
}

static void backs_off_exponentially_up_to_the_cap(void) {
  CHECK(esc_backoff_ceiling_ms(1, 100, 5000) == 100);
  CHECK(esc_backoff_ceiling_ms(2, 100, 5000) == 200);
  CHECK(esc_backoff_ceiling_ms(6, 100, 5000) == 3200);
  CHECK(esc_backoff_ceiling_ms(7, 100, 5000) == 5000);
  CHECK(esc_backoff_ceiling_ms(4000000000U, 100, 5000) == 5000);
  CHECK(esc_backoff_ceiling_ms(9, 7000, 5000) == 5000);
  CHECK(esc_backoff_ceiling_ms(60, 1, UINT32_MAX) == UINT32_MAX);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 10000; i++) {
    unsigned drawn = esc_random_up_to(9);
    CHECK(drawn <= 9);
    low = low || drawn == 0;
    high = high || drawn == 9;
  }
  CHECK(low && high);
}

const test_case retry_suite[] = {
    TEST(repeats_only_what_is_safe_to_repeat),
    TEST(takes_a_conflict_for_its_own_only_after_an_uncertain_attempt),
    TEST(backs_off_exponentially_up_to_the_cap),
    END_OF_SUITE,
};
