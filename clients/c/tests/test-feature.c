/** Options of requests, and how requests are aborted. */
#define _GNU_SOURCE

#include "stage.h"

static void sends_prefix_headers_and_a_client_certificate(void) {
  stage s = set((escluster_options){.path_prefix = "/search",
                                    .headers = (const char *const[]){"X-Opaque-Id: orders", NULL},
                                    .client_certificate_path = certificate_path(),
                                    .client_key_path = key_path(),
                                    .connection_lifetime_ms = 3600000,
                                    .gzip = true});
  CHECK(perform(&s, CALL(.method = "GET", .path = "/_cat", .headers = (const char *const[]){"X-Trace: 7", NULL}),
                REPLIES("200|{}")) == ESCLUSTER_OK);
  CHECK(request_has(s.server, 0, "GET /search/_cat HTTP") && request_has(s.server, 0, "\r\nX-Opaque-Id: orders\r\n"));
  CHECK(request_has(s.server, 0, "\r\nX-Trace: 7\r\n") && request_has(s.server, 0, "\r\nAccept-Encoding: gzip\r\n"));
  CHECK(client_certificates_at(s.server) == 1);
  clear(&s);
  s = set((escluster_options){.client_certificate_path = "/nowhere.pem"});
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("200|{}")) == ESCLUSTER_INVALID);
  clear(&s);
}

static void accepts_compressed_answers(void) {
  stage s = set((escluster_options){.gzip = true, .answer_bytes_max = 20});
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("200|gzip|{\"found\":true}")) == ESCLUSTER_OK);
  CHECK(s.answer.body != NULL && strcmp(s.answer.body, "{\"found\":true}") == 0 && s.answer.body_length == 14);
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("200|gzip|{\"found\":true, \"more\": 1}")) ==
        ESCLUSTER_TOO_LARGE);
  clear(&s);
}

static void replaces_connections_that_are_too_old(void) {
  stage s = set((escluster_options){.connection_lifetime_ms = 1});
  for (unsigned i = 1; i <= 3; i++) {
    nanosleep(&(struct timespec){0, 3000000}, NULL);
    CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("200|{}")) == ESCLUSTER_OK);
    CHECK(connections_at(s.server) == i);
  }
  clear(&s);
}

typedef struct received_parts {
  char text[256];
  size_t length;
  bool refuses;
} received_parts;

static bool keep_part(void *context, const char *data, size_t length) {
  received_parts *parts = context;
  memcpy(parts->text + parts->length, data, length);
  parts->length += length;
  return !parts->refuses;
}

static void streams_an_answer(void) {
  stage s = set((escluster_options){.answer_bytes_max = 3});
  received_parts parts = {.length = 0};
  const escluster_call *call = CALL(.method = "GET", .path = "/", .on_body = keep_part, .body_context = &parts);
  CHECK(perform(&s, call, REPLIES("503|no", "200|0123456789")) == ESCLUSTER_OK && s.answer.body == NULL);
  CHECK(parts.length == 10 && memcmp(parts.text, "0123456789", 10) == 0 && s.answer.attempts == 2);
  parts.length = 0;
  CHECK(perform(&s, call, REPLIES("half|HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n0123")) == ESCLUSTER_INTERRUPTED);
  CHECK(parts.length == 4 && s.answer.attempts == 1);
  CHECK_TEXT(s.answer.error, "a part of the answer had been delivered");
  parts = (received_parts){.refuses = true};
  CHECK(perform(&s, call, REPLIES("200|0123456789")) == ESCLUSTER_CANCELLED);
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("200|0123456789")) == ESCLUSTER_TOO_LARGE);
  clear(&s);
}

/** A request in a thread of its own. */
typedef struct background {
  escluster *cluster;
  escluster_call call;
  escluster_answer answer;
  escluster_status status;
  pthread_t thread;
} background;

static void *perform_call(void *context) {
  background *b = context;
  b->status = escluster_perform(b->cluster, &b->call, &b->answer);
  return NULL;
}

static void start(background *b) { CHECK(pthread_create(&b->thread, NULL, perform_call, b) == 0); }

static void cancels_the_requests_with_a_tag(void) {
  int tag = 0;
  stage s = set((escluster_options){.budget_ms = 600000, .attempt_timeout_ms = 600000});
  reply_with(s.server, REPLIES("hang"));
  background b = {.cluster = s.cluster, .call = {.method = "GET", .path = "/", .tag = &tag}};
  start(&b);
  EVENTUALLY(requests_at(s.server) == 1);
  CHECK(escluster_cancel_call(s.cluster, &s) == 0);
  CHECK(escluster_cancel_call(s.cluster, &tag) == 1);
  CHECK(pthread_join(b.thread, NULL) == 0);
  CHECK(b.status == ESCLUSTER_CANCELLED);
  escluster_answer_clear(&b.answer);
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("200|{}")) == ESCLUSTER_OK);
  clear(&s);
}

static void several_changes_do_not_prolong_the_stay_at_a_region(void) {
  stage s = set((escluster_options){.drain_ms = 1500, .budget_ms = 600000, .attempt_timeout_ms = 600000});
  server *bhs = start_server();
  reply_with(s.server, REPLIES("hang"));
  background b = {.cluster = s.cluster, .call = {.method = "GET", .path = "/"}};
  start(&b);
  EVENTUALLY(requests_at(s.server) == 1);
  int64_t began_ms = esc_now_ms();
  /* A change every 300 ms: with a clock that starts again at each, the request would never leave. */
  for (unsigned epoch = 2; requests_at(bhs) == 0 && esc_now_ms() - began_ms < 15000; epoch++) {
    publish_server("stage.ini", "bhs", epoch, bhs);
    nanosleep(&(struct timespec){0, 300000000}, NULL);
  }
  CHECK(requests_at(bhs) == 1);
  CHECK(pthread_join(b.thread, NULL) == 0);
  CHECK(b.status == ESCLUSTER_OK && strcmp(b.answer.region, "bhs") == 0);
  escluster_answer_clear(&b.answer);
  escluster_counts counts = {.size = sizeof counts};
  CHECK(escluster_counters(s.cluster, &counts) == ESCLUSTER_OK && counts.drained == 1);
  clear(&s);
  stop_server(bhs);
}

const test_case feature_suite[] = {
    TEST(sends_prefix_headers_and_a_client_certificate),
    TEST(accepts_compressed_answers),
    TEST(replaces_connections_that_are_too_old),
    TEST(streams_an_answer),
    TEST(cancels_the_requests_with_a_tag),
    TEST(several_changes_do_not_prolong_the_stay_at_a_region),
    END_OF_SUITE,
};
