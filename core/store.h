/* store - everything that survives a kill: jobs, effects, links, cursors, journal.
 *
 * Callers name operations and queries; how they are stored is known to
 * store_sqlite.c and store_schema.c only. A transaction is a list of named
 * operations that happen all or not at all, and is on disk before its completion
 * arrives. Transactions commit in groups, but each succeeds or fails on its own.
 * A query sees every transaction that was handed over before it.
 *
 * Threading: loop thread only (the writer thread is inside). What is handed over
 * is bounded: a queue that is full refuses with NV_EBUSY.
 *
 * OPERATIONS (all instants are integer microseconds since the epoch)
 *   job_put(flow, direction, record, due, now, version, hash, payload)
 *       the one state job of a record: inserted ready, or replaced with rev + 1
 *       and revived, a person's decision kept; left alone (0 rows) when the stored
 *       hash is the same
 *   job_add(flow, direction, record, due, now, version, hash, payload)
 *       an event job; never coalesces
 *   job_hint(flow, direction, record, now, hook, delivery|null)
 *       the state job of a record that somebody says has changed: without payload, to
 *       be read again; 0 rows when that delivery was seen. A ready job keeps when it
 *       is due and its attempts, so no flood of hints outruns a back-off
 *   delivery_put(hook, delivery)            remembers it; 0 rows when it was known
 *   deliveries_prune(keep, limit)           all but the newest; at most `limit`
 *   job_keep(flow, direction, record, due, now, version, hash, payload)
 *       a state job, unless the record has one
 *   job_done(id, rev)                       gone, unless it changed meanwhile
 *   job_retry(id, rev, due, attempts, error)       ready again, later
 *   job_park(id, rev, state, error, fingerprint, decision)   state dead or review;
 *       the decision that stays with it: null when it was carried out
 *   job_wait(id, rev, flow, side, key, error)      waiting for the link of another
 *       record: of `flow`, where `side` ("nav" or "odoo") has `key`; whoever adds
 *       that link makes it ready in the same transaction
 *   job_decide(id, decision, due)           review -> ready, with a person's decision
 *   job_order(flow, direction, record, due, decision)   a state job without payload
 *   review_drop(flow, direction, record)    the state job of a record, if in review
 *   jobs_revive(ids_json, due)              those that are dead or in review: ready
 *   job_edit(id, edited|null, decision|null)       of a dead or reviewed job: what a
 *       person made of its payload, and his word; a newer change drops the former
 *   job_import(flow, direction, record, state, attempts, created, version, hash, error,
 *       fingerprint, decision, edited, payload)    a dead or reviewed job of another
 *       store; one of the same hash that is parked here gets `edited` and `decision`
 *   jobs_settle(flow, due)                  jobs with an open effect: not before `due`
 *   job_drop(id)
 *   effect_intend(key, job, endpoint, kind, image, now, epoch, generation)   by key
 *   effect_of_record(key, flow, direction, record, endpoint, kind, image, now, epoch,
 *       generation)         of the state job of that record, if it has one
 *   lot_put(flow, n, direction, records, now, rows)   new records, stored as one row
 *   lot_intend(flow, n, now, epoch, generation)       all of them may have been sent
 *   lot_done(flow, n)
 *   effect_done(key)        effects_drop(job)
 *   link_put(flow, nav, odoo, xmlid, hash, nav_version, odoo_version, odoo_hash,
 *            base, now)
 *   link_seen(flow, nav, hash, nav_version, now)   hash and version of a link only
 *   link_drop(flow, nav)
 *   cursor_put(name, value, now)            cursor_drop(name)
 *   journal_add(at, flow, direction, record, job, outcome, detail, generation)
 *   journal_prune(before, limit)            the oldest, at most `limit` of them: the
 *       writer serves nobody else meanwhile
 *   store_shrink()                          gives some free pages back to the disk; the
 *       rows it touched are pages
 *   generation_put(id, flow, hash, file, source, lookups, stdlib, cause, now)
 *       the sources of a flow's version, kept once; again: it runs from `now` on
 *   generation_ran(id, now)                 it got its turn
 *   generation_refused(id)                  forgets it, if it never ran
 *   generation_end(id, now)                 it runs no more
 *   generations_prune(now, keep)            ended, referred to by nothing, and not
 *                                           among the `keep` newest of its flow
 *   alert_open(kind, subject, flow|null, now, detail)   fails when that one is open
 *   alert_calm(id, since|null)   alert_close(id, now)
 *   alert_owe(kind, subject, event, channel, now)       of the open one; once
 *   alert_retry(alert, event, channel, attempts, due, error)
 *   alert_sent(alert, event, channel)
 *   alerts_prune(keep)          closed ones that nobody waits for, but the newest
 *   meta_put(key, value)
 *
 * QUERIES (a name ending in _json is a JSON array; `limit` null: 1000)
 *   jobs_due(flow, direction, now, exclude_ids_json, limit, generation)
 *       -> id, record, rev, attempts, version, hash, decision, edited  by due, id;
 *       without those that an open effect pins to another generation (null: with them)
 *   jobs_pinned(flow, direction, now, exclude_ids_json, limit, generation)
 *       only those of this generation
 *   job_payloads(ids_json) -> id, rev, version, hash, decision, edited, payload
 *   jobs_next_due(flow, direction, generation) -> due
 *   jobs_pinned_next_due(flow, direction, generation) -> due
 *   jobs_waiting(flow, direction) -> count
 *   generations_pinned(flow, but) -> generation, count, due   of open effects
 *   generation(flow, hash)   generation_by_id(id)   with source, lookups
 *   generations_last() -> id                         the highest that was given
 *   generations_list(flow|null)                      without; with pinned (jobs)
 *   job(id)                                          with payload
 *   jobs_list(flow|null, state|null, after_id, limit)   by id; without payload
 *   jobs_counts() -> flow, direction, state, count   at once
 *   jobs_backlog(flow) -> count
 *   jobs_backlog_way(flow, direction) -> count        of one direction
 *   jobs_by_record(flow, direction, records_json) -> id, record, hash, state, rev
 *   known(flow, direction, records_json) -> id, record, hash, state    of links ("link") and
 *       jobs
 *   lots_counts() -> flow, count            of records
 *   lots(flow) -> n, direction, created, at, epoch, generation, rows     `at` null: not
 *       intended
 *   dead_groups() -> fingerprint, flow, state, count, oldest, error   largest first; a
 *       row for each cause that has letters now, read from totals
 *   parked_list(flow|null, state, after_id, limit)   dead or review by id, no payload
 *   parked_of_group(flow|null, fingerprint, after_id, limit)          of one cause
 *   effects_by_key(keys_json)      effects_open(flow|null, endpoint|null)  with job state
 *   links_by_nav(flow, nav_keys_json)                links_by_odoo(flow, odoo_keys_json)
 *   links_list(flow|null, after_id, limit)           links_count() -> flow, count
 *   links_seen(flow, after_id, limit) -> id, nav, odoo, hash, odoo_hash, updated
 *   known_odoo(flow, ids_json) -> id, record, hash, state   of links and jobs to NAV
 *   cursor(name) -> value, updated                   cursors_list()
 *   journal_tail(flow|null, record|null, limit)      newest first
 *   journal_counts(flow|null, since) -> flow, outcome, count
 *       since 0: of all time, pruned entries too, and at once
 *   store_size() -> pages, free, page_size   of the file; free ones are used again
 *   totals() -> flow, direction, outcome, count      of all time
 *   parked_counts() -> flow, state, groups, count    alerts_count() -> open, owed
 *   alerts_open()   alerts_list(limit), newest first
 *   alerts_owed(limit)   with their alert; in the order in which a receiver gets them
 *   meta(key) -> value                   meta_list(prefix) -> key, value
 */
