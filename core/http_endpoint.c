#include "http_endpoint.h"

#include <stdlib.h>
#include <string.h>

enum {
  CONNECTIONS = 2,
  TIMEOUT_MS = 120000,
  CONNECT_TIMEOUT_MS = 10000,
  MAX_BODY = 64 * 1024 * 1024,
  PLACE_MAX = 512,
};

bool nv_url_text(nv_str s) {
  for (size_t i = 0; i < s.n; i++)
    if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 127) return false;
  return true;
}

/* Writes "host:port" of a base URL. False for an address that we do not take. */
static bool place_of(const char *url, nv_buf *out) {
  bool tls = strncasecmp(url, "https://", 8) == 0;
  if (!tls && strncasecmp(url, "http://", 7) != 0) return false;
  const char *host = url + (tls ? 8 : 7);
  size_t n = strcspn(host, "/?#");
  const char *colon = memrchr(host, ':', n);
  if (colon && memchr(colon, ']', (size_t)(host + n - colon))) colon = NULL;
  if (n == 0 || colon == host || memchr(host, '@', n) || strpbrk(host, "?#") ||
      !nv_url_text(nv_str_of(url)))
    return false;
  int rc = nv_buf_add(out, host, n);
  if (rc == NV_OK && !colon) rc = nv_buf_addz(out, tls ? ":443" : ":80");
  return rc == NV_OK;
}

static bool copy(char **out, const char *z) {
  *out = z && *z ? strdup(z) : NULL;
  return *out || !z || !*z;
}

int nv_settings_make(const nv_endpoint *in, nv_settings **out, nv_error *err) {
  *out = NULL;
  if (!in->name || !*in->name)
    return nv_fail(err, NV_EINVALID, "http", "an endpoint needs a name");
  if ((in->auth == NV_AUTH_BASIC || in->auth == NV_AUTH_NTLM) && (!in->user || !*in->user))
    return nv_fail(err, NV_EINVALID, in->name, "%s: this authentication needs a user", in->name);
  nv_buf place;
  nv_buf_init(&place, PLACE_MAX);
  if (!in->base_url || !place_of(in->base_url, &place)) {
    nv_buf_clear(&place);
    return nv_fail(err, NV_EINVALID, in->name,
                   "%s: the address must be http://host[:port][/path] or https://..., "
                   "without user and password", in->name);
  }
  nv_settings *s = calloc(1, sizeof *s);
  bool ok = s && copy(&s->base_url, in->base_url) && copy(&s->user, in->user) &&
            copy(&s->secret, in->secret_token) &&
            copy(&s->ca_file, in->ca_file) && copy(&s->unix_socket, in->unix_socket) &&
            copy(&s->place, in->unix_socket && *in->unix_socket ? in->unix_socket : place.p);
  nv_buf_clear(&place);
  if (!ok) {
    if (s) s->refs = 1;
    nv_settings_unref(s);
    return nv_fail(err, NV_ENOMEM, in->name, "out of memory");
  }
  s->refs = 1;
  s->auth = in->auth;
  s->max_connections = in->max_connections > 0 ? in->max_connections : CONNECTIONS;
  s->rate = in->requests_per_second > 0 ? in->requests_per_second : 0;
  s->timeout_ms = in->timeout_ms > 0 ? in->timeout_ms : TIMEOUT_MS;
  s->connect_timeout_ms =
      in->connect_timeout_ms > 0 ? in->connect_timeout_ms : CONNECT_TIMEOUT_MS;
  s->max_body = in->max_body ? in->max_body : MAX_BODY;
  for (size_t n = strlen(s->base_url); n > 0 && s->base_url[n - 1] == '/';)
    s->base_url[--n] = 0;
  *out = s;
  return NV_OK;
}

nv_settings *nv_settings_ref(nv_settings *s) {
  s->refs++;
  return s;
}

void nv_settings_unref(nv_settings *s) {
  if (!s || --s->refs > 0) return;
  free(s->base_url);
  free(s->place);
  free(s->user);
  if (s->secret) explicit_bzero(s->secret, strlen(s->secret));
  free(s->secret);
  free(s->ca_file);
  free(s->unix_socket);
  free(s);
}
