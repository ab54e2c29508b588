/* sim - seeded days of an integration, with crashes, in milliseconds each.
 *
 *   sim [--from N] [--seeds N] [--verbose]
 *
 * One process plays everything on one simulated loop: the sandbox ERPs in a Lua
 * state of their own, the engine in another, between them a network that delays,
 * cuts and applies late, below the engine a store whose unsynced writes are lost
 * in a crash. The engine crashes at random moments and at random commits. In the
 * evening the faults stop; then both ERPs are dumped and compared by the source's
 * own key. A failing seed prints itself and replays exactly.
 */
#include <malloc.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/failpoint.h"
#include "../../core/http_client.h"
#include "../../core/log.h"
#include "../../core/store.h"
#include "../../lua/host.h"
#include "simvfs.h"

#define DAY_US (24 * 3600 * 1000000LL)
#define START_US 1764000000000000LL /* 2025-11-24T16:00:00Z */

typedef struct world {
  nv_env env;
  nv_loop *loop;
  nvl_host erp_host, engine_host;
  nvl_state *erp, *engine;
  nv_transport transport;
  nv_timer crash_timer, restart_timer;
  uint64_t seed;
  int crashes;
  bool crash_now;  /* a failpoint asks for it; done from the loop */
  nv_ready crash_ready;
  bool faults;     /* the day is not over */
  bool failed, finished;
  char why[2048];
  struct call *calls;
  uint64_t trace; /* of all that the engine sent */
  int requests;
} world;

static bool verbose;
static struct nv_buf *modules; /* the stdlib, compiled once for all lives of all seeds */

static void fail(world *w, const char *text) {
  if (w->failed) return;
  w->failed = true;
  snprintf(w->why, sizeof w->why, "%s", text);
  nv_loop_stop(w->loop);
}

/* ---- network: a request becomes a task of the ERPs' state ---- */

typedef struct call {
  world *w;
  nv_exchange *x; /* NULL: nobody waits any more */
  nv_timer timer;
  int status;
  bool cut;
  nv_buf headers, body;
  struct call *prev, *next;
} call;

static void call_free(call *c) {
  if (c->prev) c->prev->next = c->next;
  else c->w->calls = c->next;
  if (c->next) c->next->prev = c->prev;
  nv_timer_stop(c->w->loop, &c->timer);
  nv_buf_clear(&c->headers);
  nv_buf_clear(&c->body);
  free(c);
}

static void deliver(void *arg) {
  call *c = arg;
  nv_exchange *x = c->x;
  if (x && c->cut) {
    nv_fail(&x->err, NV_ENETWORK, x->endpoint, "%s: connection cut", x->endpoint);
    x->err.maybe_sent = true;
    nv_exchange_done(x, NV_ENETWORK);
  } else if (x) {
    x->status = c->status;
    nv_buf_add(&x->in, c->body.p, c->body.n);
    nv_buf_add(&x->headers_in, c->headers.p, c->headers.n);
    nv_exchange_done(x, NV_OK);
  }
  call_free(c);
}

/* Reads { status, headers, body } or { cut = true } off the stack; under pcall. */
static int read_response(lua_State *L) {
  call *c = lua_touserdata(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_getfield(L, 1, "cut");
  c->cut = lua_toboolean(L, -1);
  lua_getfield(L, 1, "status");
  c->status = (int)lua_tointeger(L, -1);
  lua_getfield(L, 1, "body");
  size_t n = 0;
  const char *p = lua_tolstring(L, -1, &n);
  if (n) nv_buf_add(&c->body, p, n);
  if (lua_getfield(L, 1, "headers") == LUA_TTABLE) {
    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
      char name[128];
      snprintf(name, sizeof name, "%s", lua_tostring(L, -2));
      for (char *q = name; *q; q++)
        if (*q >= 'A' && *q <= 'Z') *q = (char)(*q + 32);
      nv_headers_add(&c->headers, nv_str_of(name), nv_str_of(luaL_tolstring(L, -1, NULL)));
      lua_pop(L, 1);
    }
  }
  return 0;
}

static int64_t latency(world *w) {
  return 2000 + (int64_t)nv_env_random_below(&w->env, w->faults ? 400000 : 40000);
}

