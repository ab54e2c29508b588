/* l_records - navodoo.records: a page of records, read once, built when needed.
 *
 *     plan = records.plan{ columns = { { "No", "any" }, { "Amount", "decimal" },
 *         { "@etag", "any", aside = true } }, list = "value", beside = "next",
 *         empty_day = "0001-01-01", lenient = false }
 *     list = plan:read(text) | plan:read_one(text)      -> list | nil, err
 *     list = plan:read(body)     of an answer (body.h): read and hashed on another thread
 *         while the task waits; the handle is empty then, or as before when that failed
 *     #list   list:record(i)    its values as a table: decimals, json.null, ...
 *     list:text(i)                  canonical text of a record
 *     list:hashes() -> { hash, ... }     of the texts of all records
 *     list:column(name, prefix) -> { value, ... }   false where a record lacks it
 *     list:beside() -> text | nil     the value beside the list, as it was written
 *     list:same(i, values) -> true | { name, ... }  whose text differs from values[name]
 *     list:pack({ i, ... }, names, tags) -> text       [[name,tag,record],...]
 *     list:pairs(is, name, other, ks, its) -> { text, ... }  {"name":record,"its":record}
 *     list:close()
 *
 * See core/records.h. `err` has code json, type (with `record`, its number) or that
 * of the core. A list holds C memory, so whoever read it closes it when done.
 */
#include "../core/records.h"

#include <stdlib.h>
#include <string.h>

#include "../core/decimal.h"
#include "../core/work.h"
#include "body.h"
#include "nvl.h"

#define PLAN_MT "navodoo.records.plan"
#define LIST_MT "navodoo.records.list"

enum { TEXT_MAX = 256 << 20, DEPTH_OF_VALUES = 8 };

/* Upvalues of all methods. */
#define UP_DECIMAL_MT lua_upvalueindex(1)
#define UP_ARRAY_MT lua_upvalueindex(2)

static const char *const kinds[] = {"any",  "decimal",  "integer", "boolean",
                                    "date", "datetime", "naive",   "link", NULL};

typedef struct plan_box {
  nv_plan *plan; /* user value 1: the names, by column from 1 */
} plan_box;

typedef struct list_box {
  nv_records list; /* user value 1: the plan */
  nv_buf scratch;
} list_box;

/* ---- plans ---- */

static nv_str text_field(lua_State *L, const char *name) {
  nv_str s = {NULL, 0};
  s.p = nvl_opt_string(L, 1, name, "", &s.n);
  return s;
}

/* Reads columns[i], which is on top of the stack; the name stays with the table. */
static nv_column column_at(lua_State *L, lua_Integer i) {
  nv_column c = {.kind = NV_KIND_ANY};
  if (!lua_istable(L, -1)) luaL_error(L, "records.plan: column %I is not a table", i);
  if (lua_rawgeti(L, -1, 1) != LUA_TSTRING)
    luaL_error(L, "records.plan: column %I has no name", i);
  c.name.p = lua_tolstring(L, -1, &c.name.n);
  lua_rawgeti(L, -2, 2);
  c.kind = (nv_kind)luaL_checkoption(L, -1, "any", kinds);
  lua_getfield(L, -3, "aside");
  c.aside = lua_toboolean(L, -1);
  lua_pop(L, 3);
  return c;
}

