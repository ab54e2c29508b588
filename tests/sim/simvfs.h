/* simvfs - a disk in memory that forgets what was not synced when it crashes.
 *
 * A SQLite VFS named "simvfs" for the stores of simulated processes. Every file
 * has two states: what was written, and what the last xSync made durable. A crash
 * leaves the second, plus a seeded choice of unsynced sectors, as a real disk may;
 * handles that were open then belong to a dead process: they fail and change
 * nothing. A file that was never synced is gone; deleting is durable at once.
 *
 * Threading: any thread (one mutex). Nothing here is random but the crash seed.
 */
#ifndef NV_SIMVFS_H
#define NV_SIMVFS_H

#include <stddef.h>
#include <stdint.h>

/* Registers "simvfs" with SQLite; fine to call again. */
void nv_simvfs_register(void);
/* Forgets all files, limits and counters. */
void nv_simvfs_reset(void);

/* Power fails for every file. Seed 0: nothing unsynced survives. Thaws. */
void nv_simvfs_crash(uint64_t seed);
/* The same for the files whose name starts with `prefix` only. */
void nv_simvfs_crash_image(const char *prefix, uint64_t seed);

/* From now on every change fails, until the next crash: the moment of death, seen
 * from a place that cannot be torn down from inside. */
void nv_simvfs_freeze(void);
/* Freezes just before the `n`th change (write, truncate or sync) from now. */
void nv_simvfs_freeze_at(long n);

/* The disk holds `bytes` at most; 0: no limit. */
void nv_simvfs_limit(int64_t bytes);
/* The `n`th write from now finds no room: that one only, or with `lasting` all after it,
 * until this is called again. 0: there is room. */
void nv_simvfs_full_at(long n, int lasting);
/* Syncs since the last reset. */
long nv_simvfs_syncs(void);

/* Bytes of a file as written, NULL when there is none; valid until it changes. */
const unsigned char *nv_simvfs_file(const char *name, size_t *size);
/* Overwrites bytes of a file, durably, behind SQLite's back. */
void nv_simvfs_damage(const char *name, size_t at, const void *p, size_t n);

#endif
