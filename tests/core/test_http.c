/* The HTTP client over a transport of the test: queues, limits, deadlines, secrets,
 * breaker. Time is simulated; nothing here touches a socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_client.h"
#include "secret.h"

enum { MAX = 64 };

/* Holds what was started until the test lets it end. */
typedef struct wire {
  nv_exchange *live[MAX];
  char log[MAX][96]; /* "METHOD url", in the order of starting */
  int started, abandoned, nlive;
  bool refuse;       /* start fails */
  bool hold_abandon; /* an abandoned exchange stays until the test ends it */
  bool maybe_sent;
} wire;

typedef struct world {
  nv_env env;
  nv_loop *loop;
  nv_secrets *secrets;
  nv_http *http;
  nv_transport transport;
  wire wire;
} world;

typedef struct asker {
  nv_op *op;
  int status; /* 1: not told yet */
  int http_status;
  nv_error err;
  int64_t at_us;
  world *w;
} asker;

/* ---- the transport ---- */

static int wire_start(void *ctx, nv_exchange *x, nv_error *err) {
  wire *w = ctx;
  if (w->refuse) return nv_fail(err, NV_ENETWORK, x->endpoint, "refused");
  assert_true(w->started < MAX);
  snprintf(w->log[w->started], sizeof w->log[0], "%s %s", x->method, x->url);
  w->started++;
  w->live[w->nlive++] = x;
  return NV_OK;
}

static void take_out(wire *w, nv_exchange *x) {
  int i = 0;
  while (w->live[i] != x) i++;
  for (w->nlive--; i < w->nlive; i++) w->live[i] = w->live[i + 1];
}

static void wire_end(wire *w, int i, int status) {
  nv_exchange *x = w->live[i];
  take_out(w, x);
  x->status = 200;
  x->err.maybe_sent = w->maybe_sent;
  nv_exchange_done(x, status);
}

static void wire_abandon(void *ctx, nv_exchange *x) {
  wire *w = ctx;
  w->abandoned++;
  if (w->hold_abandon) return;
  take_out(w, x);
  x->err.maybe_sent = w->maybe_sent;
  nv_exchange_done(x, NV_ECANCELLED);
}

/* ---- the world ---- */

static void endpoint_with(world *w, nv_endpoint e) {
  nv_error err = {0};
  if (!e.name) e.name = "odoo";
  if (!e.base_url) e.base_url = "http://odoo.test/base/";
  if (nv_http_endpoint_set(w->http, &e, &err) != NV_OK) fail_msg("%s", err.text);
}

static int set_up(void **state) {
  world *w = calloc(1, sizeof *w);
  nv_env_init_simulated(&w->env, 11, 0);
  w->transport = (nv_transport){&w->wire, wire_start, wire_abandon};
  w->env.transport = &w->transport;
  w->secrets = nv_secrets_new(&w->env);
  if (nv_loop_open(&w->env, &w->loop, NULL) != NV_OK ||
      nv_http_open(w->loop, w->secrets, &w->http, NULL) != NV_OK)
    return -1;
  endpoint_with(w, (nv_endpoint){0});
  *state = w;
  return 0;
}

static int tear_down(void **state) {
  world *w = *state;
  nv_http_close(w->http);
  while (nv_loop_turn(w->loop, false)) continue;
  assert_int_equal(w->wire.nlive, 0);
  assert_int_equal(nv_loop_live_ops(w->loop), 0);
  nv_loop_close(w->loop);
  nv_secrets_free(w->secrets);
  free(w);
  return 0;
}

static void on_done(nv_op *op, void *arg) {
  asker *a = arg;
  a->status = op->status;
  a->err = op->err;
  a->at_us = a->w->env.sim_monotonic_us;
  if (op->status == NV_OK) a->http_status = nv_http_answer(op)->status;
  a->op = NULL;
  nv_op_release(op);
}

static int ask_with(world *w, asker *a, nv_http_args args) {
  *a = (asker){.status = 1, .w = w};
  if (!args.endpoint) args.endpoint = "odoo";
  int rc = nv_http_request(w->http, &args, &a->op, &a->err);
  if (rc == NV_OK) nv_op_on_done(a->op, on_done, a);
  else assert_null(a->op);
  return rc;
}

