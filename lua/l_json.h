/* l_json - what the parts of navodoo.json share: l_json.c (decoding, marks, the
 * module), l_json_encode.c and l_json_row.c. Nobody else includes this.
 */
#ifndef NVL_L_JSON_H
#define NVL_L_JSON_H

#include "../core/decimal.h"
#include "../core/json.h"
#include "nvl.h"

/* Upvalues of every function of the module. */
#define UP_ARRAY_MT lua_upvalueindex(1)
#define UP_DECIMAL_MT lua_upvalueindex(2)
#define UP_SCRATCH lua_upvalueindex(3) /* nvl_json_scratch */
#define UP_ORDERS lua_upvalueindex(4)  /* keys list -> metatable, weak keys */
#define UP_KEYS lua_upvalueindex(5)    /* keys seen by the decoder */
#define UPVALUES 5

/* C memory of the encoder, in a userdata so that a raise leaks nothing. */
typedef struct nvl_json_scratch {
  nv_buf out;
  nv_buf items; /* keys of the objects that are being written */
} nvl_json_scratch;

/* What a table is written as. */
typedef enum nvl_json_shape {
  NVL_JSON_OBJECT,
  NVL_JSON_ORDERED, /* an object with an order from json.object */
  NVL_JSON_ARRAY,
} nvl_json_shape;

/* Of the table at `t` (absolute). Pushes { key = rank } when it is ORDERED, and
 * nothing otherwise. */
nvl_json_shape nvl_json_shape_of(lua_State *L, int t);

/* Pushes the scratch userdata. */
void nvl_json_push_scratch(lua_State *L);
/* json.rows, json.present and json.raw, in l_json_row.c. */
int nvl_json_rows(lua_State *L);
int nvl_json_present(lua_State *L);
int nvl_json_raw(lua_State *L);
#define NVL_JSON_RAW "navodoo.json.raw"
/* The text of the raw value at `idx`, an absolute index; p is NULL when it is none. */
nv_str nvl_json_raw_text(lua_State *L, int idx);
/* json.encode and json.canonical. */
int nvl_json_encode(lua_State *L);
int nvl_json_canonical(lua_State *L);

#endif
