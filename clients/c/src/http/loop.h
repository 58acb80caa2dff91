/** A loop and its requests. */
#ifndef ESC_LOOP_H
#define ESC_LOOP_H

#include "attempt.h"
#include "multi.h"

/** A request of a loop: waits to be sent, is being sent, or has ended. */
typedef struct submitted {
  request request;
  escluster_call call;
  escluster_answer answer;
  escluster_done *done;
  void *context;
  char *path;
  char content_type[128];
  attempt attempt;
  multi *multi; /* NULL: it waits */
  bool valid;
  int64_t not_before_ms;   /* a new endpoint ends this wait */
  uint64_t generation;     /* of its last attempt */
  escluster_status status; /* once it has ended */
  struct submitted *next;
} submitted;

struct escluster_loop {
  escluster *cluster;
  int epoll_fd, timer_fd, wake_fd;
  multi *multis;
  submitted *requests; /* not ended */
  submitted *ended;    /* not reported yet */
  bool closing;
  struct escluster_loop *next; /* of the cluster's list */
};

/** Does what is due for all requests; those that have ended move to l->ended. */
void esc_advance(escluster_loop *l);

/** Ends all requests as cancelled. */
void esc_cancel_all(escluster_loop *l);

#endif
