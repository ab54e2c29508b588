#include "http_server.h"

#include <errno.h>
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
  CONNECTIONS = 1024,
  HEADER_MEMORY = 64 * 1024,
  BODY_MAX = 16 * 1024 * 1024,
  BODIES_MAX = 256 * 1024 * 1024,
  IDLE_SECONDS = 30,
  BACKLOG = 1024,
};

/* One request. Two parties hold it: the connection (until MHD reports its end)
 * and the loop (from the hand-over to the answer). */
struct nv_http_incoming {
  nv_ready ready; /* first: how it travels to the loop */
  nv_http_server *server;
  struct MHD_Connection *connection;
  nv_http_incoming *prev, *next; /* with the loop; guarded by server->lock */
  int holders;                   /* guarded by server->lock */
  bool at_loop;                  /* guarded by server->lock */
  bool begun;                    /* the connection's thread only, as are: */
  bool handed, refused_body;
  unsigned refusal; /* status to answer instead of handing over, 0: none */
  size_t discarded;
  bool cut;                      /* set before the connection is woken */
  unsigned status;
  struct MHD_Response *response;
  char *target, *method;
  char peer[INET6_ADDRSTRLEN + 8];
  nv_buf headers, body;
};

/* A connection, as long as the other end is to speak or to listen: in the order in
 * which that began. While the loop has its request it is out of the list. Only the
 * server's thread knows these. */
typedef struct client {
  struct client *prev, *next;
  int fd;
  bool listed, closed;
} client;

struct nv_http_server {
  nv_loop *loop;
  nv_http_serve_fn handler;
  void *arg;
  struct MHD_Daemon *daemon;
  int port;
  char *socket_path;
  size_t header_memory, max_body, max_bodies;
  unsigned connections;
  client *longest, *latest; /* of the list of clients */
  unsigned open;            /* of all clients, those being closed left out */
  pthread_mutex_t lock; /* taken before MHD's own locks, never inside them */
  bool closing;         /* guarded by lock, as is the rest */
  size_t bodies;        /* bytes */
  size_t waiting, holders;
  nv_http_incoming *first;
};

static void run_handler(nv_ready *r);

/* ---- who keeps us waiting, in the server's thread ---- */

static void unlist(nv_http_server *s, client *c) {
  if (!c->listed) return;
  c->listed = false;
  if (c->prev) c->prev->next = c->next;
  else s->longest = c->next;
  if (c->next) c->next->prev = c->prev;
  else s->latest = c->prev;
}

static void list_as_latest(nv_http_server *s, client *c) {
  unlist(s, c);
  if (c->closed) return;
  c->listed = true;
  c->next = NULL;
  c->prev = s->latest;
  if (s->latest) s->latest->next = c;
  else s->longest = c;
  s->latest = c;
}

/* Ends the connection that has kept us waiting for longest, unless it is `but`. MHD
 * hears of it at its next look, as if the other end had gone. */
static void close_longest(nv_http_server *s, const client *but) {
  client *c = s->longest;
  if (!c || c == but) return;
  unlist(s, c);
  c->closed = true;
  s->open--;
  shutdown(c->fd, SHUT_RDWR);
}

static client *client_of(struct MHD_Connection *c) {
  const union MHD_ConnectionInfo *i =
      MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return i ? i->socket_context : NULL;
}

static void connection_changed(void *arg, struct MHD_Connection *connection, void **slot,
                               enum MHD_ConnectionNotificationCode code) {
  nv_http_server *s = arg;
  client *c = *slot;
  if (code == MHD_CONNECTION_NOTIFY_STARTED) {
    const union MHD_ConnectionInfo *i =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    c = i ? calloc(1, sizeof *c) : NULL;
    if (!c) return; /* it is bounded by MHD's own time-out only */
    *slot = c;
    c->fd = i->connect_fd;
    s->open++;
    list_as_latest(s, c);
    if (s->open > s->connections - (s->connections + 7) / 8) close_longest(s, c);
  } else if (c) {
    unlist(s, c);
    s->open -= !c->closed;
    *slot = NULL;
    free(c);
  }
}

/* ---- lifetime ---- */

