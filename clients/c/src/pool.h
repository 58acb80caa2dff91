/** The pool of connections. All of them are replaced when another endpoint comes into use. */
#ifndef ESC_POOL_H
#define ESC_POOL_H

#include "cluster.h"

/**
 * Takes a connection to the current endpoint out of the pool; waits for one until the deadline. NULL when cancelled or
 * at the deadline, with the reason in `error`.
 */
connection *esc_acquire_connection(escluster *c, int64_t deadline_ms, char *error, size_t size);

/** Returns a connection; the pool keeps it if it leads to the current endpoint. */
void esc_release_connection(escluster *c, connection *k);

/** Starts a new generation. Returns the idle connections, to be closed without the mutex. Needs the mutex. */
connection *esc_replace_connections(escluster *c);

void esc_close_connections(connection *list);

#endif
