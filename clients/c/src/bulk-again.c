/** escluster_bulk_again: the actions of a _bulk that may be sent again. */
#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "public.h"

/** Walks through the actions of a body while the items of its answer are read. */
typedef struct selection {
  slice rest;
  char *kept;
  size_t length;
  bool broken;
} selection;

static slice take_line(slice *rest) {
  const char *end = memchr(rest->at, '\n', rest->length);
  slice line = {rest->at, end == NULL ? rest->length : (size_t)(end - rest->at) + 1};
  *rest = (slice){rest->at + line.length, rest->length - line.length};
  return line;
}

static bool is_blank(slice line) {
  for (size_t i = 0; i < line.length; i++) {
    if (strchr(" \t\r\n", line.at[i]) == NULL) return false;
  }
  return true;
}

/** True when the object that follows has a key _id. */
static bool has_id(json *j) {
  slice key;
  bool first = true;
  if (!esc_json_take(j, '{')) return false;
  while (esc_json_key(j, &first, &key)) {
    if (esc_is_text(key, "_id")) return true;
    if (!esc_json_skip(j)) return false;
  }
  return false;
}

/**
 * Takes an action with its document, if it has one. False at the end, and for what is no action. *idempotent: to carry
 * it out twice is the same as once.
 */
static bool take_action(slice *rest, slice *action, bool *idempotent) {
  slice line = {NULL, 0};
  slice name;
  bool first = true;
  do {
    if (rest->length == 0) return false;
    line = take_line(rest);
  } while (is_blank(line));
  json j = {line.at, line.at + line.length};
  if (!esc_json_take(&j, '{') || !esc_json_key(&j, &first, &name)) return false;
  *action = line;
  *idempotent = (esc_is_text(name, "index") || esc_is_text(name, "delete")) && has_id(&j);
  if (!esc_is_text(name, "delete")) {
    if (rest->length == 0) return false;
    action->length += take_line(rest).length;
  }
  return true;
}

static void select_item(void *context, const escluster_item *item) {
  selection *s = context;
  slice action;
  bool idempotent = false;
  if (s->broken || !take_action(&s->rest, &action, &idempotent)) {
    s->broken = true;
    return;
  }
  if (!item->retryable && !(item->uncertain && idempotent)) return;
  memcpy(s->kept + s->length, action.at, action.length);
  s->length += action.length;
  if (s->kept[s->length - 1] != '\n') s->kept[s->length++] = '\n';
}

escluster_status escluster_bulk_again(const char *body, size_t body_length, const char *answer, size_t answer_length,
                                      char **again, size_t *again_length) {
  slice rest = {body, body_length};
  if (body == NULL || answer == NULL || again == NULL || again_length == NULL) return ESCLUSTER_INVALID;
  *again = NULL;
  *again_length = 0;
  /* Room for a line end that the last line lacks, and for a NUL. */
  selection s = {.rest = rest, .kept = malloc(body_length + 2)};
  if (s.kept == NULL) return ESCLUSTER_SYSTEM;
  escluster_status status = escluster_bulk_items(answer, answer_length, select_item, &s);
  bool complete = status == ESCLUSTER_OK && !s.broken && is_blank(s.rest);
  if (!complete || s.length == 0) {
    free(s.kept);
    return complete ? ESCLUSTER_OK : ESCLUSTER_INVALID;
  }
  s.kept[s.length] = '\0';
  *again = s.kept;
  *again_length = s.length;
  return ESCLUSTER_OK;
}
