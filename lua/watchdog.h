/* watchdog - says so when one piece of Lua holds the event loop.
 *
 * A hook on every instruction would cost all code all the time, and cannot look
 * inside C functions. So a thread watches from outside: a resume that lasts half a
 * second is named in one line; one that has worked for five is interrupted, by a signal
 * to the loop thread, at the next instruction of its own coroutine. Work is time of the
 * processor: what only waits for it, or for a disk, is no endless loop. Only code of flows
 * makes further coroutines, and that runs under a guard.
 */
#ifndef NVL_WATCHDOG_H
#define NVL_WATCHDOG_H

#include "task.h"

typedef struct nvl_watchdog nvl_watchdog;

/* From the loop thread. NULL when no thread can be had; that is no reason not to
 * run. Takes SIGUSR2 for itself. */
nvl_watchdog *nvl_watchdog_start(void);
void nvl_watchdog_stop(nvl_watchdog *dog);

/* What was watched before. */
typedef struct nvl_watched {
  const char *name;
  lua_State *co;
} nvl_watched;

/* Called around whatever runs Lua on `co`, on the loop thread. May nest: a state that
 * is closed by another's script runs its <close> variables inside that. */
nvl_watched nvl_watchdog_enter(const char *name, lua_State *co);
void nvl_watchdog_leave(nvl_watched before);

/* Around a call that waits for a person, on the loop thread while Lua runs: nobody is
 * held up by it who should be named. `true` begins, `false` ends it. */
void nvl_watchdog_rest(bool resting);

#endif
