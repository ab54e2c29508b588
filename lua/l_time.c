/* l_time - navodoo.time: instants, dates, zones, durations and time tables.
 *
 * An instant is an integer of microseconds since the epoch. The clocks are those
 * of the env, so a simulation moves them. Text from outside that cannot be read
 * gives nil and why; a zone or an instant that cannot exist raises, since the
 * caller checks names with time.zone_valid first.
 */
#include "../core/clock.h"
#include "../core/schedule.h"
#include "nvl.h"

#define ZONE_MT "navodoo.time.zone"

static nv_str check_str(lua_State *L, int idx) {
  nv_str s;
  s.p = luaL_checklstring(L, idx, &s.n);
  return s;
}

static int push_why(lua_State *L, const nv_error *err) {
  lua_pushnil(L);
  lua_pushstring(L, err->text);
  return 2;
}

static int zone_gc(lua_State *L) {
  nv_zone **slot = lua_touserdata(L, 1);
  nv_zone_close(*slot);
  *slot = NULL;
  return 0;
}

/* The zone named at `idx` (nothing: UTC), kept on the stack so that a raise
 * cannot leak it. `release_zone` lets go of it early. */
static nv_zone **check_zone(lua_State *L, int idx) {
  nv_error err;
  const char *name = luaL_optstring(L, idx, "UTC");
  nv_zone **slot = lua_newuserdatauv(L, sizeof *slot, 0);
  *slot = NULL;
  luaL_setmetatable(L, ZONE_MT);
  if (nv_zone_open(name, slot, &err) != NV_OK) luaL_argerror(L, idx, err.text);
  return slot;
}

static void release_zone(nv_zone **slot) {
  nv_zone_close(*slot);
  *slot = NULL;
}

static nv_civil check_civil(lua_State *L) {
  nv_civil c = {0};
  lua_Integer us = luaL_checkinteger(L, 1);
  nv_zone **zone = check_zone(L, 2);
  if (nv_zone_civil(*zone, us, &c) != NV_OK)
    luaL_argerror(L, 1, "instant outside the years 0001 to 9999");
  release_zone(zone);
  return c;
}

/* ---- the functions ---- */

static int l_now(lua_State *L) {
  lua_pushinteger(L, nv_env_wall_us(nvl_host_of(L)->env));
  return 1;
}

static int l_monotonic(lua_State *L) {
  lua_pushinteger(L, nv_env_monotonic_us(nvl_host_of(L)->env) / 1000);
  return 1;
}

static int l_iso(lua_State *L) {
  char text[NV_ISO_SIZE];
  if (nv_time_iso(luaL_checkinteger(L, 1), -1, text) != NV_OK)
    return luaL_argerror(L, 1, "instant outside the years 0001 to 9999");
  lua_pushstring(L, text);
  return 1;
}

static int l_parse_iso(lua_State *L) {
  int64_t us;
  nv_error err;
  if (nv_time_parse_iso(check_str(L, 1), &us, &err) != NV_OK) return push_why(L, &err);
  lua_pushinteger(L, us);
  return 1;
}

static int l_date(lua_State *L) {
  nv_civil c = check_civil(L);
  lua_pushfstring(L, "%d%d%d%d-%d%d-%d%d", c.year / 1000, c.year / 100 % 10,
                  c.year / 10 % 10, c.year % 10, c.month / 10, c.month % 10, c.day / 10,
                  c.day % 10);
  return 1;
}

static int l_fields(lua_State *L) {
  nv_civil c = check_civil(L);
  const struct {
    const char *name;
    int value;
  } fields[] = {{"year", c.year}, {"month", c.month}, {"day", c.day},     {"hour", c.hour},
                {"min", c.minute}, {"sec", c.second},  {"wday", c.weekday}};
  lua_createtable(L, 0, sizeof fields / sizeof fields[0]);
  for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
    lua_pushinteger(L, fields[i].value);
    lua_setfield(L, -2, fields[i].name);
  }
  return 1;
}

static int l_zone_valid(lua_State *L) {
  nv_zone *zone = NULL;
  bool valid = lua_type(L, 1) == LUA_TSTRING &&
               nv_zone_open(lua_tostring(L, 1), &zone, NULL) == NV_OK;
  nv_zone_close(zone);
  lua_pushboolean(L, valid);
  return 1;
}

static int l_duration(lua_State *L) {
  int64_t us;
  nv_error err;
  if (nv_duration_parse(check_str(L, 1), &us, &err) != NV_OK) return push_why(L, &err);
  lua_pushinteger(L, us / 1000);
  return 1;
}

static int l_cron_next(lua_State *L) {
  nv_cron cron;
  nv_error err;
  int64_t us;
  nv_str text = check_str(L, 1);
  lua_Integer after = luaL_checkinteger(L, 3);
  nv_zone **zone = check_zone(L, 2);
  if (nv_cron_parse(text, &cron, &err) != NV_OK) return push_why(L, &err);
  int rc = nv_cron_next(&cron, *zone, after, &us);
  release_zone(zone);
  if (rc != NV_OK) {
    nv_fail(&err, rc, "schedule", "does not fire again before the year 10000");
    return push_why(L, &err);
  }
  lua_pushinteger(L, us);
  return 1;
}

int luaopen_navodoo_time(lua_State *L) {
  static const luaL_Reg functions[] = {{"now", l_now},
                                       {"monotonic", l_monotonic},
                                       {"iso", l_iso},
                                       {"parse_iso", l_parse_iso},
                                       {"date", l_date},
                                       {"fields", l_fields},
                                       {"zone_valid", l_zone_valid},
                                       {"duration", l_duration},
                                       {"cron_next", l_cron_next},
                                       {NULL, NULL}};
  luaL_newmetatable(L, ZONE_MT);
  lua_pushcfunction(L, zone_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
