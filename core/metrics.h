/* metrics - numbers about the running process: counters, gauges and histograms.
 *
 * A series is named by its family and its labels, both text that the caller wrote:
 * `jobs_total` with `flow="customer"`. There is room for NV_METRICS_MAX of them: what
 * comes later is counted as lost and changes nothing, so no mistake in a label can
 * fill the memory. A histogram can also stand alone in somebody's struct.
 *
 * Threading: a series belongs to the loop thread; a histogram to whoever holds it.
 * Allocation failure: the number is lost.
 */
#ifndef NV_METRICS_H
#define NV_METRICS_H

#include "nv.h"

enum { NV_METRICS_MAX = 2048, NV_HISTOGRAM_BUCKETS = 20 };

/* Upper bounds of the buckets in seconds, from half a millisecond to a day. */
extern const double nv_histogram_bounds[NV_HISTOGRAM_BUCKETS];

/* Zero-initialised is empty. */
typedef struct nv_histogram {
  uint64_t count;
  double sum;
  uint64_t buckets[NV_HISTOGRAM_BUCKETS]; /* each alone, not the sum up to it */
} nv_histogram;

/* Counts `n` durations. One that is negative counts as 0. */
void nv_histogram_add(nv_histogram *h, double seconds, uint64_t n);

typedef struct nv_metrics nv_metrics;

/* NULL when out of memory. */
nv_metrics *nv_metrics_new(void);
void nv_metrics_free(nv_metrics *m);

/* Adds to a counter, which begins at 0. */
void nv_metrics_count(nv_metrics *m, nv_str family, nv_str labels, double n);
/* Sets a gauge. */
void nv_metrics_set(nv_metrics *m, nv_str family, nv_str labels, double value);
/* Adds `n` equal durations to a histogram. */
void nv_metrics_observe(nv_metrics *m, nv_str family, nv_str labels, double seconds,
                        uint64_t n);

typedef struct nv_series {
  nv_str family, labels;         /* valid until the next change */
  double value;                  /* of a counter or gauge */
  const nv_histogram *histogram; /* or NULL */
} nv_series;

/* The i-th series, by family and then labels; false past the end. */
bool nv_metrics_at(const nv_metrics *m, size_t i, nv_series *out);
/* Numbers that found no room. */
uint64_t nv_metrics_lost(const nv_metrics *m);

#endif
