/* Records out of a page: what becomes of every kind, and what is refused. Texts are read from
 * blocks of exactly their size, so that a sanitizer sees one byte too far. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records.h"

static const nv_column columns[] = {
    {.name = {"No", 2}},
    {.name = {"Amount", 6}, .kind = NV_KIND_DECIMAL},
    {.name = {"Count", 5}, .kind = NV_KIND_INTEGER},
    {.name = {"Open", 4}, .kind = NV_KIND_BOOLEAN},
    {.name = {"Day", 3}, .kind = NV_KIND_DATE},
    {.name = {"At", 2}, .kind = NV_KIND_DATETIME},
    {.name = {"Write", 5}, .kind = NV_KIND_NAIVE},
    {.name = {"Country", 7}, .kind = NV_KIND_LINK},
    {.name = {"@tag", 4}, .aside = true},
};

typedef struct reading {
  int code;
  nv_error err;
  size_t count;
  char text[512]; /* of all records, with ; between them */
  char tag[64], beside[64];
} reading;

static void put(char *out, size_t room, nv_str s) {
  snprintf(out + strlen(out), room - strlen(out), "%.*s", (int)s.n, s.p ? s.p : "");
}

static reading read_from(const char *list, bool lenient, bool one, const char *text) {
  reading out = {0};
  nv_records r;
  nv_plan *plan = nv_plan_new(columns, sizeof columns / sizeof *columns, nv_str_of(list),
                              nv_str_of("next"), nv_str_of("0001-01-01"), lenient);
  assert_non_null(plan);
  char *exact = malloc(strlen(text) + 1);
  memcpy(exact, text, strlen(text));
  nv_str s = {exact, strlen(text)};
  nv_records_init(&r, plan, 1 << 20);
  out.code = one ? nv_records_read_one(&r, s, &out.err) : nv_records_read(&r, s, &out.err);
  out.count = r.count;
  for (size_t i = 0; out.code == NV_OK && i < r.count; i++) {
    if (i) put(out.text, sizeof out.text, nv_str_of(";"));
    put(out.text, sizeof out.text, nv_records_text(&r, i));
    put(out.tag, sizeof out.tag, nv_records_cell(&r, i, nv_plan_find(plan, nv_str_of("@tag"))));
  }
  put(out.beside, sizeof out.beside, r.beside);
  nv_records_clear(&r);
  nv_plan_free(plan);
  free(exact);
  return out;
}

static void gives(bool lenient, const char *value_text, const char *expected) {
  char text[512];
  snprintf(text, sizeof text, "{%s}", value_text);
  reading r = read_from("", lenient, true, text);
  if (r.code != NV_OK) fail_msg("%s: %s", text, r.err.text);
  char whole[512];
  snprintf(whole, sizeof whole, "{%s}", expected);
  assert_string_equal(r.text, whole);
}

static void refuses(const char *value_text, const char *words) {
  char text[512];
  snprintf(text, sizeof text, "{\"value\":[{},{%s}]}", value_text);
  reading r = read_from("value", false, false, text);
  assert_int_equal(r.code, NV_EINVALID);
  assert_string_equal(r.err.text, words);
  assert_string_equal(r.err.where, "2");
}

static void test_a_page_gives_its_records_in_canonical_form(void **state) {
  (void)state;
  reading r = read_from("value", false, false,
                        " { \"x\" : [ { \"No\": [[]] } ], \"value\" : [ {\"@tag\":\"W/1\", \"No\" : "
                        "\"B\", \"Amount\": 1.50, \"other\": {\"No\":[1]} }, {\"Amount\":2,\"No\":\"A\"} ]"
                        ", \"next\": \"a\\/b\" } ");
  assert_int_equal(r.code, NV_OK);
  assert_string_equal(r.text, "{\"Amount\":1.5,\"No\":\"B\"};{\"Amount\":2,\"No\":\"A\"}");
  assert_string_equal(r.tag, "\"W/1\"");
  assert_string_equal(r.beside, "\"a\\/b\"");
}

static void test_the_list_may_be_the_text(void **state) {
  (void)state;
  assert_string_equal(read_from("", false, false, "[{\"No\":1},{}]").text, "{\"No\":1};{}");
  assert_int_equal(read_from("", false, false, "[]").count, 0);
}

static void test_values_keep_what_they_say(void **state) {
  (void)state;
  gives(false, "\"No\":\"\\u00e4\\\"\\/\\n\"", "\"No\":\"\xc3\xa4\\\"/\\n\"");
  gives(false, "\"No\":null", "\"No\":null");
  gives(false, "\"No\":true", "\"No\":true");
  gives(false, "\"No\":[ 1.0, \"a\\u0062\", null,false ]", "\"No\":[1,\"ab\",null,false]");
  gives(false, "\"No\":-0", "\"No\":0");
  gives(false, "\"No\":12345678901234567890.10", "\"No\":12345678901234567890.1");
  gives(false, "\"No\":1e3", "\"No\":1000");
  gives(false, "\"\\u004eo\":1", "\"No\":1");           /* an escaped key is that key */
  gives(false, "\"No\":1,\"No\":2", "\"No\":2");        /* as json.decode: the last */
  gives(false, "\"Amount\":1000.00", "\"Amount\":1000");
  gives(false, "\"Amount\":0.000", "\"Amount\":0");
  gives(false, "\"Amount\":-2.50", "\"Amount\":-2.5");
  gives(false, "\"Amount\":\"7.10\"", "\"Amount\":7.1");
  gives(false, "\"Count\":\"12\"", "\"Count\":12");
  gives(false, "\"Count\":-9223372036854775808", "\"Count\":-9223372036854775808");
  gives(false, "\"Open\":false", "\"Open\":false");
  gives(false, "\"Day\":\"2026-02-03T00:00:00\"", "\"Day\":\"2026-02-03\"");
  gives(false, "\"Day\":\"0001-01-01\"", "\"Day\":null");
  gives(false, "\"At\":\"0001-01-01T00:00:00Z\"", "\"At\":null");
  gives(false, "\"At\":\"2026-02-03T04:05:06.789Z\"", "\"At\":\"2026-02-03T04:05:06.789Z\"");
  gives(false, "\"At\":\"2026-02-03T04:05:06+01:00\"", "\"At\":\"2026-02-03T03:05:06Z\"");
  gives(false, "\"At\":\"2026-02-03T04:05:06\"", "\"At\":\"2026-02-03T04:05:06Z\"");
  gives(false, "\"At\":\"2026-02-03T04:05:06.73\"", "\"At\":\"2026-02-03T04:05:06.73Z\"");
  gives(false, "\"At\":\"0001-01-01T00:00:00\"", "\"At\":null");
}

