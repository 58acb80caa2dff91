/** Bounded text, time and random numbers. */
#ifndef ESC_UTIL_H
#define ESC_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/** Formats into a buffer and cuts what does not fit. Does nothing without a buffer. */
__attribute__((format(printf, 3, 4))) void esc_format(char *text, size_t size, const char *format, ...);

/** Formats an error like esc_format. Always false, so that a caller can return it. */
__attribute__((format(printf, 3, 4))) bool esc_fail(char *error, size_t size, const char *format, ...);

/** Milliseconds of the monotonic clock. */
int64_t esc_now_ms(void);

struct timespec esc_timespec_of(int64_t ms);

/** `value`, or `fallback` for 0. */
unsigned esc_or_default(unsigned value, unsigned fallback);

/** Uniform from 0 to `maximum`. */
unsigned esc_random_up_to(unsigned maximum);

/** Part of a text, without a NUL at its end. */
typedef struct slice {
  const char *at;
  size_t length;
} slice;

slice esc_slice_of(const char *text);

/** True when every character is a letter, a digit or one of `others`. */
bool esc_consists_of(slice s, const char *others);

/** Compares ASCII letters without regard to case, in every locale. */
bool esc_same_letters(const char *a, const char *b, size_t length);

/** True for ASCII's control characters. */
bool esc_is_control(char c);

/** Replaces control characters by blanks. UTF-8 stays as it is. */
void esc_make_printable(char *text);

/** True for a path that needs no percent-encoding and has no fragment. */
bool esc_is_url_path(const char *text);

/** Copies and cuts what does not fit; the result ends in NUL. */
void esc_copy(char *to, size_t size, slice from);

/** Foreign text, cut to a length for error messages and without characters that would disturb a terminal. */
typedef struct quoted {
  char text[48];
} quoted;

quoted esc_quote(slice s);

#endif
