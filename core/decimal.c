/* decimal - see decimal.h. Coefficients are 128-bit; whatever is wider in the
 * middle of an operation (a product, an aligned sum, a scaled dividend) lives in
 * a 256-bit `wide`, and comes back through `fit`, the only place that decides
 * whether a result may exist. */
#include "decimal.h"

#include <string.h>

__extension__ typedef unsigned __int128 u128;

/* Four limbs, lowest first. */
typedef struct wide {
  uint64_t w[4];
} wide;

const char *const nv_rounding_names[] = {
    "half_even", "half_up", "half_down", "up", "down", "ceiling", "floor", NULL,
};

#define E5(x) x##ull, x##0ull, x##00ull, x##000ull, x##0000ull
static const uint64_t pow10_small[] = {E5(1), E5(100000), E5(10000000000),
                                       E5(1000000000000000)};
#define SMALL_EXP 19 /* 10^19 is the largest power of ten in 64 bits */

/* 10^k for k in 0 .. NV_DECIMAL_DIGITS. */
static u128 pow10_of(int k) {
  if (k <= SMALL_EXP) return pow10_small[k];
  return (u128)pow10_small[SMALL_EXP] * pow10_small[k - SMALL_EXP];
}

static u128 largest(void) {
  return pow10_of(NV_DECIMAL_DIGITS) - 1;
}

static u128 coefficient(const nv_decimal *d) {
  return (u128)d->hi << 64 | d->lo;
}

static nv_decimal make(u128 c, int scale, bool negative) {
  return (nv_decimal){.lo = (uint64_t)c,
                      .hi = (uint64_t)(c >> 64),
                      .scale = scale,
                      .negative = negative && c != 0};
}

/* Drops zeros at the end of the fraction while the scale is above `scale`. */
static nv_decimal shorten(const nv_decimal *d, int scale) {
  nv_decimal out = *d;
  u128 c = coefficient(d);
  if (c == 0 && out.scale > scale) out.scale = scale;
  for (; out.scale > scale && c % 10 == 0; c /= 10) out.scale--;
  return make(c, out.scale, out.negative);
}

static int too_large(nv_error *err) {
  return nv_fail(err, NV_ETOOLARGE, "decimal", "number needs more than %d digits",
                 NV_DECIMAL_DIGITS);
}

/* ---- 256-bit arithmetic ------------------------------------------------- */

static wide wide_of(u128 x) {
  return (wide){{(uint64_t)x, (uint64_t)(x >> 64), 0, 0}};
}

static u128 wide_low(const wide *x) {
  return (u128)x->w[1] << 64 | x->w[0];
}

static bool wide_is_u128(const wide *x) {
  return (x->w[2] | x->w[3]) == 0;
}

static wide wide_product(u128 a, u128 b) {
  uint64_t a0 = (uint64_t)a, a1 = (uint64_t)(a >> 64);
  uint64_t b0 = (uint64_t)b, b1 = (uint64_t)(b >> 64);
  u128 low = (u128)a0 * b0, high = (u128)a1 * b1;
  u128 m1 = (u128)a0 * b1, m2 = (u128)a1 * b0;
  u128 mid = (low >> 64) + (uint64_t)m1 + (uint64_t)m2;
  high += (m1 >> 64) + (m2 >> 64) + (mid >> 64);
  return (wide){
      {(uint64_t)low, (uint64_t)mid, (uint64_t)high, (uint64_t)(high >> 64)}};
}

/* x *= m; false when it no longer fits in 256 bits (x is then useless). */
static bool wide_scale(wide *x, uint64_t m) {
  u128 carry = 0;
  for (int i = 0; i < 4; i++) {
    carry += (u128)x->w[i] * m;
    x->w[i] = (uint64_t)carry;
    carry >>= 64;
  }
  return carry == 0;
}

