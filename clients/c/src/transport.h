/**
 * What only a library with libcurl can do: src/http/transport.c. libescluster-endpoint, without libcurl, links
 * src/no-http/transport.c instead, which refuses it.
 */
#ifndef ESC_TRANSPORT_H
#define ESC_TRANSPORT_H

#include "cluster.h"

/** Once per cluster, before everything else. */
bool esc_open_transport(void);
void esc_close_transport(void);

/** The option that this library cannot follow; NULL: none. */
const char *esc_unsupported_option(const escluster_options *o);

/** Starts a new generation. Returns the idle connections, to be closed without the mutex. Needs the mutex. */
struct connection *esc_replace_connections(escluster *c);

void esc_close_connections(struct connection *list);

/** Cancels the requests with this tag, or all for NULL. Returns their number. Needs the mutex. */
unsigned esc_cancel_requests(escluster *c, const void *tag);

/** Wakes the loops. Needs the mutex. */
void esc_wake_loops(escluster *c);

/** The thread of one endpoint service; its context is the service. Runs until the cluster is cancelled. */
void *esc_follow_service(void *context);

/** Posts an acknowledgement to a service. False with the reason in `error`. */
bool esc_post_acknowledgement(escluster *c, const char *base, const char *body, char *error, size_t size);

#endif
