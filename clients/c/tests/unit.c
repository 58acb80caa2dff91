/**
 * What libescluster promises, as far as it can be shown without a server. The source is included: the tables that
 * decide (which endpoint replaces which, what may be repeated) are tested as such.
 */
#include "../escluster.c"

/* ---------- a test framework of thirty lines ---------- */

static unsigned failures;

#define CHECK(condition)                                                   \
  do {                                                                     \
    if (!(condition)) {                                                    \
      printf("    %s:%d: not true: %s\n", __FILE__, __LINE__, #condition); \
      failures++;                                                          \
    }                                                                      \
  } while (0)

#define CHECK_TEXT(text, part)                                                           \
  do {                                                                                   \
    if (strstr((text), (part)) == NULL) {                                                \
      printf("    %s:%d: \"%s\" does not say \"%s\"\n", __FILE__, __LINE__, text, part); \
      failures++;                                                                        \
    }                                                                                    \
  } while (0)

/** Awaits a condition, up to ten seconds. */
#define EVENTUALLY(condition)                                                                     \
  do {                                                                                            \
    int64_t until_ms_ = now_ms() + 10000;                                                         \
    while (!(condition) && now_ms() < until_ms_) nanosleep(&(struct timespec){0, 2000000}, NULL); \
    CHECK(condition);                                                                             \
  } while (0)

/* ---------- files of the tests ---------- */

static char scratch[64];

/** A path in the scratch directory. Good until four further ones were asked for. */
static const char *in_scratch(const char *name) {
  static char paths[4][192];
  static unsigned next;
  char *path = paths[next++ % 4];
  snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
  return path;
}

static void put(const char *path, const char *text) {
  FILE *file = fopen(path, "we");
  if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
    perror(path);
    exit(2);
  }
}

/** As a publisher does it: another file, renamed into place. */
static void publish(const char *name, const char *region, unsigned epoch) {
  char text[256];
  char beside[192];
  snprintf(text, sizeof text, "[Elasticsearch]\nHost = 127.0.0.1\nPort = 1\nRegion = %s\nCaPath = /ca\nEpoch = %u\n",
           region, epoch);
  snprintf(beside, sizeof beside, "%s/%s.new", scratch, name);
  put(beside, text);
  CHECK(rename(beside, in_scratch(name)) == 0);
}

/** What the library has logged. */
typedef struct logged {
  pthread_mutex_t mutex;
  char text[16384];
} logged;

static void keep_log(void *context, escluster_level level, const char *text) {
  logged *log = context;
  pthread_mutex_lock(&log->mutex);
  size_t length = strlen(log->text);
  snprintf(log->text + length, sizeof log->text - length, "%s%s\n", level == ESCLUSTER_WARNING ? "warning: " : "",
           text);
  pthread_mutex_unlock(&log->mutex);
}

static unsigned times_logged(logged *log, const char *part) {
  unsigned times = 0;
  pthread_mutex_lock(&log->mutex);
  for (const char *p = log->text; (p = strstr(p, part)) != NULL; p++) times++;
  pthread_mutex_unlock(&log->mutex);
  return times;
}

static uint64_t epoch_of(escluster *cluster) {
  escluster_endpoint endpoint;
  return escluster_current(cluster, &endpoint) ? endpoint.epoch : 0;
}

/** Opens a cluster that must open. */
static escluster *opened(const escluster_options *options) {
  escluster *cluster = NULL;
  char error[ESCLUSTER_ERROR_MAX] = "";
  escluster_status status = escluster_open(options, &cluster, error, sizeof error);
  if (status != ESCLUSTER_OK) {
    printf("    cannot open: %s: %s\n", escluster_status_name(status), error);
    exit(2);
  }
  return cluster;
}

/* ---------- reading endpoints ---------- */

static const char canonical[] =
    "[Elasticsearch]\nHost = 10.82.0.10\nPort = 9200\nRegion = bhs\nCaPath = /etc/es-failover/ca.crt\nEpoch = 3\n";

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

