#include "retry.h"

#include <stdio.h>
#include <string.h>

#include "clock.h"

enum { LONGEST_MS = 24 * 60 * 60 * 1000 };

int64_t nv_retry_delay_us(nv_env *env, int attempt, int64_t first_us,
                          int64_t ceiling_us) {
  int64_t top = first_us > 0 ? first_us : 0;
  for (int i = 1; i < attempt && top < ceiling_us; i++) {
    if (top > INT64_MAX / 2) break;
    top *= 2;
  }
  if (top > ceiling_us) top = ceiling_us;
  if (top <= 0) return 0;
  return (int64_t)nv_env_random_below(env, (uint64_t)top + 1);
}

enum { AT_ONCE = 20, A_SECOND = 1 };
#define PER_SUCCESS 0.5

void nv_budget_earn(nv_budget *b) {
  b->debt = b->debt > PER_SUCCESS ? b->debt - PER_SUCCESS : 0;
}

int64_t nv_budget_spend_us(nv_budget *b, nv_env *env) {
  int64_t now = nv_env_monotonic_us(env);
  b->debt -= (double)(now - b->at_us) / 1e6 * A_SECOND;
  if (b->debt < 0) b->debt = 0;
  b->at_us = now;
  b->debt += 1;
  return b->debt <= AT_ONCE ? 0 : (int64_t)((b->debt - AT_ONCE) * 1e6 / A_SECOND);
}

static int month_of(const char *name) {
  static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  for (int m = 0; m < 12; m++)
    if (memcmp(names + 3 * m, name, 3) == 0) return m + 1;
  return 0;
}

/* A year of two digits lies at most 50 years ahead (RFC 9110, 5.6.7). */
static int full_year(int yy, int64_t wall_us) {
  nv_civil now = nv_civil_of_days(wall_us / NV_US_PER_DAY);
  int year = now.year / 100 * 100 + yy;
  return year > now.year + 50 ? year - 100 : year;
}

/* Seconds since 1970 of an HTTP date, -1 when it is none. */
static int64_t http_date(const char *text, int64_t wall_us) {
  char month[4] = "";
  int day = 0, year = 0, h = 0, m = 0, s = 0, end = 0;
  if (sscanf(text, "%*3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d GMT%n", &day,
             month, &year, &h, &m, &s, &end) == 6 && end > 0) {
  } else if (sscanf(text, "%*9[A-Za-z], %2d-%3[A-Za-z]-%2d %2d:%2d:%2d GMT%n",
                    &day, month, &year, &h, &m, &s, &end) == 6 && end > 0) {
    year = full_year(year, wall_us);
  } else if (sscanf(text, "%*3[A-Za-z] %3[A-Za-z] %2d %2d:%2d:%2d %4d%n", month,
                    &day, &h, &m, &s, &year, &end) != 6 || end <= 0) {
    return -1;
  }
  int mon = strlen(month) == 3 ? month_of(month) : 0;
  bool fits = text[end] == 0 && mon && year >= 1970 && year <= 9999 && day >= 1 &&
              day <= nv_days_in_month(year, mon) && h >= 0 && h < 24 && m >= 0 &&
              m < 60 && s >= 0 && s <= 60;
  if (!fits) return -1;
  return nv_days_of(year, mon, day) * 86400 + h * 3600 + m * 60 + s;
}

uint32_t nv_retry_after_ms(const char *text, int64_t wall_us) {
  while (*text == ' ' || *text == '\t') text++;
  size_t digits = strspn(text, "0123456789");
  if (digits > 0) {
    if (text[digits + strspn(text + digits, " \t")] != 0) return 0;
    int64_t ms = 0;
    for (size_t i = 0; i < digits && ms < LONGEST_MS; i++)
      ms = ms * 10 + (int64_t)(text[i] - '0') * 1000;
    return (uint32_t)(ms < LONGEST_MS ? ms : LONGEST_MS);
  }
  int64_t at = http_date(text, wall_us);
  if (at < 0) return 0;
  int64_t ms = at * 1000 - wall_us / 1000;
  if (ms <= 0) return 0;
  return (uint32_t)(ms < LONGEST_MS ? ms : LONGEST_MS);
}
