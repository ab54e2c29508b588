#include "customers.h"

#include <stdio.h>
#include <string.h>

#include "server.h"

const customer_field customer_fields[CUSTOMER_FIELD_COUNT] = {
#define X(name, kind, max) {#name, kind, max},
    CUSTOMER_FIELDS(X)
#undef X
};

static struct {
  uint32_t n;
  uint64_t factor, inverse; /* of the permutation: number = rank * factor mod n */
  uint32_t every;           /* which ranks were changed; 0: none */
  unsigned revision;
  char stamp[DATE_SIZE];
} all = {.n = 1000, .factor = 1, .inverse = 1};

/* ---- the permutation ---- */

static uint64_t common_divisor(uint64_t a, uint64_t b) {
  while (b) {
    uint64_t r = a % b;
    a = b;
    b = r;
  }
  return a;
}

/* The number whose product with `a` leaves 1 modulo `n`. */
static uint64_t inverse_of(uint64_t a, uint64_t n) {
  int64_t t = 0, next_t = 1, r = (int64_t)n, next_r = (int64_t)a;
  while (next_r) {
    int64_t q = r / next_r, x = t - q * next_t, y = r - q * next_r;
    t = next_t, next_t = x;
    r = next_r, next_r = y;
  }
  return (uint64_t)(t < 0 ? t + (int64_t)n : t);
}

void customers_open(uint32_t n, bool scatter) {
  all.n = n;
  all.factor = all.inverse = 1;
  if (!scatter || n < 3) return;
  all.factor = (uint64_t)n * 618034 / 1000000 | 1; /* the golden ratio spreads best */
  while (common_divisor(all.factor, n) != 1) all.factor++;
  all.inverse = inverse_of(all.factor, n);
}

uint32_t customers_count(void) { return all.n; }

static uint32_t number_of(uint32_t rank) { return (uint32_t)(rank * all.factor % all.n); }

bool customer_rank(nv_str no, uint32_t *rank) {
  uint64_t v = 0;
  *rank = all.n;
  if (no.n != NO_SIZE - 1 || no.p[0] != 'C') return false;
  for (size_t i = 1; i < no.n; i++) {
    if (no.p[i] < '0' || no.p[i] > '9') return false;
    v = v * 10 + (uint64_t)(no.p[i] - '0');
  }
  if (v >= all.n) return false;
  *rank = (uint32_t)(v * all.inverse % all.n);
  return true;
}

/* ---- changes ---- */

void customers_change(uint32_t every, const char *stamp) {
  all.every = every;
  all.revision++;
  snprintf(all.stamp, sizeof all.stamp, "%.10s", stamp);
}

static bool is_changed(uint32_t rank) { return all.every && rank % all.every == 0; }

void customer_stamp(uint32_t rank, char out[DATE_SIZE]) {
  if (is_changed(rank)) {
    memcpy(out, all.stamp, DATE_SIZE);
    return;
  }
  unsigned day = rank * 7919u % 336;
  memcpy(out, "2025-00-00", DATE_SIZE);
  unsigned month = day / 28 + 1, of_month = day % 28 + 1;
  out[5] = (char)('0' + month / 10), out[6] = (char)('0' + month % 10);
  out[8] = (char)('0' + of_month / 10), out[9] = (char)('0' + of_month % 10);
}

/* ---- content ---- */

static const struct place {
  const char *country, *language, *city, *street, *phone, *currency, *vat_prefix;
  int vat_digits;
  const char *vat_end;
} places[] = {
    {"DE", "DEU", "K\xc3\xb6ln", "Hauptstra\xc3\x9f" "e", "+49 221", "", "DE", 9, ""},
    {"DK", "DAN", "K\xc3\xb8" "benhavn", "N\xc3\xb8rregade", "+45", "DKK", "DK", 8, ""},
    {"FR", "FRA", "Orl\xc3\xa9" "ans", "Rue de l'\xc3\x89" "glise", "+33 2", "", "FR40", 9, ""},
    {"GB", "ENG", "Birmingham", "Market Square", "+44 121", "GBP", "GB", 9, ""},
    {"NL", "", "Zwolle", "Grote Markt", "+31 38", "", "NL", 9, "B01"},
    {"AT", "DEA", "Wien", "Mariahilfer Stra\xc3\x9f" "e", "+43 1", "", "ATU", 8, ""},
    {"PL", "PLK", "\xc5\x81\xc3\xb3" "d\xc5\xba", "Piotrkowska", "+48 42", "PLN", "PL", 10, ""},
    {"US", "ENU", "Boston", "Main Street", "+1 617", "USD", "", 0, ""},
};
static const char *const names[] = {
    "M\xc3\xbcller", "Gro\xc3\x9f & S\xc3\xb6hne", "\xc3\x85ngstr\xc3\xb6m", "Lef\xc3\xa8vre",
    "\xc5\xbb\xc3\xb3\xc5\x82\xc4\x87", "O'Neill", "Cannon", "Weber", "Jansen", "Smith"};
static const char *const terms[] = {"14 DAYS", "30 DAYS", "1M(8D)", "CM", "COD", ""};
static const char *const groups[] = {"DOMESTIC", "EU", "FOREIGN"};

enum { PLACES = 8, NAMES = 10 };

