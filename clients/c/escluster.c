#define _GNU_SOURCE

#include "escluster.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
  ENDPOINT_FILE_BYTES_MAX = 64 * 1024,
  CREDENTIALS_BYTES_MAX = 1024,
  SERVICES_MAX = 8,
  URL_BYTES_MAX = 2048,
  APPLICATION_BYTES_MAX = 65,
  POOL_SIZE_MAX = 1024,
  /** An endpoint service that answers sooner than asked is not asked again before this. */
  SERVICE_PAUSE_MS = 1000,
  /** How long the acknowledgement of an epoch may take; the endpoint file is not looked at meanwhile. */
  ACKNOWLEDGE_TIMEOUT_MS = 2000,
};

#if LIBCURL_VERSION_NUM < 0x074200
#error "libescluster needs libcurl 7.66 or later"
#endif

/** Epochs travel through JSON, whose numbers are exact up to 2^53 - 1. */
static const uint64_t EPOCH_MAX = (UINT64_C(1) << 53) - 1;

/* ---------- small things ---------- */

__attribute__((format(printf, 3, 4))) static void say(char *text, size_t size, const char *format, ...) {
  if (text == NULL || size == 0) return;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, size, format, args);
  va_end(args);
}

/** Says why something is refused. Always false, so that it can be returned. */
__attribute__((format(printf, 3, 4))) static bool refuse(char *error, size_t size, const char *format, ...) {
  if (error == NULL || size == 0) return false;
  va_list args;
  va_start(args, format);
  (void)vsnprintf(error, size, format, args);
  va_end(args);
  return false;
}

