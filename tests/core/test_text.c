/* Unicode text: forms, lengths and cuts; and the digests, which are text too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crypto.h"
#include "text.h"

typedef int (*map_fn)(nv_buf *out, nv_str s, nv_error *err);

typedef struct mapping {
  const char *from, *to;
} mapping;

static void expect_map(map_fn fn, const mapping *cases, size_t n) {
  for (size_t i = 0; i < n; i++) {
    nv_buf b;
    nv_error err = {0};
    nv_buf_init(&b, 1 << 10);
    nv_buf_addz(&b, "#"); /* results are appended */
    if (fn(&b, nv_str_of(cases[i].from), &err) != NV_OK)
      fail_msg("%s: %s", cases[i].from, err.text);
    assert_string_equal(b.p + 1, cases[i].to);
    assert_int_equal(b.n, strlen(b.p));
    nv_buf_clear(&b);
  }
}

#define MAPS(fn, ...)                                    \
  do {                                                   \
    static const mapping cases[] = {__VA_ARGS__};        \
    expect_map(fn, cases, sizeof cases / sizeof *cases); \
  } while (0)

static void test_text_nfc_gives_one_form_to_one_letter(void **state) {
  (void)state;
  MAPS(nv_text_add_nfc, {"", ""}, {"plain", "plain"}, {"e\xcc\x81", "\xc3\xa9"},
       {"\xc3\xa9", "\xc3\xa9"},
       {"A\xcc\x8angstro\xcc\x88m", "\xc3\x85ngstr\xc3\xb6m"},
       {"\xe2\x84\xab", "\xc3\x85"},
       {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", "\xed\x95\x9c"},
       {"\xef\xac\x81", "\xef\xac\x81"} /* compatibility forms stay */);
}

static void test_text_fold_drops_case_and_marks(void **state) {
  (void)state;
  MAPS(nv_text_add_fold, {"", ""}, {"ABC 12", "abc 12"},
       {"Stra\xc3\x9f"
        "e",
        "strasse"},
       {"STRASSE", "strasse"},
       {"\xc3\x89"
        "COLE",
        "ecole"},
       {"e\xcc\x81", "e"}, {"M\xc3\xbcller", "muller"},
       {"\xc3\x85ngstr\xc3\xb6m", "angstrom"}, {"\xc4\xb0stanbul", "istanbul"},
       {"\xce\xa3\xce\xaf\xcf\x82", "\xcf\x83\xce\xb9\xcf\x83"},
       {"S\xc3\xb8n A/S",
        "s\xc3\xb8n a/s"} /* o with a stroke is a letter, not a mark */,
       {"\xed\x95\x9c", "\xed\x95\x9c"});
}

static void test_text_case_maps_one_to_one(void **state) {
  (void)state;
  MAPS(nv_text_add_upper, {"", ""}, {"abz", "ABZ"},
       {"stra\xc3\x9f"
        "e",
        "STRA\xc3\x9f"
        "E"},
       {"\xc3\xa9\xc3\xa6\xc3\xb8\xc3\xa5", "\xc3\x89\xc3\x86\xc3\x98\xc3\x85"},
       {"\xc3\xbf", "\xc5\xb8"}, {"\xd0\xb6", "\xd0\x96"},
       {"\xf0\x90\x90\xa8", "\xf0\x90\x90\x80"});
  MAPS(nv_text_add_lower, {"ABZ", "abz"}, {"\xc3\x89\xc3\x86", "\xc3\xa9\xc3\xa6"},
       {"\xd0\x96", "\xd0\xb6"}, {"\xe1\xba\x9e", "\xc3\x9f"});
}

static void test_text_counts_code_points_and_utf16_units(void **state) {
  (void)state;
  static const struct {
    const char *s;
    size_t points, units;
  } cases[] = {
      {"", 0, 0},
      {"abc", 3, 3},
      {"\xc3\xa9", 1, 1},
      {"e\xcc\x81", 2, 2},
      {"\xef\xbf\xbf", 1, 1},
      {"\xf0\x90\x80\x80", 1, 2},
      {"a\xf0\x9f\x98\x80"
       "b",
       3, 4},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t n = 99;
    assert_int_equal(nv_text_length(nv_str_of(cases[i].s), &n, NULL), NV_OK);
    assert_int_equal(n, cases[i].points);
    assert_int_equal(nv_text_utf16_length(nv_str_of(cases[i].s), &n, NULL), NV_OK);
    assert_int_equal(n, cases[i].units);
  }
}

static void test_text_cuts_between_code_points_only(void **state) {
  (void)state;
  static const struct {
    const char *s;
    size_t units, bytes;
  } cases[] = {
      {"abc", 0, 0},
      {"abc", 2, 2},
      {"abc", 3, 3},
      {"abc", 99, 3},
      {"", 5, 0},
      {"\xc3\xa9\xc3\xa9", 1, 2},
      {"a\xf0\x9f\x98\x80"
       "b",
       1, 1},
      {"a\xf0\x9f\x98\x80"
       "b",
       2, 1},
      {"a\xf0\x9f\x98\x80"
       "b",
       3, 5},
      {"a\xf0\x9f\x98\x80"
       "b",
       4, 6},
      {"\xf0\x9f\x98\x80"
       "b",
       1, 0}, /* nothing behind the cut moves up */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nv_str part;
    assert_int_equal(
        nv_text_truncate(nv_str_of(cases[i].s), cases[i].units, &part, NULL),
        NV_OK);
    assert_int_equal(part.n, cases[i].bytes);
    assert_ptr_equal(part.p, cases[i].s);
  }
}

static void test_text_trims_every_white_space(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"", ""},
      {" ", ""},
      {"a", "a"},
      {" \t\r\n\v\f a b \n", "a b"},
      {"\xc2\xa0"
       "a\xc2\xa0",
       "a"},
      {"\xe2\x80\x83\xe3\x80\x80x\xe2\x80\xa8", "x"},
      {"\xe2\x80\x83", ""},
      {"\xc2\x85", ""},
      {"\xff ", "\xff"},
      {" \xff", "\xff"},
      {"\xa0", "\xa0"},
      {"\x80\x80\x80\x80\x80 ", "\x80\x80\x80\x80\x80"},
      {"\xe2\x80\x8b", "\xe2\x80\x8b"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nv_str s = nv_text_trim(nv_str_of(cases[i][0]));
    assert_int_equal(s.n, strlen(cases[i][1]));
    assert_memory_equal(s.p, cases[i][1], s.n);
  }
}

