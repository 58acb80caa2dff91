#define _GNU_SOURCE

#include "file-watcher.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "adopt.h"
#include "credentials.h"
#include "endpoint.h"
#include "file.h"
#include "util.h"

void esc_read_endpoint_file(escluster *c, bool requested) {
  if (c->endpoint_path == NULL) return;
  char reason[ESCLUSTER_ERROR_MAX] = "";
  char error[ESCLUSTER_ERROR_MAX] = "";
  escluster_endpoint read;
  struct stat about;
  /* One byte more than allowed, to detect a larger file. */
  char *text = malloc(ENDPOINT_FILE_BYTES_MAX + 1);
  if (text == NULL) return;
  ssize_t length = esc_read_file(c->endpoint_path, text, ENDPOINT_FILE_BYTES_MAX + 1, &about, error, sizeof error);
  if (length >= 0) {
    if (escluster_parse(text, (size_t)length, &read, reason, sizeof reason) == ESCLUSTER_OK) {
      (void)esc_offer_endpoint(c, &read, SOURCE_FILE, c->endpoint_path, reason, sizeof reason);
    }
    if (reason[0] != '\0') esc_format(error, sizeof error, "%.300s: %.200s", c->endpoint_path, reason);
  }
  free(text);
  pthread_mutex_lock(&c->mutex);
  bool repeated = strcmp(error, c->file_error) == 0;
  memcpy(c->file_error, error, sizeof error);
  pthread_mutex_unlock(&c->mutex);
  if (error[0] != '\0' && (requested || !repeated)) {
    esc_log(&c->log, ESCLUSTER_WARNING, "the endpoint file is ignored: %s", error);
  }
}

/** Empties an eventfd or inotify descriptor. True when it had something; `gone`: the watched directory went away. */
static bool drain_events(int fd, bool *gone) {
  _Alignas(struct inotify_event) char buffer[4096];
  bool any = false;
  ssize_t length = 0;
  while ((length = read(fd, buffer, sizeof buffer)) > 0) {
    any = true;
    for (char *p = buffer; gone != NULL && p < buffer + length;) {
      const struct inotify_event *event = (const void *)p;
      if ((event->mask & (IN_IGNORED | IN_MOVE_SELF | IN_DELETE_SELF)) != 0) *gone = true;
      p += sizeof *event + event->len;
    }
  }
  return any;
}

/*
 * inotify watches the directory instead of the file, because a file renamed into place is a new one. It only makes
 * changes known sooner: network file systems and links into other directories cause no events, so the file is also
 * read every poll_interval_ms.
 */
void *esc_watch_file(void *context) {
  escluster *c = context;
  int watch = -1;
  while (!atomic_load(&c->stopping)) {
    if (c->inotify_fd >= 0 && watch < 0) {
      watch =
          inotify_add_watch(c->inotify_fd, c->directory, IN_MOVED_TO | IN_CLOSE_WRITE | IN_MOVE_SELF | IN_DELETE_SELF);
      /* For changes made before the watch was set. */
      if (watch >= 0) esc_read_endpoint_file(c, false);
    }
    struct pollfd fds[2] = {{.fd = c->wake_fd, .events = POLLIN}, {.fd = c->inotify_fd, .events = POLLIN}};
    (void)poll(fds, c->inotify_fd < 0 ? 1 : 2, (int)c->poll_interval_ms);
    bool gone = false;
    bool requested = drain_events(c->wake_fd, NULL);
    if (c->inotify_fd >= 0) (void)drain_events(c->inotify_fd, &gone);
    if (gone) {
      (void)inotify_rm_watch(c->inotify_fd, watch);
      watch = -1;
    }
    if (atomic_load(&c->stopping)) break;
    if (requested) (void)esc_refresh_credentials(c);
    esc_read_endpoint_file(c, requested);
  }
  return NULL;
}
