/* decimal - exact decimal numbers: what money is, from wire to wire.
 *
 * A value is sign * coefficient / 10^scale with at most 38 digits, so no float
 * is ever involved. Every operation is exact or fails: a result that needs more
 * digits is NV_ETOOLARGE, never wrapped and never rounded behind your back; only
 * nv_decimal_round and nv_decimal_div round, in the named way. Zero carries no
 * sign. The scale is kept as written ("12.50" stays "12.50") until it is
 * normalized, or until zeros behind the point must go for a result to fit.
 *
 * Plain values without resources; `out` may be one of the operands, and is left
 * alone on failure. Threading: any thread.
 */
#ifndef NV_DECIMAL_H
#define NV_DECIMAL_H

#include "nv.h"

#define NV_DECIMAL_DIGITS 38     /* digits in a coefficient */
#define NV_DECIMAL_MAX_SCALE 400 /* digits behind the point: any double fits */
#define NV_DECIMAL_TEXT 416 /* room for any value in plain notation, NUL included \
                             */

/* Two halves instead of one 128-bit integer, so that 8-byte alignment is enough
 * (a Lua userdata guarantees no more). */
typedef struct nv_decimal {
  uint64_t lo, hi;
  int32_t scale; /* 0 .. NV_DECIMAL_MAX_SCALE */
  bool negative;
} nv_decimal;

typedef enum nv_rounding {
  NV_ROUND_HALF_EVEN,
  NV_ROUND_HALF_UP,   /* half goes away from zero */
  NV_ROUND_HALF_DOWN, /* half goes towards zero */
  NV_ROUND_UP,        /* away from zero */
  NV_ROUND_DOWN,      /* towards zero */
  NV_ROUND_CEILING,   /* towards plus infinity */
  NV_ROUND_FLOOR,     /* towards minus infinity */
} nv_rounding;

/* "half_even", "floor", ... in the order of nv_rounding; ends with NULL. */
extern const char *const nv_rounding_names[];

nv_decimal nv_decimal_of(int64_t n);
/* Reads [+-] digits [. digits] [e [+-] digits]; one side of the point may be
 * empty, nothing else may stand there. NV_ESYNTAX or NV_ETOOLARGE. */
int nv_decimal_parse(nv_decimal *out, nv_str text, nv_error *err);
/* Writes plain notation, never an exponent; returns the length. */
size_t nv_decimal_print(const nv_decimal *d, char out[NV_DECIMAL_TEXT]);

int nv_decimal_add(nv_decimal *out, const nv_decimal *a, const nv_decimal *b,
                   nv_error *err);
int nv_decimal_sub(nv_decimal *out, const nv_decimal *a, const nv_decimal *b,
                   nv_error *err);
int nv_decimal_mul(nv_decimal *out, const nv_decimal *a, const nv_decimal *b,
                   nv_error *err);
/* a / b with exactly `scale` (>= 0) digits behind the point. Division by zero
 * is NV_EINVALID. */
int nv_decimal_div(nv_decimal *out, const nv_decimal *a, const nv_decimal *b,
                   int scale, nv_rounding mode, nv_error *err);
/* Exactly `scale` digits behind the point, adding zeros if need be; a negative
 * scale rounds to tens, hundreds, ... and gives scale 0. */
int nv_decimal_round(nv_decimal *out, const nv_decimal *d, int scale,
                     nv_rounding mode, nv_error *err);

nv_decimal nv_decimal_negate(const nv_decimal *d);
/* Drops the zeros at the end of the fraction: 1.50 -> 1.5, 100 stays 100. */
nv_decimal nv_decimal_normalize(const nv_decimal *d);
/* Below 0, 0 or above 0, by value: 1.0 equals 1.00. */
int nv_decimal_compare(const nv_decimal *a, const nv_decimal *b);
/* -1, 0 or 1. */
int nv_decimal_sign(const nv_decimal *d);
/* False when the value is not a whole number or does not fit. */
bool nv_decimal_integer(const nv_decimal *d, int64_t *out);

#endif
