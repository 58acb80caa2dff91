#define _GNU_SOURCE

#include <sys/stat.h>

#include "../src/credentials.h"
#include "check.h"

static void refuses_invalid_options(void) {
  static const char *const own_header[] = {"Host: a", NULL};
  static const struct {
    escluster_options options;
    const char *reason;
  } cases[] = {
      {{.ca_path = "/ca"}, "neither endpoint_path nor service_urls"},
      {{.service_urls = " ", .ca_path = "/ca"}, "neither endpoint_path nor service_urls"},
      {{.endpoint_path = ""}, "endpoint_path is empty"},
      {{.service_urls = "https://a"}, "ca_path is not set"},
      {{.service_urls = "http://a.example", .ca_path = "/ca"}, "is not an https address"},
      {{.service_urls = "http://127.0.0.1.example", .ca_path = "/ca"}, "is not an https address"},
      {{.service_urls = "https://a https://b ftp://c", .ca_path = "/ca"}, "ftp://c is not an https address"},
      {{.endpoint_path = "x", .credentials = "no colon"}, "none of user:password, ApiKey"},
      {{.endpoint_path = "x", .credentials = "a:b\r\nX: y"}, "none of user:password, ApiKey"},
      {{.endpoint_path = "x", .credentials = "a:b", .credentials_path = "y"}, "exclude each other"},
      {{.endpoint_path = "x", .credentials_path = "/nowhere/at/all"}, "No such file"},
      {{.endpoint_path = "x", .application = "a b"}, "application"},
      {{.endpoint_path = "x", .pool_size = 100000}, "pool_size"},
      {{.endpoint_path = "x", .poll_interval_ms = 4000000}, "poll_interval_ms"},
      {{.endpoint_path = "x", .ca_path = ""}, "ca_path is empty"},
      {{.endpoint_path = "x", .credentials = "Bearer a b"}, "none of user:password"},
      {{.endpoint_path = "x", .client_key_path = "k"}, "client_certificate_path is not"},
      {{.endpoint_path = "x", .client_certificate_path = ""}, "client_certificate_path or client_key_path is empty"},
      {{.endpoint_path = "x", .path_prefix = "search"}, "path_prefix is not a path"},
      {{.endpoint_path = "x", .path_prefix = "/search/"}, "path_prefix is not a path"},
      {{.endpoint_path = "x", .path_prefix = "/search?a"}, "path_prefix is not a path"},
      {{.endpoint_path = "x", .headers = own_header}, "sets this header itself"},
      {{.service_urls = "https://1 https://2 https://3 https://4 https://5 https://6 https://7 https://8 https://9",
        .ca_path = "/ca"},
       "more than 8"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    escluster *cluster = NULL;
    char error[ESCLUSTER_ERROR_MAX] = "";
    escluster_options options = cases[i].options;
    options.version = ESCLUSTER_VERSION;
    CHECK(escluster_open(&options, &cluster, error, sizeof error) == ESCLUSTER_INVALID);
    CHECK(cluster == NULL);
    CHECK_TEXT(error, cases[i].reason);
  }
  escluster_close(NULL);
}

static void refuses_credentials_that_others_can_access(void) {
  char credentials[CREDENTIALS_BYTES_MAX] = "";
  char error[ESCLUSTER_ERROR_MAX] = "";
  const char *path = in_scratch("credentials");
  put(path, "app:pass:word\nsecond line\n");
  static const struct {
    mode_t mode;
    bool good;
  } modes[] = {{0600, true}, {0400, true}, {0640, true}, {0644, false}, {0660, false}, {0604, false}, {0601, false}};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    CHECK(chmod(path, modes[i].mode) == 0);
    CHECK(esc_read_credentials(path, credentials, error, sizeof error) == modes[i].good);
  }
  CHECK_TEXT(error, "gives others access: chmod 600");
  CHECK(strcmp(credentials, "app:pass:word") == 0);
  CHECK(chmod(path, 0600) == 0);
  put(path, "ApiKey dGVzdA==\n");
  CHECK(esc_read_credentials(path, credentials, error, sizeof error));
  put(path, "just a word\n");
  CHECK(!esc_read_credentials(path, credentials, error, sizeof error));
  CHECK(strstr(error, "just a word") == NULL);
}

const test_case options_suite[] = {
    TEST(refuses_invalid_options),
    TEST(refuses_credentials_that_others_can_access),
    END_OF_SUITE,
};
