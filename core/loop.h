/* loop - the one event loop: a ready queue, a timer heap, and libuv below them.
 *
 * Every completion goes through the ready queue and is called from the loop, so
 * nothing is ever resumed from inside something else. Timers live in a heap of
 * our own over one uv_timer; in a simulated env there is no libuv at all and the
 * clock jumps to the next timer when the queue is empty.
 *
 * Threading: loop thread only, except nv_loop_send.
 */
#ifndef NV_LOOP_H
#define NV_LOOP_H

#include "env.h"

typedef struct nv_loop nv_loop;
typedef struct uv_loop_s nv_uv_loop;

/* A piece of work for the ready queue; embed it in your own struct. */
typedef struct nv_ready {
  struct nv_ready *next;
  void (*fn)(struct nv_ready *self);
  bool queued;
} nv_ready;

/* A timer; embed it. Zero-initialised means "not started". */
typedef struct nv_timer {
  int64_t at_us;  /* monotonic */
  uint64_t order; /* equal times fire in the order they were started */
  size_t slot;    /* place in the heap plus one, 0 = not started */
  void (*fn)(void *arg);
  void *arg;
} nv_timer;

/* Opens a loop. Borrows `env`, which must outlive it. */
int nv_loop_open(nv_env *env, nv_loop **out, nv_error *err);
/* Runs what is queued and pending closes, then frees the loop; started timers
 * are dropped without being called. NULL is fine. */
void nv_loop_close(nv_loop *loop);

nv_env *nv_loop_env(const nv_loop *loop);
/* The libuv loop below, NULL in a simulated env. */
nv_uv_loop *nv_loop_uv(const nv_loop *loop);

/* Queues `r` (once); `fn` runs from the loop, never from inside this call. */
void nv_loop_post(nv_loop *loop, nv_ready *r);
/* The same from any thread. `r` must stay alive until it ran. */
void nv_loop_send(nv_loop *loop, nv_ready *r);

/* Starts or restarts `t` for `delay_us` from now; `fn` runs once. */
int nv_timer_start(nv_loop *loop, nv_timer *t, int64_t delay_us,
                   void (*fn)(void *arg), void *arg);
/* Fine on a timer that is not started. */
void nv_timer_stop(nv_loop *loop, nv_timer *t);

/* Runs until nv_loop_stop, or (simulated) until nothing is left to do. */
void nv_loop_run(nv_loop *loop);
/* One turn: drains the ready queue, fires due timers, polls without waiting
 * (or waits for the next event when `wait`). False when nothing is left. */
bool nv_loop_turn(nv_loop *loop, bool wait);
void nv_loop_stop(nv_loop *loop);
bool nv_loop_stopping(const nv_loop *loop);

/* Live operations, for tests and for "who is still open" at shutdown. */
size_t nv_loop_live_ops(const nv_loop *loop);
void nv_loop_count_op(nv_loop *loop, int delta);
/* Longest time that one callback held the loop since the last call, in us. */
int64_t nv_loop_take_longest_us(nv_loop *loop);

#endif
