/* store_world - one loop and one store for the tests of the store.
 *
 * The suite is written against store.h and runs twice: with the writer thread on
 * a temporary folder, and inline in a simulated env on simvfs. A test that needs
 * the disk to misbehave asks for simvfs in both.
 */
#ifndef STORE_WORLD_H
#define STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store.h"
#include "store_schema.h"
#include "../sim/simvfs.c" /* so that every program of the suite is one file */

static bool inline_mode;

typedef struct world {
  nv_env env;
  nv_loop *loop;
  nv_store *s;
  char folder[64];
  int pending; /* completions to come */
} world;

/* ---- life ---- */

static inline void open_store(world *w) {
  nv_error err = {0};
  if (nv_store_open(w->loop, w->folder, &w->s, &err) != NV_OK) fail_msg("%s", err.text);
}

/* Delivers everything that was started. */
static inline void settle(world *w) {
  while (w->pending > 0) nv_loop_run(w->loop);
}

static inline void close_store(world *w) {
  nv_store_close(w->s);
  w->s = NULL;
  settle(w);
}

static inline world *world_new(bool simvfs) {
  world *w = calloc(1, sizeof *w);
  assert_non_null(w);
  nv_simvfs_register();
  nv_simvfs_reset();
  if (inline_mode) nv_env_init_simulated(&w->env, 1, 0);
  else nv_env_init(&w->env);
  if (inline_mode || simvfs) w->env.vfs = "simvfs";
  assert_int_equal(nv_loop_open(&w->env, &w->loop, NULL), NV_OK);
  strcpy(w->folder, inline_mode ? "image" : "/tmp/navodoo-store-XXXXXX");
  if (!inline_mode) assert_non_null(mkdtemp(w->folder));
  open_store(w);
  return w;
}

/* Every test ends with no live operation. */
static inline void world_free(world *w) {
  close_store(w);
  nv_loop_turn(w->loop, false);
  assert_int_equal(nv_loop_live_ops(w->loop), 0);
  nv_loop_close(w->loop);
  if (!inline_mode) {
    static const char *const files[] = {"navodoo.db", "navodoo.db-wal",
                                        "navodoo.db-shm", "engine.lock"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
      char path[128];
      snprintf(path, sizeof path, "%s/%s", w->folder, files[i]);
      unlink(path);
    }
    rmdir(w->folder);
  }
  free(w);
}

/* Runs SQL on the file from outside; the store is closed. Leaves the WAL behind, as
 * a kill does. */
static inline void raw_sql(world *w, const char *sql) {
  char path[128];
  sqlite3 *db;
  snprintf(path, sizeof path, "%s/navodoo.db", w->folder);
  assert_int_equal(
      sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                      w->env.vfs),
      SQLITE_OK);
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

/* What SQL answers when the file is asked from outside: one number. */
static inline void raw_sql_is(world *w, const char *sql, int64_t expected) {
  char path[128];
  sqlite3 *db;
  sqlite3_stmt *st;
  snprintf(path, sizeof path, "%s/navodoo.db", w->folder);
  assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, w->env.vfs), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(st), SQLITE_ROW);
  assert_int_equal(sqlite3_column_int64(st, 0), expected);
  sqlite3_finalize(st);
  sqlite3_close(db);
}

/* ---- values: s text (NULL is null), i int64_t, n null ---- */

static inline size_t vals_of(nv_val *out, const char *kinds, va_list ap) {
  size_t n = 0;
  for (; kinds[n]; n++) {
    if (kinds[n] == 's') out[n] = nv_val_textz(va_arg(ap, const char *));
    else if (kinds[n] == 'i') out[n] = nv_val_int(va_arg(ap, int64_t));
    else out[n] = nv_val_null();
  }
  return n;
}

static inline void add(nv_txn *txn, int expect, const char *op, const char *kinds,
                       ...) {
  nv_val vals[16];
  nv_error err = {0};
  va_list ap;
  va_start(ap, kinds);
  size_t n = vals_of(vals, kinds, ap);
  va_end(ap);
  if (nv_txn_add(txn, op, vals, n, expect, &err) != NV_OK) fail_msg("%s", err.text);
}

/* A state job of flow f, direction d, due and made at 10. */
static inline void put_job(nv_txn *txn, const char *record, const char *hash,
                           const char *payload) {
  add(txn, -1, "job_put", "sssiisss", "f", "d", record, INT64_C(10), INT64_C(10),
      "v", hash, payload);
}