static void skips_what_is_not_its_own(void) {
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

static void reads_ipv6_and_changes_under_way(void) {
  escluster_endpoint e;
  char error[ESCLUSTER_ERROR_MAX];
  CHECK(reads("[Elasticsearch]\nHost = 2001:db8::10\nPort = 9200\nRegion = gra\nEpoch = 1\n", &e, error));
  CHECK(strcmp(authority_of(&e).text, "[2001:db8::10]:9200") == 0);
  CHECK(reads("[Elasticsearch]\nPhase = closing\nEpoch = 2\n", &e, error));
  CHECK(!e.serving && e.epoch == 2);
}

static void refuses_what_a_person_or_a_crash_may_leave(void) {
  static const struct {
    const char *text;
    const char *reason;
  } cases[] = {
      {"", "it is empty"},
      {"\n\n", "no section [Elasticsearch]"},
      {"[Elastic]\nHost = a\n", "no section [Elasticsearch]"},
      {"[Elasticsearch]\nPort = 9200\nRegion = gra\nEpoch = 1\n", "Host is missing"},
      {"[Elasticsearch]\nHost = a\nPort = 9200\nEpoch = 1\n", "Region is missing"},
      {"[Elasticsearch]\nHost = a\nPort = 9200\nRegion = gra\n", "Epoch is missing"},
      {"[Elasticsearch]\nHost = a\nPort = 9200\nRegion = gra\nEpoch = 12", "line 5 is the last one"},
      {"[Elasticsearch]\nHost = a\nHost = b\nPort = 9200\nRegion = gra\nEpoch = 1\n",
       "Host stands in line 2 and in line 3"},
      {"[Elasticsearch]\nHost a\n", "line 2 is no \"key = value\": Host a"},
      {"[Elasticsearch]\nHost = https://a\nPort = 9200\nRegion = gra\nEpoch = 1\n", "line 2: Host \"https://a\""},
      {"[Elasticsearch]\nHost = a:9200\nPort = 9200\nRegion = gra\nEpoch = 1\n", "without scheme, port"},
      {"[Elasticsearch]\nHost = a ; b\nPort = 9200\nRegion = gra\nEpoch = 1\n", "line 2: Host"},
      {"[Elasticsearch]\nHost = u@a\nPort = 9200\nRegion = gra\nEpoch = 1\n", "line 2: Host"},
      {"[Elasticsearch]\nHost =\nPort = 9200\nRegion = gra\nEpoch = 1\n", "line 2: Host"},
      {"[Elasticsearch]\nHost = a\nPort = 65536\nRegion = gra\nEpoch = 1\n", "no port from 1 to 65535"},
      {"[Elasticsearch]\nHost = a\nPort = -1\nRegion = gra\nEpoch = 1\n", "no port"},
      {"[Elasticsearch]\nHost = a\nPort = 0x10\nRegion = gra\nEpoch = 1\n", "no port"},
      {"[Elasticsearch]\nHost = a\nPort = 1\nRegion = gra/\nEpoch = 1\n", "no name of a region"},
      {"[Elasticsearch]\nHost = a\nPort = 1\nRegion = gra\nEpoch = 0\n", "no epoch"},
      {"[Elasticsearch]\nHost = a\nPort = 1\nRegion = gra\nEpoch = 9007199254740992\n", "no epoch"},
      {"[Elasticsearch]\nHost = a\nPort = 1\nRegion = gra\nEpoch = 18446744073709551617\n", "no epoch"},
      {"[Elasticsearch]\nHost = a\nPort = 1\nRegion = gra\nCaPath = ca.crt\nEpoch = 1\n", "no absolute path"},
      {"[Elasticsearch]\nPhase = open\nEpoch = 1\n", "none of serving, closing, promoting"},
      {"[Elasticsearch]\nPhase = unknown\nEpoch = 0\n", "cannot tell who serves"},
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

static void refuses_every_beginning_of_a_file(void) {
  for (size_t length = 0; length < sizeof canonical - 1; length++) {
    escluster_endpoint e;
    char error[ESCLUSTER_ERROR_MAX] = "";
    CHECK(escluster_parse(canonical, length, &e, error, sizeof error) == ESCLUSTER_INVALID);
  }
}

static void cuts_errors_to_the_room_there_is(void) {
  escluster_endpoint e;
  char small[8] = "1234567";
  CHECK(escluster_parse("x", 1, &e, small, 4) == ESCLUSTER_INVALID);
  CHECK(strlen(small) == 3 && small[4] == '5');
  CHECK(escluster_parse("x", 1, &e, NULL, 0) == ESCLUSTER_INVALID);
}

/* ---------- which endpoint replaces which ---------- */

static void a_lower_epoch_never_replaces_a_higher_one(void) {
  escluster_endpoint none = {.epoch = 0};
  escluster_endpoint gra3 = {.host = "a", .port = 1, .region = "gra", .epoch = 3, .serving = true};
  escluster_endpoint other = gra3;
  CHECK(judge_endpoint(&none, &gra3, SOURCE_FILE) == TAKE);
  CHECK(judge_endpoint(&gra3, &gra3, SOURCE_FILE) == KNOWN);

  other.epoch = 2;
  CHECK(judge_endpoint(&gra3, &other, SOURCE_FILE) == OLDER);
  CHECK(judge_endpoint(&gra3, &other, SOURCE_SERVICE) == OLDER);
  other.epoch = 4;
  CHECK(judge_endpoint(&gra3, &other, SOURCE_SERVICE) == TAKE);

  other = gra3;
  strcpy(other.host, "b");
  CHECK(judge_endpoint(&gra3, &other, SOURCE_FILE) == TAKE);
  CHECK(judge_endpoint(&gra3, &other, SOURCE_SERVICE) == KNOWN);

  other = gra3;
  strcpy(other.region, "bhs");
  CHECK(judge_endpoint(&gra3, &other, SOURCE_FILE) == CONTRADICTION);
  other = gra3;
  other.serving = false;
  CHECK(judge_endpoint(&gra3, &other, SOURCE_FILE) == CONTRADICTION);
}

/* ---------- what may be repeated ---------- */

static void repeats_only_what_cannot_do_harm(void) {
  enum { ONCE = ESCLUSTER_ONCE, REPEATABLE = ESCLUSTER_REPEATABLE, CREATE = ESCLUSTER_CREATE };
  static const struct {
    outcome o;
    verdict once, repeatable, create;
  } cases[] = {
      {{.answered = true, .http_status = 201}, DONE, DONE, DONE},
      {{.answered = true, .http_status = 404}, REFUSED, REFUSED, REFUSED},
      {{.answered = true, .http_status = 400}, REFUSED, REFUSED, REFUSED},
      {{.answered = true, .http_status = 401}, REFUSED, REFUSED, REFUSED},
      {{.answered = true, .http_status = 401, .accepted_before = true}, AGAIN, AGAIN, AGAIN},
      {{.answered = true, .http_status = 403}, REFUSED, REFUSED, REFUSED},
      {{.answered = true, .http_status = 500}, REFUSED, REFUSED, REFUSED},
      /* A conflict with what somebody else wrote; the one with our own write is below. */
      {{.answered = true, .http_status = 409}, REFUSED, REFUSED, REFUSED},
      {{.answered = true, .http_status = 409, .sent_twice = true}, REFUSED, REFUSED, DONE},
      /* Turned away at the door. */
      {{.answered = true, .http_status = 429, .from_elasticsearch = true}, AGAIN, AGAIN, AGAIN},
      {{.answered = true, .http_status = 403, .write_blocked = true}, AGAIN, AGAIN, AGAIN},
      {{.answered = true, .http_status = 503, .has_retry_after = true}, AGAIN, AGAIN, AGAIN},
      /* A router that lost its server, a node that lost its shard: perhaps after it was done. */
      {{.answered = true, .http_status = 503}, STOP_UNCERTAIN, AGAIN, AGAIN},
      {{.answered = true, .http_status = 503, .from_elasticsearch = true, .has_retry_after = true},
       STOP_UNCERTAIN,
       AGAIN,
       AGAIN},
      {{.answered = true, .http_status = 502}, STOP_UNCERTAIN, AGAIN, AGAIN},
      {{.answered = true, .http_status = 504}, STOP_UNCERTAIN, AGAIN, AGAIN},
      /* Nothing was sent; something was. */
      {{.sent = false}, AGAIN, AGAIN, AGAIN},
      {{.sent = true}, STOP_UNCERTAIN, AGAIN, AGAIN},
      {{.untrusted = true}, STOP_UNTRUSTED, STOP_UNTRUSTED, STOP_UNTRUSTED},
      {{.unsendable = true}, STOP_INVALID, STOP_INVALID, STOP_INVALID},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const outcome *o = &cases[i].o;
    bool doubt = leaves_doubt(o);
    verdict found[3] = {judge_outcome(ESCLUSTER_ONCE, o, doubt), judge_outcome(ESCLUSTER_REPEATABLE, o, doubt),
                        judge_outcome(ESCLUSTER_CREATE, o, doubt)};
    if (found[ONCE] != cases[i].once || found[REPEATABLE] != cases[i].repeatable || found[CREATE] != cases[i].create) {
      printf("    case %zu: %d %d %d\n", i, (int)found[ONCE], (int)found[REPEATABLE], (int)found[CREATE]);
      failures++;
    }
  }
}

static void a_conflict_is_our_own_only_after_an_attempt_without_answer(void) {
  outcome conflict = {.answered = true, .http_status = 409};
  CHECK(judge_outcome(ESCLUSTER_CREATE, &conflict, true) == DONE);
  CHECK(judge_outcome(ESCLUSTER_CREATE, &conflict, false) == REFUSED);
  CHECK(judge_outcome(ESCLUSTER_REPEATABLE, &conflict, true) == REFUSED);
  CHECK(judge_outcome(ESCLUSTER_ONCE, &conflict, true) == REFUSED);
}

static void waits_longer_each_time_up_to_the_cap(void) {
  CHECK(backoff_ceiling_ms(1, 100, 5000) == 100);
  CHECK(backoff_ceiling_ms(2, 100, 5000) == 200);
  CHECK(backoff_ceiling_ms(6, 100, 5000) == 3200);
  CHECK(backoff_ceiling_ms(7, 100, 5000) == 5000);
  CHECK(backoff_ceiling_ms(4000000000U, 100, 5000) == 5000);
  CHECK(backoff_ceiling_ms(9, 7000, 5000) == 5000);
  CHECK(backoff_ceiling_ms(60, 1, UINT32_MAX) == UINT32_MAX);
  bool low = false;
  bool high = false;
  for (int i = 0; i < 10000; i++) {
    unsigned drawn = random_up_to(9);
    CHECK(drawn <= 9);
    low = low || drawn == 0;
    high = high || drawn == 9;
  }
  CHECK(low && high);
}

/* ---------- options, calls, credentials ---------- */

static void refuses_options_that_cannot_work(void) {
  static const struct {
    escluster_options options;
    const char *reason;
  } cases[] = {
      {{.ca_path = "/ca"}, "neither endpoint_path nor service_urls"},
      {{.service_urls = " ", .ca_path = "/ca"}, "neither endpoint_path nor service_urls"},
      {{.endpoint_path = ""}, "endpoint_path is empty"},
      {{.service_urls = "https://a"}, "ca_path is not given"},
      {{.service_urls = "http://a.example", .ca_path = "/ca"}, "is no https address"},
      {{.service_urls = "http://127.0.0.1.example", .ca_path = "/ca"}, "is no https address"},
      {{.service_urls = "https://a https://b ftp://c", .ca_path = "/ca"}, "ftp://c is no https address"},
      {{.endpoint_path = "x", .credentials = "no colon"}, "neither user:password nor ApiKey"},
      {{.endpoint_path = "x", .credentials = "a:b\r\nX: y"}, "neither user:password nor ApiKey"},
      {{.endpoint_path = "x", .credentials = "a:b", .credentials_path = "y"}, "exclude each other"},
      {{.endpoint_path = "x", .credentials_path = "/nowhere/at/all"}, "No such file"},
      {{.endpoint_path = "x", .application = "a b"}, "application"},
      {{.endpoint_path = "x", .pool_size = 100000}, "pool_size"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    escluster *cluster = NULL;
    char error[ESCLUSTER_ERROR_MAX] = "";
    CHECK(escluster_open(&cases[i].options, &cluster, error, sizeof error) == ESCLUSTER_INVALID);
    CHECK(cluster == NULL);
    CHECK_TEXT(error, cases[i].reason);
  }
  escluster_close(NULL);
}

static void refuses_calls_that_would_not_say_what_they_mean(void) {
  static const escluster_call cases[] = {
      {.method = NULL, .path = "/"},
      {.method = "PATCH", .path = "/"},
      {.method = "GET", .path = NULL},
      {.method = "GET", .path = "a"},
      {.method = "GET", .path = "/a b"},
      {.method = "GET", .path = "/a\r\nHost: b"},
      {.method = "GET", .path = "/\xc3\xa4"},
      {.method = "PUT", .path = "/", .body_length = 3},
      {.method = "PUT", .path = "/", .repeat = ESCLUSTER_CREATE},
      {.method = "PUT", .path = "/", .body = "{}", .body_length = 2, .content_type = "a\r\nb"},
      {.method = "HEAD", .path = "/", .body = "{}", .body_length = 2},
      {.method = "GET", .path = "/", .repeat = (escluster_repeat)7},
  };
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("none.ini")});
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    escluster_answer answer;
    CHECK(escluster_perform(cluster, &cases[i], &answer) == ESCLUSTER_INVALID);
    CHECK(answer.error[0] != '\0' && answer.attempts == 0);
    escluster_answer_clear(&answer);
  }
  escluster_close(cluster);
}

static void keeps_credentials_that_others_may_read_at_a_distance(void) {
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
    CHECK(read_credentials(path, credentials, error, sizeof error) == modes[i].good);
  }
  CHECK_TEXT(error, "lets others in: chmod 600");
  CHECK(strcmp(credentials, "app:pass:word") == 0);
  CHECK(chmod(path, 0600) == 0);
  put(path, "ApiKey dGVzdA==\n");
  CHECK(read_credentials(path, credentials, error, sizeof error));
  put(path, "just a word\n");
  CHECK(!read_credentials(path, credentials, error, sizeof error));
  CHECK(strstr(error, "just a word") == NULL);
}