/** Milliseconds of a clock that nobody sets. */
static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct timespec timespec_of(int64_t ms) {
  return (struct timespec){.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
}

static unsigned or_default(unsigned value, unsigned otherwise) { return value > 0 ? value : otherwise; }

/** Evenly from 0 to `most`. The kernel's generator needs no seed, no lock, and differs after a fork. */
static unsigned random_up_to(unsigned most) {
  uint64_t drawn = 0;
  if (getrandom(&drawn, sizeof drawn, GRND_NONBLOCK) != (ssize_t)sizeof drawn) drawn = (uint64_t)now_ms() * 2654435761U;
  return (unsigned)(drawn % ((uint64_t)most + 1));
}

const char *escluster_status_name(escluster_status status) {
  switch (status) {
    case ESCLUSTER_OK: return "ok";
    case ESCLUSTER_INVALID: return "invalid";
    case ESCLUSTER_SYSTEM: return "system";
    case ESCLUSTER_HTTP: return "http";
    case ESCLUSTER_UNAVAILABLE: return "unavailable";
    case ESCLUSTER_UNCERTAIN: return "uncertain";
    case ESCLUSTER_UNTRUSTED: return "untrusted";
    case ESCLUSTER_TOO_LARGE: return "too large";
    case ESCLUSTER_CANCELLED: return "cancelled";
  }
  return "unknown";
}

/* ---------- reading an endpoint ---------- */

typedef struct slice {
  const char *at;
  size_t length;
} slice;

/** Only as much of a foreign text as fits an error message, and nothing that disturbs a terminal. */
typedef struct quoted {
  char text[48];
} quoted;

static quoted quote(slice s) {
  quoted q = {{0}};
  size_t length = s.length < sizeof q.text - 1 ? s.length : sizeof q.text - 1;
  for (size_t i = 0; i < length; i++) q.text[i] = isprint((unsigned char)s.at[i]) ? s.at[i] : '?';
  return q;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static slice trim(slice s) {
  while (s.length > 0 && is_blank(s.at[0])) s = (slice){s.at + 1, s.length - 1};
  while (s.length > 0 && is_blank(s.at[s.length - 1])) s.length--;
  return s;
}

static bool same_name(slice s, const char *name) {
  return s.length == strlen(name) && strncasecmp(s.at, name, s.length) == 0;
}

static bool made_of(slice s, const char *further) {
  for (size_t i = 0; i < s.length; i++) {
    char c = s.at[i];
    bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!alphanumeric && (c == '\0' || strchr(further, c) == NULL)) return false;
  }
  return true;
}

/** Decimal digits alone, from 1 to `most`. */
static bool read_number(slice s, uint64_t most, uint64_t *number) {
  uint64_t value = 0;
  if (s.length == 0) return false;
  for (size_t i = 0; i < s.length; i++) {
    if (s.at[i] < '0' || s.at[i] > '9') return false;
    uint64_t digit = (uint64_t)(s.at[i] - '0');
    if (value > (most - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *number = value;
  return value > 0;
}

static void copy(char *to, size_t size, slice from) {
  size_t length = from.length < size ? from.length : size - 1;
  memcpy(to, from.at, length);
  to[length] = '\0';
}

/** A name or an IPv4 address, or an IPv6 address, which has two colons at least ("host:9200" is a slip). */
static bool is_host(slice s) {
  size_t colons = 0;
  for (size_t i = 0; i < s.length; i++) colons += s.at[i] == ':' ? 1 : 0;
  if (colons == 0) return s.length > 0 && s.at[0] != '-' && made_of(s, ".-_");
  for (size_t i = 0; i < s.length; i++) {
    if (!isxdigit((unsigned char)s.at[i]) && s.at[i] != ':' && s.at[i] != '.') return false;
  }
  return colons >= 2;
}

typedef enum endpoint_key { KEY_PHASE, KEY_HOST, KEY_PORT, KEY_REGION, KEY_EPOCH, KEY_CA_PATH, KEY_COUNT } endpoint_key;

static const char *const key_names[KEY_COUNT] = {"Phase", "Host", "Port", "Region", "Epoch", "CaPath"};

typedef struct entry {
  slice value;
  unsigned line; /* 0: the key is not there */
} entry;

/** Finds our keys in [Elasticsearch], wherever its pieces are. */
static bool find_entries(slice text, entry entries[KEY_COUNT], char *error, size_t size) {
  bool ours = false;
  bool seen = false;
  unsigned number = 0;
  while (text.length > 0) {
    const char *end = memchr(text.at, '\n', text.length);
    slice line = {text.at, end == NULL ? text.length : (size_t)(end - text.at)};
    text = end == NULL ? (slice){text.at + text.length, 0} : (slice){end + 1, text.length - line.length - 1};
    number++;
    line = trim(line);
    if (line.length == 0 || line.at[0] == ';' || line.at[0] == '#') continue;
    if (line.at[0] == '[') {
      const char *close = memchr(line.at, ']', line.length);
      slice name = {line.at + 1, close == NULL ? 0 : (size_t)(close - line.at) - 1};
      ours = same_name(trim(name), "Elasticsearch");
      seen = seen || ours;
      continue;
    }
    if (!ours) continue;
    /* Its value may be the first half of one: "Port = 92". */
    if (end == NULL) return refuse(error, size, "line %u is the last one and has no end: it looks cut off", number);
    const char *equals = memchr(line.at, '=', line.length);
    if (equals == NULL) return refuse(error, size, "line %u is no \"key = value\": %s", number, quote(line).text);
    slice key = trim((slice){line.at, (size_t)(equals - line.at)});
    slice value = trim((slice){equals + 1, line.length - (size_t)(equals - line.at) - 1});
    for (int i = 0; i < KEY_COUNT; i++) {
      if (!same_name(key, key_names[i])) continue;
      if (entries[i].line != 0) {
        return refuse(error, size, "%s stands in line %u and in line %u", key_names[i], entries[i].line, number);
      }
      entries[i] = (entry){value, number};
    }
  }
  return seen || refuse(error, size, "there is no section [Elasticsearch]");
}

/** Which rule a value breaks; NULL: none. */
static const char *read_entry(endpoint_key key, slice value, escluster_endpoint *endpoint) {
  uint64_t number = 0;
  switch (key) {
    case KEY_HOST:
      if (value.length >= sizeof endpoint->host || !is_host(value)) {
        return "is no name or address of a host (without scheme, port and brackets)";
      }
      copy(endpoint->host, sizeof endpoint->host, value);
      return NULL;
    case KEY_PORT:
      if (!read_number(value, UINT16_MAX, &number)) return "is no port from 1 to 65535";
      endpoint->port = (uint16_t)number;
      return NULL;
    case KEY_REGION:
      if (value.length == 0 || value.length >= sizeof endpoint->region || !made_of(value, "-_")) {
        return "is no name of a region (letters, digits, - and _)";
      }
      copy(endpoint->region, sizeof endpoint->region, value);
      return NULL;
    case KEY_EPOCH:
      if (!read_number(value, EPOCH_MAX, &number)) return "is no epoch (a number from 1 on)";
      endpoint->epoch = number;
      return NULL;
    case KEY_CA_PATH:
      if (value.length == 0 || value.at[0] != '/' || value.length >= sizeof endpoint->ca_path)
        return "is no absolute path";
      copy(endpoint->ca_path, sizeof endpoint->ca_path, value);
      return NULL;
    case KEY_PHASE:
      endpoint->serving = same_name(value, "serving");
      if (endpoint->serving || same_name(value, "closing") || same_name(value, "promoting")) return NULL;
      return same_name(value, "unknown") ? "names no region: who wrote it cannot tell who serves"
                                         : "is none of serving, closing, promoting";
    case KEY_COUNT: break;
  }
  return "is unknown";
}

/** Reads and checks; *endpoint is the caller's only when this is true. */
static bool parse(slice text, escluster_endpoint *endpoint, char *error, size_t size) {
  static const char byte_order_mark[] = "\xEF\xBB\xBF";
  entry entries[KEY_COUNT] = {{{NULL, 0}, 0}};

  if (text.length > ENDPOINT_FILE_BYTES_MAX) return refuse(error, size, "it is larger than 64 KiB");
  if (text.length == 0) return refuse(error, size, "it is empty");
  if (memchr(text.at, '\0', text.length) != NULL) return refuse(error, size, "it holds a NUL byte: it is no text");
  if (text.length >= 3 && memcmp(text.at, byte_order_mark, 3) == 0) text = (slice){text.at + 3, text.length - 3};

  if (!find_entries(text, entries, error, size)) return false;
  for (int i = 0; i < KEY_COUNT; i++) {
    if (entries[i].line == 0) continue;
    const char *broken = read_entry((endpoint_key)i, entries[i].value, endpoint);
    if (broken != NULL) {
      const quoted value = quote(entries[i].value);
      return refuse(error, size, "line %u: %s \"%s\" %s", entries[i].line, key_names[i], value.text, broken);
    }
  }
  for (int i = 0; i < KEY_COUNT; i++) {
    bool required = i == KEY_EPOCH || (endpoint->serving && (i == KEY_HOST || i == KEY_PORT || i == KEY_REGION));
    if (required && entries[i].line == 0) return refuse(error, size, "%s is missing in [Elasticsearch]", key_names[i]);
  }
  return true;
}

escluster_status escluster_parse(const char *text, size_t length, escluster_endpoint *endpoint, char *error,
                                 size_t error_size) {
  escluster_endpoint read = {.serving = true};
  if (!parse((slice){text, length}, &read, error, error_size)) return ESCLUSTER_INVALID;
  *endpoint = read;
  return ESCLUSTER_OK;
}

/** Room for "[address]:port". */
typedef struct authority {
  char text[ESCLUSTER_HOST_MAX + 16];
} authority;

/** Host and port as in an address: IPv6 in brackets. */
static authority authority_of(const escluster_endpoint *e) {
  authority a;
  bool ipv6 = strchr(e->host, ':') != NULL;
  say(a.text, sizeof a.text, "%s%s%s:%u", ipv6 ? "[" : "", e->host, ipv6 ? "]" : "", (unsigned)e->port);
  return a;
}

/** Where an endpoint was read. */
typedef enum source { SOURCE_FILE, SOURCE_SERVICE } source;

typedef enum acceptance { TAKE, KNOWN, OLDER, CONTRADICTION } acceptance;

/**
 * Whether an endpoint replaces the one in use: a higher epoch always does, a lower one never. At the same epoch, a file
 * may move the host within its region (it may have been edited for a reason), but not name another region: two regions
 * cannot be the active one by the same decision. Of services, the one that was first to tell an epoch counts.
 */
static acceptance judge_endpoint(const escluster_endpoint *in_use, const escluster_endpoint *offered, source from) {
  if (in_use->epoch == 0 || offered->epoch > in_use->epoch) return TAKE;
  if (offered->epoch < in_use->epoch) return OLDER;
  if (from == SOURCE_SERVICE) return KNOWN;
  if (offered->serving != in_use->serving) return CONTRADICTION;
  if (!offered->serving) return KNOWN;
  if (strcmp(offered->region, in_use->region) != 0) return CONTRADICTION;
  bool same = strcmp(offered->host, in_use->host) == 0 && offered->port == in_use->port &&
              strcmp(offered->ca_path, in_use->ca_path) == 0;
  return same ? KNOWN : TAKE;
}

/* ---------- what may be repeated ---------- */

/** What became of one attempt, as far as it can be known here. */
typedef struct outcome {
  /** A complete answer has come. */
  bool answered;
  long http_status;
  /** Of the answer: it comes from Elasticsearch itself; it says when to come back; it names a write block. */
  bool from_elasticsearch;
  bool has_retry_after;
  bool write_blocked;
  /** The credentials that it was sent with had been accepted before. */
  bool accepted_before;
  /** Not answered: part of the request may have reached the server. */
  bool sent;
  /** libcurl sent the body a second time by itself, because a kept connection turned out to be dead. */
  bool sent_twice;
  /** The server's certificate was not accepted, or the CA could not be read. */
  bool untrusted;
  /** libcurl refuses to send this at all. */
  bool unsendable;
} outcome;

typedef enum verdict { DONE, REFUSED, AGAIN, STOP_UNCERTAIN, STOP_UNTRUSTED, STOP_INVALID } verdict;

/** True when the attempt may have been carried out without our knowing. */
static bool leaves_doubt(const outcome *o) {
  if (o->sent_twice) return true;
  if (!o->answered) return o->sent;
  /* A gateway whose server did not answer; a node that lost the primary shard half-way. */
  return o->http_status == 502 || o->http_status == 504 ||
         (o->http_status == 503 && (o->from_elasticsearch || !o->has_retry_after));
}

/** What comes after an attempt. `doubt`: this attempt or one before may have been carried out. */
static verdict judge_outcome(escluster_repeat repeat, const outcome *o, bool doubt) {
  if (o->unsendable) return STOP_INVALID;
  if (o->untrusted) return STOP_UNTRUSTED;
  if (o->answered) {
    if (o->http_status >= 200 && o->http_status < 300) return DONE;
    if (o->http_status == 409 && repeat == ESCLUSTER_CREATE && doubt) return DONE;
    bool later = o->http_status == 429 || (o->http_status >= 502 && o->http_status <= 504) ||
                 /* The region was fenced: it is not the active one any more, and the new endpoint is on its way. */
                 (o->http_status == 403 && o->write_blocked) ||
                 /* A node that has just started cannot read its users yet, and refuses everybody. */
                 (o->http_status == 401 && o->accepted_before);
    if (!later) return REFUSED;
  }
  return repeat == ESCLUSTER_ONCE && leaves_doubt(o) ? STOP_UNCERTAIN : AGAIN;
}

/** Upper end of the wait after `attempt` attempts. */
static unsigned backoff_ceiling_ms(unsigned attempt, unsigned base_ms, unsigned cap_ms) {
  uint64_t ceiling = base_ms;
  for (unsigned i = 1; i < attempt && ceiling < cap_ms; i++) ceiling *= 2;
  return ceiling < cap_ms ? (unsigned)ceiling : cap_ms;
}

/* ---------- cluster ---------- */

/** One connection, kept alive between requests, to the endpoint that it was made for. */
typedef struct connection {
  CURL *curl;
  escluster_endpoint endpoint;
  uint64_t generation;
  struct connection *next;
} connection;

/** An endpoint service and the thread that waits for its answers. */
typedef struct service {
  escluster *cluster;
  char *url;
  pthread_t thread;
  bool running;
} service;

struct escluster {
  /* Set by escluster_open and constant from then on. */
  char *endpoint_path;
  char *folder;
  char *ca_path;
  char *credentials_path;
  char application[APPLICATION_BYTES_MAX];
  char instance[ESCLUSTER_HOST_MAX + 16];
  unsigned pool_size, connect_timeout_ms, attempt_timeout_ms, budget_ms, attempts_max;
  unsigned backoff_base_ms, backoff_cap_ms, poll_interval_ms, long_poll_ms, drain_ms;
  size_t answer_bytes_max;
  void (*log)(void *context, escluster_level level, const char *text);
  void *log_context;

  /* Shared, under `mutex`; `changed` is broadcast whenever one of them changes. */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  escluster_endpoint endpoint; /* epoch 0: none is known yet */
  char credentials[CREDENTIALS_BYTES_MAX];
  unsigned credentials_read;                /* how often they have been replaced */
  bool credentials_accepted;                /* an answer of 2xx has come since then */
  connection *idle;                         /* all of the present generation */
  unsigned open_now;                        /* connections of the present generation, idle and busy */
  unsigned open_before;                     /* busy connections of earlier generations */
  char file_complaint[ESCLUSTER_ERROR_MAX]; /* why there is no endpoint from the file, for errors of requests */

  /* Read without the mutex, too: in libcurl's callbacks and in loops. */
  _Atomic uint64_t generation; /* +1 with every exchange of the connections */
  _Atomic int64_t exchanged_at_ms;
  atomic_bool cancelled;
  atomic_bool stopping;

  int wake_fd; /* an eventfd: writing to it is what a signal handler may do */
  int inotify_fd;
  bool handles_sighup;
  struct sigaction sighup_before;
  pthread_t watcher;
  bool watcher_running;
  service services[SERVICES_MAX];
  size_t service_count;
};

__attribute__((format(printf, 3, 4))) static void tell(escluster *c, escluster_level level, const char *format, ...) {
  if (c->log == NULL) return;
  char text[ESCLUSTER_ERROR_MAX * 2];
  va_list args;
  va_start(args, format);
  (void)vsnprintf(text, sizeof text, format, args);
  va_end(args);
  c->log(c->log_context, level, text);
}

static void wake(int fd) {
  const uint64_t one = 1;
  int kept = errno;
  /* Fails only when the counter is full: then the wake-up is pending anyway. */
  ssize_t written = write(fd, &one, sizeof one);
  (void)written;
  errno = kept;
}

void escluster_reload(escluster *cluster) { wake(cluster->wake_fd); }

void escluster_cancel(escluster *cluster) {
  pthread_mutex_lock(&cluster->mutex);
  atomic_store(&cluster->cancelled, true);
  pthread_cond_broadcast(&cluster->changed);
  pthread_mutex_unlock(&cluster->mutex);
}

bool escluster_current(escluster *cluster, escluster_endpoint *endpoint) {
  pthread_mutex_lock(&cluster->mutex);
  *endpoint = cluster->endpoint;
  pthread_mutex_unlock(&cluster->mutex);
  return endpoint->epoch != 0;
}

/* ---------- connections ---------- */

static void close_connection(connection *k) {
  curl_easy_cleanup(k->curl);
  free(k);
}

/** With the mutex held: lets go of every connection. Returns the idle ones, to be closed without it. */
static connection *exchange_connections(escluster *c) {
  connection *old = c->idle;
  unsigned idle = 0;
  for (connection *k = old; k != NULL; k = k->next) idle++;
  c->idle = NULL;
  c->open_before += c->open_now - idle;
  c->open_now = 0;
  atomic_store(&c->exchanged_at_ms, now_ms());
  atomic_fetch_add(&c->generation, 1);
  pthread_cond_broadcast(&c->changed);
  return old;
}

static void close_connections(connection *list) {
  while (list != NULL) {
    connection *next = list->next;
    close_connection(list);
    list = next;
  }
}

/** Why a request cannot begin; NULL: it can. With the mutex held. */
static const char *obstacle(const escluster *c) {
  if (c->endpoint.epoch == 0) return "no endpoint is known yet";
  if (!c->endpoint.serving) return "the regions change over, and nobody accepts writes yet";
  if (c->idle == NULL && c->open_now >= c->pool_size) return "all connections are busy";
  return NULL;
}

/**
 * Takes a connection to the present endpoint, waiting for one until the deadline. NULL: cancelled, or none came about,
 * and `error` says why.
 */
static connection *take_connection(escluster *c, int64_t deadline_ms, char *error, size_t size) {
  connection *k = NULL;
  const char *reason = NULL;
  int waited = 0;
  struct timespec deadline = timespec_of(deadline_ms);
  pthread_mutex_lock(&c->mutex);
  while (!atomic_load(&c->cancelled) && (reason = obstacle(c)) != NULL && waited == 0) {
    waited = pthread_cond_timedwait(&c->changed, &c->mutex, &deadline);
  }
  if (atomic_load(&c->cancelled)) {
    say(error, size, "cancelled");
  } else if (reason != NULL) {
    bool file = c->endpoint.epoch == 0 && c->file_complaint[0] != '\0';
    say(error, size, "%s%s%s", reason, file ? ": " : "", file ? c->file_complaint : "");
  } else if (c->idle != NULL) {
    k = c->idle;
    c->idle = k->next;
  } else if ((k = calloc(1, sizeof *k)) == NULL || (k->curl = curl_easy_init()) == NULL) {
    say(error, size, "out of memory for a connection");
    free(k);
    k = NULL;
  } else {
    k->endpoint = c->endpoint;
    k->generation = atomic_load(&c->generation);
    c->open_now++;
  }
  pthread_mutex_unlock(&c->mutex);
  return k;
}

/** Gives a connection back: it is kept if it leads to the present endpoint. */
static void give_connection(escluster *c, connection *k) {
  pthread_mutex_lock(&c->mutex);
  bool present = k->generation == atomic_load(&c->generation);
  if (present) {
    k->next = c->idle;
    c->idle = k;
  } else if (--c->open_before == 0) {
    wake(c->wake_fd); /* the epoch can be acknowledged */
  }
  pthread_cond_broadcast(&c->changed);
  pthread_mutex_unlock(&c->mutex);
  if (!present) close_connection(k);
}

/* ---------- one attempt ---------- */

/** What libcurl's callbacks of one attempt share. */
typedef struct attempt {
  escluster *cluster;
  const connection *connection;
  const escluster_call *call;
  /* Which credentials it is sent with, and whether they had been accepted before. */
  unsigned credentials_read;
  bool accepted_before;
  /* Body of the request: how much of it libcurl has taken, and whether it has begun anew. */
  size_t taken;
  bool any_taken;
  bool rewound;
  /* Answer. */
  char *body;
  size_t length;
  size_t capacity;
  bool too_large;
  bool no_memory;
  bool from_elasticsearch;
  bool has_retry_after;
} attempt;

static size_t on_send(char *buffer, size_t size, size_t count, void *context) {
  attempt *a = context;
  size_t room = size * count;
  size_t left = a->call->body_length - a->taken;
  size_t length = left < room ? left : room;
  if (length > 0) memcpy(buffer, (const char *)a->call->body + a->taken, length);
  a->taken += length;
  a->any_taken = a->any_taken || length > 0;
  return length;
}

/** libcurl wants the body from another place: it repeats the request by itself. */
static int on_rewind(void *context, curl_off_t offset, int origin) {
  attempt *a = context;
  if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > a->call->body_length) return CURL_SEEKFUNC_FAIL;
  a->rewound = a->rewound || a->any_taken;
  a->taken = (size_t)offset;
  return CURL_SEEKFUNC_OK;
}

static size_t on_header(char *line, size_t size, size_t count, void *context) {
  attempt *a = context;
  size_t length = size * count;
  static const char product[] = "x-elastic-product:";
  static const char retry_after[] = "retry-after:";
  if (length > sizeof product && strncasecmp(line, product, sizeof product - 1) == 0) a->from_elasticsearch = true;
  if (length > sizeof retry_after && strncasecmp(line, retry_after, sizeof retry_after - 1) == 0)
    a->has_retry_after = true;
  return length;
}

static size_t on_receive(char *data, size_t size, size_t count, void *context) {
  attempt *a = context;
  size_t length = size * count;
  size_t most = a->cluster->answer_bytes_max;
  if (length > most - a->length) {
    a->too_large = true;
    return 0;
  }
  if (a->length + length + 1 > a->capacity) {
    size_t capacity = (a->length + length + 1) * 2;
    char *body = realloc(a->body, capacity);
    if (body == NULL) {
      a->no_memory = true;
      return 0;
    }
    a->body = body;
    a->capacity = capacity;
  }
  memcpy(a->body + a->length, data, length);
  a->length += length;
  a->body[a->length] = '\0';
  return length;
}

/** Asked about once a second: ends an attempt that was cancelled, or that stays with a region that was replaced. */
static int on_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up) {
  (void)down_total, (void)down, (void)up_total, (void)up;
  const attempt *a = context;
  escluster *c = a->cluster;
  if (atomic_load(&c->cancelled)) return 1;
  if (a->call->repeat == ESCLUSTER_ONCE || atomic_load(&c->generation) == a->connection->generation) return 0;
  return now_ms() - atomic_load(&c->exchanged_at_ms) > (int64_t)c->drain_ms;
}

/** What all requests of this library have in common: verified TLS, and nothing that libcurl does of its own accord. */
static void set_common(CURL *curl, const char *ca_path, unsigned connect_timeout_ms, char *error) {
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "libescluster");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(curl, CURLOPT_CAINFO, ca_path);
  /* Otherwise certificates of the system's own authorities would be accepted besides. */
  curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
  /* Of the environment (https_proxy) nothing is wanted: the endpoint is the endpoint. */
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  /* One connection per handle: a pool that can be counted. */
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
  curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_timeout_ms);
}

