/* env - the seams: everything that a simulation must be able to replace.
 *
 * Clock, random, outbound transport, store mode and VFS come from here and from
 * nowhere else, so a seeded day can be replayed exactly. In a simulated env the
 * loop owns time: it drains its ready queue, then jumps to the next timer.
 *
 * Threading: loop thread, except `random` of the real env (any thread).
 */
#ifndef NV_ENV_H
#define NV_ENV_H

#include "nv.h"

struct nv_exchange; /* one HTTP request on its way: http_client.h */

/* Who carries outbound HTTP. `start` must later call `nv_exchange_done` exactly
 * once, never from inside `start`; after `abandon` the caller no longer wants
 * the answer, and `nv_exchange_done` is still owed once. */
typedef struct nv_transport {
  void *ctx;
  int (*start)(void *ctx, struct nv_exchange *x, nv_error *err);
  void (*abandon)(void *ctx, struct nv_exchange *x);
} nv_transport;

typedef struct nv_env {
  bool simulated;                /* time below is moved by the loop */
  int64_t sim_monotonic_us;      /* simulated clocks */
  int64_t sim_wall_us;
  uint64_t sim_random[4];        /* state of the seeded generator */
  const nv_transport *transport; /* NULL: libcurl */
  bool inline_store;             /* store runs inside the caller, no thread */
  const char *vfs;               /* SQLite VFS name, NULL: the default */
} nv_env;

/* The real thing: system clocks, getrandom, libcurl, store thread. */
void nv_env_init(nv_env *env);
/* A simulated one: all randomness from `seed`, wall clock starts at `wall_us`. */
void nv_env_init_simulated(nv_env *env, uint64_t seed, int64_t wall_us);

int64_t nv_env_monotonic_us(const nv_env *env);
int64_t nv_env_wall_us(const nv_env *env);
/* Fills `n` bytes; from the kernel, or from the seed. */
void nv_env_random(nv_env *env, void *p, size_t n);
/* A number in [0, bound); 0 when bound is 0. */
uint64_t nv_env_random_below(nv_env *env, uint64_t bound);

#endif
