#define _GNU_SOURCE

#include "sigpipe.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

void esc_block_sigpipe(sigpipe_guard *guard) {
  sigset_t pipe;
  sigset_t pending;
  int kept = errno;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigemptyset(&pending);
  sigpending(&pending);
  guard->pending_before = sigismember(&pending, SIGPIPE) == 1;
  pthread_sigmask(SIG_BLOCK, &pipe, &guard->before);
  errno = kept;
}

void esc_restore_sigpipe(const sigpipe_guard *guard) {
  sigset_t pipe;
  int kept = errno;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  if (!guard->pending_before) {
    while (sigtimedwait(&pipe, NULL, &(struct timespec){0, 0}) < 0 && errno == EINTR) continue;
  }
  pthread_sigmask(SIG_SETMASK, &guard->before, NULL);
  errno = kept;
}
