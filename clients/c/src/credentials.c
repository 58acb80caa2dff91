#define _GNU_SOURCE

#include "credentials.h"

#include <string.h>
#include <unistd.h>

#include "file.h"
#include "util.h"

/** Of the header Authorization; anything else is "user:password". */
static const char *const schemes[] = {"ApiKey ", "Bearer ", NULL};

bool esc_are_header_credentials(const char *text) {
  for (const char *const *scheme = schemes; *scheme != NULL; scheme++) {
    if (strncmp(text, *scheme, strlen(*scheme)) == 0) return true;
  }
  return false;
}

bool esc_are_credentials(const char *text) {
  for (const char *p = text; *p != '\0'; p++) {
    if (esc_is_control(*p)) return false;
  }
  for (const char *const *scheme = schemes; *scheme != NULL; scheme++) {
    size_t length = strlen(*scheme);
    if (strncmp(text, *scheme, length) == 0) return text[length] != '\0' && strpbrk(text + length, " \t") == NULL;
  }
  return text[0] != ':' && strchr(text, ':') != NULL;
}

bool esc_read_credentials(const char *path, char credentials[CREDENTIALS_BYTES_MAX], char *error, size_t size) {
  char text[CREDENTIALS_BYTES_MAX] = "";
  struct stat about;
  bool good = false;
  ssize_t length = esc_read_file(path, text, sizeof text - 1, &about, error, size);
  if (length < 0) return false;
  text[length] = '\0';
  text[strcspn(text, "\r\n")] = '\0';
  if ((about.st_mode & (S_IRWXO | S_IWGRP)) != 0) {
    esc_format(error, size, "%s contains credentials, but its mode %04o gives others access: chmod 600 (or 640)", path,
               about.st_mode & 07777U);
  } else if (about.st_uid != 0 && about.st_uid != geteuid()) {
    esc_format(error, size, "%s contains credentials, but belongs to another user (uid %u)", path,
               (unsigned)about.st_uid);
  } else if (!esc_are_credentials(text)) {
    esc_format(error, size, "%s: the first line is none of user:password, ApiKey <encoded key>, Bearer <token>", path);
  } else {
    memcpy(credentials, text, sizeof text);
    good = true;
  }
  explicit_bzero(text, sizeof text);
  return good;
}

bool esc_refresh_credentials(escluster *c) {
  char credentials[CREDENTIALS_BYTES_MAX] = {0};
  char error[ESCLUSTER_ERROR_MAX];
  if (c->credentials_path == NULL) return false;
  if (!esc_read_credentials(c->credentials_path, credentials, error, sizeof error)) {
    esc_log(&c->log, ESCLUSTER_WARNING, "the credentials in use stay in use: %s", error);
    return false;
  }
  pthread_mutex_lock(&c->mutex);
  bool renewed = strcmp(c->credentials, credentials) != 0;
  if (renewed) {
    memcpy(c->credentials, credentials, sizeof credentials);
    c->credentials_version++;
    c->credentials_accepted = false;
  }
  pthread_mutex_unlock(&c->mutex);
  explicit_bzero(credentials, sizeof credentials);
  return renewed;
}
