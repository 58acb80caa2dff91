#define _GNU_SOURCE

#include "server.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

enum { CONNECTIONS_MAX = 512, REQUESTS_MAX = 4096, REQUEST_BYTES_MAX = 64 * 1024 };

typedef struct accepted {
  server *server;
  int fd;
  pthread_t thread;
} accepted;

struct server {
  int listener;
  unsigned port;
  SSL_CTX *tls;
  pthread_t thread;
  atomic_bool stopping;
  pthread_mutex_t mutex;
  const char *replies[64];
  unsigned next_reply, reply_count;
  char *requests[REQUESTS_MAX];
  unsigned request_count;
  accepted connections[CONNECTIONS_MAX];
  unsigned connection_count;
  atomic_uint client_certificates;
};

static const char *next_reply(server *s) {
  pthread_mutex_lock(&s->mutex);
  const char *reply = s->replies[s->next_reply];
  if (s->next_reply + 1 < s->reply_count) s->next_reply++;
  pthread_mutex_unlock(&s->mutex);
  return reply;
}

static void keep_request(server *s, const char *text) {
  pthread_mutex_lock(&s->mutex);
  if (s->request_count == REQUESTS_MAX) abort();
  s->requests[s->request_count++] = strdup(text);
  pthread_mutex_unlock(&s->mutex);
}

/** Reads up to the end of the headers, or of the body. False when the client has gone. */
static bool read_request(SSL *tls, char *text, bool with_body) {
  size_t length = 0;
  size_t wanted = 0;
  text[0] = '\0';
  for (;;) {
    char *end = strstr(text, "\r\n\r\n");
    if (end != NULL) {
      const char *announced = strcasestr(text, "\r\ncontent-length:");
      wanted = (size_t)(end - text) + 4;
      if (!with_body) return true;
      if (announced != NULL) wanted += strtoul(announced + 17, NULL, 10);
      if (length >= wanted) return true;
    }
    if (length + 1 >= REQUEST_BYTES_MAX) return true;
    int got = SSL_read(tls, text + length, (int)(REQUEST_BYTES_MAX - 1 - length));
    if (got <= 0) return false;
    length += (size_t)got;
    text[length] = '\0';
  }
}

static void send_status(SSL *tls, const char *reply, bool accepts_gzip) {
  char copy[8192];
  char answer[16384];
  char compressed[8192 + 32];
  char headers[4096] = "";
  const char *own = "X-Elastic-Product: Elasticsearch\r\n";
  bool gzip = false;
  char *rest = copy;
  snprintf(copy, sizeof copy, "%s", reply);
  const char *status = strsep(&rest, "|");
  while (rest != NULL && strchr(rest, '|') != NULL) {
    const char *header = strsep(&rest, "|");
    size_t length = strlen(headers);
    if (strcmp(header, "router") == 0) {
      own = "";
    } else if (strcmp(header, "gzip") == 0) {
      gzip = accepts_gzip;
    } else {
      snprintf(headers + length, sizeof headers - length, "%s\r\n", header);
    }
  }
  const char *body = rest == NULL ? "" : rest;
  size_t body_length = strlen(body);
  if (gzip) {
    body_length = make_gzip(rest, compressed);
    body = compressed;
  }
  int length = snprintf(answer, sizeof answer, "HTTP/1.1 %s Status\r\nContent-Length: %zu\r\n%s%s%s\r\n", status,
                        body_length, gzip ? "Content-Encoding: gzip\r\n" : "", own, headers);
  memcpy(answer + length, body, body_length);
  (void)SSL_write(tls, answer, length + (int)body_length);
}

static void hang(server *s, int fd) {
  struct pollfd closed = {.fd = fd, .events = POLLRDHUP};
  while (!atomic_load(&s->stopping) && poll(&closed, 1, 10) == 0) continue;
}

/** Handles one request. False when the connection is to be closed. */
static bool handle(server *s, SSL *tls, int fd, char *text) {
  pthread_mutex_lock(&s->mutex);
  bool resets = strcmp(s->replies[s->next_reply], "reset") == 0;
  pthread_mutex_unlock(&s->mutex);
  if (!read_request(tls, text, !resets)) return false;
  if (!resets) keep_request(s, text);
  const char *reply = next_reply(s);
  if (strcmp(reply, "reset") == 0) {
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    return false;
  }
  if (strcmp(reply, "cut") == 0) return false;
  if (strncmp(reply, "raw|", 4) == 0 || strncmp(reply, "half|", 5) == 0) {
    const char *bytes = strchr(reply, '|') + 1;
    (void)SSL_write(tls, bytes, (int)strlen(bytes));
    if (reply[0] == 'r') (void)SSL_shutdown(tls);
    return false;
  }
  if (strcmp(reply, "hang") == 0) {
    hang(s, fd);
    return false;
  }
  send_status(tls, reply, strcasestr(text, "\r\nAccept-Encoding: gzip\r\n") != NULL);
  return true;
}

