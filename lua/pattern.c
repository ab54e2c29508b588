#include "pattern.h"

#include <ctype.h>
#include <string.h>

#include "task.h"

enum {
  DEPTH_MAX = 200,
  STEPS_BASE = 3000000, /* less than a tenth of a second, on a slow machine too */
  STEPS_PER_BYTE = 16,
  STEPS_PER_INSTRUCTION = 1, /* of a guard's budget */
};

static const char *match(nvl_pattern *m, const char *s, const char *p);

static void too_long(nvl_pattern *m) {
  nvl_pattern_charge(m);
  luaL_error(m->L, "pattern takes too long on a text of %d bytes", (int)(m->end - m->text));
}

/* Every look at a character of the subject or of a set costs a step. */
static inline void spend(nvl_pattern *m, ptrdiff_t steps) {
  m->steps -= steps;
  if (__builtin_expect(m->steps < 0, 0)) too_long(m);
}

/* ---- one character ---- */

static bool in_class(unsigned char c, unsigned char class) {
  bool yes;
  switch (tolower(class)) {
    case 'a': yes = isalpha(c); break;
    case 'c': yes = iscntrl(c); break;
    case 'd': yes = isdigit(c); break;
    case 'g': yes = isgraph(c); break;
    case 'l': yes = islower(c); break;
    case 'p': yes = ispunct(c); break;
    case 's': yes = isspace(c); break;
    case 'u': yes = isupper(c); break;
    case 'w': yes = isalnum(c); break;
    case 'x': yes = isxdigit(c); break;
    case 'z': yes = c == 0; break;
    default: return c == class; /* %. stands for a dot */
  }
  return isupper(class) ? !yes : yes;
}

/* The set from '[' at `p` to its ']' at `last`. */
static bool in_set(nvl_pattern *m, unsigned char c, const char *p, const char *last) {
  bool yes = p[1] != '^';
  spend(m, last - p);
  for (p += yes ? 1 : 2; p < last; p++) {
    if (*p == '%') {
      if (in_class(c, (unsigned char)*++p)) return yes;
    } else if (p[1] == '-' && p + 2 < last) {
      if ((unsigned char)p[0] <= c && c <= (unsigned char)p[2]) return yes;
      p += 2;
    } else if ((unsigned char)*p == c) {
      return yes;
    }
  }
  return !yes;
}

/* The end of the single-character item that begins at `p`. */
static const char *item_end(nvl_pattern *m, const char *p) {
  const char *begin = p;
  switch (*p++) {
    case '%':
      if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (ends with '%%')");
      return p + 1;
    case '[':
      if (*p == '^') p++;
      do { /* a ']' in the first place stands for itself */
        if (p == m->pattern_end) luaL_error(m->L, "malformed pattern (missing ']')");
        if (*p++ == '%' && p < m->pattern_end) p++;
      } while (*p != ']');
      spend(m, p - begin);
      return p + 1;
    default:
      return p;
  }
}

static bool one(nvl_pattern *m, const char *s, const char *p, const char *end) {
  if (s >= m->end) return false;
  switch (*p) {
    case '.': return true;
    case '%': return in_class((unsigned char)*s, (unsigned char)p[1]);
    case '[': return in_set(m, (unsigned char)*s, p, end - 1);
    default: return *p == *s;
  }
}

/* ---- repeats ---- */

/* As many as there are, then fewer: `p` .. `end` is the item, its mark at `end`. */
static const char *longest(nvl_pattern *m, const char *s, const char *p, const char *end) {
  const char *last = s;
  while (one(m, last, p, end)) last++;
  spend(m, last - s);
  for (; last >= s; last--) {
    const char *found = match(m, last, end + 1);
    if (found) return found;
  }
  return NULL;
}

static const char *shortest(nvl_pattern *m, const char *s, const char *p, const char *end) {
  for (;; s++) {
    const char *found = match(m, s, end + 1);
    if (found) return found;
    if (!one(m, s, p, end)) return NULL;
  }
}

/* ---- captures ---- */

static const char *open_capture(nvl_pattern *m, const char *s, const char *p, ptrdiff_t n) {
  if (m->captures >= NVL_CAPTURES_MAX) luaL_error(m->L, "too many captures");
  m->capture[m->captures].p = s;
  m->capture[m->captures].n = n;
  m->captures++;
  const char *found = match(m, s, p);
  if (!found) m->captures--;
  return found;
}

static const char *close_capture(nvl_pattern *m, const char *s, const char *p) {
  int i = m->captures - 1;
  while (i >= 0 && m->capture[i].n != NVL_CAPTURE_OPEN) i--;
  if (i < 0) luaL_error(m->L, "invalid pattern capture");
  m->capture[i].n = s - m->capture[i].p;
  const char *found = match(m, s, p);
  if (!found) m->capture[i].n = NVL_CAPTURE_OPEN;
  return found;
}

/* %1 .. %9: the end of the same text at `s`, or NULL. */
static const char *repeat_capture(nvl_pattern *m, const char *s, unsigned char digit) {
  int i = digit - '1';
  if (i < 0 || i >= m->captures || m->capture[i].n == NVL_CAPTURE_OPEN)
    luaL_error(m->L, "invalid capture index %%%d", i + 1);
  if (m->capture[i].n == NVL_CAPTURE_POSITION) return NULL; /* no text, no match */
  size_t n = (size_t)m->capture[i].n;
  spend(m, (ptrdiff_t)n);
  if ((size_t)(m->end - s) < n || memcmp(m->capture[i].p, s, n) != 0) return NULL;
  return s + n;
}

