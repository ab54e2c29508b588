/* States of Lua: their limits, and how they end with work in flight. */
#include <signal.h>
#include <sys/time.h>

#include "host_world.h"

#define REQUIRES                                                             \
  "local task, store, http = require 'navodoo.task', require 'navodoo.store', " \
  "require 'navodoo.http'\n"

/* ---- what a flow's state offers ---- */

static void test_a_flow_state_reaches_no_files_and_no_processes(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  assert_script(s, "", "local found = {} "
                "for _, name in ipairs { 'io', 'os', 'dofile', 'loadfile' } do "
                "  if _G[name] or package.loaded[name] or pcall(require, name) then "
                "    found[#found + 1] = name end end "
                "return table.concat(found, ' ')");
  assert_script(s, "nil", "return package.loadlib");
  assert_script(s, "", "local found = {} "
                "for _, name in ipairs { 'navodoo.fs', 'navodoo.generation', 'lfs', 'socket' } do "
                "  if pcall(require, name) then found[#found + 1] = name end end "
                "return table.concat(found, ' ')");
  nvl_state_close(s);
}

static void test_the_command_line_reaches_files(void **state) {
  world *w = *state;
  nvl_state *s = open_state(w, "cli", 0, true);
  assert_script(s, "function", "return type(io.open) == type(os.getenv) and type(loadfile)");
  assert_script(s, "table", "return require 'navodoo.fs' and require 'navodoo.generation'");
  nvl_state_close(s);
}

static void test_the_string_metatable_is_locked(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  assert_script(s, "false", "return getmetatable('')");
  assert_script(s, "false", "return (pcall(setmetatable, '', {}))");
  assert_script(s, "X", "return ('x'):upper()");
  nvl_state_close(s);
}

static void test_costly_patterns_and_repeats_are_refused(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  assert_script(s, "script:1: pattern takes too long on a text of 5000 bytes",
                "local ok, err = pcall(function() return (('a'):rep(5000)):find('.-.-b') end) "
                "return not ok and err");
  assert_script(s, "true", "return not pcall(string.match, ('a'):rep(26), ('a*'):rep(9) .. 'b')");
  assert_script(s, "false", "return (pcall(string.rep, 'x', 1 << 40))");
  assert_script(s, "false", "return (pcall(string.rep, 'x', 1 << 20, ('y'):rep(1 << 20)))");
  assert_script(s, "true", "return #('x'):rep(16 << 20) == 16 << 20");
  nvl_state_close(s);
}

static void test_only_text_is_loaded(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  assert_script(s, "true", "return not load(string.dump(function() end), 'x', 't')");
  nvl_state_close(s);
}

/* ---- memory ---- */

static void test_a_ceiling_ends_one_task_and_nothing_else(void **state) {
  world *w = *state;
  nvl_state *s = open_state(w, "small", 2 << 20, false), *other = open_flow(w);
  outcome o = run_script(s, "local t = {} for i = 1, 1e9 do t[i] = 'text ' .. i end");
  assert_int_equal(o.status, LUA_ERRMEM);
  assert_true(s->used <= s->limit);
  assert_script(s, "alive", "collectgarbage() return 'alive'");
  assert_script(other, "alive", "return 'alive'");
  nvl_state_close(s);
  nvl_state_close(other);
}

static void test_a_guard_makes_a_value_of_the_ceiling(void **state) {
  world *w = *state;
  nvl_state *s = open_state(w, "small", 4 << 20, false);
  assert_script(s, "memory", "local task = require 'navodoo.task' "
                "local ok, err = task.guard(nil, function() "
                "  local s = 'x' while true do s = s .. s end end) "
                "return not ok and err.code");
  assert_script(s, "memory", "local task = require 'navodoo.task' "
                "local ok, err = task.guard(1 << 40, function() "
                "  local t = {} while true do t[#t + 1] = {} end end) "
                "return not ok and err.code");
  assert_script(s, "alive", "return 'alive'");
  nvl_state_close(s);
}

static void test_a_state_without_any_room_fails_cleanly(void **state) {
  world *w = *state;
  for (size_t limit = 1; limit < 200000; limit = limit * 2 + 1) {
    nvl_state *s = open_state(w, "tiny", limit, false);
    outcome o = {.status = -1};
    lua_pushcfunction(s->L, spawn_script);
    lua_pushlightuserdata(s->L, "local t = {} for i = 1, 200000 do t[i] = {} end");
    lua_pushlightuserdata(s->L, &o);
    if (lua_pcall(s->L, 2, 0, 0) == LUA_OK) {
      nv_loop_run(w->loop);
      assert_int_equal(o.status, LUA_ERRMEM);
    }
    nvl_state_close(s);
  }
}

