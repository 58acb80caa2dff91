#define _GNU_SOURCE

#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "util.h"

enum { BURST = 100, REFILL_MS = 1000 };

bool esc_open_logger(logger *l) {
  l->tokens = BURST;
  l->refilled_ms = esc_now_ms();
  return pthread_mutex_init(&l->mutex, NULL) == 0;
}

void esc_close_logger(logger *l) { pthread_mutex_destroy(&l->mutex); }

/** Takes a token. False without one; `left_out`: lines since the last token that was taken. */
static bool may_write(logger *l, uint64_t *left_out) {
  pthread_mutex_lock(&l->mutex);
  int64_t now_ms = esc_now_ms();
  int64_t earned = (now_ms - l->refilled_ms) / REFILL_MS;
  if (earned > 0) {
    l->tokens = earned >= BURST - (int64_t)l->tokens ? BURST : l->tokens + (unsigned)earned;
    l->refilled_ms += earned * REFILL_MS;
  }
  bool allowed = l->tokens > 0;
  *left_out = l->left_out;
  if (allowed) {
    l->tokens--;
    l->left_out = 0;
  } else {
    l->left_out++;
    l->left_out_all++;
  }
  pthread_mutex_unlock(&l->mutex);
  return allowed;
}

void esc_log(logger *l, escluster_level level, const char *format, ...) {
  char text[ESCLUSTER_LOG_MAX];
  uint64_t left_out = 0;
  va_list args;
  if (l->write == NULL || !may_write(l, &left_out)) return;
  if (left_out > 0) {
    esc_format(text, sizeof text, "%" PRIu64 " lines were left out", left_out);
    l->write(l->context, ESCLUSTER_WARNING, text);
  }
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  esc_make_printable(text);
  l->write(l->context, level, text);
}

uint64_t esc_log_lines_left_out(logger *l) {
  pthread_mutex_lock(&l->mutex);
  uint64_t lines = l->left_out_all;
  pthread_mutex_unlock(&l->mutex);
  return lines;
}
