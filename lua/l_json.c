/* l_json - navodoo.json: JSON text to Lua values and back, nothing lost.
 *
 * Integers that fit stay Lua integers, every other number is an exact decimal,
 * null is json.null, arrays carry json.array_mt so that [] survives. Encoding is
 * deterministic: keys sorted bytewise, or in the order that json.object gave.
 *
 * This file decodes, marks tables and makes the module; l_json_encode.c writes.
 * Decoding holds no C memory, so a raise (out of memory, say) leaks nothing.
 */
#include "l_json.h"

#include <string.h>

static const char order_tag; /* its address: metatable[tag] = { key = rank } */

/* ---- decoding ----------------------------------------------------------- */

/* The rows of a page look alike. So objects are made as large as the last one on
 * their level, and a key that stands where it stood before is taken from a list
 * instead of being hashed again. */
#define LEVELS 4
#define PLACES 64
#define KEY_MAX 40 /* longer keys are not worth keeping */

/* What a value costs of `budget`, in the time of an integer. */
enum { A_VALUE = 2, A_DECIMAL = 4, A_KNOWN_KEY = 3, A_KEY = 25, A_TABLE = 6 };

typedef struct decoder {
  lua_State *L;
  nv_json_reader r;
  long long left; /* of the budget */
  int hint[LEVELS]; /* keys in the last object of each level */
  nv_error err;     /* set when a number cannot be kept */
} decoder;

static bool push_value(decoder *d, nv_json_event event);

/* False when the text holds more than the caller wants to wait for. */
static bool spend(decoder *d, int cost) {
  d->left -= cost;
  if (d->left >= 0) return true;
  d->r.why = "more values than are taken at once";
  d->r.at = (size_t)(d->r.p - d->r.start);
  return false;
}

static void push_text(decoder *d) {
  nv_str s = d->r.text;
  if (!d->r.escaped) {
    lua_pushlstring(d->L, s.p, s.n);
    return;
  }
  luaL_Buffer b;
  char *out = luaL_buffinitsize(d->L, &b, s.n);
  luaL_pushresultsize(&b, nv_json_unescape(s, out));
}

/* False when an integer literal does not fit a Lua integer. */
static bool fits_integer(nv_str s, lua_Integer *out) {
  bool negative = s.p[0] == '-';
  if (s.n - negative > 19) return false;
  uint64_t n = 0; /* 19 digits always fit */
  for (size_t i = negative; i < s.n; i++) n = n * 10 + (uint64_t)(s.p[i] - '0');
  if (n > (uint64_t)INT64_MAX + negative) return false;
  *out = (lua_Integer)(negative ? 0 - n : n);
  return true;
}

static bool push_number(decoder *d) {
  lua_Integer n;
  if (d->r.integer && fits_integer(d->r.text, &n)) {
    lua_pushinteger(d->L, n);
    return true;
  }
  nv_decimal exact;
  if (!spend(d, A_DECIMAL)) return false;
  if (nv_decimal_parse(&exact, d->r.text, &d->err) != NV_OK) {
    d->r.at = (size_t)(d->r.text.p - (const char *)d->r.start);
    d->r.why = d->err.text;
    return false;
  }
  *(nv_decimal *)lua_newuserdatauv(d->L, sizeof exact, 0) = exact;
  lua_pushvalue(d->L, UP_DECIMAL_MT);
  lua_setmetatable(d->L, -2);
  return true;
}

static bool push_array(decoder *d) {
  luaL_checkstack(d->L, 4, "json");
  lua_newtable(d->L);
  lua_pushvalue(d->L, UP_ARRAY_MT);
  lua_setmetatable(d->L, -2);
  nv_json_event event;
  for (lua_Integer i = 1; (event = nv_json_next(&d->r)) != NV_JSON_ARRAY_END; i++) {
    if (!push_value(d, event)) return false;
    lua_rawseti(d->L, -2, i);
  }
  return true;
}

