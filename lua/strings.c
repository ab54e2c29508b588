/* strings - the functions of the string library that could hold the loop, bounded.
 *
 * The instruction hook does not fire inside C functions, and Lua's matcher
 * backtracks: nine `a*` over 26 letters run for seconds. So a pattern is costed
 * before it runs: (subject length)^(repeats) / repeats! must stay below a limit.
 * The string metatable is shared by every script of a state and is locked.
 */
#include <stdlib.h>
#include <string.h>

#include "task.h"

enum { REP_MAX = 16 << 20 };
#define COST_MAX 2e7

/* Repeats that can backtrack: one quantifier each. */
static int count_repeats(const char *p, size_t n) {
  int repeats = 0;
  for (size_t i = 0; i < n; i++) {
    if (p[i] == '%') i++;
    else if (p[i] == '*' || p[i] == '+' || p[i] == '-' || p[i] == '?') repeats++;
  }
  return repeats;
}

static void check_cost(lua_State *L) {
  size_t n, pn;
  luaL_checklstring(L, 1, &n);
  const char *pattern = luaL_checklstring(L, 2, &pn);
  int repeats = count_repeats(pattern, pn);
  if (repeats < 3) return; /* at worst cubic with the start position */
  double cost = 1;
  for (int i = 1; i <= repeats; i++) cost *= (double)(n + (size_t)i) / i;
  if (cost > COST_MAX)
    luaL_error(L, "pattern with %d repeats is too costly for a text of %d bytes",
               repeats, (int)n);
}

static int call_original(lua_State *L) {
  int nargs = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, nargs, LUA_MULTRET);
  return lua_gettop(L);
}

static int bounded_match(lua_State *L) {
  check_cost(L);
  return call_original(L);
}

static int bounded_rep(lua_State *L) {
  size_t n, sep = 0;
  luaL_checklstring(L, 1, &n);
  lua_Integer times = luaL_checkinteger(L, 2);
  if (!lua_isnoneornil(L, 3)) luaL_checklstring(L, 3, &sep);
  if (times > 0 && (n + sep) > (size_t)REP_MAX / (size_t)times)
    return luaL_error(L, "string.rep: result would pass %d bytes", REP_MAX);
  return call_original(L);
}

void nvl_bound_strings(lua_State *L) {
  static const struct {
    const char *name;
    lua_CFunction fn;
  } bounded[] = {{"find", bounded_match},   {"match", bounded_match},
                 {"gmatch", bounded_match}, {"gsub", bounded_match},
                 {"rep", bounded_rep}};
  lua_getglobal(L, "string");
  for (size_t i = 0; i < sizeof bounded / sizeof bounded[0]; i++) {
    lua_getfield(L, -1, bounded[i].name);
    lua_pushcclosure(L, bounded[i].fn, 1);
    lua_setfield(L, -2, bounded[i].name);
  }
  lua_pop(L, 1);
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 2);
}
