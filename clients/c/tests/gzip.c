/** A gzip file without compression, which needs no zlib (RFC 1951, RFC 1952). */
#define _GNU_SOURCE

#include "check.h"
#include "server.h"

static uint32_t checksum(const char *text, size_t length) {
  uint32_t sum = 0xffffffffU;
  for (size_t i = 0; i < length; i++) {
    sum ^= (unsigned char)text[i];
    for (int bit = 0; bit < 8; bit++) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xedb88320U : 0);
  }
  return ~sum;
}

static size_t put_number(char *at, uint32_t number, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) at[i] = (char)(number >> 8 * i & 0xff);
  return bytes;
}

size_t make_gzip(const char *text, char *to) {
  static const char header[10] = {0x1f, (char)0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
  size_t length = strlen(text);
  size_t at = sizeof header;
  memcpy(to, header, sizeof header);
  to[at++] = 1; /* the last block, stored */
  at += put_number(to + at, (uint32_t)length, 2);
  at += put_number(to + at, ~(uint32_t)length, 2);
  memcpy(to + at, text, length);
  at += length;
  at += put_number(to + at, checksum(text, length), 4);
  return at + put_number(to + at, (uint32_t)length, 4);
}
