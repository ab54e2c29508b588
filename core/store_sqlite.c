/* store_sqlite - the writer: group commit, queries, and handing over.
 *
 * The writer takes whatever was queued during its last commit and makes it one
 * SQLite transaction. Queries run after the group they were queued with, on the
 * same connection: one page cache, and no second snapshot that would keep the
 * WAL from being reset. With env->inline_store there is no thread: the same work
 * is done from the loop's ready queue.
 */
#include "store_sqlite.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "failpoint.h"
#include "store_schema.h"

typedef struct nv_store_request {
  nv_op op;         /* first; loop thread only */
  nv_ready handback; /* of the first request of a finished list */
  struct nv_store_request *next;
  size_t bytes;
  nv_txn *txn; /* an apply, or */
  int query;   /* a query, with its values and result */
  nv_cells args;
  nv_rows rows;
  int64_t changed;
  int status; /* outcome, copied to the op on the loop thread */
  nv_error err;
} request;

static void finish(request *list);

/* ---- handing over ---- */

static void push(nv_store_queue *q, request *r) {
  r->next = NULL;
  if (q->tail) q->tail->next = r;
  else q->head = r;
  q->tail = r;
}

static void free_request(nv_op *op) {
  request *r = (request *)op;
  nv_txn_free(r->txn);
  nv_cells_clear(&r->args);
  nv_cells_clear(&r->rows.cells);
  free(r);
}

static const nv_op_class apply_class = {"store.apply", NULL, free_request};
static const nv_op_class query_class = {"store.query", NULL, free_request};

static void handed_back(nv_ready *r) {
  finish((request *)((char *)r - offsetof(request, handback)));
}

static int enqueue(nv_store *s, request *r, const nv_op_class *cls, nv_op **out,
                   nv_error *err) {
  pthread_mutex_lock(&s->lock);
  bool fits = s->waiting_bytes + r->bytes <= NV_STORE_QUEUE_MAX;
  if (fits) {
    nv_op_init(&r->op, s->loop, cls);
    s->waiting_bytes += r->bytes;
    push(&s->waiting, r);
    pthread_cond_signal(&s->wake);
  }
  pthread_mutex_unlock(&s->lock);
  if (!fits) {
    free_request(&r->op);
    return nv_fail(err, NV_EBUSY, "store",
                   "the store is behind: %d MiB wait to be written",
                   NV_STORE_QUEUE_MAX >> 20);
  }
  if (s->is_inline) nv_loop_post(s->loop, &s->work);
  *out = &r->op;
  return NV_OK;
}

static request *request_new(void) {
  request *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->handback.fn = handed_back;
  r->query = -1;
  nv_cells_init(&r->args, NV_TXN_MAX);
  nv_cells_init(&r->rows.cells, NV_ROWS_MAX);
  return r;
}

int nv_store_apply(nv_store *s, nv_txn *txn, nv_op **out, nv_error *err) {
  *out = NULL;
  if (s->readonly) {
    nv_txn_free(txn);
    return nv_fail(err, NV_EINVALID, "store", "this store is open for reading only");
  }
  request *r = request_new();
  if (!r) {
    nv_txn_free(txn);
    return nv_fail(err, NV_ENOMEM, "store", "out of memory");
  }
  r->txn = txn;
  r->bytes = sizeof *r + nv_cells_size(&txn->cells) + txn->n * sizeof *txn->steps;
  return enqueue(s, r, &apply_class, out, err);
}

