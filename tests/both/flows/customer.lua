--- Customers in both directions, for tests/both: an entry of each kind.
local navodoo = require "navodoo"
local flow, map, lookup = navodoo.flow, navodoo.map, navodoo.lookup

return flow "customer" {
  nav  = { read = "CustomerCard", write = "CustomerCard", key = "No",
           watch = { stamp = "Last_Date_Modified", every = "1s", scan = "02:30" },
           number = { prefix = "OC", digits = 7 }, block = { Blocked = "All" } },
  odoo = { model = "res.partner", where = { { "customer_rank", ">", 0 } }, archived = true,
           watch = { every = "2s", sweep = "03:15" } },
  link = { xmlid = "customer", cluster = "partner", unsure = "review",
           adopt = { { "VAT_Registration_No", "vat" }, { "E_Mail", "email" } } },
  conflict = "review",
  gone = { from_nav = "archive", from_odoo = "block" },

  fields = {
    { "No",       "ref" },
    { "Name",     "name", required = true },
    { "Address",  "street" },
    { "Post_Code", "zip" },
    { "City",     "city" },
    { "Country_Region_Code", "country_id", lookup.country },
    { "Phone_No", "phone" },
    { "E_Mail",   "email", map.lower },
    { "Home_Page", "website", map.url, to = "odoo" },
    { "VAT_Registration_No", "vat", map.compact, owner = "nav" },
    { "Credit_Limit_LCY", "credit_limit", map.money, owner = "nav" },
    { nil, "customer_rank", map.at_least(1), to = "odoo" },
  },
  create = { nav = { Customer_Posting_Group = "EU", Gen_Bus_Posting_Group = "EU" } },
}
