/** A test framework in a few lines, and what the tests share. */
#ifndef CHECK_H
#define CHECK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../src/public.h"
#include "../src/util.h"

typedef struct test_case {
  void (*run)(void);
  const char *name; /* NULL ends a suite */
} test_case;

#define TEST(function) \
  { function, #function }
#define END_OF_SUITE \
  { NULL, NULL }

extern const test_case endpoint_suite[], retry_suite[], options_suite[], bulk_suite[], follow_suite[], change_suite[],
    service_suite[], request_suite[], answer_suite[], feature_suite[], process_suite[], interface_suite[], loop_suite[];

/** Failed checks of the current test. Threads of a test may fail checks, too. */
extern atomic_uint failures;

#define CHECK(condition)                                                \
  do {                                                                  \
    if (!(condition)) {                                                 \
      printf("    %s:%d: false: %s\n", __FILE__, __LINE__, #condition); \
      failures++;                                                       \
    }                                                                   \
  } while (0)

#define CHECK_TEXT(text, part)                                                               \
  do {                                                                                       \
    if (strstr((text), (part)) == NULL) {                                                    \
      printf("    %s:%d: \"%s\" does not contain \"%s\"\n", __FILE__, __LINE__, text, part); \
      failures++;                                                                            \
    }                                                                                        \
  } while (0)

/** Awaits a condition for up to ten seconds. */
#define EVENTUALLY(condition)                                                                         \
  do {                                                                                                \
    int64_t until_ms_ = esc_now_ms() + 10000;                                                         \
    while (!(condition) && esc_now_ms() < until_ms_) nanosleep(&(struct timespec){0, 2000000}, NULL); \
    CHECK(condition);                                                                                 \
  } while (0)

/** Creates the scratch directory; false when it cannot. */
bool create_scratch(void);
bool remove_scratch(void);

/** A path in the scratch directory, valid for the next three calls. */
const char *in_scratch(const char *name);

/** Writes a file in place. */
void put(const char *path, const char *text);

/** Writes a file like a publisher: into another one, which it renames into place. */
void publish_text(const char *name, const char *text);

/** Publishes an endpoint where no server listens. */
void publish(const char *name, const char *region, unsigned epoch);

/** What a publisher writes: epoch 3 of bhs. */
extern const char canonical[];

/** Collects the lines that the library logs. */
typedef struct logged {
  pthread_mutex_t mutex;
  char text[16384];
} logged;

void keep_log(void *context, escluster_level level, const char *text);
unsigned times_logged(logged *log, const char *part);

uint64_t epoch_of(escluster *cluster);

/** Opens a cluster with ESCLUSTER_VERSION and long timeouts, or ends the tests. */
escluster *opened(const escluster_options *options);

#endif
