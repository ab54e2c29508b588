/* op - the one life cycle of every asynchronous operation.
 *
 * A producer embeds an nv_op as the first member of its own struct, starts the
 * work, and calls nv_op_finish exactly once, on the loop thread. The owner hears
 * of it through `done`, from the ready queue, never from inside the start. The
 * owner calls nv_op_release exactly once, before or after: an unfinished op is
 * then cancelled, and freed when its producer lets go.
 *
 * Threading: loop thread only (a worker thread hands its result over with
 * nv_loop_send first).
 */
#ifndef NV_OP_H
#define NV_OP_H

#include "loop.h"

typedef struct nv_op nv_op;
typedef void (*nv_op_done_fn)(nv_op *op, void *arg);

typedef struct nv_op_class {
  const char *name;          /* for "what is it waiting for" */
  void (*cancel)(nv_op *op); /* ask to end early; finish is still owed. May be NULL */
  void (*free)(nv_op *op);   /* frees the whole struct */
} nv_op_class;

struct nv_op {
  nv_ready ready; /* first: the queue hands it back */
  const nv_op_class *cls;
  nv_loop *loop;
  int status;     /* NV_*, valid in `done` and after */
  nv_error err;   /* filled when status is not NV_OK */
  bool finishing, finished, released;
  nv_op_done_fn done;
  void *arg;
};

void nv_op_init(nv_op *op, nv_loop *loop, const nv_op_class *cls);
/* Sets who is told. Call it right after the start returned the op. */
void nv_op_on_done(nv_op *op, nv_op_done_fn done, void *arg);
/* Producer: the work ended. For a failure fill op->err first. */
void nv_op_finish(nv_op *op, int status);
/* Owner: lets go. NULL is fine. */
void nv_op_release(nv_op *op);

#endif
