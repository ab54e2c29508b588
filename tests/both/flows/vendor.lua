--- Vendors in both directions, for tests/both: a partner may be a customer too, and then its
-- customer card owns what both cards have.
local navodoo = require "navodoo"
local flow, map, lookup = navodoo.flow, navodoo.map, navodoo.lookup

return flow "vendor" {
  nav  = { read = "VendorCard", write = "VendorCard", key = "No",
           watch = { stamp = "Last_Date_Modified", every = "1s", scan = "02:40" },
           number = { prefix = "OV", digits = 7 }, block = { Blocked = "All" } },
  odoo = { model = "res.partner", where = { { "supplier_rank", ">", 0 } }, archived = true,
           watch = { every = "2s", sweep = "03:25" } },
  link = { xmlid = "vendor", cluster = "partner", unsure = "review",
           adopt = { { "VAT_Registration_No", "vat" }, { "E_Mail", "email" } } },
  conflict = "review",

  fields = {
    { "Name",     "name", required = true, shared = "customer" },
    { "Address",  "street", shared = "customer" },
    { "Post_Code", "zip", shared = "customer" },
    { "City",     "city", shared = "customer" },
    { "Country_Region_Code", "country_id", lookup.country, shared = "customer" },
    { "Phone_No", "phone", shared = "customer" },
    { "E_Mail",   "email", map.lower, shared = "customer" },
    { "VAT_Registration_No", "vat", map.compact, owner = "nav", shared = "customer" },
    { nil, "supplier_rank", map.at_least(1), to = "odoo" },
  },
  create = { nav = { Vendor_Posting_Group = "EU", Gen_Bus_Posting_Group = "EU" } },
}
