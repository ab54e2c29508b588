/* hookload - sends webhooks as fast as they are answered, and measures.
 *
 * usage: hookload PORT PATH CONNECTIONS TOTAL [FIRST_ID [RECORDS]]
 * Each of CONNECTIONS keep-alive connections has one event under way: what Odoo's
 * automation rules send, about the records FIRST_ID, FIRST_ID + 1, ... (RECORDS of
 * them, then from the first again; default TOTAL). Prints one line of JSON: seconds,
 * events per second, answers by status, and how long answers took in milliseconds.
 * Exit code 0 when every event was answered, with whatever status.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STALL_MS = 20000, REQUEST_MAX = 2048, STATUSES = 600 };

typedef struct connection {
  int fd;
  int64_t sent_at;
  char in[4096];
  size_t n;
} connection;

static int port;
static const char *path;
static long total, first_id, records, started, done;
static double *took;
static long statuses[STATUSES];

static int64_t now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static bool dial(connection *c, int ep) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                           .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
  return c->fd >= 0 && connect(c->fd, (struct sockaddr *)&at, sizeof at) == 0 &&
         epoll_ctl(ep, EPOLL_CTL_ADD, c->fd, &e) == 0;
}

static bool send_next(connection *c) {
  char body[REQUEST_MAX / 2], text[REQUEST_MAX];
  long id = first_id + started % records;
  int n = snprintf(body, sizeof body,
                   "{\"_action\": \"navodoo: partner(#479)\", \"_id\": %ld, \"_model\": "
                   "\"res.partner\", \"id\": %ld, \"name\": \"Firm %ld\", \"email\": "
                   "\"info@firm-%ld.example\", \"phone\": \"+49 30 1234567\", \"street\": "
                   "\"Main Street 7\", \"city\": \"Berlin\", \"zip\": \"10115\", \"country_id\": "
                   "57, \"vat\": false, \"write_date\": \"2026-11-23 04:08:01.072385\"}",
                   id, id, id, id);
  int k = snprintf(text, sizeof text,
                   "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: python-requests/2.31.0\r\n"
                   "Accept: */*\r\nConnection: keep-alive\r\nContent-Type: application/json\r\n"
                   "Content-Length: %d\r\n\r\n%s",
                   path, port, n, body);
  if (k <= 0 || k >= (int)sizeof text) return false;
  started++;
  c->n = 0;
  c->sent_at = now_us();
  return write(c->fd, text, (size_t)k) == k;
}

/* Length of the answer in `c->in` when it is whole, 0 while it is not, -1: broken. */
static long whole_answer(const connection *c) {
  const char *end = memmem(c->in, c->n, "\r\n\r\n", 4);
  if (!end) return c->n == sizeof c->in ? -1 : 0;
  size_t head = (size_t)(end - c->in) + 4;
  long length = 0;
  for (const char *p = c->in; p < end; p++)
    if (strncasecmp(p, "\r\ncontent-length:", 17) == 0) length = strtol(p + 17, NULL, 10);
  if (length < 0 || head + (size_t)length > sizeof c->in) return -1;
  return c->n >= head + (size_t)length ? (long)head + length : 0;
}

/* Reads; true while the connection is of use. */
static bool on_readable(connection *c) {
  ssize_t k = read(c->fd, c->in + c->n, sizeof c->in - c->n);
  if (k <= 0) return false;
  c->n += (size_t)k;
  long whole = whole_answer(c);
  if (whole == 0) return true;
  if (whole < 0 || c->n < 12) return false;
  int status = atoi(c->in + 9);
  statuses[status > 0 && status < STATUSES ? status : 0]++;
  took[done++] = (double)(now_us() - c->sent_at) / 1000;
  return started >= total || send_next(c);
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static void report(double seconds) {
  qsort(took, (size_t)done, sizeof *took, by_value);
  printf("{\"events\": %ld, \"seconds\": %.3f, \"per_second\": %.0f, \"p50_ms\": %.2f, "
         "\"p99_ms\": %.2f, \"max_ms\": %.2f, \"status\": {",
         done, seconds, (double)done / seconds, took[done / 2], took[done * 99 / 100],
         took[done - 1]);
  const char *comma = "";
  for (int i = 0; i < STATUSES; i++) {
    if (!statuses[i]) continue;
    printf("%s\"%d\": %ld", comma, i, statuses[i]);
    comma = ", ";
  }
  printf("}}\n");
}

int main(int argc, char **argv) {
  if (argc < 5) {
    fprintf(stderr, "usage: hookload PORT PATH CONNECTIONS TOTAL [FIRST_ID [RECORDS]]\n");
    return 2;
  }
  signal(SIGPIPE, SIG_IGN);
  port = atoi(argv[1]);
  path = argv[2];
  int n = atoi(argv[3]), ep = epoll_create1(EPOLL_CLOEXEC);
  total = atol(argv[4]);
  first_id = argc > 5 ? atol(argv[5]) : 1;
  records = argc > 6 ? atol(argv[6]) : total;
  connection *list = calloc((size_t)n, sizeof *list);
  took = calloc((size_t)total + 1, sizeof *took);
  if (n < 1 || total < n || records < 1 || !list || !took) return 2;
  for (int i = 0; i < n; i++) {
    if (!dial(&list[i], ep)) {
      fprintf(stderr, "cannot connect to port %d: %s\n", port, strerror(errno));
      return 1;
    }
  }
  int64_t begin = now_us();
  for (int i = 0; i < n; i++)
    if (!send_next(&list[i])) return 1;
  while (done < total) {
    struct epoll_event events[256];
    int k = epoll_wait(ep, events, 256, STALL_MS);
    if (k <= 0) {
      fprintf(stderr, "stalled after %ld answers\n", done);
      return 1;
    }
    for (int i = 0; i < k; i++) {
      if (on_readable(events[i].data.ptr)) continue;
      fprintf(stderr, "a connection broke after %ld answers\n", done);
      return 1;
    }
  }
  report((double)(now_us() - begin) / 1e6);
  return 0;
}
