/** An HTTPS server on loopback that answers, or fails, as a test tells it. */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>
#include <stddef.h>

typedef struct server server;

/**
 * A reply is "STATUS|header|…|body", or:
 * "raw|bytes" (sent as they are, then the connection is closed), "cut" (closed without an answer), "half|bytes" (the
 * same as raw, but without the end of TLS), "hang" (no answer), "reset" (reset after the headers, before the body).
 * "gzip" in place of a header compresses the body, if the client accepts that; "router" leaves out the one that names
 * Elasticsearch.
 */
server *start_server(void);
void stop_server(server *s);

unsigned port_of(const server *s);

/** The next replies, ended by NULL; the last one is repeated. The texts must outlive the server. */
void reply_with(server *s, const char *const *replies);

/** How many requests have come, without those that were reset. */
unsigned requests_at(server *s);

/** True when request number `i`, from 0, has this part. */
bool request_has(server *s, unsigned i, const char *part);

/** How many connections were made, and how many of them presented a client certificate. */
unsigned connections_at(server *s);
unsigned client_certificates_at(server *s);

/** Writes an endpoint that leads to the server, like a publisher. */
void publish_server(const char *name, const char *region, unsigned epoch, const server *s);

/** The certificate, which is its own authority, and its key, as files. */
const char *certificate_path(void);
const char *key_path(void);

/** Makes a gzip file of a text of less than 64 KiB; it has 23 bytes more. Returns its length. */
size_t make_gzip(const char *text, char *to);

#define REPLIES(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
