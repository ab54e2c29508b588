/* Watching a folder: with a real loop, a real folder and real time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "watch.h"

typedef struct world {
  nv_env env;
  nv_loop *loop;
  nv_watch *watch;
  char root[64], folder[96];
  int told;
  int64_t told_us;
} world;

static void on_change(const char *folder, void *arg) {
  world *w = arg;
  assert_string_equal(folder, w->folder);
  w->told++;
  w->told_us = nv_env_monotonic_us(&w->env);
}

static int set_up(void **state) {
  world *w = calloc(1, sizeof *w);
  nv_env_init(&w->env);
  strcpy(w->root, "/tmp/navodoo-watch-XXXXXX");
  if (!mkdtemp(w->root)) return -1;
  snprintf(w->folder, sizeof w->folder, "%s/flows", w->root);
  if (mkdir(w->folder, 0700) != 0) return -1;
  if (nv_loop_open(&w->env, &w->loop, NULL) != NV_OK) return -1;
  if (nv_watch_open(w->loop, w->folder, on_change, w, &w->watch, NULL) != NV_OK) return -1;
  *state = w;
  return 0;
}

static int tear_down(void **state) {
  world *w = *state;
  char command[256];
  nv_watch_close(w->watch);
  assert_int_equal(nv_loop_live_ops(w->loop), 0);
  nv_loop_close(w->loop);
  snprintf(command, sizeof command, "rm -rf '%s'", w->root);
  int rc = system(command);
  free(w);
  return rc;
}

static void write_file(world *w, const char *name, const char *text) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", w->folder, name);
  FILE *f = fopen(path, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static void rename_file(world *w, const char *from, const char *to) {
  char a[256], b[256];
  snprintf(a, sizeof a, "%s/%s", w->folder, from);
  snprintf(b, sizeof b, "%s/%s", w->folder, to);
  assert_int_equal(rename(a, b), 0);
}

/* Turns the loop for a time, or until there were `told` calls. */
static void run(world *w, int64_t ms, int told) {
  int64_t end = nv_env_monotonic_us(&w->env) + ms * 1000;
  while (nv_env_monotonic_us(&w->env) < end && w->told < told) {
    nv_loop_turn(w->loop, false);
    usleep(2000);
  }
}

static void test_a_burst_of_writes_is_told_once_after_it_is_quiet(void **state) {
  world *w = *state;
  for (int i = 0; i < 10; i++) {
    write_file(w, "customer.lua", "return {}");
    run(w, 20, 1);
  }
  int64_t last = nv_env_monotonic_us(&w->env);
  run(w, 5000, 1);
  assert_int_equal(w->told, 1);
  assert_true(w->told_us - last > 150000);
  run(w, 500, 2);
  assert_int_equal(w->told, 1);
}

static void test_every_way_of_saving_is_seen(void **state) {
  world *w = *state;
  write_file(w, "a.lua", "1");
  run(w, 5000, 1);
  assert_int_equal(w->told, 1);
  write_file(w, ".a.lua.tmp", "2"); /* as editors do: new file, then rename */
  rename_file(w, ".a.lua.tmp", "a.lua");
  run(w, 5000, 2);
  assert_int_equal(w->told, 2);
  write_file(w, ".a.lua.tmp", "3"); /* and again: the file is another inode now */
  rename_file(w, ".a.lua.tmp", "a.lua");
  run(w, 5000, 3);
  assert_int_equal(w->told, 3);
  char path[256];
  snprintf(path, sizeof path, "%s/a.lua", w->folder);
  unlink(path);
  run(w, 5000, 4);
  assert_int_equal(w->told, 4);
}

static void test_an_endless_stream_of_writes_is_told_all_the_same(void **state) {
  world *w = *state;
  int64_t begin = nv_env_monotonic_us(&w->env);
  while (w->told == 0 && nv_env_monotonic_us(&w->env) - begin < 10000000) {
    write_file(w, "busy", "x");
    run(w, 50, 1);
  }
  assert_int_equal(w->told, 1);
  assert_in_range(w->told_us - begin, 1500000, 4000000);
}

static void test_a_folder_that_is_replaced_is_still_watched(void **state) {
  world *w = *state;
  char old[128];
  snprintf(old, sizeof old, "%s/old", w->root);
  assert_int_equal(rename(w->folder, old), 0);
  run(w, 600, 1); /* gone: nothing to tell yet */
  assert_int_equal(w->told, 0);
  assert_int_equal(mkdir(w->folder, 0700), 0);
  run(w, 5000, 1);
  assert_int_equal(w->told, 1);
  write_file(w, "a.lua", "1");
  run(w, 5000, 2);
  assert_int_equal(w->told, 2);
}

static void test_closing_with_a_change_pending_tells_nothing(void **state) {
  world *w = *state;
  write_file(w, "a.lua", "1");
  run(w, 50, 1);
  nv_watch_close(w->watch);
  w->watch = NULL;
  run(w, 500, 1);
  assert_int_equal(w->told, 0);
}

static void test_a_missing_folder_is_an_error_that_names_it(void **state) {
  world *w = *state;
  nv_watch *watch = w->watch;
  nv_error err = {0};
  assert_int_equal(nv_watch_open(w->loop, "/nonexistent/flows", on_change, w, &watch, &err),
                   NV_ENOTFOUND);
  assert_null(watch);
  assert_non_null(strstr(err.text, "/nonexistent/flows"));
}

static void test_in_a_simulation_nothing_ever_changes(void **state) {
  (void)state;
  nv_env env;
  nv_loop *loop;
  nv_watch *watch;
  nv_env_init_simulated(&env, 1, 0);
  assert_int_equal(nv_loop_open(&env, &loop, NULL), NV_OK);
  assert_int_equal(nv_watch_open(loop, "/nonexistent", on_change, NULL, &watch, NULL), NV_OK);
  assert_false(nv_loop_turn(loop, true));
  nv_watch_close(watch);
  nv_watch_close(NULL);
  nv_loop_close(loop);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(test_a_burst_of_writes_is_told_once_after_it_is_quiet),
      T(test_every_way_of_saving_is_seen),
      T(test_an_endless_stream_of_writes_is_told_all_the_same),
      T(test_a_folder_that_is_replaced_is_still_watched),
      T(test_closing_with_a_change_pending_tells_nothing),
      T(test_a_missing_folder_is_an_error_that_names_it),
      cmocka_unit_test(test_in_a_simulation_nothing_ever_changes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
