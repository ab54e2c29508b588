/* Secrets: where values come from, tokens, what is put in and taken out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "secret.h"

static nv_env env;
static nv_secrets *secrets;
static char folder[64];

static int set_up(void **state) {
  (void)state;
  nv_env_init_simulated(&env, 1, 0);
  secrets = nv_secrets_new(&env);
  snprintf(folder, sizeof folder, "/tmp/nv_secret_XXXXXX");
  unsetenv("NAVODOO_TEST_PW");
  unsetenv("TEST_PW");
  unsetenv("TEST_PW_FILE");
  unsetenv("CREDENTIALS_DIRECTORY");
  return secrets && mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state) {
  char command[128];
  (void)state;
  nv_secrets_free(secrets);
  snprintf(command, sizeof command, "rm -r '%s'", folder);
  return system(command);
}

static const char *write_file(const char *name, const char *text) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "w");
  fputs(text, f);
  fclose(f);
  chmod(path, 0600);
  return path;
}

/* What a token stands for, after nv_secrets_get. */
static void assert_value(const char *name, const char *value) {
  const char *token;
  nv_error err = {0};
  nv_buf b;
  nv_buf_init(&b, 1 << 20);
  if (nv_secrets_get(secrets, name, &token, &err) != NV_OK) fail_msg("%s", err.text);
  assert_int_equal(nv_secrets_expand(secrets, token, strlen(token), false, &b), NV_OK);
  assert_string_equal(b.p, value);
  nv_buf_clear(&b);
}

static int get(const char *name, nv_error *err) {
  const char *token;
  int rc = nv_secrets_get(secrets, name, &token, err);
  if (rc != NV_OK) assert_null(token);
  return rc;
}

static void test_values_come_from_the_nearest_place(void **state) {
  (void)state;
  nv_error err;
  assert_int_equal(get("test-pw", &err), NV_ENOTFOUND);
  assert_non_null(strstr(err.text, "test-pw"));
  assert_int_equal(nv_secrets_define(secrets, "test-pw", nv_str_of("default"), NULL), NV_OK);
  assert_value("test-pw", "default");
  setenv("CREDENTIALS_DIRECTORY", folder, 1);
  write_file("TEST_PW", "upper credential");
  assert_value("test-pw", "upper credential");
  write_file("test-pw", "credential\n");
  assert_value("test-pw", "credential");
  setenv("TEST_PW_FILE", write_file("pw", "from file\r\n"), 1);
  assert_value("test-pw", "from file");
  setenv("TEST_PW", "plain variable", 1);
  assert_value("test-pw", "plain variable");
  setenv("NAVODOO_TEST_PW", "own variable", 1);
  assert_value("test-pw", "own variable");
  setenv("NAVODOO_TEST_PW", "", 1); /* empty is not set */
  assert_value("test-pw", "plain variable");
}

static void test_a_file_keeps_all_but_one_newline(void **state) {
  (void)state;
  setenv("TEST_PW_FILE", write_file("pw", " two lines\nand a blank \n\n"), 1);
  assert_value("test-pw", " two lines\nand a blank \n");
}

static void test_a_bad_file_is_an_error_and_keeps_the_old_value(void **state) {
  (void)state;
  nv_error err;
  char big[70000];
  memset(big, 'x', sizeof big - 1);
  big[sizeof big - 1] = 0;
  setenv("TEST_PW_FILE", write_file("pw", "good"), 1);
  assert_value("test-pw", "good");
  const char *token = nv_secrets_token(secrets, "test-pw");
  write_file("pw", "\n");
  assert_int_equal(get("test-pw", &err), NV_EINVALID);
  write_file("pw", big);
  assert_int_equal(get("test-pw", &err), NV_EINVALID);
  assert_null(strstr(err.text, "xxxx"));
  setenv("TEST_PW_FILE", "/no/such/file", 1);
  assert_int_equal(get("test-pw", &err), NV_EIO); /* it was asked for, so no default */
  nv_buf b;
  nv_buf_init(&b, 100);
  assert_int_equal(nv_secrets_expand(secrets, token, strlen(token), false, &b), NV_OK);
  assert_string_equal(b.p, "good");
  nv_buf_clear(&b);
}

