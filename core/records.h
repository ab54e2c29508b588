/* records - the records of a list in a JSON text: typed, canonical, not yet built.
 *
 * A page of a foreign system is read in one walk. For every record its canonical
 * text is made (declared fields only, keys sorted, numbers without needless zeros),
 * which is what is stored, hashed and compared; a caller builds values only of the
 * records that it needs. The same text comes out of json.canonical.
 *
 *     plan = columns with their kinds and the place of the list
 *     list = plan applied to a text: count, and for each record a text and cells
 *
 * The text comes from strangers: strict JSON as in json.h, and a value that is not
 * of its column's kind is named. Threading: any thread, one list per thread.
 */
#ifndef NV_RECORDS_H
#define NV_RECORDS_H

#include "json.h"

typedef enum nv_kind {
  NV_KIND_ANY,      /* a scalar or a list of scalars, as it is */
  NV_KIND_DECIMAL,  /* a number, also one in quotes */
  NV_KIND_INTEGER,  /* the same without fraction */
  NV_KIND_BOOLEAN,
  NV_KIND_DATE,     /* YYYY-MM-DD, what follows is dropped */
  NV_KIND_DATETIME, /* ISO 8601, UTC where it names no offset; UTC in the record */
  NV_KIND_NAIVE,    /* "YYYY-MM-DD hh:mm:ss", UTC without saying so; lenient */
  NV_KIND_LINK,     /* an id, or a pair that begins with one; lenient */
} nv_kind;

enum { NV_COLUMNS_MAX = 512, NV_CELLS_MAX = 4 << 20, NV_RECORD_HASH = 32 };

typedef struct nv_column {
  nv_str name;
  nv_kind kind;
  bool aside; /* has a cell, but is no part of the record */
  nv_str key; /* set by the plan: the name in quotes with its colon */
} nv_column;

typedef struct nv_plan {
  nv_column *columns; /* sorted by name, bytewise */
  int n;
  nv_str list;      /* key of the list; empty: the text is the list */
  nv_str beside;    /* key of another value that is wanted, such as the next page's address */
  nv_str empty_day; /* a date or instant that begins so is null; empty: none does */
  bool lenient;     /* a value of another kind stays as it is, instead of being refused */
  int users;
} nv_plan;

typedef struct nv_cell_at {
  uint32_t at, n; /* of its canonical text; n is 0 when the record lacks it */
} nv_cell_at;

typedef struct nv_records {
  const nv_plan *plan; /* borrowed */
  size_t count;
  nv_buf text;        /* canonical texts of all */
  nv_cell_at *cells;  /* plan->n for each record */
  nv_cell_at *record; /* whole text of each */
  size_t cap;
  char *hashes;  /* NV_RECORD_HASH characters for each, once they are made */
  nv_str beside; /* that value as it was written, borrowed from the text; n 0: none */
} nv_records;

/* Copies and sorts the columns. NULL: out of memory. NV_COLUMNS_MAX at most. */
nv_plan *nv_plan_new(const nv_column *columns, int n, nv_str list, nv_str beside,
                     nv_str empty_day, bool lenient);
/* One more user, and one less: the last one frees it. On one thread; NULL can be freed. */
void nv_plan_keep(nv_plan *p);
void nv_plan_free(nv_plan *p);
/* Place of a column, -1: there is none. */
int nv_plan_find(const nv_plan *p, nv_str name);

void nv_records_init(nv_records *r, const nv_plan *plan, size_t max_bytes);
void nv_records_clear(nv_records *r);
/* Reads a text into an empty list. NV_ESYNTAX: not JSON, or no list of objects in
 * its place. NV_EINVALID: a value is not of its column's kind: `err` says which, and
 * where = the number of the record, from 1. NV_ENOMEM, NV_ETOOLARGE. */
int nv_records_read(nv_records *r, nv_str text, nv_error *err);
/* The same for a text that is one record. */
int nv_records_read_one(nv_records *r, nv_str text, nv_error *err);

/* Makes the hashes of all records, if they are not made yet: half of the SHA-256 of
 * each text, in hex. */
int nv_records_hash(nv_records *r, nv_error *err);

nv_str nv_records_text(const nv_records *r, size_t i);
/* Canonical text of one cell; n is 0 when the record lacks it. */
nv_str nv_records_cell(const nv_records *r, size_t i, int column);

#endif
