/* watchdog - says so when one piece of Lua holds the event loop.
 *
 * The instruction hook cannot look inside C functions, so a thread watches from
 * outside: when the same resume has been running for longer than a limit it writes
 * one line that names the state. It stops nothing.
 */
#ifndef NVL_WATCHDOG_H
#define NVL_WATCHDOG_H

#include "task.h"

typedef struct nvl_watchdog nvl_watchdog;

/* NULL when no thread can be had; that is no reason not to run. */
nvl_watchdog *nvl_watchdog_start(void);
void nvl_watchdog_stop(nvl_watchdog *dog);

/* Called around each resume, on the loop thread. */
void nvl_watchdog_enter(const char *name);
void nvl_watchdog_leave(void);

#endif
