#define _GNU_SOURCE

#include "service.h"

#include <inttypes.h>
#include <string.h>

#include "../adopt.h"
#include "../retry.h"
#include "../transport.h"
#include "../util.h"
#include "http.h"

/** Shortest interval between polls of a service that answers before its time, because it knows less than the client. */
enum { SERVICE_INTERVAL_MS = 1000 };

static int stop_when_cancelled(void *context, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e) {
  (void)a, (void)b, (void)d, (void)e;
  return atomic_load(&((escluster *)context)->cancelled) ? 1 : 0;
}

void esc_configure_service(escluster *c, CURL *curl, const char *url, unsigned timeout_ms, char *error) {
  escluster_endpoint in_use;
  (void)escluster_current(c, &in_use);
  curl_easy_reset(curl);
  esc_configure_handle(curl, c->ca_path != NULL ? c->ca_path : in_use.ca_path, c->connect_timeout_ms, error);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_when_cancelled);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, c);
}

typedef struct service_answer {
  char text[4096];
  size_t length;
} service_answer;

static size_t on_answer(char *data, size_t size, size_t count, void *context) {
  service_answer *answer = context;
  size_t length = size * count;
  if (length > sizeof answer->text - answer->length) return 0;
  memcpy(answer->text + answer->length, data, length);
  answer->length += length;
  return length;
}

/** Polls once, until the service knows another epoch. False, with the reason in `error`, without a usable answer. */
static bool poll_service(escluster *c, CURL *curl, const char *base, char *error, size_t size) {
  service_answer answer = {.length = 0};
  escluster_endpoint in_use;
  escluster_endpoint offered;
  char url[URL_BYTES_MAX];
  char curl_error[CURL_ERROR_SIZE] = "";
  char reason[ESCLUSTER_ERROR_MAX] = "";
  long status = 0;
  (void)escluster_current(c, &in_use);
  esc_format(url, sizeof url, "%s/v1/endpoint?format=ini&wait=%ums&epoch=%" PRIu64, base, c->long_poll_ms,
             in_use.epoch);
  esc_configure_service(c, curl, url, c->long_poll_ms + c->attempt_timeout_ms, curl_error);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_answer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  CURLcode code = esc_perform_handle(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
  if (code != CURLE_OK) {
    return esc_fail(error, size, "%s", curl_error[0] != '\0' ? curl_error : curl_easy_strerror(code));
  }
  /* 503: no region serves. The text has the epoch of the change, or is no endpoint if the service does not know it. */
  if (status != 200 && status != 503) return esc_fail(error, size, "status %ld", status);
  if (escluster_parse(answer.text, answer.length, &offered, reason, sizeof reason) != ESCLUSTER_OK) {
    return esc_fail(error, size, "status %ld, and its answer is not an endpoint: %.300s", status, reason);
  }
  (void)esc_offer_endpoint(c, &offered, SOURCE_SERVICE, base, reason, sizeof reason);
  return true;
}

/** Sleeps until the time is over or the cluster is cancelled. */
static void pause_polling(escluster *c, int64_t ms) {
  struct timespec until = esc_timespec_of(esc_now_ms() + ms);
  int waited = 0;
  pthread_mutex_lock(&c->mutex);
  while (waited == 0 && !atomic_load(&c->cancelled)) waited = pthread_cond_timedwait(&c->changed, &c->mutex, &until);
  pthread_mutex_unlock(&c->mutex);
}

void *esc_follow_service(void *context) {
  const service *s = context;
  escluster *c = s->cluster;
  CURL *curl = curl_easy_init();
  unsigned failures = 0;
  while (curl != NULL && !atomic_load(&c->cancelled)) {
    char error[ESCLUSTER_ERROR_MAX];
    escluster_endpoint before;
    escluster_endpoint after;
    int64_t began_ms = esc_now_ms();
    (void)escluster_current(c, &before);
    if (poll_service(c, curl, s->url, error, sizeof error)) {
      if (failures > 0) esc_log(&c->log, ESCLUSTER_INFO, "the endpoint service %s answers again", s->url);
      failures = 0;
      (void)escluster_current(c, &after);
      int64_t took_ms = esc_now_ms() - began_ms;
      if (after.epoch == before.epoch && took_ms < SERVICE_INTERVAL_MS) pause_polling(c, SERVICE_INTERVAL_MS - took_ms);
    } else if (!atomic_load(&c->cancelled)) {
      if (failures++ == 0) {
        esc_log(&c->log, ESCLUSTER_WARNING, "the endpoint service %s has no usable answer: %s", s->url, error);
      }
      unsigned ceiling_ms = esc_backoff_ceiling_ms(failures, c->backoff_base_ms, c->backoff_cap_ms);
      pause_polling(c, esc_random_up_to(ceiling_ms) + c->backoff_base_ms);
    }
  }
  esc_close_handle(curl);
  return NULL;
}
