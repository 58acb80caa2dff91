/** What a cluster has done, for escluster_counters. */
#ifndef ESC_COUNTERS_H
#define ESC_COUNTERS_H

#include "cluster.h"

/** Counts a request that has ended. Must not be called with the mutex held. */
void esc_count_request(escluster *c, escluster_status status, unsigned attempts);

/** Counts the endpoint that has just come into use. To be called with the mutex held. */
void esc_count_endpoint(escluster *c);

#endif
