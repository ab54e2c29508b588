/* The loop: timers in order, a ready queue that never nests, other threads, and
 * simulated time. What can run both ways runs on libuv and in a simulation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "op.h"

#define T0 INT64_C(1764000000000000)

typedef struct world {
  nv_env env;
  nv_loop *loop;
  char told[512]; /* what was called, in order */
} world;

static bool simulated;

#define MS 1000
#define APART (simulated ? MS : 30 * MS) /* for a machine that is slow */

static int set_up(void **state) {
  world *w = calloc(1, sizeof *w);
  if (simulated) nv_env_init_simulated(&w->env, 1, T0);
  else nv_env_init(&w->env);
  *state = w;
  return w && nv_loop_open(&w->env, &w->loop, NULL) == NV_OK ? 0 : -1;
}

static int tear_down(void **state) {
  world *w = *state;
  size_t live = nv_loop_live_ops(w->loop);
  nv_loop_close(w->loop);
  free(w);
  return live == 0 ? 0 : -1;
}

/* A timer, or a piece of work, that writes its name down. */
typedef struct item {
  nv_ready ready;
  nv_timer timer;
  world *w;
  char name;
  bool stops; /* the loop */
  struct item *other; /* stopped, restarted or posted by this one */
  int times;
  int64_t delay_us;
} item;

static void say(world *w, char c) {
  size_t n = strlen(w->told);
  if (n + 1 < sizeof w->told) w->told[n] = c;
}

static void fired(void *arg) {
  item *i = arg;
  say(i->w, i->name);
  if (i->stops) nv_loop_stop(i->w->loop);
}

static void start(item *i, int64_t us, void (*fn)(void *)) {
  assert_int_equal(nv_timer_start(i->w->loop, &i->timer, us, fn, i), NV_OK);
}

/* Runs until a last timer, later than all others. */
static void run_for(world *w, int64_t us) {
  item end = {.w = w, .name = '.', .stops = true};
  start(&end, us, fired);
  nv_loop_run(w->loop);
}

/* ---- timers ---- */

static void test_timers_fire_in_the_order_of_their_times(void **state) {
  world *w = *state;
  item t[5];
  static const int at[5] = {4, 1, 3, 0, 2};
  for (int i = 0; i < 5; i++) {
    t[i] = (item){.w = w, .name = (char)('a' + i)};
    start(&t[i], at[i] * APART, fired);
  }
  run_for(w, 6 * APART);
  assert_string_equal(w->told, "dbeca.");
}

static void test_equal_times_fire_in_the_order_of_starting(void **state) {
  world *w = *state;
  item t[40] = {0};
  for (int i = 0; i < 40; i++) {
    t[i] = (item){.w = w, .name = (char)('0' + i)};
    start(&t[i], 1000, fired);
  }
  for (int i = 0; i < 40; i += 2) nv_timer_stop(w->loop, &t[i].timer);
  for (int i = 0; i < 40; i += 2) start(&t[i], 1000, fired);
  nv_loop_run(w->loop);
  assert_int_equal(strlen(w->told), 40);
  for (int i = 0; i < 20; i++) {
    assert_int_equal(w->told[i], '0' + 2 * i + 1);
    assert_int_equal(w->told[20 + i], '0' + 2 * i);
  }
}

static void test_random_timers_keep_their_order(void **state) {
  enum { N = 500 };
  world *w = *state;
  nv_env seeded;
  nv_env_init_simulated(&seeded, 42, 0);
  item *t = calloc(N, sizeof *t);
  assert_non_null(t);
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < N; i++) {
      t[i].w = w;
      start(&t[i], 500000 + (int64_t)nv_env_random_below(&seeded, 1000000), fired);
    }
    for (int i = 0; i < N; i += 3) nv_timer_stop(w->loop, &t[i].timer);
  }
  int64_t last = 0;
  int left = 0;
  for (int i = 0; i < N; i++) left += t[i].timer.slot != 0;
  assert_int_equal(left, N - (N + 2) / 3);
  while (left > 0) { /* take them out one by one, the earliest first */
    item *first = NULL;
    for (int i = 0; i < N; i++)
      if (t[i].timer.slot == 1) first = &t[i];
    assert_non_null(first);
    assert_true(first->timer.at_us >= last);
    last = first->timer.at_us;
    nv_timer_stop(w->loop, &first->timer);
    left--;
  }
  free(t);
}

static void test_a_stopped_timer_never_fires(void **state) {
  world *w = *state;
  item a = {.w = w, .name = 'a'}, b = {.w = w, .name = 'b'};
  start(&a, 1000, fired);
  start(&b, 1000, fired);
  nv_timer_stop(w->loop, &a.timer);
  nv_timer_stop(w->loop, &a.timer); /* fine on one that is not started */
  run_for(w, 3 * APART);
  assert_string_equal(w->told, "b.");
  assert_int_equal(b.timer.slot, 0);
}

