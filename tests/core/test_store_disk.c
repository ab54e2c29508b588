/* The store and its disk: who may open it, what is refused untouched, what is left
 * after a full disk and after a power failure at any moment. */
#include "store_world.h"
#include "store_schema.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---- the file, from outside ---- */

typedef struct copy {
  size_t n;
  unsigned char *p;
} copy;

static void path_of(world *w, char out[128]) {
  snprintf(out, 128, "%s/navodoo.db", w->folder);
}

static copy take_copy(world *w) {
  char path[128];
  copy c = {0};
  path_of(w, path);
  if (w->env.vfs) {
    const unsigned char *p = nv_simvfs_file(path, &c.n);
    assert_non_null(p);
    c.p = malloc(c.n);
    memcpy(c.p, p, c.n);
    return c;
  }
  struct stat st;
  int fd = open(path, O_RDONLY);
  assert_true(fd >= 0 && fstat(fd, &st) == 0);
  c.n = (size_t)st.st_size;
  c.p = malloc(c.n);
  assert_int_equal(read(fd, c.p, c.n), c.n);
  close(fd);
  return c;
}

static void assert_untouched(world *w, copy before) {
  copy now = take_copy(w);
  assert_int_equal(now.n, before.n);
  assert_memory_equal(now.p, before.p, now.n);
  free(now.p);
  free(before.p);
}

static void damage(world *w, size_t at, const void *p, size_t n) {
  char path[128];
  path_of(w, path);
  if (w->env.vfs) {
    nv_simvfs_damage(path, at, p, n);
    return;
  }
  int fd = open(path, O_WRONLY);
  assert_int_equal(pwrite(fd, p, n, (off_t)at), n);
  close(fd);
}

static void assert_refused(world *w, int code, const char *word) {
  nv_store *s;
  nv_error err = {0};
  assert_int_equal(nv_store_open(w->loop, w->folder, &s, &err), code);
  assert_null(s);
  if (!strstr(err.text, word)) fail_msg("'%s' does not say '%s'", err.text, word);
}

/* ---- who may open it ---- */

static void test_every_start_is_an_epoch(void **state) {
  (void)state;
  world *w = world_new(false);
  for (int64_t epoch = 1; epoch <= 3; epoch++) {
    assert_int_equal(nv_store_epoch(w->s), epoch);
    close_store(w);
    open_store(w);
  }
  world_free(w);
}

static void test_a_second_engine_is_refused(void **state) {
  (void)state;
  world *w = world_new(false);
  if (!inline_mode) { /* a simulated process touches no folder */
    char pid[32];
    snprintf(pid, sizeof pid, "(process %ld)", (long)getpid());
    assert_refused(w, NV_EBUSY, pid);
    assert_refused(w, NV_EBUSY, w->folder);
    assert_int_equal(apply_one(w, "meta_put", "ss", "k", "v"), 1);
  }
  world_free(w);
}

static void test_a_store_of_a_newer_version_is_left_alone(void **state) {
  (void)state;
  world *w = world_new(false);
  close_store(w);
  raw_sql(w, "PRAGMA user_version = 4711");
  copy before = take_copy(w);
  assert_refused(w, NV_ENEWER, "newer navodoo (store version 4711");
  assert_untouched(w, before);
  char back[64];
  snprintf(back, sizeof back, "PRAGMA user_version = %d", nv_store_version);
  raw_sql(w, back);
  open_store(w);
  world_free(w);
}

static void test_a_store_of_the_first_version_is_brought_up_to_date(void **state) {
  (void)state;
  world *w = world_new(true);
  close_store(w);
  nv_simvfs_reset();
  raw_sql(w, nv_store_migrations[0]);
  raw_sql(w, "PRAGMA user_version = 1;"
             "INSERT INTO links (flow, nav, odoo, hash, base)"
             " VALUES ('f', 'CRONUS/C1', '7', 'h', 'x');"
             "INSERT INTO journal (at, flow, outcome) VALUES (1, 'f', 'done'), (2, 'f', 'done')");
  open_store(w);
  assert_int_equal(number_in(ask(w, "links_by_odoo", "ss", "f", "[7]"), "id"), 1);
  assert_int_equal(apply_one(w, "delivery_put", "ss", "h", "x"), 1);
  assert_answer(w, "f,done,2", "journal_counts", "ni", INT64_C(0));
  raw_sql_is(w, "PRAGMA auto_vacuum", 2);
  nv_op *op = ask(w, "links_by_nav", "ss", "f", "[\"CRONUS/C1\"]");
  const nv_rows *rows = nv_store_op_rows(op);
  assert_int_equal(nv_rows_count(rows), 1);
  assert_int_equal(nv_rows_named(rows, 0, "hash").s.n, 1);
  assert_int_equal(nv_rows_named(rows, 0, "base").type, NV_VAL_NULL);
  nv_op_release(op);
  world_free(w);
}

