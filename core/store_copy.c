/* store_copy - copies of a store: beside a running engine, as a backup, and back again.
 *
 * SQLite copies page by page inside one read transaction, so a copy is the store at one
 * moment, and whoever writes meanwhile does not wait for it: only the WAL cannot start
 * anew until the copy ends. What becomes a file under a name is complete and on disk
 * before it gets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sqlite3.h>
#include <unistd.h>

#include "store_folder.h"
#include "store_schema.h"
#include "store_sqlite.h"

enum {
  BUSY_WAIT_MS = 5000,
  APPLICATION = 0x6e76646f, /* as in the first migration */
  PATH_SIZE = 4096,
};

static int failed(sqlite3 *db, int rc, const char *what, const char *path, nv_error *err) {
  int code = nv_store_code(db, rc);
  const char *why = db ? sqlite3_errmsg(db) : sqlite3_errstr(rc);
  if (code == NV_ECORRUPT)
    return nv_fail(err, code, what, "%s is damaged: %s", nv_store_tail(path), why);
  if (code == NV_EFULL)
    return nv_fail(err, code, what, "disk is full: no room for %s", nv_store_tail(path));
  return nv_fail(err, code == NV_OK ? NV_EIO : code, what, "%s: %s", nv_store_tail(path), why);
}

static int path_in(const char *folder, const char *name, char out[PATH_SIZE], nv_error *err) {
  if (snprintf(out, PATH_SIZE, "%s/%s", folder, name) < PATH_SIZE) return NV_OK;
  return nv_fail(err, NV_EINVALID, "copy", "the name of a folder is too long");
}

static int open_at(const char *path, int flags, const char *what, sqlite3 **db, nv_error *err) {
  int rc = sqlite3_open_v2(path, db, flags, NULL);
  if (rc != SQLITE_OK) return failed(*db, rc, what, path, err);
  sqlite3_extended_result_codes(*db, 1);
  sqlite3_busy_timeout(*db, BUSY_WAIT_MS);
  return NV_OK;
}

/* Copies everything into `to`, which is new, and runs some SQL on it. */
static int copy_into(sqlite3 *a, const char *to, const char *after, const char *what,
                     nv_error *err) {
  sqlite3 *b = NULL;
  int code = open_at(to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, what, &b, err);
  int rc = SQLITE_OK;
  if (code == NV_OK) {
    sqlite3_backup *copy = sqlite3_backup_init(b, "main", a, "main");
    if (copy) sqlite3_backup_step(copy, -1); /* finish tells what became of it */
    rc = copy ? sqlite3_backup_finish(copy) : sqlite3_errcode(b);
    if (rc == SQLITE_OK) rc = sqlite3_exec(b, after, NULL, NULL, NULL);
    if (rc != SQLITE_OK) code = failed(b, rc, what, to, err);
  }
  rc = sqlite3_close(b);
  return code != NV_OK || rc == SQLITE_OK ? code : failed(NULL, rc, what, to, err);
}

/* One number that a statement answers. */
static int number_of(sqlite3 *db, const char *sql, int64_t *out) {
  sqlite3_stmt *st = NULL;
  int rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
  if (rc == SQLITE_OK && (rc = sqlite3_step(st)) == SQLITE_ROW) {
    *out = sqlite3_column_int64(st, 0);
    rc = SQLITE_OK;
  }
  sqlite3_finalize(st);
  return rc;
}

/* Is this a store, and one that we know? */
static int look_at(sqlite3 *db, const char *path, const char *what, nv_error *err) {
  int64_t application = 0, version = 0;
  int rc = number_of(db, "PRAGMA application_id", &application);
  if (rc == SQLITE_OK) rc = number_of(db, "PRAGMA user_version", &version);
  if (rc != SQLITE_OK && rc != SQLITE_NOTADB) return failed(db, rc, what, path, err);
  if (application != APPLICATION)
    return nv_fail(err, NV_EINVALID, what, "%s is not a navodoo store", nv_store_tail(path));
  if (version > nv_store_version)
    return nv_fail(err, NV_ENEWER, what,
                   "%s was written by a newer navodoo (store version %d, this one knows up "
                   "to %d): use that version, nothing was changed",
                   nv_store_tail(path), (int)version, nv_store_version);
  return NV_OK;
}

/* Page by page and index by index; the first complaint. */
static int check_all(sqlite3 *db, const char *path, const char *what, nv_error *err) {
  sqlite3_stmt *st = NULL;
  int rc = sqlite3_prepare_v2(db, "PRAGMA integrity_check(1)", -1, &st, NULL), code = NV_OK;
  if (rc == SQLITE_OK) rc = sqlite3_step(st);
  const char *said = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(st, 0) : NULL;
  if (!said) code = failed(db, rc, what, path, err);
  else if (strcmp(said, "ok") != 0)
    code = nv_fail(err, NV_ECORRUPT, what, "%s is damaged (%.120s): take another backup",
                   nv_store_tail(path), said);
  sqlite3_finalize(st);
  return code;
}

int nv_store_copy(const char *from, const char *to, nv_error *err) {
  char source[PATH_SIZE], target[PATH_SIZE];
  int code = path_in(from, "navodoo.db", source, err);
  if (code == NV_OK) code = path_in(to, "navodoo.db", target, err);
  if (code != NV_OK) return code;
  if (access(source, F_OK) != 0)
    return nv_fail(err, NV_ENOTFOUND, "copy", "%s holds no store", nv_store_tail(from));
  sqlite3 *a = NULL;
  code = nv_store_make_folder(to, err);
  if (code == NV_OK) code = open_at(source, SQLITE_OPEN_READONLY, "copy", &a, err);
  if (code == NV_OK) code = copy_into(a, target, "", "copy", err);
  sqlite3_close(a);
  return code;
}

