/* lock - locks on record names, taken together or not at all.
 *
 * A request names every record that a run touches. It waits in the queue of each
 * name, and holds all of them once it is first everywhere: one name is served in
 * the order of asking, and since a request joins all its queues at once, no two
 * requests can wait for each other. Memory is bounded: a request beyond the
 * limits is refused.
 *
 * Threading: loop thread only. Allocation failure: NV_ENOMEM, nothing changed.
 */
#ifndef NV_LOCK_H
#define NV_LOCK_H

#include "op.h"

enum {
  NV_LOCK_NAMES_MAX = 4096, /* names in one request */
  NV_LOCK_NAME_MAX = 1024,  /* bytes in one name */
  NV_LOCKS_MAX = 65536      /* requests that hold or wait */
};

typedef struct nv_locks nv_locks;
typedef struct nv_lock nv_lock;

int nv_locks_open(nv_loop *loop, nv_locks **out, nv_error *err);
/* Requests that still wait end with NV_ECANCELLED; locks that are held stay
 * valid until they are released. NULL is fine. */
void nv_locks_close(nv_locks *locks);

/* Asks for all of `names` (order and repeats do not matter; copied). The op ends
 * with NV_OK when they are held. Releasing the op earlier leaves the queues;
 * releasing it later gives the names back, unless nv_lock_take was called. */
int nv_locks_acquire(nv_locks *locks, const nv_str *names, size_t n, nv_op **out,
                     nv_error *err);
/* True when nobody holds or waits for any of `names`. */
bool nv_locks_free(const nv_locks *locks, const nv_str *names, size_t n);
/* Takes the lock over from a finished op, which can then be released. NULL when
 * the op failed or the lock was taken before. */
nv_lock *nv_lock_take(nv_op *op);
/* Gives all names back and wakes who is next. NULL is fine. */
void nv_lock_release(nv_lock *lock);

/* Names that somebody holds or waits for; requests that hold or wait. */
size_t nv_locks_names(const nv_locks *locks);
size_t nv_locks_requests(const nv_locks *locks);

#endif