static void test_a_database_of_somebody_else_is_left_alone(void **state) {
  (void)state;
  world *w = world_new(true);
  close_store(w);
  nv_simvfs_reset();
  raw_sql(w, "CREATE TABLE theirs (x)");
  copy before = take_copy(w);
  assert_refused(w, NV_EINVALID, "is not a navodoo store");
  assert_untouched(w, before);
  nv_simvfs_reset();
  open_store(w);
  world_free(w);
}

static void test_a_damaged_file_is_named_and_left_alone(void **state) {
  (void)state;
  world *w = world_new(false);
  close_store(w);
  copy whole = take_copy(w);
  unsigned char *junk = malloc(whole.n);
  memset(junk, 0xff, whole.n);
  damage(w, 4096, junk, whole.n - 4096); /* the tables */
  copy before = take_copy(w);
  assert_refused(w, NV_ECORRUPT, "navodoo.db is damaged");
  assert_untouched(w, before);
  damage(w, 0, junk, 100); /* not even a database any more */
  before = take_copy(w);
  assert_refused(w, NV_ECORRUPT, ".recover");
  assert_untouched(w, before);
  damage(w, 0, whole.p, whole.n);
  open_store(w);
  free(junk);
  free(whole.p);
  world_free(w);
}

/* ---- readers ---- */

static int64_t backlog(world *w, nv_store *s, ...) {
  va_list ap;
  va_start(ap, s);
  nv_op *op = ask_on(w, s, "jobs_backlog", "s", ap);
  va_end(ap);
  int status = op->status;
  int64_t n = number_in(op, "count");
  return status == NV_OK ? n : -2;
}

static void test_a_reader_reads_and_may_not_write(void **state) {
  (void)state;
  world *w = world_new(false);
  nv_store *reader;
  nv_error err = {0};
  nv_op *op;
  if (nv_store_open_readonly(w->loop, w->folder, &reader, &err) != NV_OK)
    fail_msg("%s", err.text);
  assert_int_equal(nv_store_epoch(reader), 1);
  for (int i = 1; i <= 3; i++) {
    char record[16];
    nv_txn *t = nv_txn_new();
    sprintf(record, "C%d", i);
    put_job(t, record, "h", "p");
    assert_int_equal(apply(w, t).status, NV_OK);
    assert_int_equal(backlog(w, reader, "f"), i);
  }
  assert_int_equal(nv_store_apply(reader, nv_txn_new(), &op, &err), NV_EINVALID);
  close_store(w);
  assert_int_equal(backlog(w, reader, "f"), 3); /* also of a stopped engine */
  nv_store_close(reader);
  if (!inline_mode)
    assert_int_equal(nv_store_open_readonly(w->loop, "/tmp/navodoo-no-such-folder",
                                            &reader, &err), NV_ENOTFOUND);
  open_store(w);
  world_free(w);
}

static void test_a_copy_is_the_store_at_that_moment(void **state) {
  (void)state;
  if (inline_mode) return; /* no folder to copy */
  world *w = world_new(false);
  char to[4096 + 8];
  nv_error err = {0};
  nv_store *s;
  snprintf(to, sizeof to, "%s/copy", w->folder);
  assert_int_equal(nv_store_copy("/tmp/navodoo-no-such-folder", to, &err), NV_ENOTFOUND);
  nv_txn *t = nv_txn_new();
  put_job(t, "C1", "h", "p");
  assert_int_equal(apply(w, t).status, NV_OK);
  if (nv_store_copy(w->folder, to, &err) != NV_OK) fail_msg("%s", err.text);
  t = nv_txn_new();
  put_job(t, "C2", "h", "p");
  assert_int_equal(apply(w, t).status, NV_OK);
  if (nv_store_open(w->loop, to, &s, &err) != NV_OK) fail_msg("%s", err.text);
  assert_int_equal(backlog(w, s, "f"), 1);
  nv_store_close(s);
  assert_int_equal(nv_store_copy(w->folder, "/proc/no/folder", &err), NV_EIO);
  world_free(w);
}

