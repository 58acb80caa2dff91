/** What a request's outcome is, for each way in which a server answers or fails. */
#define _GNU_SOURCE

#include <sys/stat.h>

#include "stage.h"

static const char block[] = "403|{\"error\":{\"type\":\"cluster_block_exception\"}}";

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

const test_case answer_suite[] = {
    TEST(an_answer_has_status_and_body),
    TEST(reads_are_repeated_by_default_and_writes_are_not),
    TEST(bytes_that_are_not_http_are_no_answer),
    TEST(tells_what_an_earlier_attempt_may_have_done),
    TEST(reports_the_items_of_a_bulk),
    TEST(a_new_credentials_file_is_read_at_the_first_401),
    TEST(refuses_a_server_that_it_cannot_verify),
    TEST(waits_as_long_as_a_server_asks),
    END_OF_SUITE,
};
