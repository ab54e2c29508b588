#include "log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "secret.h"

enum {
  VALUE_MAX = 8 * 1024,      /* bytes of one text in a line, after scrubbing */
  LINE_MAX_BYTES = 64 * 1024,
  SCRUB_MAX = 4 * 1024 * 1024
};

struct nv_log {
  const nv_env *env;
  struct nv_secrets *secrets;
  nv_log_hook_fn hook;
  void *hook_arg;
  int level;
  bool json, colour;
  uint64_t dropped;
  nv_buf line, clean;
};

static const struct {
  const char *name, *column, *colour;
} levels[] = {{"debug", "DEBUG", "\033[2m"},
              {"info", "INFO ", "\033[32m"},
              {"warn", "WARN ", "\033[33m"},
              {"error", "ERROR", "\033[31m"}};

enum { LEVELS = sizeof levels / sizeof levels[0] };

const char *nv_log_level_name(int level) {
  return level >= 0 && level < LEVELS ? levels[level].name : "info";
}

int nv_log_level_of(const char *name) {
  for (int i = 0; i < LEVELS; i++)
    if (strcmp(levels[i].name, name) == 0) return i;
  return -1;
}

static bool wants_colour(void) {
  const char *term = getenv("TERM"), *off = getenv("NO_COLOR");
  return isatty(STDERR_FILENO) && !(off && *off) && term && strcmp(term, "dumb") != 0;
}

nv_log *nv_log_open(const nv_env *env, int mode, int level) {
  nv_log *log = calloc(1, sizeof *log);
  if (!log) return NULL;
  log->env = env;
  log->level = level;
  log->json = mode == NV_LOG_JSON || (mode == NV_LOG_AUTO && !isatty(STDERR_FILENO));
  log->colour = !log->json && wants_colour();
  nv_buf_init(&log->line, LINE_MAX_BYTES);
  nv_buf_init(&log->clean, SCRUB_MAX);
  return log;
}

void nv_log_close(nv_log *log) {
  if (!log) return;
  nv_buf_clear(&log->line);
  nv_buf_clear(&log->clean);
  free(log);
}

void nv_log_set_secrets(nv_log *log, struct nv_secrets *secrets) { log->secrets = secrets; }

void nv_log_set_hook(nv_log *log, nv_log_hook_fn fn, void *arg) {
  log->hook = fn;
  log->hook_arg = arg;
}

bool nv_log_wants(const nv_log *log, int level) { return log && level >= log->level; }

uint64_t nv_log_dropped(const nv_log *log) { return log->dropped; }

/* ---- texts ---- */

/* Length of the well-formed UTF-8 character at `p` and its code point; 0 when it
 * is not one (overlong, surrogate, beyond U+10FFFF, cut off). */
static size_t utf8_length(const unsigned char *p, size_t n, uint32_t *cp) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 0;
  if (len == 0 || len > n || p[0] > 0xf4) return 0;
  uint32_t v = len == 1 ? p[0] : p[0] & (0x7fu >> len);
  for (size_t i = 1; i < len; i++) {
    if ((p[i] & 0xc0) != 0x80) return 0;
    v = v << 6 | (p[i] & 0x3f);
  }
  if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff)) return 0;
  *cp = v;
  return len;
}

/* Adds text that is safe between JSON quotes, and safe for a terminal: control
 * characters (C1 and the bidirectional overrides too) come out as escapes. */
static int add_escaped(nv_buf *b, nv_str s, bool quotes) {
  bool cut = s.n > VALUE_MAX;
  size_t end = cut ? VALUE_MAX : s.n;
  int rc = NV_OK;
  for (size_t i = 0; rc == NV_OK && i < end;) {
    const char *p = s.p + i;
    uint32_t cp = 0;
    size_t len = utf8_length((const unsigned char *)p, s.n - i, &cp);
    i += len ? len : 1;
    if (len == 0) rc = nv_buf_addz(b, "\xef\xbf\xbd");
    else if (cp == '\n') rc = nv_buf_addz(b, "\\n");
    else if (cp == '\t') rc = nv_buf_addz(b, "\\t");
    else if (quotes && (cp == '"' || cp == '\\')) rc = nv_buf_addf(b, "\\%c", (int)cp);
    else if (cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || (cp >= 0x202a && cp <= 0x202e) ||
             (cp >= 0x2066 && cp <= 0x2069))
      rc = nv_buf_addf(b, "\\u%04x", cp);
    else rc = nv_buf_add(b, p, len);
  }
  return rc == NV_OK && cut ? nv_buf_addz(b, "...") : rc;
}

/* The text without secrets; borrowed from the log until the next call. */
static nv_str scrubbed(nv_log *log, nv_str s) {
  if (!log->secrets) return s;
  log->clean.n = 0;
  if (nv_secrets_scrub(log->secrets, s.p, s.n, &log->clean) != NV_OK)
    return nv_str_of("(withheld: it could not be scrubbed)");
  return (nv_str){log->clean.p ? log->clean.p : "", log->clean.n};
}