/* ---- backups ---- */

static int64_t backlog_in(world *w, const char *folder) {
  nv_store *s;
  nv_error err = {0};
  if (nv_store_open_readonly(w->loop, folder, &s, &err) != NV_OK) fail_msg("%s", err.text);
  int64_t n = backlog(w, s, "f");
  nv_store_close(s);
  return n;
}

static void put_one(world *w, const char *record) {
  nv_txn *t = nv_txn_new();
  put_job(t, record, "h", "p");
  assert_int_equal(apply(w, t).status, NV_OK);
}

static void remove_folder(const char *folder) {
  char command[256];
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  assert_int_equal(system(command), 0);
}

static void assert_fails(int code, int wanted, const nv_error *err, const char *word) {
  assert_int_equal(code, wanted);
  if (!strstr(err->text, word)) fail_msg("'%s' does not say '%s'", err->text, word);
}

static void test_a_backup_is_one_file_and_comes_back(void **state) {
  (void)state;
  if (inline_mode) return; /* no folder */
  world *w = world_new(false);
  char dir[] = "/tmp/navodoo-backup-XXXXXX", file[64], to[64];
  nv_error err = {0};
  assert_non_null(mkdtemp(dir));
  snprintf(file, sizeof file, "%s/b", dir);
  snprintf(to, sizeof to, "%s/state", dir);
  assert_fails(nv_store_backup(dir, file, 7, &err), NV_ENOTFOUND, &err, "holds no store");
  put_one(w, "C1");
  if (nv_store_backup(w->folder, file, 7, &err) != NV_OK) fail_msg("%s", err.text);
  struct stat st;
  assert_int_equal(stat(file, &st), 0);
  assert_int_equal(st.st_mode & 0777, 0600);
  put_one(w, "C2");
  assert_fails(nv_store_backup(w->folder, file, 8, &err), NV_EINVALID, &err, "is there already");

  assert_fails(nv_store_restore(file, w->folder, "before-7", false, &err), NV_EBUSY, &err, "in use");
  if (nv_store_restore(file, to, "before-7", false, &err) != NV_OK) fail_msg("%s", err.text);
  assert_int_equal(backlog_in(w, to), 1);
  assert_fails(nv_store_restore(file, to, "before-7", false, &err), NV_EINVALID, &err, "nothing is overwritten");

  close_store(w);
  /* a WAL that a cut-off restore left alone is not taken for that of the new file */
  char aside[128];
  raw_sql(w, "UPDATE jobs SET payload = 'of the WAL'");
  if (nv_store_restore(file, w->folder, "before-7", true, &err) != NV_OK) fail_msg("%s", err.text);
  open_store(w);
  assert_int_equal(number_in(ask(w, "jobs_backlog", "s", "f"), "count"), 1);
  assert_int_equal(number_in(ask(w, "meta", "s", "backup"), "value"), 7);
  static const char *const ends[] = {"", "-wal", "-shm"};
  for (int i = 0; i < 3; i++) {
    snprintf(aside, sizeof aside, "%s/navodoo.db.before-7%s", w->folder, ends[i]);
    assert_int_equal(access(aside, F_OK), 0);
    unlink(aside);
  }
  remove_folder(dir);
  world_free(w);
}

static void cut(const char *path, off_t n) { assert_int_equal(truncate(path, n), 0); }

