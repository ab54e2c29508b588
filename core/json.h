/* json - strict JSON (RFC 8259) from text to events and from values to text.
 *
 * The reader is pulled: each call hands over one event, so a caller builds what
 * it wants without a tree in between. It accepts exactly the grammar: UTF-8 is
 * validated, lone surrogates, leading zeros, a byte order mark, control
 * characters in strings and anything behind the value are refused, and nesting
 * is bounded. Numbers are handed over as their text; nothing becomes a float.
 *
 * The reader owns no memory and may be dropped at any point; it borrows the
 * text, which must outlive it. Nothing here depends on the locale.
 * Threading: any thread, one reader or buffer per thread.
 */
#ifndef NV_JSON_H
#define NV_JSON_H

#include "nv.h"

#define NV_JSON_DEPTH 64       /* what callers use unless they know better */
#define NV_JSON_DEPTH_MAX 1024 /* the most a reader can be asked for */

typedef enum nv_json_event {
  NV_JSON_ERROR, /* `why` and `at` say what and where; every later call the same */
  NV_JSON_END,   /* the value is complete and nothing follows it */
  NV_JSON_NULL,
  NV_JSON_FALSE,
  NV_JSON_TRUE,
  NV_JSON_NUMBER, /* `text`, `integer` */
  NV_JSON_STRING, /* `text`, `escaped` */
  NV_JSON_KEY,    /* the same; the next event begins its value */
  NV_JSON_ARRAY_BEGIN,
  NV_JSON_ARRAY_END,
  NV_JSON_OBJECT_BEGIN,
  NV_JSON_OBJECT_END,
} nv_json_event;

typedef struct nv_json_reader {
  nv_str text;     /* of the last number, string (between its quotes) or key */
  bool integer;    /* the number has neither fraction nor exponent */
  bool escaped;    /* the string has escapes: see nv_json_unescape */
  int depth;       /* arrays and objects now open */
  const char *why; /* after NV_JSON_ERROR: one line for a person */
  size_t at;       /* after NV_JSON_ERROR: bytes in front of the place */

  const unsigned char *start, *p, *end; /* the rest is the reader's own */
  int max_depth;
  unsigned char state;
  bool in_object;
  char why_room[48];
  uint64_t objects[NV_JSON_DEPTH_MAX / 64]; /* bit set: that level is an object */
} nv_json_reader;

/* `max_depth` is cut to 1 .. NV_JSON_DEPTH_MAX. */
void nv_json_open(nv_json_reader *r, nv_str text, int max_depth);
nv_json_event nv_json_next(nv_json_reader *r);
/* Writes the characters that the reader's escaped `text` stands for to `out`,
 * which has room for text.n bytes, and returns how many. Cannot fail: the reader
 * has checked the text. */
size_t nv_json_unescape(nv_str text, char *out);
/* Line and column (both from 1; the column counts characters) of a place. */
void nv_json_locate(const nv_json_reader *r, size_t at, size_t *line,
                    size_t *column);

/* Appends a quoted string. NV_ESYNTAX when the bytes are not UTF-8 (`b` then
 * holds a part of it), or what nv_buf says. */
int nv_json_add_string(nv_buf *b, nv_str s);
/* Appends a key: { or, when it is not the first, a comma, then the quoted key and
 * the colon. Fails as nv_json_add_string does. */
int nv_json_add_key(nv_buf *b, bool first, nv_str key);
int nv_json_add_integer(nv_buf *b, int64_t n);
/* Appends `x` rounded to as few digits as read back as `x`, always with a point or
 * an exponent. NV_EINVALID for NaN and the infinities, which JSON cannot say. */
int nv_json_add_double(nv_buf *b, double x);

#endif