#ifndef NV_STORE_H
#define NV_STORE_H

#include "metrics.h"
#include "op.h"

typedef struct nv_store nv_store;
typedef struct nv_txn nv_txn;
typedef struct nv_rows nv_rows;

enum {
  NV_STORE_QUEUE_MAX = 64 << 20, /* bytes that may wait to be written */
  NV_TXN_MAX = 32 << 20,         /* bytes of one transaction */
  NV_ROWS_MAX = 64 << 20,        /* bytes of one result */
};

typedef enum nv_val_type {
  NV_VAL_NULL,
  NV_VAL_INT,
  NV_VAL_TEXT,
  NV_VAL_BLOB,
} nv_val_type;

/* One value; `s` is borrowed. */
typedef struct nv_val {
  nv_val_type type;
  int64_t i; /* NV_VAL_INT */
  nv_str s;  /* NV_VAL_TEXT and NV_VAL_BLOB */
} nv_val;

static inline nv_val nv_val_null(void) { return (nv_val){NV_VAL_NULL, 0, {0, 0}}; }
static inline nv_val nv_val_int(int64_t i) {
  return (nv_val){NV_VAL_INT, i, {0, 0}};
}
static inline nv_val nv_val_text(nv_str s) { return (nv_val){NV_VAL_TEXT, 0, s}; }
/* NULL gives the null value. */
static inline nv_val nv_val_textz(const char *z) {
  return z ? nv_val_text(nv_str_of(z)) : nv_val_null();
}
static inline nv_val nv_val_blob(nv_str s) { return (nv_val){NV_VAL_BLOB, 0, s}; }

/* ---- opening ---- */

