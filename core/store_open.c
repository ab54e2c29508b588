/* store_open - finding, checking, upgrading and closing a store on SQLite.
 *
 * Nothing is changed before the file is known to be ours and not too new. One
 * engine per folder holds engine.lock; readers need no lock.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_folder.h"
#include "store_schema.h"
#include "store_sqlite.h"

enum { BUSY_WAIT_MS = 5000 };

/* ---- errors ---- */

int nv_store_code(sqlite3 *db, int rc) {
  switch (rc & 0xff) {
    case SQLITE_OK: return NV_OK;
    case SQLITE_NOMEM: return NV_ENOMEM;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return NV_EBUSY;
    case SQLITE_FULL: return NV_EFULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return NV_ECORRUPT;
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH: return NV_EINVALID;
    case SQLITE_TOOBIG: return NV_ETOOLARGE;
    case SQLITE_IOERR:
      if (db && (sqlite3_system_errno(db) == EDQUOT ||
                 sqlite3_system_errno(db) == ENOSPC))
        return NV_EFULL;
      return NV_EIO;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY: return NV_EIO;
    default: return NV_ESTORE;
  }
}

/* Describes the last failure of the connection; `what` was being done. */
int nv_store_sql_fail(nv_store *s, int rc, const char *what, nv_error *err) {
  int code = nv_store_code(s->db, rc);
  const char *file = nv_store_tail(s->path);
  const char *why = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
  switch (code) {
    case NV_ECORRUPT:
      return nv_fail(err, code, what,
                     "%s is damaged (%s): stop, keep a copy of the folder, then "
                     "restore a backup or run 'sqlite3 FILE .recover'", file, why);
    case NV_EFULL:
      return nv_fail(err, code, what, "disk is full: %s cannot grow", file);
    case NV_EBUSY:
      return nv_fail(err, code, what, "%s is locked by another program", file);
    case NV_EIO:
      return nv_fail(err, code, what, "%s: %s", file, why);
    default:
      return nv_fail(err, code, what, "%s: %s", what, why);
  }
}

/* ---- opening ---- */

static int exec(nv_store *s, const char *sql, const char *what, nv_error *err) {
  int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
  return rc == SQLITE_OK ? NV_OK : nv_store_sql_fail(s, rc, what, err);
}

/* First column of the last row as a number; 0 when there is none. Runs to the
 * end, because that is where an implicit commit reports its failure. */
static int ask_number(nv_store *s, const char *sql, int64_t *out, nv_error *err) {
  sqlite3_stmt *st = NULL;
  *out = 0;
  int rc = sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);
  while (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    *out = sqlite3_column_int64(st, 0);
    rc = SQLITE_OK;
  }
  int code = rc == SQLITE_DONE ? NV_OK : nv_store_sql_fail(s, rc, "open", err);
  sqlite3_finalize(st);
  return code;
}

/* Looks before anything is changed: is this file ours, and of which version? */
static int check_version(nv_store *s, int64_t *version, nv_error *err) {
  int64_t tables = 0;
  const char *file = nv_store_tail(s->path);
  int rc = ask_number(s, "PRAGMA user_version", version, err);
  if (rc == NV_OK && *version == 0)
    rc = ask_number(s, "SELECT count(*) FROM sqlite_schema", &tables, err);
  if (rc != NV_OK) return rc;
  if (tables > 0)
    return nv_fail(err, NV_EINVALID, "open", "%s is not a navodoo store", file);
  if (*version > nv_store_version)
    return nv_fail(err, NV_ENEWER, "open",
                   "%s was written by a newer navodoo (store version %d, this "
                   "one knows up to %d): use that version, nothing was changed",
                   file, (int)*version, nv_store_version);
  if (!s->readonly || *version == nv_store_version) return NV_OK;
  if (*version == 0)
    return nv_fail(err, NV_ENOTFOUND, "open", "there is no store in %s yet", file);
  return nv_fail(err, NV_ESTORE, "open",
                 "%s has store version %d, this navodoo reads %d: start the "
                 "engine once to bring it up to date", file, (int)*version,
                 nv_store_version);
}

