/**
 * libescluster: keeps a C program running through a failover of its Elasticsearch region.
 *
 * It follows the endpoint file that es-failover's publisher writes (or long-polls the endpoint service), keeps a pool
 * of HTTPS connections to the active region, replaces them all when another region becomes active, and repeats requests
 * where that is safe.
 *
 *     escluster_options options = {
 *       .version = ESCLUSTER_VERSION,
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
 * the answer; escluster_answer_clear frees it. The only other memory that changes owner is what escluster_bulk_again
 * returns.
 * Arguments: a NULL where a pointer is needed is refused (ESCLUSTER_INVALID, false or -1), and changes nothing.
 * Forking: open after fork(). In a child of the process that opened a cluster, all functions refuse it;
 * escluster_close there closes the descriptors alone, and leaves the connections to the parent.
 * Signals: no function lets a SIGPIPE of its own reach the program. Only handle_sighup installs a handler.
 * Requires: Linux, C11, POSIX threads, libcurl 7.66 or later with TLS. libescluster-endpoint is the same library
 * without libcurl: it follows the endpoint file, and has neither requests nor endpoint services.
 */
#ifndef ESCLUSTER_H
#define ESCLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Of this header: major, minor and patch level, one byte each. Programs give it to escluster_open. */
#define ESCLUSTER_VERSION 0x020000U
#define ESCLUSTER_VERSION_TEXT "2.0.0"

/** ESCLUSTER_VERSION of the library that the program runs with. */
unsigned escluster_version(void);

/** Size of an error text, including its NUL. Longer ones are cut. */
#define ESCLUSTER_ERROR_MAX 512
/** Size of a path, including its NUL. */
#define ESCLUSTER_PATH_MAX 1024
/** Size of a host name and of a region name, including the NUL. */
#define ESCLUSTER_HOST_MAX 254
#define ESCLUSTER_REGION_MAX 64