/* ---------- following the file ---------- */

static void follows_a_file_that_is_renamed_into_place(void) {
  publish("renamed.ini", "gra", 1);
  /* So seldom that only inotify can explain what follows. */
  escluster *cluster =
      opened(&(escluster_options){.endpoint_path = in_scratch("renamed.ini"), .poll_interval_ms = 3000000});
  CHECK(epoch_of(cluster) == 1);
  for (unsigned epoch = 2; epoch < 6; epoch++) {
    publish("renamed.ini", "bhs", epoch);
    EVENTUALLY(epoch_of(cluster) == epoch);
  }
  escluster_close(cluster);
}

static void follows_by_polling_what_nothing_announces(void) {
  /* A link to a file in another folder: nothing happens in the folder that is watched. */
  CHECK(mkdir(in_scratch("elsewhere"), 0700) == 0);
  publish("elsewhere/target.ini", "gra", 1);
  CHECK(symlink("elsewhere/target.ini", in_scratch("link.ini")) == 0);
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("link.ini"), .poll_interval_ms = 20});
  CHECK(epoch_of(cluster) == 1);
  put(in_scratch("elsewhere/target.ini"), "[Elasticsearch]\nHost=b\nPort=2\nRegion=bhs\nEpoch=2\n");
  EVENTUALLY(epoch_of(cluster) == 2);
  escluster_close(cluster);
}

