/* The circuit breaker, on a clock moved by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "breaker.h"

static nv_env env;

static int set_up(void **state) {
  (void)state;
  nv_env_init_simulated(&env, 7, 0);
  return 0;
}

static void pass_time(int64_t ms) { env.sim_monotonic_us += ms * 1000; }

static bool passes(nv_breaker *b) {
  bool probe;
  return nv_breaker_pass(b, &env, false, &probe);
}

static void fail_times(nv_breaker *b, int n) {
  for (int i = 0; i < n; i++) nv_breaker_report(b, &env, false, 0);
}

static void test_it_opens_after_five_failures_in_a_row(void **state) {
  (void)state;
  nv_breaker b = {0};
  fail_times(&b, 4);
  assert_true(passes(&b));
  assert_true(nv_breaker_report(&b, &env, false, 0));
  assert_false(passes(&b));
  assert_int_equal(nv_breaker_look(&b, &env), NV_BREAKER_OPEN);
}

static void test_a_success_between_starts_the_count_again(void **state) {
  (void)state;
  nv_breaker b = {0};
  for (int i = 0; i < 3; i++) {
    fail_times(&b, 4);
    nv_breaker_report(&b, &env, true, 0);
  }
  assert_true(passes(&b));
}

static void test_the_cool_down_doubles_to_a_minute_with_jitter(void **state) {
  (void)state;
  nv_breaker b = {0};
  int64_t step = 1000;
  fail_times(&b, 5);
  for (int i = 0; i < 12; i++) {
    uint32_t wait = nv_breaker_wait_ms(&b, &env);
    assert_in_range(wait, step * 3 / 4, step);
    pass_time(wait - 1);
    assert_false(passes(&b));
    pass_time(1);
    assert_true(passes(&b));
    assert_true(nv_breaker_report(&b, &env, false, 0)); /* one failed probe is enough */
    step = step * 2 < 60000 ? step * 2 : 60000;
  }
}

static void test_half_open_lets_one_probe_through(void **state) {
  (void)state;
  nv_breaker b = {0};
  bool probe;
  fail_times(&b, 5);
  pass_time(1000);
  assert_int_equal(nv_breaker_look(&b, &env), NV_BREAKER_HALF_OPEN);
  assert_false(nv_breaker_pass(&b, &env, true, &probe)); /* never a write */
  assert_true(nv_breaker_pass(&b, &env, false, &probe));
  assert_true(probe);
  assert_false(passes(&b));
  assert_true(nv_breaker_wait_ms(&b, &env) > 0);
  nv_breaker_probe_ended(&b, &env, true);
  assert_false(passes(&b)); /* its report is on the way */
  pass_time(1000);          /* and never came */
  assert_true(passes(&b));
  nv_breaker_probe_ended(&b, &env, false); /* it was given up */
  assert_true(passes(&b));
  nv_breaker_report(&b, &env, true, 0);
  assert_true(nv_breaker_pass(&b, &env, true, &probe));
  assert_false(probe);
  assert_int_equal(nv_breaker_wait_ms(&b, &env), 0);
}

static void test_a_success_forgets_earlier_cool_downs(void **state) {
  (void)state;
  nv_breaker b = {0};
  fail_times(&b, 5);
  for (int i = 0; i < 5; i++) {
    pass_time(60000);
    fail_times(&b, 1);
  }
  pass_time(60000);
  nv_breaker_report(&b, &env, true, 0);
  fail_times(&b, 5);
  assert_true(nv_breaker_wait_ms(&b, &env) <= 1000);
}

static void test_retry_after_opens_at_once_for_exactly_that_long(void **state) {
  (void)state;
  nv_breaker b = {0};
  assert_true(nv_breaker_report(&b, &env, false, 7000));
  assert_int_equal(nv_breaker_wait_ms(&b, &env), 7000);
  pass_time(6999);
  assert_false(passes(&b));
  pass_time(1);
  assert_true(passes(&b));
}

static void test_an_open_breaker_takes_a_longer_retry_after_but_no_shorter(void **state) {
  (void)state;
  nv_breaker b = {0};
  nv_breaker_report(&b, &env, false, 7000);
  assert_false(nv_breaker_report(&b, &env, false, 3000));
  assert_int_equal(nv_breaker_wait_ms(&b, &env), 7000);
  nv_breaker_report(&b, &env, false, 9000);
  assert_int_equal(nv_breaker_wait_ms(&b, &env), 9000);
}

static void test_a_late_success_does_not_close_an_open_breaker(void **state) {
  (void)state;
  nv_breaker b = {0};
  fail_times(&b, 5);
  nv_breaker_report(&b, &env, true, 0);
  assert_false(passes(&b));
}

int main(void) {
#define T(name) cmocka_unit_test_setup(name, set_up)
  const struct CMUnitTest tests[] = {
      T(test_it_opens_after_five_failures_in_a_row),
      T(test_a_success_between_starts_the_count_again),
      T(test_the_cool_down_doubles_to_a_minute_with_jitter),
      T(test_half_open_lets_one_probe_through),
      T(test_a_success_forgets_earlier_cool_downs),
      T(test_retry_after_opens_at_once_for_exactly_that_long),
      T(test_an_open_breaker_takes_a_longer_retry_after_but_no_shorter),
      T(test_a_late_success_does_not_close_an_open_breaker),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