static void ask(world *w, asker *a, const char *path) {
  if (ask_with(w, a, (nv_http_args){.path = path}) != NV_OK) fail_msg("%s", a->err.text);
}

static void turn(world *w) {
  for (int i = 0; i < 10; i++) nv_loop_turn(w->loop, false);
}

static void pass_time(world *w, int64_t ms) {
  w->env.sim_monotonic_us += ms * 1000;
  w->env.sim_wall_us += ms * 1000;
  turn(w);
}

static void fail_times(world *w, int n) {
  for (int i = 0; i < n; i++) nv_http_report(w->http, "odoo", false, 0, NULL);
}

static nv_endpoint_info info(world *w) {
  nv_endpoint_info i;
  assert_true(nv_http_endpoint_info(w->http, "odoo", &i));
  return i;
}

/* ---- queues and limits ---- */

static void test_an_answer_comes_from_the_loop_and_not_before(void **state) {
  world *w = *state;
  asker a;
  ask(w, &a, "/x?y=1");
  assert_string_equal(w->wire.log[0], "GET http://odoo.test/base/x?y=1");
  wire_end(&w->wire, 0, NV_OK);
  assert_int_equal(a.status, 1);
  turn(w);
  assert_int_equal(a.status, NV_OK);
  assert_int_equal(a.http_status, 200);
}

static void test_requests_leave_in_order_and_never_too_many_at_once(void **state) {
  world *w = *state;
  asker a[6];
  char path[16];
  for (int i = 0; i < 6; i++) {
    snprintf(path, sizeof path, "/%d", i);
    ask(w, &a[i], path);
  }
  assert_int_equal(w->wire.nlive, 2); /* the default */
  assert_int_equal(info(w).queued, 4);
  assert_int_equal(info(w).in_flight, 2);
  wire_end(&w->wire, 1, NV_OK);
  assert_int_equal(w->wire.nlive, 2);
  while (w->wire.nlive) wire_end(&w->wire, 0, NV_OK);
  turn(w);
  for (int i = 0; i < 6; i++) {
    snprintf(path, sizeof path, "/%d", i);
    assert_int_equal(a[i].status, NV_OK);
    assert_non_null(strstr(w->wire.log[i], path));
  }
  assert_int_equal(info(w).calls, 6);
  assert_int_equal(info(w).failures, 0);
}

static void test_endpoints_do_not_hold_each_other_up(void **state) {
  world *w = *state;
  asker a[4];
  endpoint_with(w, (nv_endpoint){.name = "nav", .base_url = "https://nav.test:7048", .max_connections = 1});
  for (int i = 0; i < 3; i++) ask(w, &a[i], "");
  assert_int_equal(ask_with(w, &a[3], (nv_http_args){.endpoint = "nav"}), NV_OK);
  assert_string_equal(w->wire.log[2], "GET https://nav.test:7048");
  assert_string_equal(w->wire.live[2]->place, "nav.test:7048");
  assert_string_equal(w->wire.live[0]->place, "odoo.test:80");
  while (w->wire.nlive) wire_end(&w->wire, 0, NV_OK);
  turn(w);
}

static void test_the_rate_limit_spaces_requests_out(void **state) {
  world *w = *state;
  asker a[6];
  endpoint_with(w, (nv_endpoint){.requests_per_second = 2, .max_connections = 10});
  for (int i = 0; i < 6; i++) ask(w, &a[i], "");
  assert_int_equal(w->wire.started, 2); /* what a quiet second saved up */
  pass_time(w, 499);
  assert_int_equal(w->wire.started, 2);
  pass_time(w, 2);
  assert_int_equal(w->wire.started, 3);
  pass_time(w, 1001);
  pass_time(w, 501);
  assert_int_equal(w->wire.started, 6);
  while (w->wire.nlive) wire_end(&w->wire, 0, NV_OK);
  turn(w);
}

