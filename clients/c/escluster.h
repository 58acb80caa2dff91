/**
 * libescluster: a C program that lives through a failover of its Elasticsearch region.
 *
 * It reads the endpoint file that es-failover keeps (or asks the endpoint service by long poll), holds a pool of HTTPS
 * connections to the region that accepts writes, exchanges them all when another region takes over, and repeats
 * requests where that cannot do harm.
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
 * Threads: every function may be called from any thread, except escluster_open and escluster_close, which frame all
 * others. Two clusters are independent of each other; only one of them can have handle_sighup.
 * Ownership: strings in options and calls are copied or used during the call only; the body of an answer belongs to
 * the answer and is freed by escluster_answer_clear. Nothing else is handed over.
 * Forking: open after fork(); the threads of the library do not survive it.
 * Needs: Linux, C11, POSIX threads, libcurl 7.66 or later built with TLS.
 */
#ifndef ESCLUSTER_H
#define ESCLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest text of an error, with its final NUL. Longer ones are cut. */
#define ESCLUSTER_ERROR_MAX 512
/** Longest path of a file, with its final NUL. */
#define ESCLUSTER_PATH_MAX 1024
/** Longest name of a host, and of a region, with the final NUL. */
#define ESCLUSTER_HOST_MAX 254
#define ESCLUSTER_REGION_MAX 64

/** How a call ended. */
typedef enum escluster_status {
  /** Done. For a request: an answer of 2xx, or the conflict that an own earlier attempt has left (ESCLUSTER_CREATE). */
  ESCLUSTER_OK = 0,
  /** An argument, an option or a file breaks a rule that the error text names. */
  ESCLUSTER_INVALID,
  /** The operating system refused a thread, a descriptor or memory. */
  ESCLUSTER_SYSTEM,
  /** The server answered, and its answer is a refusal that repeating does not change: see http_status and body. */
  ESCLUSTER_HTTP,
  /** The budget is used up, and nothing was done: no attempt can have been carried out. Sending it again is safe. */
  ESCLUSTER_UNAVAILABLE,
  /** A request that changes something may have been carried out, once at least, and nobody has confirmed it. */
  ESCLUSTER_UNCERTAIN,
  /** The server could not prove who it is with a certificate of the CA. Nothing was sent to it. */
  ESCLUSTER_UNTRUSTED,
  /** The answer is larger than answer_bytes_max. */
  ESCLUSTER_TOO_LARGE,
  /** escluster_cancel was called. Whether the request was carried out stands in answer.uncertain. */
  ESCLUSTER_CANCELLED
} escluster_status;

/** What a person would call the status: "uncertain". Never NULL; the text is constant. */
const char *escluster_status_name(escluster_status status);

/* ---------- endpoint ---------- */

/** Where requests go, and since which decision. */
typedef struct escluster_endpoint {
  /** DNS name, IPv4 address, or IPv6 address without brackets. */
  char host[ESCLUSTER_HOST_MAX];
  uint16_t port;
  char region[ESCLUSTER_REGION_MAX];
  /** Number of the decision that made this region the active one. It only ever grows. */
  uint64_t epoch;
  /** CA certificates (PEM) that the server is verified with; "" when the source names none. */
  char ca_path[ESCLUSTER_PATH_MAX];
  /** False while the regions change over: the epoch is known, and nobody accepts writes. */
  bool serving;
} escluster_endpoint;

/**
 * Reads the section [Elasticsearch] of an INI text: Host, Port, Region, Epoch, and optionally CaPath and Phase.
 * Comments
 * (`;` or `#` at the beginning of a line), foreign sections and unknown keys are skipped. What is half-written, garbled
 * or given twice is refused, and `error` says in which line: an application is better off with the endpoint that it
 * has. Returns ESCLUSTER_OK, or ESCLUSTER_INVALID and leaves *endpoint alone. `text` does not have to end in NUL.
 */
escluster_status escluster_parse(const char *text, size_t length, escluster_endpoint *endpoint, char *error,
                                 size_t error_size);

