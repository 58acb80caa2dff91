#define _GNU_SOURCE

#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "credentials.h"
#include "transport.h"
#include "util.h"

/** Between the addresses of endpoint services. */
#define BLANKS " \t\n"

/** Whether the program was built with a header that this library knows: of the same major version, and not later. */
static bool knows_version(unsigned version) {
  return version >> 16 == ESCLUSTER_VERSION >> 16 && (version >> 8 & 0xff) <= (ESCLUSTER_VERSION >> 8 & 0xff);
}

static bool is_path(const char *path) { return path == NULL || (path[0] != '\0' && strlen(path) < ESCLUSTER_PATH_MAX); }

const char *esc_broken_header(const char *const *headers) {
  /* What the library sets itself, or what would change where a request ends. */
  static const char *const own[] = {"content-length:", "transfer-encoding:", "content-type:", "connection:", "host:"};
  size_t count = 0;
  for (; headers != NULL && headers[count] != NULL; count++) {
    const char *line = headers[count];
    const char *colon = strchr(line, ':');
    if (count == HEADERS_MAX) return "headers has more than 32 lines";
    if (colon == NULL || colon == line || strlen(line) > 1024) return "headers: a line is not \"Name: value\"";
    if (!esc_consists_of((slice){line, (size_t)(colon - line)}, "-_")) return "headers: a name has other characters";
    if (colon[1 + strspn(colon + 1, " ")] == '\0') return "headers: a value is empty";
    for (const char *p = line; *p != '\0'; p++) {
      if (esc_is_control(*p)) return "headers: a line contains a control character";
    }
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
      if (esc_same_letters(line, own[i], strlen(own[i]))) return "headers: the library sets this header itself";
    }
  }
  return NULL;
}

static const char *broken_request_option(const escluster_options *o) {
  const char *prefix = o->path_prefix;
  if (!is_path(o->client_certificate_path) || !is_path(o->client_key_path)) {
    return "client_certificate_path or client_key_path is empty or too long";
  }
  if (o->client_key_path != NULL && o->client_certificate_path == NULL) {
    return "client_key_path is set, but client_certificate_path is not";
  }
  if (prefix != NULL && (!esc_is_url_path(prefix) || strchr(prefix, '?') != NULL || prefix[strlen(prefix) - 1] == '/' ||
                         strlen(prefix) > URL_BYTES_MAX / 2)) {
    return "path_prefix is not a path like \"/search\", without a / at its end";
  }
  if (o->pool_size > POOL_SIZE_MAX) return "pool_size is larger than 1024";
  return esc_broken_header(o->headers);
}

const char *esc_broken_option(const escluster_options *o) {
  if (!knows_version(o->version)) return "version is not ESCLUSTER_VERSION, or of a later libescluster than this one";
  const char *unsupported = esc_unsupported_option(o);
  if (unsupported != NULL) return unsupported;
  bool file = o->endpoint_path != NULL;
  bool services = o->service_urls != NULL && o->service_urls[strspn(o->service_urls, BLANKS)] != '\0';
  if (file && o->endpoint_path[0] == '\0') return "endpoint_path is empty";
  if (!file && !services) return "neither endpoint_path nor service_urls is set";
  bool plain = o->endpoint_only && !file && strstr(o->service_urls, "https:") == NULL;
  if (!file && o->ca_path == NULL && !plain)
    return "ca_path is not set, and without an endpoint file there is no CaPath";
  if (!is_path(o->ca_path)) return "ca_path is empty or too long";
  if (o->credentials != NULL && o->credentials_path != NULL) {
    return "credentials and credentials_path exclude each other";
  }
  if (o->credentials != NULL &&
      (strlen(o->credentials) >= CREDENTIALS_BYTES_MAX || !esc_are_credentials(o->credentials))) {
    return "credentials are none of user:password, ApiKey <encoded key>, Bearer <token>";
  }
  if (o->application != NULL) {
    slice name = esc_slice_of(o->application);
    if (name.length == 0 || name.length >= APPLICATION_BYTES_MAX || !esc_consists_of(name, "._-")) {
      return "application is not a name of at most 64 letters, digits, dots, - and _";
    }
  }
  if (o->poll_interval_ms > 3600000) return "poll_interval_ms is longer than an hour";
  return broken_request_option(o);
}

/** Copies a string; NULL stays NULL. */
static char *duplicate(const char *text, bool *failed) {
  char *copied = text == NULL ? NULL : strdup(text);
  if (text != NULL && copied == NULL) *failed = true;
  return copied;
}

