#define _GNU_SOURCE

#include "attempt.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "endpoint.h"
#include "http.h"
#include "util.h"

/** State that libcurl's callbacks of one attempt share. */
typedef struct attempt {
  escluster *cluster;
  const connection *connection;
  const escluster_call *call;
  /* The credentials sent, and whether a server accepted them before. */
  unsigned credentials_version;
  bool accepted_before;
  /* Body of the request: how much libcurl has taken, and whether it started over. */
  size_t taken;
  bool any_taken;
  bool rewound;
  /* Answer. */
  char *body;
  size_t length;
  size_t capacity;
  bool too_large;
  bool no_memory;
  bool from_elasticsearch;
  bool has_retry_after;
} attempt;

static size_t on_send(char *buffer, size_t size, size_t count, void *context) {
  attempt *a = context;
  size_t room = size * count;
  size_t left = a->call->body_length - a->taken;
  size_t length = left < room ? left : room;
  if (length > 0) memcpy(buffer, (const char *)a->call->body + a->taken, length);
  a->taken += length;
  a->any_taken = a->any_taken || length > 0;
  return length;
}

/** libcurl wants another part of the body: it repeats the request by itself. */
static int on_rewind(void *context, curl_off_t offset, int origin) {
  attempt *a = context;
  if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > a->call->body_length) return CURL_SEEKFUNC_FAIL;
  a->rewound = a->rewound || a->any_taken;
  a->taken = (size_t)offset;
  return CURL_SEEKFUNC_OK;
}

static size_t on_header(char *line, size_t size, size_t count, void *context) {
  attempt *a = context;
  size_t length = size * count;
  static const char product[] = "x-elastic-product:";
  static const char retry_after[] = "retry-after:";
  if (length > sizeof product && strncasecmp(line, product, sizeof product - 1) == 0) a->from_elasticsearch = true;
  if (length > sizeof retry_after && strncasecmp(line, retry_after, sizeof retry_after - 1) == 0) {
    a->has_retry_after = true;
  }
  return length;
}

static size_t on_receive(char *data, size_t size, size_t count, void *context) {
  attempt *a = context;
  size_t length = size * count;
  if (length > a->cluster->answer_bytes_max - a->length) {
    a->too_large = true;
    return 0;
  }
  if (a->length + length + 1 > a->capacity) {
    size_t capacity = (a->length + length + 1) * 2;
    char *body = realloc(a->body, capacity);
    if (body == NULL) {
      a->no_memory = true;
      return 0;
    }
    a->body = body;
    a->capacity = capacity;
  }
  memcpy(a->body + a->length, data, length);
  a->length += length;
  a->body[a->length] = '\0';
  return length;
}

/** Called about once a second: ends an attempt that was cancelled, or that stays at a region that was replaced. */
static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up) {
  (void)down_total, (void)down, (void)up_total, (void)up;
  const attempt *a = context;
  escluster *c = a->cluster;
  if (atomic_load(&c->cancelled)) return 1;
  if (a->call->repeat == ESCLUSTER_ONCE || atomic_load(&c->generation) == a->connection->generation) return 0;
  return esc_now_ms() - atomic_load(&c->replaced_at_ms) > (int64_t)c->drain_ms;
}

static struct curl_slist *append(struct curl_slist *list, const char *line, bool *failed) {
  struct curl_slist *longer = curl_slist_append(list, line);
  if (longer == NULL) *failed = true;
  return longer == NULL ? list : longer;
}

/** "user:password" by Basic authentication, "ApiKey …" as a header. */
static struct curl_slist *set_credentials(attempt *a, CURL *curl, struct curl_slist *headers, bool *failed) {
  escluster *c = a->cluster;
  char credentials[CREDENTIALS_BYTES_MAX];
  pthread_mutex_lock(&c->mutex);
  memcpy(credentials, c->credentials, sizeof credentials);
  a->credentials_version = c->credentials_version;
  a->accepted_before = c->credentials_accepted;
  pthread_mutex_unlock(&c->mutex);
  if (strncmp(credentials, "ApiKey ", 7) == 0) {
    char line[CREDENTIALS_BYTES_MAX + 32];
    esc_format(line, sizeof line, "Authorization: %s", credentials);
    headers = append(headers, line, failed);
    explicit_bzero(line, sizeof line);
  } else if (credentials[0] != '\0') {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    if (curl_easy_setopt(curl, CURLOPT_USERPWD, credentials) != CURLE_OK) *failed = true;
  }
  explicit_bzero(credentials, sizeof credentials);
  return headers;
}

static struct curl_slist *set_body(attempt *a, CURL *curl, struct curl_slist *headers, bool *failed) {
  const escluster_call *call = a->call;
  if (call->body_length == 0) {
    bool announced = strcmp(call->method, "POST") == 0 || strcmp(call->method, "PUT") == 0;
    return announced ? append(headers, "Content-Length: 0", failed) : headers;
  }
  char line[160];
  const char *type = call->content_type == NULL ? "application/json" : call->content_type;
  esc_format(line, sizeof line, "Content-Type: %s", type);
  headers = append(headers, line, failed);
  headers = append(headers, "Expect:", failed); /* saves the round trip that asks whether the body is welcome */
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body_length);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_send);
  curl_easy_setopt(curl, CURLOPT_READDATA, a);
  curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_rewind);
  curl_easy_setopt(curl, CURLOPT_SEEKDATA, a);
  return headers;
}