/* What it costs. */
static int push_key(decoder *d, int level, int place) {
  nv_str key = d->r.text;
  if (level >= LEVELS || place >= PLACES || d->r.escaped || key.n > KEY_MAX) {
    push_text(d);
    return A_KEY;
  }
  int slot = level * PLACES + place + 1;
  if (lua_rawgeti(d->L, UP_KEYS, slot) == LUA_TSTRING) {
    size_t n;
    const char *p = lua_tolstring(d->L, -1, &n);
    if (n == key.n && memcmp(p, key.p, n) == 0) return A_KNOWN_KEY;
  }
  lua_pop(d->L, 1);
  push_text(d);
  lua_pushvalue(d->L, -1);
  lua_rawseti(d->L, UP_KEYS, slot);
  return A_KEY;
}

static bool push_object(decoder *d) {
  int count = 0, unused = 0, level = d->r.depth - 1;
  int *hint = level < LEVELS ? &d->hint[level] : &unused;
  luaL_checkstack(d->L, 5, "json");
  lua_createtable(d->L, 0, *hint);
  nv_json_event event;
  for (; (event = nv_json_next(&d->r)) == NV_JSON_KEY; count++) {
    if (!spend(d, push_key(d, level, count)) || !push_value(d, nv_json_next(&d->r))) return false;
    lua_rawset(d->L, -3);
  }
  *hint = count;
  return event == NV_JSON_OBJECT_END;
}

static bool push_value(decoder *d, nv_json_event event) {
  bool table = event == NV_JSON_ARRAY_BEGIN || event == NV_JSON_OBJECT_BEGIN;
  if (!spend(d, table ? A_TABLE : A_VALUE)) return false;
  switch (event) {
    case NV_JSON_STRING:
      push_text(d);
      return true;
    case NV_JSON_NUMBER:
      return push_number(d);
    case NV_JSON_NULL:
      lua_pushlightuserdata(d->L, NULL);
      return true;
    case NV_JSON_FALSE:
      lua_pushboolean(d->L, 0);
      return true;
    case NV_JSON_TRUE:
      lua_pushboolean(d->L, 1);
      return true;
    case NV_JSON_ARRAY_BEGIN:
      return push_array(d);
    case NV_JSON_OBJECT_BEGIN:
      return push_object(d);
    default:
      return false;
  }
}

static int decode_failed(decoder *d) {
  lua_State *L = d->L;
  size_t line, column;
  nv_error err;
  nv_json_locate(&d->r, d->r.at, &line, &column);
  nv_fail(&err, NV_ESYNTAX, "json", "line %zu, column %zu: %s", line, column,
          d->r.why);
  lua_pushnil(L);
  nvl_push_error(L, &err);
  lua_pushliteral(L, "json");
  lua_setfield(L, -2, "code");
  lua_pushinteger(L, (lua_Integer)line);
  lua_setfield(L, -2, "line");
  lua_pushinteger(L, (lua_Integer)column);
  lua_setfield(L, -2, "column");
  lua_pushinteger(L, (lua_Integer)d->r.at);
  lua_setfield(L, -2, "offset");
  return 2;
}

static int l_decode(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  lua_Integer depth = NV_JSON_DEPTH;
  lua_Integer budget = INT64_MAX;
  if (!lua_isnoneornil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    budget = nvl_opt_integer(L, 2, "budget", budget);
    depth = nvl_opt_integer(L, 2, "max_depth", NV_JSON_DEPTH);
    luaL_argcheck(L, depth >= 1 && depth <= NV_JSON_DEPTH_MAX, 2,
                  "max_depth out of range");
  }
  decoder d = {.L = L, .left = budget};
  nv_str text;
  text.p = lua_tolstring(L, 1, &text.n);
  nv_json_open(&d.r, text, (int)depth);
  if (push_value(&d, nv_json_next(&d.r)) && nv_json_next(&d.r) == NV_JSON_END)
    return 1;
  lua_settop(L, 2);
  return decode_failed(&d);
}

/* ---- marks -------------------------------------------------------------- */

nvl_json_shape nvl_json_shape_of(lua_State *L, int t) {
  if (lua_getmetatable(L, t)) {
    bool array = lua_rawequal(L, -1, UP_ARRAY_MT);
    bool ordered = !array && lua_rawgetp(L, -1, &order_tag) == LUA_TTABLE;
    if (ordered) {
      lua_remove(L, -2);
      return NVL_JSON_ORDERED;
    }
    lua_pop(L, array ? 1 : 2);
    if (array) return NVL_JSON_ARRAY;
  }
  int first = lua_rawgeti(L, t, 1);
  lua_pop(L, 1);
  return first == LUA_TNIL ? NVL_JSON_OBJECT : NVL_JSON_ARRAY;
}

