/**
 * escluster-demo: an application that keeps writing through failovers.
 *
 * Threads write numbered documents, each under its own id (or without ids, with --without-ids), and record the outcome
 * of each in a ledger. Events of the library go to standard error, a summary to standard output. See escluster-demo(1).
 */
#define _GNU_SOURCE

#include "escluster.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
  THREADS_MAX = 256,
  /** Requests in progress have this long to end after SIGTERM. */
  GRACE_S = 2,
};

/** The command line. */
typedef struct settings {
  escluster_options cluster;
  const char *index;
  const char *run; /* prefix of the ids, different for each run */
  const char *ledger_path;
  unsigned long documents; /* 0: until SIGTERM or SIGINT */
  unsigned threads;
  unsigned interval_ms;
  bool without_ids;
} settings;

/** State that the writers share. */
typedef struct work {
  const settings *settings;
  escluster *cluster;
  FILE *ledger;      /* NULL: none. stdio locks it for each line */
  atomic_bool ended; /* start no further document */
  atomic_bool done;  /* all writers have returned */
  atomic_ulong next;
  atomic_ulong written, failed, uncertain;
} work;

static void print_event(void *context, escluster_level level, const char *text) {
  (void)context;
  fprintf(stderr, "escluster-demo: %s%s\n", level == ESCLUSTER_WARNING ? "warning: " : "", text);
}

