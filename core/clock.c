#include "clock.h"

#include <fcntl.h>
#include <glib.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ZONES_KEPT = 32, ZONE_NAME_MAX = 64 };

static int64_t floor_div(int64_t a, int64_t b) {
  return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* ---- calendar ---- */

static bool is_leap(int y) { return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0; }

int nv_days_in_month(int year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12) return 0;
  return days[month - 1] + (month == 2 && is_leap(year));
}

/* Both directions count years from 1 March, so that the leap day is the last of
 * its year and the months before any one of them have a linear length. */
int64_t nv_days_of(int year, int month, int day) {
  int64_t y = month > 2 ? year : year - 1;
  int64_t m = month > 2 ? month - 3 : month + 9;
  int64_t leaps = floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400);
  return y * 365 + leaps + (153 * m + 2) / 5 + day - 1 - 719468;
}

nv_civil nv_civil_of_days(int64_t days) {
  int64_t z = days + 719468; /* since 0000-03-01 */
  int64_t cycle = floor_div(z, 146097), in_cycle = z - cycle * 146097;
  int64_t y = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
  int64_t in_year = in_cycle - (365 * y + y / 4 - y / 100);
  int64_t m = (5 * in_year + 2) / 153;
  nv_civil c = {0};
  c.day = (int)(in_year - (153 * m + 2) / 5 + 1);
  c.month = (int)(m < 10 ? m + 3 : m - 9);
  c.year = (int)(y + cycle * 400 + (c.month <= 2));
  c.weekday = (int)(days + 3 - floor_div(days + 3, 7) * 7) + 1;
  return c;
}

static nv_civil civil_of_local(int64_t local_us) {
  int64_t days = floor_div(local_us, NV_US_PER_DAY);
  int64_t rest = local_us - days * NV_US_PER_DAY;
  nv_civil c = nv_civil_of_days(days);
  c.microsecond = (int)(rest % NV_US_PER_S);
  int seconds = (int)(rest / NV_US_PER_S);
  c.hour = seconds / 3600;
  c.minute = seconds / 60 % 60;
  c.second = seconds % 60;
  return c;
}

/* ---- text ---- */

static char *put_digits(char *p, int v, int width) {
  for (int i = width; i-- > 0; v /= 10) p[i] = (char)('0' + v % 10);
  return p + width;
}

int nv_time_iso(int64_t us, int digits, char out[NV_ISO_SIZE]) {
  out[0] = 0;
  if (us < NV_TIME_MIN_US || us > NV_TIME_MAX_US) return NV_EINVALID;
  nv_civil c = civil_of_local(us);
  if (digits < 0) digits = c.microsecond ? 6 : 0;
  if (digits > 6) digits = 6;
  char *p = put_digits(out, c.year, 4);
  *p++ = '-';
  p = put_digits(p, c.month, 2);
  *p++ = '-';
  p = put_digits(p, c.day, 2);
  *p++ = 'T';
  p = put_digits(p, c.hour, 2);
  *p++ = ':';
  p = put_digits(p, c.minute, 2);
  *p++ = ':';
  p = put_digits(p, c.second, 2);
  if (digits > 0) {
    *p++ = '.';
    put_digits(p, c.microsecond, 6);
    p += digits;
  }
  *p++ = 'Z';
  *p = 0;
  return NV_OK;
}

/* Reads exactly `width` digits; false leaves `at` where it was. */
static bool take_digits(nv_str s, size_t *at, int width, int *out) {
  if (s.n - *at < (size_t)width) return false;
  int v = 0;
  for (int i = 0; i < width; i++) {
    char c = s.p[*at + (size_t)i];
    if (c < '0' || c > '9') return false;
    v = v * 10 + (c - '0');
  }
  *at += (size_t)width;
  *out = v;
  return true;
}

static bool take_char(nv_str s, size_t *at, char c) {
  if (*at >= s.n || s.p[*at] != c) return false;
  ++*at;
  return true;
}

static bool take_fraction(nv_str s, size_t *at, int *us) {
  size_t begin = *at;
  int v = 0, digits = 0;
  while (*at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9' && digits < 6) {
    v = v * 10 + (s.p[(*at)++] - '0');
    digits++;
  }
  while (digits++ < 6) v *= 10;
  *us = v;
  bool longer = *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '9';
  return *at > begin && !longer;
}