/* ---------- cluster ---------- */

/** A cluster of two regions as seen by one program: its endpoint, its connections, its watchers. */
typedef struct escluster escluster;

typedef enum escluster_level { ESCLUSTER_INFO, ESCLUSTER_WARNING } escluster_level;

/** Set what is needed and leave the rest 0 (`= {0}` or designated initializers): 0 means the default. */
typedef struct escluster_options {
  /**
   * The endpoint file. It is read when the cluster is opened, on escluster_reload, on SIGHUP (see handle_sighup), when
   * something in its folder is renamed or written (inotify), and in any case every poll_interval_ms.
   */
  const char *endpoint_path;
  /**
   * Endpoint services to ask by long poll, as base addresses with blanks between them, at most 8:
   * "https://10.81.0.5:9443 https://10.82.0.5:9443". Each is asked at the same time, and the highest epoch counts: a
   * region that is cut off does not know that it has been replaced. Plain http is for loopback alone.
   * At least one of endpoint_path and service_urls has to be given.
   */
  const char *service_urls;
  /**
   * Name of the program, of [A-Za-z0-9._-]. When given along with service_urls, each epoch is acknowledged there once
   * no connection of an earlier one is in use any more.
   */
  const char *application;
  /** CA certificates (PEM) for the servers. Takes precedence over the endpoint's own CaPath. */
  const char *ca_path;
  /**
   * "user:password" or "ApiKey <encoded key>": from the environment or a vault, never from the command line, which
   * anybody can read. The file holds the same in its first line; it must not be accessible to others, nor writable to
   * its group. It is read again at every switch and reload. At most one of both; none: requests without credentials.
   */
  const char *credentials;
  const char *credentials_path;
  /** Connections that are held at most, which is also how many requests run at the same time. Default 8. */
  unsigned pool_size;
  /** To connect and to agree on TLS. Default 2000 ms. */
  unsigned connect_timeout_ms;
  /** For one attempt, from connecting to the last byte of the answer. Default 10000 ms. */
  unsigned attempt_timeout_ms;
  /**
   * For a request with all its attempts and the waiting between them. Default 120000 ms: longer than a failover. What
   * is too short for an attempt at its end (connect_timeout_ms, at most a quarter) is given back.
   */
  unsigned budget_ms;
  /** Attempts of a request. Default 60. */
  unsigned attempts_max;
  /**
   * The wait before attempt n+1 is drawn evenly from 0 to min(cap, base * 2^(n-1)), "full jitter": many clients that
   * failed at the same moment come back spread over time. Defaults 100 and 5000 ms. A server's Retry-After makes it
   * longer, up to the cap; a new endpoint ends it.
   */
  unsigned backoff_base_ms;
  unsigned backoff_cap_ms;
  /** How often the endpoint file is looked at when nothing announces a change. Default 2000 ms. */
  unsigned poll_interval_ms;
  /** How long an endpoint service may hold a long poll. Default 30000 ms. */
  unsigned long_poll_ms;
  /**
   * After a switch, how long requests may stay with the old region before they are cut off and repeated at the new one.
   * Requests that must not be repeated keep their whole attempt_timeout_ms. Default 2000 ms.
   */
  unsigned drain_ms;
  /** Largest answer that is accepted. Default 16 MiB. */
  size_t answer_bytes_max;
  /**
   * Installs a handler for SIGHUP that calls escluster_reload, and takes it back in escluster_close. Programs with a
   * handler of their own leave this false and call escluster_reload in it.
   */
  bool handle_sighup;
  /** Gets one line per event. Called from any thread, never while a lock is held; it must not call escluster_close. */
  void (*log)(void *context, escluster_level level, const char *text);
  void *log_context;
} escluster_options;

/**
 * Opens a cluster and starts its watchers. An endpoint file that is missing or unreadable is no error: it is logged,
 * and requests wait for it within their budget. On an error *cluster is NULL and `error` holds a sentence for a person.
 * Initialises libcurl; where other threads use libcurl already, call curl_global_init in main before them.
 */
