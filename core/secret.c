#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto.h"

enum {
  NAME_MAX_BYTES = 64,
  VALUE_MAX_BYTES = 64 * 1024,
  SCRUB_MIN = 4,
  MARK = sizeof NV_SECRET_MARK - 1,
  DERIVED_BYTES = 16,
};

typedef struct secret {
  struct secret *next; /* longest value first, so that scrubbing takes it first */
  char name[NAME_MAX_BYTES + 1];
  char token[NV_SECRET_TOKEN + 1];
  nv_buf value;   /* in use; empty: not resolved yet */
  nv_buf escaped; /* as inside a JSON string */
  nv_buf fallback;
} secret;

struct nv_secrets {
  nv_env *env;
  secret *first;
};

nv_secrets *nv_secrets_new(nv_env *env) {
  nv_secrets *s = calloc(1, sizeof *s);
  if (s) s->env = env;
  return s;
}

static void wipe(nv_buf *b) {
  if (b->p) explicit_bzero(b->p, b->cap);
  nv_buf_clear(b);
}

void nv_secrets_free(nv_secrets *secrets) {
  if (!secrets) return;
  while (secrets->first) {
    secret *s = secrets->first;
    secrets->first = s->next;
    wipe(&s->value);
    wipe(&s->escaped);
    wipe(&s->fallback);
    explicit_bzero(s, sizeof *s);
    free(s);
  }
  free(secrets);
}

/* ---- names and tokens ---- */

static bool is_name(const char *name) {
  static const char allowed[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
  size_t n = strlen(name);
  return n > 0 && n <= NAME_MAX_BYTES && strspn(name, allowed) == n &&
         name[0] != '.';
}

static void upper_name(const char *name, char out[NAME_MAX_BYTES + 1]) {
  for (; *name; name++) {
    char c = *name;
    *out++ = c >= 'a' && c <= 'z' ? (char)(c - 32) : c == '-' || c == '.' ? '_' : c;
  }
  *out = 0;
}

static secret *find(const nv_secrets *secrets, const char *name) {
  secret *s = secrets->first;
  while (s && strcmp(s->name, name) != 0) s = s->next;
  return s;
}

static void insert_by_length(nv_secrets *secrets, secret *s) {
  secret **at = &secrets->first;
  while (*at && (*at)->value.n >= s->value.n) at = &(*at)->next;
  s->next = *at;
  *at = s;
}

static void take_out(nv_secrets *secrets, secret *s) {
  secret **at = &secrets->first;
  while (*at != s) at = &(*at)->next;
  *at = s->next;
}

static int find_or_add(nv_secrets *secrets, const char *name, secret **out,
                       nv_error *err) {
  if (!is_name(name))
    return nv_fail(err, NV_EINVALID, "secret",
                   "the name of a secret has 1 to %d letters, digits, '_', '-' or '.'",
                   NAME_MAX_BYTES);
  if ((*out = find(secrets, name))) return NV_OK;
  secret *s = calloc(1, sizeof *s);
  if (!s) return nv_fail(err, NV_ENOMEM, "secret", "out of memory");
  unsigned char random[16];
  nv_env_random(secrets->env, random, sizeof random);
  int k = snprintf(s->token, sizeof s->token, NV_SECRET_MARK);
  for (size_t i = 0; i < sizeof random; i++)
    k += snprintf(s->token + k, sizeof s->token - (size_t)k, "%02x", random[i]);
  s->token[k] = ':';
  snprintf(s->name, sizeof s->name, "%s", name);
  nv_buf_init(&s->value, VALUE_MAX_BYTES);
  nv_buf_init(&s->escaped, 6 * VALUE_MAX_BYTES);
  nv_buf_init(&s->fallback, VALUE_MAX_BYTES);
  insert_by_length(secrets, s);
  *out = s;
  return NV_OK;
}

/* ---- where values come from ---- */

/* Reads a whole file without leaving copies. A file that is not there is
 * NV_ENOTFOUND when it is `optional`. */
static int read_file(const char *path, bool optional, nv_buf *out, nv_error *err) {
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return nv_fail(err, optional && errno == ENOENT ? NV_ENOTFOUND : NV_EIO, "secret",
                   "cannot read %s: %s", path, strerror(errno));
  int rc = nv_buf_reserve(out, VALUE_MAX_BYTES);
  ssize_t k = 0;
  while (rc == NV_OK) {
    k = read(fd, out->p + out->n, VALUE_MAX_BYTES - out->n);
    if (k < 0 && errno == EINTR) continue;
    if (k <= 0) break;
    out->n += (size_t)k;
  }
  int why = errno;
  close(fd);
  if (rc != NV_OK) return nv_fail(err, rc, "secret", "%s", nv_code_text(rc));
  if (k < 0)
    return nv_fail(err, NV_EIO, "secret", "cannot read %s: %s", path, strerror(why));
  if (out->n > 0 && out->p[out->n - 1] == '\n') out->n--;
  if (out->n > 0 && out->p[out->n - 1] == '\r') out->n--;
  out->p[out->n] = 0;
  if (out->n == 0 || out->n >= VALUE_MAX_BYTES - 2)
    return nv_fail(err, NV_EINVALID, "secret", "%s is %s", path,
                   out->n == 0 ? "empty" : "too large for a secret");
  return NV_OK;
}

static const char *set_variable(const char *prefix, const char *name,
                                const char *suffix) {
  char variable[NAME_MAX_BYTES + 32];
  snprintf(variable, sizeof variable, "%s%s%s", prefix, name, suffix);
  const char *v = getenv(variable);
  return v && *v ? v : NULL;
}

static int from_systemd(const char *name, const char *upper, nv_buf *out,
                        nv_error *err) {
  const char *folder = getenv("CREDENTIALS_DIRECTORY");
  if (!folder || !*folder) return NV_ENOTFOUND;
  const char *const names[] = {name, upper};
  int rc = NV_ENOTFOUND;
  for (int i = 0; rc == NV_ENOTFOUND && i < 2; i++) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, names[i]);
    rc = read_file(path, true, out, err);
  }
  return rc;
}

