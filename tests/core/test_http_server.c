/* The HTTP server, talked to by a thread with raw sockets while the loop answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http_server.h"

enum { HELD_MAX = 1024, TEXT_MAX = 64 * 1024, ANSWERS = 16 };

typedef struct world {
  nv_env env;
  nv_loop *loop;
  nv_http_server *server;
  nv_http_server_options options;
  int port, handled;
  char seen[TEXT_MAX]; /* "METHOD target x-test body" of the last request */
  nv_http_incoming *held[HELD_MAX];
  int nheld, hold_until; /* held ones are answered when there are so many */
  nv_ready client_ended;
  pthread_t client;
  void (*talk)(struct world *w);
  char got[ANSWERS][TEXT_MAX]; /* answers, "" for a connection that was closed */
  int ngot;
  long count; /* of the load test */
} world;

/* ---- the loop's side ---- */

static void answer(nv_http_incoming *in) {
  static const nv_header headers[] = {
      {"X-A", "1"}, {"Content-Length", "999"}, {"Bad Name", "x"}, {"X-Bad", "a\r\nb"}};
  nv_http_server_answer(in, 200, headers, 4, nv_http_incoming_body(in));
}

static void answer_held(world *w) {
  for (int i = 0; i < w->nheld; i++) answer(w->held[i]);
  w->nheld = 0;
}

static void answer_again(void *arg) { answer_held(arg); }

static void on_request(nv_http_incoming *in, void *arg) {
  world *w = arg;
  const char *target = nv_http_incoming_target(in);
  const char *test = nv_headers_get(nv_http_incoming_headers(in), "x-test");
  nv_str body = nv_http_incoming_body(in);
  w->handled++;
  snprintf(w->seen, sizeof w->seen, "%s %s %s %.*s", nv_http_incoming_method(in), target,
           test ? test : "-", (int)body.n, body.p);
  if (strcmp(target, "/cut") == 0) {
    nv_http_server_cut(in);
  } else if (strcmp(target, "/hold") == 0) {
    w->held[w->nheld++] = in;
    if (w->nheld == w->hold_until) answer_held(w);
  } else {
    answer(in);
  }
}

static void on_client_ended(nv_ready *r) {
  world *w = (world *)((char *)r - offsetof(world, client_ended));
  nv_loop_stop(w->loop);
}

/* ---- the client's side: blocking, in a thread ---- */

static int dial(world *w) {
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                           .sin_port = htons((uint16_t)w->port)};
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  struct timeval limit = {10, 0};
  bool is_unix = w->options.unix_socket;
  if (is_unix) snprintf(un.sun_path, sizeof un.sun_path, "%s", w->options.unix_socket);
  int fd = socket(is_unix ? AF_UNIX : AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(fd, is_unix ? (struct sockaddr *)&un : (struct sockaddr *)&in,
              is_unix ? sizeof un : sizeof in) == 0)
    return fd;
  close(fd);
  return -1;
}

static void say(int fd, const char *text) {
  size_t n = strlen(text);
  while (n > 0) {
    ssize_t k = send(fd, text, n, MSG_NOSIGNAL);
    if (k <= 0) return;
    text += k;
    n -= (size_t)k;
  }
}

/* Reads one answer into `out`; "" when the connection ended or nothing came. */
static void hear_into(int fd, char *out) {
  size_t n = 0;
  out[0] = 0;
  while (n < TEXT_MAX - 1) {
    ssize_t k = read(fd, out + n, TEXT_MAX - 1 - n);
    if (k <= 0) {
      out[0] = 0;
      return;
    }
    out[n += (size_t)k] = 0;
    char *end = strstr(out, "\r\n\r\n"), *length = strcasestr(out, "content-length:");
    if (end && n >= (size_t)(end - out) + 4 + (length ? (size_t)atol(length + 15) : 0)) return;
  }
}

static void hear(world *w, int fd) { hear_into(fd, w->got[w->ngot++]); }

static void *run_client(void *arg) {
  world *w = arg;
  w->talk(w);
  nv_loop_send(w->loop, &w->client_ended);
  return NULL;
}

/* ---- the world ---- */

static int set_up(void **state) {
  world *w = calloc(1, sizeof *w);
  nv_env_init(&w->env);
  w->client_ended.fn = on_client_ended;
  *state = w;
  return nv_loop_open(&w->env, &w->loop, NULL) == NV_OK ? 0 : -1;
}

