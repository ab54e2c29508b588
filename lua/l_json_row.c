/* l_json_row - rows of a table as JSON text, made without a Lua table for each.
 *
 *     json.rows(plan, rows, from, max_rows, max_bytes)
 *         -> '[["xmlid","cell",...],...]', next, wrong
 *     json.present(values, names) -> "0110..."   which of the names have a value
 *     json.raw(text)      stands for that text in json.encode
 *
 * `rows[i]` is { xmlid=, write= }; a row holds texts only, as a table of cells is
 * sent. `plan` is { prefix=, names=, kinds=, convert= }; the prefix stands before every
 * xmlid, as it is. `kinds[i]` says what write[names[i]] goes out as it stands: "text" a
 * string, "number" an integer or a decimal, "integer" the first of these, "id" one above
 * 0, "boolean" True or False; "other" nothing. nil, null and, where it is no boolean,
 * false are an empty cell. Any other value is given to convert(i, value), which answers
 * its cell, or nil and why it has none. Rows from `from` on are written until there are
 * `max_rows` of them or one more would pass `max_bytes`; `next` is the first that was
 * not. `wrong` is nil, or { [row] = { i, why } } of the rows among them that have no text.
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

/* ---- cells --------------------------------------------------------------- */

/* Stack of json.rows. */
enum { SCRATCH = 6, PREFIX, NAMES, KINDS, CONVERT, WRONG, ROW, XMLID, VALUES };
enum { COLUMNS_MAX = 512 };

typedef enum kind { KIND_OTHER, KIND_TEXT, KIND_NUMBER, KIND_INTEGER, KIND_ID, KIND_BOOLEAN } kind;

static const char *const kind_words[] = {"other", "text", "number", "integer", "id", "boolean", NULL};

static int add_quoted(nv_buf *out, const char *digits, size_t n) {
  int rc = nv_buf_addc(out, '"');
  if (rc == NV_OK) rc = nv_buf_add(out, digits, n);
  return rc == NV_OK ? nv_buf_addc(out, '"') : rc;
}

static int add_integer(nv_buf *out, lua_Integer n) {
  int rc = nv_buf_addc(out, '"');
  if (rc == NV_OK) rc = nv_json_add_integer(out, n);
  return rc == NV_OK ? nv_buf_addc(out, '"') : rc;
}

static bool is_decimal(lua_State *L, int idx) {
  if (!lua_getmetatable(L, idx)) return false;
  bool decimal = lua_rawequal(L, -1, UP_DECIMAL_MT);
  lua_pop(L, 1);
  return decimal;
}

/* The cell of convert(i, value); false: it has none, and why is on the stack. */
static bool add_converted(lua_State *L, nv_buf *out, int i, int *rc) {
  lua_pushvalue(L, CONVERT);
  lua_pushinteger(L, i + 1);
  lua_pushvalue(L, -3);
  lua_call(L, 2, 2);
  if (lua_type(L, -2) != LUA_TSTRING) return false;
  nv_str s;
  s.p = lua_tolstring(L, -2, &s.n);
  *rc = nv_json_add_string(out, s);
  return true;
}

/* Adds the cell of the value on top of the stack; false as above. */
static bool add_cell(lua_State *L, nv_buf *out, kind k, int i, int *rc) {
  int v = lua_gettop(L);
  nv_str s;
  switch (lua_type(L, v)) {
    case LUA_TNIL: *rc = nv_buf_add(out, "\"\"", 2); return true;
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(L, v)) break;
      *rc = nv_buf_add(out, "\"\"", 2);
      return true;
    case LUA_TSTRING:
      if (k != KIND_TEXT) break;
      s.p = lua_tolstring(L, v, &s.n);
      *rc = nv_json_add_string(out, s);
      return true;
    case LUA_TBOOLEAN:
      if (k == KIND_BOOLEAN)
        *rc = lua_toboolean(L, v) ? nv_buf_add(out, "\"True\"", 6)
                                  : nv_buf_add(out, "\"False\"", 7);
      else if (!lua_toboolean(L, v)) *rc = nv_buf_add(out, "\"\"", 2);
      else break;
      return true;
    case LUA_TNUMBER:
      if (!lua_isinteger(L, v) || k == KIND_BOOLEAN) break;
      if (k == KIND_OTHER || k == KIND_TEXT || (k == KIND_ID && lua_tointeger(L, v) <= 0)) break;
      *rc = add_integer(out, lua_tointeger(L, v));
      return true;
    case LUA_TUSERDATA:
      if (k == KIND_NUMBER && is_decimal(L, v)) {
        char text[NV_DECIMAL_TEXT];
        *rc = add_quoted(out, text, nv_decimal_print(lua_touserdata(L, v), text));
        return true;
      }
      break;
    default: break;
  }
  return add_converted(L, out, i, rc);
}

/* ---- rows ---------------------------------------------------------------- */

static int failed(lua_State *L, int rc, lua_Integer row, int column) {
  if (rc == NV_ESYNTAX)
    return luaL_error(L, "json.rows: row %I, column %d is not UTF-8", row, column);
  return luaL_error(L, "json.rows: %s", nv_code_text(rc));
}