static struct curl_slist *append(struct curl_slist *list, const char *line, bool *failed) {
  struct curl_slist *longer = curl_slist_append(list, line);
  if (longer == NULL) *failed = true;
  return longer == NULL ? list : longer;
}

/** "user:password" by Basic authentication, "ApiKey …" as a header. */
static struct curl_slist *set_credentials(attempt *a, CURL *curl, struct curl_slist *headers, bool *failed) {
  escluster *c = a->cluster;
  char credentials[CREDENTIALS_BYTES_MAX];
  pthread_mutex_lock(&c->mutex);
  memcpy(credentials, c->credentials, sizeof credentials);
  a->credentials_read = c->credentials_read;
  a->accepted_before = c->credentials_accepted;
  pthread_mutex_unlock(&c->mutex);
  if (strncmp(credentials, "ApiKey ", 7) == 0) {
    char line[CREDENTIALS_BYTES_MAX + 32];
    say(line, sizeof line, "Authorization: %s", credentials);
    headers = append(headers, line, failed);
    explicit_bzero(line, sizeof line);
  } else if (credentials[0] != '\0') {
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    if (curl_easy_setopt(curl, CURLOPT_USERPWD, credentials) != CURLE_OK) *failed = true;
  }
  explicit_bzero(credentials, sizeof credentials);
  return headers;
}

