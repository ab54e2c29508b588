#include "op.h"

#include <string.h>

static void run_done(nv_ready *r) {
  nv_op *op = (nv_op *)r;
  op->finished = true;
  if (op->released) {
    nv_loop_count_op(op->loop, -1);
    op->cls->free(op);
    return;
  }
  if (op->done) op->done(op, op->arg); /* may release, and so free, the op */
}

void nv_op_init(nv_op *op, nv_loop *loop, const nv_op_class *cls) {
  memset(op, 0, sizeof *op);
  op->ready.fn = run_done;
  op->cls = cls;
  op->loop = loop;
  nv_loop_count_op(loop, 1);
}

void nv_op_on_done(nv_op *op, nv_op_done_fn done, void *arg) {
  op->done = done;
  op->arg = arg;
}

void nv_op_finish(nv_op *op, int status) {
  if (op->finishing) return;
  op->finishing = true;
  op->status = status;
  if (status != NV_OK && op->err.code == NV_OK)
    nv_fail(&op->err, status, op->cls->name, "%s", nv_code_text(status));
  nv_loop_post(op->loop, &op->ready);
}

void nv_op_release(nv_op *op) {
  if (!op || op->released) return;
  op->released = true;
  op->done = NULL;
  if (op->finished) {
    nv_loop_count_op(op->loop, -1);
    op->cls->free(op);
  } else if (!op->finishing && op->cls->cancel) {
    op->cls->cancel(op);
  }
}
