#include "partners.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "models.h"
#include "server.h"

enum { BLOCK = 1 << 20, XMLID = 63 /* as if it were a field, for the index */ };

/* One run: length of the external id, the external id, then cells as field number,
 * length, bytes; `n` is that of the whole run. */
typedef struct run {
  uint32_t n;
  uint16_t xmlid_n;
  char bytes[];
} run;

enum { RUN_HEAD = offsetof(run, bytes) };

typedef struct slot {
  uint32_t id; /* 0: free */
  uint32_t check;
} slot;

static struct {
  run **runs; /* by id - 1 */
  uint32_t *saved_at;
  uint32_t n, cap;
  char **blocks;
  size_t nblocks, block_used;
  slot *slots; /* open addressing; a slot may be stale, so finds look at the cell */
  size_t nslots, used;
} store;

partner_counts partner_count;

/* ---- runs ---- */

static run *new_run(size_t n) {
  n = (n + 7) & ~(size_t)7;
  if (!store.nblocks || store.block_used + n > BLOCK) {
    store.blocks = must(realloc(store.blocks, (store.nblocks + 1) * sizeof *store.blocks));
    store.blocks[store.nblocks++] = must(malloc(n > BLOCK ? n : BLOCK));
    store.block_used = 0;
  }
  run *r = (run *)(store.blocks[store.nblocks - 1] + store.block_used);
  store.block_used += n;
  return r;
}

static void read_cells(const run *r, nv_str cells[PARTNER_FIELDS_MAX]) {
  const char *p = r->bytes + r->xmlid_n, *end = (const char *)r + r->n;
  while (p < end) {
    uint16_t n;
    int field = *p++;
    memcpy(&n, p, sizeof n);
    p += sizeof n;
    cells[field] = (nv_str){p, n};
    p += n;
  }
}

static run *write_run(nv_str xmlid, const nv_str cells[PARTNER_FIELDS_MAX]) {
  size_t n = RUN_HEAD + xmlid.n;
  for (int f = 0; f < PARTNER_FIELDS_MAX; f++)
    if (cells[f].n) n += 3 + cells[f].n;
  run *r = new_run(n);
  r->n = (uint32_t)n;
  r->xmlid_n = (uint16_t)xmlid.n;
  char *p = r->bytes;
  if (xmlid.n) memcpy(p, xmlid.p, xmlid.n);
  p += xmlid.n;
  for (int f = 0; f < PARTNER_FIELDS_MAX; f++) {
    if (!cells[f].n) continue;
    uint16_t length = (uint16_t)cells[f].n;
    *p++ = (char)f;
    memcpy(p, &length, sizeof length);
    memcpy(p + sizeof length, cells[f].p, length);
    p += sizeof length + length;
  }
  return r;
}

/* ---- index ---- */

static uint64_t hash_of(int field, nv_str s) {
  uint64_t h = 0xcbf29ce484222325u + (uint64_t)field * 0x9e3779b97f4a7c15u;
  for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
  return h ^ h >> 29;
}

static void put_slot(uint64_t hash, uint32_t id) {
  size_t i = hash & (store.nslots - 1);
  while (store.slots[i].id) i = (i + 1) & (store.nslots - 1);
  store.slots[i] = (slot){id, (uint32_t)(hash >> 32)};
  store.used++;
}

static nv_str indexed_text(uint32_t id, int field) {
  return field == XMLID ? partner_xmlid(id) : partner_cell(id, field);
}

static const int indexed[] = {XMLID, PARTNER_ref, PARTNER_vat, PARTNER_email,
                              PARTNER_email_normalized};
enum { INDEXED = sizeof indexed / sizeof indexed[0] };

/* Growing builds the index anew from the records, which leaves stale slots out. */
static void grow_index(void) {
  store.nslots = store.nslots ? store.nslots * 2 : 1 << 12;
  free(store.slots);
  store.slots = must(calloc(store.nslots, sizeof *store.slots));
  store.used = 0;
  for (uint32_t id = 1; id <= store.n; id++)
    for (int i = 0; i < INDEXED; i++) {
      nv_str text = indexed_text(id, indexed[i]);
      if (text.n) put_slot(hash_of(indexed[i], text), id);
    }
}

static bool same(nv_str a, nv_str b) { return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0); }

bool partner_is_indexed(int field) {
  for (int i = 1; i < INDEXED; i++)
    if (indexed[i] == field) return true;
  return false;
}

void partner_find(int field, nv_str value, void (*each)(uint32_t id, void *arg), void *arg) {
  if (!store.nslots || !value.n) return;
  uint64_t hash = hash_of(field, value);
  for (size_t i = hash & (store.nslots - 1); store.slots[i].id; i = (i + 1) & (store.nslots - 1))
    if (store.slots[i].check == (uint32_t)(hash >> 32) &&
        same(indexed_text(store.slots[i].id, field), value))
      each(store.slots[i].id, arg);
}

