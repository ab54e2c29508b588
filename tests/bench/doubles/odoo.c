#include "odoo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain.h"

enum { USER = 2, CELLS_MAX = 64, METHODS_MAX = 32 };

static struct {
  int version;
  tape tape;
  struct {
    char name[48];
    uint64_t calls;
  } methods[METHODS_MAX];
  uint64_t calls, faults, refused, loaded, read, probed;
} odoo = {.version = 18};

/* One call of a method of a model, whatever protocol it came by. */
typedef struct call {
  const model *m;
  size_t positional, named; /* nodes */
  nv_buf *out;
  const char *fault, *message; /* set when it fails */
} call;

static tape *T(void) { return &odoo.tape; }

static void fail(call *c, const char *name, const char *message) {
  c->fault = name;
  c->message = message;
}

/* An argument, by name or by place; 0 when it is not given. */
static size_t argument(call *c, const char *name, size_t place) {
  size_t node = tape_get(T(), c->named, name);
  return node ? node : tape_item(T(), c->positional, place);
}

static size_t next_of(size_t node) { return T()->nodes[node].next; }

/* ---- reading ---- */

typedef struct field_list {
  int fields[PARTNER_FIELDS_MAX];
  int n;
} field_list;

static bool read_fields(call *c, size_t list, field_list *out) {
  out->n = 0;
  if (!list || T()->nodes[list].kind != TAPE_LIST || T()->nodes[list].n == 0) {
    for (int i = 0; i < c->m->nfields; i++) out->fields[out->n++] = i;
    return true;
  }
  for (size_t i = list + 1; i < next_of(list); i = next_of(i)) {
    int field = model_field_of(c->m, tape_text(T(), i));
    if (field < 0 || out->n == PARTNER_FIELDS_MAX) {
      fail(c, "builtins.ValueError", "Invalid field on the model");
      return false;
    }
    if (field > 0) out->fields[out->n++] = field; /* the id is there anyway */
  }
  return true;
}

static void put_record(call *c, uint32_t id, const field_list *f, bool bare, bool first) {
  putf(c->out, "%s{\"id\":%u", first ? "" : ",", id);
  for (int i = 0; i < f->n; i++) {
    if (f->fields[i] == 0) continue;
    put(c->out, ",\"", 2);
    putz(c->out, c->m->fields[f->fields[i]].name);
    put(c->out, "\":", 2);
    model_put_value(c->out, c->m, id, f->fields[i], bare);
  }
  put(c->out, "}", 1);
  odoo.read++;
}

static bool is_bare(call *c) {
  size_t load = tape_get(T(), c->named, "load");
  return load && T()->nodes[load].kind != TAPE_TEXT;
}

static void do_read(call *c) {
  field_list f;
  size_t ids = argument(c, "ids", 0);
  if (!read_fields(c, argument(c, "fields", 1), &f)) return;
  bool bare = is_bare(c), first = true;
  put(c->out, "[", 1);
  for (size_t i = ids + 1; ids && i < next_of(ids); i = next_of(i)) {
    uint32_t id = (uint32_t)strtoul(tape_text(T(), i).p, NULL, 10);
    if (!model_has(c->m, id)) continue;
    put_record(c, id, &f, bare, first);
    first = false;
  }
  put(c->out, "]", 1);
}

/* ir.model.data is not kept: its rows are the external ids of the partners. */
static void find_xmlids(call *c) {
  nv_str module = {"", 0};
  size_t domain = argument(c, "domain", 0), names = 0;
  for (size_t i = domain + 1; domain && i < next_of(domain); i = next_of(i)) {
    size_t value = tape_item(T(), i, 2);
    if (tape_is(T(), tape_item(T(), i, 0), "module")) module = tape_text(T(), value);
    if (tape_is(T(), tape_item(T(), i, 0), "name")) names = value;
  }
  bool many = names && T()->nodes[names].kind == TAPE_LIST, first = true;
  put(c->out, "[", 1);
  for (size_t i = many ? names + 1 : names; names && i < next_of(names); i = next_of(i)) {
    char xmlid[512];
    nv_str name = tape_text(T(), i);
    int n = snprintf(xmlid, sizeof xmlid, "%.*s.%.*s", (int)module.n, module.p, (int)name.n, name.p);
    uint32_t id = n < (int)sizeof xmlid ? partner_by_xmlid((nv_str){xmlid, (size_t)n}) : 0;
    odoo.probed++;
    if (!id) continue;
    putf(c->out, "%s{\"id\":%u,\"name\":", first ? "" : ",", id);
    put_json_text(c->out, name);
    putf(c->out, ",\"res_id\":%u,\"model\":\"res.partner\"}", id);
    first = false;
  }
  put(c->out, "]", 1);
}

