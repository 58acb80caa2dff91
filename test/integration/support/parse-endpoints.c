/**
 * Reads endpoint files with libescluster's parser: each one is a line of hexadecimal digits on standard input. Prints one
 * line for each: "ok serving host port region epoch ca-path", or "refused" and the reason.
 */
#define _POSIX_C_SOURCE 200809L

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "escluster.h"

/** The length of the bytes that replace the digits. */
static size_t decode(char *line) {
  size_t length = 0;
  unsigned byte;
  for (const char *digits = line; sscanf(digits, "%2x", &byte) == 1; digits += 2) line[length++] = (char)byte;
  return length;
}

int main(void) {
  char *line = NULL;
  size_t size = 0;
  while (getline(&line, &size, stdin) > 0) {
    size_t length = decode(line);
    escluster_endpoint read = {0};
    char error[ESCLUSTER_ERROR_MAX] = "";
    if (escluster_parse(line, length, &read, error, sizeof error) == ESCLUSTER_OK) {
      printf("ok %d %s %u %s %" PRIu64 " %s\n", read.serving, read.host, (unsigned)read.port, read.region, read.epoch,
             read.ca_path);
    } else {
      printf("refused %s\n", error);
    }
  }
  free(line);
  return 0;
}