/** Sets the handle up for one attempt. Returns its headers, to be freed after it. */
static struct curl_slist *set_up(attempt *a, CURL *curl, int64_t timeout_ms, char *error, bool *failed) {
  const escluster_call *call = a->call;
  const escluster_endpoint *to = &a->connection->endpoint;
  char url[URL_BYTES_MAX + ESCLUSTER_HOST_MAX + 32];
  say(url, sizeof url, "https://%s%s", authority_of(to).text, call->path);

  curl_easy_reset(curl); /* forgets the options and keeps the connection */
  set_common(curl, to->ca_path, a->cluster->connect_timeout_ms, error);
  if (curl_easy_setopt(curl, CURLOPT_URL, url) != CURLE_OK) *failed = true;
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
  curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, call->repeat == ESCLUSTER_ONCE ? 1L : 0L);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, a);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, a);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, a);
  if (strcmp(call->method, "HEAD") == 0) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);

  struct curl_slist *headers = NULL;
  if (call->body_length > 0) {
    char line[160];
    say(line, sizeof line, "Content-Type: %s", call->content_type == NULL ? "application/json" : call->content_type);
    headers = append(headers, line, failed);
    headers = append(headers, "Expect:", failed); /* no round trip to ask whether the body is welcome */
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body_length);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(curl, CURLOPT_READDATA, a);
    curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_rewind);
    curl_easy_setopt(curl, CURLOPT_SEEKDATA, a);
  } else if (strcmp(call->method, "POST") == 0 || strcmp(call->method, "PUT") == 0) {
    headers = append(headers, "Content-Length: 0", failed);
  }
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
  headers = set_credentials(a, curl, headers, failed);
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  return headers;
}

static bool names_write_block(const attempt *a) {
  return a->body != NULL && strstr(a->body, "cluster_block_exception") != NULL;
}

static bool is_distrust(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_ISSUER_ERROR ||
         code == CURLE_SSL_INVALIDCERTSTATUS;
}

static bool is_unsendable(CURLcode code) {
  return code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_BAD_FUNCTION_ARGUMENT ||
         code == CURLE_NOT_BUILT_IN || code == CURLE_OUT_OF_MEMORY;
}

/** Remembers that the credentials of an attempt are good, unless they have been replaced meanwhile. */
static void note_acceptance(const attempt *a, long http_status) {
  escluster *c = a->cluster;
  if (http_status < 200 || http_status > 299) return;
  pthread_mutex_lock(&c->mutex);
  if (c->credentials_read == a->credentials_read) c->credentials_accepted = true;
  pthread_mutex_unlock(&c->mutex);
}

/** What libcurl knows after an attempt, in our terms. */
static outcome outcome_of(const attempt *a, CURL *curl, CURLcode code) {
  outcome o = {
      .answered = code == CURLE_OK,
      .from_elasticsearch = a->from_elasticsearch,
      .has_retry_after = a->has_retry_after,
      .accepted_before = a->accepted_before,
      .sent_twice = a->rewound,
      .untrusted = is_distrust(code),
      .unsendable = is_unsendable(code),
  };
  curl_off_t began_us = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &o.http_status);
  curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &began_us);
  /* A body counts from its first byte that libcurl took; without a body, a connection that was ready is enough. */
  o.sent = a->call->body_length > 0 ? a->any_taken : began_us > 0;
  o.write_blocked = o.http_status == 403 && names_write_block(a);
  return o;
}

/* ---------- a request ---------- */

/** Sleeps before the next attempt. A new endpoint or a cancel ends the sleep. */
static void back_off(escluster *c, unsigned attempts, curl_off_t retry_after_s, uint64_t generation,
                     int64_t deadline_ms) {
  unsigned wait_ms = random_up_to(backoff_ceiling_ms(attempts, c->backoff_base_ms, c->backoff_cap_ms));
  if (retry_after_s > 0) {
    int64_t asked_ms = retry_after_s > 3600 ? 3600000 : (int64_t)retry_after_s * 1000;
    int64_t spread_ms = asked_ms + random_up_to(c->backoff_base_ms);
    int64_t capped_ms = spread_ms < (int64_t)c->backoff_cap_ms ? spread_ms : (int64_t)c->backoff_cap_ms;
    if (capped_ms > (int64_t)wait_ms) wait_ms = (unsigned)capped_ms;
  }
  int64_t until_ms = now_ms() + wait_ms;
  if (until_ms > deadline_ms) until_ms = deadline_ms;
  struct timespec until = timespec_of(until_ms);
  int waited = 0;
  pthread_mutex_lock(&c->mutex);
  while (waited == 0 && !atomic_load(&c->cancelled) && atomic_load(&c->generation) == generation) {
    waited = pthread_cond_timedwait(&c->changed, &c->mutex, &until);
  }
  pthread_mutex_unlock(&c->mutex);
}

/** Which rule a call breaks; NULL: none. */
static const char *broken_rule(const escluster_call *call) {
  static const char *const methods[] = {"GET", "HEAD", "PUT", "POST", "DELETE"};
  bool known = false;
  for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
    known = known || (call->method != NULL && strcmp(call->method, methods[i]) == 0);
  }
  if (!known) return "the method is none of GET, HEAD, PUT, POST, DELETE";
  if (call->path == NULL || call->path[0] != '/') return "the path does not begin with /";
  if (strlen(call->path) >= URL_BYTES_MAX) return "the path is longer than 2047 bytes";
  for (const char *p = call->path; *p != '\0'; p++) {
    if (!isgraph((unsigned char)*p) || *p == '#') return "the path holds what has to be percent-encoded";
  }
  if (call->content_type != NULL) {
    if (strlen(call->content_type) > 100) return "the content type is longer than 100 bytes";
    for (const char *p = call->content_type; *p != '\0'; p++) {
      if (iscntrl((unsigned char)*p)) return "the content type holds a control character";
    }
  }
  if (call->body == NULL && call->body_length > 0) return "a body of a length, but no body";
  if (call->repeat == ESCLUSTER_CREATE && call->body_length == 0) return "a document is created without a body";
  if (call->body_length > 0 && strcmp(call->method, "HEAD") == 0) return "HEAD takes no body";
  if ((unsigned)call->repeat > ESCLUSTER_CREATE) return "repeat is none of escluster_repeat";
  return NULL;
}

/** What an attempt met, as a sentence. */
static void describe(const outcome *o, const attempt *a, const char *curl_error, CURLcode code, char *text,
                     size_t size) {
  const escluster_endpoint *to = &a->connection->endpoint;
  int length = snprintf(text, size, "%s %.160s at %s (%.100s, epoch %" PRIu64 "): ", a->call->method, a->call->path,
                        to->region, authority_of(to).text, to->epoch);
  if (length < 0 || (size_t)length >= size) return;
  text += length;
  size -= (size_t)length;
  if (o->answered) {
    slice start = {a->body == NULL ? "" : a->body, a->length < 160 ? a->length : 160};
    say(text, size, "status %ld %.*s", o->http_status, (int)start.length, start.at);
    for (char *p = text; *p != '\0'; p++) {
      if (iscntrl((unsigned char)*p)) *p = ' ';
    }
  } else {
    say(text, size, "%s", curl_error[0] != '\0' ? curl_error : curl_easy_strerror(code));
  }
}