escluster_status escluster_open(const escluster_options *options, escluster **cluster, char *error, size_t error_size);

/**
 * Cancels what is waiting, stops the watchers and frees everything. No other call may be running or follow (cancel and
 * join your own threads first). NULL is fine.
 */
void escluster_close(escluster *cluster);

/** Ends all requests and waits, now and later, with ESCLUSTER_CANCELLED; one under way takes up to a second. */
void escluster_cancel(escluster *cluster);

/** Has endpoint file and credentials read again, soon and in another thread. May be called in a signal handler. */
void escluster_reload(escluster *cluster);

/** Copies the endpoint in use. False when none is known yet. */
bool escluster_current(escluster *cluster, escluster_endpoint *endpoint);

/* ---------- requests ---------- */

/** What may happen when nobody knows whether an attempt was carried out. */
typedef enum escluster_repeat {
  /**
   * Not repeated once it may have been received: a document without an id, a script, _update_by_query. It is repeated
   * where no connection came about, and where the answer says that it was turned away (429, the router's 503, a write
   * block, a 401 for credentials that were accepted before). Always sent over a fresh connection: on a kept one, libcurl itself repeats what a server has not answered.
   * Requests that can be refused half-way (_update_by_query, _delete_by_query) need attempts_max = 1 besides.
   */
  ESCLUSTER_ONCE = 0,
  /**
   * Twice is the same as once: searches and other reads, PUT and DELETE of a document under an own id, _bulk of these.
   * (Where several programs write the same document, add version and version_type=external, or a late repetition
   * may undo the change of another.)
   */
  ESCLUSTER_REPEATABLE,
  /**
   * A document is created under an id that nobody else uses (PUT /index/_create/id). After an attempt that may have
   * been received, the conflict 409 means that it was: the document there is ours, and the request is done.
   */
  ESCLUSTER_CREATE
} escluster_repeat;

typedef struct escluster_call {
  /** "GET", "HEAD", "PUT", "POST" or "DELETE". */
  const char *method;
  /** Path and query, percent-encoded: "/orders/_doc/4711?routing=a". */
  const char *path;
  /** Sent as it is; NULL and 0: no body. It must stay in place until the call returns. */
  const void *body;
  size_t body_length;
  /** Of the body. Default "application/json"; _bulk wants "application/x-ndjson". */
  const char *content_type;
  escluster_repeat repeat;
  /** For this request; 0: as in the options. */
  unsigned budget_ms;
  unsigned attempts_max;
} escluster_call;

typedef struct escluster_answer {
  /** Status of the last answer; 0 when there was none. */
  long http_status;
  /** Body of the last answer, NUL behind its last byte; NULL when it was empty. escluster_answer_clear frees it. */
  char *body;
  size_t body_length;
  /** Endpoint of the last attempt. */
  uint64_t epoch;
  char region[ESCLUSTER_REGION_MAX];
  unsigned attempts;
  unsigned elapsed_ms;
  /** An attempt may have been carried out without its answer having arrived. With ESCLUSTER_OK: and it did no harm. */
  bool uncertain;
  /** Why the status is not ESCLUSTER_OK, as a sentence for a person. */
  char error[ESCLUSTER_ERROR_MAX];
} escluster_answer;

/**
 * Sends a request to the region that accepts writes, again where that is allowed, until it is answered or its budget is
 * used up. Blocks. *answer is always filled in (whatever it held before is overwritten) and has to be cleared.
 *
 * An answer of 2xx to _bulk does not mean that every item in it was accepted: look for "errors":true. Items that were
 * refused with 429 or with cluster_block_exception (by a region that was fenced) may be sent again.
 */
escluster_status escluster_perform(escluster *cluster, const escluster_call *call, escluster_answer *answer);

/** Frees what an answer holds. An answer of zeros is fine. */
void escluster_answer_clear(escluster_answer *answer);

#ifdef __cplusplus
}
#endif

#endif
