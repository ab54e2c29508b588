/* await - how a coroutine waits for an operation of the core.
 *
 * The four rules are in nvl.h. The completion callback touches no Lua stack: it
 * compares the number of the await and resumes; results are pushed by the
 * continuation, which runs inside lua_resume, where a memory error is a return
 * code and not a panic.
 */
#include "task.h"

#define BOX_MT "navodoo.op"

static void let_go(nvl_box *b) {
  nv_op *op = b->op;
  b->op = NULL;
  if (b->task) b->task->box = NULL;
  b->task = NULL;
  nv_op_release(op);
}

static int box_gc(lua_State *L) {
  let_go(lua_touserdata(L, 1));
  return 0;
}

nvl_box *nvl_box_new(lua_State *L) {
  nvl_task_here(L); /* refuse before anything is started */
  nvl_box *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (nvl_box){0};
  if (luaL_newmetatable(L, BOX_MT)) {
    lua_pushcfunction(L, box_gc);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  return b;
}

static void on_done(nv_op *op, void *arg) {
  (void)op;
  nvl_box *b = arg;
  nvl_task *t = b->task;
  if (t->phase != NVL_TASK_WAITING || t->gen != b->gen) {
    t->state->stale++;
    return;
  }
  nvl_task_step(t, 0);
}

static int resumed(lua_State *L, int status, lua_KContext ctx) {
  (void)status;
  nvl_box *b = (nvl_box *)ctx;
  nvl_task *t = b->task;
  if (!t || t->phase != NVL_TASK_RUNNING)
    return luaL_error(L, "a task that waits was resumed by hand");
  t->box = NULL;
  b->task = NULL;
  int n = b->push(L, b->op); /* if it raises, __gc of the box releases */
  let_go(b);
  return n;
}

int nvl_await(lua_State *L, nvl_box *b, nvl_push_fn push) {
  nvl_task *t = nvl_task_here(L);
  b->task = t;
  t->box = b;
  b->gen = ++t->gen;
  b->push = push;
  nv_op_on_done(b->op, on_done, b);
  return lua_yieldk(L, 0, (lua_KContext)b, resumed);
}