/* With the lock held; releases it. */
static void unref_server_unlock(nv_http_server *s) {
  bool last = --s->holders == 0;
  pthread_mutex_unlock(&s->lock);
  if (!last) return;
  pthread_mutex_destroy(&s->lock);
  free(s->socket_path);
  free(s);
}

/* One holder lets go; with the lock held, which is released. */
static void unref_unlock(nv_http_incoming *r) {
  nv_http_server *s = r->server;
  if (--r->holders > 0) {
    pthread_mutex_unlock(&s->lock);
    return;
  }
  s->bodies -= r->body.n;
  unref_server_unlock(s);
  if (r->response) MHD_destroy_response(r->response);
  nv_buf_clear(&r->headers);
  nv_buf_clear(&r->body);
  free(r->target);
  free(r->method);
  free(r);
}

/* MHD calls this with the raw request line before anything else is known. */
static void *begin(void *arg, const char *uri, struct MHD_Connection *connection) {
  nv_http_server *s = arg;
  nv_http_incoming *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->target = strdup(uri);
  if (!r->target) {
    free(r);
    return NULL;
  }
  r->ready.fn = run_handler;
  r->server = s;
  r->connection = connection;
  r->holders = 1;
  nv_buf_init(&r->headers, s->header_memory);
  nv_buf_init(&r->body, s->max_body);
  pthread_mutex_lock(&s->lock);
  s->holders++;
  pthread_mutex_unlock(&s->lock);
  return r;
}

static void request_ended(void *arg, struct MHD_Connection *connection, void **slot,
                          enum MHD_RequestTerminationCode code) {
  (void)code;
  nv_http_server *s = arg;
  nv_http_incoming *r = *slot;
  *slot = NULL;
  client *c = client_of(connection);
  if (c) list_as_latest(s, c);
  if (!r) return;
  pthread_mutex_lock(&s->lock);
  r->connection = NULL;
  unref_unlock(r);
}

/* ---- reading, in the connection's thread ---- */

static enum MHD_Result add_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                  size_t nname, const char *value, size_t nvalue) {
  (void)kind;
  nv_http_incoming *r = arg;
  int rc = nv_headers_add(&r->headers, (nv_str){name, nname},
                          (nv_str){value ? value : "", value ? nvalue : 0});
  if (rc != NV_OK) r->refusal = rc == NV_ENOMEM ? 503 : rc == NV_ETOOLARGE ? 431 : 400;
  return rc == NV_OK ? MHD_YES : MHD_NO;
}

/* Counts `n` more body bytes; false when all bodies together would be too many. */
static bool reserve(nv_http_incoming *r, size_t n) {
  nv_http_server *s = r->server;
  pthread_mutex_lock(&s->lock);
  bool fits = n <= s->max_bodies - s->bodies;
  if (fits) s->bodies += n;
  bool scarce = s->bodies > s->max_bodies / 4 * 3 || !fits;
  pthread_mutex_unlock(&s->lock);
  if (scarce) close_longest(s, client_of(r->connection));
  return fits;
}

static void unreserve(nv_http_incoming *r, size_t n) {
  pthread_mutex_lock(&r->server->lock);
  r->server->bodies -= n;
  pthread_mutex_unlock(&r->server->lock);
}

static void refuse(nv_http_incoming *r, unsigned status) {
  r->refusal = status;
  unreserve(r, r->body.n);
  nv_buf_clear(&r->body);
}

static void add_body(nv_http_incoming *r, const char *p, size_t n) {
  if (r->refusal) r->discarded += n;
  else if (n > r->server->max_body - r->body.n) refuse(r, 413);
  else if (!reserve(r, n)) refuse(r, 503);
  else if (nv_buf_add(&r->body, p, n) != NV_OK) {
    unreserve(r, n);
    refuse(r, 503);
  }
}