static void keep_id(uint32_t id, void *arg) { *(uint32_t *)arg = id; }

uint32_t partner_by_xmlid(nv_str xmlid) {
  uint32_t id = 0;
  partner_find(XMLID, xmlid, keep_id, &id);
  return id;
}

/* ---- records ---- */

uint32_t partners_last(void) { return store.n; }

nv_str partner_xmlid(uint32_t id) {
  const run *r = store.runs[id - 1];
  return (nv_str){r->bytes, r->xmlid_n};
}

nv_str partner_cell(uint32_t id, int field) {
  const run *r = store.runs[id - 1];
  const char *p = r->bytes + r->xmlid_n, *end = (const char *)r + r->n;
  while (p < end) {
    uint16_t n;
    int here = *p++;
    memcpy(&n, p, sizeof n);
    p += sizeof n;
    if (here == field) return (nv_str){p, n};
    p += n;
  }
  return (nv_str){"", 0};
}

uint32_t partner_saved_at(uint32_t id) { return store.saved_at[id - 1]; }

static uint32_t new_id(void) {
  if (store.n == store.cap) {
    store.cap = store.cap ? store.cap * 2 : 1024;
    store.runs = must(realloc(store.runs, store.cap * sizeof *store.runs));
    store.saved_at = must(realloc(store.saved_at, store.cap * sizeof *store.saved_at));
  }
  store.runs[store.n] = NULL;
  return ++store.n;
}

static bool is_same_run(const run *a, const run *b) {
  return a->n == b->n && a->xmlid_n == b->xmlid_n &&
         memcmp(a->bytes, b->bytes, a->n - RUN_HEAD) == 0;
}

/* As Odoo keeps an address beside: in small letters. */
static nv_str normalized(nv_str email, char room[256]) {
  if (email.n > 256) return (nv_str){NULL, 0};
  for (size_t i = 0; i < email.n; i++) room[i] = (char)tolower((unsigned char)email.p[i]);
  return (nv_str){room, email.n};
}

uint32_t partner_save(uint32_t id, nv_str xmlid, const cell *cells, size_t n) {
  nv_str all[PARTNER_FIELDS_MAX] = {{NULL, 0}};
  run *old = id ? store.runs[id - 1] : NULL;
  if (old) {
    read_cells(old, all);
    if (!xmlid.n) xmlid = partner_xmlid(id);
  }
  for (size_t i = 0; i < n; i++) {
    all[cells[i].field] = cells[i].text;
    if (cells[i].text.n > UINT16_MAX) all[cells[i].field].n = UINT16_MAX;
  }
  char room[256];
  all[PARTNER_email_normalized] = normalized(all[PARTNER_email], room);
  uint32_t holder = 0;
  if (!id && all[PARTNER_ref].n) partner_find(PARTNER_ref, all[PARTNER_ref], keep_id, &holder);
  if (holder) partner_count.duplicates++;

  run *fresh = write_run(xmlid, all);
  if (old && is_same_run(old, fresh)) {
    store.block_used -= (fresh->n + 7) & ~(size_t)7;
    partner_count.unchanged++;
    store.saved_at[id - 1] = (uint32_t)time(NULL); /* Odoo touches write_date all the same */
    return id;
  }
  nv_str before[INDEXED] = {{NULL, 0}};
  for (int i = 0; old && i < INDEXED; i++) before[i] = indexed_text(id, indexed[i]);
  if (old) {
    partner_count.updated++;
    partner_count.live_bytes -= old->n;
    partner_count.dead_bytes += old->n;
  } else {
    id = new_id();
    partner_count.created++;
  }
  store.runs[id - 1] = fresh;
  store.saved_at[id - 1] = (uint32_t)time(NULL);
  partner_count.live_bytes += fresh->n;
  if ((store.used + INDEXED) * 4 >= store.nslots * 3) {
    grow_index(); /* has this record, too */
    return id;
  }
  for (int i = 0; i < INDEXED; i++) {
    nv_str now = indexed_text(id, indexed[i]);
    if (now.n && !same(now, before[i])) put_slot(hash_of(indexed[i], now), id);
  }
  return id;
}

void partners_reset(void) {
  for (size_t i = 0; i < store.nblocks; i++) free(store.blocks[i]);
  free(store.blocks);
  free(store.runs);
  free(store.saved_at);
  free(store.slots);
  memset(&store, 0, sizeof store);
  memset(&partner_count, 0, sizeof partner_count);
}
