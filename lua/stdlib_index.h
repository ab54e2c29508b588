/* stdlib_index - the Lua files that are embedded in the binary by the build. */
#ifndef NVL_STDLIB_INDEX_H
#define NVL_STDLIB_INDEX_H

#include "nvl.h"

typedef struct nvl_stdlib_file {
  const char *name; /* "navodoo/flow.lua" */
  const char *begin, *end;
} nvl_stdlib_file;

/* All of them, sorted by name; ends with a NULL name. Made by the build. */
extern const nvl_stdlib_file nvl_stdlib_files[];

/* NULL when there is no such file. */
const nvl_stdlib_file *nvl_stdlib_find(const char *name);

/* Pushes the chunk of a file, as luaL_loadbufferx does. It is compiled once for the
 * process: the next state takes the first one's bytecode, which opens it five times as
 * fast. */
int nvl_stdlib_load(lua_State *L, const nvl_stdlib_file *file, const char *chunk);
/* Forgets what was compiled. */
void nvl_stdlib_forget(nvl_host *host);

#endif