/* x *= 10^k for any k >= 0. */
static bool wide_scale10(wide *x, int k) {
  for (; k > SMALL_EXP; k -= SMALL_EXP)
    if (!wide_scale(x, pow10_small[SMALL_EXP])) return false;
  return wide_scale(x, pow10_small[k]);
}

/* x /= 10, returning the remainder. */
static unsigned wide_tenth(wide *x) {
  u128 rest = 0;
  for (int i = 3; i >= 0; i--) {
    rest = rest << 64 | x->w[i];
    x->w[i] = (uint64_t)(rest / 10);
    rest %= 10;
  }
  return (unsigned)rest;
}

static int wide_compare(const wide *a, const wide *b) {
  for (int i = 3; i >= 0; i--)
    if (a->w[i] != b->w[i]) return a->w[i] < b->w[i] ? -1 : 1;
  return 0;
}

static wide wide_sum(const wide *a, const wide *b) {
  wide out;
  u128 carry = 0;
  for (int i = 0; i < 4; i++) {
    carry += (u128)a->w[i] + b->w[i];
    out.w[i] = (uint64_t)carry;
    carry >>= 64;
  }
  return out;
}

/* a - b for a >= b. */
static wide wide_difference(const wide *a, const wide *b) {
  wide out;
  uint64_t borrow = 0;
  for (int i = 0; i < 4; i++) {
    u128 need = (u128)b->w[i] + borrow;
    borrow = a->w[i] < need;
    out.w[i] = (uint64_t)(a->w[i] - need);
  }
  return out;
}

/* quotient and remainder of n / d, d > 0: by shifting, one bit at a time, after
 * the two short cuts that nearly every amount takes. */
static wide wide_divide(const wide *n, const wide *d, wide *rest) {
  wide q = {{0, 0, 0, 0}};
  if (wide_compare(n, d) < 0) {
    *rest = *n;
    return q;
  }
  if (wide_is_u128(n) && wide_is_u128(d)) {
    u128 a = wide_low(n), b = wide_low(d);
    *rest = wide_of(a % b);
    return wide_of(a / b);
  }
  wide r = {{0, 0, 0, 0}};
  for (int bit = 255; bit >= 0; bit--) {
    bool lost = r.w[3] >> 63; /* r < d, so a lost bit means that 2r >= d */
    for (int i = 3; i > 0; i--) r.w[i] = r.w[i] << 1 | r.w[i - 1] >> 63;
    r.w[0] = r.w[0] << 1 | (n->w[bit / 64] >> (bit % 64) & 1);
    if (lost || wide_compare(&r, d) >= 0) {
      r = wide_difference(&r, d);
      q.w[bit / 64] |= 1ull << (bit % 64);
    }
  }
  *rest = r;
  return q;
}

/* Stores x / 10^scale, giving up zeros at the end of the fraction if that is
 * what it takes. */
static int fit(nv_decimal *out, wide x, int scale, bool negative, nv_error *err) {
  while (scale > 0 && (!wide_is_u128(&x) || wide_low(&x) > largest() ||
                       scale > NV_DECIMAL_MAX_SCALE)) {
    wide shorter = x;
    if (wide_tenth(&shorter) != 0) break;
    x = shorter;
    scale--;
  }
  if (!wide_is_u128(&x) || wide_low(&x) > largest()) return too_large(err);
  if (scale > NV_DECIMAL_MAX_SCALE)
    return nv_fail(err, NV_ETOOLARGE, "decimal",
                   "number needs more than %d digits after the point",
                   NV_DECIMAL_MAX_SCALE);
  *out = make(wide_low(&x), scale, negative);
  return NV_OK;
}

/* ---- text --------------------------------------------------------------- */

nv_decimal nv_decimal_of(int64_t n) {
  uint64_t magnitude = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
  return make(magnitude, 0, n < 0);
}

/* Far outside what any scale can hold, and far from overflowing an int64_t
 * together with the length of a text. */
#define EXPONENT_LIMIT 1000000000