static void *serve(void *context) {
  accepted *a = context;
  server *s = a->server;
  SSL *tls = SSL_new(s->tls);
  char *text = malloc(REQUEST_BYTES_MAX);
  if (tls == NULL || text == NULL) abort();
  SSL_set_fd(tls, a->fd);
  if (SSL_accept(tls) == 1) {
    X509 *certificate = SSL_get1_peer_certificate(tls);
    if (certificate != NULL) s->client_certificates++;
    X509_free(certificate);
    while (!atomic_load(&s->stopping) && handle(s, tls, a->fd, text)) continue;
  }
  free(text);
  SSL_free(tls);
  pthread_mutex_lock(&s->mutex);
  close(a->fd);
  a->fd = -1;
  pthread_mutex_unlock(&s->mutex);
  return NULL;
}

static void *accept_all(void *context) {
  server *s = context;
  while (!atomic_load(&s->stopping)) {
    struct pollfd ready = {.fd = s->listener, .events = POLLIN};
    if (poll(&ready, 1, 10) != 1) continue;
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) continue;
    pthread_mutex_lock(&s->mutex);
    if (s->connection_count == CONNECTIONS_MAX) abort();
    accepted *a = &s->connections[s->connection_count++];
    *a = (accepted){.server = s, .fd = fd};
    if (pthread_create(&a->thread, NULL, serve, a) != 0) abort();
    pthread_mutex_unlock(&s->mutex);
  }
  return NULL;
}

server *start_server(void) {
  server *s = calloc(1, sizeof *s);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  sigset_t pipe;
  sigset_t before;
  if (s == NULL || (s->tls = SSL_CTX_new(TLS_server_method())) == NULL) abort();
  pthread_mutex_init(&s->mutex, NULL);
  reply_with(s, REPLIES("200|{}"));
  if (SSL_CTX_use_certificate_file(s->tls, certificate_path(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(s->tls, key_path(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_load_verify_locations(s->tls, certificate_path(), NULL) != 1) {
    abort();
  }
  SSL_CTX_set_verify(s->tls, SSL_VERIFY_PEER, NULL);
  SSL_CTX_set_session_id_context(s->tls, (const unsigned char *)"test", 4);
  s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (bind(s->listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(s->listener, 64) != 0 ||
      getsockname(s->listener, (struct sockaddr *)&address, &length) != 0) {
    abort();
  }
  s->port = ntohs(address.sin_port);
  /* OpenSSL writes to connections that the client has closed. The client's own SIGPIPEs must end the tests. */
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  if (pthread_create(&s->thread, NULL, accept_all, s) != 0) abort();
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return s;
}

void stop_server(server *s) {
  atomic_store(&s->stopping, true);
  pthread_join(s->thread, NULL);
  pthread_mutex_lock(&s->mutex);
  for (unsigned i = 0; i < s->connection_count; i++) {
    if (s->connections[i].fd >= 0) (void)shutdown(s->connections[i].fd, SHUT_RDWR);
  }
  pthread_mutex_unlock(&s->mutex);
  for (unsigned i = 0; i < s->connection_count; i++) pthread_join(s->connections[i].thread, NULL);
  for (unsigned i = 0; i < s->request_count; i++) free(s->requests[i]);
  close(s->listener);
  SSL_CTX_free(s->tls);
  pthread_mutex_destroy(&s->mutex);
  free(s);
}

unsigned port_of(const server *s) { return s->port; }

void reply_with(server *s, const char *const *replies) {
  pthread_mutex_lock(&s->mutex);
  s->next_reply = 0;
  for (s->reply_count = 0; replies[s->reply_count] != NULL; s->reply_count++) {
    s->replies[s->reply_count] = replies[s->reply_count];
  }
  pthread_mutex_unlock(&s->mutex);
}

unsigned requests_at(server *s) {
  pthread_mutex_lock(&s->mutex);
  unsigned count = s->request_count;
  pthread_mutex_unlock(&s->mutex);
  return count;
}

bool request_has(server *s, unsigned i, const char *part) {
  pthread_mutex_lock(&s->mutex);
  bool has = i < s->request_count && strcasestr(s->requests[i], part) != NULL;
  pthread_mutex_unlock(&s->mutex);
  return has;
}

unsigned connections_at(server *s) {
  pthread_mutex_lock(&s->mutex);
  unsigned count = s->connection_count;
  pthread_mutex_unlock(&s->mutex);
  return count;
}

unsigned client_certificates_at(server *s) { return atomic_load(&s->client_certificates); }

void publish_server(const char *name, const char *region, unsigned epoch, const server *s) {
  char text[512];
  snprintf(text, sizeof text, "[Elasticsearch]\nHost = 127.0.0.1\nPort = %u\nRegion = %s\nCaPath = %s\nEpoch = %u\n",
           s->port, region, certificate_path(), epoch);
  publish_text(name, text);
}
