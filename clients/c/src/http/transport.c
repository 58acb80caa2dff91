/** The library with libcurl; see also pool.c, service.c and loop.c. */
#define _GNU_SOURCE

#include "../transport.h"

#include "../util.h"
#include "http.h"
#include "service.h"

enum { ACKNOWLEDGE_TIMEOUT_MS = 2000 };

bool esc_open_transport(void) { return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; }

void esc_close_transport(void) { curl_global_cleanup(); }

const char *esc_unsupported_option(const escluster_options *o) {
  (void)o;
  return NULL;
}

static size_t discard(char *data, size_t size, size_t count, void *context) {
  (void)data, (void)context;
  return size * count;
}

bool esc_post_acknowledgement(escluster *c, const char *base, const char *body, char *error, size_t size) {
  char url[URL_BYTES_MAX];
  char curl_error[CURL_ERROR_SIZE] = "";
  long status = 0;
  CURL *curl = curl_easy_init();
  if (curl == NULL) return esc_fail(error, size, "out of memory");
  esc_format(url, sizeof url, "%s/v1/acknowledgement", base);
  esc_configure_service(c, curl, url, ACKNOWLEDGE_TIMEOUT_MS, curl_error);
  struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
  CURLcode code = headers == NULL ? CURLE_OUT_OF_MEMORY : esc_perform_handle(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  esc_close_handle(curl);
  curl_slist_free_all(headers);
  if (code != CURLE_OK) {
    return esc_fail(error, size, "%s", curl_error[0] != '\0' ? curl_error : curl_easy_strerror(code));
  }
  return (status >= 200 && status < 300) || esc_fail(error, size, "status %ld", status);
}
