/* l_cache - navodoo.cache: get(space, key), put(space, key, text, ttl_ms),
 * drop(space [, key]).
 *
 * Shared by all states of the process, bounded; an entry may be gone at any time.
 */
#include "../core/cache.h"
#include "nvl.h"

static nv_str check_text(lua_State *L, int idx) {
  nv_str s;
  s.p = luaL_checklstring(L, idx, &s.n);
  return s;
}

static int l_get(lua_State *L) {
  nv_str value;
  nv_str space = check_text(L, 1), key = check_text(L, 2);
  if (nv_cache_get(nvl_host_of(L)->cache, space, key, &value))
    lua_pushlstring(L, value.p, value.n);
  else
    lua_pushnil(L);
  return 1;
}

/* True when it was kept: a value that is too large is not. */
static int l_put(lua_State *L) {
  nv_str space = check_text(L, 1), key = check_text(L, 2), value = check_text(L, 3);
  lua_Integer ttl_ms = luaL_optinteger(L, 4, 0);
  luaL_argcheck(L, ttl_ms >= 0, 4, "negative time");
  int rc = nv_cache_put(nvl_host_of(L)->cache, space, key, value, ttl_ms);
  lua_pushboolean(L, rc == NV_OK);
  return 1;
}

static int l_drop(lua_State *L) {
  nv_str space = check_text(L, 1);
  nv_str key = lua_isnoneornil(L, 2) ? (nv_str){NULL, 0} : check_text(L, 2);
  nv_cache_drop(nvl_host_of(L)->cache, space, key);
  return 0;
}

int luaopen_navodoo_cache(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"get", l_get}, {"put", l_put}, {"drop", l_drop}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