static void do_search(call *c, bool read, bool count) {
  field_list f;
  id_list ids = {0};
  size_t test = tape_get(T(), tape_get(T(), c->named, "context"), "active_test");
  size_t limit = read ? argument(c, "limit", 3) : argument(c, "limit", 2);
  size_t most = limit && T()->nodes[limit].kind == TAPE_NUMBER
                    ? strtoul(tape_text(T(), limit).p, NULL, 10) : SIZE_MAX;
  if (read && !read_fields(c, argument(c, "fields", 1), &f)) return;
  const char *why = domain_search(T(), argument(c, "domain", 0), c->m,
                                  test && T()->nodes[test].kind == TAPE_FALSE, most, &ids);
  if (why) {
    fail(c, "builtins.ValueError", why);
  } else if (count) {
    putf(c->out, "%zu", ids.n);
  } else {
    bool bare = is_bare(c);
    put(c->out, "[", 1);
    for (size_t i = 0; i < ids.n; i++)
      if (read) put_record(c, ids.ids[i], &f, bare, i == 0);
      else putf(c->out, "%s%u", i ? "," : "", ids.ids[i]);
    put(c->out, "]", 1);
  }
  free(ids.ids);
}

/* ---- writing ---- */

/* What a boolean cell or value means; other texts stay as they are. */
static nv_str normal(int field, const model *m, nv_str s) {
  if (m->fields[field].type != T_BOOLEAN) return s;
  bool yes = s.n && (*s.p == '1' || *s.p == 'T' || *s.p == 't' || *s.p == 'y');
  return nv_str_of(yes ? "True" : "False");
}

/* Fields of the columns; -1 stands for the external id. */
static bool read_columns(call *c, size_t list, int *columns, size_t *n) {
  *n = 0;
  for (size_t i = list + 1; list && i < next_of(list); i = next_of(i)) {
    nv_str name = tape_text(T(), i);
    bool is_xmlid = nv_str_eq(name, "id");
    if (name.n > 4 && memcmp(name.p + name.n - 4, "/.id", 4) == 0) name.n -= 4;
    int field = model_field_of(c->m, name);
    if (*n == CELLS_MAX || (!is_xmlid && field < 1)) {
      fail(c, "builtins.ValueError", "Invalid field name");
      return false;
    }
    columns[(*n)++] = is_xmlid ? -1 : field;
  }
  return *n > 0;
}

static size_t read_row(call *c, size_t row, const int *columns, size_t n, cell *cells, nv_str *xmlid) {
  size_t k = 0, column = 0;
  *xmlid = (nv_str){"", 0};
  for (size_t i = row + 1; column < n && i < next_of(row); i = next_of(i), column++) {
    nv_str text = tape_text(T(), i);
    if (columns[column] < 0) *xmlid = text;
    else cells[k++] = (cell){columns[column], normal(columns[column], c->m, text)};
  }
  return k;
}

/* A new partner needs a name: the one refusal that the double knows. */
static bool lacks_name(uint32_t id, const cell *cells, size_t n) {
  bool has = false, blanks = false;
  for (size_t i = 0; i < n; i++)
    if (cells[i].field == PARTNER_name) has = cells[i].text.n > 0, blanks = !has;
  return id ? blanks : !has;
}