static int l_plan(lua_State *L) {
  nv_column columns[NV_COLUMNS_MAX];
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  lua_getfield(L, 1, "columns");
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
  if (n > NV_COLUMNS_MAX) return luaL_error(L, "records.plan: more than %d columns", NV_COLUMNS_MAX);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(L, 2, i);
    columns[i - 1] = column_at(L, i);
    lua_pop(L, 1);
  }
  nv_str list = text_field(L, "list"), beside = text_field(L, "beside"),
         empty_day = text_field(L, "empty_day");
  bool lenient = nvl_opt_boolean(L, 1, "lenient", false);
  plan_box *b = lua_newuserdatauv(L, sizeof *b, 1);
  b->plan = NULL;
  luaL_setmetatable(L, PLAN_MT);
  b->plan = nv_plan_new(columns, (int)n, list, beside, empty_day, lenient);
  if (!b->plan) return luaL_error(L, "records.plan: out of memory, or a name is not UTF-8");
  lua_createtable(L, (int)n, 0);
  for (int i = 0; i < (int)n; i++) {
    nv_str name = b->plan->columns[i].name;
    lua_pushlstring(L, name.p, name.n);
    lua_rawseti(L, -2, i + 1);
  }
  lua_setiuservalue(L, -2, 1);
  return 1;
}

static int plan_gc(lua_State *L) {
  plan_box *b = luaL_checkudata(L, 1, PLAN_MT);
  nv_plan_free(b->plan);
  b->plan = NULL;
  return 0;
}

/* ---- lists ---- */

static list_box *check_list(lua_State *L) { return luaL_checkudata(L, 1, LIST_MT); }

/* Index from 0 of the record that argument `arg` counts from 1. */
static size_t check_index(lua_State *L, const list_box *b, int arg) {
  lua_Integer i = luaL_checkinteger(L, arg);
  luaL_argcheck(L, i >= 1 && (size_t)i <= b->list.count, arg, "no such record");
  return (size_t)i - 1;
}

static void clear(list_box *b) {
  nv_records_clear(&b->list);
  nv_buf_clear(&b->scratch);
  b->list.beside = (nv_str){NULL, 0};
}

static int read_failed(lua_State *L, const nv_error *err) {
  lua_pushnil(L);
  nvl_push_error(L, err);
  if (err->code == NV_ESYNTAX || err->code == NV_EINVALID) {
    lua_pushstring(L, err->code == NV_ESYNTAX ? "json" : "type");
    lua_setfield(L, -2, "code");
  }
  if (err->code == NV_EINVALID) {
    lua_pushstring(L, err->where);
    lua_pushinteger(L, lua_tointeger(L, -1));
    lua_setfield(L, -3, "record");
    lua_pop(L, 1);
  }
  return 2;
}

/* Pushes an empty list of the plan at index 1. */
static list_box *push_list(lua_State *L, const plan_box *p) {
  list_box *b = lua_newuserdatauv(L, sizeof *b, 2);
  nv_records_init(&b->list, p->plan, TEXT_MAX);
  nv_buf_init(&b->scratch, TEXT_MAX);
  luaL_setmetatable(L, LIST_MT);
  lua_pushvalue(L, 1);
  lua_setiuservalue(L, -2, 1);
  return b;
}

/* What stands beside the list is borrowed from its text, which need not live as long. */
static void keep_beside(lua_State *L, const list_box *b) {
  if (!b->list.beside.n) return;
  lua_pushlstring(L, b->list.beside.p, b->list.beside.n);
  lua_setiuservalue(L, -2, 2);
}

/* ---- reading on another thread ---- */

typedef struct reading {
  nv_work work;
  nv_plan *plan;
  nv_buf body;
  nv_records list;
} reading;

static int run_reading(nv_work *w) {
  reading *r = (reading *)w;
  nv_str text = {r->body.p ? r->body.p : "", r->body.n};
  int rc = nv_records_read(&r->list, text, &w->op.err);
  return rc == NV_OK ? nv_records_hash(&r->list, &w->op.err) : rc;
}

static void free_reading(nv_work *w) {
  reading *r = (reading *)w;
  nv_records_clear(&r->list);
  nv_buf_clear(&r->body);
  nv_plan_free(r->plan);
  free(r);
}

/* 1 plan, 2 body, 3 box */
static int push_reading(lua_State *L, nv_op *op) {
  reading *r = (reading *)op;
  if (op->status != NV_OK) {
    nv_buf *body = nvl_body_test(L, 2);
    nv_buf_clear(body);
    *body = r->body;
    nv_buf_init(&r->body, 0);
    return read_failed(L, &op->err);
  }
  list_box *b = push_list(L, luaL_checkudata(L, 1, PLAN_MT));
  b->list = r->list;
  nv_records_init(&r->list, r->plan, TEXT_MAX);
  keep_beside(L, b);
  return 1;
}

