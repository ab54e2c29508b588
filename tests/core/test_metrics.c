/* Series: sorted, bounded, each of one kind; buckets of a histogram. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "metrics.h"

static nv_str of(const char *z) { return (nv_str){z, strlen(z)}; }

static void test_a_duration_counts_in_the_first_bucket_that_holds_it(void **state) {
  (void)state;
  nv_histogram h = {0};
  nv_histogram_add(&h, 0.0005, 1);
  nv_histogram_add(&h, 0.0006, 1);
  nv_histogram_add(&h, -3, 1);
  nv_histogram_add(&h, 1e9, 1);
  assert_int_equal(h.count, 4);
  assert_int_equal(h.buckets[0], 2);
  assert_int_equal(h.buckets[1], 1);
  uint64_t sum = 0;
  for (int i = 0; i < NV_HISTOGRAM_BUCKETS; i++) sum += h.buckets[i];
  assert_int_equal(sum, 3); /* what is beyond the last bound is in the count only */
}

static void test_bounds_grow(void **state) {
  (void)state;
  for (int i = 1; i < NV_HISTOGRAM_BUCKETS; i++)
    assert_true(nv_histogram_bounds[i] > nv_histogram_bounds[i - 1]);
}

static void test_series_come_sorted_by_family_and_labels(void **state) {
  (void)state;
  nv_metrics *m = nv_metrics_new();
  nv_metrics_count(m, of("b"), of("x=\"2\""), 1);
  nv_metrics_count(m, of("b"), of("x=\"1\""), 2);
  nv_metrics_count(m, of("b"), of("x=\"2\""), 4);
  nv_metrics_set(m, of("a"), of(""), 7);
  nv_metrics_set(m, of("a"), of(""), 8);
  nv_metrics_observe(m, of("ab"), of(""), 1, 1);
  static const struct { const char *family, *labels; double value; } want[] = {
      {"a", "", 8}, {"ab", "", 0}, {"b", "x=\"1\"", 2}, {"b", "x=\"2\"", 5}};
  nv_series s;
  for (size_t i = 0; i < 4; i++) {
    assert_true(nv_metrics_at(m, i, &s));
    assert_true(nv_str_eq(s.family, want[i].family) && nv_str_eq(s.labels, want[i].labels));
    assert_true(s.value == want[i].value);
    assert_int_equal(s.histogram != NULL, i == 1);
  }
  assert_false(nv_metrics_at(m, 4, &s));
  nv_metrics_free(m);
}

static void test_a_series_keeps_its_kind_and_their_number_is_bounded(void **state) {
  (void)state;
  nv_metrics *m = nv_metrics_new();
  nv_metrics_observe(m, of("h"), of(""), 1, 1);
  nv_metrics_count(m, of("h"), of(""), 1);
  assert_int_equal(nv_metrics_lost(m), 1);
  char labels[32];
  for (int i = 0; i < NV_METRICS_MAX + 9; i++) {
    snprintf(labels, sizeof labels, "n=\"%d\"", i);
    nv_metrics_count(m, of("flood"), of(labels), 1);
  }
  assert_int_equal(nv_metrics_lost(m), 1 + 10);
  nv_metrics_observe(m, of("h"), of(""), 1, 1); /* those that are there go on */
  nv_series s;
  assert_false(nv_metrics_at(m, NV_METRICS_MAX, &s));
  assert_true(nv_metrics_at(m, NV_METRICS_MAX - 1, &s));
  assert_int_equal(s.histogram->count, 2);
  nv_metrics_free(m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_duration_counts_in_the_first_bucket_that_holds_it),
      cmocka_unit_test(test_bounds_grow),
      cmocka_unit_test(test_series_come_sorted_by_family_and_labels),
      cmocka_unit_test(test_a_series_keeps_its_kind_and_their_number_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
