/* work - see work.h. */
#include "work.h"

#include <stdlib.h>
#include <uv.h>

static void op_free(nv_op *op) {
  nv_work *w = (nv_work *)op;
  w->free(w);
}

static const nv_op_class work_class = {"work", NULL, op_free};

static void run_here(nv_ready *r) {
  nv_work *w = (nv_work *)((char *)r - offsetof(nv_work, inline_run));
  nv_op_finish(&w->op, w->run(w));
}

static void on_thread(uv_work_t *request) {
  nv_work *w = request->data;
  w->rc = w->run(w);
}

static void after(uv_work_t *request, int status) {
  (void)status; /* nobody cancels it */
  nv_work *w = request->data;
  free(request);
  nv_op_finish(&w->op, w->rc);
}

int nv_work_start(nv_work *w, nv_loop *loop, nv_error *err) {
  uv_loop_t *uv = nv_loop_uv(loop);
  uv_work_t *request = uv ? malloc(sizeof *request) : NULL;
  if (uv && !request) return nv_fail(err, NV_ENOMEM, "work", "out of memory");
  nv_op_init(&w->op, loop, &work_class);
  if (!uv) {
    w->inline_run = (nv_ready){.fn = run_here};
    nv_loop_post(loop, &w->inline_run);
    return NV_OK;
  }
  request->data = w;
  uv_queue_work(uv, request, on_thread, after);
  return NV_OK;
}
