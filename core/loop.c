#include "loop.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "op.h"

enum {
  DRAIN_MAX = 4096,     /* completions per turn before sockets are looked at */
  DRAIN_MAX_US = 10000, /* and time */
};

struct nv_loop {
  nv_env *env;
  bool has_uv, stopping, closing;
  uv_loop_t uv;
  uv_timer_t alarm;
  uv_async_t wakeup;
  nv_ready *head, *tail;
  pthread_mutex_t remote_lock; /* guards the two below */
  nv_ready *remote_head, *remote_tail;
  nv_timer **heap;
  size_t heap_n, heap_cap;
  uint64_t timer_order;
  size_t live_ops;
  int64_t longest_us;
};

static void on_wakeup(uv_async_t *a) { (void)a; }

/* libuv runs due timers before it polls: when the alarm is due there already, the
 * poll that follows would have nothing left to end it. */
static void on_alarm(uv_timer_t *t) { uv_stop(t->loop); }

int nv_loop_open(nv_env *env, nv_loop **out, nv_error *err) {
  *out = NULL;
  nv_loop *l = calloc(1, sizeof *l);
  if (!l) return nv_fail(err, NV_ENOMEM, "loop", "out of memory");
  l->env = env;
  pthread_mutex_init(&l->remote_lock, NULL);
  if (!env->simulated) {
    int rc = uv_loop_init(&l->uv);
    if (rc == 0) {
      l->has_uv = true;
      rc = uv_async_init(&l->uv, &l->wakeup, on_wakeup);
      if (rc == 0) rc = uv_timer_init(&l->uv, &l->alarm);
    }
    if (rc != 0) {
      if (l->has_uv) uv_loop_close(&l->uv);
      pthread_mutex_destroy(&l->remote_lock);
      free(l);
      return nv_fail(err, NV_EIO, "loop", "cannot open the event loop: %s",
                     uv_strerror(rc));
    }
  }
  *out = l;
  return NV_OK;
}

nv_env *nv_loop_env(const nv_loop *l) { return l->env; }

nv_uv_loop *nv_loop_uv(const nv_loop *l) {
  return l->has_uv ? (nv_uv_loop *)&l->uv : NULL;
}

size_t nv_loop_live_ops(const nv_loop *l) { return l->live_ops; }

void nv_loop_count_op(nv_loop *l, int delta) {
  l->live_ops += (size_t)(ptrdiff_t)delta;
}

int64_t nv_loop_take_longest_us(nv_loop *l) {
  int64_t us = l->longest_us;
  l->longest_us = 0;
  return us;
}

/* ---- ready queue ---- */

void nv_loop_post(nv_loop *l, nv_ready *r) {
  if (r->queued) return;
  r->queued = true;
  r->next = NULL;
  if (l->tail) l->tail->next = r;
  else l->head = r;
  l->tail = r;
}

void nv_loop_send(nv_loop *l, nv_ready *r) {
  pthread_mutex_lock(&l->remote_lock);
  if (!r->queued) {
    r->queued = true;
    r->next = NULL;
    if (l->remote_tail) l->remote_tail->next = r;
    else l->remote_head = r;
    l->remote_tail = r;
  }
  pthread_mutex_unlock(&l->remote_lock);
  if (l->has_uv) uv_async_send(&l->wakeup);
}

static void take_remote(nv_loop *l) {
  pthread_mutex_lock(&l->remote_lock);
  nv_ready *head = l->remote_head, *tail = l->remote_tail;
  l->remote_head = l->remote_tail = NULL;
  pthread_mutex_unlock(&l->remote_lock);
  if (!head) return;
  if (l->tail) l->tail->next = head;
  else l->head = head;
  l->tail = tail;
}

static void drain(nv_loop *l) {
  int64_t begin = nv_env_monotonic_us(l->env), before = begin;
  for (int i = 0; i < DRAIN_MAX && l->head; i++) {
    nv_ready *r = l->head;
    l->head = r->next;
    if (!l->head) l->tail = NULL;
    r->queued = false;
    r->fn(r);
    int64_t now = nv_env_monotonic_us(l->env);
    if (now - before > l->longest_us) l->longest_us = now - before;
    before = now;
    if (now - begin > DRAIN_MAX_US) break;
  }
}

/* ---- timers: a binary heap ordered by (time, order of starting) ---- */

