/* Locks on record names: together, in order, without deadlock, without leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lock.h"

typedef struct world {
  nv_env env;
  nv_loop *loop;
  nv_locks *locks;
} world;

static int set_up(void **state) {
  world *w = calloc(1, sizeof *w);
  nv_env_init_simulated(&w->env, 1, 0);
  if (!w || nv_loop_open(&w->env, &w->loop, NULL) != NV_OK ||
      nv_locks_open(w->loop, &w->locks, NULL) != NV_OK)
    return -1;
  *state = w;
  return 0;
}

/* Every test ends with no live operation and no name left. */
static int tear_down(void **state) {
  world *w = *state;
  nv_loop_turn(w->loop, false);
  if (w->locks) {
    assert_int_equal(nv_locks_requests(w->locks), 0);
    assert_int_equal(nv_locks_names(w->locks), 0);
    nv_locks_close(w->locks);
  }
  assert_int_equal(nv_loop_live_ops(w->loop), 0);
  nv_loop_close(w->loop);
  free(w);
  return 0;
}

/* One request and what became of it. */
typedef struct asker {
  nv_op *op;
  nv_lock *lock;
  int status; /* 1: not told yet */
  int order;  /* of being told */
} asker;

static int told;

static void on_told(nv_op *op, void *arg) {
  asker *a = arg;
  a->status = op->status;
  a->order = ++told;
  a->lock = nv_lock_take(op);
  a->op = NULL;
  nv_op_release(op);
}

/* `names` is "a b c". */
static void ask(world *w, asker *a, const char *names) {
  nv_str list[64];
  size_t n = 0;
  for (const char *p = names; *p; n++) {
    size_t len = strcspn(p, " ");
    list[n] = (nv_str){p, len};
    p += len + (p[len] == ' ');
  }
  *a = (asker){.status = 1};
  assert_int_equal(nv_locks_acquire(w->locks, list, n, &a->op, NULL), NV_OK);
  nv_op_on_done(a->op, on_told, a);
}

static void give_back(asker *a) {
  nv_lock_release(a->lock);
  a->lock = NULL;
}

static void turn(world *w) { nv_loop_turn(w->loop, false); }

static void test_a_free_set_is_granted_from_the_loop_and_not_before(void **state) {
  world *w = *state;
  asker a;
  ask(w, &a, "x y");
  assert_int_equal(a.status, 1);
  turn(w);
  assert_int_equal(a.status, NV_OK);
  assert_non_null(a.lock);
  assert_int_equal(nv_locks_names(w->locks), 2);
  give_back(&a);
}

static void test_a_name_is_served_in_the_order_of_asking(void **state) {
  world *w = *state;
  asker a[5];
  told = 0;
  for (int i = 0; i < 5; i++) ask(w, &a[i], "x");
  for (int i = 0; i < 5; i++) {
    turn(w);
    assert_int_equal(a[i].order, i + 1);
    if (i < 4) assert_int_equal(a[i + 1].status, 1);
    give_back(&a[i]);
  }
}

static void test_a_set_waits_until_all_its_names_are_free(void **state) {
  world *w = *state;
  asker x, y, both;
  ask(w, &x, "x");
  ask(w, &y, "y");
  ask(w, &both, "y x");
  turn(w);
  give_back(&x);
  turn(w);
  assert_int_equal(both.status, 1);
  give_back(&y);
  turn(w);
  assert_int_equal(both.status, NV_OK);
  give_back(&both);
}

static void test_opposite_orders_do_not_deadlock(void **state) {
  world *w = *state;
  asker a, b;
  ask(w, &a, "x y");
  ask(w, &b, "y x");
  turn(w);
  assert_int_equal(a.status, NV_OK);
  assert_int_equal(b.status, 1);
  give_back(&a);
  turn(w);
  assert_int_equal(b.status, NV_OK);
  give_back(&b);
}

static void test_others_are_not_held_up(void **state) {
  world *w = *state;
  asker a, b, c;
  ask(w, &a, "x");
  ask(w, &b, "x");
  ask(w, &c, "z");
  turn(w);
  assert_int_equal(c.status, NV_OK);
  assert_int_equal(b.status, 1);
  give_back(&a);
  turn(w);
  give_back(&b);
  give_back(&c);
}

