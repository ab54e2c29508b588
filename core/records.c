/* records - see records.h. A record is read into one slot per column, so that a key
 * that comes twice counts as it does elsewhere (the last one), and then written in the
 * order of the columns. The keys of a page come in one order: a key is first looked
 * for where it stood in the record before. */
#include "records.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crypto.h"
#include "decimal.h"

/* What the walk found for a column. */
typedef struct slot {
  nv_json_event event; /* NV_JSON_ERROR: nothing */
  nv_str text;         /* as in the reader; of a list: with its brackets */
  bool integer, escaped;
} slot;

typedef struct walk {
  nv_records *out;
  const nv_plan *plan;
  nv_json_reader r;
  nv_error *err;
  slot slots[NV_COLUMNS_MAX];
  int order[NV_COLUMNS_MAX]; /* column of the n-th key of the record before; -1: none */
} walk;

/* ---- plans ---- */

static int compare_columns(const void *a, const void *b) {
  nv_str x = ((const nv_column *)a)->name, y = ((const nv_column *)b)->name;
  int c = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);
  return c ? c : (x.n > y.n) - (x.n < y.n);
}

/* A copy in the buffer of the plan's texts, which has room for it. */
static nv_str keep(char **room, nv_str s) {
  nv_str copy = {*room, s.n};
  if (s.n) memcpy(*room, s.p, s.n);
  *room += s.n;
  return copy;
}

/* Appends `"name":`. */
static nv_str keep_key(char **room, nv_str name, nv_buf *scratch) {
  scratch->n = 0;
  if (nv_json_add_string(scratch, name) != NV_OK) return (nv_str){NULL, 0};
  nv_str key = keep(room, (nv_str){scratch->p, scratch->n});
  *(*room)++ = ':';
  key.n++;
  return key;
}

nv_plan *nv_plan_new(const nv_column *columns, int n, nv_str list, nv_str beside,
                     nv_str empty_day, bool lenient) {
  if (n < 0 || n > NV_COLUMNS_MAX) return NULL;
  size_t bytes = list.n + beside.n + empty_day.n;
  for (int i = 0; i < n; i++) bytes += 7 * columns[i].name.n + 3; /* \u00xx */
  nv_plan *p = calloc(1, sizeof *p + (size_t)n * sizeof *columns + bytes);
  nv_buf scratch;
  nv_buf_init(&scratch, bytes + 16);
  if (!p) return NULL;
  p->columns = (nv_column *)(void *)(p + 1);
  char *room = (char *)(p->columns + n);
  p->n = n;
  p->users = 1;
  p->list = keep(&room, list);
  p->beside = keep(&room, beside);
  p->empty_day = keep(&room, empty_day);
  p->lenient = lenient;
  bool good = true;
  for (int i = 0; i < n; i++) {
    p->columns[i] = columns[i];
    p->columns[i].name = keep(&room, columns[i].name);
    p->columns[i].key = keep_key(&room, columns[i].name, &scratch);
    good = good && p->columns[i].key.n > 0;
  }
  nv_buf_clear(&scratch);
  if (!good) {
    free(p);
    return NULL;
  }
  qsort(p->columns, (size_t)n, sizeof *p->columns, compare_columns);
  return p;
}

void nv_plan_keep(nv_plan *p) { p->users++; }

void nv_plan_free(nv_plan *p) {
  if (p && --p->users == 0) free(p);
}