static void test_text_refuses_what_is_not_utf8(void **state) {
  (void)state;
  static const struct {
    const char *s;
    const char *text;
  } cases[] = {
      {"\xff", "not UTF-8 at byte 1"},
      {"ab\xc3", "not UTF-8 at byte 3"},
      {"\xc0\xaf", "not UTF-8 at byte 1"},
      {"\xed\xa0\x80", "not UTF-8 at byte 1"},
      {"\xc3\xa9\x80", "not UTF-8 at byte 3"},
      {"\xf4\x90\x80\x80", "not UTF-8 at byte 1"},
  };
  map_fn maps[] = {nv_text_add_nfc, nv_text_add_fold, nv_text_add_upper,
                   nv_text_add_lower};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nv_str s = nv_str_of(cases[i].s), part;
    nv_error err;
    size_t n;
    assert_false(nv_text_valid(s));
    assert_int_equal(nv_text_length(s, &n, &err), NV_ESYNTAX);
    assert_int_equal(nv_text_utf16_length(s, &n, &err), NV_ESYNTAX);
    assert_int_equal(nv_text_truncate(s, 0, &part, &err), NV_ESYNTAX);
    for (size_t k = 0; k < sizeof maps / sizeof *maps; k++) {
      nv_buf b;
      nv_buf_init(&b, 64);
      nv_buf_addz(&b, "kept");
      assert_int_equal(maps[k](&b, s, &err), NV_ESYNTAX);
      assert_string_equal(err.text, cases[i].text);
      assert_int_equal(b.n, 4);
      nv_buf_clear(&b);
    }
  }
  assert_true(nv_text_valid((nv_str){"a\0b", 3}));
}

static void test_text_respects_the_limit_of_the_buffer(void **state) {
  (void)state;
  map_fn maps[] = {nv_text_add_nfc, nv_text_add_fold, nv_text_add_upper,
                   nv_text_add_lower};
  static const char *const texts[] = {"plain text",
                                      "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"};
  for (size_t i = 0; i < 8; i++) {
    nv_buf b;
    nv_buf_init(&b, 3);
    assert_int_equal(maps[i / 2](&b, nv_str_of(texts[i % 2]), NULL), NV_ETOOLARGE);
    assert_int_equal(b.n, 0);
    nv_buf_clear(&b);
  }
}

/* ---- digests and base64 ---------------------------------------------------- */

static void expect_hex(const unsigned char *p, const char *want) {
  char text[2 * NV_SHA256_BYTES + 1] = {0};
  nv_hex(p, NV_SHA256_BYTES, text);
  assert_string_equal(text, want);
}