static void do_load(call *c) {
  int columns[CELLS_MAX];
  cell cells[CELLS_MAX];
  nv_str xmlid;
  size_t n, data = argument(c, "data", 1), mark = c->out->n, index = 0, bad = 0;
  if (!read_columns(c, argument(c, "fields", 0), columns, &n) || !data) {
    if (!c->fault) fail(c, "builtins.TypeError", "load() is missing arguments");
    return;
  }
  putz(c->out, "{\"ids\":false,\"messages\":[");
  for (size_t row = data + 1; row < next_of(data); row = next_of(row), index++) {
    size_t k = read_row(c, row, columns, n, cells, &xmlid);
    if (!lacks_name(partner_by_xmlid(xmlid), cells, k)) continue;
    putf(c->out, "%s{\"type\":\"error\",\"record\":%zu,\"rows\":{\"from\":%zu,\"to\":%zu},"
         "\"field\":\"name\",\"message\":\"Missing required value for the field 'Name' (name)\"}",
         bad++ ? "," : "", index, index, index);
  }
  if (bad) {
    odoo.refused++;
    putz(c->out, "],\"nextrow\":0}");
    return;
  }
  c->out->n = mark;
  putz(c->out, "{\"ids\":[");
  for (size_t row = data + 1; row < next_of(data); row = next_of(row)) {
    size_t k = read_row(c, row, columns, n, cells, &xmlid);
    uint32_t id = partner_save(partner_by_xmlid(xmlid), xmlid, cells, k);
    putf(c->out, "%s%u", row > data + 1 ? "," : "", id);
    odoo.loaded++;
  }
  putz(c->out, "],\"messages\":[],\"nextrow\":0}");
}

/* Cells of an object of values, as `create` and `write` take them. */
static size_t read_values(call *c, size_t object, cell *cells) {
  size_t k = 0;
  for (size_t i = object + 1; i < next_of(object) && k < CELLS_MAX; i = next_of(i + 1)) {
    int field = model_field_of(c->m, tape_text(T(), i));
    int kind = T()->nodes[i + 1].kind;
    if (field < 1) {
      fail(c, "builtins.ValueError", "Invalid field on the model");
      return 0;
    }
    nv_str text = kind == TAPE_TRUE ? nv_str_of("True") : tape_text(T(), i + 1);
    cells[k++] = (cell){field, normal(field, c->m, text)};
  }
  return k;
}

static void do_create(call *c) {
  cell cells[CELLS_MAX];
  size_t values = argument(c, "vals_list", 0);
  bool many = values && T()->nodes[values].kind == TAPE_LIST;
  if (!values) {
    fail(c, "builtins.TypeError", "create() is missing its values");
    return;
  }
  if (many) put(c->out, "[", 1);
  size_t first = many ? values + 1 : values;
  for (size_t i = first; i < next_of(values); i = next_of(i)) {
    size_t k = read_values(c, i, cells);
    if (!c->fault && lacks_name(0, cells, k))
      fail(c, "odoo.exceptions.ValidationError", "Contacts require a name");
    if (c->fault) return;
    putf(c->out, "%s%u", i > first ? "," : "", partner_save(0, (nv_str){"", 0}, cells, k));
  }
  if (many) put(c->out, "]", 1);
}

static void do_write(call *c) {
  cell cells[CELLS_MAX];
  size_t ids = argument(c, "ids", 0), values = argument(c, "vals", 1);
  size_t k = values ? read_values(c, values, cells) : 0;
  for (size_t i = ids + 1; !c->fault && ids && i < next_of(ids); i = next_of(i)) {
    uint32_t id = (uint32_t)strtoul(tape_text(T(), i).p, NULL, 10);
    if (model_has(c->m, id)) partner_save(id, (nv_str){"", 0}, cells, k);
  }
  putz(c->out, "true");
}

