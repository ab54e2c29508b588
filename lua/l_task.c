/* task - tasks, sleeping, events, run locks and guards for Lua.
 *
 * An event is a flag with waiters: `set` wakes everybody who waits, first come
 * first woken, or is kept for the next `wait`. A named event is shared by all states
 * of the process, so the command line can wake a flow.
 */
#include <stdlib.h>
#include <string.h>

#include "task.h"

#define EVENT_MT "navodoo.event"

#define FOREVER_MS 3e12 /* a hundred years: keeps the arithmetic in range */

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

/* Without a timer there was no waiting: whoever goes on would spin. */
static int push_slept(lua_State *L, nv_op *op) {
  return op->status == NV_OK ? 0 : luaL_error(L, "%s", op->err.text);
}

/* Milliseconds at `idx` as microseconds; what is past or no number is 0. */
static int64_t delay_us(lua_State *L, int idx) {
  lua_Number ms = luaL_checknumber(L, idx);
  if (!(ms > 0)) return 0;
  return (int64_t)((ms < FOREVER_MS ? ms : FOREVER_MS) * 1000);
}

static int l_sleep(lua_State *L) {
  int64_t us = delay_us(L, 1);
  nvl_box *box = nvl_box_new(L);
  nap *n = calloc(1, sizeof *n);
  if (!n) return luaL_error(L, "out of memory");
  nv_op_init(&n->op, nvl_host_of(L)->loop, &nap_class);
  box->op = &n->op;
  if (nv_timer_start(n->op.loop, &n->timer, us, nap_over, n) != NV_OK)
    nv_op_finish(&n->op, NV_ENOMEM);
  return nvl_await(L, box, push_slept);
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
  nvl_host *host; /* NULL: it is gone */
  char *name;     /* NULL: private */
  int refs;
  bool flag;
  event_wait *waiters, *last;
  nvl_event *prev, *next; /* named ones of the host */
};

static void event_unref(nvl_event *e) {
  if (--e->refs > 0) return;
  if (e->name && e->host) {
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
  else w->event->last = w->prev;
  nv_timer_stop(w->op.loop, &w->timer);
}

static void finish_wait(event_wait *w, bool fired, int status) {
  leave(w);
  w->fired = fired;
  nv_op_finish(&w->op, status);
}

static void wait_timed_out(void *arg) { finish_wait(arg, false, NV_OK); }

static void wait_cancel(nv_op *op) {
  finish_wait((event_wait *)op, false, NV_ECANCELLED);
}

static void wait_free(nv_op *op) {
  event_unref(((event_wait *)op)->event);
  free(op);
}

static const nv_op_class wait_class = {"event", wait_cancel, wait_free};

static int push_fired(lua_State *L, nv_op *op) {
  if (op->status != NV_OK) return luaL_error(L, "%s", op->err.text);
  lua_pushboolean(L, ((event_wait *)op)->fired);
  return 1;
}

static nvl_event *event_here(lua_State *L) {
  nvl_event **slot = luaL_checkudata(L, 1, EVENT_MT);
  if (!*slot) luaL_error(L, "this event is gone"); /* used by a finalizer */
  return *slot;
}

static void set_event(nvl_event *e) {
  if (!e->waiters) e->flag = true;
  while (e->waiters) finish_wait(e->waiters, true, NV_OK);
}

static int event_set(lua_State *L) {
  set_event(event_here(L));
  return 0;
}

static int event_wait_for(lua_State *L) {
  nvl_event *e = event_here(L);
  int64_t us = lua_isnoneornil(L, 2) ? -1 : delay_us(L, 2);
  nvl_box *box = nvl_box_new(L);
  if (e->flag) {
    e->flag = false;
    lua_pushboolean(L, 1);
    return 1;
  }
  event_wait *w = calloc(1, sizeof *w);
  if (!w) return luaL_error(L, "out of memory");
  nv_op_init(&w->op, e->host->loop, &wait_class);
  w->event = e;
  e->refs++;
  w->prev = e->last;
  if (w->prev) w->prev->next = w;
  else e->waiters = w;
  e->last = w;
  box->op = &w->op;
  if (us >= 0 && nv_timer_start(w->op.loop, &w->timer, us, wait_timed_out, w) != NV_OK)
    finish_wait(w, false, NV_ENOMEM);
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

bool nvl_event_known(nvl_host *host, const char *name) {
  return event_find(host, name) != NULL;
}

void nvl_events_forget(nvl_host *host) {
  for (nvl_event *e = host->events, *next; e; e = next) {
    next = e->next;
    e->host = NULL;
    e->prev = e->next = NULL;
  }
  host->events = NULL;
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
  nvl_host *host = nvl_state_open_here(L)->host;
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
      {"guard", nvl_guard}, {"lock", nvl_lock}, {"is_free", nvl_lock_is_free}, {NULL, NULL}};
  static const luaL_Reg methods[] = {
      {"set", event_set}, {"wait", event_wait_for}, {NULL, NULL}};
  luaL_newmetatable(L, EVENT_MT);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, event_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushliteral(L, EVENT_MT); /* scripts share the metatable: lock it */
  lua_setfield(L, -2, "__metatable");
  nvl_lock_register(L);
  luaL_newlib(L, functions);
  return 1;
}
