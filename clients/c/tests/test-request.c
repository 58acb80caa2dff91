#define _GNU_SOURCE

#include "../src/http/pool.h"
#include "check.h"

static void refuses_invalid_calls(void) {
  const escluster_call cases[] = {
      {.method = NULL, .path = "/"},
      {.method = "PATCH", .path = "/"},
      {.method = "GET", .path = NULL},
      {.method = "GET", .path = "a"},
      {.method = "GET", .path = "/a b"},
      {.method = "GET", .path = "/a\r\nHost: b"},
      {.method = "GET", .path = "/\xc3\xa4"},
      {.method = "PUT", .path = "/", .body_length = 3},
      {.method = "PUT", .path = "/", .repeat = ESCLUSTER_CREATE},
      {.method = "PUT", .path = "/", .body = "{}", .body_length = 2, .content_type = "a\r\nb"},
      {.method = "HEAD", .path = "/", .body = "{}", .body_length = 2},
      {.method = "GET", .path = "/", .repeat = (escluster_repeat)7},
      {.method = "GET", .path = "/", .headers = (const char *const[]){"no colon", NULL}},
      {.method = "GET", .path = "/", .headers = (const char *const[]){"a b: c", NULL}},
      {.method = "GET", .path = "/", .headers = (const char *const[]){"A:  ", NULL}},
      {.method = "GET", .path = "/", .headers = (const char *const[]){"A: b\r\nC: d", NULL}},
      {.method = "GET", .path = "/", .headers = (const char *const[]){"CONTENT-length: 3", NULL}},
  };
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("none.ini")});
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    escluster_answer answer;
    CHECK(escluster_perform(cluster, &cases[i], &answer) == ESCLUSTER_INVALID);
    CHECK(answer.error[0] != '\0' && answer.attempts == 0);
    escluster_answer_clear(&answer);
  }
  escluster_close(cluster);
}

static void waits_for_an_endpoint_and_gives_the_reason(void) {
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("absent.ini"), .budget_ms = 50});
  escluster_answer answer;
  CHECK(escluster_perform(cluster, &(escluster_call){.method = "GET", .path = "/"}, &answer) == ESCLUSTER_UNAVAILABLE);
  CHECK_TEXT(answer.error, "no endpoint is known yet");
  CHECK_TEXT(answer.error, "No such file");
  CHECK_TEXT(answer.error, "nothing was carried out");
  CHECK(answer.attempts == 0 && answer.elapsed_ms >= 38);
  escluster_answer_clear(&answer);
  escluster_close(cluster);
}

static void repeats_unsent_requests_within_the_budget(void) {
  /* No server listens on port 1 of loopback. */
  publish("refused.ini", "gra", 1);
  escluster *cluster = opened(&(escluster_options){
      .endpoint_path = in_scratch("refused.ini"), .backoff_base_ms = 1, .backoff_cap_ms = 5, .attempts_max = 7});
  for (int repeat = ESCLUSTER_BY_METHOD; repeat <= ESCLUSTER_CREATE; repeat++) {
    escluster_call call = {
        .method = "PUT", .path = "/i/_create/1", .body = "{}", .body_length = 2, .repeat = (escluster_repeat)repeat};
    escluster_answer answer;
    CHECK(escluster_perform(cluster, &call, &answer) == ESCLUSTER_UNAVAILABLE);
    CHECK(answer.attempts == 7 && !answer.uncertain && answer.epoch == 1 && strcmp(answer.region, "gra") == 0);
    CHECK_TEXT(answer.error, "PUT /i/_create/1 at gra (127.0.0.1:1, epoch 1): ");
    escluster_answer_clear(&answer);
  }
  escluster_call hurried = {.method = "GET", .path = "/", .budget_ms = 400, .attempts_max = 1000000};
  escluster_answer answer;
  CHECK(escluster_perform(cluster, &hurried, &answer) == ESCLUSTER_UNAVAILABLE);
  CHECK(answer.elapsed_ms >= 300);
  escluster_answer_clear(&answer);
  escluster_close(cluster);
}

/** A request that would wait for an hour between its two attempts. */
typedef struct patient_request {
  escluster *cluster;
  atomic_bool done;
} patient_request;

