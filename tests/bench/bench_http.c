/* bench_http - requests per second of the HTTP server and of the client.
 *
 * server: a forked load generator (raw sockets, keep-alive, one request at a time
 * per connection) against http_server, answered straight from the loop.
 * deferred: the same, each answer held back until a timer fires, as a commit does.
 * client: http_client over libcurl against that server, in one process.
 *
 * usage: bench_http [connections [requests]]     defaults 64 and 200000
 * A run that stalls for 5 seconds is reported and fails.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../core/http_client.h"
#include "../../core/http_server.h"

enum { STALL_MS = 5000, HELD_MAX = 4096 };

static const char hello[] = "hello, navodoo!!\n";
static const char request_text[] =
    "GET /bench HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";

typedef struct bench {
  nv_env env;
  nv_loop *loop;
  nv_http_server *server;
  bool deferred;
  nv_http_incoming *held[HELD_MAX];
  size_t nheld;
  nv_timer timer, tick;
  nv_http *http;
  long started, done, failed, total;
} bench;

static double cpu_s(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- the server side ---- */

static void answer(nv_http_incoming *in) {
  static const nv_header type = {"Content-Type", "text/plain"};
  nv_http_server_answer(in, 200, &type, 1, nv_str_of(hello));
}

static void release_held(void *arg) {
  bench *b = arg;
  for (size_t i = 0; i < b->nheld; i++) answer(b->held[i]);
  b->nheld = 0;
}

static void on_request(nv_http_incoming *in, void *arg) {
  bench *b = arg;
  if (!b->deferred || b->nheld == HELD_MAX) {
    answer(in);
    return;
  }
  if (b->nheld == 0) nv_timer_start(b->loop, &b->timer, 200, release_held, b);
  b->held[b->nheld++] = in;
}

/* ---- the load generator ---- */

static int dial(int port) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof at) != 0) return -1;
  return fd;
}

static bool send_one(int fd) {
  return write(fd, request_text, sizeof request_text - 1) == sizeof request_text - 1;
}

/* Exit code 0 when `total` answers came; 1 for a broken or stalled run. */
static int generate(int port, int connections, long total) {
  int ep = epoll_create1(0);
  long sent = 0, got = 0;
  for (int i = 0; i < connections; i++) {
    int fd = dial(port);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) != 0 || !send_one(fd)) return 1;
    sent++;
  }
  while (got < total) {
    struct epoll_event events[256];
    int n = epoll_wait(ep, events, 256, STALL_MS);
    if (n == 0) fprintf(stderr, "stalled after %ld answers\n", got);
    if (n <= 0) return 1;
    for (int i = 0; i < n; i++) {
      char text[2048];
      int fd = events[i].data.fd;
      ssize_t k = read(fd, text, sizeof text);
      if (k < (ssize_t)sizeof hello || memcmp(text, "HTTP/1.1 200", 12) != 0 ||
          memcmp(text + k - (sizeof hello - 1), hello, sizeof hello - 1) != 0) {
        fprintf(stderr, "broken answer of %zd bytes (%s)\n", k, strerror(errno));
        return 1;
      }
      got++;
      if (sent < total && !send_one(fd)) return 1;
      sent++;
    }
  }
  return 0;
}

/* Bounds how long a turn waits, so that the end of the generator is seen. */
static void keep_turning(void *arg) {
  bench *b = arg;
  nv_timer_start(b->loop, &b->tick, 1000, keep_turning, b);
}

static int run_server(bench *b, const char *name, int connections, long total) {
  int64_t begin = nv_env_monotonic_us(&b->env);
  double cpu = cpu_s();
  keep_turning(b);
  pid_t pid = fork();
  if (pid == 0) _exit(generate(nv_http_server_port(b->server), connections, total));
  int status = 0;
  while (waitpid(pid, &status, WNOHANG) == 0) {
    for (int i = 0; i < 64; i++) nv_loop_turn(b->loop, true);
  }
  nv_timer_stop(b->loop, &b->tick);
  double s = (double)(nv_env_monotonic_us(&b->env) - begin) / 1e6;
  cpu = cpu_s() - cpu;
  printf("%-10s %3d connections  %8.0f req/s  %8.0f per cpu second  %s\n", name, connections,
         (double)total / s, (double)total / cpu, WEXITSTATUS(status) ? "FAILED" : "ok");
  return WEXITSTATUS(status);
}

/* ---- the client ---- */

static void start_one(bench *b);

static void on_answer(nv_op *op, void *arg) {
  bench *b = arg;
  const nv_exchange *x = nv_http_answer(op);
  if (op->status != NV_OK || x->status != 200 || x->in.n != sizeof hello - 1) b->failed++;
  nv_op_release(op);
  if (++b->done == b->total) nv_loop_stop(b->loop);
  else if (b->started < b->total) start_one(b);
}

static void start_one(bench *b) {
  nv_op *op;
  nv_error err;
  nv_http_args a = {.endpoint = "self", .path = "/bench"};
  b->started++;
  if (nv_http_request(b->http, &a, &op, &err) == NV_OK) {
    nv_op_on_done(op, on_answer, b);
    return;
  }
  fprintf(stderr, "%s\n", err.text);
  exit(1);
}

static int run_client(bench *b, int connections, long total) {
  char url[64];
  nv_error err;
  snprintf(url, sizeof url, "http://127.0.0.1:%d", nv_http_server_port(b->server));
  nv_endpoint e = {.name = "self", .base_url = url, .max_connections = connections};
  if (nv_http_open(b->loop, NULL, &b->http, &err) != NV_OK ||
      nv_http_endpoint_set(b->http, &e, &err) != NV_OK)
    return 1;
  b->started = b->done = b->failed = 0;
  b->total = total;
  int64_t begin = nv_env_monotonic_us(&b->env);
  double cpu = cpu_s();
  for (int i = 0; i < connections; i++) start_one(b);
  nv_loop_run(b->loop);
  double s = (double)(nv_env_monotonic_us(&b->env) - begin) / 1e6;
  printf("%-10s %3d connections  %8.0f req/s  %8.0f per cpu second  %s\n", "client",
         connections, (double)total / s, (double)total / (cpu_s() - cpu),
         b->failed ? "FAILED" : "ok");
  nv_http_close(b->http);
  return b->failed != 0;
}

int main(int argc, char **argv) {
  static bench b;
  nv_error err;
  int connections = argc > 1 ? atoi(argv[1]) : 64;
  long total = argc > 2 ? atol(argv[2]) : 200000;
  signal(SIGPIPE, SIG_IGN);
  setvbuf(stdout, NULL, _IOLBF, 0);
  nv_env_init(&b.env);
  nv_http_server_options o = {0};
  if (nv_loop_open(&b.env, &b.loop, &err) != NV_OK ||
      nv_http_server_open(b.loop, &o, on_request, &b, &b.server, &err) != NV_OK) {
    fprintf(stderr, "%s\n", err.text);
    return 1;
  }
  int failed = run_server(&b, "server", 1, total / 20);
  failed |= run_server(&b, "server", connections, total);
  b.deferred = true;
  failed |= run_server(&b, "deferred", connections, total);
  b.deferred = false;
  failed |= run_client(&b, 1, total / 20);
  failed |= run_client(&b, connections, total / 2);
  nv_http_server_close(b.server);
  nv_loop_close(b.loop);
  return failed;
}
