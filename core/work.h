/* work - a computation that is too long for the loop, on a thread of libuv's pool.
 *
 * The caller embeds an nv_work as the first member of its own struct. `run` is called
 * once on another thread and touches nothing but that struct; the operation ends on the
 * loop thread with what it returned. In a simulated env it runs on the loop itself.
 * An operation that is released early still runs to its end, and is freed then.
 */
#ifndef NV_WORK_H
#define NV_WORK_H

#include "op.h"

typedef struct nv_work nv_work;

struct nv_work {
  nv_op op; /* first */
  int (*run)(nv_work *w); /* NV_*; fills op.err for a failure */
  void (*free)(nv_work *w); /* frees the whole struct */
  int rc;
  nv_ready inline_run; /* in a simulated env */
};

/* Starts it: `run` and `free` are set. On NV_ENOMEM nothing was started, and the
 * struct is still the caller's. */
int nv_work_start(nv_work *w, nv_loop *loop, nv_error *err);

#endif
