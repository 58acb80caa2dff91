/** What holds for the interface as a whole: locale, arguments, versions. */
#define _GNU_SOURCE

#include <locale.h>

#include "check.h"

static void comparisons_do_not_depend_on_the_locale(void) {
  escluster_endpoint e;
  char error[ESCLUSTER_ERROR_MAX];
  /* In Turkish, the small letter of I is another than i. Where the locale is missing, the test shows less. */
  if (setlocale(LC_ALL, "tr_TR.UTF-8") == NULL) (void)setlocale(LC_ALL, "C.UTF-8");
  static const char text[] = "[ELASTICSEARCH]\nHOST=a\nPORT=1\nREGION=gra\nEPOCH=1\nCAPATH=/i\nPHASE=SERVING\n";
  CHECK(escluster_parse(text, strlen(text), &e, error, sizeof error) == ESCLUSTER_OK);
  CHECK(esc_same_letters("FILI", "fili", 4) && !esc_same_letters("\xdd", "\xfd", 1) && !esc_same_letters("[", "{", 1));
  (void)setlocale(LC_ALL, "C");
}

static void null_arguments_are_refused(void) {
  escluster *cluster = NULL;
  escluster_endpoint e;
  escluster_answer answer;
  escluster_loop *loop = NULL;
  escluster_counts counts = {.size = sizeof counts};
  escluster_options options = {.version = ESCLUSTER_VERSION, .endpoint_path = in_scratch("null.ini")};
  char error[ESCLUSTER_ERROR_MAX] = "";
  char *again = NULL;
  size_t length = 0;
  const escluster_call call = {.method = "GET", .path = "/"};
  CHECK(escluster_open(NULL, &cluster, error, sizeof error) == ESCLUSTER_INVALID);
  CHECK(escluster_open(&options, NULL, error, sizeof error) == ESCLUSTER_INVALID);
  CHECK_TEXT(error, "NULL");
  CHECK(escluster_parse(NULL, 3, &e, error, sizeof error) == ESCLUSTER_INVALID);
  CHECK(escluster_parse("x", 1, NULL, NULL, 0) == ESCLUSTER_INVALID);
  CHECK(escluster_open(&options, &cluster, NULL, 0) == ESCLUSTER_OK);
  CHECK(escluster_perform(NULL, &call, &answer) == ESCLUSTER_INVALID && answer.error[0] != '\0');
  CHECK(escluster_perform(cluster, NULL, &answer) == ESCLUSTER_INVALID && answer.body == NULL);
  CHECK(escluster_perform(cluster, &call, NULL) == ESCLUSTER_INVALID);
  CHECK(!escluster_current(NULL, &e) && !escluster_current(cluster, NULL));
  CHECK(!escluster_take_change(NULL, &e) && !escluster_take_change(cluster, NULL) && escluster_change_fd(NULL) == -1);
  CHECK(escluster_counters(NULL, &counts) == ESCLUSTER_INVALID &&
        escluster_counters(cluster, NULL) == ESCLUSTER_INVALID);
  CHECK(escluster_cancel_call(NULL, &e) == 0 && escluster_cancel_call(cluster, NULL) == 0);
  CHECK(escluster_acknowledge(NULL, 1, NULL) == ESCLUSTER_INVALID);
  CHECK(escluster_bulk_items(NULL, 0, NULL, NULL) == ESCLUSTER_INVALID);
  CHECK(escluster_bulk_again(NULL, 0, "", 0, &again, &length) == ESCLUSTER_INVALID);
  CHECK(escluster_loop_open(NULL, &loop, error, sizeof error) == ESCLUSTER_INVALID);
  CHECK(escluster_loop_open(cluster, NULL, error, sizeof error) == ESCLUSTER_INVALID);
  CHECK(escluster_submit(NULL, &call, NULL, NULL) == ESCLUSTER_INVALID && escluster_loop_fd(NULL) == -1);
  escluster_loop_run(NULL);
  escluster_loop_close(NULL);
  escluster_answer_clear(NULL);
  escluster_cancel(NULL);
  escluster_reload(NULL);
  escluster_close(cluster);
}

static void refuses_programs_of_another_major_version(void) {
  escluster *cluster = NULL;
  char error[ESCLUSTER_ERROR_MAX];
  const unsigned wrong[] = {0, 0x010100, 0x030000, ESCLUSTER_VERSION + 0x100};
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    escluster_options options = {.version = wrong[i], .endpoint_path = in_scratch("null.ini")};
    CHECK(escluster_open(&options, &cluster, error, sizeof error) == ESCLUSTER_INVALID);
    CHECK_TEXT(error, "ESCLUSTER_VERSION");
  }
  CHECK(escluster_version() == ESCLUSTER_VERSION);
  char text[16];
  snprintf(text, sizeof text, "%u.%u.%u", ESCLUSTER_VERSION >> 16, ESCLUSTER_VERSION >> 8 & 0xff,
           ESCLUSTER_VERSION & 0xff);
  CHECK(strcmp(text, ESCLUSTER_VERSION_TEXT) == 0);
  for (int status = ESCLUSTER_OK; status <= ESCLUSTER_INTERRUPTED + 1; status++) {
    const char *name = escluster_status_name((escluster_status)status);
    CHECK((strcmp(name, "unknown") == 0) == (status > ESCLUSTER_INTERRUPTED));
  }
}

const test_case interface_suite[] = {
    TEST(comparisons_do_not_depend_on_the_locale),
    TEST(null_arguments_are_refused),
    TEST(refuses_programs_of_another_major_version),
    END_OF_SUITE,
};
