/** Unit tests of libescluster: whatever can be shown without a server. Prints TAP. */
#define _GNU_SOURCE

#include "check.h"

static const test_case *const suites[] = {endpoint_suite, retry_suite, options_suite, follow_suite, request_suite};

int main(void) {
  unsigned count = 0;
  unsigned number = 0;
  unsigned failed = 0;
  if (!create_scratch()) {
    perror("scratch directory");
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
    for (const test_case *test = suites[i]; test->name != NULL; test++) count++;
  }
  printf("1..%u\n", count);
  for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++) {
    for (const test_case *test = suites[i]; test->name != NULL; test++) {
      failures = 0;
      test->run();
      printf("%sok %u - %s\n", failures == 0 ? "" : "not ", ++number, test->name);
      if (failures > 0) failed++;
    }
  }
  if (!remove_scratch()) failed++;
  return failed == 0 ? 0 : 1;
}