static bool take_offset(nv_str s, size_t *at, int *seconds) {
  int hours, minutes, sign = 1;
  *seconds = 0;
  if (*at == s.n || take_char(s, at, 'Z')) return true;
  if (take_char(s, at, '-')) sign = -1;
  else if (!take_char(s, at, '+')) return false;
  if (!take_digits(s, at, 2, &hours) || !take_char(s, at, ':') ||
      !take_digits(s, at, 2, &minutes) || hours > 23 || minutes > 59)
    return false;
  *seconds = sign * (hours * 3600 + minutes * 60);
  return true;
}

static int bad_time(nv_error *err, nv_str text, const char *why) {
  int n = (int)(text.n < 40 ? text.n : 40);
  return nv_fail(err, NV_ESYNTAX, "time", "\"%.*s\": %s", n, text.p ? text.p : "", why);
}

int nv_time_parse_iso(nv_str s, int64_t *us, nv_error *err) {
  nv_civil c = {0};
  size_t at = 0;
  int offset = 0;
  if (!take_digits(s, &at, 4, &c.year) || !take_char(s, &at, '-') ||
      !take_digits(s, &at, 2, &c.month) || !take_char(s, &at, '-') ||
      !take_digits(s, &at, 2, &c.day))
    return bad_time(err, s, "expected YYYY-MM-DD");
  if (c.year < 1 || c.day < 1 || c.day > nv_days_in_month(c.year, c.month))
    return bad_time(err, s, "no such date");
  if (at < s.n) {
    if (!take_char(s, &at, 'T') || !take_digits(s, &at, 2, &c.hour) ||
        !take_char(s, &at, ':') || !take_digits(s, &at, 2, &c.minute) ||
        !take_char(s, &at, ':') || !take_digits(s, &at, 2, &c.second))
      return bad_time(err, s, "expected THH:MM:SS after the date");
    if (c.hour > 23 || c.minute > 59 || c.second > 59)
      return bad_time(err, s, "no such time of day");
    if (take_char(s, &at, '.') && !take_fraction(s, &at, &c.microsecond))
      return bad_time(err, s, "expected one to six digits after the point");
    if (!take_offset(s, &at, &offset) || at != s.n)
      return bad_time(err, s, "expected Z or an offset such as +01:00 at the end");
  }
  int64_t seconds = nv_days_of(c.year, c.month, c.day) * 86400 + c.hour * 3600 +
                    c.minute * 60 + c.second - offset;
  int64_t instant = seconds * NV_US_PER_S + c.microsecond;
  if (instant < NV_TIME_MIN_US || instant > NV_TIME_MAX_US)
    return bad_time(err, s, "outside the years 0001 to 9999");
  *us = instant;
  return NV_OK;
}

int nv_duration_parse(nv_str s, int64_t *us, nv_error *err) {
  static const struct {
    const char *name;
    int64_t us;
  } units[] = {{"ms", 1000},
               {"s", NV_US_PER_S},
               {"m", 60 * NV_US_PER_S},
               {"h", 3600 * NV_US_PER_S},
               {"d", NV_US_PER_DAY}};
  const int64_t longest = 36600 * NV_US_PER_DAY; /* a century, so nothing overflows */
  size_t at = 0;
  int64_t v = 0;
  for (; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++)
    if (v <= longest) v = v * 10 + (s.p[at] - '0');
  nv_str unit = {s.p + at, s.n - at};
  for (size_t i = 0; at > 0 && i < sizeof units / sizeof units[0]; i++) {
    if (!nv_str_eq(unit, units[i].name)) continue;
    if (v > longest / units[i].us) return bad_time(err, s, "longer than a century");
    *us = v * units[i].us;
    return NV_OK;
  }
  return bad_time(err, s, "expected a duration such as 250ms, 30s, 5m, 2h or 1d");
}

/* ---- zones ---- */

static struct {
  pthread_mutex_t lock;
  struct {
    char name[ZONE_NAME_MAX + 1];
    GTimeZone *zone;
    uint64_t used;
  } kept[ZONES_KEPT];
  uint64_t clock;
} zones = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Names come from configuration: no way out of the tz folder, and not the
 * variants with leap seconds, which would shift every instant. */
static bool is_zone_name(const char *s) {
  if (strlen(s) > ZONE_NAME_MAX || strncmp(s, "right/", 6) == 0) return false;
  for (bool first = true; *s; s++) {
    bool letter = (*s >= 'A' && *s <= 'Z') || (*s >= 'a' && *s <= 'z');
    bool other = (*s >= '0' && *s <= '9') || *s == '_' || *s == '+' || *s == '-';
    if (*s == '/' && (first || s[1] == '/' || !s[1])) return false;
    if (!letter && (first || (!other && *s != '/'))) return false;
    first = false;
  }
  return true;
}

