#include "domain.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server.h"

typedef struct search {
  tape *t;
  const model *m;
  const char *why; /* first thing that is not understood */
} search;

void id_list_add(id_list *l, uint32_t id) {
  if (l->n == l->cap) {
    l->cap = l->cap ? l->cap * 2 : 256;
    l->ids = must(realloc(l->ids, l->cap * sizeof *l->ids));
  }
  l->ids[l->n++] = id;
}

/* ---- one term against one record ---- */

static bool is_numeric(field_type type) {
  return type == T_INTEGER || type == T_FLOAT || type == T_MANY2ONE;
}

static double number(nv_str s) {
  char text[64];
  size_t n = s.n < sizeof text - 1 ? s.n : sizeof text - 1;
  memcpy(text, s.p, n);
  text[n] = 0;
  return strtod(text, NULL);
}

/* -1, 0, 1, or 2 when the two do not compare. */
static int compare(search *s, field_type type, nv_str have, size_t want) {
  int kind = s->t->nodes[want].kind;
  if (kind == TAPE_FALSE || kind == TAPE_NULL || kind == TAPE_TRUE) {
    bool set = type == T_BOOLEAN ? nv_str_eq(have, "True") : have.n > 0;
    return set == (kind == TAPE_TRUE) ? 0 : 2;
  }
  nv_str text = tape_text(s->t, want);
  if (is_numeric(type)) {
    if (type == T_MANY2ONE && !have.n) return 2;
    double a = number(have), b = number(text);
    return (a > b) - (a < b);
  }
  size_t n = have.n < text.n ? have.n : text.n;
  int d = n ? memcmp(have.p, text.p, n) : 0;
  return d ? (d > 0) - (d < 0) : (have.n > text.n) - (have.n < text.n);
}

static bool is_in(search *s, field_type type, nv_str have, size_t list) {
  for (size_t i = list + 1; i < s->t->nodes[list].next; i = s->t->nodes[i].next)
    if (compare(s, type, have, i) == 0) return true;
  return false;
}

static bool is_like(nv_str have, nv_str want, bool whole) {
  if (whole) return have.n == want.n && strncasecmp(have.p, want.p, want.n) == 0;
  for (size_t i = 0; i + want.n <= have.n; i++)
    if (strncasecmp(have.p + i, want.p, want.n) == 0) return true;
  return false;
}

static bool leaf_matches(search *s, size_t leaf, uint32_t id) {
  size_t name = tape_item(s->t, leaf, 0), op = tape_item(s->t, leaf, 1), want = tape_item(s->t, leaf, 2);
  int field = want ? model_field_of(s->m, tape_text(s->t, name)) : -1;
  if (field < 0) {
    s->why = "Invalid field in a domain term";
    return false;
  }
  field_type type = s->m->fields[field].type;
  nv_str have = model_cell(s->m, id, field);
  if (tape_is(s->t, op, "in")) return is_in(s, type, have, want);
  if (tape_is(s->t, op, "not in")) return !is_in(s, type, have, want);
  if (tape_is(s->t, op, "ilike")) return is_like(have, tape_text(s->t, want), false);
  if (tape_is(s->t, op, "=ilike")) return is_like(have, tape_text(s->t, want), true);
  int d = compare(s, type, have, want);
  if (tape_is(s->t, op, "=")) return d == 0;
  if (tape_is(s->t, op, "!=")) return d != 0;
  if (tape_is(s->t, op, ">")) return d == 1;
  if (tape_is(s->t, op, ">=")) return d == 0 || d == 1;
  if (tape_is(s->t, op, "<")) return d == -1;
  if (tape_is(s->t, op, "<=")) return d == 0 || d == -1;
  s->why = "Invalid operator in a domain term";
  return false;
}

/* ---- the whole domain ---- */

/* Evaluates the term at `*at` and moves behind it. */
static bool term_matches(search *s, size_t *at, size_t end, uint32_t id) {
  if (*at >= end) {
    s->why = "Domain terms are missing";
    return false;
  }
  size_t here = *at;
  *at = s->t->nodes[here].next;
  if (tape_is(s->t, here, "!")) return !term_matches(s, at, end, id);
  bool is_or = tape_is(s->t, here, "|");
  if (!is_or && !tape_is(s->t, here, "&")) return leaf_matches(s, here, id);
  bool a = term_matches(s, at, end, id), b = term_matches(s, at, end, id);
  return is_or ? a || b : a && b;
}

