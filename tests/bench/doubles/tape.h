/* tape - a JSON request as a flat list of nodes, read in one pass.
 *
 * Children of a list or an object follow it directly; `next` of a node is the place
 * behind all of its own. Node 1 is the whole value; 0 means "not there", and is a null.
 * Texts stay in the request, and are unescaped in place when first asked for.
 */
#ifndef DOUBLE_TAPE_H
#define DOUBLE_TAPE_H

#include "../../../core/nv.h"

enum { TAPE_ROOT = 1 };
enum { TAPE_NULL, TAPE_FALSE, TAPE_TRUE, TAPE_NUMBER, TAPE_TEXT, TAPE_LIST, TAPE_OBJECT };

typedef struct tape_node {
  uint32_t at, n; /* the text, without quotes; of a list or object: n members */
  uint32_t next;
  uint8_t kind;
  bool escaped;
} tape_node;

typedef struct tape {
  char *text;
  tape_node *nodes;
  size_t n, cap;
} tape;

/* False when it is not JSON. The nodes are used again by the next call. */
bool tape_read(tape *t, char *text, size_t n);
/* The value of a key, 0 when `object` has none or is none. */
size_t tape_get(const tape *t, size_t object, const char *key);
/* Member `k` of a list, 0 when there is none. */
size_t tape_item(const tape *t, size_t list, size_t k);
/* The text of a text or number; empty for anything else. */
nv_str tape_text(tape *t, size_t node);
bool tape_is(tape *t, size_t node, const char *text);

#endif