/* Reads what follows the "e"; false when that is no exponent. */
static bool read_exponent(const char *p, const char *end, int64_t *out) {
  bool negative = false;
  if (p < end && (*p == '+' || *p == '-')) negative = *p++ == '-';
  if (p == end) return false;
  int64_t e = 0;
  for (; p < end; p++) {
    if (*p < '0' || *p > '9') return false;
    if (e < EXPONENT_LIMIT) e = e * 10 + (*p - '0');
  }
  *out = negative ? -e : e;
  return true;
}

static int not_a_number(nv_error *err) {
  return nv_fail(err, NV_ESYNTAX, "decimal", "not a decimal number");
}

int nv_decimal_parse(nv_decimal *out, nv_str text, nv_error *err) {
  if (text.n == 0) return not_a_number(err);
  const char *p = text.p, *end = text.p + text.n;
  bool negative = false, point = false, any = false;
  if (p < end && (*p == '+' || *p == '-')) negative = *p++ == '-';

  /* Zeros are held back until a digit follows them, so that those at the end
   * cost no room: value = c * 10^(zeros - fraction + exponent). */
  u128 c = 0;
  int64_t zeros = 0, fraction = 0, exponent = 0;
  for (; p < end; p++) {
    if (*p == '.') {
      if (point) return not_a_number(err);
      point = true;
      continue;
    }
    if (*p < '0' || *p > '9') break;
    any = true;
    fraction += point;
    if (*p == '0') {
      zeros += c != 0;
      continue;
    }
    unsigned digit = (unsigned)(*p - '0');
    if (zeros >= NV_DECIMAL_DIGITS ||
        c > (largest() - digit) / pow10_of((int)zeros + 1))
      return too_large(err);
    c = c * pow10_of((int)zeros + 1) + digit;
    zeros = 0;
  }
  if (!any) return not_a_number(err);
  if (p < end) {
    if ((*p != 'e' && *p != 'E') || !read_exponent(p + 1, end, &exponent))
      return not_a_number(err);
  }

  int64_t scale = fraction - exponent; /* as written */
  if (c == 0) {
    scale = scale < 0                      ? 0
            : scale > NV_DECIMAL_MAX_SCALE ? NV_DECIMAL_MAX_SCALE
                                           : scale;
    *out = make(0, (int)scale, false);
    return NV_OK;
  }
  if (scale < 0) { /* zeros between the last digit and the point */
    zeros -= scale;
    scale = 0;
  }
  /* Only as many of the zeros at the end as there is room for; those in front
   * of the point have to stay. */
  int64_t excess = scale - NV_DECIMAL_MAX_SCALE, dropped = 0;
  if (excess > 0) dropped = excess;
  if (dropped > zeros)
    return nv_fail(err, NV_ETOOLARGE, "decimal",
                   "number needs more than %d digits after the point",
                   NV_DECIMAL_MAX_SCALE);
  if (zeros - dropped > NV_DECIMAL_DIGITS) dropped = zeros - NV_DECIMAL_DIGITS;
  while (dropped < zeros && c > largest() / pow10_of((int)(zeros - dropped)))
    dropped++;
  if (dropped > scale) return too_large(err);
  *out =
      make(c * pow10_of((int)(zeros - dropped)), (int)(scale - dropped), negative);
  return NV_OK;
}

size_t nv_decimal_print(const nv_decimal *d, char out[NV_DECIMAL_TEXT]) {
  char digits[40];
  int n = 0; /* lowest digit first */
  u128 c = coefficient(d);
  uint64_t low = (uint64_t)c;
  for (bool last = c >> 64 == 0;; last = true) {
    if (!last) low = (uint64_t)(c % pow10_small[SMALL_EXP]);
    int stop = last ? 0 : n + SMALL_EXP;
    while (last ? low != 0 : n < stop) {
      digits[n++] = (char)('0' + low % 10);
      low /= 10;
    }
    if (last) break;
    low = (uint64_t)(c / pow10_small[SMALL_EXP]);
  }

  char *p = out;
  if (d->negative) *p++ = '-';
  if (n <= d->scale) *p++ = '0';
  while (n > d->scale) *p++ = digits[--n];
  if (d->scale > 0) {
    *p++ = '.';
    memset(p, '0', (size_t)(d->scale - n));
    p += d->scale - n;
    while (n > 0) *p++ = digits[--n];
  }
  *p = 0;
  return (size_t)(p - out);
}

