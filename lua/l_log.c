/* l_log - navodoo.log: debug, info, warn, error (text [, fields]).
 *
 * Fields are a flat table with text keys and come out sorted by key. Numbers and
 * booleans stay what they are; anything else is written as tostring() shows it,
 * a table without __tostring as "(table)".
 */
#include <math.h>
#include <string.h>

#include "../core/log.h"
#include "nvl.h"

enum { FIELDS_MAX = 32 };

/* Sorts the names of the fields at index 2 into `names`, and leaves them on the
 * stack, where a __tostring that changes the table cannot free them. */
static int collect_names(lua_State *L, const char *names[FIELDS_MAX]) {
  int n = 0;
  for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "log: a field needs a text key");
    if (n == FIELDS_MAX) luaL_error(L, "log: more than %d fields", FIELDS_MAX);
    const char *name = lua_tostring(L, -2);
    int at = n++;
    for (; at > 0 && strcmp(names[at - 1], name) > 0; at--) names[at] = names[at - 1];
    names[at] = name;
  }
  for (int i = 0; i < n; i++) names[i] = lua_pushstring(L, names[i]);
  return n;
}

static nv_str string_at(lua_State *L, int idx) {
  size_t n;
  const char *p = lua_tolstring(L, idx, &n);
  return (nv_str){p, n};
}

/* Leaves one value on the stack, which the field may point into. */
static void read_field(lua_State *L, nv_log_field *f) {
  lua_pushstring(L, f->name);
  int type = lua_rawget(L, 2);
  if (type == LUA_TBOOLEAN) {
    f->kind = NV_FIELD_BOOLEAN;
    f->integer = lua_toboolean(L, -1);
  } else if (lua_isinteger(L, -1)) {
    f->kind = NV_FIELD_INTEGER;
    f->integer = lua_tointeger(L, -1);
  } else {
    bool number = type == LUA_TNUMBER && isfinite(lua_tonumber(L, -1));
    f->kind = number ? NV_FIELD_NUMBER : NV_FIELD_TEXT;
    if (type == LUA_TTABLE && !luaL_getmetafield(L, -1, "__tostring"))
      lua_pushliteral(L, "(table)");
    else if (type == LUA_TTABLE)
      lua_pop(L, 1); /* the metafield */
    luaL_tolstring(L, -1, NULL);
    lua_replace(L, -2);
    f->text = string_at(L, -1);
  }
}

static int write_line(lua_State *L, int level) {
  nv_log *log = nvl_host_of(L)->log;
  if (!nv_log_wants(log, level)) return 0;
  luaL_checkany(L, 1);
  lua_settop(L, 2);
  luaL_checkstack(L, 2 * FIELDS_MAX + 8, "log");
  nv_log_field fields[FIELDS_MAX];
  const char *names[FIELDS_MAX];
  int n = 0;
  if (!lua_isnil(L, 2)) {
    luaL_checktype(L, 2, LUA_TTABLE);
    n = collect_names(L, names);
  }
  for (int i = 0; i < n; i++) {
    fields[i] = (nv_log_field){.name = names[i]};
    read_field(L, &fields[i]);
  }
  const char *text = luaL_tolstring(L, 1, NULL);
  nv_log_write(log, level, text, fields, (size_t)n);
  return 0;
}

static int l_debug(lua_State *L) { return write_line(L, NV_LOG_DEBUG); }
static int l_info(lua_State *L) { return write_line(L, NV_LOG_INFO); }
static int l_warn(lua_State *L) { return write_line(L, NV_LOG_WARN); }
static int l_error(lua_State *L) { return write_line(L, NV_LOG_ERROR); }

int luaopen_navodoo_log(lua_State *L) {
  static const luaL_Reg functions[] = {{"debug", l_debug}, {"info", l_info},
                                       {"warn", l_warn},   {"error", l_error},
                                       {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
