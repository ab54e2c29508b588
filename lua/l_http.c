/* l_http - navodoo.http: endpoint, request, report, retry_in, info; serve is in l_serve.c.
 *
 * request awaits. Secrets are named by their tokens; answers of any status are
 * results, failures say whether the request may have reached the server. A secret
 * that a server hands out (`capture`) goes to the secrets of the process and comes
 * out of the answer before the script sees it. With `handle = true` the body of a 200
 * comes as a handle (body.h).
 */
#include <stdlib.h>
#include <string.h>

#include "../core/http_client.h"
#include "../core/json.h"
#include "../core/secret.h"
#include "body.h"
#include "l_http.h"
#include "l_metrics.h"

/* ---- headers, both ways ---- */

static const char *check_plain(lua_State *L, int idx, const char *what) {
  size_t n;
  if (lua_type(L, idx) != LUA_TSTRING && !lua_isinteger(L, idx))
    luaL_error(L, "%s: text expected, got %s", what, luaL_typename(L, idx));
  const char *s = lua_tolstring(L, idx, &n);
  if (strlen(s) != n) luaL_error(L, "%s: has a zero byte", what);
  return s;
}

const nv_header *nvl_headers_of(lua_State *L, int idx, size_t *n) {
  *n = 0;
  if (lua_type(L, idx) == LUA_TNIL) return NULL;
  if (lua_type(L, idx) != LUA_TTABLE)
    luaL_error(L, "field 'headers': table expected, got %s", luaL_typename(L, idx));
  idx = lua_absindex(L, idx);
  size_t count = 0;
  for (lua_pushnil(L); lua_next(L, idx); lua_pop(L, 1)) count++;
  nv_header *list = lua_newuserdatauv(L, (count + 1) * sizeof *list, 1);
  lua_createtable(L, (int)count, 0); /* keeps numbers that became text */
  for (lua_pushnil(L); lua_next(L, idx);) {
    if (lua_type(L, -2) != LUA_TSTRING) luaL_error(L, "field 'headers': a name must be text");
    nv_header h = {check_plain(L, -2, "field 'headers'"), check_plain(L, -1, "field 'headers'")};
    lua_rawseti(L, -3, (lua_Integer)*n + 1);
    size_t at = (*n)++;
    for (; at > 0 && strcmp(list[at - 1].name, h.name) > 0; at--) list[at] = list[at - 1];
    list[at] = h;
  }
  lua_setiuservalue(L, -2, 1);
  return list;
}

void nvl_push_headers(lua_State *L, const nv_buf *headers) {
  nv_header h;
  lua_newtable(L);
  for (size_t at = 0; nv_headers_next(headers, &at, &h);) {
    if (lua_getfield(L, -1, h.name) == LUA_TNIL) {
      lua_pop(L, 1);
      lua_pushstring(L, h.value);
    } else { /* a repeated header is one list */
      lua_pushfstring(L, ", %s", h.value);
      lua_concat(L, 2);
    }
    lua_setfield(L, -2, h.name);
  }
}

/* ---- secrets in answers ---- */

/* The text under a key at the top of a JSON object; p == NULL: there is none. */
static nv_str json_text(const nv_buf *body, const char *key) {
  nv_json_reader r;
  nv_json_event e = NV_JSON_NULL;
  nv_json_open(&r, (nv_str){body->p ? body->p : "", body->n}, NV_JSON_DEPTH);
  while (e != NV_JSON_ERROR && e != NV_JSON_END) {
    e = nv_json_next(&r);
    if (e != NV_JSON_KEY || r.depth != 1 || !nv_str_eq(r.text, key)) continue;
    if (nv_json_next(&r) == NV_JSON_STRING && !r.escaped && r.text.n) return r.text;
  }
  return (nv_str){NULL, 0};
}

/* The value of a cookie that the answer sets. */
static nv_str cookie_text(const nv_buf *headers, const char *name) {
  nv_header h;
  size_t n = strlen(name);
  for (size_t at = 0; nv_headers_next(headers, &at, &h);)
    if (strcmp(h.name, "set-cookie") == 0 && strncmp(h.value, name, n) == 0 && h.value[n] == '=') {
      nv_str v = {h.value + n + 1, strcspn(h.value + n + 1, "; ,\t")};
      if (v.n) return v;
    }
  return (nv_str){NULL, 0};
}

enum { NOTHING, JSON, COOKIE };

/* Puts what the table at `idx` asks for among the secrets; says where it stood. */
static int capture(lua_State *L, int idx, const nv_exchange *x) {
  if (lua_type(L, idx) != LUA_TTABLE) return NOTHING;
  const char *name = nvl_opt_string(L, idx, "secret", NULL, NULL);
  const char *json = nvl_opt_string(L, idx, "json", NULL, NULL);
  const char *cookie = nvl_opt_string(L, idx, "cookie", NULL, NULL);
  nv_str v = json ? json_text(&x->in, json) : cookie_text(&x->headers_in, cookie);
  if (!v.p || nv_secrets_put(nvl_host_of(L)->secrets, name, v, NULL) != NV_OK) return NOTHING;
  return json ? JSON : COOKIE;
}

