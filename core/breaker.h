/* breaker - stops calling an endpoint that keeps failing.
 *
 * Closed: calls pass. After 5 failures in a row it opens: calls are refused until
 * a cool-down is over (1 s, doubling to 60 s with every failed probe, with
 * jitter; or exactly what the target asked for, then at the first failure).
 * After that it is half open: one probe passes, a call that changes nothing, and
 * its report closes the breaker or opens it again. A probe that ended has a second
 * to be reported; then, or when it was given up, there is room for another.
 *
 * Threading: loop thread only. Holds no memory of its own.
 */
#ifndef NV_BREAKER_H
#define NV_BREAKER_H

#include "env.h"

typedef enum nv_breaker_state {
  NV_BREAKER_CLOSED,
  NV_BREAKER_OPEN,
  NV_BREAKER_HALF_OPEN,
} nv_breaker_state;

/* Zero-initialised is closed. */
typedef struct nv_breaker {
  nv_breaker_state state;
  int failures;      /* in a row, while closed */
  int opens;         /* in a row, without a success between */
  int64_t until_us;  /* monotonic end of the cool-down, or of the wait for a report */
  bool probing;      /* a probe is on its way */
} nv_breaker;

/* "closed", "open", "half_open". */
const char *nv_breaker_state_name(nv_breaker_state state);

/* The state now; an open breaker whose cool-down is over becomes half open. */
nv_breaker_state nv_breaker_look(nv_breaker *b, nv_env *env);
/* True when a call may pass; `*probe` says that it is the probe, which must be
 * given back with nv_breaker_probe_ended. A call that `writes` is never a probe. */
bool nv_breaker_pass(nv_breaker *b, nv_env *env, bool writes, bool *probe);
/* `judged`: somebody is about to report it. */
void nv_breaker_probe_ended(nv_breaker *b, nv_env *env, bool judged);
/* Milliseconds until another look is worth it; at least 1 unless closed. */
uint32_t nv_breaker_wait_ms(const nv_breaker *b, nv_env *env);

/* `retry_after_ms` counts for a failure only; 0: the target did not say. True
 * when this report opened the breaker. */
bool nv_breaker_report(nv_breaker *b, nv_env *env, bool ok,
                       uint32_t retry_after_ms);

#endif
