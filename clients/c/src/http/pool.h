/** The pool of connections. All of them are replaced when another endpoint comes into use. */
#ifndef ESC_POOL_H
#define ESC_POOL_H

#include <curl/curl.h>

#include "../cluster.h"

/** One connection, kept alive between requests, to the endpoint it was opened for. */
typedef struct connection {
  CURL *curl;
  escluster_endpoint endpoint;
  uint64_t generation;
  int64_t opened_ms;
  /** When the first change after `generation` was made; 0: not yet. Read without the mutex. */
  _Atomic int64_t replaced_ms;
  struct connection *next; /* of the list `idle` or `busy` */
} connection;

/**
 * Takes a connection to the current endpoint out of the pool; waits for one until the deadline, or `cancelled`. NULL
 * without one, with the reason in `error`.
 */
connection *esc_acquire_connection(escluster *c, const atomic_bool *cancelled, int64_t deadline_ms, char *error,
                                   size_t size);

/** The same without waiting. */
connection *esc_try_connection(escluster *c, char *error, size_t size);

/** Returns a connection; the pool keeps it if it leads to the current endpoint. */
void esc_release_connection(escluster *c, connection *k);

/** True when requests may no longer stay with the connection: the region was replaced drain_ms ago. */
bool esc_is_drained(const escluster *c, const connection *k);

#endif
