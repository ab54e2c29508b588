/* l_json_encode - Lua values to JSON text, the writing half of navodoo.json.
 *
 * Equal values give equal bytes. Tables are read raw: no metamethod and so no
 * script runs while a text is being made, and the strings that a table owns stay
 * where they are. Whatever has no JSON form is refused with the path to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "l_json.h"

#define TEXT_MAX ((size_t)256 << 20) /* longest text that is made */
#define KEEP_MAX ((size_t)1 << 20)   /* a longer buffer is given back */
#define UNRANKED INT32_MAX

/* One key of an object that is being written, and where its value lies. */
typedef struct item {
  uint64_t head; /* its first eight bytes, for comparing */
  const char *p; /* owned by the table */
  size_t n;
  int rank; /* place that json.object gave it */
  int value;
} item;

typedef struct encoder {
  lua_State *L;
  nvl_json_scratch *s;
  bool canonical;
  int depth;
  nv_error err;
  char path[120]; /* of a failure, written from its end */
  size_t path_at;
  bool path_cut;
} encoder;

static bool write_value(encoder *e, int idx);

/* The first failure says why; each level on the way out adds its step. */
static bool refuse(encoder *e, int code, const char *why) {
  nv_fail(&e->err, code, "json", "%s", why);
  return false;
}

static bool check(encoder *e, int rc) {
  return rc == NV_OK || refuse(e, rc, nv_code_text(rc));
}

/* Puts one step in front of the path: lines[3].amount */
static bool failed_at(encoder *e, const char *p, size_t n) {
  bool dot = e->path_at < sizeof e->path && e->path[e->path_at] != '[';
  if (e->path_cut) return false;
  e->path_cut = n + dot + 3 > e->path_at;
  if (e->path_cut) p = "...", n = 3, dot = false;
  e->path_at -= n + dot;
  memcpy(e->path + e->path_at, p, n);
  if (dot) e->path[e->path_at + n] = '.';
  return false;
}

static bool write_char(encoder *e, char c) {
  nv_buf *out = &e->s->out;
  if (out->n + 1 >= out->cap) return check(e, nv_buf_addc(out, c));
  out->p[out->n++] = c;
  out->p[out->n] = 0;
  return true;
}

static bool write_string(encoder *e, nv_str s) {
  int rc = nv_json_add_string(&e->s->out, s);
  if (rc == NV_ESYNTAX) return refuse(e, rc, "a string is not UTF-8");
  return check(e, rc);
}

static bool write_decimal(encoder *e, const nv_decimal *d) {
  nv_decimal shortest;
  if (e->canonical) {
    shortest = nv_decimal_normalize(d);
    d = &shortest;
  }
  char text[NV_DECIMAL_TEXT];
  size_t n = nv_decimal_print(d, text);
  return check(e, nv_buf_add(&e->s->out, text, n));
}

static bool write_float(encoder *e, double x) {
  nv_buf *out = &e->s->out;
  size_t from = out->n;
  int rc = nv_json_add_double(out, x);
  if (rc == NV_EINVALID) return refuse(e, rc, "NaN and infinity have no JSON form");
  nv_decimal d;
  if (rc == NV_OK && e->canonical &&
      nv_decimal_parse(&d, (nv_str){out->p + from, out->n - from}, NULL) == NV_OK) {
    out->n = from; /* a decimal of equal value must give equal bytes */
    return write_decimal(e, &d);
  }
  return check(e, rc);
}

static item *items_of(encoder *e) {
  return (item *)(void *)e->s->items.p;
}

static bool is_before(const item *a, const item *b) {
  if (a->rank != b->rank) return a->rank < b->rank;
  if (a->head != b->head) return a->head < b->head;
  int c = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);
  return c != 0 ? c < 0 : a->n < b->n;
}

static int compare_items(const void *a, const void *b) {
  return is_before(b, a) - is_before(a, b);
}

static void sort_items(item *list, size_t n) {
  if (n > 48) {
    qsort(list, n, sizeof *list, compare_items);
    return;
  }
  for (size_t i = 1; i < n; i++) {
    item one = list[i];
    size_t k = i;
    for (; k > 0 && is_before(&one, &list[k - 1]); k--) list[k] = list[k - 1];
    list[k] = one;
  }
}

static uint64_t head_of(nv_str s) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (s.n >= 8) {
    uint64_t w;
    memcpy(&w, s.p, 8);
    return __builtin_bswap64(w);
  }