static int read_body(lua_State *L, const plan_box *p, nv_buf *body) {
  nvl_box *box = nvl_box_new(L);
  reading *r = calloc(1, sizeof *r);
  nv_error err = {0};
  if (!r) return luaL_error(L, "records: out of memory");
  r->work.run = run_reading;
  r->work.free = free_reading;
  r->plan = p->plan;
  nv_plan_keep(r->plan);
  nv_records_init(&r->list, r->plan, TEXT_MAX);
  r->body = *body;
  nv_buf_init(body, 0);
  if (nv_work_start(&r->work, nvl_host_of(L)->loop, &err) != NV_OK) {
    *body = r->body;
    nv_buf_init(&r->body, 0);
    free_reading(&r->work);
    return nvl_fail(L, &err);
  }
  box->op = &r->work.op;
  return nvl_await(L, box, push_reading);
}

static int read_any(lua_State *L, bool one) {
  plan_box *p = luaL_checkudata(L, 1, PLAN_MT);
  lua_settop(L, 2);
  nv_buf *body = one ? NULL : nvl_body_test(L, 2);
  if (body) return read_body(L, p, body);
  luaL_checktype(L, 2, LUA_TSTRING);
  list_box *b = push_list(L, p);
  nv_str text;
  nv_error err = {0};
  text.p = lua_tolstring(L, 2, &text.n);
  int rc = one ? nv_records_read_one(&b->list, text, &err)
               : nv_records_read(&b->list, text, &err);
  if (rc != NV_OK) {
    clear(b);
    return read_failed(L, &err);
  }
  keep_beside(L, b);
  return 1;
}

static int l_read(lua_State *L) { return read_any(L, false); }
static int l_read_one(lua_State *L) { return read_any(L, true); }

static int l_close(lua_State *L) {
  clear(check_list(L));
  return 0;
}

static int l_len(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)check_list(L)->list.count);
  return 1;
}

static int l_beside(lua_State *L) {
  check_list(L);
  lua_getiuservalue(L, 1, 2);
  return 1;
}

/* ---- values ---- */

static void push_unescaped(lua_State *L, nv_str s, bool escaped) {
  if (!escaped) {
    lua_pushlstring(L, s.p, s.n);
    return;
  }
  luaL_Buffer b;
  char *out = luaL_buffinitsize(L, &b, s.n);
  luaL_pushresultsize(&b, nv_json_unescape(s, out));
}

static void push_decimal(lua_State *L, nv_str text) {
  nv_decimal *d = lua_newuserdatauv(L, sizeof *d, 0);
  if (nv_decimal_parse(d, text, NULL) != NV_OK) luaL_error(L, "records: broken number");
  lua_pushvalue(L, UP_DECIMAL_MT);
  lua_setmetatable(L, -2);
}

/* A number as json.decode gives it, or as a decimal. */
static void push_number(lua_State *L, nv_str s, bool exact) {
  bool negative = s.p[0] == '-';
  uint64_t n = 0;
  bool whole = !exact && s.n - negative <= 19;
  for (size_t i = negative; whole && i < s.n; i++) {
    whole = s.p[i] >= '0' && s.p[i] <= '9';
    n = n * 10 + (uint64_t)(s.p[i] - '0');
  }
  if (whole && n <= (uint64_t)INT64_MAX + negative)
    lua_pushinteger(L, (lua_Integer)(negative ? 0 - n : n));
  else push_decimal(L, s);
}

static void push_cell(lua_State *L, nv_str s, bool exact);

