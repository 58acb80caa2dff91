#define _GNU_SOURCE

#include "pool.h"

#include <stdlib.h>

#include "util.h"

static void close_connection(connection *k) {
  curl_easy_cleanup(k->curl);
  free(k);
}

void esc_close_connections(connection *list) {
  while (list != NULL) {
    connection *next = list->next;
    close_connection(list);
    list = next;
  }
}

connection *esc_replace_connections(escluster *c) {
  connection *old = c->idle;
  unsigned idle = 0;
  for (connection *k = old; k != NULL; k = k->next) idle++;
  c->idle = NULL;
  c->open_before += c->open_now - idle;
  c->open_now = 0;
  atomic_store(&c->replaced_at_ms, esc_now_ms());
  atomic_fetch_add(&c->generation, 1);
  pthread_cond_broadcast(&c->changed);
  return old;
}

/** Why a request cannot start; NULL: it can. Needs the mutex. */
static const char *blocker_of(const escluster *c) {
  if (c->endpoint.epoch == 0) return "no endpoint is known yet";
  if (!c->endpoint.serving) return "a change of regions is in progress, no region accepts writes";
  if (c->idle == NULL && c->open_now >= c->pool_size) return "all connections are busy";
  return NULL;
}

/** Reuses an idle connection or opens one. Needs the mutex. NULL: out of memory. */
static connection *connect_to_endpoint(escluster *c) {
  connection *k = c->idle;
  if (k != NULL) {
    c->idle = k->next;
    return k;
  }
  k = calloc(1, sizeof *k);
  if (k == NULL || (k->curl = curl_easy_init()) == NULL) {
    free(k);
    return NULL;
  }
  k->endpoint = c->endpoint;
  k->generation = atomic_load(&c->generation);
  c->open_now++;
  return k;
}

connection *esc_acquire_connection(escluster *c, int64_t deadline_ms, char *error, size_t size) {
  connection *k = NULL;
  const char *blocker = NULL;
  int waited = 0;
  struct timespec deadline = esc_timespec_of(deadline_ms);
  pthread_mutex_lock(&c->mutex);
  while (!atomic_load(&c->cancelled) && (blocker = blocker_of(c)) != NULL && waited == 0) {
    waited = pthread_cond_timedwait(&c->changed, &c->mutex, &deadline);
  }
  if (atomic_load(&c->cancelled)) {
    esc_format(error, size, "cancelled");
  } else if (blocker != NULL) {
    bool file = c->endpoint.epoch == 0 && c->file_error[0] != '\0';
    esc_format(error, size, "%s%s%s", blocker, file ? ": " : "", file ? c->file_error : "");
  } else if ((k = connect_to_endpoint(c)) == NULL) {
    esc_format(error, size, "out of memory for a connection");
  }
  pthread_mutex_unlock(&c->mutex);
  return k;
}

void esc_release_connection(escluster *c, connection *k) {
  pthread_mutex_lock(&c->mutex);
  bool current = k->generation == atomic_load(&c->generation);
  if (current) {
    k->next = c->idle;
    c->idle = k;
  } else if (--c->open_before == 0) {
    esc_wake(c->wake_fd); /* the epoch can be acknowledged */
  }
  pthread_cond_broadcast(&c->changed);
  pthread_mutex_unlock(&c->mutex);
  if (!current) close_connection(k);
}
