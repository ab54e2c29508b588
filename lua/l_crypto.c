/* l_crypto - navodoo.crypto: digests, base64 and random text over core/crypto.
 *
 * Randomness comes from the env, so a simulated day repeats exactly. Running out
 * of memory inside OpenSSL raises, as it does inside Lua.
 */
#include "../core/crypto.h"
#include "nvl.h"

#define RANDOM_MAX 1024 /* bytes in one call of random_hex */
#define TEXT_MAX ((size_t)256 << 20)
#define KEEP_MAX ((size_t)64 << 10) /* a longer buffer is given back */

static nv_str check_bytes(lua_State *L, int idx) {
  nv_str s;
  luaL_checktype(L, idx, LUA_TSTRING);
  s.p = lua_tolstring(L, idx, &s.n);
  return s;
}

static int push_hex(lua_State *L, const unsigned char *p, size_t n) {
  char text[2 * RANDOM_MAX];
  nv_hex(p, n, text);
  lua_pushlstring(L, text, 2 * n);
  return 1;
}

static int push_sha256(lua_State *L, size_t bytes) {
  unsigned char sum[NV_SHA256_BYTES];
  nv_error err;
  if (nv_sha256(check_bytes(L, 1), sum, &err) != NV_OK)
    return luaL_error(L, "sha256: %s", err.text);
  return push_hex(L, sum, bytes);
}

static int l_sha256(lua_State *L) {
  return push_sha256(L, NV_SHA256_BYTES);
}
static int l_hash(lua_State *L) {
  return push_sha256(L, NV_SHA256_BYTES / 2);
}

static int l_hmac_sha256(lua_State *L) {
  unsigned char sum[NV_SHA256_BYTES];
  nv_error err;
  nv_str key = check_bytes(L, 1), data = check_bytes(L, 2);
  if (nv_hmac_sha256(key, data, sum, &err) != NV_OK)
    return luaL_error(L, "hmac_sha256: %s", err.text);
  return push_hex(L, sum, sizeof sum);
}

typedef int (*map_fn)(nv_buf *out, nv_str s, nv_error *err);

static int map(lua_State *L, map_fn fn) {
  nv_str s = check_bytes(L, 1);
  nv_buf *out = lua_touserdata(L, lua_upvalueindex(1));
  nv_error err;
  out->n = 0;
  if (fn(out, s, &err) != NV_OK) return nvl_fail(L, &err);
  lua_pushlstring(L, out->p, out->n);
  if (out->cap > KEEP_MAX) nv_buf_clear(out);
  return 1;
}

static int l_base64(lua_State *L) {
  return map(L, nv_base64_add);
}
static int l_unbase64(lua_State *L) {
  return map(L, nv_unbase64_add);
}

static int l_random_hex(lua_State *L) {
  lua_Integer n = luaL_checkinteger(L, 1);
  luaL_argcheck(L, n >= 1 && n <= RANDOM_MAX, 1, "1 to 1024 bytes");
  unsigned char bytes[RANDOM_MAX];
  nv_env_random(nvl_host_of(L)->env, bytes, (size_t)n);
  return push_hex(L, bytes, (size_t)n);
}

static int l_equal(lua_State *L) {
  lua_pushboolean(L, nv_equal(check_bytes(L, 1), check_bytes(L, 2)));
  return 1;
}

static int buffer_gc(lua_State *L) {
  nv_buf_clear(lua_touserdata(L, 1));
  return 0;
}

static const luaL_Reg functions[] = {
    {"sha256", l_sha256},
    {"hash", l_hash},
    {"hmac_sha256", l_hmac_sha256},
    {"base64", l_base64},
    {"unbase64", l_unbase64},
    {"random_hex", l_random_hex},
    {"equal", l_equal},
    {NULL, NULL},
};

int luaopen_navodoo_crypto(lua_State *L) {
  luaL_newlibtable(L, functions);
  nv_buf *out = lua_newuserdatauv(L, sizeof *out, 0);
  nv_buf_init(out, TEXT_MAX);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, buffer_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  luaL_setfuncs(L, functions, 1);
  return 1;
}
