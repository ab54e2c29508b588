#include "host.h"

#include <stdio.h>
#include <string.h>

#include "../core/cache.h"
#include "../core/http_client.h"
#include "../core/lock.h"
#include "../core/log.h"
#include "../core/metrics.h"
#include "../core/secret.h"
#include "../core/store.h"
#include "stdlib_index.h"

enum { CACHE_ENTRIES = 4096, CACHE_BYTES = 32 << 20 };

int nvl_host_open_on(nvl_host *h, nv_loop *loop, nv_error *err) {
  nv_env *env = nv_loop_env(loop);
  memset(h, 0, sizeof *h);
  h->env = env;
  h->loop = loop;
  int rc = NV_OK;
  if (!(h->log = nv_log_open(env, NV_LOG_AUTO, NV_LOG_INFO)) ||
      !(h->metrics = nv_metrics_new()) || !(h->secrets = nv_secrets_new(env)) ||
      !(h->cache = nv_cache_new(env, CACHE_ENTRIES, CACHE_BYTES)))
    rc = nv_fail(err, NV_ENOMEM, "host", "out of memory");
  if (rc == NV_OK) rc = nv_locks_open(h->loop, &h->locks, err);
  if (rc == NV_OK) rc = nv_http_open(h->loop, h->secrets, &h->http, err);
  if (rc != NV_OK) {
    nvl_host_close_on(h);
    return rc;
  }
  nv_log_set_secrets(h->log, h->secrets);
  return NV_OK;
}

void nvl_host_close_on(nvl_host *h) {
  nvl_stdlib_forget(h);
  nvl_events_forget(h);
  nv_http_close(h->http);
  nv_store_close(h->store);
  nv_locks_close(h->locks);
  nv_cache_free(h->cache);
  nv_metrics_free(h->metrics);
  if (h->log) nv_log_set_secrets(h->log, NULL);
  nv_secrets_free(h->secrets);
  nv_log_close(h->log);
  memset(h, 0, sizeof *h);
}

int nvl_host_open(nvl_host *h, nv_env *env, nv_error *err) {
  nv_loop *loop;
  int rc = nv_loop_open(env, &loop, err);
  if (rc != NV_OK) return rc;
  rc = nvl_host_open_on(h, loop, err);
  if (rc != NV_OK) nv_loop_close(loop);
  return rc;
}

void nvl_host_close(nvl_host *h) {
  nv_loop *loop = h->loop;
  nvl_host_close_on(h);
  nv_loop_close(loop);
}

typedef struct command {
  nvl_host *host;
  nvl_state *state;
  const char *module;
  int argc;
  char **argv;
  int exit_code;
} command;

static void on_ended(void *arg, lua_State *co, int status, int nresults) {
  command *c = arg;
  if (status == LUA_OK) {
    c->exit_code = nresults > 0 ? (int)lua_tointeger(co, -nresults) : 0;
  } else {
    int top = lua_gettop(c->state->L);
    nv_log_write(c->host->log, NV_LOG_ERROR, nvl_task_problem(c->state, co, status), NULL, 0);
    lua_settop(c->state->L, top);
    c->exit_code = 70;
  }
  nv_loop_stop(c->host->loop);
}

/* Under pcall: (command*). Finds `start` and spawns it with the arguments. */
static int boot(lua_State *L) {
  command *c = lua_touserdata(L, 1);
  size_t n = strlen(c->module);
  if (n > 4 && strcmp(c->module + n - 4, ".lua") == 0) {
    if (luaL_loadfilex(L, c->module, "t") != LUA_OK) return lua_error(L);
    lua_call(L, 0, 1);
  } else {
    lua_getglobal(L, "require");
    lua_pushstring(L, c->module);
    lua_call(L, 1, 1);
  }
  lua_getfield(L, -1, "start");
  lua_createtable(L, c->argc, 0);
  for (int i = 0; i < c->argc; i++) {
    lua_pushstring(L, c->argv[i]);
    lua_rawseti(L, -2, i + 1);
  }
  nvl_task_spawn_call(L, 1, on_ended, c);
  return 0;
}

int nvl_host_run(nvl_host *h, const char *module, int argc, char **argv) {
  command c = {h, NULL, module, argc, argv, 70};
  nv_error err;
  nvl_state_options o = {.name = "cli", .trusted = true};
  if (nvl_state_open(h, &o, &c.state, &err) != NV_OK) {
    nv_log_write(h->log, NV_LOG_ERROR, err.text, NULL, 0);
    return 70;
  }
  lua_pushcfunction(c.state->L, boot);
  lua_pushlightuserdata(c.state->L, &c);
  if (lua_pcall(c.state->L, 1, 0, 0) == LUA_OK) {
    nv_loop_run(h->loop);
  } else {
    const char *text = lua_type(c.state->L, -1) == LUA_TSTRING ? lua_tostring(c.state->L, -1)
                                                               : "cannot start";
    nv_log_write(h->log, NV_LOG_ERROR, text, NULL, 0);
  }
  nvl_state_close(c.state);
  return c.exit_code;
}