#endif
  uint64_t head = 0;
  for (size_t i = 0; i < 8; i++)
    head = head << 8 | (i < s.n ? (unsigned char)s.p[i] : 0);
  return head;
}

/* Collects the keys of the table at `t` and leaves its values on the stack. */
static bool gather(encoder *e, int t, int order) {
  lua_State *L = e->L;
  int value = lua_gettop(L) + 1;
  lua_pushnil(L);
  while (lua_next(L, t)) {
    if (!lua_checkstack(L, 4)) return refuse(e, NV_ETOOLARGE, "too many keys");
    if (lua_type(L, -2) != LUA_TSTRING)
      return refuse(e, NV_EINVALID, "an object with a key that is not a string");
    nv_str key;
    key.p = lua_tolstring(L, -2, &key.n);
    item one = {head_of(key), key.p, key.n, UNRANKED, value++};
    if (order) {
      lua_pushvalue(L, -2);
      if (lua_rawget(L, order) == LUA_TNUMBER) one.rank = (int)lua_tointeger(L, -1);
      lua_pop(L, 1);
    }
    if (!check(e, nv_buf_add(&e->s->items, &one, sizeof one))) return false;
    lua_insert(L, -2); /* value below, key on top for lua_next */
  }
  return true;
}

static bool write_items(encoder *e, size_t from, size_t to) {
  for (size_t i = from; i < to; i++) {
    item one = items_of(e)[i]; /* a copy: the list may move below */
    nv_str key = {one.p, one.n};
    int rc = nv_json_add_key(&e->s->out, i == from, key);
    if (rc == NV_ESYNTAX) return refuse(e, rc, "a key is not UTF-8");
    if (!check(e, rc)) return false;
    if (!write_value(e, one.value)) return failed_at(e, key.p, key.n);
  }
  return (from < to || write_char(e, '{')) && write_char(e, '}');
}

static bool write_object(encoder *e, int t, int order) {
  size_t first = e->s->items.n, from = first / sizeof(item);
  bool ok = gather(e, t, e->canonical ? 0 : order);
  size_t to = e->s->items.n / sizeof(item);
  if (ok) {
    if (to > from) sort_items(items_of(e) + from, to - from);
    ok = write_items(e, from, to);
  }
  e->s->items.n = first;
  return ok;
}

/* Refuses holes and any key that is not a position. */
static bool check_array(encoder *e, int t, lua_Integer n) {
  lua_State *L = e->L;
  lua_Integer count = 0;
  for (lua_pushnil(L); lua_next(L, t); count++) {
    lua_pop(L, 1);
    if (!lua_isinteger(L, -1))
      return refuse(e, NV_EINVALID, "a table that is both array and object");
    lua_Integer i = lua_tointeger(L, -1);
    if (i < 1 || i > n) return refuse(e, NV_EINVALID, "an array with a hole");
  }
  return count == n || refuse(e, NV_EINVALID, "an array with a hole");
}

static bool write_element(encoder *e, lua_Integer i) {
  if ((i == 1 || write_char(e, ',')) && write_value(e, lua_gettop(e->L))) return true;
  char step[32];
  int n = snprintf(step, sizeof step, "[%lld]", (long long)i);
  return failed_at(e, step, (size_t)n);
}

/* Writes a list whose elements lie in their order, as nearly every list does, in
 * one walk. `*ordered` is false when another key stands between: not written. */
static bool write_ordered(encoder *e, int t, bool *ordered) {
  lua_State *L = e->L;
  lua_Integer i = 1;
  for (lua_pushnil(L); lua_next(L, t); i++) {
    *ordered = lua_isinteger(L, -2) && lua_tointeger(L, -2) == i;
    if (!*ordered) return true;
    if (!write_element(e, i)) return false;
    lua_pop(L, 1);
  }
  return true;
}

static bool write_array(encoder *e, int t) {
  lua_State *L = e->L;
  int top = lua_gettop(L);
  bool ordered = true;
  if (!write_char(e, '[')) return false;
  size_t from = e->s->out.n;
  if (!write_ordered(e, t, &ordered)) return false;
  lua_settop(L, top);
  if (!ordered) {
    e->s->out.n = from;
    lua_Integer n = (lua_Integer)lua_rawlen(L, t);
    if (!check_array(e, t, n)) return false;
    for (lua_Integer i = 1; i <= n; i++) {
      lua_rawgeti(L, t, i);
      if (!write_element(e, i)) return false;
      lua_pop(L, 1);
    }
  }
  return write_char(e, ']');
}

