#include "http_curl.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "http_client.h"

enum { IDLE_MAX = 64, ERROR_TEXT = CURL_ERROR_SIZE };

/* An easy handle with what belongs to the exchange that it carries. */
typedef struct transfer {
  struct transfer *next; /* while idle */
  nv_curl *curl;
  CURL *easy;
  nv_exchange *x;
  struct curl_slist *headers;
  int sends;   /* how often the request began to go out */
  bool challenged; /* what went out last was answered with 401: it had no effect */
  int refused; /* NV_* of what one of our callbacks refused */
  bool repeated; /* a second sending was stopped */
  char text[ERROR_TEXT];
} transfer;

typedef struct watch {
  uv_poll_t poll; /* first */
  nv_curl *curl;
  curl_socket_t fd;
} watch;

struct nv_curl {
  nv_transport transport;
  nv_loop *loop;
  CURLM *multi;
  nv_timer timer;
  nv_ready kick; /* stands for a timeout of 0 */
  transfer *idle;
  size_t nidle, watches;
  bool closing;
};

static int start(void *ctx, nv_exchange *x, nv_error *err);
static void abandon(void *ctx, nv_exchange *x);
static void finish(transfer *t, CURLcode code);

/* ---- sockets and time ---- */

static void collect(nv_curl *c) {
  int left;
  CURLMsg *m;
  while ((m = curl_multi_info_read(c->multi, &left))) {
    if (m->msg != CURLMSG_DONE) continue;
    CURLcode code = m->data.result; /* `m` is gone once the handle is removed */
    transfer *t = NULL;
    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
    finish(t, code);
  }
}

static void act(nv_curl *c, curl_socket_t fd, int flags) {
  int running;
  curl_multi_socket_action(c->multi, fd, flags, &running);
  collect(c);
}

static void on_socket_event(uv_poll_t *poll, int status, int events) {
  watch *w = (watch *)poll;
  int flags = status < 0 ? CURL_CSELECT_ERR : 0;
  if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
  act(w->curl, w->fd, flags); /* may close `w` */
}

static void on_timer(void *arg) { act(arg, CURL_SOCKET_TIMEOUT, 0); }

static void on_kick(nv_ready *r) {
  nv_curl *c = (nv_curl *)((char *)r - offsetof(nv_curl, kick));
  if (!c->closing) act(c, CURL_SOCKET_TIMEOUT, 0);
}

/* From here to the end of the callbacks curl is on the stack: none of its
 * functions may be called. */

static int curl_wants_time(CURLM *multi, long ms, void *arg) {
  (void)multi;
  nv_curl *c = arg;
  if (ms < 0) nv_timer_stop(c->loop, &c->timer);
  else if (ms == 0) nv_loop_post(c->loop, &c->kick);
  else if (nv_timer_start(c->loop, &c->timer, (int64_t)ms * 1000, on_timer, c) != NV_OK)
    return -1;
  return 0;
}

static void free_if_last(nv_curl *c) {
  if (c->closing && c->watches == 0 && !c->kick.queued) free(c);
}

static void on_watch_closed(uv_handle_t *h) {
  watch *w = (watch *)h;
  nv_curl *c = w->curl;
  free(w);
  c->watches--;
  free_if_last(c);
}

static watch *add_watch(nv_curl *c, curl_socket_t fd) {
  watch *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->curl = c;
  w->fd = fd;
  if (uv_poll_init_socket((uv_loop_t *)nv_loop_uv(c->loop), &w->poll, fd) != 0) {
    free(w);
    return NULL;
  }
  c->watches++;
  curl_multi_assign(c->multi, fd, w); /* the one call that is allowed here */
  return w;
}

static int curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *arg,
                             void *assigned) {
  (void)easy;
  nv_curl *c = arg;
  watch *w = assigned;
  if (what == CURL_POLL_REMOVE) { /* curl closes the descriptor right after this */
    if (!w) return 0;
    uv_poll_stop(&w->poll);
    curl_multi_assign(c->multi, fd, NULL);
    uv_close((uv_handle_t *)&w->poll, on_watch_closed);
    return 0;
  }
  if (!w && !(w = add_watch(c, fd))) return -1;
  int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
  return uv_poll_start(&w->poll, events, on_socket_event) == 0 ? 0 : -1;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg) {
  transfer *t = arg;
  t->refused = nv_buf_add(&t->x->in, p, size * n);
  return t->refused == NV_OK ? size * n : 0;
}

