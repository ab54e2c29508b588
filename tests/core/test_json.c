/* JSON against everything that RFC 8259 accepts and refuses. Every text is read
 * from a block of exactly its size, so that a sanitizer sees one byte too far. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json.h"
#include "text.h"

#define TEXT(literal) \
  { literal, sizeof(literal) - 1 }

typedef struct reading {
  bool ok;
  char why[64];
  size_t at, line, column;
  nv_buf trace; /* one token for each event */
} reading;

static void trace_text(nv_buf *b, const nv_json_reader *r, char mark) {
  nv_buf_addc(b, mark);
  if (r->escaped) {
    char *plain = malloc(r->text.n + 1);
    size_t n = nv_json_unescape(r->text, plain);
    assert_true(n <= r->text.n);
    nv_buf_add(b, plain, n);
    free(plain);
  } else {
    nv_buf_add(b, r->text.p, r->text.n);
  }
  nv_buf_addc(b, ' ');
}

static void trace_event(nv_buf *b, const nv_json_reader *r, nv_json_event event) {
  switch (event) {
    case NV_JSON_NULL:
      nv_buf_addz(b, "null ");
      break;
    case NV_JSON_FALSE:
      nv_buf_addz(b, "false ");
      break;
    case NV_JSON_TRUE:
      nv_buf_addz(b, "true ");
      break;
    case NV_JSON_NUMBER:
      nv_buf_addc(b, r->integer ? 'i' : 'd');
      nv_buf_add(b, r->text.p, r->text.n);
      nv_buf_addc(b, ' ');
      break;
    case NV_JSON_STRING:
      trace_text(b, r, '"');
      break;
    case NV_JSON_KEY:
      trace_text(b, r, ':');
      break;
    case NV_JSON_ARRAY_BEGIN:
      nv_buf_addz(b, "[ ");
      break;
    case NV_JSON_ARRAY_END:
      nv_buf_addz(b, "] ");
      break;
    case NV_JSON_OBJECT_BEGIN:
      nv_buf_addz(b, "{ ");
      break;
    case NV_JSON_OBJECT_END:
      nv_buf_addz(b, "} ");
      break;
    default:
      fail_msg("unexpected event %d", (int)event);
  }
}

static reading read_all(nv_str text, int depth) {
  reading out = {.ok = false};
  nv_buf_init(&out.trace, 1 << 20);
  char *exact = malloc(text.n ? text.n : 1);
  memcpy(exact, text.p, text.n);
  nv_json_reader r;
  nv_json_open(&r, (nv_str){text.n ? exact : NULL, text.n}, depth);
  nv_json_event event;
  while ((event = nv_json_next(&r)) > NV_JSON_END)
    trace_event(&out.trace, &r, event);
  out.ok = event == NV_JSON_END;
  assert_int_equal(nv_json_next(&r), event); /* an end stays an end */
  if (!out.ok) {
    snprintf(out.why, sizeof out.why, "%s", r.why);
    out.at = r.at;
    assert_true(r.at <= text.n);
    nv_json_locate(&r, r.at, &out.line, &out.column);
  }
  free(exact);
  return out;
}

static void drop(reading *r) {
  nv_buf_clear(&r->trace);
}

typedef struct accepted {
  nv_str text;
  const char *trace;
} accepted;

static void accept_all(const accepted *cases, size_t n) {
  for (size_t i = 0; i < n; i++) {
    reading r = read_all(cases[i].text, NV_JSON_DEPTH);
    if (!r.ok)
      fail_msg("refused %.*s: %s", (int)cases[i].text.n, cases[i].text.p, r.why);
    assert_string_equal(r.trace.p, cases[i].trace);
    drop(&r);
  }
}

typedef struct refused {
  nv_str text;
  size_t at;
  const char *why;
} refused;

