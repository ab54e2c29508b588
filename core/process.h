/* process - a program that is started, fed, and waited for.
 *
 * Without a shell: the first argument is looked for in PATH, the others reach it as
 * they are. It gets a session of its own, `input` on its standard input, nothing of
 * our environment but PATH, HOME, USER, LANG, LC_ALL, TZ and TMPDIR (passwords may
 * be in the rest), no file of ours, and no standard output; the first NV_PROCESS_OUTPUT bytes of what
 * it says on standard error are kept. What runs longer than its time is asked to
 * end, and 2 s later killed with everything it started.
 *
 * And our own process: what it need not hold in memory.
 *
 * Threading: loop thread only; starting takes a fork, some milliseconds.
 */
#ifndef NV_PROCESS_H
#define NV_PROCESS_H

#include "op.h"

enum { NV_PROCESS_OUTPUT = 4096 };

typedef struct nv_process_args {
  const char *const *argv; /* ends with NULL; at least one */
  nv_str input;
  int64_t timeout_ms;      /* above 0 */
} nv_process_args;

typedef struct nv_process_result {
  int code;       /* of its exit; meaningless when `signal` is not 0 */
  int signal;     /* that ended it */
  bool timed_out;
  nv_str output;  /* standard error */
} nv_process_result;

/* Starts it; everything is copied. NV_ENOTFOUND when there is no such program,
 * NV_EIO when it cannot be started. The op finishes when it has ended; releasing it
 * early kills the program. */
int nv_process_start(nv_loop *loop, const nv_process_args *args, nv_op **out, nv_error *err);
/* Of an op that is done with NV_OK; valid until it is released. */
nv_process_result nv_process_result_of(const nv_op *op);

/* Gives pages of program text back that are in no use now: starting up goes through much
 * of some libraries once. What is needed again is found in the system's page cache. */
void nv_process_trim(void);

#endif
