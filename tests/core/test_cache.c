/* The cache: bounds, order of leaving, time to live. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache.h"

#define S(text) nv_str_of(text)

static nv_env env;

static int set_up(void **state) {
  (void)state;
  nv_env_init_simulated(&env, 1, 0);
  return 0;
}

static bool holds(nv_cache *c, const char *space, const char *key, const char *value) {
  nv_str v;
  return nv_cache_get(c, S(space), S(key), &v) && nv_str_eq(v, value);
}

static bool misses(nv_cache *c, const char *space, const char *key) {
  nv_str v;
  return !nv_cache_get(c, S(space), S(key), &v);
}

static void put(nv_cache *c, const char *space, const char *key, const char *value) {
  assert_int_equal(nv_cache_put(c, S(space), S(key), S(value), 0), NV_OK);
}

static void test_space_and_key_together_name_a_value(void **state) {
  (void)state;
  nv_cache *c = nv_cache_new(&env, 100, 100000);
  put(c, "ab", "c", "1");
  put(c, "a", "bc", "2");
  put(c, "", "abc", "3");
  put(c, "abc", "", "");
  assert_true(holds(c, "ab", "c", "1") && holds(c, "a", "bc", "2"));
  assert_true(holds(c, "", "abc", "3") && holds(c, "abc", "", ""));
  assert_true(misses(c, "a", "b"));
  nv_cache_free(c);
}

static void test_values_are_bytes(void **state) {
  (void)state;
  nv_cache *c = nv_cache_new(&env, 100, 100000);
  nv_str v, bytes = {"a\0b", 3};
  assert_int_equal(nv_cache_put(c, bytes, bytes, bytes, 0), NV_OK);
  assert_true(nv_cache_get(c, bytes, bytes, &v));
  assert_int_equal(v.n, 3);
  assert_memory_equal(v.p, "a\0b", 3);
  assert_true(misses(c, "a", "a"));
  nv_cache_free(c);
}

static void test_put_replaces_also_by_the_value_itself(void **state) {
  (void)state;
  nv_cache *c = nv_cache_new(&env, 100, 100000);
  nv_str v;
  put(c, "s", "k", "hello");
  assert_true(nv_cache_get(c, S("s"), S("k"), &v));
  assert_int_equal(nv_cache_put(c, S("s"), S("k"), (nv_str){v.p + 1, 3}, 0), NV_OK);
  assert_true(holds(c, "s", "k", "ell"));
  assert_int_equal(nv_cache_entries(c), 1);
  nv_cache_free(c);
}

static void test_the_least_recently_used_leaves_first(void **state) {
  (void)state;
  nv_cache *c = nv_cache_new(&env, 3, 100000);
  put(c, "s", "1", "a");
  put(c, "s", "2", "b");
  put(c, "s", "3", "c");
  assert_true(holds(c, "s", "1", "a"));
  put(c, "s", "4", "d");
  assert_true(misses(c, "s", "2"));
  assert_true(holds(c, "s", "1", "a") && holds(c, "s", "3", "c") && holds(c, "s", "4", "d"));
  nv_cache_free(c);
}

static void test_bytes_are_bounded(void **state) {
  (void)state;
  nv_cache *c = nv_cache_new(&env, 1000, 10000);
  char value[1000], key[16];
  memset(value, 'x', sizeof value);
  for (int i = 0; i < 100; i++) {
    snprintf(key, sizeof key, "%d", i);
    assert_int_equal(nv_cache_put(c, S("s"), S(key), (nv_str){value, sizeof value}, 0), NV_OK);
    assert_true(nv_cache_bytes(c) <= 10000);
  }
  assert_in_range(nv_cache_entries(c), 5, 10);
  nv_cache_free(c);
}

static void test_a_value_too_large_is_refused_and_the_old_one_forgotten(void **state) {
  (void)state;
  nv_cache *c = nv_cache_new(&env, 10, 4000);
  char value[1000] = {0};
  put(c, "s", "k", "old");
  put(c, "s", "other", "kept");
  assert_int_equal(nv_cache_put(c, S("s"), S("k"), (nv_str){value, sizeof value}, 0), NV_ETOOLARGE);
  assert_true(misses(c, "s", "k"));
  assert_true(holds(c, "s", "other", "kept"));
  nv_cache_free(c);
}

static void test_time_to_live_ends_to_the_microsecond(void **state) {
  (void)state;
  nv_cache *c = nv_cache_new(&env, 10, 4000);
  nv_cache_put(c, S("s"), S("k"), S("v"), 5);
  nv_cache_put(c, S("s"), S("long"), S("v"), INT64_MAX);
  env.sim_monotonic_us += 4999;
  assert_true(holds(c, "s", "k", "v"));
  env.sim_monotonic_us += 1;
  assert_true(misses(c, "s", "k"));
  assert_true(holds(c, "s", "long", "v"));
  assert_int_equal(nv_cache_entries(c), 1);
  nv_cache_free(c);
}

static void test_drop_forgets_a_key_or_a_space(void **state) {
  (void)state;
  nv_cache *c = nv_cache_new(&env, 10, 4000);
  put(c, "s", "1", "a");
  put(c, "s", "2", "b");
  put(c, "t", "1", "c");
  nv_cache_drop(c, S("s"), S("1"));
  nv_cache_drop(c, S("s"), S("never"));
  assert_true(misses(c, "s", "1") && holds(c, "s", "2", "b"));
  nv_cache_drop(c, S("s"), (nv_str){NULL, 0});
  assert_true(misses(c, "s", "2") && holds(c, "t", "1", "c"));
  nv_cache_free(c);
}

/* Against a plain array that remembers everything: what the cache says is never
 * wrong, and the bounds always hold. */
