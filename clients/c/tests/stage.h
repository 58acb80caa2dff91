/** A cluster at a server of its own, for tests of requests. */
#ifndef STAGE_H
#define STAGE_H

#include "check.h"
#include "server.h"

typedef struct stage {
  server *server;
  escluster *cluster;
  escluster_answer answer;
  escluster_status status;
} stage;

/** The options may name everything but the endpoint, which is published as stage.ini. */
stage set(escluster_options options);
void clear(stage *s);

/** Performs a request, to which the server gives these replies. */
escluster_status perform(stage *s, const escluster_call *call, const char *const *replies);

#define CALL(...) (&(escluster_call){__VA_ARGS__})
#define WITH_BODY .body = "{}", .body_length = 2

#endif
