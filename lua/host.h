/* host - what one process holds: loop, store, endpoints, secrets, log; and how a
 * command of the stdlib is run in it.
 *
 * Threading: loop thread only.
 */
#ifndef NVL_HOST_H
#define NVL_HOST_H

#include "task.h"

/* Opens everything but the store. `env` is borrowed. On failure nothing is left
 * open. */
int nvl_host_open(nvl_host *h, nv_env *env, nv_error *err);
/* Closes in reverse order; the store finishes what was queued. */
void nvl_host_close(nvl_host *h);

/* The same on a loop that the caller owns: several hosts can share one (the
 * simulation runs the engine and the ERPs so). */
int nvl_host_open_on(nvl_host *h, nv_loop *loop, nv_error *err);
void nvl_host_close_on(nvl_host *h);

/* Opens a trusted state, starts `module`.start(args) as a task and runs the loop
 * until it ends. The result of `start` (an integer, default 0) is the exit code;
 * 70 when it raised. */
int nvl_host_run(nvl_host *h, const char *module, int argc, char **argv);

#endif