/* ---- errors ---- */

static void test_a_task_that_raises_is_reported_and_nothing_else_suffers(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  outcome o;
  start_script(s, "error('first', 0)", NULL);
  start_script(s, "error(nil)", NULL);
  start_script(s, "error { text = 'in a table' }", NULL);
  start_script(s, "error(setmetatable({}, { __tostring = function() return true end }))", NULL);
  start_script(s, "error(setmetatable({}, { __tostring = function() error {} end }))", NULL);
  start_script(s, "local t = {} for i = 1, 1e9 do t[i] = {} end", NULL);
  start_script(s, "coroutine.yield()", NULL);
  start_script(s, REQUIRES "task.sleep(5) return 'alive'", &o);
  nv_loop_run(w->loop);
  assert_string_equal(o.text, "alive");
  const char *const texts[] = {"first", "no message", "in a table", "must return a string",
                               "unknown error", "not enough memory", "coroutine.yield in a task",
                               "stack traceback", "\"state\":\"flow\""};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (!strstr(w->log, texts[i])) fail_msg("no '%s' in the log:\n%s", texts[i], w->log);
  assert_null(s->tasks);
  assert_int_equal(s->task_count, 0);
  nvl_state_close(s);
}

/* ---- interrupts, as the watchdog sends them ---- */

#ifndef __SANITIZE_THREAD__ /* which holds signals back until the next system call */
static nvl_state *interrupted;

static void on_alarm(int number) {
  (void)number;
  if (interrupted && interrupted->current) nvl_guard_interrupt(interrupted->current->co);
}

/* Runs a script with an interrupt every 20 ms. */
static outcome run_interrupted(nvl_state *s, const char *script) {
  struct itimerval every = {{0, 20000}, {0, 20000}}, never = {{0, 0}, {0, 0}};
  interrupted = s;
  signal(SIGALRM, on_alarm);
  setitimer(ITIMER_REAL, &every, NULL);
  outcome o = run_script(s, script);
  setitimer(ITIMER_REAL, &never, NULL);
  interrupted = NULL;
  return o;
}

static void test_an_interrupt_ends_a_task_that_holds_the_loop(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  static const char *const loops[] = {
      "while true do end",
      "while true do local t = {} end",
      "while true do pcall(function() while true do end end) end", /* hides it */
      "while true do xpcall(error, function() while true do end end) end",
      "local _ <close> = setmetatable({}, { __close = function() end }) while true do end",
  };
  for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
    outcome o = run_interrupted(s, loops[i]);
    assert_int_equal(o.status, LUA_ERRRUN);
    if (!strstr(o.text, "held the event loop")) fail_msg("%s: %s", loops[i], o.text);
  }
  assert_script(s, "alive", "return 'alive'");
  nvl_state_close(s);
}

static void test_a_first_interrupt_leaves_time_to_clean_up(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  outcome o = run_interrupted(s, "local ok, err = pcall(function() while true do end end) "
                              "return 'cleaned up after ' .. err");
  assert_non_null(strstr(o.text, "cleaned up after script:1: held"));
  nvl_state_close(s);
}

static void test_an_interrupt_spends_the_budget_of_a_guard(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  outcome o = run_interrupted(s, "local task = require 'navodoo.task' "
                              "local ok, err = task.guard(1 << 60, function() while true do "
                              "  pcall(function() while true do end end) end end) "
                              "return not ok and err.code .. ': ' .. err.text");
  assert_non_null(strstr(o.text, "budget: script:1: instruction budget exceeded"));
  nvl_state_close(s);
}
#endif

/* ---- closing with work in flight ---- */

static const char *const waits[] = {
    "task.sleep(1e9)",
    "task.event():wait()",
    "task.event('named'):wait(1e9)",
    "local a = task.lock { 'a', 'b' } task.spawn(function() task.lock { 'b' } end) task.sleep(1e9)",
    "http.request { endpoint = 'erp', path = '/' }",
    "for _ = 1, 5 do task.spawn(http.request, { endpoint = 'erp', path = '/' }) end "
    "task.sleep(1e9)",
    "store.apply { { 'meta_put', 'k', 'v' } }",
    "store.query('meta', 'k')",
    "pcall(pcall, xpcall, task.sleep, print, 1e9)",
};

