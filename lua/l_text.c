/* l_text - navodoo.text: Unicode text functions over core/text.
 *
 * Text that is not UTF-8 gives nil, err everywhere except valid (false) and trim,
 * bare, is and is_email (which never need to know). The buffer that results grow in belongs to one
 * userdata per state, so a raise leaks nothing.
 */
#include "../core/text.h"
#include "nvl.h"

#define TEXT_MAX ((size_t)256 << 20)
#define KEEP_MAX ((size_t)64 << 10) /* a longer buffer is given back */

static nv_str check_text(lua_State *L, int idx) {
  nv_str s;
  luaL_checktype(L, idx, LUA_TSTRING);
  s.p = lua_tolstring(L, idx, &s.n);
  return s;
}

typedef int (*map_fn)(nv_buf *out, nv_str s, nv_error *err);
typedef int (*count_fn)(nv_str s, size_t *n, nv_error *err);

static int map(lua_State *L, map_fn fn) {
  nv_str s = check_text(L, 1);
  nv_buf *out = lua_touserdata(L, lua_upvalueindex(1));
  nv_error err;
  out->n = 0;
  if (fn(out, s, &err) != NV_OK) return nvl_fail(L, &err);
  lua_pushlstring(L, out->p ? out->p : "", out->n);
  if (out->cap > KEEP_MAX) nv_buf_clear(out);
  return 1;
}

static int count(lua_State *L, count_fn fn) {
  size_t n;
  nv_error err;
  if (fn(check_text(L, 1), &n, &err) != NV_OK) return nvl_fail(L, &err);
  lua_pushinteger(L, (lua_Integer)n);
  return 1;
}

static int l_nfc(lua_State *L) {
  return map(L, nv_text_add_nfc);
}
static int l_fold(lua_State *L) {
  return map(L, nv_text_add_fold);
}
static int l_upper(lua_State *L) {
  return map(L, nv_text_add_upper);
}
static int l_lower(lua_State *L) {
  return map(L, nv_text_add_lower);
}
static int add_bare(nv_buf *out, nv_str s, nv_error *err) {
  int rc = nv_text_add_bare(out, s);
  return rc == NV_OK ? rc : nv_fail(err, rc, "text", "%s", nv_code_text(rc));
}

static int l_bare(lua_State *L) {
  return map(L, add_bare);
}

static int l_is(lua_State *L) {
  nv_str s = check_text(L, 1);
  lua_pushboolean(L, nv_text_is(s, luaL_checkstring(L, 2)));
  return 1;
}

static int l_is_email(lua_State *L) {
  lua_pushboolean(L, nv_text_is_email(check_text(L, 1)));
  return 1;
}

static int l_length(lua_State *L) {
  return count(L, nv_text_length);
}
static int l_utf16_length(lua_State *L) {
  return count(L, nv_text_utf16_length);
}

/* Pushes `part`, which lies in the string at index 1. */
static int push_part(lua_State *L, nv_str whole, nv_str part) {
  if (part.n == whole.n)
    lua_pushvalue(L, 1);
  else
    lua_pushlstring(L, part.p, part.n);
  return 1;
}

static int l_truncate(lua_State *L) {
  nv_str s = check_text(L, 1), part;
  lua_Integer units = luaL_checkinteger(L, 2);
  luaL_argcheck(L, units >= 0, 2, "a length is not negative");
  nv_error err;
  if (nv_text_truncate(s, (size_t)units, &part, &err) != NV_OK)
    return nvl_fail(L, &err);
  return push_part(L, s, part);
}

static int l_trim(lua_State *L) {
  nv_str s = check_text(L, 1);
  return push_part(L, s, nv_text_trim(s));
}

static int l_valid(lua_State *L) {
  lua_pushboolean(L, nv_text_valid(check_text(L, 1)));
  return 1;
}

static int buffer_gc(lua_State *L) {
  nv_buf_clear(lua_touserdata(L, 1));
  return 0;
}

static const luaL_Reg functions[] = {
    {"nfc", l_nfc},           {"fold", l_fold},
    {"upper", l_upper},       {"lower", l_lower},
    {"length", l_length},     {"utf16_length", l_utf16_length},
    {"truncate", l_truncate}, {"trim", l_trim},
    {"valid", l_valid},       {"bare", l_bare},
    {"is", l_is},             {"is_email", l_is_email},
    {NULL, NULL},
};

int luaopen_navodoo_text(lua_State *L) {
  luaL_newlibtable(L, functions);
  nv_buf *out = lua_newuserdatauv(L, sizeof *out, 0);
  nv_buf_init(out, TEXT_MAX);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, buffer_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  luaL_setfuncs(L, functions, 1);
  return 1;
}
