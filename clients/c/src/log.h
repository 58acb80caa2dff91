/** Lines for the program's log: bounded in length and number. */
#ifndef ESC_LOG_H
#define ESC_LOG_H

#include <pthread.h>

#include "public.h"

typedef struct logger {
  void (*write)(void *context, escluster_level level, const char *text);
  void *context;
  pthread_mutex_t mutex;
  unsigned tokens;       /* lines that may be written now */
  int64_t refilled_ms;   /* when the last token was added */
  uint64_t left_out;     /* since the last line */
  uint64_t left_out_all; /* for the counters */
} logger;

/** False when the system refuses a lock. */
bool esc_open_logger(logger *l);
void esc_close_logger(logger *l);

/** Passes a line to the program. Must not be called with the cluster's mutex held. */
__attribute__((format(printf, 3, 4))) void esc_log(logger *l, escluster_level level, const char *format, ...);

uint64_t esc_log_lines_left_out(logger *l);

#endif