#define CLOSES                                                             \
  "local closed <close> = setmetatable({}, { __close = function() "        \
  "  require 'navodoo.log'.info('closed') end })\n"

/* Every kind of wait, closed before the loop turns, after one turn, and after what
 * it waited for has ended but before anybody was told. */
static void test_a_state_closes_with_any_operation_in_flight(void **state) {
  world *w = *state;
  for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
    for (int turns = 0; turns < 4; turns++) {
      char script[512];
      nvl_state *s = open_flow(w);
      outcome o;
      w->log[0] = 0;
      snprintf(script, sizeof script, REQUIRES CLOSES "%s", waits[i]);
      start_script(s, script, &o);
      for (int t = 0; t < turns; t++) nv_loop_turn(w->loop, false);
      bool ended = o.status != -1;
      nvl_state_close(s);
      assert_int_equal(strstr(w->log, "closed") != NULL, ended || turns > 0);
      if (!ended) assert_int_equal(o.status, -1); /* nobody is told of a closed task */
      settle(w);
      if (nv_loop_live_ops(w->loop) != 0)
        fail_msg("%zu operations live after: %s", nv_loop_live_ops(w->loop), waits[i]);
      assert_int_equal(nv_locks_requests(w->host.locks), 0);
      assert_int_equal(w->nlive, 0);
    }
  }
}

static void test_an_exchange_may_end_long_after_its_state(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  outcome o;
  w->hold_abandoned = true;
  start_script(s, REQUIRES "return http.request { endpoint = 'erp', path = '/' }", &o);
  settle(w);
  assert_int_equal(w->nlive, 1);
  nvl_state_close(s);
  settle(w);
  assert_int_equal(w->abandoned, 1);
  assert_int_equal(nv_loop_live_ops(w->loop), 1); /* owned by the transport alone */
  wire_end(w, w->live[0], NV_OK);
  settle(w);
  assert_int_equal(o.status, -1);
}

/* The operation has ended and sits in the queue when the state closes. */
static void test_a_completion_that_comes_too_late_is_dropped(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  outcome o;
  start_script(s, REQUIRES "return http.request { endpoint = 'erp', path = '/' }", &o);
  settle(w);
  wire_end(w, w->live[0], NV_OK);
  nvl_state_close(s);
  settle(w);
  assert_int_equal(o.status, -1);
}

/* A completion of an older await, as after a mistake in a binding. */
static void test_a_stale_completion_is_counted_and_resumes_nobody(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  outcome o;
  start_script(s, REQUIRES "return http.request { endpoint = 'erp', path = '/' }", &o);
  settle(w);
  s->tasks->gen++;
  wire_end(w, w->live[0], NV_OK);
  settle(w);
  assert_int_equal(s->stale, 1);
  assert_int_equal(o.status, -1);
  assert_int_equal(s->tasks->phase, NVL_TASK_WAITING);
  nvl_state_close(s);
}

static void test_nothing_new_begins_in_a_state_that_closes(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  outcome o;
  start_script(s, REQUIRES
               "local log = require 'navodoo.log' "
               "local _ <close> = setmetatable({}, { __close = function() "
               "  for name, f in pairs { spawn = function() task.spawn(print) end, "
               "      event = task.event, sleep = function() task.sleep(1) end, "
               "      lock = function() task.lock { 'x' } end, "
               "      query = function() store.query('meta', 'k') end, "
               "      serve = function() http.serve { handler = print } end } do "
               "    local ok, err = pcall(f) "
               "    log.info(name .. ': ' .. (ok and 'worked' or err)) end end }) "
               "task.sleep(1e9)", &o);
  settle(w);
  nvl_state_close(s);
  static const char *const texts[] = {
      "spawn: this state is closing", "event: this state is closing",
      "serve: this state is closing", "sleep: script:1: cannot wait", "lock: script:1: cannot wait",
      "query: script:1: cannot wait"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char name[16];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(texts[i], ":"), texts[i]);
    const char *line = strstr(w->log, name);
    if (!line || !strstr(line, strrchr(texts[i], ':') + 2))
      fail_msg("no '%s' in\n%s", texts[i], w->log);
  }
  assert_null(strstr(w->log, "worked"));
}

