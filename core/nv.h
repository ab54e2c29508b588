/* nv - what every part of the core shares: results, errors, strings, buffers.
 *
 * A function that can fail returns an `int` code from NV_ERRORS and, when the
 * caller passed one, fills an `nv_error` that lives on the caller's stack: so
 * reporting "out of memory" needs no memory. `err` may always be NULL.
 *
 * Threading: nothing here keeps state; a buffer belongs to one thread at a time.
 */
#ifndef NV_NV_H
#define NV_NV_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name, value, worth another attempt?, text */
#define NV_ERRORS(X)                                            \
  X(OK, 0, 0, "ok")                                             \
  X(ENOMEM, -1, 1, "out of memory")                             \
  X(ETIMEOUT, -2, 1, "deadline passed")                         \
  X(ENETWORK, -3, 1, "network failure")                         \
  X(ETLS, -4, 0, "certificate does not verify")                 \
  X(EREFUSED, -5, 0, "target refused the record")               \
  X(EBREAKER, -6, 1, "breaker is open")                         \
  X(ETOOLARGE, -7, 0, "too large")                              \
  X(ECANCELLED, -8, 0, "cancelled")                             \
  X(EINVALID, -9, 0, "invalid argument")                        \
  X(ESYNTAX, -10, 0, "malformed text")                          \
  X(ESTORE, -11, 0, "store failure")                            \
  X(EBUSY, -12, 1, "in use by another process")                 \
  X(ECOUNT, -13, 0, "an operation touched an unexpected number of rows") \
  X(EFULL, -14, 1, "disk is full")                              \
  X(ENEWER, -15, 0, "store was written by a newer version")     \
  X(ECORRUPT, -16, 0, "store is damaged")                       \
  X(ENOTFOUND, -17, 0, "not found")                             \
  X(EIO, -18, 0, "input or output failed")

enum {
#define NV_X(name, value, retry, text) NV_##name = (value),
  NV_ERRORS(NV_X)
#undef NV_X
};

typedef struct nv_error {
  int code;                /* NV_*: the only field programs branch on */
  int http;                /* status when the answer was HTTP, else 0 */
  uint32_t retry_after_ms; /* what the target asked for, 0 if it did not */
  bool maybe_sent;         /* bytes may have reached the target */
  char where[48];          /* which step or place: "odoo", "line 3" */
  char text[256];          /* one line for a person, already safe for the log */
} nv_error;

/* Bytes owned by somebody else; not NUL-terminated. */
typedef struct nv_str {
  const char *p;
  size_t n;
} nv_str;

/* Growing bytes that you own. `max` is required: no buffer grows unbounded.
 * `p` is NUL-terminated whenever it is not NULL. */
typedef struct nv_buf {
  char *p;
  size_t n, cap, max;
} nv_buf;

/* Lower-case name of a code without the leading E ("timeout"), or "unknown". */
const char *nv_code_name(int code);
/* One-line text of a code. */
const char *nv_code_text(int code);
/* True when another attempt may succeed; stated once, in NV_ERRORS. */
bool nv_code_retry(int code);

/* Fills `err` (may be NULL) and returns `code`, so callers can `return` it. */
int nv_fail(nv_error *err, int code, const char *where, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
int nv_vfail(nv_error *err, int code, const char *where, const char *fmt,
             va_list ap) __attribute__((format(printf, 4, 0)));

nv_str nv_str_of(const char *z);
bool nv_str_eq(nv_str a, const char *z);

void nv_buf_init(nv_buf *b, size_t max);
/* Makes room for `n` more bytes. NV_ENOMEM or NV_ETOOLARGE; nothing changed. */
int nv_buf_reserve(nv_buf *b, size_t n);
int nv_buf_add(nv_buf *b, const void *p, size_t n);
int nv_buf_addz(nv_buf *b, const char *z);
int nv_buf_addc(nv_buf *b, char c);
int nv_buf_addf(nv_buf *b, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Frees the bytes; `max` stays, so the buffer can be used again. */
void nv_buf_clear(nv_buf *b);

#endif