static void refuse_all(const refused *cases, size_t n) {
  for (size_t i = 0; i < n; i++) {
    reading r = read_all(cases[i].text, NV_JSON_DEPTH);
    if (r.ok) fail_msg("accepted %.*s", (int)cases[i].text.n, cases[i].text.p);
    if (strcmp(r.why, cases[i].why) != 0 || r.at != cases[i].at)
      fail_msg("%.*s: got '%s' at %zu", (int)cases[i].text.n, cases[i].text.p,
               r.why, r.at);
    drop(&r);
  }
}

#define ACCEPT(...)                                  \
  do {                                               \
    static const accepted cases[] = {__VA_ARGS__};   \
    accept_all(cases, sizeof cases / sizeof *cases); \
  } while (0)
#define REFUSE(...)                                  \
  do {                                               \
    static const refused cases[] = {__VA_ARGS__};    \
    refuse_all(cases, sizeof cases / sizeof *cases); \
  } while (0)

static void test_json_accepts_any_value_at_the_top(void **state) {
  (void)state;
  ACCEPT({TEXT("null"), "null "}, {TEXT("true"), "true "},
         {TEXT("false"), "false "}, {TEXT("0"), "i0 "}, {TEXT("\"\""), "\" "},
         {TEXT("[]"), "[ ] "}, {TEXT("{}"), "{ } "});
}

static void test_json_accepts_every_form_of_number_as_its_text(void **state) {
  (void)state;
  ACCEPT(
      {TEXT("-0"), "i-0 "}, {TEXT("10"), "i10 "}, {TEXT("-12"), "i-12 "},
      {TEXT("0.0"), "d0.0 "}, {TEXT("-0.10"), "d-0.10 "}, {TEXT("1e5"), "d1e5 "},
      {TEXT("1E5"), "d1E5 "}, {TEXT("1e+05"), "d1e+05 "}, {TEXT("0e-0"), "d0e-0 "},
      {TEXT("12.50e-3"), "d12.50e-3 "},
      {TEXT("9007199254740993"), "i9007199254740993 "},
      {TEXT("123456789012345678901234567890"), "i123456789012345678901234567890 "},
      {TEXT("[1,2.5]"), "[ i1 d2.5 ] "});
}

static void test_json_refuses_numbers_outside_the_grammar(void **state) {
  (void)state;
  REFUSE({TEXT("01"), 0, "a number does not begin with 0"},
         {TEXT("-01"), 1, "a number does not begin with 0"},
         {TEXT("00"), 0, "a number does not begin with 0"},
         {TEXT("-"), 1, "expected a digit"}, {TEXT("--1"), 1, "expected a digit"},
         {TEXT("+1"), 0, "expected a value"}, {TEXT(".5"), 0, "expected a value"},
         {TEXT("1."), 2, "expected a digit behind the point"},
         {TEXT("1.e1"), 2, "expected a digit behind the point"},
         {TEXT("1e"), 2, "expected a digit in the exponent"},
         {TEXT("1e+"), 3, "expected a digit in the exponent"},
         {TEXT("1e1.5"), 3, "unexpected text behind the value"},
         {TEXT("1.2.3"), 3, "unexpected text behind the value"},
         {TEXT("0x10"), 1, "unexpected text behind the value"},
         {TEXT("1_000"), 1, "unexpected text behind the value"},
         {TEXT("NaN"), 0, "expected a value"},
         {TEXT("Infinity"), 0, "expected a value"},
         {TEXT("-Infinity"), 1, "expected a digit"},
         {TEXT("1,5"), 1, "unexpected text behind the value"});
}

static void test_json_reads_every_escape(void **state) {
  (void)state;
  ACCEPT({TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), "\"\"\\/\b\f\n\r\t "},
         {TEXT("\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\""),
          "\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 "},
         {TEXT("\"\\uD800\\uDC00\\uDBFF\\uDFFF\""),
          "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf "},
         {TEXT("\"\\uFFFF\\uE000\\u007f\""), "\"\xef\xbf\xbf\xee\x80\x80\x7f "},
         {TEXT("{\"\\u006b\":\"a\\nb\"}"), "{ :k \"a\nb } "},
         {TEXT("\"\x7f\xe2\x80\xa8/\""), "\"\x7f\xe2\x80\xa8/ "});
  reading r = read_all((nv_str)TEXT("\"a\\u0000b\""), 1);
  assert_true(r.ok);
  assert_int_equal(r.trace.n, 5);
  assert_memory_equal(r.trace.p, "\"a\0b ", 5);
  drop(&r);
}

