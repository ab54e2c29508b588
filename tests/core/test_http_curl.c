/* libcurl on the loop, against a server thread that plays a script: what is sent,
 * what is sent again, and how each kind of trouble is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http_client.h"

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define CUT NULL /* close the connection instead of answering */
#define SILENCE "" /* read the request and say nothing */

enum { STEPS = 16, REQUEST_MAX = 256 * 1024 };

/* Answers requests with `steps` in order, whatever the connection. */
typedef struct peer {
  int listener, port;
  pthread_t thread;
  const char *steps[STEPS];
  size_t lengths[STEPS]; /* 0: strlen */
  bool close_after[STEPS];
  int nsteps;
  char incoming[REQUEST_MAX]; /* the thread's own */
  pthread_mutex_t lock;       /* for what follows */
  int requests, connections;  /* seen */
  int bodies;                 /* requests that had one */
  char last[REQUEST_MAX];     /* whole last request */
} peer;

typedef struct world {
  nv_env env;
  nv_loop *loop;
  nv_http *http;
  peer peer;
  bool running;
} world;

/* ---- the scripted server ---- */

/* Length of the request, 0 when the connection ended. */
static size_t read_request(peer *p, int fd) {
  size_t n = 0;
  while (n < sizeof p->incoming - 1) {
    ssize_t k = read(fd, p->incoming + n, sizeof p->incoming - 1 - n);
    if (k <= 0) return 0;
    p->incoming[n += (size_t)k] = 0;
    char *end = strstr(p->incoming, "\r\n\r\n");
    if (!end) continue;
    char *length = strcasestr(p->incoming, "content-length:");
    size_t body = length && length < end ? (size_t)atol(length + 15) : 0;
    if (n >= (size_t)(end - p->incoming) + 4 + body) return n;
  }
  return 0;
}

static void serve_connection(peer *p, int fd) {
  size_t n;
  while (p->requests < p->nsteps && (n = read_request(p, fd)) > 0) {
    pthread_mutex_lock(&p->lock);
    int i = p->requests++;
    if (strstr(p->incoming, "\r\n\r\n")[4]) p->bodies++;
    memcpy(p->last, p->incoming, n + 1);
    pthread_mutex_unlock(&p->lock);
    const char *step = p->steps[i];
    if (step == CUT) return;
    size_t length = p->lengths[i] ? p->lengths[i] : strlen(step);
    if (write(fd, step, length) != (ssize_t)length || p->close_after[i]) return;
  }
}

static void *serve(void *arg) {
  peer *p = arg;
  int fd;
  while ((fd = accept(p->listener, NULL, NULL)) >= 0) {
    pthread_mutex_lock(&p->lock);
    p->connections++;
    pthread_mutex_unlock(&p->lock);
    serve_connection(p, fd);
    if (p->requests >= p->nsteps) { /* linger until the client hangs up */
      char c;
      while (p->nsteps && p->steps[p->nsteps - 1] && !p->close_after[p->nsteps - 1] &&
             read(fd, &c, 1) > 0)
        continue;
    }
    close(fd);
  }
  return NULL;
}

static void start_peer(world *w, int n, ...) {
  peer *p = &w->peer;
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  char url[64];
  va_list ap;
  va_start(ap, n);
  for (int i = 0; i < n; i++) p->steps[p->nsteps++] = va_arg(ap, const char *);
  va_end(ap);
  p->listener = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(p->listener, (struct sockaddr *)&at, size), 0);
  assert_int_equal(listen(p->listener, 16), 0);
  getsockname(p->listener, (struct sockaddr *)&at, &size);
  p->port = ntohs(at.sin_port);
  snprintf(url, sizeof url, "http://127.0.0.1:%d", p->port);
  assert_int_equal(nv_http_endpoint_set(w->http, &(nv_endpoint){.name = "peer", .base_url = url}, NULL), NV_OK);
  assert_int_equal(pthread_create(&p->thread, NULL, serve, p), 0);
  w->running = true;
}

