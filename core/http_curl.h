/* http_curl - the built-in transport: libcurl on the loop's own libuv.
 *
 * HTTP/1.1 over kept-alive connections, certificates verified, no redirects, no
 * cookies, nothing but http and https. A request that may have reached the server
 * is never repeated by curl: only GET and HEAD are, on a kept connection that the
 * server had closed. The legs of NTLM and Negotiate are one request; a leg that was
 * answered with 401 had no effect. The proxy of the environment does not apply to
 * this machine. Fetching a Kerberos ticket (once per ticket) blocks the loop.
 *
 * Threading: loop thread only; libcurl resolves names in threads of its own.
 */
#ifndef NV_HTTP_CURL_H
#define NV_HTTP_CURL_H

#include "loop.h"

typedef struct nv_curl nv_curl;

/* Needs a loop over libuv. On failure `*out` is NULL. */
int nv_curl_open(nv_loop *loop, nv_curl **out, nv_error *err);
const nv_transport *nv_curl_transport(nv_curl *curl);
/* No exchange may be running. Frees itself when libuv has let go of its sockets,
 * at the latest in nv_loop_close. NULL is fine. */
void nv_curl_close(nv_curl *curl);

#endif
