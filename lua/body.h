/* body - the body of an answer that no Lua string was made of: it is large, and goes
 * to somebody in C (navodoo.records) who reads it on another thread.
 *
 *     #body   body:text()
 *
 * Threading: loop thread only.
 */
#ifndef NVL_BODY_H
#define NVL_BODY_H

#include "nvl.h"

/* Pushes an empty handle and returns what it holds, to be filled. May raise. */
nv_buf *nvl_body_push(lua_State *L);
/* The body of the handle at `idx`, to read or to move; NULL: it is none. */
nv_buf *nvl_body_test(lua_State *L, int idx);

#endif