static int migrate(nv_store *s, int64_t version, nv_error *err) {
  for (; version < nv_store_version; version++) {
    char bump[64];
    snprintf(bump, sizeof bump, "PRAGMA user_version = %d", (int)version + 1);
    int rc = exec(s, "BEGIN IMMEDIATE", "open", err);
    if (rc == NV_OK) rc = exec(s, nv_store_migrations[version], "open", err);
    if (rc == NV_OK) rc = exec(s, bump, "open", err);
    if (rc == NV_OK) rc = exec(s, "COMMIT", "open", err);
    if (rc != NV_OK) return rc; /* closing rolls back */
  }
  return NV_OK;
}

/* Lets the file shrink: a new one by how it is made, one of before by being written
 * anew, once. Where the disk has no room for that, its free pages are used again. */
static int allow_shrinking(nv_store *s, int64_t version, nv_error *err) {
  int64_t mode = 0;
  int rc = ask_number(s, "PRAGMA auto_vacuum", &mode, err);
  if (rc != NV_OK || mode != 0) return rc;
  rc = exec(s, "PRAGMA auto_vacuum = INCREMENTAL", "open", err);
  if (rc == NV_OK && version > 0) rc = exec(s, "VACUUM", "open", err);
  return rc == NV_EFULL ? NV_OK : rc;
}

static int enter_wal_mode(nv_store *s, nv_error *err) {
  sqlite3_stmt *st = NULL;
  int rc = nv_store_prepare(s, "PRAGMA journal_mode = WAL", &st, err);
  if (rc != NV_OK) return rc;
  int step = sqlite3_step(st);
  const char *mode = step == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0)
                                        : NULL;
  if (step != SQLITE_ROW) rc = nv_store_sql_fail(s, step, "open", err);
  else if (!mode || strcmp(mode, "wal") != 0)
    rc = nv_fail(err, NV_EIO, "open", "%s: this file system cannot hold a store "
                 "(no shared memory)", nv_store_tail(s->path));
  sqlite3_finalize(st);
  return rc;
}

/* The engine's side of opening; the file is known to be ours. */
static int open_for_writing(nv_store *s, int64_t version, nv_error *err) {
  int rc = allow_shrinking(s, version, err);
  if (rc == NV_OK) rc = enter_wal_mode(s, err);
  if (rc == NV_OK)
    rc = exec(s, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16000;"
              "PRAGMA journal_size_limit = 134217728", "open", err);
  if (rc == NV_OK) rc = migrate(s, version, err);
  if (rc == NV_OK)
    rc = ask_number(s, "INSERT INTO meta (key, value) VALUES ('epoch', 1)"
                    " ON CONFLICT (key) DO UPDATE SET value = value + 1"
                    " RETURNING value", &s->epoch, err);
  if (rc == NV_OK) rc = nv_store_prepare(s, "BEGIN IMMEDIATE", &s->begin, err);
  if (rc == NV_OK) rc = nv_store_prepare(s, "COMMIT", &s->commit, err);
  if (rc == NV_OK) rc = nv_store_prepare(s, "ROLLBACK", &s->rollback, err);
  if (rc == NV_OK)
    sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
  return rc;
}

/* Once per process: without its statistics SQLite's allocator takes no lock, which
 * was 6 % of the whole cycle. */
static void configure(void) { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

static int open_db(nv_store *s, nv_error *err) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, configure);
  int64_t version = 0;
  int flags = s->readonly ? SQLITE_OPEN_READONLY
                          : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  int rc = sqlite3_open_v2(s->path, &s->db, flags | SQLITE_OPEN_NOMUTEX,
                           nv_loop_env(s->loop)->vfs);
  if (rc != SQLITE_OK) return nv_store_sql_fail(s, rc, "open", err);
  sqlite3_extended_result_codes(s->db, 1);
  sqlite3_busy_timeout(s->db, BUSY_WAIT_MS);
  /* Not even a checkpoint at closing, until the file is known to be ours. */
  sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
  if ((rc = check_version(s, &version, err)) != NV_OK) return rc;
  rc = exec(s, "PRAGMA cache_size = -8192; PRAGMA mmap_size = 0;"
            "PRAGMA temp_store = MEMORY", "open", err);
  if (rc != NV_OK) return rc;
  return s->readonly ? ask_number(s, "SELECT value FROM meta WHERE key = 'epoch'",
                                  &s->epoch, err)
                     : open_for_writing(s, version, err);
}

