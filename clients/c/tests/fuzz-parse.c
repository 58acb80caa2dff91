/**
 * Fuzz target for the parser of endpoint files. It must not crash; what it accepts must follow the rules of the format,
 * and read the same after being written out again.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../src/endpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool kept, const char *rule) {
  if (kept) return;
  fprintf(stderr, "broken: %s\n", rule);
  abort();
}

static bool same(const escluster_endpoint *a, const escluster_endpoint *b) {
  return strcmp(a->host, b->host) == 0 && a->port == b->port && strcmp(a->region, b->region) == 0 &&
         a->epoch == b->epoch && strcmp(a->ca_path, b->ca_path) == 0 && a->serving == b->serving;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  escluster_endpoint read;
  escluster_endpoint again;
  char error[ESCLUSTER_ERROR_MAX] = "";
  char text[4 * ESCLUSTER_PATH_MAX];
  memset(&read, 0x5a, sizeof read);
  const escluster_endpoint untouched = read;

  if (escluster_parse((const char *)data, size, &read, error, sizeof error) != ESCLUSTER_OK) {
    require(error[0] != '\0' && memchr(error, '\0', sizeof error) != NULL, "a refusal has a reason");
    for (const char *p = error; *p != '\0'; p++) require(isprint((unsigned char)*p) != 0, "reasons are printable");
    require(memcmp(&read, &untouched, sizeof read) == 0, "a refused text does not change the endpoint");
    return 0;
  }
  require(read.epoch > 0 && read.epoch <= EPOCH_MAX, "epochs are from 1 to 2^53 - 1");
  require(memchr(read.host, '\0', sizeof read.host) != NULL && memchr(read.region, '\0', sizeof read.region) != NULL &&
              memchr(read.ca_path, '\0', sizeof read.ca_path) != NULL,
          "strings end in NUL");
  require(!read.serving || (read.host[0] != '\0' && read.port > 0 && read.region[0] != '\0'),
          "a serving endpoint has host, port and region");

  int length = snprintf(text, sizeof text, "[elasticsearch]\nPhase = %s\n", read.serving ? "serving" : "closing");
#define WRITE(...) length += snprintf(text + length, sizeof text - (size_t)length, __VA_ARGS__)
  if (read.host[0] != '\0') WRITE("Host=%s\n", read.host);
  if (read.port != 0) WRITE("Port=%u\n", (unsigned)read.port);
  if (read.region[0] != '\0') WRITE("Region=%s\n", read.region);
  if (read.ca_path[0] != '\0') WRITE("CaPath=%s\n", read.ca_path);
  WRITE("Epoch=%" PRIu64 "\n", read.epoch);
#undef WRITE
  require(escluster_parse(text, (size_t)length, &again, error, sizeof error) == ESCLUSTER_OK, "it reads what it wrote");
  require(same(&read, &again), "it reads the same again");
  return 0;
}