/* Gives existing partners an external id. */
static void create_xmlids(call *c) {
  size_t list = argument(c, "vals_list", 0);
  put(c->out, "[", 1);
  for (size_t i = list + 1; list && i < next_of(list); i = next_of(i)) {
    char xmlid[512];
    nv_str module = tape_text(T(), tape_get(T(), i, "module"));
    nv_str name = tape_text(T(), tape_get(T(), i, "name"));
    uint32_t id = (uint32_t)strtoul(tape_text(T(), tape_get(T(), i, "res_id")).p, NULL, 10);
    int n = snprintf(xmlid, sizeof xmlid, "%.*s.%.*s", (int)module.n, module.p, (int)name.n, name.p);
    nv_str text = {xmlid, (size_t)n};
    if (n >= (int)sizeof xmlid || partner_by_xmlid(text) || !id || id > partners_last()) {
      fail(c, "odoo.exceptions.ValidationError",
           "External IDs must be unique: the pair (module, name) already exists");
      return;
    }
    partner_save(id, text, NULL, 0);
    putf(c->out, "%s%u", i > list + 1 ? "," : "", id);
  }
  put(c->out, "]", 1);
}

/* ---- calls ---- */

static void count_method(nv_str name) {
  for (int i = 0; i < METHODS_MAX; i++) {
    if (!odoo.methods[i].name[0])
      snprintf(odoo.methods[i].name, sizeof odoo.methods[i].name, "%.*s", (int)name.n, name.p);
    if (!nv_str_eq(name, odoo.methods[i].name)) continue;
    odoo.methods[i].calls++;
    return;
  }
}

static void run(call *c, nv_str model_name, nv_str method) {
  odoo.calls++;
  count_method(method);
  c->m = model_of(model_name);
  if (!c->m) {
    fail(c, "odoo.exceptions.UserError", "Object doesn't exist");
    return;
  }
  bool data = strcmp(c->m->name, "ir.model.data") == 0, partners = !c->m->rows;
  if (nv_str_eq(method, "fields_get")) model_put_fields(c->out, c->m);
  else if (nv_str_eq(method, "default_get")) putz(c->out, "{\"lang\":\"en_US\",\"is_company\":false}");
  else if (nv_str_eq(method, "context_get")) putz(c->out, "{\"lang\":\"en_US\",\"tz\":\"UTC\"}");
  else if (data && nv_str_eq(method, "search_read")) find_xmlids(c);
  else if (data && nv_str_eq(method, "create")) create_xmlids(c);
  else if (nv_str_eq(method, "read")) do_read(c);
  else if (nv_str_eq(method, "search_read")) do_search(c, true, false);
  else if (nv_str_eq(method, "search")) do_search(c, false, false);
  else if (nv_str_eq(method, "search_count")) do_search(c, false, true);
  else if (partners && nv_str_eq(method, "load")) do_load(c);
  else if (partners && nv_str_eq(method, "create")) do_create(c);
  else if (partners && nv_str_eq(method, "write")) do_write(c);
  else fail(c, "builtins.AttributeError", "The method does not exist on the model");
}

static void put_fault(call *c) {
  odoo.faults++;
  putf(c->out, "{\"name\":\"%s\",\"message\":\"%s\",\"arguments\":[\"%s\"],\"context\":{},\"debug\":\"\"}",
       c->fault, c->message, c->message);
}

static void put_version(nv_buf *out) {
  putf(out, "{\"server_version\":\"%d.0\",\"server_version_info\":[%d,0,0,\"final\",0,\"\"],"
       "\"server_serie\":\"%d.0\",\"protocol_version\":1}", odoo.version, odoo.version, odoo.version);
}

