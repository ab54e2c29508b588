/* The store's promises: all or nothing per transaction, groups that punish only
 * the guilty, jobs that coalesce, queries that use their indexes. */
#include "store_world.h"

/* ---- jobs ---- */

static void test_job_put_keeps_one_job_per_record(void **state) {
  (void)state;
  world *w = world_new(false);
  assert_int_equal(apply_one(w, "job_put", "sssiisss", "f", "d", "C1", INT64_C(5),
                             INT64_C(5), "v1", "h1", "one"), 1);
  assert_int_equal(apply_one(w, "job_put", "sssiisss", "f", "d", "C1", INT64_C(6),
                             INT64_C(6), "v1", "h1", "one"), 0);
  assert_answer(w, "1,C1,h1,ready,1", "jobs_by_record", "sss", "f", "d", "[\"C1\"]");
  apply_one(w, "job_park", "iisssn", INT64_C(1), INT64_C(1), "dead", "no", "fp");
  apply_one(w, "job_put", "sssiisss", "f", "d", "C1", INT64_C(7), INT64_C(7), "v2",
            "h2", "two");
  assert_answer(w, "1,f,d,C1,0,ready,2,0,7,5,v2,h2,-,-,-,-,-,two", "job", "i", INT64_C(1));
  world_free(w);
}

static void test_job_put_without_hash_is_always_a_change(void **state) {
  (void)state;
  world *w = world_new(false);
  for (int i = 0; i < 2; i++)
    assert_int_equal(apply_one(w, "job_put", "sssiinns", "f", "d", "C1", INT64_C(5),
                               INT64_C(5), "x"), 1);
  assert_int_equal(number_in(ask(w, "job", "i", INT64_C(1)), "rev"), 2);
  world_free(w);
}

static int64_t hint(world *w, int64_t now, const char *delivery) {
  nv_txn *txn = nv_txn_new();
  add(txn, -1, "job_hint", delivery ? "sssiss" : "sssisn", "f", "d", "42", now, "partner",
      delivery);
  if (delivery) add(txn, -1, "delivery_put", "ss", "partner", delivery);
  return apply(w, txn).changed;
}

static void test_a_hint_makes_a_job_or_renews_the_one_there_is(void **state) {
  (void)state;
  world *w = world_new(false);
  assert_int_equal(hint(w, 5, NULL), 1);
  assert_answer(w, "1,f,d,42,0,ready,1,0,5,5,-,-,-,-,-,-,-,-", "job", "i", INT64_C(1));
  apply_one(w, "job_retry", "iiiis", INT64_C(1), INT64_C(1), INT64_C(90), INT64_C(3), "down");
  hint(w, 6, NULL); /* backs off as before, and is read again */
  assert_answer(w, "1,f,d,42,0,ready,2,3,90,5,-,-,-,-,-,-,-,-", "job", "i", INT64_C(1));
  assert_int_equal(apply_one(w, "job_done", "ii", INT64_C(1), INT64_C(1)), 0);
  apply_one(w, "job_put", "sssiisss", "f", "d", "42", INT64_C(7), INT64_C(7), "v", "h", "p");
  apply_one(w, "job_park", "iisssn", INT64_C(1), INT64_C(3), "dead", "no", "fp");
  hint(w, 8, NULL);
  assert_answer(w, "1,f,d,42,0,ready,4,0,8,5,-,-,-,-,-,-,-,-", "job", "i", INT64_C(1));
  world_free(w);
}

static void test_a_delivery_counts_once(void **state) {
  (void)state;
  world *w = world_new(false);
  assert_int_equal(hint(w, 5, "a"), 2);
  apply_one(w, "job_done", "ii", INT64_C(1), INT64_C(1));
  assert_int_equal(hint(w, 6, "a"), 0);
  assert_int_equal(number_in(ask(w, "jobs_backlog", "s", "f"), "count"), 0);
  assert_int_equal(hint(w, 7, "b"), 2);
  assert_int_equal(apply_one(w, "deliveries_prune", "ii", INT64_C(1), INT64_C(9)), 1);
  assert_int_equal(hint(w, 8, "b"), 0);
  assert_int_equal(hint(w, 9, "a"), 2); /* forgotten */
  world_free(w);
}

static void test_job_add_never_coalesces(void **state) {
  (void)state;
  world *w = world_new(false);
  for (int i = 0; i < 3; i++)
    apply_one(w, "job_add", "sssiisss", "f", "d", "E1", INT64_C(5), INT64_C(5), "v",
              "h", "p");
  assert_int_equal(number_in(ask(w, "jobs_backlog", "s", "f"), "count"), 3);
  world_free(w);
}

static void test_job_done_leaves_a_job_that_changed_meanwhile(void **state) {
  (void)state;
  world *w = world_new(false);
  nv_txn *t = nv_txn_new();
  put_job(t, "C1", "h1", "one");
  put_job(t, "C1", "h2", "two");
  assert_int_equal(apply(w, t).status, NV_OK);
  assert_int_equal(apply_one(w, "job_done", "ii", INT64_C(1), INT64_C(1)), 0);
  assert_int_equal(apply_one(w, "job_retry", "iiiis", INT64_C(1), INT64_C(1),
                             INT64_C(99), INT64_C(1), "late"), 0);
  assert_int_equal(apply_one(w, "job_done", "ii", INT64_C(1), INT64_C(2)), 1);
  world_free(w);
}

static void test_job_ids_are_never_used_again(void **state) {
  (void)state;
  world *w = world_new(false);
  for (int64_t id = 1; id <= 3; id++) {
    nv_txn *t = nv_txn_new();
    put_job(t, "C1", "h", "p");
    add(t, 1, "job_done", "ii", id, INT64_C(1));
    assert_int_equal(apply(w, t).status, NV_OK);
    if (id == 2) {
      close_store(w);
      open_store(w);
    }
  }
  world_free(w);
}