static bool earlier(const nv_timer *a, const nv_timer *b) {
  return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void place(nv_loop *l, size_t i, nv_timer *t) {
  l->heap[i] = t;
  t->slot = i + 1;
}

static void sift_up(nv_loop *l, size_t i, nv_timer *t) {
  while (i > 0 && earlier(t, l->heap[(i - 1) / 2])) {
    place(l, i, l->heap[(i - 1) / 2]);
    i = (i - 1) / 2;
  }
  place(l, i, t);
}

static void sift_down(nv_loop *l, size_t i, nv_timer *t) {
  for (;;) {
    size_t kid = 2 * i + 1;
    if (kid >= l->heap_n) break;
    if (kid + 1 < l->heap_n && earlier(l->heap[kid + 1], l->heap[kid])) kid++;
    if (!earlier(l->heap[kid], t)) break;
    place(l, i, l->heap[kid]);
    i = kid;
  }
  place(l, i, t);
}

void nv_timer_stop(nv_loop *l, nv_timer *t) {
  if (!t->slot) return;
  size_t i = t->slot - 1;
  nv_timer *last = l->heap[--l->heap_n];
  t->slot = 0;
  if (last == t) return;
  sift_up(l, i, last);
  if (last->slot == i + 1) sift_down(l, i, last);
}

int nv_timer_start(nv_loop *l, nv_timer *t, int64_t delay_us,
                   void (*fn)(void *arg), void *arg) {
  nv_timer_stop(l, t);
  if (l->heap_n == l->heap_cap) {
    size_t cap = l->heap_cap ? l->heap_cap * 2 : 64;
    nv_timer **heap = realloc(l->heap, cap * sizeof *heap);
    if (!heap) return NV_ENOMEM;
    l->heap = heap;
    l->heap_cap = cap;
  }
  if (delay_us < 0) delay_us = 0;
  t->at_us = nv_env_monotonic_us(l->env) + delay_us;
  t->order = l->timer_order++;
  t->fn = fn;
  t->arg = arg;
  sift_up(l, l->heap_n++, t);
  return NV_OK;
}

/* Timers that a callback starts wait for the next turn, however short they are:
 * one that restarts itself must not keep the ready queue waiting. */
static void fire_due(nv_loop *l) {
  int64_t now = nv_env_monotonic_us(l->env), before = now;
  uint64_t started = l->timer_order;
  while (l->heap_n && l->heap[0]->at_us <= now && l->heap[0]->order < started) {
    nv_timer *t = l->heap[0];
    nv_timer_stop(l, t);
    t->fn(t->arg);
    int64_t after = nv_env_monotonic_us(l->env);
    if (after - before > l->longest_us) l->longest_us = after - before;
    before = after;
  }
}

/* ---- turning ---- */

/* Simulated time: nothing happens between two timers, so jump. */
static bool jump(nv_loop *l) {
  if (!l->heap_n) return false;
  int64_t step = l->heap[0]->at_us - l->env->sim_monotonic_us;
  if (step > 0) {
    l->env->sim_monotonic_us += step;
    l->env->sim_wall_us += step;
  }
  return true;
}

static void poll_uv(nv_loop *l, bool wait) {
  if (wait && l->heap_n) {
    int64_t us = l->heap[0]->at_us - nv_env_monotonic_us(l->env);
    uv_update_time(&l->uv);
    uv_timer_start(&l->alarm, on_alarm, us > 0 ? (uint64_t)(us + 999) / 1000 : 0, 0);
  }
  uv_run(&l->uv, wait ? UV_RUN_ONCE : UV_RUN_NOWAIT);
  uv_timer_stop(&l->alarm);
}

bool nv_loop_turn(nv_loop *l, bool wait) {
  take_remote(l);
  drain(l);
  fire_due(l);
  if (l->has_uv) {
    poll_uv(l, wait && !l->head && !l->stopping);
    return true;
  }
  take_remote(l);
  if (l->head) return true;
  return wait && !l->stopping ? jump(l) : l->heap_n > 0;
}

void nv_loop_run(nv_loop *l) {
  l->stopping = false;
  while (!l->stopping && nv_loop_turn(l, true)) continue;
}

void nv_loop_stop(nv_loop *l) {
  l->stopping = true;
  if (l->has_uv) uv_async_send(&l->wakeup);
}

bool nv_loop_stopping(const nv_loop *l) { return l->stopping; }

/* Released operations free themselves from the queue. */
static void drain_all(nv_loop *l) {
  do {
    take_remote(l);
    drain(l);
    take_remote(l);
  } while (l->head);
}

void nv_loop_close(nv_loop *l) {
  if (!l) return;
  drain_all(l);
  if (l->has_uv) {
    uv_close((uv_handle_t *)&l->wakeup, NULL);
    uv_close((uv_handle_t *)&l->alarm, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT);
    drain_all(l);
    uv_run(&l->uv, UV_RUN_NOWAIT);
    uv_loop_close(&l->uv);
  }
  pthread_mutex_destroy(&l->remote_lock);
  free(l->heap);
  free(l);
}
