/* store - the store for Lua: apply a transaction, ask a query.
 *
 *     store.apply{ {"job_done", id, rev}, {"cursor_drop", name, expect = 1} }
 *         -> true, rows touched | nil, err
 *     txn = store.txn(); txn:add("job_done", id, rev); #txn -> 1; store.apply(txn)
 *         the same without a table for every operation; consumes what was added
 *     txn:add_each("job_done", n, ids, revs)
 *         n operations; a value that is a table holds that of the k-th at [k]
 *     store.query("jobs_list", flow, nil, 0, 100) -> rows | nil, err
 *     store.epoch() -> integer          store.look() -> how it does at this moment
 *     store.open(folder [, "read"]) -> true | nil, err      blocking; the store of the
 *         process; with "read" it takes no lock and changes nothing
 *     store.copy(from, to) -> true | nil, err    as it is now, beside its engine; blocking
 *     store.backup(folder, file, now) -> true | nil, err          the same into one file
 *     store.restore(file, folder, aside, replace) -> true | nil, err   see core/store.h
 *     store.close()                              finishes what is queued; blocking
 *
 * A row is a table by column name, where NULL is absent. An argument is nil or
 * json.null (NULL), a boolean (0 or 1), an integer or a string; what is left out
 * at the end is NULL. A wrong name or type raises: it is a mistake in the script.
 */
#include "../core/store.h"

#include "l_metrics.h"
#include "watchdog.h"

#define TXN_MT "navodoo.store.txn"

enum { ARGS_MAX = 16 };

static nv_store *store_of(lua_State *L) { return nvl_host_of(L)->store; }

static int no_store(lua_State *L) {
  nv_error err;
  nv_fail(&err, NV_ESTORE, "store", "no store is open");
  return nvl_fail(L, &err);
}

/* The value at `idx`; strings are borrowed from it. False: no such type. */
static bool to_val(lua_State *L, int idx, nv_val *out) {
  nv_str s;
  switch (lua_type(L, idx)) {
    case LUA_TNIL:
      *out = nv_val_null();
      return true;
    case LUA_TLIGHTUSERDATA: /* json.null */
      *out = nv_val_null();
      return lua_touserdata(L, idx) == NULL;
    case LUA_TBOOLEAN:
      *out = nv_val_int(lua_toboolean(L, idx));
      return true;
    case LUA_TNUMBER:
      if (!lua_isinteger(L, idx)) return false;
      *out = nv_val_int(lua_tointeger(L, idx));
      return true;
    case LUA_TSTRING:
      s.p = lua_tolstring(L, idx, &s.n);
      *out = nv_val_text(s);
      return true;
    default:
      return false;
  }
}

/* ---- transactions ---- */

/* A transaction under construction, owned by a script. */
typedef struct builder {
  nv_txn *txn; /* NULL: nothing was added since it was applied */
  lua_Integer n;
  nv_error err; /* of the first operation that did not fit */
} builder;

static void builder_clear(builder *b) {
  nv_txn_free(b->txn);
  *b = (builder){0};
}

static int builder_gc(lua_State *L) {
  builder_clear(lua_touserdata(L, 1));
  return 0;
}

static int builder_len(lua_State *L) {
  const builder *b = luaL_checkudata(L, 1, TXN_MT);
  lua_pushinteger(L, b->n);
  return 1;
}

/* Adds an operation; one that does not fit makes the transaction fail later. */
static void builder_add(lua_State *L, builder *b, int op, const nv_val *vals,
                        int n, int expect) {
  if (!b->txn && !(b->txn = nv_txn_new())) luaL_error(L, "out of memory");
  b->n++;
  if (b->err.code != NV_OK) return;
  nv_error err;
  if (nv_txn_append(b->txn, op, vals, (size_t)n, expect, &err) != NV_OK)
    b->err = err;
}

/* The operation named at index 2, which may take `given` values; the names are in the
 * upvalue. */
