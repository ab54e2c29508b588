#include "nv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  int code;
  bool retry;
  const char *name, *text;
} codes[] = {
#define NV_X(name, value, retry, text) {value, retry, #name, text},
    NV_ERRORS(NV_X)
#undef NV_X
};

#define CODES (sizeof codes / sizeof codes[0])

static const char *const lower_names[CODES] = {
    "ok",      "nomem",   "timeout",   "network", "tls",     "refused",
    "breaker_open", "too_large", "cancelled", "invalid", "syntax",  "store",
    "busy",    "count",   "full",      "newer",   "corrupt", "notfound",
    "io",
};

static size_t code_index(int code) {
  for (size_t i = 0; i < CODES; i++)
    if (codes[i].code == code) return i;
  return CODES;
}

const char *nv_code_name(int code) {
  size_t i = code_index(code);
  return i < CODES ? lower_names[i] : "unknown";
}

const char *nv_code_text(int code) {
  size_t i = code_index(code);
  return i < CODES ? codes[i].text : "unknown error";
}

bool nv_code_retry(int code) {
  size_t i = code_index(code);
  return i < CODES && codes[i].retry;
}

int nv_vfail(nv_error *err, int code, const char *where, const char *fmt,
             va_list ap) {
  if (!err) return code;
  memset(err, 0, sizeof *err);
  err->code = code;
  snprintf(err->where, sizeof err->where, "%s", where ? where : "");
  vsnprintf(err->text, sizeof err->text, fmt, ap);
  return code;
}

int nv_fail(nv_error *err, int code, const char *where, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  nv_vfail(err, code, where, fmt, ap);
  va_end(ap);
  return code;
}

nv_str nv_str_of(const char *z) {
  return (nv_str){z, z ? strlen(z) : 0};
}

bool nv_str_eq(nv_str a, const char *z) {
  return a.n == strlen(z) && memcmp(a.p, z, a.n) == 0;
}

void nv_buf_init(nv_buf *b, size_t max) {
  *b = (nv_buf){.max = max};
}

int nv_buf_reserve(nv_buf *b, size_t n) {
  if (n > b->max || b->n > b->max - n) return NV_ETOOLARGE;
  size_t need = b->n + n + 1;
  if (need <= b->cap) return NV_OK;
  size_t cap = b->cap ? b->cap : 64;
  while (cap < need) cap *= 2;
  char *p = realloc(b->p, cap);
  if (!p) return NV_ENOMEM;
  b->p = p;
  b->cap = cap;
  return NV_OK;
}

int nv_buf_add(nv_buf *b, const void *p, size_t n) {
  int rc = nv_buf_reserve(b, n);
  if (rc != NV_OK) return rc;
  if (n) memcpy(b->p + b->n, p, n);
  b->n += n;
  b->p[b->n] = 0;
  return NV_OK;
}

int nv_buf_addz(nv_buf *b, const char *z) { return nv_buf_add(b, z, strlen(z)); }

int nv_buf_addc(nv_buf *b, char c) { return nv_buf_add(b, &c, 1); }

int nv_buf_addf(nv_buf *b, const char *fmt, ...) {
  char small[256];
  va_list ap;
  va_start(ap, fmt);
  int k = vsnprintf(small, sizeof small, fmt, ap);
  va_end(ap);
  if (k < 0) return NV_EINVALID;
  if ((size_t)k < sizeof small) return nv_buf_add(b, small, (size_t)k);
  int rc = nv_buf_reserve(b, (size_t)k);
  if (rc != NV_OK) return rc;
  va_start(ap, fmt);
  vsnprintf(b->p + b->n, (size_t)k + 1, fmt, ap);
  va_end(ap);
  b->n += (size_t)k;
  return NV_OK;
}

void nv_buf_clear(nv_buf *b) {
  free(b->p);
  b->p = NULL;
  b->n = b->cap = 0;
}
