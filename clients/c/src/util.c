#define _GNU_SOURCE

#include "util.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

void esc_format(char *text, size_t size, const char *format, ...) {
  if (text == NULL || size == 0) return;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, size, format, args);
  va_end(args);
}

bool esc_fail(char *error, size_t size, const char *format, ...) {
  if (error == NULL || size == 0) return false;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(error, size, format, args);
  va_end(args);
  return false;
}

int64_t esc_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct timespec esc_timespec_of(int64_t ms) {
  return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

unsigned esc_or_default(unsigned value, unsigned fallback) { return value > 0 ? value : fallback; }

unsigned esc_random_up_to(unsigned maximum) {
  uint64_t drawn = 0;
  /* The kernel's generator needs no seed and no lock, and differs after a fork. */
  if (getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) != (ssize_t)sizeof drawn) {
    drawn = (uint64_t)esc_now_ms() * 2654435761U;
  }
  return (unsigned)(drawn % ((uint64_t)maximum + 1));
}

slice esc_slice_of(const char *text) { return (slice){text, strlen(text)}; }

bool esc_consists_of(slice s, const char *others) {
  for (size_t i = 0; i < s.length; i++) {
    char c = s.at[i];
    bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!alphanumeric && (c == '\0' || strchr(others, c) == NULL)) return false;
  }
  return true;
}

static char to_lower(char c) { return (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c); }

bool esc_same_letters(const char *a, const char *b, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

bool esc_is_control(char c) { return (unsigned char)c < ' ' || c == 0x7f; }

void esc_make_printable(char *text) {
  for (; *text != '\0'; text++) {
    if (esc_is_control(*text)) *text = ' ';
  }
}

bool esc_is_url_path(const char *text) {
  if (text[0] != '/') return false;
  for (; *text != '\0'; text++) {
    if (*text <= ' ' || *text > '~' || *text == '#') return false;
  }
  return true;
}

void esc_copy(char *to, size_t size, slice from) {
  size_t length = from.length < size ? from.length : size - 1;
  memcpy(to, from.at, length);
  to[length] = '\0';
}

quoted esc_quote(slice s) {
  quoted q = {{0}};
  size_t length = s.length < sizeof q.text - 1 ? s.length : sizeof q.text - 1;
  for (size_t i = 0; i < length; i++) q.text[i] = s.at[i] >= ' ' && s.at[i] <= '~' ? s.at[i] : '?';
  return q;
}