static size_t on_header(char *p, size_t size, size_t n, void *arg) {
  transfer *t = arg;
  size_t len = size * n;
  if (len > 5 && memcmp(p, "HTTP/", 5) == 0) { /* a new block: 100, then 200 */
    t->x->headers_in.n = 0;
    const char *status = memchr(p, ' ', len);
    t->challenged = status && t->x->auth != NV_AUTH_NONE && len - (size_t)(status - p) > 4 &&
                    memcmp(status, " 401", 4) == 0;
    return len;
  }
  const char *colon = memchr(p, ':', len);
  if (!colon) return len;
  nv_str name = {p, (size_t)(colon - p)}, value = {colon + 1, len - name.n - 1};
  int rc = nv_headers_add(&t->x->headers_in, name, value);
  if (rc != NV_OK && rc != NV_ESYNTAX) t->refused = rc;
  return t->refused == NV_OK ? len : 0;
}

/* Called each time before the request goes out on a connection. Curl repeats a
 * request by itself when a kept connection ends without an answer; the server may
 * have carried it out nevertheless, so only harmless methods are repeated. The next
 * leg of a sign-in is no repetition: the server refused what went before. */
static int before_sending(void *arg, char *ip, char *local_ip, int port, int local_port) {
  (void)ip, (void)local_ip, (void)port, (void)local_port;
  transfer *t = arg;
  bool harmless = strcmp(t->x->method, "GET") == 0 || strcmp(t->x->method, "HEAD") == 0;
  if (t->sends > 0 && !harmless && !t->challenged) {
    t->repeated = true;
    return CURL_PREREQFUNC_ABORT;
  }
  t->challenged = false;
  t->sends++;
  return CURL_PREREQFUNC_OK;
}

/* ---- one transfer ---- */

static transfer *take_transfer(nv_curl *c) {
  transfer *t = c->idle;
  if (t) {
    c->idle = t->next;
    c->nidle--;
    return t;
  }
  t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->easy = curl_easy_init();
  if (!t->easy) {
    free(t);
    return NULL;
  }
  t->curl = c;
  return t;
}

static void free_transfer(transfer *t) {
  curl_easy_cleanup(t->easy);
  free(t);
}

/* Header lines may hold passwords: wiped before they are freed. */
static void drop_headers(transfer *t) {
  for (struct curl_slist *h = t->headers; h; h = h->next)
    explicit_bzero(h->data, strlen(h->data));
  curl_slist_free_all(t->headers);
  t->headers = NULL;
}

static void put_back(transfer *t) {
  nv_curl *c = t->curl;
  drop_headers(t);
  curl_easy_reset(t->easy); /* keeps nothing of the request */
  t->x = NULL;
  t->sends = t->refused = 0;
  t->repeated = t->challenged = false;
  if (c->nidle >= IDLE_MAX) {
    free_transfer(t);
    return;
  }
  t->next = c->idle;
  c->idle = t;
  c->nidle++;
}

static int add_header(transfer *t, const char *name, const char *value) {
  nv_buf line;
  nv_buf_init(&line, 1024 * 1024);
  int rc = nv_buf_reserve(&line, strlen(name) + strlen(value) + 2);
  if (rc == NV_OK) /* curl's notation: "Name;" is empty, "Name:" is none */
    rc = nv_buf_addf(&line, "%s%s", name, *value ? ": " : ";");
  if (rc == NV_OK) rc = nv_buf_addz(&line, value);
  struct curl_slist *list = rc == NV_OK ? curl_slist_append(t->headers, line.p) : NULL;
  if (line.p) explicit_bzero(line.p, line.cap);
  nv_buf_clear(&line);
  if (list) t->headers = list;
  return list ? NV_OK : rc == NV_OK ? NV_ENOMEM : rc;
}

static int set_headers(transfer *t) {
  const nv_exchange *x = t->x;
  bool has_type = false;
  int rc = NV_OK;
  for (size_t i = 0; rc == NV_OK && i < x->nheaders; i++) {
    if (strcasecmp(x->headers[i].name, "content-type") == 0) has_type = true;
    rc = add_header(t, x->headers[i].name, x->headers[i].value);
  }
  struct curl_slist *list = t->headers;
  if (rc == NV_OK) list = curl_slist_append(t->headers, "Expect:");
  if (list) t->headers = list;
  if (rc == NV_OK && list && !has_type) list = curl_slist_append(t->headers, "Content-Type:");
  if (list) t->headers = list;
  return rc == NV_OK && !list ? NV_ENOMEM : rc;
}

