/* XML: the tree, what is refused, and that nothing reaches stderr or the network. */
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

#include "xml.h"

static void add_str(nv_buf *b, nv_str s) { nv_buf_add(b, s.p, s.n); }

/* Writes the tree as (name{ns} @attr=value ... "text" children). */
static void show(const nv_xml_node *n, nv_buf *b) {
  if (!n->name.p) {
    nv_buf_addc(b, '"');
    add_str(b, n->text);
    nv_buf_addc(b, '"');
    return;
  }
  nv_buf_addc(b, '(');
  add_str(b, n->name);
  if (n->ns.p) {
    nv_buf_addc(b, '{');
    add_str(b, n->ns);
    nv_buf_addc(b, '}');
  }
  for (const nv_xml_attr *a = n->attrs; a; a = a->next) {
    nv_buf_addz(b, " @");
    add_str(b, a->name);
    if (a->ns.p) {
      nv_buf_addc(b, '{');
      add_str(b, a->ns);
      nv_buf_addc(b, '}');
    }
    nv_buf_addc(b, '=');
    add_str(b, a->value);
  }
  for (const nv_xml_node *c = n->first; c; c = c->next) {
    nv_buf_addc(b, ' ');
    show(c, b);
  }
  nv_buf_addc(b, ')');
}

static void check(const char *text, const char *expected) {
  nv_xml *doc = NULL;
  nv_error err = {0};
  nv_buf b;
  nv_buf_init(&b, 1 << 20);
  if (nv_xml_parse(nv_str_of(text), &doc, &err) != NV_OK)
    fail_msg("%s: %s: %s", text, err.where, err.text);
  show(nv_xml_root(doc), &b);
  assert_string_equal(b.p, expected);
  nv_buf_clear(&b);
  nv_xml_free(doc);
}

static void refuse(nv_str text, int code, const char *where, const char *says) {
  nv_xml *doc = (nv_xml *)&doc;
  nv_error err = {0};
  int rc = nv_xml_parse(text, &doc, &err);
  if (rc != code) fail_msg("%.80s: %d", text.p, rc);
  assert_null(doc);
  if (where) assert_string_equal(err.where, where);
  if (!strstr(err.text, says)) fail_msg("%.80s: %s", text.p, err.text);
  assert_int_equal(nv_xml_parse(text, &doc, NULL), code);
}

static void test_elements_attributes_and_namespaces_come_out(void **state) {
  (void)state;
  check("<a/>", "(a)");
  check("<a x='1' y=\"2\"><b>t</b><c/></a>", "(a @x=1 @y=2 (b \"t\") (c))");
  check("<e xmlns='u:d' xmlns:m='u:m'><m:p m:null='true' z=''>5</m:p></e>",
        "(e{u:d} (p{u:m} @null{u:m}=true @z= \"5\"))");
}

static void test_references_and_cdata_are_text(void **state) {
  (void)state;
  check("<a>&lt;&amp;&gt;&quot;&apos;&#65;&#x20AC;</a>", "(a \"<&>\"'A\xe2\x82\xac\")");
  check("<a x='&lt;&amp;&#10;&#65;'/>", "(a @x=<&\nA)");
  check("<a>x<![CDATA[<y> & ]]>z</a>", "(a \"x<y> & z\")");
}

static void test_comments_and_instructions_leave_one_text(void **state) {
  (void)state;
  check("<?xml version='1.0'?><!-- c --><a>1<!-- c -->2<?pi x?>3</a><!-- d -->", "(a \"123\")");
}

static void test_white_space_stays_where_it_is_the_value(void **state) {
  (void)state;
  check("<a>\n  <b> </b>\n  <c></c>\n</a>\n", "(a (b \" \") (c))");
  check("<a> x <b/> </a>", "(a \" x \" (b))");
}

static void test_encodings_become_utf8(void **state) {
  (void)state;
  check("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe6</a>", "(a \"\xc3\xa6\")");
  check("\xef\xbb\xbf<a>\xc3\xa6</a>", "(a \"\xc3\xa6\")");
  static const char utf16[] = "\xff\xfe<\0a\0>\0\xe6\0<\0/\0a\0>\0";
  nv_xml *doc;
  assert_int_equal(nv_xml_parse((nv_str){utf16, sizeof utf16 - 1}, &doc, NULL), NV_OK);
  assert_int_equal(nv_xml_root(doc)->first->text.n, 2);
  nv_xml_free(doc);
}

static void test_malformed_documents_name_the_line(void **state) {
  (void)state;
  refuse(nv_str_of(""), NV_ESYNTAX, "line 1", "empty");
  refuse(nv_str_of("hello"), NV_ESYNTAX, "line 1", "");
  refuse(nv_str_of("<a>\n<b>\n</a>"), NV_ESYNTAX, "line 3", "mismatch");
  refuse(nv_str_of("<a>\n\n"), NV_ESYNTAX, "line 3", "");
  refuse(nv_str_of("<a/>\n<b/>"), NV_ESYNTAX, "line 2", "Extra content");
  refuse(nv_str_of("<a x='1' x='2'/>"), NV_ESYNTAX, "line 1", "redefined");
  refuse(nv_str_of("<p:a/>"), NV_ESYNTAX, "line 1", "prefix p");
  refuse(nv_str_of("<a>\xff</a>"), NV_ESYNTAX, "line 1", "UTF-8");
  refuse(nv_str_of("<a>\x01</a>"), NV_ESYNTAX, "line 1", "");
  refuse((nv_str){"<a>\0</a>", 8}, NV_ESYNTAX, "line 1", "");
  refuse(nv_str_of("<a>&#0;</a>"), NV_ESYNTAX, "line 1", "");
  refuse(nv_str_of("<a>&#xD800;</a>"), NV_ESYNTAX, "line 1", "");
}

