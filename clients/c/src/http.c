#define _GNU_SOURCE

#include "http.h"

#include <stddef.h>

void esc_configure_handle(CURL *curl, const char *ca_path, unsigned connect_timeout_ms, char *error) {
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "libescluster");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(curl, CURLOPT_CAINFO, ca_path);
  /* Otherwise certificates of the system's authorities would be accepted, too. */
  curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
  /* Ignores https_proxy in the environment. */
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  /* One connection per handle, so that the pool can count them. */
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_timeout_ms);
}
