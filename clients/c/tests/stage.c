#define _GNU_SOURCE

#include "stage.h"

stage set(escluster_options options) {
  stage s = {.server = start_server()};
  publish_server("stage.ini", "gra", 1, s.server);
  options.endpoint_path = in_scratch("stage.ini");
  options.backoff_base_ms = 1;
  options.backoff_cap_ms = 5;
  if (options.attempts_max == 0) options.attempts_max = 5;
  s.cluster = opened(&options);
  return s;
}

void clear(stage *s) {
  escluster_answer_clear(&s->answer);
  escluster_close(s->cluster);
  stop_server(s->server);
}

escluster_status perform(stage *s, const escluster_call *call, const char *const *replies) {
  escluster_answer_clear(&s->answer);
  reply_with(s->server, replies);
  s->status = escluster_perform(s->cluster, call, &s->answer);
  return s->status;
}
