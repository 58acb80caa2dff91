/** Requests to a server that answers, or fails, in every way. */
#define _GNU_SOURCE

#include <sys/stat.h>

#include "check.h"
#include "server.h"

static const char block[] = "403|{\"error\":{\"type\":\"cluster_block_exception\"}}";

/** A cluster at a server of its own; the options may name everything but the endpoint. */
typedef struct stage {
  server *server;
  escluster *cluster;
  escluster_answer answer;
  escluster_status status;
} stage;

static stage set(escluster_options options) {
  stage s = {.server = start_server()};
  publish_server("stage.ini", "gra", 1, s.server);
  options.endpoint_path = in_scratch("stage.ini");
  options.backoff_base_ms = 1;
  options.backoff_cap_ms = 5;
  if (options.attempts_max == 0) options.attempts_max = 5;
  s.cluster = opened(&options);
  return s;
}

static void clear(stage *s) {
  escluster_answer_clear(&s->answer);
  escluster_close(s->cluster);
  stop_server(s->server);
}

static escluster_status perform(stage *s, const escluster_call *call, const char *const *replies) {
  escluster_answer_clear(&s->answer);
  reply_with(s->server, replies);
  s->status = escluster_perform(s->cluster, call, &s->answer);
  return s->status;
}

#define CALL(...) (&(escluster_call){__VA_ARGS__})
#define WITH_BODY .body = "{}", .body_length = 2

static void an_answer_has_status_and_body(void) {
  stage s = set((escluster_options){.credentials = "app:pass"});
  CHECK(perform(&s, CALL(.method = "GET", .path = "/i/_doc/1"), REPLIES("200|{\"found\":true}")) == ESCLUSTER_OK);
  CHECK(s.answer.http_status == 200 && strcmp(s.answer.body, "{\"found\":true}") == 0 && s.answer.body_length == 14);
  CHECK(s.answer.epoch == 1 && strcmp(s.answer.region, "gra") == 0 && s.answer.attempts == 1);
  CHECK(request_has(s.server, 0, "GET /i/_doc/1 HTTP/1.1") &&
        request_has(s.server, 0, "Authorization: Basic YXBwOnBhc3M="));
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("404|{}")) == ESCLUSTER_HTTP);
  CHECK_TEXT(s.answer.error, "status 404 {}");
  CHECK(perform(&s, CALL(.method = "POST", .path = "/i/_refresh"), REPLIES("200|")) == ESCLUSTER_OK);
  CHECK(s.answer.body == NULL && request_has(s.server, 2, "Content-Length: 0"));
  CHECK(perform(&s, CALL(.method = "POST", .path = "/i/_doc", WITH_BODY, .content_type = "application/x-ndjson"),
                REPLIES("201|{}")) == ESCLUSTER_OK);
  CHECK(request_has(s.server, 3, "Content-Type: application/x-ndjson\r\n"));
  CHECK(connections_at(s.server) == 3); /* two writes without ids, each over a fresh one */
  clear(&s);
}

static void reads_are_repeated_by_default_and_writes_are_not(void) {
  stage s = set((escluster_options){0});
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("cut", "502|", "200|{}")) == ESCLUSTER_OK);
  CHECK(s.answer.attempts >= 2 && !s.answer.uncertain);
  CHECK(perform(&s, CALL(.method = "POST", .path = "/i/_doc", WITH_BODY), REPLIES("cut", "201|{}")) ==
        ESCLUSTER_UNCERTAIN);
  CHECK(s.answer.attempts == 1 && s.answer.uncertain);
  CHECK_TEXT(s.answer.error, "it may have been carried out");
  CHECK(perform(&s, CALL(.method = "GET", .path = "/", .repeat = ESCLUSTER_ONCE), REPLIES("cut", "200|{}")) ==
        ESCLUSTER_UNCERTAIN);
  clear(&s);
}

static void bytes_that_are_not_http_are_no_answer(void) {
  stage s = set((escluster_options){.attempts_max = 2});
  const char *const *garbage = REPLIES("raw|\x16\x03\x01garbage\r\n\r\n");
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), garbage) == ESCLUSTER_UNAVAILABLE);
  CHECK(s.answer.attempts == 2);
  CHECK(perform(&s, CALL(.method = "POST", .path = "/i/_doc", WITH_BODY), garbage) == ESCLUSTER_UNCERTAIN);
  CHECK(perform(&s, CALL(.method = "POST", .path = "/i/_refresh"), garbage) == ESCLUSTER_UNCERTAIN);
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("raw|HTTP/9.9 xx\r\n\r\n")) == ESCLUSTER_UNAVAILABLE);
  clear(&s);
}

