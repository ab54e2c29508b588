#include "cache.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 64 };

typedef struct entry {
  struct entry *chain;         /* next in the same slot */
  struct entry *newer, *older; /* by last use */
  uint64_t hash;
  int64_t until_us; /* monotonic, INT64_MAX: no end */
  size_t nspace, nkey, nvalue;
  char bytes[]; /* space, key, value */
} entry;

struct nv_cache {
  nv_env *env;
  size_t max_entries, max_bytes, entries, bytes;
  uint64_t seed; /* so that keys from outside cannot be made to collide */
  entry **slots;
  size_t nslots; /* a power of two */
  entry *newest, *oldest;
};

nv_cache *nv_cache_new(nv_env *env, size_t max_entries, size_t max_bytes) {
  nv_cache *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->slots = calloc(FIRST_SLOTS, sizeof *c->slots);
  if (!c->slots) {
    free(c);
    return NULL;
  }
  c->env = env;
  c->nslots = FIRST_SLOTS;
  c->max_entries = max_entries;
  c->max_bytes = max_bytes;
  nv_env_random(env, &c->seed, sizeof c->seed);
  return c;
}

size_t nv_cache_entries(const nv_cache *c) { return c->entries; }
size_t nv_cache_bytes(const nv_cache *c) { return c->bytes; }

static size_t size_of(const entry *e) {
  return sizeof *e + e->nspace + e->nkey + e->nvalue;
}

static uint64_t mix(uint64_t h, nv_str s) {
  h ^= s.n;
  for (size_t i = 0; i < s.n; i++) {
    h = (h ^ (unsigned char)s.p[i]) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  }
  return h;
}

static uint64_t hash_of(const nv_cache *c, nv_str space, nv_str key) {
  return mix(mix(c->seed, space), key);
}

static bool is_in(const entry *e, nv_str space) {
  return e->nspace == space.n && memcmp(e->bytes, space.p, space.n) == 0;
}

static bool matches(const entry *e, uint64_t hash, nv_str space, nv_str key) {
  return e->hash == hash && e->nkey == key.n && is_in(e, space) &&
         memcmp(e->bytes + e->nspace, key.p, key.n) == 0;
}

static entry *find(nv_cache *c, uint64_t hash, nv_str space, nv_str key) {
  entry *e = c->slots[hash & (c->nslots - 1)];
  while (e && !matches(e, hash, space, key)) e = e->chain;
  return e;
}

static void unlink_use(nv_cache *c, entry *e) {
  if (e->newer) e->newer->older = e->older;
  else c->newest = e->older;
  if (e->older) e->older->newer = e->newer;
  else c->oldest = e->newer;
}

static void link_newest(nv_cache *c, entry *e) {
  e->newer = NULL;
  e->older = c->newest;
  if (c->newest) c->newest->newer = e;
  else c->oldest = e;
  c->newest = e;
}

static void forget(nv_cache *c, entry *e) {
  entry **at = &c->slots[e->hash & (c->nslots - 1)];
  while (*at != e) at = &(*at)->chain;
  *at = e->chain;
  unlink_use(c, e);
  c->entries--;
  c->bytes -= size_of(e);
  free(e);
}

/* Doubles the table; without memory the chains only grow longer. */
static void grow(nv_cache *c) {
  size_t n = c->nslots * 2;
  entry **slots = calloc(n, sizeof *slots);
  if (!slots) return;
  for (entry *e = c->oldest; e; e = e->newer) {
    entry **slot = &slots[e->hash & (n - 1)];
    e->chain = *slot;
    *slot = e;
  }
  free(c->slots);
  c->slots = slots;
  c->nslots = n;
}

bool nv_cache_get(nv_cache *c, nv_str space, nv_str key, nv_str *value) {
  entry *e = find(c, hash_of(c, space, key), space, key);
  if (!e) return false;
  if (nv_env_monotonic_us(c->env) >= e->until_us) {
    forget(c, e);
    return false;
  }
  unlink_use(c, e);
  link_newest(c, e);
  *value = (nv_str){e->bytes + e->nspace + e->nkey, e->nvalue};
  return true;
}

int nv_cache_put(nv_cache *c, nv_str space, nv_str key, nv_str value,
                 int64_t ttl_ms) {
  uint64_t hash = hash_of(c, space, key);
  size_t size = sizeof(entry) + space.n + key.n + value.n;
  entry *e = size > c->max_bytes / 4 ? NULL : malloc(size);
  entry *old = find(c, hash, space, key);
  if (e) { /* copied first: `value` may lie in the entry that it replaces */
    *e = (entry){.hash = hash, .nspace = space.n, .nkey = key.n, .nvalue = value.n};
    if (space.n) memcpy(e->bytes, space.p, space.n);
    if (key.n) memcpy(e->bytes + space.n, key.p, key.n);
    if (value.n) memcpy(e->bytes + space.n + key.n, value.p, value.n);
  }
  if (old) forget(c, old); /* stale in any case */
  if (!e) return size > c->max_bytes / 4 ? NV_ETOOLARGE : NV_ENOMEM;
  int64_t now = nv_env_monotonic_us(c->env);
  e->until_us = ttl_ms <= 0 || ttl_ms > (INT64_MAX - now) / 1000 ? INT64_MAX
                                                                 : now + ttl_ms * 1000;
  while (c->oldest && (c->entries >= c->max_entries || c->bytes + size > c->max_bytes))
    forget(c, c->oldest);
  if (c->entries >= c->nslots) grow(c);
  entry **slot = &c->slots[hash & (c->nslots - 1)];
  e->chain = *slot;
  *slot = e;
  link_newest(c, e);
  c->entries++;
  c->bytes += size;
  return NV_OK;
}

void nv_cache_drop(nv_cache *c, nv_str space, nv_str key) {
  if (key.p) {
    entry *e = find(c, hash_of(c, space, key), space, key);
    if (e) forget(c, e);
    return;
  }
  for (entry *e = c->oldest, *next; e; e = next) {
    next = e->newer;
    if (is_in(e, space)) forget(c, e);
  }
}

void nv_cache_free(nv_cache *c) {
  if (!c) return;
  while (c->oldest) forget(c, c->oldest);
  free(c->slots);
  free(c);
}
