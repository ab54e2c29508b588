/* nav - OData V4 as NAV 2018 answers it, for one page: customers. */
#include "nav.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "customers.h"
#include "server.h"

enum { PAGE = 1000, EQUALS_MAX = 512, TEXT_MAX = 16 * 1024 };

static struct {
  uint64_t pages, rows, metadata, refused;
} count;

/* What a request asks for. */
typedef struct question {
  uint32_t from, to; /* ranks, `to` exclusive */
  uint32_t equals[EQUALS_MAX];
  size_t nequals;
  bool only_equals;
  char low[DATE_SIZE], high[DATE_SIZE]; /* stamps, both inclusive */
  bool by_stamp;                        /* order by stamp first */
  int fields[CUSTOMER_FIELD_COUNT];
  int nfields;
  uint32_t top;
  bool has_top;
} question;

static int refuse(nv_buf *out, int status, const char *code, const char *fmt, const char *what) {
  count.refused++;
  putf(out, "{\"error\":{\"code\":\"%s\",\"message\":\"", code);
  putf(out, fmt, what);
  putz(out, "\"}}");
  return status;
}

/* ---- reading the question ---- */

static int field_of(const char *name, size_t n) {
  for (int i = 0; i < CUSTOMER_FIELD_COUNT; i++)
    if (strlen(customer_fields[i].name) == n && memcmp(customer_fields[i].name, name, n) == 0)
      return i;
  return -1;
}

static bool read_select(question *q, const char *list) {
  q->nfields = 0;
  for (const char *p = list; *p;) {
    size_t n = strcspn(p, ",");
    int field = field_of(p, n);
    if (field < 0 || q->nfields == CUSTOMER_FIELD_COUNT) return false;
    q->fields[q->nfields++] = field;
    p += n + (p[n] == ',');
  }
  return q->nfields > 0;
}

static void next_day(char day[DATE_SIZE]) {
  /* Only compared, so a 32nd will do. */
  if (day[9] < '9') day[9]++;
  else day[8]++, day[9] = '0';
}

static void day_before(char day[DATE_SIZE]) {
  if (day[9] > '0') day[9]--;
  else day[8]--, day[9] = '9';
}

static bool narrow_no(question *q, const char *op, nv_str value) {
  uint32_t rank;
  bool known = customer_rank(value, &rank);
  uint32_t n = customers_count();
  if (strcmp(op, "eq") == 0) {
    q->only_equals = true;
    if (known && q->nequals < EQUALS_MAX) q->equals[q->nequals++] = rank;
    return true;
  }
  /* A No. that nobody has sorts before all (in front of "C") or behind them. */
  uint32_t at = known ? rank : value.n && value.p[0] >= 'C' ? n : 0;
  if (strcmp(op, "gt") == 0) at += known;
  else if (strcmp(op, "ge") != 0 && strcmp(op, "lt") != 0 && strcmp(op, "le") != 0) return false;
  if (op[0] == 'g' && at > q->from) q->from = at;
  if (strcmp(op, "le") == 0) at += known;
  if (op[0] == 'l' && at < q->to) q->to = at;
  return true;
}

static bool narrow_stamp(question *q, const char *op, nv_str value) {
  char day[DATE_SIZE];
  if (value.n < 10) return false;
  memcpy(day, value.p, 10);
  day[10] = 0;
  if (strcmp(op, "gt") == 0) next_day(day);
  if (strcmp(op, "lt") == 0) day_before(day);
  bool low = op[0] == 'g' || op[0] == 'e', high = op[0] == 'l' || op[0] == 'e';
  if (low && strcmp(day, q->low) > 0) memcpy(q->low, day, DATE_SIZE);
  if (high && strcmp(day, q->high) < 0) memcpy(q->high, day, DATE_SIZE);
  return low || high;
}

/* `field op literal`, any number of them, joined by `and`, or by `or` over No. */
static bool read_filter(question *q, const char *p) {
  while (*p) {
    char name[64], op[8];
    int used = 0;
    if (sscanf(p, " %63[A-Za-z0-9_] %7[a-z] %n", name, op, &used) < 2 || !used) return false;
    p += used;
    nv_str value = {p, strcspn(p, " ")};
    if (*p == '\'') {
      const char *end = strchr(p + 1, '\'');
      if (!end) return false;
      value = (nv_str){p + 1, (size_t)(end - p - 1)};
      p = end + 1;
    } else {
      p += value.n;
    }
    bool fine = strcmp(name, "No") == 0                   ? narrow_no(q, op, value)
                : strcmp(name, "Last_Date_Modified") == 0 ? narrow_stamp(q, op, value)
                                                          : false;
    if (!fine) return false;
    while (*p == ' ') p++;
    size_t word = strcspn(p, " ");
    if (word && !(word == 3 && memcmp(p, "and", 3) == 0) && !(word == 2 && memcmp(p, "or", 2) == 0))
      return false;
    p += word;
  }
  return true;
}

