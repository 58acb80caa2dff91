/**
 * libescluster: keeps a C program running through a failover of its Elasticsearch region.
 *
 * It follows the endpoint file that es-failover's publisher writes (or long-polls the endpoint service), keeps a pool
 * of HTTPS connections to the active region, replaces them all when another region becomes active, and repeats requests
 * where that is safe.
 *
 *     escluster_options options = {
 *       .endpoint_path = "/etc/orders/elasticsearch.ini",
 *       .credentials_path = "/etc/orders/elasticsearch.credentials",
 *       .handle_sighup = true,
 *     };
 *     escluster *cluster = NULL;
 *     char error[ESCLUSTER_ERROR_MAX];
 *     if (escluster_open(&options, &cluster, error, sizeof error) != ESCLUSTER_OK) errx(1, "%s", error);
 *
 *     escluster_call call = {.method = "PUT", .path = "/orders/_create/4711", .repeat = ESCLUSTER_CREATE,
 *                            .body = json, .body_length = strlen(json)};
 *     escluster_answer answer;
 *     if (escluster_perform(cluster, &call, &answer) != ESCLUSTER_OK) warnx("%s", answer.error);
 *     escluster_answer_clear(&answer);
 *     escluster_close(cluster);
 *
 * Threads: every function may be called from any thread, but escluster_open must be the first call and escluster_close
 * the last. Two clusters are independent of each other; only one of them can have handle_sighup.
 * Ownership: strings in options and calls are copied, or used during the call only. The body of an answer belongs to
 * the answer; escluster_answer_clear frees it. No other memory changes owner.
 * Forking: open after fork(), which the threads of the library do not survive.
 * Requires: Linux, C11, POSIX threads, libcurl 7.66 or later with TLS.
 */
#ifndef ESCLUSTER_H
#define ESCLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Size of an error text, including its NUL. Longer ones are cut. */
#define ESCLUSTER_ERROR_MAX 512
/** Size of a path, including its NUL. */
#define ESCLUSTER_PATH_MAX 1024
/** Size of a host name and of a region name, including the NUL. */
#define ESCLUSTER_HOST_MAX 254
#define ESCLUSTER_REGION_MAX 64

/** Result of a call. */
typedef enum escluster_status {
  /** Done. For a request: 2xx, or the conflict (409) that an earlier attempt of the same request caused. */
  ESCLUSTER_OK = 0,
  /** An argument, an option or a file is invalid; the error names the rule. */
  ESCLUSTER_INVALID,
  /** The operating system refused a thread, a descriptor or memory. */
  ESCLUSTER_SYSTEM,
  /** The server refused, and repeating would not change that: see http_status and body. */
  ESCLUSTER_HTTP,
  /** The budget is used up, and certainly no attempt was carried out. Sending the request again is safe. */
  ESCLUSTER_UNAVAILABLE,
  /** The server may have carried out a request that changes data, without confirming it. */
  ESCLUSTER_UNCERTAIN,
  /** The server's certificate is not from the CA. Nothing was sent to it. */
  ESCLUSTER_UNTRUSTED,
  /** The answer is larger than answer_bytes_max. */
  ESCLUSTER_TOO_LARGE,
  /** escluster_cancel was called. answer.uncertain: the request may have been carried out. */
  ESCLUSTER_CANCELLED
} escluster_status;

/** Name of the status for people: "uncertain". A constant text, never NULL. */
const char *escluster_status_name(escluster_status status);

/* ---------- endpoint ---------- */

/** Where requests go, and by which decision. */
typedef struct escluster_endpoint {
  /** DNS name, IPv4 address, or IPv6 address without brackets. */
  char host[ESCLUSTER_HOST_MAX];
  uint16_t port;
  char region[ESCLUSTER_REGION_MAX];
  /** Number of the decision that made this region active. It only grows. */
  uint64_t epoch;
  /** CA certificates (PEM) to verify the server with; "" when the source names none. */
  char ca_path[ESCLUSTER_PATH_MAX];
  /** False while a change of regions is in progress: no region accepts writes. */
  bool serving;
} escluster_endpoint;

/**
 * Reads the section [Elasticsearch] of an INI text: Host, Port, Region, Epoch, and optionally CaPath and Phase.
 * Comment lines (`;` or `#`), other sections and unknown keys are skipped. A text that is incomplete, garbled or sets a
 * key twice is refused, with the line in `error`, because the endpoint in use is the better choice then. Returns
 * ESCLUSTER_OK, or ESCLUSTER_INVALID without changing *endpoint. `text` need not end in NUL.
 */
