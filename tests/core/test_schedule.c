/* Time tables, checked against a walk over every minute of several years. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "schedule.h"

/* ---- the other opinion: a table of rules written out, and a walk ---- */

typedef struct minute {
  int minute, hour, day, month, weekday; /* weekday 0 Sunday */
} minute;

static bool every_minute(const minute *t) { return t != NULL; }
static bool daily_0230(const minute *t) { return t->hour == 2 && t->minute == 30; }
static bool daily_midnight(const minute *t) { return t->hour == 0 && t->minute == 0; }
static bool daily_0150(const minute *t) { return t->hour == 1 && t->minute == 50; }
static bool quarter_hours(const minute *t) { return t->minute % 15 == 0; }
static bool office(const minute *t) {
  return t->minute % 20 == 5 && t->hour >= 7 && t->hour <= 18 && t->weekday >= 1 &&
         t->weekday <= 5;
}
static bool thirteenth_or_friday(const minute *t) {
  return t->minute == 0 && t->hour == 12 && (t->day == 13 || t->weekday == 5);
}
static bool leap_day(const minute *t) {
  return t->minute == 59 && t->hour == 23 && t->day == 29 && t->month == 2;
}
static bool odd_days_in_summer(const minute *t) {
  return t->minute == 0 && t->hour == 2 && t->day % 2 == 1 && t->month >= 6 && t->month <= 8;
}
static bool odd_days_that_are_monday(const minute *t) {
  return t->minute == 0 && t->hour == 2 && t->day % 2 == 1 && t->weekday == 1;
}
static bool weekend(const minute *t) {
  return t->minute == 30 && (t->hour == 2 || t->hour == 3) &&
         (t->weekday == 0 || t->weekday == 6);
}

static const struct rule {
  const char *text;
  bool (*matches)(const minute *t);
} rules[] = {{"* * * * *", every_minute},
             {"02:30", daily_0230},
             {"30 2 * * *", daily_0230},
             {"00:00", daily_midnight},
             {"50 1 * * *", daily_0150},
             {"*/15 * * * *", quarter_hours},
             {"5-59/20 7-18 * * mon-fri", office},
             {"0 12 13 * Fri", thirteenth_or_friday},
             {"59 23 29 feb *", leap_day},
             {"0 2 */2 JUN-aug *", odd_days_in_summer},
             {"0 2 */2 * 1", odd_days_that_are_monday},
             {"30 2,3 * * 6,7", weekend}};

enum { RULES = sizeof rules / sizeof rules[0] };

typedef struct firings {
  int64_t *at; /* UTC minutes */
  size_t n, cap;
} firings;

static void add_firing(firings *f, int64_t at) {
  if (f->n && f->at[f->n - 1] == at) return; /* slots on one instant fire together */
  if (f->n == f->cap) {
    f->cap = f->cap ? f->cap * 2 : 1024;
    f->at = realloc(f->at, f->cap * sizeof *f->at);
    assert_non_null(f->at);
  }
  f->at[f->n++] = at;
}

static minute local_minute(int64_t local) {
  static int64_t known_day = INT64_MIN;
  static minute m;
  int64_t day = local / 1440;
  if (day != known_day) {
    GDate date;
    g_date_clear(&date, 1);
    g_date_set_julian(&date, (guint32)(day + 719163)); /* GDate counts from year 1 */
    m.day = g_date_get_day(&date);
    m.month = (int)g_date_get_month(&date);
    m.weekday = (int)g_date_get_weekday(&date) % 7;
    known_day = day;
  }
  m.hour = (int)(local % 1440 / 60);
  m.minute = (int)(local % 60);
  return m;
}

/* Goes through every minute; each local minute counts when it is first shown, or
 * jumped over, and never again. */
static void walk(const char *zone, int64_t begin, int64_t end, firings out[RULES]) {
  GTimeZone *tz = g_time_zone_new_identifier(zone);
  int64_t high = INT64_MIN;
  memset(out, 0, RULES * sizeof *out);
  for (int64_t u = begin - 3 * 1440; u < end; u++) {
    int interval = g_time_zone_find_interval(tz, G_TIME_TYPE_UNIVERSAL, u * 60);
    int64_t local = u + g_time_zone_get_offset(tz, interval) / 60;
    if (high == INT64_MIN) high = local - 1;
    for (; high < local; high++) {
      minute m = local_minute(high + 1);
      for (size_t i = 0; u >= begin && i < RULES; i++)
        if (rules[i].matches(&m)) add_firing(&out[i], u);
    }
  }
  g_time_zone_unref(tz);
}

static void free_firings(firings out[RULES]) {
  for (size_t i = 0; i < RULES; i++) free(out[i].at);
}

static int64_t minutes_of(int year) { return nv_days_of(year, 1, 1) * 1440; }

