/** Endpoint services and acknowledgements. */
#define _GNU_SOURCE

#include <unistd.h>

#include "../src/acknowledge.h"
#include "check.h"
#include "server.h"

static char url[2][64];

static const char *url_of(const server *s, int i) {
  snprintf(url[i], sizeof url[i], "https://127.0.0.1:%u/", port_of(s));
  return url[i];
}

/** An answer of an endpoint service; it leads to `to`. */
static const char *serving(char text[256], unsigned epoch, const char *region, const server *to) {
  snprintf(text, 256, "200|[Elasticsearch]\nHost = 127.0.0.1\nPort = %u\nRegion = %s\nEpoch = %u\n", port_of(to),
           region, epoch);
  return text;
}

static unsigned times_acknowledged(server *s, const char *epoch) {
  unsigned count = requests_at(s);
  unsigned times = 0;
  for (unsigned i = 0; i < count; i++) {
    if (request_has(s, i, "POST /v1/acknowledgement") && request_has(s, i, epoch)) times++;
  }
  return times;
}

static bool acknowledged(server *s, const char *epoch) { return times_acknowledged(s, epoch) > 0; }

static void follows_a_service_and_acknowledges_after_its_first_request(void) {
  char first[256];
  char second[256];
  server *service = start_server();
  server *region = start_server();
  reply_with(service, REPLIES(serving(first, 1, "gra", region),
                              "503|Retry-After: 1|[Elasticsearch]\nPhase = closing\nEpoch = 2\n",
                              serving(second, 3, "bhs", region), "hang"));
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  escluster *cluster = opened(&(escluster_options){
      .service_urls = url_of(service, 0), .ca_path = certificate_path(), .log = keep_log, .log_context = &log});
  EVENTUALLY(epoch_of(cluster) == 3);
  CHECK(times_logged(&log, "epoch 2: a change of regions is in progress") == 1);
  CHECK(request_has(service, 0, "GET /v1/endpoint?format=ini&wait=30000ms&epoch=0"));
  CHECK(request_has(service, 2, "&epoch=2"));
  EVENTUALLY(requests_at(service) == 4); /* else it would take the first of the next replies */
  escluster_close(cluster);

  reply_with(service, REPLIES(first, "204|"));
  cluster = opened(&(escluster_options){.service_urls = url_of(service, 0),
                                        .ca_path = certificate_path(),
                                        .application = "orders",
                                        .log = keep_log,
                                        .log_context = &log});
  EVENTUALLY(epoch_of(cluster) == 1);
  unsigned asked = requests_at(service);
  EVENTUALLY(requests_at(service) > asked + 3); /* each at least 100 ms after the other */
  CHECK(!acknowledged(service, "\"epoch\":1}"));
  escluster_answer answer;
  CHECK(escluster_perform(cluster, &(escluster_call){.method = "GET", .path = "/"}, &answer) == ESCLUSTER_OK);
  escluster_answer_clear(&answer);
  EVENTUALLY(acknowledged(service, "{\"application\":\"orders\",\"instance\":"));
  CHECK(acknowledged(service, "\"epoch\":1}"));
  escluster_counts counts = {.size = sizeof counts};
  EVENTUALLY(escluster_counters(cluster, &counts) == ESCLUSTER_OK && counts.acknowledged_epoch == 1);
  escluster_close(cluster);
  stop_server(region);
  stop_server(service);
}

static void a_program_with_connections_of_its_own_acknowledges_itself(void) {
  char first[256];
  server *service = start_server();
  reply_with(service, REPLIES(serving(first, 5, "gra", service), "204|"));
  escluster *cluster = opened(&(escluster_options){.service_urls = url_of(service, 0),
                                                   .ca_path = certificate_path(),
                                                   .application = "orders",
                                                   .endpoint_only = true});
  CHECK(escluster_acknowledge(cluster, 6, NULL) == ESCLUSTER_INVALID);
  CHECK(escluster_acknowledge(cluster, 0, NULL) == ESCLUSTER_INVALID);
  EVENTUALLY(epoch_of(cluster) == 5);
  unsigned asked = requests_at(service);
  EVENTUALLY(requests_at(service) > asked + 3); /* each at least 100 ms after the other */
  CHECK(!acknowledged(service, "epoch"));
  char longer[300];
  memset(longer, 'x', sizeof longer);
  longer[sizeof longer - 1] = '\0';
  CHECK(escluster_acknowledge(cluster, 5, longer) == ESCLUSTER_INVALID);
  CHECK(escluster_acknowledge(cluster, 4, "a \"quoted\"\nreason") == ESCLUSTER_OK);
  EVENTUALLY(acknowledged(service, "\"epoch\":4,\"problem\":\"a 'quoted' reason\"}"));
  CHECK(escluster_acknowledge(cluster, 5, NULL) == ESCLUSTER_OK);
  EVENTUALLY(acknowledged(service, "\"epoch\":5}"));
  escluster_close(cluster);
  stop_server(service);
}

