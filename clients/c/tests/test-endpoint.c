#define _GNU_SOURCE

#include "../src/endpoint.h"
#include "check.h"

static bool reads(const char *text, escluster_endpoint *endpoint, char *error) {
  error[0] = '\0';
  return escluster_parse(text, strlen(text), endpoint, error, ESCLUSTER_ERROR_MAX) == ESCLUSTER_OK;
}

static void reads_what_a_publisher_writes(void) {
  escluster_endpoint e;
  char error[ESCLUSTER_ERROR_MAX];
  CHECK(reads(canonical, &e, error));
  CHECK(strcmp(e.host, "10.82.0.10") == 0 && e.port == 9200 && strcmp(e.region, "bhs") == 0 && e.epoch == 3);
  CHECK(strcmp(e.ca_path, "/etc/es-failover/ca.crt") == 0 && e.serving);
}

static void skips_foreign_sections_and_keys(void) {
  escluster_endpoint e;
  char error[ESCLUSTER_ERROR_MAX];
  CHECK(
      reads("\xEF\xBB\xBF; ours\r\nHost = outside\r\n[Log]\r\nHost = foreign\r\nnot a pair\r\n"
            " [ ELASTICSEARCH ] \r\n# moved\r\n  HOST=es.example.net\r\nport =9200\r\nTimeout = 5\r\n"
            "[Other]\r\nPort = 1\r\n[elasticsearch]\r\nRegion=gra\r\nEpoch=12\r\n",
            &e, error));
  CHECK(strcmp(e.host, "es.example.net") == 0 && e.port == 9200 && strcmp(e.region, "gra") == 0 && e.epoch == 12);
  CHECK(e.ca_path[0] == '\0');
}

static void reads_ipv6_and_a_change_in_progress(void) {
  escluster_endpoint e;
  char error[ESCLUSTER_ERROR_MAX];
  CHECK(reads("[Elasticsearch]\nHost = 2001:db8::10\nPort = 9200\nRegion = gra\nEpoch = 1\n", &e, error));
  CHECK(strcmp(esc_authority_of(&e).text, "[2001:db8::10]:9200") == 0);
  CHECK(reads("[Elasticsearch]\nPhase = closing\nEpoch = 2\n", &e, error));
  CHECK(!e.serving && e.epoch == 2);
}

