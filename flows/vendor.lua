--- Vendors, both ways. A partner may be customer and vendor in one: then both cards lead to the
-- same record of Odoo, and the customer card keeps the fields that are `shared`.
--
-- The currency of a vendor is a field of Odoo's Purchase module. Where that is installed:
-- { "Currency_Code", "property_purchase_currency_id", lookup.currency, to = "odoo" }
local navodoo = require "navodoo"
local flow, map, lookup, rule = navodoo.flow, navodoo.map, navodoo.lookup, navodoo.rule

-- Blocked is " ", "Payment" or "All". A stop of payments leaves the vendor in business.
local function is_open(blocked)
  return blocked ~= "All"
end

-- Bringing a partner back in Odoo lifts "All"; a stop of payments stays.
local function keep_payment_stop(active, ctx)
  local now = ctx.current and ctx.current.Blocked or " "
  if not active then return "All" end
  return now == "All" and " " or now
end

return flow "vendor" {
  nav  = { read = "VendorCard", write = "VendorCard", key = "No",
           number = { prefix = "O", digits = 8 }, block = { Blocked = "All" },
           watch = { stamp = "Last_Date_Modified", every = "10s", scan = "02:40" } },
  odoo = { model = "res.partner", archived = true,
           where = { { "supplier_rank", ">", 0 }, { "parent_id", "=", false } },
           watch = { hook = "partner", every = "30s", sweep = "03:10" } },
  link = { xmlid = "vendor", cluster = "partner", unsure = "review",
           adopt = { { "VAT_Registration_No", "vat" }, { "E_Mail", "email" } } },

  fields = {
    { "No",   "ref", shared = "customer" },
    { "Name", "name", required = true, max = { nav2018 = 50, bc = 100 }, shared = "customer" },
    { { "Address", "Address_2" }, { "street", "street2" }, map.address, shared = "customer" },
    { "Country_Region_Code", "country_id", lookup.country, shared = "customer" },
    { "Post_Code", "zip", shared = "customer" },
    { "City",      "city", shared = "customer" },
    { "Phone_No",  "phone", shared = "customer" },
    { "E_Mail",    "email", map.lower, shared = "customer" },
    { "Home_Page", "website", map.url, shared = "customer" },
    { "Language_Code", "lang", lookup.language { missing = "leave" }, to = "odoo", shared = "customer" },
    { "VAT_Registration_No", "vat", map.compact, shared = "customer" },
    { "Partner_Type", "is_company", shared = "customer",
      map.choice({ [" "] = true, Company = true, Person = false }, { [true] = "Company" }) },
    { "Payment_Terms_Code", "property_supplier_payment_term_id", lookup.payment_term, to = "odoo" },
    { "Blocked", "active", get = is_open, put = keep_payment_stop, shared = "customer" },
    { nil, "supplier_rank", map.at_least(1) },
  },
  create = { nav = { Gen_Bus_Posting_Group = lookup.bus_group { "country_id" },
                     Vendor_Posting_Group = lookup.posting_group { "country_id" } } },

  rules = {
    rule "a vendor posts to a group" { "Vendor_Posting_Group", required = true },
    rule.vat { "VAT_Registration_No", country = "Country_Region_Code" },
    rule.email "E_Mail",
  },
  conflict = "review",
  gone = { from_nav = "archive", from_odoo = "block" },
}