static void repeats_what_it_uses_and_never_acknowledges_what_it_does_not(void) {
  char first[256];
  char second[256];
  unsigned usual_ms = esc_repeat_acknowledgement_ms;
  esc_repeat_acknowledgement_ms = 50;
  server *service = start_server();
  reply_with(service, REPLIES(serving(first, 5, "gra", service)));
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  escluster *cluster = opened(&(escluster_options){.service_urls = url_of(service, 0),
                                                   .ca_path = certificate_path(),
                                                   .application = "orders",
                                                   .endpoint_only = true,
                                                   .log = keep_log,
                                                   .log_context = &log});
  EVENTUALLY(epoch_of(cluster) == 5);
  unsigned asked = requests_at(service);
  EVENTUALLY(requests_at(service) > asked + 3); /* each at least 100 ms after the other */
  CHECK(!acknowledged(service, "epoch\":"));
  CHECK(escluster_acknowledge(cluster, 5, NULL) == ESCLUSTER_OK);
  EVENTUALLY(times_acknowledged(service, "\"epoch\":5}") >= 3);
  CHECK(times_logged(&log, "epoch 5 acknowledged") == 1);

  /* The program has not switched: what it uses is repeated. */
  reply_with(service, REPLIES(serving(second, 7, "bhs", service)));
  EVENTUALLY(epoch_of(cluster) == 7);
  unsigned before = times_acknowledged(service, "\"epoch\":5}");
  EVENTUALLY(times_acknowledged(service, "\"epoch\":5}") >= before + 3);
  CHECK(!acknowledged(service, "\"epoch\":7}"));
  CHECK(escluster_acknowledge(cluster, 7, NULL) == ESCLUSTER_OK);
  EVENTUALLY(times_acknowledged(service, "\"epoch\":7}") >= 3);

  /* Only a failure, and its end, is logged. */
  reply_with(service, REPLIES("500|"));
  EVENTUALLY(times_logged(&log, "no endpoint service accepts the acknowledgement of epoch 7 yet") == 1);
  reply_with(service, REPLIES(second));
  EVENTUALLY(times_logged(&log, "epoch 7 acknowledged") == 2);
  escluster_close(cluster);
  stop_server(service);
  esc_repeat_acknowledgement_ms = usual_ms;
}

static void a_service_that_hangs_does_not_delay_the_file(void) {
  server *service = start_server();
  server *region = start_server();
  reply_with(service, REPLIES("hang"));
  publish_server("beside.ini", "gra", 1, region);
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("beside.ini"),
                                                   .service_urls = url_of(service, 0),
                                                   .application = "orders",
                                                   .poll_interval_ms = 3000000,
                                                   .log = keep_log,
                                                   .log_context = &log});
  escluster_answer answer;
  CHECK(escluster_perform(cluster, &(escluster_call){.method = "GET", .path = "/"}, &answer) == ESCLUSTER_OK);
  escluster_answer_clear(&answer);
  EVENTUALLY(acknowledged(service, "epoch")); /* and hangs for two seconds */
  int64_t began_ms = esc_now_ms();
  for (unsigned epoch = 2; epoch < 6; epoch++) {
    publish_server("beside.ini", "gra", epoch, region);
    EVENTUALLY(epoch_of(cluster) == epoch);
  }
  CHECK(esc_now_ms() - began_ms < 5000); /* eight seconds, if each one waited for an acknowledgement */
  EVENTUALLY(times_logged(&log, "no endpoint service accepts the acknowledgement of epoch 1 yet") == 1);
  escluster_close(cluster);
  stop_server(region);
  stop_server(service);
}

static void reports_a_service_without_a_usable_answer(void) {
  char good[256];
  server *service = start_server();
  server *other = start_server();
  static char large[6000];
  memset(large, 'x', sizeof large - 1);
  memcpy(large, "200|", 4);
  reply_with(service, REPLIES("404|", "200|garbage", large, serving(good, 2, "gra", service), "hang"));
  reply_with(other, REPLIES("hang"));
  char both[160];
  snprintf(both, sizeof both, "%s  %s", url_of(service, 0), url_of(other, 1));
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  escluster *cluster = opened(&(escluster_options){.service_urls = both,
                                                   .ca_path = certificate_path(),
                                                   .backoff_base_ms = 1,
                                                   .backoff_cap_ms = 5,
                                                   .log = keep_log,
                                                   .log_context = &log});
  EVENTUALLY(epoch_of(cluster) == 2);
  EVENTUALLY(times_logged(&log, "answers again") == 1);
  CHECK(times_logged(&log, "has no usable answer: status 404") == 1);
  CHECK(request_has(other, 0, "GET /v1/endpoint"));
  escluster_close(cluster);
  stop_server(other);
  stop_server(service);
}

const test_case service_suite[] = {
    TEST(follows_a_service_and_acknowledges_after_its_first_request),
    TEST(a_program_with_connections_of_its_own_acknowledges_itself),
    TEST(repeats_what_it_uses_and_never_acknowledges_what_it_does_not),
    TEST(a_service_that_hangs_does_not_delay_the_file),
    TEST(reports_a_service_without_a_usable_answer),
    END_OF_SUITE,
};
