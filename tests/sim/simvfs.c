#include "simvfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { SECTOR = 512, SHM_REGIONS = 64 };

typedef struct bytes {
  unsigned char *p;
  size_t n, cap;
} bytes;

typedef struct handle handle;

/* One file, or what dead handles still hold of it. */
typedef struct image {
  char *name;
  bytes now, synced;
  unsigned char *dirty; /* one per sector of `now` */
  size_t dirty_cap, dirty_from, dirty_to;
  bool ever_synced, dead;
  int handles;
  int shared; /* handles with SHARED or more */
  handle *reserved, *pending;
  void *shm[SHM_REGIONS];
  size_t shm_size;
  int shm_users, shm_shared[SQLITE_SHM_NLOCK];
  handle *shm_exclusive[SQLITE_SHM_NLOCK];
  struct image *next;
} image;

struct handle {
  sqlite3_file base;
  image *img;
  int level; /* SQLITE_LOCK_* */
  bool drop, uses_shm;
  unsigned shm_mask; /* slots held shared */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static image *images;
static bool frozen;
static long changes_left; /* until freezing, 0: never */
static int64_t limit, used;
static long writes_left; /* until one finds no room, 0: none does */
static bool no_room, no_room_lasts;
static long syncs;
static uint64_t entropy; /* for SQLite's salts: a counter is random enough */

/* ---- images ---- */

static bool grow(bytes *b, size_t n) {
  if (n > b->cap) {
    size_t cap = b->cap ? b->cap : 65536;
    while (cap < n) cap *= 2;
    unsigned char *p = realloc(b->p, cap);
    if (!p) return false;
    memset(p + b->cap, 0, cap - b->cap);
    b->p = p;
    b->cap = cap;
  }
  if (n > b->n) b->n = n;
  return true;
}

static void shrink(bytes *b, size_t n) {
  if (n >= b->n) return;
  memset(b->p + n, 0, b->n - n);
  b->n = n;
}

static image *find(const char *name) {
  for (image *i = images; i; i = i->next)
    if (i->name && strcmp(i->name, name) == 0) return i;
  return NULL;
}

static image *image_new(const char *name) {
  image *i = calloc(1, sizeof *i);
  if (!i || (name && !(i->name = strdup(name)))) {
    free(i);
    return NULL;
  }
  i->next = images;
  images = i;
  return i;
}

static void free_shm(image *i) {
  for (size_t k = 0; k < SHM_REGIONS; k++) {
    free(i->shm[k]);
    i->shm[k] = NULL;
  }
}

static void image_free(image *i) {
  free_shm(i);
  free(i->name);
  free(i->now.p);
  free(i->synced.p);
  free(i->dirty);
  free(i);
}

/* Takes it off the disk; handles that are open keep the memory only. */
static void unlink_image(image *i) {
  for (image **at = &images; *at; at = &(*at)->next)
    if (*at == i) {
      *at = i->next;
      break;
    }
  used -= (int64_t)i->now.n;
  i->dead = true;
  if (!i->handles) image_free(i);
}

static bool mark_dirty(image *i, size_t from, size_t to) {
  size_t a = from / SECTOR, b = (to + SECTOR - 1) / SECTOR;
  if (b > i->dirty_cap) {
    size_t cap = i->dirty_cap ? i->dirty_cap : 256;
    while (cap < b) cap *= 2;
    unsigned char *d = realloc(i->dirty, cap);
    if (!d) return false;
    memset(d + i->dirty_cap, 0, cap - i->dirty_cap);
    i->dirty = d;
    i->dirty_cap = cap;
  }
  memset(i->dirty + a, 1, b - a);
  if (i->dirty_from == i->dirty_to) i->dirty_from = a, i->dirty_to = b;
  if (a < i->dirty_from) i->dirty_from = a;
  if (b > i->dirty_to) i->dirty_to = b;
  return true;
}

/* Copies sector `k` of what was written to what is durable. */
static bool keep_sector(image *i, size_t k) {
  size_t a = k * SECTOR, b = a + SECTOR;
  if (b > i->now.n) b = i->now.n;
  if (a >= b) return true;
  if (!grow(&i->synced, b)) return false;
  memcpy(i->synced.p + a, i->now.p + a, b - a);
  return true;
}

static bool sync_image(image *i) {
  shrink(&i->synced, i->now.n);
  if (!grow(&i->synced, i->now.n)) return false;
  for (size_t k = i->dirty_from; k < i->dirty_to; k++)
    if (i->dirty[k] && !keep_sector(i, k)) return false;
  if (i->dirty) memset(i->dirty + i->dirty_from, 0, i->dirty_to - i->dirty_from);
  i->dirty_from = i->dirty_to = 0;
  i->ever_synced = true;
  return true;
}

static bool coin(uint64_t *seed) { /* splitmix64 */
  uint64_t z = (*seed += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (z >> 40) & 1;
}

static uint64_t name_hash(const char *s) {
  uint64_t h = 1469598103934665603u;
  for (; *s; s++) h = (h ^ (unsigned char)*s) * 1099511628211u;
  return h;
}

/* What the next process finds is a new image, so old handles cannot touch it. */
static void crash_one(image *old, uint64_t seed) {
  if (old->name && old->ever_synced) {
    if (seed) {
      seed ^= name_hash(old->name);
      for (size_t k = old->dirty_from; k < old->dirty_to; k++)
        if (old->dirty[k] && coin(&seed)) keep_sector(old, k);
    }
    image *i = image_new(old->name);
    if (i) {
      i->synced = old->synced;
      old->synced = (bytes){0};
      if (grow(&i->now, i->synced.n)) memcpy(i->now.p, i->synced.p, i->synced.n);
      i->ever_synced = true;
      used += (int64_t)i->now.n;
    }
  }
  unlink_image(old);
}

/* ---- for tests ---- */

void nv_simvfs_crash_image(const char *prefix, uint64_t seed) {
  pthread_mutex_lock(&lock);
  frozen = false;
  changes_left = 0;
  image *list = images;
  while (list) { /* new images are put before `images`, and not met again */
    image *i = list;
    list = i->next;
    if (!i->name || strncmp(i->name, prefix, strlen(prefix)) == 0)
      crash_one(i, seed);
  }
  pthread_mutex_unlock(&lock);
}

void nv_simvfs_crash(uint64_t seed) { nv_simvfs_crash_image("", seed); }

void nv_simvfs_reset(void) {
  pthread_mutex_lock(&lock);
  while (images) unlink_image(images);
  frozen = false;
  changes_left = 0;
  limit = used = 0;
  writes_left = 0;
  no_room = false;
  syncs = 0;
  entropy = 0;
  pthread_mutex_unlock(&lock);
}

void nv_simvfs_freeze(void) {
  pthread_mutex_lock(&lock);
  frozen = true;
  pthread_mutex_unlock(&lock);
}

void nv_simvfs_freeze_at(long n) {
  pthread_mutex_lock(&lock);
  changes_left = n;
  pthread_mutex_unlock(&lock);
}

void nv_simvfs_limit(int64_t n) {
  pthread_mutex_lock(&lock);
  limit = n;
  pthread_mutex_unlock(&lock);
}

void nv_simvfs_full_at(long n, int lasting) {
  pthread_mutex_lock(&lock);
  writes_left = n;
  no_room = false;
  no_room_lasts = lasting;
  pthread_mutex_unlock(&lock);
}

long nv_simvfs_syncs(void) {
  pthread_mutex_lock(&lock);
  long n = syncs;
  pthread_mutex_unlock(&lock);
  return n;
}

const unsigned char *nv_simvfs_file(const char *name, size_t *size) {
  pthread_mutex_lock(&lock);
  image *i = find(name);
  *size = i ? i->now.n : 0;
  pthread_mutex_unlock(&lock);
  return i ? i->now.p : NULL;
}

void nv_simvfs_damage(const char *name, size_t at, const void *p, size_t n) {
  pthread_mutex_lock(&lock);
  image *i = find(name);
  if (i && at + n <= i->now.n) {
    memcpy(i->now.p + at, p, n);
    mark_dirty(i, at, at + n);
    sync_image(i);
  }
  pthread_mutex_unlock(&lock);
}

/* ---- files ---- */

/* May `i` be changed now? Counts the change. */
static bool may_change(image *i) {
  if (changes_left > 0 && --changes_left == 0) frozen = true;
  return !frozen && !i->dead;
}

/* Is there room for one more write? */
static bool has_room(int64_t more) {
  bool none = no_room;
  if (writes_left > 0 && --writes_left == 0) {
    none = true;
    no_room = no_room_lasts;
  }
  return !none && !(limit && used + more > limit);
}

static int file_close(sqlite3_file *f) {
  handle *h = (handle *)f;
  pthread_mutex_lock(&lock);
  image *i = h->img;
  i->handles--;
  if (!i->dead && h->drop) unlink_image(i);
  else if (i->dead && !i->handles) image_free(i);
  pthread_mutex_unlock(&lock);
  return SQLITE_OK;
}

static int file_read(sqlite3_file *f, void *out, int n, sqlite3_int64 at) {
  image *i = ((handle *)f)->img;
  int rc = SQLITE_OK;
  pthread_mutex_lock(&lock);
  size_t have = (size_t)at < i->now.n ? i->now.n - (size_t)at : 0;
  if (i->dead) {
    rc = SQLITE_IOERR_READ;
  } else if (have >= (size_t)n) {
    memcpy(out, i->now.p + at, (size_t)n);
  } else {
    if (have) memcpy(out, i->now.p + at, have);
    memset((char *)out + have, 0, (size_t)n - have);
    rc = SQLITE_IOERR_SHORT_READ;
  }
  pthread_mutex_unlock(&lock);
  return rc;
}

static int file_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at) {
  image *i = ((handle *)f)->img;
  int rc = SQLITE_OK;
  pthread_mutex_lock(&lock);
  size_t end = (size_t)at + (size_t)n;
  int64_t more = end > i->now.n ? (int64_t)(end - i->now.n) : 0;
  if (!may_change(i)) {
    rc = SQLITE_IOERR_WRITE;
  } else if (!has_room(more)) {
    rc = SQLITE_FULL;
  } else if (!grow(&i->now, end) || !mark_dirty(i, (size_t)at, end)) {
    rc = SQLITE_IOERR_NOMEM;
  } else {
    memcpy(i->now.p + at, p, (size_t)n);
    used += more;
  }
  pthread_mutex_unlock(&lock);
  return rc;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 n) {
  image *i = ((handle *)f)->img;
  int rc = SQLITE_OK;
  pthread_mutex_lock(&lock);
  if (!may_change(i)) {
    rc = SQLITE_IOERR_TRUNCATE;
  } else if ((size_t)n < i->now.n) {
    used -= (int64_t)(i->now.n - (size_t)n);
    shrink(&i->now, (size_t)n);
  }
  pthread_mutex_unlock(&lock);
  return rc;
}

static int file_sync(sqlite3_file *f, int flags) {
  (void)flags;
  image *i = ((handle *)f)->img;
  pthread_mutex_lock(&lock);
  int rc = may_change(i) && sync_image(i) ? SQLITE_OK : SQLITE_IOERR_FSYNC;
  syncs += rc == SQLITE_OK;
  pthread_mutex_unlock(&lock);
  return rc;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *out) {
  image *i = ((handle *)f)->img;
  pthread_mutex_lock(&lock);
  *out = (sqlite3_int64)i->now.n;
  int rc = i->dead ? SQLITE_IOERR_FSTAT : SQLITE_OK;
  pthread_mutex_unlock(&lock);
  return rc;
}

/* ---- file locks, as the unix VFS grants them ---- */

static int try_lock(handle *h, int level) {
  image *i = h->img;
  if (i->dead) return SQLITE_IOERR_LOCK;
  if (h->level >= level) return SQLITE_OK;
  if (h->level == SQLITE_LOCK_NONE) {
    if (i->pending) return SQLITE_BUSY;
    i->shared++;
    h->level = SQLITE_LOCK_SHARED;
  }
  if (level >= SQLITE_LOCK_RESERVED) {
    if (i->reserved && i->reserved != h) return SQLITE_BUSY;
    i->reserved = h;
    if (h->level < SQLITE_LOCK_RESERVED) h->level = SQLITE_LOCK_RESERVED;
  }
  if (level == SQLITE_LOCK_EXCLUSIVE) {
    i->pending = h;
    h->level = SQLITE_LOCK_PENDING;
    if (i->shared > 1) return SQLITE_BUSY;
    h->level = SQLITE_LOCK_EXCLUSIVE;
  }
  return SQLITE_OK;
}

static int file_lock(sqlite3_file *f, int level) {
  pthread_mutex_lock(&lock);
  int rc = try_lock((handle *)f, level);
  pthread_mutex_unlock(&lock);
  return rc;
}

static int file_unlock(sqlite3_file *f, int level) {
  handle *h = (handle *)f;
  image *i = h->img;
  pthread_mutex_lock(&lock);
  if (h->level > level) {
    if (i->reserved == h) i->reserved = NULL;
    if (i->pending == h) i->pending = NULL;
    if (level == SQLITE_LOCK_NONE) i->shared--;
    h->level = level;
  }
  pthread_mutex_unlock(&lock);
  return SQLITE_OK;
}

static int file_reserved(sqlite3_file *f, int *out) {
  pthread_mutex_lock(&lock);
  *out = ((handle *)f)->img->reserved != NULL;
  pthread_mutex_unlock(&lock);
  return SQLITE_OK;
}

static int file_control(sqlite3_file *f, int op, void *arg) {
  (void)f;
  (void)op;
  (void)arg;
  return SQLITE_NOTFOUND;
}

static int file_sector(sqlite3_file *f) {
  (void)f;
  return SECTOR;
}

static int file_traits(sqlite3_file *f) {
  (void)f;
  return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* ---- shared memory of the WAL index ---- */

static int shm_map(sqlite3_file *f, int region, int size, int extend,
                   void volatile **out) {
  handle *h = (handle *)f;
  image *i = h->img;
  int rc = SQLITE_OK;
  *out = NULL;
  pthread_mutex_lock(&lock);
  if (i->dead || region >= SHM_REGIONS) {
    rc = SQLITE_IOERR_SHMMAP;
  } else {
    if (!h->uses_shm) {
      h->uses_shm = true;
      i->shm_users++;
    }
    if (!i->shm[region] && extend && !(i->shm[region] = calloc(1, (size_t)size)))
      rc = SQLITE_IOERR_NOMEM;
    *out = i->shm[region];
  }
  pthread_mutex_unlock(&lock);
  return rc;
}

static int shm_lock_now(handle *h, int from, int n, int flags) {
  image *i = h->img;
  if (i->dead) return SQLITE_IOERR_SHMLOCK;
  for (int k = from; k < from + n; k++) {
    bool mine = h->shm_mask & (1u << k);
    if (flags & SQLITE_SHM_UNLOCK) continue;
    if (i->shm_exclusive[k] && i->shm_exclusive[k] != h) return SQLITE_BUSY;
    if ((flags & SQLITE_SHM_EXCLUSIVE) && i->shm_shared[k] > mine) return SQLITE_BUSY;
  }
  for (int k = from; k < from + n; k++) {
    unsigned bit = 1u << k;
    if (flags & SQLITE_SHM_UNLOCK) {
      if (i->shm_exclusive[k] == h) i->shm_exclusive[k] = NULL;
      if (h->shm_mask & bit) i->shm_shared[k]--;
      h->shm_mask &= ~bit;
    } else if (flags & SQLITE_SHM_EXCLUSIVE) {
      i->shm_exclusive[k] = h;
    } else if (!(h->shm_mask & bit)) {
      h->shm_mask |= bit;
      i->shm_shared[k]++;
    }
  }
  return SQLITE_OK;
}

static int shm_lock(sqlite3_file *f, int from, int n, int flags) {
  pthread_mutex_lock(&lock);
  int rc = shm_lock_now((handle *)f, from, n, flags);
  pthread_mutex_unlock(&lock);
  return rc;
}

static void shm_barrier(sqlite3_file *f) {
  (void)f;
  pthread_mutex_lock(&lock);
  pthread_mutex_unlock(&lock);
}

static int shm_unmap(sqlite3_file *f, int drop) {
  handle *h = (handle *)f;
  image *i = h->img;
  pthread_mutex_lock(&lock);
  if (h->uses_shm) {
    h->uses_shm = false;
    if (--i->shm_users == 0 && drop) free_shm(i);
  }
  pthread_mutex_unlock(&lock);
  return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector,
    .xDeviceCharacteristics = file_traits,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

/* ---- the VFS ---- */

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
                    int *out_flags) {
  (void)vfs;
  handle *h = (handle *)f;
  memset(h, 0, sizeof *h);
  pthread_mutex_lock(&lock);
  image *i = name ? find(name) : NULL;
  if (!i && (flags & SQLITE_OPEN_CREATE) && !frozen) i = image_new(name);
  if (i) {
    i->handles++;
    h->img = i;
    h->drop = flags & SQLITE_OPEN_DELETEONCLOSE;
    h->base.pMethods = &methods;
    if (out_flags) *out_flags = flags;
  }
  pthread_mutex_unlock(&lock);
  return i ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_dir) {
  (void)vfs;
  (void)sync_dir;
  pthread_mutex_lock(&lock);
  image *i = find(name);
  int rc = !i ? SQLITE_IOERR_DELETE_NOENT : SQLITE_OK;
  if (i && may_change(i)) unlink_image(i);
  else if (i) rc = SQLITE_IOERR_DELETE;
  pthread_mutex_unlock(&lock);
  return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *out) {
  (void)vfs;
  (void)flags;
  pthread_mutex_lock(&lock);
  *out = find(name) != NULL;
  pthread_mutex_unlock(&lock);
  return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int n, char *out) {
  (void)vfs;
  sqlite3_snprintf(n, out, "%s", name);
  return SQLITE_OK;
}

static int vfs_randomness(sqlite3_vfs *vfs, int n, char *out) {
  (void)vfs;
  pthread_mutex_lock(&lock);
  for (int k = 0; k < n; k++) out[k] = (char)(coin(&entropy) | (entropy >> 32));
  pthread_mutex_unlock(&lock);
  return n;
}

static int vfs_sleep(sqlite3_vfs *vfs, int us) {
  (void)vfs;
  return us;
}

static int vfs_time64(sqlite3_vfs *vfs, sqlite3_int64 *out) {
  (void)vfs;
  *out = INT64_C(212000000000000);
  return SQLITE_OK;
}

void nv_simvfs_register(void) {
  static sqlite3_vfs vfs = {
      .iVersion = 2,
      .szOsFile = sizeof(handle),
      .mxPathname = 512,
      .zName = "simvfs",
      .xOpen = vfs_open,
      .xDelete = vfs_delete,
      .xAccess = vfs_access,
      .xFullPathname = vfs_full_path,
      .xRandomness = vfs_randomness,
      .xSleep = vfs_sleep,
      .xCurrentTimeInt64 = vfs_time64,
  };
  sqlite3_vfs_register(&vfs, 0);
}
