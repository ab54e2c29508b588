/* Generations: a flow's own state in the hands of another state's script. Their
 * modules are files in a folder of the test, where the stdlib is looked for. */
#include <sys/stat.h>
#include <unistd.h>

#include "../../../lua/watchdog.h"
#include "host_world.h"

#define REQUIRES "local task, generation = require 'navodoo.task', require 'navodoo.generation'\n"

/* A module returns { start = function(argument) ... end }. */
static const struct {
  const char *name, *text;
} modules[] = {
    {"waits", "local task = require 'navodoo.task' return { start = function(name) "
              "local log = require 'navodoo.log' "
              "local _ <close> = setmetatable({}, { __close = function() "
              "  log.info('closed ' .. name) end }) "
              "task.spawn(function() task.lock { 'one' } task.sleep(1e9) end) "
              "task.spawn(require 'navodoo.http'.request, { endpoint = 'erp', path = '/' }) "
              "task.spawn(function() task.event():wait() end) "
              "task.event('never'):wait() end }"},
    {"ends", "return { start = function(argument) print = argument end }"},
    {"raises", "return { start = function() error 'on purpose' end }"},
    {"raises_table", "return { start = function() error { text = 'a table on purpose' } end }"},
    {"raises_nil", "return { start = function() error(nil) end }"},
    {"eats", "return { start = function() local t = {} for i = 1, 1e9 do t[i] = {} end end }"},
    {"breaks", "error 'while loading'"},
    {"lacks", "return {}"},
    {"syntax", "return {"},
    {"says", "return { start = function(argument) "
             "require 'navodoo.log'.info('heard ' .. #argument .. ' ' .. type(io)) end }"},
};

static char folder[64];

static int make_modules(void **state) {
  (void)state;
  strcpy(folder, "/tmp/navodoo-modules-XXXXXX");
  if (!mkdtemp(folder)) return -1;
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s.lua", folder, modules[i].name);
    FILE *f = fopen(path, "w");
    if (!f) return -1;
    fputs(modules[i].text, f);
    fclose(f);
  }
  return setenv("NAVODOO_STDLIB", folder, 1);
}

static int remove_modules(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
    char path[128];
    snprintf(path, sizeof path, "%s/%s.lua", folder, modules[i].name);
    unlink(path);
  }
  return rmdir(folder);
}

static nvl_state *open_cli(world *w) { return open_state(w, "cli", 0, true); }

/* ---- the life of one ---- */

static void test_it_runs_start_with_its_argument(void **state) {
  world *w = *state;
  nvl_state *s = open_cli(w);
  assert_script(s, "true", REQUIRES
                "local signal = task.event('ended:g') "
                "local gen = generation.open { name = 'g', main = 'says', argument = 'a\\0b' } "
                "signal:wait() local ended, why = gen:ended() gen:close() "
                "return ended and not why");
  assert_non_null(strstr(w->log, "heard 3 nil")); /* a zero byte; and no io in there */
  nvl_state_close(s);
}

static void test_its_error_comes_back_as_a_text(void **state) {
  world *w = *state;
  nvl_state *s = open_cli(w);
  static const char *const pairs[][2] = {{"raises", "on purpose"},
                                         {"raises_table", "a table on purpose"},
                                         {"raises_nil", "no message"},
                                         {"eats", "not enough memory"}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    char script[512];
    snprintf(script, sizeof script, REQUIRES
             "local gen = assert(generation.open { name = 'g', main = '%s', memory = 8 << 20 }) "
             "local waited = task.event('ended:g'):wait(1000) local ended, why = gen:ended() "
             "gen:close() return waited and ended and why or 'no error'", pairs[i][0]);
    outcome o = run_script(s, script);
    if (!strstr(o.text, pairs[i][1])) fail_msg("%s: %s", pairs[i][0], o.text);
  }
  nvl_state_close(s);
}

static void test_one_that_cannot_start_is_an_error_and_leaves_nothing(void **state) {
  world *w = *state;
  nvl_state *s = open_cli(w);
  static const char *const pairs[][2] = {{"breaks", "while loading"},
                                         {"lacks", "has no function 'start'"},
                                         {"syntax", "near <eof>"},
                                         {"nowhere", "module 'nowhere' not found"}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    char script[512];
    snprintf(script, sizeof script, REQUIRES
             "local gen, err = generation.open { name = 'g', main = '%s' } "
             "return not gen and err.code == 'invalid' and tostring(err)", pairs[i][0]);
    outcome o = run_script(s, script);
    if (!strstr(o.text, pairs[i][1])) fail_msg("%s: %s", pairs[i][0], o.text);
  }
  assert_script(s, "true", REQUIRES "return not pcall(generation.open, { name = 'x' }) "
                "and not pcall(generation.open) and not pcall(generation.open, { main = 'ends' })");
  nvl_state_close(s);
}

