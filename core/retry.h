/* retry - how long to wait before another attempt.
 *
 * Pure arithmetic over the env's random numbers; the waiting is the caller's.
 *
 * Threading: loop thread only.
 */
#ifndef NV_RETRY_H
#define NV_RETRY_H

#include "env.h"

/* Full jitter: anything from 0 to min(ceiling_us, first_us * 2^(attempt-1)).
 * `attempt` counts the failed ones from 1. */
int64_t nv_retry_delay_us(nv_env *env, int attempt, int64_t first_us,
                          int64_t ceiling_us);

/* The share of retries in what an endpoint is sent: half of what succeeded, and
 * one a second, so that trouble never multiplies the load, and never ends the
 * trying. Zero-initialised allows a first few at once. */
typedef struct nv_budget {
  double debt;    /* retries that are not covered yet, as of at_us */
  int64_t at_us;
} nv_budget;

void nv_budget_earn(nv_budget *b); /* a call succeeded */
/* Takes one retry out of the budget: how long it has to wait until its share is
 * there, 0 when it is. */
int64_t nv_budget_spend_us(nv_budget *b, nv_env *env);

/* Reads a Retry-After: seconds, or an HTTP date (all three forms) compared with
 * `wall_us`. 0 for one that is not understood or in the past; at most a day, so
 * that a broken answer cannot silence an endpoint for good. */
uint32_t nv_retry_after_ms(const char *text, int64_t wall_us);

#endif
