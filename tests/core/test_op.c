/* Operations: told once and from the loop, released before or after, never leaked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "work.h"

typedef struct world {
  nv_env env;
  nv_loop *loop;
  int told, cancelled, freed;
  int status;
  char text[256];
  bool release_inside;
} world;

/* An operation that ends when the test says so. */
typedef struct work {
  nv_op op;
  world *w;
  nv_ready remote;
} work;

static void on_cancel(nv_op *op) {
  ((work *)op)->w->cancelled++;
  nv_op_finish(op, NV_ECANCELLED);
}

static void on_cancel_later(nv_op *op) { ((work *)op)->w->cancelled++; }

static void on_free(nv_op *op) {
  ((work *)op)->w->freed++;
  free(op);
}

static const nv_op_class obeys = {"work", on_cancel, on_free};
static const nv_op_class takes_its_time = {"work", on_cancel_later, on_free};
static const nv_op_class cannot_end = {"work", NULL, on_free};

static int set_up(void **state) {
  world *w = calloc(1, sizeof *w);
  *state = w;
  if (!w) return -1;
  w->status = 1;
  nv_env_init_simulated(&w->env, 1, 0);
  return nv_loop_open(&w->env, &w->loop, NULL) == NV_OK ? 0 : -1;
}

/* Every test ends with no live operation. */
static int tear_down(void **state) {
  world *w = *state;
  nv_loop_run(w->loop);
  size_t live = nv_loop_live_ops(w->loop);
  nv_loop_close(w->loop);
  free(w);
  return live == 0 ? 0 : -1;
}

static void on_done(nv_op *op, void *arg) {
  world *w = arg;
  w->told++;
  w->status = op->status;
  strcpy(w->text, op->err.text);
  if (w->release_inside) nv_op_release(op);
}

static nv_op *begin(world *w, const nv_op_class *cls) {
  work *k = calloc(1, sizeof *k);
  assert_non_null(k);
  nv_op_init(&k->op, w->loop, cls);
  k->w = w;
  nv_op_on_done(&k->op, on_done, w);
  return &k->op;
}

static void test_the_owner_is_told_from_the_loop_and_once(void **state) {
  world *w = *state;
  nv_op *op = begin(w, &obeys);
  assert_int_equal(nv_loop_live_ops(w->loop), 1);
  nv_op_finish(op, NV_OK);
  assert_int_equal(w->told, 0);
  nv_op_finish(op, NV_EIO); /* too late to change the result */
  nv_loop_run(w->loop);
  assert_int_equal(w->told, 1);
  assert_int_equal(w->status, NV_OK);
  assert_int_equal(w->freed, 0); /* the result belongs to the owner */
  nv_op_release(op);
  assert_int_equal(w->freed, 1);
  assert_int_equal(nv_loop_live_ops(w->loop), 0);
}

static void test_it_can_be_released_while_the_owner_is_told(void **state) {
  world *w = *state;
  w->release_inside = true;
  nv_op_finish(begin(w, &obeys), NV_OK);
  nv_loop_run(w->loop);
  assert_int_equal(w->told, 1);
  assert_int_equal(w->freed, 1);
}

static void test_released_early_it_is_cancelled_and_nobody_is_told(void **state) {
  world *w = *state;
  nv_op *op = begin(w, &obeys);
  nv_op_release(op);
  assert_int_equal(w->cancelled, 1);
  assert_int_equal(w->freed, 0); /* from the loop, never from inside */
  nv_op_release(op);             /* a second time is nothing */
  nv_loop_run(w->loop);
  assert_int_equal(w->told, 0);
  assert_int_equal(w->freed, 1);
}

static void test_released_early_it_lives_until_its_producer_lets_go(void **state) {
  world *w = *state;
  const nv_op_class *classes[] = {&takes_its_time, &cannot_end};
  for (int i = 0; i < 2; i++) {
    nv_op *op = begin(w, classes[i]);
    nv_op_release(op);
    nv_loop_run(w->loop);
    assert_int_equal(w->freed, i);
    assert_int_equal(nv_loop_live_ops(w->loop), 1);
    nv_op_finish(op, NV_OK);
    nv_loop_run(w->loop);
    assert_int_equal(w->freed, i + 1);
  }
  assert_int_equal(w->cancelled, 1);
  assert_int_equal(w->told, 0);
}

static void test_released_between_the_end_and_the_telling(void **state) {
  world *w = *state;
  nv_op *op = begin(w, &obeys);
  nv_op_finish(op, NV_OK);
  nv_op_release(op);
  assert_int_equal(w->cancelled, 0); /* it has ended: nothing to cancel */
  assert_int_equal(w->freed, 0);
  nv_loop_run(w->loop);
  assert_int_equal(w->told, 0);
  assert_int_equal(w->freed, 1);
}

static void test_releasing_nothing_is_fine(void **state) {
  (void)state;
  nv_op_release(NULL);
}

static void test_a_failure_has_a_text_in_any_case(void **state) {
  world *w = *state;
  w->release_inside = true;
  nv_op_finish(begin(w, &obeys), NV_ENOMEM);
  nv_loop_run(w->loop);
  assert_int_equal(w->status, NV_ENOMEM);
  assert_string_equal(w->text, nv_code_text(NV_ENOMEM));
  nv_op *op = begin(w, &obeys);
  nv_fail(&op->err, NV_EIO, "here", "its own text");
  nv_op_finish(op, NV_EIO);
  nv_loop_run(w->loop);
  assert_string_equal(w->text, "its own text");
}

