/* secret - passwords and keys, held by the core and named by handles.
 *
 * A script sees a random token, never the value; the HTTP client puts the value
 * in its place right before sending, and the log writes "***" in the place of the
 * value. Values come from the process environment, from a file, or from systemd,
 * never from a configuration file. Memory is wiped before it is freed.
 *
 * Threading: loop thread only.
 */
#ifndef NV_SECRET_H
#define NV_SECRET_H

#include "env.h"

#define NV_SECRET_MARK "nvsec:" /* how every token begins */
enum { NV_SECRET_TOKEN = 39 };  /* its length: mark, 32 hex digits, ":" */

typedef struct nv_secrets nv_secrets;

/* How a value is written where its token stood. */
typedef enum nv_secret_form { NV_SECRET_PLAIN, NV_SECRET_JSON, NV_SECRET_FORM } nv_secret_form;

/* Borrows `env` (for its random numbers). NULL: out of memory. */
nv_secrets *nv_secrets_new(nv_env *env);
void nv_secrets_free(nv_secrets *secrets);

/* The token of a secret, borrowed until nv_secrets_free, and the same at every
 * call. The value is looked up each time, so that a changed one is taken over:
 * environment NAVODOO_<NAME>, environment <NAME>, the file that NAVODOO_<NAME>_FILE
 * or <NAME>_FILE names, <name> or <NAME> in the folder $NAVODOO_SECRETS, then in
 * $CREDENTIALS_DIRECTORY, the defined default. <NAME> is `name` in upper case with
 * "_" for "-" and ".". One newline at the end of a file does not count; a file that
 * everybody can read is refused. On failure the value in use stays; NV_ENOTFOUND
 * when there is none anywhere. */
int nv_secrets_get(nv_secrets *secrets, const char *name, const char **token,
                   nv_error *err);
/* Gives a name its default, which is its value from now on, until nv_secrets_get
 * finds another: what the sandbox uses. A default is no secret: scrubbing leaves it. */
int nv_secrets_define(nv_secrets *secrets, const char *name, nv_str value,
                      nv_error *err);
/* Gives a name its value: what a server handed out (a bearer token, a cookie). */
int nv_secrets_put(nv_secrets *secrets, const char *name, nv_str value, nv_error *err);
/* The token of a secret that has a value already, or NULL. */
const char *nv_secrets_token(const nv_secrets *secrets, const char *name);
/* Grows by one with each new value of the secret; 0: it never had one. */
unsigned nv_secrets_version(const nv_secrets *secrets, const char *name);

/* The token of a secret that is made from the one of `token`: its value is the
 * HMAC-SHA256 of `label` under that one's, as 32 hex digits. Whoever knows it learns
 * nothing of the other. Called again, it follows a value that changed. `label` has
 * the letters of a name. NV_ENOTFOUND: no such token. */
int nv_secrets_derive(nv_secrets *secrets, const char *token, const char *label,
                      const char **out, nv_error *err);
/* True when `text` is the value of `token`; takes the same time wherever they
 * differ. */
bool nv_secrets_matches(const nv_secrets *secrets, const char *token, nv_str text);

/* True when `text` may hold a token. Cheap. */
bool nv_secrets_marked(nv_str text);
/* Appends `in` with tokens replaced by values, escaped as inside a JSON string or
 * percent-encoded as in a form. Unknown tokens stay. Reserves once, so an empty `out` leaves no
 * copy behind; the caller wipes it. */
int nv_secrets_expand(const nv_secrets *secrets, const char *in, size_t n,
                      nv_secret_form form, nv_buf *out);
/* Appends `text` with every value, and the one before it, replaced by "***": plain,
 * JSON-escaped, percent-encoded, and in base64 wherever it begins there. Values
 * shorter than 8 bytes are taken out where they stand alone as a word, shorter
 * than 4 never. */
int nv_secrets_scrub(const nv_secrets *secrets, const char *text, size_t n,
                     nv_buf *out);

#endif
