/** The parser of endpoint files: escluster_parse. */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <string.h>

#include "endpoint.h"
#include "util.h"

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static slice trim(slice s) {
  while (s.length > 0 && is_blank(s.at[0])) s = (slice){s.at + 1, s.length - 1};
  while (s.length > 0 && is_blank(s.at[s.length - 1])) s.length--;
  return s;
}

static bool same_name(slice s, const char *name) {
  return s.length == strlen(name) && esc_same_letters(s.at, name, s.length);
}

/** Decimal digits only, from 1 to `maximum`. */
static bool read_number(slice s, uint64_t maximum, uint64_t *number) {
  uint64_t value = 0;
  if (s.length == 0) return false;
  for (size_t i = 0; i < s.length; i++) {
    if (s.at[i] < '0' || s.at[i] > '9') return false;
    uint64_t digit = (uint64_t)(s.at[i] - '0');
    if (value > (maximum - digit) / 10) return false;
    value = value * 10 + digit;
  }
  *number = value;
  return value > 0;
}

/** A host name, or an IPv4 or IPv6 address. What looks like an address must be one: "host:9200" is a mistake. */
static bool is_host(slice s) {
  char text[ESCLUSTER_HOST_MAX];
  struct in6_addr address;
  bool letters = false;
  if (s.length == 0 || s.length >= sizeof text) return false;
  esc_copy(text, sizeof text, s);
  if (strchr(text, ':') != NULL) return inet_pton(AF_INET6, text, &address) == 1;
  if (s.length > 1 && text[s.length - 1] == '.') text[s.length - 1] = '\0'; /* the root of DNS */
  /* The last label of a name is not a number (RFC 1123): "10.0.0.256" and "10.1" are no names. */
  const char *last = strrchr(text, '.');
  for (const char *p = last == NULL ? text : last + 1; *p != '\0'; p++) letters = letters || *p < '0' || *p > '9';
  if (!letters) return inet_pton(AF_INET, text, &address) == 1;
  return text[0] != '-' && text[0] != '.' && strstr(text, "..") == NULL && esc_consists_of(s, ".-_");
}

typedef enum endpoint_key { KEY_PHASE, KEY_HOST, KEY_PORT, KEY_REGION, KEY_EPOCH, KEY_CA_PATH, KEY_COUNT } endpoint_key;

static const char *const key_names[KEY_COUNT] = {"Phase", "Host", "Port", "Region", "Epoch", "CaPath"};

typedef struct entry {
  slice value;
  unsigned line; /* 0: the key is absent */
} entry;

/** Takes the first line off a text. False at its end; `complete`: the line has a line end. */
static bool next_line(slice *text, slice *line, bool *complete) {
  if (text->length == 0) return false;
  const char *end = memchr(text->at, '\n', text->length);
  *complete = end != NULL;
  *line = (slice){text->at, end == NULL ? text->length : (size_t)(end - text->at)};
  *text = end == NULL ? (slice){text->at + text->length, 0} : (slice){end + 1, text->length - line->length - 1};
  *line = trim(*line);
  return true;
}

/** Reads "key = value" into the entry of its key; unknown keys are skipped. */
static bool find_entry(slice line, unsigned number, entry entries[KEY_COUNT], char *error, size_t size) {
  const char *equals = memchr(line.at, '=', line.length);
  if (equals == NULL) return esc_fail(error, size, "line %u is not \"key = value\": %s", number, esc_quote(line).text);
  slice key = trim((slice){line.at, (size_t)(equals - line.at)});
  slice value = trim((slice){equals + 1, line.length - (size_t)(equals - line.at) - 1});
  for (int i = 0; i < KEY_COUNT; i++) {
    if (!same_name(key, key_names[i])) continue;
    if (entries[i].line != 0) {
      return esc_fail(error, size, "%s is set in line %u and again in line %u", key_names[i], entries[i].line, number);
    }
    entries[i] = (entry){value, number};
  }
  return true;
}

