/** libescluster-endpoint: the follower without libcurl. Prints TAP. */
#define _GNU_SOURCE

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../escluster.h"

static int failed;

static void check(bool good, int number, const char *promise) {
  printf("%sok %d - %s\n", good ? "" : "not ", number, promise);
  if (!good) failed = 1;
}

static void put(const char *path, const char *text) {
  FILE *file = fopen(path, "we");
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) exit(2);
}

int main(void) {
  char path[] = "/tmp/escluster-endpoint-XXXXXX";
  char error[ESCLUSTER_ERROR_MAX] = "";
  escluster *cluster = NULL;
  escluster_endpoint endpoint;
  int fd = mkstemp(path);
  if (fd < 0) return 2;
  close(fd);
  puts("1..4");
  escluster_options options = {.version = ESCLUSTER_VERSION, .endpoint_path = path};
  check(escluster_open(&options, &cluster, error, sizeof error) == ESCLUSTER_INVALID && strstr(error, "endpoint_only"),
        1, "requests are refused");
  options.endpoint_only = true;
  options.service_urls = "https://a";
  check(escluster_open(&options, &cluster, error, sizeof error) == ESCLUSTER_INVALID && strstr(error, "service_urls"),
        2, "endpoint services are refused");
  options.service_urls = NULL;
  options.application = "orders";
  bool opened = escluster_open(&options, &cluster, error, sizeof error) == ESCLUSTER_OK;
  put(path, "[Elasticsearch]\nHost = a\nPort = 9200\nRegion = bhs\nEpoch = 7\n");
  struct pollfd ready = {.fd = escluster_change_fd(cluster), .events = POLLIN};
  bool changed = poll(&ready, 1, 10000) == 1 && escluster_take_change(cluster, &endpoint);
  check(opened && changed && endpoint.epoch == 7 && strcmp(endpoint.region, "bhs") == 0, 3,
        "it follows the endpoint file");
  check(escluster_acknowledge(cluster, 7, NULL) == ESCLUSTER_INVALID, 4, "it acknowledges nothing");
  escluster_close(cluster);
  unlink(path);
  return failed;
}