int nv_store_query(nv_store *s, const char *name, const nv_val *vals, size_t n,
                   nv_op **out, nv_error *err) {
  *out = NULL;
  int query = nv_store_find(nv_store_queries, nv_store_queries_count, name);
  if (query < 0)
    return nv_fail(err, NV_EINVALID, "store", "no query '%s'", name);
  if ((size_t)nv_store_queries[query].arity != n)
    return nv_fail(err, NV_EINVALID, name, "%s takes %d values, got %zu", name,
                   nv_store_queries[query].arity, n);
  request *r = request_new();
  int rc = r ? NV_OK : NV_ENOMEM;
  for (size_t i = 0; i < n && rc == NV_OK; i++) rc = nv_cells_add(&r->args, vals[i]);
  if (rc != NV_OK) {
    if (r) free_request(&r->op);
    return nv_fail(err, rc, name, "%s: %s", name, nv_code_text(rc));
  }
  r->query = query;
  r->bytes = sizeof *r + nv_cells_size(&r->args);
  return enqueue(s, r, &query_class, out, err);
}

void nv_store_look(nv_store *s, nv_store_info *out) {
  pthread_mutex_lock(&s->lock);
  *out = (nv_store_info){s->commits, s->waiting_bytes};
  pthread_mutex_unlock(&s->lock);
}

int64_t nv_store_op_changed(const nv_op *op) {
  return op->status == NV_OK ? ((const request *)op)->changed : 0;
}

const nv_rows *nv_store_op_rows(const nv_op *op) {
  return &((const request *)op)->rows;
}

/* Tells the owners; loop thread. The ops may be freed later, not in here. */
static void finish(request *list) {
  while (list) {
    request *r = list;
    list = r->next;
    r->op.err = r->err;
    nv_op_finish(&r->op, r->status);
  }
}

/* Gives a list that is done back to the loop: one wake-up for all of it. */
static void hand_back(nv_store *s, nv_store_queue *done) {
  if (!done->head) return;
  if (s->is_inline) finish(done->head);
  else nv_loop_send(s->loop, &done->head->handback);
}

/* ---- running SQL; the writer ---- */

int nv_store_prepare(nv_store *s, const char *sql, sqlite3_stmt **out,
                   nv_error *err) {
  int rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL);
  return rc == SQLITE_OK ? NV_OK : nv_store_sql_fail(s, rc, "store", err);
}

/* Binds cells first .. first + n; the bytes stay where they are until the
 * statement is reset. */
static int bind(sqlite3_stmt *st, const nv_cells *c, size_t first, int n) {
  int rc = SQLITE_OK;
  for (int i = 0; i < n && rc == SQLITE_OK; i++) {
    nv_val v = nv_cells_get(c, first + (size_t)i);
    switch (v.type) {
      case NV_VAL_NULL: rc = sqlite3_bind_null(st, i + 1); break;
      case NV_VAL_INT: rc = sqlite3_bind_int64(st, i + 1, v.i); break;
      case NV_VAL_TEXT:
        rc = sqlite3_bind_text(st, i + 1, v.s.p, (int)v.s.n, SQLITE_STATIC);
        break;
      case NV_VAL_BLOB:
        rc = sqlite3_bind_blob(st, i + 1, v.s.p, (int)v.s.n, SQLITE_STATIC);
        break;
    }
  }
  return rc;
}

static int run_plain(nv_store *s, sqlite3_stmt *st, const char *what,
                     nv_error *err) {
  int rc = sqlite3_step(st);
  int code = rc == SQLITE_DONE ? NV_OK : nv_store_sql_fail(s, rc, what, err);
  sqlite3_reset(st);
  return code;
}

/* The operations of one transaction, inside the group's. */
static int run_txn(nv_store *s, request *r) {
  r->changed = 0;
  for (size_t i = 0; i < r->txn->n; i++) {
    const nv_step *step = &r->txn->steps[i];
    const nv_store_sql *op = &nv_store_ops[step->op];
    sqlite3_stmt **st = &s->ops[step->op];
    int rc = *st ? NV_OK : nv_store_prepare(s, op->sql, st, &r->err);
    if (rc != NV_OK) return rc;
    int before = sqlite3_total_changes(s->db), rows = 0;
    rc = bind(*st, &r->txn->cells, step->first, op->arity);
    if (rc == SQLITE_OK)
      while ((rc = sqlite3_step(*st)) == SQLITE_ROW) rows++; /* of store_shrink only */
    if (rc != SQLITE_DONE) {
      rc = nv_store_sql_fail(s, rc, op->name, &r->err);
      sqlite3_reset(*st);
      return rc;
    }
    sqlite3_reset(*st);
    if (sqlite3_total_changes(s->db) != before) rows = sqlite3_changes(s->db);
    r->changed += rows;
    if (step->expect >= 0 && rows != step->expect)
      return nv_fail(&r->err, NV_ECOUNT, op->name,
                     "%s touched %d rows, expected %d", op->name, rows,
                     step->expect);
  }
  return NV_OK;
}

