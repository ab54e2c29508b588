#include "models.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server.h"

static const model_field partner_fields[] = {
#define X(name, type, relation, readonly) {#name, type, relation, readonly},
    PARTNER_FIELDS(X)
#undef X
};

static const model_field coded[] = {{"id", T_INTEGER, NULL, true},
                                    {"code", T_CHAR, NULL, false},
                                    {"name", T_CHAR, NULL, false},
                                    {"active", T_BOOLEAN, NULL, false}};
static const model_field named[] = {{"id", T_INTEGER, NULL, true},
                                    {"name", T_CHAR, NULL, false},
                                    {"active", T_BOOLEAN, NULL, false}};
static const model_field user_fields[] = {{"id", T_INTEGER, NULL, true},
                                          {"login", T_CHAR, NULL, false},
                                          {"name", T_CHAR, NULL, false},
                                          {"active", T_BOOLEAN, NULL, false},
                                          {"company_id", T_MANY2ONE, "res.company", false}};
static const model_field parameter_fields[] = {{"id", T_INTEGER, NULL, true},
                                               {"key", T_CHAR, NULL, false},
                                               {"value", T_CHAR, NULL, false}};
static const model_field data_fields[] = {{"id", T_INTEGER, NULL, true},
                                          {"module", T_CHAR, NULL, false},
                                          {"name", T_CHAR, NULL, false},
                                          {"model", T_CHAR, NULL, false},
                                          {"res_id", T_INTEGER, NULL, false},
                                          {"noupdate", T_BOOLEAN, NULL, false}};

static const char *const countries[] = {
    "12", "AT", "Austria", "True",         "20", "BE", "Belgium", "True",
    "43", "CH", "Switzerland", "True",     "57", "DE", "Germany", "True",
    "59", "DK", "Denmark", "True",         "75", "FR", "France", "True",
    "88", "GR", "Greece", "True",          "113", "JP", "Japan", "True",
    "165", "NL", "Netherlands", "True",    "179", "PL", "Poland", "True",
    "231", "GB", "United Kingdom", "True", "233", "US", "United States", "True"};
static const char *const languages[] = {
    "1", "en_US", "English (US)", "True", "2", "de_DE", "German", "True",
    "3", "da_DK", "Danish", "True",       "4", "fr_FR", "French", "True",
    "5", "en_GB", "English (UK)", "True", "6", "pl_PL", "Polish", "True",
    "7", "nl_NL", "Dutch", "True"};
static const char *const payment_terms[] = {
    "1", "Immediate Payment", "True", "2", "15 Days", "True", "3", "21 Days", "True",
    "4", "30 Days", "True", "5", "45 Days", "True", "6", "End of Month", "True",
    "7", "14 Days", "True", "8", "1 Month, 2% 8 Days", "True", "9", "10 Days", "True",
    "10", "2 Days", "True", "11", "7 Days", "True", "12", "60 Days", "True"};
static const char *const currencies[] = {"1", "EUR", "True", "2", "USD", "True", "3", "GBP", "True",
                                         "4", "DKK", "True", "5", "PLN", "True"};
static const char *const companies[] = {"1", "Double Inc.", "True"};
static const char *const users[] = {"2", "navodoo@example.com", "Integration", "True", "1"};
static const char *const parameters[] = {"1", "database.uuid",
                                         "00000000-0000-4000-8000-00000000d0b1"};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define TABLE(name, fields, rows) {name, fields, COUNT(fields), rows, COUNT(rows) / COUNT(fields)}

static const model models[] = {
    {"res.partner", partner_fields, PARTNER_FIELD_COUNT, NULL, 0},
    TABLE("res.country", coded, countries),
    TABLE("res.lang", coded, languages),
    TABLE("account.payment.term", named, payment_terms),
    TABLE("res.currency", named, currencies),
    TABLE("res.company", named, companies),
    TABLE("res.users", user_fields, users),
    TABLE("ir.config_parameter", parameter_fields, parameters),
    {"ir.model.data", data_fields, COUNT(data_fields), countries, 0}};

const model *model_of(nv_str name) {
  for (size_t i = 0; i < COUNT(models); i++)
    if (nv_str_eq(name, models[i].name)) return &models[i];
  return NULL;
}

int model_field_of(const model *m, nv_str name) {
  for (int i = 0; i < m->nfields; i++)
    if (nv_str_eq(name, m->fields[i].name)) return i;
  return -1;
}

/* ---- records ---- */

static uint32_t row_id(const model *m, uint32_t k) {
  return (uint32_t)strtoul(m->rows[k * (uint32_t)m->nfields], NULL, 10);
}

uint32_t model_id_at(const model *m, uint32_t k) {
  if (!m->rows) return k < partners_last() ? k + 1 : 0;
  return k < m->nrows ? row_id(m, k) : 0;
}

static int row_of(const model *m, uint32_t id) {
  for (uint32_t k = 0; k < m->nrows; k++)
    if (row_id(m, k) == id) return (int)k;
  return -1;
}

bool model_has(const model *m, uint32_t id) {
  return m->rows ? row_of(m, id) >= 0 : id > 0 && id <= partners_last();
}