static void push_array(lua_State *L, nv_str s) {
  nv_json_reader r;
  nv_json_open(&r, s, DEPTH_OF_VALUES);
  nv_json_next(&r);
  lua_newtable(L);
  lua_pushvalue(L, UP_ARRAY_MT);
  lua_setmetatable(L, -2);
  for (lua_Integer i = 1;; i++) {
    const char *from = NULL;
    nv_json_event event = nv_json_next(&r);
    if (event <= NV_JSON_END || event == NV_JSON_ARRAY_END) return;
    if (event == NV_JSON_STRING) push_unescaped(L, r.text, r.escaped);
    else if (event == NV_JSON_NUMBER) push_number(L, r.text, false);
    else from = (const char *)r.p - (event == NV_JSON_FALSE ? 5 : 4);
    if (from) push_cell(L, (nv_str){from, 4}, false); /* true, null, or fals(e) */
    lua_rawseti(L, -2, i);
  }
}

/* The value of a canonical text. */
static void push_cell(lua_State *L, nv_str s, bool exact) {
  switch (s.p[0]) {
    case '"': {
      nv_str inner = {s.p + 1, s.n - 2};
      push_unescaped(L, inner, memchr(inner.p, '\\', inner.n) != NULL);
      return;
    }
    case 't': lua_pushboolean(L, 1); return;
    case 'f': lua_pushboolean(L, 0); return;
    case 'n': lua_pushlightuserdata(L, NULL); return;
    case '[': push_array(L, s); return;
    default: push_number(L, s, exact);
  }
}

/* Pushes the names of the columns of the list at index 1. */
static void push_names(lua_State *L) {
  lua_getiuservalue(L, 1, 1);
  lua_getiuservalue(L, -1, 1);
  lua_remove(L, -2);
}

static int l_record(lua_State *L) {
  list_box *b = check_list(L);
  size_t i = check_index(L, b, 2);
  const nv_plan *plan = b->list.plan;
  push_names(L);
  int names = lua_gettop(L);
  lua_createtable(L, 0, plan->n);
  luaL_checkstack(L, 8, "records");
  for (int c = 0; c < plan->n; c++) {
    if (plan->columns[c].aside) continue;
    nv_str cell = nv_records_cell(&b->list, i, c);
    if (!cell.n) continue;
    lua_rawgeti(L, names, c + 1);
    push_cell(L, cell, plan->columns[c].kind == NV_KIND_DECIMAL);
    lua_rawset(L, names + 1);
  }
  return 1;
}

static int check_column(lua_State *L, const list_box *b, int arg) {
  nv_str name;
  name.p = luaL_checklstring(L, arg, &name.n);
  int c = nv_plan_find(b->list.plan, name);
  if (c < 0) luaL_error(L, "records: no column '%s'", name.p);
  return c;
}

static int l_column(lua_State *L) {
  list_box *b = check_list(L);
  int c = check_column(L, b, 2);
  bool exact = b->list.plan->columns[c].kind == NV_KIND_DECIMAL;
  bool prefixed = !lua_isnoneornil(L, 3);
  if (prefixed) luaL_checktype(L, 3, LUA_TSTRING);
  lua_settop(L, 3);
  lua_createtable(L, (int)b->list.count, 0);
  for (size_t i = 0; i < b->list.count; i++) {
    nv_str cell = nv_records_cell(&b->list, i, c);
    if (prefixed && cell.n) lua_pushvalue(L, 3);
    if (cell.n) push_cell(L, cell, exact);
    else lua_pushboolean(L, 0);
    if (prefixed && cell.n) lua_concat(L, 2);
    lua_rawseti(L, 4, (lua_Integer)i + 1);
  }
  return 1;
}

/* ---- texts ---- */

static int l_text(lua_State *L) {
  list_box *b = check_list(L);
  nv_str s = nv_records_text(&b->list, check_index(L, b, 2));
  lua_pushlstring(L, s.p, s.n);
  return 1;
}