static void test_crypto_gives_the_published_digests(void **state) {
  (void)state;
  unsigned char sum[NV_SHA256_BYTES];
  assert_int_equal(nv_sha256(nv_str_of("abc"), sum, NULL), NV_OK);
  expect_hex(sum,
             "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  assert_int_equal(nv_sha256((nv_str){NULL, 0}, sum, NULL), NV_OK);
  expect_hex(sum,
             "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  /* RFC 4231, case 2 */
  assert_int_equal(
      nv_hmac_sha256(nv_str_of("Jefe"), nv_str_of("what do ya want for nothing?"),
                     sum, NULL),
      NV_OK);
  expect_hex(sum,
             "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  assert_int_equal(nv_hmac_sha256((nv_str){NULL, 0}, (nv_str){NULL, 0}, sum, NULL),
                   NV_OK);
  expect_hex(sum,
             "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_crypto_base64_goes_both_ways(void **state) {
  (void)state;
  static const char *const cases[][2] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xff\xfe\xfd\xfb", "//79+w=="},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nv_buf b;
    nv_buf_init(&b, 64);
    assert_int_equal(nv_base64_add(&b, nv_str_of(cases[i][0]), NULL), NV_OK);
    assert_string_equal(b.p, cases[i][1]);
    b.n = 0;
    assert_int_equal(nv_unbase64_add(&b, nv_str_of(cases[i][1]), NULL), NV_OK);
    assert_string_equal(b.p, cases[i][0]);
    assert_int_equal(b.n, strlen(cases[i][0]));
    nv_buf_clear(&b);
  }
}

static void test_crypto_refuses_any_other_base64(void **state) {
  (void)state;
  static const char *const cases[] = {
      "Z",    "Zg",   "Zg=",      "Zg===", "=",      "==",   "====", "Z===",
      "Zh==", "Zm9=", "Zg==Zg==", "Zm 9",  "Zm9v\n", " Zm9", "Zm-_", "Zm9\xc3",
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nv_buf b;
    nv_buf_init(&b, 64);
    if (nv_unbase64_add(&b, nv_str_of(cases[i]), NULL) != NV_ESYNTAX)
      fail_msg("accepted %s", cases[i]);
    assert_int_equal(b.n, 0);
    nv_buf_clear(&b);
  }
}

static void test_crypto_compares_whole_values(void **state) {
  (void)state;
  assert_true(nv_equal(nv_str_of(""), (nv_str){NULL, 0}));
  assert_true(nv_equal(nv_str_of("abc"), nv_str_of("abc")));
  assert_false(nv_equal(nv_str_of("abc"), nv_str_of("abd")));
  assert_false(nv_equal(nv_str_of("abc"), nv_str_of("ab")));
}

static void test_text_names_its_classes(void **state) {
  (void)state;
  assert_true(nv_text_is(nv_str_of("C001"), "ud"));
  assert_false(nv_text_is(nv_str_of("C001"), "u"));
  assert_false(nv_text_is(nv_str_of("c001"), "ud"));
  assert_true(nv_text_is(nv_str_of("c001"), "uld"));
  assert_false(nv_text_is(nv_str_of("C-1"), "uld"));
  assert_false(nv_text_is(nv_str_of("\xc3\xa4"), "uld"));
  assert_true(nv_text_is(nv_str_of(""), "u"));
}

static void test_text_knows_one_email_address(void **state) {
  (void)state;
  static const char *const good[] = {"a@b.c", "a.b+c@d-e.f.gh", "\xc3\xa4@b.de"};
  static const char *const bad[] = {"",      "a",       "@b.c",    "a@",     "a@b",     "a@.c",
                                    "a@b.",  "a b@c.d", "a@b@c.d", "a@b.c;", "a@b.c,d", "a@b.c\n"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    assert_true(nv_text_is_email(nv_str_of(good[i])));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    if (nv_text_is_email(nv_str_of(bad[i]))) fail_msg("'%s' is none", bad[i]);
}

static void test_text_is_bared_for_comparing(void **state) {
  (void)state;
  nv_buf b;
  nv_buf_init(&b, 100);
  assert_int_equal(nv_text_add_bare(&b, nv_str_of(" de-123.45/6\t\xc3\xa4 ")), NV_OK);
  assert_string_equal(b.p, "DE123456\xc3\xa4");
  nv_buf_clear(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_text_names_its_classes),
      cmocka_unit_test(test_text_knows_one_email_address),
      cmocka_unit_test(test_text_is_bared_for_comparing),
      cmocka_unit_test(test_text_nfc_gives_one_form_to_one_letter),
      cmocka_unit_test(test_text_fold_drops_case_and_marks),
      cmocka_unit_test(test_text_case_maps_one_to_one),
      cmocka_unit_test(test_text_counts_code_points_and_utf16_units),
      cmocka_unit_test(test_text_cuts_between_code_points_only),
      cmocka_unit_test(test_text_trims_every_white_space),
      cmocka_unit_test(test_text_refuses_what_is_not_utf8),
      cmocka_unit_test(test_text_respects_the_limit_of_the_buffer),
      cmocka_unit_test(test_crypto_gives_the_published_digests),
      cmocka_unit_test(test_crypto_base64_goes_both_ways),
      cmocka_unit_test(test_crypto_refuses_any_other_base64),
      cmocka_unit_test(test_crypto_compares_whole_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