static int64_t wall_clock_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(unsigned ms) {
  struct timespec left = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

/** Writes a line of the ledger, before the next document starts: a program that dies loses none. */
static void record(const work *w, unsigned long number, int64_t began_ms, escluster_status status,
                   const escluster_answer *a) {
  if (w->ledger == NULL) return;
  fprintf(w->ledger,
          "{\"id\":\"%s-%lu\",\"status\":\"%s\",\"at\":%" PRId64
          ",\"ms\":%u,\"attempts\":%u,\"http\":%ld,"
          "\"uncertain\":%s,\"epoch\":%" PRIu64 ",\"region\":\"%s\"}\n",
          w->settings->run, number, escluster_status_name(status), began_ms, a->elapsed_ms, a->attempts, a->http_status,
          a->uncertain ? "true" : "false", a->epoch, a->region);
  fflush(w->ledger);
}

static void write_document(work *w, unsigned long number) {
  const settings *s = w->settings;
  char path[256];
  char body[256];
  int64_t began_ms = wall_clock_ms();
  if (s->without_ids) {
    snprintf(path, sizeof path, "/%s/_doc", s->index);
  } else {
    snprintf(path, sizeof path, "/%s/_create/%s-%lu", s->index, s->run, number);
  }
  snprintf(body, sizeof body, "{\"run\":\"%s\",\"number\":%lu,\"writtenAt\":%" PRId64 "}", s->run, number, began_ms);

  escluster_call call = {
      .method = s->without_ids ? "POST" : "PUT",
      .path = path,
      .body = body,
      .body_length = strlen(body),
      .repeat = s->without_ids ? ESCLUSTER_ONCE : ESCLUSTER_CREATE,
  };
  escluster_answer answer;
  escluster_status status = escluster_perform(w->cluster, &call, &answer);
  record(w, number, began_ms, status, &answer);
  if (status == ESCLUSTER_OK) {
    atomic_fetch_add(&w->written, 1);
  } else {
    atomic_fetch_add(status == ESCLUSTER_UNCERTAIN || answer.uncertain ? &w->uncertain : &w->failed, 1);
    fprintf(stderr, "escluster-demo: document %lu: %s: %s\n", number, escluster_status_name(status), answer.error);
  }
  escluster_answer_clear(&answer);
}

static void *write_documents(void *context) {
  work *w = context;
  const settings *s = w->settings;
  while (!atomic_load(&w->ended)) {
    unsigned long number = atomic_fetch_add(&w->next, 1);
    if (s->documents > 0 && number > s->documents) break;
    write_document(w, number);
    if (s->interval_ms > 0) pause_ms(s->interval_ms);
  }
  return NULL;
}

/** The thread that shuts down in order on SIGTERM and SIGINT; do_work sends one of them when the writers are done. */
static void *await_end(void *context) {
  work *w = context;
  sigset_t ends;
  int number = 0;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigwait(&ends, &number);
  atomic_store(&w->ended, true);
  if (!atomic_load(&w->done)) (void)sigtimedwait(&ends, NULL, &(struct timespec){.tv_sec = GRACE_S});
  escluster_cancel(w->cluster);
  return NULL;
}

/** Writes all documents. False when a thread cannot be started. */
static bool do_work(work *w) {
  pthread_t threads[THREADS_MAX];
  pthread_t waiter;
  unsigned started = 0;
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  /* Blocked in every thread, so that sigwait receives them. SIGHUP is left to the library's handler. */
  pthread_sigmask(SIG_BLOCK, &ends, NULL);
  if (pthread_create(&waiter, NULL, await_end, w) != 0) return false;
  while (started < w->settings->threads && pthread_create(&threads[started], NULL, write_documents, w) == 0) started++;
  for (unsigned i = 0; i < started; i++) pthread_join(threads[i], NULL);
  atomic_store(&w->done, true);
  pthread_kill(waiter, SIGTERM);
  pthread_join(waiter, NULL);
  return started == w->settings->threads;
}

static void usage(FILE *out) {
  fputs(
      "Usage: escluster-demo [option…]\n"
      "Writes documents to the active region, and continues through failovers.\n"
      "\n"
      "  --endpoint-file FILE     INI file with [Elasticsearch] Host, Port, Region, Epoch, CaPath\n"
      "  --service URLS           endpoint services to long-poll, separated by blanks\n"
      "  --application NAME       acknowledge epochs at the services under this name\n"
      "  --ca FILE                CA certificates; takes precedence over CaPath\n"
      "  --credentials-file FILE  user:password, ApiKey KEY or Bearer TOKEN, mode 600 or 640;\n"
      "                           (default: environment variable ESCLUSTER_CREDENTIALS)\n"
      "  --index NAME             index to write to (default escluster-demo)\n"
      "  --documents N            end after N documents (default: on SIGTERM or SIGINT)\n"
      "  --threads N              writers (default 1)\n"
      "  --interval MS            pause of each writer between documents (default 0)\n"
      "  --without-ids            let Elasticsearch choose the ids: uncertain writes are not repeated\n"
      "  --run NAME               prefix of the ids (default: time and process id)\n"
      "  --ledger FILE            append the outcome of each document as a line of JSON\n"
      "  --budget MS              total time of one request (default 120000)\n"
      "  --attempt-timeout MS     time of one attempt (default 10000)\n"
      "  --poll-interval MS       how often to read the endpoint file (default 2000)\n"
      "  --help\n",
      out);
}

static unsigned number_of(const char *option, const char *text, unsigned maximum) {
  char *end = NULL;
  errno = 0;
  unsigned long value = strtoul(text, &end, 10);
  if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > maximum) {
    fprintf(stderr, "escluster-demo: --%s expects a number from 0 to %u, not \"%s\"\n", option, maximum, text);
    exit(2);
  }
  return (unsigned)value;
}

/** Ids and index names go into paths and JSON unescaped. */
static const char *name_of(const char *option, const char *text) {
  if (text[0] == '\0' || strlen(text) > 64 || strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != strlen(text)) {
    fprintf(stderr, "escluster-demo: --%s expects at most 64 lower-case letters, digits, dots, - and _\n", option);
    exit(2);
  }
  return text;
}