/* Opens the store in `folder` for the engine: makes the folder and the file when
 * missing, brings an older one up to date, and counts one more epoch. Borrows
 * `loop`. A simulated env touches no folder, only its VFS. NV_EBUSY when another
 * engine holds it, NV_ENEWER when a newer navodoo wrote it, NV_ECORRUPT when it is
 * damaged: nothing was touched then. On failure `*out` is NULL. */
int nv_store_open(nv_loop *loop, const char *folder, nv_store **out,
                  nv_error *err);
/* Opens it for queries only, next to a running engine or without one.
 * NV_ENOTFOUND when there is no store. */
int nv_store_open_readonly(nv_loop *loop, const char *folder, nv_store **out,
                           nv_error *err);
/* Copies the store in `from`, as it is at this moment and beside whatever engine
 * runs on it, into the folder `to`, which is made when missing. NV_ENOTFOUND when
 * `from` holds no store. Blocking; needs room for the whole of it. */
int nv_store_copy(const char *from, const char *to, nv_error *err);
/* The same into one new `file` that says when it was made (`now`), complete and on
 * disk when it has that name. NV_EINVALID when it is there already. */
int nv_store_backup(const char *from, const char *file, int64_t now, nv_error *err);
/* Puts a backup into `folder`, which no engine may hold (NV_EBUSY). It is checked
 * first, page by page: NV_ECORRUPT, NV_ENEWER, or NV_EINVALID for another kind of file;
 * nothing was touched then. A store that is there is refused (NV_EINVALID), or with
 * `replace` kept under its name with `aside` at the end. */
int nv_store_restore(const char *file, const char *folder, const char *aside, bool replace,
                     nv_error *err);
/* Finishes what is queued (waiting for it), then frees; the completions arrive
 * from the loop afterwards. NULL is fine. */
void nv_store_close(nv_store *s);
/* Number of times an engine opened this store, this one included. */
int64_t nv_store_epoch(const nv_store *s);

/* ---- transactions ---- */

/* An empty transaction; NULL when out of memory. */
nv_txn *nv_txn_new(void);
void nv_txn_free(nv_txn *txn);
/* Number of values that `op_name` takes, -1 when there is no such operation. */
int nv_txn_arity(const char *op_name);
/* Place of an operation, from 0, for callers that add many; -1: unknown. */
int nv_txn_find(const char *op_name);
/* Of the operation at a place: its name (NULL behind the last), its arity. */
const char *nv_txn_name(int op);
int nv_txn_arity_of(int op);
/* Adds an operation; copies the values. `expect_rows` >= 0: the transaction fails
 * with NV_ECOUNT when the operation touches another number of rows. NV_EINVALID
 * for an unknown name or wrong number of values, NV_ETOOLARGE, NV_ENOMEM: the
 * transaction is as before. */
int nv_txn_add(nv_txn *txn, const char *op_name, const nv_val *vals, size_t n,
               int expect_rows, nv_error *err);

/* nv_txn_add by place. */
int nv_txn_append(nv_txn *txn, int op, const nv_val *vals, size_t n,
                  int expect_rows, nv_error *err);

/* Applies `take_txn`, which is consumed whatever is returned. The op finishes
 * when it is on disk, or has failed as a whole: NV_ECOUNT, NV_EINVALID (a value
 * that the tables refuse), NV_EFULL, NV_EBUSY, NV_ECORRUPT, NV_EIO. Releasing the
 * op early does not take it back. */
int nv_store_apply(nv_store *s, nv_txn *take_txn, nv_op **out, nv_error *err);
/* Rows that a finished apply touched, over all its operations. */
int64_t nv_store_op_changed(const nv_op *op);

typedef struct nv_store_info {
  nv_histogram commit;  /* what the disk took to keep a group of transactions */
  size_t waiting_bytes; /* handed over and not begun */
} nv_store_info;

/* How it does at this moment. */
void nv_store_look(nv_store *s, nv_store_info *out);

/* ---- queries ---- */

/* Number of values that `query_name` takes, -1 when there is no such query. */
int nv_query_arity(const char *query_name);
int nv_store_query(nv_store *s, const char *query_name, const nv_val *vals,
                   size_t n, nv_op **out, nv_error *err);
/* The result of a finished query, valid until the op is released. */
const nv_rows *nv_store_op_rows(const nv_op *op);

size_t nv_rows_count(const nv_rows *r);
size_t nv_rows_columns(const nv_rows *r);
const char *nv_rows_name(const nv_rows *r, size_t column);
/* One value, borrowed from `r`; null when row or column does not exist. */
nv_val nv_rows_get(const nv_rows *r, size_t row, size_t column);
/* The same by name of column. */
nv_val nv_rows_named(const nv_rows *r, size_t row, const char *column);

#endif
