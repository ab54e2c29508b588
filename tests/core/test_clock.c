/* Instants, dates and zones, checked against GLib's GDateTime. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

static uint64_t seed = 20240229;

static uint64_t random_bits(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

static int64_t random_instant(int64_t low, int64_t high) {
  return low + (int64_t)(random_bits() % (uint64_t)(high - low + 1));
}

static const char *iso(int64_t us) {
  static char text[NV_ISO_SIZE];
  assert_int_equal(nv_time_iso(us, -1, text), NV_OK);
  return text;
}

static int64_t instant(const char *text) {
  int64_t us = 0;
  nv_error err = {0};
  if (nv_time_parse_iso(nv_str_of(text), &us, &err) != NV_OK)
    fail_msg("%s", err.text);
  return us;
}

static void refuse(const char *text, const char *why) {
  int64_t us = 42;
  nv_error err = {0};
  assert_int_equal(nv_time_parse_iso(nv_str_of(text), &us, &err), NV_ESYNTAX);
  assert_int_equal(us, 42);
  if (!strstr(err.text, why)) fail_msg("%s: \"%s\" does not say \"%s\"", text, err.text, why);
}

static nv_zone *zone(const char *name) {
  nv_zone *z = NULL;
  assert_int_equal(nv_zone_open(name, &z, NULL), NV_OK);
  return z;
}

static void test_every_day_of_ten_thousand_years_goes_both_ways(void **state) {
  (void)state;
  int64_t day = nv_days_of(1, 1, 1);
  int weekday = 1; /* a Monday */
  assert_int_equal(day * NV_US_PER_DAY, NV_TIME_MIN_US);
  for (int y = 1; y <= 9999; y++)
    for (int m = 1; m <= 12; m++)
      for (int d = 1; d <= nv_days_in_month(y, m); d++, day++, weekday = weekday % 7 + 1) {
        nv_civil c = nv_civil_of_days(day);
        if (nv_days_of(y, m, d) != day || c.year != y || c.month != m || c.day != d ||
            c.weekday != weekday)
          fail_msg("%04d-%02d-%02d", y, m, d);
      }
  assert_int_equal(day * NV_US_PER_DAY - 1, NV_TIME_MAX_US);
}

static void test_months_have_the_length_glib_says(void **state) {
  (void)state;
  for (int y = 1; y <= 9999; y++)
    for (int m = 1; m <= 12; m++)
      assert_int_equal(nv_days_in_month(y, m),
                       g_date_get_days_in_month((GDateMonth)m, (GDateYear)y));
  assert_int_equal(nv_days_in_month(2024, 0), 0);
  assert_int_equal(nv_days_in_month(2024, 13), 0);
}

static void test_iso_text_reads_back_for_any_instant(void **state) {
  (void)state;
  for (int i = 0; i < 200000; i++) {
    int64_t us = random_instant(NV_TIME_MIN_US, NV_TIME_MAX_US);
    assert_int_equal(instant(iso(us)), us);
  }
  assert_string_equal(iso(0), "1970-01-01T00:00:00Z");
  assert_string_equal(iso(-1), "1969-12-31T23:59:59.999999Z");
  assert_string_equal(iso(NV_TIME_MIN_US), "0001-01-01T00:00:00Z");
  assert_string_equal(iso(NV_TIME_MAX_US), "9999-12-31T23:59:59.999999Z");
}

static void test_iso_text_cuts_the_fraction_to_what_was_asked(void **state) {
  (void)state;
  char text[NV_ISO_SIZE];
  int64_t us = instant("2026-11-24T06:11:19.987654Z");
  nv_time_iso(us, 0, text);
  assert_string_equal(text, "2026-11-24T06:11:19Z");
  nv_time_iso(us, 3, text);
  assert_string_equal(text, "2026-11-24T06:11:19.987Z");
  nv_time_iso(us, 9, text);
  assert_string_equal(text, "2026-11-24T06:11:19.987654Z");
}

static void test_iso_text_outside_the_years_is_refused(void **state) {
  (void)state;
  char text[NV_ISO_SIZE] = "x";
  assert_int_equal(nv_time_iso(NV_TIME_MAX_US + 1, -1, text), NV_EINVALID);
  assert_string_equal(text, "");
  assert_int_equal(nv_time_iso(NV_TIME_MIN_US - 1, -1, text), NV_EINVALID);
  assert_int_equal(nv_time_iso(INT64_MIN, -1, text), NV_EINVALID);
}

