#define _GNU_SOURCE

#include "pool.h"

#include <stdlib.h>

#include "../transport.h"
#include "../util.h"
#include "http.h"

void esc_close_connections(connection *list) {
  while (list != NULL) {
    connection *next = list->next;
    esc_close_handle(list->curl);
    free(list);
    list = next;
  }
}

connection *esc_replace_connections(escluster *c) {
  connection *old = c->idle;
  int64_t now_ms = esc_now_ms();
  unsigned idle = 0;
  for (connection *k = old; k != NULL; k = k->next) idle++;
  for (connection *k = c->busy; k != NULL; k = k->next) {
    /* The first change counts: later ones must not prolong the stay at a region that was replaced. */
    if (atomic_load(&k->replaced_ms) == 0) atomic_store(&k->replaced_ms, now_ms);
  }
  c->idle = NULL;
  c->open_before += c->open_now - idle;
  c->open_now = 0;
  atomic_fetch_add(&c->generation, 1);
  esc_announce(c);
  return old;
}

bool esc_is_drained(const escluster *c, const connection *k) {
  int64_t replaced_ms = atomic_load(&k->replaced_ms);
  return replaced_ms != 0 && esc_now_ms() - replaced_ms > (int64_t)c->drain_ms;
}

/** Why a request cannot start; NULL: it can. Needs the mutex. */
static const char *blocker_of(const escluster *c) {
  if (c->endpoint.epoch == 0) return "no endpoint is known yet";
  if (!c->endpoint.serving) return "a change of regions is in progress, no region accepts writes";
  if (c->idle == NULL && c->open_now >= c->pool_size) return "all connections are busy";
  return NULL;
}

static bool is_too_old(const escluster *c, const connection *k) {
  return c->connection_lifetime_ms > 0 && esc_now_ms() - k->opened_ms >= (int64_t)c->connection_lifetime_ms;
}

/** Reuses an idle connection or opens one. Needs the mutex. NULL: out of memory. `old`: to be closed without it. */
static connection *connect_to_endpoint(escluster *c, connection **old) {
  connection *k = c->idle;
  *old = NULL;
  if (k != NULL) {
    c->idle = k->next;
    if (is_too_old(c, k)) {
      k->next = NULL;
      *old = k;
      k = NULL;
      c->open_now--;
    }
  }
  if (k == NULL) {
    k = calloc(1, sizeof *k);
    if (k == NULL || (k->curl = curl_easy_init()) == NULL) {
      free(k);
      return NULL;
    }
    k->endpoint = c->endpoint;
    k->generation = atomic_load(&c->generation);
    k->opened_ms = esc_now_ms();
    c->open_now++;
  }
  k->next = c->busy;
  c->busy = k;
  c->requested = true;
  return k;
}

static void describe(const escluster *c, const char *blocker, char *error, size_t size) {
  bool file = c->endpoint.epoch == 0 && c->file_error[0] != '\0';
  esc_format(error, size, "%s%s%s", blocker, file ? ": " : "", file ? c->file_error : "");
}

connection *esc_acquire_connection(escluster *c, const atomic_bool *cancelled, int64_t deadline_ms, char *error,
                                   size_t size) {
  connection *k = NULL;
  connection *old = NULL;
  const char *blocker = NULL;
  int waited = 0;
  struct timespec deadline = esc_timespec_of(deadline_ms);
  pthread_mutex_lock(&c->mutex);
  while (!atomic_load(cancelled) && (blocker = blocker_of(c)) != NULL && waited == 0) {
    waited = pthread_cond_timedwait(&c->changed, &c->mutex, &deadline);
  }
  if (atomic_load(cancelled)) {
    esc_format(error, size, "cancelled");
  } else if (blocker != NULL) {
    describe(c, blocker, error, size);
  } else if ((k = connect_to_endpoint(c, &old)) == NULL) {
    esc_format(error, size, "out of memory for a connection");
  }
  pthread_mutex_unlock(&c->mutex);
  esc_close_connections(old);
  return k;
}

connection *esc_try_connection(escluster *c, char *error, size_t size) {
  static const atomic_bool never = false;
  return esc_acquire_connection(c, &never, 0, error, size);
}

static void remove_busy(escluster *c, const connection *k) {
  connection **at = &c->busy;
  while (*at != k) at = &(*at)->next;
  *at = k->next;
}

void esc_release_connection(escluster *c, connection *k) {
  pthread_mutex_lock(&c->mutex);
  bool current = k->generation == atomic_load(&c->generation);
  remove_busy(c, k);
  k->next = NULL;
  if (current) {
    k->next = c->idle;
    c->idle = k;
  } else {
    c->open_before--;
  }
  esc_announce(c);
  pthread_mutex_unlock(&c->mutex);
  if (!current) esc_close_connections(k);
}