static void *perform_patiently(void *context) {
  patient_request *request = context;
  escluster_call call = {.method = "GET", .path = "/", .attempts_max = 2};
  escluster_answer answer;
  CHECK(escluster_perform(request->cluster, &call, &answer) == ESCLUSTER_UNAVAILABLE);
  CHECK(answer.attempts == 2);
  escluster_answer_clear(&answer);
  atomic_store(&request->done, true);
  return NULL;
}

static void a_new_endpoint_ends_the_backoff(void) {
  enum { HOUR_MS = 3600000 };
  pthread_t thread;
  publish("patient.ini", "gra", 1);
  patient_request request = {
      .cluster = opened(&(escluster_options){.endpoint_path = in_scratch("patient.ini"),
                                             .budget_ms = HOUR_MS,
                                             .backoff_base_ms = HOUR_MS,
                                             .backoff_cap_ms = HOUR_MS}),
  };
  CHECK(pthread_create(&thread, NULL, perform_patiently, &request) == 0);
  int64_t until_ms = esc_now_ms() + 10000;
  /* Again and again, because the test does not know when the request waits. */
  for (unsigned epoch = 2; !atomic_load(&request.done) && esc_now_ms() < until_ms; epoch++) {
    publish("patient.ini", "gra", epoch);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
  }
  CHECK(atomic_load(&request.done));
  escluster_cancel(request.cluster);
  CHECK(pthread_join(thread, NULL) == 0);
  escluster_close(request.cluster);
}

static void *perform_for_long(void *context) {
  escluster_answer answer;
  escluster_status status = escluster_perform(context, &(escluster_call){.method = "GET", .path = "/"}, &answer);
  CHECK(status == ESCLUSTER_CANCELLED);
  escluster_answer_clear(&answer);
  return NULL;
}

static void cancel_ends_every_wait(void) {
  pthread_t threads[3];
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("absent.ini"), .budget_ms = 600000});
  for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, perform_for_long, cluster) == 0);
  escluster_cancel(cluster);
  for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  escluster_close(cluster);
}

static atomic_bool hammering;

static void *hammer(void *context) {
  escluster_call call = {.method = "PUT",
                         .path = "/i/_create/1",
                         .body = "{}",
                         .body_length = 2,
                         .repeat = ESCLUSTER_CREATE,
                         .attempts_max = 2};
  while (atomic_load(&hammering)) {
    escluster_answer answer;
    CHECK(escluster_perform(context, &call, &answer) == ESCLUSTER_UNAVAILABLE);
    escluster_answer_clear(&answer);
  }
  return NULL;
}

static void counts_connections_correctly_across_switches(void) {
  enum { WRITERS = 6, POOL = 3, SWITCHES = 40 };
  pthread_t writers[WRITERS];
  publish("busy.ini", "gra", 1);
  escluster *cluster = opened(&(escluster_options){
      .endpoint_path = in_scratch("busy.ini"), .pool_size = POOL, .backoff_base_ms = 1, .backoff_cap_ms = 2});
  atomic_store(&hammering, true);
  for (int i = 0; i < WRITERS; i++) CHECK(pthread_create(&writers[i], NULL, hammer, cluster) == 0);
  for (unsigned epoch = 2; epoch < 2 + SWITCHES; epoch++) {
    publish("busy.ini", epoch % 2 == 0 ? "bhs" : "gra", epoch);
    EVENTUALLY(epoch_of(cluster) == epoch);
    pthread_mutex_lock(&cluster->mutex);
    CHECK(cluster->open_now <= POOL);
    CHECK(cluster->open_before <= POOL * epoch);
    pthread_mutex_unlock(&cluster->mutex);
  }
  atomic_store(&hammering, false);
  for (int i = 0; i < WRITERS; i++) CHECK(pthread_join(writers[i], NULL) == 0);
  unsigned idle = 0;
  for (connection *k = cluster->idle; k != NULL; k = k->next) {
    CHECK(k->generation == atomic_load(&cluster->generation));
    idle++;
  }
  CHECK(idle == cluster->open_now && cluster->open_before == 0);
  escluster_close(cluster);
}

