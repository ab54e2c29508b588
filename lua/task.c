#include "task.h"

#include <stdlib.h>
#include <string.h>

#include "../core/log.h"
#include "watchdog.h"

static void unlink_task(nvl_task *t) {
  if (t->prev) t->prev->next = t->next;
  else t->state->tasks = t->next;
  if (t->next) t->next->prev = t->prev;
  t->state->task_count--;
}

/* Runs under pcall: the message and traceback of a dead coroutine. */
static int describe(lua_State *L) {
  lua_State *co = lua_touserdata(L, 1);
  const char *msg = luaL_tolstring(co, -1, NULL);
  luaL_traceback(L, co, msg, 0);
  return 1;
}

static void report(nvl_task *t, int status) {
  lua_State *L = t->state->L;
  const char *text = status == LUA_ERRMEM ? "out of memory" : "unknown error";
  int top = lua_gettop(L);
  if (lua_checkstack(L, 4)) {
    lua_pushcfunction(L, describe);
    lua_pushlightuserdata(L, t->co);
    lua_pcall(L, 1, 1, 0);
    if (lua_type(L, -1) == LUA_TSTRING) text = lua_tostring(L, -1);
  }
  nv_log_field f[] = {{"state", NV_FIELD_TEXT, nv_str_of(t->state->name), 0}};
  nv_log_write(t->state->host->log, NV_LOG_ERROR, text, f, 1);
  lua_settop(L, top);
}

static void end_task(nvl_task *t, int status, int nresults) {
  t->phase = NVL_TASK_DONE;
  t->gen++;
  if (t->ended) t->ended(t->arg, t->co, status, nresults);
  else if (status != LUA_OK) report(t, status);
  lua_sethook(t->co, NULL, 0, 0);
  lua_resetthread(t->co); /* runs pending <close> variables */
  luaL_unref(t->state->L, LUA_REGISTRYINDEX, t->ref);
  unlink_task(t);
  free(t);
}

void nvl_task_step(nvl_task *t, int nargs) {
  nvl_state *s = t->state;
  nvl_task *before = s->current;
  int nresults = 0;
  s->current = t;
  t->phase = NVL_TASK_RUNNING;
  nvl_watchdog_enter(s->name, t->co);
  int rc = lua_resume(t->co, s->L, nargs, &nresults);
  nvl_watchdog_leave();
  s->current = before;
  if (rc == LUA_YIELD) {
    lua_pop(t->co, nresults);
    t->phase = NVL_TASK_WAITING;
    return;
  }
  end_task(t, rc, nresults);
}

static void start(nv_ready *r) {
  nvl_task *t = (nvl_task *)r;
  if (t->phase == NVL_TASK_READY) {
    nvl_task_step(t, t->nargs);
    return;
  }
  free(t); /* its state was closed before it began */
}

void nvl_task_spawn_call(lua_State *L, int nargs, nvl_ended_fn ended,
                         void *arg) {
  nvl_state *s = nvl_state_of(L);
  lua_State *co = lua_newthread(L);
  lua_insert(L, -(nargs + 2));
  lua_xmove(L, co, nargs + 1);
  int ref = luaL_ref(L, LUA_REGISTRYINDEX); /* pops the thread */
  nvl_task *t = calloc(1, sizeof *t);
  if (!t) {
    luaL_unref(L, LUA_REGISTRYINDEX, ref);
    luaL_error(L, "out of memory");
    return;
  }
  *t = (nvl_task){.ready.fn = start, .state = s, .co = co, .ref = ref,
                  .nargs = nargs, .ended = ended, .arg = arg};
  t->next = s->tasks;
  if (s->tasks) s->tasks->prev = t;
  s->tasks = t;
  s->task_count++;
  nv_loop_post(s->host->loop, &t->ready);
}

nvl_task *nvl_task_here(lua_State *L) {
  nvl_task *t = nvl_state_of(L)->current;
  if (!t || t->co != L)
    luaL_error(L, "cannot wait here: not in a task's own coroutine");
  if (!lua_isyieldable(L))
    luaL_error(L, "cannot wait inside a callback of table.sort, string.gsub, "
                  "a metamethod or a guarded function");
  return t;
}

void nvl_tasks_cancel(nvl_state *s) {
  while (s->tasks) {
    nvl_task *t = s->tasks;
    unlink_task(t);
    if (t->box) { /* its completion must not find a freed task */
      nv_op *op = t->box->op;
      t->box->op = NULL;
      nv_op_release(op);
    }
    lua_resetthread(t->co);
    luaL_unref(s->L, LUA_REGISTRYINDEX, t->ref);
    if (t->phase == NVL_TASK_READY) t->phase = NVL_TASK_DONE; /* start() frees */
    else free(t);
  }
}
