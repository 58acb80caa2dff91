#define _GNU_SOURCE

#include "../src/bulk.h"
#include "check.h"

static const char body[] =
    "{\"index\":{\"_index\":\"i\",\"_id\":\"1\"}}\n{\"n\":1}\n"
    "{\"delete\":{\"_index\":\"i\",\"_id\":\"2\"}}\n"
    "\n"
    "{\"create\":{\"_index\":\"i\",\"_id\":\"3\"}}\n{\"delete\":3}\n"
    "{ \"update\" : {\"_index\":\"i\",\"_id\":\"4\"}}\n{\"doc\":{}}";

static const char answer[] =
    "{\"took\":3,\"errors\":true,\"items\":[\n"
    "{\"index\":{\"_id\":\"1\",\"status\":429,\"error\":{\"reason\":\"full "
    "\\\"}]\",\"type\":\"es_rejected_execution_exception\"}}},"
    "{\"delete\":{\"_id\":\"2\",\"status\":200,\"_shards\":{\"total\":2,\"list\":[1,-2.5e+3,true,null]}}},"
    "{\"create\":{\"_id\":\"3\",\"status\":409,\"error\":{\"type\":\"version_conflict_engine_exception\"}}},"
    "{\"update\":{\"status\":403,\"error\":{\"type\":\"cluster_block_exception\",\"caused_by\":{\"type\":\"x\"}}}}],"
    "\"ingest_took\":0}";

static void keep_item(void *context, const escluster_item *item) {
  escluster_item *items = context;
  CHECK(item->number < 4);
  if (item->number < 4) items[item->number] = *item;
}

static void reports_each_item_of_a_bulk(void) {
  escluster_item items[4] = {{0}};
  CHECK(escluster_bulk_items(answer, strlen(answer), keep_item, items) == ESCLUSTER_OK);
  CHECK(items[0].status == 429 && items[0].retryable);
  CHECK(strcmp(items[0].error_type, "es_rejected_execution_exception") == 0);
  CHECK(items[1].status == 200 && items[1].error_type[0] == '\0' && !items[1].retryable);
  CHECK(items[2].status == 409 && !items[2].retryable);
  CHECK(items[3].number == 3 && items[3].status == 403 && items[3].retryable);
  static const char unavailable[] =
      "{\"items\":[{\"index\":{\"status\":503,\"error\":{\"type\":\"unavailable_shards_exception\"}}},"
      "{\"index\":{\"status\":503,\"error\":\"a text\"}}]}";
  CHECK(escluster_bulk_items(unavailable, strlen(unavailable), keep_item, items) == ESCLUSTER_OK);
  CHECK(!items[0].retryable && items[0].uncertain && !items[1].retryable &&
        strcmp(items[1].error_type, "unknown") == 0);
}

static void makes_a_body_of_the_items_that_may_be_sent_again(void) {
  char *again = NULL;
  size_t length = 0;
  CHECK(escluster_bulk_again(body, strlen(body), answer, strlen(answer), &again, &length) == ESCLUSTER_OK);
  static const char expected[] =
      "{\"index\":{\"_index\":\"i\",\"_id\":\"1\"}}\n{\"n\":1}\n"
      "{ \"update\" : {\"_index\":\"i\",\"_id\":\"4\"}}\n{\"doc\":{}}\n";
  CHECK(again != NULL && length == strlen(expected) && strcmp(again, expected) == 0);
  free(again);
  static const char good[] = "{\"errors\":false,\"items\":[{\"index\":{\"status\":201}}]}\n";
  static const char one[] = "{\"index\":{}}\n{}\n\n";
  CHECK(escluster_bulk_again(one, strlen(one), good, strlen(good), &again, &length) == ESCLUSTER_OK);
  CHECK(again == NULL && length == 0);
}

static void sends_uncertain_items_again_where_that_is_harmless(void) {
  static const char actions[] =
      "{\"index\":{\"_index\":\"i\",\"_id\":\"1\"}}\n{}\n"
      "{\"index\":{\"_index\":\"i\"}}\n{}\n"
      "{\"delete\":{\"_id\":\"2\"}}\n"
      "{\"create\":{\"_id\":\"3\"}}\n{}\n"
      "{\"update\":{\"_id\":\"4\"}}\n{}\n";
  static const char expected[] =
      "{\"index\":{\"_index\":\"i\",\"_id\":\"1\"}}\n{}\n"
      "{\"delete\":{\"_id\":\"2\"}}\n";
  char text[1024] = "{\"items\":[";
  for (int i = 0; i < 5; i++) {
    size_t at = strlen(text);
    snprintf(text + at, sizeof text - at,
             "%s{\"x\":{\"status\":503,\"error\":{\"type\":\"unavailable_shards_exception\"}}}", i == 0 ? "" : ",");
  }
  strcat(text, "]}");
  char *again = NULL;
  size_t length = 0;
  CHECK(escluster_bulk_again(actions, strlen(actions), text, strlen(text), &again, &length) == ESCLUSTER_OK);
  CHECK(again != NULL && strcmp(again, expected) == 0);
  free(again);
}

static void refuses_a_body_of_another_answer(void) {
  static const char *const bodies[] = {
      "",
      "{\"index\":{}}\n{}\n",
      "{\"index\":{}}\n",
      "no json\n",
      "{}\n",
      "{\"index\":{}}\n{}\n{\"index\":{}}\n{}\n{\"index\":{}}\n{}\n{\"index\":{}}\n{}\n{\"index\":{}}\n{}\n",
  };
  for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
    char *again = NULL;
    size_t length = 77;
    CHECK(escluster_bulk_again(bodies[i], strlen(bodies[i]), answer, strlen(answer), &again, &length) ==
          ESCLUSTER_INVALID);
    CHECK(again == NULL);
  }
}

static void ignore(void *context, const escluster_item *item) { (void)context, (void)item; }

static void refuses_every_prefix_of_an_answer(void) {
  for (size_t length = 0; length < strlen(answer); length++) {
    CHECK(escluster_bulk_items(answer, length, ignore, NULL) == ESCLUSTER_INVALID);
  }
  static const char *const wrong[] = {
      "[]",
      "{}",
      "{\"items\":{}}",
      "{\"items\":[3]}",
      "{\"items\":[{\"index\":{\"status\":\"x\"}}]}",
      "{\"a\":*}",
      "{\"a\" 1}",
      "{\"items\":[{}{}]}",
      "{\"items\":[{\"index\":{\"error\":{\"type\":1}}}]}",
  };
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    CHECK(escluster_bulk_items(wrong[i], strlen(wrong[i]), ignore, NULL) == ESCLUSTER_INVALID);
  }
  char deep[2000];
  memset(deep, '[', sizeof deep);
  memcpy(deep, "{\"a\":", 5);
  CHECK(escluster_bulk_items(deep, sizeof deep, ignore, NULL) == ESCLUSTER_INVALID);
  CHECK(esc_is_bulk_path("/_bulk") && esc_is_bulk_path("/i/_bulk?refresh=true"));
  CHECK(!esc_is_bulk_path("/i/_doc?x=/_bulk") && !esc_is_bulk_path("/") && !esc_is_bulk_path("/a_bulk"));
}

const test_case bulk_suite[] = {
    TEST(reports_each_item_of_a_bulk),
    TEST(makes_a_body_of_the_items_that_may_be_sent_again),
    TEST(sends_uncertain_items_again_where_that_is_harmless),
    TEST(refuses_a_body_of_another_answer),
    TEST(refuses_every_prefix_of_an_answer),
    END_OF_SUITE,
};