/* ---- applying ---- */

typedef struct outcome {
  world *w;
  int status; /* 1: not told yet */
  int64_t changed;
  char text[256];
} outcome;

static inline void told(world *w) {
  if (--w->pending == 0) nv_loop_stop(w->loop);
}

static inline void on_applied(nv_op *op, void *arg) {
  outcome *o = arg;
  o->status = op->status;
  o->changed = nv_store_op_changed(op);
  snprintf(o->text, sizeof o->text, "%s", op->err.text);
  nv_op_release(op);
  told(o->w);
}

static inline void apply_later(world *w, nv_txn *take_txn, outcome *o) {
  nv_op *op;
  nv_error err = {0};
  *o = (outcome){.w = w, .status = 1};
  if (nv_store_apply(w->s, take_txn, &op, &err) != NV_OK) fail_msg("%s", err.text);
  w->pending++;
  nv_op_on_done(op, on_applied, o);
}

static inline outcome apply(world *w, nv_txn *take_txn) {
  outcome o;
  apply_later(w, take_txn, &o);
  settle(w);
  return o;
}

/* Applies one operation and expects it to work; the rows it touched. */
static inline int64_t apply_one(world *w, const char *op, const char *kinds, ...) {
  nv_val vals[16];
  nv_error err = {0};
  va_list ap;
  va_start(ap, kinds);
  size_t n = vals_of(vals, kinds, ap);
  va_end(ap);
  nv_txn *txn = nv_txn_new();
  if (nv_txn_add(txn, op, vals, n, -1, &err) != NV_OK) fail_msg("%s", err.text);
  outcome o = apply(w, txn);
  if (o.status != NV_OK) fail_msg("%s", o.text);
  return o.changed;
}

/* ---- asking ---- */

static inline void on_asked(nv_op *op, void *arg) {
  (void)op;
  told(arg);
}

/* A finished query; release it. */
static inline nv_op *ask_on(world *w, nv_store *s, const char *query,
                            const char *kinds, va_list ap) {
  nv_val vals[16];
  nv_error err = {0};
  nv_op *op;
  size_t n = vals_of(vals, kinds, ap);
  if (nv_store_query(s, query, vals, n, &op, &err) != NV_OK) fail_msg("%s", err.text);
  w->pending++;
  nv_op_on_done(op, on_asked, w);
  settle(w);
  return op;
}

static inline nv_op *ask(world *w, const char *query, const char *kinds, ...) {
  va_list ap;
  va_start(ap, kinds);
  nv_op *op = ask_on(w, w->s, query, kinds, ap);
  va_end(ap);
  if (op->status != NV_OK) fail_msg("%s", op->err.text);
  return op;
}

/* A result as text: rows by ';', values by ',', null as '-'. */
static inline const char *text_of(const nv_rows *r) {
  static char text[4096];
  size_t n = 0;
  text[0] = 0;
  for (size_t i = 0; i < nv_rows_count(r); i++)
    for (size_t c = 0; c < nv_rows_columns(r) && n < sizeof text - 300; c++) {
      nv_val v = nv_rows_get(r, i, c);
      const char *sep = c ? "," : i ? ";" : "";
      if (v.type == NV_VAL_INT)
        n += (size_t)sprintf(text + n, "%s%lld", sep, (long long)v.i);
      else if (v.type == NV_VAL_NULL) n += (size_t)sprintf(text + n, "%s-", sep);
      else n += (size_t)sprintf(text + n, "%s%.*s", sep, (int)v.s.n > 200 ? 200 : (int)v.s.n, v.s.p);
    }
  return text;
}

#define assert_answer(w, expected, query, ...)                       \
  do {                                                               \
    nv_op *answer_op = ask(w, query, __VA_ARGS__);                   \
    assert_string_equal(text_of(nv_store_op_rows(answer_op)), expected); \
    nv_op_release(answer_op);                                        \
  } while (0)

/* One column of the first row as a number; -1 for none. */
static inline int64_t number_in(nv_op *op, const char *column) {
  nv_val v = nv_rows_named(nv_store_op_rows(op), 0, column);
  int64_t n = v.type == NV_VAL_INT ? v.i : -1;
  nv_op_release(op);
  return n;
}

#endif