static int check_op(lua_State *L, int given) {
  luaL_checktype(L, 2, LUA_TSTRING);
  lua_pushvalue(L, 2);
  if (lua_rawget(L, lua_upvalueindex(1)) != LUA_TNUMBER)
    luaL_error(L, "store: no operation '%s'", lua_tostring(L, 2));
  int op = (int)lua_tointeger(L, -1), n = nv_txn_arity_of(op);
  lua_pop(L, 1);
  if (given > n)
    luaL_error(L, "store: %s takes %d values, got %d", lua_tostring(L, 2), n, given);
  return op;
}

static int wrong_value(lua_State *L, int k, int idx) {
  return luaL_error(L, "store: %s: value %d is a %s", lua_tostring(L, 2), k + 1,
                    luaL_typename(L, idx));
}

/* txn:add(name, value, ...) */
static int l_add(lua_State *L) {
  builder *b = luaL_checkudata(L, 1, TXN_MT);
  int given = lua_gettop(L) - 2, op = check_op(L, given), n = nv_txn_arity_of(op);
  nv_val vals[ARGS_MAX];
  for (int k = 0; k < n; k++) {
    vals[k] = nv_val_null();
    if (k < given && !to_val(L, k + 3, &vals[k])) return wrong_value(L, k, k + 3);
  }
  builder_add(L, b, op, vals, n, -1);
  return 0;
}

/* txn:add_each(name, count, value or table of values, ...) */
static int l_add_each(lua_State *L) {
  builder *b = luaL_checkudata(L, 1, TXN_MT);
  lua_Integer count = luaL_checkinteger(L, 3);
  int given = lua_gettop(L) - 3, op = check_op(L, given), n = nv_txn_arity_of(op);
  nv_val vals[ARGS_MAX];
  for (lua_Integer i = 1; i <= count; i++) {
    for (int k = 0; k < n; k++) {
      int idx = k + 4;
      vals[k] = nv_val_null();
      if (k >= given) continue;
      bool column = lua_istable(L, idx);
      if (column) lua_rawgeti(L, idx, i);
      if (!to_val(L, column ? -1 : idx, &vals[k])) return wrong_value(L, k, column ? -1 : idx);
      if (column) lua_pop(L, 1); /* a text is still held by its table */
    }
    builder_add(L, b, op, vals, n, -1);
  }
  return 0;
}

static builder *push_builder(lua_State *L) {
  builder *b = lua_newuserdatauv(L, sizeof *b, 0);
  *b = (builder){0};
  luaL_setmetatable(L, TXN_MT);
  return b;
}

static int l_txn(lua_State *L) {
  push_builder(L);
  return 1;
}