static void test_json_refuses_lone_surrogates(void **state) {
  (void)state;
  REFUSE({TEXT("\"\\ud800\""), 1, "half of a surrogate pair"},
         {TEXT("\"\\uDFFF\""), 1, "half of a surrogate pair"},
         {TEXT("\"x\\ud800\\n\""), 2, "half of a surrogate pair"},
         {TEXT("\"\\ud800\\u0041\""), 1, "half of a surrogate pair"},
         {TEXT("\"\\ud800\\ud800\""), 1, "half of a surrogate pair"},
         {TEXT("\"\\ude00\\ud83d\""), 1, "half of a surrogate pair"},
         {TEXT("\"\\ud83d\\ude0\""), 1, "half of a surrogate pair"},
         {TEXT("\"\\ud83d\\ude00\\ude00\""), 13, "half of a surrogate pair"},
         {TEXT("\"\xed\xa0\x80\""), 1, "not UTF-8"},
         {TEXT("\"\xed\xbf\xbf\""), 1, "not UTF-8"});
}

static void test_json_refuses_strings_outside_the_grammar(void **state) {
  (void)state;
  REFUSE({TEXT("\""), 1, "unexpected end of text"},
         {TEXT("\"abc"), 4, "unexpected end of text"},
         {TEXT("\"\\"), 1, "unexpected end of text"},
         {TEXT("\"\\\""), 3, "unexpected end of text"},
         {TEXT("\"\\x41\""), 1, "unknown escape"},
         {TEXT("\"\\a\""), 1, "unknown escape"},
         {TEXT("\"\\'\""), 1, "unknown escape"},
         {TEXT("\"\\U0041\""), 1, "unknown escape"},
         {TEXT("\"\\\0\""), 1, "unknown escape"},
         {TEXT("\"\\u004\""), 1, "expected four hexadecimal digits"},
         {TEXT("\"\\u00g0\""), 1, "expected four hexadecimal digits"},
         {TEXT("\"\\u+041\""), 1, "expected four hexadecimal digits"},
         {TEXT("\"\\u"), 1, "expected four hexadecimal digits"},
         {TEXT("\"a\tb\""), 2, "control character in a string"},
         {TEXT("\"a\nb\""), 2, "control character in a string"},
         {TEXT("\"a\0b\""), 2, "control character in a string"},
         {TEXT("\"12345678\x1f\""), 9, "control character in a string"},
         {TEXT("'a'"), 0, "expected a value"});
}

static void test_json_refuses_what_is_not_utf8(void **state) {
  (void)state;
  REFUSE({TEXT("\"\x80\""), 1, "not UTF-8"}, {TEXT("\"\xff\""), 1, "not UTF-8"},
         {TEXT("\"\xc0\xaf\""), 1, "not UTF-8"},
         {TEXT("\"\xe0\x80\xaf\""), 1, "not UTF-8"},
         {TEXT("\"\xf0\x80\x80\xaf\""), 1, "not UTF-8"},
         {TEXT("\"\xf4\x90\x80\x80\""), 1, "not UTF-8"},
         {TEXT("\"\xf8\x88\x80\x80\x80\""), 1, "not UTF-8"},
         {TEXT("\"ab\xe2\x82\""), 3, "not UTF-8"}, {TEXT("\"\xc3"), 1, "not UTF-8"},
         {TEXT("\"\xf0\x9f\x98"), 1, "not UTF-8"},
         {TEXT("{\"\xff\":1}"), 2, "not UTF-8"},
         {TEXT("\xc3\xa9"), 0, "expected a value"},
         {TEXT("\xef\xbb\xbf{}"), 0, "byte order mark in front of the value"},
         {TEXT("\xff\xfe[\0]\0"), 0, "expected a value"},
         {TEXT("\0[\0]"), 0, "expected a value"},
         {TEXT("[\0]\0"), 1, "expected a value"},
         {TEXT("[\xef\xbb\xbf]"), 1, "expected a value"});
}