static void test_jobs_due_come_in_order_and_without_the_excluded(void **state) {
  (void)state;
  world *w = world_new(false);
  static const int64_t due[] = {30, 10, 20, 10, 99};
  for (int i = 0; i < 5; i++) {
    char record[16];
    sprintf(record, "C%d", i + 1);
    apply_one(w, "job_put", "sssiisss", "f", "d", record, due[i], INT64_C(1), "v", "h",
              "p");
  }
  nv_op *op = ask(w, "jobs_due", "ssisin", "f", "d", INT64_C(50), "[4]", INT64_C(10));
  const nv_rows *r = nv_store_op_rows(op);
  assert_int_equal(nv_rows_count(r), 3);
  assert_int_equal(nv_rows_named(r, 0, "id").i, 2);
  assert_int_equal(nv_rows_named(r, 1, "id").i, 3);
  assert_int_equal(nv_rows_named(r, 2, "id").i, 1);
  assert_true(nv_str_eq(nv_rows_named(r, 0, "hash").s, "h"));
  nv_op_release(op);
  assert_answer(w, "2,1,v,h,-,-,p;4,1,v,h,-,-,p", "job_payloads", "s", "[2, 4, 77]");
  assert_int_equal(number_in(ask(w, "jobs_next_due", "ssn", "f", "d"), "due"), 10);
  assert_int_equal(number_in(ask(w, "jobs_next_due", "ssn", "f", "other"), "due"), -1);
  world_free(w);
}

static void test_waiting_job_is_woken_by_the_link_it_waits_for(void **state) {
  (void)state;
  world *w = world_new(false);
  nv_txn *t = nv_txn_new();
  put_job(t, "S1", "h1", "one");
  put_job(t, "S2", "h2", "two");
  assert_int_equal(apply(w, t).status, NV_OK);
  apply_one(w, "job_wait", "iissss", INT64_C(1), INT64_C(1), "customer", "nav", "C1", "why");
  apply_one(w, "job_wait", "iissss", INT64_C(2), INT64_C(1), "customer", "odoo", "7", "why");
  assert_int_equal(number_in(ask(w, "jobs_waiting", "ss", "f", "d"), "count"), 2);
  /* another flow's record of that name wakes nobody */
  apply_one(w, "link_put", "ssssnnnnni", "vendor", "C1", "7", "x", INT64_C(40));
  assert_int_equal(number_in(ask(w, "jobs_waiting", "ss", "f", "d"), "count"), 2);
  apply_one(w, "link_put", "ssssnnnnni", "customer", "C1", "8", "x", INT64_C(50));
  assert_int_equal(number_in(ask(w, "jobs_waiting", "ss", "f", "d"), "count"), 1);
  assert_int_equal(number_in(ask(w, "jobs_next_due", "ssn", "f", "d"), "due"), 50);
  /* the link came between looking and parking */
  apply_one(w, "job_wait", "iissss", INT64_C(1), INT64_C(1), "customer", "nav", "C1", "why");
  assert_int_equal(number_in(ask(w, "jobs_waiting", "ss", "f", "d"), "count"), 1);
  apply_one(w, "link_put", "ssssnnnnni", "customer", "C9", "7", "x", INT64_C(60));
  assert_int_equal(number_in(ask(w, "jobs_waiting", "ss", "f", "d"), "count"), 0);
  /* a child of a partner that the link did not lead to at first */
  put_job(t = nv_txn_new(), "C9", "h", "p");
  assert_int_equal(apply(w, t).status, NV_OK);
  int64_t id = number_in(ask(w, "jobs_by_record", "sss", "f", "d", "[\"C9\"]"), "id");
  apply_one(w, "job_wait", "iissss", id, INT64_C(1), "customer", "odoo", "10", "why");
  for (int i = 0; i < 2; i++) { /* the same again wakes nobody */
    assert_int_equal(number_in(ask(w, "jobs_waiting", "ss", "f", "d"), "count"), 1);
    apply_one(w, "link_put", "sssssssssi", "customer", "C1", "8", "x", "h", "v", "v", "h", "[]",
              INT64_C(60));
  }
  apply_one(w, "link_put", "sssssssssi", "customer", "C1", "10", "x", "h", "v", "v", "h", "[]",
            INT64_C(70));
  assert_int_equal(number_in(ask(w, "jobs_waiting", "ss", "f", "d"), "count"), 0);
  world_free(w);
}

static void test_a_decision_outlives_a_newer_change_and_not_its_parking(void **state) {
  (void)state;
  world *w = world_new(false);
  nv_txn *t = nv_txn_new();
  put_job(t, "C1", "h1", "one");
  assert_int_equal(apply(w, t).status, NV_OK);
  assert_int_equal(apply_one(w, "job_decide", "isi", INT64_C(1), "take", INT64_C(5)), 0);
  apply_one(w, "job_park", "iisssn", INT64_C(1), INT64_C(1), "review", "why", "print");
  assert_int_equal(apply_one(w, "job_decide", "isi", INT64_C(1), "take", INT64_C(5)), 1);
  apply_one(w, "job_retry", "iiiis", INT64_C(1), INT64_C(1), INT64_C(6), INT64_C(1), "late");
  assert_answer(w, "1,C1,1,1,v,h1,take,-,10", "jobs_due", "ssisin", "f", "d", INT64_C(9),
                "[]", INT64_C(9));
  t = nv_txn_new();
  put_job(t, "C1", "h2", "two");
  assert_int_equal(apply(w, t).status, NV_OK);
  assert_answer(w, "1,C1,2,0,v,h2,take,-,10", "jobs_due", "ssisin", "f", "d", INT64_C(99),
                "[]", INT64_C(9));
  apply_one(w, "job_park", "iissss", INT64_C(1), INT64_C(2), "dead", "no", "fp", "said");
  apply_one(w, "jobs_revive", "si", "[1]", INT64_C(7));
  assert_answer(w, "1,C1,2,0,v,h2,said,-,10", "jobs_due", "ssisin", "f", "d", INT64_C(99),
                "[]", INT64_C(9));
  world_free(w);
}

