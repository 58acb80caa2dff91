/** The steps of a loop's requests: start, abort, complete, wait. */
#define _GNU_SOURCE

#include <string.h>
#include <sys/timerfd.h>

#include "../util.h"
#include "loop.h"

/** Moves a request to the ended ones, in the order in which they end. */
static void end(escluster_loop *l, submitted *s, escluster_status status) {
  submitted **at = &l->requests;
  while (*at != s) at = &(*at)->next;
  *at = s->next;
  s->status = esc_end_request(&s->request, status);
  s->next = NULL;
  for (at = &l->ended; *at != NULL;) at = &(*at)->next;
  *at = s;
}

/** After an attempt: the request ends, or waits for the next one. */
static void complete(escluster_loop *l, submitted *s, CURLcode code) {
  connection *k = s->attempt.connection;
  escluster_status status = ESCLUSTER_OK;
  int64_t wait_ms = 0;
  (void)curl_multi_remove_handle(s->multi->curl, k->curl);
  s->multi->busy--;
  s->multi = NULL;
  s->generation = k->generation;
  attempt_result result = esc_finish_attempt(&s->attempt, code);
  esc_release_connection(l->cluster, k);
  if (esc_judge_attempt(&s->request, &result, &status, &wait_ms)) {
    end(l, s, status);
  } else {
    s->not_before_ms = esc_now_ms() + wait_ms;
  }
}

static void complete_transfers(escluster_loop *l, const multi *m) {
  int left = 0;
  const CURLMsg *message = NULL;
  while ((message = curl_multi_info_read(m->curl, &left)) != NULL) {
    char *context = NULL;
    if (message->msg != CURLMSG_DONE) continue;
    CURLcode code = message->data.result;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &context);
    complete(l, (submitted *)(void *)context, code);
  }
}

/** Starts the next attempt, if a connection is free. */
static void start(escluster_loop *l, submitted *s) {
  char reason[ESCLUSTER_ERROR_MAX];
  connection *k = esc_try_connection(l->cluster, reason, sizeof reason);
  if (k == NULL) {
    if (s->answer.attempts == 0) memcpy(s->answer.error, reason, sizeof reason);
    return;
  }
  multi *m = esc_multi_of(&l->multis, k->generation, l->epoll_fd, l->cluster->pool_size);
  bool good = esc_start_attempt(&s->attempt, &s->request, k) && m != NULL;
  curl_easy_setopt(k->curl, CURLOPT_PRIVATE, (void *)s);
  if (good && curl_multi_add_handle(m->curl, k->curl) == CURLM_OK) {
    s->multi = m;
    m->busy++;
    return;
  }
  (void)esc_finish_attempt(&s->attempt, CURLE_OUT_OF_MEMORY);
  esc_release_connection(l->cluster, k);
  end(l, s, ESCLUSTER_SYSTEM);
}

/** One request. Its next step is due at the time that is returned. */
static int64_t advance(escluster_loop *l, submitted *s, int64_t now_ms) {
  const request *r = &s->request;
  if (!s->valid) {
    end(l, s, ESCLUSTER_INVALID);
  } else if (s->multi != NULL) {
    if (esc_must_abort(&s->attempt)) {
      complete(l, s, CURLE_ABORTED_BY_CALLBACK);
      return now_ms;
    }
    int64_t replaced_ms = atomic_load(&s->attempt.connection->replaced_ms);
    bool drains = replaced_ms != 0 && r->repeat != ESCLUSTER_ONCE;
    return drains ? replaced_ms + (int64_t)l->cluster->drain_ms + 1 : INT64_MAX;
  } else if (atomic_load(&r->cancelled) || now_ms >= r->last_start_ms) {
    end(l, s, esc_unfinished_status(r));
  } else {
    bool moved = s->answer.attempts > 0 && atomic_load(&l->cluster->generation) != s->generation;
    if (now_ms < s->not_before_ms && !moved) return s->not_before_ms;
    start(l, s);
    /* Without a connection, the next release or change wakes the loop. */
    return r->last_start_ms;
  }
  return INT64_MAX;
}

static void set_timer(const escluster_loop *l, int64_t due_ms) {
  struct itimerspec timer = {.it_value = {0, 0}};
  if (due_ms != INT64_MAX) timer.it_value = esc_timespec_of(due_ms < 1 ? 1 : due_ms);
  (void)timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &timer, NULL);
}

void esc_advance(escluster_loop *l) {
  int64_t due_ms = INT64_MAX;
  esc_handle_sockets(l->epoll_fd);
  esc_handle_timers(l->multis);
  for (const multi *m = l->multis; m != NULL; m = m->next) complete_transfers(l, m);
  int64_t now_ms = esc_now_ms();
  for (submitted *s = l->requests; s != NULL;) {
    submitted *next = s->next;
    int64_t next_ms = advance(l, s, now_ms);
    if (next_ms < due_ms) due_ms = next_ms;
    s = next;
  }
  esc_close_idle_multis(&l->multis, atomic_load(&l->cluster->generation));
  set_timer(l, esc_first_timer_ms(l->multis, due_ms));
}

void esc_cancel_all(escluster_loop *l) {
  while (l->requests != NULL) {
    submitted *s = l->requests;
    atomic_store(&s->request.cancelled, true);
    if (s->multi != NULL) {
      complete(l, s, CURLE_ABORTED_BY_CALLBACK);
    } else {
      end(l, s, s->valid ? ESCLUSTER_CANCELLED : ESCLUSTER_INVALID);
    }
  }
}