static void refuses_damaged_and_wrong_files(void) {
  static const struct {
    const char *text;
    const char *reason;
  } cases[] = {
      {"", "it is empty"},
      {"\n\n", "it has no section [Elasticsearch]"},
      {"[Elastic]\nHost = a\n", "it has no section [Elasticsearch]"},
      {"[Elasticsearch]\nPort = 9200\nRegion = gra\nEpoch = 1\n", "Host is missing"},
      {"[Elasticsearch]\nHost = a\nPort = 9200\nEpoch = 1\n", "Region is missing"},
      {"[Elasticsearch]\nHost = a\nPort = 9200\nRegion = gra\n", "Epoch is missing"},
      {"[Elasticsearch]\nHost = a\nPort = 9200\nRegion = gra\nEpoch = 12", "line 5, the last one, has no line end"},
      {"[Elasticsearch]\nHost = a\nHost = b\nPort = 9200\nRegion = gra\nEpoch = 1\n",
       "Host is set in line 2 and again in line 3"},
      {"[Elasticsearch]\nHost a\n", "line 2 is not \"key = value\": Host a"},
      {"[Elasticsearch]\nHost = https://a\nPort = 9200\nRegion = gra\nEpoch = 1\n", "line 2: Host \"https://a\""},
      {"[Elasticsearch]\nHost = a:9200\nPort = 9200\nRegion = gra\nEpoch = 1\n", "without scheme, port"},
      {"[Elasticsearch]\nHost = a ; b\nPort = 9200\nRegion = gra\nEpoch = 1\n", "line 2: Host"},
      {"[Elasticsearch]\nHost = u@a\nPort = 9200\nRegion = gra\nEpoch = 1\n", "line 2: Host"},
      {"[Elasticsearch]\nHost =\nPort = 9200\nRegion = gra\nEpoch = 1\n", "line 2: Host"},
      {"[Elasticsearch]\nHost = a\nPort = 65536\nRegion = gra\nEpoch = 1\n", "is not a port from 1 to 65535"},
      {"[Elasticsearch]\nHost = a\nPort = -1\nRegion = gra\nEpoch = 1\n", "is not a port"},
      {"[Elasticsearch]\nHost = a\nPort = 0x10\nRegion = gra\nEpoch = 1\n", "is not a port"},
      {"[Elasticsearch]\nHost = a\nPort = 1\nRegion = gra/\nEpoch = 1\n", "is not a region name"},
      {"[Elasticsearch]\nHost = a\nPort = 1\nRegion = gra\nEpoch = 0\n", "is not an epoch"},
      {"[Elasticsearch]\nHost = a\nPort = 1\nRegion = gra\nEpoch = 9007199254740992\n", "is not an epoch"},
      {"[Elasticsearch]\nHost = a\nPort = 1\nRegion = gra\nEpoch = 18446744073709551617\n", "is not an epoch"},
      {"[Elasticsearch]\nHost = a\nPort = 1\nRegion = gra\nCaPath = ca.crt\nEpoch = 1\n", "is not an absolute path"},
      {"[Elasticsearch]\nPhase = open\nEpoch = 1\n", "none of serving, closing, promoting"},
      {"[Elasticsearch]\nPhase = unknown\nEpoch = 0\n", "does not know the active one"},
      {"[Elasticsearch]\nHost = \x1b[2J\nPort = 1\nRegion = gra\nEpoch = 1\n", "Host \"?[2J\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    escluster_endpoint e = {.epoch = 77};
    char error[ESCLUSTER_ERROR_MAX];
    CHECK(!reads(cases[i].text, &e, error));
    CHECK_TEXT(error, cases[i].reason);
    CHECK(e.epoch == 77);
  }
  escluster_endpoint e;
  char error[ESCLUSTER_ERROR_MAX];
  CHECK(escluster_parse("[Elasticsearch]\0\n", 17, &e, error, sizeof error) == ESCLUSTER_INVALID);
  CHECK_TEXT(error, "NUL byte");
  char *large = calloc(1, ENDPOINT_FILE_BYTES_MAX + 1);
  if (large == NULL) abort();
  memset(large, '\n', ENDPOINT_FILE_BYTES_MAX + 1);
  CHECK(escluster_parse(large, ENDPOINT_FILE_BYTES_MAX + 1, &e, error, sizeof error) == ESCLUSTER_INVALID);
  CHECK_TEXT(error, "larger than 64 KiB");
  free(large);
}

static void takes_a_host_for_a_name_or_a_valid_address(void) {
  static const struct {
    const char *host;
    bool good;
  } cases[] = {
      {"10.0.0.255", true},
      {"::1", true},
      {"::ffff:10.0.0.1", true},
      {"es.example.net", true},
      {"es.example.net.", true},
      {"localhost", true},
      {"10.0.0.1.example", true},
      {"10.0.0.256", false},
      {"10.1", false},
      {"10", false},
      {"1::2::3", false},
      {"::g", false},
      {"fe80::1%eth0", false},
      {"[::1]", false},
      {"a..b", false},
      {".a", false},
      {"010.0.0.1", false},
      {"1:2:3", false},
      {"-a", false},
      {".", false},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    escluster_endpoint e;
    char error[ESCLUSTER_ERROR_MAX];
    char text[256];
    snprintf(text, sizeof text, "[Elasticsearch]\nHost = %s\nPort = 1\nRegion = gra\nEpoch = 1\n", cases[i].host);
    if (reads(text, &e, error) != cases[i].good) {
      printf("    %s\n", cases[i].host);
      failures++;
    }
  }
}

static void refuses_every_prefix_of_a_file(void) {
  for (size_t length = 0; length < strlen(canonical); length++) {
    escluster_endpoint e;
    char error[ESCLUSTER_ERROR_MAX] = "";
    CHECK(escluster_parse(canonical, length, &e, error, sizeof error) == ESCLUSTER_INVALID);
  }
}

static void cuts_errors_to_the_buffer(void) {
  escluster_endpoint e;
  char small[8] = "1234567";
  CHECK(escluster_parse("x", 1, &e, small, 4) == ESCLUSTER_INVALID);
  CHECK(strlen(small) == 3 && small[4] == '5');
  CHECK(escluster_parse("x", 1, &e, NULL, 0) == ESCLUSTER_INVALID);
}

static void never_replaces_a_higher_epoch_by_a_lower_one(void) {
  escluster_endpoint none = {.epoch = 0};
  escluster_endpoint gra3 = {.host = "a", .port = 1, .region = "gra", .epoch = 3, .serving = true};
  escluster_endpoint other = gra3;
  CHECK(esc_compare_endpoints(&none, &gra3, SOURCE_FILE) == TAKE);
  CHECK(esc_compare_endpoints(&gra3, &gra3, SOURCE_FILE) == KNOWN);

  other.epoch = 2;
  CHECK(esc_compare_endpoints(&gra3, &other, SOURCE_FILE) == OLDER);
  CHECK(esc_compare_endpoints(&gra3, &other, SOURCE_SERVICE) == OLDER);
  other.epoch = 4;
  CHECK(esc_compare_endpoints(&gra3, &other, SOURCE_SERVICE) == TAKE);

  other = gra3;
  strcpy(other.host, "b");
  CHECK(esc_compare_endpoints(&gra3, &other, SOURCE_FILE) == TAKE);
  CHECK(esc_compare_endpoints(&gra3, &other, SOURCE_SERVICE) == KNOWN);

  other = gra3;
  strcpy(other.region, "bhs");
  CHECK(esc_compare_endpoints(&gra3, &other, SOURCE_FILE) == CONFLICT);
  other = gra3;
  other.serving = false;
  CHECK(esc_compare_endpoints(&gra3, &other, SOURCE_FILE) == CONFLICT);
}

const test_case endpoint_suite[] = {
    TEST(reads_what_a_publisher_writes),
    TEST(skips_foreign_sections_and_keys),
    TEST(reads_ipv6_and_a_change_in_progress),
    TEST(refuses_damaged_and_wrong_files),
    TEST(takes_a_host_for_a_name_or_a_valid_address),
    TEST(refuses_every_prefix_of_a_file),
    TEST(cuts_errors_to_the_buffer),
    TEST(never_replaces_a_higher_epoch_by_a_lower_one),
    END_OF_SUITE,
};