static void test_names_cannot_leave_the_credentials_folder(void **state) {
  (void)state;
  static const char *const names[] = {"", "../x", ".x", "a/b", "a b", "a=b", "é",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    assert_int_equal(get(names[i], NULL), NV_EINVALID);
}

static void test_a_token_is_random_stable_and_says_nothing(void **state) {
  (void)state;
  const char *a, *b, *again;
  nv_secrets_define(secrets, "a", nv_str_of("value-a"), NULL);
  nv_secrets_define(secrets, "b", nv_str_of("value-b"), NULL);
  assert_int_equal(nv_secrets_get(secrets, "a", &a, NULL), NV_OK);
  assert_int_equal(nv_secrets_get(secrets, "b", &b, NULL), NV_OK);
  assert_int_equal(strlen(a), NV_SECRET_TOKEN);
  assert_memory_equal(a, NV_SECRET_MARK, 6);
  assert_string_not_equal(a, b);
  nv_secrets_define(secrets, "a", nv_str_of("a new and longer value"), NULL);
  assert_int_equal(nv_secrets_get(secrets, "a", &again, NULL), NV_OK);
  assert_ptr_equal(a, again);
  assert_ptr_equal(nv_secrets_token(secrets, "a"), a);
  assert_null(nv_secrets_token(secrets, "c"));
}

static void test_expand_replaces_tokens_and_nothing_else(void **state) {
  (void)state;
  nv_secrets_define(secrets, "a", nv_str_of("p\"w\\\n\x01"), NULL);
  const char *token = nv_secrets_token(secrets, "a");
  char in[512];
  nv_buf b;
  nv_buf_init(&b, 4096);
  snprintf(in, sizeof in, "<%s|%s%s|nvsec:|nvsec:00000000000000000000000000000000:>%.38s", token,
           token, token, token);
  assert_true(nv_secrets_marked(nv_str_of(in)));
  assert_int_equal(nv_secrets_expand(secrets, in, strlen(in), false, &b), NV_OK);
  char want[512];
  snprintf(want, sizeof want,
           "<p\"w\\\n\x01|p\"w\\\n\x01p\"w\\\n\x01|nvsec:|"
           "nvsec:00000000000000000000000000000000:>%.38s", token);
  assert_string_equal(b.p, want);
  b.n = 0;
  snprintf(in, sizeof in, "{\"x\":\"%s\"}", token);
  assert_int_equal(nv_secrets_expand(secrets, in, strlen(in), true, &b), NV_OK);
  assert_string_equal(b.p, "{\"x\":\"p\\\"w\\\\\\n\\u0001\"}");
  nv_buf_clear(&b);
  assert_false(nv_secrets_marked(nv_str_of("nothing here at all, but quite long for a text")));
}

static void test_expand_respects_the_buffer(void **state) {
  (void)state;
  nv_secrets_define(secrets, "a", nv_str_of("0123456789012345678901234567890123456789xx"), NULL);
  const char *token = nv_secrets_token(secrets, "a");
  nv_buf b;
  nv_buf_init(&b, 40);
  assert_int_equal(nv_secrets_expand(secrets, token, strlen(token), false, &b), NV_ETOOLARGE);
  nv_buf_clear(&b);
}

static void test_a_form_gets_the_value_percent_encoded(void **state) {
  (void)state;
  nv_secrets_define(secrets, "a", nv_str_of("p&w=+ \xc3\xa9~"), NULL);
  const char *token = nv_secrets_token(secrets, "a");
  nv_buf b;
  nv_buf_init(&b, 4096);
  assert_int_equal(nv_secrets_expand(secrets, token, strlen(token), NV_SECRET_FORM, &b), NV_OK);
  assert_string_equal(b.p, "p%26w%3D%2B%20%C3%A9~");
  nv_buf_clear(&b);
}

static void test_a_file_that_everybody_can_read_is_refused(void **state) {
  (void)state;
  nv_error err;
  const char *path = write_file("pw", "open");
  chmod(path, 0644);
  setenv("TEST_PW_FILE", path, 1);
  assert_int_equal(get("test-pw", &err), NV_EINVALID);
  assert_non_null(strstr(err.text, "chmod o= "));
  assert_null(strstr(err.text, " open"));
  chmod(path, 0640);
  assert_value("test-pw", "open");
}

static void test_a_folder_of_secrets_goes_before_systemd(void **state) {
  (void)state;
  char own[96];
  snprintf(own, sizeof own, "%s/own", folder);
  mkdir(own, 0700);
  setenv("CREDENTIALS_DIRECTORY", folder, 1);
  write_file("test-pw", "credential");
  setenv("NAVODOO_SECRETS", own, 1);
  assert_value("test-pw", "credential");
  write_file("own/TEST_PW", "own folder");
  assert_value("test-pw", "own folder");
  unsetenv("NAVODOO_SECRETS");
}

static void test_the_version_grows_with_each_new_value(void **state) {
  (void)state;
  assert_int_equal(nv_secrets_version(secrets, "a"), 0);
  nv_secrets_put(secrets, "a", nv_str_of("one"), NULL);
  nv_secrets_put(secrets, "a", nv_str_of("one"), NULL);
  assert_int_equal(nv_secrets_version(secrets, "a"), 1);
  nv_secrets_put(secrets, "a", nv_str_of("two"), NULL);
  assert_int_equal(nv_secrets_version(secrets, "a"), 2);
}

static void assert_scrubbed(const char *in, const char *want) {
  nv_buf b;
  nv_buf_init(&b, 4096);
  assert_int_equal(nv_secrets_scrub(secrets, in, strlen(in), &b), NV_OK);
  assert_string_equal(b.p, want);
  nv_buf_clear(&b);
}

static void put(const char *name, const char *value) {
  assert_int_equal(nv_secrets_put(secrets, name, nv_str_of(value), NULL), NV_OK);
}

static void test_scrub_hides_every_value_the_longest_first(void **state) {
  (void)state;
  put("short", "abc");
  put("inner", "hunter22");
  put("outer", "hunter22-hunter");
  put("quoted", "pa\"ss");
  assert_scrubbed("", "");
  assert_scrubbed("abc is too short to hide", "abc is too short to hide");
  assert_scrubbed("hunter22-hunter", "***");
  assert_scrubbed("xhunter22x hunter22hunter22-hunterhunter22", "x***x *********");
  assert_scrubbed("text pa\"ss json pa\\\"ss end", "text *** json *** end");
}

static void test_a_short_value_is_hidden_where_it_stands_alone(void **state) {
  (void)state;
  put("short", "nav14");
  assert_scrubbed("nav14 nav140 xnav14 (nav14) nav141nav14 nav14", "*** nav140 xnav14 (***) nav141nav14 ***");
}

static void test_scrub_knows_encoded_forms(void **state) {
  (void)state;
  put("a", "S3cret&value/9");
  assert_scrubbed("q=S3cret%26value%2F9&x", "q=***&x");
  assert_scrubbed("Basic dTpTM2NyZXQmdmFsdWUvOQ==", "Basic dTp***Q=="); /* u:S3cret&value/9 */
  assert_scrubbed("Basic dXU6UzNjcmV0JnZhbHVlLzk=", "Basic dXU6***k="); /* uu:... */
  assert_scrubbed("Basic OlMzY3JldCZ2YWx1ZS85", "Basic Ol***"); /* :... */
}

static void test_a_default_is_no_secret(void **state) {
  (void)state;
  nv_secrets_define(secrets, "a", nv_str_of("sandbox-default"), NULL);
  assert_scrubbed("the sandbox-default answers", "the sandbox-default answers");
  setenv("TEST_PW", "a-real-password", 1);
  nv_secrets_define(secrets, "test-pw", nv_str_of("sandbox-default"), NULL);
  assert_value("test-pw", "a-real-password");
  assert_scrubbed("a-real-password sandbox-default", "*** sandbox-default");
}

static void test_a_replaced_value_is_scrubbed_too(void **state) {
  (void)state;
  put("a", "first-value");
  put("a", "second-value");
  assert_scrubbed("second-value first-value", "*** ***");
}

static void test_a_derived_value_is_its_own_secret(void **state) {
  (void)state;
  nv_error err = {0};
  const char *one, *two, *again;
  nv_secrets_define(secrets, "HOOK", nv_str_of("master value"), NULL);
  const char *from = nv_secrets_token(secrets, "HOOK");
  assert_int_equal(nv_secrets_derive(secrets, from, "partner", &one, &err), NV_OK);
  assert_int_equal(nv_secrets_derive(secrets, from, "order", &two, &err), NV_OK);
  assert_string_not_equal(one, two);
  /* echo -n partner | openssl dgst -sha256 -hmac "master value" */
  nv_str value = nv_str_of("b51de91f321c46ec5a1c598141bcbf37");
  assert_true(nv_secrets_matches(secrets, one, value));
  assert_false(nv_secrets_matches(secrets, two, value));
  assert_false(nv_secrets_matches(secrets, one, (nv_str){value.p, value.n - 1}));
  assert_false(nv_secrets_matches(secrets, one, nv_str_of("")));
  assert_false(nv_secrets_matches(secrets, "nvsec:", value));
  assert_scrubbed("POST /hooks/partner/b51de91f321c46ec5a1c598141bcbf37", "POST /hooks/partner/***");
  nv_secrets_define(secrets, "HOOK", nv_str_of("another value"), NULL);
  assert_int_equal(nv_secrets_derive(secrets, from, "partner", &again, &err), NV_OK);
  assert_string_equal(again, one);
  assert_false(nv_secrets_matches(secrets, one, value));
}

static void test_nothing_is_derived_from_nothing(void **state) {
  (void)state;
  nv_error err = {0};
  const char *out;
  assert_int_equal(nv_secrets_derive(secrets, "no token", "x", &out, &err), NV_ENOTFOUND);
  nv_secrets_define(secrets, "HOOK", nv_str_of("master value"), NULL);
  assert_int_equal(nv_secrets_derive(secrets, nv_secrets_token(secrets, "HOOK"), "a/b", &out, &err),
                   NV_EINVALID);
  assert_null(out);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(test_values_come_from_the_nearest_place),
      T(test_a_file_keeps_all_but_one_newline),
      T(test_a_bad_file_is_an_error_and_keeps_the_old_value),
      T(test_names_cannot_leave_the_credentials_folder),
      T(test_a_token_is_random_stable_and_says_nothing),
      T(test_expand_replaces_tokens_and_nothing_else),
      T(test_expand_respects_the_buffer),
      T(test_a_form_gets_the_value_percent_encoded),
      T(test_a_file_that_everybody_can_read_is_refused),
      T(test_a_folder_of_secrets_goes_before_systemd),
      T(test_the_version_grows_with_each_new_value),
      T(test_scrub_hides_every_value_the_longest_first),
      T(test_a_derived_value_is_its_own_secret),
      T(test_nothing_is_derived_from_nothing),
      T(test_a_short_value_is_hidden_where_it_stands_alone),
      T(test_scrub_knows_encoded_forms),
      T(test_a_default_is_no_secret),
      T(test_a_replaced_value_is_scrubbed_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
