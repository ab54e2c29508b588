/* l_secret - navodoo.secret: get(name), define(name, value), derive, matches, version,
 * scrub.
 *
 * get and define return a handle whose tostring is a random token. The token goes where the
 * value is meant to be; the HTTP client puts the value there when it sends. There
 * is no way from a handle to its value.
 *     secret.derive(handle, label) -> a handle of its own, made from the value of that one
 *     secret.matches(handle, text) -> whether text is the value, in constant time
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

static const char *token_of(lua_State *L) {
  luaL_checkudata(L, 1, HANDLE_MT);
  lua_getiuservalue(L, 1, 1);
  return lua_tostring(L, -1);
}

static int l_derive(lua_State *L) {
  size_t n;
  const char *label = luaL_checklstring(L, 2, &n), *derived;
  luaL_argcheck(L, strlen(label) == n, 2, "label with a zero byte");
  nv_error err;
  if (nv_secrets_derive(nvl_host_of(L)->secrets, token_of(L), label, &derived, &err) != NV_OK)
    return nvl_fail(L, &err);
  return push_handle(L, derived);
}

static int l_matches(lua_State *L) {
  nv_str text;
  text.p = luaL_checklstring(L, 2, &text.n);
  lua_pushboolean(L, nv_secrets_matches(nvl_host_of(L)->secrets, token_of(L), text));
  return 1;
}

void nvl_push_scrubbed(lua_State *L, nv_str s) {
  nv_buf out = {.cap = s.n + 1, .max = s.n + 1}; /* "***" is never longer than a secret */
  out.p = lua_newuserdatauv(L, out.cap, 0);
  if (nv_secrets_scrub(nvl_host_of(L)->secrets, s.p, s.n, &out) != NV_OK) out.n = 0;
  lua_pushlstring(L, out.p, out.n); /* a failure: rather nothing than a secret */
  lua_remove(L, -2);
}

/* The text with every secret taken out, as the log would write it. */
static int l_scrub(lua_State *L) {
  size_t n;
  const char *s = luaL_checklstring(L, 1, &n);
  nvl_push_scrubbed(L, (nv_str){s, n});
  return 1;
}

/* How often the secret has got a new value. */
static int l_version(lua_State *L) {
  lua_pushinteger(L, nv_secrets_version(nvl_host_of(L)->secrets, check_name(L)));
  return 1;
}

int luaopen_navodoo_secret(lua_State *L) {
  static const luaL_Reg functions[] = {{"get", l_get},         {"define", l_define},
                                       {"derive", l_derive},   {"matches", l_matches},
                                       {"version", l_version}, {"scrub", l_scrub},
                                       {NULL, NULL}};
  luaL_newmetatable(L, HANDLE_MT);
  lua_pushcfunction(L, handle_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  luaL_newlib(L, functions);
  return 1;
}