static int serve_jsonrpc(request *r, nv_buf *out) {
  if (!tape_read(T(), r->body, r->body_n)) {
    putz(out, "{\"error\":\"Invalid JSON data\"}");
    return 400;
  }
  size_t params = tape_get(T(), TAPE_ROOT, "params"), id = tape_get(T(), TAPE_ROOT, "id");
  size_t args = tape_get(T(), params, "args"), method = tape_get(T(), params, "method");
  nv_str id_text = id ? tape_text(T(), id) : nv_str_of("");
  putz(out, "{\"jsonrpc\":\"2.0\",\"id\":");
  put(out, id_text.n ? id_text.p : "null", id_text.n ? id_text.n : 4);
  size_t mark = out->n;
  putz(out, ",\"result\":");
  if (tape_is(T(), tape_get(T(), params, "service"), "common")) {
    odoo.calls++;
    count_method(tape_text(T(), method));
    if (tape_is(T(), method, "version")) put_version(out);
    else putf(out, "%d", USER);
  } else {
    call c = {.out = out, .positional = tape_item(T(), args, 5), .named = tape_item(T(), args, 6)};
    run(&c, tape_text(T(), tape_item(T(), args, 3)), tape_text(T(), tape_item(T(), args, 4)));
    if (c.fault) {
      out->n = mark;
      putz(out, ",\"error\":{\"code\":0,\"message\":\"Odoo Server Error\",\"data\":");
      put_fault(&c);
      put(out, "}", 1);
    }
  }
  put(out, "}", 1);
  return 200;
}

/* /json/2/<model>/<method>, arguments by name, the bare value as answer. */
static int serve_json2(request *r, nv_buf *out) {
  const char *p = r->path.p + 8, *end = r->path.p + r->path.n, *slash = memchr(p, '/', (size_t)(end - p));
  if (!slash || !tape_read(T(), r->body, r->body_n)) {
    putz(out, "{\"name\":\"werkzeug.exceptions.BadRequest\",\"message\":\"not a call\"}");
    return 400;
  }
  size_t mark = out->n;
  call c = {.out = out, .named = TAPE_ROOT};
  run(&c, (nv_str){p, (size_t)(slash - p)}, (nv_str){slash + 1, (size_t)(end - slash - 1)});
  if (!c.fault) return 200;
  out->n = mark;
  put_fault(&c);
  return 422;
}

static bool starts_with(nv_str s, const char *z) {
  return s.n >= strlen(z) && memcmp(s.p, z, strlen(z)) == 0;
}

bool odoo_knows(nv_str path) {
  return nv_str_eq(path, "/jsonrpc") || nv_str_eq(path, "/web/version") || starts_with(path, "/json/2/");
}

int odoo_serve(request *r, nv_buf *out, const char **type) {
  (void)type;
  if (nv_str_eq(r->path, "/jsonrpc")) return serve_jsonrpc(r, out);
  if (starts_with(r->path, "/json/2/")) return serve_json2(r, out);
  putf(out, "{\"version\":\"%d.0\",\"version_info\":[%d,0,0,\"final\",0,\"\"]}", odoo.version, odoo.version);
  return 200;
}

void odoo_open(int version) { odoo.version = version; }

void odoo_close(void) {
  odoo_reset();
  free(odoo.tape.nodes);
}

void odoo_put_stats(nv_buf *out) {
  const partner_counts *p = &partner_count;
  putf(out, "{\"calls\":%llu,\"faults\":%llu,\"refused\":%llu,\"rows_loaded\":%llu,\"rows_read\":%llu,"
       "\"xmlids_asked\":%llu,\"partners\":%u,", (unsigned long long)odoo.calls,
       (unsigned long long)odoo.faults, (unsigned long long)odoo.refused,
       (unsigned long long)odoo.loaded, (unsigned long long)odoo.read,
       (unsigned long long)odoo.probed, partners_last());
  putf(out, "\"created\":%llu,\"updated\":%llu,\"unchanged\":%llu,\"duplicates\":%llu,\"bytes\":%llu,",
       (unsigned long long)p->created, (unsigned long long)p->updated,
       (unsigned long long)p->unchanged, (unsigned long long)p->duplicates,
       (unsigned long long)(p->live_bytes + p->dead_bytes));
  putz(out, "\"methods\":{");
  for (int i = 0; i < METHODS_MAX && odoo.methods[i].name[0]; i++)
    putf(out, "%s\"%s\":%llu", i ? "," : "", odoo.methods[i].name,
         (unsigned long long)odoo.methods[i].calls);
  putz(out, "}}");
}

void odoo_reset(void) {
  int version = odoo.version;
  tape kept = odoo.tape;
  memset(&odoo, 0, sizeof odoo);
  odoo.version = version;
  odoo.tape = kept;
  partners_reset();
}