static void test_an_order_takes_the_place_of_what_waits(void **state) {
  (void)state;
  world *w = world_new(false);
  nv_txn *t = nv_txn_new();
  put_job(t, "C1", "h1", "one");
  assert_int_equal(apply(w, t).status, NV_OK);
  assert_int_equal(apply_one(w, "review_drop", "sss", "f", "d", "C1"), 0);
  apply_one(w, "job_park", "iisssn", INT64_C(1), INT64_C(1), "review", "why", "print");
  apply_one(w, "job_order", "sssis", "f", "d", "C1", INT64_C(7), "take");
  assert_answer(w, "1,C1,2,0,-,-,take,-,10", "jobs_due", "ssisin", "f", "d", INT64_C(9),
                "[]", INT64_C(9));
  apply_one(w, "job_park", "iisssn", INT64_C(1), INT64_C(2), "review", "why", "print");
  assert_int_equal(apply_one(w, "review_drop", "sss", "f", "d", "C2"), 0);
  assert_int_equal(apply_one(w, "review_drop", "sss", "f", "d", "C1"), 1);
  world_free(w);
}

static const char *const import_values = "ssssiissssnss"; /* no decision */

static int64_t import(world *w, const char *hash, const char *edited) {
  return apply_one(w, "job_import", import_values, "f", "d", "C1", "dead", INT64_C(4),
                   INT64_C(5), "v", hash, "why", "zip", edited, "p");
}

static void test_a_letter_is_edited_and_comes_from_another_store(void **state) {
  (void)state;
  world *w = world_new(false);
  assert_int_equal(import(w, "h", NULL), 1);
  assert_int_equal(import(w, "h", NULL), 0);
  assert_int_equal(import(w, "h", "mended"), 1);
  assert_int_equal(import(w, "h", "mended"), 0);
  assert_int_equal(import(w, "h", NULL), 0);
  assert_int_equal(import(w, "newer", "mended"), 0);
  assert_answer(w, "zip,f,dead,1,1,why", "dead_groups", "");
  assert_int_equal(apply_one(w, "job_edit", "isn", INT64_C(1), "again"), 1);
  assert_int_equal(apply_one(w, "job_edit", "ins", INT64_C(1), "word"), 1);
  assert_int_equal(apply_one(w, "jobs_revive", "si", "[1]", INT64_C(7)), 1);
  assert_int_equal(apply_one(w, "job_edit", "isn", INT64_C(1), "late"), 0);
  assert_answer(w, "1,C1,1,0,v,h,word,again,5", "jobs_due", "ssisin", "f", "d", INT64_C(9),
                "[]", INT64_C(9));
  nv_txn *t = nv_txn_new();
  put_job(t, "C1", "newer", "other");
  assert_int_equal(apply(w, t).status, NV_OK);
  assert_answer(w, "1,C1,2,0,v,newer,word,-,5", "jobs_due", "ssisin", "f", "d", INT64_C(99),
                "[]", INT64_C(9));
  world_free(w);
}

static void test_dead_jobs_group_by_cause_and_revive_together(void **state) {
  (void)state;
  world *w = world_new(false);
  static const char *const cause[] = {"zip", "vat", "zip", "zip"};
  for (int i = 0; i < 4; i++) {
    char record[16];
    nv_txn *t = nv_txn_new();
    sprintf(record, "C%d", i);
    put_job(t, record, "h", "p");
    add(t, 1, "job_park", "iisssn", (int64_t)i + 1, INT64_C(1), "dead",
        i == 0 ? "first" : "later", cause[i]);
    assert_int_equal(apply(w, t).status, NV_OK);
  }
  assert_answer(w, "zip,f,dead,3,1,first;vat,f,dead,1,2,later", "dead_groups", "");
  assert_answer(w, "f,d,dead,4", "jobs_counts", "");
  apply_one(w, "job_drop", "i", INT64_C(1));
  assert_answer(w, "zip,f,dead,2,3,later;vat,f,dead,1,2,later", "dead_groups", "");
  apply_one(w, "job_park", "iisssn", INT64_C(3), INT64_C(1), "review", "look", "vat");
  assert_answer(w, "vat,f,dead,1,2,later;vat,f,review,1,3,look;zip,f,dead,1,4,later",
                "dead_groups", "");
  assert_int_equal(apply_one(w, "jobs_revive", "si", "[2,3,99]", INT64_C(77)), 2);
  assert_int_equal(apply_one(w, "jobs_revive", "si", "[2]", INT64_C(78)), 0);
  assert_answer(w, "zip,f,dead,1,4,later", "dead_groups", "");
  nv_txn *t = nv_txn_new();
  put_job(t, "C3", "other", "p");
  assert_int_equal(apply(w, t).status, NV_OK);
  assert_answer(w, "", "dead_groups", "");
  assert_answer(w, "f,d,ready,3", "jobs_counts", "");
  world_free(w);
}

/* ---- transactions and groups ---- */

static void test_an_unexpected_row_count_undoes_the_transaction(void **state) {
  (void)state;
  world *w = world_new(false);
  nv_txn *t = nv_txn_new();
  put_job(t, "C1", "h", "p");
  add(t, 1, "cursor_drop", "s", "no such cursor");
  outcome o = apply(w, t);
  assert_int_equal(o.status, NV_ECOUNT);
  assert_string_equal(o.text, "cursor_drop touched 0 rows, expected 1");
  assert_answer(w, "", "jobs_counts", "");
  world_free(w);
}

