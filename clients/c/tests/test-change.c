/** What a program with connections of its own is told. */
#define _GNU_SOURCE

#include <poll.h>

#include "check.h"

static bool is_readable(int fd) {
  struct pollfd polled = {.fd = fd, .events = POLLIN};
  return poll(&polled, 1, 0) == 1;
}

static void follows_without_a_ca_for_a_program_that_connects_by_itself(void) {
  put(in_scratch("own.ini"), "[Elasticsearch]\nHost=a\nPort=1\nRegion=gra\nEpoch=4\n");
  escluster *cluster = opened(
      &(escluster_options){.endpoint_path = in_scratch("own.ini"), .endpoint_only = true, .poll_interval_ms = 3000000});
  CHECK(epoch_of(cluster) == 4);
  escluster_answer answer;
  CHECK(escluster_perform(cluster, &(escluster_call){.method = "GET", .path = "/"}, &answer) == ESCLUSTER_INVALID);
  CHECK_TEXT(answer.error, "endpoint_only");
  escluster_answer_clear(&answer);
  escluster_loop *loop = NULL;
  char error[ESCLUSTER_ERROR_MAX];
  CHECK(escluster_loop_open(cluster, &loop, error, sizeof error) == ESCLUSTER_INVALID && loop == NULL);
  CHECK(escluster_acknowledge(cluster, 4, NULL) == ESCLUSTER_INVALID);
  escluster_close(cluster);
}

static void a_descriptor_is_readable_after_each_change(void) {
  escluster_endpoint endpoint;
  escluster *cluster = opened(
      &(escluster_options){.endpoint_path = in_scratch("polled.ini"), .endpoint_only = true, .poll_interval_ms = 20});
  int fd = escluster_change_fd(cluster);
  CHECK(!is_readable(fd));
  CHECK(!escluster_take_change(cluster, &endpoint) && endpoint.epoch == 0);
  publish("polled.ini", "gra", 1);
  EVENTUALLY(is_readable(fd));
  CHECK(escluster_take_change(cluster, &endpoint) && endpoint.epoch == 1 && strcmp(endpoint.region, "gra") == 0);
  CHECK(!is_readable(fd) && !escluster_take_change(cluster, &endpoint) && endpoint.epoch == 1);
  publish("polled.ini", "bhs", 2);
  EVENTUALLY(is_readable(fd));
  put(in_scratch("polled.ini"), "[Elasticsearch]\nPhase=closing\nEpoch=3\n");
  EVENTUALLY(epoch_of(cluster) == 3);
  CHECK(escluster_take_change(cluster, &endpoint) && endpoint.epoch == 3 && !endpoint.serving);
  CHECK(!escluster_take_change(cluster, &endpoint));
  escluster_close(cluster);
}

typedef struct told {
  atomic_uint calls;
  _Atomic uint64_t epoch;
} told;

static void keep_change(void *context, const escluster_endpoint *endpoint) {
  told *t = context;
  atomic_fetch_add(&t->calls, 1);
  CHECK(endpoint->epoch > atomic_load(&t->epoch));
  atomic_store(&t->epoch, endpoint->epoch);
}

static void calls_on_change_for_each_endpoint(void) {
  told t = {0};
  publish("told.ini", "gra", 1);
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("told.ini"),
                                                   .poll_interval_ms = 3000000,
                                                   .on_change = keep_change,
                                                   .change_context = &t});
  CHECK(atomic_load(&t.calls) == 1 && atomic_load(&t.epoch) == 1);
  publish("told.ini", "bhs", 2);
  EVENTUALLY(atomic_load(&t.epoch) == 2);
  escluster_reload(cluster);
  publish("told.ini", "bhs", 3);
  EVENTUALLY(atomic_load(&t.epoch) == 3);
  CHECK(atomic_load(&t.calls) == 3);
  escluster_close(cluster);
}

static void bounds_the_lines_of_the_log(void) {
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  put(in_scratch("noisy.ini"), "damaged");
  escluster *cluster = opened(&(escluster_options){
      .endpoint_path = in_scratch("noisy.ini"), .poll_interval_ms = 3000000, .log = keep_log, .log_context = &log});
  escluster_counts counts = {.size = sizeof counts};
  int64_t until_ms = esc_now_ms() + 20000;
  do {
    escluster_reload(cluster);
    CHECK(escluster_counters(cluster, &counts) == ESCLUSTER_OK);
  } while (counts.log_lines_left_out < 3 && esc_now_ms() < until_ms);
  CHECK(counts.log_lines_left_out >= 3);
  CHECK(times_logged(&log, "is ignored") >= 100);
  /* Tokens come back with time. */
  do {
    escluster_reload(cluster);
    nanosleep(&(struct timespec){0, 50000000}, NULL);
  } while (times_logged(&log, "lines were left out") == 0 && esc_now_ms() < until_ms);
  CHECK(times_logged(&log, "lines were left out") > 0);
  escluster_close(cluster);
}

static void keeps_a_long_line_printable_and_short(void) {
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  char path[900];
  memset(path, 'x', sizeof path);
  path[0] = '/';
  path[400] = '\n';
  path[sizeof path - 1] = '\0';
  escluster *cluster = opened(
      &(escluster_options){.endpoint_path = path, .log = keep_log, .log_context = &log, .poll_interval_ms = 3000000});
  CHECK(strlen(log.text) < ESCLUSTER_LOG_MAX + 10);
  CHECK(strchr(log.text, '\n') == log.text + strlen(log.text) - 1);
  escluster_close(cluster);
}

const test_case change_suite[] = {
    TEST(follows_without_a_ca_for_a_program_that_connects_by_itself),
    TEST(a_descriptor_is_readable_after_each_change),
    TEST(calls_on_change_for_each_endpoint),
    TEST(bounds_the_lines_of_the_log),
    TEST(keeps_a_long_line_printable_and_short),
    END_OF_SUITE,
};
