#define _GNU_SOURCE

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static void follows_a_file_renamed_into_place(void) {
  publish("renamed.ini", "gra", 1);
  /* So rarely that only inotify can be the cause of what follows. */
  escluster *cluster =
      opened(&(escluster_options){.endpoint_path = in_scratch("renamed.ini"), .poll_interval_ms = 3000000});
  CHECK(epoch_of(cluster) == 1);
  for (unsigned epoch = 2; epoch < 6; epoch++) {
    publish("renamed.ini", "bhs", epoch);
    EVENTUALLY(epoch_of(cluster) == epoch);
  }
  escluster_close(cluster);
}

static void follows_by_polling_without_events(void) {
  /* A link to a file in another directory: the watched directory sees no event. */
  CHECK(mkdir(in_scratch("elsewhere"), 0700) == 0);
  publish("elsewhere/target.ini", "gra", 1);
  CHECK(symlink("elsewhere/target.ini", in_scratch("link.ini")) == 0);
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("link.ini"), .poll_interval_ms = 20});
  CHECK(epoch_of(cluster) == 1);
  put(in_scratch("elsewhere/target.ini"), "[Elasticsearch]\nHost=b\nPort=2\nRegion=bhs\nEpoch=2\n");
  EVENTUALLY(epoch_of(cluster) == 2);
  escluster_close(cluster);
}

static void reads_the_file_again_on_sighup(void) {
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  escluster_options options = {.version = ESCLUSTER_VERSION,
                               .endpoint_path = in_scratch("hup.ini"),
                               .poll_interval_ms = 3000000,
                               .handle_sighup = true,
                               .log = keep_log,
                               .log_context = &log};
  struct sigaction before;
  struct sigaction after;
  CHECK(sigaction(SIGHUP, NULL, &before) == 0);
  CHECK(mkdir(in_scratch("quiet"), 0700) == 0);
  put(in_scratch("quiet/target.ini"), canonical);
  CHECK(symlink("quiet/target.ini", in_scratch("hup.ini")) == 0);
  escluster *cluster = opened(&options);
  CHECK(epoch_of(cluster) == 3);

  escluster *second = NULL;
  char error[ESCLUSTER_ERROR_MAX];
  CHECK(escluster_open(&options, &second, error, sizeof error) == ESCLUSTER_INVALID);
  CHECK_TEXT(error, "another cluster of this process already has handle_sighup");

  put(in_scratch("quiet/target.ini"), "[Elasticsearch]\nHost=b\nPort=2\nRegion=gra\nEpoch=4\n");
  CHECK(raise(SIGHUP) == 0);
  EVENTUALLY(epoch_of(cluster) == 4);
  CHECK(times_logged(&log, "epoch 4: gra at b:2") == 1);
  escluster_close(cluster);
  CHECK(sigaction(SIGHUP, NULL, &after) == 0);
  CHECK(after.sa_handler == before.sa_handler);
}

static void keeps_its_endpoint_when_the_file_is_unusable(void) {
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  const char *path = in_scratch("hurt.ini");
  publish("hurt.ini", "bhs", 5);
  escluster *cluster =
      opened(&(escluster_options){.endpoint_path = path, .poll_interval_ms = 10, .log = keep_log, .log_context = &log});
  publish("hurt.ini", "gra", 4);
  EVENTUALLY(times_logged(&log, "its epoch 4 is older than 5 (bhs) in use") == 1);
  publish("hurt.ini", "gra", 5);
  EVENTUALLY(times_logged(&log, "it assigns epoch 5 to gra, but bhs is in use") == 1);
  put(path, "[Elasticsearch]\nHost = 127.0.0.1\nPort = 92");
  EVENTUALLY(times_logged(&log, "looks cut off") == 1);
  CHECK(unlink(path) == 0);
  EVENTUALLY(times_logged(&log, "No such file") == 1);
  CHECK(mkdir(path, 0700) == 0);
  EVENTUALLY(times_logged(&log, "is not a regular file") == 1);
  CHECK(rmdir(path) == 0);
  CHECK(mkfifo(path, 0600) == 0);
  escluster_reload(cluster); /* a requested reload logs the same error again */
  EVENTUALLY(times_logged(&log, "is not a regular file") >= 2);
  CHECK(epoch_of(cluster) == 5);
  CHECK(unlink(path) == 0);
  publish("hurt.ini", "gra", 6);
  EVENTUALLY(epoch_of(cluster) == 6);
  escluster_close(cluster);
}

static void finds_a_file_in_a_directory_created_later(void) {
  escluster *cluster =
      opened(&(escluster_options){.endpoint_path = in_scratch("later/es.ini"), .poll_interval_ms = 20});
  CHECK(epoch_of(cluster) == 0);
  CHECK(mkdir(in_scratch("later"), 0700) == 0);
  put(in_scratch("later/es.ini"), canonical);
  EVENTUALLY(epoch_of(cluster) == 3);
  CHECK(unlink(in_scratch("later/es.ini")) == 0 && rmdir(in_scratch("later")) == 0);
  CHECK(mkdir(in_scratch("later"), 0700) == 0);
  put(in_scratch("later/es.ini"), "[Elasticsearch]\nHost=b\nPort=2\nRegion=gra\nEpoch=4\n");
  EVENTUALLY(epoch_of(cluster) == 4);
  escluster_close(cluster);
}

static void refuses_an_endpoint_without_a_ca(void) {
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  put(in_scratch("no-ca.ini"), "[Elasticsearch]\nHost=b\nPort=2\nRegion=gra\nEpoch=4\n");
  escluster *cluster =
      opened(&(escluster_options){.endpoint_path = in_scratch("no-ca.ini"), .log = keep_log, .log_context = &log});
  CHECK(epoch_of(cluster) == 0);
  CHECK(times_logged(&log, "servers could not be verified") == 1);
  escluster_close(cluster);
}

const test_case follow_suite[] = {
    TEST(follows_a_file_renamed_into_place),
    TEST(follows_by_polling_without_events),
    TEST(reads_the_file_again_on_sighup),
    TEST(keeps_its_endpoint_when_the_file_is_unusable),
    TEST(finds_a_file_in_a_directory_created_later),
    TEST(refuses_an_endpoint_without_a_ca),
    END_OF_SUITE,
};
