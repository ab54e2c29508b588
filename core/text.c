/* text - see text.h. utf8proc does the Unicode work; text in plain ASCII, which
 * is most of it, takes a short way past it. */
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

typedef utf8proc_int32_t rune;

static int not_utf8(nv_error *err, nv_str s, nv_str rest) {
  return nv_fail(err, NV_ESYNTAX, "text", "not UTF-8 at byte %zu",
                 s.n - rest.n + 1);
}

/* Takes the first code point off `*s`; false when it is not UTF-8. */
static bool next_rune(nv_str *s, rune *out) {
  if ((unsigned char)*s->p < 0x80) {
    *out = (unsigned char)*s->p;
    s->p++;
    s->n--;
    return true;
  }
  /* No sequence is longer than 4; the length of a text may exceed a ssize_t. */
  utf8proc_ssize_t k = utf8proc_iterate((const utf8proc_uint8_t *)s->p,
                                        s->n < 4 ? (utf8proc_ssize_t)s->n : 4, out);
  if (k <= 0) return false;
  s->p += k;
  s->n -= (size_t)k;
  return true;
}

static bool is_ascii(nv_str s) {
  for (size_t i = 0; i < s.n; i++)
    if ((unsigned char)s.p[i] >= 0x80) return false;
  return true;
}

bool nv_text_valid(nv_str s) {
  size_t n;
  return nv_text_length(s, &n, NULL) == NV_OK;
}

/* Appends what utf8proc makes of `s`. */
static int add_mapped(nv_buf *out, nv_str s, utf8proc_option_t options,
                      nv_error *err) {
  utf8proc_uint8_t *made = NULL;
  utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)s.p,
                                    (utf8proc_ssize_t)s.n, &made, options);
  int rc;
  switch (n < 0 ? n : 0) {
    case 0:
      rc = nv_buf_add(out, made, (size_t)n);
      if (rc != NV_OK) nv_fail(err, rc, "text", "%s", nv_code_text(rc));
      break;
    case UTF8PROC_ERROR_NOMEM:
      rc = nv_fail(err, NV_ENOMEM, "text", "%s", nv_code_text(NV_ENOMEM));
      break;
    case UTF8PROC_ERROR_OVERFLOW:
      rc = nv_fail(err, NV_ETOOLARGE, "text", "%s", nv_code_text(NV_ETOOLARGE));
      break;
    default: /* say where */
      rc = nv_text_length(s, &(size_t){0}, err);
      if (rc == NV_OK)
        rc = nv_fail(err, NV_EINVALID, "text", "%s", utf8proc_errmsg(n));
      break;
  }
  free(made);
  return rc;
}

int nv_text_add_nfc(nv_buf *out, nv_str s, nv_error *err) {
  if (is_ascii(s)) {
    int rc = nv_buf_add(out, s.p, s.n);
    return rc == NV_OK ? rc : nv_fail(err, rc, "text", "%s", nv_code_text(rc));
  }
  return add_mapped(out, s, UTF8PROC_STABLE | UTF8PROC_COMPOSE, err);
}

int nv_text_add_fold(nv_buf *out, nv_str s, nv_error *err) {
  if (is_ascii(s)) return nv_text_add_lower(out, s, err);
  return add_mapped(
      out, s,
      UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK,
      err);
}

/* Appends `s` with every code point sent through `map`. */
static int add_each(nv_buf *out, nv_str s, rune (*map)(rune), nv_error *err) {
  nv_str rest = s;
  size_t before = out->n;
  int rc = nv_buf_reserve(out, s.n);
  while (rc == NV_OK && rest.n > 0) {
    rune c;
    utf8proc_uint8_t bytes[4];
    if (!next_rune(&rest, &c)) {
      out->n = before;
      return not_utf8(err, s, rest);
    }
    utf8proc_ssize_t k = utf8proc_encode_char(map(c), bytes);
    rc = nv_buf_add(out, bytes, (size_t)k);
  }
  if (rc == NV_OK) return rc;
  out->n = before;
  return nv_fail(err, rc, "text", "%s", nv_code_text(rc));
}

/* utf8proc knows a capital sharp s, which Unicode's simple mapping does not use
 * and no ERP expects. */
static rune to_upper(rune c) {
  return c == 0xdf ? c : utf8proc_toupper(c);
}