/* ---- arithmetic --------------------------------------------------------- */

int nv_decimal_add(nv_decimal *out, const nv_decimal *a, const nv_decimal *b,
                   nv_error *err) {
  if (a->scale > b->scale) {
    const nv_decimal *swap = a;
    a = b;
    b = swap;
  }
  /* The operand with more digits behind the point. So many more than the other
   * that it cannot be aligned, it has zeros to give up, or there is no result. */
  nv_decimal fine = *b;
  if (fine.scale - a->scale > NV_DECIMAL_DIGITS) {
    if (nv_decimal_sign(a) == 0) {
      *out = fine;
      return NV_OK;
    }
    fine = shorten(&fine, a->scale + NV_DECIMAL_DIGITS);
    if (fine.scale - a->scale > NV_DECIMAL_DIGITS) return too_large(err);
  }
  wide x = wide_product(coefficient(a), pow10_of(fine.scale - a->scale));
  wide y = wide_of(coefficient(&fine));
  if (a->negative == fine.negative)
    return fit(out, wide_sum(&x, &y), fine.scale, a->negative, err);
  if (wide_compare(&x, &y) >= 0)
    return fit(out, wide_difference(&x, &y), fine.scale, a->negative, err);
  return fit(out, wide_difference(&y, &x), fine.scale, fine.negative, err);
}

int nv_decimal_sub(nv_decimal *out, const nv_decimal *a, const nv_decimal *b,
                   nv_error *err) {
  nv_decimal minus = nv_decimal_negate(b);
  return nv_decimal_add(out, a, &minus, err);
}

int nv_decimal_mul(nv_decimal *out, const nv_decimal *a, const nv_decimal *b,
                   nv_error *err) {
  return fit(out, wide_product(coefficient(a), coefficient(b)), a->scale + b->scale,
             a->negative != b->negative, err);
}

/* Does a quotient cut short move away from zero? `half` compares what was cut
 * with one half of the last digit. */
static bool rounds_away(nv_rounding mode, bool negative, bool odd, bool exact,
                        int half) {
  if (exact) return false;
  switch (mode) {
    case NV_ROUND_HALF_EVEN:
      return half > 0 || (half == 0 && odd);
    case NV_ROUND_HALF_UP:
      return half >= 0;
    case NV_ROUND_HALF_DOWN:
      return half > 0;
    case NV_ROUND_UP:
      return true;
    case NV_ROUND_DOWN:
      return false;
    case NV_ROUND_CEILING:
      return !negative;
    case NV_ROUND_FLOOR:
      return negative;
  }
  return false;
}