static void new_txn_type(lua_State *L) {
  if (luaL_newmetatable(L, TXN_MT)) {
    lua_pushcfunction(L, builder_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushcfunction(L, builder_len);
    lua_setfield(L, -2, "__len");
    lua_createtable(L, 0, 2);
    lua_newtable(L); /* operation -> place */
    const char *name;
    for (int op = 0; (name = nv_txn_name(op)); op++) {
      if (nv_txn_arity_of(op) > ARGS_MAX) continue;
      lua_pushinteger(L, op);
      lua_setfield(L, -2, name);
    }
    lua_pushvalue(L, -1);
    lua_pushcclosure(L, l_add, 1);
    lua_setfield(L, -3, "add");
    lua_pushcclosure(L, l_add_each, 1);
    lua_setfield(L, -2, "add_each");
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
}

/* ---- apply ---- */

static int expected_rows(lua_State *L, int op, lua_Integer i) {
  lua_pushliteral(L, "expect");
  lua_rawget(L, op);
  lua_Integer rows = -1;
  if (!lua_isnil(L, -1)) {
    if (!lua_isinteger(L, -1) || (rows = lua_tointeger(L, -1)) < 0 || rows > 1000000)
      luaL_error(L, "store.apply: operation %I: expect must be a number of rows", i);
  }
  lua_pop(L, 1);
  return (int)rows;
}

/* Adds the operation table at index `t`, the `i`th of the list. */
static void add_operation(lua_State *L, builder *b, int t, lua_Integer i) {
  nv_val vals[ARGS_MAX];
  if (!lua_istable(L, t)) luaL_error(L, "store.apply: operation %I is not a table", i);
  lua_rawgeti(L, t, 1);
  const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "?";
  int op = nv_txn_find(name), n = op < 0 ? -1 : nv_txn_arity_of(op);
  if (n < 0 || n > ARGS_MAX)
    luaL_error(L, "store.apply: operation %I: no operation '%s'", i, name);
  if (lua_rawlen(L, t) > (lua_Unsigned)n + 1)
    luaL_error(L, "store.apply: operation %I: %s takes %d values", i, name, n);
  for (int k = 0; k < n; k++) {
    lua_rawgeti(L, t, k + 2);
    if (!to_val(L, -1, &vals[k]))
      luaL_error(L, "store.apply: operation %I (%s): value %d is a %s", i, name,
                 k + 1, luaL_typename(L, -1));
  }
  builder_add(L, b, op, vals, n, expected_rows(L, t, i));
  lua_pop(L, n + 1);
}

/* The transaction of the list at index 1. */
static builder *of_list(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  builder *b = push_builder(L);
  luaL_checkstack(L, ARGS_MAX + 8, NULL);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 1);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 1, i);
    add_operation(L, b, lua_gettop(L), i);
    lua_pop(L, 1);
  }
  return b;
}

static int push_applied(lua_State *L, nv_op *op) {
  if (op->status != NV_OK) return nvl_fail(L, &op->err);
  lua_pushboolean(L, 1);
  lua_pushinteger(L, nv_store_op_changed(op));
  return 2;
}

static int l_apply(lua_State *L) {
  nv_store *s = store_of(L);
  builder *b = luaL_testudata(L, 1, TXN_MT);
  if (!b) b = of_list(L);
  if (!s) return no_store(L);
  nvl_box *box = nvl_box_new(L);
  nv_error err = b->err;
  if (err.code != NV_OK) {
    builder_clear(b);
    return nvl_fail(L, &err);
  }
  nv_txn *txn = b->txn ? b->txn : nv_txn_new();
  if (!txn) return luaL_error(L, "out of memory");
  *b = (builder){0};
  if (nv_store_apply(s, txn, &box->op, &err) != NV_OK) return nvl_fail(L, &err);
  return nvl_await(L, box, push_applied);
}

/* ---- query ---- */

static void push_val(lua_State *L, nv_val v) {
  if (v.type == NV_VAL_INT) lua_pushinteger(L, v.i);
  else lua_pushlstring(L, v.s.p, v.s.n);
}

