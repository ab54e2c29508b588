#include "tape.h"

#include <stdlib.h>
#include <string.h>

#include "server.h"

enum { DEPTH_MAX = 64 };

static size_t add_node(tape *t, int kind) {
  if (t->n == t->cap) {
    t->cap = t->cap ? t->cap * 2 : 4096;
    t->nodes = must(realloc(t->nodes, t->cap * sizeof *t->nodes));
  }
  t->nodes[t->n] = (tape_node){.kind = (uint8_t)kind};
  return t->n++;
}

static const char *skip_blanks(const char *p, const char *end) {
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r')) p++;
  return p;
}

/* `p` stands behind the opening quote; answers the place behind the closing one. */
static const char *read_text(tape *t, const char *p, const char *end) {
  size_t node = add_node(t, TAPE_TEXT);
  const char *begin = p;
  bool escaped = false;
  for (; p < end && *p != '"'; p++)
    if (*p == '\\') {
      escaped = true;
      p++;
    }
  if (p >= end) return NULL;
  t->nodes[node].at = (uint32_t)(begin - t->text);
  t->nodes[node].n = (uint32_t)(p - begin);
  t->nodes[node].escaped = escaped;
  t->nodes[node].next = (uint32_t)t->n;
  return p + 1;
}

static const char *read_word(tape *t, const char *p, const char *end) {
  static const struct {
    const char *word;
    size_t n;
    int kind;
  } words[] = {{"null", 4, TAPE_NULL}, {"true", 4, TAPE_TRUE}, {"false", 5, TAPE_FALSE}};
  size_t node;
  for (size_t i = 0; i < 3; i++)
    if ((size_t)(end - p) >= words[i].n && memcmp(p, words[i].word, words[i].n) == 0) {
      node = add_node(t, words[i].kind);
      t->nodes[node].next = (uint32_t)t->n;
      return p + words[i].n;
    }
  const char *begin = p;
  while (p < end && memchr("+-.0123456789eE", *p, 15)) p++;
  if (p == begin) return NULL;
  node = add_node(t, TAPE_NUMBER);
  t->nodes[node].at = (uint32_t)(begin - t->text);
  t->nodes[node].n = (uint32_t)(p - begin);
  t->nodes[node].next = (uint32_t)t->n;
  return p;
}

bool tape_read(tape *t, char *text, size_t n) {
  const char *p = text, *end = text + n;
  size_t open[DEPTH_MAX], depth = 0;
  t->text = text;
  t->n = 0;
  add_node(t, TAPE_NULL);
  t->nodes[0].next = TAPE_ROOT;
  for (;;) {
    p = skip_blanks(p, end);
    if (p == end) return false;
    if (*p == '[' || *p == '{') {
      if (depth == DEPTH_MAX) return false;
      open[depth++] = add_node(t, *p == '[' ? TAPE_LIST : TAPE_OBJECT);
      p = skip_blanks(p + 1, end);
      if (p < end && *p != ']' && *p != '}') goto member;
    } else {
      p = *p == '"' ? read_text(t, p + 1, end) : read_word(t, p, end);
      if (!p) return false;
    }
    for (;;) { /* behind a value, or in an empty list or object */
      p = skip_blanks(p, end);
      if (depth == 0) return p == end;
      if (p == end) return false;
      tape_node *parent = &t->nodes[open[depth - 1]];
      if (*p == ',') break;
      if (*p != (parent->kind == TAPE_LIST ? ']' : '}')) return false;
      parent->next = (uint32_t)t->n;
      depth--;
      p++;
    }
    p = skip_blanks(p + 1, end);
  member:
    t->nodes[open[depth - 1]].n++;
    if (t->nodes[open[depth - 1]].kind == TAPE_OBJECT) {
      if (p == end || *p != '"' || !(p = read_text(t, p + 1, end))) return false;
      p = skip_blanks(p, end);
      if (p == end || *p != ':') return false;
      p++;
    }
  }
}

size_t tape_get(const tape *t, size_t object, const char *key) {
  if (t->nodes[object].kind != TAPE_OBJECT) return 0;
  size_t n = strlen(key);
  for (size_t i = object + 1; i < t->nodes[object].next; i = t->nodes[i + 1].next)
    if (t->nodes[i].n == n && memcmp(t->text + t->nodes[i].at, key, n) == 0) return i + 1;
  return 0;
}

size_t tape_item(const tape *t, size_t list, size_t k) {
  if (t->nodes[list].kind != TAPE_LIST || k >= t->nodes[list].n) return 0;
  size_t i = list + 1;
  while (k-- > 0) i = t->nodes[i].next;
  return i;
}

/* ---- texts ---- */

static unsigned read_hex(const char *p) {
  unsigned v = 0;
  for (int i = 0; i < 4; i++) {
    char c = p[i];
    v = v * 16 + (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  }
  return v;
}

static char *write_utf8(char *out, unsigned c) {
  if (c < 0x80) {
    *out++ = (char)c;
  } else if (c < 0x800) {
    *out++ = (char)(0xc0 | c >> 6);
    *out++ = (char)(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    *out++ = (char)(0xe0 | c >> 12);
    *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    *out++ = (char)(0x80 | (c & 0x3f));
  } else {
    *out++ = (char)(0xf0 | c >> 18);
    *out++ = (char)(0x80 | (c >> 12 & 0x3f));
    *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    *out++ = (char)(0x80 | (c & 0x3f));
  }
  return out;
}

/* An escape is never shorter than what it stands for, so this works in place. */
static size_t unescape(char *text, size_t n) {
  const char *p = text, *end = text + n;
  char *out = text;
  while (p < end) {
    if (*p != '\\' || p + 1 >= end) {
      *out++ = *p++;
      continue;
    }
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *known = memchr(from, p[1], sizeof from - 1);
    if (p[1] == 'u' && end - p >= 6) {
      unsigned c = read_hex(p + 2);
      p += 6;
      if (c >= 0xd800 && c < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
        c = 0x10000 + ((c - 0xd800) << 10) + (read_hex(p + 2) - 0xdc00);
        p += 6;
      }
      out = write_utf8(out, c);
    } else {
      *out++ = known ? to[known - from] : p[1];
      p += 2;
    }
  }
  return (size_t)(out - text);
}

nv_str tape_text(tape *t, size_t node) {
  tape_node *n = &t->nodes[node];
  if (n->kind != TAPE_TEXT && n->kind != TAPE_NUMBER) return (nv_str){"", 0};
  if (n->escaped) {
    n->n = (uint32_t)unescape(t->text + n->at, n->n);
    n->escaped = false;
  }
  return (nv_str){t->text + n->at, n->n};
}

bool tape_is(tape *t, size_t node, const char *text) {
  return t->nodes[node].kind == TAPE_TEXT && nv_str_eq(tape_text(t, node), text);
}