static void reads_again_on_sighup(void) {
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  escluster_options options = {.endpoint_path = in_scratch("hup.ini"),
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
  CHECK_TEXT(error, "another cluster of this program has handle_sighup");

  put(in_scratch("quiet/target.ini"), "[Elasticsearch]\nHost=b\nPort=2\nRegion=gra\nEpoch=4\n");
  CHECK(raise(SIGHUP) == 0);
  EVENTUALLY(epoch_of(cluster) == 4);
  CHECK(times_logged(&log, "epoch 4: gra at b:2") == 1);
  escluster_close(cluster);
  CHECK(sigaction(SIGHUP, NULL, &after) == 0);
  CHECK(after.sa_handler == before.sa_handler);
}

static void stays_with_what_it_has_when_the_file_is_no_good(void) {
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  const char *path = in_scratch("hurt.ini");
  publish("hurt.ini", "bhs", 5);
  escluster *cluster =
      opened(&(escluster_options){.endpoint_path = path, .poll_interval_ms = 10, .log = keep_log, .log_context = &log});
  publish("hurt.ini", "gra", 4);
  EVENTUALLY(times_logged(&log, "its epoch 4 is older than 5 (bhs) in use") == 1);
  publish("hurt.ini", "gra", 5);
  EVENTUALLY(times_logged(&log, "epoch 5 stands for gra there, and for bhs here") == 1);
  put(path, "[Elasticsearch]\nHost = 127.0.0.1\nPort = 92");
  EVENTUALLY(times_logged(&log, "looks cut off") == 1);
  CHECK(unlink(path) == 0);
  EVENTUALLY(times_logged(&log, "No such file") == 1);
  CHECK(mkdir(path, 0700) == 0);
  EVENTUALLY(times_logged(&log, "is no regular file") == 1);
  CHECK(rmdir(path) == 0);
  CHECK(mkfifo(path, 0600) == 0);
  escluster_reload(cluster); /* the same complaint is made again where a reload was asked for */
  EVENTUALLY(times_logged(&log, "is no regular file") >= 2);
  CHECK(epoch_of(cluster) == 5);
  CHECK(unlink(path) == 0);
  publish("hurt.ini", "gra", 6);
  EVENTUALLY(epoch_of(cluster) == 6);
  escluster_close(cluster);
}

static void finds_a_file_whose_folder_comes_later(void) {
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

static void does_without_verification_nowhere(void) {
  logged log = {.mutex = PTHREAD_MUTEX_INITIALIZER};
  put(in_scratch("no-ca.ini"), "[Elasticsearch]\nHost=b\nPort=2\nRegion=gra\nEpoch=4\n");
  escluster *cluster =
      opened(&(escluster_options){.endpoint_path = in_scratch("no-ca.ini"), .log = keep_log, .log_context = &log});
  CHECK(epoch_of(cluster) == 0);
  CHECK(times_logged(&log, "servers could not be verified") == 1);
  escluster_close(cluster);
}

/* ---------- requests ---------- */

static void a_request_waits_for_an_endpoint_and_says_so(void) {
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("absent.ini"), .budget_ms = 50});
  escluster_answer answer;
  CHECK(escluster_perform(cluster, &(escluster_call){.method = "GET", .path = "/"}, &answer) == ESCLUSTER_UNAVAILABLE);
  CHECK_TEXT(answer.error, "no endpoint is known yet");
  CHECK_TEXT(answer.error, "No such file");
  CHECK_TEXT(answer.error, "nothing was carried out");
  CHECK(answer.attempts == 0 && answer.elapsed_ms >= 38);
  escluster_answer_clear(&answer);
  escluster_close(cluster);
}

