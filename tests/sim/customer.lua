--- The flow of the simulated days: customers in both directions, with an entry of each kind.
local navodoo = require "navodoo"
local flow, map, lookup = navodoo.flow, navodoo.map, navodoo.lookup

return flow "customer" {
  nav  = { read = "CustomerCard", write = "CustomerCard", key = "No",
           watch = { stamp = "Last_Date_Modified", every = "15m", scan = "02:30" },
           number = { prefix = "O", digits = 7 } },
  odoo = { model = "res.partner", where = { { "customer_rank", ">", 0 } }, archived = true,
           watch = { every = "10m", sweep = "03:15" } },
  link = { xmlid = "customer", unsure = "review",
           adopt = { { "VAT_Registration_No", "vat" }, { "E_Mail", "email" } } },
  conflict = "nav",

  fields = {
    { "No",       "ref" },
    { "Name",     "name", required = true },
    { "Address",  "street" },
    { "City",     "city" },
    { "Country_Region_Code", "country_id", lookup.country },
    { "Phone_No", "phone" },
    { "E_Mail",   "email", map.lower, owner = "odoo" },
    { "VAT_Registration_No", "vat", map.compact, to = "odoo" },
    { "Credit_Limit_LCY", "credit_limit", map.money, owner = "nav" },
    { nil, "customer_rank", map.at_least(1) },
  },
  create = { nav = { Customer_Posting_Group = "EU", Gen_Bus_Posting_Group = "EU" } },
}
