/* nvl - what every binding shares: the host, errors, awaiting.
 *
 * A binding turns one core operation into one Lua function. Four rules make a
 * suspended coroutine safe (await.c): the box that will own the operation is
 * made before the operation starts; a loop callback only resumes; a completion
 * that belongs to an older await is dropped; releasing is not freeing.
 *
 * Pattern of an awaiting primitive:
 *     nvl_box *box = nvl_box_new(L);                    (may raise: owns nothing yet)
 *     if (nv_thing_start(host->thing, ..., &box->op, &err)) return nvl_fail(L, &err);
 *     return nvl_await(L, box, push_thing);             (push_thing runs when done)
 *
 * Threading: loop thread only.
 */
#ifndef NVL_NVL_H
#define NVL_NVL_H

#include <lauxlib.h>
#include <lua.h>

#include "../core/op.h"

struct nv_store;
struct nv_http;
struct nv_cache;
struct nv_locks;
struct nv_secrets;
struct nv_log;
struct nv_metrics;

/* One per process (per simulated process in tests); owned by main. */
typedef struct nvl_host {
  nv_env *env;
  nv_loop *loop;
  struct nv_store *store;     /* may be NULL: no store opened */
  struct nv_http *http;
  struct nv_cache *cache;
  struct nv_locks *locks;
  struct nv_secrets *secrets;
  struct nv_log *log;
  struct nv_metrics *metrics;
  struct nvl_event *events; /* named events, shared by all states */
  struct nv_buf *modules;   /* the stdlib as it was compiled first, see stdlib_index.h */
} nvl_host;

nvl_host *nvl_host_of(lua_State *L);

/* Pushes the results of a finished `op` and returns their number. May raise.
 * Called for every status: for a failure `return nvl_fail(L, &op->err)`. */
typedef int (*nvl_push_fn)(lua_State *L, nv_op *op);

/* Owns one started operation on behalf of Lua; lives on the waiting coroutine's
 * stack, so __gc always finds it. Bindings touch `op` only. */
typedef struct nvl_box {
  nv_op *op;
  struct nvl_task *task; /* who waits: its `box` is this one; NULL when nobody does */
  unsigned gen;          /* which await of that task */
  nvl_push_fn push;
} nvl_box;

/* Pushes an empty box. May raise; does so when the caller cannot wait, before
 * anything was started: not the task's own coroutine, or inside a C function. */
nvl_box *nvl_box_new(lua_State *L);
/* Suspends the calling task until box->op is done; use as `return nvl_await`. The
 * box must be at any index of the primitive's frame. */
int nvl_await(lua_State *L, nvl_box *box, nvl_push_fn push);

/* Pushes nil and { code=, text=, where=, http=, retry_after_ms=, maybe_sent= },
 * and returns 2. The table has a metatable whose __tostring is its text. */
int nvl_fail(lua_State *L, const nv_error *err);
/* Pushes only the error table. */
void nvl_push_error(lua_State *L, const nv_error *err);

/* Pushes the text of any error value and returns it: a string as it is, the `text`
 * of an error table, what __tostring says. May raise (memory, a broken __tostring). */
const char *nvl_error_text(lua_State *L, int idx);

/* Reads field `name` of the options table at `idx`, past any metatable; raise
 * naming the field. */
const char *nvl_opt_string(lua_State *L, int idx, const char *name,
                           const char *fallback, size_t *len);
lua_Integer nvl_opt_integer(lua_State *L, int idx, const char *name,
                            lua_Integer fallback);
bool nvl_opt_boolean(lua_State *L, int idx, const char *name, bool fallback);

/* The decimal userdata, shared by json and decimal bindings. */
#define NVL_DECIMAL "navodoo.decimal"

/* Pushes the text with every secret taken out, as the log would write it. */
void nvl_push_scrubbed(lua_State *L, nv_str s);

int luaopen_navodoo_json(lua_State *L);
int luaopen_navodoo_decimal(lua_State *L);
int luaopen_navodoo_records(lua_State *L);
int luaopen_navodoo_text(lua_State *L);
int luaopen_navodoo_crypto(lua_State *L);
int luaopen_navodoo_xml(lua_State *L);
int luaopen_navodoo_time(lua_State *L);
int luaopen_navodoo_http(lua_State *L);
int luaopen_navodoo_secret(lua_State *L);
int luaopen_navodoo_store(lua_State *L);
int luaopen_navodoo_task(lua_State *L);
int luaopen_navodoo_cache(lua_State *L);
int luaopen_navodoo_log(lua_State *L);
int luaopen_navodoo_metrics(lua_State *L);
int luaopen_navodoo_process(lua_State *L);
int luaopen_navodoo_failpoint(lua_State *L);
int luaopen_navodoo_generation(lua_State *L);
int luaopen_navodoo_fs(lua_State *L);
int luaopen_navodoo_edit(lua_State *L);
int luaopen_cjson(lua_State *L); /* Debian's lua-cjson */

#endif