static int tear_down(void **state) {
  world *w = *state;
  nv_http_server_close(w->server);
  nv_loop_close(w->loop);
  free(w);
  return 0;
}

static void open_server(world *w) {
  nv_error err = {0};
  if (nv_http_server_open(w->loop, &w->options, on_request, w, &w->server, &err) != NV_OK)
    fail_msg("%s", err.text);
  w->port = nv_http_server_port(w->server);
}

static void begin_talk(world *w, void (*talk)(world *)) {
  w->talk = talk;
  assert_int_equal(pthread_create(&w->client, NULL, run_client, w), 0);
}

static void talk(world *w, void (*fn)(world *)) {
  begin_talk(w, fn);
  nv_loop_run(w->loop);
  pthread_join(w->client, NULL);
}

static void turn_until(world *w, bool (*reached)(world *)) {
  for (int i = 0; i < 5000 && !reached(w); i++) {
    nv_loop_turn(w->loop, false);
    usleep(1000);
  }
  assert_true(reached(w));
}

static bool one_held(world *w) { return w->nheld == 1; }
static bool is_status(const char *answer, int status) { return atoi(answer + 9) == status; }
static const char *body_of(const char *answer) { return strstr(answer, "\r\n\r\n") + 4; }

/* ---- plain conversations ---- */

