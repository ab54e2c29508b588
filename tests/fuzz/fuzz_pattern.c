/* Our matcher of patterns gives what the string library gives, errors included, unless
 * it says that a match takes too long. Input: function, pattern, a zero byte, subject. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../lua/task.h"

static const char script[] =
    "local theirs, ours = ...\n"
    "local function seen(ok, ...)\n"
    "  local list = table.pack(ok, ...)\n"
    "  for i = 1, list.n do list[i] = math.type(list[i]) == 'float' and 'float' or tostring(list[i]) end\n"
    "  return table.concat(list, '\\0', 1, list.n)\n"
    "end\n"
    "local function all(gmatch, subject, pattern, init)\n"
    "  local list = {}\n"
    "  for a, b in gmatch(subject, pattern, init) do list[#list + 1] = tostring(a) .. '\\0' .. tostring(b) end\n"
    "  return table.concat(list, '\\1')\n"
    "end\n"
    "local map = { a = 'A', b = false, [''] = '-', ab = 7 }\n"
    "local calls = {\n"
    "  function(s, text, p) return pcall(s.find, text, p) end,\n"
    "  function(s, text, p) return pcall(s.find, text, p, #p - 3) end,\n"
    "  function(s, text, p) return pcall(s.find, text, p, 2, true) end,\n"
    "  function(s, text, p) return pcall(s.match, text, p) end,\n"
    "  function(s, text, p) return pcall(s.match, text, p, -2) end,\n"
    "  function(s, text, p) return pcall(all, s.gmatch, text, p) end,\n"
    "  function(s, text, p) return pcall(all, s.gmatch, text, p, 3) end,\n"
    "  function(s, text, p) return pcall(s.gsub, text, p, '<%0%1%%>') end,\n"
    "  function(s, text, p) return pcall(s.gsub, text, p, p) end,\n"
    "  function(s, text, p) return pcall(s.gsub, text, p, map) end,\n"
    "  function(s, text, p) return pcall(s.gsub, text, p, function(a, b) return b or a end, 3) end,\n"
    "}\n"
    "return function(input)\n"
    "  local at = theirs.find(input, '\\0', 2, true)\n"
    "  if not at then return end\n"
    "  local call = calls[theirs.byte(input) % #calls + 1]\n"
    "  local pattern, text = theirs.sub(input, 2, at - 1), theirs.sub(input, at + 1)\n"
    "  local mine = seen(call(ours, text, pattern))\n"
    "  if theirs.find(mine, 'takes too long', 1, true) then return end\n"
    "  local yours = seen(call(theirs, text, pattern))\n"
    "  if mine ~= yours then error(theirs.format('%q on %q: %q instead of %q', pattern, text, mine, yours), 0) end\n"
    "end\n";

/* Copies the functions of `string`, from the stack's top, into a new table. */
static void copy_table(lua_State *L) {
  lua_newtable(L);
  for (lua_pushnil(L); lua_next(L, -3);) {
    lua_pushvalue(L, -2);
    lua_insert(L, -2);
    lua_rawset(L, -4);
  }
}

static lua_State *open_state(void) {
  static nvl_state no_guard = {.guard_left = -1};
  lua_State *L = luaL_newstate();
  *(nvl_state **)lua_getextraspace(L) = &no_guard;
  luaL_openlibs(L);
  if (luaL_loadstring(L, script) != LUA_OK) abort();
  lua_getglobal(L, "string");
  copy_table(L);
  lua_remove(L, -2);
  nvl_bound_strings(L);
  lua_getglobal(L, "string");
  lua_call(L, 2, 1);
  return L;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static lua_State *L;
  if (!L) L = open_state();
  if (size > 120) return 0; /* the other matcher has no limit */
  lua_pushvalue(L, 1);
  lua_pushlstring(L, (const char *)data, size);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
  }
  return 0;
}