static int look_up(const secret *s, nv_buf *out, nv_error *err) {
  char upper[NAME_MAX_BYTES + 1];
  upper_name(s->name, upper);
  const char *v = set_variable("NAVODOO_", upper, "");
  if (!v) v = set_variable("", upper, "");
  const char *path = v ? NULL : set_variable("", upper, "_FILE");
  if (path) return read_file(path, false, out, err);
  int rc = v ? NV_OK : from_systemd(s->name, upper, out, err);
  if (rc != NV_ENOTFOUND && !v) return rc;
  nv_str found = v ? nv_str_of(v) : (nv_str){s->fallback.p, s->fallback.n};
  if (found.n) {
    rc = nv_buf_add(out, found.p, found.n);
    return rc == NV_OK ? rc : nv_fail(err, rc, "secret", "secret %s is too large", s->name);
  }
  return nv_fail(err, NV_ENOTFOUND, "secret", "secret %s is not set", s->name);
}

/* ---- values ---- */

static size_t escaped_length(const char *p, size_t n) {
  size_t k = 0;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)p[i];
    k += c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t' ? 2
         : c < 0x20                                                   ? 6
                                                                      : 1;
  }
  return k;
}

static int add_escaped(nv_buf *b, const char *p, size_t n) {
  int rc = nv_buf_reserve(b, escaped_length(p, n));
  for (size_t i = 0; rc == NV_OK && i < n; i++) {
    unsigned char c = (unsigned char)p[i];
    if (c == '"' || c == '\\') rc = nv_buf_addf(b, "\\%c", c);
    else if (c == '\n') rc = nv_buf_addz(b, "\\n");
    else if (c == '\r') rc = nv_buf_addz(b, "\\r");
    else if (c == '\t') rc = nv_buf_addz(b, "\\t");
    else if (c < 0x20) rc = nv_buf_addf(b, "\\u%04x", c);
    else rc = nv_buf_addc(b, (char)c);
  }
  return rc;
}

