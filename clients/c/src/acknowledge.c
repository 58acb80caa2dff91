#define _GNU_SOURCE

#include "acknowledge.h"

#include <inttypes.h>
#include <string.h>

#include "transport.h"
#include "util.h"

/** What is to be acknowledged. */
typedef struct acknowledgement {
  uint64_t epoch; /* 0: nothing yet */
  unsigned version;
  char problem[PROBLEM_BYTES_MAX];
} acknowledgement;

bool esc_acknowledges(const escluster *c) { return c->application[0] != '\0' && c->service_count > 0; }

/** Needs the mutex. */
static acknowledgement due_now(const escluster *c) {
  acknowledgement due = {.epoch = 0};
  if (c->acknowledges_itself) {
    due = (acknowledgement){.epoch = c->acknowledge_epoch, .version = c->acknowledge_version};
    memcpy(due.problem, c->problem, sizeof due.problem);
  } else if (c->requested && c->endpoint.serving && c->open_before == 0) {
    due.epoch = c->endpoint.epoch;
  }
  return due;
}

static bool is_same(const acknowledgement *a, const acknowledgement *b) {
  return a->epoch == b->epoch && a->version == b->version;
}

/** At each service: the watchdog of the first may be cut off from the others and unable to share it. */
static bool send_to_all(escluster *c, const acknowledgement *due, char *error, size_t size) {
  char body[1024];
  char problem[PROBLEM_BYTES_MAX + 16] = "";
  bool accepted = false;
  if (due->problem[0] != '\0') esc_format(problem, sizeof problem, ",\"problem\":\"%s\"", due->problem);
  esc_format(body, sizeof body, "{\"application\":\"%s\",\"instance\":\"%s\",\"epoch\":%" PRIu64 "%s}", c->application,
             c->instance, due->epoch, problem);
  for (size_t i = 0; i < c->service_count && !atomic_load(&c->cancelled); i++) {
    if (esc_post_acknowledgement(c, c->services[i].url, body, error, size)) accepted = true;
  }
  return accepted;
}

unsigned esc_repeat_acknowledgement_ms = 30 * 60 * 1000;

/** What was sent. */
typedef struct reports {
  acknowledgement accepted; /* the last one; epoch 0: none yet */
  acknowledgement failed;   /* the last one, if it failed; else epoch 0 */
  int64_t repeat_at_ms;
} reports;

/**
 * Waits until there is something to send. While the program switches, or has not switched, that is at most the epoch that
 * was accepted before: never one that it does not use yet. Needs the mutex.
 */
static acknowledgement await_due(escluster *c, const reports *r) {
  while (!atomic_load(&c->cancelled)) {
    acknowledgement due = due_now(c);
    if (due.epoch != 0 && !is_same(&due, &r->accepted)) return due;
    if (r->accepted.epoch == 0) {
      pthread_cond_wait(&c->changed, &c->mutex);
    } else if (esc_now_ms() >= r->repeat_at_ms) {
      return r->accepted;
    } else {
      struct timespec until = esc_timespec_of(r->repeat_at_ms);
      pthread_cond_timedwait(&c->changed, &c->mutex, &until);
    }
  }
  return (acknowledgement){.epoch = 0};
}

static void note_accepted(escluster *c, reports *r, const acknowledgement *sent) {
  if (!is_same(sent, &r->accepted) || r->failed.epoch != 0) {
    esc_log(&c->log, ESCLUSTER_INFO, "epoch %" PRIu64 " acknowledged", sent->epoch);
  }
  *r = (reports){.accepted = *sent, .repeat_at_ms = esc_now_ms() + esc_repeat_acknowledgement_ms};
  pthread_mutex_lock(&c->mutex);
  c->counts.acknowledged_epoch = sent->epoch;
  pthread_mutex_unlock(&c->mutex);
}

static void note_failed(escluster *c, reports *r, const acknowledgement *due, const char *error) {
  if (is_same(due, &r->failed) || atomic_load(&c->cancelled)) return;
  esc_log(&c->log, ESCLUSTER_WARNING, "no endpoint service accepts the acknowledgement of epoch %" PRIu64 " yet: %s",
          due->epoch, error);
  r->failed = *due;
}

void *esc_acknowledge_epochs(void *context) {
  escluster *c = context;
  reports r = {.accepted = {.epoch = 0}};
  char error[ESCLUSTER_ERROR_MAX] = "";
  pthread_mutex_lock(&c->mutex);
  for (;;) {
    acknowledgement due = await_due(c, &r);
    if (due.epoch == 0) break;
    pthread_mutex_unlock(&c->mutex);
    bool sent = send_to_all(c, &due, error, sizeof error);
    if (sent) {
      note_accepted(c, &r, &due);
    } else {
      note_failed(c, &r, &due, error);
    }
    pthread_mutex_lock(&c->mutex);
    struct timespec until = esc_timespec_of(esc_now_ms() + c->poll_interval_ms);
    for (int waited = 0; !sent && waited == 0 && !atomic_load(&c->cancelled);) {
      waited = pthread_cond_timedwait(&c->changed, &c->mutex, &until);
    }
  }
  pthread_mutex_unlock(&c->mutex);
  return NULL;
}

escluster_status escluster_acknowledge(escluster *cluster, uint64_t epoch, const char *problem) {
  if (!esc_is_usable(cluster) || !cluster->acknowledges_itself || !esc_acknowledges(cluster)) return ESCLUSTER_INVALID;
  if (problem != NULL && strlen(problem) >= PROBLEM_BYTES_MAX) return ESCLUSTER_INVALID;
  pthread_mutex_lock(&cluster->mutex);
  bool known = epoch > 0 && epoch <= cluster->endpoint.epoch;
  if (known) {
    cluster->acknowledge_epoch = epoch;
    cluster->acknowledge_version++;
    esc_copy(cluster->problem, sizeof cluster->problem, esc_slice_of(problem == NULL ? "" : problem));
    /* It goes into JSON as it is. */
    esc_make_printable(cluster->problem);
    for (char *p = cluster->problem; *p != '\0'; p++) {
      if (*p == '"' || *p == '\\') *p = '\'';
    }
    esc_announce(cluster);
  }
  pthread_mutex_unlock(&cluster->mutex);
  return known ? ESCLUSTER_OK : ESCLUSTER_INVALID;
}