static bool same(nv_str a, nv_str b) {
  return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int nv_plan_find(const nv_plan *p, nv_str name) {
  int low = 0, high = p->n;
  nv_column wanted = {.name = name};
  while (low < high) {
    int middle = (low + high) / 2, c = compare_columns(&wanted, &p->columns[middle]);
    if (c == 0) return middle;
    if (c < 0) high = middle;
    else low = middle + 1;
  }
  return -1;
}

/* ---- lists ---- */

void nv_records_init(nv_records *r, const nv_plan *plan, size_t max_bytes) {
  *r = (nv_records){.plan = plan};
  nv_buf_init(&r->text, max_bytes);
}

void nv_records_clear(nv_records *r) {
  nv_buf_clear(&r->text);
  free(r->cells);
  free(r->record);
  free(r->hashes);
  r->cells = r->record = NULL;
  r->hashes = NULL;
  r->count = r->cap = 0;
}

static nv_str at(const nv_records *r, nv_cell_at place) {
  return (nv_str){r->text.p + place.at, place.n};
}

nv_str nv_records_text(const nv_records *r, size_t i) { return at(r, r->record[i]); }

nv_str nv_records_cell(const nv_records *r, size_t i, int column) {
  nv_cell_at c = r->cells[i * (size_t)r->plan->n + (size_t)column];
  return c.n ? at(r, c) : (nv_str){NULL, 0};
}

static int grow(nv_records *r) {
  if (r->count < r->cap) return NV_OK;
  size_t cap = r->cap ? r->cap * 2 : 256, n = (size_t)r->plan->n;
  if (cap * (n + 1) > NV_CELLS_MAX) return NV_ETOOLARGE;
  nv_cell_at *record = realloc(r->record, cap * sizeof *record);
  if (!record) return NV_ENOMEM;
  r->record = record;
  if (n) {
    nv_cell_at *cells = realloc(r->cells, cap * n * sizeof *cells);
    if (!cells) return NV_ENOMEM;
    r->cells = cells;
  }
  r->cap = cap;
  return NV_OK;
}

/* ---- values: each writes canonical text; NV_EINVALID: not of the kind ---- */

static int add_text(nv_buf *out, const slot *s) {
  if (!s->escaped) { /* checked by the reader: nothing in it needs an escape */
    int rc = nv_buf_reserve(out, s->text.n + 2);
    if (rc != NV_OK) return rc;
    char *p = out->p + out->n;
    p[0] = '"';
    memcpy(p + 1, s->text.p, s->text.n);
    p[s->text.n + 1] = '"';
    p[s->text.n + 2] = 0;
    out->n += s->text.n + 2;
    return NV_OK;
  }
  char room[512], *plain = s->text.n <= sizeof room ? room : malloc(s->text.n);
  if (!plain) return NV_ENOMEM;
  int rc = nv_json_add_string(out, (nv_str){plain, nv_json_unescape(s->text, plain)});
  if (plain != room) free(plain);
  return rc;
}

static int add_exact(nv_buf *out, nv_str text) {
  nv_decimal d;
  char shortest[NV_DECIMAL_TEXT];
  if (nv_decimal_parse(&d, text, NULL) != NV_OK) return NV_EINVALID;
  d = nv_decimal_normalize(&d);
  return nv_buf_add(out, shortest, nv_decimal_print(&d, shortest));
}

/* Most numbers are short and plain; the rest goes through the decimal type. */
static int add_number(nv_buf *out, const slot *s) {
  nv_str t = s->text;
  if (t.p[0] == '-' || t.n > 18) return add_exact(out, t);
  if (s->integer) return nv_buf_add(out, t.p, t.n);
  if (memchr(t.p, 'e', t.n) || memchr(t.p, 'E', t.n)) return add_exact(out, t);
  while (t.p[t.n - 1] == '0') t.n--;
  if (t.p[t.n - 1] == '.') t.n--;
  return nv_buf_add(out, t.p, t.n);
}

static int add_list(nv_buf *out, nv_str text, bool only_first);

static int add_any(nv_buf *out, const slot *s) {
  switch (s->event) {
    case NV_JSON_STRING: return add_text(out, s);
    case NV_JSON_NUMBER: return add_number(out, s);
    case NV_JSON_TRUE: return nv_buf_add(out, "true", 4);
    case NV_JSON_FALSE: return nv_buf_add(out, "false", 5);
    case NV_JSON_NULL: return nv_buf_add(out, "null", 4);
    case NV_JSON_ARRAY_BEGIN: return add_list(out, s->text, false);
    default: return NV_EINVALID;
  }
}

/* The text was read once and is well formed. */
static int add_list(nv_buf *out, nv_str text, bool only_first) {
  nv_json_reader r;
  nv_json_open(&r, text, 1);
  nv_json_next(&r);
  int rc = only_first ? NV_OK : nv_buf_addc(out, '[');
  for (int i = 0; rc == NV_OK; i++) {
    slot s = {.event = nv_json_next(&r)};
    if (s.event == NV_JSON_ARRAY_END) {
      if (only_first) return i ? NV_OK : nv_buf_add(out, "false", 5);
      return nv_buf_addc(out, ']');
    }
    s.text = r.text;
    s.integer = r.integer;
    s.escaped = r.escaped;
    if (only_first && i > 0) continue;
    if (i > 0) rc = nv_buf_addc(out, ',');
    if (rc == NV_OK) rc = add_any(out, &s);
  }
  return rc;
}

static int add_decimal(nv_buf *out, const slot *s) {
  if (s->event == NV_JSON_NUMBER) return add_number(out, s);
  if (s->event != NV_JSON_STRING || s->escaped) return NV_EINVALID;
  return add_exact(out, s->text);
}

static int add_integer(nv_buf *out, const slot *s) {
  nv_decimal d;
  int64_t n;
  bool number = s->event == NV_JSON_NUMBER && s->integer;
  if (!number && (s->event != NV_JSON_STRING || s->escaped)) return NV_EINVALID;
  if (nv_decimal_parse(&d, s->text, NULL) != NV_OK || !nv_decimal_integer(&d, &n))
    return NV_EINVALID;
  return nv_json_add_integer(out, n);
}

/* Does `text` begin with `form`, where 0 stands for any digit? */
static bool has_form(nv_str text, const char *form) {
  size_t i = 0;
  for (; form[i]; i++) {
    if (i == text.n) return false;
    char c = text.p[i];
    if (form[i] == '0' ? c < '0' || c > '9' : c != form[i]) return false;
  }
  return true;
}

#define DAY "0000-00-00"
#define CLOCK "00:00:00"

static int add_in_quotes(nv_buf *out, const char *p, size_t n) {
  int rc = nv_buf_addc(out, '"');
  if (rc == NV_OK) rc = nv_buf_add(out, p, n);
  return rc == NV_OK ? nv_buf_addc(out, '"') : rc;
}

static bool is_empty_day(const nv_plan *p, nv_str text) {
  return p->empty_day.n && text.n >= p->empty_day.n &&
         memcmp(text.p, p->empty_day.p, p->empty_day.n) == 0;
}

static int add_date(nv_buf *out, const nv_plan *plan, const slot *s) {
  if (s->event != NV_JSON_STRING || !has_form(s->text, DAY)) return NV_EINVALID;
  if (is_empty_day(plan, s->text)) return nv_buf_add(out, "null", 4);
  return add_in_quotes(out, s->text.p, 10);
}

/* Some servers leave the zone of an instant out; they mean UTC. */
static bool lacks_zone(nv_str t) {
  if (!has_form(t, DAY "T" CLOCK)) return false;
  size_t i = sizeof DAY "T" CLOCK - 1;
  while (i < t.n && (t.p[i] == '.' || (t.p[i] >= '0' && t.p[i] <= '9'))) i++;
  return i == t.n;
}

static int add_datetime(nv_buf *out, const nv_plan *plan, const slot *s) {
  if (s->event != NV_JSON_STRING || s->escaped) return NV_EINVALID;
  nv_str t = s->text;
  char zoned[NV_ISO_SIZE];
  if (t.n < sizeof zoned && lacks_zone(t)) {
    memcpy(zoned, t.p, t.n);
    zoned[t.n] = 'Z';
    t = (nv_str){zoned, t.n + 1};
  }
  if (is_empty_day(plan, t) && t.n > plan->empty_day.n && t.p[plan->empty_day.n] == 'T')
    return nv_buf_add(out, "null", 4);
  if (has_form(t, DAY "T00:00:") && t.p[t.n - 1] == 'Z') {
    size_t i = 17;
    while (i < t.n - 1 && (t.p[i] == '.' || (t.p[i] >= '0' && t.p[i] <= '9'))) i++;
    if (i > 17 && i == t.n - 1) return add_in_quotes(out, t.p, t.n);
  }
  int64_t us;
  char iso[NV_ISO_SIZE];
  if (nv_time_parse_iso(t, &us, NULL) != NV_OK || nv_time_iso(us, -1, iso) != NV_OK)
    return NV_EINVALID;
  return add_in_quotes(out, iso, strlen(iso));
}

static int add_naive(nv_buf *out, const slot *s) {
  if (s->event != NV_JSON_STRING || s->escaped ||
      (!has_form(s->text, DAY " " CLOCK) && !has_form(s->text, DAY "T" CLOCK)))
    return add_any(out, s);
  char iso[] = DAY "T" CLOCK "Z";
  memcpy(iso, s->text.p, 10);
  memcpy(iso + 11, s->text.p + 11, 8);
  return add_in_quotes(out, iso, sizeof iso - 1);
}

static int add_strict(nv_buf *out, const nv_plan *plan, nv_kind kind, const slot *s) {
  switch (kind) {
    case NV_KIND_ANY: return add_any(out, s);
    case NV_KIND_DECIMAL: return add_decimal(out, s);
    case NV_KIND_INTEGER: return add_integer(out, s);
    case NV_KIND_BOOLEAN:
      return s->event == NV_JSON_TRUE || s->event == NV_JSON_FALSE ? add_any(out, s)
                                                                   : NV_EINVALID;
    case NV_KIND_DATE: return add_date(out, plan, s);
    case NV_KIND_DATETIME: return add_datetime(out, plan, s);
    case NV_KIND_NAIVE: return add_naive(out, s);
    default: /* NV_KIND_LINK */
      if (s->event == NV_JSON_ARRAY_BEGIN) return add_list(out, s->text, true);
      return add_any(out, s);
  }
}

static int add_of_kind(nv_buf *out, const nv_plan *plan, nv_kind kind, const slot *s) {
  if (s->event == NV_JSON_NULL) return nv_buf_add(out, "null", 4);
  if (!plan->lenient) return add_strict(out, plan, kind, s);
  if (kind == NV_KIND_DECIMAL && s->event == NV_JSON_STRING) return add_any(out, s);
  int rc = add_strict(out, plan, kind, s);
  return rc == NV_EINVALID ? add_any(out, s) : rc;
}

static const char *const kind_words[] = {"value",   "decimal", "integer", "boolean",
                                         "date",    "datetime", "datetime", "link"};

static int refuse(walk *w, int rc, const nv_column *c, const slot *s) {
  if (rc != NV_EINVALID) return nv_fail(w->err, rc, "records", "%s", nv_code_text(rc));
  char number[24];
  snprintf(number, sizeof number, "%zu", w->out->count + 1);
  bool text = s->event == NV_JSON_STRING || s->event == NV_JSON_NUMBER ||
              s->event == NV_JSON_ARRAY_BEGIN || s->event == NV_JSON_OBJECT_BEGIN;
  int n = s->text.n < 60 ? (int)s->text.n : 60;
  if (text)
    return nv_fail(w->err, rc, number, "%.*s is %.*s, which is no %s", (int)c->name.n,
                   c->name.p, n, s->text.p, kind_words[c->kind]);
  return nv_fail(w->err, rc, number, "%.*s is %s, which is no %s", (int)c->name.n,
                 c->name.p,
                 s->event == NV_JSON_TRUE ? "true" : "false", kind_words[c->kind]);
}

/* ---- the walk ---- */

static int broken(walk *w) {
  return nv_fail(w->err, NV_ESYNTAX, "records", "%s",
                 w->r.why ? w->r.why : "no list of records");
}

/* Goes on behind the value that `event` begins. False: broken text. */
static bool skip(nv_json_reader *r, nv_json_event event) {
  int depth = r->depth;
  if (event != NV_JSON_ARRAY_BEGIN && event != NV_JSON_OBJECT_BEGIN)
    return event != NV_JSON_ERROR;
  while (r->depth >= depth)
    if (nv_json_next(r) == NV_JSON_ERROR) return false;
  return true;
}

/* Reads the value of a column into its slot; a list may hold scalars only. */
static bool take(nv_json_reader *r, slot *s) {
  s->event = nv_json_next(r);
  s->text = r->text;
  s->integer = r->integer;
  s->escaped = r->escaped;
  if (s->event != NV_JSON_ARRAY_BEGIN && s->event != NV_JSON_OBJECT_BEGIN)
    return s->event != NV_JSON_ERROR;
  const char *from = (const char *)r->p - 1;
  int depth = r->depth;
  while (r->depth >= depth) {
    nv_json_event inner = nv_json_next(r);
    if (inner == NV_JSON_ERROR) return false;
    if (inner == NV_JSON_ARRAY_BEGIN || inner == NV_JSON_OBJECT_BEGIN)
      s->event = NV_JSON_OBJECT_BEGIN;
  }
  s->text = (nv_str){from, (size_t)((const char *)r->p - from)};
  return true;
}

/* Column of the key at hand, the `place`-th of its record; -1: none. */
static int column_of(walk *w, int place) {
  nv_str key = w->r.text;
  int *known = place < NV_COLUMNS_MAX ? &w->order[place] : NULL;
  if (known && *known >= 0 && !w->r.escaped &&
      same(w->plan->columns[*known].name, key))
    return *known;
  char plain[256];
  if (w->r.escaped) {
    if (key.n > sizeof plain) return -1;
    key = (nv_str){plain, nv_json_unescape(key, plain)};
  }
  int found = nv_plan_find(w->plan, key);
  if (known && found >= 0) *known = found;
  return found;
}

/* Writes what the slots hold. */
static int write_record(walk *w) {
  nv_records *out = w->out;
  const nv_plan *plan = w->plan;
  int rc = grow(out);
  if (rc != NV_OK) return nv_fail(w->err, rc, "records", "%s", nv_code_text(rc));
  nv_cell_at *cells = out->cells + out->count * (size_t)plan->n;
  for (int i = 0; i < plan->n; i++) {
    cells[i] = (nv_cell_at){0, 0};
    if (!plan->columns[i].aside || w->slots[i].event == NV_JSON_ERROR) continue;
    size_t from = out->text.n;
    rc = add_of_kind(&out->text, plan, plan->columns[i].kind, &w->slots[i]);
    if (rc != NV_OK) return refuse(w, rc, &plan->columns[i], &w->slots[i]);
    cells[i] = (nv_cell_at){(uint32_t)from, (uint32_t)(out->text.n - from)};
  }
  size_t begin = out->text.n;
  rc = nv_buf_addc(&out->text, '{');
  for (int i = 0; i < plan->n; i++) {
    const nv_column *c = &plan->columns[i];
    if (c->aside || w->slots[i].event == NV_JSON_ERROR) continue;
    if (rc == NV_OK && out->text.n > begin + 1) rc = nv_buf_addc(&out->text, ',');
    if (rc == NV_OK) rc = nv_buf_add(&out->text, c->key.p, c->key.n);
    size_t from = out->text.n;
    if (rc == NV_OK) rc = add_of_kind(&out->text, plan, c->kind, &w->slots[i]);
    if (rc != NV_OK) return refuse(w, rc, c, &w->slots[i]);
    cells[i] = (nv_cell_at){(uint32_t)from, (uint32_t)(out->text.n - from)};
  }
  if (rc == NV_OK) rc = nv_buf_addc(&out->text, '}');
  if (rc != NV_OK) return nv_fail(w->err, rc, "records", "%s", nv_code_text(rc));
  out->record[out->count++] =
      (nv_cell_at){(uint32_t)begin, (uint32_t)(out->text.n - begin)};
  return NV_OK;
}

/* One record, behind its brace. */
static int read_record(walk *w) {
  for (int i = 0; i < w->plan->n; i++) w->slots[i].event = NV_JSON_ERROR;
  nv_json_event event;
  for (int place = 0; (event = nv_json_next(&w->r)) == NV_JSON_KEY; place++) {
    int column = column_of(w, place);
    if (column >= 0 ? !take(&w->r, &w->slots[column])
                    : !skip(&w->r, nv_json_next(&w->r)))
      return broken(w);
  }
  return event == NV_JSON_OBJECT_END ? write_record(w) : broken(w);
}

static int read_list(walk *w) {
  nv_json_event event;
  while ((event = nv_json_next(&w->r)) == NV_JSON_OBJECT_BEGIN) {
    int rc = read_record(w);
    if (rc != NV_OK) return rc;
  }
  return event == NV_JSON_ARRAY_END ? NV_OK : broken(w);
}

/* The object around the list. */
static int read_around(walk *w) {
  bool found = false;
  nv_json_event event;
  while ((event = nv_json_next(&w->r)) == NV_JSON_KEY) {
    bool list = !w->r.escaped && same(w->r.text, w->plan->list);
    bool beside = !w->r.escaped && same(w->r.text, w->plan->beside);
    event = nv_json_next(&w->r);
    if (list) {
      if (found || event != NV_JSON_ARRAY_BEGIN) return broken(w);
      int rc = read_list(w);
      if (rc != NV_OK) return rc;
      found = true;
      continue;
    }
    const char *end = (const char *)w->r.p;
    const char *from = event == NV_JSON_STRING || event == NV_JSON_NUMBER
                           ? w->r.text.p - (event == NV_JSON_STRING)
                       : event == NV_JSON_NULL || event == NV_JSON_TRUE ? end - 4
                       : event == NV_JSON_FALSE                        ? end - 5
                                                                       : end - 1;
    if (!skip(&w->r, event)) return broken(w);
    if (beside)
      w->out->beside = (nv_str){from, (size_t)((const char *)w->r.p - from)};
  }
  return event == NV_JSON_OBJECT_END && found ? NV_OK : broken(w);
}

static int read_text(nv_records *r, nv_str text, bool one, nv_error *err) {
  walk *w = malloc(sizeof *w);
  if (!w) return nv_fail(err, NV_ENOMEM, "records", "out of memory");
  w->out = r;
  w->plan = r->plan;
  w->err = err;
  for (int i = 0; i < NV_COLUMNS_MAX; i++) w->order[i] = -1;
  nv_json_open(&w->r, text, NV_JSON_DEPTH);
  nv_json_event event = nv_json_next(&w->r);
  int rc;
  if (one) rc = event == NV_JSON_OBJECT_BEGIN ? read_record(w) : broken(w);
  else if (r->plan->list.n == 0)
    rc = event == NV_JSON_ARRAY_BEGIN ? read_list(w) : broken(w);
  else rc = event == NV_JSON_OBJECT_BEGIN ? read_around(w) : broken(w);
  if (rc == NV_OK && nv_json_next(&w->r) != NV_JSON_END) rc = broken(w);
  free(w);
  return rc;
}

int nv_records_hash(nv_records *r, nv_error *err) {
  if (r->hashes) return NV_OK;
  char *hashes = malloc(r->count ? r->count * NV_RECORD_HASH : 1);
  if (!hashes) return nv_fail(err, NV_ENOMEM, "records", "out of memory");
  for (size_t i = 0; i < r->count; i++) {
    unsigned char sum[NV_SHA256_BYTES];
    int rc = nv_sha256(nv_records_text(r, i), sum, err);
    if (rc != NV_OK) {
      free(hashes);
      return rc;
    }
    nv_hex(sum, NV_RECORD_HASH / 2, hashes + i * NV_RECORD_HASH);
  }
  r->hashes = hashes;
  return NV_OK;
}

int nv_records_read(nv_records *r, nv_str text, nv_error *err) {
  return read_text(r, text, false, err);
}

int nv_records_read_one(nv_records *r, nv_str text, nv_error *err) {
  return read_text(r, text, true, err);
}
