#define _GNU_SOURCE

#include "bulk.h"

#include <stdlib.h>
#include <string.h>

#include "json.h"

bool esc_is_bulk_path(const char *path) {
  static const char name[] = "/_bulk";
  size_t length = strcspn(path, "?");
  return length >= sizeof name - 1 && memcmp(path + length - (sizeof name - 1), name, sizeof name - 1) == 0;
}

/** Takes the type out of an error, which is an object, or a text in old versions. */
static bool read_error(json *j, escluster_item *item) {
  slice key;
  slice type;
  bool first = true;
  strcpy(item->error_type, "unknown");
  if (!esc_json_take(j, '{')) return esc_json_skip(j);
  while (esc_json_key(j, &first, &key)) {
    if (!esc_is_text(key, "type")) {
      if (!esc_json_skip(j)) return false;
    } else {
      if (!esc_json_string(j, &type)) return false;
      esc_copy(item->error_type, sizeof item->error_type, type);
    }
  }
  return esc_json_take(j, '}');
}

/** {"index": {"status": 429, "error": {"type": "…"}}} */
static bool read_item(json *j, escluster_item *item) {
  slice action;
  slice key;
  bool first = true;
  bool outer = true;
  item->status = 0;
  item->error_type[0] = '\0';
  if (!esc_json_take(j, '{') || !esc_json_key(j, &outer, &action) || !esc_json_take(j, '{')) return false;
  while (esc_json_key(j, &first, &key)) {
    bool good = esc_is_text(key, "status")  ? esc_json_number(j, &item->status)
                : esc_is_text(key, "error") ? read_error(j, item)
                                            : esc_json_skip(j);
    if (!good) return false;
  }
  item->retryable =
      item->error_type[0] != '\0' && (item->status == 429 || strcmp(item->error_type, "cluster_block_exception") == 0);
  item->uncertain = item->error_type[0] != '\0' && item->status == 503;
  return esc_json_take(j, '}') && esc_json_take(j, '}');
}

escluster_status escluster_bulk_items(const char *answer, size_t answer_length,
                                      void (*on_item)(void *context, const escluster_item *item), void *context) {
  if (answer == NULL || on_item == NULL) return ESCLUSTER_INVALID;
  json j = {answer, answer + answer_length};
  slice key;
  bool first = true;
  bool found = false;
  if (!esc_json_take(&j, '{')) return ESCLUSTER_INVALID;
  while (esc_json_key(&j, &first, &key)) {
    if (!esc_is_text(key, "items")) {
      if (!esc_json_skip(&j)) return ESCLUSTER_INVALID;
      continue;
    }
    escluster_item item = {.number = 0};
    found = true;
    if (!esc_json_take(&j, '[')) return ESCLUSTER_INVALID;
    while (!esc_json_take(&j, ']')) {
      if (item.number > 0 && !esc_json_take(&j, ',')) return ESCLUSTER_INVALID;
      if (!read_item(&j, &item)) return ESCLUSTER_INVALID;
      on_item(context, &item);
      item.number++;
    }
  }
  return found && esc_json_take(&j, '}') ? ESCLUSTER_OK : ESCLUSTER_INVALID;
}

typedef struct item_counts {
  unsigned failed, retryable;
} item_counts;

static void count(void *context, const escluster_item *item) {
  item_counts *counts = context;
  if (item->error_type[0] != '\0') counts->failed++;
  if (item->retryable) counts->retryable++;
}

bool esc_count_items(const char *answer, size_t length, unsigned *failed, unsigned *retryable) {
  item_counts counts = {0, 0};
  if (escluster_bulk_items(answer, length, count, &counts) != ESCLUSTER_OK) return false;
  *failed = counts.failed;
  *retryable = counts.retryable;
  return true;
}