static void test_a_transport_that_refuses_ends_one_request_not_the_queue(void **state) {
  world *w = *state;
  asker a[5];
  w->wire.refuse = true;
  for (int i = 0; i < 4; i++) ask(w, &a[i], "");
  turn(w);
  for (int i = 0; i < 4; i++) {
    assert_int_equal(a[i].status, NV_ENETWORK);
    assert_false(a[i].err.maybe_sent);
  }
  w->wire.refuse = false;
  ask(w, &a[4], "");
  wire_end(&w->wire, 0, NV_OK);
  turn(w);
  assert_int_equal(a[4].status, NV_OK);
}

static void test_new_settings_hold_for_what_is_queued(void **state) {
  world *w = *state;
  asker a[4];
  for (int i = 0; i < 4; i++) ask(w, &a[i], "/p");
  endpoint_with(w, (nv_endpoint){.base_url = "http://moved.test", .max_connections = 3});
  assert_int_equal(w->wire.started, 3);
  assert_string_equal(w->wire.log[2], "GET http://moved.test/p");
  assert_string_equal(w->wire.live[0]->place, "odoo.test:80"); /* ends as it began */
  while (w->wire.nlive) wire_end(&w->wire, 0, NV_OK);
  turn(w);
  assert_int_equal(a[0].status, NV_OK);
}

/* ---- deadlines and letting go ---- */

static void test_the_deadline_covers_waiting_for_a_connection(void **state) {
  world *w = *state;
  asker a[3];
  ask(w, &a[0], "");
  ask(w, &a[1], "");
  assert_int_equal(ask_with(w, &a[2], (nv_http_args){.timeout_ms = 50}), NV_OK);
  w->wire.maybe_sent = true;
  pass_time(w, 50);
  assert_int_equal(a[2].status, NV_ETIMEOUT);
  assert_false(a[2].err.maybe_sent);
  assert_int_equal(w->wire.abandoned, 0);
  while (w->wire.nlive) wire_end(&w->wire, 0, NV_OK);
  turn(w);
}

static void test_the_deadline_ends_what_is_on_the_wire(void **state) {
  world *w = *state;
  asker a;
  w->wire.maybe_sent = true;
  assert_int_equal(ask_with(w, &a, (nv_http_args){.timeout_ms = 50}), NV_OK);
  assert_int_equal(w->wire.live[0]->timeout_ms, 50);
  pass_time(w, 49);
  assert_int_equal(a.status, 1);
  pass_time(w, 1);
  assert_int_equal(a.status, NV_ETIMEOUT);
  assert_true(a.err.maybe_sent);
  assert_string_equal(a.err.text, "odoo (odoo.test:80): no answer before the deadline");
  assert_int_equal(info(w).in_flight, 0);
}

static void test_an_answer_that_beats_the_abandoning_counts(void **state) {
  world *w = *state;
  asker a;
  w->wire.hold_abandon = true;
  assert_int_equal(ask_with(w, &a, (nv_http_args){.timeout_ms = 50}), NV_OK);
  pass_time(w, 50);
  assert_int_equal(a.status, 1);
  wire_end(&w->wire, 0, NV_OK);
  turn(w);
  assert_int_equal(a.status, NV_OK);
}

static void test_letting_go_frees_the_place_for_the_next(void **state) {
  world *w = *state;
  asker a[4];
  for (int i = 0; i < 4; i++) ask(w, &a[i], i == 3 ? "/last" : "");
  nv_op_release(a[2].op); /* queued */
  nv_op_release(a[0].op); /* on the wire */
  assert_int_equal(w->wire.abandoned, 1);
  assert_string_equal(w->wire.log[2], "GET http://odoo.test/base/last");
  while (w->wire.nlive) wire_end(&w->wire, 0, NV_OK);
  turn(w);
  assert_int_equal(a[0].status, 1); /* never told */
  assert_int_equal(a[3].status, NV_OK);
}

static void test_an_exchange_is_abandoned_once(void **state) {
  world *w = *state;
  asker a;
  w->wire.hold_abandon = true;
  assert_int_equal(ask_with(w, &a, (nv_http_args){.timeout_ms = 50}), NV_OK);
  nv_op_release(a.op);
  pass_time(w, 100);
  nv_http_close(w->http);
  w->http = NULL;
  assert_int_equal(w->wire.abandoned, 1);
  wire_end(&w->wire, 0, NV_ECANCELLED); /* after the client is gone */
  turn(w);
}