escluster_status escluster_parse(const char *text, size_t length, escluster_endpoint *endpoint, char *error,
                                 size_t error_size);

/* ---------- cluster ---------- */

/** A cluster of two regions as one program uses it: endpoint, connections and threads that follow the endpoint. */
typedef struct escluster escluster;

typedef enum escluster_level { ESCLUSTER_INFO, ESCLUSTER_WARNING } escluster_level;

/** Zero means the default: set what is needed with designated initializers. */
typedef struct escluster_options {
  /**
   * The endpoint file. It is read by escluster_open, on escluster_reload, on SIGHUP (see handle_sighup), when a file in
   * its directory is renamed or written (inotify), and every poll_interval_ms.
   */
  const char *endpoint_path;
  /**
   * Endpoint services to long-poll, as base addresses separated by blanks, at most 8:
   * "https://10.81.0.5:9443 https://10.82.0.5:9443". All are polled at the same time, and the highest epoch counts: a
   * region that is cut off does not know that it was replaced. Plain http is for loopback only.
   * At least one of endpoint_path and service_urls is required.
   */
  const char *service_urls;
  /**
   * Name of the program, of [A-Za-z0-9._-]. With service_urls, each epoch is acknowledged there once no connection of
   * an earlier one is in use.
   */
  const char *application;
  /** CA certificates (PEM) for the servers. Takes precedence over the endpoint's own CaPath. */
  const char *ca_path;
  /**
   * "user:password" or "ApiKey <encoded key>": from the environment or a vault, never from the command line, which
   * every user can read. The file has the same in its first line; others must not have access to it, and its group must
   * not write it. It is read again at every switch and reload. Set at most one of both; without, requests are sent
   * without credentials.
   */
  const char *credentials;
  const char *credentials_path;
  /** Maximum of connections, and thereby of concurrent requests. Default 8. */
  unsigned pool_size;
  /** For connecting, including the TLS handshake. Default 2000 ms. */
  unsigned connect_timeout_ms;
  /** For one attempt, from connecting to the last byte of the answer. Default 10000 ms. */
  unsigned attempt_timeout_ms;
  /**
   * For a request with all its attempts and the waits between them. Default 120000 ms: longer than a failover. No
   * attempt starts in the last connect_timeout_ms of it (at most a quarter of the budget).
   */
  unsigned budget_ms;
  /** Attempts of a request. Default 60. */
  unsigned attempts_max;
  /**
   * The wait before attempt n+1 is random, uniform from 0 to min(cap, base * 2^(n-1)) ("full jitter"): many clients
   * that fail at the same moment come back spread over time. Defaults 100 and 5000 ms. A server's Retry-After extends
   * the wait, up to the cap; a new endpoint ends it.
   */
  unsigned backoff_base_ms;
  unsigned backoff_cap_ms;
  /** How often the endpoint file is read when no event announces a change. Default 2000 ms. */
  unsigned poll_interval_ms;
  /** How long an endpoint service may hold a long poll. Default 30000 ms. */
  unsigned long_poll_ms;
  /**
   * How long requests may stay with the old region after a switch, before they are aborted and repeated at the new one.
   * Requests that must not be repeated keep their whole attempt_timeout_ms. Default 2000 ms.
   */
  unsigned drain_ms;
  /** Largest accepted answer. Default 16 MiB. */
  size_t answer_bytes_max;
  /**
   * Installs a handler for SIGHUP that calls escluster_reload; escluster_close restores the previous one. A program
   * with its own handler leaves this false and calls escluster_reload in its handler.
   */
  bool handle_sighup;
  /** Receives one line per event, in any thread and without a lock held. It must not call escluster_close. */
  void (*log)(void *context, escluster_level level, const char *text);
  void *log_context;
} escluster_options;

/**
 * Opens a cluster and starts its threads. A missing or unreadable endpoint file is not an error: it is logged, and
 * requests wait for it within their budget. On an error *cluster is NULL, and `error` has a sentence for people.
 * Initialises libcurl; if other threads already use libcurl, call curl_global_init in main before them.
 */
escluster_status escluster_open(const escluster_options *options, escluster **cluster, char *error, size_t error_size);

/**
 * Cancels all requests, stops the threads and frees everything. No other call may run or follow: cancel and join your
 * own threads first. NULL is allowed.
 */
void escluster_close(escluster *cluster);

/** Ends all requests with ESCLUSTER_CANCELLED, now and later; a request in progress takes up to a second to end. */
void escluster_cancel(escluster *cluster);