static void set_method(CURL *e, const nv_exchange *x) {
  if (strcmp(x->method, "HEAD") == 0) {
    curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
    return;
  }
  bool post = strcmp(x->method, "POST") == 0;
  if (x->body.p || post) {
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->body.n);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, x->body.p ? x->body.p : "");
  }
  if (!post && strcmp(x->method, "GET") != 0)
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, x->method);
  else if (!post && x->body.p)
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, "GET");
}

static bool is_loopback(const char *place) {
  return strncmp(place, "127.", 4) == 0 || strncmp(place, "[::1]", 5) == 0 ||
         strncasecmp(place, "localhost:", 10) == 0;
}

/* curl widens bytes, not characters, to the UTF-16 that NTLM wants. So it gets Latin-1,
 * which comes out right; other characters stay as they are, and are refused. Free the
 * result with free_latin1. NULL: out of memory. */
static char *latin1_of(const char *z) {
  char *out = strdup(z), *o = out;
  for (const unsigned char *p = (const unsigned char *)z; out && *p;) {
    if (*p < 0x80) *o++ = (char)*p++;
    else if ((*p == 0xc2 || *p == 0xc3) && (p[1] & 0xc0) == 0x80) {
      *o++ = (char)((*p & 3) << 6 | (p[1] & 0x3f));
      p += 2;
    } else {
      strcpy(out, z);
      return out;
    }
  }
  if (out) *o = 0;
  return out;
}

static void free_latin1(char *z) {
  if (z) explicit_bzero(z, strlen(z));
  free(z);
}

static CURLcode set_ntlm(CURL *e, const nv_exchange *x) {
  char *user = latin1_of(x->user ? x->user : ""), *password = latin1_of(x->password ? x->password : "");
  CURLcode rc = user && password ? CURLE_OK : CURLE_OUT_OF_MEMORY;
  if (rc == CURLE_OK) rc = curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_NTLM);
  if (rc == CURLE_OK) rc = curl_easy_setopt(e, CURLOPT_USERNAME, user);
  if (rc == CURLE_OK) rc = curl_easy_setopt(e, CURLOPT_PASSWORD, password);
  free_latin1(user);
  free_latin1(password);
  return rc;
}

/* The copies that curl makes of user and password are freed by curl_easy_reset. */
static CURLcode set_login(CURL *e, const nv_exchange *x) {
  if (x->auth == NV_AUTH_NTLM) return set_ntlm(e, x);
  if (x->auth != NV_AUTH_NEGOTIATE) return CURLE_OK;
  CURLcode rc = curl_easy_setopt(e, CURLOPT_HTTPAUTH, (long)CURLAUTH_NEGOTIATE);
  /* without a name curl takes the ticket of the process */
  return rc == CURLE_OK ? curl_easy_setopt(e, CURLOPT_USERPWD, ":") : rc;
}

static CURLcode set_options(transfer *t) {
  CURL *e = t->easy;
  const nv_exchange *x = t->x;
  curl_easy_setopt(e, CURLOPT_PRIVATE, t);
  curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->text);
  curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(e, CURLOPT_QUICK_EXIT, 1L); /* never wait for a stuck resolver */
  curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
  curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)x->connect_timeout_ms);
  curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
  curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
  curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, before_sending);
  curl_easy_setopt(e, CURLOPT_PREREQDATA, t);
  curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers);
  set_method(e, x);
  CURLcode rc = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
  if (rc == CURLE_OK) rc = curl_easy_setopt(e, CURLOPT_URL, x->url);
  if (rc == CURLE_OK) rc = curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "");
  if (rc == CURLE_OK) rc = curl_easy_setopt(e, CURLOPT_USERAGENT, "navodoo/" NAVODOO_VERSION);
  if (rc == CURLE_OK) rc = set_login(e, x);
  if (rc == CURLE_OK && is_loopback(x->place)) rc = curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
  if (rc == CURLE_OK && x->ca_file) rc = curl_easy_setopt(e, CURLOPT_CAINFO, x->ca_file);
  if (rc == CURLE_OK && x->unix_socket)
    rc = curl_easy_setopt(e, CURLOPT_UNIX_SOCKET_PATH, x->unix_socket);
  return rc;
}

