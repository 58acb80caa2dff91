/** Adoption of endpoints: the one place where the endpoint in use changes. */
#ifndef ESC_ADOPT_H
#define ESC_ADOPT_H

#include "cluster.h"
#include "endpoint.h"

/**
 * Offers an endpoint that was read at `where`. True when it comes into use, with new connections. False otherwise;
 * `error` then has the reason if it contradicts the endpoint in use or cannot be used, and is left alone if there is
 * nothing new.
 */
bool esc_offer_endpoint(escluster *c, escluster_endpoint *offered, source from, const char *where, char *error,
                        size_t size);

#endif
