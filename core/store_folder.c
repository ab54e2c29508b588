#include "store_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static const char mark[] = "\nstore\n";

const char *nv_store_tail(const char *path) {
  size_t n = strlen(path);
  return n > 100 ? path + n - 100 : path;
}

void nv_store_sync_folder(const char *folder) {
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

int nv_store_make_folder(const char *folder, nv_error *err) {
  if (mkdir(folder, 0700) != 0) {
    if (errno == EEXIST) return NV_OK;
    return nv_fail(err, NV_EIO, "open", "cannot make folder %s: %s", folder,
                   strerror(errno));
  }
  char up[4096];
  if (snprintf(up, sizeof up, "%s/..", folder) < (int)sizeof up) nv_store_sync_folder(up);
  return NV_OK;
}

/* What the file says; "" when it says nothing. */
static void read_lock_file(int fd, char out[64]) {
  ssize_t n = pread(fd, out, 63, 0);
  out[n > 0 ? n : 0] = 0;
}

int nv_store_take_lock(const char *folder, int *fd, nv_error *err) {
  char path[4096], said[64], text[64];
  if (snprintf(path, sizeof path, "%s/engine.lock", folder) >= (int)sizeof path)
    return nv_fail(err, NV_EINVALID, "open", "the name of the folder is too long");
  *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (*fd < 0)
    return nv_fail(err, NV_EIO, "open", "cannot open %s: %s", nv_store_tail(path),
                   strerror(errno));
  bool mine = flock(*fd, LOCK_EX | LOCK_NB) == 0;
  if (!mine && errno != EWOULDBLOCK)
    return nv_fail(err, NV_EIO, "open", "cannot lock %s: %s", nv_store_tail(path),
                   strerror(errno));
  read_lock_file(*fd, said);
  if (!mine) {
    said[strspn(said, "0123456789")] = 0;
    return nv_fail(err, NV_EBUSY, "open",
                   "folder %s is in use by another engine (process %s)",
                   nv_store_tail(folder), said[0] ? said : "unknown");
  }
  int n = snprintf(text, sizeof text, "%ld%s", (long)getpid(),
                   strstr(said, mark) ? mark : "\n");
  if (pwrite(*fd, text, (size_t)n, 0) != n || ftruncate(*fd, n) != 0)
    return nv_fail(err, NV_EIO, "open", "cannot write %s: %s", nv_store_tail(path),
                   strerror(errno));
  return NV_OK;
}

int nv_store_not_lost(const char *folder, int fd, nv_error *err) {
  char path[4096], said[64];
  struct stat st;
  read_lock_file(fd, said);
  if (!strstr(said, mark)) return NV_OK;
  snprintf(path, sizeof path, "%s/navodoo.db", folder);
  bool there = stat(path, &st) == 0;
  if (there ? st.st_size > 0 : errno != ENOENT) return NV_OK;
  return nv_fail(err, NV_ECORRUPT, "open",
                 "%s is %s, and an engine had a store there: bring a backup back (navodoo "
                 "restore), or remove the folder to begin anew", nv_store_tail(path),
                 there ? "empty" : "gone");
}

int nv_store_mark(int fd, nv_error *err) {
  char text[64];
  int n = snprintf(text, sizeof text, "%ld%s", (long)getpid(), mark);
  if (pwrite(fd, text, (size_t)n, 0) != n)
    return nv_fail(err, NV_EIO, "open", "cannot write engine.lock: %s", strerror(errno));
  return NV_OK;
}