static void answered(void *arg, lua_State *co, int status, int nresults) {
  call *c = arg;
  lua_State *L = c->w->erp->L;
  c->cut = true;
  if (status == LUA_OK && nresults > 0) {
    lua_pushcfunction(L, read_response);
    lua_xmove(co, L, 1);
    lua_pushlightuserdata(L, c);
    if (lua_pcall(L, 2, 0, 0) != LUA_OK) {
      fail(c->w, lua_tostring(L, -1));
      lua_pop(L, 1);
    }
  } else {
    fail(c->w, lua_type(co, -1) == LUA_TSTRING ? lua_tostring(co, -1) : "ERP state raised");
  }
  nv_timer_start(c->w->loop, &c->timer, latency(c->w), deliver, c);
}

/* Under pcall: (call*): spawns world.serve(method, url, headers, body). */
static int spawn_serve(lua_State *L) {
  call *c = lua_touserdata(L, 1);
  const nv_exchange *x = c->x;
  lua_getfield(L, LUA_REGISTRYINDEX, "world");
  lua_getfield(L, -1, "serve");
  lua_pushstring(L, x->method);
  lua_pushstring(L, x->url);
  lua_createtable(L, 0, (int)x->nheaders);
  for (size_t i = 0; i < x->nheaders; i++) {
    char name[128];
    snprintf(name, sizeof name, "%s", x->headers[i].name);
    for (char *q = name; *q; q++)
      if (*q >= 'A' && *q <= 'Z') *q = (char)(*q + 32);
    lua_pushstring(L, x->headers[i].value);
    lua_setfield(L, -2, name);
  }
  lua_pushlstring(L, x->body.p ? x->body.p : "", x->body.n);
  nvl_task_spawn_call(L, 4, answered, c);
  return 0;
}

static void arrive(void *arg) {
  call *c = arg;
  lua_State *L = c->w->erp->L;
  if (!c->x) { /* the sender died before the request left */
    call_free(c);
    return;
  }
  lua_pushcfunction(L, spawn_serve);
  lua_pushlightuserdata(L, c);
  if (lua_pcall(L, 1, 0, 0) != LUA_OK) {
    fail(c->w, lua_tostring(L, -1));
    lua_pop(L, 1);
  }
}

static void trace(world *w, const void *p, size_t n) { /* FNV-1a */
  for (size_t i = 0; i < n; i++)
    w->trace = (w->trace ^ ((const unsigned char *)p)[i]) * 1099511628211u;
}

static int net_start(void *ctx, nv_exchange *x, nv_error *err) {
  world *w = ctx;
  w->requests++;
  trace(w, &w->env.sim_monotonic_us, sizeof w->env.sim_monotonic_us);
  trace(w, x->url, strlen(x->url));
  trace(w, x->body.p, x->body.n);
  call *c = calloc(1, sizeof *c);
  if (!c) return nv_fail(err, NV_ENOMEM, x->endpoint, "out of memory");
  c->w = w;
  c->x = x;
  nv_buf_init(&c->headers, 1 << 16);
  nv_buf_init(&c->body, 64 << 20);
  c->next = w->calls;
  if (c->next) c->next->prev = c;
  w->calls = c;
  x->transport = c;
  nv_timer_start(w->loop, &c->timer, latency(w), arrive, c);
  return NV_OK;
}

static void net_abandon(void *ctx, nv_exchange *x) {
  (void)ctx;
  call *c = x->transport;
  c->x = NULL; /* it may have arrived, and then it is applied */
  nv_exchange_done(x, NV_ECANCELLED);
}

/* ---- hosts: a process each, but what the stdlib compiles to is kept ---- */

static int open_host(world *w, nvl_host *h, nv_error *err) {
  int rc = nvl_host_open_on(h, w->loop, err);
  h->modules = modules;
  return rc;
}

static void close_host(nvl_host *h) {
  if (!h->loop) return;
  modules = h->modules;
  h->modules = NULL;
  nvl_host_close_on(h);
}

/* ---- the engine: started, killed, started again ---- */

static void engine_ended(void *arg, lua_State *co, int status, int nresults) {
  world *w = arg;
  (void)nresults;
  if (status != LUA_OK)
    fail(w, lua_type(co, -1) == LUA_TSTRING ? lua_tostring(co, -1) : "engine raised");
  else if (lua_type(co, -1) == LUA_TSTRING) fail(w, lua_tostring(co, -1));
}

