/* state - a lua_State with a memory ceiling, the primitives and the stdlib. */
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stdlib_index.h"
#include "task.h"


/* What memory costs of a guard's budget, and the largest block that code of a flow gets
 * under one: a single instruction copies a text, and large ones touch new pages. */
enum { PER_INSTRUCTION = 32, PER_INSTRUCTION_LARGE = 8, LARGE = 1 << 20, BLOCK_MAX = 32 << 20 };

/* Counts bytes and refuses past the limit. `osize` holds a type tag when `p` is
 * NULL, and realloc(p, 0) does not free everywhere: both are handled here. */
static void *allocate(void *ud, void *p, size_t osize, size_t nsize) {
  nvl_state *s = ud;
  if (!p) osize = 0;
  if (nsize == 0) {
    free(p);
    s->used -= osize;
    return NULL;
  }
  if (s->limit && nsize > osize && s->used + (nsize - osize) > s->limit)
    return NULL;
  if (nsize > osize) {
    if (s->guard_left > 0 && nsize > BLOCK_MAX) return NULL;
    nvl_guard_charge(s, NULL, (nsize - osize) /
                                  (nsize > LARGE ? PER_INSTRUCTION_LARGE : PER_INSTRUCTION));
  }
  void *q = realloc(p, nsize);
  if (q) s->used += nsize - osize;
  return q;
}

nvl_state *nvl_state_of(lua_State *L) {
  return *(nvl_state **)lua_getextraspace(L);
}

nvl_state *nvl_state_open_here(lua_State *L) {
  nvl_state *s = nvl_state_of(L);
  if (s->closing) luaL_error(L, "this state is closing");
  return s;
}

nvl_host *nvl_host_of(lua_State *L) { return nvl_state_of(L)->host; }

/* package.searchers entry: modules of the embedded stdlib, or of the folder in
 * NAVODOO_STDLIB while developing. */
static int search_stdlib(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const char *folder = getenv("NAVODOO_STDLIB");
  char path[512], chunk[544];
  luaL_gsub(L, name, ".", "/");
  const char *rel = lua_tostring(L, -1);
  if (folder) {
    static const char *const shapes[] = {"%s/%s.lua", "%s/%s/init.lua"};
    for (int i = 0; i < 2; i++) {
      snprintf(path, sizeof path, shapes[i], folder, rel);
      FILE *f = fopen(path, "r");
      if (!f) continue;
      fclose(f);
      if (luaL_loadfilex(L, path, "t") != LUA_OK) return lua_error(L);
      return 1;
    }
    lua_pushfstring(L, "no file '%s/%s.lua'", folder, rel);
    return 1;
  }
  static const char *const shapes[] = {"%s.lua", "%s/init.lua"};
  for (int i = 0; i < 2; i++) {
    snprintf(path, sizeof path, shapes[i], rel);
    const nvl_stdlib_file *f = nvl_stdlib_find(path);
    if (!f) continue;
    snprintf(chunk, sizeof chunk, "@stdlib/%s", path);
    if (nvl_stdlib_load(L, f, chunk) != LUA_OK) return lua_error(L);
    return 1;
  }
  lua_pushfstring(L, "no module '%s' in the standard library", name);
  return 1;
}

static const luaL_Reg primitives[] = {
    {"navodoo.json", luaopen_navodoo_json},
    {"navodoo.records", luaopen_navodoo_records},
    {"navodoo.decimal", luaopen_navodoo_decimal},
    {"navodoo.text", luaopen_navodoo_text},
    {"navodoo.crypto", luaopen_navodoo_crypto},
    {"navodoo.xml", luaopen_navodoo_xml},
    {"navodoo.time", luaopen_navodoo_time},
    {"navodoo.http", luaopen_navodoo_http},
    {"navodoo.secret", luaopen_navodoo_secret},
    {"navodoo.store", luaopen_navodoo_store},
    {"navodoo.task", luaopen_navodoo_task},
    {"navodoo.cache", luaopen_navodoo_cache},
    {"navodoo.log", luaopen_navodoo_log},
    {"navodoo.metrics", luaopen_navodoo_metrics},
    {"navodoo.failpoint", luaopen_navodoo_failpoint},
    {"cjson", luaopen_cjson},
    {NULL, NULL},
};

/* For the command line only. */
static const luaL_Reg trusted_primitives[] = {
    {"navodoo.generation", luaopen_navodoo_generation},
    {"navodoo.fs", luaopen_navodoo_fs},
    {"navodoo.process", luaopen_navodoo_process},
    {"navodoo.edit", luaopen_navodoo_edit},
    {NULL, NULL},
};

/* A flow's state has no io, os or debug beyond what stdlib needs. */
static void remove_dangerous(lua_State *L) {
  static const char *const names[] = {"dofile", "loadfile", "io", "os"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    lua_pushnil(L);
    lua_setglobal(L, names[i]);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
    lua_pushnil(L);
    lua_setfield(L, -2, names[i]);
    lua_pop(L, 1);
  }
}

static int open_state(lua_State *L) {
  const nvl_state_options *o = lua_touserdata(L, 1);
  luaL_openlibs(L);
  luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
  luaL_setfuncs(L, primitives, 0);
  if (o->trusted) luaL_setfuncs(L, trusted_primitives, 0);
  lua_getglobal(L, "package");
  lua_createtable(L, 2, 0); /* preload, then ours: no files of the system */
  lua_getfield(L, -2, "searchers");
  lua_rawgeti(L, -1, 1);
  lua_rawseti(L, -3, 1);
  lua_pop(L, 1);
  lua_pushcfunction(L, search_stdlib);
  lua_rawseti(L, -2, 2);
  lua_setfield(L, -2, "searchers");
  lua_pushnil(L);
  lua_setfield(L, -2, "loadlib");
  nvl_bound_base(L); /* the command line compiles flows as well */
  nvl_bound_strings(L);
  if (!o->trusted) remove_dangerous(L);
  return 0;
}

int nvl_state_open(nvl_host *host, const nvl_state_options *o, nvl_state **out,
                   nv_error *err) {
  *out = NULL;
  nvl_state *s = calloc(1, sizeof *s);
  if (!s) return nv_fail(err, NV_ENOMEM, o->name, "out of memory");
  s->host = host;
  s->guard_left = -1;
  snprintf(s->name, sizeof s->name, "%s", o->name);
  s->L = lua_newstate(allocate, s);
  if (!s->L) {
    free(s);
    return nv_fail(err, NV_ENOMEM, o->name, "out of memory");
  }
  *(nvl_state **)lua_getextraspace(s->L) = s;
  lua_pushcfunction(s->L, open_state);
  lua_pushlightuserdata(s->L, (void *)(uintptr_t)o);
  if (lua_pcall(s->L, 1, 0, 0) != LUA_OK) {
    const char *text = lua_type(s->L, -1) == LUA_TSTRING
                           ? lua_tostring(s->L, -1)
                           : "cannot open a Lua state";
    int rc = nv_fail(err, NV_ENOMEM, o->name, "%s", text);
    nvl_state_close(s);
    return rc;
  }
  s->limit = o->memory_limit;
  *out = s;
  return NV_OK;
}

void nvl_state_close(nvl_state *s) {
  if (!s) return;
  s->limit = 0; /* closing must not fail for memory */
  s->closing = true;
  nvl_tasks_cancel(s);
  lua_close(s->L);
  free(s);
}
