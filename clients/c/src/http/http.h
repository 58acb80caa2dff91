/** Settings that all HTTP requests of this library share, and calls of libcurl that write to connections. */
#ifndef ESC_HTTP_H
#define ESC_HTTP_H

#include <curl/curl.h>

#if LIBCURL_VERSION_NUM < 0x074200
#error "libescluster needs libcurl 7.66 or later"
#endif

/** Verified TLS, and nothing that libcurl would do on its own. `error` has CURL_ERROR_SIZE bytes. */
void esc_configure_handle(CURL *curl, const char *ca_path, unsigned connect_timeout_ms, char *error);

/** curl_easy_perform and curl_easy_cleanup, without SIGPIPE for the program. */
CURLcode esc_perform_handle(CURL *curl);
void esc_close_handle(CURL *curl);

#endif
