/* host_world - a host on a simulated loop, states in it, and scripts as texts.
 *
 * The store is inline on simvfs and HTTP goes to a transport that answers when the
 * test says so, so that every kind of operation can be caught in flight. Log lines
 * are collected. A world ends with no live operation, or the test fails.
 */
#ifndef HOST_WORLD_H
#define HOST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/http_client.h"
#include "../../../core/lock.h"
#include "../../../core/log.h"
#include "../../../core/store.h"
#include "../../../lua/host.h"
#include "../../sim/simvfs.h"

enum { EXCHANGES = 8 };

typedef struct world {
  nv_env env;
  nv_loop *loop;
  nvl_host host;
  nv_transport transport;
  nv_exchange *live[EXCHANGES]; /* on the wire */
  int nlive, abandoned;
  bool hold_abandoned; /* an abandoned exchange stays until the test ends it */
  char log[8192];
} world;

/* How the task of a script ended. */
typedef struct outcome {
  int status; /* -1: it has not */
  char text[512]; /* first result, or the error */
} outcome;

/* ---- transport and log ---- */

static inline int wire_start(void *ctx, nv_exchange *x, nv_error *err) {
  world *w = ctx;
  (void)err;
  assert_true(w->nlive < EXCHANGES);
  w->live[w->nlive++] = x;
  return NV_OK;
}

static inline void wire_end(world *w, nv_exchange *x, int status) {
  int i = 0;
  while (w->live[i] != x) i++;
  w->live[i] = w->live[--w->nlive];
  x->status = 200;
  nv_exchange_done(x, status);
}

static inline void wire_abandon(void *ctx, nv_exchange *x) {
  world *w = ctx;
  w->abandoned++;
  if (!w->hold_abandoned) wire_end(w, x, NV_ECANCELLED);
}

static inline void keep_line(int level, const char *line, size_t n, void *arg) {
  world *w = arg;
  (void)level;
  size_t used = strlen(w->log);
  if (used + n + 2 < sizeof w->log) {
    memcpy(w->log + used, line, n);
    strcpy(w->log + used + n, "\n");
  }
}

/* ---- life ---- */

static inline void open_host(world *w) {
  nv_error err = {0};
  nv_endpoint e = {.name = "erp", .base_url = "http://erp.invalid"};
  if (nvl_host_open_on(&w->host, w->loop, &err) != NV_OK) fail_msg("%s", err.text);
  nv_log_set_hook(w->host.log, keep_line, w);
  if (nv_store_open(w->loop, "image", &w->host.store, &err) != NV_OK) fail_msg("%s", err.text);
  assert_int_equal(nv_http_endpoint_set(w->host.http, &e, &err), NV_OK);
}

static inline int world_set_up(void **state) {
  world *w = *state = calloc(1, sizeof *w);
  if (!w) return -1;
  nv_simvfs_register();
  nv_simvfs_reset();
  nv_env_init_simulated(&w->env, 1, INT64_C(1764000000000000));
  w->env.vfs = "simvfs";
  w->transport = (nv_transport){w, wire_start, wire_abandon};
  w->env.transport = &w->transport;
  if (nv_loop_open(&w->env, &w->loop, NULL) != NV_OK) return -1;
  open_host(w);
  return 0;
}

/* Runs what is ready, without moving the clock. */
static inline void settle(world *w) {
  for (int i = 0; i < 20; i++) nv_loop_turn(w->loop, false);
}

static inline int world_tear_down(void **state) {
  world *w = *state;
  nvl_host_close_on(&w->host);
  settle(w);
  size_t live = nv_loop_live_ops(w->loop);
  nv_loop_close(w->loop);
  free(w);
  if (live) print_error("%zu operations are still open\n", live);
  return live == 0 ? 0 : -1;
}

/* ---- states and scripts ---- */

static inline nvl_state *open_state(world *w, const char *name, size_t limit, bool trusted) {
  nvl_state *s;
  nv_error err = {0};
  nvl_state_options o = {name, limit, trusted};
  if (nvl_state_open(&w->host, &o, &s, &err) != NV_OK) fail_msg("%s", err.text);
  return s;
}

static inline nvl_state *open_flow(world *w) { return open_state(w, "flow", 64 << 20, false); }

static inline void note_end(void *arg, lua_State *co, int status, int nresults) {
  outcome *o = arg;
  const char *text = "";
  o->status = status;
  if (status != LUA_OK || nresults > 0) {
    int i = status == LUA_OK ? -nresults : -1;
    text = lua_type(co, i) == LUA_TSTRING    ? lua_tostring(co, i)
           : lua_type(co, i) == LUA_TBOOLEAN ? (lua_toboolean(co, i) ? "true" : "false")
                                             : luaL_typename(co, i);
  }
  snprintf(o->text, sizeof o->text, "%s", text);
}

/* Under pcall: (script, outcome*). */
static inline int spawn_script(lua_State *L) {
  const char *script = lua_touserdata(L, 1);
  outcome *o = lua_touserdata(L, 2);
  lua_settop(L, 0);
  if (luaL_loadbufferx(L, script, strlen(script), "=script", "t") != LUA_OK) return lua_error(L);
  nvl_task_spawn_call(L, 0, o ? note_end : NULL, o);
  return 0;
}

/* Starts a script as a task; without an outcome its end is reported as usual. */
static inline void start_script(nvl_state *s, const char *script, outcome *o) {
  if (o) *o = (outcome){.status = -1};
  lua_pushcfunction(s->L, spawn_script);
  lua_pushlightuserdata(s->L, (void *)(uintptr_t)script);
  lua_pushlightuserdata(s->L, o);
  if (lua_pcall(s->L, 2, 0, 0) != LUA_OK) fail_msg("%s", lua_tostring(s->L, -1));
}

/* Runs a script to its end, with nothing else left to do on the loop. */
static inline outcome run_script(nvl_state *s, const char *script) {
  outcome o;
  start_script(s, script, &o);
  nv_loop_run(s->host->loop);
  return o;
}

#define assert_script(s, expected, script)              \
  do {                                                  \
    outcome script_outcome = run_script(s, script);     \
    assert_string_equal(script_outcome.text, expected); \
    assert_int_equal(script_outcome.status, LUA_OK);    \
  } while (0)

#endif