static void test_parse_takes_offsets_fractions_dates_and_naive_times(void **state) {
  (void)state;
  int64_t base = instant("2024-02-29T10:00:00Z");
  assert_int_equal(instant("2024-02-29T10:00:00"), base);
  assert_int_equal(instant("2024-02-29T11:00:00+01:00"), base);
  assert_int_equal(instant("2024-02-29T04:30:00-05:30"), base);
  assert_int_equal(instant("2024-02-29T10:00:00-00:00"), base);
  assert_int_equal(instant("2024-03-01T09:59:00+23:59"), base);
  assert_int_equal(instant("2024-02-29T10:00:00.5Z"), base + 500000);
  assert_int_equal(instant("2024-02-29T10:00:00.000001Z"), base + 1);
  assert_int_equal(instant("2024-02-29"), base - 10 * 3600 * NV_US_PER_S);
}

static void test_parse_refuses_what_does_not_exist_and_says_why(void **state) {
  (void)state;
  refuse("2023-02-29", "no such date");
  refuse("1900-02-29", "no such date");
  refuse("2024-04-31", "no such date");
  refuse("2024-13-01", "no such date");
  refuse("2024-00-01", "no such date");
  refuse("2024-01-00", "no such date");
  refuse("0000-01-01", "no such date");
  refuse("2024-01-01T24:00:00Z", "no such time");
  refuse("2024-01-01T10:60:00Z", "no such time");
  refuse("2024-01-01T10:00:60Z", "no such time");
  refuse("0001-01-01T00:00:00+00:01", "outside");
  refuse("9999-12-31T23:59:59-00:01", "outside");
}

static void test_parse_refuses_other_forms_and_says_why(void **state) {
  (void)state;
  const char *const forms[] = {"",           "2024",        "2024-1-01",  "24-01-01",
                               "20240101",   " 2024-01-01", "2024/01/01", "+2024-01-01"};
  for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
    refuse(forms[i], "expected YYYY-MM-DD");
  refuse("2024-01-01 10:00:00", "THH:MM:SS");
  refuse("2024-01-01T", "THH:MM:SS");
  refuse("2024-01-01T10:00Z", "THH:MM:SS");
  refuse("2024-01-01T10:00:00.Z", "digits after");
  refuse("2024-01-01T10:00:00.1234567Z", "one to six digits");
  refuse("2024-01-01T10:00:00z", "offset");
  refuse("2024-01-01T10:00:00+0100", "offset");
  refuse("2024-01-01T10:00:00+24:00", "offset");
  refuse("2024-01-01T10:00:00Zx", "offset");
  nv_error err = {0};
  int64_t us;
  assert_int_equal(nv_time_parse_iso((nv_str){"2024-01-01\0", 11}, &us, &err), NV_ESYNTAX);
  assert_int_equal(nv_time_parse_iso((nv_str){NULL, 0}, &us, &err), NV_ESYNTAX);
}

static void test_local_fields_agree_with_glib_in_many_zones(void **state) {
  (void)state;
  const char *const names[] = {"UTC", "Europe/Copenhagen", "America/New_York",
                               "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia",
                               "America/Sao_Paulo", "Africa/Casablanca"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    nv_zone *z = zone(names[i]);
    GTimeZone *tz = g_time_zone_new_identifier(names[i]);
    for (int k = 0; k < 20000; k++) {
      int64_t us = random_instant(NV_TIME_MIN_US + NV_US_PER_DAY, NV_TIME_MAX_US - NV_US_PER_DAY);
      nv_civil c;
      assert_int_equal(nv_zone_civil(z, us, &c), NV_OK);
      int64_t s = (us - c.microsecond) / NV_US_PER_S;
      GDateTime *utc = g_date_time_new_from_unix_utc(s);
      GDateTime *t = g_date_time_to_timezone(utc, tz);
      if (c.year != g_date_time_get_year(t) || c.month != g_date_time_get_month(t) ||
          c.day != g_date_time_get_day_of_month(t) || c.hour != g_date_time_get_hour(t) ||
          c.minute != g_date_time_get_minute(t) || c.second != g_date_time_get_second(t) ||
          c.weekday != g_date_time_get_day_of_week(t))
        fail_msg("%s %s", names[i], iso(us));
      g_date_time_unref(t);
      g_date_time_unref(utc);
    }
    g_time_zone_unref(tz);
    nv_zone_close(z);
  }
}

static void test_local_fields_stay_inside_the_years(void **state) {
  (void)state;
  nv_civil c;
  nv_zone *east = zone("Asia/Tokyo"), *west = zone("America/New_York");
  assert_int_equal(nv_zone_civil(east, NV_TIME_MAX_US, &c), NV_EINVALID);
  assert_int_equal(nv_zone_civil(west, NV_TIME_MIN_US, &c), NV_EINVALID);
  assert_int_equal(nv_zone_civil(west, INT64_MAX, &c), NV_EINVALID);
  nv_zone_close(east);
  nv_zone_close(west);
}

