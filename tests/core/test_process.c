/* Programs that are fed, fail, hang, leave children behind, or are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "process.h"

typedef struct ended {
  nv_loop *loop;
  bool done;
} ended;

static void on_done(nv_op *op, void *arg) {
  (void)op;
  ended *e = arg;
  e->done = true;
  nv_loop_stop(e->loop);
}

/* Runs a program to its end; the output is copied to `text`. */
static nv_process_result run(const char *const *argv, const char *input, int64_t timeout_ms,
                             char *text, size_t ntext) {
  nv_env env;
  nv_error err;
  ended e = {0};
  nv_op *op;
  nv_env_init(&env);
  assert_int_equal(nv_loop_open(&env, &e.loop, &err), NV_OK);
  nv_process_args a = {argv, nv_str_of(input), timeout_ms};
  assert_int_equal(nv_process_start(e.loop, &a, &op, &err), NV_OK);
  nv_op_on_done(op, on_done, &e);
  nv_loop_run(e.loop);
  assert_true(e.done);
  nv_process_result r = nv_process_result_of(op);
  size_t n = r.output.n < ntext - 1 ? r.output.n : ntext - 1;
  memcpy(text, r.output.p, n);
  text[n] = 0;
  nv_op_release(op);
  assert_int_equal(nv_loop_live_ops(e.loop), 0);
  nv_loop_close(e.loop);
  return r;
}

static void test_a_program_gets_its_input_and_arguments_as_they_are(void **state) {
  (void)state;
  char text[NV_PROCESS_OUTPUT + 1];
  const char *const argv[] = {"sh", "-c", "cat >&2; printf '<%s>' \"$1\" >&2; exit 7", "sh",
                              "a b; $(c)", NULL};
  nv_process_result r = run(argv, "in\n", 5000, text, sizeof text);
  assert_int_equal(r.code, 7);
  assert_int_equal(r.signal, 0);
  assert_false(r.timed_out);
  assert_string_equal(text, "in\n<a b; $(c)>");
}

static void test_a_program_sees_no_secret_of_our_environment(void **state) {
  (void)state;
  char text[NV_PROCESS_OUTPUT + 1];
  setenv("ODOO_PASSWORD", "canary", 1);
  const char *const argv[] = {"sh", "-c", "env >&2; echo unseen", NULL};
  nv_process_result r = run(argv, "", 5000, text, sizeof text);
  assert_int_equal(r.code, 0);
  assert_null(strstr(text, "canary"));
  assert_null(strstr(text, "unseen"));
  assert_non_null(strstr(text, "PATH="));
}

static void test_what_hangs_is_asked_to_end_and_then_killed(void **state) {
  (void)state;
  char text[64];
  const char *const polite[] = {"sleep", "60", NULL};
  nv_process_result r = run(polite, "", 100, text, sizeof text);
  assert_true(r.timed_out);
  assert_int_equal(r.signal, SIGTERM);
  const char *const deaf[] = {"sh", "-c", "trap '' TERM; while :; do sleep 1; done", NULL};
  r = run(deaf, "", 100, text, sizeof text);
  assert_true(r.timed_out);
  assert_int_equal(r.signal, SIGKILL);
}

static void test_a_child_that_is_left_behind_dies_with_it(void **state) {
  (void)state;
  char text[64];
  const char *const argv[] = {"sh", "-c", "sleep 60 & echo $! >&2", NULL};
  nv_process_result r = run(argv, "", 5000, text, sizeof text);
  assert_int_equal(r.code, 0);
  pid_t child = (pid_t)atol(text);
  assert_true(child > 1);
  for (int i = 0; i < 200 && kill(child, 0) == 0; i++) usleep(10000);
  char path[64], line[256] = "";
  snprintf(path, sizeof path, "/proc/%d/stat", (int)child);
  FILE *f = fopen(path, "r"); /* a zombie of a container without init is dead, too */
  if (f) {
    assert_non_null(fgets(line, sizeof line, f));
    fclose(f);
    assert_non_null(strstr(line, ") Z "));
  }
}

static void test_much_output_and_unread_input_hold_nothing_up(void **state) {
  (void)state;
  char text[NV_PROCESS_OUTPUT + 1], *input = malloc(1 << 20);
  memset(input, 'x', (1 << 20) - 1);
  input[(1 << 20) - 1] = 0;
  const char *const loud[] = {"sh", "-c", "head -c 1000000 /dev/zero | tr '\\0' y >&2", NULL};
  nv_process_result r = run(loud, input, 5000, text, sizeof text);
  assert_int_equal(r.code, 0);
  assert_int_equal(strlen(text), NV_PROCESS_OUTPUT);
  free(input);
}

static void test_a_program_that_is_not_there_is_named(void **state) {
  (void)state;
  nv_env env;
  nv_error err;
  nv_loop *loop;
  nv_op *op;
  nv_env_init(&env);
  assert_int_equal(nv_loop_open(&env, &loop, &err), NV_OK);
  const char *const argv[] = {"/no/such/program", NULL};
  nv_process_args a = {argv, nv_str_of(""), 1000};
  assert_int_equal(nv_process_start(loop, &a, &op, &err), NV_ENOTFOUND);
  assert_null(op);
  assert_string_equal(err.text, "cannot start /no/such/program: no such file or directory");
  nv_loop_close(loop);
}

static void test_letting_go_kills_it(void **state) {
  (void)state;
  nv_env env;
  nv_error err;
  nv_loop *loop;
  nv_op *op;
  nv_env_init(&env);
  assert_int_equal(nv_loop_open(&env, &loop, &err), NV_OK);
  const char *const argv[] = {"sleep", "60", NULL};
  nv_process_args a = {argv, nv_str_of(""), 60000};
  assert_int_equal(nv_process_start(loop, &a, &op, &err), NV_OK);
  nv_op_release(op);
  for (int i = 0; i < 500 && nv_loop_live_ops(loop) > 0; i++) {
    nv_loop_turn(loop, false);
    usleep(10000);
  }
  assert_int_equal(nv_loop_live_ops(loop), 0);
  nv_loop_close(loop);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_program_gets_its_input_and_arguments_as_they_are),
      cmocka_unit_test(test_a_program_sees_no_secret_of_our_environment),
      cmocka_unit_test(test_what_hangs_is_asked_to_end_and_then_killed),
      cmocka_unit_test(test_a_child_that_is_left_behind_dies_with_it),
      cmocka_unit_test(test_much_output_and_unread_input_hold_nothing_up),
      cmocka_unit_test(test_a_program_that_is_not_there_is_named),
      cmocka_unit_test(test_letting_go_kills_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