/* Keeps { column, why } of a row that has no text; why is on top. */
static void keep_wrong(lua_State *L, lua_Integer row, int column) {
  if (!lua_toboolean(L, WRONG)) {
    lua_newtable(L);
    lua_replace(L, WRONG);
  }
  lua_createtable(L, 2, 0);
  lua_pushinteger(L, column + 1);
  lua_rawseti(L, -2, 1);
  lua_pushvalue(L, -2);
  lua_rawseti(L, -2, 2);
  lua_rawseti(L, WRONG, row);
}

/* Adds the row at ROW, the `i`th; false: it has no text. */
static bool add_row(lua_State *L, nv_buf *out, const kind *kinds, int n, lua_Integer i) {
  nv_str first, prefix;
  lua_getfield(L, ROW, "xmlid");
  first.p = luaL_checklstring(L, XMLID, &first.n);
  prefix.p = lua_tolstring(L, PREFIX, &prefix.n);
  int rc = nv_buf_add(out, "[\"", 2);
  if (rc == NV_OK) rc = nv_buf_add(out, prefix.p, prefix.n);
  size_t quote = out->n;
  if (rc == NV_OK) rc = nv_json_add_string(out, first);
  if (rc == NV_OK) memmove(out->p + quote, out->p + quote + 1, out->n-- - quote);
  if (lua_getfield(L, ROW, "write") != LUA_TTABLE) luaL_error(L, "json.rows: row %I has no values", i);
  for (int c = 0; rc == NV_OK && c < n; c++) {
    lua_rawgeti(L, NAMES, c + 1);
    lua_rawget(L, VALUES);
    rc = nv_buf_addc(out, ',');
    if (rc == NV_OK && !add_cell(L, out, kinds[c], c, &rc)) {
      keep_wrong(L, i, c);
      return false;
    }
    lua_settop(L, VALUES);
    if (rc != NV_OK) failed(L, rc, i, c + 1);
  }
  if (rc == NV_OK) rc = nv_buf_addc(out, ']');
  if (rc != NV_OK) failed(L, rc, i, 0);
  return true;
}

int nvl_json_rows(lua_State *L) {
  kind kinds[COLUMNS_MAX];
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Integer from = luaL_checkinteger(L, 3), most = luaL_checkinteger(L, 4);
  size_t bytes = (size_t)luaL_checkinteger(L, 5);
  lua_settop(L, 5);
  luaL_checkstack(L, 16, NULL);
  nvl_json_push_scratch(L); /* its own: `convert` may use this module */
  nv_buf *out = &((nvl_json_scratch *)lua_touserdata(L, SCRATCH))->out;
  lua_getfield(L, 1, "prefix");
  luaL_checktype(L, PREFIX, LUA_TSTRING);
  lua_getfield(L, 1, "names");
  luaL_checktype(L, NAMES, LUA_TTABLE);
  lua_getfield(L, 1, "kinds");
  luaL_checktype(L, KINDS, LUA_TTABLE);
  lua_getfield(L, 1, "convert");
  luaL_checktype(L, CONVERT, LUA_TFUNCTION);
  lua_pushnil(L); /* WRONG */
  int n = (int)lua_rawlen(L, NAMES);
  luaL_argcheck(L, n <= COLUMNS_MAX, 1, "too many columns");
  for (int c = 0; c < n; c++) {
    lua_rawgeti(L, KINDS, c + 1);
    kinds[c] = (kind)luaL_checkoption(L, -1, NULL, kind_words);
    lua_pop(L, 1);
  }
  lua_Integer count = (lua_Integer)lua_rawlen(L, 2), i = from;
  int rc = nv_buf_addc(out, '[');
  for (lua_Integer written = 0; rc == NV_OK && i <= count && written < most; i++) {
    size_t before = out->n;
    lua_rawgeti(L, 2, i);
    luaL_checktype(L, ROW, LUA_TTABLE);
    if (written > 0) rc = nv_buf_addc(out, ',');
    bool good = add_row(L, out, kinds, n, i);
    lua_settop(L, WRONG);
    if (good && (written == 0 || out->n <= bytes)) {
      written++;
      continue;
    }
    out->n = before;
    if (good) break; /* it is the first of the next call */
  }
  if (rc == NV_OK) rc = nv_buf_addc(out, ']');
  if (rc != NV_OK) return failed(L, rc, i, 0);
  lua_pushlstring(L, out->p, out->n);
  nv_buf_clear(out);
  lua_pushinteger(L, i);
  lua_pushvalue(L, WRONG);
  return 3;
}

int nvl_json_present(lua_State *L) {
  char marks[COLUMNS_MAX];
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  size_t n = lua_rawlen(L, 2);
  luaL_argcheck(L, n <= COLUMNS_MAX, 2, "too many names");
  for (size_t i = 0; i < n; i++) {
    lua_rawgeti(L, 2, (lua_Integer)i + 1);
    marks[i] = lua_rawget(L, 1) == LUA_TNIL ? '0' : '1';
    lua_settop(L, 2);
  }
  lua_pushlstring(L, marks, n);
  return 1;
}
