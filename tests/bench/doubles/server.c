#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
  HEAD_ROOM = 192, /* in front of every body, for the head of the answer */
  HEAD_MAX = 64 * 1024,
  MESSAGE_MAX = 256 * 1024 * 1024,
  EVENTS = 256
};

typedef struct conn {
  int fd;
  bool answering, writing, closing; /* an answer is on its way; EPOLLOUT is on */
  size_t head_n, body_n;            /* of the request being read, once known */
  size_t sent;                      /* place in `out` */
  nv_buf in, out;
  int64_t due_us; /* when the answer may leave */
  struct conn *next;                /* in the queue of answers, or among the closed */
  struct conn *before, *after;      /* all that live */
} conn;

static struct {
  int epoll, listener;
  int64_t latency_us;
  serve_fn fn;
  conn *first_due, *last_due; /* equal latency: in order of time */
  conn *closed;               /* freed after the batch of events */
  conn *live;
} server;

static volatile sig_atomic_t stopping;
int serve_port;
uint64_t serve_connections, serve_requests;

/* ---- appending ---- */

void *must(void *p) {
  if (p) return p;
  fputs("erpdouble: out of memory\n", stderr);
  exit(70);
}

void put(nv_buf *b, const void *p, size_t n) {
  if (nv_buf_add(b, p, n) != NV_OK) must(NULL);
}

void putz(nv_buf *b, const char *z) { put(b, z, strlen(z)); }

void putf(nv_buf *b, const char *fmt, ...) {
  char text[1024];
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  put(b, text, n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

/* ---- addresses ---- */

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t percent_decode(nv_str s, char *out) {
  size_t n = 0;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] == '%' && i + 2 < s.n && hex(s.p[i + 1]) >= 0 && hex(s.p[i + 2]) >= 0) {
      out[n++] = (char)(hex(s.p[i + 1]) * 16 + hex(s.p[i + 2]));
      i += 2;
    } else {
      out[n++] = s.p[i] == '+' ? ' ' : s.p[i];
    }
  }
  out[n] = 0;
  return n;
}

bool query_get(nv_str query, const char *name, char *out, size_t size) {
  char key[64];
  for (const char *p = query.p, *end = query.p + query.n; p && p < end;) {
    const char *amp = memchr(p, '&', (size_t)(end - p));
    if (!amp) amp = end;
    const char *eq = memchr(p, '=', (size_t)(amp - p));
    if (eq && (size_t)(eq - p) < sizeof key && (size_t)(amp - eq) <= size) {
      percent_decode((nv_str){p, (size_t)(eq - p)}, key);
      if (strcmp(key, name) == 0) {
        percent_decode((nv_str){eq + 1, (size_t)(amp - eq - 1)}, out);
        return true;
      }
    }
    p = amp + 1;
  }
  return false;
}

/* ---- connections ---- */

static int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void end_conn(conn *c) {
  if (c->fd < 0) return;
  close(c->fd);
  c->fd = -1;
  if (c->answering && c->due_us) return; /* still in the queue of answers */
  c->next = server.closed;
  server.closed = c;
}

static void free_conn(conn *c) {
  if (c->before) c->before->after = c->after;
  else server.live = c->after;
  if (c->after) c->after->before = c->before;
  nv_buf_clear(&c->in);
  nv_buf_clear(&c->out);
  free(c);
}

static void free_closed(void) {
  while (server.closed) {
    conn *c = server.closed;
    server.closed = c->next;
    free_conn(c);
  }
}

static void accept_all(void) {
  for (int fd; (fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    conn *c = must(calloc(1, sizeof *c));
    c->fd = fd;
    c->after = server.live;
    if (c->after) c->after->before = c;
    server.live = c;
    nv_buf_init(&c->in, MESSAGE_MAX);
    nv_buf_init(&c->out, MESSAGE_MAX);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &e);
    serve_connections++;
  }
}

