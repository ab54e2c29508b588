/* l_lock - task.lock{ names... }: waits until all names are held, together.
 *          task.is_free{ names... }: nobody holds or waits for any of them; true until the
 *          caller waits for something.
 *
 * The lock is given back by :release(), at the end of a `<close>` variable, or by
 * the collector; giving it back twice is fine.
 */
#include "../core/lock.h"
#include "task.h"

#define LOCK_MT "navodoo.lock"

static int lock_release(lua_State *L) {
  nv_lock **slot = luaL_checkudata(L, 1, LOCK_MT);
  nv_lock *lock = *slot;
  *slot = NULL;
  nv_lock_release(lock);
  return 0;
}

static int push_lock(lua_State *L, nv_op *op) {
  if (op->status != NV_OK) return nvl_fail(L, &op->err);
  nv_lock **slot = lua_newuserdatauv(L, sizeof *slot, 0);
  *slot = NULL;
  luaL_setmetatable(L, LOCK_MT);
  *slot = nv_lock_take(op);
  return 1;
}

/* The names in the table at index 1, borrowed from it; the list stays on the stack. */
static nv_str *names_at_1(lua_State *L, size_t *count) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_Unsigned n = lua_rawlen(L, 1);
  luaL_argcheck(L, n <= NV_LOCK_NAMES_MAX, 1, "too many names");
  nv_str *names = lua_newuserdatauv(L, (n ? n : 1) * sizeof *names, 0);
  for (lua_Unsigned i = 0; i < n; i++) {
    if (lua_rawgeti(L, 1, (lua_Integer)i + 1) != LUA_TSTRING)
      luaL_error(L, "lock: name %d is not a text", (int)i + 1);
    names[i].p = lua_tolstring(L, -1, &names[i].n);
    lua_pop(L, 1); /* the table still holds it */
  }
  *count = (size_t)n;
  return names;
}

int nvl_lock_is_free(lua_State *L) {
  size_t n;
  nv_str *names = names_at_1(L, &n);
  lua_pushboolean(L, nv_locks_free(nvl_host_of(L)->locks, names, n));
  return 1;
}

int nvl_lock(lua_State *L) {
  size_t n;
  nv_str *names = names_at_1(L, &n);
  nv_error err;
  nvl_box *box = nvl_box_new(L);
  if (nv_locks_acquire(nvl_host_of(L)->locks, names, n, &box->op, &err) != NV_OK)
    return nvl_fail(L, &err);
  return nvl_await(L, box, push_lock);
}

void nvl_lock_register(lua_State *L) {
  static const luaL_Reg methods[] = {{"release", lock_release}, {NULL, NULL}};
  luaL_newmetatable(L, LOCK_MT);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, lock_release);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, lock_release);
  lua_setfield(L, -2, "__close");
  lua_pushliteral(L, LOCK_MT); /* scripts share the metatable: lock it */
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
