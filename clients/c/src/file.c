#define _GNU_SOURCE

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "util.h"

ssize_t esc_read_file(const char *path, char *text, size_t size, struct stat *about, char *error, size_t error_size) {
  /* Without O_NONBLOCK, a FIFO in place of the file would block the watcher for ever. */
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    esc_format(error, error_size, "%s: %s", path, strerror(errno));
    return -1;
  }
  size_t length = 0;
  ssize_t got = -1;
  if (fstat(fd, about) != 0) {
    esc_format(error, error_size, "%s: %s", path, strerror(errno));
  } else if (!S_ISREG(about->st_mode)) {
    esc_format(error, error_size, "%s is not a regular file", path);
  } else {
    while (length < size && ((got = read(fd, text + length, size - length)) > 0 || (got < 0 && errno == EINTR))) {
      if (got > 0) length += (size_t)got;
    }
    if (got < 0) esc_format(error, error_size, "%s: %s", path, strerror(errno));
  }
  close(fd);
  return got < 0 ? -1 : (ssize_t)length;
}