/** Result of a call. */
typedef enum escluster_status {
  /** Done. For a request: 2xx, or with ESCLUSTER_CREATE the 409 that an earlier attempt of the same request caused. */
  ESCLUSTER_OK = 0,
  /** An argument, an option or a file is invalid; the error names the rule. */
  ESCLUSTER_INVALID,
  /** The operating system refused a thread, a descriptor or memory. */
  ESCLUSTER_SYSTEM,
  /** The server refused, and repeating would not change that: see http_status and body. */
  ESCLUSTER_HTTP,
  /** The budget is used up, and certainly no attempt was carried out. Sending the request again is safe. */
  ESCLUSTER_UNAVAILABLE,
  /**
   * The server may have carried out a request that changes data, without confirming it. With earlier_attempt in the
   * answer, the server's answer shows what the request wanted, but not who did it.
   */
  ESCLUSTER_UNCERTAIN,
  /** The server's certificate is not from the CA. Nothing was sent to it. */
  ESCLUSTER_UNTRUSTED,
  /** The answer is larger than answer_bytes_max. */
  ESCLUSTER_TOO_LARGE,
  /**
   * escluster_cancel or escluster_cancel_call was called, or on_body asked for the end. answer.uncertain: the request
   * may have been carried out.
   */
  ESCLUSTER_CANCELLED,
  /** The answer ended early, after a part of it went to on_body: it cannot be repeated without telling the receiver. */
  ESCLUSTER_INTERRUPTED
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

/** Size of a line for `log`, including its NUL. Longer ones are cut, and control characters are replaced. */
#define ESCLUSTER_LOG_MAX 1024

/** Zero means the default: set what is needed with designated initializers. */
typedef struct escluster_options {
  /**
   * ESCLUSTER_VERSION, always. It gives the library the layout of all structures that the program was built with; a
   * library of the same major version works with programs of its own and of every earlier minor version.
   */
  unsigned version;
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
   * an earlier one is in use, and never before the first request. With acknowledges_itself or endpoint_only, only
   * escluster_acknowledge does so. The last acknowledgement is repeated every half hour.
   */
  const char *application;
  /** For a program that has connections of its own, in addition to those of the library. */
  bool acknowledges_itself;
  /**
   * For a program that connects by itself: the library only follows the active region. No CA is required then, and
   * escluster_perform and escluster_loop_open are refused.
   */
  bool endpoint_only;
  /**
   * Called after each change of the endpoint, in a thread of the library or in escluster_open, without a lock held, and
   * never twice at a time. Changes in quick succession may be reported once, with the last endpoint. While it runs, the
   * thread that calls it does not notice further changes. It must not call escluster_close.
   * See also escluster_change_fd.
   */
  void (*on_change)(void *context, const escluster_endpoint *endpoint);
  void *change_context;
  /** CA certificates (PEM) for the servers. Takes precedence over the endpoint's own CaPath. */
  const char *ca_path;
  /**
   * "user:password", "ApiKey <encoded key>" or "Bearer <token>": from the environment or a vault, never from the
   * command line, which every user can read. The file has the same in its first line; others must not have access to
   * it, and its group must not write it. It is read again at every switch and reload, and when a server answers 401.
   * Set at most one of both; without, requests are sent without credentials.
   */
  const char *credentials;
  const char *credentials_path;
  /** Client certificate and its key (PEM), for requests. The key may be in the file of the certificate. */
  const char *client_certificate_path;
  const char *client_key_path;
  /** "Name: value" lines that every request sends, ended by NULL; at most 32. */
  const char *const *headers;
  /** Precedes the path of every request: "/search". */
  const char *path_prefix;
  /** Asks for compressed answers. answer_bytes_max counts decompressed bytes. */
  bool gzip;
  /** Maximum of connections, and thereby of concurrent requests. Default 8. */
  unsigned pool_size;
  /** A connection that is older is replaced before its next request. Default: no limit. */
  unsigned connection_lifetime_ms;
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
  /**
   * Receives one line per event, in any thread and without a lock held. It must not call escluster_close. At most 100
   * lines at once and one per second after that: the next line gives the number of those that were left out.
   */
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

/** The same for the requests in progress whose call has this tag, which is not NULL. Returns their number. */
unsigned escluster_cancel_call(escluster *cluster, const void *tag);

/** Makes another thread read the endpoint file and the credentials again. Async-signal-safe. */
void escluster_reload(escluster *cluster);

/** Copies the endpoint in use. False when none is known yet. */
bool escluster_current(escluster *cluster, escluster_endpoint *endpoint);

/**
 * A descriptor that is readable when the endpoint has changed since the last escluster_take_change, also for the first
 * endpoint. For poll and event loops; do not read or close it.
 */
int escluster_change_fd(escluster *cluster);

/** Copies the endpoint in use, and makes the descriptor unreadable. True when it has changed since the last call. */
bool escluster_take_change(escluster *cluster, escluster_endpoint *endpoint);

/**
 * Reports to the endpoint services, in a thread of the library, that the program uses this epoch. Call it when no
 * connection of an earlier epoch is in use any more. `problem`: why the program does not use a newer one, at most 200
 * bytes; NULL: none. ESCLUSTER_INVALID without service_urls, application and acknowledges_itself or endpoint_only, and
 * for an epoch that is not known yet.
 */
escluster_status escluster_acknowledge(escluster *cluster, uint64_t epoch, const char *problem);

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
  /** Attempts that were aborted because their region had been replaced drain_ms before. */
  uint64_t drained;
  /** The last epoch that an endpoint service accepted as acknowledged; 0: none. */
  uint64_t acknowledged_epoch;
  /** Lines that `log` did not receive. */
  uint64_t log_lines_left_out;
} escluster_counts;

/**
 * Fills *counts, all as of the same moment. ESCLUSTER_INVALID, and nothing is changed, when counts->size is too small
 * for the first version of the structure.
 */
escluster_status escluster_counters(escluster *cluster, escluster_counts *counts);

/* ---------- requests ---------- */

/** Whether a request may be repeated when the outcome of an attempt is uncertain. */
typedef enum escluster_repeat {
  /** ESCLUSTER_REPEATABLE for GET and HEAD, ESCLUSTER_ONCE for the others. */
  ESCLUSTER_BY_METHOD = 0,
  /**
   * Not repeated once the server may have received it: a document without an id, a script, _update_by_query. Repeated
   * where no connection was made, and after an answer that rejects it (429, the router's 503, a write block, a 401 for
   * credentials accepted before). Always sent over a fresh connection: on a kept one, libcurl itself repeats what a
   * server has not answered.
   * Requests that can be rejected half-way (_update_by_query, _delete_by_query) also need attempts_max = 1.
   */
  ESCLUSTER_ONCE,
  /**
   * Idempotent: searches and other reads, PUT and DELETE of a document under its own id, _bulk of these. (If several
   * programs write the same document, add version and version_type=external; else a late repetition may undo the change
   * of another program.) After an uncertain attempt, a 409, or a 404 for a DELETE, may be the work of that attempt: the
   * request ends with ESCLUSTER_UNCERTAIN and earlier_attempt.
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
  /** "Name: value" lines in addition to those of the options, ended by NULL; at most 32. NULL: none. */
  const char *const *headers;
  /** Any pointer of the program, for escluster_cancel_call. NULL: none. */
  const void *tag;
  /**
   * Receives the body of a 2xx answer in parts, instead of answer.body and without answer_bytes_max. False ends the
   * request with ESCLUSTER_CANCELLED. After the first part, the request is not repeated.
   */
  bool (*on_body)(void *context, const char *data, size_t length);
  void *body_context;
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
  /**
   * The answer (409, or 404 for a DELETE) may be the work of an earlier attempt of this same request, which was not
   * answered; then its purpose is achieved. Another program may have done the same.
   */
  bool earlier_attempt;
  /** For a _bulk: items with an error, and those of them that certainly were not carried out and may be sent again. */
  unsigned items_failed;
  unsigned items_retryable;
  /** Why the status is not ESCLUSTER_OK, in a sentence for people. Never contains credentials. */
  char error[ESCLUSTER_ERROR_MAX];
} escluster_answer;

/**
 * Sends a request to the active region, and repeats it where that is allowed, until it is answered or its budget is
 * used up. Blocks. *answer is always overwritten, and must be cleared afterwards.
 *
 * 2xx for a _bulk does not mean that every item was accepted: see items_failed and items_retryable.
 */
escluster_status escluster_perform(escluster *cluster, const escluster_call *call, escluster_answer *answer);

/** Frees the body of an answer. An answer of zeros is allowed. */
void escluster_answer_clear(escluster_answer *answer);

/* ---------- items of a _bulk ---------- */

typedef struct escluster_item {
  /** From 0, in the order of the actions. */
  size_t number;
  long status;
  /** Type of the error, cut to fit; "" when the item was carried out. */
  char error_type[64];
  /** The item was certainly not carried out, and may be sent again: 429, or cluster_block_exception (a fenced region).
   */
  bool retryable;
  /** The item may have been carried out: 503. To send it again is harmless for index and delete with an _id. */
  bool uncertain;
} escluster_item;

/**
 * Calls on_item for each item of an answer to _bulk. ESCLUSTER_INVALID when the text is no such answer, or incomplete;
 * on_item may have been called before.
 */
escluster_status escluster_bulk_items(const char *answer, size_t answer_length,
                                      void (*on_item)(void *context, const escluster_item *item), void *context);

/**
 * Makes a body of those actions of `body` whose items may be sent again, byte for byte: the retryable ones, and of the
 * uncertain ones those that index or delete a document under an _id. *again is NULL when there are
 * none; otherwise free() it. ESCLUSTER_INVALID, and nothing to free, when body and answer do not belong together.
 */
escluster_status escluster_bulk_again(const char *body, size_t body_length, const char *answer, size_t answer_length,
                                      char **again, size_t *again_length);

/* ---------- requests in an event loop ---------- */

/**
 * Sends requests without blocking, for programs with an event loop. A loop belongs to one thread at a time; a cluster
 * can have several, and escluster_perform besides. All of them share the pool_size connections.
 */
typedef struct escluster_loop escluster_loop;

/**
 * Receives the outcome of a request, in escluster_loop_run or escluster_loop_close. The answer is cleared afterwards:
 * to keep its body, take the pointer, free() it later, and set answer->body to NULL. It may submit further requests,
 * but must not close the loop.
 */
typedef void escluster_done(void *context, escluster_status status, escluster_answer *answer);

/** Opens a loop. On an error *loop is NULL, and `error` has a sentence for people. */
escluster_status escluster_loop_open(escluster *cluster, escluster_loop **loop, char *error, size_t error_size);

/**
 * The one descriptor to watch, with poll, epoll, libev, libuv or others: while it is readable, escluster_loop_run has
 * something to do. It covers connections, timeouts and changes of the endpoint. Do not read or close it.
 */
int escluster_loop_fd(const escluster_loop *loop);

/**
 * Does what is due, and calls the functions of requests that have ended. Does not wait; host names are resolved in a
 * thread, unless libcurl was built without that (curl_version_info: CURL_VERSION_ASYNCHDNS).
 */
void escluster_loop_run(escluster_loop *loop);

/**
 * Starts a request, as escluster_perform does. With ESCLUSTER_OK, `done` is called exactly once, not before this
 * function has returned. Method, path and content type are copied; body and headers must stay valid until then.
 * ESCLUSTER_INVALID: an argument is NULL. ESCLUSTER_SYSTEM: out of memory.
 */
escluster_status escluster_submit(escluster_loop *loop, const escluster_call *call, escluster_done *done,
                                  void *context);

/** Ends all requests of the loop with ESCLUSTER_CANCELLED, and frees it. Before escluster_close. NULL is allowed. */
void escluster_loop_close(escluster_loop *loop);

#ifdef __cplusplus
}
#endif

#endif