/* Takes over `value`, which is wiped in any case when this fails. */
static int set_value(nv_secrets *secrets, secret *s, nv_buf *value, nv_error *err) {
  nv_buf escaped;
  nv_buf_init(&escaped, 6 * VALUE_MAX_BYTES);
  int rc = add_escaped(&escaped, value->p, value->n);
  if (rc != NV_OK) {
    wipe(value);
    wipe(&escaped);
    return nv_fail(err, rc, "secret", "%s", nv_code_text(rc));
  }
  take_out(secrets, s);
  wipe(&s->value);
  wipe(&s->escaped);
  s->value = *value;
  s->escaped = escaped;
  insert_by_length(secrets, s);
  return NV_OK;
}

int nv_secrets_get(nv_secrets *secrets, const char *name, const char **token,
                   nv_error *err) {
  *token = NULL;
  secret *s;
  int rc = find_or_add(secrets, name, &s, err);
  if (rc != NV_OK) return rc;
  nv_buf value;
  nv_buf_init(&value, VALUE_MAX_BYTES);
  rc = look_up(s, &value, err);
  if (rc != NV_OK) wipe(&value);
  else rc = set_value(secrets, s, &value, err);
  if (rc == NV_OK) *token = s->token;
  return rc;
}

int nv_secrets_define(nv_secrets *secrets, const char *name, nv_str value,
                      nv_error *err) {
  secret *s;
  int rc = find_or_add(secrets, name, &s, err);
  if (rc != NV_OK) return rc;
  if (value.n == 0) return nv_fail(err, NV_EINVALID, "secret", "secret %s is empty", name);
  nv_buf fallback, copy;
  nv_buf_init(&fallback, VALUE_MAX_BYTES);
  nv_buf_init(&copy, VALUE_MAX_BYTES);
  rc = nv_buf_add(&fallback, value.p, value.n);
  if (rc == NV_OK) rc = nv_buf_add(&copy, value.p, value.n);
  if (rc != NV_OK) {
    wipe(&fallback);
    wipe(&copy);
    return nv_fail(err, rc, "secret", "%s", nv_code_text(rc));
  }
  rc = set_value(secrets, s, &copy, err);
  if (rc != NV_OK) {
    wipe(&fallback);
    return rc;
  }
  wipe(&s->fallback);
  s->fallback = fallback;
  return NV_OK;
}

const char *nv_secrets_token(const nv_secrets *secrets, const char *name) {
  const secret *s = find(secrets, name);
  return s && s->value.n ? s->token : NULL;
}

/* ---- made from others, and compared ---- */

static const secret *by_token(const nv_secrets *secrets, const char *p) {
  for (const secret *s = secrets->first; s; s = s->next)
    if (s->value.n && memcmp(s->token, p, NV_SECRET_TOKEN) == 0) return s;
  return NULL;
}

static const secret *of_token(const nv_secrets *secrets, const char *token) {
  return strlen(token) == NV_SECRET_TOKEN ? by_token(secrets, token) : NULL;
}

int nv_secrets_derive(nv_secrets *secrets, const char *token, const char *label,
                      const char **out, nv_error *err) {
  *out = NULL;
  const secret *from = of_token(secrets, token);
  if (!from) return nv_fail(err, NV_ENOTFOUND, "secret", "there is no such secret");
  char name[2 * NAME_MAX_BYTES + 2];
  if (!is_name(label))
    return nv_fail(err, NV_EINVALID, "secret", "a secret is derived for a name");
  snprintf(name, sizeof name, "%s.%s", from->name, label);
  unsigned char sum[NV_SHA256_BYTES];
  nv_buf value;
  nv_buf_init(&value, VALUE_MAX_BYTES);
  int rc = nv_hmac_sha256((nv_str){from->value.p, from->value.n}, nv_str_of(label), sum, err);
  if (rc == NV_OK && (rc = nv_buf_reserve(&value, 2 * DERIVED_BYTES)) != NV_OK)
    nv_fail(err, rc, "secret", "%s", nv_code_text(rc));
  secret *s = NULL;
  if (rc == NV_OK) {
    nv_hex(sum, DERIVED_BYTES, value.p);
    value.n = 2 * DERIVED_BYTES;
    rc = find_or_add(secrets, name, &s, err);
  }
  explicit_bzero(sum, sizeof sum);
  if (rc != NV_OK) wipe(&value);
  else rc = set_value(secrets, s, &value, err);
  if (rc == NV_OK) *out = s->token;
  return rc;
}

