/* clock - instants, dates and time zones.
 *
 * An instant is an int64_t of microseconds since 1970-01-01T00:00:00Z in the
 * proleptic Gregorian calendar, years 0001 to 9999. Nothing here reads a clock:
 * "now" comes from env. Zones are those of the system's tz database (GLib reads
 * them); "UTC" always exists.
 *
 * Threading: any thread; the cache of opened zones has its own lock.
 */
#ifndef NV_CLOCK_H
#define NV_CLOCK_H

#include "nv.h"

#define NV_US_PER_S INT64_C(1000000)
#define NV_US_PER_DAY (INT64_C(86400) * NV_US_PER_S)
/* First and last instant that can be written: 0001-01-01 and 9999-12-31. */
#define NV_TIME_MIN_US (INT64_C(-719162) * NV_US_PER_DAY)
#define NV_TIME_MAX_US (INT64_C(2932897) * NV_US_PER_DAY - 1)

enum { NV_ISO_SIZE = 32 }; /* room for the longest text of nv_time_iso */

/* A broken-down local time. */
typedef struct nv_civil {
  int year, month, day; /* month and day count from 1 */
  int hour, minute, second, microsecond;
  int weekday; /* 1 Monday ... 7 Sunday */
} nv_civil;

/* Days since 1970-01-01 of a date that must be valid. */
int64_t nv_days_of(int year, int month, int day);
/* The date of a day number; only the three date fields and weekday are set. */
nv_civil nv_civil_of_days(int64_t days);
/* Days in a month, 0 for a month that does not exist. */
int nv_days_in_month(int year, int month);

/* Writes the instant in UTC with `digits` decimals (0 to 6, cut, not rounded);
 * -1 writes six when they are not all zero and none otherwise.
 * NV_EINVALID outside years 0001 to 9999, `out` is then empty. */
int nv_time_iso(int64_t us, int digits, char out[NV_ISO_SIZE]);
/* Reads "YYYY-MM-DD" (midnight UTC) or "YYYY-MM-DDTHH:MM:SS[.f{1,6}][Z|+HH:MM]";
 * without an offset it is UTC. Strict: NV_ESYNTAX says what is wrong. */
int nv_time_parse_iso(nv_str text, int64_t *us, nv_error *err);
/* Reads "250ms", "30s", "5m", "2h", "1d": one whole number, one unit. */
int nv_duration_parse(nv_str text, int64_t *us, nv_error *err);

typedef struct _GTimeZone nv_zone;

/* Opens a zone by its tz database name. NV_ENOTFOUND for an unknown one. */
int nv_zone_open(const char *name, nv_zone **out, nv_error *err);
/* Lets go of it; the cache may keep it. NULL is fine. */
void nv_zone_close(nv_zone *zone);
/* Seconds east of UTC at that instant. */
int nv_zone_offset(nv_zone *zone, int64_t us);
/* Local time of an instant. NV_EINVALID outside years 0001 to 9999. */
int nv_zone_civil(nv_zone *zone, int64_t us, nv_civil *out);

/* The first instant, in whole seconds, at which local time reads `local_s`
 * (seconds since 1970 as if it were UTC) or later: for a skipped local time the
 * first instant after the gap, for a repeated one its first occurrence. */
int64_t nv_zone_reach(nv_zone *zone, int64_t local_s);
/* Highest local time, exclusive, that was reached before a change of offset in
 * the two days up to `at_s` (UTC); INT64_MIN when there was none. Local times
 * below it are over, even where the clock went back and shows them again. */
int64_t nv_zone_high_water(nv_zone *zone, int64_t at_s);

#endif
