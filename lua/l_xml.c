/* l_xml - navodoo.xml: parse(text) -> node | nil, err, and escape(text).
 *
 * A node is { name=, ns=, attrs={ name=value }, children... } with elements as
 * tables and texts as strings. Attributes go by their local name; where two share
 * it, the one without a prefix stays. What the core refuses (DOCTYPE, sizes) is an
 * error, not a raise.
 */
#include "../core/xml.h"
#include "nvl.h"

#define DOC_MT "navodoo.xml.document"
#define BUF_MT "navodoo.xml.buffer"

static void push_str(lua_State *L, nv_str s) { lua_pushlstring(L, s.p, s.n); }

static void push_attrs(lua_State *L, const nv_xml_node *node) {
  lua_newtable(L);
  for (const nv_xml_attr *a = node->attrs; a; a = a->next) {
    push_str(L, a->name);
    lua_pushvalue(L, -1);
    bool taken = lua_rawget(L, -3) != LUA_TNIL;
    lua_pop(L, 1);
    if (taken && a->ns.p) {
      lua_pop(L, 1);
      continue;
    }
    push_str(L, a->value);
    lua_rawset(L, -3);
  }
}

/* Depth is bounded by the parser. */
static void push_node(lua_State *L, const nv_xml_node *node) {
  lua_Integer n = 0;
  luaL_checkstack(L, 8, "xml");
  lua_createtable(L, 1, 3);
  push_str(L, node->name);
  lua_setfield(L, -2, "name");
  if (node->ns.p) {
    push_str(L, node->ns);
    lua_setfield(L, -2, "ns");
  }
  push_attrs(L, node);
  lua_setfield(L, -2, "attrs");
  for (const nv_xml_node *child = node->first; child; child = child->next) {
    if (child->name.p) push_node(L, child);
    else push_str(L, child->text);
    lua_rawseti(L, -2, ++n);
  }
}

static int doc_gc(lua_State *L) {
  nv_xml **slot = lua_touserdata(L, 1);
  nv_xml_free(*slot);
  *slot = NULL;
  return 0;
}

static int l_parse(lua_State *L) {
  nv_str text;
  nv_error err;
  text.p = luaL_checklstring(L, 1, &text.n);
  nv_xml **slot = lua_newuserdatauv(L, sizeof *slot, 0); /* owns it if Lua raises */
  *slot = NULL;
  luaL_setmetatable(L, DOC_MT);
  if (nv_xml_parse(text, slot, &err) != NV_OK) return nvl_fail(L, &err);
  push_node(L, nv_xml_root(*slot));
  nv_xml_free(*slot);
  *slot = NULL;
  return 1;
}

static int buf_gc(lua_State *L) {
  nv_buf_clear(lua_touserdata(L, 1));
  return 0;
}

static int l_escape(lua_State *L) {
  nv_str text;
  text.p = luaL_checklstring(L, 1, &text.n);
  nv_buf *b = lua_newuserdatauv(L, sizeof *b, 0);
  nv_buf_init(b, text.n * 6); /* nothing grows more than "&quot;" does */
  luaL_setmetatable(L, BUF_MT);
  if (nv_xml_escape(text, b) != NV_OK) return luaL_error(L, "out of memory");
  lua_pushlstring(L, b->p ? b->p : "", b->n);
  nv_buf_clear(b);
  return 1;
}

static void add_owner(lua_State *L, const char *name, lua_CFunction gc) {
  luaL_newmetatable(L, name);
  lua_pushcfunction(L, gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

int luaopen_navodoo_xml(lua_State *L) {
  static const luaL_Reg functions[] = {{"parse", l_parse}, {"escape", l_escape},
                                       {NULL, NULL}};
  add_owner(L, DOC_MT, doc_gc);
  add_owner(L, BUF_MT, buf_gc);
  luaL_newlib(L, functions);
  return 1;
}
