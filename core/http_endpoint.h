/* http_endpoint - the settings of one endpoint, checked and with defaults filled.
 *
 * Never changed once made, and shared by reference: a request on the wire keeps
 * the settings it began with when the endpoint gets new ones.
 *
 * Threading: loop thread only.
 */
#ifndef NV_HTTP_ENDPOINT_H
#define NV_HTTP_ENDPOINT_H

#include "http_client.h"

typedef struct nv_settings {
  int refs;
  char *base_url; /* without a slash at the end */
  char *place;    /* "host:port", or the path of the socket */
  nv_auth auth;
  char *user, *secret, *ca_file, *unix_socket; /* or NULL */
  int max_connections;
  double rate; /* requests per second, 0: no limit */
  int64_t timeout_ms, connect_timeout_ms;
  size_t max_body;
} nv_settings;

/* Checks and copies. On failure `*out` is NULL. */
int nv_settings_make(const nv_endpoint *in, nv_settings **out, nv_error *err);
nv_settings *nv_settings_ref(nv_settings *s);
/* NULL is fine. */
void nv_settings_unref(nv_settings *s);

/* True for text without spaces and control characters, as URLs must be. */
bool nv_url_text(nv_str s);

#endif