/* A place where a kill test may end the process, by every operation of the group. */
static void pass(const char *name, const request *r, int n) {
  nv_failpoint(name);
#ifdef NV_FAILPOINTS
  for (; n > 0; n--, r = r->next)
    for (size_t i = 0; i < r->txn->n; i++)
      nv_failpoint_at(name, nv_store_ops[r->txn->steps[i].op].name);
#else
  (void)r;
  (void)n;
#endif
}

static int commit(nv_store *s, nv_error *err) {
  const nv_env *env = nv_loop_env(s->loop);
  int64_t began = nv_env_monotonic_us(env);
  int rc = run_plain(s, s->commit, "commit", err);
  double took = (double)(nv_env_monotonic_us(env) - began) / 1e6;
  pthread_mutex_lock(&s->lock);
  if (rc == NV_OK) nv_histogram_add(&s->commits, took, 1);
  pthread_mutex_unlock(&s->lock);
  return rc;
}

/* Applies the first `n` of a list as one SQLite transaction. Returns how many
 * are good: `n` means on disk, else everything was rolled back and the first bad
 * one has its error; -1 means that none of them is to blame. */
static int attempt(nv_store *s, request *list, int n, nv_error *err) {
  int rc = run_plain(s, s->begin, "begin", err), good = 0;
  request *r = list;
  if (rc == NV_OK) {
    for (; good < n; good++, r = r->next)
      if ((r->status = run_txn(s, r)) != NV_OK) break;
    if (good == n) {
      pass("store.before_commit", list, n);
      rc = commit(s, err);
      if (rc == NV_OK) {
        pass("store.after_commit", list, n);
        return n;
      }
    }
  }
  if (!sqlite3_get_autocommit(s->db)) { /* SQLite may have done it already */
    nv_error ignored;
    run_plain(s, s->rollback, "rollback", &ignored);
  }
  return rc == NV_OK ? good : -1;
}

static void apply_singly(nv_store *s, request *list, int n) {
  for (request *r = list; n > 0; n--, r = r->next) {
    nv_error err = {0};
    r->err = err;
    if (attempt(s, r, 1, &err) < 0) {
      r->err = err;
      r->status = err.code;
    }
  }
}

/* Applies the first `n` of a list. A guilty member costs the others one replay:
 * those before it are known to go together and do so again, it is tried alone,
 * and those after it form the next group. */
static void apply_group(nv_store *s, request *list, int n) {
  while (n > 0) {
    nv_error err = {0};
    int good = n > 1 ? attempt(s, list, n, &err) : -1;
    if (good == n) return;
    if (good < 0) {
      apply_singly(s, list, n);
      return;
    }
    if (good > 0 && attempt(s, list, good, &err) != good)
      apply_singly(s, list, good);
    for (int i = 0; i < good; i++) list = list->next;
    apply_singly(s, list, 1);
    list = list->next;
    n -= good + 1;
  }
}

static nv_val column(sqlite3_stmt *st, int i) {
  nv_str s = {0};
  switch (sqlite3_column_type(st, i)) {
    case SQLITE_NULL: return nv_val_null();
    case SQLITE_INTEGER: return nv_val_int(sqlite3_column_int64(st, i));
    case SQLITE_BLOB:
      s.p = sqlite3_column_blob(st, i);
      s.n = (size_t)sqlite3_column_bytes(st, i);
      return nv_val_blob(s);
    default:
      s.p = (const char *)sqlite3_column_text(st, i);
      s.n = (size_t)sqlite3_column_bytes(st, i);
      return nv_val_text(s);
  }
}

