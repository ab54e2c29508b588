/* pattern - Lua patterns, matched within a number of steps.
 *
 * The language is the one of the Lua manual, 6.4.1, with the same results and errors
 * as the string library. What differs is that a match that backtracks for too long
 * raises instead of holding the loop: no hook can interrupt C.
 *
 * Threading: none of its own; belongs to the caller's stack.
 */
#ifndef NVL_PATTERN_H
#define NVL_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "nvl.h"

enum { NVL_CAPTURES_MAX = 32 };

/* Lengths that are none. */
#define NVL_CAPTURE_OPEN (-1)
#define NVL_CAPTURE_POSITION (-2)

typedef struct nvl_pattern {
  lua_State *L;           /* for errors */
  const char *text, *end; /* of the subject; *end is readable */
  const char *pattern_end;
  long long steps, given; /* left, and at the beginning */
  int depth;              /* recursion left */
  int captures;
  struct {
    const char *p;
    ptrdiff_t n;
  } capture[NVL_CAPTURES_MAX];
} nvl_pattern;

/* Gets ready for matches in one subject, which share one budget of steps: linear in
 * its length, with enough on top for every reasonable pattern. Both texts must end
 * with a zero byte and outlive the matching, as Lua's strings do. */
void nvl_pattern_init(nvl_pattern *m, lua_State *L, const char *text, size_t n,
                      const char *pattern, size_t pattern_n);
/* Matches `pattern` (behind its anchor, if any) at `at`; the end of the match, or
 * NULL. Raises for a malformed pattern and when the steps are spent. */
const char *nvl_pattern_match(nvl_pattern *m, const char *at, const char *pattern);

/* Charges the steps to the guard that runs, if any. Call it when done; matches that
 * raise have done so. */
void nvl_pattern_charge(const nvl_pattern *m);

/* Pushes capture `i` of the last match `begin` .. `end`; the whole match when there
 * are no captures and `i` is 0. Raises when there is no such capture. */
void nvl_pattern_push(nvl_pattern *m, int i, const char *begin, const char *end);
/* Pushes all captures, or the whole match when there are none and `begin` is not
 * NULL. Returns their number. */
int nvl_pattern_push_all(nvl_pattern *m, const char *begin, const char *end);

#endif
