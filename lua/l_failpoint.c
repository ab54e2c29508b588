/* failpoint - failpoint("effect.after_intend"): a place where a kill test may end
 * the process. Costs nothing unless the program was built for that; a name that
 * is not in the list raises in every build. */
#include "../core/failpoint.h"

#include "nvl.h"

static int l_failpoint(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  if (!nv_failpoint_known(name))
    return luaL_error(L, "no such failpoint: '%s'", name);
  nv_failpoint(name);
  return 0;
}

int luaopen_navodoo_failpoint(lua_State *L) {
  lua_pushcfunction(L, l_failpoint);
  return 1;
}
