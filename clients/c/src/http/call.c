/** The rules of a call. */
#define _GNU_SOURCE

#include <string.h>

#include "../options.h"
#include "../util.h"
#include "request.h"

static bool is_method(const char *method) {
  static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE"};
  for (size_t i = 0; method != NULL && i < sizeof methods / sizeof methods[0]; i++) {
    if (strcmp(method, methods[i]) == 0) return true;
  }
  return false;
}

static const char *broken_content_type(const char *type) {
  if (type == NULL) return NULL;
  if (strlen(type) > 100) return "the content type is longer than 100 bytes";
  for (const char *p = type; *p != '\0'; p++) {
    if (esc_is_control(*p)) return "the content type contains a control character";
  }
  return NULL;
}

const char *esc_broken_call(const escluster_call *call) {
  if (!is_method(call->method)) return "the method is none of GET, HEAD, PUT, POST, DELETE";
  if (call->path == NULL || call->path[0] != '/') return "the path does not begin with /";
  if (strlen(call->path) >= URL_BYTES_MAX) return "the path is longer than 2047 bytes";
  if (!esc_is_url_path(call->path)) return "the path contains characters that must be percent-encoded";
  if (call->body == NULL && call->body_length > 0) return "body_length is set, but body is NULL";
  if ((unsigned)call->repeat > ESCLUSTER_CREATE) return "repeat is none of escluster_repeat";
  if (call->repeat == ESCLUSTER_CREATE && call->body_length == 0) return "ESCLUSTER_CREATE needs a body";
  if (call->body_length > 0 && strcmp(call->method, "HEAD") == 0) return "HEAD takes no body";
  const char *broken = broken_content_type(call->content_type);
  return broken != NULL ? broken : esc_broken_header(call->headers);
}
