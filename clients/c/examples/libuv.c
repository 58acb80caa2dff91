/**
 * The same with libuv: one uv_poll_t watches the loop's descriptor.
 *
 *     example-libuv ENDPOINT_FILE COUNT
 */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include <escluster.h>

typedef struct program {
  escluster_loop *requests;
  uv_poll_t watcher;
  unsigned left;
} program;

static void ended(void *context, escluster_status status, escluster_answer *answer) {
  program *p = context;
  printf("%s %ld %s\n", escluster_status_name(status), answer->http_status, answer->region);
  /* Without anything to watch, uv_run returns. */
  if (--p->left == 0) uv_poll_stop(&p->watcher);
}

static void ready(uv_poll_t *watcher, int status, int events) {
  program *p = watcher->data;
  (void)status, (void)events;
  escluster_loop_run(p->requests);
}

int main(int argc, char **argv) {
  char error[ESCLUSTER_ERROR_MAX];
  escluster *cluster = NULL;
  program p = {.left = 0};
  escluster_call call = {.method = "GET", .path = "/_search"};
  if (argc != 3) return 2;
  escluster_options options = {.version = ESCLUSTER_VERSION, .endpoint_path = argv[1]};
  if (escluster_open(&options, &cluster, error, sizeof error) != ESCLUSTER_OK ||
      escluster_loop_open(cluster, &p.requests, error, sizeof error) != ESCLUSTER_OK) {
    fprintf(stderr, "%s\n", error);
    return 1;
  }
  uv_loop_t *loop = uv_default_loop();
  uv_poll_init(loop, &p.watcher, escluster_loop_fd(p.requests));
  p.watcher.data = &p;
  uv_poll_start(&p.watcher, UV_READABLE, ready);
  for (unsigned long i = strtoul(argv[2], NULL, 10); i > 0; i--) {
    if (escluster_submit(p.requests, &call, ended, &p) == ESCLUSTER_OK) p.left++;
  }
  uv_run(loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&p.watcher, NULL);
  uv_run(loop, UV_RUN_DEFAULT);
  uv_loop_close(loop);
  escluster_loop_close(p.requests);
  escluster_close(cluster);
  return 0;
}