/* The folder that a file is in. */
static void folder_of(const char *file, char out[PATH_SIZE]) {
  snprintf(out, PATH_SIZE, "%s", file);
  char *slash = strrchr(out, '/');
  if (!slash) strcpy(out, ".");
  else slash[slash == out] = 0;
}

/* An empty file that only we may read, which SQLite then fills. */
static int make_file(const char *path, const char *what, nv_error *err) {
  int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0)
    return nv_fail(err, NV_EIO, what, "cannot make %s: %s", nv_store_tail(path), strerror(errno));
  close(fd);
  return NV_OK;
}

static int give_name(const char *made, const char *name, const char *what, nv_error *err) {
  char folder[PATH_SIZE];
  if (rename(made, name) != 0)
    return nv_fail(err, NV_EIO, what, "cannot name %s: %s", nv_store_tail(name), strerror(errno));
  folder_of(name, folder);
  nv_store_sync_folder(folder);
  return NV_OK;
}

static int taken(const char *path, const char *what, nv_error *err) {
  return nv_fail(err, NV_EINVALID, what, "%s is there already: nothing is overwritten",
                 nv_store_tail(path));
}

int nv_store_backup(const char *from, const char *file, int64_t now, nv_error *err) {
  char source[PATH_SIZE], partial[PATH_SIZE], after[256];
  int code = path_in(from, "navodoo.db", source, err);
  if (code == NV_OK && snprintf(partial, PATH_SIZE, "%s.partial", file) >= PATH_SIZE)
    code = nv_fail(err, NV_EINVALID, "backup", "the name of the file is too long");
  if (code != NV_OK) return code;
  if (access(source, F_OK) != 0)
    return nv_fail(err, NV_ENOTFOUND, "backup", "%s holds no store", nv_store_tail(from));
  if (access(file, F_OK) == 0) return taken(file, "backup", err);
  snprintf(after, sizeof after,
           "PRAGMA journal_mode = DELETE; INSERT INTO meta (key, value) VALUES ('backup', %lld)"
           " ON CONFLICT (key) DO UPDATE SET value = excluded.value", (long long)now);
  sqlite3 *a = NULL;
  code = open_at(source, SQLITE_OPEN_READONLY, "backup", &a, err);
  if (code == NV_OK) code = look_at(a, source, "backup", err);
  if (code == NV_OK) code = make_file(partial, "backup", err);
  if (code == NV_OK) {
    code = copy_into(a, partial, after, "backup", err);
    if (code == NV_OK) code = give_name(partial, file, "backup", err);
    if (code != NV_OK) unlink(partial);
  }
  sqlite3_close(a);
  return code;
}

/* Renames the store of a folder with what belongs to it: a WAL that was left beside a
 * new file would be taken for its own. */
static int put_aside(const char *folder, const char *aside, nv_error *err) {
  static const char *const ends[] = {"", "-wal", "-shm"};
  for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
    char from[PATH_SIZE], to[PATH_SIZE + 160];
    snprintf(from, sizeof from, "%s/navodoo.db%s", folder, ends[i]);
    snprintf(to, sizeof to, "%s/navodoo.db.%.100s%s", folder, aside, ends[i]);
    if (rename(from, to) != 0 && errno != ENOENT)
      return nv_fail(err, NV_EIO, "restore", "cannot rename %s: %s", nv_store_tail(from),
                     strerror(errno));
  }
  return NV_OK;
}

/* The folder is ours: no engine. */
static int restore_into(sqlite3 *a, const char *folder, const char *aside, bool replace,
                        int fd, nv_error *err) {
  char target[PATH_SIZE], partial[PATH_SIZE];
  int code = path_in(folder, "navodoo.db", target, err);
  if (code == NV_OK) code = path_in(folder, "navodoo.db.partial", partial, err);
  if (code != NV_OK) return code;
  if (!replace && access(target, F_OK) == 0) return taken(target, "restore", err);
  unlink(partial); /* of a restore that was cut off */
  code = make_file(partial, "restore", err);
  if (code == NV_OK) code = copy_into(a, partial, "", "restore", err);
  if (code == NV_OK) code = nv_store_mark(fd, err); /* from here on a missing file was lost */
  if (code == NV_OK) code = put_aside(folder, aside, err);
  if (code == NV_OK) code = give_name(partial, target, "restore", err);
  else unlink(partial);
  return code;
}

int nv_store_restore(const char *file, const char *folder, const char *aside, bool replace,
                     nv_error *err) {
  sqlite3 *a = NULL;
  int fd = -1;
  if (access(file, F_OK) != 0)
    return nv_fail(err, NV_ENOTFOUND, "restore", "there is no file %s", nv_store_tail(file));
  int code = open_at(file, SQLITE_OPEN_READONLY, "restore", &a, err);
  if (code == NV_OK) code = look_at(a, file, "restore", err);
  if (code == NV_OK) code = check_all(a, file, "restore", err);
  if (code == NV_OK) code = nv_store_make_folder(folder, err);
  if (code == NV_OK) code = nv_store_take_lock(folder, &fd, err);
  if (code == NV_OK) code = restore_into(a, folder, aside, replace, fd, err);
  if (fd >= 0) close(fd);
  sqlite3_close(a);
  return code;
}
