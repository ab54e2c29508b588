/* task - tasks, sleeping, events, run locks and guards for Lua.
 *
 * An event is a flag with waiters: `set` wakes everybody who waits, or is kept
 * for the next `wait`. A named event is shared by all states of the process, so
 * the command line can wake a flow.
 */
#include <stdlib.h>
#include <string.h>

#include "task.h"

#define EVENT_MT "navodoo.event"

/* ---- spawn and sleep ---- */

static int l_spawn(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  nvl_task_spawn_call(L, lua_gettop(L) - 1, NULL, NULL);
  return 0;
}

typedef struct nap {
  nv_op op;
  nv_timer timer;
} nap;

static void nap_over(void *arg) { nv_op_finish(arg, NV_OK); }

static void nap_cancel(nv_op *op) {
  nv_timer_stop(op->loop, &((nap *)op)->timer);
  nv_op_finish(op, NV_ECANCELLED);
}

static void nap_free(nv_op *op) { free(op); }

static const nv_op_class nap_class = {"sleep", nap_cancel, nap_free};

static int push_nothing(lua_State *L, nv_op *op) {
  (void)L;
  (void)op;
  return 0;
}

static int l_sleep(lua_State *L) {
  lua_Number ms = luaL_checknumber(L, 1);
  nvl_box *box = nvl_box_new(L);
  nap *n = calloc(1, sizeof *n);
  if (!n) return luaL_error(L, "out of memory");
  nv_op_init(&n->op, nvl_host_of(L)->loop, &nap_class);
  box->op = &n->op;
  if (nv_timer_start(n->op.loop, &n->timer, (int64_t)(ms * 1000), nap_over, n) !=
      NV_OK)
    nv_op_finish(&n->op, NV_ENOMEM);
  return nvl_await(L, box, push_nothing);
}

/* ---- events ---- */

typedef struct nvl_event nvl_event;

typedef struct event_wait {
  nv_op op;
  nv_timer timer;
  nvl_event *event; /* holds a reference */
  bool fired;
  struct event_wait *prev, *next;
} event_wait;

struct nvl_event {
  nvl_host *host;
  char *name; /* NULL: private */
  int refs;
  bool flag;
  event_wait *waiters;
  nvl_event *prev, *next; /* named ones of the host */
};

static void event_unref(nvl_event *e) {
  if (--e->refs > 0) return;
  if (e->name) {
    if (e->prev) e->prev->next = e->next;
    else e->host->events = e->next;
    if (e->next) e->next->prev = e->prev;
  }
  free(e->name);
  free(e);
}

static void leave(event_wait *w) {
  if (w->prev) w->prev->next = w->next;
  else w->event->waiters = w->next;
  if (w->next) w->next->prev = w->prev;
  nv_timer_stop(w->op.loop, &w->timer);
}

static void finish_wait(event_wait *w, bool fired) {
  leave(w);
  w->fired = fired;
  nv_op_finish(&w->op, NV_OK);
}

static void wait_timed_out(void *arg) { finish_wait(arg, false); }
static void wait_cancel(nv_op *op) { finish_wait((event_wait *)op, false); }

static void wait_free(nv_op *op) {
  event_unref(((event_wait *)op)->event);
  free(op);
}

static const nv_op_class wait_class = {"event", wait_cancel, wait_free};

static int push_fired(lua_State *L, nv_op *op) {
  lua_pushboolean(L, ((event_wait *)op)->fired);
  return 1;
}

static nvl_event *event_here(lua_State *L) {
  return *(nvl_event **)luaL_checkudata(L, 1, EVENT_MT);
}

static void set_event(nvl_event *e) {
  if (!e->waiters) e->flag = true;
  while (e->waiters) finish_wait(e->waiters, true);
}

static int event_set(lua_State *L) {
  set_event(event_here(L));
  return 0;
}

static int event_wait_for(lua_State *L) {
  nvl_event *e = event_here(L);
  lua_Integer ms = luaL_optinteger(L, 2, -1);
  if (e->flag) {
    e->flag = false;
    lua_pushboolean(L, 1);
    return 1;
  }
  nvl_box *box = nvl_box_new(L);
  event_wait *w = calloc(1, sizeof *w);
  if (!w) return luaL_error(L, "out of memory");
  nv_op_init(&w->op, e->host->loop, &wait_class);
  w->event = e;
  e->refs++;
  w->next = e->waiters;
  if (w->next) w->next->prev = w;
  e->waiters = w;
  box->op = &w->op;
  if (ms >= 0 && nv_timer_start(w->op.loop, &w->timer, ms * 1000,
                                wait_timed_out, w) != NV_OK)
    finish_wait(w, false);
  return nvl_await(L, box, push_fired);
}

static int event_gc(lua_State *L) {
  nvl_event **slot = luaL_checkudata(L, 1, EVENT_MT);
  if (*slot) event_unref(*slot);
  *slot = NULL;
  return 0;
}

static nvl_event *event_find(nvl_host *host, const char *name) {
  for (nvl_event *e = host->events; e; e = e->next)
    if (strcmp(e->name, name) == 0) return e;
  return NULL;
}

bool nvl_event_signal(nvl_host *host, const char *name) {
  nvl_event *e = event_find(host, name);
  if (!e || e->flag) return false;
  set_event(e);
  return true;
}

static nvl_event *event_make(nvl_host *host, const char *name) {
  nvl_event *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  e->host = host;
  if (name && !(e->name = strdup(name))) {
    free(e);
    return NULL;
  }
  if (name) {
    e->next = host->events;
    if (e->next) e->next->prev = e;
    host->events = e;
  }
  return e;
}

static int l_event(lua_State *L) {
  const char *name = luaL_optstring(L, 1, NULL);
  nvl_host *host = nvl_host_of(L);
  nvl_event **slot = lua_newuserdatauv(L, sizeof *slot, 0);
  *slot = NULL;
  luaL_setmetatable(L, EVENT_MT);
  nvl_event *e = name ? event_find(host, name) : NULL;
  if (!e) e = event_make(host, name);
  if (!e) return luaL_error(L, "out of memory");
  e->refs++;
  *slot = e;
  return 1;
}

int luaopen_navodoo_task(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"spawn", l_spawn}, {"sleep", l_sleep}, {"event", l_event},
      {"guard", nvl_guard}, {"lock", nvl_lock}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"set", event_set}, {"wait", event_wait_for}, {NULL, NULL}};
  luaL_newmetatable(L, EVENT_MT);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, event_gc);
  lua_setfield(L, -2, "__gc");
  nvl_lock_register(L);
  luaL_newlib(L, functions);
  return 1;
}
