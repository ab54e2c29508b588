/* http_client - outbound HTTP to named endpoints.
 *
 * A request waits in its endpoint's queue (first in, first out) until a
 * connection and a rate token are free; its deadline covers the waiting. Every
 * failure says whether bytes may have reached the target: `maybe_sent` is false
 * only when that is impossible. Tokens of secrets in headers, path and body are
 * replaced by their values right before sending, in a copy wiped afterwards.
 * Nothing is sent twice on its own account; an answer of any status is a success.
 *
 * The wire is behind env.h's nv_transport: an nv_exchange goes in through
 * `start`, and comes back through nv_exchange_done. Built in: http_curl.h.
 *
 * Threading: loop thread only. Allocation failure: NV_ENOMEM, nothing sent.
 */
#ifndef NV_HTTP_CLIENT_H
#define NV_HTTP_CLIENT_H

#include "breaker.h"
#include "metrics.h"
#include "http_headers.h"
#include "op.h"

struct nv_secrets;

typedef struct nv_http nv_http;

/* How an endpoint signs in. NTLM and Negotiate sign in a connection, in two or
 * more legs; a body goes out with the last one only. Negotiate takes the Kerberos
 * ticket of the process, not a password. Anything else (a bearer token, a key) is
 * a header of the request. */
typedef enum nv_auth { NV_AUTH_NONE, NV_AUTH_BASIC, NV_AUTH_NTLM, NV_AUTH_NEGOTIATE } nv_auth;

/* Zero or NULL means the default. Everything is copied. */
typedef struct nv_endpoint {
  const char *name;               /* how requests and texts call it */
  const char *base_url;           /* http(s)://host[:port][/path], no user info */
  nv_auth auth;
  const char *user;               /* for NTLM also DOMAIN\user */
  const char *secret_token;       /* token of a secret, or plain text */
  int max_connections;            /* at one time, default 2 */
  double requests_per_second;     /* 0: no limit */
  int64_t timeout_ms;             /* queueing included, default 120000 */
  int64_t connect_timeout_ms;     /* TCP and TLS, default 10000 */
  size_t max_body;                /* of an answer, decoded; default 64 MiB */
  const char *ca_file;            /* instead of the system's certificates */
  const char *unix_socket;        /* instead of the host of base_url */
} nv_endpoint;

typedef struct nv_http_args {
  const char *endpoint;
  const char *method; /* NULL: GET */
  const char *path;   /* appended to base_url, percent-encoded already */
  const nv_header *headers;
  size_t nheaders;
  nv_str body;        /* p == NULL: none */
  bool writes;        /* it changes something: never the probe of a breaker */
  int64_t timeout_ms; /* 0: the endpoint's */
  size_t max_body;    /* 0: the endpoint's */
} nv_http_args;

/* One request on its way, as a transport sees it. The upper part is input and
 * stays valid until nv_exchange_done; the lower part is the transport's result. */
typedef struct nv_exchange {
  const char *endpoint;      /* for texts */
  const char *place;         /* host:port or socket path, for texts */
  const char *method;
  const char *url;           /* absolute; secrets are in it already */
  const nv_header *headers;  /* Authorization included */
  size_t nheaders;
  nv_str body;               /* p == NULL: none */
  int64_t timeout_ms;        /* what is left; the client abandons by itself */
  int64_t connect_timeout_ms;
  size_t max_body;           /* beyond it: NV_ETOOLARGE (`in` is bounded by it) */
  const char *ca_file, *unix_socket; /* or NULL */
  nv_auth auth;              /* NTLM, Negotiate, or none: Basic is a header */
  const char *user, *password; /* for NTLM */
  void *transport;           /* free for the transport */

  int status;       /* HTTP status */
  nv_buf headers_in; /* nv_headers_add; names in lower case */
  nv_buf in;        /* body of the answer */
  nv_error err;     /* for a failure: text and maybe_sent */
} nv_exchange;

/* Transport: the exchange ended with NV_OK (status, headers_in and `in` filled)
 * or a failure (err filled). Exactly once per start that returned NV_OK; never
 * from inside `start`, but allowed inside `abandon`. `x` is gone afterwards. */
void nv_exchange_done(nv_exchange *x, int status);

/* Opens a client. Borrows `loop` and `secrets` (may be NULL), which must outlive
 * it. Uses the env's transport, or opens libcurl when there is none. */
int nv_http_open(nv_loop *loop, struct nv_secrets *secrets, nv_http **out,
                 nv_error *err);
/* Ends every request (NV_ECANCELLED) and frees the client. NULL is fine. */
void nv_http_close(nv_http *http);

/* Adds an endpoint, or replaces the settings of the one with this name: what is
 * in flight ends as it began, what is queued goes out with the new settings. A
 * new base_url forgets the breaker's state. */
int nv_http_endpoint_set(nv_http *http, const nv_endpoint *e, nv_error *err);

/* Starts a request; args are copied. An open breaker answers NV_EBREAKER here,
 * with retry_after_ms. */
int nv_http_request(nv_http *http, const nv_http_args *args, nv_op **out,
                    nv_error *err);
/* The answer, valid for an op that is done with NV_OK, until it is released. */
const nv_exchange *nv_http_answer(const nv_op *op);
/* Moves the body of the answer out; whoever takes it clears it. */
nv_buf nv_http_take_body(nv_op *op);
/* Milliseconds from sending to the end. */
int64_t nv_http_elapsed_ms(const nv_op *op);
/* What the answer's Retry-After asks for, 0 when there is none. */
uint32_t nv_http_retry_after(const nv_op *op);

/* Ends the requests that wait for a connection, with NV_ECANCELLED: they were made
 * before something came to light that whoever sent them must look at first. */
void nv_http_recall(nv_http *http, const char *endpoint);
/* Tells the endpoint's breaker and retry budget how a call went, in the caller's
 * judgement. */
int nv_http_report(nv_http *http, const char *endpoint, bool ok,
                   uint32_t retry_after_ms, nv_error *err);

/* Milliseconds until a call that failed should be made again: full jitter up to
 * `ceiling_ms`, and more when this endpoint's retries have used up their share. An
 * endpoint that is not known has no budget. */
uint32_t nv_http_retry_in(nv_http *http, const char *endpoint, int attempt,
                          uint32_t first_ms, uint32_t ceiling_ms);

typedef struct nv_endpoint_info {
  const char *name, *base_url; /* valid until the endpoint is set again */
  nv_breaker_state breaker;
  uint32_t retry_after_ms; /* until the breaker lets a probe through */
  size_t in_flight, queued;
  uint64_t calls;    /* sent since the endpoint was added */
  uint64_t failures; /* ended without an answer, or reported as failed */
  uint64_t answered; /* reported as good */
  nv_histogram duration; /* of answers of any status, from sending to their end */
} nv_endpoint_info;

/* False when there is no such endpoint. */
bool nv_http_endpoint_info(nv_http *http, const char *name,
                           nv_endpoint_info *out);
/* The i-th endpoint in the order of adding; false past the end. */
bool nv_http_endpoint_at(nv_http *http, size_t i, nv_endpoint_info *out);

#endif
