/* odoo - the Odoo half of the double: JSON-RPC and JSON-2 over partners. */
#ifndef DOUBLE_ODOO_H
#define DOUBLE_ODOO_H

#include "server.h"

void odoo_open(int version);
void odoo_close(void);
/* True when the path is one of Odoo's. */
bool odoo_knows(nv_str path);
int odoo_serve(request *r, nv_buf *out, const char **type);
void odoo_put_stats(nv_buf *out);
void odoo_reset(void);

#endif
