/* guard - limits on what a script may hold: instructions, and the loop.
 *
 * `task.guard(limit, fn, ...)` calls code of a flow with an instruction budget;
 * an error, an exhausted budget or exhausted memory comes back as a value that
 * names file and line. A script that hides a runaway loop in pcall is stopped by
 * re-arming the hook on every line once its budget is spent. One instruction can be
 * a call that copies megabytes, so memory and the steps of patterns cost budget too,
 * and for whatever is left processor time is bounded.
 *
 * A hook costs every instruction a look, and hardly any guard is ever spent. So one
 * begins without: a timer of the thread sets the hook when some milliseconds of its
 * processor time are gone, and the budget counts from there. (Coroutines of scripts are
 * counted at once: a timer could not tell which one runs.) Outside a guard no hook is
 * set; a task that holds the loop for seconds is ended by the watchdog.
 */

#include "task.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
  STEP = 1000,              /* instructions between two looks */
  FREE_NS = 5000000,        /* processor time of a guard before it is counted */
  GUARD_DEFAULT = 10000000, /* instructions */
  SLOW_US = 30000,          /* from here on processor time is looked at */
  SLOW_CPU_US = 60000,      /* and may be so much more */
  DEPTH_SHOWN = 1000,       /* calls; what is deeper has no traceback */
};

#define SPENT "instruction budget exceeded"

/* The machine's clocks and not the env's: a simulation must not hang either. */
static int64_t clock_us(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* A process that gets no processor is not to blame, so the wall clock, which costs
 * little, only says when to look at processor time. */
static bool took_too_long(nvl_state *s) {
  if (clock_us(CLOCK_MONOTONIC) - s->guard_wall_us < SLOW_US) return false;
  int64_t cpu = clock_us(CLOCK_THREAD_CPUTIME_ID);
  if (s->guard_cpu_us == 0) s->guard_cpu_us = cpu;
  return cpu - s->guard_cpu_us > SLOW_CPU_US;
}

/* With the place of the code that is stopped, which in a hook is level 0. */
static void stop(lua_State *L, const char *text) {
  luaL_where(L, 0);
  lua_pushstring(L, text);
  lua_concat(L, 2);
  lua_error(L);
}

static void budget_hook(lua_State *L, lua_Debug *ar) {
  (void)ar;
  nvl_state *s = nvl_state_of(L);
  if (s->guard_left < 0) return; /* a coroutine that outlived its guard */
  if (!s->guard_killed) {
    s->guard_left -= lua_gethookcount(L);
    if (s->guard_left > 0 && !took_too_long(s)) return;
    s->guard_left = 0;
    s->guard_killed = true;
  }
  lua_sethook(L, budget_hook, LUA_MASKLINE | LUA_MASKCOUNT, 1);
  stop(L, SPENT);
}

/* ---- the timer; one loop per process ---- */

static _Thread_local bool has_timer;
static _Thread_local timer_t timer;
static _Thread_local lua_State *volatile uncounted; /* read by the signal handler */

static void on_timer(int number) {
  (void)number;
  lua_State *L = uncounted;
  if (L) lua_sethook(L, budget_hook, LUA_MASKCOUNT, STEP);
}

static bool make_timer(void) {
  struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
  struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGVTALRM};
  event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
  return sigaction(SIGVTALRM, &action, NULL) == 0 &&
         timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) == 0;
}

/* The code that begins on `L` is counted after a while, or at once without a timer. */
static void count_later(lua_State *L) {
  static const struct itimerspec once = {.it_value = {.tv_nsec = FREE_NS}};
  if (!has_timer) has_timer = make_timer();
  uncounted = L;
  if (!has_timer || timer_settime(timer, 0, &once, NULL) != 0)
    lua_sethook(L, budget_hook, LUA_MASKCOUNT, STEP);
}

static void count_no_more(lua_State *L) {
  static const struct itimerspec never = {.it_value = {.tv_nsec = 0}};
  uncounted = NULL;
  if (has_timer) timer_settime(timer, 0, &never, NULL);
  lua_sethook(L, NULL, 0, 0);
}

void nvl_guard_watch(lua_State *co) {
  if (co) lua_sethook(co, budget_hook, LUA_MASKCOUNT, STEP);
}

