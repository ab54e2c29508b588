/* torture - the scenario again and again, each time with another allocation failing.
 *
 *   test_torture [MODE [AT]]     FULL=1: every allocation, not a sample of them
 *
 * Modes: "lua" and "lua-long" fail allocations of Lua, one (and the retry after its
 * emergency collection) or twenty in a row; "c" and "c-long" those of our own C, one
 * or five; "sqlite" those of SQLite. Whatever fails, nothing may crash, hang, leak or
 * stay open, and the state must work afterwards.
 *
 * Our C is linked with malloc and its like wrapped, libraries are not. Lua states are
 * opened with the allocator below, through a wrapped lua_newstate.
 */
#include <lualib.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/http_client.h"
#include "../../core/lock.h"
#include "../../core/log.h"
#include "../../core/store.h"
#include "../../lua/host.h"
#include "../sim/simvfs.h"

enum { SAMPLES = 200 };

/* ---- what fails ---- */

typedef enum source { LUA_MEMORY, C_MEMORY, SQLITE_MEMORY } source;

static struct {
  source source;
  long at;    /* allocations that work before */
  long width; /* that fail then */
  long seen;  /* of the source since it was armed */
  bool armed, inside_lua;
} plan;

static bool fails(source from) {
  if (!plan.armed || plan.source != from) return false;
  long n = plan.seen++;
  return n >= plan.at && n < plan.at + plan.width;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *s);
lua_State *__real_lua_newstate(lua_Alloc f, void *ud);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *s);
lua_State *__wrap_lua_newstate(lua_Alloc f, void *ud);

void *__wrap_malloc(size_t n) { return fails(C_MEMORY) ? NULL : __real_malloc(n); }

void *__wrap_calloc(size_t n, size_t size) {
  return fails(C_MEMORY) ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n) {
  return !plan.inside_lua && fails(C_MEMORY) ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *s) { return fails(C_MEMORY) ? NULL : __real_strdup(s); }

/* The states' own allocator, kept apart from the rest of our C. */
static lua_Alloc state_alloc;

static void *lua_alloc(void *ud, void *p, size_t osize, size_t nsize) {
  if (nsize > (p ? osize : 0) && fails(LUA_MEMORY)) return NULL;
  plan.inside_lua = true;
  void *q = state_alloc(ud, p, osize, nsize);
  plan.inside_lua = false;
  return q;
}

lua_State *__wrap_lua_newstate(lua_Alloc f, void *ud) {
  state_alloc = f;
  return __real_lua_newstate(lua_alloc, ud);
}

static sqlite3_mem_methods sqlite_real;

static void *sqlite_malloc(int n) {
  return fails(SQLITE_MEMORY) ? NULL : sqlite_real.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n) {
  return fails(SQLITE_MEMORY) ? NULL : sqlite_real.xRealloc(p, n);
}

static void wrap_sqlite(void) {
  sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_real);
  sqlite3_mem_methods ours = sqlite_real;
  ours.xMalloc = sqlite_malloc;
  ours.xRealloc = sqlite_realloc;
  sqlite3_config(SQLITE_CONFIG_MALLOC, &ours);
}

/* ---- one run ---- */

typedef struct run {
  nv_env env;
  nv_loop *loop;
  nvl_host host;
  nvl_state *state;
  nv_transport transport;
  nv_exchange *exchange; /* the scenario has one at a time */
  nv_timer answer;
  int status;            /* of the task, -1 while it runs */
  char text[512];
} run;

static const char *mode_name = "";
static char *scenario;

static void failed(const run *r, const char *what) {
  fprintf(stderr, "torture %s %ld: %s (status %d: %s)\n", mode_name, plan.at, what, r->status,
          r->text);
  exit(1);
}

/* The wire needs no memory of ours, but the buffers that it fills do. */
static void answer(void *arg) {
  run *r = arg;
  nv_exchange *x = r->exchange;
  r->exchange = NULL;
  int rc = nv_headers_add(&x->headers_in, nv_str_of("x-from"), nv_str_of("wire"));
  if (rc == NV_OK) rc = nv_buf_add(&x->in, x->body.p, x->body.n);
  x->status = 200;
  nv_exchange_done(x, rc);
}

static int wire_start(void *ctx, nv_exchange *x, nv_error *err) {
  run *r = ctx;
  if (nv_timer_start(r->loop, &r->answer, 1000, answer, r) != NV_OK)
    return nv_fail(err, NV_ENOMEM, x->endpoint, "out of memory");
  r->exchange = x;
  return NV_OK;
}

static void wire_abandon(void *ctx, nv_exchange *x) {
  run *r = ctx;
  nv_timer_stop(r->loop, &r->answer);
  r->exchange = NULL;
  nv_exchange_done(x, NV_ECANCELLED);
}

static void discard(int level, const char *line, size_t n, void *arg) {
  (void)level, (void)line, (void)n, (void)arg;
}

static void on_ended(void *arg, lua_State *co, int status, int nresults) {
  run *r = arg;
  int i = status == LUA_OK ? -nresults : -1;
  const char *text = lua_type(co, i) == LUA_TSTRING ? lua_tostring(co, i) : luaL_typename(co, i);
  r->status = status;
  snprintf(r->text, sizeof r->text, "%s", text);
}

/* Under pcall: (run*, text). */
static int boot(lua_State *L) {
  run *r = lua_touserdata(L, 1);
  const char *text = lua_touserdata(L, 2);
  lua_settop(L, 0);
  if (luaL_loadbufferx(L, text, strlen(text), "=scenario", "t") != LUA_OK) return lua_error(L);
  nvl_task_spawn_call(L, 0, on_ended, r);
  return 0;
}

