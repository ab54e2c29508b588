#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto.h"

enum {
  NAME_MAX_BYTES = 64,
  VALUE_MAX_BYTES = 64 * 1024,
  SCRUB_MIN = 4,  /* bytes: below it a value is not taken out of texts */
  WORD_BELOW = 8, /* below it only where it stands alone */
  BASE64_MIN = 8, /* characters of a base64 form that are worth looking for */
  MARK = sizeof NV_SECRET_MARK - 1,
  DERIVED_BYTES = 16,
};

/* How a value may appear; the first three as nv_secret_form counts them. Base64
 * looks different for each of three places modulo 3 where the value may begin. */
enum { BASE64 = NV_SECRET_FORM + 1, FORMS = BASE64 + 3 };

typedef struct forms {
  nv_buf of[FORMS]; /* empty: no such form, or the same as plain */
} forms;

typedef struct secret {
  struct secret *next;
  char name[NAME_MAX_BYTES + 1];
  char token[NV_SECRET_TOKEN + 1];
  forms now;      /* value in use; plain form empty: not resolved yet */
  forms previous; /* may still come back in an answer */
  nv_buf fallback;
  unsigned version;
  bool is_default; /* the value in use is the fallback, which anybody may read */
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

static void wipe_forms(forms *f) {
  for (int i = 0; i < FORMS; i++) wipe(&f->of[i]);
}

void nv_secrets_free(nv_secrets *secrets) {
  if (!secrets) return;
  while (secrets->first) {
    secret *s = secrets->first;
    secrets->first = s->next;
    wipe_forms(&s->now);
    wipe_forms(&s->previous);
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
  nv_buf_init(&s->fallback, VALUE_MAX_BYTES);
  s->next = secrets->first;
  secrets->first = s;
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
  struct stat about;
  if (fstat(fd, &about) == 0 && S_ISREG(about.st_mode) && (about.st_mode & S_IROTH)) {
    close(fd);
    return nv_fail(err, NV_EINVALID, "secret",
                   "everybody on this machine can read %s; chmod o= %s", path, path);
  }
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

/* A file of the secret's name in the folder that a variable names. */
static int from_folder(const char *variable, const char *name, const char *upper, nv_buf *out,
                       nv_error *err) {
  const char *folder = getenv(variable);
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

static int look_up(const secret *s, nv_buf *out, bool *is_default, nv_error *err) {
  char upper[NAME_MAX_BYTES + 1];
  upper_name(s->name, upper);
  *is_default = false;
  const char *v = set_variable("NAVODOO_", upper, "");
  if (!v) v = set_variable("", upper, "");
  const char *path = v ? NULL : set_variable("NAVODOO_", upper, "_FILE");
  if (!v && !path) path = set_variable("", upper, "_FILE");
  if (path) return read_file(path, false, out, err);
  int rc = v ? NV_OK : from_folder("NAVODOO_SECRETS", s->name, upper, out, err);
  if (rc == NV_ENOTFOUND) rc = from_folder("CREDENTIALS_DIRECTORY", s->name, upper, out, err);
  if (rc != NV_ENOTFOUND && !v) return rc;
  *is_default = !v;
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

/* Percent-encoded, as a form has it. */
static int add_form(nv_buf *b, const char *p, size_t n) {
  int rc = nv_buf_reserve(b, 3 * n);
  for (size_t i = 0; rc == NV_OK && i < n; i++) {
    unsigned char c = (unsigned char)p[i];
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 (c && strchr("-._~", c));
    rc = plain ? nv_buf_addc(b, (char)c) : nv_buf_addf(b, "%%%02X", c);
  }
  return rc;
}

/* The part of a base64 text that is the same whatever stands in front of the value
 * (`shift` bytes, modulo 3) and behind it. Empty when that part is too short. */
static int add_base64(nv_buf *b, const char *p, size_t n, size_t shift) {
  nv_buf in, all;
  nv_buf_init(&in, VALUE_MAX_BYTES + 3);
  nv_buf_init(&all, 2 * VALUE_MAX_BYTES);
  int rc = nv_buf_reserve(&in, n + shift);
  if (rc == NV_OK) rc = nv_buf_add(&in, "\0\0", shift);
  if (rc == NV_OK) rc = nv_buf_add(&in, p, n);
  if (rc == NV_OK) rc = nv_buf_reserve(&all, (n + shift) / 3 * 4 + 8);
  if (rc == NV_OK) rc = nv_base64_add(&all, (nv_str){in.p, in.n}, NULL);
  size_t from = shift ? shift + 1 : 0, to = 8 * (n + shift) / 6;
  if (rc == NV_OK && to >= from + BASE64_MIN) rc = nv_buf_add(b, all.p + from, to - from);
  wipe(&in);
  wipe(&all);
  return rc;
}

static int make_forms(forms *f, nv_str v) {
  for (int i = 0; i < FORMS; i++) nv_buf_init(&f->of[i], 6 * VALUE_MAX_BYTES);
  int rc = nv_buf_add(&f->of[NV_SECRET_PLAIN], v.p, v.n);
  if (rc == NV_OK) rc = add_escaped(&f->of[NV_SECRET_JSON], v.p, v.n);
  if (rc == NV_OK) rc = add_form(&f->of[NV_SECRET_FORM], v.p, v.n);
  for (size_t shift = 0; rc == NV_OK && shift < 3; shift++)
    rc = add_base64(&f->of[BASE64 + shift], v.p, v.n, shift);
  if (rc != NV_OK) wipe_forms(f);
  return rc;
}

static nv_str value_of(const secret *s) {
  const nv_buf *b = &s->now.of[NV_SECRET_PLAIN];
  return (nv_str){b->p, b->n};
}

static int set_value(secret *s, nv_str value, bool is_default, nv_error *err) {
  nv_str old = value_of(s);
  if (old.n == value.n && nv_equal(old, value)) {
    s->is_default = is_default;
    return NV_OK;
  }
  forms made;
  int rc = value.n > VALUE_MAX_BYTES ? NV_ETOOLARGE : make_forms(&made, value);
  if (rc != NV_OK) return nv_fail(err, rc, "secret", "%s", nv_code_text(rc));
  wipe_forms(&s->previous);
  if (s->is_default) wipe_forms(&s->now);
  s->previous = s->now;
  s->now = made;
  s->is_default = is_default;
  s->version++;
  return NV_OK;
}

int nv_secrets_get(nv_secrets *secrets, const char *name, const char **token,
                   nv_error *err) {
  *token = NULL;
  secret *s;
  int rc = find_or_add(secrets, name, &s, err);
  if (rc != NV_OK) return rc;
  nv_buf value;
  bool is_default;
  nv_buf_init(&value, VALUE_MAX_BYTES);
  rc = look_up(s, &value, &is_default, err);
  if (rc == NV_OK) rc = set_value(s, (nv_str){value.p, value.n}, is_default, err);
  wipe(&value);
  if (rc == NV_OK) *token = s->token;
  return rc;
}

static int set_named(nv_secrets *secrets, const char *name, nv_str value, bool is_default,
                     secret **out, nv_error *err) {
  int rc = find_or_add(secrets, name, out, err);
  if (rc != NV_OK) return rc;
  if (value.n == 0) return nv_fail(err, NV_EINVALID, "secret", "secret %s is empty", name);
  return set_value(*out, value, is_default, err);
}

int nv_secrets_define(nv_secrets *secrets, const char *name, nv_str value,
                      nv_error *err) {
  nv_buf fallback;
  secret *s;
  nv_buf_init(&fallback, VALUE_MAX_BYTES);
  int rc = nv_buf_add(&fallback, value.p, value.n);
  if (rc != NV_OK) return nv_fail(err, rc, "secret", "%s", nv_code_text(rc));
  rc = set_named(secrets, name, value, true, &s, err);
  if (rc != NV_OK) {
    wipe(&fallback);
    return rc;
  }
  wipe(&s->fallback);
  s->fallback = fallback;
  return NV_OK;
}

int nv_secrets_put(nv_secrets *secrets, const char *name, nv_str value, nv_error *err) {
  secret *s;
  return set_named(secrets, name, value, false, &s, err);
}

const char *nv_secrets_token(const nv_secrets *secrets, const char *name) {
  const secret *s = find(secrets, name);
  return s && s->version ? s->token : NULL;
}

unsigned nv_secrets_version(const nv_secrets *secrets, const char *name) {
  const secret *s = find(secrets, name);
  return s ? s->version : 0;
}

/* ---- made from others, and compared ---- */

static const secret *by_token(const nv_secrets *secrets, const char *p) {
  for (const secret *s = secrets->first; s; s = s->next)
    if (s->version && memcmp(s->token, p, NV_SECRET_TOKEN) == 0) return s;
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
  char value[2 * DERIVED_BYTES];
  int rc = nv_hmac_sha256(value_of(from), nv_str_of(label), sum, err);
  if (rc != NV_OK) return rc;
  nv_hex(sum, DERIVED_BYTES, value);
  secret *s;
  rc = set_named(secrets, name, (nv_str){value, sizeof value}, false, &s, err);
  explicit_bzero(sum, sizeof sum);
  explicit_bzero(value, sizeof value);
  if (rc == NV_OK) *out = s->token;
  return rc;
}

bool nv_secrets_matches(const nv_secrets *secrets, const char *token, nv_str text) {
  const secret *s = of_token(secrets, token);
  return s && nv_equal(value_of(s), text);
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
                      nv_secret_form form, nv_buf *out) {
  const char *end = in + n, *at;
  const secret *s = NULL;
  size_t need = n;
  for (const char *p = in; (at = next_token(secrets, p, end, &s));
       p = at + NV_SECRET_TOKEN)
    need += s->now.of[form].n - NV_SECRET_TOKEN;
  int rc = nv_buf_reserve(out, need);
  if (rc != NV_OK) return rc;
  const char *p = in;
  for (; rc == NV_OK && (at = next_token(secrets, p, end, &s));
       p = at + NV_SECRET_TOKEN) {
    const nv_buf *v = &s->now.of[form];
    rc = nv_buf_add(out, p, (size_t)(at - p));
    if (rc == NV_OK) rc = nv_buf_add(out, v->p, v->n);
  }
  return rc == NV_OK ? nv_buf_add(out, p, (size_t)(end - p)) : rc;
}

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* First place of `v` in [p, end), where it stands alone if it must. `text` is the
 * beginning of everything. */
static const char *find_form(const char *text, const char *p, const char *end, const nv_buf *v,
                             bool alone) {
  while (v->n <= (size_t)(end - p) && (p = memmem(p, (size_t)(end - p), v->p, v->n))) {
    bool joined = (p > text && is_word(p[-1])) || (p + v->n < end && is_word(p[v->n]));
    if (!alone || !joined) return p;
    p++;
  }
  return NULL;
}

typedef struct finding {
  const char *at; /* NULL: nothing found yet */
  size_t n;
} finding;

/* Keeps the earliest form in [p, end); of several at one place the longest. */
static void find_forms(const forms *f, const char *text, const char *p, const char *end,
                       finding *best) {
  size_t plain = f->of[NV_SECRET_PLAIN].n;
  if (plain < SCRUB_MIN) return;
  for (int i = 0; i < FORMS; i++) {
    const nv_buf *v = &f->of[i];
    if (v->n == 0 || (i > 0 && i < BASE64 && v->n == plain)) continue;
    const char *at = find_form(text, p, end, v, i < BASE64 && plain < WORD_BELOW);
    if (!at || (best->at && (at > best->at || (at == best->at && v->n <= best->n)))) continue;
    *best = (finding){at, v->n};
  }
}

static finding next_value(const nv_secrets *secrets, const char *text, const char *p,
                          const char *end) {
  finding best = {NULL, 0};
  for (const secret *s = secrets->first; s; s = s->next) {
    if (!s->is_default) find_forms(&s->now, text, p, end, &best);
    find_forms(&s->previous, text, p, end, &best);
  }
  return best;
}

int nv_secrets_scrub(const nv_secrets *secrets, const char *text, size_t n,
                     nv_buf *out) {
  const char *p = text, *end = text + n;
  finding f;
  int rc = NV_OK;
  for (; rc == NV_OK && (f = next_value(secrets, text, p, end)).at; p = f.at + f.n) {
    rc = nv_buf_add(out, p, (size_t)(f.at - p));
    if (rc == NV_OK) rc = nv_buf_addz(out, "***");
  }
  return rc == NV_OK ? nv_buf_add(out, p, (size_t)(end - p)) : rc;
}
