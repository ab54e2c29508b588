#include "xml.h"

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 64 * 1024, FIRST_BLOCK = 4 * 1024 };

/* Nodes and strings live in blocks, so freeing a tree is freeing a few blocks. */
typedef struct block {
  struct block *next;
  size_t used, size;
  _Alignas(16) char bytes[];
} block;

struct nv_xml {
  block *blocks;
  size_t total;
  bool full; /* the limit, not the machine, refused the last piece */
  nv_xml_node *root;
};

/* An element that is still open. */
typedef struct level {
  nv_xml_node *node;
  nv_xml_node *last; /* child */
  nv_xml_attr *last_attr;
  bool has_elements;
} level;

typedef struct reader {
  nv_xml *doc;
  xmlParserCtxtPtr parser;
  int rc;
  nv_error *err;
  size_t depth;
  nv_buf text; /* gathered until the next tag */
  level levels[NV_XML_DEPTH_MAX];
} reader;

/* ---- blocks ---- */

static void *take(nv_xml *doc, size_t n) {
  n = (n + 15) & ~(size_t)15;
  block *b = doc->blocks;
  if (!b || b->size - b->used < n) {
    size_t size = b ? BLOCK_SIZE : FIRST_BLOCK;
    if (size < n) size = n;
    doc->full = size > NV_XML_TREE_MAX - doc->total;
    if (doc->full) return NULL;
    if (!(b = malloc(sizeof *b + size))) return NULL;
    *b = (block){.next = doc->blocks, .size = size};
    doc->blocks = b;
    doc->total += size;
  }
  void *p = b->bytes + b->used;
  b->used += n;
  return memset(p, 0, n);
}

static bool copy(nv_xml *doc, const void *p, size_t n, nv_str *out) {
  char *bytes = take(doc, n + 1);
  if (!bytes) return false;
  if (n) memcpy(bytes, p, n);
  *out = (nv_str){bytes, n};
  return true;
}