static void talk_plain(world *w) {
  int fd = dial(w);
  say(fd, "POST /a%20b/?q=%41&r HTTP/1.1\r\nHost: x\r\nX-TEST:  v \r\nContent-Length: 5\r\n\r\nhello");
  hear(w, fd);
  say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  hear(w, fd);
  say(fd, "PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  hear(w, fd);
  say(fd, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  hear(w, fd);
  close(fd);
}

static void test_requests_arrive_whole_and_raw_on_one_connection(void **state) {
  world *w = *state;
  open_server(w);
  talk(w, talk_plain);
  assert_int_equal(w->handled, 4);
  for (int i = 0; i < 4; i++) assert_true(is_status(w->got[i], 200));
  assert_string_equal(body_of(w->got[0]), "hello");
  assert_string_equal(body_of(w->got[2]), "abcde");
  assert_string_equal(w->seen, "HEAD / - ");
  assert_non_null(strstr(w->got[0], "X-A: 1\r\n"));
  assert_null(strstr(w->got[0], "999")); /* framing is the server's */
  assert_null(strstr(w->got[0], "Bad"));
  assert_int_equal(nv_http_server_open_requests(w->server), 0);
}

static void talk_one(world *w) {
  int fd = dial(w);
  say(fd, "POST /a%20b/?q=%41&r HTTP/1.1\r\nHost: x\r\nX-TEST:  v \r\nContent-Length: 5\r\n\r\nhello");
  hear(w, fd);
  close(fd);
}

static void test_target_and_headers_are_as_sent(void **state) {
  world *w = *state;
  open_server(w);
  talk(w, talk_one);
  assert_string_equal(w->seen, "POST /a%20b/?q=%41&r v hello");
}

static void talk_pipelined(world *w) {
  int fd = dial(w);
  say(fd, "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
          "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nb"
          "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nConnection: close\r\n\r\nc");
  char all[TEXT_MAX];
  size_t n = 0;
  ssize_t k;
  while ((k = read(fd, all + n, sizeof all - 1 - n)) > 0) n += (size_t)k;
  all[n] = 0;
  memcpy(w->got[w->ngot++], all, n + 1);
  close(fd);
}

static void test_pipelined_requests_are_answered_in_order(void **state) {
  world *w = *state;
  w->hold_until = 1;
  open_server(w);
  talk(w, talk_pipelined);
  const char *a = strstr(w->got[0], "\r\n\r\na"), *b = strstr(w->got[0], "\r\n\r\nb");
  const char *c = strstr(w->got[0], "\r\n\r\nc");
  assert_true(a && b && c && a < b && b < c);
}

static void talk_cut(world *w) {
  int fd = dial(w);
  say(fd, "GET /cut HTTP/1.1\r\nHost: x\r\n\r\n");
  hear(w, fd);
  close(fd);
  fd = dial(w);
  say(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  hear(w, fd);
  close(fd);
}

static void test_a_cut_closes_without_an_answer(void **state) {
  world *w = *state;
  open_server(w);
  talk(w, talk_cut);
  assert_string_equal(w->got[0], "");
  assert_true(is_status(w->got[1], 200));
}

/* ---- limits ---- */

static void talk_too_large(world *w) {
  char text[512];
  int fd = dial(w);
  say(fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n");
  hear(w, fd); /* before the body was sent */
  close(fd);
  fd = dial(w);
  snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n78\r\n%0120d\r\n0\r\n\r\n", 0);
  say(fd, text);
  hear(w, fd);
  snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n%0100d", 0);
  say(fd, text);
  hear(w, fd); /* the connection is still good */
  close(fd);
  fd = dial(w);
  say(fd, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  snprintf(text, sizeof text, "78\r\n%0120d\r\n", 0);
  for (int i = 0; i < 10; i++) say(fd, text), usleep(2000);
  hear(w, fd); /* a body without end */
  close(fd);
}

static void test_a_body_that_is_too_large_is_refused(void **state) {
  world *w = *state;
  w->options.max_body = 100;
  open_server(w);
  talk(w, talk_too_large);
  assert_true(is_status(w->got[0], 413));
  assert_true(is_status(w->got[1], 413));
  assert_true(is_status(w->got[2], 200));
  assert_string_equal(w->got[3], "");
  assert_int_equal(w->handled, 1);
}

static void talk_many_bodies(world *w) {
  char text[512];
  int fd[3];
  snprintf(text, sizeof text, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n%0100d", 0);
  for (int i = 0; i < 2; i++) say(fd[i] = dial(w), text);
  usleep(200000);
  snprintf(text, sizeof text, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n%0100d", 1);
  say(fd[2] = dial(w), text);
  hear(w, fd[2]);
  say(fd[2], "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"); /* no body: lets all three go */
  for (int i = 0; i < 3; i++) hear(w, fd[i]);
  say(fd[2], text);
  hear(w, fd[2]);
  for (int i = 0; i < 3; i++) close(fd[i]);
}

static void test_bodies_in_flight_are_bounded_together(void **state) {
  world *w = *state;
  w->options.max_bodies = 250;
  w->hold_until = 3;
  open_server(w);
  begin_talk(w, talk_many_bodies);
  nv_timer release = {0};
  nv_timer_start(w->loop, &release, 2000000, answer_again, w);
  nv_loop_run(w->loop);
  pthread_join(w->client, NULL);
  nv_timer_stop(w->loop, &release);
  assert_true(is_status(w->got[0], 503));
  assert_non_null(strstr(w->got[0], "Retry-After: 1"));
  for (int i = 1; i < 4; i++) assert_true(is_status(w->got[i], 200));
}

static void talk_big_headers(world *w) {
  char text[40000];
  int fd = dial(w);
  size_t n = (size_t)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: x\r\n");
  while (n < 30000) n += (size_t)snprintf(text + n, sizeof text - n, "X-%zu: %0100d\r\n", n, 0);
  snprintf(text + n, sizeof text - n, "\r\n");
  say(fd, text);
  hear(w, fd);
  close(fd);
  fd = dial(w);
  say(fd, "this is no HTTP\r\n\r\n");
  hear(w, fd);
  close(fd);
}

static void test_large_headers_and_nonsense_reach_no_handler(void **state) {
  world *w = *state;
  w->options.header_memory = 8192;
  open_server(w);
  talk(w, talk_big_headers);
  assert_true(w->got[0][0] == 0 || is_status(w->got[0], 431) || is_status(w->got[0], 413));
  assert_true(w->got[1][0] == 0 || is_status(w->got[1], 400));
  assert_int_equal(w->handled, 0);
}

static void talk_idle(world *w) {
  int fd = dial(w);
  say(fd, "GET / HTTP/1.1\r\nHos");
  int64_t begin = nv_env_monotonic_us(&w->env);
  hear(w, fd);
  w->count = (nv_env_monotonic_us(&w->env) - begin) / 1000;
  close(fd);
}

static void test_a_silent_connection_is_closed(void **state) {
  world *w = *state;
  w->options.idle_seconds = 1;
  open_server(w);
  talk(w, talk_idle);
  assert_in_range(w->count, 500, 4000);
}

/* 40 that say nothing or never end, with a request in the hands of the loop and one
 * that wants to be served between them. */
static void talk_crowd(world *w) {
  enum { CROWD = 40 };
  int fds[CROWD], held = dial(w);
  say(held, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  for (int i = 0; i < CROWD; i++) {
    fds[i] = dial(w);
    if (i % 4 == 1) say(fds[i], "GET / HTTP/1.1\r\nHos");
    if (i % 4 == 2) say(fds[i], "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
    if (i % 4 == 3) say(fds[i], "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); /* and reads nothing */
  }
  int64_t begin = nv_env_monotonic_us(&w->env);
  int honest = dial(w);
  say(honest, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\ndef");
  hear(w, honest);
  w->count = (nv_env_monotonic_us(&w->env) - begin) / 1000;
  close(honest);
  char first[1];
  assert_true(recv(fds[0], first, 1, 0) <= 0); /* the one that waited longest is gone */
  for (int i = 0; i < CROWD; i++) close(fds[i]);
  hear(w, held);
  close(held);
}

static void test_many_that_keep_it_waiting_keep_nobody_out(void **state) {
  world *w = *state;
  w->options.connections = 16;
  w->options.idle_seconds = 60;
  open_server(w);
  w->hold_until = 2;
  talk(w, talk_crowd);
  assert_true(is_status(w->got[0], 200));
  assert_true(is_status(w->got[1], 200)); /* the loop had it in its hands meanwhile */
  assert_string_equal(body_of(w->got[1]), "abc");
  assert_true(w->count < 2000);
}

static void talk_slow_bodies(world *w) {
  int fds[6];
  for (int i = 0; i < 6; i++) {
    fds[i] = dial(w);
    say(fds[i], "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n");
    char part[801];
    memset(part, 'x', 800);
    part[800] = 0;
    say(fds[i], part);
    usleep(20000);
  }
  talk_one(w);
  for (int i = 0; i < 6; i++) close(fds[i]);
}

static void test_bodies_that_never_end_make_room(void **state) {
  world *w = *state;
  w->options.max_body = 1000;
  w->options.max_bodies = 3000;
  open_server(w);
  talk(w, talk_slow_bodies);
  assert_true(is_status(w->got[0], 200));
}

/* ---- ends of life ---- */

static void talk_hang_up(world *w) {
  int fd = dial(w);
  say(fd, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  usleep(100000);
  struct linger hard = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close(fd);
}

static void test_an_answer_to_a_client_that_left_is_dropped(void **state) {
  world *w = *state;
  open_server(w);
  talk(w, talk_hang_up);
  assert_int_equal(w->nheld, 1);
  assert_string_equal(nv_http_incoming_body(w->held[0]).p, "abc");
  answer_held(w);
  talk(w, talk_one);
  assert_true(is_status(w->got[0], 200));
}

static void talk_hold(world *w) {
  int fd = dial(w);
  say(fd, "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  hear(w, fd);
  close(fd);
}

static void test_closing_cuts_what_is_held_and_later_answers_do_nothing(void **state) {
  world *w = *state;
  open_server(w);
  begin_talk(w, talk_hold);
  turn_until(w, one_held);
  assert_int_equal(nv_http_server_open_requests(w->server), 1);
  nv_http_server_close(w->server);
  w->server = NULL;
  nv_loop_run(w->loop);
  pthread_join(w->client, NULL);
  assert_string_equal(w->got[0], "");
  assert_string_equal(nv_http_incoming_body(w->held[0]).p, "abc");
  answer_held(w);
}

static void talk_flood(world *w) {
  for (int i = 0; i < 50; i++) {
    int fd = dial(w);
    if (fd < 0) continue;
    say(fd, i % 2 ? "GET / HTTP/1.1\r\nHost: x\r\n\r\n" : "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf");
    close(fd);
  }
}

static void test_closing_while_requests_are_on_their_way_to_the_loop(void **state) {
  world *w = *state;
  for (int round = 0; round < 20; round++) {
    open_server(w);
    begin_talk(w, talk_flood);
    usleep((useconds_t)(round * 150));
    nv_http_server_close(w->server); /* the loop has seen nothing of them yet */
    w->server = NULL;
    nv_loop_run(w->loop);
    pthread_join(w->client, NULL);
  }
  assert_int_equal(w->handled, 0);
}

/* ---- addresses ---- */

static void test_a_port_in_use_says_so(void **state) {
  world *w = *state;
  nv_http_server *second;
  nv_error err;
  open_server(w);
  nv_http_server_options o = {.port = nv_http_server_port(w->server)};
  assert_int_equal(nv_http_server_open(w->loop, &o, on_request, w, &second, &err), NV_EBUSY);
  assert_null(second);
  o = (nv_http_server_options){.address = "no.such.name"};
  assert_int_equal(nv_http_server_open(w->loop, &o, on_request, w, &second, &err), NV_EINVALID);
  o = (nv_http_server_options){.port = 70000};
  assert_int_equal(nv_http_server_open(w->loop, &o, on_request, w, &second, &err), NV_EINVALID);
}

static void test_a_unix_socket_is_private_and_cleaned_up(void **state) {
  world *w = *state;
  char path[64];
  struct stat st;
  nv_http_server *second;
  snprintf(path, sizeof path, "/tmp/nv_server_%d.sock", (int)getpid());
  w->options.unix_socket = path;
  open_server(w);
  assert_int_equal(stat(path, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  talk(w, talk_one);
  assert_true(is_status(w->got[0], 200));
  assert_int_equal(nv_http_server_open(w->loop, &w->options, on_request, w, &second, NULL), NV_EBUSY);
  nv_http_server_close(w->server);
  w->server = NULL;
  assert_int_equal(stat(path, &st), -1);
}

static void test_a_stale_socket_is_replaced_but_nothing_else(void **state) {
  world *w = *state;
  char path[64];
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  nv_http_server *second;
  snprintf(path, sizeof path, "/tmp/nv_server_%d.sock", (int)getpid());
  snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
  close(fd); /* as a killed process leaves it */
  w->options.unix_socket = path;
  open_server(w);
  nv_http_server_close(w->server);
  w->server = NULL;
  fclose(fopen(path, "w"));
  assert_int_equal(nv_http_server_open(w->loop, &w->options, on_request, w, &second, NULL), NV_EBUSY);
  assert_int_equal(access(path, F_OK), 0);
  unlink(path);
}

/* ---- many at once ---- */

/* More than 128: what makes MHD stall in epoll mode. */
enum { CONNECTIONS = 200, PER_CONNECTION = 100 };

static void talk_load(world *w) {
  struct pollfd fds[CONNECTIONS];
  int left[CONNECTIONS], open = CONNECTIONS;
  static const char text[] = "POST /hold HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nping";
  for (int i = 0; i < CONNECTIONS; i++) {
    fds[i] = (struct pollfd){dial(w), POLLIN, 0};
    left[i] = PER_CONNECTION;
    say(fds[i].fd, text);
  }
  while (open > 0 && poll(fds, CONNECTIONS, 10000) > 0) {
    for (int i = 0; i < CONNECTIONS; i++) {
      char answer[2048];
      if (fds[i].fd < 0 || !fds[i].revents) continue;
      ssize_t k = read(fds[i].fd, answer, sizeof answer - 1);
      if (k > 4 && memcmp(answer + k - 4, "ping", 4) == 0) w->count++;
      if (--left[i] > 0 && k > 0) {
        say(fds[i].fd, text);
        continue;
      }
      close(fds[i].fd);
      fds[i].fd = -1;
      open--;
    }
  }
}

static void test_two_hundred_connections_do_not_stall(void **state) {
  world *w = *state;
  nv_timer tick = {0};
  open_server(w);
  begin_talk(w, talk_load);
  while (!nv_loop_stopping(w->loop)) {
    if (!tick.slot) nv_timer_start(w->loop, &tick, 500, answer_again, w);
    nv_loop_turn(w->loop, true);
  }
  nv_timer_stop(w->loop, &tick);
  pthread_join(w->client, NULL);
  assert_int_equal(w->count, CONNECTIONS * PER_CONNECTION);
  assert_int_equal(w->handled, CONNECTIONS * PER_CONNECTION);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(test_requests_arrive_whole_and_raw_on_one_connection),
      T(test_target_and_headers_are_as_sent),
      T(test_pipelined_requests_are_answered_in_order),
      T(test_a_cut_closes_without_an_answer),
      T(test_a_body_that_is_too_large_is_refused),
      T(test_bodies_in_flight_are_bounded_together),
      T(test_large_headers_and_nonsense_reach_no_handler),
      T(test_a_silent_connection_is_closed),
      T(test_many_that_keep_it_waiting_keep_nobody_out),
      T(test_bodies_that_never_end_make_room),
      T(test_an_answer_to_a_client_that_left_is_dropped),
      T(test_closing_cuts_what_is_held_and_later_answers_do_nothing),
      T(test_closing_while_requests_are_on_their_way_to_the_loop),
      T(test_a_port_in_use_says_so),
      T(test_a_unix_socket_is_private_and_cleaned_up),
      T(test_a_stale_socket_is_replaced_but_nothing_else),
      T(test_two_hundred_connections_do_not_stall),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