static void test_closing_ends_everything(void **state) {
  world *w = *state;
  asker a[4];
  for (int i = 0; i < 4; i++) ask(w, &a[i], "");
  w->wire.hold_abandon = true;
  nv_http_close(w->http);
  w->http = NULL;
  turn(w);
  assert_int_equal(a[3].status, NV_ECANCELLED);
  assert_int_equal(a[0].status, 1); /* the transport still owes its end */
  nv_op_release(a[1].op);
  while (w->wire.nlive) wire_end(&w->wire, 0, NV_ECANCELLED);
  turn(w);
  assert_int_equal(a[0].status, NV_ECANCELLED);
  assert_non_null(strstr(a[0].err.text, "cancelled"));
}

/* ---- secrets ---- */

static const char *header(const nv_exchange *x, const char *name) {
  for (size_t i = 0; i < x->nheaders; i++)
    if (strcasecmp(x->headers[i].name, name) == 0) return x->headers[i].value;
  return NULL;
}

static const char *define(world *w, const char *name, const char *value) {
  nv_secrets_define(w->secrets, name, nv_str_of(value), NULL);
  return nv_secrets_token(w->secrets, name);
}

static void test_tokens_become_values_on_the_wire_only(void **state) {
  world *w = *state;
  asker a;
  char body[128], path[64], bearer[64];
  const char *token = define(w, "pw", "p\"w");
  snprintf(body, sizeof body, "{\"p\":\"%s\"}", token);
  snprintf(bearer, sizeof bearer, "Bearer %s", token);
  snprintf(path, sizeof path, "/k/%s", define(w, "key", "abcd"));
  nv_header headers[] = {{"content-TYPE", "application/JSON"}, {"Authorization", bearer}};
  nv_http_args args = {.method = "POST", .path = path, .headers = headers, .nheaders = 2,
                       .body = nv_str_of(body)};
  assert_int_equal(ask_with(w, &a, args), NV_OK);
  const nv_exchange *x = w->wire.live[0];
  assert_string_equal(x->url, "http://odoo.test/base/k/abcd");
  assert_string_equal(header(x, "authorization"), "Bearer p\"w");
  assert_true(nv_str_eq(x->body, "{\"p\":\"p\\\"w\"}"));
  headers[0].value = "text/plain"; /* the client has copied everything */
  wire_end(&w->wire, 0, NV_OK);
  assert_int_equal(ask_with(w, &a, args), NV_OK);
  assert_true(nv_str_eq(w->wire.live[0]->body, "{\"p\":\"p\"w\"}"));
  wire_end(&w->wire, 0, NV_OK);
  turn(w);
}

