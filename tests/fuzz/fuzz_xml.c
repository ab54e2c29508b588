/* fuzz_xml - any bytes either give a tree that can be walked, or an error. */
#include <stdlib.h>
#include <string.h>

#include "../../core/xml.h"

static size_t walk(const nv_xml_node *n, int depth) {
  size_t bytes = 0;
  if (depth > NV_XML_DEPTH_MAX) abort();
  if (!n->name.p) {
    if (!n->text.p || n->first || n->attrs || n->text.p[n->text.n] != 0) abort();
    return n->text.n;
  }
  if (n->name.n == 0 || n->name.p[n->name.n] != 0) abort();
  for (const nv_xml_attr *a = n->attrs; a; a = a->next) {
    if (!a->name.p || !a->value.p) abort();
    bytes += strlen(a->name.p) + strlen(a->value.p);
  }
  bool was_text = false;
  for (const nv_xml_node *c = n->first; c; c = c->next) {
    bool is_text = !c->name.p;
    if (is_text && was_text) abort(); /* neighbouring texts are one */
    was_text = is_text;
    bytes += walk(c, depth + 1);
  }
  return bytes;
}

/* Whatever was read can be written, and then reads back the same. */
static void check_escape(const nv_xml_node *n) {
  if (n->name.p) {
    for (const nv_xml_node *c = n->first; c; c = c->next) check_escape(c);
    return;
  }
  nv_buf b;
  nv_xml *doc = NULL;
  nv_buf_init(&b, NV_XML_SIZE_MAX);
  if (nv_buf_addz(&b, "<r>") || nv_xml_escape(n->text, &b) || nv_buf_addz(&b, "</r>")) abort();
  if (nv_xml_parse((nv_str){b.p, b.n}, &doc, NULL) != NV_OK) abort();
  const nv_xml_node *text = nv_xml_root(doc)->first;
  if (!text || text->text.n != n->text.n || memcmp(text->text.p, n->text.p, n->text.n)) abort();
  nv_xml_free(doc);
  nv_buf_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  nv_xml *doc = NULL;
  nv_error err = {0};
  int rc = nv_xml_parse((nv_str){(const char *)data, n}, &doc, &err);
  if (rc == NV_OK) {
    walk(nv_xml_root(doc), 1);
    if (n < 4096) check_escape(nv_xml_root(doc));
  } else if (doc || err.code != rc || !err.text[0] || strncmp(err.where, "line ", 5) != 0) {
    abort();
  }
  nv_xml_free(doc);
  return 0;
}
