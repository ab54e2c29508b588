/* body - see body.h. */
#include "body.h"

#define BODY_MT "navodoo.http.body"

nv_buf *nvl_body_test(lua_State *L, int idx) { return luaL_testudata(L, idx, BODY_MT); }

static int body_text(lua_State *L) {
  const nv_buf *b = luaL_checkudata(L, 1, BODY_MT);
  lua_pushlstring(L, b->p ? b->p : "", b->n);
  return 1;
}

static int body_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)((nv_buf *)luaL_checkudata(L, 1, BODY_MT))->n);
  return 1;
}

static int body_gc(lua_State *L) {
  nv_buf_clear(luaL_checkudata(L, 1, BODY_MT));
  return 0;
}

nv_buf *nvl_body_push(lua_State *L) {
  nv_buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  nv_buf_init(b, 0);
  if (luaL_newmetatable(L, BODY_MT)) {
    lua_pushcfunction(L, body_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, body_len);
    lua_setfield(L, -2, "__len");
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, body_text);
    lua_setfield(L, -2, "text");
    lua_setfield(L, -2, "__index");
    lua_pushliteral(L, BODY_MT);
    lua_setfield(L, -2, "__metatable");
  }
  lua_setmetatable(L, -2);
  return b;
}
