/* Two numbers with a '|' between them: text and value agree both ways, and the
 * operations keep the laws of arithmetic wherever they have a result. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"

static void demand(bool ok) {
  if (!ok) abort();
}

static bool equal(const nv_decimal *a, const nv_decimal *b) {
  return nv_decimal_compare(a, b) == 0 && nv_decimal_compare(b, a) == 0;
}

static void check_text(const nv_decimal *d) {
  char text[NV_DECIMAL_TEXT];
  nv_decimal back, plain = nv_decimal_normalize(d);
  size_t n = nv_decimal_print(d, text);
  demand(n < sizeof text && n == strlen(text));
  demand(nv_decimal_parse(&back, (nv_str){text, n}, NULL) == NV_OK);
  demand(equal(d, &back) && back.scale == d->scale && back.negative == d->negative);
  demand(equal(d, &plain) && plain.scale <= d->scale);
  demand(d->scale >= 0 && d->scale <= NV_DECIMAL_MAX_SCALE);
}

/* Rounding moves by less than one unit of the last digit, in the right direction.
 */
static void check_round(const nv_decimal *d, int scale, nv_rounding mode) {
  nv_decimal r, gap, unit;
  if (nv_decimal_round(&r, d, scale, mode, NULL) != NV_OK) return;
  check_text(&r);
  demand(r.scale == (scale < 0 ? 0 : scale));
  int order = nv_decimal_compare(&r, d), sign = nv_decimal_sign(d);
  if (mode == NV_ROUND_CEILING) demand(order >= 0);
  if (mode == NV_ROUND_FLOOR) demand(order <= 0);
  if (mode == NV_ROUND_DOWN) demand(order * sign <= 0);
  if (mode == NV_ROUND_UP) demand(order * sign >= 0);
  if (scale < 0 || nv_decimal_sub(&gap, &r, d, NULL) != NV_OK) return;
  gap.negative = false;
  unit = (nv_decimal){.lo = 1, .scale = scale};
  demand(nv_decimal_compare(&gap, &unit) < 0);
}

static void check_pair(const nv_decimal *a, const nv_decimal *b) {
  nv_decimal x, y;
  demand(nv_decimal_compare(a, b) == -nv_decimal_compare(b, a));
  if (nv_decimal_add(&x, a, b, NULL) == NV_OK) {
    check_text(&x);
    demand(nv_decimal_add(&y, b, a, NULL) == NV_OK && equal(&x, &y));
    if (nv_decimal_sub(&y, &x, b, NULL) == NV_OK) demand(equal(&y, a));
  }
  if (nv_decimal_sub(&x, a, b, NULL) == NV_OK)
    demand(nv_decimal_sign(&x) == nv_decimal_compare(a, b));
  if (nv_decimal_mul(&x, a, b, NULL) == NV_OK) {
    check_text(&x);
    demand(nv_decimal_mul(&y, b, a, NULL) == NV_OK && equal(&x, &y));
    if (nv_decimal_sign(b) != 0 &&
        nv_decimal_div(&y, &x, b, a->scale, NV_ROUND_HALF_EVEN, NULL) == NV_OK)
      demand(equal(&y, a));
  }
  for (int mode = NV_ROUND_HALF_EVEN; mode <= NV_ROUND_FLOOR; mode++)
    if (nv_decimal_div(&x, a, b, b->scale, (nv_rounding)mode, NULL) == NV_OK)
      check_text(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *text = (const char *)data;
  const char *bar = size ? memchr(text, '|', size) : NULL;
  nv_str first = {text, bar ? (size_t)(bar - text) : size};
  nv_str second = bar ? (nv_str){bar + 1, size - first.n - 1} : first;
  nv_decimal a, b;
  if (nv_decimal_parse(&a, first, NULL) != NV_OK) return 0;
  if (nv_decimal_parse(&b, second, NULL) != NV_OK) return 0;
  check_text(&a);
  for (int mode = NV_ROUND_HALF_EVEN; mode <= NV_ROUND_FLOOR; mode++) {
    check_round(&a, b.scale, (nv_rounding)mode);
    check_round(&a, -(int)(b.lo % NV_DECIMAL_DIGITS), (nv_rounding)mode);
  }
  check_pair(&a, &b);
  check_pair(&a, &a);
  return 0;
}