static nv_str partner_value(uint32_t id, int field) {
  static char text[32];
  nv_str s;
  struct tm tm;
  time_t at;
  switch (field) {
    case PARTNER_id:
      return (nv_str){text, (size_t)snprintf(text, sizeof text, "%u", id)};
    case PARTNER_display_name: return partner_cell(id, PARTNER_name);
    case PARTNER_create_date:
    case PARTNER_write_date:
      at = partner_saved_at(id);
      gmtime_r(&at, &tm);
      return (nv_str){text, strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm)};
    case PARTNER_active:
      s = partner_cell(id, field);
      return s.n ? s : nv_str_of("True");
    default: return partner_cell(id, field);
  }
}

nv_str model_cell(const model *m, uint32_t id, int field) {
  if (!m->rows) return partner_value(id, field);
  return nv_str_of(m->rows[row_of(m, id) * m->nfields + field]);
}

/* ---- values on the wire ---- */

void put_json_text(nv_buf *b, nv_str s) {
  put(b, "\"", 1);
  size_t begin = 0;
  for (size_t i = 0; i < s.n; i++) {
    unsigned char c = (unsigned char)s.p[i];
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    put(b, s.p + begin, i - begin);
    if (c < 0x20) putf(b, "\\u%04x", c);
    else putf(b, "\\%c", c);
    begin = i + 1;
  }
  put(b, s.p + begin, s.n - begin);
  put(b, "\"", 1);
}

/* As Python shows a float: 1000.0, 12.5. Our cells have few digits, so the digits
 * themselves are the shortest text. */
static void put_float(nv_buf *b, nv_str s) {
  const char *point = s.n ? memchr(s.p, '.', s.n) : NULL;
  if (!s.n) {
    putz(b, "0.0");
  } else if (!point) {
    put(b, s.p, s.n);
    putz(b, ".0");
  } else {
    size_t n = s.n;
    while (s.p[n - 1] == '0' && s.p[n - 2] != '.') n--;
    put(b, s.p, n);
  }
}

static void put_link(nv_buf *b, const model_field *f, nv_str id, bool bare) {
  const model *target = bare ? NULL : model_of(nv_str_of(f->relation));
  uint32_t n = (uint32_t)strtoul(id.p, NULL, 10);
  if (bare || !target || !model_has(target, n)) {
    put(b, id.p, id.n);
    return;
  }
  put(b, "[", 1);
  put(b, id.p, id.n);
  put(b, ",", 1);
  put_json_text(b, model_cell(target, n, model_field_of(target, nv_str_of("name"))));
  put(b, "]", 1);
}

void model_put_value(nv_buf *b, const model *m, uint32_t id, int field, bool bare) {
  const model_field *f = &m->fields[field];
  nv_str s = model_cell(m, id, field);
  char link[24];
  switch (f->type) {
    case T_INTEGER:
      if (s.n) put(b, s.p, s.n);
      else put(b, "0", 1);
      return;
    case T_FLOAT: put_float(b, s); return;
    case T_BOOLEAN: putz(b, nv_str_eq(s, "True") ? "true" : "false"); return;
    case T_MANY2MANY:
      put(b, "[", 1);
      put(b, s.p, s.n);
      put(b, "]", 1);
      return;
    default: break;
  }
  if (!s.n) {
    putz(b, "false");
  } else if (f->type == T_MANY2ONE) {
    snprintf(link, sizeof link, "%.*s", (int)s.n, s.p);
    put_link(b, f, (nv_str){link, strlen(link)}, bare);
  } else if (f->type == T_HTML && s.p[0] != '<') {
    nv_buf html;
    nv_buf_init(&html, 1 << 20);
    putz(&html, "<p>");
    put(&html, s.p, s.n);
    putz(&html, "</p>");
    put_json_text(b, (nv_str){html.p, html.n});
    nv_buf_clear(&html);
  } else {
    put_json_text(b, s);
  }
}

void model_put_fields(nv_buf *b, const model *m) {
  static const char *const types[] = {"char",  "html",    "selection", "datetime", "integer",
                                      "float", "boolean", "many2one",  "many2many"};
  put(b, "{", 1);
  for (int i = 0; i < m->nfields; i++) {
    const model_field *f = &m->fields[i];
    putf(b, "%s\"%s\":{\"type\":\"%s\",\"string\":\"%s\",\"required\":false,\"readonly\":%s,\"store\":true",
         i ? "," : "", f->name, types[f->type], f->name, f->readonly ? "true" : "false");
    if (f->relation) putf(b, ",\"relation\":\"%s\"", f->relation);
    if (strcmp(f->name, "lang") == 0)
      putz(b, ",\"selection\":[[\"en_US\",\"English\"],[\"en_GB\",\"English (UK)\"],[\"de_DE\",\"German\"],"
              "[\"da_DK\",\"Danish\"],[\"fr_FR\",\"French\"],[\"pl_PL\",\"Polish\"],[\"nl_NL\",\"Dutch\"]]");
    else if (f->type == T_SELECTION)
      putz(b, ",\"selection\":[[\"contact\",\"Contact\"],[\"invoice\",\"Invoice\"],[\"other\",\"Other\"]]");
    put(b, "}", 1);
  }
  put(b, "}", 1);
}
