/* fuzz_lua - what the fuzzers of Lua code share: one state with a memory ceiling, and
 * a function of a script that is called with each input.
 *
 * The script returns that function. It raises when a promise is broken, and then the
 * fuzzer aborts; running out of memory is not a broken promise, and costs the state. So
 * does taking too long: no input may hold the loop.
 */
#ifndef FUZZ_LUA_H
#define FUZZ_LUA_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../core/http_client.h"
#include "../../core/log.h"
#include "../../lua/host.h"

enum {
  INPUTS_PER_STATE = 2000,
  CPU_MAX_US = 2000000, /* one second, and another for the sanitizers */
};

typedef struct fuzzer {
  nv_env env;
  nvl_host host;
  nvl_state *state;
  const char *script;
  int inputs; /* that the state has seen */
} fuzzer;

/* Under pcall: (script). Leaves the function in the registry. */
static inline int fuzz_load(lua_State *L) {
  const char *script = lua_touserdata(L, 1);
  if (luaL_loadbufferx(L, script, strlen(script), "=fuzz", "t") != LUA_OK) return lua_error(L);
  lua_call(L, 0, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "fuzz");
  return 0;
}

/* Under pcall: (data, size). */
static inline int fuzz_call(lua_State *L) {
  const char *data = lua_touserdata(L, 1);
  const size_t *size = lua_touserdata(L, 2);
  lua_getfield(L, LUA_REGISTRYINDEX, "fuzz");
  lua_pushlstring(L, data, *size);
  lua_call(L, 1, 0);
  return 0;
}

static inline void fuzz_die(const char *what) {
  fprintf(stderr, "broken promise: %s\n", what);
  abort();
}

static inline int fuzz_no_wire(void *ctx, nv_exchange *x, nv_error *err) {
  (void)ctx;
  return nv_fail(err, NV_ENETWORK, x->endpoint, "no network here");
}

static inline void fuzz_open(fuzzer *f, const char *script, size_t memory) {
  static const nv_transport no_wire = {.start = fuzz_no_wire};
  nv_error err;
  nvl_state_options o = {"fuzz", memory, false};
  if (!f->host.loop) {
    nv_env_init_simulated(&f->env, 1, INT64_C(1764000000000000));
    f->env.transport = &no_wire;
    nv_loop *loop;
    if (nv_loop_open(&f->env, &loop, &err) != NV_OK ||
        nvl_host_open_on(&f->host, loop, &err) != NV_OK)
      fuzz_die(err.text);
  }
  f->script = script;
  f->inputs = 0;
  if (nvl_state_open(&f->host, &o, &f->state, &err) != NV_OK) fuzz_die(err.text);
  lua_pushcfunction(f->state->L, fuzz_load);
  lua_pushlightuserdata(f->state->L, (void *)(uintptr_t)script);
  if (lua_pcall(f->state->L, 1, 0, 0) != LUA_OK) fuzz_die(lua_tostring(f->state->L, -1));
}

static inline int64_t fuzz_cpu_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline void fuzz_one(fuzzer *f, const uint8_t *data, size_t size) {
  lua_State *L = f->state->L;
  int64_t begin = fuzz_cpu_us();
  lua_pushcfunction(L, fuzz_call);
  lua_pushlightuserdata(L, (void *)(uintptr_t)data);
  lua_pushlightuserdata(L, &size);
  int rc = lua_pcall(L, 2, 0, 0);
  if (rc != LUA_OK && rc != LUA_ERRMEM) fuzz_die(lua_tostring(L, -1));
  if (fuzz_cpu_us() - begin > CPU_MAX_US) fuzz_die("took too long");
  lua_settop(L, 0);
  if (rc == LUA_OK && ++f->inputs < INPUTS_PER_STATE) return;
  size_t memory = f->state->limit;
  nvl_state_close(f->state);
  fuzz_open(f, f->script, memory);
}

#endif
