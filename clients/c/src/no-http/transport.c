#define _GNU_SOURCE

#include "../transport.h"

#include <stddef.h>

#include "../util.h"

bool esc_open_transport(void) { return true; }

void esc_close_transport(void) {}

const char *esc_unsupported_option(const escluster_options *o) {
  if (o->service_urls != NULL) return "service_urls needs libescluster: libescluster-endpoint has no HTTP";
  if (!o->endpoint_only) return "endpoint_only is not set: libescluster-endpoint sends no requests";
  return NULL;
}

struct connection *esc_replace_connections(escluster *c) {
  atomic_fetch_add(&c->generation, 1);
  esc_announce(c);
  return NULL;
}

void esc_close_connections(struct connection *list) { (void)list; }

unsigned esc_cancel_requests(escluster *c, const void *tag) {
  (void)tag;
  esc_announce(c);
  return 0;
}

void esc_wake_loops(escluster *c) { (void)c; }

void *esc_follow_service(void *context) {
  (void)context;
  return NULL;
}

bool esc_post_acknowledgement(escluster *c, const char *base, const char *body, char *error, size_t size) {
  (void)c, (void)base, (void)body;
  return esc_fail(error, size, "libescluster-endpoint has no HTTP");
}
