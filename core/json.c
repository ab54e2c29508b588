/* json - see json.h. The reader is a state machine over what may come next; the
 * kind of every open level is one bit, so depth costs no memory. */
#include "json.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state {
  WANT_VALUE,
  WANT_VALUE_OR_END, /* behind [ */
  WANT_KEY,
  WANT_KEY_OR_END, /* behind { */
  WANT_MORE,       /* behind a value inside an array or object */
  DONE,
  BROKEN,
};

typedef unsigned char byte;

static nv_json_event broken(nv_json_reader *r, const byte *at, const char *why);
static nv_json_event begin(nv_json_reader *r, bool object);
static nv_json_event finish(nv_json_reader *r, bool object);
static nv_json_event read_string(nv_json_reader *r, nv_json_event kind);
static nv_json_event read_key(nv_json_reader *r);
static nv_json_event read_number(nv_json_reader *r);
static nv_json_event read_word(nv_json_reader *r, const char *word,
                               nv_json_event kind);
static const byte *skip_plain(const byte *p, const byte *end);
static size_t utf8_length(const byte *p, const byte *end);

void nv_json_open(nv_json_reader *r, nv_str text, int max_depth) {
  memset(r, 0, sizeof *r);
  r->start = r->p = (const byte *)(text.p ? text.p : "");
  r->end = r->start + text.n;
  r->max_depth = max_depth < 1                   ? 1
                 : max_depth > NV_JSON_DEPTH_MAX ? NV_JSON_DEPTH_MAX
                                                 : max_depth;
  r->state = WANT_VALUE;
}

static inline bool is_digit(byte c) {
  return c >= '0' && c <= '9';
}

static inline const byte *skip_space(const byte *p, const byte *end) {
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')) p++;
  return p;
}

nv_json_event nv_json_next(nv_json_reader *r) {
  if (r->state == BROKEN) return NV_JSON_ERROR;
  r->p = skip_space(r->p, r->end);
  if (r->p == r->end) {
    if (r->state == DONE) return NV_JSON_END;
    return broken(r, r->p,
                  r->p == r->start ? "empty text" : "unexpected end of text");
  }
  byte c = *r->p;

  if (r->state == WANT_MORE) {
    if (c == (r->in_object ? '}' : ']')) return finish(r, r->in_object);
    if (c != ',')
      return broken(r, r->p,
                    r->in_object ? "expected ',' or '}'" : "expected ',' or ']'");
    r->p = skip_space(r->p + 1, r->end);
    if (r->p == r->end) return broken(r, r->p, "unexpected end of text");
    r->state = r->in_object ? WANT_KEY : WANT_VALUE;
    c = *r->p;
  }

  switch (r->state) {
    case WANT_KEY_OR_END:
      if (c == '}') return finish(r, true);
      return read_key(r);
    case WANT_KEY:
      return read_key(r);
    case WANT_VALUE_OR_END:
      if (c == ']') return finish(r, false);
      break;
    case DONE:
      return broken(r, r->p, "unexpected text behind the value");
    default:
      break;
  }

  switch (c) {
    case '"':
      return read_string(r, NV_JSON_STRING);
    case '{':
      return begin(r, true);
    case '[':
      return begin(r, false);
    case 't':
      return read_word(r, "true", NV_JSON_TRUE);
    case 'f':
      return read_word(r, "false", NV_JSON_FALSE);
    case 'n':
      return read_word(r, "null", NV_JSON_NULL);
    case '-':
      return read_number(r);
    default:
      break;
  }
  if (is_digit(c)) return read_number(r);
  if (c == 0xef && r->p == r->start)
    return broken(r, r->p, "byte order mark in front of the value");
  return broken(r, r->p, "expected a value");
}

static nv_json_event broken(nv_json_reader *r, const byte *at, const char *why) {
  r->state = BROKEN;
  r->why = why;
  r->at = (size_t)(at - r->start);
  return NV_JSON_ERROR;
}

static nv_json_event ended(nv_json_reader *r, nv_json_event kind) {
  r->state = r->depth ? WANT_MORE : DONE;
  return kind;
}