static void want_write(conn *c, bool on) {
  if (c->writing == on) return;
  c->writing = on;
  struct epoll_event e = {.events = EPOLLIN | (on ? EPOLLOUT : 0), .data.ptr = c};
  epoll_ctl(server.epoll, EPOLL_CTL_MOD, c->fd, &e);
}

/* ---- one request ---- */

static bool header_is(nv_str line, const char *name, nv_str *value) {
  size_t n = strlen(name);
  if (line.n <= n || strncasecmp(line.p, name, n) != 0 || line.p[n] != ':') return false;
  *value = (nv_str){line.p + n + 1, line.n - n - 1};
  while (value->n && *value->p == ' ') value->p++, value->n--;
  return true;
}

/* Reads the head; 1: complete, 0: more is needed, -1: not for us. */
static int read_head(conn *c) {
  if (c->head_n) return 1;
  const char *end = c->in.n ? memmem(c->in.p, c->in.n, "\r\n\r\n", 4) : NULL;
  if (!end) return c->in.n > HEAD_MAX ? -1 : 0;
  c->head_n = (size_t)(end - c->in.p) + 4;
  c->body_n = 0;
  for (const char *p = c->in.p; p < end;) {
    const char *eol = memmem(p, (size_t)(end + 2 - p), "\r\n", 2);
    nv_str line = {p, (size_t)(eol - p)}, value;
    if (header_is(line, "Content-Length", &value)) c->body_n = strtoul(value.p, NULL, 10);
    else if (header_is(line, "Transfer-Encoding", &value)) return -1;
    else if (header_is(line, "Connection", &value)) c->closing = strncasecmp(value.p, "close", 5) == 0;
    else if (header_is(line, "Expect", &value) &&
             send(c->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL) < 0)
      return -1;
    p = eol + 2;
  }
  return c->body_n > MESSAGE_MAX / 2 ? -1 : 1;
}

static bool split_request(conn *c, request *r) {
  const char *p = c->in.p, *eol = memchr(p, '\r', c->head_n);
  const char *target = memchr(p, ' ', (size_t)(eol - p));
  const char *version = target ? memchr(target + 1, ' ', (size_t)(eol - target - 1)) : NULL;
  if (!version) return false;
  r->method = (nv_str){p, (size_t)(target - p)};
  r->path = (nv_str){target + 1, (size_t)(version - target - 1)};
  r->query = (nv_str){version, 0};
  const char *mark = memchr(r->path.p, '?', r->path.n);
  if (mark) {
    r->query = (nv_str){mark + 1, (size_t)(version - mark - 1)};
    r->path.n = (size_t)(mark - r->path.p);
  }
  r->body = c->in.p + c->head_n;
  r->body_n = c->body_n;
  return true;
}

/* The body is written behind an empty room, into whose end the head then goes. */
static void answer(conn *c, request *r) {
  char head[HEAD_ROOM];
  const char *type = "application/json";
  c->out.n = 0;
  if (nv_buf_reserve(&c->out, HEAD_ROOM) != NV_OK) must(NULL);
  c->out.n = HEAD_ROOM;
  int status = server.fn(r, &c->out, &type);
  int n = snprintf(head, sizeof head,
                   "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n", status,
                   status == 200 ? "OK" : "Refused", type, c->out.n - HEAD_ROOM,
                   c->closing ? "Connection: close\r\n" : "");
  c->sent = HEAD_ROOM - (size_t)n;
  memcpy(c->out.p + c->sent, head, (size_t)n);
  serve_requests++;
}

static void flush(conn *c) {
  while (c->sent < c->out.n) {
    ssize_t k = send(c->fd, c->out.p + c->sent, c->out.n - c->sent, MSG_NOSIGNAL);
    if (k < 0 && errno == EAGAIN) {
      want_write(c, true);
      return;
    }
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) {
      c->due_us = 0;
      end_conn(c);
      return;
    }
    c->sent += (size_t)k;
  }
  c->answering = false;
  want_write(c, false);
  if (c->closing) end_conn(c);
}