static void open_question(question *q) {
  memset(q, 0, sizeof *q);
  q->to = customers_count();
  strcpy(q->low, "0000-00-00");
  strcpy(q->high, "9999-99-99");
  for (int i = 0; i < CUSTOMER_FIELD_COUNT; i++) q->fields[q->nfields++] = i;
}

/* ---- the answer ---- */

typedef struct page {
  nv_buf *out;
  const question *q;
  uint32_t rows, limit, last;
  bool more;
} page;

/* False when the page is full. */
static bool add_row(page *p, uint32_t rank) {
  const question *q = p->q;
  if (p->rows == p->limit) {
    p->more = true;
    return false;
  }
  if (nv_buf_reserve(p->out, 4096) != NV_OK) must(NULL);
  putz(p->out, p->rows++ ? ",{" : "{");
  customer_etag_put(p->out, rank);
  for (int i = 0; i < q->nfields; i++) {
    const char *name = customer_fields[q->fields[i]].name;
    put(p->out, ",\"", 2);
    putz(p->out, name);
    put(p->out, "\":", 2);
    customer_field_put(p->out, rank, q->fields[i]);
  }
  put(p->out, "}", 1);
  p->last = rank;
  return true;
}

static bool in_range(const question *q, uint32_t rank) {
  char stamp[DATE_SIZE];
  if (q->low[0] == '0' && q->high[0] == '9') return true;
  customer_stamp(rank, stamp);
  return strcmp(stamp, q->low) >= 0 && strcmp(stamp, q->high) <= 0;
}

static int by_rank(const void *a, const void *b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return (x > y) - (x < y);
}

static void add_equals(page *p, question *q) {
  qsort(q->equals, q->nequals, sizeof q->equals[0], by_rank);
  for (size_t i = 0; i < q->nequals; i++) {
    uint32_t rank = q->equals[i];
    if (i > 0 && rank == q->equals[i - 1]) continue;
    if (rank >= q->from && rank < q->to && in_range(q, rank) && !add_row(p, rank)) return;
  }
}

static void add_by_no(page *p, const question *q) {
  for (uint32_t rank = q->from; rank < q->to; rank++)
    if (in_range(q, rank) && !add_row(p, rank)) return;
}

/* Day after day: the next day is the lowest above the last one. */
static void add_by_stamp(page *p, const question *q) {
  char day[DATE_SIZE], next[DATE_SIZE], stamp[DATE_SIZE];
  for (day[0] = 0;; memcpy(day, next, DATE_SIZE)) {
    strcpy(next, "9999-99-99");
    bool any = false;
    for (uint32_t rank = q->from; rank < q->to; rank++) {
      if (!in_range(q, rank)) continue;
      customer_stamp(rank, stamp);
      if (strcmp(stamp, day) > 0 && strcmp(stamp, next) < 0) memcpy(next, stamp, DATE_SIZE), any = true;
    }
    if (!any) return;
    for (uint32_t rank = q->from; rank < q->to; rank++) {
      customer_stamp(rank, stamp);
      if (strcmp(stamp, next) == 0 && in_range(q, rank) && !add_row(p, rank)) return;
    }
  }
}

static void put_next_link(request *r, nv_buf *out, uint32_t last) {
  char no[NO_SIZE];
  customer_no(last, no);
  putz(out, ",\"@odata.nextLink\":\"http://127.0.0.1:");
  putf(out, "%d", serve_port);
  put(out, r->path.p, r->path.n);
  putf(out, "?$skiptoken='%s'", no);
  for (const char *p = r->query.p, *end = p + r->query.n; p < end;) {
    const char *amp = memchr(p, '&', (size_t)(end - p));
    if (!amp) amp = end;
    nv_str part = {p, (size_t)(amp - p)};
    if (!memmem(part.p, part.n, "skiptoken=", 10)) {
      put(out, "&", 1);
      put(out, part.p, part.n);
    }
    p = amp + 1;
  }
  put(out, "\"", 1);
}

