#define _GNU_SOURCE

#include <unistd.h>

#include "check.h"

atomic_uint failures;

static char scratch[64];

bool create_scratch(void) {
  snprintf(scratch, sizeof scratch, "/tmp/escluster-unit-XXXXXX");
  return mkdtemp(scratch) != NULL;
}

bool remove_scratch(void) {
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", scratch);
  return system(command) == 0;
}

const char *in_scratch(const char *name) {
  static char paths[4][192];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
  return path;
}

void put(const char *path, const char *text) {
  FILE *file = fopen(path, "we");
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
    perror(path);
    exit(2);
  }
}

void publish(const char *name, const char *region, unsigned epoch) {
  char text[256];
  snprintf(text, sizeof text, "[Elasticsearch]\nHost = 127.0.0.1\nPort = 1\nRegion = %s\nCaPath = /ca\nEpoch = %u\n",
           region, epoch);
  publish_text(name, text);
}

void publish_text(const char *name, const char *text) {
  char beside[192];
  snprintf(beside, sizeof beside, "%s/%s.new", scratch, name);
  put(beside, text);
  CHECK(rename(beside, in_scratch(name)) == 0);
}

const char canonical[] =
    "[Elasticsearch]\nHost = 10.82.0.10\nPort = 9200\nRegion = bhs\nCaPath = /etc/es-failover/ca.crt\nEpoch = 3\n";

void keep_log(void *context, escluster_level level, const char *text) {
  logged *log = context;
  pthread_mutex_lock(&log->mutex);
  size_t length = strlen(log->text);
  snprintf(log->text + length, sizeof log->text - length, "%s%s\n", level == ESCLUSTER_WARNING ? "warning: " : "",
           text);
  pthread_mutex_unlock(&log->mutex);
}

unsigned times_logged(logged *log, const char *part) {
  unsigned times = 0;
  pthread_mutex_lock(&log->mutex);
  for (const char *p = log->text; (p = strstr(p, part)) != NULL; p++) times++;
  pthread_mutex_unlock(&log->mutex);
  return times;
}

uint64_t epoch_of(escluster *cluster) {
  escluster_endpoint endpoint;
  return escluster_current(cluster, &endpoint) ? endpoint.epoch : 0;
}

escluster *opened(const escluster_options *options) {
  escluster *cluster = NULL;
  char error[ESCLUSTER_ERROR_MAX] = "";
  escluster_options versioned = *options;
  versioned.version = ESCLUSTER_VERSION;
  /* On a busy machine, the server of the tests may take longer than the defaults allow. */
  if (versioned.connect_timeout_ms == 0) versioned.connect_timeout_ms = 30000;
  if (versioned.attempt_timeout_ms == 0) versioned.attempt_timeout_ms = 60000;
  escluster_status status = escluster_open(&versioned, &cluster, error, sizeof error);
  if (status != ESCLUSTER_OK) {
    printf("    cannot open: %s: %s\n", escluster_status_name(status), error);
    exit(2);
  }
  return cluster;
}
