#include "http_client.h"

#include <stdlib.h>
#include <string.h>

#include "failpoint.h"
#include "http_curl.h"
#include "http_endpoint.h"
#include "retry.h"
#include "secret.h"

enum {
  HEADERS_IN_MAX = 256 * 1024,
  REQUEST_MAX = 256 * 1024 * 1024, /* expanded body or path */
};

typedef struct request request;

typedef struct list {
  request *first, *last;
  size_t n;
} list;

typedef struct endpoint {
  struct endpoint *next;
  nv_http *http;
  char *name;
  nv_settings *set;
  list queued, running;
  nv_breaker breaker;
  nv_budget budget; /* of retries */
  double tokens; /* of the rate limit, as of tokens_us */
  int64_t tokens_us;
  nv_timer refill;
  uint64_t calls, failures, answered;
  nv_histogram duration;
  bool pumping;
} endpoint;

struct request {
  nv_op op; /* first */
  nv_exchange x;
  endpoint *at; /* NULL once the client is closed or the work has ended */
  list *in;     /* the list it is linked into */
  request *prev, *next;
  nv_settings *set; /* held while it is on the wire */
  nv_timer deadline;
  int64_t deadline_us, sent_us, ended_us;
  char *name, *method, *path;
  nv_header *headers; /* as given: tokens, not values */
  size_t nheaders;
  nv_buf body;
  bool has_body, probe, timed_out, abandoned;
  size_t max_body;
  nv_buf url, out_body, password, *values; /* expanded copies, wiped at the end */
  nv_header *out_headers;
};

struct nv_http {
  nv_loop *loop;
  struct nv_secrets *secrets;
  const nv_transport *transport;
  nv_curl *curl; /* NULL when the transport is the env's */
  endpoint *first;
};

static void pump(endpoint *e);
static void refilled(void *arg);

/* ---- small parts ---- */

static void unlink_request(request *r) {
  list *l = r->in;
  if (!l) return;
  if (r->prev) r->prev->next = r->next;
  else l->first = r->next;
  if (r->next) r->next->prev = r->prev;
  else l->last = r->prev;
  l->n--;
  r->prev = r->next = NULL;
  r->in = NULL;
}

static void append(list *l, request *r) {
  r->in = l;
  r->prev = l->last;
  r->next = NULL;
  if (l->last) l->last->next = r;
  else l->first = r;
  l->last = r;
  l->n++;
}

static void wipe(nv_buf *b) {
  if (b->p) explicit_bzero(b->p, b->cap);
  nv_buf_clear(b);
}

static void forget_expanded(request *r) {
  wipe(&r->url);
  wipe(&r->out_body);
  wipe(&r->password);
  for (size_t i = 0; r->values && i <= r->nheaders; i++) wipe(&r->values[i]);
  free(r->values);
  free(r->out_headers);
  r->values = NULL;
  r->out_headers = NULL;
}

static void free_request(nv_op *op) {
  request *r = (request *)op;
  forget_expanded(r);
  nv_settings_unref(r->set);
  for (size_t i = 0; i < r->nheaders; i++) {
    free((char *)r->headers[i].name);
    free((char *)r->headers[i].value);
  }
  free(r->headers);
  free(r->name);
  free(r->method);
  free(r->path);
  nv_buf_clear(&r->body);
  wipe(&r->x.headers_in); /* an answer may hold a token or a cookie */
  wipe(&r->x.in);
  free(r);
}

/* Takes the request out of its endpoint and tells the owner. */
static void end(request *r, int status) {
  endpoint *e = r->at;
  r->at = NULL;
  unlink_request(r);
  r->ended_us = nv_env_monotonic_us(nv_loop_env(r->op.loop));
  nv_timer_stop(r->op.loop, &r->deadline);
  if (e && r->probe)
    nv_breaker_probe_ended(&e->breaker, nv_loop_env(r->op.loop), status != NV_ECANCELLED);
  if (e && status == NV_OK) 
    nv_histogram_add(&e->duration, (double)(r->ended_us - r->sent_us) / 1e6, 1);
  if (e && status != NV_OK && status != NV_ECANCELLED) e->failures++;
  nv_op_finish(&r->op, status);
  if (e) pump(e);
}