static void test_an_owner_that_does_not_listen_loses_nothing(void **state) {
  world *w = *state;
  nv_op *op = begin(w, &obeys);
  nv_op_on_done(op, NULL, NULL);
  nv_op_finish(op, NV_OK);
  nv_loop_run(w->loop);
  assert_int_equal(w->freed, 0);
  assert_true(op->finished);
  nv_op_release(op);
  assert_int_equal(w->freed, 1);
}

static void begin_another(nv_op *op, void *arg) {
  world *w = arg;
  nv_op_release(op);
  if (++w->told < 1000) {
    nv_op *next = begin(w, &obeys);
    nv_op_on_done(next, begin_another, w);
    nv_op_finish(next, NV_OK);
    assert_int_equal(w->freed, w->told); /* the next one is not told inside this one */
  }
}

static void test_completions_do_not_nest(void **state) {
  world *w = *state;
  nv_op *op = begin(w, &obeys);
  nv_op_on_done(op, begin_another, w);
  nv_op_finish(op, NV_OK);
  nv_loop_run(w->loop);
  assert_int_equal(w->told, 1000);
  assert_int_equal(w->freed, 1000);
}

static void test_closing_the_loop_frees_what_was_released(void **state) {
  (void)state;
  world w = {0};
  nv_env_init_simulated(&w.env, 1, 0);
  assert_int_equal(nv_loop_open(&w.env, &w.loop, NULL), NV_OK);
  for (int i = 0; i < 10; i++) nv_op_release(begin(&w, &obeys));
  nv_loop_close(w.loop);
  assert_int_equal(w.freed, 10);
}

static void hand_back(nv_ready *r) {
  nv_op_finish((nv_op *)((char *)r - offsetof(work, remote)), NV_OK);
}

static void *work_elsewhere(void *arg) {
  work *k = arg;
  nv_loop_send(k->op.loop, &k->remote);
  return NULL;
}

static void test_a_worker_thread_hands_its_result_over(void **state) {
  world *w = *state;
  for (int early = 0; early < 2; early++) {
    pthread_t thread;
    nv_op *op = begin(w, &cannot_end);
    work *k = (work *)op;
    k->remote.fn = hand_back;
    if (early) nv_op_release(op);
    pthread_create(&thread, NULL, work_elsewhere, k);
    pthread_join(thread, NULL);
    nv_loop_run(w->loop);
    if (!early) nv_op_release(op);
    assert_int_equal(w->freed, early + 1);
  }
  assert_int_equal(w->told, 1);
}

/* ---- computations on another thread ---- */

typedef struct job {
  nv_work work;
  world *w;
  pthread_t ran_on;
  int rc;
} job;

static int run_job(nv_work *k) {
  job *j = (job *)k;
  j->ran_on = pthread_self();
  return j->rc;
}

static void free_job(nv_work *k) {
  ((job *)k)->w->freed++;
  free(k);
}

static job *start_job(world *w, nv_loop *loop, int rc) {
  job *j = calloc(1, sizeof *j);
  assert_non_null(j);
  *j = (job){.work = {.run = run_job, .free = free_job}, .w = w, .rc = rc};
  nv_error err;
  assert_int_equal(nv_work_start(&j->work, loop, &err), NV_OK);
  return j;
}

static void stop_loop(nv_op *op, void *arg) {
  ((world *)arg)->status = op->status;
  nv_loop_stop(op->loop);
}

static void test_work_runs_on_another_thread_and_ends_on_the_loop(void **state) {
  world *w = *state;
  nv_env env;
  nv_loop *loop;
  nv_env_init(&env);
  assert_int_equal(nv_loop_open(&env, &loop, NULL), NV_OK);
  job *j = start_job(w, loop, NV_ESYNTAX);
  nv_op_on_done(&j->work.op, stop_loop, w);
  nv_loop_run(loop);
  assert_int_equal(w->status, NV_ESYNTAX);
  assert_false(pthread_equal(j->ran_on, pthread_self()));
  nv_op_release(&j->work.op);
  assert_int_equal(w->freed, 1);
  nv_op_release(&start_job(w, loop, NV_OK)->work.op); /* nobody waits for it */
  nv_loop_close(loop);
  assert_int_equal(w->freed, 2);
}

static void test_simulated_work_runs_on_the_loop(void **state) {
  world *w = *state;
  job *j = start_job(w, w->loop, NV_OK);
  nv_op_on_done(&j->work.op, stop_loop, w);
  nv_loop_run(w->loop);
  assert_int_equal(w->status, NV_OK);
  assert_true(pthread_equal(j->ran_on, pthread_self()));
  nv_op_release(&j->work.op);
  assert_int_equal(w->freed, 1);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(test_the_owner_is_told_from_the_loop_and_once),
      T(test_it_can_be_released_while_the_owner_is_told),
      T(test_released_early_it_is_cancelled_and_nobody_is_told),
      T(test_released_early_it_lives_until_its_producer_lets_go),
      T(test_released_between_the_end_and_the_telling),
      T(test_releasing_nothing_is_fine),
      T(test_a_failure_has_a_text_in_any_case),
      T(test_an_owner_that_does_not_listen_loses_nothing),
      T(test_completions_do_not_nest),
      T(test_closing_the_loop_frees_what_was_released),
      T(test_a_worker_thread_hands_its_result_over),
      T(test_work_runs_on_another_thread_and_ends_on_the_loop),
      T(test_simulated_work_runs_on_the_loop),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