static void what_was_never_sent_is_repeated_within_the_budget(void) {
  /* Nothing listens at port 1 of loopback. */
  publish("refused.ini", "gra", 1);
  escluster *cluster = opened(&(escluster_options){
      .endpoint_path = in_scratch("refused.ini"), .backoff_base_ms = 1, .backoff_cap_ms = 5, .attempts_max = 7});
  for (int repeat = ESCLUSTER_ONCE; repeat <= ESCLUSTER_CREATE; repeat++) {
    escluster_call call = {
        .method = "PUT", .path = "/i/_create/1", .body = "{}", .body_length = 2, .repeat = (escluster_repeat)repeat};
    escluster_answer answer;
    CHECK(escluster_perform(cluster, &call, &answer) == ESCLUSTER_UNAVAILABLE);
    CHECK(answer.attempts == 7 && !answer.uncertain && answer.epoch == 1 && strcmp(answer.region, "gra") == 0);
    CHECK_TEXT(answer.error, "PUT /i/_create/1 at gra (127.0.0.1:1, epoch 1): ");
    escluster_answer_clear(&answer);
  }
  escluster_call hurried = {.method = "GET", .path = "/", .budget_ms = 60, .attempts_max = 1000000};
  escluster_answer answer;
  CHECK(escluster_perform(cluster, &hurried, &answer) == ESCLUSTER_UNAVAILABLE);
  CHECK(answer.elapsed_ms >= 45 && answer.attempts > 1);
  escluster_answer_clear(&answer);
  escluster_close(cluster);
}

