/* bounds - functions of the base and table libraries that a guard could not stop.
 *
 * No hook fires inside a C function, in a finalizer, or in a message handler that
 * runs because a hook raised. So table functions take lists of sane length only,
 * scripts have no finalizers, and a message handler is left out once the budget of
 * its guard is spent or the watchdog has interrupted its task.
 */
#include "task.h"

#define LIST_MAX 10000000 /* elements; a tenth of a second */

/* ---- xpcall ---- */

/* The handler of a script, for errors that no hook raised. */
static int handle(lua_State *L) {
  nvl_state *s = nvl_state_of(L);
  if (s->interrupted || (s->guard_left >= 0 && s->guard_killed)) return 1;
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

/* 1 function, 2 handler, 3 true, then the results or the error. */
static int called(lua_State *L, int status, lua_KContext ctx) {
  (void)ctx;
  if (status == LUA_OK || status == LUA_YIELD) return lua_gettop(L) - 2;
  lua_pushboolean(L, 0);
  lua_insert(L, -2);
  return 2;
}

static int b_xpcall(lua_State *L) {
  int n = lua_gettop(L);
  luaL_checktype(L, 2, LUA_TFUNCTION);
  if (!lua_iscfunction(L, 2)) {
    lua_pushvalue(L, 2);
    lua_pushcclosure(L, handle, 1);
    lua_replace(L, 2);
  }
  lua_pushboolean(L, 1);
  lua_pushvalue(L, 1);
  lua_rotate(L, 3, 2);
  return called(L, lua_pcallk(L, n - 2, LUA_MULTRET, 2, 0, called), 0);
}

/* ---- the others only look at their arguments ---- */

/* Calls the original, which is upvalue 1, with all arguments. */
static int call_original(lua_State *L) {
  int nargs = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, nargs, LUA_MULTRET);
  return lua_gettop(L);
}

static int b_setmetatable(lua_State *L) {
  if (lua_istable(L, 2)) {
    lua_pushliteral(L, "__gc");
    lua_rawget(L, 2);
    if (!lua_isnil(L, -1)) return luaL_error(L, "a script has no finalizers (__gc)");
    lua_pop(L, 1);
  }
  return call_original(L);
}

/* These walk as far as the length says, and cost a guard that much. */
static int whole_list(lua_State *L, size_t cost_each) {
  if (luaL_getmetafield(L, 1, "__len") != LUA_TNIL)
    return luaL_argerror(L, 1, "list with a length of its own");
  nvl_guard_charge(nvl_state_of(L), L, (size_t)lua_rawlen(L, 1) * cost_each);
  return call_original(L);
}

/* At the end they move nothing. */
static int b_insert(lua_State *L) { return whole_list(L, lua_gettop(L) > 2); }
static int b_remove(lua_State *L) { return whole_list(L, lua_gettop(L) > 1); }
static int b_sort(lua_State *L) { return whole_list(L, 64); }

static void check_range(lua_State *L, int first, int last) {
  lua_Number n = lua_tonumber(L, last) - lua_tonumber(L, first);
  if (n >= LIST_MAX) luaL_error(L, "list of more than %d elements", LIST_MAX);
  if (n > 0) nvl_guard_charge(nvl_state_of(L), L, (size_t)n);
}

static int b_concat(lua_State *L) {
  check_range(L, 3, 4);
  return whole_list(L, 1);
}

static int b_move(lua_State *L) {
  check_range(L, 2, 3);
  return call_original(L);
}

/* ---- coroutines: what runs in one is counted from its first instruction ---- */

static int b_create(lua_State *L) {
  int n = call_original(L);
  nvl_guard_watch(lua_tothread(L, -1));
  return n;
}

static int b_wrap(lua_State *L) {
  int n = call_original(L);
  if (lua_getupvalue(L, -1, 1)) {
    nvl_guard_watch(lua_tothread(L, -1));
    lua_pop(L, 1);
  }
  return n;
}

static void replace(lua_State *L, const char *library, const char *name, lua_CFunction fn) {
  lua_getglobal(L, library);
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, fn, 1);
  lua_setfield(L, -2, name);
  lua_pop(L, 1);
}

void nvl_bound_base(lua_State *L) {
  replace(L, "_G", "xpcall", b_xpcall);
  replace(L, "_G", "setmetatable", b_setmetatable);
  replace(L, "coroutine", "create", b_create);
  replace(L, "coroutine", "wrap", b_wrap);
  replace(L, "table", "insert", b_insert);
  replace(L, "table", "remove", b_remove);
  replace(L, "table", "sort", b_sort);
  replace(L, "table", "concat", b_concat);
  replace(L, "table", "move", b_move);
}