/* Twelve transactions of one group, four of them guilty of different things. */
static void test_a_group_fails_only_the_guilty(void **state) {
  (void)state;
  world *w = world_new(false);
  enum { N = 12 };
  outcome o[N];
  apply_one(w, "link_put", "sssssssssi", "f", "N0", "42", "x", "h", "v", "v", "o", "{}",
            INT64_C(1));
  for (int i = 0; i < N; i++) {
    nv_txn *t = nv_txn_new();
    char record[16];
    sprintf(record, "C%02d", i);
    put_job(t, record, "h", "p");
    if (i == 0 || i == 6) add(t, 1, "job_drop", "i", INT64_C(4711));
    if (i == 7) /* this Odoo record belongs to another NAV record already */
      add(t, -1, "link_put", "sssssssssi", "f", "N1", "42", "x", "h", "v", "v", "o", "{}",
          INT64_C(1));
    if (i == 11) add(t, -1, "cursor_put", "nsi", "x", INT64_C(1)); /* no name */
    apply_later(w, t, &o[i]);
  }
  settle(w);
  for (int i = 0; i < N; i++) {
    bool guilty = i == 0 || i == 6 || i == 7 || i == 11;
    int expected = !guilty ? NV_OK : i < 7 ? NV_ECOUNT : NV_EINVALID;
    assert_int_equal(o[i].status, expected);
  }
  assert_non_null(strstr(o[7].text, "links.odoo"));
  assert_int_equal(number_in(ask(w, "jobs_backlog", "s", "f"), "count"), N - 4);
  world_free(w);
}

static void test_what_is_queued_meanwhile_commits_together(void **state) {
  (void)state;
  world *w = world_new(true);
  enum { N = 200 };
  outcome first, o[N];
  nv_txn *big = nv_txn_new(); /* keeps the writer busy while the others queue */
  for (int i = 0; i < 5000; i++)
    add(big, -1, "journal_add", "issssssn", INT64_C(1), "f", "d", "r", "1", "ok",
        "x");
  long before = nv_simvfs_syncs();
  apply_later(w, big, &first);
  for (int i = 0; i < N; i++) {
    nv_txn *t = nv_txn_new();
    add(t, 1, "meta_put", "ss", "k", "v");
    apply_later(w, t, &o[i]);
  }
  settle(w);
  assert_int_equal(first.status, NV_OK);
  for (int i = 0; i < N; i++) assert_int_equal(o[i].status, NV_OK);
  assert_true(nv_simvfs_syncs() - before < N / 2);
  world_free(w);
}

static void test_a_query_sees_what_was_handed_over_before(void **state) {
  (void)state;
  world *w = world_new(false);
  for (int i = 0; i < 50; i++) {
    char value[16];
    outcome o;
    nv_txn *t = nv_txn_new();
    sprintf(value, "%d", i);
    add(t, 1, "cursor_put", "ssi", "c", value, (int64_t)i);
    apply_later(w, t, &o);
    nv_op *op = ask(w, "cursor", "s", "c");
    assert_true(nv_str_eq(nv_rows_named(nv_store_op_rows(op), 0, "value").s, value));
    nv_op_release(op);
    assert_int_equal(o.status, NV_OK);
  }
  world_free(w);
}

static bool was_told;
static void on_early(nv_op *op, void *arg) {
  (void)op;
  (void)arg;
  was_told = true;
}

static void test_releasing_early_does_not_take_it_back(void **state) {
  (void)state;
  world *w = world_new(false);
  nv_op *op;
  nv_txn *t = nv_txn_new();
  put_job(t, "C1", "h", "p");
  assert_int_equal(nv_store_apply(w->s, t, &op, NULL), NV_OK);
  was_told = false;
  nv_op_on_done(op, on_early, NULL);
  nv_op_release(op);
  assert_int_equal(number_in(ask(w, "jobs_backlog", "s", "f"), "count"), 1);
  assert_false(was_told);
  world_free(w);
}

static void test_closing_finishes_what_is_queued(void **state) {
  (void)state;
  world *w = world_new(false);
  outcome o[20];
  for (int i = 0; i < 20; i++) {
    char record[16];
    nv_txn *t = nv_txn_new();
    sprintf(record, "C%d", i);
    put_job(t, record, "h", "p");
    apply_later(w, t, &o[i]);
  }
  close_store(w);
  for (int i = 0; i < 20; i++) assert_int_equal(o[i].status, NV_OK);
  open_store(w);
  assert_int_equal(number_in(ask(w, "jobs_backlog", "s", "f"), "count"), 20);
  world_free(w);
}

static void test_the_queue_and_a_transaction_are_bounded(void **state) {
  (void)state;
  world *w = world_new(false);
  static char mib[1 << 20];
  memset(mib, 'x', sizeof mib - 1);
  nv_val vals[] = {nv_val_textz("k"), nv_val_text((nv_str){mib, sizeof mib - 1})};
  nv_error err = {0};
  nv_txn *t = nv_txn_new();
  int added = 0;
  while (nv_txn_add(t, "meta_put", vals, 2, -1, &err) == NV_OK) added++;
  assert_int_equal(err.code, NV_ETOOLARGE);
  assert_in_range(added, 30, 32);
  assert_int_equal(apply(w, t).status, NV_OK); /* as before the refused one */
  if (inline_mode) { /* nothing is taken while we do not turn the loop */
    outcome o[4];
    for (int i = 0; i < 2; i++) {
      t = nv_txn_new();
      for (int k = 0; k < 30; k++) nv_txn_add(t, "meta_put", vals, 2, -1, &err);
      apply_later(w, t, &o[i]);
    }
    nv_op *op;
    t = nv_txn_new();
    for (int k = 0; k < 30; k++) nv_txn_add(t, "meta_put", vals, 2, -1, &err);
    assert_int_equal(nv_store_apply(w->s, t, &op, &err), NV_EBUSY);
    assert_null(op);
    settle(w);
    assert_int_equal(o[1].status, NV_OK);
  }
  world_free(w);
}

