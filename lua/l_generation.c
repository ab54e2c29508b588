/* generation - the command line's handle on a flow's own state.
 *
 * `generation.open{ name=, main=, argument=, memory= }` opens a state with a
 * memory ceiling, loads the stdlib module `main` there and starts a task of its
 * function `start(argument)`. States share nothing but the store, the endpoints,
 * the cache and named events; `argument` is text. When the task ends, the named
 * event "ended:<name>" is set; `gen:ended()` tells whether it did, and why when it
 * raised; `gen:close()` cancels whatever runs there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../core/crypto.h"
#include "stdlib_index.h"
#include "task.h"

#define GENERATION_MT "navodoo.generation"

typedef struct generation {
  nvl_state *state;
  char name[64];
  bool ended;
  char error[512]; /* why, when it ended badly */
} generation;

static void on_ended(void *arg, lua_State *co, int status, int nresults) {
  (void)nresults;
  generation *g = arg;
  nvl_state *s = g->state;
  char event[80];
  g->ended = true;
  snprintf(event, sizeof event, "ended:%s", g->name);
  nvl_event_signal(s->host, event);
  if (status == LUA_OK) return;
  int top = lua_gettop(s->L);
  snprintf(g->error, sizeof g->error, "%s", nvl_task_problem(s, co, status));
  lua_settop(s->L, top);
}

/* In the new state, under pcall: (generation*, main, argument). */
static int boot(lua_State *L) {
  generation *g = lua_touserdata(L, 1);
  const char *main_module = lua_touserdata(L, 2);
  const nv_str *argument = lua_touserdata(L, 3);
  lua_getglobal(L, "require");
  lua_pushstring(L, main_module);
  lua_call(L, 1, 1);
  lua_getfield(L, -1, "start");
  if (!lua_isfunction(L, -1))
    return luaL_error(L, "module '%s' has no function 'start'", main_module);
  lua_pushlstring(L, argument->p, argument->n);
  nvl_task_spawn_call(L, 1, on_ended, g);
  return 0;
}

static int l_open(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  nv_str argument;
  const char *name = nvl_opt_string(L, 1, "name", NULL, NULL);
  const char *module = nvl_opt_string(L, 1, "main", NULL, NULL);
  argument.p = nvl_opt_string(L, 1, "argument", "", &argument.n);
  lua_Integer memory = nvl_opt_integer(L, 1, "memory", 0);
  bool trusted = nvl_opt_boolean(L, 1, "trusted", false);
  nvl_state_open_here(L);
  if (!name || !module) return luaL_error(L, "name and main are needed");
  generation *g = lua_newuserdatauv(L, sizeof *g, 0);
  *g = (generation){0};
  snprintf(g->name, sizeof g->name, "%s", name);
  luaL_setmetatable(L, GENERATION_MT);
  nv_error err;
  nvl_state_options o = {name, (size_t)memory, trusted};
  if (nvl_state_open(nvl_host_of(L), &o, &g->state, &err) != NV_OK)
    return nvl_fail(L, &err);
  lua_State *G = g->state->L;
  lua_pushcfunction(G, boot);
  lua_pushlightuserdata(G, g);
  lua_pushlightuserdata(G, (void *)(uintptr_t)module);
  lua_pushlightuserdata(G, &argument);
  if (lua_pcall(G, 3, 0, 0) != LUA_OK) {
    nv_fail(&err, NV_EINVALID, name, "%s",
            lua_type(G, -1) == LUA_TSTRING ? lua_tostring(G, -1)
                                           : "out of memory");
    nvl_state_close(g->state);
    g->state = NULL;
    return nvl_fail(L, &err);
  }
  return 1;
}

/* generation.stdlib() -> 12 digits that name the embedded standard library. */
static int l_stdlib(lua_State *L) {
  enum { SHOWN = 6, FILES_MAX = 4096 };
  static char text[2 * SHOWN]; /* it does not change while the process runs */
  if (!text[0]) {
    unsigned char sum[NV_SHA256_BYTES];
    nv_buf sums;
    nv_error err;
    nv_buf_init(&sums, FILES_MAX * NV_SHA256_BYTES);
    int rc = NV_OK;
    for (const nvl_stdlib_file *f = nvl_stdlib_files; f->name && rc == NV_OK; f++) {
      rc = nv_sha256((nv_str){f->begin, (size_t)(f->end - f->begin)}, sum, &err);
      if (rc == NV_OK) rc = nv_buf_add(&sums, sum, sizeof sum);
    }
    if (rc == NV_OK) rc = nv_sha256((nv_str){sums.p, sums.n}, sum, &err);
    nv_buf_clear(&sums);
    if (rc != NV_OK) return luaL_error(L, "out of memory");
    nv_hex(sum, SHOWN, text);
  }
  lua_pushlstring(L, text, sizeof text);
  return 1;
}

static generation *here(lua_State *L) {
  return luaL_checkudata(L, 1, GENERATION_MT);
}

static int gen_close(lua_State *L) {
  generation *g = here(L);
  nvl_state *s = g->state;
  g->state = NULL;
  g->ended = true;
  nvl_state_close(s);
  return 0;
}

static int gen_ended(lua_State *L) {
  generation *g = here(L);
  lua_pushboolean(L, g->ended);
  if (!g->ended || !g->error[0]) return 1;
  lua_pushstring(L, g->error);
  return 2;
}

static int gen_memory(lua_State *L) {
  generation *g = here(L);
  lua_pushinteger(L, g->state ? (lua_Integer)g->state->used : 0);
  return 1;
}

int luaopen_navodoo_generation(lua_State *L) {
  static const luaL_Reg methods[] = {{"close", gen_close},
                                     {"ended", gen_ended},
                                     {"memory", gen_memory},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {{"open", l_open}, {"stdlib", l_stdlib}, {NULL, NULL}};
  luaL_newmetatable(L, GENERATION_MT);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, gen_close);
  lua_setfield(L, -2, "__gc");
  luaL_newlib(L, functions);
  return 1;
}
