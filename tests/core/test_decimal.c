/* Exact decimals against Python's decimal: NV_DECIMAL_TABLE names a file of rows
 * printed by decimal_table.py ("-" for standard input); a name given as argument
 * comes first. Without a table that one test is skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decimal.h"

#define ROWS_AT_LEAST 2000
#define COLUMN 512

static const char *table_name;

static nv_decimal number(const char *text) {
  nv_decimal d = {0};
  nv_error err = {0};
  if (nv_decimal_parse(&d, nv_str_of(text), &err) != NV_OK)
    fail_msg("%s: %s", text, err.text);
  return d;
}

static void expect(const nv_decimal *d, const char *want) {
  char text[NV_DECIMAL_TEXT];
  size_t n = nv_decimal_print(d, text);
  assert_int_equal(n, strlen(text));
  assert_string_equal(text, want);
}

static int mode_of(const char *name) {
  for (int i = 0; nv_rounding_names[i]; i++)
    if (strcmp(nv_rounding_names[i], name) == 0) return i;
  fail_msg("no rounding named %s", name);
  return -1;
}

/* ---- the table ---------------------------------------------------------- */

typedef struct row {
  char op[16], a[COLUMN], b[COLUMN], scale[16], mode[16], want[COLUMN];
} row;

/* Computes the row into `text`; false when the operation refuses. */
static bool compute(const row *r, char *text) {
  nv_decimal a, b = {0}, out;
  nv_error err;
  if (nv_decimal_parse(&a, nv_str_of(r->a), &err) != NV_OK) return false;
  if (r->b[0] != '-' || r->b[1]) b = number(r->b);
  int rc = NV_OK;
  if (strcmp(r->op, "add") == 0) {
    rc = nv_decimal_add(&out, &a, &b, &err);
  } else if (strcmp(r->op, "sub") == 0) {
    rc = nv_decimal_sub(&out, &a, &b, &err);
  } else if (strcmp(r->op, "mul") == 0) {
    rc = nv_decimal_mul(&out, &a, &b, &err);
  } else if (strcmp(r->op, "div") == 0) {
    rc = nv_decimal_div(&out, &a, &b, atoi(r->scale), (nv_rounding)mode_of(r->mode),
                        &err);
  } else if (strcmp(r->op, "round") == 0) {
    rc = nv_decimal_round(&out, &a, atoi(r->scale), (nv_rounding)mode_of(r->mode),
                          &err);
  } else if (strcmp(r->op, "cmp") == 0) {
    assert_int_equal(nv_decimal_compare(&b, &a), -nv_decimal_compare(&a, &b));
    out = nv_decimal_of(nv_decimal_compare(&a, &b));
  } else if (strcmp(r->op, "parse") == 0) {
    out = a;
  } else if (strcmp(r->op, "normalize") == 0) {
    out = nv_decimal_normalize(&a);
  } else if (strcmp(r->op, "integer") == 0) {
    int64_t n;
    if (!nv_decimal_integer(&a, &n)) return false;
    out = nv_decimal_of(n);
  } else {
    fail_msg("unknown operation %s", r->op);
  }
  if (rc != NV_OK) {
    assert_true(rc == NV_ETOOLARGE || rc == NV_EINVALID);
    assert_int_equal(err.code, rc);
    return false;
  }
  nv_decimal_print(&out, text);
  return true;
}

static void test_decimal_agrees_with_python(void **state) {
  (void)state;
  if (!table_name) skip();
  FILE *f = strcmp(table_name, "-") == 0 ? stdin : fopen(table_name, "r");
  if (!f) fail_msg("cannot read %s", table_name);
  static row r;
  int rows = 0, wrong = 0;
  while (fscanf(f, "%15s %511s %511s %15s %15s %511s", r.op, r.a, r.b, r.scale,
                r.mode, r.want) == 6) {
    char text[NV_DECIMAL_TEXT] = "!";
    rows++;
    if (!compute(&r, text)) strcpy(text, "!");
    if (strcmp(text, r.want) == 0) continue;
    if (wrong++ < 20)
      print_error("%s %s %s %s %s: %s, not %s\n", r.op, r.a, r.b, r.scale, r.mode,
                  r.want, text);
  }
  if (f != stdin) fclose(f);
  assert_int_equal(wrong, 0);
  assert_true(rows >= ROWS_AT_LEAST);
}

/* ---- claims of their own ------------------------------------------------- */

