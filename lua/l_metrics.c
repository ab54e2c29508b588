/* l_metrics - navodoo.metrics: count, set, observe, labels, list, bounds.
 *
 * Numbers of the whole process: every state adds to the same series. Labels are one
 * text, made once by `labels` and kept: an observation makes no garbage.
 */
#include <string.h>

#include "l_metrics.h"

static nv_str check_text(lua_State *L, int idx) {
  nv_str s;
  s.p = luaL_checklstring(L, idx, &s.n);
  return s;
}

/* count(family, labels [, n]) */
static int l_count(lua_State *L) {
  lua_Number n = luaL_optnumber(L, 3, 1);
  nv_metrics_count(nvl_host_of(L)->metrics, check_text(L, 1), check_text(L, 2), n);
  return 0;
}

/* set(family, labels, value) */
static int l_set(lua_State *L) {
  nv_metrics_set(nvl_host_of(L)->metrics, check_text(L, 1), check_text(L, 2), luaL_checknumber(L, 3));
  return 0;
}

/* observe(family, labels, seconds [, n]) */
static int l_observe(lua_State *L) {
  lua_Integer n = luaL_optinteger(L, 4, 1);
  luaL_argcheck(L, n >= 0, 4, "negative count");
  nv_metrics_observe(nvl_host_of(L)->metrics, check_text(L, 1), check_text(L, 2),
                     luaL_checknumber(L, 3), (uint64_t)n);
  return 0;
}

static void add_escaped(luaL_Buffer *b, nv_str s) {
  for (size_t i = 0; i < s.n; i++) {
    if (s.p[i] == '\n') {
      luaL_addlstring(b, "\\n", 2);
      continue;
    }
    if (s.p[i] == '"' || s.p[i] == '\\') luaL_addchar(b, '\\');
    luaL_addchar(b, s.p[i]);
  }
}

/* labels(name, value, ...) -> name="value",...; a value of nil is left out. */
static int l_labels(lua_State *L) {
  int n = lua_gettop(L);
  luaL_Buffer b;
  for (int i = 1; i < n; i += 2) {
    luaL_checkstring(L, i);
    if (!lua_isnil(L, i + 1)) luaL_checkstring(L, i + 1);
  }
  luaL_buffinit(L, &b);
  const char *comma = "";
  for (int i = 1; i < n; i += 2) {
    if (lua_isnil(L, i + 1)) continue;
    luaL_addstring(&b, comma);
    luaL_addstring(&b, lua_tostring(L, i));
    luaL_addlstring(&b, "=\"", 2);
    add_escaped(&b, check_text(L, i + 1));
    luaL_addchar(&b, '"');
    comma = ",";
  }
  luaL_pushresult(&b);
  return 1;
}

/* Pushes { count=, sum=, buckets={ of each alone } }. */
void nvl_push_histogram(lua_State *L, const nv_histogram *h) {
  lua_createtable(L, 0, 5);
  lua_pushinteger(L, (lua_Integer)h->count);
  lua_setfield(L, -2, "count");
  lua_pushnumber(L, h->sum);
  lua_setfield(L, -2, "sum");
  lua_createtable(L, NV_HISTOGRAM_BUCKETS, 0);
  for (int i = 0; i < NV_HISTOGRAM_BUCKETS; i++) {
    lua_pushinteger(L, (lua_Integer)h->buckets[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "buckets");
}

/* list() -> { { family=, labels=, value= } or { family=, labels=, count=, sum=, buckets= } }
 * by family and labels, and how many numbers found no room. */
static int l_list(lua_State *L) {
  const nv_metrics *m = nvl_host_of(L)->metrics;
  nv_series s;
  lua_newtable(L);
  for (size_t i = 0; nv_metrics_at(m, i, &s); i++) {
    if (s.histogram) {
      nvl_push_histogram(L, s.histogram);
    } else {
      lua_createtable(L, 0, 3);
      lua_pushnumber(L, s.value);
      lua_setfield(L, -2, "value");
    }
    lua_pushlstring(L, s.family.p, s.family.n);
    lua_setfield(L, -2, "family");
    lua_pushlstring(L, s.labels.p, s.labels.n);
    lua_setfield(L, -2, "labels");
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  lua_pushinteger(L, (lua_Integer)nv_metrics_lost(m));
  return 2;
}

int luaopen_navodoo_metrics(lua_State *L) {
  static const luaL_Reg functions[] = {{"count", l_count},   {"set", l_set},
                                       {"observe", l_observe}, {"labels", l_labels},
                                       {"list", l_list},     {NULL, NULL}};
  luaL_newlib(L, functions);
  lua_createtable(L, NV_HISTOGRAM_BUCKETS, 0);
  for (int i = 0; i < NV_HISTOGRAM_BUCKETS; i++) {
    lua_pushnumber(L, nv_histogram_bounds[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setfield(L, -2, "bounds");
  return 1;
}
