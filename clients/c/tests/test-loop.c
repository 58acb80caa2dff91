/** Requests in a loop around poll(2). */
#define _GNU_SOURCE

#include <poll.h>

#include "check.h"
#include "server.h"

enum { DONE_MAX = 64 };

typedef struct stage {
  server *server;
  escluster *cluster;
  escluster_loop *loop;
  unsigned done;
  escluster_status status[DONE_MAX];
  escluster_answer last; /* its body belongs to the stage */
  bool submits_again;
} stage;

static void keep_outcome(void *context, escluster_status status, escluster_answer *answer) {
  stage *s = context;
  CHECK(s->done < DONE_MAX);
  s->status[s->done++ % DONE_MAX] = status;
  escluster_answer_clear(&s->last);
  s->last = *answer;
  answer->body = NULL;
  if (s->submits_again) {
    s->submits_again = false;
    CHECK(escluster_submit(s->loop, &(escluster_call){.method = "GET", .path = "/again"}, keep_outcome, s) ==
          ESCLUSTER_OK);
  }
}

static void open_stage(stage *s, escluster_options options) {
  char error[ESCLUSTER_ERROR_MAX];
  *s = (stage){.server = start_server()};
  publish_server("loop.ini", "gra", 1, s->server);
  options.endpoint_path = in_scratch("loop.ini");
  options.backoff_base_ms = 1;
  options.backoff_cap_ms = 5;
  s->cluster = opened(&options);
  CHECK(escluster_loop_open(s->cluster, &s->loop, error, sizeof error) == ESCLUSTER_OK);
}

static void close_stage(stage *s) {
  escluster_loop_close(s->loop);
  escluster_answer_clear(&s->last);
  escluster_close(s->cluster);
  stop_server(s->server);
}

static void submit(stage *s, const escluster_call *call) {
  CHECK(escluster_submit(s->loop, call, keep_outcome, s) == ESCLUSTER_OK);
}

/** The program's loop: it waits for the descriptor alone. */
static bool runs_until(stage *s, unsigned done) {
  int64_t until_ms = esc_now_ms() + 15000;
  while (s->done < done && esc_now_ms() < until_ms) {
    struct pollfd ready = {.fd = escluster_loop_fd(s->loop), .events = POLLIN};
    if (poll(&ready, 1, 1000) == 1) escluster_loop_run(s->loop);
  }
  return s->done == done;
}

static void sends_requests_without_blocking(void) {
  stage s;
  open_stage(&s, (escluster_options){.pool_size = 2});
  reply_with(s.server, REPLIES("200|{\"a\":1}"));
  char path[16] = "/i/_doc/1";
  for (int i = 0; i < 10; i++) submit(&s, &(escluster_call){.method = "GET", .path = path});
  memset(path, 'x', sizeof path - 1); /* the loop has a copy */
  CHECK(s.done == 0);
  CHECK(runs_until(&s, 10));
  for (int i = 0; i < 10; i++) CHECK(s.status[i] == ESCLUSTER_OK);
  CHECK(s.last.body != NULL && strcmp(s.last.body, "{\"a\":1}") == 0 && s.last.epoch == 1);
  CHECK(request_has(s.server, 9, "GET /i/_doc/1 HTTP"));
  CHECK(connections_at(s.server) <= 2);
  s.submits_again = true;
  submit(&s,
         &(escluster_call){
             .method = "PUT", .path = "/i/_doc/1", .body = "{}", .body_length = 2, .content_type = "application/x"});
  CHECK(runs_until(&s, 12));
  CHECK(request_has(s.server, 10, "Content-Type: application/x\r\n") && request_has(s.server, 11, "GET /again"));
  close_stage(&s);
}

static void repeats_as_a_blocking_request_does(void) {
  stage s;
  open_stage(&s, (escluster_options){.attempts_max = 4});
  reply_with(s.server, REPLIES("429|{}", "half|HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n0123",
                               "503|Retry-After: 0|router|", "201|{}"));
  submit(&s, &(escluster_call){
                 .method = "PUT", .path = "/i/_create/1", .body = "{}", .body_length = 2, .repeat = ESCLUSTER_CREATE});
  CHECK(runs_until(&s, 1));
  CHECK(s.status[0] == ESCLUSTER_OK && s.last.attempts == 4 && s.last.uncertain);
  reply_with(s.server, REPLIES("cut"));
  submit(&s, &(escluster_call){.method = "POST", .path = "/i/_doc", .body = "{}", .body_length = 2});
  CHECK(runs_until(&s, 2));
  CHECK(s.status[1] == ESCLUSTER_UNCERTAIN && s.last.attempts == 1);
  reply_with(s.server, REPLIES("429|{}"));
  submit(&s, &(escluster_call){.method = "GET", .path = "/"});
  submit(&s, &(escluster_call){.method = "PATCH", .path = "/"});
  submit(&s, &(escluster_call){.method = "GET", .path = NULL});
  CHECK(runs_until(&s, 5));
  unsigned invalid = 0;
  for (int i = 2; i < 5; i++) invalid += s.status[i] == ESCLUSTER_INVALID ? 1 : 0;
  CHECK(invalid == 2 && s.status[4] == ESCLUSTER_UNAVAILABLE);
  close_stage(&s);
}