/* Every lead byte with continuation bytes on both sides of every border, with
 * utf8proc as the second opinion. */
static void test_json_agrees_with_utf8proc_on_every_border(void **state) {
  (void)state;
  static const unsigned char edges[] = {0x22, 0x5c, 0x61, 0x7f, 0x80, 0x8f, 0x90,
                                        0x9f, 0xa0, 0xbf, 0xc0, 0xf4, 0xff};
  size_t k = sizeof edges, tried = 0;
  for (unsigned lead = 0x80; lead <= 0xff; lead++) {
    for (size_t i = 0; i < k * k * k; i++, tried++) {
      char text[6] = {'"',
                      (char)lead,
                      (char)edges[i % k],
                      (char)edges[i / k % k],
                      (char)edges[i / k / k],
                      '"'};
      bool plain = !memchr(text + 1, '"', 4) && !memchr(text + 1, '\\', 4);
      nv_json_reader r;
      nv_json_open(&r, (nv_str){text, 6}, 1);
      bool ok =
          nv_json_next(&r) == NV_JSON_STRING && nv_json_next(&r) == NV_JSON_END;
      if (plain) assert_int_equal(ok, nv_text_valid((nv_str){text + 1, 4}));
      nv_buf b;
      nv_buf_init(&b, 64);
      int rc = nv_json_add_string(&b, (nv_str){text + 1, 4});
      assert_int_equal(rc == NV_OK, nv_text_valid((nv_str){text + 1, 4}));
      nv_buf_clear(&b);
    }
  }
  assert_true(tried > 200000);
}

static void test_json_accepts_white_space_between_tokens_only(void **state) {
  (void)state;
  ACCEPT(
      {TEXT(" \t\r\n1 \n"), "i1 "}, {TEXT("[ ]"), "[ ] "}, {TEXT("{\n}"), "{ } "},
      {TEXT(" [ 1 , { \"a\" : [ ] , \"b\" :2 } ] "), "[ i1 { :a [ ] :b i2 } ] "});
  REFUSE({TEXT("\v1"), 0, "expected a value"},
         {TEXT("1\f"), 1, "unexpected text behind the value"},
         {TEXT("\xc2\xa0"
               "1"),
          0, "expected a value"},
         {TEXT("tr ue"), 0, "expected a value"},
         {TEXT("- 1"), 1, "expected a digit"},
         {TEXT("1 2"), 2, "unexpected text behind the value"},
         {TEXT(""), 0, "empty text"}, {TEXT("  "), 2, "unexpected end of text"});
}

static void test_json_hands_over_structure_as_events(void **state) {
  (void)state;
  ACCEPT({TEXT("[[],[[]],{}]"), "[ [ ] [ [ ] ] { } ] "},
         {TEXT("{\"a\":{\"b\":[1,{\"c\":null}],\"d\":true},\"e\":\"f\"}"),
          "{ :a { :b [ i1 { :c null } ] :d true } :e \"f } "},
         {TEXT("{\"\":0}"), "{ : i0 } "},
         {TEXT("{\"a\":1,\"a\":2}"), "{ :a i1 :a i2 } "});
}