static int list(request *r, nv_buf *out, const char *entity) {
  static char text[TEXT_MAX];
  question q;
  uint32_t rank;
  open_question(&q);
  if (query_get(r->query, "$select", text, sizeof text) && !read_select(&q, text))
    return refuse(out, 400, "BadRequest", "Could not find a property in '%s'.", "$select");
  if (query_get(r->query, "$filter", text, sizeof text) && !read_filter(&q, text))
    return refuse(out, 400, "BadRequest", "The filter is not understood: %s", "see nav.c");
  if (query_get(r->query, "$orderby", text, sizeof text))
    q.by_stamp = strncmp(text, "Last_Date_Modified", 18) == 0;
  if (query_get(r->query, "$skiptoken", text, sizeof text) &&
      customer_rank((nv_str){text + 1, strlen(text) > 2 ? strlen(text) - 2 : 0}, &rank) &&
      rank + 1 > q.from)
    q.from = rank + 1;
  q.has_top = query_get(r->query, "$top", text, sizeof text);
  if (q.has_top) q.top = (uint32_t)strtoul(text, NULL, 10);

  page p = {.out = out, .q = &q, .limit = q.has_top && q.top < PAGE ? q.top : PAGE};
  putf(out, "{\"@odata.context\":\"http://127.0.0.1/ODataV4/$metadata#Company/%s\",\"value\":[", entity);
  if (q.only_equals) add_equals(&p, &q);
  else if (q.by_stamp) add_by_stamp(&p, &q);
  else add_by_no(&p, &q);
  put(out, "]", 1);
  if (p.more && !q.has_top && !q.only_equals && !q.by_stamp) put_next_link(r, out, p.last);
  put(out, "}", 1);
  count.pages++;
  count.rows += p.rows;
  return 200;
}

static int metadata(nv_buf *out, const char **type) {
  static const char *const kinds[] = {"Edm.String", "Edm.String", "Edm.Decimal", "Edm.Int32",
                                      "Edm.Boolean", "Edm.String", "Edm.Date"};
  static const char *const entities[] = {"CustomerCard", "CustomerList", "Customers"};
  count.metadata++;
  *type = "application/xml";
  putz(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?><edmx:Edmx Version=\"4.0\" "
            "xmlns:edmx=\"http://docs.oasis-open.org/odata/ns/edmx\"><edmx:DataServices>"
            "<Schema Namespace=\"NAV\" xmlns=\"http://docs.oasis-open.org/odata/ns/edm\">");
  for (int e = 0; e < 3; e++) {
    putf(out, "<EntityType Name=\"%s\"><Key><PropertyRef Name=\"No\"/></Key>", entities[e]);
    for (int i = 0; i < CUSTOMER_FIELD_COUNT; i++) {
      const customer_field *f = &customer_fields[i];
      putf(out, "<Property Name=\"%s\" Type=\"%s\"", f->name, kinds[f->kind]);
      if (f->max) putf(out, " MaxLength=\"%d\"", f->max);
      putz(out, "/>");
    }
    putz(out, "</EntityType>");
  }
  putz(out, "<EntityContainer Name=\"NAV\">");
  for (int e = 0; e < 3; e++)
    putf(out, "<EntitySet Name=\"%s\" EntityType=\"NAV.%s\"/>", entities[e], entities[e]);
  putz(out, "</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>");
  return 200;
}

int nav_serve(request *r, nv_buf *out, const char **type) {
  char path[1024];
  if (r->path.n >= sizeof path) return refuse(out, 404, "BadRequest_NotFound", "%s", "too long");
  percent_decode(r->path, path);
  char *entity = strrchr(path, '/') + 1;
  if (!nv_str_eq(r->method, "GET"))
    return refuse(out, 405, "BadRequest_MethodNotAllowed", "%s only reads", "the double");
  if (strcmp(entity, "$metadata") == 0) return metadata(out, type);
  *type = "application/json; odata.metadata=minimal";
  if (strstr(path, "/Company(") && (strcmp(entity, "CustomerCard") == 0 ||
      strcmp(entity, "CustomerList") == 0 || strcmp(entity, "Customers") == 0))
    return list(r, out, entity);
  return refuse(out, 404, "BadRequest_NotFound", "No HTTP resource was found that matches the "
                "request URI (%s)", "NAV double");
}

void nav_put_stats(nv_buf *out) {
  putf(out, "{\"pages\":%llu,\"rows\":%llu,\"metadata\":%llu,\"refused\":%llu}",
       (unsigned long long)count.pages, (unsigned long long)count.rows,
       (unsigned long long)count.metadata, (unsigned long long)count.refused);
}

void nav_reset(void) { memset(&count, 0, sizeof count); }