static enum MHD_Result send_refusal(struct MHD_Connection *c, unsigned status) {
  const char *text = status == 413   ? "the body is too large\n"
                     : status == 431 ? "the headers are too large\n"
                     : status == 503 ? "too busy, try again later\n"
                                     : "malformed request\n";
  struct MHD_Response *a = MHD_create_response_from_buffer(
      strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
  if (!a) return MHD_NO;
  MHD_add_response_header(a, "Content-Type", "text/plain; charset=utf-8");
  if (status == 503) MHD_add_response_header(a, "Retry-After", "1");
  enum MHD_Result rc = MHD_queue_response(c, status, a);
  MHD_destroy_response(a);
  return rc;
}

static void note_peer(nv_http_incoming *r, struct MHD_Connection *c) {
  const union MHD_ConnectionInfo *i = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
  char address[INET6_ADDRSTRLEN] = "";
  unsigned port = 0;
  if (i && i->client_addr && i->client_addr->sa_family == AF_INET) {
    const struct sockaddr_in *at = (const struct sockaddr_in *)(const void *)i->client_addr;
    inet_ntop(AF_INET, &at->sin_addr, address, sizeof address);
    port = ntohs(at->sin_port);
  } else if (i && i->client_addr && i->client_addr->sa_family == AF_INET6) {
    const struct sockaddr_in6 *at = (const struct sockaddr_in6 *)(const void *)i->client_addr;
    inet_ntop(AF_INET6, &at->sin6_addr, address, sizeof address);
    port = ntohs(at->sin6_port);
  }
  if (*address) snprintf(r->peer, sizeof r->peer, "%s:%u", address, port);
}

static enum MHD_Result first_look(nv_http_incoming *r, struct MHD_Connection *c,
                                  const char *method) {
  r->begun = true;
  note_peer(r, c);
  r->method = strdup(method);
  if (!r->method) return MHD_NO;
  MHD_get_connection_values_n(c, MHD_HEADER_KIND, add_header, r);
  const char *length = nv_headers_get(&r->headers, "content-length");
  unsigned long long n = length ? strtoull(length, NULL, 10) : 0;
  if (!r->refusal && n > r->server->max_body) r->refusal = 413;
  /* Answered before the body is read, so the connection ends with it. */
  return r->refusal ? send_refusal(c, r->refusal) : MHD_YES;
}

/* Rests the connection and sends the request to the loop: in this order, because
 * MHD forgets a wake-up that comes before the connection rests. */
static enum MHD_Result hand_over(nv_http_incoming *r, struct MHD_Connection *c) {
  nv_http_server *s = r->server;
  pthread_mutex_lock(&s->lock);
  if (s->closing) {
    pthread_mutex_unlock(&s->lock);
    return MHD_NO;
  }
  r->handed = r->at_loop = true;
  r->holders++;
  r->next = s->first;
  if (s->first) s->first->prev = r;
  s->first = r;
  s->waiting++;
  MHD_suspend_connection(c);
  pthread_mutex_unlock(&s->lock);
  client *its = client_of(c);
  if (its) unlist(s, its);
  nv_loop_send(s->loop, &r->ready);
  return MHD_YES;
}

static enum MHD_Result on_access(void *arg, struct MHD_Connection *c, const char *url,
                                 const char *method, const char *version,
                                 const char *data, size_t *size, void **slot) {
  (void)arg, (void)url, (void)version;
  nv_http_incoming *r = *slot;
  if (!r) return MHD_NO; /* there was no memory for it */
  if (!r->begun) return first_look(r, c, method);
  if (r->handed) { /* woken by the answer */
    if (r->cut || !r->response) return MHD_NO;
    client *its = client_of(c);
    if (its) list_as_latest(r->server, its);
    return MHD_queue_response(c, r->status, r->response);
  }
  if (*size > 0) {
    add_body(r, data, *size);
    *size = 0;
    /* A refusal is heard only at the end of the body; not for ever, though. */
    return r->discarded > r->server->max_body ? MHD_NO : MHD_YES;
  }
  return r->refusal ? send_refusal(c, r->refusal) : hand_over(r, c);
}

/* ---- answering, on the loop thread ---- */

static void run_handler(nv_ready *ready) {
  nv_http_incoming *r = (nv_http_incoming *)ready;
  nv_http_server *s = r->server;
  pthread_mutex_lock(&s->lock);
  if (s->closing) {
    unref_unlock(r); /* was cut by the closing */
    return;
  }
  pthread_mutex_unlock(&s->lock);
  s->handler(r, s->arg);
}

/* Takes the request off the loop's list; with the lock held. */
static void leave_loop(nv_http_incoming *r) {
  nv_http_server *s = r->server;
  if (!r->at_loop) return;
  r->at_loop = false;
  if (r->prev) r->prev->next = r->next;
  else s->first = r->next;
  if (r->next) r->next->prev = r->prev;
  s->waiting--;
}

/* Wakes the connection, which then sees what was set. */
static void wake(nv_http_incoming *r, struct MHD_Response *response, unsigned status) {
  nv_http_server *s = r->server;
  pthread_mutex_lock(&s->lock);
  if (r->at_loop && r->connection) {
    leave_loop(r);
    r->response = response;
    r->status = status;
    r->cut = !response;
    MHD_resume_connection(r->connection);
    response = NULL;
  }
  unref_unlock(r);
  if (response) MHD_destroy_response(response);
}

static bool is_framing(const char *name) {
  return strcasecmp(name, "content-length") == 0 || strcasecmp(name, "transfer-encoding") == 0;
}

void nv_http_server_answer(nv_http_incoming *r, int status, const nv_header *headers,
                           size_t nheaders, nv_str body) {
  struct MHD_Response *a = MHD_create_response_from_buffer(
      body.n, (void *)(uintptr_t)(body.n ? body.p : ""), MHD_RESPMEM_MUST_COPY);
  for (size_t i = 0; a && i < nheaders; i++)
    if (!is_framing(headers[i].name) && nv_header_valid(headers[i].name, headers[i].value))
      MHD_add_response_header(a, headers[i].name, headers[i].value);
  wake(r, a, status >= 200 && status <= 599 ? (unsigned)status : 500);
}

void nv_http_server_cut(nv_http_incoming *r) { wake(r, NULL, 0); }

const char *nv_http_incoming_method(const nv_http_incoming *r) { return r->method; }
const char *nv_http_incoming_target(const nv_http_incoming *r) { return r->target; }
const char *nv_http_incoming_peer(const nv_http_incoming *r) { return r->peer; }
const nv_buf *nv_http_incoming_headers(const nv_http_incoming *r) { return &r->headers; }

nv_str nv_http_incoming_body(const nv_http_incoming *r) {
  return (nv_str){r->body.p ? r->body.p : "", r->body.n};
}

/* ---- listening ---- */

static int listen_tcp(const char *address, int port, int *bound, int *out, nv_error *err) {
  struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
  struct addrinfo *info = NULL;
  char service[16];
  snprintf(service, sizeof service, "%d", port);
  if (port < 0 || port > 65535 || getaddrinfo(address, service, &hints, &info) != 0)
    return nv_fail(err, NV_EINVALID, "server", "%s port %d is no address to listen on",
                   address, port);
  int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
  struct sockaddr_storage at;
  socklen_t n = sizeof at;
  if (fd >= 0) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  bool ok = fd >= 0 && bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
            listen(fd, BACKLOG) == 0 && getsockname(fd, (struct sockaddr *)&at, &n) == 0;
  int why = errno;
  freeaddrinfo(info);
  if (!ok) {
    if (fd >= 0) close(fd);
    return nv_fail(err, why == EADDRINUSE ? NV_EBUSY : NV_EIO, "server",
                   "cannot listen on %s port %d: %s", address, port, strerror(why));
  }
  *bound = ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
  *out = fd;
  return NV_OK;
}

/* Removes a socket file that nobody listens on. False when somebody does, or when
 * the file is something else. */
static bool clear_stale(const struct sockaddr_un *at) {
  struct stat st;
  if (lstat(at->sun_path, &st) != 0) return errno == ENOENT;
  if (!S_ISSOCK(st.st_mode)) return false;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  bool dead = fd >= 0 && connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 &&
              errno == ECONNREFUSED;
  if (fd >= 0) close(fd);
  return dead && unlink(at->sun_path) == 0;
}

static int listen_unix(const char *path, int *out, nv_error *err) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof at.sun_path)
    return nv_fail(err, NV_EINVALID, "server", "the socket path is longer than %zu bytes: %s",
                   sizeof at.sun_path - 1, path);
  memcpy(at.sun_path, path, strlen(path) + 1);
  if (!clear_stale(&at))
    return nv_fail(err, NV_EBUSY, "server", "%s is in use", path);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  /* The mode is set before the name exists, so nobody can slip in between. */
  if (fd < 0 || fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 ||
      chmod(path, 0600) != 0 || listen(fd, BACKLOG) != 0) {
    int why = errno;
    if (fd >= 0) close(fd);
    return nv_fail(err, NV_EIO, "server", "cannot listen on %s: %s", path, strerror(why));
  }
  *out = fd;
  return NV_OK;
}