static void test_a_bad_backup_is_refused_and_changes_nothing(void **state) {
  (void)state;
  if (inline_mode) return;
  world *w = world_new(false);
  char dir[] = "/tmp/navodoo-backup-XXXXXX", file[64], to[64];
  nv_error err = {0};
  assert_non_null(mkdtemp(dir));
  snprintf(file, sizeof file, "%s/b", dir);
  snprintf(to, sizeof to, "%s/state", dir);
  put_one(w, "C1");
  assert_int_equal(nv_store_backup(w->folder, file, 7, &err), NV_OK);
  sqlite3 *db;
  assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 4711", NULL, NULL, NULL), SQLITE_OK);
  assert_fails(nv_store_restore(file, to, "before-7", false, &err), NV_ENEWER, &err, "store version 4711");
  assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 1; PRAGMA application_id = 1", NULL, NULL,
                                NULL), SQLITE_OK);
  assert_fails(nv_store_restore(file, to, "before-7", false, &err), NV_EINVALID, &err, "not a navodoo store");
  sqlite3_close(db);
  struct stat st;
  unlink(file);
  assert_int_equal(nv_store_backup(w->folder, file, 7, &err), NV_OK);
  assert_int_equal(stat(file, &st), 0);
  cut(file, st.st_size - 4096);
  assert_fails(nv_store_restore(file, to, "before-7", false, &err), NV_ECORRUPT, &err, "damaged");
  cut(file, 10);
  assert_fails(nv_store_restore(file, to, "before-7", false, &err), NV_EINVALID, &err,
               "not a navodoo store");
  assert_int_equal(access(to, F_OK), -1);
  assert_fails(nv_store_restore("/tmp/navodoo-no-such-file", to, "b", false, &err), NV_ENOTFOUND, &err,
               "there is no file");
  remove_folder(dir);
  world_free(w);
}

/* ---- a file that was cut short, or is gone ---- */

static void test_a_store_cut_short_is_refused_and_not_begun_anew(void **state) {
  (void)state;
  if (inline_mode) return; /* a simulated process touches no folder */
  world *w = world_new(false);
  char path[128];
  for (int i = 0; i < 50; i++) {
    char record[16];
    snprintf(record, sizeof record, "C%d", i);
    put_one(w, record);
  }
  close_store(w);
  copy whole = take_copy(w);
  path_of(w, path);
  for (size_t n = 0; n < whole.n; n += n < 8192 ? 512 : 4096) {
    cut(path, (off_t)n);
    copy before = take_copy(w);
    assert_refused(w, NV_ECORRUPT, n ? "navodoo.db is damaged" : "navodoo.db is empty");
    assert_untouched(w, before);
    damage(w, 0, whole.p, whole.n);
  }
  unlink(path);
  assert_refused(w, NV_ECORRUPT, "navodoo.db is gone, and an engine had a store there");
  assert_int_equal(access(path, F_OK), -1);
  int fd = open(path, O_WRONLY | O_CREAT, 0600);
  close(fd);
  damage(w, 0, whole.p, whole.n);
  open_store(w);
  assert_int_equal(number_in(ask(w, "jobs_backlog", "s", "f"), "count"), 50);
  free(whole.p);
  world_free(w);
}

/* ---- another process ---- */

enum { PAIRS = 100 };

/* The other process: sees only whole transactions, and more of them each time. */
static int watch_from_outside(const char *folder, int go) {
  world w = {0};
  nv_store *s;
  int64_t before = 0, n = 0;
  char c;
  alarm(60);
  if (read(go, &c, 1) != 1) return 2;
  nv_env_init(&w.env);
  if (nv_loop_open(&w.env, &w.loop, NULL) != NV_OK) return 3;
  if (nv_store_open_readonly(w.loop, folder, &s, NULL) != NV_OK) return 4;
  for (; n < 2 * PAIRS; before = n) {
    n = backlog(&w, s, "f");
    if (n < before || n % 2 != 0) return 5;
  }
  nv_store_close(s);
  nv_loop_close(w.loop);
  return 0;
}

static void test_another_process_reads_while_the_engine_writes(void **state) {
  (void)state;
  world *w = world_new(false);
  if (!inline_mode) {
    int go[2], how = 0;
    close_store(w); /* no thread while we fork */
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) _exit(watch_from_outside(w->folder, go[0]));
    open_store(w);
    assert_int_equal(write(go[1], "!", 1), 1);
    for (int i = 0; i < PAIRS; i++) {
      nv_txn *t = nv_txn_new();
      for (int k = 0; k < 2; k++) {
        char record[32];
        snprintf(record, sizeof record, "C%d-%d", i, k);
        put_job(t, record, "h", "p");
      }
      assert_int_equal(apply(w, t).status, NV_OK);
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    close(go[0]);
    close(go[1]);
  }
  world_free(w);
}

/* ---- a full disk ---- */