static int run_query(nv_store *s, request *r) {
  const nv_store_sql *q = &nv_store_queries[r->query];
  sqlite3_stmt **st = &s->queries[r->query];
  int rc = *st ? NV_OK : nv_store_prepare(s, q->sql, st, &r->err);
  if (rc != NV_OK) return rc;
  int code = NV_OK, columns = sqlite3_column_count(*st);
  r->rows.columns = (size_t)columns;
  for (int i = 0; i < columns && code == NV_OK; i++)
    code = nv_cells_add(&r->rows.cells,
                        nv_val_textz(sqlite3_column_name(*st, i)));
  rc = bind(*st, &r->args, 0, q->arity);
  while (code == NV_OK && rc == SQLITE_OK && (rc = sqlite3_step(*st)) == SQLITE_ROW) {
    for (int i = 0; i < columns && code == NV_OK; i++)
      code = nv_cells_add(&r->rows.cells, column(*st, i));
    rc = SQLITE_OK;
  }
  if (code == NV_ETOOLARGE)
    nv_fail(&r->err, code, q->name, "%s: more than %d MiB, ask for fewer rows",
            q->name, NV_ROWS_MAX >> 20);
  else if (code != NV_OK) nv_fail(&r->err, code, q->name, "out of memory");
  else if (rc != SQLITE_DONE) code = nv_store_sql_fail(s, rc, q->name, &r->err);
  sqlite3_reset(*st);
  if (code != NV_OK) nv_cells_clear(&r->rows.cells), r->rows.columns = 0;
  return code;
}

static void run_requests(nv_store *s, request *list) {
  nv_store_queue writes = {0}, reads = {0};
  int n = 0;
  while (list) {
    request *r = list;
    list = r->next;
    push(r->txn ? &writes : &reads, r);
    n += r->txn != NULL;
  }
  apply_group(s, writes.head, n);
  hand_back(s, &writes);
  for (request *r = reads.head; r; r = r->next) r->status = run_query(s, r);
  hand_back(s, &reads);
}

/* Takes everything that waits. Its bytes leave the books right away: what is
 * being written is bounded by what could wait. */
static request *take_all(nv_store *s) {
  request *list = s->waiting.head;
  s->waiting = (nv_store_queue){0};
  s->waiting_bytes = 0;
  return list;
}

static void *writer(void *arg) {
  nv_store *s = arg;
  pthread_mutex_lock(&s->lock);
  for (;;) {
    while (!s->waiting.head && !s->closing) pthread_cond_wait(&s->wake, &s->lock);
    request *list = take_all(s);
    if (!list) break;
    pthread_mutex_unlock(&s->lock);
    run_requests(s, list);
    pthread_mutex_lock(&s->lock);
  }
  pthread_mutex_unlock(&s->lock);
  return NULL;
}

static void run_inline(nv_ready *r) {
  nv_store *s = (nv_store *)((char *)r - offsetof(nv_store, work));
  if (s->closed) nv_store_free(s);
  else run_requests(s, take_all(s));
}

/* Signals belong to the loop, so the writer is born with all of them blocked. */
int nv_store_start(nv_store *s, nv_error *err) {
  s->work.fn = run_inline;
  if (s->is_inline) return NV_OK;
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int rc = pthread_create(&s->thread, NULL, writer, s);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (rc != 0)
    return nv_fail(err, NV_ENOMEM, "open", "cannot start the writer thread: %s",
                   strerror(rc));
  s->has_thread = true;
  return NV_OK;
}

void nv_store_stop(nv_store *s) {
  if (!s->has_thread) {
    run_requests(s, take_all(s));
    return;
  }
  pthread_mutex_lock(&s->lock);
  s->closing = true;
  pthread_cond_signal(&s->wake);
  pthread_mutex_unlock(&s->lock);
  pthread_join(s->thread, NULL);
  s->has_thread = false;
}
