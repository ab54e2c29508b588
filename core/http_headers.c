#include "http_headers.h"

#include <string.h>

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

int nv_headers_add(nv_buf *b, nv_str name, nv_str value) {
  while (value.n && is_blank(value.p[0])) value.p++, value.n--;
  while (value.n && is_blank(value.p[value.n - 1])) value.n--;
  if (memchr(name.p, 0, name.n) || (value.n && memchr(value.p, 0, value.n)))
    return NV_ESYNTAX;
  int rc = nv_buf_reserve(b, name.n + value.n + 2);
  if (rc != NV_OK) return rc;
  for (size_t i = 0; i < name.n; i++) {
    char c = name.p[i];
    nv_buf_addc(b, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c);
  }
  nv_buf_addc(b, 0);
  nv_buf_add(b, value.p, value.n);
  return nv_buf_addc(b, 0);
}

bool nv_headers_next(const nv_buf *b, size_t *at, nv_header *out) {
  if (*at >= b->n) return false;
  out->name = b->p + *at;
  out->value = out->name + strlen(out->name) + 1;
  *at = (size_t)(out->value - b->p) + strlen(out->value) + 1;
  return true;
}

const char *nv_headers_get(const nv_buf *b, const char *name) {
  nv_header h;
  for (size_t at = 0; nv_headers_next(b, &at, &h);)
    if (strcmp(h.name, name) == 0) return h.value;
  return NULL;
}

bool nv_header_valid(const char *name, const char *value) {
  static const char allowed[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~";
  if (!*name || name[strspn(name, allowed)]) return false;
  for (const unsigned char *p = (const unsigned char *)value; *p; p++)
    if ((*p < ' ' && *p != '\t') || *p == 127) return false;
  return true;
}
