#include "schedule.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

typedef struct field {
  const char *name;
  int low, high;
  const char *const *names; /* names[i] stands for low + i; NULL-terminated */
} field;

static const char *const month_names[] = {"jan", "feb", "mar", "apr", "may", "jun", "jul",
                                          "aug", "sep", "oct", "nov", "dec", NULL};
static const char *const weekday_names[] = {"sun", "mon", "tue", "wed",
                                            "thu", "fri", "sat", NULL};

enum { MINUTE, HOUR, DAY, MONTH, WEEKDAY, FIELDS };

static const field fields[FIELDS] = {{"minute", 0, 59, NULL},
                                     {"hour", 0, 23, NULL},
                                     {"day", 1, 31, NULL},
                                     {"month", 1, 12, month_names},
                                     {"weekday", 0, 7, weekday_names}};

/* ---- parsing ---- */

static int bad_field(nv_error *err, const field *f, nv_str part, const char *why) {
  int n = (int)(part.n < 40 ? part.n : 40);
  return nv_fail(err, NV_ESYNTAX, "schedule", "%s field, \"%.*s\": %s", f->name, n,
                 part.p ? part.p : "", why);
}

/* Cuts `s` at the first `c`; false when there is none, `head` is then all of it. */
static bool cut(nv_str s, char c, nv_str *head, nv_str *tail) {
  const char *at = s.n ? memchr(s.p, c, s.n) : NULL;
  *head = s;
  *tail = (nv_str){NULL, 0};
  if (!at) return false;
  head->n = (size_t)(at - s.p);
  *tail = (nv_str){at + 1, s.n - head->n - 1};
  return true;
}

static bool read_number(nv_str s, int *out) {
  int v = 0;
  if (s.n == 0 || s.n > 3) return false;
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] < '0' || s.p[i] > '9') return false;
    v = v * 10 + (s.p[i] - '0');
  }
  *out = v;
  return true;
}

static bool read_value(const field *f, nv_str s, int *out) {
  for (int i = 0; f->names && f->names[i]; i++)
    if (s.n == 3 && strncasecmp(s.p, f->names[i], 3) == 0) {
      *out = f->low + i;
      return true;
    }
  return read_number(s, out) && *out >= f->low && *out <= f->high;
}

static int parse_part(const field *f, nv_str part, uint64_t *bits, nv_error *err) {
  nv_str range, step_text, from_text, to_text;
  int step = 1, from = f->low, to = f->high;
  bool has_step = cut(part, '/', &range, &step_text);
  bool is_star = nv_str_eq(range, "*");
  bool is_range = cut(range, '-', &from_text, &to_text);
  if (has_step && (!read_number(step_text, &step) || step < 1))
    return bad_field(err, f, part, "a step is a whole number from 1");
  if (!is_star) {
    if (!read_value(f, from_text, &from) || (is_range && !read_value(f, to_text, &to)))
      return nv_fail(err, NV_ESYNTAX, "schedule",
                     "%s field, \"%.*s\": expected a value from %d to %d%s", f->name,
                     (int)(part.n < 40 ? part.n : 40), part.p ? part.p : "", f->low, f->high,
                     f->names ? " or its English three letters" : "");
    if (has_step && !is_range)
      return bad_field(err, f, part, "a step needs a range or * before it");
    if (!is_range) to = from;
    if (to < from) return bad_field(err, f, part, "a range goes from low to high");
  }
  for (int v = from; v <= to; v += step) *bits |= UINT64_C(1) << v;
  return NV_OK;
}

static int parse_field(const field *f, nv_str text, uint64_t *bits, nv_error *err) {
  *bits = 0;
  for (bool more = true; more;) {
    nv_str part;
    more = cut(text, ',', &part, &text);
    int rc = parse_part(f, part, bits, err);
    if (rc != NV_OK) return rc;
  }
  return NV_OK;
}

/* True when some month has one of the days, leap years included. */
static bool comes_ever(const nv_cron *c) {
  for (int m = 1; m <= 12; m++)
    for (int d = 1; d <= nv_days_in_month(2000, m); d++)
      if ((c->months >> m & 1) && (c->days >> d & 1)) return true;
  return !c->any_day && !c->any_weekday; /* then a weekday alone is enough */
}

