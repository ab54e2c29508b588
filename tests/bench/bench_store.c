/* bench_store - records per second through the whole durable cycle of a change.
 *
 * One record costs six operations in three transactions, as the engine does it:
 * job_put | effect_intend | link_put, journal_add, effect_done, job_done. A batch
 * is one transaction of each kind; several batches are under way at once, so the
 * writer groups them. "in key order" is a first synchronisation, "scattered" the
 * same with keys that arrive in no order, "again" meets existing links. `asking`
 * reads the jobs back with jobs_due before it works on them.
 *
 * usage: bench_store [records [folder]]      defaults 100000 and a folder in /tmp
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../core/store.h"

enum { IN_FLIGHT = 4, PAYLOAD = 600, BASE = 300 };

typedef struct bench {
  nv_env env;
  nv_loop *loop;
  nv_store *s;
  long records, batch, started, ended;
  bool scattered, asking;
  const char *hash; /* differs from run to run, so that nothing is unchanged */
  int64_t next_id;
  char payload[PAYLOAD + 1], base[BASE + 1];
} bench;

/* One batch on its way. */
typedef struct lot {
  bench *b;
  long first, n;
  int64_t first_id; /* this many jobs get ids in order */
  int phase;
} lot;

static void next_phase(lot *l);

static void die(const char *text) {
  fprintf(stderr, "bench_store: %s\n", text);
  exit(1);
}

static double now_s(void) {
  nv_env real;
  nv_env_init(&real);
  return (double)nv_env_monotonic_us(&real) / 1e6;
}

static double cpu_s(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- the cycle ---- */

/* The `i`th record name; scattered by a step that has no factor in common. */
static void name_of(const bench *b, long i, char out[32]) {
  long k = b->scattered ? (long)((unsigned long)i * 2654435761u % (unsigned long)b->records)
                        : i;
  snprintf(out, 32, "C%08ld", k);
}

static void add(nv_txn *t, const char *op, const nv_val *v, size_t n) {
  nv_error err = {0};
  if (nv_txn_add(t, op, v, n, 1, &err) != NV_OK) die(err.text);
}

static void add_put(lot *l, nv_txn *t, const char *name) {
  nv_val v[] = {nv_val_textz("customer"), nv_val_textz("nav_to_odoo"), nv_val_textz(name),
                nv_val_int(1), nv_val_int(1), nv_val_textz("W/\"JzE2O0FBQUFBQUFB\""),
                nv_val_textz(l->b->hash), nv_val_textz(l->b->payload)};
  add(t, "job_put", v, 8);
}

static void add_intend(nv_txn *t, const char *key, int64_t job) {
  nv_val v[] = {nv_val_textz(key), nv_val_int(job), nv_val_textz("odoo"),
                nv_val_textz("set"), nv_val_textz("0123456789abcdef0123456789abcdef"),
                nv_val_int(1), nv_val_int(1), nv_val_int(1)};
  add(t, "effect_intend", v, 8);
}

static void add_close(lot *l, nv_txn *t, const char *name, const char *key, int64_t job) {
  nv_val link[] = {nv_val_textz("customer"), nv_val_textz(name), nv_val_textz(name + 1),
                   nv_val_textz(key), nv_val_textz(l->b->hash),
                   nv_val_textz("W/\"JzE2O0FBQUFBQUFB\""),
                   nv_val_textz("2026-11-24 06:11:19"), nv_val_textz(l->b->hash),
                   nv_val_textz(l->b->base),
                   nv_val_int(1)};
  nv_val row[] = {nv_val_int(1), nv_val_textz("customer"), nv_val_textz("nav_to_odoo"),
                  nv_val_textz(name), nv_val_int(job), nv_val_textz("done"),
                  nv_val_textz("{\"fields\":[\"name\",\"street\"]}"), nv_val_int(1)};
  nv_val effect[] = {nv_val_textz(key)};
  nv_val done[] = {nv_val_int(job), nv_val_int(1)};
  add(t, "link_put", link, 10);
  add(t, "journal_add", row, 8);
  add(t, "effect_done", effect, 1);
  add(t, "job_done", done, 2);
}

static void on_done(nv_op *op, void *arg) {
  if (op->status != NV_OK) die(op->err.text);
  nv_op_release(op);
  next_phase(arg);
}

static void ask(lot *l) {
  nv_val v[] = {nv_val_textz("customer"), nv_val_textz("nav_to_odoo"), nv_val_int(2),
                nv_val_textz("[]"), nv_val_int(l->n), nv_val_int(1)};
  nv_error err = {0};
  nv_op *op;
  if (nv_store_query(l->b->s, "jobs_due", v, 6, &op, &err) != NV_OK) die(err.text);
  nv_op_on_done(op, on_done, l);
}

static void run_phase(lot *l) {
  nv_txn *t = nv_txn_new();
  nv_error err = {0};
  nv_op *op;
  if (!t) die("out of memory");
  for (long i = 0; i < l->n; i++) {
    char name[32], key[64];
    name_of(l->b, l->first + i, name);
    snprintf(key, sizeof key, "customer/cronus/18/%s", name);
    if (l->phase == 0) add_put(l, t, name);
    else if (l->phase == 2) add_intend(t, key, l->first_id + i);
    else add_close(l, t, name, key, l->first_id + i);
  }
  if (nv_store_apply(l->b->s, t, &op, &err) != NV_OK) die(err.text);
  nv_op_on_done(op, on_done, l);
}

static void next_phase(lot *l) {
  bench *b = l->b;
  l->phase++;
  if (l->phase == 1 && !b->asking) l->phase++;
  if (l->phase > 3) { /* the next batch takes its place */
    b->ended += l->n;
    l->phase = 0;
    l->first = b->started;
    l->n = b->records - b->started < b->batch ? b->records - b->started : b->batch;
    l->first_id = b->next_id;
    b->started += l->n;
    b->next_id += l->n;
    if (l->n == 0) {
      if (b->ended == b->records) nv_loop_stop(b->loop);
      return;
    }
  }
  if (l->phase == 1) ask(l);
  else run_phase(l);
}

static void run(bench *b, const char *label) {
  lot lots[IN_FLIGHT];
  b->started = b->ended = 0;
  double wall = now_s(), cpu = cpu_s();
  for (int i = 0; i < IN_FLIGHT; i++) {
    lots[i] = (lot){.b = b, .phase = 3};
    next_phase(&lots[i]);
  }
  nv_loop_run(b->loop);
  wall = now_s() - wall;
  cpu = cpu_s() - cpu;
  printf("%-34s batch %4ld  %8.0f records/s  %5.1f us cpu each\n", label, b->batch,
         (double)b->records / wall, cpu * 1e6 / (double)b->records);
  fflush(stdout);
}

/* ---- a store for each line ---- */

static void open_in(bench *b, const char *folder) {
  nv_error err = {0};
  if (nv_store_open(b->loop, folder, &b->s, &err) != NV_OK) die(err.text);
  b->next_id = 1;
}

static void clean(const char *folder) {
  static const char *const files[] = {"navodoo.db", "navodoo.db-wal", "navodoo.db-shm",
                                      "engine.lock"};
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, files[i]);
    unlink(path);
  }
}

