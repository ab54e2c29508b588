/* l_http - what the two halves of navodoo.http share: headers as Lua tables.
 *
 * Threading: loop thread only.
 */
#ifndef NVL_L_HTTP_H
#define NVL_L_HTTP_H

#include "../core/http_headers.h"
#include "nvl.h"

/* Reads the table of headers at `idx` (nil: none), sorted by name. Pushes the
 * block that holds the list; the texts belong to it and to the table. May raise. */
const nv_header *nvl_headers_of(lua_State *L, int idx, size_t *n);
/* Pushes a received list as a table; repeated names joined with ", ". */
void nvl_push_headers(lua_State *L, const nv_buf *headers);

/* l_serve.c: http.serve */
int nvl_serve(lua_State *L);
void nvl_serve_register(lua_State *L);

#endif
