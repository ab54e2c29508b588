/* Back-off and Retry-After. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "clock.h"
#include "retry.h"

static void test_delays_stay_below_a_doubling_bound(void **state) {
  (void)state;
  nv_env env;
  nv_env_init_simulated(&env, 3, 0);
  int64_t bound = 10 * NV_US_PER_S, ceiling = 1800 * NV_US_PER_S;
  for (int attempt = 1; attempt <= 80; attempt++) {
    for (int i = 0; i < 50; i++) {
      int64_t d = nv_retry_delay_us(&env, attempt, 10 * NV_US_PER_S, ceiling);
      assert_true(d >= 0 && d <= bound);
    }
    bound = bound * 2 < ceiling ? bound * 2 : ceiling;
  }
}

static void test_jitter_uses_the_whole_range(void **state) {
  (void)state;
  nv_env env;
  nv_env_init_simulated(&env, 4, 0);
  int low = 0, high = 0;
  for (int i = 0; i < 1000; i++) {
    int64_t d = nv_retry_delay_us(&env, 4, 1000, 1000000); /* up to 8000 */
    low += d < 2000;
    high += d > 6000;
  }
  assert_in_range(low, 180, 320);
  assert_in_range(high, 180, 320);
}

static void test_odd_bounds_give_no_odd_delays(void **state) {
  (void)state;
  nv_env env;
  nv_env_init_simulated(&env, 5, 0);
  assert_int_equal(nv_retry_delay_us(&env, 1, 0, 1000), 0);
  assert_int_equal(nv_retry_delay_us(&env, 5, -3, 1000), 0);
  assert_int_equal(nv_retry_delay_us(&env, 5, 1000, 0), 0);
  assert_true(nv_retry_delay_us(&env, 0, 1000, 50) <= 50);
  assert_true(nv_retry_delay_us(&env, 1000, 1, INT64_MAX) >= 0);
}

static void test_same_seed_same_delays(void **state) {
  (void)state;
  nv_env a, b;
  nv_env_init_simulated(&a, 9, 0);
  nv_env_init_simulated(&b, 9, 0);
  for (int i = 1; i < 50; i++)
    assert_int_equal(nv_retry_delay_us(&a, i, 1000, 1 << 20), nv_retry_delay_us(&b, i, 1000, 1 << 20));
}

/* An endpoint that fails at a share of its calls, at 100 first calls a second for a
 * minute: how many retries it was sent per first call. */
static double retries_per_call(int fails_of_100) {
  enum { CALLS = 6000, SLOTS = 1 << 20 };
  static int due[SLOTS]; /* retries by tick of 10 ms */
  memset(due, 0, sizeof due);
  nv_env env;
  nv_env_init_simulated(&env, 11, 0);
  nv_budget b = {0};
  int retries = 0;
  for (int tick = 0; tick < CALLS; tick++) {
    env.sim_monotonic_us += 10000;
    for (int n = 1 + due[tick]; n > 0; n--) {
      retries += n > 1;
      if ((int)nv_env_random_below(&env, 100) >= fails_of_100) {
        nv_budget_earn(&b);
        continue;
      }
      int64_t us = nv_retry_delay_us(&env, 1, NV_US_PER_S, NV_US_PER_S);
      int64_t share = nv_budget_spend_us(&b, &env);
      due[tick + 1 + (share > us ? share : us) / 10000]++;
    }
  }
  return (double)retries / CALLS;
}

static void test_retries_never_multiply_the_load(void **state) {
  (void)state;
  assert_true(retries_per_call(5) > 0.04);
  double third = retries_per_call(30); /* all of them: 0.3 + 0.09 + ... */
  assert_true(third > 0.38 && third < 0.46);
  assert_true(retries_per_call(60) < 0.5);
  assert_true(retries_per_call(100) < 0.02); /* the first few, and one a second */
}

/* 1994-11-06T08:49:37Z, the example of RFC 9110, minus five seconds */
static const int64_t now = (INT64_C(784111777) - 5) * NV_US_PER_S;

static void test_retry_after_reads_seconds(void **state) {
  (void)state;
  assert_int_equal(nv_retry_after_ms("0", now), 0);
  assert_int_equal(nv_retry_after_ms("120", now), 120000);
  assert_int_equal(nv_retry_after_ms("  7 ", now), 7000);
}

static void test_retry_after_reads_the_three_http_dates(void **state) {
  (void)state;
  assert_int_equal(nv_retry_after_ms("Sun, 06 Nov 1994 08:49:37 GMT", now), 5000);
  assert_int_equal(nv_retry_after_ms("Sunday, 06-Nov-94 08:49:37 GMT", now), 5000);
  assert_int_equal(nv_retry_after_ms("Sun Nov  6 08:49:37 1994", now), 5000);
}

static void test_a_date_in_the_past_is_no_wait(void **state) {
  (void)state;
  assert_int_equal(nv_retry_after_ms("Sun, 06 Nov 1994 08:49:32 GMT", now), 0);
  assert_int_equal(nv_retry_after_ms("Sun, 06 Nov 1990 08:49:37 GMT", now), 0);
}

static void test_retry_after_is_at_most_a_day(void **state) {
  (void)state;
  assert_int_equal(nv_retry_after_ms("99999999999999999999999999", now), 86400000);
  assert_int_equal(nv_retry_after_ms("Fri, 31 Dec 9999 23:59:59 GMT", now), 86400000);
}

static void test_what_is_not_understood_is_no_wait(void **state) {
  (void)state;
  static const char *const texts[] = {"", "soon", "-5", "5s", "1.5", "1 2", "Sun, 06 Nov 1994",
      "Sun, 06 Nov 1994 08:49:37", "Sun, 32 Nov 1995 08:49:37 GMT",
      "Sun, 06 Foo 1995 08:49:37 GMT", "Sun, 06 Nov 1995 25:49:37 GMT",
      "Sun, 06 Nov 1995 08:49:37 GMT x", "Sun, 06 N 1995 08:49:37 GMT",
      "Thu, 30 Feb 1995 00:00:00 GMT"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (nv_retry_after_ms(texts[i], now) != 0) fail_msg("understood: '%s'", texts[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_delays_stay_below_a_doubling_bound),
      cmocka_unit_test(test_jitter_uses_the_whole_range),
      cmocka_unit_test(test_odd_bounds_give_no_odd_delays),
      cmocka_unit_test(test_same_seed_same_delays),
      cmocka_unit_test(test_retries_never_multiply_the_load),
      cmocka_unit_test(test_retry_after_reads_seconds),
      cmocka_unit_test(test_retry_after_reads_the_three_http_dates),
      cmocka_unit_test(test_a_date_in_the_past_is_no_wait),
      cmocka_unit_test(test_retry_after_is_at_most_a_day),
      cmocka_unit_test(test_what_is_not_understood_is_no_wait),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