/** One attempt over one connection. An answer goes into *answer, and what came, as a sentence, into its error. */
static outcome try_once(escluster *c, const escluster_call *call, connection *k, int64_t timeout_ms,
                        escluster_answer *answer, escluster_status *failure, curl_off_t *retry_after_s) {
  attempt a = {.cluster = c, .connection = k, .call = call};
  char curl_error[CURL_ERROR_SIZE] = "";
  bool failed = false;
  struct curl_slist *headers = set_up(&a, k->curl, timeout_ms, curl_error, &failed);
  CURLcode code = failed ? CURLE_OUT_OF_MEMORY : curl_easy_perform(k->curl);
  outcome o = outcome_of(&a, k->curl, code);
  if (o.answered) note_acceptance(&a, o.http_status);
  *retry_after_s = 0;
  if (o.answered) curl_easy_getinfo(k->curl, CURLINFO_RETRY_AFTER, retry_after_s);
  describe(&o, &a, curl_error, code, answer->error, sizeof answer->error);
  /* The handle must not point to what is about to go. */
  curl_easy_setopt(k->curl, CURLOPT_HTTPHEADER, NULL);
  curl_easy_setopt(k->curl, CURLOPT_ERRORBUFFER, NULL);
  curl_slist_free_all(headers);

  if (a.too_large) *failure = ESCLUSTER_TOO_LARGE;
  if (a.no_memory || code == CURLE_OUT_OF_MEMORY) *failure = ESCLUSTER_SYSTEM;
  answer->epoch = k->endpoint.epoch;
  memcpy(answer->region, k->endpoint.region, sizeof answer->region);
  if (o.answered) {
    free(answer->body);
    answer->body = a.body;
    answer->body_length = a.length;
    answer->http_status = o.http_status;
  } else {
    free(a.body);
  }
  return o;
}

/** Why a request ends after this verdict. False: it goes on. */
static bool is_final(verdict v, escluster_status *status) {
  switch (v) {
    case DONE: *status = ESCLUSTER_OK; return true;
    case REFUSED: *status = ESCLUSTER_HTTP; return true;
    case STOP_UNCERTAIN: *status = ESCLUSTER_UNCERTAIN; return true;
    case STOP_UNTRUSTED: *status = ESCLUSTER_UNTRUSTED; return true;
    case STOP_INVALID: *status = ESCLUSTER_INVALID; return true;
    case AGAIN: break;
  }
  return false;
}

/** The attempts of a request that began at `began_ms`. */
static escluster_status keep_trying(escluster *c, const escluster_call *call, int64_t began_ms,
                                    escluster_answer *answer) {
  bool reads = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
  unsigned attempts_max = or_default(call->attempts_max, c->attempts_max);
  unsigned budget_ms = or_default(call->budget_ms, c->budget_ms);
  int64_t deadline_ms = began_ms + budget_ms;
  /* Too short an attempt would be cut off on its way, and only turn what is known into what is not. */
  unsigned least_ms = c->connect_timeout_ms < budget_ms / 4 ? c->connect_timeout_ms : budget_ms / 4;
  int64_t last_start_ms = deadline_ms - least_ms;
  for (;;) {
    char reason[ESCLUSTER_ERROR_MAX];
    connection *k = take_connection(c, last_start_ms, reason, sizeof reason);
    if (k == NULL) {
      /* What the last attempt met says more than that there was no time for another one. */
      if (answer->attempts == 0) memcpy(answer->error, reason, sizeof reason);
      if (atomic_load(&c->cancelled)) return ESCLUSTER_CANCELLED;
      return answer->uncertain ? ESCLUSTER_UNCERTAIN : ESCLUSTER_UNAVAILABLE;
    }
    answer->attempts++;
    int64_t left_ms = deadline_ms - now_ms();
    int64_t timeout_ms = left_ms < (int64_t)c->attempt_timeout_ms ? left_ms : (int64_t)c->attempt_timeout_ms;
    uint64_t generation = k->generation;
    escluster_status status = ESCLUSTER_OK;
    curl_off_t retry_after_s = 0;
    outcome o = try_once(c, call, k, timeout_ms < 1 ? 1 : timeout_ms, answer, &status, &retry_after_s);
    give_connection(c, k);
    answer->uncertain = answer->uncertain || (!reads && leaves_doubt(&o));
    if (status != ESCLUSTER_OK) return status;
    if (is_final(judge_outcome(call->repeat, &o, answer->uncertain), &status)) return status;
    if (atomic_load(&c->cancelled)) return ESCLUSTER_CANCELLED;
    if (answer->attempts < attempts_max) back_off(c, answer->attempts, retry_after_s, generation, last_start_ms);
    if (answer->attempts >= attempts_max || now_ms() >= last_start_ms) {
      return answer->uncertain ? ESCLUSTER_UNCERTAIN : ESCLUSTER_UNAVAILABLE;
    }
  }
}

/** Puts what follows from the status behind what was met. */
static void conclude(escluster_status status, escluster_answer *answer) {
  const char *hint = NULL;
  char text[128];
  switch (status) {
    case ESCLUSTER_UNAVAILABLE: hint = "nothing was carried out"; break;
    case ESCLUSTER_UNCERTAIN: hint = "it may have been carried out, look before you repeat it"; break;
    case ESCLUSTER_UNTRUSTED: hint = "check CaPath and the server's certificate"; break;
    case ESCLUSTER_TOO_LARGE: hint = "the answer is larger than answer_bytes_max"; break;
    case ESCLUSTER_OK: answer->error[0] = '\0'; return;
    case ESCLUSTER_INVALID:
    case ESCLUSTER_SYSTEM:
    case ESCLUSTER_HTTP:
    case ESCLUSTER_CANCELLED: return;
  }
  say(text, sizeof text, "; %s (%u attempt%s, %u ms)", hint, answer->attempts, answer->attempts == 1 ? "" : "s",
      answer->elapsed_ms);
  size_t room = sizeof answer->error - strlen(text) - 1;
  size_t length = strnlen(answer->error, room);
  memcpy(answer->error + length, text, strlen(text) + 1);
}

escluster_status escluster_perform(escluster *cluster, const escluster_call *call, escluster_answer *answer) {
  memset(answer, 0, sizeof *answer);
  const char *broken = broken_rule(call);
  if (broken != NULL) {
    say(answer->error, sizeof answer->error, "%s", broken);
    return ESCLUSTER_INVALID;
  }
  int64_t began_ms = now_ms();
  escluster_status status = keep_trying(cluster, call, began_ms, answer);
  answer->elapsed_ms = (unsigned)(now_ms() - began_ms);
  conclude(status, answer);
  return status;
}

void escluster_answer_clear(escluster_answer *answer) {
  free(answer->body);
  memset(answer, 0, sizeof *answer);
}

/* ---------- files that are read ---------- */