/* Number of the record that t[k] counts from 1. */
static size_t index_in(lua_State *L, const list_box *b, int t, lua_Integer k) {
  lua_rawgeti(L, t, k);
  lua_Integer i = lua_tointeger(L, -1);
  lua_pop(L, 1);
  if (i < 1 || (size_t)i > b->list.count) luaL_error(L, "records: no such record");
  return (size_t)i - 1;
}

static int l_hashes(lua_State *L) {
  list_box *b = check_list(L);
  nv_error err;
  if (nv_records_hash(&b->list, &err) != NV_OK) return luaL_error(L, "records: %s", err.text);
  lua_createtable(L, (int)b->list.count, 0);
  for (size_t i = 0; i < b->list.count; i++) {
    lua_pushlstring(L, b->list.hashes + i * NV_RECORD_HASH, NV_RECORD_HASH);
    lua_rawseti(L, -2, (lua_Integer)i + 1);
  }
  return 1;
}

static void add(lua_State *L, nv_buf *out, const char *p, size_t n) {
  int rc = nv_buf_add(out, p, n);
  if (rc != NV_OK) luaL_error(L, "records: %s", nv_code_text(rc));
}

static void add_value(lua_State *L, nv_buf *out, int list, lua_Integer i) {
  nv_str s;
  if (lua_rawgeti(L, list, i) == LUA_TSTRING) {
    s.p = lua_tolstring(L, -1, &s.n);
    int rc = nv_json_add_string(out, s);
    if (rc != NV_OK) luaL_error(L, "records: %s", nv_code_text(rc));
  } else {
    add(L, out, "null", 4);
  }
  lua_pop(L, 1);
}

static int l_pack(lua_State *L) {
  list_box *b = check_list(L);
  for (int i = 2; i <= 4; i++) luaL_checktype(L, i, LUA_TTABLE);
  lua_settop(L, 4);
  nv_buf *out = &b->scratch;
  out->n = 0;
  lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
  add(L, out, "[", 1);
  for (lua_Integer k = 1; k <= n; k++) {
    lua_rawgeti(L, 2, k);
    nv_str s = nv_records_text(&b->list, check_index(L, b, 5));
    lua_settop(L, 4);
    add(L, out, k == 1 ? "[" : ",[", k == 1 ? 1 : 2);
    add_value(L, out, 3, k);
    add(L, out, ",", 1);
    add_value(L, out, 4, k);
    add(L, out, ",", 1);
    add(L, out, s.p, s.n);
    add(L, out, "]", 1);
  }
  add(L, out, "]", 1);
  lua_pushlstring(L, out->p, out->n);
  return 1;
}

static int l_pairs(lua_State *L) {
  list_box *b = check_list(L), *other = luaL_checkudata(L, 4, LIST_MT);
  nv_str name, its;
  luaL_checktype(L, 2, LUA_TTABLE);
  name.p = luaL_checklstring(L, 3, &name.n);
  luaL_checktype(L, 5, LUA_TTABLE);
  its.p = luaL_checklstring(L, 6, &its.n);
  lua_Integer n = (lua_Integer)lua_rawlen(L, 2);
  lua_createtable(L, (int)n, 0);
  nv_buf *out = &b->scratch;
  for (lua_Integer k = 1; k <= n; k++) {
    nv_str one = nv_records_text(&b->list, index_in(L, b, 2, k));
    nv_str two = nv_records_text(&other->list, index_in(L, other, 5, k));
    out->n = 0;
    int rc = nv_json_add_key(out, true, name);
    if (rc == NV_OK) rc = nv_buf_add(out, one.p, one.n);
    if (rc == NV_OK) rc = nv_json_add_key(out, false, its);
    if (rc == NV_OK) rc = nv_buf_add(out, two.p, two.n);
    if (rc == NV_OK) rc = nv_buf_addc(out, '}');
    if (rc != NV_OK) return luaL_error(L, "records: %s", nv_code_text(rc));
    lua_pushlstring(L, out->p, out->n);
    lua_rawseti(L, -2, k);
  }
  return 1;
}

