/* partners - what was loaded into the Odoo double: records of cells, kept compactly.
 *
 * A record is one run of bytes: its external id and the cells that are not blank.
 * An update writes a new run and leaves the old one behind, as a log would. External
 * ids, and the fields that records are searched by, have an index.
 */
#ifndef DOUBLE_PARTNERS_H
#define DOUBLE_PARTNERS_H

#include "../../../core/nv.h"

enum { PARTNER_FIELDS_MAX = 64 };

typedef struct cell {
  int field; /* index into partner_fields (models.h) */
  nv_str text;
} cell;

typedef struct partner_counts {
  uint64_t created, updated, unchanged, duplicates, live_bytes, dead_bytes;
} partner_counts;
extern partner_counts partner_count;

/* The highest id; ids count from 1. */
uint32_t partners_last(void);
/* The record with that external id ("module.name"), 0 when there is none. */
uint32_t partner_by_xmlid(nv_str xmlid);
/* Creates (id 0) or updates a record; blank cells clear. `xmlid` may be empty, and
 * is then kept as it was. Returns the id. A new record whose `ref` somebody has is
 * counted as a duplicate. */
uint32_t partner_save(uint32_t id, nv_str xmlid, const cell *cells, size_t n);
/* A cell, empty when it is blank. Borrowed until the next save. */
nv_str partner_cell(uint32_t id, int field);
nv_str partner_xmlid(uint32_t id);
/* Seconds since the epoch of the last save. */
uint32_t partner_saved_at(uint32_t id);

/* True when records can be found by that field without looking at all of them. */
bool partner_is_indexed(int field);
/* Calls `each` for every record that has the value. */
void partner_find(int field, nv_str value, void (*each)(uint32_t id, void *arg), void *arg);

void partners_reset(void);

#endif
