/* strings - the functions of the string library that could hold the loop, bounded.
 *
 * No hook fires inside C functions: a pattern that backtracks, or a long repeat, would
 * hold everybody up. So find, match, gmatch and gsub run on pattern.c, which counts
 * steps, and rep has a longest result. Results are those of the string library, which
 * tests/fuzz/fuzz_pattern.c compares them with. The string metatable is shared by every
 * script of a state and is locked.
 */
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "task.h"

enum { REP_MAX = 16 << 20 };

/* Subject and pattern at 1 and 2, ready to be matched. */
static const char *subject_and_pattern(lua_State *L, nvl_pattern *m, const char **pattern) {
  size_t n, pn;
  const char *text = luaL_checklstring(L, 1, &n);
  *pattern = luaL_checklstring(L, 2, &pn);
  nvl_pattern_init(m, L, text, n, *pattern, pn);
  return text;
}

/* Where `init` at `idx` says to begin, or NULL when that is behind the text. */
static const char *beginning(lua_State *L, const nvl_pattern *m, int idx) {
  lua_Integer at = luaL_optinteger(L, idx, 1), n = m->end - m->text;
  if (at < 0) at = at < -n ? 1 : n + at + 1;
  if (at == 0) at = 1;
  return at > n + 1 ? NULL : m->text + at - 1;
}

/* ---- find and match ---- */

static int push_found(lua_State *L, const nvl_pattern *m, const char *begin, const char *end) {
  lua_pushinteger(L, begin - m->text + 1);
  lua_pushinteger(L, end - m->text);
  return 2;
}

static int find_plain(lua_State *L, const nvl_pattern *m, const char *at, const char *what) {
  size_t n = (size_t)(m->pattern_end - what);
  const char *found = n ? memmem(at, (size_t)(m->end - at), what, n) : at;
  if (found) return push_found(L, m, found, found + n);
  luaL_pushfail(L);
  return 1;
}

static bool is_plain(const nvl_pattern *m, const char *pattern) {
  for (; pattern < m->pattern_end; pattern++)
    if (*pattern && strchr("^$*+?.([%-", *pattern)) return false;
  return true;
}

static int search(lua_State *L, bool find) {
  nvl_pattern m;
  const char *pattern;
  subject_and_pattern(L, &m, &pattern);
  const char *at = beginning(L, &m, 3), *end = NULL;
  if (at && find && (lua_toboolean(L, 4) || is_plain(&m, pattern)))
    return find_plain(L, &m, at, pattern);
  bool anchored = *pattern == '^' && pattern < m.pattern_end;
  if (anchored) pattern++;
  for (; at && at <= m.end; at++)
    if ((end = nvl_pattern_match(&m, at, pattern)) || anchored) break;
  nvl_pattern_charge(&m);
  if (!end) {
    luaL_pushfail(L);
    return 1;
  }
  if (!find) return nvl_pattern_push_all(&m, at, end);
  push_found(L, &m, at, end);
  return nvl_pattern_push_all(&m, NULL, NULL) + 2;
}

static int s_find(lua_State *L) { return search(L, true); }
static int s_match(lua_State *L) { return search(L, false); }

/* ---- gmatch ---- */

/* The state of one iteration; its texts are upvalues of the iterator. */
typedef struct walk {
  const char *at, *last; /* where to go on; the end of the match before */
} walk;

static int walk_on(lua_State *L) {
  walk *w = lua_touserdata(L, lua_upvalueindex(3));
  nvl_pattern m;
  size_t n, pn;
  const char *text = lua_tolstring(L, lua_upvalueindex(1), &n);
  const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &pn);
  nvl_pattern_init(&m, L, text, n, pattern, pn);
  for (; w->at && w->at <= m.end; w->at++) {
    const char *end = nvl_pattern_match(&m, w->at, pattern), *begin = w->at;
    if (!end || end == w->last) continue;
    w->at = w->last = end;
    nvl_pattern_charge(&m);
    return nvl_pattern_push_all(&m, begin, end);
  }
  nvl_pattern_charge(&m);
  return 0;
}

static int s_gmatch(lua_State *L) {
  nvl_pattern m;
  const char *pattern;
  subject_and_pattern(L, &m, &pattern);
  const char *at = beginning(L, &m, 3);
  lua_settop(L, 2);
  walk *w = lua_newuserdatauv(L, sizeof *w, 0);
  *w = (walk){at, NULL};
  lua_pushcclosure(L, walk_on, 3);
  return 1;
}

