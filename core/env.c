#include "env.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t splitmix(uint64_t *x) {
  uint64_t z = (*x += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

/* xoshiro256**, by its published definition: small, fast, and good enough for
 * delays and jitter. Never used for secrets: the real env asks the kernel. */
static uint64_t next_seeded(uint64_t s[4]) {
  uint64_t result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotl(s[3], 45);
  return result;
}

void nv_env_init(nv_env *env) { memset(env, 0, sizeof *env); }

void nv_env_init_simulated(nv_env *env, uint64_t seed, int64_t wall_us) {
  memset(env, 0, sizeof *env);
  env->simulated = true;
  env->inline_store = true;
  env->sim_monotonic_us = 1000000;
  env->sim_wall_us = wall_us;
  for (int i = 0; i < 4; i++) env->sim_random[i] = splitmix(&seed);
}

static int64_t clock_us(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t nv_env_monotonic_us(const nv_env *env) {
  return env->simulated ? env->sim_monotonic_us : clock_us(CLOCK_MONOTONIC);
}

int64_t nv_env_wall_us(const nv_env *env) {
  return env->simulated ? env->sim_wall_us : clock_us(CLOCK_REALTIME);
}

void nv_env_random(nv_env *env, void *p, size_t n) {
  unsigned char *c = p;
  if (env->simulated) {
    for (size_t i = 0; i < n; i += 8) {
      uint64_t r = next_seeded(env->sim_random);
      memcpy(c + i, &r, n - i < 8 ? n - i : 8);
    }
    return;
  }
  while (n > 0) {
    ssize_t k = getrandom(c, n, 0);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) break; /* cannot happen on Linux once the pool is seeded */
    c += k;
    n -= (size_t)k;
  }
}

uint64_t nv_env_random_below(nv_env *env, uint64_t bound) {
  if (bound == 0) return 0;
  uint64_t r;
  nv_env_random(env, &r, sizeof r);
  return (uint64_t)(((unsigned __int128)r * bound) >> 64);
}