static escluster_counts counts_of(escluster *cluster) {
  escluster_counts counts = {.size = sizeof counts};
  CHECK(escluster_counters(cluster, &counts) == ESCLUSTER_OK && counts.size == sizeof counts);
  return counts;
}

static void counts_requests_retries_and_switches(void) {
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("counted.ini"),
                                                   .poll_interval_ms = 20,
                                                   .backoff_base_ms = 1,
                                                   .backoff_cap_ms = 5,
                                                   .attempts_max = 3});
  escluster_counts counts = counts_of(cluster);
  CHECK(counts.requests == 0 && counts.retries == 0 && counts.switches == 0 && counts.epoch == 0);
  publish("counted.ini", "gra", 4);
  EVENTUALLY(epoch_of(cluster) == 4);
  CHECK(counts_of(cluster).switches == 0 && counts_of(cluster).epoch == 4);
  escluster_answer answer;
  CHECK(escluster_perform(cluster, &(escluster_call){.method = "GET", .path = "/"}, &answer) == ESCLUSTER_UNAVAILABLE);
  escluster_answer_clear(&answer);
  CHECK(escluster_perform(cluster, &(escluster_call){.method = "PATCH", .path = "/"}, &answer) == ESCLUSTER_INVALID);
  escluster_answer_clear(&answer);
  counts = counts_of(cluster);
  CHECK(counts.requests == 2 && counts.requests_failed == 2 && counts.requests_uncertain == 0 && counts.retries == 2);
  put(in_scratch("counted.ini"), "[Elasticsearch]\nPhase=closing\nEpoch=5\n");
  EVENTUALLY(counts_of(cluster).epoch == 5);
  CHECK(counts_of(cluster).switches == 0);
  publish("counted.ini", "bhs", 6);
  EVENTUALLY(counts_of(cluster).switches == 1 && counts_of(cluster).epoch == 6);
  escluster_close(cluster);
}

static void fills_the_counts_that_the_program_knows(void) {
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("none.ini")});
  escluster_counts small = {.size = sizeof small - 1, .requests = 77};
  CHECK(escluster_counters(cluster, &small) == ESCLUSTER_INVALID && small.requests == 77);
  /* Of a later version of the library, which appends a field. */
  struct {
    escluster_counts known;
    uint64_t later;
  } large = {.known = {.size = sizeof large}, .later = 77};
  CHECK(escluster_counters(cluster, &large.known) == ESCLUSTER_OK);
  CHECK(large.known.size == sizeof(escluster_counts) && large.later == 77);
  escluster_close(cluster);
}

typedef struct counting {
  escluster *cluster;
  atomic_bool ended;
} counting;

static void *read_counts(void *argument) {
  counting *reader = argument;
  uint64_t before = 0;
  while (!atomic_load(&reader->ended)) {
    escluster_counts counts = counts_of(reader->cluster);
    CHECK(counts.requests >= before && counts.requests_failed == counts.requests);
    before = counts.requests;
  }
  return NULL;
}

static void counts_are_of_one_moment_in_any_thread(void) {
  counting reader = {.cluster = opened(&(escluster_options){.endpoint_path = in_scratch("none.ini")})};
  pthread_t thread;
  CHECK(pthread_create(&thread, NULL, read_counts, &reader) == 0);
  for (int i = 0; i < 1000; i++) {
    escluster_answer answer;
    CHECK(escluster_perform(reader.cluster, &(escluster_call){.method = "PATCH"}, &answer) == ESCLUSTER_INVALID);
    escluster_answer_clear(&answer);
  }
  atomic_store(&reader.ended, true);
  CHECK(pthread_join(thread, NULL) == 0);
  CHECK(counts_of(reader.cluster).requests == 1000);
  escluster_close(reader.cluster);
}

const test_case request_suite[] = {
    TEST(refuses_invalid_calls),
    TEST(waits_for_an_endpoint_and_gives_the_reason),
    TEST(repeats_unsent_requests_within_the_budget),
    TEST(a_new_endpoint_ends_the_backoff),
    TEST(cancel_ends_every_wait),
    TEST(counts_connections_correctly_across_switches),
    TEST(counts_requests_retries_and_switches),
    TEST(fills_the_counts_that_the_program_knows),
    TEST(counts_are_of_one_moment_in_any_thread),
    END_OF_SUITE,
};