/* ---- gsub ---- */

static void add_template(nvl_pattern *m, luaL_Buffer *b, const char *begin, const char *end) {
  size_t n;
  const char *p = lua_tolstring(m->L, 3, &n), *last = p + n;
  while (p < last) {
    const char *mark = memchr(p, '%', (size_t)(last - p));
    luaL_addlstring(b, p, (size_t)((mark ? mark : last) - p));
    if (!mark) return;
    char what = mark[1];
    p = mark + 2;
    if (what == '%' && p <= last) luaL_addchar(b, '%');
    else if (what == '0') luaL_addlstring(b, begin, (size_t)(end - begin));
    else if (what >= '1' && what <= '9') {
      nvl_pattern_push(m, what - '1', begin, end);
      luaL_tolstring(m->L, -1, NULL);
      lua_remove(m->L, -2);
      luaL_addvalue(b);
    } else {
      luaL_error(m->L, "invalid use of '%%' in replacement string");
    }
  }
}

/* Adds what stands for one match; false when that is the match itself. */
static bool add_replacement(nvl_pattern *m, luaL_Buffer *b, const char *begin,
                            const char *end, int type) {
  lua_State *L = m->L;
  if (type == LUA_TFUNCTION) {
    lua_pushvalue(L, 3);
    lua_call(L, nvl_pattern_push_all(m, begin, end), 1);
  } else if (type == LUA_TTABLE) {
    nvl_pattern_push(m, 0, begin, end);
    lua_gettable(L, 3);
  } else {
    add_template(m, b, begin, end);
    return true;
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    luaL_addlstring(b, begin, (size_t)(end - begin));
    return false;
  }
  if (!lua_isstring(L, -1))
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  luaL_addvalue(b);
  return true;
}

static int s_gsub(lua_State *L) {
  nvl_pattern m;
  const char *pattern, *at, *last = NULL;
  at = subject_and_pattern(L, &m, &pattern);
  int type = lua_type(L, 3);
  if (type != LUA_TNUMBER && type != LUA_TSTRING && type != LUA_TFUNCTION && type != LUA_TTABLE)
    return luaL_typeerror(L, 3, "string/function/table");
  lua_Integer most = luaL_optinteger(L, 4, m.end - m.text + 1), n = 0;
  bool anchored = *pattern == '^' && pattern < m.pattern_end, changed = false;
  if (anchored) pattern++;
  lua_settop(L, 3);
  luaL_Buffer b;
  luaL_buffinit(L, &b);
  while (n < most) {
    const char *end = nvl_pattern_match(&m, at, pattern);
    if (end && end != last) {
      n++;
      changed |= add_replacement(&m, &b, at, end, type);
      at = last = end;
    } else if (at < m.end) {
      luaL_addchar(&b, *at++);
    } else {
      break;
    }
    if (anchored) break;
  }
  nvl_pattern_charge(&m);
  if (changed) {
    luaL_addlstring(&b, at, (size_t)(m.end - at));
    luaL_pushresult(&b);
  } else {
    lua_pushvalue(L, 1);
  }
  lua_pushinteger(L, n);
  return 2;
}

/* ---- rep ---- */

static int s_rep(lua_State *L) {
  size_t n, sep = 0;
  luaL_checklstring(L, 1, &n);
  lua_Integer times = luaL_checkinteger(L, 2);
  if (!lua_isnoneornil(L, 3)) luaL_checklstring(L, 3, &sep);
  if (times > 0 && (n + sep) > (size_t)REP_MAX / (size_t)times)
    return luaL_error(L, "string.rep: result would pass %d bytes", REP_MAX);
  if (times > 0) nvl_guard_charge(nvl_state_of(L), L, (size_t)times / 4);
  int nargs = lua_gettop(L);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, nargs, 1);
  return 1;
}

static void set(lua_State *L, const char *name, lua_CFunction fn) {
  lua_pushcfunction(L, fn);
  lua_setfield(L, -2, name);
}

void nvl_bound_strings(lua_State *L) {
  lua_getglobal(L, "string");
  set(L, "find", s_find);
  set(L, "match", s_match);
  set(L, "gmatch", s_gmatch);
  set(L, "gsub", s_gsub);
  lua_getfield(L, -1, "rep");
  lua_pushcclosure(L, s_rep, 1);
  lua_setfield(L, -2, "rep");
  lua_pop(L, 1);
  lua_pushliteral(L, "");
  lua_getmetatable(L, -1);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_pop(L, 2);
}
