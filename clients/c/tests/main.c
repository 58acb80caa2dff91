/** Unit tests of libescluster. Prints TAP. Arguments: parts of names, of the tests to run; none: all. */
#define _GNU_SOURCE

#include "check.h"

static const test_case *const suites[] = {endpoint_suite, retry_suite,     options_suite, bulk_suite,   follow_suite,
                                          change_suite,   service_suite,   request_suite, answer_suite, feature_suite,
                                          process_suite,  interface_suite, loop_suite};

static bool is_chosen(const char *name, int count, char **parts) {
  for (int i = 1; i < count; i++) {
    if (strstr(name, parts[i]) != NULL) return true;
  }
  return count < 2;
}

int main(int argc, char **argv) {
  unsigned count = 0;
  unsigned number = 0;
  unsigned failed = 0;
  if (!create_scratch()) {
    perror("scratch directory");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
    for (const test_case *test = suites[i]; test->name != NULL; test++) {
      if (is_chosen(test->name, argc, argv)) count++;
    }
  }
  printf("1..%u\n", count);
  for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
    for (const test_case *test = suites[i]; test->name != NULL; test++) {
      if (!is_chosen(test->name, argc, argv)) continue;
      failures = 0;
      test->run();
      printf("%sok %u - %s\n", failures == 0 ? "" : "not ", ++number, test->name);
      if (failures > 0) failed++;
    }
  }
  if (!remove_scratch()) failed++;
  return failed == 0 ? 0 : 1;
}
