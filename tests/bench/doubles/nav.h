/* nav - the NAV half of the double: customers over OData V4, reading only. */
#ifndef DOUBLE_NAV_H
#define DOUBLE_NAV_H

#include "server.h"

extern int nav_port; /* for links to the next page */

int nav_serve(request *r, nv_buf *out, const char **type);
void nav_put_stats(nv_buf *out);
void nav_reset(void);

#endif