/* Gives the table at `t` the metatable on top of the stack, and returns the
 * table; a metatable that is not one of ours is never replaced. */
static int mark(lua_State *L, int t) {
  int mt = lua_gettop(L);
  bool foreign = lua_getmetatable(L, t) && !lua_rawequal(L, -1, UP_ARRAY_MT) &&
                 lua_rawgetp(L, -1, &order_tag) != LUA_TTABLE;
  luaL_argcheck(L, !foreign, t, "table has a metatable already");
  lua_settop(L, mt);
  lua_setmetatable(L, t);
  lua_settop(L, t);
  return 1;
}

static void check_table_or_new(lua_State *L, int idx) {
  lua_settop(L, idx);
  if (lua_isnil(L, idx)) {
    lua_newtable(L);
    lua_replace(L, idx);
  }
  luaL_checktype(L, idx, LUA_TTABLE);
}

static int l_array(lua_State *L) {
  check_table_or_new(L, 1);
  lua_pushvalue(L, UP_ARRAY_MT);
  return mark(L, 1);
}

static int l_is_array(lua_State *L) {
  lua_pushboolean(L,
                  lua_istable(L, 1) && nvl_json_shape_of(L, 1) == NVL_JSON_ARRAY);
  return 1;
}

/* Pushes a metatable that holds { key = rank } for the list at index 1. */
static void new_order(lua_State *L) {
  lua_createtable(L, 0, 1);
  lua_newtable(L);
  int ranks = lua_gettop(L);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
  luaL_argcheck(L, n < INT32_MAX, 1, "too many keys");
  for (lua_Integer i = 1; i <= n; i++) {
    if (lua_rawgeti(L, 1, i) != LUA_TSTRING)
      luaL_argerror(L, 1, "list of strings expected");
    lua_pushvalue(L, -1);
    if (lua_rawget(L, ranks) !=
        LUA_TNIL) { /* a repeated key keeps its first place */
      lua_pop(L, 2);
      continue;
    }
    lua_pop(L, 1);
    lua_pushinteger(L, i);
    lua_rawset(L, ranks);
  }
  lua_rawsetp(L, -2, &order_tag);
}

/* Rows share one keys list, so they share the metatable made of it. */
static int l_object(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  check_table_or_new(L, 2);
  lua_pushvalue(L, 1);
  if (lua_rawget(L, UP_ORDERS) == LUA_TNIL) {
    lua_pop(L, 1);
    new_order(L);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, -2);
    lua_rawset(L, UP_ORDERS);
  }
  return mark(L, 2);
}

/* ---- module ------------------------------------------------------------- */

static void push_weak_table(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

static const luaL_Reg functions[] = {
    {"decode", l_decode},
    {"encode", nvl_json_encode},
    {"canonical", nvl_json_canonical},
    {"array", l_array},
    {"is_array", l_is_array},
    {"object", l_object},
    {"rows", nvl_json_rows},
    {"present", nvl_json_present},
    {"raw", nvl_json_raw},
    {NULL, NULL},
};

int luaopen_navodoo_json(lua_State *L) {
  luaL_requiref(L, NVL_DECIMAL, luaopen_navodoo_decimal, 0); /* its metatable */
  lua_pop(L, 1);
  luaL_newmetatable(L, NVL_JSON_RAW);
  lua_pop(L, 1);
  luaL_newlibtable(L, functions);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "navodoo.json.array");
  lua_setfield(L, -2, "__name");
  lua_pushvalue(L, -1);
  lua_setfield(L, -3, "array_mt");
  luaL_getmetatable(L, NVL_DECIMAL);
  nvl_json_push_scratch(L);
  push_weak_table(L);
  lua_createtable(L, LEVELS * PLACES, 0);
  luaL_setfuncs(L, functions, UPVALUES);
  lua_pushlightuserdata(L, NULL);
  lua_setfield(L, -2, "null");
  return 1;
}
