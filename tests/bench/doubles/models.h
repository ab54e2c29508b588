/* models - the models of the Odoo double: fields, and the small tables as rows.
 *
 * Partners have their rows in partners.h; the others are constant. A value is a text
 * as `load` takes it; what a read answers follows from the type of the field.
 */
#ifndef DOUBLE_MODELS_H
#define DOUBLE_MODELS_H

#include "partners.h"

typedef enum field_type {
  T_CHAR, T_HTML, T_SELECTION, T_DATETIME, T_INTEGER, T_FLOAT, T_BOOLEAN, T_MANY2ONE, T_MANY2MANY
} field_type;

typedef struct model_field {
  const char *name;
  field_type type;
  const char *relation;
  bool readonly;
} model_field;

/* name, type, relation, readonly; id comes first. `active` is the one default. */
#define PARTNER_FIELDS(X)                                                              \
  X(id, T_INTEGER, NULL, true) X(name, T_CHAR, NULL, false) X(ref, T_CHAR, NULL, false) \
  X(street, T_CHAR, NULL, false) X(street2, T_CHAR, NULL, false)                       \
  X(zip, T_CHAR, NULL, false) X(city, T_CHAR, NULL, false)                             \
  X(country_id, T_MANY2ONE, "res.country", false) X(phone, T_CHAR, NULL, false)        \
  X(email, T_CHAR, NULL, false) X(website, T_CHAR, NULL, false)                        \
  X(lang, T_SELECTION, NULL, false) X(vat, T_CHAR, NULL, false)                        \
  X(is_company, T_BOOLEAN, NULL, false)                                                \
  X(property_payment_term_id, T_MANY2ONE, "account.payment.term", false)               \
  X(credit_limit, T_FLOAT, NULL, false) X(user_id, T_MANY2ONE, "res.users", false)     \
  X(active, T_BOOLEAN, NULL, false) X(customer_rank, T_INTEGER, NULL, false)           \
  X(supplier_rank, T_INTEGER, NULL, false) X(comment, T_HTML, NULL, false)             \
  X(type, T_SELECTION, NULL, false) X(parent_id, T_MANY2ONE, "res.partner", false)     \
  X(company_id, T_MANY2ONE, "res.company", false)                                      \
  X(category_id, T_MANY2MANY, "res.partner.category", false)                           \
  X(function, T_CHAR, NULL, false) X(barcode, T_CHAR, NULL, false)                     \
  X(x_nav_currency, T_CHAR, NULL, false) X(x_nav_payment_terms, T_CHAR, NULL, false)   \
  X(x_nav_modified, T_CHAR, NULL, false) X(display_name, T_CHAR, NULL, true)           \
  X(email_normalized, T_CHAR, NULL, true)                                              \
  X(create_date, T_DATETIME, NULL, true) X(write_date, T_DATETIME, NULL, true)

enum {
#define X(name, type, relation, readonly) PARTNER_##name,
  PARTNER_FIELDS(X)
#undef X
  PARTNER_FIELD_COUNT
};
_Static_assert(PARTNER_FIELD_COUNT < PARTNER_FIELDS_MAX - 1, "too many fields for partners.c");

typedef struct model {
  const char *name;
  const model_field *fields;
  int nfields;
  const char *const *rows; /* nrows times nfields texts, in the order of ids; NULL: partners */
  uint32_t nrows;
} model;

const model *model_of(nv_str name);
/* -1 when the model has no such field. */
int model_field_of(const model *m, nv_str name);
/* The ids of a model in order: `k` counts from 0; 0 behind the last one. */
uint32_t model_id_at(const model *m, uint32_t k);
bool model_has(const model *m, uint32_t id);
/* The cell of a record; a text of a static buffer where it is computed. */
nv_str model_cell(const model *m, uint32_t id, int field);

/* Appends a value as a read answers it; `bare`: links as ids without their names. */
void model_put_value(nv_buf *b, const model *m, uint32_t id, int field, bool bare);
/* Appends the answer of fields_get. */
void model_put_fields(nv_buf *b, const model *m);
/* Appends a JSON text with its quotes. */
void put_json_text(nv_buf *b, nv_str s);

#endif
