#define _GNU_SOURCE

#include "json.h"

#include <string.h>

enum { DEPTH_MAX = 512 };

static void skip_blanks(json *j) {
  while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\n' || *j->at == '\r')) j->at++;
}

bool esc_json_take(json *j, char expected) {
  skip_blanks(j);
  if (j->at == j->end || *j->at != expected) return false;
  j->at++;
  return true;
}

bool esc_json_string(json *j, slice *content) {
  if (!esc_json_take(j, '"')) return false;
  const char *start = j->at;
  while (j->at < j->end && *j->at != '"') j->at += *j->at == '\\' && j->end - j->at > 1 ? 2 : 1;
  if (j->at >= j->end) return false;
  *content = (slice){start, (size_t)(j->at - start)};
  j->at++;
  return true;
}

bool esc_json_number(json *j, long *number) {
  skip_blanks(j);
  const char *start = j->at;
  *number = 0;
  for (; j->at < j->end && *j->at >= '0' && *j->at <= '9' && j->at - start < 9; j->at++) {
    *number = *number * 10 + (*j->at - '0');
  }
  return j->at > start;
}

/** Takes a number, true, false or null. */
static bool skip_word(json *j) {
  const char *start = j->at;
  while (j->at < j->end && esc_consists_of((slice){j->at, 1}, "+-.")) j->at++;
  return j->at > start;
}

bool esc_json_skip(json *j) {
  char closing[DEPTH_MAX];
  size_t depth = 0;
  slice text;
  do {
    skip_blanks(j);
    if (j->at == j->end) return false;
    char c = *j->at;
    if (c == '"') {
      if (!esc_json_string(j, &text)) return false;
    } else if (c == '{' || c == '[') {
      if (depth == DEPTH_MAX) return false;
      closing[depth++] = c == '{' ? '}' : ']';
      j->at++;
    } else if (depth > 0 && c == closing[depth - 1]) {
      depth--;
      j->at++;
    } else if (depth > 0 && (c == ',' || c == ':')) {
      j->at++;
    } else if (!skip_word(j)) {
      return false;
    }
  } while (depth > 0);
  return true;
}

bool esc_json_key(json *j, bool *first, slice *key) {
  if (!*first && !esc_json_take(j, ',')) return false;
  *first = false;
  return esc_json_string(j, key) && esc_json_take(j, ':');
}

bool esc_is_text(slice s, const char *text) { return s.length == strlen(text) && memcmp(s.at, text, s.length) == 0; }