static void measure(bench *b, const char *folder, bool scattered, bool asking) {
  open_in(b, folder);
  b->scattered = scattered;
  b->asking = asking;
  b->hash = "0123456789abcdef0123456789abcdef";
  run(b, asking ? "in key order, asking" : scattered ? "scattered" : "in key order");
  if (!asking) {
    b->hash = "fedcba9876543210fedcba9876543210";
    run(b, scattered ? "scattered, again" : "in key order, again");
  }
  nv_store_close(b->s);
  nv_loop_turn(b->loop, false);
  clean(folder);
}

int main(int argc, char **argv) {
  char temporary[] = "/tmp/navodoo-bench-XXXXXX";
  bench b = {.records = argc > 1 ? atol(argv[1]) : 100000};
  const char *folder = argc > 2 ? argv[2] : mkdtemp(temporary);
  nv_error err = {0};
  if (b.records < 1 || !folder) die("usage: bench_store [records [folder]]");
  memset(b.payload, 'p', PAYLOAD);
  memset(b.base, 'b', BASE);
  nv_env_init(&b.env);
  if (nv_loop_open(&b.env, &b.loop, &err) != NV_OK) die(err.text);
  printf("%ld records, payload %d B, base %d B, %d batches under way\n", b.records,
         PAYLOAD, BASE, IN_FLIGHT);
  static const long batches[] = {100, 500};
  for (size_t i = 0; i < 2; i++) {
    b.batch = batches[i];
    measure(&b, folder, false, false);
    measure(&b, folder, true, false);
    measure(&b, folder, false, true);
  }
  nv_loop_close(b.loop);
  rmdir(folder);
  return 0;
}
