/* xml - hostile XML into a small tree of nodes.
 *
 * Nothing is fetched and nothing expands: a document with a DOCTYPE is refused,
 * so are sizes, depths and trees beyond the limits below. Comments and processing
 * instructions are dropped, CDATA is text, neighbouring texts are one. Text of
 * white space only is kept where it is all that an element holds, and dropped
 * between elements. All strings are UTF-8.
 *
 * Threading: any thread. Failure: an error that names the line, and no tree.
 */
#ifndef NV_XML_H
#define NV_XML_H

#include "nv.h"

enum {
  NV_XML_SIZE_MAX = 16 * 1024 * 1024,  /* bytes of a document */
  NV_XML_DEPTH_MAX = 256,              /* elements inside each other */
  NV_XML_TREE_MAX = 256 * 1024 * 1024  /* bytes of the tree made from it */
};

typedef struct nv_xml_attr {
  struct nv_xml_attr *next;
  nv_str name, ns; /* local name; namespace, ns.p is NULL without one */
  nv_str value;
} nv_xml_attr;

/* An element, or a text when name.p is NULL. Order is that of the document. */
typedef struct nv_xml_node {
  struct nv_xml_node *next; /* sibling */
  nv_str name, ns;
  nv_str text;              /* of a text node */
  nv_xml_attr *attrs;
  struct nv_xml_node *first; /* child */
} nv_xml_node;

typedef struct nv_xml nv_xml;

/* Parses a whole document. Keeps nothing of `text`. NV_ESYNTAX, NV_ETOOLARGE or
 * NV_ENOMEM; err->where is then "line N". */
int nv_xml_parse(nv_str text, nv_xml **out, nv_error *err);
/* Frees the document with all its nodes. NULL is fine. */
void nv_xml_free(nv_xml *doc);
/* The outermost element; it lives as long as the document. */
const nv_xml_node *nv_xml_root(const nv_xml *doc);

/* Adds `text` so that it can stand in XML text and between quotes. Characters
 * that XML cannot carry are left out. */
int nv_xml_escape(nv_str text, nv_buf *out);

#endif