/* Runs a text as a task until nothing is left to do. */
static bool run_text(run *r, const char *text) {
  lua_State *L = r->state->L;
  r->status = -1;
  r->text[0] = 0;
  lua_pushcfunction(L, boot);
  lua_pushlightuserdata(L, r);
  lua_pushlightuserdata(L, (void *)(uintptr_t)text);
  if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
    r->status = LUA_ERRRUN;
    lua_settop(L, 0);
    return false;
  }
  nv_loop_run(r->loop);
  if (r->status == -1) failed(r, "the task never ended");
  if (r->state->tasks) failed(r, "a task is left");
  return r->status == LUA_OK && strcmp(r->text, "ok") == 0;
}

static const char usable[] =
    "local task, store = require 'navodoo.task', require 'navodoo.store' "
    "local json = require 'navodoo.json' "
    "collectgarbage() collectgarbage() "
    "local e = task.event 'torture' e:wait(0) task.spawn(function() task.sleep(1) e:set() end) "
    "assert(e:wait(100)) "
    "local locks = assert(task.lock { 'a', 'b', 'c' }) locks:release() "
    "assert(store.apply { { 'meta_put', 'k', 'v' } }) "
    "assert(store.query('meta', 'k')[1].value == 'v') "
    "assert(json.encode { 1, 2 } == '[1,2]') return 'ok'";

static void close_all(run *r) {
  nvl_state_close(r->state);
  if (r->host.loop) {
    nvl_host_close_on(&r->host);
    for (int i = 0; i < 10; i++) nv_loop_turn(r->loop, false);
    if (nv_loop_live_ops(r->loop) != 0) failed(r, "an operation is still open");
  }
  nv_loop_close(r->loop);
}

static bool open_all(run *r) {
  nv_error err;
  nvl_state_options o = {"torture", 32 << 20, true};
  if (nv_loop_open(&r->env, &r->loop, &err) != NV_OK) return false;
  if (nvl_host_open_on(&r->host, r->loop, &err) != NV_OK) {
    if (r->host.loop) failed(r, "a host that did not open holds something");
    return false;
  }
  nv_log_set_hook(r->host.log, discard, NULL);
  if (nv_store_open(r->loop, "image", &r->host.store, &err) != NV_OK) return false;
  return nvl_state_open(&r->host, &o, &r->state, &err) == NV_OK;
}

/* False when the failing allocation was never reached: then all of them were. */
static bool run_once(long at, bool counting) {
  run r = {.status = -1};
  nv_simvfs_reset();
  nv_env_init_simulated(&r.env, 1, INT64_C(1764000000000000));
  r.env.vfs = "simvfs";
  r.transport = (nv_transport){&r, wire_start, wire_abandon};
  r.env.transport = &r.transport;
  plan.at = at;
  plan.seen = 0;
  plan.armed = true;
  bool ok = open_all(&r) && run_text(&r, scenario);
  if (!ok && counting) failed(&r, "the scenario fails by itself");
  if (!ok && plan.seen <= plan.at) failed(&r, "an error before anything failed");
  if (!ok) { /* else closing may meet the failure */
    plan.armed = false;
    if (r.state && !run_text(&r, usable)) failed(&r, "the state is not usable any more");
  }
  close_all(&r);
  plan.armed = false;
  return plan.seen > plan.at;
}

/* ---- all runs ---- */

static const struct mode {
  const char *name;
  source source;
  long width;
} modes[] = {{"lua", LUA_MEMORY, 2},
             {"lua-long", LUA_MEMORY, 20},
             {"c", C_MEMORY, 1},
             {"c-long", C_MEMORY, 5},
             {"sqlite", SQLITE_MEMORY, 1}};

static void torture(const struct mode *m, bool full) {
  mode_name = m->name;
  plan.source = m->source;
  plan.width = m->width;
  run_once(1L << 60, true);
  long total = plan.seen, step = full ? 1 : total / SAMPLES + 1, runs = 0;
  for (long at = 0; run_once(at, false) || at < total; at += step) runs++;
  printf("%-8s %6ld allocations, %ld of them failed\n", m->name, total, runs);
}

static char *read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  char *text = calloc(1, 1 << 16);
  if (!f || !text || fread(text, 1, (1 << 16) - 1, f) == 0) {
    fprintf(stderr, "torture: cannot read %s\n", path);
    exit(70);
  }
  fclose(f);
  return text;
}

/* The sanitizer's report does not know which allocation it was. */
extern void __sanitizer_set_death_callback(void (*fn)(void)) __attribute__((weak));
static void say_where(void) { fprintf(stderr, "torture %s %ld\n", mode_name, plan.at); }

int main(int argc, char **argv) {
  const char *full = getenv("FULL");
  int passed = 0;
  if (__sanitizer_set_death_callback) __sanitizer_set_death_callback(say_where);
  scenario = read_file(TORTURE_FOLDER "/scenario.lua");
  setenv("NAVODOO_STDLIB", TORTURE_FOLDER, 1); /* where child.lua is */
  wrap_sqlite();
  nv_simvfs_register();
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (argc > 1 && strcmp(argv[1], modes[i].name) != 0) continue;
    if (argc > 2) { /* one place, for a debugger */
      mode_name = modes[i].name;
      plan.source = modes[i].source;
      plan.width = modes[i].width;
      run_once(atol(argv[2]), false);
    } else {
      torture(&modes[i], full && strcmp(full, "1") == 0);
    }
    passed++;
  }
  free(scenario);
  printf("%d passed, 0 failed\n", passed);
  return passed ? 0 : 1;
}
