/** libcurl's callbacks of one attempt: the bytes of the request and of the answer. */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../util.h"
#include "attempt.h"

static size_t on_send(char *buffer, size_t size, size_t count, void *context) {
  attempt *a = context;
  const escluster_call *call = a->request->call;
  size_t room = size * count;
  size_t left = call->body_length - a->taken;
  size_t length = left < room ? left : room;
  if (length > 0) memcpy(buffer, (const char *)call->body + a->taken, length);
  a->taken += length;
  a->any_taken = a->any_taken || length > 0;
  return length;
}

/** libcurl wants another part of the body: it repeats the request by itself. */
static int on_rewind(void *context, curl_off_t offset, int origin) {
  attempt *a = context;
  if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > a->request->call->body_length) return CURL_SEEKFUNC_FAIL;
  a->rewound = a->rewound || a->any_taken;
  a->taken = (size_t)offset;
  return CURL_SEEKFUNC_OK;
}

static bool begins_with(const char *line, size_t length, const char *name) {
  return length > strlen(name) && esc_same_letters(line, name, strlen(name));
}

static size_t on_header(char *line, size_t size, size_t count, void *context) {
  attempt *a = context;
  size_t length = size * count;
  if (begins_with(line, length, "x-elastic-product:")) a->from_elasticsearch = true;
  if (begins_with(line, length, "retry-after:")) a->has_retry_after = true;
  return length;
}

static bool keep(attempt *a, const char *data, size_t length) {
  if (length > a->request->cluster->answer_bytes_max - a->length) {
    a->too_large = true;
    return false;
  }
  if (a->length + length + 1 > a->capacity) {
    size_t capacity = (a->length + length + 1) * 2;
    char *body = realloc(a->body, capacity);
    if (body == NULL) {
      a->no_memory = true;
      return false;
    }
    a->body = body;
    a->capacity = capacity;
  }
  memcpy(a->body + a->length, data, length);
  a->length += length;
  a->body[a->length] = '\0';
  return true;
}

static size_t on_receive(char *data, size_t size, size_t count, void *context) {
  attempt *a = context;
  const escluster_call *call = a->request->call;
  size_t length = size * count;
  long status = 0;
  if (call->on_body != NULL) curl_easy_getinfo(a->connection->curl, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200 || status > 299) return keep(a, data, length) ? length : 0;
  a->delivered = true;
  a->stopped = !call->on_body(call->body_context, data, length);
  return a->stopped ? 0 : length;
}

bool esc_must_abort(attempt *a) {
  if (atomic_load(&a->request->cancelled)) return true;
  if (a->request->repeat == ESCLUSTER_ONCE) return false;
  a->drained = esc_is_drained(a->request->cluster, a->connection);
  return a->drained;
}

/** Called about once a second, which is how soon an attempt that blocks is aborted. */
static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up) {
  (void)down_total, (void)down, (void)up_total, (void)up;
  return esc_must_abort(context) ? 1 : 0;
}

void esc_set_callbacks(attempt *a) {
  CURL *curl = a->connection->curl;
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, a);
  if (a->request->call->body_length == 0) return;
  curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
  curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)a->request->call->body_length);
  curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_send);
  curl_easy_setopt(curl, CURLOPT_READDATA, a);
  curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_rewind);
  curl_easy_setopt(curl, CURLOPT_SEEKDATA, a);
}
