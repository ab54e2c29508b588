/* failpoint - failpoint("effect.after_intend"): a place where a kill test may end
 * the process, in the state of a flow by that flow's name, too. Costs nothing unless
 * the program was built for that; a name that is not in the list raises in every build. */
#include "../core/failpoint.h"

#include <stdio.h>
#include <string.h>

#include "task.h"

static int l_failpoint(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  if (!nv_failpoint_known(name))
    return luaL_error(L, "no such failpoint: '%s'", name);
  nv_failpoint(name);
#ifdef NV_FAILPOINTS
  char flow[64]; /* a life is called "customer#3" */
  const char *life = nvl_state_of(L)->name;
  snprintf(flow, sizeof flow, "%.*s", (int)strcspn(life, "#"), life);
  nv_failpoint_at(name, flow);
#endif
  return 0;
}

int luaopen_navodoo_failpoint(lua_State *L) {
  lua_pushcfunction(L, l_failpoint);
  return 1;
}
