/* l_secret - navodoo.secret: get(name), define(name, value).
 *
 * Both return a handle whose tostring is a random token. The token goes where the
 * value is meant to be; the HTTP client puts the value there when it sends. There
 * is no way from a handle to its value.
 */
#include <string.h>

#include "../core/secret.h"
#include "nvl.h"

#define HANDLE_MT "navodoo.secret"

static int handle_tostring(lua_State *L) {
  luaL_checkudata(L, 1, HANDLE_MT);
  lua_getiuservalue(L, 1, 1);
  return 1;
}

static int push_handle(lua_State *L, const char *token) {
  lua_newuserdatauv(L, 0, 1);
  luaL_setmetatable(L, HANDLE_MT);
  lua_pushstring(L, token);
  lua_setiuservalue(L, -2, 1);
  return 1;
}

static const char *check_name(lua_State *L) {
  size_t n;
  const char *name = luaL_checklstring(L, 1, &n);
  luaL_argcheck(L, strlen(name) == n, 1, "name with a zero byte");
  return name;
}

static int l_get(lua_State *L) {
  const char *token;
  nv_error err;
  if (nv_secrets_get(nvl_host_of(L)->secrets, check_name(L), &token, &err) != NV_OK)
    return nvl_fail(L, &err);
  return push_handle(L, token);
}

static int l_define(lua_State *L) {
  nv_secrets *secrets = nvl_host_of(L)->secrets;
  const char *name = check_name(L);
  size_t n;
  const char *value = luaL_checklstring(L, 2, &n);
  nv_error err;
  if (nv_secrets_define(secrets, name, (nv_str){value, n}, &err) != NV_OK)
    return nvl_fail(L, &err);
  return push_handle(L, nv_secrets_token(secrets, name));
}

int luaopen_navodoo_secret(lua_State *L) {
  static const luaL_Reg functions[] = {{"get", l_get}, {"define", l_define}, {NULL, NULL}};
  luaL_newmetatable(L, HANDLE_MT);
  lua_pushcfunction(L, handle_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  luaL_newlib(L, functions);
  return 1;
}
