/* http_server - inbound HTTP, answered by the loop.
 *
 * libmicrohttpd reads and writes in a thread of its own. A request whose body is
 * complete is handed to the loop, its connection rests, and the answer wakes it.
 * Bounded in connections, header bytes, body bytes per request (413 beyond) and
 * body bytes in total (503 beyond). Where connections or bodies get scarce, the one
 * that has been silent, slow or deaf for longest is closed: many of them never keep
 * others out. A request is answered or cut exactly once; a
 * server that closes cuts what is left, and later answers do nothing.
 *
 * Threading: all functions here on the loop thread.
 */
#ifndef NV_HTTP_SERVER_H
#define NV_HTTP_SERVER_H

#include "http_headers.h"
#include "loop.h"

typedef struct nv_http_server nv_http_server;
typedef struct nv_http_incoming nv_http_incoming;

/* Takes over `request`: nv_http_server_answer or _cut is owed, now or later. */
typedef void (*nv_http_serve_fn)(nv_http_incoming *request, void *arg);

/* Zero or NULL means the default. */
typedef struct nv_http_server_options {
  const char *address;     /* numeric, default 127.0.0.1 */
  int port;                /* 0: any free one */
  const char *unix_socket; /* listen there instead; mode 0600 */
  unsigned connections;    /* default 1024 */
  size_t header_memory;    /* per connection, default 64 KiB */
  size_t max_body;         /* of one request, default 16 MiB */
  size_t max_bodies;       /* of all requests not answered yet, default 256 MiB */
  unsigned idle_seconds;   /* a connection may be silent for, default 30 */
} nv_http_server_options;

/* Opens and listens. A socket file that nobody listens on is replaced; one in
 * use: NV_EBUSY. `handler` is called from the loop. */
int nv_http_server_open(nv_loop *loop, const nv_http_server_options *o,
                        nv_http_serve_fn handler, void *arg, nv_http_server **out,
                        nv_error *err);
/* The port in use, 0 for a unix socket. */
int nv_http_server_port(const nv_http_server *s);
/* Requests handed over and not answered yet. */
size_t nv_http_server_open_requests(nv_http_server *s);
/* Stops listening, cuts every connection, ends the thread. NULL is fine. */
void nv_http_server_close(nv_http_server *s);

/* What came in; valid until the request is answered or cut. */
const char *nv_http_incoming_method(const nv_http_incoming *r);
const char *nv_http_incoming_target(const nv_http_incoming *r); /* path?query, raw */
/* Where it came from, "address:port": one connection, as long as it is open. "" for a
 * unix socket. */
const char *nv_http_incoming_peer(const nv_http_incoming *r);
const nv_buf *nv_http_incoming_headers(const nv_http_incoming *r);
nv_str nv_http_incoming_body(const nv_http_incoming *r);

/* Answers. Everything is copied; headers that cannot go on the wire and those
 * about length and framing are left out. The request is gone afterwards. */
void nv_http_server_answer(nv_http_incoming *r, int status, const nv_header *headers,
                           size_t nheaders, nv_str body);
/* Closes the connection without an answer. The request is gone afterwards. */
void nv_http_server_cut(nv_http_incoming *r);

#endif
