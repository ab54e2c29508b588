/* l_metrics - how a histogram looks in Lua, for the bindings that hold one. */
#ifndef NVL_L_METRICS_H
#define NVL_L_METRICS_H

#include "../core/metrics.h"
#include "nvl.h"

/* Pushes { count=, sum=, buckets= }. May raise. */
void nvl_push_histogram(lua_State *L, const nv_histogram *h);

#endif
