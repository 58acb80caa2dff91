#define _GNU_SOURCE

#include "acknowledge.h"

#include <inttypes.h>

#include "service.h"
#include "util.h"

/** The watcher does not read the endpoint file during this time. */
enum { ACKNOWLEDGE_TIMEOUT_MS = 2000 };

static size_t discard(char *data, size_t size, size_t count, void *context) {
  (void)data, (void)context;
  return size * count;
}

static bool acknowledge_at(escluster *c, CURL *curl, const char *base, uint64_t epoch, char *error) {
  char url[URL_BYTES_MAX];
  char body[512];
  long status = 0;
  error[0] = '\0';
  esc_format(url, sizeof url, "%s/v1/acknowledgement", base);
  esc_format(body, sizeof body, "{\"application\":\"%s\",\"instance\":\"%s\",\"epoch\":%" PRIu64 "}", c->application,
             c->instance, epoch);
  esc_configure_service(c, curl, url, ACKNOWLEDGE_TIMEOUT_MS, error);
  struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
  CURLcode code = headers == NULL ? CURLE_OUT_OF_MEMORY : curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(headers);
  if (code == CURLE_OK && status >= 200 && status < 300) return true;
  if (code == CURLE_OK) esc_format(error, CURL_ERROR_SIZE, "status %ld", status);
  return false;
}

void esc_acknowledge(escluster *c, acknowledgement *acknowledged) {
  pthread_mutex_lock(&c->mutex);
  uint64_t epoch = c->endpoint.serving && c->open_before == 0 ? c->endpoint.epoch : 0;
  pthread_mutex_unlock(&c->mutex);
  if (c->application[0] == '\0' || c->service_count == 0 || epoch <= acknowledged->epoch) return;
  CURL *curl = curl_easy_init();
  if (curl == NULL) return;
  char error[CURL_ERROR_SIZE] = "";
  bool accepted = false;
  /* At each of them: the watchdog of the first may be cut off from the others and unable to share it. */
  for (size_t i = 0; i < c->service_count; i++) {
    if (acknowledge_at(c, curl, c->services[i].url, epoch, error)) accepted = true;
  }
  curl_easy_cleanup(curl);
  if (accepted) {
    esc_log(c, ESCLUSTER_INFO, "epoch %" PRIu64 " acknowledged", epoch);
    acknowledged->epoch = epoch;
  } else if (acknowledged->failed_epoch != epoch) {
    esc_log(c, ESCLUSTER_WARNING, "no endpoint service accepts the acknowledgement of epoch %" PRIu64 " yet: %s", epoch,
            error);
    acknowledged->failed_epoch = epoch;
  }
}
