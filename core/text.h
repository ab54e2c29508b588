/* text - Unicode text the way two ERPs compare, count and shorten it.
 *
 * Everything takes and gives UTF-8. Text that is not UTF-8 is NV_ESYNTAX, never
 * repaired. Results are appended to a buffer of the caller; on failure it holds
 * what it held before. Nothing depends on the locale.
 *
 * Threading: any thread.
 */
#ifndef NV_TEXT_H
#define NV_TEXT_H

#include "nv.h"

bool nv_text_valid(nv_str s);

/* Normal form C: one form for letters that can be written in two. */
int nv_text_add_nfc(nv_buf *out, nv_str s, nv_error *err);
/* For comparing names: case folded (full folding: "ß" gives "ss"), combining
 * marks dropped ("é" gives "e"), normal form C. */
int nv_text_add_fold(nv_buf *out, nv_str s, nv_error *err);
/* One code point to one code point, as .NET and so NAV do: "ß" has no upper
 * case. */
int nv_text_add_upper(nv_buf *out, nv_str s, nv_error *err);
int nv_text_add_lower(nv_buf *out, nv_str s, nv_error *err);
/* In capital ASCII letters, without white space, dots, dashes and slashes: how numbers
 * are compared that people write in many ways. Other bytes stay. */
int nv_text_add_bare(nv_buf *out, nv_str s);

/* Nothing but ASCII letters and digits of the `classes`: u(pper), l(ower), d(igits). */
bool nv_text_is(nv_str s, const char *classes);
/* One address of the form a@b.c, without a name, blanks or separators. */
bool nv_text_is_email(nv_str s);

int nv_text_length(nv_str s, size_t *code_points, nv_error *err);
/* What a NAV Text[n] counts: two for every code point above U+FFFF. */
int nv_text_utf16_length(nv_str s, size_t *units, nv_error *err);
/* The longest beginning of `s` of at most `units` UTF-16 units that ends between
 * code points. `*out` points into `s`. */
int nv_text_truncate(nv_str s, size_t units, nv_str *out, nv_error *err);
/* `s` without white space (Unicode's White_Space) at either end, pointing into
 * `s`. Bytes that are not UTF-8 are not white space. */
nv_str nv_text_trim(nv_str s);

#endif
