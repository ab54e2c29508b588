/* l_process - navodoo.process: run{ argv=, stdin=, timeout_ms= } -> { code=, signal=,
 * timed_out=, output= } | nil, err. Awaits; no shell is involved.
 * trim(): our own pages that are in no use go back to the system.
 */
#include "../core/process.h"
#include "nvl.h"

enum { ARGUMENTS_MAX = 64 };

static int push_result(lua_State *L, nv_op *op) {
  if (op->status != NV_OK) return nvl_fail(L, &op->err);
  nv_process_result r = nv_process_result_of(op);
  lua_createtable(L, 0, 4);
  lua_pushinteger(L, r.code);
  lua_setfield(L, -2, "code");
  if (r.signal) {
    lua_pushinteger(L, r.signal);
    lua_setfield(L, -2, "signal");
  }
  lua_pushboolean(L, r.timed_out);
  lua_setfield(L, -2, "timed_out");
  nvl_push_scrubbed(L, r.output);
  lua_setfield(L, -2, "output");
  return 1;
}

static int l_run(lua_State *L) {
  const char *argv[ARGUMENTS_MAX + 1];
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  luaL_checkstack(L, ARGUMENTS_MAX + 8, "arguments");
  lua_getfield(L, 1, "argv");
  luaL_argcheck(L, lua_istable(L, 2), 1, "field 'argv': a list is expected");
  lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
  luaL_argcheck(L, n > 0 && n <= ARGUMENTS_MAX, 1, "field 'argv': 1 to 64 texts");
  for (lua_Integer i = 0; i < n; i++) { /* they stay on the stack */
    lua_rawgeti(L, 2, i + 1);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1, "field 'argv': texts are expected");
    argv[i] = lua_tostring(L, -1);
  }
  argv[n] = NULL;
  nv_process_args a = {.argv = argv, .timeout_ms = nvl_opt_integer(L, 1, "timeout_ms", 30000)};
  a.input.p = nvl_opt_string(L, 1, "stdin", "", &a.input.n);
  luaL_argcheck(L, a.timeout_ms > 0 && a.timeout_ms <= INT32_MAX, 1, "field 'timeout_ms': out of range");
  nvl_box *box = nvl_box_new(L);
  nv_error err;
  if (nv_process_start(nvl_host_of(L)->loop, &a, &box->op, &err) != NV_OK) return nvl_fail(L, &err);
  return nvl_await(L, box, push_result);
}

static int l_trim(lua_State *L) {
  (void)L;
  nv_process_trim();
  return 0;
}

int luaopen_navodoo_process(lua_State *L) {
  static const luaL_Reg functions[] = {{"run", l_run}, {"trim", l_trim}, {NULL, NULL}};
  luaL_newlib(L, functions);
  return 1;
}
