/** Settings that all HTTP requests of this library share. */
#ifndef ESC_HTTP_H
#define ESC_HTTP_H

#include <curl/curl.h>

/** Verified TLS, and nothing that libcurl would do on its own. `error` has CURL_ERROR_SIZE bytes. */
void esc_configure_handle(CURL *curl, const char *ca_path, unsigned connect_timeout_ms, char *error);

#endif
