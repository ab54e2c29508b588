/* cache - strings that may be forgotten at any time: schemas, lookups, logins.
 *
 * Keyed by (space, key), shared by all generations, bounded in entries and in
 * bytes: the entry that was not used for the longest time goes first. An entry
 * whose time is over is never returned.
 *
 * Threading: loop thread only. Allocation failure: the value is not cached.
 */
#ifndef NV_CACHE_H
#define NV_CACHE_H

#include "env.h"

typedef struct nv_cache nv_cache;

/* Borrows `env`. NULL: out of memory. */
nv_cache *nv_cache_new(nv_env *env, size_t max_entries, size_t max_bytes);
void nv_cache_free(nv_cache *cache);

/* True and the value, borrowed until the next call that changes the cache. */
bool nv_cache_get(nv_cache *cache, nv_str space, nv_str key, nv_str *value);
/* Copies and replaces. `ttl_ms` <= 0: until it is pushed out. NV_ETOOLARGE for a
 * value that alone would take more than a quarter of the cache. */
int nv_cache_put(nv_cache *cache, nv_str space, nv_str key, nv_str value,
                 int64_t ttl_ms);
/* Forgets one key, or the whole space when `key.p` is NULL. */
void nv_cache_drop(nv_cache *cache, nv_str space, nv_str key);

/* What is held now. */
size_t nv_cache_entries(const nv_cache *cache);
size_t nv_cache_bytes(const nv_cache *cache);

#endif
