/* http_headers - lists of HTTP headers, for both the client and the server.
 *
 * A received list is one nv_buf of NUL-terminated pairs, name then value, names
 * in lower case: bounded by the buffer's maximum, and freed in one go.
 *
 * Threading: a list belongs to one thread at a time.
 */
#ifndef NV_HTTP_HEADERS_H
#define NV_HTTP_HEADERS_H

#include "nv.h"

typedef struct nv_header {
  const char *name, *value;
} nv_header;

/* Appends a pair; spaces around the value go. A NUL inside: NV_ESYNTAX. */
int nv_headers_add(nv_buf *b, nv_str name, nv_str value);
/* Steps through a list; start with *at = 0. False at the end. */
bool nv_headers_next(const nv_buf *b, size_t *at, nv_header *out);
/* First value of a lower-case name, or NULL. */
const char *nv_headers_get(const nv_buf *b, const char *name);

/* True when name and value can go on the wire as they are. */
bool nv_header_valid(const char *name, const char *value);

#endif