static void test_document_types_and_entities_are_refused(void **state) {
  (void)state;
  refuse(nv_str_of("<!DOCTYPE a><a/>"), NV_ESYNTAX, "line 1", "DOCTYPE");
  refuse(nv_str_of("<?xml version='1.0'?>\n<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"),
         NV_ESYNTAX, "line 2", "DOCTYPE");
  refuse(nv_str_of("<!DOCTYPE a [<!ENTITY e SYSTEM 'http://127.0.0.1:1/'>]><a>&e;</a>"),
         NV_ESYNTAX, "line 1", "DOCTYPE");
  refuse(nv_str_of("<!DOCTYPE a [<!ENTITY b 'x'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>"),
         NV_ESYNTAX, "line 1", "DOCTYPE");
  refuse(nv_str_of("<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://127.0.0.1:1/'>%p;]><a/>"),
         NV_ESYNTAX, "line 1", "DOCTYPE");
  refuse(nv_str_of("<a>&nbsp;</a>"), NV_ESYNTAX, "line 1", "nbsp");
  refuse(nv_str_of("<a x='&nbsp;'/>"), NV_ESYNTAX, "line 1", "nbsp");
}

static char *repeat(const char *open, size_t n, const char *close, size_t m) {
  size_t a = strlen(open), b = strlen(close);
  char *s = malloc(a * n + b * m + 1);
  assert_non_null(s);
  for (size_t i = 0; i < n; i++) memcpy(s + i * a, open, a);
  for (size_t i = 0; i < m; i++) memcpy(s + n * a + i * b, close, b);
  s[n * a + m * b] = 0;
  return s;
}

static void test_depth_is_limited(void **state) {
  (void)state;
  nv_xml *doc;
  char *deepest = repeat("<a>", NV_XML_DEPTH_MAX, "</a>", NV_XML_DEPTH_MAX);
  assert_int_equal(nv_xml_parse(nv_str_of(deepest), &doc, NULL), NV_OK);
  nv_xml_free(doc);
  free(deepest);
  char *deeper = repeat("<a>", NV_XML_DEPTH_MAX + 1, "</a>", NV_XML_DEPTH_MAX + 1);
  refuse(nv_str_of(deeper), NV_ETOOLARGE, "line 1", "deep");
  free(deeper);
}

static void test_size_and_tree_are_limited(void **state) {
  (void)state;
  char *large = repeat(" ", NV_XML_SIZE_MAX, "<a/>", 1);
  refuse(nv_str_of(large), NV_ETOOLARGE, "line 1", "16 MiB");
  free(large);
  char *many = repeat("<a/>", NV_XML_SIZE_MAX / 4 - 2, "</r>", 1);
  memcpy(many, "<r> ", 4);
  refuse(nv_str_of(many), NV_ETOOLARGE, "line 1", "too many nodes");
  free(many);
}

static void test_nothing_is_printed(void **state) {
  (void)state;
  char path[] = "/tmp/navodoo-xml-XXXXXX";
  int file = mkstemp(path), saved = dup(STDERR_FILENO);
  assert_true(file >= 0 && saved >= 0);
  fflush(stderr);
  dup2(file, STDERR_FILENO);
  const char *const bad[] = {"<a", "<a>\xff", "<?xml version='1.0' encoding='ascii'?><a>\xe9</a>",
                             "<?xml version='1.0' encoding='nope'?><a/>", "<a xmlns='x y'/>",
                             "<a xmlns:p=''/>", "\xff\xfe<\0", "<!DOCTYPE a SYSTEM 'x'><a/>"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    nv_xml *doc;
    if (nv_xml_parse(nv_str_of(bad[i]), &doc, NULL) == NV_OK) nv_xml_free(doc);
  }
  fflush(stderr);
  off_t printed = lseek(STDERR_FILENO, 0, SEEK_CUR);
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(file);
  unlink(path);
  assert_int_equal(printed, 0);
}

static void test_escaped_text_reads_back(void **state) {
  (void)state;
  const char *text = "<a> & \"b\" 'c'\t\r\n \xc3\xa6";
  nv_buf b;
  nv_xml *doc;
  nv_buf_init(&b, 1 << 16);
  nv_buf_addz(&b, "<r x='");
  nv_xml_escape(nv_str_of(text), &b);
  nv_buf_addz(&b, "'>");
  nv_xml_escape(nv_str_of(text), &b);
  nv_buf_addz(&b, "</r>");
  assert_int_equal(nv_xml_parse((nv_str){b.p, b.n}, &doc, NULL), NV_OK);
  assert_string_equal(nv_xml_root(doc)->attrs->value.p, text);
  assert_string_equal(nv_xml_root(doc)->first->text.p, text);
  nv_xml_free(doc);
  b.n = 0;
  nv_xml_escape(nv_str_of("a\x01" "b\xef\xbf\xbf" "c\xef\xbf\xbd"), &b);
  assert_string_equal(b.p, "abc\xef\xbf\xbd");
  nv_buf_clear(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_elements_attributes_and_namespaces_come_out),
      cmocka_unit_test(test_references_and_cdata_are_text),
      cmocka_unit_test(test_comments_and_instructions_leave_one_text),
      cmocka_unit_test(test_white_space_stays_where_it_is_the_value),
      cmocka_unit_test(test_encodings_become_utf8),
      cmocka_unit_test(test_malformed_documents_name_the_line),
      cmocka_unit_test(test_document_types_and_entities_are_refused),
      cmocka_unit_test(test_depth_is_limited),
      cmocka_unit_test(test_size_and_tree_are_limited),
      cmocka_unit_test(test_nothing_is_printed),
      cmocka_unit_test(test_escaped_text_reads_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