static bool write_table(encoder *e, int t) {
  lua_State *L = e->L;
  int top = lua_gettop(L);
  if (e->depth == NV_JSON_DEPTH_MAX)
    return refuse(e, NV_EINVALID, "nested too deep, or a table inside itself");
  if (!lua_checkstack(L, 8)) return refuse(e, NV_ENOMEM, "out of memory");
  e->depth++;
  nvl_json_shape kind = nvl_json_shape_of(L, t);
  bool ok = kind == NVL_JSON_ARRAY
                ? write_array(e, t)
                : write_object(e, t, kind == NVL_JSON_ORDERED ? top + 1 : 0);
  e->depth--;
  lua_settop(L, top);
  return ok;
}

static bool is_decimal(lua_State *L, int idx) {
  if (!lua_getmetatable(L, idx)) return false;
  bool is = lua_rawequal(L, -1, UP_DECIMAL_MT);
  lua_pop(L, 1);
  return is;
}

static bool write_value(encoder *e, int idx) {
  lua_State *L = e->L;
  nv_str s;
  switch (lua_type(L, idx)) {
    case LUA_TSTRING:
      s.p = lua_tolstring(L, idx, &s.n);
      return write_string(e, s);
    case LUA_TNUMBER:
      if (!lua_isinteger(L, idx)) return write_float(e, lua_tonumber(L, idx));
      return check(e, nv_json_add_integer(&e->s->out, lua_tointeger(L, idx)));
    case LUA_TBOOLEAN:
      return check(
          e, nv_buf_addz(&e->s->out, lua_toboolean(L, idx) ? "true" : "false"));
    case LUA_TTABLE:
      return write_table(e, idx);
    case LUA_TLIGHTUSERDATA:
      if (!lua_touserdata(L, idx)) return check(e, nv_buf_addz(&e->s->out, "null"));
      break;
    case LUA_TUSERDATA:
      if (is_decimal(L, idx)) return write_decimal(e, lua_touserdata(L, idx));
      s = nvl_json_raw_text(L, idx);
      if (s.p && !e->canonical) return check(e, nv_buf_add(&e->s->out, s.p, s.n));
      break;
    default:
      break;
  }
  nv_fail(&e->err, NV_EINVALID, "json", "a %s has no JSON form",
          luaL_typename(L, idx));
  return false;
}

static int encode_failed(encoder *e) {
  lua_State *L = e->L;
  const char *path = e->path + e->path_at;
  int n = (int)(sizeof e->path - e->path_at);
  nv_error err;
  nv_fail(&err, e->err.code, "json", "%.*s%s%s", n, path, n ? ": " : "",
          e->err.text);
  lua_pushnil(L);
  nvl_push_error(L, &err);
  if (err.code == NV_EINVALID || err.code == NV_ESYNTAX) {
    lua_pushliteral(L, "json");
    lua_setfield(L, -2, "code");
  }
  lua_pushlstring(L, path, (size_t)n);
  lua_setfield(L, -2, "path");
  return 2;
}

static int encode(lua_State *L, bool canonical) {
  luaL_checkany(L, 1);
  lua_settop(L, 1);
  encoder e = {.L = L,
               .s = lua_touserdata(L, UP_SCRATCH),
               .canonical = canonical,
               .path_at = sizeof e.path};
  e.s->out.n = e.s->items.n = 0;
  if (!write_value(&e, 1)) return encode_failed(&e);
  lua_pushlstring(L, e.s->out.p, e.s->out.n);
  if (e.s->out.cap > KEEP_MAX) nv_buf_clear(&e.s->out);
  if (e.s->items.cap > KEEP_MAX) nv_buf_clear(&e.s->items);
  return 1;
}

int nvl_json_encode(lua_State *L) {
  return encode(L, false);
}
int nvl_json_canonical(lua_State *L) {
  return encode(L, true);
}

static int scratch_gc(lua_State *L) {
  nvl_json_scratch *s = lua_touserdata(L, 1);
  nv_buf_clear(&s->out);
  nv_buf_clear(&s->items);
  return 0;
}

void nvl_json_push_scratch(lua_State *L) {
  nvl_json_scratch *s = lua_newuserdatauv(L, sizeof *s, 0);
  nv_buf_init(&s->out, TEXT_MAX);
  nv_buf_init(&s->items, TEXT_MAX);
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, scratch_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
}
