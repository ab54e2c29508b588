/* Whatever a plan reads comes out as strict JSON, and reading that again gives the same bytes:
 * a canonical text is its own canonical text, or stores and hashes would never agree. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "records.h"

static const nv_column columns[] = {
    {.name = {"a", 1}},
    {.name = {"d", 1}, .kind = NV_KIND_DECIMAL},
    {.name = {"i", 1}, .kind = NV_KIND_INTEGER},
    {.name = {"b", 1}, .kind = NV_KIND_BOOLEAN},
    {.name = {"day", 3}, .kind = NV_KIND_DATE},
    {.name = {"at", 2}, .kind = NV_KIND_DATETIME},
    {.name = {"n", 1}, .kind = NV_KIND_NAIVE},
    {.name = {"l", 1}, .kind = NV_KIND_LINK},
    {.name = {"@t", 2}, .aside = true},
};

static void demand(bool ok) {
  if (!ok) abort();
}

static void read_again(const nv_plan *plan, nv_str text) {
  nv_records r;
  nv_records_init(&r, plan, 1 << 22);
  demand(nv_records_read_one(&r, text, NULL) == NV_OK);
  nv_str again = nv_records_text(&r, 0);
  demand(again.n == text.n && memcmp(again.p, text.p, text.n) == 0);
  nv_records_clear(&r);
}

static void try_plan(const char *list, bool lenient, nv_str text) {
  nv_plan *plan = nv_plan_new(columns, sizeof columns / sizeof *columns, nv_str_of(list),
                              nv_str_of("next"), nv_str_of("0001-01-01"), lenient);
  nv_records r;
  demand(plan != NULL);
  nv_records_init(&r, plan, 1 << 22);
  if (nv_records_read(&r, text, NULL) == NV_OK)
    for (size_t i = 0; i < r.count; i++) read_again(plan, nv_records_text(&r, i));
  nv_records_clear(&r);
  nv_plan_free(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  nv_str text = {(const char *)data, size};
  try_plan("value", false, text);
  try_plan("", true, text);
  return 0;
}