/* ---- life ---- */

static void close_db(nv_store *s) {
  for (int i = 0; s->ops && i < nv_store_ops_count; i++)
    sqlite3_finalize(s->ops[i]);
  for (int i = 0; s->queries && i < nv_store_queries_count; i++)
    sqlite3_finalize(s->queries[i]);
  sqlite3_finalize(s->begin);
  sqlite3_finalize(s->commit);
  sqlite3_finalize(s->rollback);
  sqlite3_close(s->db);
  if (s->lock_fd >= 0) close(s->lock_fd);
  s->closed = true;
}

void nv_store_free(nv_store *s) {
  pthread_mutex_destroy(&s->lock);
  pthread_cond_destroy(&s->wake);
  free(s->ops);
  free(s->queries);
  free(s->path);
  free(s);
}

static nv_store *store_new(nv_loop *loop, const char *folder, bool readonly) {
  nv_store *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->loop = loop;
  s->lock_fd = -1;
  s->readonly = readonly;
  s->is_inline = nv_loop_env(loop)->inline_store;
  pthread_mutex_init(&s->lock, NULL);
  pthread_cond_init(&s->wake, NULL);
  s->ops = calloc((size_t)nv_store_ops_count, sizeof *s->ops);
  s->queries = calloc((size_t)nv_store_queries_count, sizeof *s->queries);
  if (asprintf(&s->path, "%s/navodoo.db", folder) < 0) s->path = NULL;
  if (s->path && s->ops && s->queries) return s;
  nv_store_free(s);
  return NULL;
}

static int open_store(nv_loop *loop, const char *folder, bool readonly,
                      nv_store **out, nv_error *err) {
  const nv_env *env = nv_loop_env(loop);
  *out = NULL;
  /* Nobody asks SQLite for its memory, and counting it takes a lock each time. Too
   * late once SQLite runs, and no harm then. */
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  nv_store *s = store_new(loop, folder, readonly);
  if (!s) return nv_fail(err, NV_ENOMEM, "open", "out of memory");
  int rc = NV_OK;
  if (readonly && !env->vfs && access(s->path, F_OK) != 0)
    rc = nv_fail(err, NV_ENOTFOUND, "open", "there is no store in folder %s",
                 nv_store_tail(folder));
  if (!readonly && !env->simulated) {
    rc = nv_store_make_folder(folder, err);
    if (rc == NV_OK) rc = nv_store_take_lock(folder, &s->lock_fd, err);
    if (rc == NV_OK && !env->vfs) rc = nv_store_not_lost(folder, s->lock_fd, err);
  }
  if (rc == NV_OK) rc = open_db(s, err);
  if (rc == NV_OK && s->lock_fd >= 0) rc = nv_store_mark(s->lock_fd, err);
  if (rc == NV_OK) rc = nv_store_start(s, err);
  if (rc == NV_OK) {
    *out = s;
    return NV_OK;
  }
  close_db(s);
  nv_store_free(s);
  return rc;
}

int nv_store_open(nv_loop *loop, const char *folder, nv_store **out,
                  nv_error *err) {
  return open_store(loop, folder, false, out, err);
}

int nv_store_open_readonly(nv_loop *loop, const char *folder, nv_store **out,
                           nv_error *err) {
  return open_store(loop, folder, true, out, err);
}

void nv_store_close(nv_store *s) {
  if (!s) return;
  nv_store_stop(s);
  close_db(s);
  if (!s->work.queued) nv_store_free(s); /* else its last turn does it */
}

int64_t nv_store_epoch(const nv_store *s) { return s->epoch; }