int nv_decimal_div(nv_decimal *out, const nv_decimal *a, const nv_decimal *b,
                   int scale, nv_rounding mode, nv_error *err) {
  if (nv_decimal_sign(b) == 0)
    return nv_fail(err, NV_EINVALID, "decimal", "division by zero");
  if (scale < 0 || scale > NV_DECIMAL_MAX_SCALE)
    return nv_fail(err, NV_EINVALID, "decimal", "scale must be 0 to %d",
                   NV_DECIMAL_MAX_SCALE);
  bool negative = a->negative != b->negative;
  wide n = wide_of(coefficient(a)), d = wide_of(coefficient(b));
  int shift = scale + b->scale - a->scale;
  /* A dividend beyond 256 bits means a quotient beyond 38 digits. A divisor
   * beyond them leaves a quotient of 0 and a rest far below one half, which any
   * divisor above twice the dividend leaves just as well. */
  if (shift > 0 && nv_decimal_sign(a) != 0 && !wide_scale10(&n, shift))
    return too_large(err);
  if (shift < 0 && !wide_scale10(&d, -shift)) memset(d.w, 0xff, sizeof d.w);
  wide rest, q = wide_divide(&n, &d, &rest);
  wide other = wide_difference(&d, &rest);
  bool exact = (rest.w[0] | rest.w[1] | rest.w[2] | rest.w[3]) == 0;
  if (rounds_away(mode, negative, q.w[0] & 1, exact, wide_compare(&rest, &other))) {
    wide one = wide_of(1);
    q = wide_sum(&q, &one);
  }
  if (!wide_is_u128(&q) || wide_low(&q) > largest()) return too_large(err);
  *out = make(wide_low(&q), scale, negative);
  return NV_OK;
}

int nv_decimal_round(nv_decimal *out, const nv_decimal *d, int scale,
                     nv_rounding mode, nv_error *err) {
  if (scale < -NV_DECIMAL_DIGITS || scale > NV_DECIMAL_MAX_SCALE)
    return nv_fail(err, NV_EINVALID, "decimal", "scale must be %d to %d",
                   -NV_DECIMAL_DIGITS, NV_DECIMAL_MAX_SCALE);
  u128 c = coefficient(d);
  int cut = d->scale - scale, zeros = scale < 0 ? -scale : 0;
  if (cut > 0) {
    u128 q = 0, unit, rest = c;
    int half = -1; /* right for more digits than any coefficient has */
    if (cut <= NV_DECIMAL_DIGITS) {
      unit = pow10_of(cut);
      q = c / unit;
      rest = c % unit;
      half = rest < unit - rest ? -1 : rest > unit - rest;
    }
    c = q + rounds_away(mode, d->negative, q & 1, rest == 0, half);
  } else {
    zeros = -cut;
  }
  if (c == 0) zeros = 0;
  if (zeros > NV_DECIMAL_DIGITS || c > largest() / pow10_of(zeros))
    return too_large(err);
  *out = make(c * pow10_of(zeros), scale < 0 ? 0 : scale, d->negative);
  return NV_OK;
}

nv_decimal nv_decimal_negate(const nv_decimal *d) {
  return make(coefficient(d), d->scale, !d->negative);
}

nv_decimal nv_decimal_normalize(const nv_decimal *d) {
  return shorten(d, 0);
}

int nv_decimal_compare(const nv_decimal *a, const nv_decimal *b) {
  int sa = nv_decimal_sign(a), sb = nv_decimal_sign(b);
  if (sa != sb) return sa < sb ? -1 : 1;
  if (sa == 0) return 0;
  int more = b->scale - a->scale; /* digits that `a` lacks behind the point */
  wide x = wide_of(coefficient(a)), y = wide_of(coefficient(b));
  int larger;
  if (more > NV_DECIMAL_DIGITS) {
    larger = 1; /* x * 10^39 is above any coefficient */
  } else if (-more > NV_DECIMAL_DIGITS) {
    larger = -1;
  } else {
    wide_scale10(more > 0 ? &x : &y, more > 0 ? more : -more);
    larger = wide_compare(&x, &y);
  }
  return sa * larger;
}

int nv_decimal_sign(const nv_decimal *d) {
  return (d->lo | d->hi) == 0 ? 0 : d->negative ? -1 : 1;
}

bool nv_decimal_integer(const nv_decimal *d, int64_t *out) {
  nv_decimal whole = nv_decimal_normalize(d);
  if (whole.scale != 0 || whole.hi != 0) return false;
  if (whole.lo > (uint64_t)INT64_MAX + whole.negative) return false;
  *out = whole.negative ? (int64_t)(0 - whole.lo) : (int64_t)whole.lo;
  return true;
}