static void test_starting_again_moves_a_timer(void **state) {
  world *w = *state;
  item a = {.w = w, .name = 'a'}, b = {.w = w, .name = 'b'};
  start(&a, APART, fired);
  start(&b, 2 * APART, fired);
  start(&a, 4 * APART, fired);
  run_for(w, 8 * APART);
  assert_string_equal(w->told, "ba.");
}

static void stop_other(void *arg) {
  item *i = arg;
  fired(i);
  nv_timer_stop(i->w->loop, &i->other->timer);
}

static void test_a_callback_stops_another_timer_that_is_due(void **state) {
  world *w = *state;
  item b = {.w = w, .name = 'b'}, a = {.w = w, .name = 'a', .other = &b};
  start(&a, 1000, stop_other);
  start(&b, 1000, fired);
  if (!simulated) usleep(20000); /* both are due in the same turn */
  run_for(w, 3 * APART);
  assert_string_equal(w->told, "a.");
}

static void again(void *arg) {
  item *i = arg;
  fired(i);
  if (--i->times > 0) start(i, i->delay_us, again);
}

static void test_a_callback_starts_its_own_timer_again(void **state) {
  world *w = *state;
  item a = {.w = w, .name = 'a', .times = 4, .delay_us = 500};
  start(&a, 500, again);
  run_for(w, 30 * APART);
  assert_string_equal(w->told, "aaaa.");
}

static void posted(nv_ready *r) {
  item *i = (item *)r;
  say(i->w, i->name);
  if (i->stops) nv_loop_stop(i->w->loop);
}

static void endless(void *arg) {
  item *i = arg;
  if (i->times++ == 0) nv_loop_post(i->w->loop, &i->other->ready);
  if (i->times > 1000) fail_msg("the ready queue never had its turn");
  start(i, 0, endless);
}

static void test_a_timer_that_restarts_itself_at_once_lets_others_run(void **state) {
  world *w = *state;
  item r = {.ready.fn = posted, .w = w, .name = 'r', .stops = true};
  item a = {.w = w, .other = &r, .delay_us = 0};
  start(&a, 0, endless);
  nv_loop_run(w->loop);
  assert_string_equal(w->told, "r");
  nv_timer_stop(w->loop, &a.timer);
}

static void test_a_time_in_the_past_fires_in_the_next_turn(void **state) {
  world *w = *state;
  item a = {.w = w, .name = 'a'};
  start(&a, -1000000, fired);
  nv_loop_turn(w->loop, false);
  assert_string_equal(w->told, "a");
}

/* ---- the ready queue ---- */

static void post_other(nv_ready *r) {
  item *i = (item *)r;
  say(i->w, '(');
  nv_loop_post(i->w->loop, &i->other->ready);
  nv_loop_post(i->w->loop, &i->other->ready); /* queued once */
  say(i->w, ')');
}

static void test_what_is_posted_never_runs_inside_the_call(void **state) {
  world *w = *state;
  item b = {.ready.fn = posted, .w = w, .name = 'b', .stops = true};
  item a = {.ready.fn = post_other, .w = w, .other = &b};
  nv_loop_post(w->loop, &a.ready);
  assert_string_equal(w->told, "");
  nv_loop_run(w->loop);
  assert_string_equal(w->told, "()b");
}

static void test_the_queue_keeps_the_order_of_posting(void **state) {
  world *w = *state;
  item t[20] = {0};
  for (int i = 0; i < 20; i++) {
    t[i] = (item){.ready.fn = posted, .w = w, .name = (char)('a' + i), .stops = i == 19};
    nv_loop_post(w->loop, &t[i].ready);
  }
  nv_loop_post(w->loop, &t[3].ready); /* keeps its place */
  nv_loop_run(w->loop);
  assert_string_equal(w->told, "abcdefghijklmnopqrst");
}

static void post_itself(nv_ready *r) {
  item *i = (item *)r;
  if (i->times == 0) return;
  i->times--;
  nv_loop_post(i->w->loop, &i->ready);
}

static void test_timers_get_their_turn_beside_endless_work(void **state) {
  world *w = *state;
  item busy = {.ready.fn = post_itself, .w = w, .times = -1};
  item t = {.w = w, .name = 't', .stops = true};
  start(&t, simulated ? 0 : 2000, fired); /* simulated time moves only in idle turns */
  nv_loop_post(w->loop, &busy.ready);
  nv_loop_run(w->loop);
  assert_string_equal(w->told, "t");
  busy.times = 0;
  nv_loop_turn(w->loop, false);
}

