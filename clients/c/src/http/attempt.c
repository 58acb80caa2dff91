/** How an attempt begins: the settings of its handle. */
#define _GNU_SOURCE

#include "attempt.h"

#include <string.h>

#include "../credentials.h"
#include "../endpoint.h"
#include "../util.h"
#include "http.h"

static bool append(attempt *a, const char *line) {
  struct curl_slist *longer = curl_slist_append(a->headers, line);
  if (longer != NULL) a->headers = longer;
  return longer != NULL;
}

static bool append_all(attempt *a, const char *const *lines) {
  for (; lines != NULL && *lines != NULL; lines++) {
    if (!append(a, *lines)) return false;
  }
  return true;
}

/** "user:password" by Basic authentication, the others as a header. */
static bool set_credentials(attempt *a, CURL *curl) {
  escluster *c = a->request->cluster;
  char credentials[CREDENTIALS_BYTES_MAX];
  bool set = true;
  pthread_mutex_lock(&c->mutex);
  memcpy(credentials, c->credentials, sizeof credentials);
  a->credentials_version = c->credentials_version;
  a->accepted_before = c->credentials_accepted;
  pthread_mutex_unlock(&c->mutex);
  if (esc_are_header_credentials(credentials)) {
    char line[CREDENTIALS_BYTES_MAX + 32];
    esc_format(line, sizeof line, "Authorization: %s", credentials);
    set = append(a, line);
    explicit_bzero(line, sizeof line);
  } else if (credentials[0] != '\0') {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    set = curl_easy_setopt(curl, CURLOPT_USERPWD, credentials) == CURLE_OK;
  }
  explicit_bzero(credentials, sizeof credentials);
  return set;
}

static bool append_body_headers(attempt *a) {
  const escluster_call *call = a->request->call;
  if (call->body_length == 0) {
    bool announced = strcmp(call->method, "POST") == 0 || strcmp(call->method, "PUT") == 0;
    return !announced || append(a, "Content-Length: 0");
  }
  char line[160];
  const char *type = call->content_type == NULL ? "application/json" : call->content_type;
  esc_format(line, sizeof line, "Content-Type: %s", type);
  return append(a, line) && append(a, "Expect:"); /* saves the round trip that asks whether the body is welcome */
}

static bool set_url(const attempt *a, CURL *curl) {
  const escluster *c = a->request->cluster;
  char url[2 * URL_BYTES_MAX + ESCLUSTER_HOST_MAX + 32];
  esc_format(url, sizeof url, "https://%s%s%s", esc_authority_of(&a->connection->endpoint).text,
             c->path_prefix == NULL ? "" : c->path_prefix, a->request->call->path);
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK;
}

static bool set_client_certificate(const escluster *c, CURL *curl) {
  if (c->client_certificate_path == NULL) return true;
  const char *key = c->client_key_path != NULL ? c->client_key_path : c->client_certificate_path;
  return curl_easy_setopt(curl, CURLOPT_SSLCERT, c->client_certificate_path) == CURLE_OK &&
         curl_easy_setopt(curl, CURLOPT_SSLKEY, key) == CURLE_OK;
}

bool esc_start_attempt(attempt *a, request *r, connection *k) {
  const escluster *c = r->cluster;
  const escluster_call *call = r->call;
  CURL *curl = k->curl;
  *a = (attempt){.request = r, .connection = k};
  r->answer->attempts++;
  curl_easy_reset(curl); /* clears the options and keeps the connection */
  esc_configure_handle(curl, k->endpoint.ca_path, c->connect_timeout_ms, a->curl_error);
  esc_set_callbacks(a);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)esc_attempt_timeout_ms(r));
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, r->repeat == ESCLUSTER_ONCE ? 1L : 0L);
#if LIBCURL_VERSION_NUM >= 0x075000
  /* For loops, whose connections libcurl keeps; in whole seconds. */
  if (c->connection_lifetime_ms > 0) {
    curl_easy_setopt(curl, CURLOPT_MAXLIFETIME_CONN, (long)(c->connection_lifetime_ms / 1000 + 1));
  }
#endif
  if (c->gzip) curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
  if (strcmp(call->method, "HEAD") == 0) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
  bool good = set_url(a, curl) && set_client_certificate(c, curl) && append_body_headers(a) &&
              append_all(a, (const char *const *)c->headers) && append_all(a, call->headers) &&
              set_credentials(a, curl);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, a->headers);
  return good;
}