static void handle(conn *c) {
  while (c->fd >= 0 && !c->answering) {
    int rc = read_head(c);
    request r = {0};
    if (rc < 0 || (rc > 0 && c->in.n >= c->head_n + c->body_n && !split_request(c, &r))) {
      end_conn(c);
      return;
    }
    if (rc == 0 || c->in.n < c->head_n + c->body_n) return;
    answer(c, &r);
    size_t used = c->head_n + c->body_n;
    memmove(c->in.p, c->in.p + used, c->in.n - used);
    c->in.n -= used;
    c->head_n = 0;
    c->answering = true;
    if (server.latency_us == 0) {
      flush(c);
      continue;
    }
    c->due_us = now_us() + server.latency_us;
    c->next = NULL;
    if (server.last_due) server.last_due->next = c;
    else server.first_due = c;
    server.last_due = c;
  }
}

static void read_some(conn *c) {
  for (;;) {
    size_t want = c->head_n + c->body_n > c->in.n ? c->head_n + c->body_n - c->in.n : 0;
    if (want < 32 * 1024) want = 32 * 1024;
    if (nv_buf_reserve(&c->in, want) != NV_OK) break;
    ssize_t k = recv(c->fd, c->in.p + c->in.n, want, 0);
    if (k < 0 && errno == EINTR) continue;
    if (k < 0 && errno == EAGAIN) {
      handle(c);
      return;
    }
    if (k <= 0) break;
    c->in.n += (size_t)k;
    if ((size_t)k < want) {
      handle(c);
      return;
    }
  }
  end_conn(c);
}

/* ---- serving ---- */

static void send_due(void) {
  for (conn *c; (c = server.first_due) && c->due_us <= now_us();) {
    server.first_due = c->next;
    if (!c->next) server.last_due = NULL;
    c->due_us = 0;
    if (c->fd < 0) { /* the client left meanwhile */
      c->next = server.closed;
      server.closed = c;
      continue;
    }
    flush(c);
    handle(c);
  }
}

static int wait_ms(void) {
  if (!server.first_due) return -1;
  int64_t us = server.first_due->due_us - now_us();
  return us > 0 ? (int)((us + 999) / 1000) : 0;
}

static void on_signal(int s) {
  (void)s;
  stopping = 1;
}

static int listen_on(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET,
                          .sin_port = htons((uint16_t)port),
                          .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 1024) != 0 ||
      getsockname(fd, (struct sockaddr *)&a, &n) != 0) {
    fprintf(stderr, "erpdouble: cannot listen on port %d: %s\n", port, strerror(errno));
    return -1;
  }
  serve_port = ntohs(a.sin_port);
  printf("http://127.0.0.1:%d\n", serve_port);
  fflush(stdout);
  return fd;
}

int serve(int port, int latency_ms, serve_fn fn) {
  struct sigaction on_stop = {.sa_handler = on_signal};
  sigaction(SIGTERM, &on_stop, NULL);
  sigaction(SIGINT, &on_stop, NULL);
  server.fn = fn;
  server.latency_us = (int64_t)latency_ms * 1000;
  server.listener = listen_on(port);
  if (server.listener < 0) return 70;
  server.epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN};
  epoll_ctl(server.epoll, EPOLL_CTL_ADD, server.listener, &e);
  while (!stopping) {
    struct epoll_event events[EVENTS];
    int n = epoll_wait(server.epoll, events, EVENTS, wait_ms());
    for (int i = 0; i < n; i++) {
      conn *c = events[i].data.ptr;
      if (!c) accept_all();
      else if (c->fd >= 0) {
        if (events[i].events & EPOLLOUT) flush(c);
        if (c->fd >= 0 && !c->answering) handle(c);
        if (c->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_some(c);
      }
    }
    send_due();
    free_closed();
  }
  while (server.live) {
    if (server.live->fd >= 0) close(server.live->fd);
    free_conn(server.live);
  }
  close(server.epoll);
  close(server.listener);
  return 0;
}
