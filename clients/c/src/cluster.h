/** The cluster: options, shared state and threads. */
#ifndef ESC_CLUSTER_H
#define ESC_CLUSTER_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "log.h"
#include "public.h"

enum {
  CREDENTIALS_BYTES_MAX = 8192,
  SERVICES_MAX = 8,
  URL_BYTES_MAX = 2048,
  APPLICATION_BYTES_MAX = 65,
  PROBLEM_BYTES_MAX = 201,
  HEADERS_MAX = 32,
  POOL_SIZE_MAX = 1024,
};

/** An endpoint service and the thread that polls it. */
typedef struct service {
  escluster *cluster;
  char *url;
  pthread_t thread;
  bool running;
} service;

struct escluster {
  /* Set by escluster_open and constant afterwards. */
  pid_t pid; /* a child of this process has none of the threads */
  char *endpoint_path;
  char *directory; /* of endpoint_path */
  char *ca_path;
  char *credentials_path;
  char *client_certificate_path;
  char *client_key_path;
  char *path_prefix;
  char *headers[HEADERS_MAX + 1];
  char application[APPLICATION_BYTES_MAX];
  char instance[ESCLUSTER_HOST_MAX + 16];
  bool endpoint_only, acknowledges_itself, gzip;
  unsigned pool_size, connect_timeout_ms, attempt_timeout_ms, budget_ms, attempts_max, connection_lifetime_ms;
  unsigned backoff_base_ms, backoff_cap_ms, poll_interval_ms, long_poll_ms, drain_ms;
  size_t answer_bytes_max;
  void (*on_change)(void *context, const escluster_endpoint *endpoint);
  void *change_context;

  logger log; /* has a lock of its own */

  /* Shared, under `mutex`; esc_announce after every change. */
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  escluster_endpoint endpoint; /* epoch 0: none is known yet */
  char credentials[CREDENTIALS_BYTES_MAX];
  unsigned credentials_version;   /* +1 with every replacement */
  bool credentials_accepted;      /* a server answered 2xx to this version */
  struct connection *idle, *busy; /* idle ones are all of the current generation */
  unsigned open_now;              /* connections of the current generation, idle and busy */
  unsigned open_before;           /* busy connections of earlier generations */
  struct request *requests;       /* in progress */
  struct escluster_loop *loops;
  escluster_counts counts;              /* without size, epoch and log lines */
  bool served;                          /* an endpoint that serves has been in use */
  bool requested;                       /* a request has used an endpoint */
  uint64_t acknowledge_epoch;           /* by escluster_acknowledge; 0: none yet */
  unsigned acknowledge_version;         /* +1 with every escluster_acknowledge */
  char problem[PROBLEM_BYTES_MAX];      /* of the same */
  char file_error[ESCLUSTER_ERROR_MAX]; /* why the file provides no endpoint, for errors of requests */
  uint64_t taken_generation;            /* of the last escluster_take_change */

  /* Held while on_change runs. */
  pthread_mutex_t reporting;
  uint64_t reported_generation;

  /* Also read without the mutex: in libcurl's callbacks and in loops. */
  _Atomic uint64_t generation; /* +1 with every replacement of the connections */
  atomic_bool cancelled;
  atomic_bool stopping;

  int wake_fd;   /* an eventfd, because a signal handler may write to it */
  int change_fd; /* an eventfd for the program */
  int inotify_fd;
  bool handles_sighup;
  struct sigaction sighup_before;
  pthread_t watcher, acknowledger;
  bool watcher_running, acknowledger_running;
  service services[SERVICES_MAX];
  size_t service_count;
};

/** False for NULL, and in a child of the process that opened the cluster. */
bool esc_is_usable(const escluster *c);

/** Wakes all threads and loops that wait for a change of the shared state. Needs the mutex. */
void esc_announce(escluster *c);

/** Wakes the watcher. Async-signal-safe. */
void esc_wake(int fd);

#endif
