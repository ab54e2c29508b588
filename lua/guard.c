/* guard - limits on what a script may hold: instructions, and the loop.
 *
 * `task.guard(limit, fn, ...)` calls code of a flow with an instruction budget;
 * an error, an exhausted budget or exhausted memory comes back as a value that
 * names file and line. A script that hides a runaway loop in pcall is stopped by
 * re-arming the hook on every line once its budget is spent. One instruction can be
 * a call that copies megabytes, so memory and the steps of patterns cost budget too,
 * and for whatever is left processor time is bounded. Outside a guard no
 * hook is set, since one costs every instruction; a task that holds the loop for
 * seconds is ended by the watchdog, which sets a hook from a signal handler.
 */
#include "task.h"

#include <string.h>
#include <time.h>

enum {
  STEP = 1000,              /* instructions between two looks */
  GUARD_DEFAULT = 10000000, /* instructions */
  SLOW_US = 500000,         /* from here on processor time is looked at */
  SLOW_CPU_US = 300000,     /* and may be so much more */
};

#define SPENT "instruction budget exceeded"

/* The machine's clocks and not the env's: a simulation must not hang either. */
static int64_t clock_us(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A process that gets no processor is not to blame, so the wall clock, which costs
 * little, only says when to look at processor time. */
static bool took_too_long(nvl_state *s) {
  if (clock_us(CLOCK_MONOTONIC) - s->guard_wall_us < SLOW_US) return false;
  int64_t cpu = clock_us(CLOCK_THREAD_CPUTIME_ID);
  if (s->guard_cpu_us == 0) s->guard_cpu_us = cpu;
  return cpu - s->guard_cpu_us > SLOW_CPU_US;
}

/* With the place of the code that is stopped, which in a hook is level 0. */
static void stop(lua_State *L, const char *text) {
  luaL_where(L, 0);
  lua_pushstring(L, text);
  lua_concat(L, 2);
  lua_error(L);
}

static void budget_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  nvl_state *s = nvl_state_of(L);
  if (s->guard_left < 0) return; /* a coroutine that outlived its guard */
  if (!s->guard_killed) {
    s->guard_left -= lua_gethookcount(L);
    if (s->guard_left > 0 && !took_too_long(s)) return;
    s->guard_left = 0;
    s->guard_killed = true;
  }
  lua_sethook(L, budget_hook, LUA_MASKLINE | LUA_MASKCOUNT, 1);
  stop(L, SPENT);
}

void nvl_guard_charge(nvl_state *s, lua_State *L, size_t cost) {
  if (s->guard_left <= 0) return; /* no guard, or spent */
  s->guard_left = cost < (size_t)s->guard_left ? s->guard_left - (long)cost : 0;
  if (s->guard_left == 0) lua_sethook(L ? L : s->guard_co, budget_hook, LUA_MASKCOUNT, 1);
}

/* A first interrupt is one error, then time to clean up. A guard that is interrupted
 * has spent its budget; so has a task that hid the first in pcall. */
static void slice_hook(lua_State *L, lua_Debug *ar) {
  nvl_state *s = nvl_state_of(L);
  if (s->guard_left >= 0) {
    s->guard_killed = true;
    budget_hook(L, ar);
    return;
  }
  if (s->interrupted) lua_sethook(L, slice_hook, LUA_MASKLINE | LUA_MASKCOUNT, 1);
  else lua_sethook(L, NULL, 0, 0);
  s->interrupted = true;
  stop(L, "held the event loop for too long");
}

void nvl_guard_interrupt(lua_State *co) {
  lua_sethook(co, slice_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

static void field(lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

/* First level below `L` that has a source line: where the script was. */
static void add_place(lua_State *L) {
  lua_Debug ar;
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0) continue;
    field(L, "file", ar.short_src);
    lua_pushinteger(L, ar.currentline);
    lua_setfield(L, -2, "line");
    return;
  }
}

static int to_error(lua_State *L) {
  nvl_state *s = nvl_state_of(L);
  nvl_error_text(L, 1);
  lua_createtable(L, 0, 5);
  field(L, "code", s->guard_killed ? "budget" : "bug");
  lua_pushvalue(L, -2); /* a text may hold zero bytes */
  lua_setfield(L, -2, "text");
  luaL_traceback(L, L, NULL, 1);
  lua_setfield(L, -2, "traceback");
  add_place(L);
  return 1;
}

/* An error for which no handler could run: its table, below it false. */
static int plain_error(lua_State *L, const char *code, const char *text) {
  lua_settop(L, 0);
  lua_gc(L, LUA_GCCOLLECT);
  lua_pushboolean(L, 0);
  lua_createtable(L, 0, 2);
  field(L, "code", code);
  field(L, "text", text);
  return 2;
}

int nvl_guard(lua_State *L) {
  nvl_state *s = nvl_state_of(L);
  lua_Integer limit = luaL_optinteger(L, 1, GUARD_DEFAULT);
  luaL_argcheck(L, limit >= 0, 1, "negative budget");
  luaL_checktype(L, 2, LUA_TFUNCTION);
  if (s->guard_left >= 0) return luaL_error(L, "guards do not nest");
  lua_pushcfunction(L, to_error);
  lua_replace(L, 1);
  s->guard_left = (long)limit;
  s->guard_killed = false;
  s->guard_wall_us = clock_us(CLOCK_MONOTONIC);
  s->guard_cpu_us = 0;
  s->guard_co = L;
  lua_sethook(L, budget_hook, LUA_MASKCOUNT, STEP);
  int rc = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 1);
  s->guard_left = -1;
  lua_sethook(L, NULL, 0, 0);
  if (rc == LUA_ERRMEM) return plain_error(L, "memory", "memory ceiling of the flow reached");
  if (rc == LUA_OK && s->guard_killed) /* its last act was to hide that in pcall */
    return plain_error(L, "budget", SPENT);
  if (rc != LUA_OK && !lua_istable(L, -1))
    return plain_error(L, "bug", "error in the error handler");
  lua_pushboolean(L, rc == LUA_OK);
  if (rc != LUA_OK) {
    lua_insert(L, -2);
    return 2;
  }
  lua_replace(L, 1);
  return lua_gettop(L);
}