/** Reads a file, or as much of it as fits. -1: `error` says why. */
static ssize_t read_file(const char *path, char *text, size_t size, struct stat *about, char *error,
                         size_t error_size) {
  /* Without O_NONBLOCK, a FIFO in the file's place would stop the watcher for good. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    say(error, error_size, "%s: %s", path, strerror(errno));
    return -1;
  }
  size_t length = 0;
  ssize_t got = -1;
  if (fstat(fd, about) != 0) {
    say(error, error_size, "%s: %s", path, strerror(errno));
  } else if (!S_ISREG(about->st_mode)) {
    say(error, error_size, "%s is no regular file", path);
  } else {
    while (length < size && ((got = read(fd, text + length, size - length)) > 0 || (got < 0 && errno == EINTR))) {
      if (got > 0) length += (size_t)got;
    }
    if (got < 0) say(error, error_size, "%s: %s", path, strerror(errno));
  }
  close(fd);
  return got < 0 ? -1 : (ssize_t)length;
}

/** "user:password" or "ApiKey …", without control characters: a line break would end the header that it goes into. */
static bool are_credentials(const char *text) {
  for (const char *p = text; *p != '\0'; p++) {
    if (iscntrl((unsigned char)*p)) return false;
  }
  if (strncmp(text, "ApiKey ", 7) == 0) return text[7] != '\0';
  return text[0] != ':' && strchr(text, ':') != NULL;
}

static bool read_credentials(const char *path, char credentials[CREDENTIALS_BYTES_MAX], char *error, size_t size) {
  char text[CREDENTIALS_BYTES_MAX] = "";
  struct stat about;
  bool good = false;
  ssize_t length = read_file(path, text, sizeof text - 1, &about, error, size);
  if (length < 0) return false;
  text[length] = '\0';
  text[strcspn(text, "\r\n")] = '\0';
  if ((about.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    say(error, size, "%s holds credentials, and its mode %04o lets others in: chmod 600 (or 640)", path,
        about.st_mode & 07777U);
  } else if (about.st_uid != 0 && about.st_uid != geteuid()) {
    say(error, size, "%s holds credentials and belongs to somebody else (user %u)", path, (unsigned)about.st_uid);
  } else if (!are_credentials(text)) {
    say(error, size, "%s: its first line is neither user:password nor ApiKey <encoded key>", path);
  } else {
    memcpy(credentials, text, sizeof text);
    good = true;
  }
  explicit_bzero(text, sizeof text);
  return good;
}

/** Reads the credentials again; what cannot be read leaves the ones in use. */
static void refresh_credentials(escluster *c) {
  char credentials[CREDENTIALS_BYTES_MAX] = {0};
  char error[ESCLUSTER_ERROR_MAX];
  if (c->credentials_path == NULL) return;
  if (!read_credentials(c->credentials_path, credentials, error, sizeof error)) {
    tell(c, ESCLUSTER_WARNING, "credentials stay as they are: %s", error);
    return;
  }
  pthread_mutex_lock(&c->mutex);
  if (strcmp(c->credentials, credentials) != 0) {
    memcpy(c->credentials, credentials, sizeof credentials);
    c->credentials_read++;
    c->credentials_accepted = false;
  }
  pthread_mutex_unlock(&c->mutex);
  explicit_bzero(credentials, sizeof credentials);
}

/* ---------- the watcher ---------- */

/** Takes an endpoint into use if it may replace the present one. False: `error` says why not, where that is news. */
static bool replace_endpoint(escluster *c, escluster_endpoint *offered, source from, char *error, size_t size) {
  bool taken = false;
  connection *old = NULL;
  pthread_mutex_lock(&c->mutex);
  const escluster_endpoint *in_use = &c->endpoint;
  const char *here = in_use->serving ? in_use->region : "a change under way";
  if (c->ca_path != NULL) {
    copy(offered->ca_path, sizeof offered->ca_path, (slice){c->ca_path, strlen(c->ca_path)});
  } else if (offered->ca_path[0] == '\0') {
    memcpy(offered->ca_path, in_use->ca_path, sizeof offered->ca_path);
  }
  switch (judge_endpoint(in_use, offered, from)) {
    case TAKE:
      if (offered->serving && offered->ca_path[0] == '\0') {
        say(error, size, "it names no CaPath, and no ca_path is set: servers could not be verified");
        break;
      }
      taken = true;
      c->endpoint = *offered;
      old = exchange_connections(c);
      break;
    case KNOWN: break;
    case OLDER:
      say(error, size, "its epoch %" PRIu64 " is older than %" PRIu64 " (%s) in use", offered->epoch, in_use->epoch,
          here);
      break;
    case CONTRADICTION:
      say(error, size, "epoch %" PRIu64 " stands for %s there, and for %s here", offered->epoch,
          offered->serving ? offered->region : "a change under way", here);
      break;
  }
  pthread_mutex_unlock(&c->mutex);
  close_connections(old);
  return taken;
}

/** Offers an endpoint that was read at `where`. What keeps it from being taken, if it is news, stands in `error`. */
static bool offer_endpoint(escluster *c, escluster_endpoint *offered, source from, const char *where, char *error,
                           size_t size) {
  escluster_endpoint in_use;
  (void)escluster_current(c, &in_use);
  /* Before its first request: a region may come with credentials of its own. */
  if (offered->epoch > in_use.epoch) refresh_credentials(c);
  if (!replace_endpoint(c, offered, from, error, size)) return false;
  if (offered->serving) {
    const authority a = authority_of(offered);
    tell(c, ESCLUSTER_INFO, "epoch %" PRIu64 ": %s at %s (%s)", offered->epoch, offered->region, a.text, where);
  } else {
    tell(c, ESCLUSTER_INFO, "epoch %" PRIu64 ": the regions change over, requests wait (%s)", offered->epoch, where);
  }
  return true;
}

/** Reads the endpoint file. What is wrong with it is said once, and again when it was asked for. */
static void read_endpoint_file(escluster *c, bool asked) {
  if (c->endpoint_path == NULL) return;
  char why[ESCLUSTER_ERROR_MAX] = "";
  char complaint[ESCLUSTER_ERROR_MAX] = "";
  escluster_endpoint read;
  struct stat about;
  /* One byte more than is allowed, to see that there is more. */
  char *text = malloc(ENDPOINT_FILE_BYTES_MAX + 1);
  if (text == NULL) return;
  ssize_t length = read_file(c->endpoint_path, text, ENDPOINT_FILE_BYTES_MAX + 1, &about, complaint, sizeof complaint);
  if (length >= 0) {
    if (escluster_parse(text, (size_t)length, &read, why, sizeof why) == ESCLUSTER_OK) {
      (void)offer_endpoint(c, &read, SOURCE_FILE, c->endpoint_path, why, sizeof why);
    }
    if (why[0] != '\0') say(complaint, sizeof complaint, "%.300s: %.200s", c->endpoint_path, why);
  }
  free(text);
  pthread_mutex_lock(&c->mutex);
  bool repeated = strcmp(complaint, c->file_complaint) == 0;
  memcpy(c->file_complaint, complaint, sizeof complaint);
  pthread_mutex_unlock(&c->mutex);
  if (complaint[0] != '\0' && (asked || !repeated)) {
    tell(c, ESCLUSTER_WARNING, "the endpoint file is not followed: %s", complaint);
  }
}

static size_t discard(char *data, size_t size, size_t count, void *context) {
  (void)data, (void)context;
  return size * count;
}

static int stop_when_cancelled(void *context, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t e) {
  (void)a, (void)b, (void)d, (void)e;
  return atomic_load(&((escluster *)context)->cancelled) ? 1 : 0;
}

/** Sets a handle up for a request to an endpoint service. */
static void set_up_service(escluster *c, CURL *curl, const char *url, unsigned timeout_ms, char *error) {
  escluster_endpoint now;
  (void)escluster_current(c, &now);
  curl_easy_reset(curl);
  set_common(curl, c->ca_path != NULL ? c->ca_path : now.ca_path, c->connect_timeout_ms, error);
  curl_easy_setopt(curl, CURLOPT_URL, url);
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, stop_when_cancelled);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, c);
}

/** Tells one endpoint service which epoch this program uses. */
static bool acknowledge_at(escluster *c, CURL *curl, const char *base, uint64_t epoch, char *error) {
  char url[URL_BYTES_MAX];
  char body[512];
  long status = 0;
  error[0] = '\0';
  say(url, sizeof url, "%s/v1/acknowledgement", base);
  say(body, sizeof body, "{\"application\":\"%s\",\"instance\":\"%s\",\"epoch\":%" PRIu64 "}", c->application,
      c->instance, epoch);
  set_up_service(c, curl, url, ACKNOWLEDGE_TIMEOUT_MS, error);
  struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
  CURLcode code = headers == NULL ? CURLE_OUT_OF_MEMORY : curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_slist_free_all(headers);
  if (code == CURLE_OK && status >= 200 && status < 300) return true;
  if (code == CURLE_OK) say(error, CURL_ERROR_SIZE, "status %ld", status);
  return false;
}

/** Acknowledges the epoch in use, unless old connections are still busy. Returns what has been acknowledged. */
static uint64_t acknowledge(escluster *c, uint64_t acknowledged, uint64_t *complained_of) {
  pthread_mutex_lock(&c->mutex);
  uint64_t epoch = c->endpoint.serving && c->open_before == 0 ? c->endpoint.epoch : 0;
  pthread_mutex_unlock(&c->mutex);
  if (c->application[0] == '\0' || c->service_count == 0 || epoch <= acknowledged) return acknowledged;
  CURL *curl = curl_easy_init();
  if (curl == NULL) return acknowledged;
  char error[CURL_ERROR_SIZE] = "";
  bool done = false;
  /* Each of them: the watchdog behind the first one may be cut off from the others, and could not pass it on. */
  for (size_t i = 0; i < c->service_count; i++) {
    if (acknowledge_at(c, curl, c->services[i].url, epoch, error)) done = true;
  }
  curl_easy_cleanup(curl);
  if (done) {
    tell(c, ESCLUSTER_INFO, "epoch %" PRIu64 " acknowledged", epoch);
  } else if (*complained_of != epoch) {
    tell(c, ESCLUSTER_WARNING, "epoch %" PRIu64 " could not be acknowledged yet: %s", epoch, error);
    *complained_of = epoch;
  }
  return done ? epoch : acknowledged;
}

