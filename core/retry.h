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

/* Reads a Retry-After: seconds, or an HTTP date (all three forms) compared with
 * `wall_us`. 0 for one that is not understood or in the past; at most a day, so
 * that a broken answer cannot silence an endpoint for good. */
uint32_t nv_retry_after_ms(const char *text, int64_t wall_us);

#endif