static settings read_command_line(int argc, char **argv) {
  enum {
    ENDPOINT_FILE = 1,
    SERVICE,
    APPLICATION,
    CA,
    CREDENTIALS_FILE,
    INDEX,
    DOCUMENTS,
    THREADS,
    INTERVAL,
    WITHOUT_IDS,
    RUN,
    LEDGER,
    BUDGET,
    ATTEMPT_TIMEOUT,
    POLL_INTERVAL,
    HELP
  };
  static const struct option known[] = {
      {"endpoint-file", required_argument, NULL, ENDPOINT_FILE},
      {"service", required_argument, NULL, SERVICE},
      {"application", required_argument, NULL, APPLICATION},
      {"ca", required_argument, NULL, CA},
      {"credentials-file", required_argument, NULL, CREDENTIALS_FILE},
      {"index", required_argument, NULL, INDEX},
      {"documents", required_argument, NULL, DOCUMENTS},
      {"threads", required_argument, NULL, THREADS},
      {"interval", required_argument, NULL, INTERVAL},
      {"without-ids", no_argument, NULL, WITHOUT_IDS},
      {"run", required_argument, NULL, RUN},
      {"ledger", required_argument, NULL, LEDGER},
      {"budget", required_argument, NULL, BUDGET},
      {"attempt-timeout", required_argument, NULL, ATTEMPT_TIMEOUT},
      {"poll-interval", required_argument, NULL, POLL_INTERVAL},
      {"help", no_argument, NULL, HELP},
      {NULL, 0, NULL, 0},
  };
  settings s = {.cluster = {.version = ESCLUSTER_VERSION, .handle_sighup = true, .log = print_event},
                .index = "escluster-demo",
                .threads = 1};
  int chosen = 0;
  int at = 0;
  while ((chosen = getopt_long(argc, argv, "", known, &at)) != -1) {
    const char *name = chosen == '?' ? "" : known[at].name;
    switch (chosen) {
      case ENDPOINT_FILE: s.cluster.endpoint_path = optarg; break;
      case SERVICE: s.cluster.service_urls = optarg; break;
      case APPLICATION: s.cluster.application = optarg; break;
      case CA: s.cluster.ca_path = optarg; break;
      case CREDENTIALS_FILE: s.cluster.credentials_path = optarg; break;
      case INDEX: s.index = name_of(name, optarg); break;
      case DOCUMENTS: s.documents = number_of(name, optarg, 1000000000); break;
      case THREADS: s.threads = number_of(name, optarg, THREADS_MAX); break;
      case INTERVAL: s.interval_ms = number_of(name, optarg, 3600000); break;
      case WITHOUT_IDS: s.without_ids = true; break;
      case RUN: s.run = name_of(name, optarg); break;
      case LEDGER: s.ledger_path = optarg; break;
      case BUDGET: s.cluster.budget_ms = number_of(name, optarg, 86400000); break;
      case ATTEMPT_TIMEOUT: s.cluster.attempt_timeout_ms = number_of(name, optarg, 86400000); break;
      case POLL_INTERVAL: s.cluster.poll_interval_ms = number_of(name, optarg, 3600000); break;
      case HELP: usage(stdout); exit(0);
      default: usage(stderr); exit(2);
    }
  }
  if (optind < argc) {
    usage(stderr);
    exit(2);
  }
  s.cluster.pool_size = s.threads;
  if (s.cluster.credentials_path == NULL) s.cluster.credentials = getenv("ESCLUSTER_CREDENTIALS");
  return s;
}

int main(int argc, char **argv) {
  settings s = read_command_line(argc, argv);
  char run[64];
  char error[ESCLUSTER_ERROR_MAX];
  work w = {.settings = &s};
  atomic_store(&w.next, 1);
  snprintf(run, sizeof run, "%" PRId64 "-%ld", wall_clock_ms(), (long)getpid());
  if (s.run == NULL) s.run = run;

  if (s.ledger_path != NULL && (w.ledger = fopen(s.ledger_path, "ae")) == NULL) {
    fprintf(stderr, "escluster-demo: %s: %s\n", s.ledger_path, strerror(errno));
    return 1;
  }
  if (escluster_open(&s.cluster, &w.cluster, error, sizeof error) != ESCLUSTER_OK) {
    fprintf(stderr, "escluster-demo: %s\n", error);
    if (w.ledger != NULL) fclose(w.ledger);
    return 1;
  }
  bool worked = do_work(&w);
  escluster_close(w.cluster);
  if (!worked) fprintf(stderr, "escluster-demo: cannot start a thread\n");
  if (w.ledger != NULL && fclose(w.ledger) != 0) {
    fprintf(stderr, "escluster-demo: %s: %s\n", s.ledger_path, strerror(errno));
    worked = false;
  }
  printf("written %lu, failed %lu, uncertain %lu\n", w.written, w.failed, w.uncertain);
  return worked && w.failed == 0 && w.uncertain == 0 ? 0 : 1;
}
