#define _GNU_SOURCE

#include "endpoint.h"

#include <string.h>

#include "util.h"

authority esc_authority_of(const escluster_endpoint *endpoint) {
  authority a;
  bool ipv6 = strchr(endpoint->host, ':') != NULL;
  esc_format(a.text, sizeof a.text, "%s%s%s:%u", ipv6 ? "[" : "", endpoint->host, ipv6 ? "]" : "",
             (unsigned)endpoint->port);
  return a;
}

comparison esc_compare_endpoints(const escluster_endpoint *in_use, const escluster_endpoint *offered, source from) {
  if (in_use->epoch == 0 || offered->epoch > in_use->epoch) return TAKE;
  if (offered->epoch < in_use->epoch) return OLDER;
  if (from == SOURCE_SERVICE) return KNOWN;
  if (offered->serving != in_use->serving) return CONFLICT;
  if (!offered->serving) return KNOWN;
  if (strcmp(offered->region, in_use->region) != 0) return CONFLICT;
  bool same = strcmp(offered->host, in_use->host) == 0 && offered->port == in_use->port &&
              strcmp(offered->ca_path, in_use->ca_path) == 0;
  return same ? KNOWN : TAKE;
}