static void test_closing_runs_what_is_queued(void **state) {
  (void)state;
  world w = {.told = ""};
  item many[3] = {{.ready.fn = posted, .w = &w, .name = 'a'},
                  {.ready.fn = post_itself, .w = &w, .times = 10000},
                  {.ready.fn = posted, .w = &w, .name = 'b'}};
  item dropped = {.w = &w, .name = 't'};
  if (simulated) nv_env_init_simulated(&w.env, 1, T0);
  else nv_env_init(&w.env);
  assert_int_equal(nv_loop_open(&w.env, &w.loop, NULL), NV_OK);
  start(&dropped, 0, fired);
  for (int i = 0; i < 3; i++) nv_loop_post(w.loop, &many[i].ready);
  nv_loop_close(w.loop);
  assert_string_equal(w.told, "ab"); /* started timers are not called */
  assert_int_equal(many[1].times, 0);
  nv_loop_close(NULL);
}

static void test_a_stopped_loop_can_run_again(void **state) {
  world *w = *state;
  item a = {.w = w, .name = 'a', .stops = true}, b = {.w = w, .name = 'b', .stops = true};
  start(&a, APART, fired);
  start(&b, 3600 * INT64_C(1000) * MS, fired); /* not due in the turn that stops, however late that is */
  nv_loop_run(w->loop);
  assert_true(nv_loop_stopping(w->loop));
  assert_string_equal(w->told, "a");
  assert_true(b.timer.slot != 0);
  start(&b, APART, fired);
  nv_loop_run(w->loop);
  assert_string_equal(w->told, "ab");
}

/* ---- other threads ---- */

enum { THREADS = 4, PIECES = 2000 };

typedef struct piece {
  nv_ready ready;
  struct crew *crew;
  int thread, number;
} piece;

typedef struct crew {
  world *w;
  pthread_t owner;
  int seen[THREADS], count;
  piece pieces[THREADS][PIECES];
} crew;

static void arrived(nv_ready *r) {
  piece *p = (piece *)r;
  crew *c = p->crew;
  assert_true(pthread_equal(pthread_self(), c->owner));
  assert_int_equal(p->number, c->seen[p->thread]++); /* one thread's order is kept */
  if (++c->count == THREADS * PIECES) nv_loop_stop(c->w->loop);
}

static void *send_all(void *arg) {
  piece *p = arg;
  for (int i = 0; i < PIECES; i++) {
    if (i % 500 == 0) usleep(1000);
    nv_loop_send(p[i].crew->w->loop, &p[i].ready);
  }
  return NULL;
}

static void test_threads_send_work_to_the_loop(void **state) {
  world *w = *state;
  crew *c = calloc(1, sizeof *c);
  pthread_t threads[THREADS];
  assert_non_null(c);
  c->w = w;
  c->owner = pthread_self();
  for (int t = 0; t < THREADS; t++) {
    for (int i = 0; i < PIECES; i++)
      c->pieces[t][i] = (piece){{.fn = arrived}, c, t, i};
    pthread_create(&threads[t], NULL, send_all, c->pieces[t]);
  }
  /* A simulation has nothing to wait with: it ends when nothing is left. */
  while (c->count < THREADS * PIECES) nv_loop_run(w->loop);
  for (int t = 0; t < THREADS; t++) pthread_join(threads[t], NULL);
  for (int t = 0; t < THREADS; t++) assert_int_equal(c->seen[t], PIECES);
  free(c);
}

static void *send_late(void *arg) {
  item *i = arg;
  usleep(20000);
  nv_loop_send(i->w->loop, &i->ready);
  return NULL;
}

static void test_sending_wakes_a_loop_that_waits(void **state) {
  world *w = *state;
  pthread_t thread;
  item a = {.ready.fn = posted, .w = w, .name = 'a', .stops = true};
  int64_t begin = nv_env_monotonic_us(&w->env);
  pthread_create(&thread, NULL, send_late, &a);
  nv_loop_run(w->loop);
  pthread_join(thread, NULL);
  assert_string_equal(w->told, "a");
  assert_true(nv_env_monotonic_us(&w->env) - begin >= 20000);
}

/* A timer that comes due between looking and polling must not be slept over. */
static void test_short_timers_are_never_slept_over(void **state) {
  world *w = *state;
  int64_t end = nv_env_monotonic_us(&w->env) + 300000;
  for (int i = 0; nv_env_monotonic_us(&w->env) < end; i++) {
    item t = {.w = w, .stops = true};
    item late = {.w = w, .name = '!', .stops = true};
    start(&t, i % 1100, fired);
    start(&late, 30 * 1000 * MS, fired); /* of real time, on any machine */
    nv_loop_run(w->loop);
    nv_timer_stop(w->loop, &late.timer);
    assert_string_equal(w->told, "");
  }
}