/** Empties an eventfd or inotify descriptor. True when there was something; `gone`: the watched folder went away. */
static bool drain_events(int fd, bool *gone) {
  _Alignas(struct inotify_event) char buffer[4096];
  bool any = false;
  ssize_t length = 0;
  while ((length = read(fd, buffer, sizeof buffer)) > 0) {
    any = true;
    for (char *p = buffer; gone != NULL && p < buffer + length;) {
      const struct inotify_event *event = (const void *)p;
      if ((event->mask & (IN_IGNORED | IN_MOVE_SELF | IN_DELETE_SELF)) != 0) *gone = true;
      p += sizeof *event + event->len;
    }
  }
  return any;
}

/**
 * The thread behind the endpoint file. Its folder is watched, not the file: a file that is renamed into place is
 * another one than before. inotify only makes it quicker (network file systems and links into other folders tell
 * nothing); the file is read every poll_interval_ms all the same.
 */
static void *watch(void *context) {
  escluster *c = context;
  int watched = -1;
  uint64_t acknowledged = 0;
  uint64_t complained_of = 0;
  while (!atomic_load(&c->stopping)) {
    if (c->inotify_fd >= 0 && watched < 0) {
      watched =
          inotify_add_watch(c->inotify_fd, c->folder, IN_MOVED_TO | IN_CLOSE_WRITE | IN_MOVE_SELF | IN_DELETE_SELF);
      /* What happened before the watch was there. */
      if (watched >= 0) read_endpoint_file(c, false);
    }
    acknowledged = acknowledge(c, acknowledged, &complained_of);
    struct pollfd fds[2] = {{.fd = c->wake_fd, .events = POLLIN}, {.fd = c->inotify_fd, .events = POLLIN}};
    (void)poll(fds, c->inotify_fd < 0 ? 1 : 2, (int)c->poll_interval_ms);
    bool gone = false;
    bool asked = drain_events(c->wake_fd, NULL);
    if (c->inotify_fd >= 0) (void)drain_events(c->inotify_fd, &gone);
    if (gone) {
      (void)inotify_rm_watch(c->inotify_fd, watched);
      watched = -1;
    }
    if (atomic_load(&c->stopping)) break;
    if (asked) refresh_credentials(c);
    read_endpoint_file(c, asked);
  }
  return NULL;
}

/* ---------- endpoint services ---------- */

typedef struct service_answer {
  char text[4096];
  size_t length;
} service_answer;

static size_t on_service_answer(char *data, size_t size, size_t count, void *context) {
  service_answer *answer = context;
  size_t length = size * count;
  if (length > sizeof answer->text - answer->length) return 0;
  memcpy(answer->text + answer->length, data, length);
  answer->length += length;
  return length;
}

/** Asks once, which takes until there is something new. False: `error` says why there is no answer to go by. */
static bool ask_service(escluster *c, CURL *curl, const char *base, char *error, size_t size) {
  service_answer answer = {.length = 0};
  escluster_endpoint now;
  escluster_endpoint offered;
  char url[URL_BYTES_MAX];
  char curl_error[CURL_ERROR_SIZE] = "";
  char why[ESCLUSTER_ERROR_MAX] = "";
  long status = 0;
  (void)escluster_current(c, &now);
  say(url, sizeof url, "%s/v1/endpoint?format=ini&wait=%ums&epoch=%" PRIu64, base, c->long_poll_ms, now.epoch);
  set_up_service(c, curl, url, c->long_poll_ms + c->attempt_timeout_ms, curl_error);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_service_answer);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
  CURLcode code = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, NULL);
  if (code != CURLE_OK) return refuse(error, size, "%s", curl_error[0] != '\0' ? curl_error : curl_easy_strerror(code));
  /* 503: nobody serves; the text says which epoch is under way, or is no endpoint when the service does not know. */
  if (status != 200 && status != 503) return refuse(error, size, "status %ld", status);
  if (escluster_parse(answer.text, answer.length, &offered, why, sizeof why) != ESCLUSTER_OK) {
    return refuse(error, size, "status %ld, and its answer is no endpoint: %.300s", status, why);
  }
  if (offer_endpoint(c, &offered, SOURCE_SERVICE, base, why, sizeof why)) wake(c->wake_fd); /* to acknowledge it */
  return true;
}

/** Sleeps; a cancel ends it. */
static void pause_service(escluster *c, int64_t ms) {
  struct timespec until = timespec_of(now_ms() + ms);
  int waited = 0;
  pthread_mutex_lock(&c->mutex);
  while (waited == 0 && !atomic_load(&c->cancelled)) waited = pthread_cond_timedwait(&c->changed, &c->mutex, &until);
  pthread_mutex_unlock(&c->mutex);
}

/** The thread behind one endpoint service. */
static void *follow_service(void *context) {
  const service *s = context;
  escluster *c = s->cluster;
  CURL *curl = curl_easy_init();
  unsigned failures = 0;
  while (curl != NULL && !atomic_load(&c->cancelled)) {
    char error[ESCLUSTER_ERROR_MAX];
    escluster_endpoint before;
    escluster_endpoint after;
    int64_t began_ms = now_ms();
    (void)escluster_current(c, &before);
    if (ask_service(c, curl, s->url, error, sizeof error)) {
      if (failures > 0) tell(c, ESCLUSTER_INFO, "the endpoint service %s answers again", s->url);
      failures = 0;
      (void)escluster_current(c, &after);
      /* A service that knows less than this program does answers at once. */
      int64_t took_ms = now_ms() - began_ms;
      if (after.epoch == before.epoch && took_ms < SERVICE_PAUSE_MS) pause_service(c, SERVICE_PAUSE_MS - took_ms);
    } else if (!atomic_load(&c->cancelled)) {
      if (failures++ == 0) tell(c, ESCLUSTER_WARNING, "the endpoint service %s does not help: %s", s->url, error);
      pause_service(
          c, random_up_to(backoff_ceiling_ms(failures, c->backoff_base_ms, c->backoff_cap_ms)) + c->backoff_base_ms);
    }
  }
  curl_easy_cleanup(curl);
  return NULL;
}

/* ---------- signals ---------- */

/*
 * What a signal handler can reach is global of necessity: the descriptor that it writes to, and how many handlers run
 * at the moment. A handler, not signalfd: es-failover looks in /proc whether a program catches SIGHUP before it sends
 * one, since a program that does not is ended by it.
 */
static atomic_int sighup_fd = -1;
static atomic_int sighup_running = 0;

static void on_sighup(int number) {
  (void)number;
  atomic_fetch_add(&sighup_running, 1);
  int fd = atomic_load(&sighup_fd);
  if (fd >= 0) wake(fd);
  atomic_fetch_sub(&sighup_running, 1);
}

static bool catch_sighup(escluster *c, char *error, size_t size) {
  int none = -1;
  if (!atomic_compare_exchange_strong(&sighup_fd, &none, c->wake_fd)) {
    return refuse(error, size, "another cluster of this program has handle_sighup already");
  }
  struct sigaction action = {.sa_handler = on_sighup, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGHUP, &action, &c->sighup_before);
  c->handles_sighup = true;
  return true;
}

static void release_sighup(escluster *c) {
  if (!c->handles_sighup) return;
  sigaction(SIGHUP, &c->sighup_before, NULL);
  atomic_store(&sighup_fd, -1);
  /* A handler in another thread may hold the descriptor that is about to be closed. */
  while (atomic_load(&sighup_running) > 0) sched_yield();
}

/* ---------- opening and closing ---------- */

/** Copies a string; NULL stays NULL. */
static char *duplicate(const char *text, bool *failed) {
  char *copied = text == NULL ? NULL : strdup(text);
  if (text != NULL && copied == NULL) *failed = true;
  return copied;
}

