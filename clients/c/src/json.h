/** Reads JSON in one pass, without building a tree. */
#ifndef ESC_JSON_H
#define ESC_JSON_H

#include "util.h"

/** What is left of a text. Every function skips blanks first, and is false at what it does not expect. */
typedef struct json {
  const char *at;
  const char *end;
} json;

/** Takes one of the characters {}[]:, */
bool esc_json_take(json *j, char expected);

/** Takes a string; *content is what is between its quotes, with escapes as they are. */
bool esc_json_string(json *j, slice *content);

/** Takes an integer without a sign. */
bool esc_json_number(json *j, long *number);

/** Takes any value. */
bool esc_json_skip(json *j);

/** Takes the next key of an object, and its colon. *first: true before the first one. False at the end, too. */
bool esc_json_key(json *j, bool *first, slice *key);

bool esc_is_text(slice s, const char *text);

#endif