static void test_a_local_time_is_reached_at_its_first_occurrence(void **state) {
  (void)state;
  nv_zone *z = zone("Europe/Copenhagen");
  int64_t twice = instant("2024-10-27T02:30:00") / NV_US_PER_S;
  assert_int_equal(nv_zone_reach(z, twice) * NV_US_PER_S, instant("2024-10-27T00:30:00Z"));
  int64_t skipped = instant("2024-03-31T02:30:00") / NV_US_PER_S;
  assert_int_equal(nv_zone_reach(z, skipped) * NV_US_PER_S, instant("2024-03-31T01:00:00Z"));
  int64_t plain = instant("2024-07-01T12:00:00") / NV_US_PER_S;
  assert_int_equal(nv_zone_reach(z, plain) * NV_US_PER_S, instant("2024-07-01T10:00:00Z"));
  nv_zone_close(z);
}

static void test_a_skipped_day_is_reached_where_it_ends(void **state) {
  (void)state;
  nv_zone *z = zone("Pacific/Apia"); /* had no 30 December 2011 */
  int64_t noon = instant("2011-12-30T12:00:00") / NV_US_PER_S;
  assert_int_equal(nv_zone_reach(z, noon) * NV_US_PER_S, instant("2011-12-30T10:00:00Z"));
  nv_zone_close(z);
}

static void test_unknown_and_unsafe_zone_names_are_refused(void **state) {
  (void)state;
  const char *const names[] = {"",          "Nope/City",     "../../etc/passwd", "/etc/localtime",
                               "Europe",    "Europe/",       "Europe//Paris",    "leapseconds",
                               "right/UTC", "CET-1CEST",     "+02:00",           ":UTC",
                               "zone.tab",  "Europe/../UTC", "Europe/Paris "};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    nv_zone *z = NULL;
    nv_error err = {0};
    if (nv_zone_open(names[i], &z, &err) != NV_ENOTFOUND) fail_msg("%s", names[i]);
    assert_null(z);
    assert_true(err.text[0]);
  }
  char longest[400];
  memset(longest, 'a', sizeof longest);
  longest[sizeof longest - 1] = 0;
  nv_zone *z;
  assert_int_equal(nv_zone_open(longest, &z, NULL), NV_ENOTFOUND);
  assert_int_equal(nv_zone_open(NULL, &z, NULL), NV_ENOTFOUND);
}

static void test_more_zones_than_the_cache_keeps_stay_usable(void **state) {
  (void)state;
  nv_zone *held[80];
  char name[32];
  int n = 0;
  for (int round = 0; round < 3; round++)
    for (int h = 1; h <= 12; h++) {
      snprintf(name, sizeof name, "Etc/GMT+%d", h);
      held[n++] = zone(name);
      snprintf(name, sizeof name, "posix/Etc/GMT-%d", h);
      held[n++] = zone(name);
    }
  for (int i = 0; i < n; i++) {
    int hours = i / 2 % 12 + 1;
    assert_int_equal(nv_zone_offset(held[i], 0), (i % 2 ? 3600 : -3600) * hours);
    nv_zone_close(held[i]);
  }
  nv_zone_close(NULL);
}

static void test_durations_are_one_number_and_one_unit(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t us;
  } good[] = {{"250ms", 250000},        {"30s", 30000000}, {"5m", 300000000},
              {"2h", 7200000000},       {"1d", 86400000000}, {"0s", 0},
              {"36600d", 36600 * NV_US_PER_DAY}};
  int64_t us;
  for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
    assert_int_equal(nv_duration_parse(nv_str_of(good[i].text), &us, NULL), NV_OK);
    assert_int_equal(us, good[i].us);
  }
  const char *const bad[] = {"",    "5",    "s",      "-5s",    "1.5h",   "5 s",
                             "5S",  "5min", "1h30m",  "36601d", "99999999999999999999999s"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    assert_int_equal(nv_duration_parse(nv_str_of(bad[i]), &us, NULL), NV_ESYNTAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_day_of_ten_thousand_years_goes_both_ways),
      cmocka_unit_test(test_months_have_the_length_glib_says),
      cmocka_unit_test(test_iso_text_reads_back_for_any_instant),
      cmocka_unit_test(test_iso_text_cuts_the_fraction_to_what_was_asked),
      cmocka_unit_test(test_iso_text_outside_the_years_is_refused),
      cmocka_unit_test(test_parse_takes_offsets_fractions_dates_and_naive_times),
      cmocka_unit_test(test_parse_refuses_what_does_not_exist_and_says_why),
      cmocka_unit_test(test_parse_refuses_other_forms_and_says_why),
      cmocka_unit_test(test_local_fields_agree_with_glib_in_many_zones),
      cmocka_unit_test(test_local_fields_stay_inside_the_years),
      cmocka_unit_test(test_a_local_time_is_reached_at_its_first_occurrence),
      cmocka_unit_test(test_a_skipped_day_is_reached_where_it_ends),
      cmocka_unit_test(test_unknown_and_unsafe_zone_names_are_refused),
      cmocka_unit_test(test_more_zones_than_the_cache_keeps_stay_usable),
      cmocka_unit_test(test_durations_are_one_number_and_one_unit),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