static void test_json_refuses_broken_structure(void **state) {
  (void)state;
  REFUSE(
      {TEXT("["), 1, "unexpected end of text"},
      {TEXT("{"), 1, "unexpected end of text"}, {TEXT("]"), 0, "expected a value"},
      {TEXT("}"), 0, "expected a value"}, {TEXT("[1"), 2, "unexpected end of text"},
      {TEXT("[1,"), 3, "unexpected end of text"},
      {TEXT("[1,]"), 3, "expected a value"}, {TEXT("[,1]"), 1, "expected a value"},
      {TEXT("[1,,2]"), 3, "expected a value"},
      {TEXT("[1 2]"), 3, "expected ',' or ']'"},
      {TEXT("[1}"), 2, "expected ',' or ']'"},
      {TEXT("{]"), 1, "expected a key in quotes"},
      {TEXT("{\"a\":1]"), 6, "expected ',' or '}'"},
      {TEXT("{\"a\"}"), 4, "expected ':'"},
      {TEXT("{\"a\":}"), 5, "expected a value"},
      {TEXT("{\"a\":1,}"), 7, "expected a key in quotes"},
      {TEXT("{,}"), 1, "expected a key in quotes"},
      {TEXT("{a:1}"), 1, "expected a key in quotes"},
      {TEXT("{1:1}"), 1, "expected a key in quotes"},
      {TEXT("{\"a\" 1}"), 5, "expected ':'"},
      {TEXT("{\"a\":1 \"b\":2}"), 7, "expected ',' or '}'"},
      {TEXT("{\"a\""), 4, "unexpected end of text"},
      {TEXT("{\"a\":"), 5, "unexpected end of text"},
      {TEXT("[1]]"), 3, "unexpected text behind the value"},
      {TEXT("{}{}"), 2, "unexpected text behind the value"},
      {TEXT("1\0"), 1, "unexpected text behind the value"},
      {TEXT("// x\n1"), 0, "expected a value"},
      {TEXT("[1] # x"), 4, "unexpected text behind the value"},
      {TEXT("nul"), 0, "expected a value"},
      {TEXT("nulll"), 4, "unexpected text behind the value"},
      {TEXT("True"), 0, "expected a value"},
      {TEXT("undefined"), 0, "expected a value"});
}

static void test_json_refuses_every_beginning_of_a_text(void **state) {
  (void)state;
  static const char text[] =
      "{\"rows\":[{\"No\":\"C1\",\"x\":-1.5e-3,\"t\":true,\"u\":"
      "\"\\ud83d\\ude00\xc3\xa9\",\"n\":null}]}";
  for (size_t n = 0; n < sizeof text - 1; n++) {
    reading r = read_all((nv_str){text, n}, NV_JSON_DEPTH);
    assert_false(r.ok);
    drop(&r);
  }
  reading r = read_all((nv_str){text, sizeof text - 1}, NV_JSON_DEPTH);
  assert_true(r.ok);
  drop(&r);
}

static reading read_nested(int levels, int limit, const char *open,
                           const char *shut) {
  nv_buf b;
  nv_buf_init(&b, 1 << 20);
  for (int i = 0; i < levels; i++) nv_buf_addz(&b, open);
  nv_buf_addz(&b, "1");
  for (int i = 0; i < levels; i++) nv_buf_addz(&b, shut);
  reading r = read_all((nv_str){b.p, b.n}, limit);
  nv_buf_clear(&b);
  drop(&r);
  return r;
}

static void test_json_bounds_nesting(void **state) {
  (void)state;
  static const int limits[] = {1, 2, 63, 64, 65, 1024};
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
    assert_true(read_nested(limits[i], limits[i], "[", "]").ok);
    assert_true(read_nested(limits[i], limits[i], "{\"a\":", "}").ok);
    reading r = read_nested(limits[i] + 1, limits[i], "[", "]");
    assert_false(r.ok);
    assert_int_equal(r.at, limits[i]);
    char why[64];
    snprintf(why, sizeof why, "nested deeper than %d levels", limits[i]);
    assert_string_equal(r.why, why);
  }
  assert_false(read_nested(NV_JSON_DEPTH_MAX + 1, 1 << 20, "[", "]").ok);
  assert_true(read_nested(0, -5, "[", "]").ok); /* a senseless limit means 1 */
}