/* Under pcall: loads a Lua file of tests/sim and spawns its `start`. */
static int boot_file(lua_State *L) {
  const char *path = lua_touserdata(L, 1);
  world *w = lua_touserdata(L, 2);
  nvl_ended_fn ended = *(nvl_ended_fn *)lua_touserdata(L, 3);
  if (luaL_loadfilex(L, path, "t") != LUA_OK) return lua_error(L);
  lua_call(L, 0, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, LUA_REGISTRYINDEX, "world");
  lua_getfield(L, -1, "start");
  lua_pushinteger(L, (lua_Integer)w->seed);
  nvl_task_spawn_call(L, 1, ended, w);
  return 0;
}

static bool boot(world *w, nvl_host *h, nvl_state **state, const char *name,
                 const char *path, nvl_ended_fn ended) {
  nv_error err;
  nvl_state_options o = {.name = name, .trusted = true};
  if (nvl_state_open(h, &o, state, &err) != NV_OK) {
    fail(w, err.text);
    return false;
  }
  lua_State *L = (*state)->L;
  lua_pushcfunction(L, boot_file);
  lua_pushlightuserdata(L, (void *)(uintptr_t)path);
  lua_pushlightuserdata(L, w);
  lua_pushlightuserdata(L, &ended);
  if (lua_pcall(L, 3, 0, 0) == LUA_OK) return true;
  fail(w, lua_tostring(L, -1));
  return false;
}

static void plan_crash(world *w);

static void discard(int level, const char *line, size_t n, void *arg) {
  (void)level;
  (void)line;
  (void)n;
  (void)arg;
}

static void start_engine(void *arg) {
  world *w = arg;
  nv_error err;
  if (open_host(w, &w->engine_host, &err) != NV_OK) {
    fail(w, err.text);
    return;
  }
  if (!verbose) nv_log_set_hook(w->engine_host.log, discard, NULL);
  if (!boot(w, &w->engine_host, &w->engine, "engine", SIM_FOLDER "/engine.lua",
            engine_ended))
    return;
  plan_crash(w);
}

static void crash(world *w) {
  if (!w->engine) return;
  w->crashes++;
  nv_timer_stop(w->loop, &w->crash_timer);
  nv_simvfs_crash(w->seed ^ (uint64_t)w->crashes);
  nvl_state_close(w->engine);
  w->engine = NULL;
  close_host(&w->engine_host);
  nv_timer_start(w->loop, &w->restart_timer,
                 (int64_t)nv_env_random_below(&w->env, 60 * 1000000), start_engine, w);
}

static void crash_by_timer(void *arg) { crash(arg); }

static world *current;

static void crash_by_failpoint(nv_ready *r) {
  (void)r;
  current->crash_now = false;
  crash(current);
}

/* Failpoints of the engine: now and then one of them is the end of the process.
 * It cannot be torn down from inside itself, so the store stops syncing at once
 * and the loop does the rest. */
static void on_failpoint(const char *name, void *arg) {
  world *w = arg;
  (void)name;
  if (!w->faults || !w->engine || w->crash_now) return;
  if (nv_env_random_below(&w->env, 2500) != 0) return;
  w->crash_now = true;
  nv_simvfs_freeze();
  nv_loop_post(w->loop, &w->crash_ready);
}

static void plan_crash(world *w) {
  if (!w->faults) return;
  nv_timer_start(w->loop, &w->crash_timer,
                 (int64_t)nv_env_random_below(&w->env, 6 * 3600 * 1000000LL),
                 crash_by_timer, w);
}

/* ---- one day ---- */

static void erp_ended(void *arg, lua_State *co, int status, int nresults) {
  world *w = arg;
  (void)nresults;
  if (status != LUA_OK || lua_type(co, -1) == LUA_TSTRING)
    fail(w, lua_type(co, -1) == LUA_TSTRING ? lua_tostring(co, -1) : "world raised");
  w->finished = true;
  nv_loop_stop(w->loop);
}

static world *world_of(lua_State *L) {
  (void)L;
  return current;
}