/* ---- %b and %f ---- */

/* %bxy with `p` at x: the end of the balanced text at `s`, or NULL. */
static const char *balanced(nvl_pattern *m, const char *s, const char *p) {
  if (p + 1 >= m->pattern_end)
    luaL_error(m->L, "malformed pattern (missing arguments to '%%b')");
  if (*s != *p || s >= m->end) return NULL;
  int open = 1;
  for (const char *at = s + 1; at < m->end; at++) {
    if (*at == p[1]) {
      if (--open > 0) continue;
      spend(m, at - s);
      return at + 1;
    }
    if (*at == *p) open++;
  }
  spend(m, m->end - s);
  return NULL;
}

/* %f[set] with `p` at the set: the end of the item when `s` is at the border. */
static const char *at_frontier(nvl_pattern *m, const char *s, const char *p) {
  if (*p != '[') luaL_error(m->L, "missing '[' after '%%f' in pattern");
  const char *end = item_end(m, p);
  unsigned char before = s == m->text ? 0 : (unsigned char)s[-1];
  bool border = !in_set(m, before, p, end - 1) && in_set(m, (unsigned char)*s, p, end - 1);
  return border ? end : NULL;
}

/* ---- a pattern ---- */

/* Items that stand for a single character, with or without a mark behind. Returns
 * true when the match goes on at *s and *p, else *s is the result. */
static bool match_item(nvl_pattern *m, const char **s, const char **p) {
  const char *end = item_end(m, *p), *found;
  char mark = end < m->pattern_end ? *end : 0;
  switch (mark) {
    case '*':
      *s = longest(m, *s, *p, end);
      return false;
    case '+':
      *s = one(m, *s, *p, end) ? longest(m, *s + 1, *p, end) : NULL;
      return false;
    case '-':
      *s = shortest(m, *s, *p, end);
      return false;
    case '?':
      if (one(m, *s, *p, end) && (found = match(m, *s + 1, end + 1))) {
        *s = found;
        return false;
      }
      *p = end + 1;
      return true;
    default:
      *s = one(m, *s, *p, end) ? *s + 1 : NULL;
      *p = end;
      return *s;
  }
}

/* What begins with '%': a class, or one of the items that are no single character. */
static bool match_percent(nvl_pattern *m, const char **s, const char **p) {
  switch (*p + 1 < m->pattern_end ? (*p)[1] : 0) {
    case 'b':
      *s = balanced(m, *s, *p + 2);
      *p += 4;
      return *s;
    case 'f':
      *p = at_frontier(m, *s, *p + 2);
      if (!*p) *s = NULL;
      return *p;
    case '0': case '1': case '2': case '3': case '4':
    case '5': case '6': case '7': case '8': case '9':
      *s = repeat_capture(m, *s, (unsigned char)(*p)[1]);
      *p += 2;
      return *s;
    default:
      return match_item(m, s, p);
  }
}

static const char *match(nvl_pattern *m, const char *s, const char *p) {
  if (m->depth-- == 0) luaL_error(m->L, "pattern too complex");
  bool more = true;
  while (more && p < m->pattern_end) {
    spend(m, 1);
    switch (*p) {
      case '(': {
        bool position = p[1] == ')';
        s = open_capture(m, s, p + (position ? 2 : 1),
                         position ? NVL_CAPTURE_POSITION : NVL_CAPTURE_OPEN);
        more = false;
        break;
      }
      case ')':
        s = close_capture(m, s, p + 1);
        more = false;
        break;
      case '%':
        more = match_percent(m, &s, &p);
        break;
      case '$':
        if (p + 1 == m->pattern_end) {
          if (s != m->end) s = NULL;
          more = false;
          break;
        } /* fall through */
      default:
        more = match_item(m, &s, &p);
    }
  }
  m->depth++;
  return s;
}

void nvl_pattern_init(nvl_pattern *m, lua_State *L, const char *text, size_t n,
                      const char *pattern, size_t pattern_n) {
  m->L = L;
  m->text = text;
  m->end = text + n;
  m->pattern_end = pattern + pattern_n;
  m->given = m->steps = STEPS_BASE + (long long)n * STEPS_PER_BYTE;
}

void nvl_pattern_charge(const nvl_pattern *m) {
  nvl_guard_charge(nvl_state_of(m->L), m->L,
                   (size_t)(m->given - m->steps) / STEPS_PER_INSTRUCTION);
}

const char *nvl_pattern_match(nvl_pattern *m, const char *at, const char *pattern) {
  m->captures = 0;
  m->depth = DEPTH_MAX;
  return match(m, at, pattern);
}

/* ---- results ---- */

void nvl_pattern_push(nvl_pattern *m, int i, const char *begin, const char *end) {
  if (i >= m->captures) {
    if (i != 0) luaL_error(m->L, "invalid capture index %%%d", i + 1);
    lua_pushlstring(m->L, begin, (size_t)(end - begin));
    return;
  }
  ptrdiff_t n = m->capture[i].n;
  if (n == NVL_CAPTURE_OPEN) luaL_error(m->L, "unfinished capture");
  if (n == NVL_CAPTURE_POSITION) lua_pushinteger(m->L, m->capture[i].p - m->text + 1);
  else lua_pushlstring(m->L, m->capture[i].p, (size_t)n);
}

int nvl_pattern_push_all(nvl_pattern *m, const char *begin, const char *end) {
  int n = m->captures == 0 && begin ? 1 : m->captures;
  luaL_checkstack(m->L, n, "too many captures");
  for (int i = 0; i < n; i++) nvl_pattern_push(m, i, begin, end);
  return n;
}
