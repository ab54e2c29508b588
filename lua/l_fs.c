/* fs - folders, watches and terminals for the command line. Trusted states only: nothing of
 * a running flow reads or writes files, so nothing here runs while flows do, but
 * for the seldom and small (a reload). Blocking. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "../core/watch.h"
#include "task.h"

#define WATCH_MT "navodoo.watch"

static int fail_errno(lua_State *L, const char *path) {
  nv_error err;
  nv_fail(&err, NV_EIO, "fs", "%s: %s", path, strerror(errno));
  return nvl_fail(L, &err);
}

static int close_dir(lua_State *L) {
  DIR **d = lua_touserdata(L, 1);
  if (*d) closedir(*d);
  *d = NULL;
  return 0;
}

/* fs.list(folder) -> names, sorted; without . and .. */
static int l_list(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  DIR **d = lua_newuserdatauv(L, sizeof *d, 0); /* owns it if a push raises */
  *d = NULL;
  if (luaL_newmetatable(L, "navodoo.dir")) {
    lua_pushcfunction(L, close_dir);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  *d = opendir(path);
  if (!*d) return fail_errno(L, path);
  lua_getglobal(L, "table");
  lua_getfield(L, -1, "sort");
  lua_newtable(L);
  lua_Integer n = 0;
  for (struct dirent *e; (e = readdir(*d));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    lua_pushstring(L, e->d_name);
    lua_rawseti(L, -2, ++n);
  }
  closedir(*d);
  *d = NULL;
  lua_pushvalue(L, -1);
  lua_insert(L, -3);
  lua_call(L, 1, 0);
  return 1;
}

/* fs.make(folder): with its parents; fine when it is there. Mode 0700: the state
 * holds business data. */
static int l_make(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  char part[4096];
  size_t n = strlen(path);
  if (n >= sizeof part) {
    errno = ENAMETOOLONG;
    return fail_errno(L, path);
  }
  for (size_t i = 1; i <= n; i++) {
    if (path[i] != '/' && path[i] != 0) continue;
    memcpy(part, path, i);
    part[i] = 0;
    if (mkdir(part, 0700) != 0 && errno != EEXIST) return fail_errno(L, part);
  }
  lua_pushboolean(L, 1);
  return 1;
}

/* fs.kind(path) -> "file", "folder", "other" or nil. */
static int l_kind(lua_State *L) {
  struct stat st;
  if (stat(luaL_checkstring(L, 1), &st) != 0) return 0;
  lua_pushstring(L, S_ISREG(st.st_mode) ? "file" : S_ISDIR(st.st_mode) ? "folder"
                                                                       : "other");
  return 1;
}

/* fs.free(path) -> bytes that its disk has left for us | nil, err */
static int l_free(lua_State *L) {
  const char *path = luaL_checkstring(L, 1);
  struct statvfs v;
  if (statvfs(path, &v) != 0) return fail_errno(L, path);
  lua_pushinteger(L, (lua_Integer)v.f_bavail * (lua_Integer)v.f_frsize);
  return 1;
}

/* fs.size(path) -> bytes of a file, or nil. */
static int l_size(lua_State *L) {
  struct stat st;
  if (stat(luaL_checkstring(L, 1), &st) != 0) return 0;
  lua_pushinteger(L, (lua_Integer)st.st_size);
  return 1;
}

/* fs.terminal(fd) -> columns of the terminal, or nil. */
static int l_terminal(lua_State *L) {
  int fd = (int)luaL_checkinteger(L, 1);
  struct winsize w;
  if (!isatty(fd)) return 0;
  lua_pushinteger(L, ioctl(fd, TIOCGWINSZ, &w) == 0 && w.ws_col ? w.ws_col : 80);
  return 1;
}

/* ---- watching ---- */

typedef struct watcher {
  nv_watch *watch; /* NULL: closed */
  nvl_host *host;
  char event[64];
} watcher;

static void on_change(const char *folder, void *arg) {
  const watcher *w = arg;
  (void)folder;
  nvl_event_signal(w->host, w->event);
}

static int watcher_close(lua_State *L) {
  watcher *w = luaL_checkudata(L, 1, WATCH_MT);
  nv_watch_close(w->watch);
  w->watch = NULL;
  return 0;
}

/* fs.watch(folder, event) -> watcher | nil, err. Sets the named event when something
 * in the folder changed, until watcher:close(). */
static int l_watch(lua_State *L) {
  const char *folder = luaL_checkstring(L, 1), *event = luaL_checkstring(L, 2);
  nvl_host *host = nvl_state_open_here(L)->host;
  watcher *w = lua_newuserdatauv(L, sizeof *w, 0);
  *w = (watcher){.host = host};
  luaL_argcheck(L, strlen(event) < sizeof w->event, 2, "name of event too long");
  strcpy(w->event, event);
  luaL_setmetatable(L, WATCH_MT);
  nv_error err;
  if (nv_watch_open(host->loop, folder, on_change, w, &w->watch, &err) != NV_OK)
    return nvl_fail(L, &err);
  return 1;
}

static void new_watcher_type(lua_State *L) {
  static const luaL_Reg methods[] = {{"close", watcher_close}, {NULL, NULL}};
  luaL_newmetatable(L, WATCH_MT);
  luaL_newlib(L, methods);
  lua_setfield(L, -2, "__index");
  lua_pushcfunction(L, watcher_close);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}

int luaopen_navodoo_fs(lua_State *L) {
  static const luaL_Reg functions[] = {{"list", l_list},
                                       {"make", l_make},
                                       {"kind", l_kind},
                                       {"free", l_free},
                                       {"size", l_size},
                                       {"terminal", l_terminal},
                                       {"watch", l_watch},
                                       {NULL, NULL}};
  new_watcher_type(L);
  luaL_newlib(L, functions);
  return 1;
}