static int start(void *ctx, nv_exchange *x, nv_error *err) {
  nv_curl *c = ctx;
  transfer *t = take_transfer(c);
  if (!t) return nv_fail(err, NV_ENOMEM, x->endpoint, "out of memory");
  t->x = x;
  t->text[0] = 0;
  int rc = set_headers(t);
  CURLcode code = rc == NV_OK ? set_options(t) : CURLE_OK;
  if (rc == NV_OK && (code != CURLE_OK || curl_multi_add_handle(c->multi, t->easy) != CURLM_OK))
    rc = NV_ENOMEM;
  if (rc != NV_OK) {
    put_back(t);
    return nv_fail(err, rc, x->endpoint, "%s (%s): cannot set up the call: %s", x->endpoint,
                   x->place, code != CURLE_OK ? curl_easy_strerror(code) : nv_code_text(rc));
  }
  x->transport = t;
  return NV_OK;
}

static void complete(transfer *t, int status) {
  nv_exchange *x = t->x;
  curl_multi_remove_handle(t->curl->multi, t->easy);
  put_back(t);
  nv_exchange_done(x, status);
}

static void abandon(void *ctx, nv_exchange *x) {
  (void)ctx;
  transfer *t = x->transport;
  x->err.maybe_sent = t->sends > 0;
  complete(t, NV_ECANCELLED);
}

/* ---- how it ended ---- */

static int code_of(const transfer *t, CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return NV_ETLS;
    case CURLE_OPERATION_TIMEDOUT: return NV_ETIMEOUT;
    case CURLE_OUT_OF_MEMORY: return NV_ENOMEM;
    case CURLE_WRITE_ERROR: return t->refused != NV_OK ? t->refused : NV_ENETWORK;
    case CURLE_FILESIZE_EXCEEDED: return NV_ETOOLARGE;
    case CURLE_URL_MALFORMAT: return NV_EINVALID;
    default: return NV_ENETWORK;
  }
}

static int describe(transfer *t, CURLcode code) {
  nv_exchange *x = t->x;
  int status = code_of(t, code);
  long os = 0;
  curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os);
  const char *cause = t->text[0] ? t->text : curl_easy_strerror(code);
  if (code == CURLE_COULDNT_CONNECT && os) cause = strerror((int)os);
  if (t->repeated) cause = "the connection was closed before an answer came";
  if (status == NV_ETLS)
    nv_fail(&x->err, status, x->endpoint,
            "%s (%s): %s; a certificate authority of your own is named with ca_file",
            x->endpoint, x->place, cause);
  else if (status == NV_ETOOLARGE)
    nv_fail(&x->err, status, x->endpoint, "%s (%s): the answer is larger than %zu bytes",
            x->endpoint, x->place, x->max_body);
  else
    nv_fail(&x->err, status, x->endpoint, "%s (%s): %s", x->endpoint, x->place, cause);
  x->err.maybe_sent = t->sends > 0;
  return status;
}

static void finish(transfer *t, CURLcode code) {
  long status = 0;
  if (code != CURLE_OK) {
    complete(t, describe(t, code));
    return;
  }
  curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
  t->x->status = (int)status;
  complete(t, NV_OK);
}

/* ---- opening and closing ---- */

static int global_rc;

static void init_global(void) { global_rc = curl_global_init(CURL_GLOBAL_ALL); }

int nv_curl_open(nv_loop *loop, nv_curl **out, nv_error *err) {
  static uv_once_t once = UV_ONCE_INIT;
  *out = NULL;
  if (!nv_loop_uv(loop))
    return nv_fail(err, NV_EINVALID, "http", "a simulated loop needs a transport of its own");
  uv_once(&once, init_global);
  nv_curl *c = calloc(1, sizeof *c);
  if (c && global_rc == 0) c->multi = curl_multi_init();
  if (!c || !c->multi) {
    free(c);
    return nv_fail(err, NV_ENOMEM, "http", "cannot start libcurl");
  }
  c->transport = (nv_transport){c, start, abandon};
  c->loop = loop;
  c->kick.fn = on_kick;
  curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
  curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
  curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, curl_wants_time);
  curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
  curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
  *out = c;
  return NV_OK;
}

const nv_transport *nv_curl_transport(nv_curl *c) { return &c->transport; }

static void last_turn(nv_ready *r) {
  free_if_last((nv_curl *)((char *)r - offsetof(nv_curl, kick)));
}

void nv_curl_close(nv_curl *c) {
  if (!c) return;
  while (c->idle) {
    transfer *t = c->idle;
    c->idle = t->next;
    free_transfer(t);
  }
  curl_multi_cleanup(c->multi);
  nv_timer_stop(c->loop, &c->timer);
  c->closing = true;
  c->kick.fn = last_turn; /* what is queued must not outlive the struct */
  nv_loop_post(c->loop, &c->kick);
}