static void stop_peer(world *w) {
  if (!w->running) return;
  shutdown(w->peer.listener, SHUT_RDWR);
  pthread_join(w->peer.thread, NULL);
  close(w->peer.listener);
  w->running = false;
}

/* ---- the world ---- */

static int set_up(void **state) {
  world *w = calloc(1, sizeof *w);
  nv_env_init(&w->env);
  pthread_mutex_init(&w->peer.lock, NULL);
  if (nv_loop_open(&w->env, &w->loop, NULL) != NV_OK ||
      nv_http_open(w->loop, NULL, &w->http, NULL) != NV_OK)
    return -1;
  *state = w;
  return 0;
}

static int tear_down(void **state) {
  world *w = *state;
  nv_http_close(w->http);
  for (int i = 0; i < 20; i++) nv_loop_turn(w->loop, false);
  stop_peer(w);
  assert_int_equal(nv_loop_live_ops(w->loop), 0);
  nv_loop_close(w->loop);
  free(w);
  return 0;
}

static void on_done(nv_op *op, void *arg) {
  (void)op;
  nv_loop_stop(arg);
}

/* Orders what the two threads do to the peer; the socket already does, but tools
 * that look for races cannot know. */
static void meet(world *w) {
  pthread_mutex_lock(&w->peer.lock);
  pthread_mutex_unlock(&w->peer.lock);
}

/* Sends and waits; the op is to be released. */
static nv_op *call_with(world *w, nv_http_args a) {
  nv_op *op;
  nv_error err = {0};
  meet(w);
  if (!a.endpoint) a.endpoint = "peer";
  if (nv_http_request(w->http, &a, &op, &err) != NV_OK) fail_msg("%s", err.text);
  nv_op_on_done(op, on_done, w->loop);
  nv_loop_run(w->loop);
  meet(w);
  return op;
}

static nv_op *post(world *w) {
  return call_with(w, (nv_http_args){.method = "POST", .path = "/p", .body = nv_str_of("{}")});
}

static nv_op *get(world *w) { return call_with(w, (nv_http_args){.path = "/g"}); }

static void expect_ok(nv_op *op, const char *body) {
  if (op->status != NV_OK) fail_msg("%s", op->err.text);
  assert_true(nv_str_eq((nv_str){nv_http_answer(op)->in.p, nv_http_answer(op)->in.n}, body));
  nv_op_release(op);
}

static void expect_failure(nv_op *op, int code, bool maybe_sent, const char *text) {
  if (op->status != code) fail_msg("%d: %s", op->status, op->err.text);
  assert_int_equal(op->err.maybe_sent, maybe_sent);
  if (!strstr(op->err.text, text)) fail_msg("'%s' lacks '%s'", op->err.text, text);
  assert_null(strchr(op->err.text, '\n'));
  nv_op_release(op);
}

/* ---- what goes out and comes in ---- */

static void test_a_post_goes_out_as_it_was_given(void **state) {
  world *w = *state;
  start_peer(w, 1, OK);
  nv_header h[] = {{"X-One", "1"}, {"X-Empty", ""}, {"Content-Type", "application/json"}};
  expect_ok(call_with(w, (nv_http_args){.method = "POST", .path = "/a/b?c=%20d", .headers = h,
                                        .nheaders = 3, .body = {"{\"a\":\0}", 7}}), "ok");
  const char *r = w->peer.last;
  assert_memory_equal(r, "POST /a/b?c=%20d HTTP/1.1\r\n", 27);
  assert_non_null(strstr(r, "\r\nX-One: 1\r\n"));
  assert_non_null(strstr(r, "\r\nX-Empty:\r\n"));
  assert_non_null(strstr(r, "\r\nContent-Type: application/json\r\n"));
  assert_non_null(strstr(r, "\r\nContent-Length: 7\r\n"));
  assert_non_null(strstr(r, "\r\nAccept-Encoding: "));
  assert_null(strcasestr(r, "expect:"));
  assert_memory_equal(strstr(r, "\r\n\r\n") + 4, "{\"a\":\0}", 7);
}