static void test_misuse_is_refused_with_a_reason(void **state) {
  (void)state;
  world *w = world_new(false);
  nv_val v[2] = {nv_val_int(1), nv_val_int(2)};
  nv_error err = {0};
  nv_op *op;
  nv_txn *t = nv_txn_new();
  assert_int_equal(nv_txn_add(t, "job_fly", v, 1, -1, &err), NV_EINVALID);
  assert_string_equal(err.text, "no operation 'job_fly'");
  assert_int_equal(nv_txn_add(t, "job_done", v, 1, -1, &err), NV_EINVALID);
  assert_string_equal(err.text, "job_done takes 2 values, got 1");
  assert_int_equal(nv_store_query(w->s, "weather", v, 0, &op, &err), NV_EINVALID);
  assert_int_equal(nv_store_query(w->s, "job", v, 2, &op, &err), NV_EINVALID);
  nv_txn_free(t);
  world_free(w);
}

/* ---- the rest of the tables ---- */

static void test_effects_are_open_until_done(void **state) {
  (void)state;
  world *w = world_new(false);
  nv_txn *t = nv_txn_new();
  put_job(t, "C1", "h", "p");
  for (int i = 0; i < 2; i++) /* the same key twice is one effect */
    add(t, 1, "effect_intend", "sisssiin", "k1", INT64_C(1), "odoo", "create", "img",
        INT64_C(5), INT64_C(1) + i);
  add(t, 1, "effect_intend", "sisssiii", "k2", INT64_C(1), "odoo", "set", "img",
      INT64_C(5), INT64_C(1), INT64_C(7));
  assert_int_equal(apply(w, t).status, NV_OK);
  assert_answer(w, "k1,1,odoo,create,img,5,2,-;k2,1,odoo,set,img,5,1,7", "effects_by_key",
                "s", "[\"k1\",\"k2\",\"k3\"]");
  assert_int_equal(apply_one(w, "jobs_settle", "si", "f", INT64_C(500)), 1);
  assert_int_equal(number_in(ask(w, "job", "i", INT64_C(1)), "due"), 500);
  apply_one(w, "effect_done", "s", "k1");
  assert_answer(w, "k2,1,odoo,set,img,5,1,7,f,C1,ready", "effects_open", "sn", "f");
  assert_answer(w, "k2,1,odoo,set,img,5,1,7,f,C1,ready", "effects_open", "ss", "f", "odoo");
  assert_answer(w, "", "effects_open", "ss", "f", "nav");
  assert_answer(w, "", "effects_open", "sn", "other");
  assert_int_equal(apply_one(w, "effects_drop", "i", INT64_C(1)), 1);
  world_free(w);
}

static void test_an_open_effect_pins_its_job_to_a_generation(void **state) {
  (void)state;
  world *w = world_new(false);
  for (int i = 0; i < 2; i++)
    apply_one(w, "generation_put", "isssssssi", INT64_C(1) + i, "f", i ? "new" : "old", "f.lua", "text",
              "{}", "std", "start", INT64_C(10) + i);
  apply_one(w, "generation_put", "isssssssi", INT64_C(3), "f", "old", "f.lua", "text", "{}", "std2",
            "rollback", INT64_C(20)); /* known already: it begins again */
  assert_int_equal(apply_one(w, "generation_ran", "ii", INT64_C(2), INT64_C(30)), 1);
  assert_answer(w, "1,f,old,f.lua,std2,rollback,10,20,-,-,0;2,f,new,f.lua,std,start,11,11,-,30,0",
                "generations_list", "s", "f");
  nv_txn *t = nv_txn_new();
  put_job(t, "C1", "h", "p");
  put_job(t, "C2", "h", "p");
  put_job(t, "C3", "h", "p");
  add(t, 1, "effect_intend", "sisssiii", "k1", INT64_C(1), "odoo", "create", "img",
      INT64_C(5), INT64_C(1), INT64_C(1));
  add(t, 1, "effect_intend", "sisssiin", "k2", INT64_C(2), "odoo", "create", "img",
      INT64_C(5), INT64_C(1)); /* by an older navodoo: anybody's */
  assert_int_equal(apply(w, t).status, NV_OK);
  static const int64_t far = INT64_C(1) << 60;
  assert_answer(w, "2,C2,1,0,v,h,-,-,10;3,C3,1,0,v,h,-,-,10", "jobs_due", "ssisni", "f", "d", far,
                "[]", INT64_C(2));
  assert_answer(w, "1,C1,1,0,v,h,-,-,10;2,C2,1,0,v,h,-,-,10;3,C3,1,0,v,h,-,-,10", "jobs_due", "ssisni",
                "f", "d", far, "[]", INT64_C(1));
  assert_answer(w, "1,C1,1,0,v,h,-,-,10", "jobs_pinned", "ssisni", "f", "d", far, "[]",
                INT64_C(1));
  assert_answer(w, "", "jobs_pinned", "ssisni", "f", "d", far, "[]", INT64_C(2));
  apply_one(w, "job_retry", "iiiin", INT64_C(1), INT64_C(1), INT64_C(3), INT64_C(1));
  assert_answer(w, "1,1,3", "generations_pinned", "si", "f", INT64_C(2));
  assert_answer(w, "", "generations_pinned", "si", "f", INT64_C(1));
  assert_int_equal(number_in(ask(w, "jobs_pinned_next_due", "ssi", "f", "d", INT64_C(1)), "due"), 3);
  assert_true(number_in(ask(w, "jobs_next_due", "ssi", "f", "d", INT64_C(2)), "due") != 3);
  assert_int_equal(apply_one(w, "generation_refused", "i", INT64_C(2)), 0); /* it ran */
  assert_int_equal(apply_one(w, "generation_refused", "i", INT64_C(1)), 1);
  apply_one(w, "generation_put", "isssssssi", INT64_C(5), "f", "next", "f.lua", "text", "{}", "std",
            "file", INT64_C(40));
  apply_one(w, "generation_refused", "i", INT64_C(5));
  assert_int_equal(number_in(ask(w, "generations_last", ""), "id"), 5); /* never given again */
  world_free(w);
}