static void test_a_later_small_set_does_not_overtake_a_waiting_large_one(void **state) {
  world *w = *state;
  asker holder, large, small;
  ask(w, &holder, "x");
  ask(w, &large, "x y");
  ask(w, &small, "y"); /* y is free, but large asked first */
  turn(w);
  assert_int_equal(small.status, 1);
  give_back(&holder);
  turn(w);
  assert_int_equal(large.status, NV_OK);
  give_back(&large);
  turn(w);
  assert_int_equal(small.status, NV_OK);
  give_back(&small);
}

static void test_repeats_and_an_empty_set_are_fine(void **state) {
  world *w = *state;
  asker a, none;
  ask(w, &a, "x x y x");
  ask(w, &none, "");
  turn(w);
  assert_int_equal(a.status, NV_OK);
  assert_int_equal(none.status, NV_OK);
  assert_int_equal(nv_locks_names(w->locks), 2);
  give_back(&a);
  give_back(&none);
}

static void test_names_are_bytes_not_text(void **state) {
  world *w = *state;
  nv_op *a, *b;
  nv_str one = {"a\0b", 3}, two = {"a\0c", 3};
  assert_int_equal(nv_locks_acquire(w->locks, &one, 1, &a, NULL), NV_OK);
  assert_int_equal(nv_locks_acquire(w->locks, &two, 1, &b, NULL), NV_OK);
  turn(w);
  assert_true(a->finished && b->finished);
  nv_op_release(a);
  nv_op_release(b);
}

static void test_a_waiter_that_lets_go_makes_room(void **state) {
  world *w = *state;
  asker a, b, c;
  ask(w, &a, "x");
  ask(w, &b, "x y");
  ask(w, &c, "y");
  turn(w);
  assert_int_equal(c.status, 1);
  nv_op_release(b.op);
  turn(w);
  assert_int_equal(c.status, NV_OK);
  assert_int_equal(b.status, 1); /* nobody was told */
  give_back(&a);
  give_back(&c);
}

static void test_letting_go_of_a_granted_op_gives_the_names_back(void **state) {
  world *w = *state;
  asker a, b, c;
  ask(w, &a, "x");
  nv_op_release(a.op); /* granted, but not told yet */
  ask(w, &b, "x");
  turn(w);
  turn(w);
  assert_int_equal(b.status, NV_OK);
  ask(w, &c, "x");
  give_back(&b);
  turn(w);
  assert_int_equal(c.status, NV_OK);
  give_back(&c);
}

static void test_a_finished_op_that_was_not_taken_owns_the_lock(void **state) {
  world *w = *state;
  nv_op *op;
  asker b;
  nv_str name = nv_str_of("x");
  assert_int_equal(nv_locks_acquire(w->locks, &name, 1, &op, NULL), NV_OK);
  assert_null(nv_lock_take(op));
  turn(w);
  ask(w, &b, "x");
  turn(w);
  assert_int_equal(b.status, 1);
  nv_op_release(op);
  turn(w);
  assert_int_equal(b.status, NV_OK);
  give_back(&b);
}

static void test_closing_ends_waiters_and_leaves_holders_valid(void **state) {
  world *w = *state;
  asker a, b, c, d;
  ask(w, &a, "x");
  turn(w);
  ask(w, &b, "x y");
  ask(w, &c, "y z");
  ask(w, &d, "z");
  nv_locks_close(w->locks);
  w->locks = NULL;
  turn(w);
  assert_int_equal(b.status, NV_ECANCELLED);
  assert_int_equal(c.status, NV_ECANCELLED);
  assert_int_equal(d.status, NV_ECANCELLED);
  assert_null(b.lock);
  give_back(&a); /* the last one frees the table */
}

static void test_limits_refuse_and_change_nothing(void **state) {
  world *w = *state;
  static nv_str names[NV_LOCK_NAMES_MAX + 1];
  static char longest[NV_LOCK_NAME_MAX + 1];
  nv_op *op = (nv_op *)w;
  for (size_t i = 0; i <= NV_LOCK_NAMES_MAX; i++) names[i] = nv_str_of("x");
  assert_int_equal(nv_locks_acquire(w->locks, names, NV_LOCK_NAMES_MAX + 1, &op, NULL),
                   NV_ETOOLARGE);
  assert_null(op);
  nv_str name = {longest, sizeof longest};
  assert_int_equal(nv_locks_acquire(w->locks, &name, 1, &op, NULL), NV_ETOOLARGE);
  static nv_op *held[NV_LOCKS_MAX];
  for (size_t i = 0; i < NV_LOCKS_MAX; i++)
    assert_int_equal(nv_locks_acquire(w->locks, names, 1, &held[i], NULL), NV_OK);
  assert_int_equal(nv_locks_acquire(w->locks, names, 1, &op, NULL), NV_ETOOLARGE);
  assert_int_equal(nv_locks_names(w->locks), 1);
  for (size_t i = NV_LOCKS_MAX; i-- > 0;) nv_op_release(held[i]);
  while (nv_loop_live_ops(w->loop) > 0) turn(w);
}

