/* l_decimal - navodoo.decimal: exact numbers as Lua values.
 *
 * Decimals mix with Lua integers in + - * < <= and never with floats: a float
 * raises. == holds between two decimals of equal value (1.0 == 1.00); Lua itself
 * answers false between a decimal and a number. Arithmetic that cannot be exact
 * within 38 digits raises; only round and div round.
 */
#include "../core/decimal.h"
#include "nvl.h"

/* The operand at `idx`, converted into `room` when it is a Lua integer. */
static const nv_decimal *operand(lua_State *L, int idx, nv_decimal *room) {
  const nv_decimal *d = luaL_testudata(L, idx, NVL_DECIMAL);
  if (d) return d;
  if (lua_isinteger(L, idx)) {
    *room = nv_decimal_of(lua_tointeger(L, idx));
    return room;
  }
  if (lua_type(L, idx) == LUA_TNUMBER)
    luaL_error(L, "float where an exact number is needed");
  luaL_error(L, "decimal or integer expected, got %s", luaL_typename(L, idx));
  return NULL;
}

static int push(lua_State *L, const nv_decimal *d) {
  nv_decimal *box = lua_newuserdatauv(L, sizeof *box, 0);
  *box = *d;
  luaL_setmetatable(L, NVL_DECIMAL);
  return 1;
}

/* The result of an operation that misuse alone can make fail. */
static int push_or_raise(lua_State *L, int rc, const nv_decimal *d,
                         const nv_error *err) {
  if (rc != NV_OK) return luaL_error(L, "decimal: %s", err->text);
  return push(L, d);
}

static nv_str string_at(lua_State *L, int idx) {
  size_t n;
  const char *p = lua_tolstring(L, idx, &n);
  return (nv_str){p, n};
}

static int l_new(lua_State *L) {
  nv_decimal room;
  if (lua_type(L, 1) == LUA_TSTRING) {
    nv_error err;
    if (nv_decimal_parse(&room, string_at(L, 1), &err) != NV_OK)
      return luaL_error(L, "decimal: '%s': %s", lua_tostring(L, 1), err.text);
    return push(L, &room);
  }
  return push(L, operand(L, 1, &room));
}

static int l_parse(lua_State *L) {
  luaL_checktype(L, 1, LUA_TSTRING);
  nv_decimal d;
  nv_error err;
  if (nv_decimal_parse(&d, string_at(L, 1), &err) != NV_OK) {
    lua_pushnil(L);
    lua_pushstring(L, err.text);
    return 2;
  }
  return push(L, &d);
}

static int l_is(lua_State *L) {
  lua_pushboolean(L, luaL_testudata(L, 1, NVL_DECIMAL) != NULL);
  return 1;
}

typedef int (*binary_fn)(nv_decimal *, const nv_decimal *, const nv_decimal *,
                         nv_error *);

static int binary(lua_State *L, binary_fn fn) {
  nv_decimal x, y, out;
  nv_error err;
  const nv_decimal *a = operand(L, 1, &x), *b = operand(L, 2, &y);
  return push_or_raise(L, fn(&out, a, b, &err), &out, &err);
}

static int l_add(lua_State *L) {
  return binary(L, nv_decimal_add);
}
static int l_sub(lua_State *L) {
  return binary(L, nv_decimal_sub);
}
static int l_mul(lua_State *L) {
  return binary(L, nv_decimal_mul);
}

static int l_slash(lua_State *L) {
  return luaL_error(L,
                    "decimal: '/' has no exact result, use d:div(x, scale, mode)");
}

static int l_unm(lua_State *L) {
  nv_decimal room, out = nv_decimal_negate(operand(L, 1, &room));
  return push(L, &out);
}

static int compare(lua_State *L) {
  nv_decimal x, y;
  const nv_decimal *a = operand(L, 1, &x), *b = operand(L, 2, &y);
  return nv_decimal_compare(a, b);
}

