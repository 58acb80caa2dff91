/** What the library shares with its process: signals, descriptors, forks. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../src/http/sigpipe.h"
#include "check.h"
#include "server.h"

static atomic_uint broken_pipes;

static _Thread_local bool counting;

static ssize_t count_broken(ssize_t written) {
  if (written < 0 && errno == EPIPE && counting) broken_pipes++;
  return written;
}

/*
 * How libcurl writes to a connection: with send, and from 7.87 on with MSG_NOSIGNAL, which is removed here, so that a
 * reset connection causes SIGPIPE as before; or OpenSSL does, with write. SIGPIPE ends a program by default.
 */
ssize_t send(int fd, const void *bytes, size_t length, int flags) {
  if (counting) flags &= ~MSG_NOSIGNAL;
  return count_broken(sendto(fd, bytes, length, flags, NULL, 0));
}

ssize_t write(int fd, const void *bytes, size_t length) { return count_broken(syscall(SYS_write, fd, bytes, length)); }

static bool sigpipe_is_pending(void) {
  sigset_t pending;
  return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

static void perform_uploads(escluster *cluster, server *s) {
  enum { BYTES = 4 * 1024 * 1024 };
  char *body = calloc(1, BYTES);
  if (body == NULL) abort();
  escluster_call call = {
      .method = "PUT", .path = "/i/_doc/1", .body = body, .body_length = BYTES, .repeat = ESCLUSTER_REPEATABLE};
  /* Until the client has written to a connection that was reset before; then it must still be alive. */
  for (int i = 0; i < 50 && atomic_load(&broken_pipes) == 0; i++) {
    escluster_answer answer;
    reply_with(s, REPLIES("reset"));
    escluster_status status = escluster_perform(cluster, &call, &answer);
    CHECK(status == ESCLUSTER_UNCERTAIN || status == ESCLUSTER_UNAVAILABLE);
    escluster_answer_clear(&answer);
  }
  free(body);
}

static void a_reset_during_an_upload_does_not_end_the_program(void) {
  struct sigaction action;
  server *s = start_server();
  publish_server("reset.ini", "gra", 1, s);
  escluster *cluster = opened(&(escluster_options){
      .endpoint_path = in_scratch("reset.ini"), .attempts_max = 2, .backoff_base_ms = 1, .backoff_cap_ms = 2});
  CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);
  counting = true;
  perform_uploads(cluster, s);
  CHECK(atomic_load(&broken_pipes) > 0);
  CHECK(!sigpipe_is_pending());
  escluster_close(cluster);
  counting = false;
  stop_server(s);
}

static void a_sigpipe_of_the_program_stays_pending(void) {
  sigset_t pipe;
  sigset_t before;
  sigpipe_guard guard;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  CHECK(pthread_kill(pthread_self(), SIGPIPE) == 0 && sigpipe_is_pending());
  esc_block_sigpipe(&guard);
  esc_restore_sigpipe(&guard);
  CHECK(sigpipe_is_pending());
  CHECK(sigtimedwait(&pipe, NULL, &(struct timespec){0, 0}) == SIGPIPE);
  esc_block_sigpipe(&guard);
  CHECK(pthread_kill(pthread_self(), SIGPIPE) == 0);
  esc_restore_sigpipe(&guard);
  CHECK(!sigpipe_is_pending());
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void a_lack_of_descriptors_is_not_distrust(void) {
  server *s = start_server();
  publish_server("few.ini", "gra", 1, s);
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("few.ini"),
                                                   .poll_interval_ms = 3000000,
                                                   .budget_ms = 400,
                                                   .backoff_base_ms = 1,
                                                   .backoff_cap_ms = 20});
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  /* From none to some: at each number, another step fails. */
  for (int spare = 0; spare < 8; spare++) {
    int highest = open("/dev/null", O_RDONLY | O_CLOEXEC);
    close(highest);
    struct rlimit low = {.rlim_cur = (rlim_t)(highest + spare), .rlim_max = limit.rlim_max};
    escluster_answer answer;
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
    escluster_status status =
        escluster_perform(cluster, &(escluster_call){.method = "POST", .path = "/", .repeat = ESCLUSTER_ONCE}, &answer);
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    /* Uncertain: the server, in this process, lacks one to accept the connection. */
    if (status != ESCLUSTER_OK && status != ESCLUSTER_UNAVAILABLE && status != ESCLUSTER_UNCERTAIN) {
      printf("    %d spare: %s: %s\n", spare, escluster_status_name(status), answer.error);
      failures++;
    }
    escluster_answer_clear(&answer);
  }
  escluster_close(cluster);
  stop_server(s);
}

/** In the child: every function refuses. The number of those that did not. */
static int refusals_missing(escluster *cluster) {
  int missing = 0;
  escluster_answer answer;
  escluster_endpoint endpoint;
  escluster_loop *loop = NULL;
  escluster_counts counts = {.size = sizeof counts};
  if (escluster_perform(cluster, &(escluster_call){.method = "GET", .path = "/"}, &answer) != ESCLUSTER_INVALID)
    missing++;
  if (strstr(answer.error, "child process") == NULL) missing++;
  if (escluster_current(cluster, &endpoint) || escluster_take_change(cluster, &endpoint)) missing++;
  if (escluster_counters(cluster, &counts) != ESCLUSTER_INVALID) missing++;
  if (escluster_acknowledge(cluster, 1, NULL) != ESCLUSTER_INVALID) missing++;
  if (escluster_loop_open(cluster, &loop, NULL, 0) != ESCLUSTER_INVALID) missing++;
  if (escluster_cancel_call(cluster, &missing) != 0 || escluster_change_fd(cluster) != -1) missing++;
  escluster_cancel(cluster);
  escluster_reload(cluster);
  escluster_close(cluster);
  return missing;
}

static void a_child_process_leaves_the_connections_to_its_parent(void) {
  server *s = start_server();
  publish_server("parent.ini", "gra", 1, s);
  escluster *cluster = opened(&(escluster_options){.endpoint_path = in_scratch("parent.ini"), .handle_sighup = true});
  escluster_answer answer;
  escluster_call call = {.method = "GET", .path = "/"};
  CHECK(escluster_perform(cluster, &call, &answer) == ESCLUSTER_OK);
  escluster_answer_clear(&answer);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    /* exec instead of exit: valgrind would report what the child leaves to its parent as leaks. */
    const char *result = refusals_missing(cluster) == 0 ? "true" : "false";
    execlp(result, result, (char *)NULL);
    _exit(2);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK(escluster_perform(cluster, &call, &answer) == ESCLUSTER_OK && answer.attempts == 1);
  CHECK(connections_at(s) == 1);
  escluster_answer_clear(&answer);
  publish_server("parent.ini", "gra", 2, s);
  CHECK(raise(SIGHUP) == 0);
  EVENTUALLY(epoch_of(cluster) == 2);
  escluster_close(cluster);
  stop_server(s);
}

const test_case process_suite[] = {
    TEST(a_reset_during_an_upload_does_not_end_the_program),
    TEST(a_sigpipe_of_the_program_stays_pending),
    TEST(a_lack_of_descriptors_is_not_distrust),
    TEST(a_child_process_leaves_the_connections_to_its_parent),
    END_OF_SUITE,
};
