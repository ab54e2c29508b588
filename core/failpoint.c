#include "failpoint.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {
#define NV_X(name) name,
    NV_FAILPOINTS_LIST(NV_X)
#undef NV_X
    NULL,
};

const char *const *nv_failpoint_names(void) { return names; }

bool nv_failpoint_known(const char *name) {
  for (const char *const *n = names; *n; n++)
    if (strcmp(*n, name) == 0) return true;
  return false;
}

#ifndef NV_FAILPOINTS

bool nv_failpoint_compiled_in(void) { return false; }

#else

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void (*the_hook)(const char *name, void *arg);
static void *the_hook_arg;
static char armed[64], armed_detail[64]; /* empty: none, any */
static atomic_long hits_left;
static pthread_once_t once = PTHREAD_ONCE_INIT;

bool nv_failpoint_compiled_in(void) { return true; }

void nv_failpoint_set_hook(void (*hook)(const char *name, void *arg), void *arg) {
  the_hook = hook;
  the_hook_arg = arg;
}

/* A misspelt name would let a kill test pass without a kill: refuse to run. */
static void read_environment(void) {
  const char *wish = getenv("NAVODOO_FAILPOINT");
  if (!wish || !wish[0]) return;
  size_t n = strcspn(wish, "@:"), end = strcspn(wish, ":");
  if (n < sizeof armed) memcpy(armed, wish, n);
  if (n < end && end - n <= sizeof armed_detail) memcpy(armed_detail, wish + n + 1, end - n - 1);
  long hits = wish[end] ? strtol(wish + end + 1, NULL, 10) : 1;
  if (!nv_failpoint_known(armed) || hits < 1) {
    fprintf(stderr, "NAVODOO_FAILPOINT=%s: no such failpoint\n", wish);
    _exit(2);
  }
  atomic_store(&hits_left, hits);
}

static void must_be_listed(const char *name) {
  if (nv_failpoint_known(name)) return;
  fprintf(stderr, "failpoint \"%s\" is not in the list of core/failpoint.h\n", name);
  abort();
}

static void hit(void) {
  if (atomic_fetch_sub(&hits_left, 1) == 1) raise(SIGKILL);
}

void nv_failpoint(const char *name) {
  must_be_listed(name);
  if (the_hook) {
    the_hook(name, the_hook_arg);
    return;
  }
  pthread_once(&once, read_environment);
  if (!armed_detail[0] && strcmp(armed, name) == 0) hit();
}

void nv_failpoint_at(const char *name, const char *detail) {
  if (the_hook) return;
  pthread_once(&once, read_environment);
  if (armed_detail[0] && strcmp(armed, name) == 0 && strcmp(armed_detail, detail) == 0) hit();
}

#endif