/** A request that would wait for minutes between its two attempts. */
typedef struct patient_request {
  escluster *cluster;
  atomic_bool done;
} patient_request;

static void *perform_patiently(void *context) {
  patient_request *request = context;
  escluster_call call = {.method = "GET", .path = "/", .attempts_max = 2};
  escluster_answer answer;
  CHECK(escluster_perform(request->cluster, &call, &answer) == ESCLUSTER_UNAVAILABLE);
  CHECK(answer.attempts == 2);
  escluster_answer_clear(&answer);
  atomic_store(&request->done, true);
  return NULL;
}

static void a_new_endpoint_ends_the_wait_before_the_next_attempt(void) {
  enum { MINUTES_MS = 3600000 };
  pthread_t thread;
  publish("patient.ini", "gra", 1);
  patient_request request = {
      .cluster = opened(&(escluster_options){.endpoint_path = in_scratch("patient.ini"),
                                             .budget_ms = MINUTES_MS,
                                             .backoff_base_ms = MINUTES_MS,
                                             .backoff_cap_ms = MINUTES_MS}),
  };
  CHECK(pthread_create(&thread, NULL, perform_patiently, &request) == 0);
  int64_t until_ms = now_ms() + 10000;
  /* One after the other, since nobody tells from here when it waits. */
  for (unsigned epoch = 2; !atomic_load(&request.done) && now_ms() < until_ms; epoch++) {
    publish("patient.ini", "gra", epoch);
    nanosleep(&(struct timespec){0, 20000000}, NULL);
  }
  CHECK(atomic_load(&request.done));
  escluster_cancel(request.cluster);
  CHECK(pthread_join(thread, NULL) == 0);
  escluster_close(request.cluster);
}

