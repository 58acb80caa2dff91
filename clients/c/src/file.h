/** Reading of small files. */
#ifndef ESC_FILE_H
#define ESC_FILE_H

#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

/** Reads a regular file, or as much of it as fits. -1 with the reason in `error`. */
ssize_t esc_read_file(const char *path, char *text, size_t size, struct stat *about, char *error, size_t error_size);

#endif
