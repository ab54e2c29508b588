/* error - core failures as Lua values, and readers of option tables. */
#include "nvl.h"

#define ERROR_MT "navodoo.error"

static int error_tostring(lua_State *L) {
  if (lua_istable(L, 1)) {
    lua_pushliteral(L, "text");
    lua_rawget(L, 1);
  }
  if (lua_type(L, -1) != LUA_TSTRING) lua_pushliteral(L, "unknown error");
  return 1;
}

static void set_string(lua_State *L, const char *key, const char *value) {
  if (!value[0]) return;
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

void nvl_push_error(lua_State *L, const nv_error *err) {
  lua_createtable(L, 0, 6);
  set_string(L, "code", nv_code_name(err->code));
  set_string(L, "text", err->text[0] ? err->text : nv_code_text(err->code));
  set_string(L, "where", err->where);
  if (err->http) {
    lua_pushinteger(L, err->http);
    lua_setfield(L, -2, "http");
  }
  if (err->retry_after_ms) {
    lua_pushinteger(L, err->retry_after_ms);
    lua_setfield(L, -2, "retry_after_ms");
  }
  lua_pushboolean(L, err->maybe_sent);
  lua_setfield(L, -2, "maybe_sent");
  if (luaL_newmetatable(L, ERROR_MT)) {
    lua_pushcfunction(L, error_tostring);
    lua_setfield(L, -2, "__tostring");
  }
  lua_setmetatable(L, -2);
}

int nvl_fail(lua_State *L, const nv_error *err) {
  lua_pushnil(L);
  nvl_push_error(L, err);
  return 2;
}

const char *nvl_error_text(lua_State *L, int idx) {
  idx = lua_absindex(L, idx);
  if (lua_isnil(L, idx)) return lua_pushliteral(L, "error raised with no message");
  if (lua_istable(L, idx)) {
    if (luaL_getmetafield(L, idx, "__tostring") == LUA_TNIL) {
      lua_pushliteral(L, "text");
      lua_rawget(L, idx);
      if (lua_type(L, -1) == LUA_TSTRING) return lua_tostring(L, -1);
    }
    lua_pop(L, 1);
  }
  return luaL_tolstring(L, idx, NULL);
}

/* Raw: a text from __index would be anchored by nobody. */
static int raw_field(lua_State *L, int idx, const char *name) {
  idx = lua_absindex(L, idx);
  lua_pushstring(L, name);
  return lua_rawget(L, idx);
}

const char *nvl_opt_string(lua_State *L, int idx, const char *name,
                           const char *fallback, size_t *len) {
  int type = raw_field(L, idx, name);
  if (type == LUA_TNIL) {
    lua_pop(L, 1);
    if (len) *len = fallback ? nv_str_of(fallback).n : 0;
    return fallback;
  }
  if (type != LUA_TSTRING) {
    luaL_error(L, "field '%s': string expected, got %s", name,
               luaL_typename(L, -1));
    return NULL;
  }
  const char *s = lua_tolstring(L, -1, len);
  lua_pop(L, 1); /* the table still holds it */
  return s;
}

lua_Integer nvl_opt_integer(lua_State *L, int idx, const char *name,
                            lua_Integer fallback) {
  int type = raw_field(L, idx, name), ok = 1;
  lua_Integer v = type == LUA_TNIL ? fallback : lua_tointegerx(L, -1, &ok);
  if (!ok)
    luaL_error(L, "field '%s': integer expected, got %s", name,
               luaL_typename(L, -1));
  lua_pop(L, 1);
  return v;
}

bool nvl_opt_boolean(lua_State *L, int idx, const char *name, bool fallback) {
  int type = raw_field(L, idx, name);
  if (type != LUA_TNIL && type != LUA_TBOOLEAN)
    luaL_error(L, "field '%s': boolean expected, got %s", name,
               luaL_typename(L, -1));
  bool v = type == LUA_TNIL ? fallback : lua_toboolean(L, -1);
  lua_pop(L, 1);
  return v;
}