static void *perform_for_long(void *context) {
  escluster_answer answer;
  escluster_status status = escluster_perform(context, &(escluster_call){.method = "GET", .path = "/"}, &answer);
  CHECK(status == ESCLUSTER_CANCELLED);
  escluster_answer_clear(&answer);
  return NULL;
}

static void cancel_ends_what_waits(void) {
  pthread_t threads[3];
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("absent.ini"), .budget_ms = 600000});
  for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, perform_for_long, cluster) == 0);
  escluster_cancel(cluster);
  for (int i = 0; i < 3; i++) CHECK(pthread_join(threads[i], NULL) == 0);
  escluster_close(cluster);
}

static atomic_bool hammering;

static void *hammer(void *context) {
  escluster_call call = {.method = "PUT",
                         .path = "/i/_create/1",
                         .body = "{}",
                         .body_length = 2,
                         .repeat = ESCLUSTER_CREATE,
                         .attempts_max = 2};
  while (atomic_load(&hammering)) {
    escluster_answer answer;
    CHECK(escluster_perform(context, &call, &answer) == ESCLUSTER_UNAVAILABLE);
    escluster_answer_clear(&answer);
  }
  return NULL;
}

static void connections_are_counted_right_through_switches(void) {
  enum { WRITERS = 6, POOL = 3, SWITCHES = 40 };
  pthread_t writers[WRITERS];
  publish("busy.ini", "gra", 1);
  escluster *cluster = opened(&(escluster_options){
      .endpoint_path = in_scratch("busy.ini"), .pool_size = POOL, .backoff_base_ms = 1, .backoff_cap_ms = 2});
  atomic_store(&hammering, true);
  for (int i = 0; i < WRITERS; i++) CHECK(pthread_create(&writers[i], NULL, hammer, cluster) == 0);
  for (unsigned epoch = 2; epoch < 2 + SWITCHES; epoch++) {
    publish("busy.ini", epoch % 2 == 0 ? "bhs" : "gra", epoch);
    EVENTUALLY(epoch_of(cluster) == epoch);
    pthread_mutex_lock(&cluster->mutex);
    CHECK(cluster->open_now <= POOL);
    CHECK(cluster->open_before <= POOL * epoch);
    pthread_mutex_unlock(&cluster->mutex);
  }
  atomic_store(&hammering, false);
  for (int i = 0; i < WRITERS; i++) CHECK(pthread_join(writers[i], NULL) == 0);
  unsigned idle = 0;
  for (connection *k = cluster->idle; k != NULL; k = k->next) {
    CHECK(k->generation == atomic_load(&cluster->generation));
    idle++;
  }
  CHECK(idle == cluster->open_now && cluster->open_before == 0);
  escluster_close(cluster);
}