static void test_the_backlog_of_a_way_is_what_is_ready_in_its_direction(void **state) {
  (void)state;
  world *w = world_new(false);
  nv_txn *t = nv_txn_new();
  static const char *const ways[] = {"nav_to_odoo", "nav_to_odoo", "odoo_to_nav"};
  static const char *const records[] = {"C1", "C2", "7"};
  for (int i = 0; i < 3; i++)
    add(t, 1, "job_put", "sssiisss", "f", ways[i], records[i], INT64_C(1), INT64_C(1), "v", "h", "p");
  add(t, 1, "job_put", "sssiisss", "g", "odoo_to_nav", "8", INT64_C(1), INT64_C(1), "v", "h", "p");
  assert_int_equal(apply(w, t).status, NV_OK);
  apply_one(w, "job_park", "iisssn", INT64_C(2), INT64_C(1), "review", "why", "group");
  assert_int_equal(number_in(ask(w, "jobs_backlog_way", "ss", "f", "nav_to_odoo"), "count"), 1);
  assert_int_equal(number_in(ask(w, "jobs_backlog_way", "ss", "f", "odoo_to_nav"), "count"), 1);
  assert_int_equal(number_in(ask(w, "jobs_backlog_way", "ss", "h", "odoo_to_nav"), "count"), 0);
  world_free(w);
}

static void test_generations_stay_while_something_refers_to_them(void **state) {
  (void)state;
  world *w = world_new(false);
  static const char *const hash[] = {"a", "b", "c", "d"};
  for (int i = 0; i < 4; i++) {
    apply_one(w, "generation_put", "isssssssi", INT64_C(1) + i, "f", hash[i], "f.lua", "text", "{}", "std",
              "file", INT64_C(100) * i);
    if (i < 3) apply_one(w, "generation_end", "ii", INT64_C(1) + i, INT64_C(100) * i + 50);
  }
  apply_one(w, "effect_intend", "sisssiii", "k1", INT64_C(1), "odoo", "create", "img",
            INT64_C(5), INT64_C(1), INT64_C(1));
  apply_one(w, "journal_add", "isssissi", INT64_C(120), "f", "d", "r", INT64_C(1), "done",
            NULL, INT64_C(2));
  assert_int_equal(apply_one(w, "generations_prune", "ii", INT64_C(9999), INT64_C(0)), 0);
  apply_one(w, "effect_done", "s", "k1"); /* the first: before the oldest row by now */
  assert_int_equal(apply_one(w, "generations_prune", "ii", INT64_C(9999), INT64_C(9)), 0);
  assert_int_equal(apply_one(w, "generations_prune", "ii", INT64_C(9999), INT64_C(0)), 1);
  apply_one(w, "journal_prune", "ii", INT64_C(500), INT64_C(1000));
  assert_int_equal(apply_one(w, "generations_prune", "ii", INT64_C(9999), INT64_C(1)), 2);
  assert_answer(w, "4,f,d,f.lua,std,file,300,300,-,-,0", "generations_list", "s", "f");
  world_free(w);
}

static void test_a_lot_is_one_row_until_it_ends(void **state) {
  (void)state;
  world *w = world_new(false);
  apply_one(w, "lot_put", "sisiis", "f", INT64_C(5), "d", INT64_C(2), INT64_C(10), "[1]");
  apply_one(w, "lot_put", "sisiis", "f", INT64_C(6), "d", INT64_C(3), INT64_C(11), "[2]");
  apply_one(w, "lot_put", "sisiis", "g", INT64_C(5), "d", INT64_C(1), INT64_C(12), "[3]");
  apply_one(w, "lot_intend", "siiii", "f", INT64_C(6), INT64_C(20), INT64_C(1), INT64_C(9));
  assert_answer(w, "f,5;g,1", "lots_counts", "");
  assert_answer(w, "5,d,10,-,-,-,[1];6,d,11,20,1,9,[2]", "lots", "s", "f");
  assert_int_equal(apply_one(w, "lot_done", "si", "f", INT64_C(6)), 1);
  apply_one(w, "lot_put", "sisiis", "f", INT64_C(6), "d", INT64_C(1), INT64_C(13), "[4]");
  assert_answer(w, "5,d,10,-,-,-,[1];6,d,13,-,-,-,[4]", "lots", "s", "f");
  world_free(w);
}

static void test_a_job_that_is_there_is_newer_than_one_that_is_kept(void **state) {
  (void)state;
  world *w = world_new(false);
  apply_one(w, "job_put", "sssiisss", "f", "d", "N1", INT64_C(1), INT64_C(1), "v", "new", "{}");
  apply_one(w, "link_put", "sssssssssi", "f", "N3", "7", "x", "h3", "v", "v", "o", "{}", INT64_C(1));
  assert_int_equal(apply_one(w, "job_keep", "sssiisss", "f", "d", "N1", INT64_C(1), INT64_C(1),
                             "v", "old", "{}"), 0);
  assert_int_equal(apply_one(w, "job_keep", "sssiisss", "f", "d", "N2", INT64_C(1), INT64_C(1),
                             "v", "old", "{}"), 1);
  assert_answer(w, "1,N3,h3,link;1,N1,new,ready;3,N2,old,ready", "known", "sss", "f", "d",
                "[\"N1\",\"N2\",\"N3\",\"N4\"]");
  assert_int_equal(apply_one(w, "effect_of_record", "sssssssiii", "k", "f", "d", "N2", "odoo",
                             "create", "h", INT64_C(30), INT64_C(1), INT64_C(9)), 1);
  assert_int_equal(apply_one(w, "effect_of_record", "sssssssiii", "k4", "f", "d", "N4", "odoo",
                             "create", "h", INT64_C(30), INT64_C(1), INT64_C(9)), 0);
  assert_int_equal(number_in(ask(w, "effects_open", "sn", "f"), "intended"), 30);
  world_free(w);
}

