/**
 * Calls the fuzz target with randomly mutated seeds, for machines without clang and AFL++. Without guidance by coverage
 * it finds less than they do; under the sanitizers it is still worth its seconds.
 *
 *     fuzz SECONDS FILE…       FUZZ_SEED in the environment repeats a run
 */
#define _GNU_SOURCE

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEEDS_MAX = 64, INPUT_BYTES_MAX = 4096, MUTATIONS_MAX = 8 };

typedef struct input {
  uint8_t bytes[INPUT_BYTES_MAX];
  size_t length;
} input;

static const char *const tokens[] = {
    "[Elasticsearch]\n",
    "[",
    "]",
    "=",
    "\n",
    "\r\n",
    ";",
    "#",
    " ",
    "\t",
    "Host",
    "Port",
    "Region",
    "Epoch",
    "CaPath",
    "Phase",
    "serving",
    "closing",
    "Host = a\n",
    "Port = 9200\n",
    "Epoch = 9007199254740991\n",
    "9007199254740992",
    "18446744073709551616",
    "65536",
    "::1",
    "/",
    "\xEF\xBB\xBF",
};

static uint64_t state;

/** xorshift64*: the same run for the same seed on every machine. */
static size_t below(size_t limit) {
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (size_t)((state * UINT64_C(2685821657736338717)) >> 33) % limit;
}

static void insert(input *to, size_t at, const void *bytes, size_t length) {
  if (to->length + length > INPUT_BYTES_MAX) return;
  memmove(to->bytes + at + length, to->bytes + at, to->length - at);
  memcpy(to->bytes + at, bytes, length);
  to->length += length;
}

static void mutate(input *to, const input *other) {
  size_t at = below(to->length + 1);
  size_t rest = to->length - at;
  const char *token = tokens[below(sizeof tokens / sizeof tokens[0])];
  size_t from = below(other->length + 1);
  uint8_t byte = (uint8_t)below(256);
  size_t removed = rest == 0 ? 0 : below(rest) + 1;
  switch (below(7)) {
    case 0: insert(to, at, token, strlen(token)); break;
    case 1: insert(to, at, &byte, 1); break;
    case 2: insert(to, at, other->bytes + from, below(other->length - from + 1)); break;
    case 3: to->length = at; break;
    case 4:
      if (rest > 0) to->bytes[at] ^= (uint8_t)(1U << below(8));
      break;
    case 5:
      if (rest > 0) to->bytes[at] = byte;
      break;
    default:
      memmove(to->bytes + at, to->bytes + at + removed, rest - removed);
      to->length -= removed;
      break;
  }
}

/** Copies the input to a block of exactly its size, so that AddressSanitizer detects an overread. */
static void try(const input *chosen) {
  uint8_t *exact = malloc(chosen->length > 0 ? chosen->length : 1);
  if (exact == NULL) abort();
  memcpy(exact, chosen->bytes, chosen->length);
  (void)LLVMFuzzerTestOneInput(exact, chosen->length);
  free(exact);
}

int main(int argc, char **argv) {
  static input seeds[SEEDS_MAX];
  size_t count = 0;
  unsigned long runs = 0;
  const char *given_seed = getenv("FUZZ_SEED");
  uint64_t seed = given_seed != NULL ? strtoull(given_seed, NULL, 10) : (uint64_t)time(NULL);
  if (argc < 3) {
    fprintf(stderr, "Usage: fuzz SECONDS FILE…\n");
    return 2;
  }
  state = seed * 2 + 1; /* never 0 */
  for (int i = 2; i < argc && count < SEEDS_MAX; i++) {
    FILE *file = fopen(argv[i], "rb");
    if (file == NULL) {
      perror(argv[i]);
      return 2;
    }
    seeds[count].length = fread(seeds[count].bytes, 1, INPUT_BYTES_MAX, file);
    fclose(file);
    try(&seeds[count++]);
  }
  fprintf(stderr, "FUZZ_SEED=%llu\n", (unsigned long long)seed);
  time_t end = time(NULL) + strtol(argv[1], NULL, 10);
  while (time(NULL) < end) {
    for (int i = 0; i < 1000; i++, runs++) {
      input next = seeds[below(count)];
      for (size_t mutations = below(MUTATIONS_MAX) + 1; mutations > 0; mutations--) mutate(&next, &seeds[below(count)]);
      try(&next);
    }
  }
  fprintf(stderr, "%lu inputs, no failure\n", runs);
  return 0;
}
