#include "lock.h"

#include <stdlib.h>
#include <string.h>

/* One name that somebody holds or waits for; it goes with its last request. */
typedef struct name_entry {
  struct name_entry *next; /* in its bucket */
  uint64_t hash;
  struct link *head, *tail; /* requests in the order of asking; head may hold it */
  size_t n;
  char name[];
} name_entry;

/* The place of one request in the queue of one name. */
typedef struct link {
  struct link *prev, *next;
  name_entry *entry;
  nv_lock *lock;
} link;

typedef struct lock_op {
  nv_op op;
  nv_lock *lock; /* owned until taken */
} lock_op;

struct nv_lock {
  nv_locks *locks;
  lock_op *op;  /* NULL once taken or given up */
  bool granted;
  size_t first; /* queues in which this request is the first */
  size_t n;
  link links[];
};

struct nv_locks {
  nv_loop *loop;
  name_entry **buckets;
  size_t nbuckets; /* a power of two */
  size_t names, requests;
  uint64_t seed;
  bool closed;
};

static void op_cancel(nv_op *op);
static void op_free(nv_op *op);
static const nv_op_class lock_class = {"lock", op_cancel, op_free};

/* ---- table of names ---- */

static uint64_t hash_of(const nv_locks *l, nv_str s) {
  uint64_t h = l->seed ^ 0xcbf29ce484222325u;
  for (size_t i = 0; i < s.n; i++) h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
  h ^= h >> 32;
  return h * 0x9e3779b97f4a7c15u;
}

static name_entry **bucket_of(const nv_locks *l, uint64_t hash) {
  return &l->buckets[(hash >> 32) & (l->nbuckets - 1)];
}

/* Failing to grow only makes the chains longer. */
static void grow(nv_locks *l) {
  name_entry **old = l->buckets, **wider = calloc(l->nbuckets * 2, sizeof *wider);
  size_t n = l->nbuckets;
  if (!wider) return;
  l->buckets = wider;
  l->nbuckets = n * 2;
  for (size_t i = 0; i < n; i++)
    for (name_entry *e = old[i], *next; e; e = next) {
      next = e->next;
      name_entry **b = bucket_of(l, e->hash);
      e->next = *b;
      *b = e;
    }
  free(old);
}

static name_entry *find(const nv_locks *l, uint64_t hash, nv_str name) {
  for (name_entry *e = *bucket_of(l, hash); e; e = e->next)
    if (e->hash == hash && e->n == name.n && memcmp(e->name, name.p, name.n) == 0) return e;
  return NULL;
}

static name_entry *entry_of(nv_locks *l, nv_str name) {
  uint64_t hash = hash_of(l, name);
  name_entry *e = find(l, hash, name);
  if (e) return e;
  e = malloc(sizeof *e + name.n);
  if (!e) return NULL;
  if (l->names >= l->nbuckets) grow(l);
  name_entry **b = bucket_of(l, hash);
  *e = (name_entry){.next = *b, .hash = hash, .n = name.n};
  if (name.n) memcpy(e->name, name.p, name.n);
  *b = e;
  l->names++;
  return e;
}

static void drop_if_unused(nv_locks *l, name_entry *e) {
  if (e->head) return;
  name_entry **p = bucket_of(l, e->hash);
  while (*p != e) p = &(*p)->next;
  *p = e->next;
  l->names--;
  free(e);
}

/* ---- opening and closing ---- */

int nv_locks_open(nv_loop *loop, nv_locks **out, nv_error *err) {
  nv_locks *l = *out = calloc(1, sizeof *l);
  if (l) {
    l->loop = loop;
    l->nbuckets = 64;
    l->buckets = calloc(l->nbuckets, sizeof(name_entry *));
    nv_env_random(nv_loop_env(loop), &l->seed, sizeof l->seed);
    if (l->buckets) return NV_OK;
  }
  free(l);
  *out = NULL;
  return nv_fail(err, NV_ENOMEM, "lock", "out of memory");
}

static void free_if_done(nv_locks *l) {
  if (!l->closed || l->requests) return;
  free(l->buckets);
  free(l);
}

size_t nv_locks_names(const nv_locks *l) { return l->names; }
size_t nv_locks_requests(const nv_locks *l) { return l->requests; }

/* ---- asking, granting, giving back ---- */

static void grant_if_first(nv_lock *lock) {
  if (lock->first < lock->n || lock->locks->closed) return;
  lock->granted = true;
  nv_op_finish(&lock->op->op, NV_OK);
}

static void join(link *k) {
  name_entry *e = k->entry;
  k->prev = e->tail;
  if (e->tail) e->tail->next = k;
  else e->head = k;
  e->tail = k;
}

/* Leaves every queue. Whoever becomes first in one of them may be granted. */
static void leave_all(nv_lock *lock) {
  nv_locks *l = lock->locks;
  for (size_t i = 0; i < lock->n; i++) {
    link *k = &lock->links[i];
    name_entry *e = k->entry;
    bool was_first = e->head == k;
    if (k->prev) k->prev->next = k->next;
    else e->head = k->next;
    if (k->next) k->next->prev = k->prev;
    else e->tail = k->prev;
    if (was_first && e->head) {
      e->head->lock->first++;
      grant_if_first(e->head->lock);
    }
    drop_if_unused(l, e);
  }
  free(lock);
  l->requests--;
  free_if_done(l);
}

