/* log - one line per event, to stderr, with a level and named fields.
 *
 * JSON lines when stderr is not a terminal, readable lines when it is. A line is
 * one write(2): lines of several processes do not mix, and one that cannot be
 * written is dropped and counted, so a full disk or a closed pipe never stops the
 * engine. No secret leaves through here: every text is scrubbed before it is
 * encoded and cut. Control characters and broken UTF-8 are made harmless.
 *
 * Threading: loop thread only.
 */
#ifndef NV_LOG_H
#define NV_LOG_H

#include "env.h"

struct nv_secrets;

typedef struct nv_log nv_log;

enum { NV_LOG_DEBUG, NV_LOG_INFO, NV_LOG_WARN, NV_LOG_ERROR };
enum { NV_LOG_AUTO, NV_LOG_JSON, NV_LOG_TEXT };

typedef struct nv_log_field {
  const char *name;
  enum { NV_FIELD_TEXT, NV_FIELD_INTEGER, NV_FIELD_NUMBER, NV_FIELD_BOOLEAN } kind;
  nv_str text;     /* TEXT; or NUMBER: its digits, which must be a JSON number */
  int64_t integer; /* INTEGER, BOOLEAN */
} nv_log_field;

typedef void (*nv_log_hook_fn)(int level, const char *line, size_t n, void *arg);

/* Opens a log of lines at `level` and above. Borrows `env`. NULL: out of memory.
 * NV_LOG_AUTO looks at the terminal once; NO_COLOR and TERM=dumb turn colour off. */
nv_log *nv_log_open(const nv_env *env, int mode, int level);
void nv_log_close(nv_log *log);

/* Whose values to scrub. Borrowed; NULL stops scrubbing. */
void nv_log_set_secrets(nv_log *log, struct nv_secrets *secrets);
/* Lines go to `fn` instead of stderr, without their newline; NULL ends it. */
void nv_log_set_hook(nv_log *log, nv_log_hook_fn fn, void *arg);

/* True when a line of that level would be written: for costly fields. */
bool nv_log_wants(const nv_log *log, int level);
/* Writes one line. `log` may be NULL. Fields keep their order. */
void nv_log_write(nv_log *log, int level, const char *text, const nv_log_field *fields,
                  size_t nfields);
/* Lines that could not be written since the log was opened. */
uint64_t nv_log_dropped(const nv_log *log);

/* "debug", "info", "warn", "error". */
const char *nv_log_level_name(int level);
/* The level of a name, -1 when there is none. */
int nv_log_level_of(const char *name);

#endif
