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

/* Runs under pcall: (co). The message and traceback of a dead coroutine. */
static int describe(lua_State *L) {
  lua_State *co = lua_touserdata(L, 1);
  if (!lua_checkstack(co, 1)) return luaL_error(L, "stack overflow");
  lua_pushvalue(co, -1);
  lua_xmove(co, L, 1); /* a dead coroutine can call no __tostring */
  luaL_traceback(L, co, nvl_error_text(L, -1), 0);
  return 1;
}

const char *nvl_task_problem(nvl_state *s, lua_State *co, int status) {
  lua_State *L = s->L;
  const char *text = status == LUA_ERRMEM ? "out of memory" : "unknown error";
  if (!lua_checkstack(L, 4)) return text;
  lua_pushcfunction(L, describe);
  lua_pushlightuserdata(L, co);
  nvl_watched before = nvl_watchdog_enter(s->name, L);
  int rc = lua_pcall(L, 1, 1, 0);
  nvl_watchdog_leave(before);
  lua_sethook(L, NULL, 0, 0);
  lua_State *from = rc != LUA_OK && lua_type(co, -1) == LUA_TSTRING ? co : L;
  return lua_type(from, -1) == LUA_TSTRING ? lua_tostring(from, -1) : text;
}

static void report(nvl_task *t, int status) {
  nvl_state *s = t->state;
  int top = lua_gettop(s->L);
  nv_log_field f[] = {{"state", NV_FIELD_TEXT, nv_str_of(s->name), 0}};
  nv_log_write(s->host->log, NV_LOG_ERROR, nvl_task_problem(s, t->co, status), f, 1);
  lua_settop(s->L, top);
}

/* Runs pending <close> variables, which is Lua. */
static void reset(nvl_task *t) {
  lua_sethook(t->co, NULL, 0, 0);
  nvl_watched before = nvl_watchdog_enter(t->state->name, t->co);
  lua_resetthread(t->co);
  nvl_watchdog_leave(before);
  lua_sethook(t->co, NULL, 0, 0);
}

/* Whatever it waits for must not find a freed task. */
static void stop_waiting(nvl_task *t) {
  nvl_box *b = t->box;
  if (!b) return;
  nv_op *op = b->op;
  b->op = NULL;
  b->task = NULL;
  t->box = NULL;
  nv_op_release(op);
}

static void end_task(nvl_task *t, int status, int nresults) {
  t->phase = NVL_TASK_DONE;
  t->gen++;
  stop_waiting(t); /* only after a resume by hand */
  if (t->ended) t->ended(t->arg, t->co, status, nresults);
  else if (status != LUA_OK) report(t, status);
  reset(t);
  luaL_unref(t->state->L, LUA_REGISTRYINDEX, t->ref);
  unlink_task(t);
  free(t);
}

static int push_yielded(lua_State *L) {
  lua_pushliteral(L, "coroutine.yield in a task: nothing would ever resume it");
  return 1;
}

/* A task that yields by itself waits for nothing: that is a mistake, and its end. */
static void end_yielded(nvl_task *t) {
  lua_State *L = t->state->L;
  if (lua_checkstack(L, 2) && lua_checkstack(t->co, 1)) {
    lua_pushcfunction(L, push_yielded);
    lua_pcall(L, 0, 1, 0); /* without memory the message is another text */
    lua_xmove(L, t->co, 1);
  }
  end_task(t, LUA_ERRRUN, 0);
}

void nvl_task_step(nvl_task *t, int nargs) {
  nvl_state *s = t->state;
  nvl_task *outer = s->current;
  int nresults = 0;
  s->current = t;
  s->interrupted = false;
  t->phase = NVL_TASK_RUNNING;
  lua_sethook(t->co, NULL, 0, 0); /* an interrupt that came too late */
  nvl_watched before = nvl_watchdog_enter(s->name, t->co);
  int rc = lua_resume(t->co, s->L, nargs, &nresults);
  nvl_watchdog_leave(before);
  s->current = outer;
  if (rc == LUA_YIELD) {
    lua_pop(t->co, nresults);
    t->phase = NVL_TASK_WAITING;
    if (!t->box) end_yielded(t);
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
  nvl_state *s = nvl_state_open_here(L);
  lua_State *co = lua_newthread(L);
  if (!lua_checkstack(co, nargs + 1)) luaL_error(L, "too many arguments for a task");
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
    stop_waiting(t);
    reset(t);
    luaL_unref(s->L, LUA_REGISTRYINDEX, t->ref);
    if (t->phase == NVL_TASK_READY) t->phase = NVL_TASK_DONE; /* start() frees */
    else free(t);
  }
}
