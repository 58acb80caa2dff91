/** The cluster: options, shared state and threads. */
#ifndef ESC_CLUSTER_H
#define ESC_CLUSTER_H

#include <curl/curl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "public.h"

#if LIBCURL_VERSION_NUM < 0x074200
#error "libescluster needs libcurl 7.66 or later"
#endif

enum {
  CREDENTIALS_BYTES_MAX = 1024,
  SERVICES_MAX = 8,
  URL_BYTES_MAX = 2048,
  APPLICATION_BYTES_MAX = 65,
  POOL_SIZE_MAX = 1024,
};

/** One connection, kept alive between requests, to the endpoint it was opened for. */
typedef struct connection {
  CURL *curl;
  escluster_endpoint endpoint;
  uint64_t generation;
  struct connection *next;
} connection;

/** An endpoint service and the thread that polls it. */
typedef struct service {
  escluster *cluster;
  char *url;
  pthread_t thread;
  bool running;
} service;

struct escluster {
  /* Set by escluster_open and constant afterwards. */
  char *endpoint_path;
  char *directory; /* of endpoint_path */
  char *ca_path;
  char *credentials_path;
  char application[APPLICATION_BYTES_MAX];
  char instance[ESCLUSTER_HOST_MAX + 16];
  unsigned pool_size, connect_timeout_ms, attempt_timeout_ms, budget_ms, attempts_max;
  unsigned backoff_base_ms, backoff_cap_ms, poll_interval_ms, long_poll_ms, drain_ms;
  size_t answer_bytes_max;
  void (*log)(void *context, escluster_level level, const char *text);
  void *log_context;

  /* Shared, under `mutex`; `changed` is broadcast with every change. */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  escluster_endpoint endpoint; /* epoch 0: none is known yet */
  char credentials[CREDENTIALS_BYTES_MAX];
  unsigned credentials_version;         /* +1 with every replacement */
  bool credentials_accepted;            /* a server answered 2xx to this version */
  connection *idle;                     /* all of the current generation */
  unsigned open_now;                    /* connections of the current generation, idle and busy */
  unsigned open_before;                 /* busy connections of earlier generations */
  escluster_counts counts;              /* without size and epoch */
  bool served;                          /* an endpoint that serves has been in use */
  char file_error[ESCLUSTER_ERROR_MAX]; /* why the file provides no endpoint, for errors of requests */

  /* Also read without the mutex: in libcurl's callbacks and in loops. */
  _Atomic uint64_t generation; /* +1 with every replacement of the connections */
  _Atomic int64_t replaced_at_ms;
  atomic_bool cancelled;
  atomic_bool stopping;

  int wake_fd; /* an eventfd, because a signal handler may write to it */
  int inotify_fd;
  bool handles_sighup;
  struct sigaction sighup_before;
  pthread_t watcher;
  bool watcher_running;
  service services[SERVICES_MAX];
  size_t service_count;
};

/** Passes a line to the log callback. Must not be called with the mutex held. */
__attribute__((format(printf, 3, 4))) void esc_log(const escluster *c, escluster_level level, const char *format, ...);

/** Wakes the watcher. Async-signal-safe. */
void esc_wake(int fd);

#endif
