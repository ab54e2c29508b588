/* watchdog - says so when one piece of Lua holds the event loop.
 *
 * A hook on every instruction would cost all code all the time, and cannot look
 * inside C functions. So a thread watches from outside: a resume that runs for half
 * a second is named in one line; one that runs for five seconds is interrupted, by a
 * signal to the loop thread, at its next Lua instruction.
 */
#ifndef NVL_WATCHDOG_H
#define NVL_WATCHDOG_H

#include "task.h"

typedef struct nvl_watchdog nvl_watchdog;

/* From the loop thread. NULL when no thread can be had; that is no reason not to
 * run. Takes SIGUSR2 for itself. */
nvl_watchdog *nvl_watchdog_start(void);
void nvl_watchdog_stop(nvl_watchdog *dog);

/* Called around each resume, on the loop thread. */
void nvl_watchdog_enter(const char *name, lua_State *co);
void nvl_watchdog_leave(void);

#endif
