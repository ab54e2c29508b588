#include "breaker.h"

enum { FAILURES = 5, FIRST_US = 1000000, CEILING_US = 60000000, REPORT_US = 1000000 };

const char *nv_breaker_state_name(nv_breaker_state state) {
  static const char *const names[] = {"closed", "open", "half_open"};
  return names[state];
}

nv_breaker_state nv_breaker_look(nv_breaker *b, nv_env *env) {
  if (b->state == NV_BREAKER_OPEN && nv_env_monotonic_us(env) >= b->until_us) {
    b->state = NV_BREAKER_HALF_OPEN;
    b->probing = false;
  }
  return b->state;
}

bool nv_breaker_pass(nv_breaker *b, nv_env *env, bool writes, bool *probe) {
  *probe = false;
  switch (nv_breaker_look(b, env)) {
    case NV_BREAKER_CLOSED: return true;
    case NV_BREAKER_OPEN: return false;
    case NV_BREAKER_HALF_OPEN: break;
  }
  if (writes || b->probing || nv_env_monotonic_us(env) < b->until_us) return false;
  b->probing = *probe = true;
  return true;
}

void nv_breaker_probe_ended(nv_breaker *b, nv_env *env, bool judged) {
  b->probing = false;
  if (judged && b->state == NV_BREAKER_HALF_OPEN) b->until_us = nv_env_monotonic_us(env) + REPORT_US;
}

uint32_t nv_breaker_wait_ms(const nv_breaker *b, nv_env *env) {
  if (b->state == NV_BREAKER_CLOSED) return 0;
  if (b->state == NV_BREAKER_HALF_OPEN) return FIRST_US / 1000;
  int64_t us = b->until_us - nv_env_monotonic_us(env);
  if (us <= 0) return 1;
  int64_t ms = (us + 999) / 1000;
  return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* A cool-down between 3/4 and 4/4 of its step, so that several processes do not
 * knock at the same moment. */
static int64_t cool_down_us(nv_breaker *b, nv_env *env) {
  int64_t us = FIRST_US;
  for (int i = 0; i < b->opens && us < CEILING_US; i++) us *= 2;
  if (us > CEILING_US) us = CEILING_US;
  return us - (int64_t)nv_env_random_below(env, (uint64_t)us / 4);
}

static void open_for(nv_breaker *b, nv_env *env, int64_t us) {
  b->until_us = nv_env_monotonic_us(env) + us;
  b->state = NV_BREAKER_OPEN;
  b->failures = 0;
  b->probing = false;
  if (b->opens < 16) b->opens++;
}

bool nv_breaker_report(nv_breaker *b, nv_env *env, bool ok,
                       uint32_t retry_after_ms) {
  nv_breaker_state state = nv_breaker_look(b, env);
  if (ok) { /* a late success of a call that passed before it opened is no probe */
    if (state != NV_BREAKER_OPEN) *b = (nv_breaker){0};
    return false;
  }
  int64_t asked_us = (int64_t)retry_after_ms * 1000;
  if (state == NV_BREAKER_OPEN) { /* the target may still ask for more */
    int64_t until = nv_env_monotonic_us(env) + asked_us;
    if (asked_us && until > b->until_us) b->until_us = until;
    return false;
  }
  if (asked_us) {
    open_for(b, env, asked_us);
    return true;
  }
  if (state == NV_BREAKER_CLOSED && ++b->failures < FAILURES) return false;
  open_for(b, env, cool_down_us(b, env));
  return true;
}