static nv_cron cron(const char *text) {
  nv_cron c;
  nv_error err = {0};
  if (nv_cron_parse(nv_str_of(text), &c, &err) != NV_OK) fail_msg("%s: %s", text, err.text);
  return c;
}

static nv_zone *zone_of(const char *name) {
  nv_zone *z = NULL;
  assert_int_equal(nv_zone_open(name, &z, NULL), NV_OK);
  return z;
}

static void check_zone_years(const char *name, int from, int to) {
  firings expected[RULES];
  nv_zone *z = zone_of(name);
  walk(name, minutes_of(from), minutes_of(to + 1), expected);
  for (size_t i = 0; i < RULES; i++) {
    nv_cron c = cron(rules[i].text);
    int64_t at = minutes_of(from) * 60 * NV_US_PER_S - 1;
    for (size_t k = 0; k < expected[i].n; k++) {
      int64_t next = 0, want = expected[i].at[k] * 60 * NV_US_PER_S;
      assert_int_equal(nv_cron_next(&c, z, at, &next), NV_OK);
      if (next != want) {
        char got[NV_ISO_SIZE], wanted[NV_ISO_SIZE];
        nv_time_iso(next, -1, got);
        nv_time_iso(want, -1, wanted);
        fail_msg("%s in %s: %s, expected %s", rules[i].text, name, got, wanted);
      }
      at = next;
    }
  }
  nv_zone_close(z);
  free_firings(expected);
}

static void test_each_slot_fires_once_in_copenhagen(void **state) {
  (void)state;
  check_zone_years("Europe/Copenhagen", 2023, 2025);
}

static void test_each_slot_fires_once_in_new_york(void **state) {
  (void)state;
  check_zone_years("America/New_York", 2006, 2008);
}

static void test_each_slot_fires_once_on_lord_howe(void **state) {
  (void)state;
  check_zone_years("Australia/Lord_Howe", 2023, 2024);
}

static void test_each_slot_fires_once_in_utc(void **state) {
  (void)state;
  check_zone_years("UTC", 2024, 2024);
}

static void test_each_slot_fires_once_where_a_whole_day_is_skipped(void **state) {
  (void)state;
  check_zone_years("Pacific/Apia", 2011, 2012);
}

static void test_each_slot_fires_once_where_midnight_is_skipped(void **state) {
  (void)state;
  check_zone_years("America/Sao_Paulo", 2017, 2018);
}

static void test_each_slot_fires_once_where_clocks_change_four_times_a_year(void **state) {
  (void)state;
  check_zone_years("Africa/Cairo", 2010, 2010);
  check_zone_years("Antarctica/Troll", 2024, 2024);
}

static void test_each_slot_fires_once_in_years_to_come(void **state) {
  (void)state;
  check_zone_years("Europe/Copenhagen", 2099, 2100);
}

static void test_any_moment_finds_the_first_slot_after_it(void **state) {
  (void)state;
  const char *const names[] = {"Europe/Copenhagen", "Australia/Lord_Howe"};
  uint64_t seed = 7;
  for (size_t n = 0; n < 2; n++) {
    firings expected[RULES];
    nv_zone *z = zone_of(names[n]);
    walk(names[n], minutes_of(2023), minutes_of(2025), expected);
    for (size_t i = 0; i < RULES; i++) {
      nv_cron c = cron(rules[i].text);
      for (int k = 0; k < 3000 && expected[i].n > 1; k++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t slot = (size_t)(seed >> 33) % (expected[i].n - 1);
        int64_t from = expected[i].at[slot] * 60 * NV_US_PER_S;
        int64_t to = expected[i].at[slot + 1] * 60 * NV_US_PER_S, next = 0;
        int64_t after = k % 3 == 0   ? from
                        : k % 3 == 1 ? to - 1
                                     : from + (int64_t)(seed % (uint64_t)(to - from));
        assert_int_equal(nv_cron_next(&c, z, after, &next), NV_OK);
        assert_int_equal(next, to);
      }
    }
    nv_zone_close(z);
    free_firings(expected);
  }
}

static void check_next(const char *text, const char *zone, const char *after,
                       const char *expected) {
  nv_cron c = cron(text);
  nv_zone *z = zone_of(zone);
  int64_t from = 0, next = 0;
  char got[NV_ISO_SIZE];
  assert_int_equal(nv_time_parse_iso(nv_str_of(after), &from, NULL), NV_OK);
  assert_int_equal(nv_cron_next(&c, z, from, &next), NV_OK);
  nv_time_iso(next, -1, got);
  assert_string_equal(got, expected);
  nv_zone_close(z);
}

static void test_a_skipped_time_fires_right_after_the_gap(void **state) {
  (void)state;
  check_next("02:30", "Europe/Copenhagen", "2024-03-30T12:00:00Z", "2024-03-31T01:00:00Z");
  check_next("02:30", "Europe/Copenhagen", "2024-03-31T01:00:00Z", "2024-04-01T00:30:00Z");
}