/* Random requests against a plain model: an array that says who holds a name. */
static void test_any_mix_of_requests_is_exclusive_fair_and_ends(void **state) {
  world *w = *state;
  enum { ASKERS = 32, NAMES = 24, STEPS = 100000 };
  static asker askers[ASKERS];
  static unsigned wanted[ASKERS]; /* bit per name; 0: idle */
  static int asked_at[ASKERS];
  static bool known[ASKERS];
  int holder[NAMES], clock = 0, grants = 0;
  memset(askers, 0, sizeof askers);
  memset(wanted, 0, sizeof wanted);
  for (int n = 0; n < NAMES; n++) holder[n] = -1;
  for (int step = 0; step < STEPS; step++) {
    int i = (int)nv_env_random_below(&w->env, ASKERS);
    if (!wanted[i] && step < STEPS * 9 / 10) {
      char names[128] = "";
      int count = 1 + (int)nv_env_random_below(&w->env, 4);
      for (int k = 0; k < count; k++) {
        unsigned name = (unsigned)nv_env_random_below(&w->env, NAMES);
        wanted[i] |= 1u << name;
        snprintf(names + strlen(names), sizeof names - strlen(names), "%sn%u", k ? " " : "",
                 name);
      }
      ask(w, &askers[i], names);
      asked_at[i] = ++clock;
      known[i] = false;
    } else if (wanted[i] && askers[i].lock) {
      for (int n = 0; n < NAMES; n++)
        if (wanted[i] >> n & 1) {
          assert_int_equal(holder[n], i);
          holder[n] = -1;
        }
      wanted[i] = 0;
      give_back(&askers[i]);
    } else if (wanted[i] && nv_env_random_below(&w->env, 10) == 0) {
      nv_op_release(askers[i].op); /* gives up, granted or not */
      askers[i].op = NULL;
      wanted[i] = 0;
    }
    if (nv_env_random_below(&w->env, 3) == 0) turn(w);
    for (int a = 0; a < ASKERS; a++) {
      if (!wanted[a] || !askers[a].lock || known[a]) continue;
      known[a] = true;
      grants++;
      for (int n = 0; n < NAMES; n++) {
        if (!(wanted[a] >> n & 1)) continue;
        assert_int_equal(holder[n], -1);
        holder[n] = a;
        for (int b = 0; b < ASKERS; b++) /* nobody who asked earlier still waits */
          if (b != a && wanted[b] >> n & 1 && !askers[b].lock)
            assert_true(asked_at[b] > asked_at[a]);
      }
    }
  }
  if (grants < 5000) fail_msg("only %d grants", grants);
  for (bool busy = true; busy;) { /* whoever still waits gets its turn */
    busy = false;
    turn(w);
    for (int i = 0; i < ASKERS; i++) {
      if (!wanted[i]) continue;
      if (askers[i].lock) {
        give_back(&askers[i]);
        wanted[i] = 0;
      }
      busy = true;
    }
  }
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(test_a_free_set_is_granted_from_the_loop_and_not_before),
      T(test_a_name_is_served_in_the_order_of_asking),
      T(test_a_set_waits_until_all_its_names_are_free),
      T(test_opposite_orders_do_not_deadlock),
      T(test_others_are_not_held_up),
      T(test_a_later_small_set_does_not_overtake_a_waiting_large_one),
      T(test_repeats_and_an_empty_set_are_fine),
      T(test_names_are_bytes_not_text),
      T(test_a_waiter_that_lets_go_makes_room),
      T(test_letting_go_of_a_granted_op_gives_the_names_back),
      T(test_a_finished_op_that_was_not_taken_owns_the_lock),
      T(test_closing_ends_waiters_and_leaves_holders_valid),
      T(test_limits_refuse_and_change_nothing),
      T(test_any_mix_of_requests_is_exclusive_fair_and_ends),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
