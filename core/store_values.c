#include "store_values.h"

#include <stdlib.h>
#include <string.h>

#include "store_schema.h"

/* ---- cells ---- */

void nv_cells_init(nv_cells *c, size_t max_bytes) {
  *c = (nv_cells){0};
  nv_buf_init(&c->bytes, max_bytes);
}

void nv_cells_clear(nv_cells *c) {
  free(c->cell);
  c->cell = NULL;
  c->n = c->cap = 0;
  nv_buf_clear(&c->bytes);
}

size_t nv_cells_size(const nv_cells *c) {
  return c->n * sizeof *c->cell + c->bytes.n;
}

int nv_cells_add(nv_cells *c, nv_val v) {
  if (nv_cells_size(c) + v.s.n > c->bytes.max) return NV_ETOOLARGE;
  if (c->n == c->cap) {
    size_t cap = c->cap ? c->cap * 2 : 64;
    nv_cell *cell = realloc(c->cell, cap * sizeof *cell);
    if (!cell) return NV_ENOMEM;
    c->cell = cell;
    c->cap = cap;
  }
  nv_cell cell = {.type = v.type, .i = v.i};
  if (v.type == NV_VAL_TEXT || v.type == NV_VAL_BLOB) {
    cell.i = (int64_t)c->bytes.n;
    cell.n = (uint32_t)v.s.n; /* max_bytes is far below 4 GiB */
    int rc = nv_buf_add(&c->bytes, v.s.p, v.s.n);
    if (rc == NV_OK) rc = nv_buf_addc(&c->bytes, 0); /* names are C strings */
    if (rc != NV_OK) {
      if (c->bytes.n > (size_t)cell.i) c->bytes.n = (size_t)cell.i;
      return rc;
    }
  }
  c->cell[c->n++] = cell;
  return NV_OK;
}

void nv_cells_cut(nv_cells *c, size_t n, size_t bytes) {
  c->n = n;
  c->bytes.n = bytes;
}

nv_val nv_cells_get(const nv_cells *c, size_t i) {
  const nv_cell *cell = &c->cell[i];
  nv_val v = {.type = cell->type};
  if (cell->type == NV_VAL_INT) v.i = cell->i;
  else if (cell->type != NV_VAL_NULL)
    v.s = (nv_str){c->bytes.p + cell->i, cell->n};
  return v;
}

/* ---- transactions ---- */

nv_txn *nv_txn_new(void) {
  nv_txn *t = calloc(1, sizeof *t);
  if (t) nv_cells_init(&t->cells, NV_TXN_MAX);
  return t;
}

void nv_txn_free(nv_txn *t) {
  if (!t) return;
  nv_cells_clear(&t->cells);
  free(t->steps);
  free(t);
}

int nv_store_find(const nv_store_sql *list, int count, const char *name) {
  for (int i = 0; i < count; i++)
    if (strcmp(list[i].name, name) == 0) return i;
  return -1;
}

int nv_txn_arity(const char *op_name) {
  int op = nv_store_find(nv_store_ops, nv_store_ops_count, op_name);
  return op < 0 ? -1 : nv_store_ops[op].arity;
}

int nv_txn_find(const char *op_name) {
  return nv_store_find(nv_store_ops, nv_store_ops_count, op_name);
}

const char *nv_txn_name(int op) {
  return op >= 0 && op < nv_store_ops_count ? nv_store_ops[op].name : NULL;
}

int nv_txn_arity_of(int op) { return nv_store_ops[op].arity; }

int nv_query_arity(const char *name) {
  int q = nv_store_find(nv_store_queries, nv_store_queries_count, name);
  return q < 0 ? -1 : nv_store_queries[q].arity;
}

int nv_txn_append(nv_txn *t, int op, const nv_val *vals, size_t n,
                  int expect_rows, nv_error *err) {
  const char *op_name = nv_store_ops[op].name;
  if ((size_t)nv_store_ops[op].arity != n)
    return nv_fail(err, NV_EINVALID, op_name, "%s takes %d values, got %zu",
                   op_name, nv_store_ops[op].arity, n);
  if (t->n == t->cap) {
    size_t cap = t->cap ? t->cap * 2 : 8;
    nv_step *steps = realloc(t->steps, cap * sizeof *steps);
    if (!steps) return nv_fail(err, NV_ENOMEM, op_name, "out of memory");
    t->steps = steps;
    t->cap = cap;
  }
  size_t first = t->cells.n, bytes = t->cells.bytes.n;
  for (size_t i = 0; i < n; i++) {
    int rc = nv_cells_add(&t->cells, vals[i]);
    if (rc == NV_OK) continue;
    nv_cells_cut(&t->cells, first, bytes);
    if (rc == NV_ENOMEM) return nv_fail(err, rc, op_name, "out of memory");
    return nv_fail(err, rc, op_name, "%s: the transaction would pass %d MiB",
                   op_name, NV_TXN_MAX >> 20);
  }
  t->steps[t->n++] = (nv_step){.op = op, .expect = expect_rows, .first = first};
  return NV_OK;
}

int nv_txn_add(nv_txn *t, const char *op_name, const nv_val *vals, size_t n,
               int expect_rows, nv_error *err) {
  int op = nv_txn_find(op_name);
  if (op < 0)
    return nv_fail(err, NV_EINVALID, "store", "no operation '%s'", op_name);
  return nv_txn_append(t, op, vals, n, expect_rows, err);
}

/* ---- rows ---- */

size_t nv_rows_count(const nv_rows *r) {
  return r && r->columns ? r->cells.n / r->columns - 1 : 0;
}

size_t nv_rows_columns(const nv_rows *r) { return r ? r->columns : 0; }

const char *nv_rows_name(const nv_rows *r, size_t column) {
  return column < nv_rows_columns(r) ? nv_cells_get(&r->cells, column).s.p : "";
}

nv_val nv_rows_get(const nv_rows *r, size_t row, size_t column) {
  if (row >= nv_rows_count(r) || column >= r->columns) return nv_val_null();
  return nv_cells_get(&r->cells, (row + 1) * r->columns + column);
}

nv_val nv_rows_named(const nv_rows *r, size_t row, const char *column) {
  for (size_t i = 0; i < nv_rows_columns(r); i++)
    if (strcmp(nv_rows_name(r, i), column) == 0) return nv_rows_get(r, row, i);
  return nv_val_null();
}
