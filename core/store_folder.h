/* store_folder - the folder of a store: making it, one engine per folder, and knowing a
 * folder that has lost its store from a new one.
 *
 * `engine.lock` holds the process id of the engine, for texts, and from the first store
 * on the word "store": a file that is missing or empty then was lost, and must not be
 * taken for a new beginning, which would meet every record for the first time.
 */
#ifndef NV_STORE_FOLDER_H
#define NV_STORE_FOLDER_H

#include "nv.h"

/* Makes the last part of the path when it is missing, for good; mode 0700. */
int nv_store_make_folder(const char *folder, nv_error *err);
/* Holds the folder until `*fd` is closed; the kernel lets go with the process. NV_EBUSY
 * names the one that has it. On failure `*fd` may be open all the same. */
int nv_store_take_lock(const char *folder, int *fd, nv_error *err);
/* NV_ECORRUPT when an engine had a store in here, and there is none now. */
int nv_store_not_lost(const char *folder, int fd, nv_error *err);
/* From now on the folder holds a store. */
int nv_store_mark(int fd, nv_error *err);
/* Makes what was renamed or created in a folder durable. */
void nv_store_sync_folder(const char *folder);
/* The end of a path, which names the file even when a text is cut. */
const char *nv_store_tail(const char *path);

#endif
