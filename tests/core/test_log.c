/* The log: both forms, what is made harmless, and that no secret passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "secret.h"

typedef struct world {
  nv_env env;
  nv_log *log;
  int lines, level;
  char line[70 * 1024];
} world;

static void keep_line(int level, const char *line, size_t n, void *arg) {
  world *w = arg;
  w->lines++;
  w->level = level;
  assert_true(n < sizeof w->line);
  memcpy(w->line, line, n);
  w->line[n] = 0;
}

static world *open_world(int mode) {
  world *w = calloc(1, sizeof *w);
  nv_env_init_simulated(&w->env, 1, 1795500679123456); /* 2026-11-24T06:11:19.123456Z */
  w->log = nv_log_open(&w->env, mode, NV_LOG_INFO);
  assert_non_null(w->log);
  nv_log_set_hook(w->log, keep_line, w);
  return w;
}

static void close_world(world *w) {
  nv_log_close(w->log);
  free(w);
}

static nv_log_field text_field(const char *name, const char *value) {
  return (nv_log_field){.name = name, .kind = NV_FIELD_TEXT, .text = nv_str_of(value)};
}

static void test_a_json_line_has_time_level_text_and_fields_in_order(void **state) {
  (void)state;
  world *w = open_world(NV_LOG_JSON);
  nv_log_field fields[] = {text_field("flow", "customer"),
                           {.name = "rows", .kind = NV_FIELD_INTEGER, .integer = -12},
                           {.name = "dry", .kind = NV_FIELD_BOOLEAN, .integer = 1},
                           {.name = "load", .kind = NV_FIELD_NUMBER, .text = nv_str_of("0.5")}};
  nv_log_write(w->log, NV_LOG_WARN, "batch \"sent\"", fields, 4);
  assert_string_equal(w->line,
                      "{\"time\":\"2026-11-24T06:11:19.123Z\",\"level\":\"warn\","
                      "\"text\":\"batch \\\"sent\\\"\",\"flow\":\"customer\",\"rows\":-12,"
                      "\"dry\":true,\"load\":0.5}");
  assert_int_equal(w->level, NV_LOG_WARN);
  close_world(w);
}

static void test_a_text_line_reads_like_a_sentence(void **state) {
  (void)state;
  world *w = open_world(NV_LOG_TEXT);
  nv_log_field fields[] = {text_field("flow", "customer"), text_field("why", "not yet"),
                           text_field("empty", "")};
  nv_log_write(w->log, NV_LOG_INFO, "batch sent", fields, 3);
  assert_string_equal(w->line, "2026-11-24T06:11:19.123Z INFO  batch sent  flow=customer  "
                               "why=\"not yet\"  empty=\"\"");
  close_world(w);
}

static void test_lines_below_the_level_are_not_written(void **state) {
  (void)state;
  world *w = open_world(NV_LOG_JSON);
  nv_log_write(w->log, NV_LOG_DEBUG, "x", NULL, 0);
  assert_int_equal(w->lines, 0);
  assert_false(nv_log_wants(w->log, NV_LOG_DEBUG));
  assert_true(nv_log_wants(w->log, NV_LOG_ERROR));
  assert_false(nv_log_wants(NULL, NV_LOG_ERROR));
  nv_log_write(NULL, NV_LOG_ERROR, "x", NULL, 0);
  nv_log_close(NULL);
  close_world(w);
}

static void test_level_names_go_both_ways(void **state) {
  (void)state;
  for (int i = NV_LOG_DEBUG; i <= NV_LOG_ERROR; i++)
    assert_int_equal(nv_log_level_of(nv_log_level_name(i)), i);
  assert_int_equal(nv_log_level_of("loud"), -1);
}

static void test_control_characters_cannot_reach_a_terminal(void **state) {
  (void)state;
  for (int mode = NV_LOG_JSON; mode <= NV_LOG_TEXT; mode++) {
    world *w = open_world(mode);
    char all[512] = "", *p = all;
    for (int c = 1; c < 0x20; c++) *p++ = (char)c;
    p = stpcpy(p, "\x7f\xc2\x9b\xe2\x80\xae" "end");
    nv_log_field f[] = {text_field(all, all)};
    nv_log_write(w->log, NV_LOG_ERROR, all, f, 1);
    for (const unsigned char *q = (unsigned char *)w->line; *q; q++)
      assert_true(*q >= ' ' && *q != 0x7f);
    assert_null(strstr(w->line, "\xc2\x9b"));
    assert_null(strstr(w->line, "\xe2\x80\xae"));
    assert_non_null(strstr(w->line, "\\u001b"));
    close_world(w);
  }
}

static void test_broken_utf8_becomes_the_replacement_character(void **state) {
  (void)state;
  world *w = open_world(NV_LOG_TEXT);
  nv_log_write(w->log, NV_LOG_INFO, "a\xff" "b\xc0\xaf" "c\xed\xa0\x80" "d\xf4\x90\x80\x80" "e\xc3",
               NULL, 0);
  assert_non_null(strstr(w->line, "a\xef\xbf\xbd" "b\xef\xbf\xbd\xef\xbf\xbd" "c"));
  assert_non_null(strstr(w->line, "e\xef\xbf\xbd"));
  nv_log_write(w->log, NV_LOG_INFO, "\xc3\xa6\xe2\x82\xac\xf0\x9f\x98\x80", NULL, 0);
  assert_non_null(strstr(w->line, "\xc3\xa6\xe2\x82\xac\xf0\x9f\x98\x80"));
  close_world(w);
}