static void test_decimal_keeps_digits_as_written(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"12.50", "12.50"},
      {"-0.10", "-0.10"},
      {"007", "7"},
      {"+1", "1"},
      {".5", "0.5"},
      {"5.", "5"},
      {"0", "0"},
      {"-0", "0"},
      {"-0.00", "0.00"},
      {"1e3", "1000"},
      {"1.5e1", "15"},
      {"1.50E1", "15.0"},
      {"12e-3", "0.012"},
      {"0e5", "0"},
      {"0e-3", "0.000"},
      {"1.0e-2", "0.010"},
      {"100", "100"},
      {"1e+0", "1"},
      {"-1e-1", "-0.1"},
      {"0e99999999999999999999", "0"},
      {"99999999999999999999999999999999999999",
       "99999999999999999999999999999999999999"},
      {"0000000000000000000000000000000000000000000001", "1"},
      {"1.00000000000000000000000000000000000000000000",
       "1.0000000000000000000000000000000000000"},
      {"18446744073709551615", "18446744073709551615"},
      {"18446744073709551616", "18446744073709551616"},
      {"10000000000000000000.0000000000000000000",
       "10000000000000000000.000000000000000000"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nv_decimal d = number(cases[i][0]);
    expect(&d, cases[i][1]);
  }
}

static void test_decimal_refuses_what_is_no_number(void **state) {
  (void)state;
  static const char *const cases[] = {
      "",    " ",    "1 ",    " 1",       "+",     "-",     ".",    "-.",
      "e5",  ".e5",  "1e",    "1e+",      "1e-",   "1e1.",  "1e1e", "--1",
      "+-1", "1..2", "1.2.3", "1,5",      "1'000", "1 000", "0x1",  "NaN",
      "inf", "1_0",  "1.5f",  "\xd9\xa1", "1\n",   "$1",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nv_decimal d = {.lo = 7};
    nv_error err = {0};
    if (nv_decimal_parse(&d, nv_str_of(cases[i]), &err) != NV_ESYNTAX)
      fail_msg("accepted '%s'", cases[i]);
    assert_string_equal(err.text, "not a decimal number");
    assert_int_equal(d.lo, 7);
  }
  nv_decimal d;
  assert_int_equal(nv_decimal_parse(&d, (nv_str){"1\0", 2}, NULL), NV_ESYNTAX);
  assert_int_equal(nv_decimal_parse(&d, (nv_str){NULL, 0}, NULL), NV_ESYNTAX);
}

