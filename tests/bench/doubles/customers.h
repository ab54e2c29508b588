/* customers - N customers that exist only as a formula, so a million cost nothing.
 *
 * A customer has a rank, its place in the order that the NAV double serves; all its
 * fields follow from the rank. In order, the number in No. is the rank. Scattered, a
 * permutation lies between: the double's own collation, under which No. still
 * ascends, while the keys arrive in no order of bytes.
 */
#ifndef DOUBLE_CUSTOMERS_H
#define DOUBLE_CUSTOMERS_H

#include "../../../core/nv.h"

typedef enum customer_kind { CF_TEXT, CF_CODE, CF_DECIMAL, CF_INTEGER, CF_BOOLEAN, CF_OPTION, CF_DATE } customer_kind;

/* name, kind, MaxLength (0: none) */
#define CUSTOMER_FIELDS(X)                                                     \
  X(No, CF_CODE, 20) X(Name, CF_TEXT, 50) X(Search_Name, CF_CODE, 50)          \
  X(Name_2, CF_TEXT, 50) X(Address, CF_TEXT, 50) X(Address_2, CF_TEXT, 50)     \
  X(Post_Code, CF_CODE, 20) X(City, CF_TEXT, 30)                               \
  X(Country_Region_Code, CF_CODE, 10) X(Phone_No, CF_TEXT, 30)                 \
  X(E_Mail, CF_TEXT, 80) X(Home_Page, CF_TEXT, 80) X(Language_Code, CF_CODE, 10) \
  X(VAT_Registration_No, CF_TEXT, 20) X(Partner_Type, CF_OPTION, 0)            \
  X(Payment_Terms_Code, CF_CODE, 10) X(Payment_Method_Code, CF_CODE, 10)       \
  X(Credit_Limit_LCY, CF_DECIMAL, 0) X(Balance_LCY, CF_DECIMAL, 0)             \
  X(Salesperson_Code, CF_CODE, 20) X(Blocked, CF_OPTION, 0)                    \
  X(Customer_Posting_Group, CF_CODE, 20) X(Gen_Bus_Posting_Group, CF_CODE, 20) \
  X(VAT_Bus_Posting_Group, CF_CODE, 20) X(Currency_Code, CF_CODE, 10)          \
  X(Invoice_Copies, CF_INTEGER, 0) X(Prices_Including_VAT, CF_BOOLEAN, 0)      \
  X(Last_Date_Modified, CF_DATE, 0)

enum {
#define X(name, kind, max) CUSTOMER_##name,
  CUSTOMER_FIELDS(X)
#undef X
  CUSTOMER_FIELD_COUNT
};

typedef struct customer_field {
  const char *name;
  customer_kind kind;
  int max;
} customer_field;
extern const customer_field customer_fields[CUSTOMER_FIELD_COUNT];

enum { DATE_SIZE = 11, NO_SIZE = 9 }; /* "2026-01-31" and "C0000042" with their ends */

/* At most ten million. */
void customers_open(uint32_t n, bool scatter);
uint32_t customers_count(void);
/* Changes every `every`-th customer: a new name, and `stamp` as its last change. */
void customers_change(uint32_t every, const char *stamp);

/* Appends one field as JSON. */
void customer_field_put(nv_buf *b, uint32_t rank, int field);
/* Appends @odata.etag, which changes with the customer. */
void customer_etag_put(nv_buf *b, uint32_t rank);
void customer_no(uint32_t rank, char out[NO_SIZE]);
void customer_stamp(uint32_t rank, char out[DATE_SIZE]);
/* The rank of a No.; `count` and false when there is no such customer. */
bool customer_rank(nv_str no, uint32_t *rank);
/* The name as text, for comparing. */
void customer_name(uint32_t rank, char out[64]);

#endif