static void test_basic_authentication_is_made_of_user_and_secret(void **state) {
  world *w = *state;
  asker a;
  endpoint_with(w, (nv_endpoint){.auth = NV_AUTH_BASIC, .user = "Aladdin",
                                 .secret_token = define(w, "pw", "open sesame")});
  ask(w, &a, "");
  assert_string_equal(header(w->wire.live[0], "authorization"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  wire_end(&w->wire, 0, NV_OK);
  nv_header own = {"authorization", "Bearer x"};
  assert_int_equal(ask_with(w, &a, (nv_http_args){.headers = &own, .nheaders = 1}), NV_OK);
  assert_int_equal(w->wire.live[0]->nheaders, 1);
  assert_string_equal(header(w->wire.live[0], "authorization"), "Bearer x");
  wire_end(&w->wire, 0, NV_OK);
  turn(w);
}

static void test_a_secret_cannot_break_out_of_its_header_or_path(void **state) {
  world *w = *state;
  asker a;
  const char *token = define(w, "pw", "x\r\nEvil: 1");
  nv_header h = {"X-Key", token};
  assert_int_equal(ask_with(w, &a, (nv_http_args){.headers = &h, .nheaders = 1}), NV_OK);
  turn(w);
  assert_int_equal(a.status, NV_EINVALID);
  assert_false(a.err.maybe_sent);
  assert_null(strstr(a.err.text, "Evil"));
  char path[64];
  snprintf(path, sizeof path, "/%s", token);
  ask(w, &a, path);
  turn(w);
  assert_int_equal(a.status, NV_EINVALID);
  assert_int_equal(w->wire.started, 0);
}

/* ---- the breaker ---- */

static void test_an_open_breaker_answers_at_once(void **state) {
  world *w = *state;
  asker a[5];
  for (int i = 0; i < 4; i++) ask(w, &a[i], "");
  fail_times(w, 5);
  turn(w);
  assert_int_equal(a[2].status, NV_EBREAKER); /* queued: nothing was sent */
  assert_int_equal(a[3].status, NV_EBREAKER);
  assert_true(a[3].err.retry_after_ms > 0);
  assert_int_equal(a[0].status, 1); /* on the wire: may still answer */
  assert_int_equal(ask_with(w, &a[4], (nv_http_args){0}), NV_EBREAKER);
  assert_false(a[4].err.maybe_sent);
  assert_in_range(a[4].err.retry_after_ms, 750, 1000);
  assert_int_equal(info(w).breaker, NV_BREAKER_OPEN);
  while (w->wire.nlive) wire_end(&w->wire, 0, NV_OK);
  turn(w);
}

static void test_what_waits_can_be_taken_back(void **state) {
  world *w = *state;
  asker a[4];
  for (int i = 0; i < 4; i++) ask(w, &a[i], "");
  nv_http_recall(w->http, "nobody");
  nv_http_recall(w->http, "odoo");
  turn(w);
  assert_int_equal(a[0].status, 1); /* on the wire */
  assert_int_equal(a[2].status, NV_ECANCELLED);
  assert_int_equal(a[3].status, NV_ECANCELLED);
  assert_false(a[3].err.maybe_sent);
  assert_int_equal(w->wire.started, 2);
  ask(w, &a[2], "");
  while (w->wire.nlive) wire_end(&w->wire, 0, NV_OK);
  turn(w);
  assert_int_equal(a[2].status, NV_OK);
}

static void test_one_probe_decides(void **state) {
  world *w = *state;
  asker a, b;
  fail_times(w, 5);
  pass_time(w, 1000);
  ask(w, &a, "");
  assert_int_equal(ask_with(w, &b, (nv_http_args){0}), NV_EBREAKER);
  wire_end(&w->wire, 0, NV_OK);
  nv_http_report(w->http, "odoo", true, 0, NULL);
  turn(w);
  ask(w, &a, "");
  ask(w, &b, "");
  assert_int_equal(w->wire.nlive, 2);
  while (w->wire.nlive) wire_end(&w->wire, 0, NV_OK);
  turn(w);
}

static void test_a_probe_that_is_given_up_makes_room_for_another(void **state) {
  world *w = *state;
  asker a, b;
  fail_times(w, 5);
  pass_time(w, 1000);
  ask(w, &a, "");
  nv_op_release(a.op);
  ask(w, &b, "");
  wire_end(&w->wire, 0, NV_OK);
  turn(w);
  assert_int_equal(b.status, NV_OK);
}

static void test_retry_after_is_honoured_and_read(void **state) {
  world *w = *state;
  asker a;
  nv_op *op;
  assert_int_equal(nv_http_request(w->http, &(nv_http_args){.endpoint = "odoo"}, &op, NULL), NV_OK);
  nv_headers_add(&w->wire.live[0]->headers_in, nv_str_of("Retry-After"), nv_str_of(" 9 "));
  wire_end(&w->wire, 0, NV_OK);
  turn(w);
  assert_int_equal(nv_http_retry_after(op), 9000);
  nv_op_release(op);
  nv_http_report(w->http, "odoo", false, 9000, NULL);
  assert_int_equal(ask_with(w, &a, (nv_http_args){0}), NV_EBREAKER);
  assert_int_equal(a.err.retry_after_ms, 9000);
}

static void test_a_new_address_starts_with_a_closed_breaker(void **state) {
  world *w = *state;
  asker a;
  fail_times(w, 5);
  endpoint_with(w, (nv_endpoint){.timeout_ms = 5000}); /* same address: still open */
  assert_int_equal(ask_with(w, &a, (nv_http_args){0}), NV_EBREAKER);
  endpoint_with(w, (nv_endpoint){.base_url = "http://other.test"});
  ask(w, &a, "");
  wire_end(&w->wire, 0, NV_OK);
  turn(w);
}

/* ---- what is refused ---- */

static void test_bad_addresses_are_refused(void **state) {
  world *w = *state;
  static const char *const urls[] = {"", "odoo.test", "ftp://odoo.test", "http://", "http://:80",
      "http://user:pw@odoo.test", "http://odoo.test/?db=1", "http://odoo.test/#x",
      "http://odoo .test", "http://odoo.test/\n"};
  for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
    nv_error err = {0};
    nv_endpoint e = {.name = "bad", .base_url = urls[i]};
    if (nv_http_endpoint_set(w->http, &e, &err) != NV_EINVALID) fail_msg("taken: %s", urls[i]);
    assert_null(strstr(err.text, "pw"));
  }
  assert_int_equal(nv_http_endpoint_set(w->http, &(nv_endpoint){.base_url = "http://x"}, NULL), NV_EINVALID);
  nv_endpoint_info i;
  assert_true(nv_http_endpoint_at(w->http, 0, &i));
  assert_false(nv_http_endpoint_at(w->http, 1, &i));
  endpoint_with(w, (nv_endpoint){.name = "v6", .base_url = "HTTPS://[::1]"});
  asker a;
  assert_int_equal(ask_with(w, &a, (nv_http_args){.endpoint = "v6"}), NV_OK);
  assert_string_equal(w->wire.live[0]->place, "[::1]:443");
  wire_end(&w->wire, 0, NV_OK);
  turn(w);
}

static void test_bad_requests_are_refused_at_once(void **state) {
  world *w = *state;
  asker a;
  nv_header bad[] = {{"X", "a\nb"}, {"X Y", "v"}, {"", "v"}, {"X", "\x7f"}};
  assert_int_equal(ask_with(w, &a, (nv_http_args){.endpoint = "who"}), NV_ENOTFOUND);
  assert_int_equal(ask_with(w, &a, (nv_http_args){.path = "x"}), NV_EINVALID);
  assert_int_equal(ask_with(w, &a, (nv_http_args){.path = "/a b"}), NV_EINVALID);
  assert_int_equal(ask_with(w, &a, (nv_http_args){.method = "get"}), NV_EINVALID);
  assert_int_equal(ask_with(w, &a, (nv_http_args){.method = ""}), NV_EINVALID);
  for (int i = 0; i < 4; i++)
    assert_int_equal(ask_with(w, &a, (nv_http_args){.headers = &bad[i], .nheaders = 1}), NV_EINVALID);
  assert_int_equal(nv_http_report(w->http, "who", true, 0, NULL), NV_ENOTFOUND);
  assert_int_equal(w->wire.started, 0);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
  const struct CMUnitTest tests[] = {
      T(test_an_answer_comes_from_the_loop_and_not_before),
      T(test_requests_leave_in_order_and_never_too_many_at_once),
      T(test_endpoints_do_not_hold_each_other_up),
      T(test_the_rate_limit_spaces_requests_out),
      T(test_a_transport_that_refuses_ends_one_request_not_the_queue),
      T(test_new_settings_hold_for_what_is_queued),
      T(test_the_deadline_covers_waiting_for_a_connection),
      T(test_the_deadline_ends_what_is_on_the_wire),
      T(test_an_answer_that_beats_the_abandoning_counts),
      T(test_letting_go_frees_the_place_for_the_next),
      T(test_an_exchange_is_abandoned_once),
      T(test_closing_ends_everything),
      T(test_tokens_become_values_on_the_wire_only),
      T(test_basic_authentication_is_made_of_user_and_secret),
      T(test_a_secret_cannot_break_out_of_its_header_or_path),
      T(test_an_open_breaker_answers_at_once),
      T(test_what_waits_can_be_taken_back),
      T(test_one_probe_decides),
      T(test_a_probe_that_is_given_up_makes_room_for_another),
      T(test_retry_after_is_honoured_and_read),
      T(test_a_new_address_starts_with_a_closed_breaker),
      T(test_bad_addresses_are_refused),
      T(test_bad_requests_are_refused_at_once),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
