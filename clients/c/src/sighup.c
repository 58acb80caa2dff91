#define _GNU_SOURCE

#include "sighup.h"

#include <sched.h>

#include "util.h"

/*
 * State that a signal handler reaches must be global: the descriptor to write to, and the number of handlers that run
 * now. A handler instead of signalfd: before es-failover sends SIGHUP it checks in /proc that the program catches it,
 * because SIGHUP ends a program that does not.
 */
static atomic_int sighup_fd = -1;
static atomic_int sighup_running = 0;

static void on_sighup(int number) {
  (void)number;
  atomic_fetch_add(&sighup_running, 1);
  int fd = atomic_load(&sighup_fd);
  if (fd >= 0) esc_wake(fd);
  atomic_fetch_sub(&sighup_running, 1);
}

bool esc_install_sighup(escluster *c, char *error, size_t size) {
  int none = -1;
  if (!atomic_compare_exchange_strong(&sighup_fd, &none, c->wake_fd)) {
    return esc_fail(error, size, "another cluster of this process already has handle_sighup");
  }
  struct sigaction action = {.sa_handler = on_sighup, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGHUP, &action, &c->sighup_before);
  c->handles_sighup = true;
  return true;
}

void esc_restore_sighup(escluster *c) {
  if (!c->handles_sighup) return;
  sigaction(SIGHUP, &c->sighup_before, NULL);
  atomic_store(&sighup_fd, -1);
  if (!esc_is_usable(c)) return;
  /* A handler in another thread may hold the descriptor, which is closed next. */
  while (atomic_load(&sighup_running) > 0) sched_yield();
}
