/* http.serve on a real loop: handlers that wait, raise or outlive their server, and a
 * state that closes with all of them. Clients are plain blocking sockets. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "../../../core/log.h"
#include "../../../lua/host.h"

typedef struct world {
  nv_env env;
  nvl_host host;
  nvl_state *state;
  int port;
  char log[4096];
} world;

static void keep_line(int level, const char *line, size_t n, void *arg) {
  world *w = arg;
  (void)level;
  size_t used = strlen(w->log);
  if (used + n + 1 < sizeof w->log) memcpy(w->log + used, line, n);
}

/* Under pcall: (world*, source of the handler). */
static int serve(lua_State *L) {
  world *w = lua_touserdata(L, 1);
  const char *handler = lua_touserdata(L, 2);
  lua_settop(L, 0);
  luaL_loadstring(L, "local handler = ... "
                     "task, http = require 'navodoo.task', require 'navodoo.http' "
                     "server = assert(http.serve { handler = load(handler)() }) "
                     "return server.port");
  lua_pushstring(L, handler);
  lua_call(L, 1, 1);
  w->port = (int)lua_tointeger(L, -1);
  return 0;
}

static void open_server(world *w, const char *handler) {
  nv_error err = {0};
  nvl_state_options o = {"server", 16 << 20, false};
  if (nvl_state_open(&w->host, &o, &w->state, &err) != NV_OK) fail_msg("%s", err.text);
  lua_State *L = w->state->L;
  lua_pushcfunction(L, serve);
  lua_pushlightuserdata(L, w);
  lua_pushlightuserdata(L, (void *)(uintptr_t)handler);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) fail_msg("%s", lua_tostring(L, -1));
}

static int set_up(void **state) {
  world *w = *state = calloc(1, sizeof *w);
  if (!w) return -1;
  nv_env_init(&w->env);
  if (nvl_host_open(&w->host, &w->env, NULL) != NV_OK) return -1;
  nv_log_set_hook(w->host.log, keep_line, w);
  return 0;
}

static int tear_down(void **state) {
  world *w = *state;
  nvl_state_close(w->state);
  for (int i = 0; i < 10; i++) nv_loop_turn(w->host.loop, false);
  size_t live = nv_loop_live_ops(w->host.loop);
  nvl_host_close(&w->host);
  free(w);
  return live == 0 ? 0 : -1;
}

/* ---- clients ---- */

static int ask(world *w) {
  static const char request[] = "GET /x?y=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)w->port)};
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct timeval patience = {10, 0};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_true(fd >= 0);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
  assert_int_equal(write(fd, request, sizeof request - 1), (ssize_t)sizeof request - 1);
  return fd;
}

/* What was answered until the connection ended: "" when it was cut. */
static const char *hear(int fd) {
  static char text[4096];
  size_t n = 0;
  for (ssize_t k; n < sizeof text - 1 && (k = read(fd, text + n, sizeof text - 1 - n)) > 0;)
    n += (size_t)k;
  text[n] = 0;
  close(fd);
  return text;
}

static void on_time(void *arg) { nv_loop_stop(arg); }

static void turn_for(world *w, int ms) {
  nv_timer t = {0};
  nv_timer_start(w->host.loop, &t, ms * 1000, on_time, w->host.loop);
  nv_loop_run(w->host.loop);
}

/* Turns until so many tasks wait in the state. */
static void turn_until_tasks(world *w, size_t n) {
  for (int i = 0; i < 500 && w->state->task_count != n; i++) turn_for(w, 2);
  assert_int_equal(w->state->task_count, n);
}

/* ---- tests ---- */

static void test_every_request_is_a_task(void **state) {
  world *w = *state;
  open_server(w, "return function(r) task.sleep(5) "
                 "return { status = 200, headers = { x = 'y' }, body = r.method .. r.path } end");
  int a = ask(w), b = ask(w);
  turn_for(w, 100);
  turn_until_tasks(w, 0);
  assert_non_null(strstr(hear(a), "GET/x?y=1"));
  assert_non_null(strstr(hear(b), "\r\nx: y\r\n"));
}

