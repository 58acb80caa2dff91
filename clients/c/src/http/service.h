/** What all requests to an endpoint service share. */
#ifndef ESC_SERVICE_H
#define ESC_SERVICE_H

#include <curl/curl.h>

#include "../cluster.h"

/** Configures a handle for a request to an endpoint service. `error` has CURL_ERROR_SIZE bytes. */
void esc_configure_service(escluster *c, CURL *curl, const char *url, unsigned timeout_ms, char *error);

#endif