static void test_a_repeated_time_fires_at_its_first_occurrence_only(void **state) {
  (void)state;
  check_next("02:30", "Europe/Copenhagen", "2024-10-26T12:00:00Z", "2024-10-27T00:30:00Z");
  check_next("02:30", "Europe/Copenhagen", "2024-10-27T00:30:00Z", "2024-10-28T01:30:00Z");
  check_next("*/5 * * * *", "Europe/Copenhagen", "2024-10-27T00:55:00Z",
             "2024-10-27T02:00:00Z");
}

static void test_rare_dates_are_found_and_far(void **state) {
  (void)state;
  check_next("0 0 29 2 *", "UTC", "2096-03-01", "2104-02-29T00:00:00Z");
  check_next("0 0 29 2 */7", "UTC", "2024-03-01", "2032-02-29T00:00:00Z"); /* a Sunday */
}

static void test_nothing_fires_after_the_last_year(void **state) {
  (void)state;
  nv_cron c = cron("0 0 1 1 *");
  nv_zone *z = zone_of("UTC");
  int64_t next;
  assert_int_equal(nv_cron_next(&c, z, NV_TIME_MAX_US - 1, &next), NV_ENOTFOUND);
  assert_int_equal(nv_cron_next(&c, z, INT64_MAX, &next), NV_ENOTFOUND);
  assert_int_equal(nv_cron_next(&c, z, INT64_MIN, &next), NV_ENOTFOUND);
  nv_zone_close(z);
}

static void test_mistakes_name_the_field(void **state) {
  (void)state;
  static const struct {
    const char *text, *says;
  } bad[] = {{"60 * * * *", "minute field"},
             {"* 24 * * *", "hour field"},
             {"* * 0 * *", "day field"},
             {"* * 32 * *", "day field"},
             {"* * * 13 *", "month field"},
             {"* * * foo *", "month field"},
             {"* * * * 8", "weekday field"},
             {"* * * * monday", "weekday field"},
             {"*/0 * * * *", "step"},
             {"*/x * * * *", "step"},
             {"5/2 * * * *", "step needs a range"},
             {"30-10 * * * *", "low to high"},
             {"1,,2 * * * *", "minute field"},
             {", * * * *", "minute field"},
             {"1- * * * *", "minute field"},
             {"-1 * * * *", "minute field"},
             {"** * * * *", "minute field"},
             {"* * * *", "five fields"},
             {"* * * * * *", "five fields"},
             {"", "five fields"},
             {"@daily", "five fields"},
             {"24:00", "time of day"},
             {"2:3", "time of day"},
             {"02:60", "time of day"},
             {":30", "time of day"},
             {"02:30:00", "time of day"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    nv_cron c;
    nv_error err = {0};
    assert_int_equal(nv_cron_parse(nv_str_of(bad[i].text), &c, &err), NV_ESYNTAX);
    if (!strstr(err.text, bad[i].says)) fail_msg("%s: %s", bad[i].text, err.text);
  }
}

static void test_dates_that_never_come_are_refused(void **state) {
  (void)state;
  const char *const never[] = {"0 0 30 2 *", "0 0 31 4,6,9,11 *", "0 0 30-31 feb */2",
                               "0 0 31 2 *"};
  for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
    nv_cron c;
    nv_error err = {0};
    assert_int_equal(nv_cron_parse(nv_str_of(never[i]), &c, &err), NV_ESYNTAX);
    assert_non_null(strstr(err.text, "no such day"));
  }
  cron("0 0 30 2 mon"); /* either day field is enough */
  cron("0 0 31 2,3 *");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_each_slot_fires_once_in_copenhagen),
      cmocka_unit_test(test_each_slot_fires_once_in_new_york),
      cmocka_unit_test(test_each_slot_fires_once_on_lord_howe),
      cmocka_unit_test(test_each_slot_fires_once_in_utc),
      cmocka_unit_test(test_each_slot_fires_once_where_a_whole_day_is_skipped),
      cmocka_unit_test(test_each_slot_fires_once_where_midnight_is_skipped),
      cmocka_unit_test(test_each_slot_fires_once_where_clocks_change_four_times_a_year),
      cmocka_unit_test(test_each_slot_fires_once_in_years_to_come),
      cmocka_unit_test(test_any_moment_finds_the_first_slot_after_it),
      cmocka_unit_test(test_a_skipped_time_fires_right_after_the_gap),
      cmocka_unit_test(test_a_repeated_time_fires_at_its_first_occurrence_only),
      cmocka_unit_test(test_rare_dates_are_found_and_far),
      cmocka_unit_test(test_nothing_fires_after_the_last_year),
      cmocka_unit_test(test_mistakes_name_the_field),
      cmocka_unit_test(test_dates_that_never_come_are_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