/* GLib takes much else for a zone (rules in POSIX form) and complains on stderr
 * about a file of another kind, so it is only asked about true zone files. */
static bool is_zone_file(const char *name) {
  const char *folder = getenv("TZDIR");
  char path[512], magic[4];
  int n = snprintf(path, sizeof path, "%s/%s", folder ? folder : "/usr/share/zoneinfo", name);
  if (n < 0 || (size_t)n >= sizeof path) return false;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return false;
  ssize_t k = read(fd, magic, sizeof magic);
  close(fd);
  return k == (ssize_t)sizeof magic && memcmp(magic, "TZif", sizeof magic) == 0;
}

static GTimeZone *load_zone(const char *name) {
  if (strcmp(name, "UTC") == 0) return g_time_zone_new_utc();
  return is_zone_file(name) ? g_time_zone_new_identifier(name) : NULL;
}

int nv_zone_open(const char *name, nv_zone **out, nv_error *err) {
  size_t slot = 0;
  *out = NULL;
  if (!name || !*name || !is_zone_name(name))
    return nv_fail(err, NV_ENOTFOUND, "time", "\"%.64s\" is not the name of a time zone",
                   name ? name : "");
  pthread_mutex_lock(&zones.lock);
  for (size_t i = 0; i < ZONES_KEPT; i++) {
    if (zones.kept[i].zone && strcmp(zones.kept[i].name, name) == 0) {
      zones.kept[i].used = ++zones.clock;
      *out = g_time_zone_ref(zones.kept[i].zone);
      break;
    }
    if (zones.kept[i].used < zones.kept[slot].used) slot = i;
  }
  if (!*out && (*out = load_zone(name))) {
    if (zones.kept[slot].zone) g_time_zone_unref(zones.kept[slot].zone);
    snprintf(zones.kept[slot].name, sizeof zones.kept[slot].name, "%s", name);
    zones.kept[slot].zone = g_time_zone_ref(*out);
    zones.kept[slot].used = ++zones.clock;
  }
  pthread_mutex_unlock(&zones.lock);
  if (*out) return NV_OK;
  return nv_fail(err, NV_ENOTFOUND, "time",
                 "unknown time zone \"%.64s\" (is the tzdata package installed?)", name);
}

void nv_zone_close(nv_zone *zone) {
  if (zone) g_time_zone_unref(zone);
}

static int interval_at(nv_zone *zone, int64_t s) {
  return g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, s);
}

int nv_zone_offset(nv_zone *zone, int64_t us) {
  return g_time_zone_get_offset(zone, interval_at(zone, floor_div(us, NV_US_PER_S)));
}

int nv_zone_civil(nv_zone *zone, int64_t us, nv_civil *out) {
  if (us < NV_TIME_MIN_US || us > NV_TIME_MAX_US) return NV_EINVALID;
  int64_t local = us + nv_zone_offset(zone, us) * NV_US_PER_S;
  if (local < NV_TIME_MIN_US || local > NV_TIME_MAX_US) return NV_EINVALID;
  *out = civil_of_local(local);
  return NV_OK;
}

/* First second after `from` that lies in another interval than `from`; needs one
 * at `to`. GLib does not tell where an interval ends, so it is searched. */
static int64_t interval_end(nv_zone *zone, int64_t from, int64_t to) {
  int here = interval_at(zone, from);
  while (to - from > 1) {
    int64_t middle = from + (to - from) / 2;
    if (interval_at(zone, middle) == here) from = middle;
    else to = middle;
  }
  return to;
}

int64_t nv_zone_reach(nv_zone *zone, int64_t local_s) {
  const int64_t end = local_s + 2 * 86400; /* offsets stay below 26 hours */
  for (int64_t from = local_s - 2 * 86400;;) {
    int here = interval_at(zone, from);
    int64_t at = local_s - g_time_zone_get_offset(zone, here);
    if (at < from) return from;
    if (at >= end || interval_at(zone, at) == here) return at;
    from = interval_end(zone, from, at);
  }
}

int64_t nv_zone_high_water(nv_zone *zone, int64_t at_s) {
  int64_t high = INT64_MIN, from = at_s - 2 * 86400;
  while (interval_at(zone, from) != interval_at(zone, at_s)) {
    int64_t end = interval_end(zone, from, at_s);
    int64_t local = end + g_time_zone_get_offset(zone, interval_at(zone, from));
    if (local > high) high = local;
    from = end;
  }
  return high;
}