/** Makes another thread read the endpoint file and the credentials again. Async-signal-safe. */
void escluster_reload(escluster *cluster);

/** Copies the endpoint in use. False when none is known yet. */
bool escluster_current(escluster *cluster, escluster_endpoint *endpoint);

/** What a cluster has done since escluster_open. No number ever falls. */
typedef struct escluster_counts {
  /**
   * Set to sizeof(escluster_counts) before the call; afterwards the bytes that were filled in. A later version of the
   * library appends fields: a program that was built with fewer gets those that it knows.
   */
  size_t size;
  /** Requests that have ended, also those that were invalid. */
  uint64_t requests;
  /** Those of them that ended with another status than ESCLUSTER_OK; and those that ended with ESCLUSTER_UNCERTAIN. */
  uint64_t requests_failed;
  uint64_t requests_uncertain;
  /** Attempts of requests that have ended, without the first one of each. */
  uint64_t retries;
  /** Times that an endpoint that serves came into use after an earlier one. */
  uint64_t switches;
  /** Of the endpoint in use; 0: none is known yet. */
  uint64_t epoch;
} escluster_counts;

/**
 * Fills *counts, all as of the same moment. ESCLUSTER_INVALID, and nothing is changed, when counts->size is too small
 * for the first version of the structure.
 */
escluster_status escluster_counters(escluster *cluster, escluster_counts *counts);

/* ---------- requests ---------- */

/** Whether a request may be repeated when the outcome of an attempt is uncertain. */
typedef enum escluster_repeat {
  /**
   * Not repeated once the server may have received it: a document without an id, a script, _update_by_query. Repeated
   * where no connection was made, and after an answer that rejects it (429, the router's 503, a write block, a 401 for
   * credentials accepted before). Always sent over a fresh connection: on a kept one, libcurl itself repeats what a
   * server has not answered.
   * Requests that can be rejected half-way (_update_by_query, _delete_by_query) also need attempts_max = 1.
   */
  ESCLUSTER_ONCE = 0,
  /**
   * Idempotent: searches and other reads, PUT and DELETE of a document under its own id, _bulk of these. (If several
   * programs write the same document, add version and version_type=external; else a late repetition may undo the change
   * of another program.)
   */
  ESCLUSTER_REPEATABLE,
  /**
   * Creates a document under an id that no other program uses (PUT /index/_create/id). A conflict (409) after an
   * uncertain attempt means that this attempt created the document: the request is done.
   */
  ESCLUSTER_CREATE
} escluster_repeat;

typedef struct escluster_call {
  /** "GET", "HEAD", "PUT", "POST" or "DELETE". */
  const char *method;
  /** Path and query, percent-encoded: "/orders/_doc/4711?routing=a". */
  const char *path;
  /** Sent unchanged; NULL and 0: no body. Must stay valid until the call returns. */
  const void *body;
  size_t body_length;
  /** Of the body. Default "application/json"; _bulk needs "application/x-ndjson". */
  const char *content_type;
  escluster_repeat repeat;
  /** For this request; 0: as in the options. */
  unsigned budget_ms;
  unsigned attempts_max;
} escluster_call;

typedef struct escluster_answer {
  /** Status of the last answer; 0: none. */
  long http_status;
  /** Body of the last answer, followed by a NUL; NULL when it was empty. escluster_answer_clear frees it. */
  char *body;
  size_t body_length;
  /** Endpoint of the last attempt. */
  uint64_t epoch;
  char region[ESCLUSTER_REGION_MAX];
  unsigned attempts;
  unsigned elapsed_ms;
  /** An attempt may have been carried out without an answer. With ESCLUSTER_OK this was harmless. */
  bool uncertain;
  /** Why the status is not ESCLUSTER_OK, in a sentence for people. Never contains credentials. */
  char error[ESCLUSTER_ERROR_MAX];
} escluster_answer;

/**
 * Sends a request to the active region, and repeats it where that is allowed, until it is answered or its budget is
 * used up. Blocks. *answer is always overwritten, and must be cleared afterwards.
 *
 * 2xx for a _bulk does not mean that every item was accepted: check for "errors":true. Items refused with 429 or with
 * cluster_block_exception (by a fenced region) may be sent again.
 */
escluster_status escluster_perform(escluster *cluster, const escluster_call *call, escluster_answer *answer);

/** Frees the body of an answer. An answer of zeros is allowed. */
void escluster_answer_clear(escluster_answer *answer);

#ifdef __cplusplus
}
#endif

#endif