/* ---- comparing ---- */

/* Canonical text of the value on top of the stack; false: it has none here. */
static bool text_of(lua_State *L, nv_buf *out) {
  char text[NV_DECIMAL_TEXT];
  nv_str s;
  nv_decimal d;
  out->n = 0;
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
      s.p = lua_tolstring(L, -1, &s.n);
      return nv_json_add_string(out, s) == NV_OK;
    case LUA_TBOOLEAN:
      return nv_buf_addz(out, lua_toboolean(L, -1) ? "true" : "false") == NV_OK;
    case LUA_TNUMBER:
      return lua_isinteger(L, -1) && nv_json_add_integer(out, lua_tointeger(L, -1)) == NV_OK;
    case LUA_TUSERDATA:
      if (!luaL_testudata(L, -1, NVL_DECIMAL)) return false;
      d = nv_decimal_normalize(lua_touserdata(L, -1));
      return nv_buf_add(out, text, nv_decimal_print(&d, text)) == NV_OK;
    default:
      return false;
  }
}

static int l_same(lua_State *L) {
  list_box *b = check_list(L);
  size_t i = check_index(L, b, 2);
  luaL_checktype(L, 3, LUA_TTABLE);
  lua_settop(L, 3);
  push_names(L);
  const nv_plan *plan = b->list.plan;
  lua_Integer differing = 0;
  lua_pushnil(L); /* 5: the list of names, once there is one */
  for (int c = 0; c < plan->n; c++) {
    if (plan->columns[c].aside) continue;
    lua_rawgeti(L, 4, c + 1);
    lua_pushvalue(L, -1);
    if (lua_rawget(L, 3) != LUA_TNIL) {
      nv_str cell = nv_records_cell(&b->list, i, c);
      bool equal = text_of(L, &b->scratch) && b->scratch.n == cell.n &&
                   memcmp(b->scratch.p, cell.p, cell.n) == 0;
      if (!equal) {
        if (!differing++) {
          lua_newtable(L);
          lua_replace(L, 5);
        }
        lua_pushvalue(L, 6);
        lua_rawseti(L, 5, differing);
      }
    }
    lua_settop(L, 5);
  }
  if (!differing) lua_pushboolean(L, 1);
  return 1;
}

/* ---- module ---- */

static void new_type(lua_State *L, const char *name, lua_CFunction gc,
                     const luaL_Reg *methods) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_newtable(L);
  luaL_getmetatable(L, NVL_DECIMAL);
  luaL_requiref(L, "navodoo.json", luaopen_navodoo_json, 0);
  lua_getfield(L, -1, "array_mt");
  lua_remove(L, -2);
  luaL_setfuncs(L, methods, 2);
  lua_setfield(L, -2, "__index");
}

int luaopen_navodoo_records(lua_State *L) {
  static const luaL_Reg plan_methods[] = {
      {"read", l_read}, {"read_one", l_read_one}, {NULL, NULL}};
  static const luaL_Reg list_methods[] = {
      {"record", l_record}, {"text", l_text}, {"hashes", l_hashes}, {"column", l_column},
      {"pack", l_pack},     {"pairs", l_pairs}, {"beside", l_beside}, {"same", l_same},
      {"close", l_close},   {NULL, NULL}};
  static const luaL_Reg functions[] = {{"plan", l_plan}, {NULL, NULL}};
  luaL_requiref(L, NVL_DECIMAL, luaopen_navodoo_decimal, 0); /* its metatable */
  lua_pop(L, 1);
  new_type(L, PLAN_MT, plan_gc, plan_methods);
  lua_pop(L, 1);
  new_type(L, LIST_MT, l_close, list_methods);
  lua_pushcfunction(L, l_len);
  lua_setfield(L, -2, "__len");
  lua_pushcfunction(L, l_close);
  lua_setfield(L, -2, "__close");
  lua_pop(L, 1);
  luaL_newlib(L, functions);
  return 1;
}
