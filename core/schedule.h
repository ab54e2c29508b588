/* schedule - when a time table fires next.
 *
 * A cron text has five fields (minute hour day month weekday), or is "HH:MM" for
 * once a day. Slots are local times of a zone, and each fires exactly once: one
 * that the clocks skip fires at the first instant after the gap, one that they
 * show twice at its first occurrence. Slots that fall on one instant fire together.
 *
 * Threading: any thread. Pure.
 */
#ifndef NV_SCHEDULE_H
#define NV_SCHEDULE_H

#include "clock.h"

typedef struct nv_cron {
  uint64_t minutes;  /* bit n: minute n */
  uint32_t hours;    /* bit n: hour n */
  uint32_t days;     /* bit n: day n of the month, from 1 */
  uint16_t months;   /* bit n: month n, from 1 */
  uint8_t weekdays;  /* bit n: 0 Sunday ... 6 Saturday */
  bool any_day, any_weekday; /* the field began with '*' */
} nv_cron;

/* Fields are lists of `*`, `n`, `n-m`, each range with an optional `/step`; months
 * and weekdays also by their English three letters, Sunday is 0 and 7. When both
 * day fields are restricted, a day counts if either matches. NV_ESYNTAX names the
 * field; a date that never comes (30 February) is refused too. */
int nv_cron_parse(nv_str text, nv_cron *out, nv_error *err);
/* First instant strictly after `after_us` at which `cron` fires in `zone`.
 * NV_ENOTFOUND when there is none before the year 10000. */
int nv_cron_next(const nv_cron *cron, nv_zone *zone, int64_t after_us, int64_t *out);

#endif