/** Finds the known keys in every part of the section [Elasticsearch]. */
static bool find_entries(slice text, entry entries[KEY_COUNT], char *error, size_t size) {
  bool in_section = false;
  bool found = false;
  bool complete = false;
  unsigned number = 0;
  slice line = {NULL, 0};
  while (next_line(&text, &line, &complete)) {
    number++;
    if (line.length == 0 || line.at[0] == ';' || line.at[0] == '#') continue;
    if (line.at[0] == '[') {
      const char *close = memchr(line.at, ']', line.length);
      slice name = {line.at + 1, close == NULL ? 0 : (size_t)(close - line.at) - 1};
      in_section = same_name(trim(name), "Elasticsearch");
      found = found || in_section;
      continue;
    }
    if (!in_section) continue;
    /* The value may be the beginning of one: "Port = 92". */
    if (!complete)
      return esc_fail(error, size, "line %u, the last one, has no line end: the file looks cut off", number);
    if (!find_entry(line, number, entries, error, size)) return false;
  }
  return found || esc_fail(error, size, "it has no section [Elasticsearch]");
}

/** The rule that a value breaks; NULL: none. */
static const char *read_entry(endpoint_key key, slice value, escluster_endpoint *endpoint) {
  uint64_t number = 0;
  switch (key) {
    case KEY_HOST:
      if (value.length >= sizeof endpoint->host || !is_host(value)) {
        return "is not a host name or address (without scheme, port and brackets)";
      }
      esc_copy(endpoint->host, sizeof endpoint->host, value);
      return NULL;
    case KEY_PORT:
      if (!read_number(value, UINT16_MAX, &number)) return "is not a port from 1 to 65535";
      endpoint->port = (uint16_t)number;
      return NULL;
    case KEY_REGION:
      if (value.length == 0 || value.length >= sizeof endpoint->region || !esc_consists_of(value, "-_")) {
        return "is not a region name (letters, digits, - and _)";
      }
      esc_copy(endpoint->region, sizeof endpoint->region, value);
      return NULL;
    case KEY_EPOCH:
      if (!read_number(value, EPOCH_MAX, &number)) return "is not an epoch (a number of 1 or more)";
      endpoint->epoch = number;
      return NULL;
    case KEY_CA_PATH:
      if (value.length == 0 || value.at[0] != '/' || value.length >= sizeof endpoint->ca_path) {
        return "is not an absolute path";
      }
      esc_copy(endpoint->ca_path, sizeof endpoint->ca_path, value);
      return NULL;
    case KEY_PHASE:
      endpoint->serving = same_name(value, "serving");
      if (endpoint->serving || same_name(value, "closing") || same_name(value, "promoting")) return NULL;
      return same_name(value, "unknown") ? "names no region: its author does not know the active one"
                                         : "is none of serving, closing, promoting";
    case KEY_COUNT: break;
  }
  return "is unknown";
}

/** Reads and checks a text. *endpoint may be incomplete when this is false. */
static bool parse(slice text, escluster_endpoint *endpoint, char *error, size_t size) {
  static const char byte_order_mark[] = "\xEF\xBB\xBF";
  entry entries[KEY_COUNT] = {{{NULL, 0}, 0}};

  if (text.length > ENDPOINT_FILE_BYTES_MAX) return esc_fail(error, size, "it is larger than 64 KiB");
  if (text.length == 0) return esc_fail(error, size, "it is empty");
  if (memchr(text.at, '\0', text.length) != NULL) return esc_fail(error, size, "it contains a NUL byte: not a text");
  if (text.length >= 3 && memcmp(text.at, byte_order_mark, 3) == 0) text = (slice){text.at + 3, text.length - 3};

  if (!find_entries(text, entries, error, size)) return false;
  for (int i = 0; i < KEY_COUNT; i++) {
    if (entries[i].line == 0) continue;
    const char *broken = read_entry((endpoint_key)i, entries[i].value, endpoint);
    if (broken != NULL) {
      const quoted value = esc_quote(entries[i].value);
      return esc_fail(error, size, "line %u: %s \"%s\" %s", entries[i].line, key_names[i], value.text, broken);
    }
  }
  for (int i = 0; i < KEY_COUNT; i++) {
    bool required = i == KEY_EPOCH || (endpoint->serving && (i == KEY_HOST || i == KEY_PORT || i == KEY_REGION));
    if (required && entries[i].line == 0) {
      return esc_fail(error, size, "%s is missing in [Elasticsearch]", key_names[i]);
    }
  }
  return true;
}

escluster_status escluster_parse(const char *text, size_t length, escluster_endpoint *endpoint, char *error,
                                 size_t error_size) {
  escluster_endpoint read = {.serving = true};
  if (text == NULL || endpoint == NULL) {
    esc_format(error, error_size, "an argument is NULL");
    return ESCLUSTER_INVALID;
  }
  if (!parse((slice){text, length}, &read, error, error_size)) return ESCLUSTER_INVALID;
  *endpoint = read;
  return ESCLUSTER_OK;
}