static void test_links_are_found_from_both_sides(void **state) {
  (void)state;
  world *w = world_new(false);
  for (int64_t i = 1; i <= 3; i++) {
    char nav[16], odoo[16];
    sprintf(nav, "N%d", (int)i);
    sprintf(odoo, "%d", (int)i * 10);
    apply_one(w, "link_put", "sssssssssi", "f", nav, odoo, "x", "h", "nv", "ov", "oh", "{}",
              i);
  }
  apply_one(w, "link_seen", "sssss", "f", "N2", "h2", "nv2", "9");
  assert_answer(w, "2,f,N2,20,x,h2,nv2,ov,oh,{},9", "links_by_nav", "ss", "f",
                "[\"N2\",\"N9\"]");
  assert_answer(w, "3,f,N3,30,x,h,nv,ov,oh,{},3", "links_by_odoo", "ss", "f", "[30]");
  apply_one(w, "link_put", "ssnnnnnnni", "f", "N3", INT64_C(4)); /* all is replaced */
  assert_answer(w, "3,f,N3,-,-,-,-,-,-,-,4", "links_list", "sii", "f", INT64_C(2),
                INT64_C(9));
  assert_answer(w, "f,3", "links_count", "");
  assert_int_equal(apply_one(w, "link_drop", "ss", "f", "N1"), 1);
  world_free(w);
}

static void test_cursors_and_meta_keep_the_last_value(void **state) {
  (void)state;
  world *w = world_new(false);
  apply_one(w, "cursor_put", "ssi", "b", "1", INT64_C(1));
  apply_one(w, "cursor_put", "ssi", "a", "1", INT64_C(2));
  apply_one(w, "cursor_put", "ssi", "b", "2", INT64_C(3));
  assert_answer(w, "a,1,2;b,2,3", "cursors_list", "");
  assert_int_equal(apply_one(w, "cursor_drop", "s", "a"), 1);
  apply_one(w, "meta_put", "ss", "k", "text");
  apply_one(w, "meta_put", "si", "k", INT64_C(7));
  assert_answer(w, "7", "meta", "s", "k");
  world_free(w);
}

static void test_the_journal_is_read_by_record_and_from_its_end(void **state) {
  (void)state;
  world *w = world_new(false);
  for (int64_t i = 1; i <= 6; i++)
    apply_one(w, "journal_add", "isssissi", i * 10, i % 3 ? "f" : "g", "d",
              i % 2 ? "odd" : "even", i, i == 5 ? "dead" : "done", NULL, i);
  assert_answer(w, "5,50,f,d,odd,5,dead,-,5;1,10,f,d,odd,1,done,-,1", "journal_tail", "ssi",
                "f", "odd", INT64_C(9));
  assert_answer(w, "6,60,g,d,even,6,done,-,6;5,50,f,d,odd,5,dead,-,5", "journal_tail", "nni",
                INT64_C(2));
  assert_answer(w, "6,60,g,d,even,6,done,-,6", "journal_tail", "sni", "g", INT64_C(1));
  assert_answer(w, "f,dead,1;f,done,1;g,done,2", "journal_counts", "ni", INT64_C(30));
  assert_int_equal(apply_one(w, "journal_prune", "ii", INT64_C(50), INT64_C(1000)), 4);
  assert_int_equal(apply_one(w, "journal_prune", "ii", INT64_C(50), INT64_C(1000)), 0);
  assert_answer(w, "f,dead,1;f,done,3;g,done,2", "journal_counts", "ni", INT64_C(0));
  assert_answer(w, "g,done,2", "journal_counts", "si", "g", INT64_C(0));
  world_free(w);
}

static int64_t size_of(world *w, const char *what) {
  return number_in(ask(w, "store_size", ""), what);
}

static void test_old_entries_go_in_slices_and_their_room_goes_back(void **state) {
  (void)state;
  world *w = world_new(false);
  enum { N = 3000 };
  char detail[301] = {0};
  memset(detail, 'x', sizeof detail - 1);
  for (int64_t i = 1; i <= N;) {
    nv_txn *t = nv_txn_new();
    for (int k = 0; k < 500; k++, i++) {
      add(t, 1, "journal_add", "isssissi", i, "f", "d", "r", i, "done", detail, i);
    }
    assert_int_equal(apply(w, t).status, NV_OK);
  }
  int64_t full = size_of(w, "pages"), before = N / 2, rows, slices = 0;
  assert_in_range(full, 200, 1000);
  while ((rows = apply_one(w, "journal_prune", "ii", before + 1, INT64_C(100))) > 0) {
    assert_int_equal(rows, 100);
    slices++;
  }
  assert_int_equal(slices, 15);
  assert_answer(w, "f,done,1500", "journal_counts", "ni", before + 1);
  assert_answer(w, "f,done,3000", "journal_counts", "ni", INT64_C(0));
  int64_t free = size_of(w, "free"), given = 0;
  assert_in_range(free, 80, full);
  while ((rows = apply_one(w, "store_shrink", "")) > 0) {
    assert_in_range(rows, 1, 100);
    given += rows;
  }
  assert_in_range(given, free - 5, free); /* but those of the map of pages */
  assert_int_equal(size_of(w, "free"), 0);
  assert_in_range(size_of(w, "pages"), full - free - 5, full - free + 5);
  world_free(w);
}

static void test_bytes_come_back_as_they_went_in(void **state) {
  (void)state;
  world *w = world_new(false);
  static const char odd[] = "a\0b\xff\xc3\xa9'\"";
  nv_val vals[] = {nv_val_textz("k"), nv_val_blob((nv_str){odd, sizeof odd - 1})};
  for (int text = 0; text < 2; text++) {
    if (text) vals[1].type = NV_VAL_TEXT;
    nv_txn *t = nv_txn_new();
    nv_txn_add(t, "meta_put", vals, 2, 1, NULL);
    assert_int_equal(apply(w, t).status, NV_OK);
    nv_op *op = ask(w, "meta", "s", "k");
    nv_val v = nv_rows_get(nv_store_op_rows(op), 0, 0);
    assert_int_equal(v.type, vals[1].type);
    assert_int_equal(v.s.n, sizeof odd - 1);
    assert_memory_equal(v.s.p, odd, sizeof odd - 1);
    nv_op_release(op);
  }
  world_free(w);
}

/* ---- the SQL itself ---- */

