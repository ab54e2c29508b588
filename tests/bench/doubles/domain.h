/* domain - Odoo's search domains, evaluated over one model of the double. */
#ifndef DOUBLE_DOMAIN_H
#define DOUBLE_DOMAIN_H

#include "models.h"
#include "tape.h"

typedef struct id_list {
  uint32_t *ids;
  size_t n, cap;
} id_list;

/* Ids that match the domain at `node` (0: all), ascending, archived ones only when
 * asked for, at most `limit`. Why it is not understood, or NULL. */
const char *domain_search(tape *t, size_t node, const model *m, bool archived, size_t limit,
                          id_list *out);
void id_list_add(id_list *l, uint32_t id);

#endif
