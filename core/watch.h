/* watch - tells when something in a folder changed.
 *
 * The folder is watched, not its files, because editors save by renaming. Events
 * are gathered until the folder was quiet for 200 ms (2 s at most), then the
 * callback is called once, from the loop. A folder that is replaced or removed is
 * watched again as soon as it exists. Subfolders are not included. In a simulated
 * env nothing ever changes.
 *
 * Threading: loop thread only.
 */
#ifndef NV_WATCH_H
#define NV_WATCH_H

#include "loop.h"

typedef struct nv_watch nv_watch;
typedef void (*nv_watch_fn)(const char *folder, void *arg);

/* Starts watching `folder` (copied). NV_ENOTFOUND when it does not exist, NV_EIO
 * when the system refuses, e.g. for want of inotify watches. */
int nv_watch_open(nv_loop *loop, const char *folder, nv_watch_fn fn, void *arg,
                  nv_watch **out, nv_error *err);
/* Ends it; no callback comes after this. Freed when the loop turns. NULL is fine. */
void nv_watch_close(nv_watch *watch);

#endif