bool nv_secrets_matches(const nv_secrets *secrets, const char *token, nv_str text) {
  const secret *s = of_token(secrets, token);
  return s && nv_equal((nv_str){s->value.p, s->value.n}, text);
}

/* ---- replacing ---- */

bool nv_secrets_marked(nv_str text) {
  return text.n >= NV_SECRET_TOKEN && memmem(text.p, text.n, NV_SECRET_MARK, MARK);
}

/* Next known token in [p, end), or NULL. */
static const char *next_token(const nv_secrets *secrets, const char *p,
                              const char *end, const secret **found) {
  while (end - p >= NV_SECRET_TOKEN) {
    p = memmem(p, (size_t)(end - p), NV_SECRET_MARK, MARK);
    if (!p || end - p < NV_SECRET_TOKEN) return NULL;
    if ((*found = by_token(secrets, p))) return p;
    p += MARK;
  }
  return NULL;
}

int nv_secrets_expand(const nv_secrets *secrets, const char *in, size_t n,
                      bool json, nv_buf *out) {
  const char *end = in + n, *at;
  const secret *s = NULL;
  size_t need = n;
  for (const char *p = in; (at = next_token(secrets, p, end, &s));
       p = at + NV_SECRET_TOKEN)
    need += (json ? s->escaped.n : s->value.n) - NV_SECRET_TOKEN;
  int rc = nv_buf_reserve(out, need);
  if (rc != NV_OK) return rc;
  const char *p = in;
  for (; rc == NV_OK && (at = next_token(secrets, p, end, &s));
       p = at + NV_SECRET_TOKEN) {
    const nv_buf *v = json ? &s->escaped : &s->value;
    rc = nv_buf_add(out, p, (size_t)(at - p));
    if (rc == NV_OK) rc = nv_buf_add(out, v->p, v->n);
  }
  return rc == NV_OK ? nv_buf_add(out, p, (size_t)(end - p)) : rc;
}

/* Earliest value in [p, end); of several at one place the longest. */
static const char *next_value(const nv_secrets *secrets, const char *p,
                              const char *end, size_t *length) {
  const char *best = NULL;
  *length = 0;
  for (const secret *s = secrets->first; s; s = s->next) {
    const nv_buf *forms[] = {&s->escaped, &s->value};
    for (int i = s->escaped.n == s->value.n ? 1 : 0; i < 2; i++) {
      const nv_buf *v = forms[i];
      if (s->value.n < SCRUB_MIN || v->n > (size_t)(end - p)) continue;
      const char *at = memmem(p, (size_t)(end - p), v->p, v->n);
      if (!at || (best && (at > best || (at == best && v->n <= *length)))) continue;
      best = at;
      *length = v->n;
    }
  }
  return best;
}

int nv_secrets_scrub(const nv_secrets *secrets, const char *text, size_t n,
                     nv_buf *out) {
  const char *p = text, *end = text + n, *at;
  size_t length;
  int rc = NV_OK;
  for (; rc == NV_OK && (at = next_value(secrets, p, end, &length)); p = at + length) {
    rc = nv_buf_add(out, p, (size_t)(at - p));
    if (rc == NV_OK) rc = nv_buf_addz(out, "***");
  }
  return rc == NV_OK ? nv_buf_add(out, p, (size_t)(end - p)) : rc;
}