static void test_every_name_has_sql_that_runs(void **state) {
  (void)state;
  world *w = world_new(false);
  nv_val nulls[16] = {{0}};
  for (int i = 0; i < nv_store_ops_count; i++) {
    nv_txn *t = nv_txn_new();
    assert_int_equal(nv_txn_add(t, nv_store_ops[i].name, nulls,
                                (size_t)nv_store_ops[i].arity, -1, NULL), NV_OK);
    outcome o = apply(w, t); /* a null where a value is needed is the caller's */
    if (o.status != NV_OK && o.status != NV_EINVALID) fail_msg("%s", o.text);
  }
  for (int i = 0; i < nv_store_queries_count; i++)
    nv_op_release(ask(w, nv_store_queries[i].name,
                      &"nnnnnnnn"[8 - nv_store_queries[i].arity]));
  world_free(w);
}

/* One row for each cause that failures have just now. */
static bool is_small(const char *step) {
  return strcmp(step, "SCAN g") == 0 || strcmp(step, "SCAN parked_groups") == 0;
}

/* Walks the plans: a table may be read from end to end only where that is the
 * question, or where the walk is along the rowid and stops early. */
static void check_plan(sqlite3 *db, const nv_store_sql *q) {
  static const char *const may_scan[] = {
      "jobs_list", "links_list", "effects_open", "journal_tail", "journal_counts",
      "journal_prune", "store_size", "cursors_list", "jobs_settle", "generations_prune", "jobs_pinned",
      "jobs_pinned_next_due", "generations_pinned", "generations_list",
      /* one row for a flow and state; a few */
      "jobs_counts", "totals", "alerts_open", "alerts_owed", "alerts_list", "alerts_prune",
      "alerts_count", "parked_counts"};
  for (size_t i = 0; i < sizeof may_scan / sizeof *may_scan; i++)
    if (strcmp(may_scan[i], q->name) == 0) return;
  char *sql = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", q->sql);
  sqlite3_stmt *st;
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_bind_parameter_count(st), q->arity);
  while (sqlite3_step(st) == SQLITE_ROW) {
    const char *step = (const char *)sqlite3_column_text(st, 3);
    if (strncmp(step, "SCAN", 4) == 0 && !strstr(step, "USING") &&
        !strstr(step, "json_each") && !strstr(step, "CONSTANT") &&
        !is_small(step))
      fail_msg("%s: %s", q->name, step);
  }
  sqlite3_finalize(st);
  sqlite3_free(sql);
}

static void test_no_statement_reads_a_whole_table(void **state) {
  (void)state;
  world *w = world_new(false);
  char path[128];
  sqlite3 *db;
  snprintf(path, sizeof path, "%s/navodoo.db", w->folder);
  sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, w->env.vfs);
  for (int i = 0; i < nv_store_ops_count; i++) check_plan(db, &nv_store_ops[i]);
  for (int i = 0; i < nv_store_queries_count; i++) check_plan(db, &nv_store_queries[i]);
  sqlite3_close(db);
  world_free(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_job_put_keeps_one_job_per_record),
      cmocka_unit_test(test_job_put_without_hash_is_always_a_change),
      cmocka_unit_test(test_a_hint_makes_a_job_or_renews_the_one_there_is),
      cmocka_unit_test(test_a_delivery_counts_once),
      cmocka_unit_test(test_job_add_never_coalesces),
      cmocka_unit_test(test_job_done_leaves_a_job_that_changed_meanwhile),
      cmocka_unit_test(test_job_ids_are_never_used_again),
      cmocka_unit_test(test_jobs_due_come_in_order_and_without_the_excluded),
      cmocka_unit_test(test_waiting_job_is_woken_by_the_link_it_waits_for),
      cmocka_unit_test(test_a_decision_outlives_a_newer_change_and_not_its_parking),
      cmocka_unit_test(test_an_order_takes_the_place_of_what_waits),
      cmocka_unit_test(test_a_letter_is_edited_and_comes_from_another_store),
      cmocka_unit_test(test_dead_jobs_group_by_cause_and_revive_together),
      cmocka_unit_test(test_an_unexpected_row_count_undoes_the_transaction),
      cmocka_unit_test(test_a_group_fails_only_the_guilty),
      cmocka_unit_test(test_what_is_queued_meanwhile_commits_together),
      cmocka_unit_test(test_a_query_sees_what_was_handed_over_before),
      cmocka_unit_test(test_releasing_early_does_not_take_it_back),
      cmocka_unit_test(test_closing_finishes_what_is_queued),
      cmocka_unit_test(test_the_queue_and_a_transaction_are_bounded),
      cmocka_unit_test(test_misuse_is_refused_with_a_reason),
      cmocka_unit_test(test_effects_are_open_until_done),
      cmocka_unit_test(test_an_open_effect_pins_its_job_to_a_generation),
      cmocka_unit_test(test_the_backlog_of_a_way_is_what_is_ready_in_its_direction),
      cmocka_unit_test(test_generations_stay_while_something_refers_to_them),
      cmocka_unit_test(test_a_lot_is_one_row_until_it_ends),
      cmocka_unit_test(test_a_job_that_is_there_is_newer_than_one_that_is_kept),
      cmocka_unit_test(test_links_are_found_from_both_sides),
      cmocka_unit_test(test_cursors_and_meta_keep_the_last_value),
      cmocka_unit_test(test_the_journal_is_read_by_record_and_from_its_end),
      cmocka_unit_test(test_old_entries_go_in_slices_and_their_room_goes_back),
      cmocka_unit_test(test_bytes_come_back_as_they_went_in),
      cmocka_unit_test(test_every_name_has_sql_that_runs),
      cmocka_unit_test(test_no_statement_reads_a_whole_table),
  };
  int bad = cmocka_run_group_tests_name("store, with a thread", tests, NULL, NULL);
  inline_mode = true;
  return bad + cmocka_run_group_tests_name("store, inline", tests, NULL, NULL);
}