void nvl_guard_charge(nvl_state *s, lua_State *L, size_t cost) {
  if (s->guard_left <= 0) return; /* no guard, or spent */
  s->guard_left = cost < (size_t)s->guard_left ? s->guard_left - (long)cost : 0;
  if (s->guard_left == 0) lua_sethook(L ? L : s->guard_co, budget_hook, LUA_MASKCOUNT, 1);
}

/* A first interrupt is one error, then time to clean up. A guard that is interrupted
 * has spent its budget; so has a task that hid the first in pcall. */
static void slice_hook(lua_State *L, lua_Debug *ar) {
  nvl_state *s = nvl_state_of(L);
  if (s->guard_left >= 0) {
    s->guard_killed = true;
    budget_hook(L, ar);
    return;
  }
  if (s->interrupted) lua_sethook(L, slice_hook, LUA_MASKLINE | LUA_MASKCOUNT, 1);
  else lua_sethook(L, NULL, 0, 0);
  s->interrupted = true;
  stop(L, "held the event loop for too long");
}

void nvl_guard_interrupt(lua_State *co) {
  lua_sethook(co, slice_hook, LUA_MASKCALL | LUA_MASKRET | LUA_MASKCOUNT, 1);
}

static void field(lua_State *L, const char *key, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, key);
}

/* First level below `L` that has a source line: where the script was. */
static void add_place(lua_State *L) {
  lua_Debug ar;
  for (int level = 0; lua_getstack(L, level, &ar); level++) {
    lua_getinfo(L, "Sl", &ar);
    if (ar.currentline <= 0) continue;
    field(L, "file", ar.short_src);
    lua_pushinteger(L, ar.currentline);
    lua_setfield(L, -2, "line");
    return;
  }
}

/* Of a recursion without an end it would take a tenth of a second, which level by level
 * is looked for from the top. */
static void push_traceback(lua_State *L) {
  lua_Debug ar;
  if (lua_getstack(L, DEPTH_SHOWN, &ar)) lua_pushfstring(L, "more than %d calls", DEPTH_SHOWN);
  else luaL_traceback(L, L, NULL, 1);
}

static int to_error(lua_State *L) {
  nvl_state *s = nvl_state_of(L);
  nvl_error_text(L, 1);
  lua_createtable(L, 0, 5);
  field(L, "code", s->guard_killed ? "budget" : "bug");
  lua_pushvalue(L, -2); /* a text may hold zero bytes */
  lua_setfield(L, -2, "text");
  push_traceback(L);
  lua_setfield(L, -2, "traceback");
  add_place(L);
  return 1;
}

/* An error for which no handler could run: its table, below it false. */
static int plain_error(lua_State *L, const char *code, const char *text) {
  lua_settop(L, 0);
  lua_gc(L, LUA_GCCOLLECT);
  lua_pushboolean(L, 0);
  lua_createtable(L, 0, 2);
  field(L, "code", code);
  field(L, "text", text);
  return 2;
}

int nvl_guard(lua_State *L) {
  nvl_state *s = nvl_state_of(L);
  lua_Integer limit = luaL_optinteger(L, 1, GUARD_DEFAULT);
  luaL_argcheck(L, limit >= 0, 1, "negative budget");
  luaL_checktype(L, 2, LUA_TFUNCTION);
  if (s->guard_left >= 0) return luaL_error(L, "guards do not nest");
  lua_pushcfunction(L, to_error);
  lua_replace(L, 1);
  s->guard_left = (long)limit;
  s->guard_killed = false;
  s->guard_wall_us = clock_us(CLOCK_MONOTONIC);
  s->guard_cpu_us = 0;
  s->guard_co = L;
  count_later(L);
  int rc = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 1);
  s->guard_left = -1;
  count_no_more(L);
  if (rc == LUA_ERRMEM) return plain_error(L, "memory", "memory ceiling of the flow reached");
  if (rc == LUA_OK && s->guard_killed) /* its last act was to hide that in pcall */
    return plain_error(L, "budget", SPENT);
  if (rc != LUA_OK && !lua_istable(L, -1))
    return plain_error(L, "bug", "error in the error handler");
  lua_pushboolean(L, rc == LUA_OK);
  if (rc != LUA_OK) {
    lua_insert(L, -2);
    return 2;
  }
  lua_replace(L, 1);
  return lua_gettop(L);
}
