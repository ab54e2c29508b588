/* fuzz_cron - any text either is refused, or fires at ever later instants whose
 * local time the table allows. The first eight bytes are the instant to start at,
 * the ninth chooses the zone. */
#include <stdlib.h>
#include <string.h>

#include "../../core/schedule.h"

static const char *const names[] = {"UTC", "Europe/Copenhagen", "America/New_York",
                                    "Australia/Lord_Howe", "Pacific/Apia"};

static void check_times(nv_str text, nv_zone *zone) {
  int64_t us;
  char iso[NV_ISO_SIZE];
  nv_civil c;
  nv_duration_parse(text, &us, NULL);
  if (nv_time_parse_iso(text, &us, NULL) != NV_OK) return;
  int64_t again;
  if (nv_time_iso(us, -1, iso) != NV_OK) abort();
  if (nv_time_parse_iso(nv_str_of(iso), &again, NULL) != NV_OK || again != us) abort();
  nv_zone_civil(zone, us, &c);
}

static void check_cron(const nv_cron *cron, nv_zone *zone, int64_t at) {
  for (int i = 0; i < 20; i++) {
    int64_t next;
    nv_civil c;
    if (nv_cron_next(cron, zone, at, &next) != NV_OK) return;
    if (next <= at || next % NV_US_PER_S != 0) abort();
    int64_t again;
    if (nv_cron_next(cron, zone, next - 1, &again) != NV_OK || again != next) abort();
    /* Local time matches, unless the clocks just jumped over the slot. */
    if (nv_zone_offset(zone, next) == nv_zone_offset(zone, next - 1) &&
        nv_zone_civil(zone, next, &c) == NV_OK &&
        (!(cron->minutes >> c.minute & 1) || !(cron->hours >> c.hour & 1) ||
         !(cron->months >> c.month & 1)))
      abort();
    at = next;
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
  int64_t at;
  nv_cron cron;
  nv_error err = {0};
  nv_zone *zone;
  if (n < 9) return 0;
  memcpy(&at, data, sizeof at);
  if (nv_zone_open(names[data[8] % 5], &zone, NULL) != NV_OK) return 0;
  nv_str text = {(const char *)data + 9, n - 9};
  check_times(text, zone);
  int rc = nv_cron_parse(text, &cron, &err);
  if (rc == NV_OK) check_cron(&cron, zone, at % NV_TIME_MAX_US);
  else if (rc != NV_ESYNTAX || err.code != rc || !err.text[0]) abort();
  nv_zone_close(zone);
  return 0;
}