static void moves_requests_to_the_new_region(void) {
  stage s;
  open_stage(&s, (escluster_options){.drain_ms = 50, .attempt_timeout_ms = 600000, .budget_ms = 600000});
  server *bhs = start_server();
  reply_with(s.server, REPLIES("hang"));
  for (int i = 0; i < 3; i++) submit(&s, &(escluster_call){.method = "GET", .path = "/"});
  int64_t until_ms = esc_now_ms() + 15000;
  while (requests_at(s.server) < 3 && esc_now_ms() < until_ms) {
    struct pollfd ready = {.fd = escluster_loop_fd(s.loop), .events = POLLIN};
    if (poll(&ready, 1, 100) == 1) escluster_loop_run(s.loop);
  }
  CHECK(requests_at(s.server) == 3);
  publish_server("loop.ini", "bhs", 2, bhs);
  CHECK(runs_until(&s, 3));
  CHECK(requests_at(bhs) == 3 && strcmp(s.last.region, "bhs") == 0 && s.last.attempts == 2);
  escluster_counts counts = {.size = sizeof counts};
  CHECK(escluster_counters(s.cluster, &counts) == ESCLUSTER_OK && counts.drained == 3);
  close_stage(&s);
  stop_server(bhs);
}

static void waits_during_a_change_and_ends_at_its_budget(void) {
  stage s;
  open_stage(&s, (escluster_options){.budget_ms = 200});
  publish_text("loop.ini", "[Elasticsearch]\nPhase=closing\nEpoch=2\n");
  EVENTUALLY(epoch_of(s.cluster) == 2);
  submit(&s, &(escluster_call){.method = "GET", .path = "/"});
  CHECK(runs_until(&s, 1));
  CHECK(s.status[0] == ESCLUSTER_UNAVAILABLE && s.last.attempts == 0);
  CHECK_TEXT(s.last.error, "a change of regions is in progress");
  submit(&s, &(escluster_call){.method = "GET", .path = "/", .budget_ms = 60000});
  publish_server("loop.ini", "gra", 3, s.server);
  CHECK(runs_until(&s, 2));
  CHECK(s.status[1] == ESCLUSTER_OK && s.last.epoch == 3);
  close_stage(&s);
}

static void cancels_what_has_not_ended(void) {
  int tag = 0;
  stage s;
  open_stage(&s, (escluster_options){.pool_size = 1, .attempt_timeout_ms = 600000, .budget_ms = 600000});
  reply_with(s.server, REPLIES("hang"));
  submit(&s, &(escluster_call){.method = "GET", .path = "/", .tag = &tag});
  submit(&s, &(escluster_call){.method = "GET", .path = "/", .tag = &tag});
  escluster_loop_run(s.loop);
  CHECK(escluster_cancel_call(s.cluster, &tag) == 2);
  CHECK(runs_until(&s, 2));
  submit(&s, &(escluster_call){.method = "GET", .path = "/"});
  submit(&s, &(escluster_call){.method = "GET", .path = "/"});
  submit(&s, &(escluster_call){.method = "PATCH", .path = "/"});
  escluster_loop_run(s.loop);
  escluster_loop_close(s.loop);
  CHECK(s.done == 5);
  unsigned cancelled = 0;
  for (int i = 0; i < 5; i++) cancelled += s.status[i] == ESCLUSTER_CANCELLED ? 1 : 0;
  CHECK(cancelled == 4);
  s.loop = NULL;
  close_stage(&s);
}

const test_case loop_suite[] = {
    TEST(sends_requests_without_blocking),  TEST(repeats_as_a_blocking_request_does),
    TEST(moves_requests_to_the_new_region), TEST(waits_during_a_change_and_ends_at_its_budget),
    TEST(cancels_what_has_not_ended),       END_OF_SUITE,
};
