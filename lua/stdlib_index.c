#include "stdlib_index.h"

#include <string.h>

const nvl_stdlib_file *nvl_stdlib_find(const char *name) {
  for (const nvl_stdlib_file *f = nvl_stdlib_files; f->name; f++)
    if (strcmp(f->name, name) == 0) return f;
  return NULL;
}
