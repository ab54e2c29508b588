#include "metrics.h"

#include <stdlib.h>
#include <string.h>

const double nv_histogram_bounds[NV_HISTOGRAM_BUCKETS] = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,  0.25,  0.5,
    1,      2.5,   5,      10,    30,   60,    300,  1800, 14400, 86400};

typedef struct series {
  nv_histogram *histogram; /* NULL: a plain number */
  double value;
  uint32_t nfamily, nlabels;
  char text[]; /* family, labels */
} series;

struct nv_metrics {
  series *list[NV_METRICS_MAX]; /* sorted */
  size_t n;
  uint64_t lost;
};

void nv_histogram_add(nv_histogram *h, double seconds, uint64_t n) {
  if (!(seconds >= 0)) seconds = 0;
  h->count += n;
  h->sum += seconds * (double)n;
  for (int i = 0; i < NV_HISTOGRAM_BUCKETS; i++)
    if (seconds <= nv_histogram_bounds[i]) {
      h->buckets[i] += n;
      return;
    }
}

nv_metrics *nv_metrics_new(void) { return calloc(1, sizeof(nv_metrics)); }

void nv_metrics_free(nv_metrics *m) {
  if (!m) return;
  for (size_t i = 0; i < m->n; i++) {
    free(m->list[i]->histogram);
    free(m->list[i]);
  }
  free(m);
}

static int compare_part(nv_str a, const char *p, size_t n) {
  int c = memcmp(a.p, p, a.n < n ? a.n : n);
  return c ? c : (a.n > n) - (a.n < n);
}

static int compare(nv_str family, nv_str labels, const series *s) {
  int c = compare_part(family, s->text, s->nfamily);
  return c ? c : compare_part(labels, s->text + s->nfamily, s->nlabels);
}

/* NULL when there is no room for a new one. */
static series *make(nv_str family, nv_str labels, bool is_histogram) {
  series *s = calloc(1, sizeof *s + family.n + labels.n);
  nv_histogram *h = is_histogram ? calloc(1, sizeof *h) : NULL;
  if (!s || (is_histogram && !h)) {
    free(s);
    free(h);
    return NULL;
  }
  s->histogram = h;
  s->nfamily = (uint32_t)family.n;
  s->nlabels = (uint32_t)labels.n;
  memcpy(s->text, family.p, family.n);
  if (labels.n) memcpy(s->text + family.n, labels.p, labels.n);
  return s;
}

/* The series, made when it is not there. NULL when it cannot be, or is of another
 * kind. */
static series *find(nv_metrics *m, nv_str family, nv_str labels, bool is_histogram) {
  size_t low = 0, high = m->n;
  while (low < high) {
    size_t mid = (low + high) / 2;
    int c = compare(family, labels, m->list[mid]);
    if (c == 0) return !m->list[mid]->histogram == !is_histogram ? m->list[mid] : NULL;
    if (c < 0) high = mid;
    else low = mid + 1;
  }
  series *s = m->n < NV_METRICS_MAX ? make(family, labels, is_histogram) : NULL;
  if (!s) return NULL;
  memmove(&m->list[low + 1], &m->list[low], (m->n - low) * sizeof m->list[0]);
  m->list[low] = s;
  m->n++;
  return s;
}

void nv_metrics_count(nv_metrics *m, nv_str family, nv_str labels, double n) {
  series *s = find(m, family, labels, false);
  if (s) s->value += n;
  else m->lost++;
}

void nv_metrics_set(nv_metrics *m, nv_str family, nv_str labels, double value) {
  series *s = find(m, family, labels, false);
  if (s) s->value = value;
  else m->lost++;
}

void nv_metrics_observe(nv_metrics *m, nv_str family, nv_str labels, double seconds,
                        uint64_t n) {
  series *s = find(m, family, labels, true);
  if (s) nv_histogram_add(s->histogram, seconds, n);
  else m->lost++;
}

bool nv_metrics_at(const nv_metrics *m, size_t i, nv_series *out) {
  if (i >= m->n) return false;
  const series *s = m->list[i];
  *out = (nv_series){{s->text, s->nfamily}, {s->text + s->nfamily, s->nlabels}, s->value,
                     s->histogram};
  return true;
}

uint64_t nv_metrics_lost(const nv_metrics *m) { return m->lost; }