static int by_name(const void *a, const void *b) {
  const nv_str *x = a, *y = b;
  size_t n = x->n < y->n ? x->n : y->n;
  int d = n ? memcmp(x->p, y->p, n) : 0;
  return d ? d : (x->n > y->n) - (x->n < y->n);
}

/* Sorted copy without repeats; free it. */
static nv_str *sorted(const nv_str *names, size_t *n) {
  nv_str *s = malloc((*n ? *n : 1) * sizeof *s);
  size_t kept = 0;
  if (!s) return NULL;
  if (*n) memcpy(s, names, *n * sizeof *s);
  qsort(s, *n, sizeof *s, by_name);
  for (size_t i = 0; i < *n; i++)
    if (kept == 0 || by_name(&s[kept - 1], &s[i]) != 0) s[kept++] = s[i];
  *n = kept;
  return s;
}

/* Finds or makes the entries of all names; on failure those made are dropped. */
static int resolve(nv_locks *l, nv_lock *lock, const nv_str *names) {
  for (size_t i = 0; i < lock->n; i++) {
    lock->links[i].lock = lock;
    lock->links[i].entry = entry_of(l, names[i]);
    if (lock->links[i].entry) continue;
    while (i-- > 0) drop_if_unused(l, lock->links[i].entry);
    return NV_ENOMEM;
  }
  return NV_OK;
}

int nv_locks_acquire(nv_locks *l, const nv_str *names, size_t n, nv_op **out, nv_error *err) {
  nv_lock *lock = NULL;
  lock_op *op = NULL;
  *out = NULL;
  if (n > NV_LOCK_NAMES_MAX)
    return nv_fail(err, NV_ETOOLARGE, "lock", "more than %d names in one lock",
                   NV_LOCK_NAMES_MAX);
  for (size_t i = 0; i < n; i++)
    if (names[i].n > NV_LOCK_NAME_MAX)
      return nv_fail(err, NV_ETOOLARGE, "lock", "a name of more than %d bytes",
                     NV_LOCK_NAME_MAX);
  if (l->requests >= NV_LOCKS_MAX)
    return nv_fail(err, NV_ETOOLARGE, "lock", "more than %d locks at once", NV_LOCKS_MAX);

  nv_str *unique = sorted(names, &n);
  if (unique) lock = calloc(1, sizeof *lock + n * sizeof lock->links[0]);
  if (lock) op = calloc(1, sizeof *op);
  if (op) {
    lock->locks = l;
    lock->op = op;
    lock->n = n;
  }
  if (!op || resolve(l, lock, unique) != NV_OK) {
    free(op);
    free(lock);
    free(unique);
    return nv_fail(err, NV_ENOMEM, "lock", "out of memory");
  }
  free(unique);
  nv_op_init(&op->op, l->loop, &lock_class);
  op->lock = lock;
  l->requests++;
  for (size_t i = 0; i < n; i++) {
    join(&lock->links[i]);
    if (!lock->links[i].prev) lock->first++;
  }
  grant_if_first(lock);
  *out = &op->op;
  return NV_OK;
}

bool nv_locks_free(const nv_locks *l, const nv_str *names, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (find(l, hash_of(l, names[i]), names[i])) return false;
  return true;
}

nv_lock *nv_lock_take(nv_op *base) {
  lock_op *op = (lock_op *)base;
  if (!base->finished || base->status != NV_OK || !op->lock) return NULL;
  nv_lock *lock = op->lock;
  op->lock = NULL;
  lock->op = NULL;
  return lock;
}

void nv_lock_release(nv_lock *lock) {
  if (lock) leave_all(lock);
}

/* ---- the operation ---- */

static void give_up(lock_op *op) {
  nv_lock *lock = op->lock;
  op->lock = NULL;
  if (!lock) return;
  lock->op = NULL;
  leave_all(lock);
}

static void op_cancel(nv_op *base) {
  give_up((lock_op *)base);
  nv_op_finish(base, NV_ECANCELLED);
}

static void op_free(nv_op *base) {
  give_up((lock_op *)base);
  free(base);
}

static nv_lock *waiter_in(const name_entry *e) {
  for (; e; e = e->next)
    for (const link *k = e->head; k; k = k->next)
      if (!k->lock->granted) return k->lock;
  return NULL;
}

void nv_locks_close(nv_locks *l) {
  if (!l) return;
  l->closed = true; /* nobody is granted from here on */
  l->requests++;    /* keeps it alive below */
  for (size_t i = 0; i < l->nbuckets; i++)
    for (nv_lock *waiter; (waiter = waiter_in(l->buckets[i]));)
      op_cancel(&waiter->op->op);
  l->requests--;
  free_if_done(l);
}
