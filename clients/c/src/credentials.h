/** Credentials: "user:password", "ApiKey …" or "Bearer …", given by the program or read from a file. */
#ifndef ESC_CREDENTIALS_H
#define ESC_CREDENTIALS_H

#include "cluster.h"

/** True for each form without control characters: a line break would end the HTTP header they go into. */
bool esc_are_credentials(const char *text);

/**
 * Reads the first line of a file that others cannot access and its group cannot write. False with the reason in
 * `error`, which never contains the credentials.
 */
bool esc_read_credentials(const char *path, char credentials[CREDENTIALS_BYTES_MAX], char *error, size_t size);

/** True for those that are the value of a header Authorization as they are. */
bool esc_are_header_credentials(const char *text);

/** Reads the file again. On failure the current ones stay in use, and the reason is logged. True: there are new ones.
 */
bool esc_refresh_credentials(escluster *c);

#endif
