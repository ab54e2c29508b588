#include "stdlib_index.h"

#include <stdlib.h>
#include <string.h>

const nvl_stdlib_file *nvl_stdlib_find(const char *name) {
  for (const nvl_stdlib_file *f = nvl_stdlib_files; f->name; f++)
    if (strcmp(f->name, name) == 0) return f;
  return NULL;
}

enum { BYTECODE_MAX = 4 << 20 };

static size_t count_files(void) {
  size_t n = 0;
  while (nvl_stdlib_files[n].name) n++;
  return n;
}

static int add_bytes(lua_State *L, const void *p, size_t n, void *buf) {
  (void)L;
  return nv_buf_add(buf, p, n);
}

/* Keeps the function on top of the stack; without memory for it the next state
 * compiles it again. */
static void keep(lua_State *L, nvl_host *host, size_t i) {
  if (!host->modules && !(host->modules = calloc(count_files(), sizeof *host->modules)))
    return;
  nv_buf *b = &host->modules[i];
  nv_buf_init(b, BYTECODE_MAX);
  if (lua_dump(L, add_bytes, b, 0) != 0) nv_buf_clear(b);
}

int nvl_stdlib_load(lua_State *L, const nvl_stdlib_file *file, const char *chunk) {
  nvl_host *host = nvl_host_of(L);
  size_t i = (size_t)(file - nvl_stdlib_files);
  if (host->modules && host->modules[i].n)
    return luaL_loadbufferx(L, host->modules[i].p, host->modules[i].n, chunk, "b");
  int rc = luaL_loadbufferx(L, file->begin, (size_t)(file->end - file->begin), chunk, "t");
  if (rc == LUA_OK) keep(L, host, i);
  return rc;
}

void nvl_stdlib_forget(nvl_host *host) {
  for (size_t i = 0, n = host->modules ? count_files() : 0; i < n; i++)
    nv_buf_clear(&host->modules[i]);
  free(host->modules);
  host->modules = NULL;
}