static void test_any_mix_of_calls_never_answers_wrong(void **state) {
  (void)state;
  enum { KEYS = 300 };
  static int truth[KEYS];
  nv_cache *c = nv_cache_new(&env, 100, 20000);
  memset(truth, 0, sizeof truth);
  for (int step = 1; step < 100000; step++) {
    char key[16], value[64];
    int k = (int)nv_env_random_below(&env, KEYS);
    nv_str v;
    snprintf(key, sizeof key, "%d", k);
    switch (nv_env_random_below(&env, 8)) {
      case 0:
        nv_cache_drop(c, S(k % 2 ? "a" : "b"), S(key));
        truth[k] = 0;
        break;
      case 1: case 2: case 3:
        snprintf(value, sizeof value, "%0*d", 1 + step % 40, step);
        assert_int_equal(nv_cache_put(c, S(k % 2 ? "a" : "b"), S(key), S(value), 0), NV_OK);
        truth[k] = step;
        break;
      default:
        if (!nv_cache_get(c, S(k % 2 ? "a" : "b"), S(key), &v)) break;
        snprintf(value, sizeof value, "%.*s", (int)v.n, v.p);
        assert_int_equal(atoi(value), truth[k]);
    }
    assert_true(nv_cache_entries(c) <= 100 && nv_cache_bytes(c) <= 20000);
  }
  assert_in_range(nv_cache_entries(c), 50, 100);
  nv_cache_free(c);
}

int main(void) {
#define T(name) cmocka_unit_test_setup(name, set_up)
  const struct CMUnitTest tests[] = {
      T(test_space_and_key_together_name_a_value),
      T(test_values_are_bytes),
      T(test_put_replaces_also_by_the_value_itself),
      T(test_the_least_recently_used_leaves_first),
      T(test_bytes_are_bounded),
      T(test_a_value_too_large_is_refused_and_the_old_one_forgotten),
      T(test_time_to_live_ends_to_the_microsecond),
      T(test_drop_forgets_a_key_or_a_space),
      T(test_any_mix_of_calls_never_answers_wrong),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