static int parse_daily(nv_str text, nv_cron *out, nv_error *err) {
  nv_str hour_text, minute_text;
  int hour, minute;
  cut(text, ':', &hour_text, &minute_text);
  if (hour_text.n > 2 || minute_text.n != 2 || !read_number(hour_text, &hour) ||
      !read_number(minute_text, &minute) || hour > 23 || minute > 59)
    return nv_fail(err, NV_ESYNTAX, "schedule", "expected a time of day such as 02:30");
  *out = (nv_cron){.minutes = UINT64_C(1) << minute,
                   .hours = UINT32_C(1) << hour,
                   .days = UINT32_MAX,
                   .months = UINT16_MAX,
                   .weekdays = 0x7f,
                   .any_day = true,
                   .any_weekday = true};
  return NV_OK;
}

static nv_str next_word(nv_str *rest) {
  while (rest->n && (*rest->p == ' ' || *rest->p == '\t')) rest->p++, rest->n--;
  nv_str word = {rest->p, 0};
  while (rest->n && *rest->p != ' ' && *rest->p != '\t') rest->p++, rest->n--, word.n++;
  return word;
}

int nv_cron_parse(nv_str text, nv_cron *out, nv_error *err) {
  nv_str words[FIELDS + 1];
  uint64_t bits[FIELDS];
  size_t n = 0;
  for (nv_str rest = text; n <= FIELDS; n++) {
    words[n] = next_word(&rest);
    if (words[n].n == 0) break;
  }
  if (n == 1 && memchr(words[0].p, ':', words[0].n)) return parse_daily(words[0], out, err);
  if (n != FIELDS)
    return nv_fail(err, NV_ESYNTAX, "schedule",
                   "expected five fields (minute hour day month weekday) or HH:MM");
  for (int i = 0; i < FIELDS; i++) {
    int rc = parse_field(&fields[i], words[i], &bits[i], err);
    if (rc != NV_OK) return rc;
  }
  *out = (nv_cron){.minutes = bits[MINUTE],
                   .hours = (uint32_t)bits[HOUR],
                   .days = (uint32_t)bits[DAY],
                   .months = (uint16_t)bits[MONTH],
                   .weekdays = (uint8_t)((bits[WEEKDAY] | bits[WEEKDAY] >> 7) & 0x7f),
                   .any_day = words[DAY].p[0] == '*',
                   .any_weekday = words[WEEKDAY].p[0] == '*'};
  if (!comes_ever(out))
    return nv_fail(err, NV_ESYNTAX, "schedule", "no such day in these months");
  return NV_OK;
}

/* ---- searching ---- */

static bool day_matches(const nv_cron *c, const nv_civil *date) {
  bool day = c->days >> date->day & 1;
  bool weekday = c->weekdays >> (date->weekday % 7) & 1;
  return c->any_day || c->any_weekday ? day && weekday : day || weekday;
}

/* First matching minute of the day from `minute` on, -1 when there is none. */
static int minute_from(const nv_cron *c, int minute) {
  for (int hour = minute / 60; hour < 24; hour++) {
    if (!(c->hours >> hour & 1)) continue;
    for (int m = hour == minute / 60 ? minute % 60 : 0; m < 60; m++)
      if (c->minutes >> m & 1) return hour * 60 + m;
  }
  return -1;
}

static int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* First slot, in local seconds, at or after `local_s`. */
static bool next_slot(const nv_cron *c, int64_t local_s, int64_t *slot) {
  const int64_t last = nv_days_of(9999, 12, 31);
  int64_t day = floor_div(local_s, 86400);
  int64_t from = floor_div(local_s - day * 86400 + 59, 60);
  while (day <= last) {
    nv_civil date = nv_civil_of_days(day);
    if (!(c->months >> date.month & 1)) {
      day += nv_days_in_month(date.year, date.month) - date.day + 1;
    } else {
      int minute = day_matches(c, &date) ? minute_from(c, (int)from) : -1;
      if (minute >= 0) {
        *slot = day * 86400 + minute * 60;
        return true;
      }
      day++;
    }
    from = 0;
  }
  return false;
}

/* Local times up to the highest that was ever shown are over. So the next slot is
 * the first one above it, and it fires when local time first reaches it. */
int nv_cron_next(const nv_cron *c, nv_zone *zone, int64_t after_us, int64_t *out) {
  if (after_us < NV_TIME_MIN_US || after_us > NV_TIME_MAX_US) return NV_ENOTFOUND;
  int64_t after_s = floor_div(after_us, NV_US_PER_S), slot;
  int64_t from = after_s + nv_zone_offset(zone, after_us) + 1;
  int64_t high = nv_zone_high_water(zone, after_s);
  if (high > from) from = high;
  if (!next_slot(c, from, &slot)) return NV_ENOTFOUND;
  int64_t at = nv_zone_reach(zone, slot) * NV_US_PER_S;
  if (at > NV_TIME_MAX_US) return NV_ENOTFOUND;
  *out = at;
  return NV_OK;
}