static nv_json_event begin(nv_json_reader *r, bool object) {
  if (r->depth == r->max_depth) {
    snprintf(r->why_room, sizeof r->why_room, "nested deeper than %d levels",
             r->max_depth);
    return broken(r, r->p, r->why_room);
  }
  uint64_t bit = 1ull << (r->depth % 64), *word = &r->objects[r->depth / 64];
  *word = object ? *word | bit : *word & ~bit;
  r->depth++;
  r->p++;
  r->in_object = object;
  r->state = object ? WANT_KEY_OR_END : WANT_VALUE_OR_END;
  return object ? NV_JSON_OBJECT_BEGIN : NV_JSON_ARRAY_BEGIN;
}

static nv_json_event finish(nv_json_reader *r, bool object) {
  r->p++;
  if (--r->depth > 0) {
    int level = r->depth - 1;
    r->in_object = r->objects[level / 64] >> (level % 64) & 1;
  }
  return ended(r, object ? NV_JSON_OBJECT_END : NV_JSON_ARRAY_END);
}

/* ---- words and numbers -------------------------------------------------- */

static nv_json_event read_word(nv_json_reader *r, const char *word,
                               nv_json_event kind) {
  size_t n = strlen(word);
  if ((size_t)(r->end - r->p) < n || memcmp(r->p, word, n) != 0)
    return broken(r, r->p, "expected a value");
  r->p += n;
  return ended(r, kind);
}

static inline const byte *skip_digits(const byte *p, const byte *end) {
  while (p < end && is_digit(*p)) p++;
  return p;
}

static nv_json_event read_number(nv_json_reader *r) {
  const byte *p = r->p, *end = r->end, *from;
  if (*p == '-') p++;
  from = p;
  p = skip_digits(p, end);
  if (p == from) return broken(r, p, "expected a digit");
  if (*from == '0' && p - from > 1)
    return broken(r, from, "a number does not begin with 0");
  r->integer = true;
  if (p < end && *p == '.') {
    r->integer = false;
    from = ++p;
    p = skip_digits(p, end);
    if (p == from) return broken(r, p, "expected a digit behind the point");
  }
  if (p < end && (*p == 'e' || *p == 'E')) {
    r->integer = false;
    p++;
    if (p < end && (*p == '+' || *p == '-')) p++;
    from = p;
    p = skip_digits(p, end);
    if (p == from) return broken(r, p, "expected a digit in the exponent");
  }
  r->text = (nv_str){(const char *)r->p, (size_t)(p - r->p)};
  r->p = p;
  return ended(r, NV_JSON_NUMBER);
}

/* ---- strings ------------------------------------------------------------ */