static void test_methods_and_bodies_go_together(void **state) {
  world *w = *state;
  start_peer(w, 5, OK, OK, OK, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", OK);
  expect_ok(call_with(w, (nv_http_args){.method = "PATCH", .body = nv_str_of("x")}), "ok");
  assert_memory_equal(w->peer.last, "PATCH / HTTP/1.1", 16);
  assert_null(strcasestr(w->peer.last, "content-type"));
  expect_ok(call_with(w, (nv_http_args){.method = "DELETE"}), "ok");
  assert_memory_equal(w->peer.last, "DELETE / ", 9);
  assert_null(strcasestr(w->peer.last, "content-length"));
  expect_ok(call_with(w, (nv_http_args){.method = "POST"}), "ok");
  assert_non_null(strcasestr(w->peer.last, "content-length: 0"));
  nv_op *op = call_with(w, (nv_http_args){.method = "HEAD"});
  assert_int_equal(nv_http_answer(op)->in.n, 0);
  nv_op_release(op);
  char *big = malloc(200000);
  memset(big, 'b', 200000);
  expect_ok(call_with(w, (nv_http_args){.method = "PUT", .body = {big, 200000}}), "ok");
  assert_memory_equal(strstr(w->peer.last, "\r\n\r\n") + 4, big, 200000);
  free(big);
}

static void test_an_answer_of_any_status_is_a_result(void **state) {
  world *w = *state;
  start_peer(w, 3, "HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nX-A: 1\r\nx-a:  2 \r\nContent-Length: 4\r\n\r\nbusy",
             "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
             "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"
             "HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  nv_op *op = get(w);
  const nv_exchange *x = nv_http_answer(op);
  assert_int_equal(x->status, 503);
  assert_string_equal(nv_headers_get(&x->headers_in, "x-a"), "1");
  assert_int_equal(nv_http_retry_after(op), 3000);
  nv_header h;
  int seen = 0;
  for (size_t at = 0; nv_headers_next(&x->headers_in, &at, &h);)
    seen += strcmp(h.name, "x-a") == 0 && (strcmp(h.value, "1") == 0 || strcmp(h.value, "2") == 0);
  assert_int_equal(seen, 2);
  expect_ok(op, "busy");
  op = get(w);
  assert_int_equal(nv_http_answer(op)->status, 302); /* not followed */
  nv_op_release(op);
  op = get(w);
  assert_int_equal(nv_http_answer(op)->status, 201);
  assert_null(nv_headers_get(&nv_http_answer(op)->headers_in, "x-early"));
  expect_ok(op, "abcde");
  assert_int_equal(w->peer.connections, 1);
}

static void test_compressed_answers_are_unpacked(void **state) {
  world *w = *state;
  static const char gz[] =
      "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 29\r\n\r\n"
      "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\xb9\x00\x00"
      "\x88\x59\x0b\x18\x00\x00\x00";
  start_peer(w, 2, gz, gz);
  w->peer.lengths[0] = w->peer.lengths[1] = sizeof gz - 1;
  expect_ok(get(w), "hello hello hello hello\n");
  expect_failure(call_with(w, (nv_http_args){.max_body = 23}), NV_ETOOLARGE, true, "23 bytes");
}

static void test_connections_are_kept_and_shared_by_methods(void **state) {
  world *w = *state;
  start_peer(w, 4, OK, OK, OK, OK);
  expect_ok(get(w), "ok");
  expect_ok(post(w), "ok");
  expect_ok(get(w), "ok");
  expect_ok(post(w), "ok");
  assert_int_equal(w->peer.connections, 1);
}

/* ---- never twice ---- */

static void test_a_post_is_not_repeated_when_a_kept_connection_breaks(void **state) {
  world *w = *state;
  start_peer(w, 3, OK, CUT, OK);
  expect_ok(post(w), "ok");
  expect_failure(post(w), NV_ENETWORK, true, "closed before an answer came");
  assert_int_equal(w->peer.requests, 2);
  expect_ok(post(w), "ok");
  assert_int_equal(w->peer.requests, 3);
}

/* ---- signing in by connection ---- */

#define SIGN_IN(challenge) \
  "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: NTLM" challenge "\r\nContent-Length: 4\r\n\r\nno!\n"
/* a Type 2 message: signature, type, no target, flags, challenge */
#define TYPE_2 " TlRMTVNTUAACAAAAAAAAADAAAAACggAAASNFZ4mrze8AAAAAAAAAAAAAAAAwAAAA"

static void use_ntlm(world *w, const char *user) {
  char url[64];
  snprintf(url, sizeof url, "http://127.0.0.1:%d", w->peer.port);
  nv_endpoint e = {.name = "peer", .base_url = url, .auth = NV_AUTH_NTLM, .user = user,
                   .secret_token = "open sesame", .max_connections = 1};
  assert_int_equal(nv_http_endpoint_set(w->http, &e, NULL), NV_OK);
}

static nv_op *post_text(world *w, const char *text) {
  return call_with(w, (nv_http_args){.method = "POST", .path = "/p", .body = nv_str_of(text)});
}

static void test_ntlm_signs_a_connection_in_once_and_sends_each_body_once(void **state) {
  world *w = *state;
  start_peer(w, 4, SIGN_IN(TYPE_2), OK, OK, OK);
  use_ntlm(w, "CRONUS\\navodoo");
  expect_ok(post_text(w, "first body"), "ok");
  assert_int_equal(w->peer.requests, 2);
  assert_int_equal(w->peer.bodies, 1);
  assert_non_null(strstr(w->peer.last, "Authorization: NTLM TlRMTVNTUAAD"));
  expect_ok(post_text(w, "second body"), "ok");
  expect_ok(get(w), "ok");
  assert_int_equal(w->peer.requests, 4);
  assert_int_equal(w->peer.bodies, 2);
  assert_int_equal(w->peer.connections, 1);
  assert_null(strstr(w->peer.last, "Authorization"));
}

static void test_a_wrong_password_is_an_answer_and_tried_once(void **state) {
  world *w = *state;
  start_peer(w, 3, SIGN_IN(TYPE_2), SIGN_IN(""), OK);
  use_ntlm(w, "navodoo");
  nv_op *op = post(w);
  assert_int_equal(op->status, NV_OK);
  assert_int_equal(nv_http_answer(op)->status, 401);
  nv_op_release(op);
  assert_int_equal(w->peer.requests, 2);
}

static void test_a_body_that_broke_off_behind_the_sign_in_is_not_repeated(void **state) {
  world *w = *state;
  start_peer(w, 4, SIGN_IN(TYPE_2), OK, CUT, OK);
  use_ntlm(w, "navodoo");
  expect_ok(post(w), "ok");
  expect_failure(post(w), NV_ENETWORK, true, "closed before an answer came");
  assert_int_equal(w->peer.requests, 3);
}

static void test_a_server_that_signs_in_anew_gets_the_body_again(void **state) {
  world *w = *state; /* it refused the first: the 401 says that nothing was done */
  start_peer(w, 4, SIGN_IN(TYPE_2), OK, SIGN_IN(TYPE_2), OK);
  use_ntlm(w, "navodoo");
  expect_ok(post(w), "ok");
  expect_ok(post(w), "ok");
  assert_int_equal(w->peer.requests, 4);
  assert_int_equal(w->peer.bodies, 3);
}

static void test_the_proxy_of_the_environment_is_not_for_this_machine(void **state) {
  world *w = *state;
  setenv("http_proxy", "http://127.0.0.1:1", 1);
  start_peer(w, 1, OK);
  expect_ok(get(w), "ok");
  unsetenv("http_proxy");
}

static void test_a_get_is_repeated_on_a_fresh_connection(void **state) {
  world *w = *state;
  start_peer(w, 3, OK, CUT, OK);
  expect_ok(get(w), "ok");
  expect_ok(get(w), "ok");
  assert_int_equal(w->peer.requests, 3);
  assert_int_equal(w->peer.connections, 2);
}

static void test_a_connection_closed_while_idle_is_replaced(void **state) {
  world *w = *state;
  start_peer(w, 2, OK, OK);
  w->peer.close_after[0] = true;
  expect_ok(post(w), "ok");
  usleep(50000); /* the server's FIN arrives */
  expect_ok(post(w), "ok");
  assert_int_equal(w->peer.requests, 2);
}

/* ---- how trouble is named ---- */

static void test_nobody_there_means_nothing_was_sent(void **state) {
  world *w = *state;
  nv_http_endpoint_set(w->http, &(nv_endpoint){.name = "dead", .base_url = "http://127.0.0.1:1"}, NULL);
  expect_failure(call_with(w, (nv_http_args){.endpoint = "dead"}), NV_ENETWORK, false,
                 "dead (127.0.0.1:1): Connection refused");
  nv_http_endpoint_set(w->http, &(nv_endpoint){.name = "dns", .base_url = "http://no-such.invalid"}, NULL);
  expect_failure(call_with(w, (nv_http_args){.endpoint = "dns"}), NV_ENETWORK, false,
                 "dns (no-such.invalid:80): ");
}

static void test_a_connection_that_breaks_may_have_carried_the_request(void **state) {
  world *w = *state;
  start_peer(w, 3, CUT, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "nonsense\r\n\r\n");
  w->peer.close_after[1] = w->peer.close_after[2] = true;
  expect_failure(post(w), NV_ENETWORK, true, "peer (127.0.0.1:");
  expect_failure(post(w), NV_ENETWORK, true, "peer (127.0.0.1:");
  expect_failure(post(w), NV_ENETWORK, true, "peer (127.0.0.1:");
}

static void test_silence_ends_at_the_deadline(void **state) {
  world *w = *state;
  start_peer(w, 1, SILENCE);
  int64_t begin = nv_env_monotonic_us(&w->env);
  expect_failure(call_with(w, (nv_http_args){.method = "POST", .timeout_ms = 100}), NV_ETIMEOUT, true,
                 "no answer before the deadline");
  assert_in_range(nv_env_monotonic_us(&w->env) - begin, 99000, 2000000);
}

static void test_silence_during_the_tls_handshake_sends_nothing(void **state) {
  world *w = *state;
  start_peer(w, 1, OK);
  char url[64];
  snprintf(url, sizeof url, "https://127.0.0.1:%d", w->peer.port);
  nv_http_endpoint_set(w->http, &(nv_endpoint){.name = "tls", .base_url = url}, NULL);
  expect_failure(call_with(w, (nv_http_args){.endpoint = "tls", .timeout_ms = 100}), NV_ETIMEOUT,
                 false, "no answer before the deadline");
  nv_http_endpoint_set(w->http, &(nv_endpoint){.name = "tls", .base_url = url, .connect_timeout_ms = 100}, NULL);
  expect_failure(call_with(w, (nv_http_args){.endpoint = "tls"}), NV_ETIMEOUT, false, "tls (127.0.0.1:");
}

static void test_an_answer_that_is_too_large_is_cut_off(void **state) {
  world *w = *state;
  start_peer(w, 3, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901", OK,
             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n");
  expect_failure(call_with(w, (nv_http_args){.max_body = 10}), NV_ETOOLARGE, true, "larger than 10 bytes");
  expect_ok(call_with(w, (nv_http_args){.max_body = 2}), "ok");
  expect_failure(call_with(w, (nv_http_args){.max_body = 10}), NV_ETOOLARGE, true, "larger than 10 bytes");
}

static void test_headers_are_bounded(void **state) {
  world *w = *state;
  size_t n = 0, max = 400 * 1024;
  char *text = malloc(max + 256);
  n += (size_t)sprintf(text, "HTTP/1.1 200 OK\r\n");
  while (n < max) n += (size_t)sprintf(text + n, "X-%zu: %0100d\r\n", n, 0);
  sprintf(text + n, "Content-Length: 0\r\n\r\n");
  start_peer(w, 1, text);
  nv_op *op = get(w);
  assert_true(op->status == NV_ETOOLARGE || op->status == NV_ENETWORK);
  nv_op_release(op);
  nv_http_close(w->http);
  w->http = NULL;
  nv_loop_turn(w->loop, false);
  stop_peer(w);
  free(text);
}

/* ---- letting go ---- */

static void test_letting_go_of_a_running_call_harms_nobody(void **state) {
  world *w = *state;
  start_peer(w, 2, SILENCE, OK);
  nv_op *op;
  assert_int_equal(nv_http_request(w->http, &(nv_http_args){.endpoint = "peer"}, &op, NULL), NV_OK);
  for (int i = 0; i < 100; i++) {
    nv_loop_turn(w->loop, false);
    usleep(1000);
  }
  meet(w);
  assert_int_equal(w->peer.requests, 1);
  nv_op_release(op);
  expect_ok(get(w), "ok");
}

static void test_closing_with_calls_at_every_stage(void **state) {
  world *w = *state;
  start_peer(w, 2, SILENCE, SILENCE);
  nv_http_endpoint_set(w->http, &(nv_endpoint){.name = "dns", .base_url = "http://no-such.invalid"}, NULL);
  nv_op *ops[8];
  for (int i = 0; i < 8; i++) {
    nv_http_args a = {.endpoint = i % 2 ? "peer" : "dns"};
    assert_int_equal(nv_http_request(w->http, &a, &ops[i], NULL), NV_OK);
    nv_loop_turn(w->loop, false);
  }
  nv_http_close(w->http);
  w->http = NULL;
  nv_loop_turn(w->loop, false);
  for (int i = 0; i < 8; i++) {
    assert_true(ops[i]->finished);
    nv_op_release(ops[i]);
  }
}

/* ---- sockets of other kinds ---- */

static void test_a_unix_socket_stands_in_for_the_host(void **state) {
  world *w = *state;
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  snprintf(at.sun_path, sizeof at.sun_path, "/tmp/nv_test_%d.sock", (int)getpid());
  w->peer.listener = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(w->peer.listener, (struct sockaddr *)&at, sizeof at), 0);
  assert_int_equal(listen(w->peer.listener, 4), 0);
  w->peer.steps[w->peer.nsteps++] = OK;
  nv_endpoint e = {.name = "peer", .base_url = "http://localhost", .unix_socket = at.sun_path};
  assert_int_equal(nv_http_endpoint_set(w->http, &e, NULL), NV_OK);
  pthread_create(&w->peer.thread, NULL, serve, &w->peer);
  w->running = true;
  expect_ok(get(w), "ok");
  unlink(at.sun_path);
  e.unix_socket = "/tmp/nv_no_such.sock";
  e.name = "gone";
  nv_http_endpoint_set(w->http, &e, NULL);
  expect_failure(call_with(w, (nv_http_args){.endpoint = "gone"}), NV_ENETWORK, false,
                 "gone (/tmp/nv_no_such.sock): ");
}

/* Starts `openssl s_server` with a certificate of its own; 0 when it cannot. */
static pid_t start_tls(int port, const char *folder) {
  char command[1024];
  snprintf(command, sizeof command,
           "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
           "-subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout %s/key.pem "
           "-out %s/cert.pem >/dev/null 2>&1", folder, folder);
  if (system(command) != 0) return 0;
  snprintf(command, sizeof command,
           "cd %s && exec openssl s_server -quiet -www -accept 127.0.0.1:%d -cert cert.pem "
           "-key key.pem >/dev/null 2>&1", folder, port);
  pid_t pid = fork();
  if (pid == 0) {
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
  }
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  for (int i = 0; i < 200; i++) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int rc = connect(fd, (struct sockaddr *)&at, sizeof at);
    close(fd);
    if (rc == 0) return pid;
    usleep(20000);
  }
  return pid;
}

static int free_port(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(fd, (struct sockaddr *)&at, n) != 0) return 0;
  getsockname(fd, (struct sockaddr *)&at, &n);
  close(fd);
  return ntohs(at.sin_port);
}