static void tells_what_an_earlier_attempt_may_have_done(void) {
  stage s = set((escluster_options){0});
  const escluster_call *put_call = CALL(.method = "PUT", .path = "/i/_doc/1?version=3&version_type=external", WITH_BODY,
                                        .repeat = ESCLUSTER_REPEATABLE);
  const escluster_call *delete_call = CALL(.method = "DELETE", .path = "/i/_doc/1", .repeat = ESCLUSTER_REPEATABLE);
  CHECK(perform(&s, put_call, REPLIES("half|HTTP/1.1 2", "409|{}")) == ESCLUSTER_UNCERTAIN);
  CHECK(s.answer.earlier_attempt && s.answer.http_status == 409);
  CHECK_TEXT(s.answer.error, "an earlier attempt of this same request may be the cause");
  CHECK(perform(&s, put_call, REPLIES("409|{}")) == ESCLUSTER_HTTP && !s.answer.earlier_attempt);
  CHECK(perform(&s, delete_call, REPLIES("504|router|", "404|{}")) == ESCLUSTER_UNCERTAIN);
  CHECK(s.answer.earlier_attempt && s.answer.http_status == 404);
  CHECK(perform(&s, delete_call, REPLIES("404|{}")) == ESCLUSTER_HTTP && !s.answer.earlier_attempt);
  /* Rejected before execution: the first attempt did nothing. */
  CHECK(perform(&s, delete_call, REPLIES("429|{}", "404|{}")) == ESCLUSTER_HTTP && !s.answer.earlier_attempt);
  const escluster_call *create = CALL(.method = "PUT", .path = "/i/_create/1", WITH_BODY, .repeat = ESCLUSTER_CREATE);
  CHECK(perform(&s, create, REPLIES("502|router|", "409|{}")) == ESCLUSTER_OK && s.answer.earlier_attempt);
  clear(&s);
}

static void reports_the_items_of_a_bulk(void) {
  stage s = set((escluster_options){0});
  const escluster_call *bulk =
      CALL(.method = "POST", .path = "/_bulk?refresh=false", .repeat = ESCLUSTER_REPEATABLE, WITH_BODY);
  CHECK(perform(&s, bulk,
                REPLIES("200|{\"errors\":true,\"items\":[{\"index\":{\"status\":429,\"error\":{\"type\":\"a\"}}},"
                        "{\"index\":{\"status\":400,\"error\":{\"type\":\"b\"}}},{\"index\":{\"status\":201}}]}")) ==
        ESCLUSTER_OK);
  CHECK(s.answer.items_failed == 2 && s.answer.items_retryable == 1);
  CHECK(perform(&s, bulk, REPLIES("200|{}")) == ESCLUSTER_OK && s.answer.items_failed == 0);
  clear(&s);
}

static void a_new_credentials_file_is_read_at_the_first_401(void) {
  char path[192];
  snprintf(path, sizeof path, "%s", in_scratch("renewed"));
  put(path, "ApiKey b2xk\n");
  CHECK(chmod(path, 0600) == 0);
  stage s = set((escluster_options){.credentials_path = path, .poll_interval_ms = 3000000});
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("401|{}")) == ESCLUSTER_HTTP && s.answer.attempts == 1);
  put(path, "Bearer bmV3.x-y\n");
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("401|{}", "200|{}")) == ESCLUSTER_OK);
  CHECK(s.answer.attempts == 2);
  CHECK(request_has(s.server, 0, "Authorization: ApiKey b2xk\r\n"));
  CHECK(request_has(s.server, 2, "Authorization: Bearer bmV3.x-y\r\n"));
  /* Accepted before: a node that has just started cannot read its users. */
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("401|{}", "401|{}", "200|{}")) == ESCLUSTER_OK);
  clear(&s);
}

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

static void refuses_a_server_that_it_cannot_verify(void) {
  stage s = set((escluster_options){.ca_path = key_path()});
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("200|{}")) == ESCLUSTER_UNTRUSTED);
  CHECK_TEXT(s.answer.error, "check CaPath");
  CHECK(requests_at(s.server) == 0);
  clear(&s);
}

static void waits_as_long_as_a_server_asks(void) {
  stage s = set((escluster_options){0});
  int64_t began_ms = esc_now_ms();
  CHECK(perform(&s, CALL(.method = "GET", .path = "/"), REPLIES("503|Retry-After: 1|router|", block, "200|{}")) ==
        ESCLUSTER_OK);
  CHECK(s.answer.attempts == 3 && esc_now_ms() - began_ms >= 5);
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

const test_case answer_suite[] = {
    TEST(an_answer_has_status_and_body),
    TEST(reads_are_repeated_by_default_and_writes_are_not),
    TEST(bytes_that_are_not_http_are_no_answer),
    TEST(tells_what_an_earlier_attempt_may_have_done),
    TEST(reports_the_items_of_a_bulk),
    TEST(a_new_credentials_file_is_read_at_the_first_401),
    TEST(sends_prefix_headers_and_a_client_certificate),
    TEST(accepts_compressed_answers),
    TEST(replaces_connections_that_are_too_old),
    TEST(streams_an_answer),
    TEST(refuses_a_server_that_it_cannot_verify),
    TEST(waits_as_long_as_a_server_asks),
    TEST(cancels_the_requests_with_a_tag),
    TEST(several_changes_do_not_prolong_the_stay_at_a_region),
    END_OF_SUITE,
};