static const struct place *place_of(uint32_t rank) { return &places[rank * 5u % PLACES]; }

void customer_no(uint32_t rank, char out[NO_SIZE]) {
  uint32_t v = number_of(rank);
  out[0] = 'C';
  for (int i = NO_SIZE - 2; i > 0; i--, v /= 10) out[i] = (char)('0' + v % 10);
  out[NO_SIZE - 1] = 0;
}

void customer_name(uint32_t rank, char out[64]) {
  if (is_changed(rank))
    snprintf(out, 64, "%s Handel %u (%u)", names[rank % NAMES], rank + 1, all.revision);
  else
    snprintf(out, 64, "%s Handel %u", names[rank % NAMES], rank + 1);
}

static void put_digits(nv_buf *b, uint32_t v, int width) {
  char digits[16];
  for (int i = width; i-- > 0; v /= 10) digits[i] = (char)('0' + v % 10);
  put(b, digits, (size_t)width);
}

static void put_number(nv_buf *b, uint32_t v) {
  char digits[16];
  int n = 0;
  do digits[15 - n++] = (char)('0' + v % 10);
  while (v /= 10);
  put(b, digits + 16 - n, (size_t)n);
}

static void put_vat(nv_buf *b, uint32_t rank) {
  const struct place *p = place_of(rank);
  if (rank % 3 == 0 || !p->vat_digits) return; /* not everybody has one */
  putz(b, p->vat_prefix);
  if (p->vat_digits == 10) putz(b, "52");
  else if (p->vat_digits == 9) putz(b, "1");
  put_digits(b, 10000000 + rank, 8);
  putz(b, p->vat_end);
}

static void put_text(nv_buf *b, uint32_t rank, int field) {
  const struct place *p = place_of(rank);
  char text[64];
  switch (field) {
    case CUSTOMER_No:
      customer_no(rank, text);
      putz(b, text);
      break;
    case CUSTOMER_Search_Name: /* NAV writes it in capitals; ours has no umlauts */
      putz(b, "KUNDE ");
      put_number(b, rank + 1);
      break;
    case CUSTOMER_Name:
      customer_name(rank, text);
      putz(b, text);
      break;
    case CUSTOMER_Address:
      putz(b, p->street);
      put(b, " ", 1);
      put_number(b, rank % 200 + 1);
      break;
    case CUSTOMER_Address_2: putz(b, rank % 4 ? "" : "2. Etage"); break;
    case CUSTOMER_Post_Code: put_digits(b, 10000 + rank % 89999, 5); break;
    case CUSTOMER_City: putz(b, p->city); break;
    case CUSTOMER_Country_Region_Code: putz(b, p->country); break;
    case CUSTOMER_Phone_No:
      putz(b, p->phone);
      put(b, " ", 1);
      put_digits(b, 1000000 + rank % 8999999, 7);
      break;
    case CUSTOMER_E_Mail:
      putz(b, "Info");
      put_number(b, rank + 1);
      putz(b, "@customer.example");
      break;
    case CUSTOMER_Home_Page:
      putz(b, "https://www.customer");
      put_number(b, rank + 1);
      putz(b, ".example");
      break;
    case CUSTOMER_Language_Code: putz(b, p->language); break;
    case CUSTOMER_VAT_Registration_No: put_vat(b, rank); break;
    case CUSTOMER_Partner_Type: putz(b, rank % 7 == 6 ? "Person" : rank % 7 ? "Company" : " "); break;
    case CUSTOMER_Payment_Terms_Code: putz(b, terms[rank % 6]); break;
    case CUSTOMER_Blocked: putz(b, rank % 50 == 49 ? "All" : rank % 50 == 48 ? "Ship" : " "); break;
    case CUSTOMER_Customer_Posting_Group:
    case CUSTOMER_Gen_Bus_Posting_Group:
    case CUSTOMER_VAT_Bus_Posting_Group: putz(b, groups[rank % 3]); break;
    case CUSTOMER_Currency_Code: putz(b, p->currency); break;
    case CUSTOMER_Last_Date_Modified:
      customer_stamp(rank, text);
      put(b, text, DATE_SIZE - 1);
      break;
    default: break; /* blank, as most fields of most cards are */
  }
}

void customer_field_put(nv_buf *b, uint32_t rank, int field) {
  switch (customer_fields[field].kind) {
    case CF_DECIMAL: /* NAV writes 1000 and 1000.5, never 1000.00 */
      put_number(b, field == CUSTOMER_Credit_Limit_LCY ? 1000 + rank % 5000 : 0);
      if (field == CUSTOMER_Credit_Limit_LCY && rank % 4 == 1) putz(b, ".25");
      break;
    case CF_INTEGER: put(b, "0", 1); break;
    case CF_BOOLEAN: putz(b, "false"); break;
    default: /* nothing in the texts needs an escape */
      put(b, "\"", 1);
      put_text(b, rank, field);
      put(b, "\"", 1);
  }
}

void customer_etag_put(nv_buf *b, uint32_t rank) {
  putz(b, "\"@odata.etag\":\"W/\\\"'28;EgAAAAJ7");
  put_digits(b, number_of(rank), 8);
  putz(b, ";");
  put_number(b, is_changed(rank) ? all.revision : 0);
  putz(b, ";'\\\"\"");
}