/* sim.evening(): no more faults or crashes from here on. */
static int l_evening(lua_State *L) {
  world *w = world_of(L);
  w->faults = false;
  nv_timer_stop(w->loop, &w->crash_timer);
  return 0;
}

/* sim.clock(us): the engine's machine is set by so much. */
static int l_clock(lua_State *L) {
  world_of(L)->env.sim_wall_us += luaL_checkinteger(L, 1);
  return 0;
}

static int install(lua_State *L) {
  lua_register(L, "sim_evening", l_evening);
  lua_register(L, "sim_clock", l_clock);
  return 0;
}

/* What the engine has not finished, to explain a day that failed. */
static void print_jobs(void) {
  sqlite3 *db = NULL;
  sqlite3_stmt *st = NULL;
  if (sqlite3_open_v2("sim/navodoo.db", &db, SQLITE_OPEN_READWRITE, "simvfs") == SQLITE_OK &&
      sqlite3_prepare_v2(db,
                         "SELECT flow || ' ' || direction || ' ' || record || ' ' || state || ' '"
                         " || ifnull(error, '') FROM jobs WHERE state <> 'ready' OR attempts > 0"
                         " ORDER BY 1",
                         -1, &st, NULL) == SQLITE_OK)
    while (sqlite3_step(st) == SQLITE_ROW)
      printf("  %s\n", (const char *)sqlite3_column_text(st, 0));
  sqlite3_finalize(st);
  sqlite3_close(db);
}

static bool run_seed(uint64_t seed) {
  world w = {.seed = seed, .faults = true};
  nv_error err = {0};
  current = &w;
  nv_env_init_simulated(&w.env, seed, START_US);
  w.transport = (nv_transport){&w, net_start, net_abandon};
  w.env.transport = &w.transport;
  w.env.vfs = "simvfs";
  w.crash_ready.fn = crash_by_failpoint;
  nv_simvfs_reset();
  nv_failpoint_set_hook(on_failpoint, &w);
  if (nv_loop_open(&w.env, &w.loop, &err) != NV_OK ||
      open_host(&w, &w.erp_host, &err) != NV_OK) {
    fprintf(stderr, "sim: %s\n", err.text);
    exit(70);
  }
  if (boot(&w, &w.erp_host, &w.erp, "erp", SIM_FOLDER "/world.lua", erp_ended)) {
    lua_gc(w.erp->L, LUA_GCINC, 1000, 400, 0); /* lives for a second: memory is cheaper */
    lua_pushcfunction(w.erp->L, install);
    lua_pcall(w.erp->L, 0, 0, 0);
    start_engine(&w);
    nv_loop_run(w.loop);
    if (!w.failed && !w.finished) fail(&w, "nothing left to do before the day was over");
  }
  nv_timer_stop(w.loop, &w.crash_timer);
  nv_timer_stop(w.loop, &w.restart_timer);
  if (w.failed) {
    printf("seed %llu FAILED after %d crashes: %s\n", (unsigned long long)seed, w.crashes, w.why);
    print_jobs();
  }
  nvl_state_close(w.engine);
  close_host(&w.engine_host);
  nvl_state_close(w.erp);
  while (w.calls) call_free(w.calls);
  close_host(&w.erp_host);
  nv_loop_close(w.loop);
  if (!w.failed && verbose)
    printf("seed %llu ok, %d crashes, %d requests, trace %016llx\n", (unsigned long long)seed,
           w.crashes, w.requests, (unsigned long long)w.trace);
  return !w.failed;
}

int main(int argc, char **argv) {
  uint64_t from = 1, seeds = 200, bad = 0;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--from") && i + 1 < argc) from = strtoull(argv[++i], NULL, 10);
    else if (!strcmp(argv[i], "--seeds") && i + 1 < argc) seeds = strtoull(argv[++i], NULL, 10);
    else if (!strcmp(argv[i], "--verbose")) verbose = true;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  mallopt(M_TRIM_THRESHOLD, 1 << 30); /* memory that a life gives back is for the next one */
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  nv_simvfs_register();
  for (uint64_t s = from; s < from + seeds; s++) bad += !run_seed(s);
  printf("%llu passed, %llu failed\n", (unsigned long long)(seeds - bad),
         (unsigned long long)bad);
  return bad != 0;
}
