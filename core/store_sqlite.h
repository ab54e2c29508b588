/* store_sqlite - the insides of nv_store, shared by the two files that make it:
 * store_open.c opens, upgrades and closes a store, store_sqlite.c runs it.
 *
 * Requests cross threads twice, under `lock` on the way in and by nv_loop_send on
 * the way out; in between they, and the connection, belong to the writer.
 */
#ifndef NV_STORE_SQLITE_H
#define NV_STORE_SQLITE_H

#include <pthread.h>
#include <sqlite3.h>

#include "store_values.h"

struct nv_store_request;

typedef struct nv_store_queue {
  struct nv_store_request *head, *tail;
} nv_store_queue;

struct nv_store {
  nv_loop *loop;
  char *path;
  int lock_fd; /* engine.lock, -1: none */
  bool readonly, is_inline, has_thread, closed;
  int64_t epoch;
  nv_ready work; /* inline mode */
  pthread_t thread;
  pthread_mutex_t lock; /* guards the next five */
  pthread_cond_t wake;
  nv_store_queue waiting;
  size_t waiting_bytes;
  nv_histogram commits;
  bool closing;
  /* below: the writer only, once it runs */
  sqlite3 *db;
  sqlite3_stmt *begin, *commit, *rollback;
  sqlite3_stmt **ops, **queries; /* prepared at first use */
};

/* Our code for one of SQLite's; `db` tells what the system said, or is NULL. */
int nv_store_code(sqlite3 *db, int rc);
/* Fills `err` from the connection's last failure; `what` was being done. */
int nv_store_sql_fail(nv_store *s, int rc, const char *what, nv_error *err);
int nv_store_prepare(nv_store *s, const char *sql, sqlite3_stmt **out,
                     nv_error *err);
/* Sets up and starts the writer, thread or inline. */
int nv_store_start(nv_store *s, nv_error *err);
/* Finishes what is queued and ends the writer. */
void nv_store_stop(nv_store *s);
/* Frees the last of a store whose connection is closed. */
void nv_store_free(nv_store *s);

#endif