static void test_a_handler_that_fails_answers_500_and_says_why_in_the_log(void **state) {
  world *w = *state;
  static const char *const handlers[][2] = {
      {"return function() error 'for the log only' end", "for the log only"},
      {"return function() error { text = 'a table for the log' } end", "a table for the log"},
      {"return function() task.sleep(1) return 7 end", "returned number instead"},
      {"return function() end", "returned nil instead"},
      {"return function() return { status = 99 } end", "99 is no status"},
      {"return function() return { headers = { a = {} } } end", "text expected"},
      {"return function() local t = {} for i = 1, 1e9 do t[i] = {} end end", "not enough memory"},
  };
  for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
    w->log[0] = 0;
    open_server(w, handlers[i][0]);
    int fd = ask(w);
    for (int k = 0; k < 500 && !w->log[0]; k++) turn_for(w, 2);
    const char *heard = hear(fd);
    assert_non_null(strstr(heard, "HTTP/1.1 500"));
    assert_null(strstr(heard, "log"));
    if (!strstr(w->log, handlers[i][1])) fail_msg("no '%s' in %s", handlers[i][1], w->log);
    nvl_state_close(w->state);
    w->state = NULL;
  }
}

static void test_a_state_that_closes_cuts_what_is_unanswered(void **state) {
  world *w = *state;
  open_server(w, "return function() task.sleep(1e9) end");
  int fds[5];
  for (int i = 0; i < 5; i++) fds[i] = ask(w);
  turn_until_tasks(w, 5);
  nvl_state_close(w->state);
  w->state = NULL;
  for (int i = 0; i < 5; i++) assert_string_equal(hear(fds[i]), "");
}

/* Requests have arrived, but their tasks have not begun. */
static void test_a_state_closes_before_the_handlers_began(void **state) {
  world *w = *state;
  open_server(w, "return function() return { body = 'never' } end");
  int fds[5];
  for (int i = 0; i < 5; i++) fds[i] = ask(w);
  usleep(50000);
  nvl_state_close(w->state); /* what was handed over is in the loop's queue */
  w->state = NULL;
  turn_for(w, 10);
  for (int i = 0; i < 5; i++) assert_null(strstr(hear(fds[i]), "never"));
}

static void test_a_server_closes_with_its_handlers_running(void **state) {
  world *w = *state;
  open_server(w, "return function() local s = server server = nil if s then s:close() end "
                 "task.sleep(20) collectgarbage() return { body = 'too late' } end");
  int a = ask(w);
  turn_until_tasks(w, 1);
  turn_until_tasks(w, 0);
  assert_string_equal(hear(a), "");
  lua_gc(w->state->L, LUA_GCCOLLECT);
}

static void test_a_server_that_nobody_refers_to_goes_on(void **state) {
  world *w = *state;
  open_server(w, "return function() return { body = 'still here' } end");
  lua_pushnil(w->state->L);
  lua_setglobal(w->state->L, "server");
  lua_gc(w->state->L, LUA_GCCOLLECT);
  lua_gc(w->state->L, LUA_GCCOLLECT);
  int fd = ask(w);
  turn_for(w, 50);
  assert_non_null(strstr(hear(fd), "still here"));
}

static void test_a_client_that_leaves_hurts_nobody(void **state) {
  world *w = *state;
  open_server(w, "return function() task.sleep(30) return { body = ('x'):rep(100000) } end");
  int fd = ask(w);
  turn_until_tasks(w, 1);
  close(fd);
  turn_until_tasks(w, 0);
  fd = ask(w);
  turn_for(w, 100);
  assert_non_null(strstr(hear(fd), "xxx"));
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(test_every_request_is_a_task),
      T(test_a_handler_that_fails_answers_500_and_says_why_in_the_log),
      T(test_a_state_that_closes_cuts_what_is_unanswered),
      T(test_a_state_closes_before_the_handlers_began),
      T(test_a_server_closes_with_its_handlers_running),
      T(test_a_server_that_nobody_refers_to_goes_on),
      T(test_a_client_that_leaves_hurts_nobody),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