static void test_a_close_handler_that_raises_hurts_nobody(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  for (int i = 0; i < 3; i++)
    start_script(s, REQUIRES
                 "local _ <close> = setmetatable({}, { __close = function() error {} end }) "
                 "task.sleep(1e9)", NULL);
  settle(w);
  nvl_state_close(s);
}

static void test_locks_of_a_closed_state_go_to_the_next(void **state) {
  world *w = *state;
  nvl_state *first = open_flow(w), *second = open_flow(w);
  outcome o;
  start_script(first, REQUIRES "held = task.lock { 'x', 'y' } task.sleep(1e9)", NULL);
  settle(w);
  start_script(second, REQUIRES "task.lock({ 'y' }):release() return 'mine'", &o);
  settle(w);
  assert_int_equal(o.status, -1);
  nvl_state_close(first);
  settle(w);
  assert_string_equal(o.text, "mine");
  nvl_state_close(second);
}

/* ---- named events ---- */

static void test_named_events_reach_other_states_and_the_host(void **state) {
  world *w = *state;
  nvl_state *a = open_flow(w), *b = open_flow(w);
  outcome o;
  assert_false(nvl_event_signal(&w->host, "wake")); /* nobody ever made it */
  start_script(a, REQUIRES "for _ = 1, 2 do task.event('wake'):wait() end return 'twice'", &o);
  settle(w);
  start_script(b, REQUIRES "task.event('wake'):set()", NULL);
  settle(w);
  assert_int_equal(o.status, -1);
  assert_true(nvl_event_signal(&w->host, "wake"));
  settle(w);
  assert_string_equal(o.text, "twice");
  nvl_state_close(a);
  nvl_state_close(b);
  assert_null(w->host.events);
}

static void test_a_signal_that_nobody_heard_is_not_given_twice(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  assert_script(s, "nil", REQUIRES "kept = task.event('stop') return nil");
  assert_true(nvl_event_signal(&w->host, "stop"));
  assert_false(nvl_event_signal(&w->host, "stop"));
  assert_script(s, "true", REQUIRES "return task.event('stop'):wait(0)");
  assert_true(nvl_event_signal(&w->host, "stop"));
  nvl_state_close(s);
}

/* A simulated process dies and starts again before the loop has turned. */
static void test_a_host_opens_again_over_waits_that_are_still_queued(void **state) {
  world *w = *state;
  nvl_state *s = open_flow(w);
  start_script(s, REQUIRES "for _, n in ipairs { 'a', 'b', 'c' } do task.spawn(function() "
               "task.event(n):wait() end) end", NULL);
  settle(w);
  nvl_state_close(s);
  nvl_host_close_on(&w->host);
  open_host(w);
  s = open_flow(w);
  assert_script(s, "false", REQUIRES "return task.event('b'):wait(1)");
  nvl_state_close(s);
  assert_null(w->host.events);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
  const struct CMUnitTest tests[] = {
      T(test_a_flow_state_reaches_no_files_and_no_processes),
      T(test_the_command_line_reaches_files),
      T(test_the_string_metatable_is_locked),
      T(test_costly_patterns_and_repeats_are_refused),
      T(test_only_text_is_loaded),
      T(test_a_ceiling_ends_one_task_and_nothing_else),
      T(test_a_guard_makes_a_value_of_the_ceiling),
      T(test_a_state_without_any_room_fails_cleanly),
      T(test_a_task_that_raises_is_reported_and_nothing_else_suffers),
#ifndef __SANITIZE_THREAD__
      T(test_an_interrupt_ends_a_task_that_holds_the_loop),
      T(test_a_first_interrupt_leaves_time_to_clean_up),
      T(test_an_interrupt_spends_the_budget_of_a_guard),
#endif
      T(test_a_state_closes_with_any_operation_in_flight),
      T(test_an_exchange_may_end_long_after_its_state),
      T(test_a_completion_that_comes_too_late_is_dropped),
      T(test_a_stale_completion_is_counted_and_resumes_nobody),
      T(test_nothing_new_begins_in_a_state_that_closes),
      T(test_a_close_handler_that_raises_hurts_nobody),
      T(test_locks_of_a_closed_state_go_to_the_next),
      T(test_named_events_reach_other_states_and_the_host),
      T(test_a_signal_that_nobody_heard_is_not_given_twice),
      T(test_a_host_opens_again_over_waits_that_are_still_queued),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