/* poll, not epoll: in epoll mode MHD up to 1.0.1 waits again, with 128 events in its
 * hand unprocessed, whenever so many are ready at once, and stalls. With poll it
 * also costs less here, as a resting connection need not be taken out and put back. */
static struct MHD_Daemon *start_daemon(nv_http_server *s, const nv_http_server_options *o,
                                       int fd) {
  return MHD_start_daemon(
      MHD_USE_POLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, (uint16_t)s->port, NULL,
      NULL, on_access, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
      s->connections,
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->header_memory, MHD_OPTION_CONNECTION_TIMEOUT,
      o->idle_seconds ? o->idle_seconds : (unsigned)IDLE_SECONDS,
      MHD_OPTION_URI_LOG_CALLBACK, begin, s, MHD_OPTION_NOTIFY_COMPLETED, request_ended, s,
      MHD_OPTION_NOTIFY_CONNECTION, connection_changed, s,
      MHD_OPTION_END);
}

int nv_http_server_open(nv_loop *loop, const nv_http_server_options *o,
                        nv_http_serve_fn handler, void *arg, nv_http_server **out,
                        nv_error *err) {
  *out = NULL;
  nv_http_server *s = calloc(1, sizeof *s);
  if (!s) return nv_fail(err, NV_ENOMEM, "server", "out of memory");
  s->loop = loop;
  s->handler = handler;
  s->arg = arg;
  s->holders = 1;
  s->header_memory = o->header_memory ? o->header_memory : HEADER_MEMORY;
  s->max_body = o->max_body ? o->max_body : BODY_MAX;
  s->max_bodies = o->max_bodies ? o->max_bodies : BODIES_MAX;
  s->connections = o->connections ? o->connections : (unsigned)CONNECTIONS;
  pthread_mutex_init(&s->lock, NULL);
  int fd = -1;
  int rc = o->unix_socket
               ? listen_unix(o->unix_socket, &fd, err)
               : listen_tcp(o->address ? o->address : "127.0.0.1", o->port, &s->port, &fd, err);
  if (rc == NV_OK && o->unix_socket && !(s->socket_path = strdup(o->unix_socket)))
    rc = nv_fail(err, NV_ENOMEM, "server", "out of memory");
  if (rc == NV_OK && !(s->daemon = start_daemon(s, o, fd)))
    rc = nv_fail(err, NV_EIO, "server", "cannot start the HTTP server");
  if (rc != NV_OK) {
    if (fd >= 0) close(fd);
    if (fd >= 0 && o->unix_socket) unlink(o->unix_socket);
    pthread_mutex_lock(&s->lock);
    unref_server_unlock(s);
    return rc;
  }
  *out = s;
  return NV_OK;
}

int nv_http_server_port(const nv_http_server *s) { return s->port; }

size_t nv_http_server_open_requests(nv_http_server *s) {
  pthread_mutex_lock(&s->lock);
  size_t n = s->waiting;
  pthread_mutex_unlock(&s->lock);
  return n;
}

void nv_http_server_close(nv_http_server *s) {
  if (!s) return;
  pthread_mutex_lock(&s->lock);
  s->closing = true; /* from here on nothing rests any more */
  while (s->first) {
    nv_http_incoming *r = s->first;
    leave_loop(r);
    r->cut = true;
    if (r->connection) MHD_resume_connection(r->connection);
  }
  pthread_mutex_unlock(&s->lock);
  if (s->socket_path) unlink(s->socket_path);
  MHD_stop_daemon(s->daemon); /* waits for its thread, closes the socket */
  pthread_mutex_lock(&s->lock);
  unref_server_unlock(s);
}
