/**
 * Keeps SIGPIPE from the program. With CURLOPT_NOSIGNAL, which threads need, libcurl does not ignore it, and before
 * 7.87 OpenSSL writes to a connection that a server has reset without MSG_NOSIGNAL.
 */
#ifndef ESC_SIGPIPE_H
#define ESC_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

typedef struct sigpipe_guard {
  sigset_t before;
  bool pending_before;
} sigpipe_guard;

/** Blocks SIGPIPE in this thread. */
void esc_block_sigpipe(sigpipe_guard *guard);

/** Takes a SIGPIPE that came in the meantime, and restores the mask. One that was pending before stays pending. */
void esc_restore_sigpipe(const sigpipe_guard *guard);

#endif
