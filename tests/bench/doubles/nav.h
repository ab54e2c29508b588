/* nav - the NAV half of the double: customers over OData V4, reading only. */
#ifndef DOUBLE_NAV_H
#define DOUBLE_NAV_H

#include "server.h"

int nav_serve(request *r, nv_buf *out, const char **type);
void nav_put_stats(nv_buf *out);
void nav_reset(void);

#endif