static void test_a_field_cannot_pose_as_the_head_of_the_line(void **state) {
  (void)state;
  world *w = open_world(NV_LOG_JSON);
  nv_log_field fields[] = {text_field("level", "fake"), text_field("text", "fake")};
  nv_log_write(w->log, NV_LOG_ERROR, "real", fields, 2);
  assert_non_null(strstr(w->line, "\"level\":\"error\",\"text\":\"real\""));
  assert_non_null(strstr(w->line, "\"level_\":\"fake\",\"text_\":\"fake\""));
  close_world(w);
}

static void test_long_values_are_cut_and_the_line_stays_whole(void **state) {
  (void)state;
  world *w = open_world(NV_LOG_JSON);
  char *longest = malloc(100001);
  memset(longest, '\x01', 100000); /* six bytes each when escaped */
  longest[100000] = 0;
  nv_log_field fields[] = {text_field("a", longest), text_field("b", "kept"),
                           text_field("c", longest)};
  nv_log_write(w->log, NV_LOG_INFO, "t", fields, 3);
  size_t n = strlen(w->line);
  assert_true(n < 64 * 1024);
  assert_non_null(strstr(w->line, "...\""));
  assert_non_null(strstr(w->line, "\"b\":\"kept\""));
  assert_null(strstr(w->line, "\"c\""));
  assert_string_equal(w->line + n - 12, ",\"cut\":true}");
  assert_int_equal(nv_log_dropped(w->log), 0);
  free(longest);
  close_world(w);
}

static void test_no_secret_passes_in_text_names_or_values(void **state) {
  (void)state;
  for (int mode = NV_LOG_JSON; mode <= NV_LOG_TEXT; mode++) {
    world *w = open_world(mode);
    nv_secrets *secrets = nv_secrets_new(&w->env);
    assert_int_equal(nv_secrets_put(secrets, "test-pw", nv_str_of("pa\"ss\\word"), NULL),
                     NV_OK);
    nv_log_set_secrets(w->log, secrets);
    nv_log_field fields[] = {text_field("v", "x pa\"ss\\word y"), text_field("pa\"ss\\word", "z"),
                             text_field("j", "{\"p\":\"pa\\\"ss\\\\word\"}")};
    nv_log_write(w->log, NV_LOG_ERROR, "login with pa\"ss\\word failed", fields, 3);
    assert_null(strstr(w->line, "word"));
    assert_non_null(strstr(w->line, "login with *** failed"));
    nv_log_set_secrets(w->log, NULL);
    nv_secrets_free(secrets);
    close_world(w);
  }
}

static void test_a_secret_is_scrubbed_before_a_long_text_is_cut(void **state) {
  (void)state;
  world *w = open_world(NV_LOG_JSON);
  nv_secrets *secrets = nv_secrets_new(&w->env);
  nv_secrets_put(secrets, "test-pw", nv_str_of("topsecretvalue"), NULL);
  nv_log_set_secrets(w->log, secrets);
  for (size_t before = 8170; before < 8200; before++) {
    char text[8300];
    memset(text, '.', before);
    strcpy(text + before, "topsecretvalue");
    nv_log_write(w->log, NV_LOG_INFO, text, NULL, 0);
    assert_null(strstr(w->line, "tops"));
  }
  nv_secrets_free(secrets);
  close_world(w);
}

static void test_a_line_is_one_write_and_a_failed_one_is_counted(void **state) {
  (void)state;
  world *w = open_world(NV_LOG_AUTO);
  int pipes[2], saved = dup(STDERR_FILENO);
  assert_int_equal(pipe2(pipes, O_NONBLOCK | O_DIRECT), 0); /* a read is one write */
  fflush(stderr);
  dup2(pipes[1], STDERR_FILENO);
  nv_log_close(w->log);
  w->log = nv_log_open(&w->env, NV_LOG_AUTO, NV_LOG_INFO); /* a pipe: JSON lines */
  nv_log_write(w->log, NV_LOG_INFO, "one", NULL, 0);
  nv_log_write(w->log, NV_LOG_INFO, "two", NULL, 0);
  char got[4096];
  ssize_t n = read(pipes[0], got, sizeof got);
  int written = 0;
  while (nv_log_dropped(w->log) == 0 && written++ < 100000)
    nv_log_write(w->log, NV_LOG_INFO, "fills the pipe", NULL, 0);
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(pipes[0]);
  close(pipes[1]);
  assert_true(n > 0 && got[0] == '{' && got[n - 1] == '\n');
  assert_ptr_equal(memchr(got, '\n', (size_t)n), got + n - 1);
  assert_int_equal(nv_log_dropped(w->log), 1);
  close_world(w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_a_json_line_has_time_level_text_and_fields_in_order),
      cmocka_unit_test(test_a_text_line_reads_like_a_sentence),
      cmocka_unit_test(test_lines_below_the_level_are_not_written),
      cmocka_unit_test(test_level_names_go_both_ways),
      cmocka_unit_test(test_control_characters_cannot_reach_a_terminal),
      cmocka_unit_test(test_broken_utf8_becomes_the_replacement_character),
      cmocka_unit_test(test_a_field_cannot_pose_as_the_head_of_the_line),
      cmocka_unit_test(test_long_values_are_cut_and_the_line_stays_whole),
      cmocka_unit_test(test_no_secret_passes_in_text_names_or_values),
      cmocka_unit_test(test_a_secret_is_scrubbed_before_a_long_text_is_cut),
      cmocka_unit_test(test_a_line_is_one_write_and_a_failed_one_is_counted),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