static bool is_loopback(slice url) {
  static const char *const bases[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
  for (size_t i = 0; i < sizeof bases / sizeof bases[0]; i++) {
    size_t length = strlen(bases[i]);
    if (url.length >= length && strncmp(url.at, bases[i], length) == 0 &&
        (url.length == length || url.at[length] == ':' || url.at[length] == '/')) {
      return true;
    }
  }
  return false;
}

/** Between the addresses of endpoint services. */
#define BLANKS " \t\n"

/** Takes the list of endpoint services apart. False: `error` says what is wrong with it. */
static bool read_services(escluster *c, const char *urls, char *error, size_t size) {
  for (const char *p = urls + strspn(urls, BLANKS); *p != '\0'; p += strspn(p, BLANKS)) {
    slice url = {p, strcspn(p, BLANKS)};
    p += url.length;
    while (url.length > 0 && url.at[url.length - 1] == '/') url.length--;
    if (c->service_count == SERVICES_MAX) return refuse(error, size, "service_urls names more than %d", SERVICES_MAX);
    if (url.length > URL_BYTES_MAX / 2 || (strncmp(url.at, "https://", 8) != 0 && !is_loopback(url))) {
      return refuse(error, size, "%s is no https address (http is for loopback alone)", quote(url).text);
    }
    service *s = &c->services[c->service_count];
    *s = (service){.cluster = c, .url = strndup(url.at, url.length)};
    if (s->url == NULL) return refuse(error, size, "out of memory");
    c->service_count++;
  }
  return true;
}

/** Which rule the options break; NULL: none. */
static const char *broken_option(const escluster_options *o) {
  bool file = o->endpoint_path != NULL;
  bool services = o->service_urls != NULL && o->service_urls[strspn(o->service_urls, BLANKS)] != '\0';
  if (file && o->endpoint_path[0] == '\0') return "endpoint_path is empty";
  if (!file && !services) return "neither endpoint_path nor service_urls is given";
  if (!file && o->ca_path == NULL)
    return "ca_path is not given, and without an endpoint file there is no CaPath either";
  if (o->ca_path != NULL && (o->ca_path[0] == '\0' || strlen(o->ca_path) >= ESCLUSTER_PATH_MAX))
    return "ca_path is no path";
  if (o->credentials != NULL && o->credentials_path != NULL)
    return "credentials and credentials_path exclude each other";
  if (o->credentials != NULL && (strlen(o->credentials) >= CREDENTIALS_BYTES_MAX || !are_credentials(o->credentials))) {
    return "credentials are neither user:password nor ApiKey <encoded key>";
  }
  if (o->application != NULL) {
    slice name = {o->application, strlen(o->application)};
    if (name.length == 0 || name.length >= APPLICATION_BYTES_MAX || !made_of(name, "._-")) {
      return "application is no name of at most 64 letters, digits, dots, - and _";
    }
  }
  if (o->pool_size > POOL_SIZE_MAX) return "pool_size is larger than 1024";
  if (o->poll_interval_ms > 3600000) return "poll_interval_ms is longer than an hour";
  return NULL;
}

static bool take_options(escluster *c, const escluster_options *o, char *error, size_t size) {
  bool failed = false;
  char host[ESCLUSTER_HOST_MAX] = "";
  c->endpoint_path = duplicate(o->endpoint_path, &failed);
  c->folder = duplicate(o->endpoint_path, &failed);
  c->ca_path = duplicate(o->ca_path, &failed);
  c->credentials_path = duplicate(o->credentials_path, &failed);
  if (failed) return refuse(error, size, "out of memory");
  if (c->folder != NULL) {
    char *slash = strrchr(c->folder, '/');
    if (slash == NULL) {
      memcpy(c->folder, ".", sizeof ".");
    } else {
      slash[slash == c->folder ? 1 : 0] = '\0';
    }
  }
  if (o->application != NULL)
    copy(c->application, sizeof c->application, (slice){o->application, strlen(o->application)});
  (void)gethostname(host, sizeof host - 1);
  slice name = {host, strlen(host)};
  say(c->instance, sizeof c->instance, "%s:%ld", made_of(name, ".-_") ? host : "host", (long)getpid());
  c->pool_size = or_default(o->pool_size, 8);
  c->connect_timeout_ms = or_default(o->connect_timeout_ms, 2000);
  c->attempt_timeout_ms = or_default(o->attempt_timeout_ms, 10000);
  c->budget_ms = or_default(o->budget_ms, 120000);
  c->attempts_max = or_default(o->attempts_max, 60);
  c->backoff_base_ms = or_default(o->backoff_base_ms, 100);
  c->backoff_cap_ms = or_default(o->backoff_cap_ms, 5000);
  c->poll_interval_ms = or_default(o->poll_interval_ms, 2000);
  c->long_poll_ms = or_default(o->long_poll_ms, 30000);
  c->drain_ms = or_default(o->drain_ms, 2000);
  c->answer_bytes_max = o->answer_bytes_max > 0 ? o->answer_bytes_max : (size_t)16 * 1024 * 1024;
  c->log = o->log;
  c->log_context = o->log_context;
  if (o->credentials != NULL) memcpy(c->credentials, o->credentials, strlen(o->credentials) + 1);
  if (o->credentials_path != NULL && !read_credentials(o->credentials_path, c->credentials, error, size)) return false;
  return o->service_urls == NULL || read_services(c, o->service_urls, error, size);
}

/** Starts the threads with every signal blocked: the application's own threads are to get them. */
static bool start_threads(escluster *c, char *error, size_t size) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int failed = pthread_create(&c->watcher, NULL, watch, c);
  c->watcher_running = failed == 0;
  for (size_t i = 0; i < c->service_count && failed == 0; i++) {
    failed = pthread_create(&c->services[i].thread, NULL, follow_service, &c->services[i]);
    c->services[i].running = failed == 0;
  }
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (failed != 0) say(error, size, "a thread cannot be started: %s", strerror(failed));
  return failed == 0;
}

static bool set_up_locks(escluster *c) {
  pthread_condattr_t attributes;
  if (pthread_mutex_init(&c->mutex, NULL) != 0) return false;
  /* Waits end by the monotonic clock: somebody may set the other one. */
  bool good = pthread_condattr_init(&attributes) == 0 && pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
              pthread_cond_init(&c->changed, &attributes) == 0;
  pthread_condattr_destroy(&attributes);
  if (!good) pthread_mutex_destroy(&c->mutex);
  return good;
}

escluster_status escluster_open(const escluster_options *options, escluster **cluster, char *error, size_t error_size) {
  *cluster = NULL;
  const char *broken = broken_option(options);
  if (broken != NULL) {
    say(error, error_size, "%s", broken);
    return ESCLUSTER_INVALID;
  }
  escluster *c = calloc(1, sizeof *c);
  if (c == NULL) {
    say(error, error_size, "out of memory");
    return ESCLUSTER_SYSTEM;
  }
  c->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  c->inotify_fd = options->endpoint_path == NULL ? -1 : inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (!set_up_locks(c) || c->wake_fd < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    say(error, error_size, "the system refuses a lock, a descriptor or TLS: %s", strerror(errno));
    if (c->wake_fd >= 0) close(c->wake_fd);
    if (c->inotify_fd >= 0) close(c->inotify_fd);
    free(c);
    return ESCLUSTER_SYSTEM;
  }
  escluster_status status = ESCLUSTER_OK;
  if (!take_options(c, options, error, error_size)) status = ESCLUSTER_INVALID;
  if (status == ESCLUSTER_OK && options->handle_sighup && !catch_sighup(c, error, error_size))
    status = ESCLUSTER_INVALID;
  if (status == ESCLUSTER_OK) {
    read_endpoint_file(c, true);
    if (!start_threads(c, error, error_size)) status = ESCLUSTER_SYSTEM;
  }
  if (status != ESCLUSTER_OK) {
    escluster_close(c);
    return status;
  }
  *cluster = c;
  return ESCLUSTER_OK;
}

void escluster_close(escluster *cluster) {
  escluster *c = cluster;
  if (c == NULL) return;
  release_sighup(c);
  escluster_cancel(c);
  atomic_store(&c->stopping, true);
  wake(c->wake_fd);
  if (c->watcher_running) pthread_join(c->watcher, NULL);
  for (size_t i = 0; i < c->service_count; i++) {
    if (c->services[i].running) pthread_join(c->services[i].thread, NULL);
    free(c->services[i].url);
  }
  close_connections(c->idle);
  close(c->wake_fd);
  if (c->inotify_fd >= 0) close(c->inotify_fd);
  pthread_cond_destroy(&c->changed);
  pthread_mutex_destroy(&c->mutex);
  free(c->endpoint_path);
  free(c->folder);
  free(c->ca_path);
  free(c->credentials_path);
  explicit_bzero(c, sizeof *c);
  free(c);
  curl_global_cleanup();
}