static void test_a_full_disk_fails_the_new_and_keeps_the_old(void **state) {
  (void)state;
  world *w = world_new(true);
  enum { N = 40 };
  static char payload[100 * 1024];
  outcome o[N];
  int good = 0;
  memset(payload, 'x', sizeof payload - 1);
  nv_simvfs_limit(2 << 20);
  for (int i = 0; i < N; i++) {
    char record[32];
    nv_txn *t = nv_txn_new();
    snprintf(record, sizeof record, "C%d", i);
    put_job(t, record, "h", payload);
    apply_later(w, t, &o[i]);
  }
  settle(w);
  for (int i = 0; i < N; i++) {
    if (o[i].status == NV_OK) good++;
    else assert_int_equal(o[i].status, NV_EFULL);
  }
  assert_in_range(good, 5, N - 5);
  assert_non_null(strstr(o[N - 1].text, "disk is full"));
  assert_int_equal(number_in(ask(w, "jobs_backlog", "s", "f"), "count"), good);
  nv_simvfs_limit(0);
  nv_txn *t = nv_txn_new();
  put_job(t, "after", "h", payload);
  assert_int_equal(apply(w, t).status, NV_OK);
  close_store(w);
  open_store(w);
  assert_int_equal(number_in(ask(w, "jobs_backlog", "s", "f"), "count"), good + 1);
  world_free(w);
}

/* ---- a disk that fails at any moment ---- */

enum { LIVES = 2, PER_LIFE = 8 };

/* From one moment to the next: each of them inline or with FULL=1, else a part. */
static long step_of(long inline_step) {
  const char *everything = getenv("FULL");
  if (everything && strcmp(everything, "1") == 0) return 1;
  return inline_mode ? inline_step : 7;
}

/* Two lives of an engine, transactions in groups of one to three; each puts a job and a
 * cursor, and the journal is pruned and the file shrinks between them. The disk may stop
 * at any moment, also while opening. */
static void live(world *w, outcome *o) {
  static char detail[4000]; /* about a page, so that there is something to give back */
  outcome kept;
  memset(detail, 'x', sizeof detail - 1);
  for (int life = 0; life < LIVES; life++) {
    if (!w->s && nv_store_open(w->loop, w->folder, &w->s, NULL) != NV_OK) return;
    for (int i = 0; i < PER_LIFE; i++) {
      char record[32];
      int k = life * PER_LIFE + i;
      nv_txn *t = nv_txn_new();
      snprintf(record, sizeof record, "C%d", k);
      put_job(t, record, "h", "a payload");
      add(t, 1, "cursor_put", "ssi", record, "v", INT64_C(1));
      add(t, 1, "journal_add", "isssissi", (int64_t)k + 1, "f", "d", record, INT64_C(1), "done",
          detail, INT64_C(1));
      apply_later(w, t, &o[k]);
      if (i % 4 == 3) {
        settle(w);
        t = nv_txn_new();
        add(t, -1, "journal_prune", "ii", (int64_t)k, INT64_C(9));
        add(t, -1, "store_shrink", "");
        apply_later(w, t, &kept);
      }
      if (i % 4 != 1 && i % 4 != 2) settle(w);
    }
    settle(w);
    if (life + 1 < LIVES) close_store(w); /* with a checkpoint */
  }
}

static void mark(world *w, const char *query, const char *column, int there[]) {
  nv_op *op = ask(w, query, query[0] == 'j' ? "nnnn" : "");
  const nv_rows *rows = nv_store_op_rows(op);
  for (size_t i = 0; i < nv_rows_count(rows); i++) {
    nv_val v = nv_rows_named(rows, i, column);
    int k = atoi(v.s.p + 1);
    assert_in_range(k, 0, LIVES * PER_LIFE - 1);
    there[k]++;
  }
  nv_op_release(op);
}

/* Which of them are there; fails when only half of one is. */
static void look(world *w, bool there[]) {
  int jobs[LIVES * PER_LIFE] = {0}, cursors[LIVES * PER_LIFE] = {0};
  mark(w, "jobs_list", "record", jobs);
  mark(w, "cursors_list", "name", cursors);
  for (int k = 0; k < LIVES * PER_LIFE; k++) {
    assert_int_equal(jobs[k], cursors[k]);
    there[k] = jobs[k] == 1;
  }
}

