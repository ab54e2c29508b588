/* l_serve - http.serve{ address=, port=, socket=, handler=, max_body=, connections=,
 * header_memory= } -> server.
 *
 * Every request runs handler(request) in a task of its own. A handler that raises
 * or returns no response answers 500 and a line in the log; the client is told
 * nothing of the reason. An open server stays alive without being referenced;
 * when its state closes, what is unanswered is cut.
 */
#include <stdlib.h>
#include <string.h>

#include "../core/http_server.h"
#include "../core/log.h"
#include "l_http.h"
#include "task.h"

#define SERVER_MT "navodoo.http.server"

typedef struct server server;

/* One request in the hands of Lua. */
typedef struct call {
  server *server;
  nv_http_incoming *incoming; /* NULL once answered */
  struct call *prev, *next;
} call;

struct server {
  nv_http_server *core; /* NULL: closed */
  nvl_state *state;
  int self, handler; /* registry: keep the userdata, call the function */
  call *calls;
};

/* ---- calls ---- */

static void release_if_idle(server *s) {
  if (s->core || s->calls || s->self == LUA_NOREF) return;
  lua_State *L = s->state->L;
  int self = s->self;
  luaL_unref(L, LUA_REGISTRYINDEX, s->handler);
  s->handler = s->self = LUA_NOREF;
  luaL_unref(L, LUA_REGISTRYINDEX, self); /* from here on `s` may be collected */
}

static void drop_call(call *c) {
  server *s = c->server;
  if (c->prev) c->prev->next = c->next;
  else s->calls = c->next;
  if (c->next) c->next->prev = c->prev;
  if (c->incoming) nv_http_server_cut(c->incoming);
  free(c);
}

static void answer_plain(call *c, int status, const char *text) {
  static const nv_header type = {"Content-Type", "text/plain; charset=utf-8"};
  nv_http_incoming *in = c->incoming;
  c->incoming = NULL;
  nv_http_server_answer(in, status, &type, 1, nv_str_of(text));
}

static void complain(call *c, const char *text) {
  server *s = c->server;
  nv_log_field f[] = {
      {"state", NV_FIELD_TEXT, nv_str_of(s->state->name), 0},
      {"method", NV_FIELD_TEXT, nv_str_of(nv_http_incoming_method(c->incoming)), 0},
      {"path", NV_FIELD_TEXT, nv_str_of(nv_http_incoming_target(c->incoming)), 0}};
  nv_log_write(s->state->host->log, NV_LOG_ERROR, text, f, 3);
}

/* ---- answering ---- */

/* Under pcall: (call*, response). Reads the response and sends it. */
static int send_response(lua_State *L) {
  call *c = lua_touserdata(L, 1);
  if (!lua_istable(L, 2))
    return luaL_error(L, "the handler returned %s instead of a response", luaL_typename(L, 2));
  if (nvl_opt_boolean(L, 2, "cut", false)) {
    nv_http_incoming *in = c->incoming;
    c->incoming = NULL;
    nv_http_server_cut(in);
    return 0;
  }
  lua_Integer status = nvl_opt_integer(L, 2, "status", 200);
  if (status < 200 || status > 599)
    return luaL_error(L, "field 'status': %I is no status of an answer", status);
  nv_str body;
  body.p = nvl_opt_string(L, 2, "body", "", &body.n);
  size_t n;
  lua_getfield(L, 2, "headers");
  const nv_header *headers = nvl_headers_of(L, 3, &n);
  nv_http_incoming *in = c->incoming;
  c->incoming = NULL;
  nv_http_server_answer(in, (int)status, headers, n, body);
  return 0;
}

static const char *text_at_top(lua_State *L) {
  return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "unknown error";
}

/* A task of a handler ended; nothing here may raise. */
static void on_ended(void *arg, lua_State *co, int status, int nresults) {
  call *c = arg;
  server *s = c->server;
  lua_State *L = s->state->L;
  int top = lua_gettop(L);
  bool room = lua_checkstack(L, 8) && lua_checkstack(co, 4);
  if (c->incoming && room) {
    const char *problem = "out of memory";
    if (status == LUA_OK) {
      lua_pushcfunction(L, send_response);
      lua_pushlightuserdata(L, c);
      if (nresults > 0) {
        lua_pushvalue(co, -nresults);
        lua_xmove(co, L, 1);
      } else {
        lua_pushnil(L);
      }
      if (lua_pcall(L, 2, 0, 0) != LUA_OK) problem = text_at_top(L);
    } else {
      problem = nvl_task_problem(s->state, co, status);
    }
    if (c->incoming) complain(c, problem);
  }
  if (c->incoming) answer_plain(c, 500, "internal error\n");
  lua_settop(L, top);
  drop_call(c);
  release_if_idle(s);
}