/* Lua asks this of any two userdata. */
static int l_eq(lua_State *L) {
  const nv_decimal *a = luaL_testudata(L, 1, NVL_DECIMAL);
  const nv_decimal *b = luaL_testudata(L, 2, NVL_DECIMAL);
  lua_pushboolean(L, a && b && nv_decimal_compare(a, b) == 0);
  return 1;
}

static int l_lt(lua_State *L) {
  lua_pushboolean(L, compare(L) < 0);
  return 1;
}

static int l_le(lua_State *L) {
  lua_pushboolean(L, compare(L) <= 0);
  return 1;
}

static const nv_decimal *self(lua_State *L) {
  return luaL_checkudata(L, 1, NVL_DECIMAL);
}

static int check_scale(lua_State *L, int idx) {
  lua_Integer scale = luaL_checkinteger(L, idx);
  luaL_argcheck(L, scale >= -NV_DECIMAL_DIGITS && scale <= NV_DECIMAL_MAX_SCALE,
                idx, "scale out of range");
  return (int)scale;
}

static nv_rounding check_mode(lua_State *L, int idx) {
  return (nv_rounding)luaL_checkoption(L, idx, "half_even", nv_rounding_names);
}

static int l_round(lua_State *L) {
  const nv_decimal *d = self(L);
  nv_decimal out;
  nv_error err;
  int rc = nv_decimal_round(&out, d, check_scale(L, 2), check_mode(L, 3), &err);
  return push_or_raise(L, rc, &out, &err);
}

static int l_div(lua_State *L) {
  const nv_decimal *d = self(L);
  nv_decimal room, out;
  nv_error err;
  const nv_decimal *by = operand(L, 2, &room);
  int rc = nv_decimal_div(&out, d, by, check_scale(L, 3), check_mode(L, 4), &err);
  return push_or_raise(L, rc, &out, &err);
}

static int l_abs(lua_State *L) {
  nv_decimal out = *self(L);
  out.negative = false;
  return push(L, &out);
}

static int l_sign(lua_State *L) {
  lua_pushinteger(L, nv_decimal_sign(self(L)));
  return 1;
}

static int l_is_zero(lua_State *L) {
  lua_pushboolean(L, nv_decimal_sign(self(L)) == 0);
  return 1;
}

static int l_scale(lua_State *L) {
  lua_pushinteger(L, self(L)->scale);
  return 1;
}

static int l_normalize(lua_State *L) {
  nv_decimal out = nv_decimal_normalize(self(L));
  return push(L, &out);
}

static int l_integer(lua_State *L) {
  int64_t n;
  if (nv_decimal_integer(self(L), &n))
    lua_pushinteger(L, n);
  else
    lua_pushnil(L);
  return 1;
}

static int l_tostring(lua_State *L) {
  char text[NV_DECIMAL_TEXT];
  lua_pushlstring(L, text, nv_decimal_print(self(L), text));
  return 1;
}

static const luaL_Reg methods[] = {
    {"round", l_round},         {"div", l_div},         {"abs", l_abs},
    {"sign", l_sign},           {"scale", l_scale},     {"is_zero", l_is_zero},
    {"normalize", l_normalize}, {"integer", l_integer}, {NULL, NULL},
};

static const luaL_Reg metamethods[] = {
    {"__add", l_add},   {"__sub", l_sub}, {"__mul", l_mul},
    {"__div", l_slash}, {"__unm", l_unm}, {"__eq", l_eq},
    {"__lt", l_lt},     {"__le", l_le},   {"__tostring", l_tostring},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"new", l_new},
    {"parse", l_parse},
    {"is", l_is},
    {NULL, NULL},
};

int luaopen_navodoo_decimal(lua_State *L) {
  luaL_newmetatable(L, NVL_DECIMAL);
  luaL_setfuncs(L, metamethods, 0);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushliteral(L, NVL_DECIMAL); /* scripts share the metatable: lock it */
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
