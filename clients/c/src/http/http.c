#define _GNU_SOURCE

#include "http.h"

#include <stddef.h>

#include "sigpipe.h"

void esc_configure_handle(CURL *curl, const char *ca_path, unsigned connect_timeout_ms, char *error) {
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "libescluster");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  /* Without one, which endpoint_only allows for a service on loopback, no server is verified, so TLS fails. */
  curl_easy_setopt(curl, CURLOPT_CAINFO, ca_path[0] != '\0' ? ca_path : "/dev/null");
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

CURLcode esc_perform_handle(CURL *curl) {
  sigpipe_guard guard;
  esc_block_sigpipe(&guard);
  CURLcode code = curl_easy_perform(curl);
  esc_restore_sigpipe(&guard);
  return code;
}

void esc_close_handle(CURL *curl) {
  sigpipe_guard guard;
  esc_block_sigpipe(&guard);
  curl_easy_cleanup(curl);
  esc_restore_sigpipe(&guard);
}