static bool is_loopback(slice url) {
  static const char *const bases[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
  for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
    size_t length = strlen(bases[i]);
    if (url.length >= length && strncmp(url.at, bases[i], length) == 0 &&
        (url.length == length || url.at[length] == ':' || url.at[length] == '/')) {
      return true;
    }
  }
  return false;
}

/** Splits the list of endpoint services. False with the reason in `error`. */
static bool split_services(escluster *c, const char *urls, char *error, size_t size) {
  for (const char *p = urls + strspn(urls, BLANKS); *p != '\0'; p += strspn(p, BLANKS)) {
    slice url = {p, strcspn(p, BLANKS)};
    p += url.length;
    while (url.length > 0 && url.at[url.length - 1] == '/') url.length--;
    if (c->service_count == SERVICES_MAX) return esc_fail(error, size, "service_urls has more than %d", SERVICES_MAX);
    if (url.length > URL_BYTES_MAX / 2 || (strncmp(url.at, "https://", 8) != 0 && !is_loopback(url))) {
      return esc_fail(error, size, "service_urls: %s is not an https address (http only for loopback)",
                      esc_quote(url).text);
    }
    service *s = &c->services[c->service_count];
    *s = (service){.cluster = c, .url = strndup(url.at, url.length)};
    if (s->url == NULL) return esc_fail(error, size, "out of memory");
    c->service_count++;
  }
  return true;
}

/** Cuts a path down to its directory. */
static void to_directory(char *path) {
  char *slash = strrchr(path, '/');
  if (slash == NULL) {
    memcpy(path, ".", sizeof ".");
  } else {
    slash[slash == path ? 1 : 0] = '\0';
  }
}

bool esc_apply_options(escluster *c, const escluster_options *o, char *error, size_t size) {
  bool failed = false;
  char host[ESCLUSTER_HOST_MAX] = "";
  c->endpoint_path = duplicate(o->endpoint_path, &failed);
  c->directory = duplicate(o->endpoint_path, &failed);
  c->ca_path = duplicate(o->ca_path, &failed);
  c->credentials_path = duplicate(o->credentials_path, &failed);
  c->client_certificate_path = duplicate(o->client_certificate_path, &failed);
  c->client_key_path = duplicate(o->client_key_path, &failed);
  c->path_prefix = duplicate(o->path_prefix, &failed);
  for (size_t i = 0; o->headers != NULL && o->headers[i] != NULL; i++)
    c->headers[i] = duplicate(o->headers[i], &failed);
  if (failed) return esc_fail(error, size, "out of memory");
  if (c->directory != NULL) to_directory(c->directory);
  if (o->application != NULL) esc_copy(c->application, sizeof c->application, esc_slice_of(o->application));
  (void)gethostname(host, sizeof host - 1);
  esc_format(c->instance, sizeof c->instance, "%s:%ld", esc_consists_of(esc_slice_of(host), ".-_") ? host : "host",
             (long)getpid());
  c->pool_size = esc_or_default(o->pool_size, 8);
  c->connect_timeout_ms = esc_or_default(o->connect_timeout_ms, 2000);
  c->attempt_timeout_ms = esc_or_default(o->attempt_timeout_ms, 10000);
  c->budget_ms = esc_or_default(o->budget_ms, 120000);
  c->attempts_max = esc_or_default(o->attempts_max, 60);
  c->backoff_base_ms = esc_or_default(o->backoff_base_ms, 100);
  c->backoff_cap_ms = esc_or_default(o->backoff_cap_ms, 5000);
  c->poll_interval_ms = esc_or_default(o->poll_interval_ms, 2000);
  c->long_poll_ms = esc_or_default(o->long_poll_ms, 30000);
  c->drain_ms = esc_or_default(o->drain_ms, 2000);
  c->answer_bytes_max = o->answer_bytes_max > 0 ? o->answer_bytes_max : (size_t)16 * 1024 * 1024;
  c->connection_lifetime_ms = o->connection_lifetime_ms;
  c->endpoint_only = o->endpoint_only;
  c->acknowledges_itself = o->acknowledges_itself || o->endpoint_only;
  c->gzip = o->gzip;
  c->on_change = o->on_change;
  c->change_context = o->change_context;
  c->log.write = o->log;
  c->log.context = o->log_context;
  if (o->credentials != NULL) memcpy(c->credentials, o->credentials, strlen(o->credentials) + 1);
  if (o->credentials_path != NULL && !esc_read_credentials(o->credentials_path, c->credentials, error, size)) {
    return false;
  }
  return o->service_urls == NULL || split_services(c, o->service_urls, error, size);
}