static void test_its_memory_can_be_seen(void **state) {
  world *w = *state;
  nvl_state *s = open_cli(w);
  assert_script(s, "true", REQUIRES
                "local gen = generation.open { name = 'g', main = 'waits', argument = '' } "
                "local n = gen:memory() gen:close() return n > 10000 and gen:memory() == 0");
  nvl_state_close(s);
}

/* ---- closing ---- */

static void test_closing_cancels_every_task_in_it(void **state) {
  world *w = *state;
  nvl_state *s = open_cli(w);
  assert_script(s, "true", REQUIRES
                "local gen = generation.open { name = 'g', main = 'waits', argument = 'down' } "
                "task.sleep(1) gen:close() gen:close() return (gen:ended())");
  assert_non_null(strstr(w->log, "closed down"));
  assert_int_equal(w->nlive, 0);
  assert_int_equal(nv_locks_requests(w->host.locks), 0);
  nvl_state_close(s);
}

static void test_closing_before_it_began(void **state) {
  world *w = *state;
  nvl_state *s = open_cli(w);
  assert_script(s, "true", REQUIRES
                "for _ = 1, 10 do generation.open({ name = 'g', main = 'waits' }):close() end "
                "return true");
  nvl_state_close(s);
}

/* Its end and its closing meet in one turn, in both orders. */
static void test_closing_while_it_ends(void **state) {
  world *w = *state;
  nvl_state *s = open_cli(w);
  static const char *const mains[] = {"ends", "raises", "raises_table", "eats"};
  for (size_t i = 0; i < sizeof mains / sizeof *mains; i++) {
    char script[512];
    snprintf(script, sizeof script, REQUIRES
             "for turns = 0, 3 do "
             "  local gen = generation.open { name = 'g', main = '%s', memory = 8 << 20 } "
             "  task.spawn(function() task.event('ended:g'):wait(100) gen:close() end) "
             "  for _ = 1, turns do task.sleep(0) end gen:close() "
             "end return 'done'", mains[i]);
    assert_script(s, "done", script);
  }
  nvl_state_close(s);
}

static void test_a_forgotten_one_is_closed_by_the_collector(void **state) {
  world *w = *state;
  nvl_state *s = open_cli(w);
  assert_script(s, "ok", REQUIRES
                "generation.open { name = 'g', main = 'waits', argument = 'forgotten' } "
                "task.sleep(1) collectgarbage() collectgarbage() task.sleep(1) return 'ok'");
  assert_non_null(strstr(w->log, "closed forgotten"));
  nvl_state_close(s);
}

static void test_it_closes_with_the_state_that_opened_it(void **state) {
  world *w = *state;
  nvl_state *s = open_cli(w);
  start_script(s, REQUIRES "kept = {} for i = 1, 5 do "
               "kept[i] = generation.open { name = 'g' .. i, main = 'waits', argument = 'with' } "
               "end "
               "task.event('never'):wait()", NULL);
  settle(w);
  nvl_state_close(s);
  assert_non_null(strstr(w->log, "closed with"));
  settle(w);
  assert_null(w->host.events);
  assert_int_equal(w->nlive, 0);
}

static void test_many_come_and_go_without_a_trace(void **state) {
  world *w = *state;
  nvl_state *s = open_cli(w);
  assert_script(s, "done", REQUIRES
                "for i = 1, 100 do "
                "  local gen = generation.open { name = 'g', main = 'waits', argument = '' } "
                "  task.sleep(i % 3) gen:close() end return 'done'");
  settle(w);
  assert_int_equal(nv_loop_live_ops(w->loop), 0);
  nvl_state_close(s);
}

/* The name of what holds the loop is read by another thread, also after a state
 * inside has come and gone. */
static void test_the_watchdog_goes_on_with_the_one_outside(void **state) {
  world *w = *state;
  nvl_state *s = open_cli(w);
  nvl_watchdog *dog = nvl_watchdog_start();
  assert_script(s, "done", REQUIRES
                "local gen = generation.open { name = 'inside', main = 'waits', argument = '' } "
                "task.sleep(1) gen:close() "
                "local begin = os.clock() while os.clock() - begin < 0.8 do end return 'done'");
  nvl_watchdog_stop(dog);
  nvl_state_close(s);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)
  const struct CMUnitTest tests[] = {
      T(test_it_runs_start_with_its_argument),
      T(test_its_error_comes_back_as_a_text),
      T(test_one_that_cannot_start_is_an_error_and_leaves_nothing),
      T(test_its_memory_can_be_seen),
      T(test_closing_cancels_every_task_in_it),
      T(test_closing_before_it_began),
      T(test_closing_while_it_ends),
      T(test_a_forgotten_one_is_closed_by_the_collector),
      T(test_it_closes_with_the_state_that_opened_it),
      T(test_many_come_and_go_without_a_trace),
      T(test_the_watchdog_goes_on_with_the_one_outside),
  };
  return cmocka_run_group_tests(tests, make_modules, remove_modules);
}
