/* store_schema - the SQL of the store: migrations, operations, queries.
 *
 * Only store_sqlite.c runs it and only store_values.c looks names up; everybody
 * else uses the names that store.h documents.
 */
#ifndef NV_STORE_SCHEMA_H
#define NV_STORE_SCHEMA_H

typedef struct nv_store_sql {
  const char *name;
  int arity; /* values, bound to ?1 .. ?arity */
  const char *sql;
} nv_store_sql;

/* Entry `v` brings a store of version `v` to `v + 1`. */
extern const char *const nv_store_migrations[];
extern const int nv_store_version;

extern const nv_store_sql nv_store_ops[];
extern const int nv_store_ops_count;
extern const nv_store_sql nv_store_queries[];
extern const int nv_store_queries_count;

/* Place of `name` in a list, -1 when it is not there. */
int nv_store_find(const nv_store_sql *list, int count, const char *name);

#endif
