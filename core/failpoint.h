/* failpoint - named places where a test may kill the process.
 *
 * A program built with NV_FAILPOINTS and started with NAVODOO_FAILPOINT="name"
 * or "name:N" kills itself with SIGKILL at the first (or Nth) time it passes
 * that place; "name@detail" is one of the ways to pass it: store.* by the name of
 * an operation of the transaction, http.* by the endpoint, the others by the flow.
 * A hook, when set, is called instead. Without NV_FAILPOINTS the places cost
 * nothing. The list below is complete (a name that is not in it ends the process),
 * so a test that walks it has killed the engine everywhere.
 *
 * Threading: nv_failpoint any thread; the hook is set before threads start.
 */
#ifndef NV_FAILPOINT_H
#define NV_FAILPOINT_H

#include <stdbool.h>

#define NV_FAILPOINTS_LIST(X) \
  X("store.before_commit")    \
  X("store.after_commit")     \
  X("effect.before_intend")   \
  X("effect.after_intend")    \
  X("effect.after_send")      \
  X("effect.after_confirm")   \
  X("cursor.after_commit")    \
  X("http.before_send")       \
  X("http.after_send")

/* All names, ended by NULL; the same in every build. */
const char *const *nv_failpoint_names(void);
/* True when `name` is in the list. */
bool nv_failpoint_known(const char *name);
/* True when the places are compiled in. */
bool nv_failpoint_compiled_in(void);

#ifdef NV_FAILPOINTS
/* Passes the place `name`; may not return. */
void nv_failpoint(const char *name);
/* Says how the place that was just passed, or is about to be, is passed; may not return. */
void nv_failpoint_at(const char *name, const char *detail);
/* Calls `hook` at every place from now on, instead of killing. NULL ends that. */
void nv_failpoint_set_hook(void (*hook)(const char *name, void *arg), void *arg);
#else
#define nv_failpoint(name) ((void)(name))
#define nv_failpoint_at(name, detail) ((void)(name), (void)(detail))
#define nv_failpoint_set_hook(hook, arg) ((void)(hook), (void)(arg))
#endif

#endif