/* ---- time ---- */

static void test_a_simulated_clock_jumps_to_the_next_timer(void **state) {
  world *w = *state;
  item a = {.w = w, .name = 'a'}, b = {.w = w, .name = 'b'};
  int64_t begin = nv_env_monotonic_us(&w->env);
  start(&a, 3600 * INT64_C(1000000), fired);
  start(&b, 7200 * INT64_C(1000000), fired);
  assert_true(nv_loop_turn(w->loop, true)); /* jumps */
  assert_string_equal(w->told, "");
  assert_int_equal(nv_env_monotonic_us(&w->env) - begin, 3600 * INT64_C(1000000));
  assert_int_equal(nv_env_wall_us(&w->env) - T0, 3600 * INT64_C(1000000));
  assert_true(nv_loop_turn(w->loop, false)); /* fires; one is left, but no jump */
  assert_string_equal(w->told, "a");
  assert_int_equal(nv_env_wall_us(&w->env) - T0, 3600 * INT64_C(1000000));
  nv_loop_run(w->loop); /* until nothing is left */
  assert_string_equal(w->told, "ab");
  assert_int_equal(nv_env_wall_us(&w->env) - T0, 7200 * INT64_C(1000000));
  assert_false(nv_loop_turn(w->loop, true));
}

static void test_a_simulated_clock_stands_still_after_a_stop(void **state) {
  world *w = *state;
  item a = {.w = w, .name = 'a', .stops = true}, b = {.w = w, .name = 'b'};
  start(&a, 1000, fired);
  start(&b, 5000, fired);
  nv_loop_run(w->loop);
  assert_int_equal(nv_env_wall_us(&w->env) - T0, 1000);
  nv_timer_stop(w->loop, &b.timer);
}

static void test_a_real_timer_is_never_early(void **state) {
  world *w = *state;
  for (int ms = 1; ms <= 16; ms *= 4) {
    item a = {.w = w, .stops = true};
    int64_t begin = nv_env_monotonic_us(&w->env);
    start(&a, ms * 1000, fired);
    nv_loop_run(w->loop);
    assert_true(nv_env_monotonic_us(&w->env) - begin >= ms * 1000);
  }
}

static void hold(nv_ready *r) {
  item *i = (item *)r;
  usleep(5000);
  nv_loop_stop(i->w->loop);
}

static void test_the_longest_callback_is_remembered_once(void **state) {
  world *w = *state;
  item a = {.ready.fn = hold, .w = w};
  nv_loop_post(w->loop, &a.ready);
  nv_loop_run(w->loop);
  assert_true(nv_loop_take_longest_us(w->loop) >= 5000);
  assert_int_equal(nv_loop_take_longest_us(w->loop), 0);
}

static void test_only_a_real_loop_has_libuv(void **state) {
  world *w = *state;
  assert_int_equal(nv_loop_uv(w->loop) == NULL, simulated);
  assert_ptr_equal(nv_loop_env(w->loop), &w->env);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest both[] = {
      T(test_timers_fire_in_the_order_of_their_times),
      T(test_random_timers_keep_their_order),
      T(test_a_stopped_timer_never_fires),
      T(test_starting_again_moves_a_timer),
      T(test_a_callback_stops_another_timer_that_is_due),
      T(test_a_callback_starts_its_own_timer_again),
      T(test_a_timer_that_restarts_itself_at_once_lets_others_run),
      T(test_a_time_in_the_past_fires_in_the_next_turn),
      T(test_what_is_posted_never_runs_inside_the_call),
      T(test_the_queue_keeps_the_order_of_posting),
      T(test_timers_get_their_turn_beside_endless_work),
      T(test_closing_runs_what_is_queued),
      T(test_a_stopped_loop_can_run_again),
      T(test_threads_send_work_to_the_loop),
      T(test_only_a_real_loop_has_libuv),
  };
  const struct CMUnitTest real[] = {
      T(test_sending_wakes_a_loop_that_waits),
      T(test_short_timers_are_never_slept_over),
      T(test_a_real_timer_is_never_early),
      T(test_the_longest_callback_is_remembered_once),
  };
  const struct CMUnitTest in_simulation[] = {
      T(test_equal_times_fire_in_the_order_of_starting),
      T(test_a_simulated_clock_jumps_to_the_next_timer),
      T(test_a_simulated_clock_stands_still_after_a_stop),
  };
  int bad = cmocka_run_group_tests_name("libuv", both, NULL, NULL);
  bad += cmocka_run_group_tests_name("real", real, NULL, NULL);
  simulated = true;
  bad += cmocka_run_group_tests_name("simulated", both, NULL, NULL);
  return bad + cmocka_run_group_tests_name("simulation", in_simulation, NULL, NULL);
}