static bool crash_at(long change, uint64_t seed) {
  world *w = world_new(true);
  outcome o[LIVES * PER_LIFE] = {0};
  for (int k = 0; k < LIVES * PER_LIFE; k++) o[k].status = 1; /* never issued */
  close_store(w);
  nv_simvfs_reset();
  nv_simvfs_freeze_at(change);
  live(w, o);
  nv_simvfs_crash(seed);
  close_store(w);
  open_store(w);
  bool survived = true, found[LIVES * PER_LIFE];
  look(w, found);
  for (int k = 0; k < LIVES * PER_LIFE; k++) {
    bool there = found[k], acknowledged = o[k].status == NV_OK;
    if (acknowledged && !there) fail_msg("change %ld, seed %d: %d is lost", change,
                                         (int)seed, k);
    if (there && !acknowledged && (seed == 0 || o[k].status == 1))
      fail_msg("change %ld, seed %d: %d was never acknowledged", change, (int)seed, k);
    survived = survived && acknowledged;
  }
  world_free(w);
  return survived;
}

/* No room for a write, whichever it is: what was acknowledged is there, the rest is told
 * and is not; and when there is room again, all goes on without a new start. */
static bool full_at(long write, bool lasting) {
  world *w = world_new(true);
  outcome o[LIVES * PER_LIFE] = {0};
  bool met = false;
  for (int k = 0; k < LIVES * PER_LIFE; k++) o[k].status = 1; /* never issued */
  close_store(w);
  nv_simvfs_reset();
  nv_simvfs_full_at(write, lasting);
  live(w, o);
  nv_simvfs_full_at(0, false);
  if (!w->s) open_store(w);
  assert_int_equal(apply_one(w, "meta_put", "ss", "room", "again"), 1);
  for (int life = 0; life < 2; life++) {
    bool there[LIVES * PER_LIFE];
    look(w, there);
    for (int k = 0; k < LIVES * PER_LIFE; k++) {
      if (there[k] != (o[k].status == NV_OK))
        fail_msg("write %ld: %d is %s", write, k, o[k].status == NV_OK ? "lost" : "there");
      met = met || o[k].status != NV_OK;
      if (o[k].status == NV_OK || o[k].status == 1) continue;
      assert_int_equal(o[k].status, NV_EFULL);
      assert_non_null(strstr(o[k].text, "disk is full"));
    }
    close_store(w);
    open_store(w);
  }
  world_free(w);
  return met;
}

static void test_no_room_at_any_write_loses_nothing(void **state) {
  (void)state;
  /* the last writes are those of a closing checkpoint, which nobody misses */
  long write = 1, step = step_of(5), quiet = 0;
  for (; quiet < 60; write += step) {
    quiet = full_at(write, true) ? 0 : quiet + step;
    full_at(write, false);
  }
  assert_in_range(write, 100, 2000);
}

static void test_power_failure_at_any_moment_keeps_what_was_acknowledged(void **state) {
  (void)state;
  long change = 1;
  while (!crash_at(change, 0)) { /* until it stops after the last of them */
    crash_at(change, (uint64_t)change);
    change += step_of(2);
  }
  assert_in_range(change, 40, 2000);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_start_is_an_epoch),
      cmocka_unit_test(test_a_second_engine_is_refused),
      cmocka_unit_test(test_a_store_of_a_newer_version_is_left_alone),
      cmocka_unit_test(test_a_store_of_the_first_version_is_brought_up_to_date),
      cmocka_unit_test(test_a_database_of_somebody_else_is_left_alone),
      cmocka_unit_test(test_a_damaged_file_is_named_and_left_alone),
      cmocka_unit_test(test_a_reader_reads_and_may_not_write),
      cmocka_unit_test(test_a_copy_is_the_store_at_that_moment),
      cmocka_unit_test(test_a_backup_is_one_file_and_comes_back),
      cmocka_unit_test(test_a_bad_backup_is_refused_and_changes_nothing),
      cmocka_unit_test(test_a_store_cut_short_is_refused_and_not_begun_anew),
      cmocka_unit_test(test_another_process_reads_while_the_engine_writes),
      cmocka_unit_test(test_a_full_disk_fails_the_new_and_keeps_the_old),
      cmocka_unit_test(test_no_room_at_any_write_loses_nothing),
      cmocka_unit_test(test_power_failure_at_any_moment_keeps_what_was_acknowledged),
  };
  int bad = cmocka_run_group_tests_name("store on disk, with a thread", tests, NULL, NULL);
  inline_mode = true;
  return bad + cmocka_run_group_tests_name("store on disk, inline", tests, NULL, NULL);
}