/* ---------- all of them ---------- */

int main(void) {
  static const struct {
    void (*run)(void);
    const char *promise;
  } tests[] = {
#define TEST(name) {name, #name}
      TEST(reads_what_a_publisher_writes),
      TEST(skips_what_is_not_its_own),
      TEST(reads_ipv6_and_changes_under_way),
      TEST(refuses_what_a_person_or_a_crash_may_leave),
      TEST(refuses_every_beginning_of_a_file),
      TEST(cuts_errors_to_the_room_there_is),
      TEST(a_lower_epoch_never_replaces_a_higher_one),
      TEST(repeats_only_what_cannot_do_harm),
      TEST(a_conflict_is_our_own_only_after_an_attempt_without_answer),
      TEST(waits_longer_each_time_up_to_the_cap),
      TEST(refuses_options_that_cannot_work),
      TEST(refuses_calls_that_would_not_say_what_they_mean),
      TEST(keeps_credentials_that_others_may_read_at_a_distance),
      TEST(follows_a_file_that_is_renamed_into_place),
      TEST(follows_by_polling_what_nothing_announces),
      TEST(reads_again_on_sighup),
      TEST(stays_with_what_it_has_when_the_file_is_no_good),
      TEST(finds_a_file_whose_folder_comes_later),
      TEST(does_without_verification_nowhere),
      TEST(a_request_waits_for_an_endpoint_and_says_so),
      TEST(what_was_never_sent_is_repeated_within_the_budget),
      TEST(a_new_endpoint_ends_the_wait_before_the_next_attempt),
      TEST(cancel_ends_what_waits),
      TEST(connections_are_counted_right_through_switches),
#undef TEST
  };
  const size_t count = sizeof tests / sizeof tests[0];
  unsigned failed = 0;
  snprintf(scratch, sizeof scratch, "/tmp/escluster-unit-XXXXXX");
  if (mkdtemp(scratch) == NULL) {
    perror(scratch);
    return 2;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("1..%zu\n", count);
  for (size_t i = 0; i < count; i++) {
    failures = 0;
    tests[i].run();
    printf("%sok %zu - %s\n", failures == 0 ? "" : "not ", i + 1, tests[i].promise);
    if (failures > 0) failed++;
  }
  char command[128];
  snprintf(command, sizeof command, "rm -rf '%s'", scratch);
  if (system(command) != 0) failed++;
  return failed == 0 ? 0 : 1;
}