static int end_error(request *r, int status, const char *fmt, const char *detail) {
  nv_fail(&r->op.err, status, r->name, fmt, r->name, detail);
  end(r, status);
  return status;
}

/* ---- expanding secrets ---- */

static int expand(nv_http *h, nv_str in, nv_secret_form form, nv_buf *copy, nv_str *out) {
  *out = in;
  if (!h->secrets || !nv_secrets_marked(in)) return NV_OK;
  nv_buf_init(copy, REQUEST_MAX);
  int rc = nv_secrets_expand(h->secrets, in.p, in.n, form, copy);
  *out = (nv_str){copy->p, copy->n};
  return rc;
}

static int add_base64(nv_buf *b, const char *p, size_t n) {
  static const char digits[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  int rc = nv_buf_reserve(b, (n + 2) / 3 * 4);
  for (size_t i = 0; rc == NV_OK && i < n; i += 3) {
    unsigned v = (unsigned)(unsigned char)p[i] << 16;
    if (i + 1 < n) v |= (unsigned)(unsigned char)p[i + 1] << 8;
    if (i + 2 < n) v |= (unsigned char)p[i + 2];
    char four[4] = {digits[v >> 18], digits[v >> 12 & 63],
                    i + 1 < n ? digits[v >> 6 & 63] : '=',
                    i + 2 < n ? digits[v & 63] : '='};
    rc = nv_buf_add(b, four, 4);
  }
  return rc;
}

/* "Basic ..." into `out`; what it was made from is wiped. */
static int basic_value(request *r, nv_buf *out) {
  const nv_settings *s = r->set;
  nv_buf pair, copy = {0};
  nv_str secret;
  nv_buf_init(&pair, HEADERS_IN_MAX);
  nv_buf_init(out, HEADERS_IN_MAX);
  int rc = expand(r->at->http, nv_str_of(s->secret ? s->secret : ""), NV_SECRET_PLAIN,
                  &copy, &secret);
  size_t need = strlen(s->user) + 1 + secret.n;
  if (rc == NV_OK) rc = nv_buf_reserve(&pair, need);
  if (rc == NV_OK) rc = nv_buf_addz(&pair, s->user);
  if (rc == NV_OK) rc = nv_buf_addc(&pair, ':');
  if (rc == NV_OK) rc = nv_buf_add(&pair, secret.p, secret.n);
  if (rc == NV_OK) rc = nv_buf_reserve(out, 6 + (need + 2) / 3 * 4);
  if (rc == NV_OK) rc = nv_buf_addz(out, "Basic ");
  if (rc == NV_OK) rc = add_base64(out, pair.p, pair.n);
  wipe(&pair);
  wipe(&copy);
  return rc;
}

static int expand_headers(request *r, nv_secret_form *form) {
  bool has_auth = false;
  r->values = calloc(r->nheaders + 1, sizeof *r->values);
  r->out_headers = calloc(r->nheaders + 1, sizeof *r->out_headers);
  if (!r->values || !r->out_headers) return NV_ENOMEM;
  size_t n = 0;
  for (; n < r->nheaders; n++) {
    nv_header given = r->headers[n];
    nv_str value;
    int rc = expand(r->at->http, nv_str_of(given.value), NV_SECRET_PLAIN, &r->values[n], &value);
    if (rc != NV_OK) return rc;
    r->out_headers[n] = (nv_header){given.name, value.p};
    if (!nv_header_valid(given.name, value.p)) return NV_EINVALID;
    if (strcasecmp(given.name, "authorization") == 0) has_auth = true;
    if (strcasecmp(given.name, "content-type") == 0)
      *form = strcasestr(value.p, "json")                     ? NV_SECRET_JSON
              : strcasestr(value.p, "x-www-form-urlencoded") ? NV_SECRET_FORM
                                                             : NV_SECRET_PLAIN;
  }
  if (r->set->auth == NV_AUTH_BASIC && !has_auth) {
    int rc = basic_value(r, &r->values[n]);
    if (rc != NV_OK) return rc;
    r->out_headers[n] = (nv_header){"Authorization", r->values[n].p};
    n++;
  }
  r->x.headers = r->out_headers;
  r->x.nheaders = n;
  return NV_OK;
}

/* What the transport signs in with itself. */
static int expand_login(request *r) {
  const nv_settings *s = r->set;
  if (s->auth != NV_AUTH_NTLM && s->auth != NV_AUTH_NEGOTIATE) return NV_OK;
  nv_str password;
  int rc = expand(r->at->http, nv_str_of(s->secret ? s->secret : ""), NV_SECRET_PLAIN,
                  &r->password, &password);
  r->x.auth = s->auth;
  r->x.user = s->user;
  r->x.password = password.p;
  return rc;
}

static int expand_request(request *r) {
  nv_secret_form form = NV_SECRET_PLAIN;
  nv_buf copy = {0};
  nv_str path;
  int rc = expand_headers(r, &form);
  if (rc == NV_OK) rc = expand_login(r);
  if (rc == NV_OK) rc = expand(r->at->http, nv_str_of(r->path), NV_SECRET_PLAIN, &copy, &path);
  if (rc == NV_OK && !nv_url_text(path)) rc = NV_EINVALID;
  nv_buf_init(&r->url, REQUEST_MAX);
  if (rc == NV_OK) rc = nv_buf_reserve(&r->url, strlen(r->set->base_url) + path.n);
  if (rc == NV_OK) rc = nv_buf_addz(&r->url, r->set->base_url);
  if (rc == NV_OK) rc = nv_buf_add(&r->url, path.p, path.n);
  wipe(&copy);
  nv_str body = {r->body.p ? r->body.p : "", r->body.n};
  if (rc == NV_OK) rc = expand(r->at->http, body, form, &r->out_body, &body);
  if (r->has_body) r->x.body = body;
  return rc;
}

/* ---- sending ---- */

static void send_request(request *r) {
  endpoint *e = r->at;
  nv_exchange *x = &r->x;
  unlink_request(r);
  append(&e->running, r);
  r->set = nv_settings_ref(e->set);
  r->sent_us = nv_env_monotonic_us(nv_loop_env(r->op.loop));
  int rc = expand_request(r);
  if (rc != NV_OK) {
    end_error(r, rc, "%s: cannot build the request: %s", nv_code_text(rc));
    return;
  }
  x->endpoint = r->name;
  x->place = r->set->place;
  x->method = r->method;
  x->url = r->url.p;
  x->timeout_ms = (r->deadline_us - r->sent_us + 999) / 1000;
  x->connect_timeout_ms = r->set->connect_timeout_ms;
  x->max_body = r->max_body ? r->max_body : r->set->max_body;
  x->ca_file = r->set->ca_file;
  x->unix_socket = r->set->unix_socket;
  nv_buf_init(&x->headers_in, HEADERS_IN_MAX);
  nv_buf_init(&x->in, x->max_body);
  e->calls++;
  nv_failpoint("http.before_send");
  nv_failpoint_at("http.before_send", r->name);
  rc = e->http->transport->start(e->http->transport->ctx, x, &r->op.err);
  if (rc != NV_OK) end(r, rc);
}

void nv_exchange_done(nv_exchange *x, int status) {
  request *r = (request *)((char *)x - offsetof(request, x));
  forget_expanded(r);
  if (status != NV_ECANCELLED) {
    nv_failpoint("http.after_send");
    nv_failpoint_at("http.after_send", r->name);
  }
  if (r->timed_out && status != NV_OK) {
    bool maybe = x->err.maybe_sent;
    nv_fail(&r->op.err, NV_ETIMEOUT, r->name, "%s (%s): no answer before the deadline",
            r->name, r->set->place);
    r->op.err.maybe_sent = maybe;
    end(r, NV_ETIMEOUT);
    return;
  }
  if (status != NV_OK && x->err.code == NV_OK) {
    bool maybe = x->err.maybe_sent;
    nv_fail(&x->err, status, r->name, "%s (%s): %s", r->name, r->set->place,
            nv_code_text(status));
    x->err.maybe_sent = maybe;
  }
  r->op.err = x->err;
  end(r, status);
}

/* True when the rate limit lets one more go now; otherwise a timer is set. */
static bool take_token(endpoint *e) {
  double rate = e->set->rate;
  if (rate <= 0) return true;
  double most = rate > 1 ? rate : 1; /* what a quiet second may save up */
  int64_t now = nv_env_monotonic_us(nv_loop_env(e->http->loop));
  e->tokens += rate * (double)(now - e->tokens_us) / 1e6;
  e->tokens_us = now;
  if (e->tokens > most) e->tokens = most;
  if (e->tokens >= 1) {
    e->tokens -= 1;
    return true;
  }
  if (!e->refill.slot)
    nv_timer_start(e->http->loop, &e->refill, (int64_t)((1 - e->tokens) * 1e6 / rate) + 1,
                   refilled, e);
  return false;
}

/* Sends what may go now. A request that ends while it is sent comes back here;
 * the loop that is running already takes the next one. */
static void pump(endpoint *e) {
  if (e->pumping) return;
  e->pumping = true;
  while (e->queued.first && e->running.n < (size_t)e->set->max_connections && take_token(e))
    send_request(e->queued.first);
  e->pumping = false;
}

static void refilled(void *arg) { pump(arg); }

/* Ends an exchange early; nv_exchange_done is still to come, or came inside. */
static void abandon(request *r, const nv_transport *t) {
  if (r->abandoned) return;
  r->abandoned = true;
  t->abandon(t->ctx, &r->x);
}

static void deadline_over(void *arg) {
  request *r = arg;
  r->timed_out = true;
  if (r->in == &r->at->queued)
    end_error(r, NV_ETIMEOUT, "%s%s", ": no free connection before the deadline");
  else
    abandon(r, r->at->http->transport);
}

static void cancel(nv_op *op) {
  request *r = (request *)op;
  if (!r->at) return; /* the client is closed, its transport still owes the end */
  if (r->in == &r->at->queued) end(r, NV_ECANCELLED);
  else abandon(r, r->at->http->transport);
}

static const nv_op_class request_class = {"http", cancel, free_request};

static void fail_queued(endpoint *e) {
  uint32_t wait = nv_breaker_wait_ms(&e->breaker, nv_loop_env(e->http->loop));
  e->pumping = true; /* nothing of this queue is sent meanwhile */
  while (e->queued.first) {
    request *r = e->queued.first;
    nv_fail(&r->op.err, NV_EBREAKER, r->name, "%s does not answer; calls wait", r->name);
    r->op.err.retry_after_ms = wait;
    end(r, NV_EBREAKER);
  }
  e->pumping = false;
}

/* ---- endpoints ---- */

static endpoint *find(nv_http *h, const char *name) {
  endpoint *e = h->first;
  while (e && strcmp(e->name, name) != 0) e = e->next;
  return e;
}

static endpoint *add_endpoint(nv_http *h, const char *name) {
  endpoint *e = calloc(1, sizeof *e);
  if (!e) return NULL;
  e->http = h;
  e->name = strdup(name);
  if (!e->name) {
    free(e);
    return NULL;
  }
  endpoint **last = &h->first;
  while (*last) last = &(*last)->next;
  *last = e;
  return e;
}

int nv_http_endpoint_set(nv_http *h, const nv_endpoint *in, nv_error *err) {
  nv_settings *s;
  int rc = nv_settings_make(in, &s, err);
  if (rc != NV_OK) return rc;
  endpoint *e = find(h, in->name);
  if (!e && !(e = add_endpoint(h, in->name))) {
    nv_settings_unref(s);
    return nv_fail(err, NV_ENOMEM, in->name, "out of memory");
  }
  if (!e->set || strcmp(e->set->base_url, s->base_url) != 0) e->breaker = (nv_breaker){0};
  if (!e->set || e->set->rate != s->rate) {
    nv_timer_stop(h->loop, &e->refill);
    e->tokens = s->rate > 1 ? s->rate : 1;
    e->tokens_us = nv_env_monotonic_us(nv_loop_env(h->loop));
  }
  nv_settings_unref(e->set);
  e->set = s;
  pump(e);
  return NV_OK;
}

static void fill_info(endpoint *e, nv_endpoint_info *out) {
  nv_env *env = nv_loop_env(e->http->loop);
  *out = (nv_endpoint_info){
      .name = e->name, .base_url = e->set->base_url,
      .breaker = nv_breaker_look(&e->breaker, env),
      .retry_after_ms = nv_breaker_wait_ms(&e->breaker, env),
      .in_flight = e->running.n, .queued = e->queued.n,
      .calls = e->calls, .failures = e->failures, .answered = e->answered,
      .duration = e->duration};
}

bool nv_http_endpoint_info(nv_http *h, const char *name, nv_endpoint_info *out) {
  endpoint *e = find(h, name);
  if (e) fill_info(e, out);
  return e;
}

bool nv_http_endpoint_at(nv_http *h, size_t i, nv_endpoint_info *out) {
  endpoint *e = h->first;
  for (; e && i > 0; i--) e = e->next;
  if (e) fill_info(e, out);
  return e;
}

int nv_http_report(nv_http *h, const char *name, bool ok, uint32_t retry_after_ms,
                   nv_error *err) {
  endpoint *e = find(h, name);
  if (!e) return nv_fail(err, NV_ENOTFOUND, "http", "no endpoint is named '%s'", name);
  if (ok) nv_budget_earn(&e->budget);
  e->answered += ok;
  e->failures += !ok;
  if (nv_breaker_report(&e->breaker, nv_loop_env(h->loop), ok, retry_after_ms))
    fail_queued(e);
  return NV_OK;
}

uint32_t nv_http_retry_in(nv_http *h, const char *name, int attempt, uint32_t first_ms,
                          uint32_t ceiling_ms) {
  nv_env *env = nv_loop_env(h->loop);
  endpoint *e = find(h, name);
  int64_t us = nv_retry_delay_us(env, attempt, (int64_t)first_ms * 1000,
                                 (int64_t)ceiling_ms * 1000);
  int64_t share_us = e ? nv_budget_spend_us(&e->budget, env) : 0;
  if (share_us > us) us = share_us;
  return us / 1000 < ceiling_ms ? (uint32_t)(us / 1000) : ceiling_ms;
}

void nv_http_recall(nv_http *h, const char *name) {
  endpoint *e = find(h, name);
  if (!e) return;
  e->pumping = true; /* nothing of this queue is sent meanwhile */
  while (e->queued.first)
    end_error(e->queued.first, NV_ECANCELLED, "%s: %s", "the call was taken back, it was not sent");
  e->pumping = false;
}

/* ---- requests ---- */

static bool copy_args(request *r, const nv_http_args *a) {
  nv_buf_init(&r->body, REQUEST_MAX);
  r->has_body = a->body.p;
  r->max_body = a->max_body;
  r->name = strdup(a->endpoint);
  r->method = strdup(a->method ? a->method : "GET");
  r->path = strdup(a->path ? a->path : "");
  r->headers = calloc(a->nheaders + 1, sizeof *r->headers);
  if (!r->name || !r->method || !r->path || !r->headers) return false;
  for (; r->nheaders < a->nheaders; r->nheaders++) {
    nv_header *h = &r->headers[r->nheaders];
    h->name = strdup(a->headers[r->nheaders].name);
    h->value = strdup(a->headers[r->nheaders].value);
    if (!h->name || !h->value) {
      r->nheaders++;
      return false;
    }
  }
  return nv_buf_add(&r->body, a->body.p, a->body.n) == NV_OK;
}

static const char *problem_with(const nv_http_args *a) {
  if (a->method && (!*a->method || a->method[strspn(a->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")]))
    return "the method must be in capital letters";
  if (a->path && (!nv_url_text(nv_str_of(a->path)) || (*a->path && !strchr("/?", *a->path))))
    return "the path must be percent-encoded and begin with '/' or '?'";
  if (a->body.n > REQUEST_MAX) return "the body is too large";
  for (size_t i = 0; i < a->nheaders; i++)
    if (!nv_header_valid(a->headers[i].name, a->headers[i].value))
      return "a header name or value has characters that do not belong there";
  return NULL;
}

int nv_http_request(nv_http *h, const nv_http_args *a, nv_op **out, nv_error *err) {
  *out = NULL;
  nv_env *env = nv_loop_env(h->loop);
  endpoint *e = a->endpoint ? find(h, a->endpoint) : NULL;
  if (!e)
    return nv_fail(err, NV_ENOTFOUND, "http", "no endpoint is named '%s'",
                   a->endpoint ? a->endpoint : "");
  const char *problem = problem_with(a);
  if (problem) return nv_fail(err, NV_EINVALID, e->name, "%s: %s", e->name, problem);
  bool probe;
  if (!nv_breaker_pass(&e->breaker, env, a->writes, &probe)) {
    nv_fail(err, NV_EBREAKER, e->name, "%s does not answer; calls wait", e->name);
    if (err) err->retry_after_ms = nv_breaker_wait_ms(&e->breaker, env);
    return NV_EBREAKER;
  }
  request *r = calloc(1, sizeof *r);
  if (r) nv_op_init(&r->op, h->loop, &request_class);
  int64_t wait_us = (a->timeout_ms > 0 ? a->timeout_ms : e->set->timeout_ms) * 1000;
  if (!r || !copy_args(r, a) ||
      nv_timer_start(h->loop, &r->deadline, wait_us, deadline_over, r) != NV_OK) {
    if (probe) nv_breaker_probe_ended(&e->breaker, env, false);
    if (r) {
      nv_loop_count_op(h->loop, -1);
      free_request(&r->op);
    }
    return nv_fail(err, NV_ENOMEM, e->name, "out of memory");
  }
  r->at = e;
  r->probe = probe;
  r->deadline_us = nv_env_monotonic_us(env) + wait_us;
  append(&e->queued, r);
  pump(e);
  *out = &r->op;
  return NV_OK;
}

const nv_exchange *nv_http_answer(const nv_op *op) { return &((const request *)op)->x; }

nv_buf nv_http_take_body(nv_op *op) {
  request *r = (request *)op;
  nv_buf body = r->x.in;
  nv_buf_init(&r->x.in, 0);
  return body;
}

int64_t nv_http_elapsed_ms(const nv_op *op) {
  const request *r = (const request *)op;
  return r->sent_us ? (r->ended_us - r->sent_us) / 1000 : 0;
}

uint32_t nv_http_retry_after(const nv_op *op) {
  const char *text = nv_headers_get(&((const request *)op)->x.headers_in, "retry-after");
  return text ? nv_retry_after_ms(text, nv_env_wall_us(nv_loop_env(op->loop))) : 0;
}

/* ---- the client ---- */

int nv_http_open(nv_loop *loop, struct nv_secrets *secrets, nv_http **out, nv_error *err) {
  *out = NULL;
  nv_http *h = calloc(1, sizeof *h);
  if (!h) return nv_fail(err, NV_ENOMEM, "http", "out of memory");
  h->loop = loop;
  h->secrets = secrets;
  h->transport = nv_loop_env(loop)->transport;
  if (!h->transport) {
    int rc = nv_curl_open(loop, &h->curl, err);
    if (rc != NV_OK) {
      free(h);
      return rc;
    }
    h->transport = nv_curl_transport(h->curl);
  }
  *out = h;
  return NV_OK;
}

static void close_endpoint(nv_http *h, endpoint *e) {
  nv_timer_stop(h->loop, &e->refill);
  while (e->queued.first || e->running.first) {
    request *r = e->queued.first ? e->queued.first : e->running.first;
    bool sent = r->in == &e->running;
    nv_timer_stop(h->loop, &r->deadline);
    unlink_request(r);
    r->at = NULL; /* whoever ends it now must not look for the endpoint */
    if (!sent) nv_op_finish(&r->op, NV_ECANCELLED);
    else abandon(r, h->transport);
  }
  nv_settings_unref(e->set);
  free(e->name);
  free(e);
}

void nv_http_close(nv_http *h) {
  if (!h) return;
  while (h->first) {
    endpoint *e = h->first;
    h->first = e->next;
    close_endpoint(h, e);
  }
  nv_curl_close(h->curl);
  free(h);
}
