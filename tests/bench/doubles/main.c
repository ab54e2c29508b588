/* erpdouble - a NAV and an Odoo that are fast enough not to be what is measured.
 *
 *   erpdouble [--port P] [--customers N] [--scatter] [--latency-ms MS] [--odoo-version V]
 *
 * NAV:   GET  /<anything>/ODataV4/Company('<any>')/CustomerCard | CustomerList | Customers
 *        GET  /<anything>/ODataV4/$metadata
 * Odoo:  POST /jsonrpc, /json/2/<model>/<method> (from version 19 on)
 * Own:   GET  /stats     what was asked and what came of it, as JSON
 *        GET  /check     every customer is exactly one partner: missing, double, different
 *        POST /change?every=K[&stamp=YYYY-MM-DD]   changes each K-th customer in NAV
 *        POST /reset     forgets partners and counters
 *
 * Any login is taken. Its only line of output is its address.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "customers.h"
#include "models.h"
#include "nav.h"
#include "odoo.h"

enum { CUSTOMERS_MAX = 10000000 };

static int put_stats(nv_buf *out) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  putf(out, "{\"customers\":%u,\"connections\":%llu,\"requests\":%llu,\"cpu_ms\":%ld,\"memory_kib\":%ld,",
       customers_count(), (unsigned long long)serve_connections, (unsigned long long)serve_requests,
       (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000L + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000,
       u.ru_maxrss);
  putz(out, "\"nav\":");
  nav_put_stats(out);
  putz(out, ",\"odoo\":");
  odoo_put_stats(out);
  putz(out, "}\n");
  return 200;
}

typedef struct found {
  uint32_t id, n;
} found;

static void count_found(uint32_t id, void *arg) {
  found *f = arg;
  f->id = id;
  f->n++;
}

/* By the source's own key, never by an external id. */
static int put_check(nv_buf *out) {
  uint32_t missing = 0, twice = 0, different = 0;
  for (uint32_t rank = 0; rank < customers_count(); rank++) {
    char no[NO_SIZE], name[64];
    found f = {0};
    customer_no(rank, no);
    partner_find(PARTNER_ref, nv_str_of(no), count_found, &f);
    missing += f.n == 0;
    twice += f.n > 1;
    if (f.n != 1) continue;
    customer_name(rank, name);
    different += !nv_str_eq(partner_cell(f.id, PARTNER_name), name);
  }
  uint32_t extra = partners_last() + missing - customers_count();
  putf(out, "{\"customers\":%u,\"partners\":%u,\"missing\":%u,\"double\":%u,\"different\":%u,\"extra\":%u}\n",
       customers_count(), partners_last(), missing, twice, different, extra);
  return 200;
}

static int change(request *r, nv_buf *out) {
  char every[16] = "10", stamp[16];
  time_t now = time(NULL);
  struct tm tm;
  gmtime_r(&now, &tm);
  strftime(stamp, sizeof stamp, "%Y-%m-%d", &tm);
  query_get(r->query, "every", every, sizeof every);
  query_get(r->query, "stamp", stamp, sizeof stamp);
  uint32_t k = (uint32_t)strtoul(every, NULL, 10);
  customers_change(k, stamp);
  putf(out, "{\"changed\":%u}\n", k ? (customers_count() + k - 1) / k : 0);
  return 200;
}

static int dispatch(request *r, nv_buf *out, const char **type) {
  if (odoo_knows(r->path)) return odoo_serve(r, out, type);
  if (nv_str_eq(r->path, "/stats")) return put_stats(out);
  if (nv_str_eq(r->path, "/check")) return put_check(out);
  if (nv_str_eq(r->path, "/change")) return change(r, out);
  if (nv_str_eq(r->path, "/reset")) {
    odoo_reset();
    nav_reset();
    putz(out, "{}\n");
    return 200;
  }
  if (memmem(r->path.p, r->path.n, "/ODataV4/", 9)) return nav_serve(r, out, type);
  putz(out, "{\"error\":{\"code\":\"BadRequest_NotFound\",\"message\":\"nothing here\"}}");
  return 404;
}

static int usage(void) {
  fputs("usage: erpdouble [--port P] [--customers N] [--scatter] [--latency-ms MS] [--odoo-version V]\n",
        stderr);
  return 64;
}

static bool read_number(const char *text, long low, long high, long *out) {
  char *end;
  *out = strtol(text, &end, 10);
  return end != text && !*end && *out >= low && *out <= high;
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"port", required_argument, NULL, 'p'},
                                          {"customers", required_argument, NULL, 'n'},
                                          {"scatter", no_argument, NULL, 's'},
                                          {"latency-ms", required_argument, NULL, 'l'},
                                          {"odoo-version", required_argument, NULL, 'v'},
                                          {NULL, 0, NULL, 0}};
  long port = 0, customers = 1000, latency = 0, version = 18;
  bool scatter = false, fine = true;
  for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
    if (c == 'p') fine = fine && read_number(optarg, 0, 65535, &port);
    else if (c == 'n') fine = fine && read_number(optarg, 1, CUSTOMERS_MAX, &customers);
    else if (c == 'l') fine = fine && read_number(optarg, 0, 60000, &latency);
    else if (c == 'v') fine = fine && read_number(optarg, 14, 19, &version);
    else if (c == 's') scatter = true;
    else return usage();
  }
  if (!fine || optind < argc) return usage();
  customers_open((uint32_t)customers, scatter);
  odoo_open((int)version);
  int rc = serve((int)port, (int)latency, dispatch);
  odoo_close();
  return rc;
}
