/** The connections of a loop: libcurl's multi handles, their sockets in an epoll descriptor, and their timers. */
#ifndef ESC_MULTI_H
#define ESC_MULTI_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

/** One for each generation of the endpoint, so that kept connections never lead to an earlier one. */
typedef struct multi {
  CURLM *curl;
  int epoll_fd;
  uint64_t generation;
  unsigned busy;  /* requests in it */
  int64_t due_ms; /* when libcurl's timer ends; -1: none */
  struct multi *next;
} multi;

/** The one of a generation, opened where it is missing. NULL: out of memory. */
multi *esc_multi_of(multi **list, uint64_t generation, int epoll_fd, unsigned connections_max);

/** Handles what the sockets have, without waiting. */
void esc_handle_sockets(int epoll_fd);

/** Handles the timers that have ended. */
void esc_handle_timers(multi *list);

/** Closes those without requests that are not of this generation. */
void esc_close_idle_multis(multi **list, uint64_t generation);

/** When the first timer ends; `otherwise`: none ends earlier. */
int64_t esc_first_timer_ms(const multi *list, int64_t otherwise);

#endif
