/** Endpoint services: long polls, and what all requests to a service share. */
#ifndef ESC_SERVICE_H
#define ESC_SERVICE_H

#include "cluster.h"

/** Configures a handle for a request to an endpoint service. `error` has CURL_ERROR_SIZE bytes. */
void esc_configure_service(escluster *c, CURL *curl, const char *url, unsigned timeout_ms, char *error);

/** The thread of one service; its context is the service. Runs until the cluster is cancelled. */
void *esc_follow_service(void *context);

#endif