/* ASCII text with the letters from `first` on ('A' or 'a') in the other case. */
static int add_ascii(nv_buf *out, nv_str s, char first, nv_error *err) {
  int rc = nv_buf_reserve(out, s.n);
  if (rc != NV_OK) return nv_fail(err, rc, "text", "%s", nv_code_text(rc));
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    out->p[out->n++] = c >= first && c <= first + 25 ? (char)(c ^ 0x20) : c;
  }
  out->p[out->n] = 0;
  return NV_OK;
}

int nv_text_add_upper(nv_buf *out, nv_str s, nv_error *err) {
  if (is_ascii(s)) return add_ascii(out, s, 'a', err);
  return add_each(out, s, to_upper, err);
}

int nv_text_add_lower(nv_buf *out, nv_str s, nv_error *err) {
  if (is_ascii(s)) return add_ascii(out, s, 'A', err);
  return add_each(out, s, utf8proc_tolower, err);
}

bool nv_text_is(nv_str s, const char *classes) {
  bool upper = strchr(classes, 'u'), lower = strchr(classes, 'l'),
       digit = strchr(classes, 'd');
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    if (!((upper && c >= 'A' && c <= 'Z') || (lower && c >= 'a' && c <= 'z') ||
          (digit && c >= '0' && c <= '9')))
      return false;
  }
  return true;
}

/* No sign that keeps addresses apart or ends them. */
static bool is_plain(char c) {
  return c != ' ' && (c < '\t' || c > '\r') && c != ';' && c != ',';
}

bool nv_text_is_email(nv_str s) {
  const char *at = s.n ? memchr(s.p, '@', s.n) : NULL, *end = s.p + s.n, *dot = NULL;
  if (!at || at == s.p) return false;
  for (const char *p = s.p; p < end; p++) {
    if (!is_plain(*p) || (*p == '@' && p != at)) return false;
    if (*p == '.' && p > at) dot = p;
  }
  return dot && dot > at + 1 && dot + 1 < end;
}

int nv_text_add_bare(nv_buf *out, nv_str s) {
  int rc = nv_buf_reserve(out, s.n);
  if (rc != NV_OK) return rc;
  char *to = out->p + out->n;
  for (size_t i = 0; i < s.n; i++) {
    char c = s.p[i];
    if (c == ' ' || (c >= '\t' && c <= '\r') || c == '.' || c == '-' || c == '/') continue;
    *to++ = c >= 'a' && c <= 'z' ? (char)(c - 0x20) : c;
  }
  out->n = (size_t)(to - out->p);
  *to = 0;
  return NV_OK;
}

int nv_text_length(nv_str s, size_t *code_points, nv_error *err) {
  nv_str rest = s;
  size_t n = 0;
  for (rune c; rest.n > 0; n++)
    if (!next_rune(&rest, &c)) return not_utf8(err, s, rest);
  *code_points = n;
  return NV_OK;
}

int nv_text_utf16_length(nv_str s, size_t *units, nv_error *err) {
  nv_str rest = s;
  size_t n = 0;
  for (rune c; rest.n > 0; n += c > 0xffff ? 2 : 1)
    if (!next_rune(&rest, &c)) return not_utf8(err, s, rest);
  *units = n;
  return NV_OK;
}

int nv_text_truncate(nv_str s, size_t units, nv_str *out, nv_error *err) {
  nv_str rest = s;
  size_t kept = s.n, used = 0;
  bool cut = false;
  /* The rest is read too, so that validity does not depend on the limit. */
  while (rest.n > 0) {
    size_t here = s.n - rest.n;
    rune c;
    if (!next_rune(&rest, &c)) return not_utf8(err, s, rest);
    used += c > 0xffff ? 2 : 1;
    if (used > units && !cut) {
      cut = true;
      kept = here;
    }
  }
  *out = (nv_str){s.p, kept};
  return NV_OK;
}

static bool is_space(rune c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
         c == 0x202f || c == 0x205f || c == 0x3000;
}

nv_str nv_text_trim(nv_str s) {
  for (rune c;;) {
    nv_str rest = s;
    if (s.n == 0 || !next_rune(&rest, &c) || !is_space(c)) break;
    s = rest;
  }
  while (s.n > 0) { /* back to where the last code point begins */
    size_t k = 1;
    while (k < s.n && k < 4 && ((unsigned char)s.p[s.n - k] & 0xc0) == 0x80) k++;
    nv_str last = {s.p + s.n - k, k};
    rune c;
    if (!next_rune(&last, &c) || last.n > 0 || !is_space(c)) break;
    s.n -= k;
  }
  return s;
}