static bool is_plain_word(nv_str s) {
  for (size_t i = 0; i < s.n; i++)
    if ((unsigned char)s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\')
      return false;
  return s.n > 0;
}

static int add_value(nv_log *log, const nv_log_field *f) {
  nv_buf *b = &log->line;
  if (f->kind == NV_FIELD_INTEGER) return nv_buf_addf(b, "%lld", (long long)f->integer);
  if (f->kind == NV_FIELD_BOOLEAN) return nv_buf_addz(b, f->integer ? "true" : "false");
  if (f->kind == NV_FIELD_NUMBER) return nv_buf_add(b, f->text.p, f->text.n);
  nv_str s = scrubbed(log, f->text);
  bool quotes = log->json || !is_plain_word(s);
  int rc = quotes ? nv_buf_addc(b, '"') : NV_OK;
  if (rc == NV_OK) rc = add_escaped(b, s, quotes);
  return rc == NV_OK && quotes ? nv_buf_addc(b, '"') : rc;
}

/* ---- lines ---- */

static bool is_taken(const char *name) {
  return strcmp(name, "time") == 0 || strcmp(name, "level") == 0 || strcmp(name, "text") == 0;
}

static int add_json_field(nv_log *log, const nv_log_field *f) {
  nv_buf *b = &log->line;
  int rc = nv_buf_addz(b, ",\"");
  if (rc == NV_OK) rc = add_escaped(b, scrubbed(log, nv_str_of(f->name)), true);
  if (rc == NV_OK) rc = nv_buf_addz(b, is_taken(f->name) ? "_\":" : "\":");
  return rc == NV_OK ? add_value(log, f) : rc;
}

static int add_json_head(nv_log *log, int level, const char *time, nv_str text) {
  nv_buf *b = &log->line;
  int rc = nv_buf_addf(b, "{\"time\":\"%s\",\"level\":\"%s\",\"text\":\"", time,
                       levels[level].name);
  if (rc == NV_OK) rc = add_escaped(b, scrubbed(log, text), true);
  return rc == NV_OK ? nv_buf_addc(b, '"') : rc;
}

static int add_text_field(nv_log *log, const nv_log_field *f) {
  nv_buf *b = &log->line;
  int rc = nv_buf_addz(b, log->colour ? "  \033[2m" : "  ");
  if (rc == NV_OK) rc = add_escaped(b, scrubbed(log, nv_str_of(f->name)), false);
  if (rc == NV_OK) rc = nv_buf_addz(b, log->colour ? "=\033[0m" : "=");
  return rc == NV_OK ? add_value(log, f) : rc;
}

static int add_text_head(nv_log *log, int level, const char *time, nv_str text) {
  nv_buf *b = &log->line;
  int rc = nv_buf_addf(b, "%s %s%s%s ", time, log->colour ? levels[level].colour : "",
                       levels[level].column, log->colour ? "\033[0m" : "");
  return rc == NV_OK ? add_escaped(b, scrubbed(log, text), false) : rc;
}

/* A field that does not fit is left out whole; the line stays well-formed. The
 * room kept is for the closing brace, the word "cut" and the newline. */
static int build_line(nv_log *log, int level, const char *text, const nv_log_field *fields,
                      size_t nfields) {
  char time[NV_ISO_SIZE];
  nv_buf *b = &log->line;
  b->n = 0;
  b->max = LINE_MAX_BYTES - 64;
  nv_time_iso(nv_env_wall_us(log->env), 3, time);
  nv_str t = nv_str_of(text ? text : "");
  int rc = log->json ? add_json_head(log, level, time, t) : add_text_head(log, level, time, t);
  bool cut = false;
  for (size_t i = 0; rc == NV_OK && i < nfields; i++) {
    size_t before = b->n;
    rc = log->json ? add_json_field(log, &fields[i]) : add_text_field(log, &fields[i]);
    if (rc != NV_ETOOLARGE) continue;
    b->n = before;
    cut = true;
    rc = NV_OK;
  }
  b->max = LINE_MAX_BYTES;
  if (rc == NV_OK && cut) rc = nv_buf_addz(b, log->json ? ",\"cut\":true" : "  cut=true");
  if (rc == NV_OK && log->json) rc = nv_buf_addc(b, '}');
  return rc;
}

void nv_log_write(nv_log *log, int level, const char *text, const nv_log_field *fields,
                  size_t nfields) {
  if (!nv_log_wants(log, level) || level < 0 || level >= LEVELS) return;
  if (build_line(log, level, text, fields, nfields) != NV_OK) {
    log->dropped++;
    return;
  }
  if (log->hook) {
    log->hook(level, log->line.p, log->line.n, log->hook_arg);
    return;
  }
  if (nv_buf_addc(&log->line, '\n') != NV_OK) {
    log->dropped++;
    return;
  }
  ssize_t k;
  do k = write(STDERR_FILENO, log->line.p, log->line.n);
  while (k < 0 && errno == EINTR);
  if (k != (ssize_t)log->line.n) log->dropped++;
}