/* 0 .. 15, or -1. */
static int hex_value(byte c) {
  if (is_digit(c)) return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads the four digits behind \u; -1 when they are not there. */
static long read_hex4(const byte *p, const byte *end) {
  if (end - p < 4) return -1;
  long u = 0;
  for (int i = 0; i < 4; i++) {
    int digit = hex_value(p[i]);
    if (digit < 0) return -1;
    u = u << 4 | digit;
  }
  return u;
}

static bool is_high(long u) {
  return u >= 0xd800 && u <= 0xdbff;
}
static bool is_low(long u) {
  return u >= 0xdc00 && u <= 0xdfff;
}

/* Length of the escape at `p` (a backslash), or 0 with `*why`. */
static size_t escape_length(const byte *p, const byte *end, const char **why) {
  *why = "unknown escape";
  if (end - p < 2) {
    *why = "unexpected end of text";
    return 0;
  }
  if (p[1] != 'u') return memchr("\"\\/bfnrt", p[1], 8) ? 2 : 0;
  long u = read_hex4(p + 2, end);
  if (u < 0) {
    *why = "expected four hexadecimal digits";
    return 0;
  }
  if (!is_high(u) && !is_low(u)) return 6;
  *why = "half of a surrogate pair";
  if (is_low(u) || end - p < 12 || p[6] != '\\' || p[7] != 'u') return 0;
  return is_low(read_hex4(p + 8, end)) ? 12 : 0;
}

static nv_json_event read_string(nv_json_reader *r, nv_json_event kind) {
  const byte *p = r->p + 1, *end = r->end, *from = p;
  r->escaped = false;
  for (;;) {
    p = skip_plain(p, end);
    if (p == end) return broken(r, p, "unexpected end of text");
    if (*p == '"') break;
    if (*p == '\\') {
      const char *why;
      size_t n = escape_length(p, end, &why);
      if (n == 0) return broken(r, p, why);
      r->escaped = true;
      p += n;
    } else if (*p < 0x20) {
      return broken(r, p, "control character in a string");
    } else {
      size_t n = utf8_length(p, end);
      if (n == 0) return broken(r, p, "not UTF-8");
      p += n;
    }
  }
  r->text = (nv_str){(const char *)from, (size_t)(p - from)};
  r->p = p + 1;
  return ended(r, kind);
}

static nv_json_event read_key(nv_json_reader *r) {
  if (*r->p != '"') return broken(r, r->p, "expected a key in quotes");
  if (read_string(r, NV_JSON_KEY) == NV_JSON_ERROR) return NV_JSON_ERROR;
  const byte *p = skip_space(r->p, r->end);
  if (p == r->end) return broken(r, p, "unexpected end of text");
  if (*p != ':') return broken(r, p, "expected ':'");
  r->p = p + 1;
  r->state = WANT_VALUE;
  return NV_JSON_KEY;
}

static char *put_utf8(char *out, long u) {
  if (u < 0x80) {
    *out++ = (char)u;
  } else if (u < 0x800) {
    *out++ = (char)(0xc0 | u >> 6);
    *out++ = (char)(0x80 | (u & 0x3f));
  } else if (u < 0x10000) {
    *out++ = (char)(0xe0 | u >> 12);
    *out++ = (char)(0x80 | (u >> 6 & 0x3f));
    *out++ = (char)(0x80 | (u & 0x3f));
  } else {
    *out++ = (char)(0xf0 | u >> 18);
    *out++ = (char)(0x80 | (u >> 12 & 0x3f));
    *out++ = (char)(0x80 | (u >> 6 & 0x3f));
    *out++ = (char)(0x80 | (u & 0x3f));
  }
  return out;
}

size_t nv_json_unescape(nv_str text, char *out) {
  const char *p = text.p, *end = text.p + text.n, *start = out;
  while (p < end) {
    const char *stop = memchr(p, '\\', (size_t)(end - p));
    size_t run = (size_t)((stop ? stop : end) - p);
    memcpy(out, p, run);
    out += run;
    if (!stop) break;
    p = stop + 2;
    switch (stop[1]) {
      case 'b':
        *out++ = '\b';
        break;
      case 'f':
        *out++ = '\f';
        break;
      case 'n':
        *out++ = '\n';
        break;
      case 'r':
        *out++ = '\r';
        break;
      case 't':
        *out++ = '\t';
        break;
      case 'u': {
        long u = read_hex4((const byte *)p, (const byte *)end);
        p += 4;
        if (is_high(u)) {
          long low = read_hex4((const byte *)p + 2, (const byte *)end);
          u = 0x10000 + ((u - 0xd800) << 10) + (low - 0xdc00);
          p += 6;
        }
        out = put_utf8(out, u);
        break;
      }
      default:
        *out++ = stop[1];
        break;
    }
  }
  return (size_t)(out - start);
}

void nv_json_locate(const nv_json_reader *r, size_t at, size_t *line,
                    size_t *column) {
  const byte *p = r->start, *stop = r->start + at;
  *line = *column = 1;
  for (; p < stop && p < r->end; p++) {
    if (*p == '\n') {
      ++*line;
      *column = 1;
    } else if ((*p & 0xc0) != 0x80) {
      ++*column;
    }
  }
}

#define EACH(b) (0x0101010101010101ull * (b))

/* The first byte from `p` on that cannot simply be copied: a quote, backslash,
 * control character or anything outside ASCII. Eight bytes at a time; the bit
 * tricks may mark bytes above a true hit, never below it. */
static const byte *skip_plain(const byte *p, const byte *end) {
  while (end - p >= 8) {
    uint64_t w;
    memcpy(&w, p, 8);
    uint64_t quote = w ^ EACH('"'), slash = w ^ EACH('\\');
    uint64_t hit = ((w - EACH(0x20)) & ~w) | ((quote - EACH(1)) & ~quote) |
                   ((slash - EACH(1)) & ~slash) | w;
    hit &= EACH(0x80);
    if (hit) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
      return p + __builtin_ctzll(hit) / 8;
#else
      break;
#endif
    }
    p += 8;
  }
  while (p < end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\') p++;
  return p;
}

/* Length of the well-formed UTF-8 sequence at `p`, or 0: no overlong forms, no
 * surrogates, nothing above U+10FFFF. */
static size_t utf8_length(const byte *p, const byte *end) {
  byte c = *p, low = 0x80, high = 0xbf;
  size_t n;
  if (c < 0x80) return 1;
  if (c >= 0xc2 && c <= 0xdf) {
    n = 2;
  } else if (c >= 0xe0 && c <= 0xef) {
    n = 3;
    if (c == 0xe0) low = 0xa0;
    if (c == 0xed) high = 0x9f;
  } else if (c >= 0xf0 && c <= 0xf4) {
    n = 4;
    if (c == 0xf0) low = 0x90;
    if (c == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if ((size_t)(end - p) < n || p[1] < low || p[1] > high) return 0;
  for (size_t i = 2; i < n; i++)
    if ((p[i] & 0xc0) != 0x80) return 0;
  return n;
}

/* ---- writing ------------------------------------------------------------ */

/* Appends the escape for a quote, backslash or control character. */
static int add_escape(nv_buf *b, byte c) {
  static const char names[32] = {
      ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
  static const char hex[] = "0123456789abcdef";
  char name = c < 32 ? names[c] : (char)c;
  if (name) return nv_buf_add(b, (char[]){'\\', name}, 2);
  return nv_buf_add(b, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
}

/* Appends `s` with `before` and `after` around it; most strings need no escape
 * and go in one piece. */
static int add_quoted(nv_buf *b, nv_str before, nv_str s, nv_str after) {
  const byte *p = (const byte *)(s.p ? s.p : ""), *end = p + s.n, *from = p;
  int rc = nv_buf_reserve(b, s.n + before.n + after.n);
  if (rc != NV_OK) return rc;
  memcpy(b->p + b->n, before.p, before.n);
  b->n += before.n;
  while ((p = skip_plain(p, end)) < end) {
    if (*p >= 0x80) {
      size_t n = utf8_length(p, end);
      if (n == 0) return NV_ESYNTAX;
      p += n;
      continue;
    }
    rc = nv_buf_add(b, from, (size_t)(p - from));
    if (rc == NV_OK) rc = add_escape(b, *p);
    from = ++p;
    if (rc == NV_OK) rc = nv_buf_reserve(b, (size_t)(end - p) + after.n);
    if (rc != NV_OK) return rc;
  }
  size_t rest = (size_t)(end - from);
  memcpy(b->p + b->n, from, rest);
  memcpy(b->p + b->n + rest, after.p, after.n);
  b->n += rest + after.n;
  b->p[b->n] = 0;
  return NV_OK;
}

int nv_json_add_string(nv_buf *b, nv_str s) {
  return add_quoted(b, (nv_str){"\"", 1}, s, (nv_str){"\"", 1});
}

int nv_json_add_key(nv_buf *b, bool first, nv_str key) {
  return add_quoted(b, (nv_str){first ? "{\"" : ",\"", 2}, key, (nv_str){"\":", 2});
}

int nv_json_add_integer(nv_buf *b, int64_t n) {
  char text[24], *p = text + sizeof text;
  uint64_t left = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
  do {
    *--p = (char)('0' + left % 10);
    left /= 10;
  } while (left);
  if (n < 0) *--p = '-';
  return nv_buf_add(b, p, (size_t)(text + sizeof text - p));
}

int nv_json_add_double(nv_buf *b, double x) {
  if (x != x || x > DBL_MAX || x < -DBL_MAX) return NV_EINVALID;
  /* 15 digits always survive, 17 always suffice; only numbers below the normal
   * range have fewer to begin with. */
  bool tiny = x > -DBL_MIN && x < DBL_MIN;
  char text[64], out[64];
  for (int digits = tiny ? 1 : 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, x);
    if (strtod(text, NULL) == x) break;
  }
  /* Whatever the locale uses as its point becomes a point. */
  size_t n = 0;
  bool point = false;
  for (const char *p = text; *p; p++) {
    bool known = is_digit((byte)*p) || *p == '-' || *p == '+' || *p == 'e';
    if (*p == 'e') point = true;
    if (known)
      out[n++] = *p;
    else if (!point)
      out[n++] = '.', point = true;
  }
  if (!point) out[n++] = '.', out[n++] = '0';
  return nv_buf_add(b, out, n);
}