static void test_certificates_are_verified(void **state) {
  world *w = *state;
  char folder[] = "/tmp/nv_tls_XXXXXX", url[64], ca[64], command[64];
  assert_non_null(mkdtemp(folder));
  int port = free_port();
  pid_t pid = start_tls(port, folder);
  if (pid > 0) {
    snprintf(url, sizeof url, "https://127.0.0.1:%d", port);
    snprintf(ca, sizeof ca, "%s/cert.pem", folder);
    nv_endpoint e = {.name = "tls", .base_url = url, .auth = NV_AUTH_BASIC, .user = "u", .secret_token = "topsecret"};
    nv_http_endpoint_set(w->http, &e, NULL);
    expect_failure(call_with(w, (nv_http_args){.endpoint = "tls"}), NV_ETLS, false, "ca_file");
    e.ca_file = ca;
    nv_http_endpoint_set(w->http, &e, NULL);
    nv_op *op = call_with(w, (nv_http_args){.endpoint = "tls"});
    if (op->status != NV_OK) fail_msg("%s", op->err.text);
    assert_int_equal(nv_http_answer(op)->status, 200);
    nv_op_release(op);
    snprintf(url, sizeof url, "https://localhost:%d", port); /* not in the certificate */
    nv_http_endpoint_set(w->http, &e, NULL);
    expect_failure(call_with(w, (nv_http_args){.endpoint = "tls"}), NV_ETLS, false, "localhost");
    e.ca_file = "/no/such/file.pem";
    nv_http_endpoint_set(w->http, &e, NULL);
    expect_failure(call_with(w, (nv_http_args){.endpoint = "tls"}), NV_ETLS, false, "/no/such/file.pem");
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
  }
  snprintf(command, sizeof command, "rm -r %s", folder);
  assert_int_equal(system(command), 0);
  if (pid <= 0) skip();
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  setenv("NO_PROXY", "*", 1);
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(test_a_post_goes_out_as_it_was_given),
      T(test_methods_and_bodies_go_together),
      T(test_an_answer_of_any_status_is_a_result),
      T(test_compressed_answers_are_unpacked),
      T(test_connections_are_kept_and_shared_by_methods),
      T(test_a_post_is_not_repeated_when_a_kept_connection_breaks),
      T(test_ntlm_signs_a_connection_in_once_and_sends_each_body_once),
      T(test_a_wrong_password_is_an_answer_and_tried_once),
      T(test_a_body_that_broke_off_behind_the_sign_in_is_not_repeated),
      T(test_a_server_that_signs_in_anew_gets_the_body_again),
      T(test_the_proxy_of_the_environment_is_not_for_this_machine),
      T(test_a_get_is_repeated_on_a_fresh_connection),
      T(test_a_connection_closed_while_idle_is_replaced),
      T(test_nobody_there_means_nothing_was_sent),
      T(test_a_connection_that_breaks_may_have_carried_the_request),
      T(test_silence_ends_at_the_deadline),
      T(test_silence_during_the_tls_handshake_sends_nothing),
      T(test_an_answer_that_is_too_large_is_cut_off),
      T(test_headers_are_bounded),
      T(test_letting_go_of_a_running_call_harms_nobody),
      T(test_closing_with_calls_at_every_stage),
      T(test_a_unix_socket_stands_in_for_the_host),
      T(test_certificates_are_verified),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
