/* store_values - the insides of nv_txn and nv_rows, shared with a backend.
 *
 * Cells hold offsets into one buffer of bytes, so a transaction of thousands of
 * values costs three allocations, and moves between threads as one piece.
 */
#ifndef NV_STORE_VALUES_H
#define NV_STORE_VALUES_H

#include "store.h"

typedef struct nv_cell {
  nv_val_type type;
  uint32_t n; /* length of text or blob */
  int64_t i;  /* integer, or offset into the bytes */
} nv_cell;

typedef struct nv_cells {
  nv_cell *cell;
  size_t n, cap;
  nv_buf bytes;
} nv_cells;

typedef struct nv_step {
  int op;     /* place in nv_store_ops */
  int expect; /* rows, -1 any */
  size_t first;
} nv_step;

struct nv_txn {
  nv_step *steps;
  size_t n, cap;
  nv_cells cells;
};

struct nv_rows {
  size_t columns;
  nv_cells cells; /* the first `columns` are the names */
};

void nv_cells_init(nv_cells *c, size_t max_bytes);
void nv_cells_clear(nv_cells *c);
/* Copies one value to the end. NV_ENOMEM or NV_ETOOLARGE; nothing changed. */
int nv_cells_add(nv_cells *c, nv_val v);
/* Drops everything from cell `n` and byte `bytes` on. */
void nv_cells_cut(nv_cells *c, size_t n, size_t bytes);
nv_val nv_cells_get(const nv_cells *c, size_t i);
/* Bytes of memory in use. */
size_t nv_cells_size(const nv_cells *c);

#endif