static void test_json_says_line_and_column(void **state) {
  (void)state;
  reading r =
      read_all((nv_str)TEXT("{\r\n  \"\xc3\xa9\xc3\xa9\": 1,\n  \"b\": tru\n}"), 8);
  assert_false(r.ok);
  assert_int_equal(r.line, 3);
  assert_int_equal(r.column, 8);
  drop(&r);
  r = read_all((nv_str)TEXT("[\"\xc3\xa9\xf0\x9f\x98\x80\" 1]"), 8);
  assert_int_equal(r.line, 1);
  assert_int_equal(r.column, 7);
  drop(&r);
}

/* ---- writing ------------------------------------------------------------ */

static void test_json_writes_strings_that_need_no_more_than_they_must(
    void **state) {
  (void)state;
  static const struct {
    nv_str s;
    const char *json;
  } cases[] = {
      {TEXT(""), "\"\""},
      {TEXT("abc/\x7f"), "\"abc/\x7f\""},
      {TEXT("\"\\"), "\"\\\"\\\\\""},
      {TEXT("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
      {TEXT("\0\x01\x1f"), "\"\\u0000\\u0001\\u001f\""},
      {TEXT("12345678\n12345678\""), "\"12345678\\n12345678\\\"\""},
      {TEXT("\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80"),
       "\"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80\""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nv_buf b;
    nv_buf_init(&b, 1 << 10);
    assert_int_equal(nv_json_add_string(&b, cases[i].s), NV_OK);
    assert_string_equal(b.p, cases[i].json);
    nv_buf_clear(&b);
  }
}

static uint64_t seed = 88172645463325252ull;

static uint64_t random_bits(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  return seed ^= seed << 17;
}

static void test_json_strings_come_back_as_they_went(void **state) {
  (void)state;
  for (int round = 0; round < 20000; round++) {
    char text[40], back[240];
    size_t n = random_bits() % sizeof text;
    for (size_t i = 0; i < n; i++) text[i] = (char)(random_bits() % 128);
    nv_buf b;
    nv_buf_init(&b, 1 << 10);
    nv_buf_addz(&b, "#");
    assert_int_equal(nv_json_add_string(&b, (nv_str){text, n}), NV_OK);
    assert_true(b.n < sizeof back && strlen(b.p) == b.n);
    nv_json_reader r;
    nv_json_open(&r, (nv_str){b.p + 1, b.n - 1}, 1);
    assert_int_equal(nv_json_next(&r), NV_JSON_STRING);
    assert_int_equal(nv_json_unescape(r.text, back), n);
    assert_memory_equal(back, text, n);
    assert_int_equal(nv_json_next(&r), NV_JSON_END);
    nv_buf_clear(&b);
  }
}

static void test_json_writes_keys_with_what_stands_around_them(void **state) {
  (void)state;
  nv_buf b;
  nv_buf_init(&b, 1 << 10);
  assert_int_equal(nv_json_add_key(&b, true, nv_str_of("a")), NV_OK);
  assert_int_equal(nv_json_add_integer(&b, 1), NV_OK);
  assert_int_equal(nv_json_add_key(&b, false, nv_str_of("b\"")), NV_OK);
  assert_string_equal(b.p, "{\"a\":1,\"b\\\"\":");
  assert_int_equal(nv_json_add_key(&b, false, nv_str_of("\xff")), NV_ESYNTAX);
  nv_buf_clear(&b);
}

static void test_json_respects_the_limit_of_the_buffer(void **state) {
  (void)state;
  for (size_t max = 0; max < 12; max++) {
    nv_buf b;
    nv_buf_init(&b, max);
    int rc = nv_json_add_string(&b, nv_str_of("ab\ncd\x01")); /* 14 bytes */
    assert_int_equal(rc, NV_ETOOLARGE);
    assert_true(b.n <= max);
    nv_buf_clear(&b);
  }
}

static void test_json_writes_every_integer(void **state) {
  (void)state;
  static const int64_t cases[] = {
      0, 1, -1, 9, 10, -10, INT64_MAX, INT64_MIN, 1000000000000000000};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    nv_buf b;
    char want[32];
    nv_buf_init(&b, 64);
    assert_int_equal(nv_json_add_integer(&b, cases[i]), NV_OK);
    snprintf(want, sizeof want, "%lld", (long long)cases[i]);
    assert_string_equal(b.p, want);
    nv_buf_clear(&b);
  }
}

static void expect_double(double x, const char *want) {
  nv_buf b;
  nv_buf_init(&b, 64);
  assert_int_equal(nv_json_add_double(&b, x), NV_OK);
  if (want) assert_string_equal(b.p, want);
  assert_true(strtod(b.p, NULL) == x);
  nv_json_reader r;
  nv_json_open(&r, (nv_str){b.p, b.n}, 1);
  assert_int_equal(nv_json_next(&r), NV_JSON_NUMBER);
  assert_false(r.integer);
  assert_int_equal(nv_json_next(&r), NV_JSON_END);
  nv_buf_clear(&b);
}

static void test_json_writes_doubles_short_and_exact(void **state) {
  (void)state;
  expect_double(0.1, "0.1");
  expect_double(9.95, "9.95");
  expect_double(2.0, "2.0");
  expect_double(-0.0, "-0.0");
  expect_double(1234567890123.45, "1234567890123.45");
  expect_double(9007199254740993.0, "9007199254740992.0");
  expect_double(1.0 / 3, "0.3333333333333333");
  expect_double(0.1 + 0.2, "0.30000000000000004");
  expect_double(1e300, "1e+300");
  expect_double(5e-324, "5e-324");
  expect_double(1.7976931348623157e308, "1.7976931348623157e+308");
  for (int i = 0; i < 50000; i++) {
    uint64_t bits = random_bits();
    double x;
    memcpy(&x, &bits, sizeof x);
    if (isfinite(x)) expect_double(x, NULL);
  }
}

static void test_json_has_no_form_for_nan_and_infinity(void **state) {
  (void)state;
  nv_buf b;
  nv_buf_init(&b, 64);
  assert_int_equal(nv_json_add_double(&b, NAN), NV_EINVALID);
  assert_int_equal(nv_json_add_double(&b, INFINITY), NV_EINVALID);
  assert_int_equal(nv_json_add_double(&b, -INFINITY), NV_EINVALID);
  assert_int_equal(b.n, 0);
  nv_buf_clear(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_json_accepts_any_value_at_the_top),
      cmocka_unit_test(test_json_accepts_every_form_of_number_as_its_text),
      cmocka_unit_test(test_json_refuses_numbers_outside_the_grammar),
      cmocka_unit_test(test_json_reads_every_escape),
      cmocka_unit_test(test_json_refuses_lone_surrogates),
      cmocka_unit_test(test_json_refuses_strings_outside_the_grammar),
      cmocka_unit_test(test_json_refuses_what_is_not_utf8),
      cmocka_unit_test(test_json_agrees_with_utf8proc_on_every_border),
      cmocka_unit_test(test_json_accepts_white_space_between_tokens_only),
      cmocka_unit_test(test_json_hands_over_structure_as_events),
      cmocka_unit_test(test_json_refuses_broken_structure),
      cmocka_unit_test(test_json_refuses_every_beginning_of_a_text),
      cmocka_unit_test(test_json_bounds_nesting),
      cmocka_unit_test(test_json_says_line_and_column),
      cmocka_unit_test(test_json_writes_strings_that_need_no_more_than_they_must),
      cmocka_unit_test(test_json_strings_come_back_as_they_went),
      cmocka_unit_test(test_json_writes_keys_with_what_stands_around_them),
      cmocka_unit_test(test_json_respects_the_limit_of_the_buffer),
      cmocka_unit_test(test_json_writes_every_integer),
      cmocka_unit_test(test_json_writes_doubles_short_and_exact),
      cmocka_unit_test(test_json_has_no_form_for_nan_and_infinity),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
