/* server - a small HTTP/1.1 server for the benchmark's doubles.
 *
 * One thread, epoll, keep-alive, one request at a time per connection. Bodies with
 * Content-Length only. An optional latency holds every answer back for the same
 * time, as a network would. It trusts its clients: for measuring, not for serving.
 */
#ifndef DOUBLE_SERVER_H
#define DOUBLE_SERVER_H

#include "../../../core/nv.h"

typedef struct request {
  nv_str method, path, query; /* as sent, percent-encoded */
  char *body;                 /* may be changed in place */
  size_t body_n;
} request;

/* Answers: appends the body to `out` and returns the status. */
typedef int (*serve_fn)(request *r, nv_buf *out, const char **type);

/* Listens on 127.0.0.1 (port 0: any free one), prints the address as the only line
 * of stdout, and serves until SIGTERM or SIGINT. Returns the exit code. */
int serve(int port, int latency_ms, serve_fn fn);

/* The port in use; connections and requests since the start. */
extern int serve_port;
extern uint64_t serve_connections, serve_requests;

/* Value of a query parameter, decoded into `out`; false when it is absent. */
bool query_get(nv_str query, const char *name, char *out, size_t size);
/* Decodes percent escapes; `out` has room for s.n + 1. Returns the length. */
size_t percent_decode(nv_str s, char *out);

/* Appends, and ends the program when memory is out: these are test tools. */
void put(nv_buf *b, const void *p, size_t n);
void putz(nv_buf *b, const char *z);
void putf(nv_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void *must(void *p);

#endif
