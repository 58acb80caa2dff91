/**
 * Requests in a loop around poll(2): COUNT searches at once, until all have ended.
 *
 *     example-poll ENDPOINT_FILE COUNT
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <escluster.h>

static unsigned left;

static void ended(void *context, escluster_status status, escluster_answer *answer) {
  (void)context;
  left--;
  printf("%s %ld %s\n", escluster_status_name(status), answer->http_status, answer->region);
}

int main(int argc, char **argv) {
  char error[ESCLUSTER_ERROR_MAX];
  escluster *cluster = NULL;
  escluster_loop *loop = NULL;
  escluster_call call = {.method = "GET", .path = "/_search"};
  if (argc != 3) return 2;
  escluster_options options = {.version = ESCLUSTER_VERSION, .endpoint_path = argv[1]};
  if (escluster_open(&options, &cluster, error, sizeof error) != ESCLUSTER_OK ||
      escluster_loop_open(cluster, &loop, error, sizeof error) != ESCLUSTER_OK) {
    fprintf(stderr, "%s\n", error);
    return 1;
  }
  for (unsigned long i = strtoul(argv[2], NULL, 10); i > 0; i--) {
    if (escluster_submit(loop, &call, ended, NULL) == ESCLUSTER_OK) left++;
  }
  /* A program adds its own descriptors here. The loop's one covers timeouts, too. */
  while (left > 0) {
    struct pollfd ready = {.fd = escluster_loop_fd(loop), .events = POLLIN};
    if (poll(&ready, 1, -1) == 1) escluster_loop_run(loop);
  }
  escluster_loop_close(loop);
  escluster_close(cluster);
  return 0;
}
