/* l_json_row - rows of a table as JSON text, made without a Lua table for each.
 *
 *     json.row(first, values, names, kinds, memo) -> '["first","cell",...]' | nil, i
 *     json.raw(text)      stands for that text in json.encode
 *
 * A row holds texts only, as a table of cells is sent. `kinds[i]` says what
 * values[names[i]] may be as it stands: "text" a string, "number" an integer or a
 * decimal; true and false nothing. nil, null and, but for kind false, false are an
 * empty cell. What is not covered is looked up in memo[i]
 * (value -> cell); when it is not there either, the answer is nil and the column:
 * the caller converts, writes the memo, and asks again.
 */
#include "l_json.h"

#include <string.h>

/* ---- raw text ----------------------------------------------------------- */

int nvl_json_raw(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_settop(L, 1);
  lua_newuserdatauv(L, 0, 1);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  luaL_setmetatable(L, NVL_JSON_RAW);
  return 1;
}

/* The string stays alive through the userdata. */
nv_str nvl_json_raw_text(lua_State *L, int idx) {
  nv_str s = {0};
  if (!luaL_testudata(L, idx, NVL_JSON_RAW)) return s;
  lua_getiuservalue(L, idx, 1);
  s.p = lua_tolstring(L, -1, &s.n);
  lua_pop(L, 1);
  return s;
}

/* ---- rows --------------------------------------------------------------- */

typedef enum kind {
  KIND_STRICT, /* false: the value false is one */
  KIND_MEMO,   /* true */
  KIND_TEXT,
  KIND_NUMBER,
} kind;

static kind kind_at(lua_State *L, lua_Integer i) {
  kind k = KIND_STRICT;
  if (lua_rawgeti(L, 4, i) == LUA_TSTRING)
    k = *lua_tostring(L, -1) == 't' ? KIND_TEXT : KIND_NUMBER;
  else if (lua_toboolean(L, -1)) k = KIND_MEMO;
  lua_pop(L, 1);
  return k;
}

static bool is_empty(lua_State *L, int idx, kind k) {
  switch (lua_type(L, idx)) {
    case LUA_TNIL: return true;
    case LUA_TBOOLEAN: return k != KIND_STRICT && !lua_toboolean(L, idx);
    case LUA_TLIGHTUSERDATA: return !lua_touserdata(L, idx);
    default: return false;
  }
}

static int add_quoted(nv_buf *out, const char *digits, size_t n) {
  int rc = nv_buf_addc(out, '"');
  if (rc == NV_OK) rc = nv_buf_add(out, digits, n);
  return rc == NV_OK ? nv_buf_addc(out, '"') : rc;
}

static int add_number(lua_State *L, nv_buf *out, int idx, bool *done) {
  *done = true;
  if (lua_isinteger(L, idx)) {
    int rc = nv_buf_addc(out, '"');
    if (rc == NV_OK) rc = nv_json_add_integer(out, lua_tointeger(L, idx));
    return rc == NV_OK ? nv_buf_addc(out, '"') : rc;
  }
  if (lua_type(L, idx) == LUA_TUSERDATA && lua_getmetatable(L, idx)) {
    bool decimal = lua_rawequal(L, -1, UP_DECIMAL_MT);
    lua_pop(L, 1);
    if (decimal) {
      char text[NV_DECIMAL_TEXT];
      return add_quoted(out, text, nv_decimal_print(lua_touserdata(L, idx), text));
    }
  }
  *done = false;
  return NV_OK;
}

/* Adds the cell of the value on top of the stack. `*done` is false when nobody
 * knows how. */
static int add_cell(lua_State *L, nv_buf *out, lua_Integer i, bool *done) {
  int v = lua_gettop(L);
  kind k = kind_at(L, i);
  nv_str s;
  *done = true;
  if (k == KIND_TEXT && lua_type(L, v) == LUA_TSTRING) {
    s.p = lua_tolstring(L, v, &s.n);
    return nv_json_add_string(out, s);
  }
  if (is_empty(L, v, k)) return nv_buf_add(out, "\"\"", 2);
  if (k == KIND_NUMBER) {
    int rc = add_number(L, out, v, done);
    if (*done) return rc;
  }
  *done = false;
  if (lua_rawgeti(L, 5, i) != LUA_TTABLE) return NV_OK;
  lua_pushvalue(L, v);
  if (lua_rawget(L, -2) != LUA_TSTRING) return NV_OK;
  *done = true;
  s.p = lua_tolstring(L, -1, &s.n);
  return nv_json_add_string(out, s);
}

static int failed(lua_State *L, int rc, lua_Integer i) {
  if (rc == NV_ESYNTAX)
    return luaL_error(L, "json.row: column %I is not UTF-8", i);
  return luaL_error(L, "json.row: %s", nv_code_text(rc));
}

int nvl_json_row(lua_State *L) {
  nv_buf *out = &((nvl_json_scratch *)lua_touserdata(L, UP_SCRATCH))->out;
  nv_str first;
  luaL_checktype(L, 1, LUA_TSTRING);
  for (int i = 2; i <= 5; i++) luaL_checktype(L, i, LUA_TTABLE);
  lua_settop(L, 5);
  first.p = lua_tolstring(L, 1, &first.n);
  out->n = 0;
  int rc = nv_buf_addc(out, '[');
  if (rc == NV_OK) rc = nv_json_add_string(out, first);
  if (rc != NV_OK) return failed(L, rc, 0);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 3);
  for (lua_Integer i = 1; i <= n; i++) {
    bool done;
    lua_rawgeti(L, 3, i);
    lua_rawget(L, 2);
    rc = nv_buf_addc(out, ',');
    if (rc == NV_OK) rc = add_cell(L, out, i, &done);
    if (rc != NV_OK) return failed(L, rc, i);
    if (!done) {
      lua_pushnil(L);
      lua_pushinteger(L, i);
      return 2;
    }
    lua_settop(L, 5);
  }
  if ((rc = nv_buf_addc(out, ']')) != NV_OK) return failed(L, rc, n);
  lua_pushlstring(L, out->p, out->n);
  return 1;
}