void nv_xml_free(nv_xml *doc) {
  if (!doc) return;
  for (block *b = doc->blocks, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  free(doc);
}

const nv_xml_node *nv_xml_root(const nv_xml *doc) { return doc->root; }

/* ---- what the parser reports ---- */

static void refuse(reader *r, int code, const char *text) {
  if (r->rc != NV_OK) return;
  char where[48];
  snprintf(where, sizeof where, "line %d", r->parser->input ? r->parser->input->line : 1);
  r->rc = nv_fail(r->err, code, where, "%s", text);
  xmlStopParser(r->parser);
}

static void refuse_memory(reader *r) {
  if (r->doc->full) refuse(r, NV_ETOOLARGE, "the document has too many nodes");
  else refuse(r, NV_ENOMEM, "out of memory");
}

static nv_xml_node *add_node(reader *r) {
  nv_xml_node *node = take(r->doc, sizeof *node);
  if (!node) {
    refuse_memory(r);
    return NULL;
  }
  if (r->depth == 0) {
    r->doc->root = node;
    return node;
  }
  level *parent = &r->levels[r->depth - 1];
  if (parent->last) parent->last->next = node;
  else parent->node->first = node;
  parent->last = node;
  return node;
}

static bool is_blank(const char *p, size_t n) {
  while (n > 0 && strchr(" \t\r\n", p[n - 1]) && p[n - 1]) n--;
  return n == 0;
}

/* Turns the gathered text into a node. Blank text counts only when the element
 * that now ends holds nothing else. */
static void end_text(reader *r, bool element_ends) {
  if (r->text.n == 0 || r->depth == 0) return;
  level *parent = &r->levels[r->depth - 1];
  bool alone = element_ends && !parent->node->first;
  if (alone || !is_blank(r->text.p, r->text.n)) {
    nv_xml_node *node = add_node(r);
    if (node && !copy(r->doc, r->text.p, r->text.n, &node->text)) refuse_memory(r);
  }
  r->text.n = 0;
}

static bool add_attr(reader *r, level *at, const xmlChar **a) {
  nv_xml_attr *attr = take(r->doc, sizeof *attr);
  if (!attr) return false;
  if (at->last_attr) at->last_attr->next = attr;
  else at->node->attrs = attr;
  at->last_attr = attr;
  const char *name = (const char *)a[0], *ns = (const char *)a[2];
  return copy(r->doc, name, strlen(name), &attr->name) &&
         (!ns || copy(r->doc, ns, strlen(ns), &attr->ns)) &&
         copy(r->doc, a[3], (size_t)(a[4] - a[3]), &attr->value);
}

static void on_start(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *ns,
                     int nnamespaces, const xmlChar **namespaces, int nattrs, int ndefaulted,
                     const xmlChar **attrs) {
  reader *r = arg;
  (void)prefix, (void)nnamespaces, (void)namespaces, (void)ndefaulted;
  if (r->rc != NV_OK) return;
  if (r->depth == NV_XML_DEPTH_MAX) {
    refuse(r, NV_ETOOLARGE, "elements are nested too deeply");
    return;
  }
  end_text(r, false);
  nv_xml_node *node = r->rc == NV_OK ? add_node(r) : NULL;
  if (!node) return;
  level *at = &r->levels[r->depth++];
  *at = (level){.node = node};
  bool ok = copy(r->doc, name, strlen((const char *)name), &node->name) &&
            (!ns || copy(r->doc, ns, strlen((const char *)ns), &node->ns));
  for (int i = 0; ok && i < nattrs; i++) ok = add_attr(r, at, attrs + 5 * (size_t)i);
  if (!ok) refuse_memory(r);
}

static void on_end(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *ns) {
  reader *r = arg;
  (void)name, (void)prefix, (void)ns;
  if (r->rc != NV_OK || r->depth == 0) return;
  end_text(r, true);
  r->depth--;
}

static void on_text(void *arg, const xmlChar *p, int n) {
  reader *r = arg;
  if (r->rc != NV_OK || r->depth == 0 || n <= 0) return;
  int rc = nv_buf_add(&r->text, p, (size_t)n);
  if (rc != NV_OK) refuse(r, rc, nv_code_text(rc));
}

static void on_doctype(void *arg, const xmlChar *name, const xmlChar *id, const xmlChar *sys) {
  (void)name, (void)id, (void)sys;
  refuse(arg, NV_ESYNTAX, "a document type (DOCTYPE) is not allowed");
}

#if LIBXML_VERSION >= 21200
typedef const xmlError *error_ptr;
#else
typedef xmlErrorPtr error_ptr;
#endif

static void on_error(void *arg, error_ptr e) {
  reader *r = arg;
  if (r->rc != NV_OK || e->level < XML_ERR_ERROR) return;
  char where[48];
  snprintf(where, sizeof where, "line %d", e->line);
  const char *text = e->message ? e->message : "malformed";
  bool memory = e->code == XML_ERR_NO_MEMORY;
  r->rc = nv_fail(r->err, memory ? NV_ENOMEM : NV_ESYNTAX, where, "%.*s",
                  (int)strcspn(text, "\r\n"), text);
  xmlStopParser(r->parser);
}

/* Errors without a parser, such as bytes that do not convert to UTF-8, go to a
 * handler of the thread, which would print them; the parser reports them again. */
static void drop_error(void *arg, error_ptr e) { (void)arg, (void)e; }

/* ---- parsing ---- */

static void init_once(void) { xmlInitParser(); }

static int parse(reader *r, nv_str text) {
  xmlSAXHandler sax = {.initialized = XML_SAX2_MAGIC,
                       .startElementNs = on_start,
                       .endElementNs = on_end,
                       .characters = on_text,
                       .ignorableWhitespace = on_text,
                       .cdataBlock = on_text,
                       .internalSubset = on_doctype,
                       .serror = on_error};
  r->parser = xmlNewParserCtxt();
  if (!r->parser) return nv_fail(r->err, NV_ENOMEM, "line 1", "out of memory");
  *r->parser->sax = sax;
  r->parser->userData = r;
  /* NOENT: the predefined entities arrive as text also inside attributes. */
  xmlDocPtr none = xmlCtxtReadMemory(r->parser, text.p, (int)text.n, NULL, NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOENT);
  if (r->rc == NV_OK && (!r->parser->wellFormed || !r->doc->root || r->depth != 0))
    r->rc = nv_fail(r->err, NV_ESYNTAX, "line 1", "malformed");
  xmlFreeDoc(none); /* NULL: our handlers build no document */
  xmlFreeParserCtxt(r->parser);
  return r->rc;
}

int nv_xml_parse(nv_str text, nv_xml **out, nv_error *err) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, init_once);
  xmlSetStructuredErrorFunc(NULL, drop_error);
  *out = NULL;
  if (text.n > NV_XML_SIZE_MAX)
    return nv_fail(err, NV_ETOOLARGE, "line 1", "the document is larger than 16 MiB");
  if (text.n == 0) return nv_fail(err, NV_ESYNTAX, "line 1", "the document is empty");
  reader *r = calloc(1, sizeof *r);
  nv_xml *doc = calloc(1, sizeof *doc);
  int rc = NV_ENOMEM;
  if (!r || !doc) {
    nv_fail(err, rc, "line 1", "out of memory");
    goto done;
  }
  r->doc = doc;
  r->err = err;
  nv_buf_init(&r->text, NV_XML_SIZE_MAX * 4); /* a byte of Latin-1 is two of UTF-8 */
  rc = parse(r, text);
  nv_buf_clear(&r->text);
  if (rc == NV_OK) {
    *out = doc;
    doc = NULL;
  }
done:
  nv_xml_free(doc);
  free(r);
  return rc;
}

/* ---- escaping ---- */

/* U+FFFE and U+FFFF, which XML excludes. */
static bool is_no_character(nv_str s, size_t i) {
  return i + 2 < s.n && memcmp(s.p + i, "\xef\xbf", 2) == 0 &&
         ((unsigned char)s.p[i + 2] & 0xfe) == 0xbe;
}

int nv_xml_escape(nv_str s, nv_buf *out) {
  int rc = nv_buf_reserve(out, s.n);
  for (size_t i = 0; rc == NV_OK && i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    switch (c) {
      case '&': rc = nv_buf_addz(out, "&amp;"); break;
      case '<': rc = nv_buf_addz(out, "&lt;"); break;
      case '>': rc = nv_buf_addz(out, "&gt;"); break;
      case '"': rc = nv_buf_addz(out, "&quot;"); break;
      case '\'': rc = nv_buf_addz(out, "&#39;"); break;
      case '\t': rc = nv_buf_addz(out, "&#9;"); break; /* kept inside attributes */
      case '\n': rc = nv_buf_addz(out, "&#10;"); break;
      case '\r': rc = nv_buf_addz(out, "&#13;"); break;
      default:
        if (is_no_character(s, i)) i += 2;
        else if (c >= 0x20) rc = nv_buf_addc(out, (char)c);
    }
  }
  return rc;
}