static void test_a_lenient_plan_leaves_other_kinds_alone(void **state) {
  (void)state;
  gives(true, "\"Write\":\"2026-02-03 04:05:06\"", "\"Write\":\"2026-02-03T04:05:06Z\"");
  gives(true, "\"Write\":false", "\"Write\":false");
  gives(true, "\"Country\":[7,\"Austria\"]", "\"Country\":7");
  gives(true, "\"Country\":[]", "\"Country\":false");
  gives(true, "\"Country\":7", "\"Country\":7");
  gives(true, "\"Amount\":false", "\"Amount\":false");
  gives(true, "\"Amount\":\"1.50\"", "\"Amount\":\"1.50\"");
  gives(true, "\"Day\":\"soon\"", "\"Day\":\"soon\"");
}

static void test_a_value_of_another_kind_is_named(void **state) {
  (void)state;
  refuses("\"Amount\":\"x\"", "Amount is x, which is no decimal");
  refuses("\"Amount\":true", "Amount is true, which is no decimal");
  refuses("\"Amount\":1e99", "Amount is 1e99, which is no decimal");
  refuses("\"Count\":1.5", "Count is 1.5, which is no integer");
  refuses("\"Count\":9223372036854775808", "Count is 9223372036854775808, which is no integer");
  refuses("\"Open\":\"true\"", "Open is true, which is no boolean");
  refuses("\"Day\":\"3.2.2026\"", "Day is 3.2.2026, which is no date");
  refuses("\"At\":\"2026-13-01T00:00:00Z0\"", "At is 2026-13-01T00:00:00Z0, which is no datetime");
  refuses("\"At\":\"2026-02-03T04:05:06 \"", "At is 2026-02-03T04:05:06 , which is no datetime");
  refuses("\"No\":{\"a\":1}", "No is {\"a\":1}, which is no value");
  refuses("\"No\":[[1]]", "No is [[1]], which is no value");
}

static void test_what_is_no_list_of_records_is_refused(void **state) {
  (void)state;
  static const char *const texts[] = {
      "", "[]", "{}", "{\"value\":{}}", "{\"value\":[1]}", "{\"value\":[{}]", "{\"value\":[{}]} x",
      "{\"value\":[{}],\"value\":[{}]}", "{\"value\":[{\"No\":\"\xff\"}]}",
      "{\"value\":[{\"No\":01}]}", "{\"value\":[{\"x\":[1,}]}", "{\"value\":[{\"No\":[1,}]}",
      "{\"value\":[{\"No\":\"\\ud800\"}]}", "{\"value\":null}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    assert_int_equal(read_from("value", false, false, texts[i]).code, NV_ESYNTAX);
  nv_buf deep;
  nv_buf_init(&deep, 1000);
  nv_buf_addz(&deep, "{\"value\":[{\"x\":");
  for (int i = 0; i < 100; i++) nv_buf_addc(&deep, '[');
  assert_int_equal(read_from("value", false, false, deep.p).code, NV_ESYNTAX);
  nv_buf_clear(&deep);
}

static void test_a_list_is_bounded(void **state) {
  (void)state;
  nv_plan *plan = nv_plan_new(columns, 9, nv_str_of(""), nv_str_of(""), nv_str_of(""), false);
  nv_records r;
  nv_records_init(&r, plan, 64);
  nv_error err = {0};
  assert_int_equal(nv_records_read(&r, nv_str_of("[{\"No\":\"0123456789012345678901234567890123456789"
                                                 "01234567890123456789012345678901234\"}]"), &err),
                   NV_ETOOLARGE);
  nv_records_clear(&r);
  nv_buf many;
  nv_buf_init(&many, 4 << 20);
  nv_buf_addc(&many, '[');
  for (int i = 0; i < 500000; i++) nv_buf_addz(&many, i ? ",{}" : "{}");
  nv_buf_addc(&many, ']');
  nv_records_init(&r, plan, 64 << 20);
  assert_int_equal(nv_records_read(&r, (nv_str){many.p, many.n}, &err), NV_ETOOLARGE);
  nv_records_clear(&r);
  nv_buf_clear(&many);
  nv_plan_free(plan);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_page_gives_its_records_in_canonical_form),
      cmocka_unit_test(test_the_list_may_be_the_text),
      cmocka_unit_test(test_values_keep_what_they_say),
      cmocka_unit_test(test_a_lenient_plan_leaves_other_kinds_alone),
      cmocka_unit_test(test_a_value_of_another_kind_is_named),
      cmocka_unit_test(test_what_is_no_list_of_records_is_refused),
      cmocka_unit_test(test_a_list_is_bounded),
  };
  return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
