/** Endpoints: which one replaces which. The parser of endpoint files is in endpoint-file.c (escluster_parse). */
#ifndef ESC_ENDPOINT_H
#define ESC_ENDPOINT_H

#include "public.h"

enum { ENDPOINT_FILE_BYTES_MAX = 64 * 1024 };

/** Epochs travel through JSON, whose numbers are exact up to 2^53 - 1. */
#define EPOCH_MAX ((UINT64_C(1) << 53) - 1)

/** Room for "[address]:port". */
typedef struct authority {
  char text[ESCLUSTER_HOST_MAX + 16];
} authority;

/** Host and port as in a URL: IPv6 addresses in brackets. */
authority esc_authority_of(const escluster_endpoint *endpoint);

/** Where an endpoint was read. */
typedef enum source { SOURCE_FILE, SOURCE_SERVICE } source;

typedef enum comparison { TAKE, KNOWN, OLDER, CONFLICT } comparison;

/**
 * Whether an endpoint replaces the one in use. A higher epoch always does, a lower one never. At the same epoch a file
 * may move the host within its region (an operator may have edited it), but not name another region: one decision
 * cannot make two regions active. Of several services, the first to report an epoch counts.
 */
comparison esc_compare_endpoints(const escluster_endpoint *in_use, const escluster_endpoint *offered, source from);

#endif