static bool matches(search *s, size_t node, uint32_t id) {
  bool all = true;
  for (size_t at = node + 1; node && at < s->t->nodes[node].next;)
    all = term_matches(s, &at, s->t->nodes[node].next, id) && all;
  return all;
}

/* ---- finding without looking at every record ---- */

static void take(uint32_t id, void *arg) { id_list_add(arg, id); }

/* Adds what the term at `*at` can match at most; false when no index tells. */
static bool candidates(search *s, size_t *at, size_t end, id_list *out) {
  if (*at >= end) return false;
  size_t here = *at;
  *at = s->t->nodes[here].next;
  if (tape_is(s->t, here, "|")) {
    bool a = candidates(s, at, end, out), b = candidates(s, at, end, out);
    return a && b;
  }
  if (tape_is(s->t, here, "!") || tape_is(s->t, here, "&")) {
    size_t skip = tape_is(s->t, here, "!") ? 1 : 2;
    id_list none = {0};
    while (skip-- > 0) candidates(s, at, end, &none);
    free(none.ids);
    return false;
  }
  size_t name = tape_item(s->t, here, 0), op = tape_item(s->t, here, 1), want = tape_item(s->t, here, 2);
  int field = want ? model_field_of(s->m, tape_text(s->t, name)) : -1;
  bool one = field >= 0 && tape_is(s->t, op, "="), many = field >= 0 && tape_is(s->t, op, "in");
  bool by_id = field == PARTNER_id;
  if ((!one && !many) || (!by_id && !partner_is_indexed(field))) return false;
  size_t first = many ? want + 1 : want, last = s->t->nodes[want].next;
  for (size_t i = first; i < last; i = s->t->nodes[i].next) {
    nv_str text = tape_text(s->t, i);
    if (!text.n) return false; /* false and "" are in no index */
    if (by_id) id_list_add(out, (uint32_t)number(text));
    else partner_find(field, text, take, out);
  }
  return true;
}

static bool plan(search *s, size_t node, id_list *out) {
  if (s->m->rows || !node) return false;
  for (size_t at = node + 1, end = s->t->nodes[node].next; at < end;) {
    out->n = 0;
    if (candidates(s, &at, end, out)) return true;
  }
  return false;
}

/* Where a walk in the order of ids goes on: `["id", ">", n]` among the terms. */
static uint32_t first_id(search *s, size_t node) {
  if (s->m->rows || !node) return 0;
  size_t first = tape_item(s->t, node, 0);
  if (!first || s->t->nodes[first].kind != TAPE_LIST || !tape_is(s->t, tape_item(s->t, first, 0), "id") ||
      !tape_is(s->t, tape_item(s->t, first, 1), ">"))
    return 0;
  return (uint32_t)number(tape_text(s->t, tape_item(s->t, first, 2)));
}

static int by_id(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static bool names_active(search *s, size_t node) {
  for (size_t i = node + 1; node && i < s->t->nodes[node].next; i = s->t->nodes[i].next)
    if (tape_is(s->t, tape_item(s->t, i, 0), "active")) return true;
  return false;
}

const char *domain_search(tape *t, size_t node, const model *m, bool archived, size_t limit,
                          id_list *out) {
  search s = {t, m, NULL};
  int active = model_field_of(m, nv_str_of("active"));
  bool hide = !archived && active >= 0 && !names_active(&s, node);
  id_list found = {0};
  bool planned = plan(&s, node, &found);
  if (planned && found.n) qsort(found.ids, found.n, sizeof *found.ids, by_id);
  uint32_t last = 0;
  for (uint32_t k = planned ? 0 : first_id(&s, node); out->n < limit && !s.why; k++) {
    uint32_t id = planned ? (k < found.n ? found.ids[k] : 0) : model_id_at(m, k);
    if (planned && k >= found.n) break;
    if (!planned && !id) break;
    if (id == last || !model_has(m, id)) continue;
    last = id;
    if (hide && !nv_str_eq(model_cell(m, id, active), "True")) continue;
    if (matches(&s, node, id)) id_list_add(out, id);
  }
  free(found.ids);
  return s.why;
}