static const char *token_of_capture(lua_State *L, int idx) {
  return nv_secrets_token(nvl_host_of(L)->secrets, nvl_opt_string(L, idx, "secret", NULL, NULL));
}

static void check_capture(lua_State *L, int idx) {
  if (lua_type(L, idx) == LUA_TNIL) return;
  if (lua_type(L, idx) != LUA_TTABLE || !nvl_opt_string(L, idx, "secret", NULL, NULL) ||
      (!nvl_opt_string(L, idx, "json", NULL, NULL) == !nvl_opt_string(L, idx, "cookie", NULL, NULL)))
    luaL_error(L, "field 'capture': { secret = NAME, json = KEY } or { secret = NAME, cookie = "
                  "NAME } expected");
}

/* ---- requests ---- */

enum { CAPTURE = 4, HANDLE }; /* where `request` keeps them on its stack */

/* The body of an answer, which is on top of the stack then. */
static void push_body(lua_State *L, nv_op *op, bool scrubbed) {
  const nv_exchange *x = nv_http_answer(op);
  nv_str body = {x->in.p ? x->in.p : "", x->in.n};
  if (scrubbed) {
    nvl_push_scrubbed(L, body);
  } else if (lua_toboolean(L, HANDLE) && x->status == 200) {
    nv_buf *held = nvl_body_push(L);
    *held = nv_http_take_body(op);
  } else {
    lua_pushlstring(L, body.p, body.n);
  }
}

static int push_answer(lua_State *L, nv_op *op) {
  if (op->status != NV_OK) return nvl_fail(L, &op->err);
  const nv_exchange *x = nv_http_answer(op);
  lua_createtable(L, 0, 6);
  lua_pushinteger(L, x->status);
  lua_setfield(L, -2, "status");
  nvl_push_headers(L, &x->headers_in);
  int captured = capture(L, CAPTURE, x);
  if (captured == COOKIE) { /* the headers are on top */
    lua_pushnil(L);
    lua_setfield(L, -2, "set-cookie");
  }
  lua_setfield(L, -2, "headers");
  if (captured) {
    lua_pushstring(L, token_of_capture(L, CAPTURE));
    lua_setfield(L, -2, "captured");
  }
  push_body(L, op, captured == JSON);
  lua_setfield(L, -2, "body");
  lua_pushinteger(L, nv_http_elapsed_ms(op));
  lua_setfield(L, -2, "ms");
  uint32_t wait = nv_http_retry_after(op);
  if (wait) {
    lua_pushinteger(L, wait);
    lua_setfield(L, -2, "retry_after_ms");
  }
  return 1;
}

static lua_Integer opt_positive(lua_State *L, const char *name) {
  lua_Integer v = nvl_opt_integer(L, 1, name, 0);
  if (v < 0 || v > INT32_MAX) luaL_error(L, "field '%s': out of range", name);
  return v;
}

/* A text field that must not hold a zero byte; anchored by the table. */
static const char *opt_plain(lua_State *L, const char *name) {
  size_t n;
  const char *s = nvl_opt_string(L, 1, name, NULL, &n);
  if (s && strlen(s) != n) luaL_error(L, "field '%s': has a zero byte", name);
  return s;
}

static int l_request(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  nv_http_args a = {.endpoint = opt_plain(L, "endpoint"),
                    .method = opt_plain(L, "method"),
                    .path = opt_plain(L, "path"),
                    .writes = nvl_opt_boolean(L, 1, "writes", false),
                    .timeout_ms = opt_positive(L, "timeout_ms"),
                    .max_body = (size_t)opt_positive(L, "max_body")};
  if (!a.endpoint) return luaL_error(L, "field 'endpoint' is missing");
  a.body.p = nvl_opt_string(L, 1, "body", NULL, &a.body.n);
  lua_getfield(L, 1, "headers");
  a.headers = nvl_headers_of(L, 2, &a.nheaders);
  lua_settop(L, CAPTURE - 1); /* the list of headers, if any, is the last of these */
  lua_getfield(L, 1, "capture");
  check_capture(L, CAPTURE);
  lua_pushboolean(L, nvl_opt_boolean(L, 1, "handle", false));
  nvl_box *box = nvl_box_new(L);
  nv_error err;
  if (nv_http_request(nvl_host_of(L)->http, &a, &box->op, &err) != NV_OK)
    return nvl_fail(L, &err);
  return nvl_await(L, box, push_answer);
}