/** Configures the handle for one attempt. Returns its headers, to be freed afterwards. */
static struct curl_slist *configure(attempt *a, CURL *curl, int64_t timeout_ms, char *error, bool *failed) {
  const escluster_call *call = a->call;
  const escluster_endpoint *to = &a->connection->endpoint;
  char url[URL_BYTES_MAX + ESCLUSTER_HOST_MAX + 32];
  esc_format(url, sizeof url, "https://%s%s", esc_authority_of(to).text, call->path);

  curl_easy_reset(curl); /* clears the options and keeps the connection */
  esc_configure_handle(curl, to->ca_path, a->cluster->connect_timeout_ms, error);
  if (curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK) *failed = true;
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, call->repeat == ESCLUSTER_ONCE ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, a);
  if (strcmp(call->method, "HEAD") == 0) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);

  struct curl_slist *headers = set_body(a, curl, NULL, failed);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
  headers = set_credentials(a, curl, headers, failed);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  return headers;
}

static bool names_write_block(const attempt *a) {
  return a->body != NULL && strstr(a->body, "cluster_block_exception") != NULL;
}

static bool is_untrusted(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR ||
         code == CURLE_SSL_INVALIDCERTSTATUS;
}

static bool is_unsendable(CURLcode code) {
  return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_BAD_FUNCTION_ARGUMENT ||
         code == CURLE_NOT_BUILT_IN || code == CURLE_OUT_OF_MEMORY;
}

/** Records that a server accepted the credentials, unless they were replaced in the meantime. */
static void record_acceptance(const attempt *a, long http_status) {
  escluster *c = a->cluster;
  if (http_status < 200 || http_status > 299) return;
  pthread_mutex_lock(&c->mutex);
  if (c->credentials_version == a->credentials_version) c->credentials_accepted = true;
  pthread_mutex_unlock(&c->mutex);
}

static outcome outcome_of(const attempt *a, CURL *curl, CURLcode code) {
  outcome o = {
      .answered = code == CURLE_OK,
      .from_elasticsearch = a->from_elasticsearch,
      .has_retry_after = a->has_retry_after,
      .accepted_before = a->accepted_before,
      .sent_twice = a->rewound,
      .untrusted = is_untrusted(code),
      .unsendable = is_unsendable(code),
  };
  curl_off_t began_us = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &o.http_status);
  curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &began_us);
  /* A body counts as sent from the first byte that libcurl took; without a body, a connection that was ready counts. */
  o.sent = a->call->body_length > 0 ? a->any_taken : began_us > 0;
  o.write_blocked = o.http_status == 403 && names_write_block(a);
  return o;
}

/** Describes the outcome of an attempt in a sentence. */
static void describe(const outcome *o, const attempt *a, const char *curl_error, CURLcode code, char *text,
                     size_t size) {
  const escluster_endpoint *to = &a->connection->endpoint;
  int length = snprintf(text, size, "%s %.160s at %s (%.100s, epoch %" PRIu64 "): ", a->call->method, a->call->path,
                        to->region, esc_authority_of(to).text, to->epoch);
  if (length < 0 || (size_t)length >= size) return;
  text += length;
  size -= (size_t)length;
  if (o->answered) {
    slice start = {a->body == NULL ? "" : a->body, a->length < 160 ? a->length : 160};
    esc_format(text, size, "status %ld %.*s", o->http_status, (int)start.length, start.at);
    for (char *p = text; *p != '\0'; p++) {
      if (iscntrl((unsigned char)*p)) *p = ' ';
    }
  } else {
    esc_format(text, size, "%s", curl_error[0] != '\0' ? curl_error : curl_easy_strerror(code));
  }
}

attempt_result esc_attempt(escluster *c, const escluster_call *call, connection *k, int64_t timeout_ms,
                           escluster_answer *answer) {
  attempt a = {.cluster = c, .connection = k, .call = call};
  char curl_error[CURL_ERROR_SIZE] = "";
  bool failed = false;
  struct curl_slist *headers = configure(&a, k->curl, timeout_ms, curl_error, &failed);
  CURLcode code = failed ? CURLE_OUT_OF_MEMORY : curl_easy_perform(k->curl);
  attempt_result result = {.outcome = outcome_of(&a, k->curl, code), .failure = ESCLUSTER_OK};
  const outcome *o = &result.outcome;
  if (o->answered) record_acceptance(&a, o->http_status);
  if (o->answered) curl_easy_getinfo(k->curl, CURLINFO_RETRY_AFTER, &result.retry_after_s);
  describe(o, &a, curl_error, code, answer->error, sizeof answer->error);
  /* The handle outlives these. */
  curl_easy_setopt(k->curl, CURLOPT_HTTPHEADER, NULL);
  curl_easy_setopt(k->curl, CURLOPT_ERRORBUFFER, NULL);
  curl_slist_free_all(headers);

  if (a.too_large) result.failure = ESCLUSTER_TOO_LARGE;
  if (a.no_memory || code == CURLE_OUT_OF_MEMORY) result.failure = ESCLUSTER_SYSTEM;
  answer->epoch = k->endpoint.epoch;
  memcpy(answer->region, k->endpoint.region, sizeof answer->region);
  if (o->answered) {
    free(answer->body);
    answer->body = a.body;
    answer->body_length = a.length;
    answer->http_status = o->http_status;
  } else {
    free(a.body);
  }
  return result;
}