static int push_rows(lua_State *L, nv_op *op) {
  if (op->status != NV_OK) return nvl_fail(L, &op->err);
  const nv_rows *r = nv_store_op_rows(op);
  size_t rows = nv_rows_count(r), columns = nv_rows_columns(r);
  luaL_checkstack(L, (int)columns + 6, NULL);
  int names = lua_gettop(L) + 1;
  for (size_t c = 0; c < columns; c++) lua_pushstring(L, nv_rows_name(r, c));
  lua_createtable(L, (int)rows, 0);
  for (size_t i = 0; i < rows; i++) {
    lua_createtable(L, 0, (int)columns);
    for (size_t c = 0; c < columns; c++) {
      nv_val v = nv_rows_get(r, i, c);
      if (v.type == NV_VAL_NULL) continue;
      lua_pushvalue(L, names + (int)c);
      push_val(L, v);
      lua_rawset(L, -3);
    }
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static int l_query(lua_State *L) {
  nv_store *s = store_of(L);
  const char *name = luaL_checkstring(L, 1);
  int given = lua_gettop(L) - 1, n = nv_query_arity(name);
  nv_val vals[ARGS_MAX];
  nv_error err;
  if (n < 0 || n > ARGS_MAX) return luaL_error(L, "store.query: no query '%s'", name);
  if (given > n)
    return luaL_error(L, "store.query: %s takes %d values, got %d", name, n, given);
  for (int k = 0; k < n; k++) {
    vals[k] = nv_val_null();
    if (k < given && !to_val(L, k + 2, &vals[k]))
      return luaL_error(L, "store.query: %s: value %d is a %s", name, k + 1,
                        luaL_typename(L, k + 2));
  }
  if (!s) return no_store(L);
  nvl_box *box = nvl_box_new(L);
  if (nv_store_query(s, name, vals, (size_t)n, &box->op, &err) != NV_OK)
    return nvl_fail(L, &err);
  return nvl_await(L, box, push_rows);
}

static int l_epoch(lua_State *L) {
  nv_store *s = store_of(L);
  if (!s) return no_store(L);
  lua_pushinteger(L, nv_store_epoch(s));
  return 1;
}

/* look() -> { commit = { count, sum, buckets }, waiting_bytes = } */
static int l_look(lua_State *L) {
  nv_store *s = store_of(L);
  if (!s) return no_store(L);
  nv_store_info info;
  nv_store_look(s, &info);
  lua_createtable(L, 0, 2);
  nvl_push_histogram(L, &info.commit);
  lua_setfield(L, -2, "commit");
  lua_pushinteger(L, (lua_Integer)info.waiting_bytes);
  lua_setfield(L, -2, "waiting_bytes");
  return 1;
}

static int l_open(lua_State *L) {
  nvl_host *host = nvl_host_of(L);
  static const char *const modes[] = {"write", "read", NULL};
  const char *folder = luaL_checkstring(L, 1);
  bool readonly = luaL_checkoption(L, 2, "write", modes) == 1;
  if (host->store) return luaL_error(L, "a store is open already");
  nv_error err;
  int rc = readonly ? nv_store_open_readonly(host->loop, folder, &host->store, &err)
                    : nv_store_open(host->loop, folder, &host->store, &err);
  if (rc != NV_OK) return nvl_fail(L, &err);
  lua_pushboolean(L, 1);
  return 1;
}

/* The end of a copy. Only commands copy, in processes that have nothing else to do: they
 * are not to be ended for holding a loop. */
static int push_copied(lua_State *L, int rc, const nv_error *err) {
  nvl_watchdog_rest(false);
  if (rc != NV_OK) return nvl_fail(L, err);
  lua_pushboolean(L, 1);
  return 1;
}

static int l_copy(lua_State *L) {
  nv_error err;
  const char *from = luaL_checkstring(L, 1), *to = luaL_checkstring(L, 2);
  nvl_watchdog_rest(true);
  return push_copied(L, nv_store_copy(from, to, &err), &err);
}

static int l_backup(lua_State *L) {
  nv_error err;
  const char *from = luaL_checkstring(L, 1), *file = luaL_checkstring(L, 2);
  lua_Integer now = luaL_checkinteger(L, 3);
  nvl_watchdog_rest(true);
  return push_copied(L, nv_store_backup(from, file, now, &err), &err);
}

static int l_restore(lua_State *L) {
  nv_error err;
  const char *file = luaL_checkstring(L, 1), *folder = luaL_checkstring(L, 2);
  const char *aside = luaL_checkstring(L, 3);
  nvl_watchdog_rest(true);
  return push_copied(L, nv_store_restore(file, folder, aside, lua_toboolean(L, 4), &err), &err);
}

static int l_close(lua_State *L) {
  nvl_host *host = nvl_host_of(L);
  nv_store_close(host->store);
  host->store = NULL;
  return 0;
}

int luaopen_navodoo_store(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"open", l_open},
      {"close", l_close},
      {"copy", l_copy},
      {"backup", l_backup},
      {"restore", l_restore},
      {"txn", l_txn},
      {"apply", l_apply},
      {"query", l_query},
      {"epoch", l_epoch},
      {"look", l_look},
      {NULL, NULL},
  };
  new_txn_type(L);
  luaL_newlib(L, functions);
  return 1;
}