static int l_report(lua_State *L) {
  static const char *const words[] = {"ok", "fail", NULL};
  const char *name = luaL_checkstring(L, 1);
  bool ok = luaL_checkoption(L, 2, NULL, words) == 0;
  lua_Integer wait = luaL_optinteger(L, 3, 0);
  luaL_argcheck(L, wait >= 0, 3, "negative time");
  nv_error err;
  if (nv_http_report(nvl_host_of(L)->http, name, ok,
                     wait > UINT32_MAX ? UINT32_MAX : (uint32_t)wait, &err) != NV_OK)
    return luaL_error(L, "%s", err.text);
  return 0;
}

enum { RETRY_FIRST_MS = 1000, RETRY_CEILING_MS = 30 * 60 * 1000 };

/* retry_in(endpoint, attempt) -> ms: back-off with full jitter, within the endpoint's
 * budget of retries */
static int l_retry_in(lua_State *L) {
  const char *name = luaL_optstring(L, 1, "");
  lua_Integer attempt = luaL_checkinteger(L, 2);
  luaL_argcheck(L, attempt >= 1, 2, "counted from 1");
  lua_pushinteger(L, nv_http_retry_in(nvl_host_of(L)->http, name,
                                      attempt > 64 ? 64 : (int)attempt, RETRY_FIRST_MS,
                                      RETRY_CEILING_MS));
  return 1;
}

static int l_recall(lua_State *L) {
  nv_http_recall(nvl_host_of(L)->http, luaL_checkstring(L, 1));
  return 0;
}

/* ---- endpoints ---- */

static nv_auth opt_auth(lua_State *L) {
  static const char *const words[] = {"none", "basic", "ntlm", "negotiate"};
  const char *word = nvl_opt_string(L, 1, "auth", "none", NULL);
  for (int i = 0; i < 4; i++)
    if (strcmp(word, words[i]) == 0) return (nv_auth)i;
  return (nv_auth)luaL_error(L, "field 'auth': none, basic, ntlm or negotiate, not '%s'", word);
}

static int l_endpoint(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getfield(L, 1, "requests_per_second");
  lua_Number rate = luaL_optnumber(L, 2, 0);
  if (!(rate >= 0 && rate < 1e9))
    return luaL_error(L, "field 'requests_per_second': out of range");
  nv_endpoint e = {.name = opt_plain(L, "name"),
                   .base_url = opt_plain(L, "base_url"),
                   .auth = opt_auth(L),
                   .user = opt_plain(L, "user"),
                   .secret_token = opt_plain(L, "secret"),
                   .max_connections = (int)opt_positive(L, "max_connections"),
                   .requests_per_second = rate,
                   .timeout_ms = opt_positive(L, "timeout_ms"),
                   .connect_timeout_ms = opt_positive(L, "connect_timeout_ms"),
                   .max_body = (size_t)opt_positive(L, "max_body"),
                   .ca_file = opt_plain(L, "ca_file"),
                   .unix_socket = opt_plain(L, "unix_socket")};
  nv_error err;
  if (nv_http_endpoint_set(nvl_host_of(L)->http, &e, &err) != NV_OK) return nvl_fail(L, &err);
  lua_pushboolean(L, 1);
  return 1;
}

static void set_integer(lua_State *L, const char *name, lua_Integer v) {
  lua_pushinteger(L, v);
  lua_setfield(L, -2, name);
}

/* info(name) -> { name, base_url, breaker, retry_after_ms, in_flight, queued, calls,
 * failures, answered, duration = { count, sum, buckets } } | nil */
static int l_info(lua_State *L) {
  nv_endpoint_info i;
  if (!nv_http_endpoint_info(nvl_host_of(L)->http, luaL_checkstring(L, 1), &i)) {
    lua_pushnil(L);
    return 1;
  }
  lua_createtable(L, 0, 9);
  lua_pushstring(L, i.name);
  lua_setfield(L, -2, "name");
  lua_pushstring(L, i.base_url);
  lua_setfield(L, -2, "base_url");
  lua_pushstring(L, nv_breaker_state_name(i.breaker));
  lua_setfield(L, -2, "breaker");
  set_integer(L, "retry_after_ms", i.retry_after_ms);
  set_integer(L, "in_flight", (lua_Integer)i.in_flight);
  set_integer(L, "queued", (lua_Integer)i.queued);
  set_integer(L, "calls", (lua_Integer)i.calls);
  set_integer(L, "failures", (lua_Integer)i.failures);
  set_integer(L, "answered", (lua_Integer)i.answered);
  nvl_push_histogram(L, &i.duration);
  lua_setfield(L, -2, "duration");
  return 1;
}

int luaopen_navodoo_http(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"endpoint", l_endpoint}, {"request", l_request}, {"report", l_report},
      {"recall", l_recall},     {"info", l_info},       {"serve", nvl_serve},
      {"retry_in", l_retry_in},
      {NULL, NULL}};
  nvl_serve_register(L);
  luaL_newlib(L, functions);
  return 1;
}
