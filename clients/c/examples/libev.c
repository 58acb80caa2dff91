/**
 * The same with libev: one ev_io watches the loop's descriptor.
 *
 *     example-libev ENDPOINT_FILE COUNT
 */
#include <stdio.h>
#include <stdlib.h>

#include <ev.h>

#include <escluster.h>

typedef struct program {
  ev_io watcher; /* first, so that a pointer to it leads to the program */
  struct ev_loop *loop;
  escluster_loop *requests;
  unsigned left;
} program;

static void ended(void *context, escluster_status status, escluster_answer *answer) {
  program *p = context;
  printf("%s %ld %s\n", escluster_status_name(status), answer->http_status, answer->region);
  if (--p->left == 0) ev_break(p->loop, EVBREAK_ALL);
}

static void ready(struct ev_loop *loop, ev_io *watcher, int events) {
  (void)loop, (void)events;
  escluster_loop_run(((program *)watcher)->requests);
}

int main(int argc, char **argv) {
  char error[ESCLUSTER_ERROR_MAX];
  escluster *cluster = NULL;
  program p = {.loop = EV_DEFAULT};
  escluster_call call = {.method = "GET", .path = "/_search"};
  if (argc != 3) return 2;
  escluster_options options = {.version = ESCLUSTER_VERSION, .endpoint_path = argv[1]};
  if (escluster_open(&options, &cluster, error, sizeof error) != ESCLUSTER_OK ||
      escluster_loop_open(cluster, &p.requests, error, sizeof error) != ESCLUSTER_OK) {
    fprintf(stderr, "%s\n", error);
    return 1;
  }
  ev_io_init(&p.watcher, ready, escluster_loop_fd(p.requests), EV_READ);
  ev_io_start(p.loop, &p.watcher);
  for (unsigned long i = strtoul(argv[2], NULL, 10); i > 0; i--) {
    if (escluster_submit(p.requests, &call, ended, &p) == ESCLUSTER_OK) p.left++;
  }
  ev_run(p.loop, 0);
  ev_io_stop(p.loop, &p.watcher);
  escluster_loop_close(p.requests);
  escluster_close(cluster);
  return 0;
}
