/* task - one coroutine that may wait, and the lua_State it lives in.
 *
 * A state (nvl_state) is one generation of one flow, or the command line: its own
 * lua_State with a memory ceiling. A task is one coroutine of it; it waits for at
 * most one operation at a time (await.c) and is resumed from the loop only. A
 * task that raises is reported and forgotten; nothing of it leaks, nobody else
 * is hurt.
 *
 * Threading: loop thread only.
 */
#ifndef NVL_TASK_H
#define NVL_TASK_H

#include "nvl.h"

/* Called once when a task ended: `status` is LUA_OK with `nresults` values on
 * `co`, or an error code with the message on top. Must not raise. */
typedef void (*nvl_ended_fn)(void *arg, lua_State *co, int status,
                             int nresults);

typedef enum nvl_task_state {
  NVL_TASK_READY,
  NVL_TASK_RUNNING,
  NVL_TASK_WAITING,
  NVL_TASK_DONE,
} nvl_task_state;

typedef struct nvl_task {
  nv_ready ready; /* first: how the loop starts it */
  struct nvl_state *state;
  lua_State *co;
  int ref; /* registry slot that keeps `co` alive */
  int nargs;
  nvl_task_state phase;
  unsigned gen; /* one more with every await and at the end */
  nvl_box *box; /* what it waits for, NULL when it does not */
  nvl_ended_fn ended;
  void *arg;
  struct nvl_task *prev, *next; /* all tasks of the state */
} nvl_task;

typedef struct nvl_state {
  nvl_host *host;
  lua_State *L;
  char name[64];
  size_t used, limit; /* bytes; limit 0 = none */
  nvl_task *current;
  nvl_task *tasks;
  size_t task_count;
  unsigned long stale; /* completions that came for an older await */
  long guard_left;     /* instructions left, see guard.c; negative = no guard */
  bool guard_killed;
  lua_State *guard_co; /* who called it */
  int64_t guard_wall_us, guard_cpu_us; /* when it began; when it was slow already */
  bool interrupted; /* by the watchdog, since the task runs */
  bool closing;
} nvl_state;

typedef struct nvl_state_options {
  const char *name;    /* for reports: "customer", "cli" */
  size_t memory_limit; /* bytes, 0 = none */
  bool trusted;        /* io and os too: the command line, never a flow */
} nvl_state_options;

/* Opens a state with the primitives and the embedded stdlib. */
int nvl_state_open(nvl_host *host, const nvl_state_options *o, nvl_state **out,
                   nv_error *err);
/* Cancels every task, releases what they wait for, closes. NULL is fine. */
void nvl_state_close(nvl_state *s);
nvl_state *nvl_state_of(lua_State *L);
/* The same, but raises when the state is closing: nothing new begins there. */
nvl_state *nvl_state_open_here(lua_State *L);

/* Starts a task from the function and `nargs` arguments on top of `L`, which are
 * popped. It runs from the loop, never inside this call. May raise (memory). */
void nvl_task_spawn_call(lua_State *L, int nargs, nvl_ended_fn ended,
                         void *arg);
/* Cancels every task of a state that is being closed, and releases what they
 * wait for. */
void nvl_tasks_cancel(nvl_state *s);
/* Resumes a waiting task whose operation is done. Never raises. */
void nvl_task_step(nvl_task *t, int nargs);
/* Message and traceback of a coroutine that ended with `status`. Never raises.
 * Leaves values on the state's main thread: the text is valid until the caller
 * sets the top back. */
const char *nvl_task_problem(nvl_state *s, lua_State *co, int status);
/* The task that `L` is the own coroutine of, or raises. */
nvl_task *nvl_task_here(lua_State *L);

/* Ends the running coroutine `co` at its next instruction, with an error. May be
 * called from a signal handler of the loop thread. */
void nvl_guard_interrupt(lua_State *co);
/* Work in C that costs as much as `cost` instructions. When that spends the budget,
 * `L` (NULL: who called the guard) is stopped at its next instruction. Never raises. */
void nvl_guard_charge(nvl_state *s, lua_State *L, size_t cost);
int nvl_guard(lua_State *L); /* task.guard */
/* Counts what a new coroutine of a script does, for the guards that it will run under. */
void nvl_guard_watch(lua_State *co);

/* Replace the library functions that can hold the loop, where no hook fires, or eat
 * memory by bounded ones; the string metatable is locked too. May raise. */
void nvl_bound_base(lua_State *L);
void nvl_bound_strings(lua_State *L);

/* Sets a named event from the host; false when nobody ever made it, or when it
 * was set before and nobody has heard it yet. */
bool nvl_event_signal(nvl_host *host, const char *name);
/* True when a script holds this event. */
bool nvl_event_known(nvl_host *host, const char *name);
/* The host goes; waits that were released may still be in the loop's queue. */
void nvl_events_forget(nvl_host *host);

/* l_lock.c */
int nvl_lock(lua_State *L);
int nvl_lock_is_free(lua_State *L);
void nvl_lock_register(lua_State *L);

#endif