static void test_decimal_refuses_what_has_too_many_digits(void **state) {
  (void)state;
  static const char *const cases[] = {
      "100000000000000000000000000000000000000",
      "1e38",
      "12e37",
      "1e1000000000000000000",
      "1e-401",
      "1e-99999999999999999999",
      "123456789012345678901234567890123456789",
      "0.100000000000000000000000000000000000001",
      "1.0000000000000000000000000000000000000001",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (nv_decimal_parse(&(nv_decimal){0}, nv_str_of(cases[i]), NULL) !=
        NV_ETOOLARGE)
      fail_msg("accepted '%s'", cases[i]);
}

static void test_decimal_fails_and_never_wraps(void **state) {
  (void)state;
  nv_decimal most = number("99999999999999999999999999999999999999"),
             one = nv_decimal_of(1);
  nv_decimal least = nv_decimal_negate(&most), small = number("1e-400"),
             out = nv_decimal_of(42);
  nv_error err;
  assert_int_equal(nv_decimal_add(&out, &most, &one, &err), NV_ETOOLARGE);
  assert_string_equal(err.text, "number needs more than 38 digits");
  assert_int_equal(nv_decimal_sub(&out, &least, &one, &err), NV_ETOOLARGE);
  assert_int_equal(nv_decimal_mul(&out, &most, &most, &err), NV_ETOOLARGE);
  assert_int_equal(nv_decimal_mul(&out, &small, &small, &err), NV_ETOOLARGE);
  assert_int_equal(nv_decimal_add(&out, &one, &small, &err), NV_ETOOLARGE);
  assert_int_equal(nv_decimal_div(&out, &most, &small, 0, NV_ROUND_DOWN, &err),
                   NV_ETOOLARGE);
  assert_int_equal(nv_decimal_div(&out, &one, &one, 38, NV_ROUND_DOWN, &err),
                   NV_ETOOLARGE);
  assert_int_equal(nv_decimal_round(&out, &most, 1, NV_ROUND_DOWN, &err),
                   NV_ETOOLARGE);
  assert_int_equal(nv_decimal_round(&out, &most, -1, NV_ROUND_UP, &err),
                   NV_ETOOLARGE);
  expect(&out, "42"); /* a failure leaves the result alone */
}

static void test_decimal_refuses_division_by_zero_and_wild_scales(void **state) {
  (void)state;
  nv_decimal zero = number("0.00"), one = nv_decimal_of(1), out;
  assert_int_equal(nv_decimal_div(&out, &one, &zero, 2, NV_ROUND_UP, NULL),
                   NV_EINVALID);
  assert_int_equal(nv_decimal_div(&out, &zero, &zero, 2, NV_ROUND_UP, NULL),
                   NV_EINVALID);
  assert_int_equal(nv_decimal_div(&out, &one, &one, -1, NV_ROUND_UP, NULL),
                   NV_EINVALID);
  assert_int_equal(nv_decimal_div(&out, &one, &one, 401, NV_ROUND_UP, NULL),
                   NV_EINVALID);
  assert_int_equal(nv_decimal_round(&out, &one, 401, NV_ROUND_UP, NULL),
                   NV_EINVALID);
  assert_int_equal(nv_decimal_round(&out, &one, -39, NV_ROUND_UP, NULL),
                   NV_EINVALID);
}

static void test_decimal_result_may_be_an_operand(void **state) {
  (void)state;
  nv_decimal x = number("1.50");
  assert_int_equal(nv_decimal_add(&x, &x, &x, NULL), NV_OK);
  expect(&x, "3.00");
  assert_int_equal(nv_decimal_mul(&x, &x, &x, NULL), NV_OK);
  expect(&x, "9.0000");
  assert_int_equal(nv_decimal_div(&x, &x, &x, 2, NV_ROUND_UP, NULL), NV_OK);
  expect(&x, "1.00");
  assert_int_equal(nv_decimal_sub(&x, &x, &x, NULL), NV_OK);
  expect(&x, "0.00");
}

static void test_decimal_zero_has_no_sign(void **state) {
  (void)state;
  nv_decimal zero = number("-0.0"), one = nv_decimal_of(-1), out;
  assert_false(zero.negative);
  assert_false(nv_decimal_negate(&zero).negative);
  assert_int_equal(nv_decimal_sign(&zero), 0);
  assert_int_equal(nv_decimal_mul(&out, &zero, &one, NULL), NV_OK);
  assert_false(out.negative);
  nv_decimal tiny = number("-0.001");
  assert_int_equal(nv_decimal_round(&out, &tiny, 2, NV_ROUND_HALF_EVEN, NULL),
                   NV_OK);
  expect(&out, "0.00");
  assert_false(out.negative);
}

static void test_decimal_holds_every_int64(void **state) {
  (void)state;
  static const int64_t cases[] = {
      0, 1, -1, INT64_MAX, INT64_MIN, INT64_MIN + 1, 1000000};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nv_decimal d = nv_decimal_of(cases[i]);
    int64_t back = 7;
    char want[32];
    snprintf(want, sizeof want, "%lld", (long long)cases[i]);
    expect(&d, want);
    assert_true(nv_decimal_integer(&d, &back));
    assert_true(back == cases[i]);
  }
  int64_t n;
  nv_decimal d = number("2.000");
  assert_true(nv_decimal_integer(&d, &n) && n == 2);
  d = number("2.5");
  assert_false(nv_decimal_integer(&d, &n));
  d = number("9223372036854775808");
  assert_false(nv_decimal_integer(&d, &n));
}

int main(int argc, char **argv) {
  table_name = argc > 1 ? argv[1] : getenv("NV_DECIMAL_TABLE");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_decimal_agrees_with_python),
      cmocka_unit_test(test_decimal_keeps_digits_as_written),
      cmocka_unit_test(test_decimal_refuses_what_is_no_number),
      cmocka_unit_test(test_decimal_refuses_what_has_too_many_digits),
      cmocka_unit_test(test_decimal_fails_and_never_wraps),
      cmocka_unit_test(test_decimal_refuses_division_by_zero_and_wild_scales),
      cmocka_unit_test(test_decimal_result_may_be_an_operand),
      cmocka_unit_test(test_decimal_zero_has_no_sign),
      cmocka_unit_test(test_decimal_holds_every_int64),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