/* ---- receiving ---- */

/* Under pcall: (call*). Starts the handler's task with the request. */
static int begin(lua_State *L) {
  call *c = lua_touserdata(L, 1);
  nv_http_incoming *in = c->incoming;
  nv_str body = nv_http_incoming_body(in);
  lua_rawgeti(L, LUA_REGISTRYINDEX, c->server->handler);
  lua_createtable(L, 0, 5);
  lua_pushstring(L, nv_http_incoming_peer(in));
  lua_setfield(L, -2, "peer");
  lua_pushstring(L, nv_http_incoming_method(in));
  lua_setfield(L, -2, "method");
  lua_pushstring(L, nv_http_incoming_target(in));
  lua_setfield(L, -2, "path");
  nvl_push_headers(L, nv_http_incoming_headers(in));
  lua_setfield(L, -2, "headers");
  lua_pushlstring(L, body.p, body.n);
  lua_setfield(L, -2, "body");
  nvl_task_spawn_call(L, 1, on_ended, c);
  return 0;
}

static void on_request(nv_http_incoming *in, void *arg) {
  server *s = arg;
  lua_State *L = s->state->L;
  call *c = calloc(1, sizeof *c);
  if (!c || !lua_checkstack(L, 4)) {
    free(c);
    nv_http_server_answer(in, 503, NULL, 0, nv_str_of("out of memory\n"));
    return;
  }
  *c = (call){.server = s, .incoming = in, .next = s->calls};
  if (s->calls) s->calls->prev = c;
  s->calls = c;
  lua_pushcfunction(L, begin);
  lua_pushlightuserdata(L, c);
  if (lua_pcall(L, 1, 0, 0) == LUA_OK) return;
  complain(c, text_at_top(L));
  lua_pop(L, 1);
  answer_plain(c, 503, "out of memory\n");
  drop_call(c);
}

/* ---- the server as a Lua value ---- */

static server *check_server(lua_State *L) { return luaL_checkudata(L, 1, SERVER_MT); }

static void close_core(server *s) {
  nv_http_server *core = s->core;
  s->core = NULL;
  nv_http_server_close(core);
}

static int server_close(lua_State *L) {
  server *s = check_server(L);
  close_core(s);
  release_if_idle(s); /* else when the last handler has ended */
  return 0;
}

/* Only a closed server is collected, or one whose state closes: then no task is
 * left that could end a call. */
static int server_gc(lua_State *L) {
  server *s = check_server(L);
  close_core(s);
  while (s->calls) drop_call(s->calls);
  return 0;
}

static int server_index(lua_State *L) {
  server *s = check_server(L);
  const char *name = luaL_checkstring(L, 2);
  if (strcmp(name, "port") == 0 && s->core)
    lua_pushinteger(L, nv_http_server_port(s->core));
  else if (strcmp(name, "close") == 0)
    lua_pushcfunction(L, server_close);
  else
    lua_pushnil(L);
  return 1;
}

static lua_Integer opt_count(lua_State *L, const char *name) {
  lua_Integer n = nvl_opt_integer(L, 1, name, 0);
  if (n < 0 || n > INT32_MAX) luaL_error(L, "field '%s': out of range", name);
  return n;
}

int nvl_serve(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  nvl_state_open_here(L);
  nv_http_server_options o = {
      .address = nvl_opt_string(L, 1, "address", NULL, NULL),
      .port = (int)nvl_opt_integer(L, 1, "port", 0),
      .unix_socket = nvl_opt_string(L, 1, "socket", NULL, NULL)};
  o.max_body = (size_t)opt_count(L, "max_body");
  o.connections = (unsigned)opt_count(L, "connections");
  o.header_memory = (size_t)opt_count(L, "header_memory");
  if (lua_getfield(L, 1, "handler") != LUA_TFUNCTION)
    return luaL_error(L, "field 'handler': function expected, got %s", luaL_typename(L, 2));
  server *s = lua_newuserdatauv(L, sizeof *s, 0);
  *s = (server){.state = nvl_state_of(L), .self = LUA_NOREF, .handler = LUA_NOREF};
  luaL_setmetatable(L, SERVER_MT);
  lua_pushvalue(L, 2);
  s->handler = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, 3);
  s->self = luaL_ref(L, LUA_REGISTRYINDEX);
  nv_error err;
  if (nv_http_server_open(s->state->host->loop, &o, on_request, s, &s->core, &err) != NV_OK) {
    release_if_idle(s);
    return nvl_fail(L, &err);
  }
  return 1;
}

void nvl_serve_register(lua_State *L) {
  luaL_newmetatable(L, SERVER_MT);
  lua_pushcfunction(L, server_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, server_index);
  lua_setfield(L, -2, "__index");
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 1);
}
