#define _GNU_SOURCE

#include "adopt.h"

#include <inttypes.h>
#include <string.h>

#include "change.h"
#include "counters.h"
#include "credentials.h"
#include "transport.h"
#include "util.h"

static const char *name_of(const escluster_endpoint *endpoint) {
  return endpoint->serving ? endpoint->region : "a change in progress";
}

/** Replaces the endpoint in use if the offered one may. */
static bool adopt(escluster *c, escluster_endpoint *offered, source from, char *error, size_t size) {
  bool adopted = false;
  struct connection *old = NULL;
  pthread_mutex_lock(&c->mutex);
  const escluster_endpoint *in_use = &c->endpoint;
  if (c->ca_path != NULL) {
    esc_copy(offered->ca_path, sizeof offered->ca_path, esc_slice_of(c->ca_path));
  } else if (offered->ca_path[0] == '\0') {
    memcpy(offered->ca_path, in_use->ca_path, sizeof offered->ca_path);
  }
  switch (esc_compare_endpoints(in_use, offered, from)) {
    case TAKE:
      if (offered->serving && offered->ca_path[0] == '\0' && !c->endpoint_only) {
        esc_format(error, size, "it has no CaPath, and ca_path is not set: servers could not be verified");
        break;
      }
      adopted = true;
      c->endpoint = *offered;
      esc_count_endpoint(c);
      old = esc_replace_connections(c);
      break;
    case KNOWN: break;
    case OLDER:
      esc_format(error, size, "its epoch %" PRIu64 " is older than %" PRIu64 " (%s) in use", offered->epoch,
                 in_use->epoch, name_of(in_use));
      break;
    case CONFLICT:
      esc_format(error, size, "it assigns epoch %" PRIu64 " to %s, but %s is in use", offered->epoch, name_of(offered),
                 name_of(in_use));
      break;
  }
  pthread_mutex_unlock(&c->mutex);
  esc_close_connections(old);
  return adopted;
}

bool esc_offer_endpoint(escluster *c, escluster_endpoint *offered, source from, const char *where, char *error,
                        size_t size) {
  escluster_endpoint in_use;
  (void)escluster_current(c, &in_use);
  /* Before the first request there: a region may have credentials of its own. */
  if (offered->epoch > in_use.epoch) (void)esc_refresh_credentials(c);
  if (!adopt(c, offered, from, error, size)) return false;
  if (offered->serving) {
    const authority a = esc_authority_of(offered);
    esc_log(&c->log, ESCLUSTER_INFO, "epoch %" PRIu64 ": %s at %s (%s)", offered->epoch, offered->region, a.text,
            where);
  } else {
    esc_log(&c->log, ESCLUSTER_INFO, "epoch %" PRIu64 ": a change of regions is in progress, requests wait (%s)",
            offered->epoch, where);
  }
  esc_report_change(c);
  return true;
}
