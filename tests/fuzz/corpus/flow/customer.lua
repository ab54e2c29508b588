--- Customers, from NAV to Odoo. NAV is where a customer is made and kept.
--
-- Read from the card and not from the list (page 22), which has neither address nor e-mail.
-- Currency has no field on an Odoo partner of its own: it comes with the price list.
local navodoo = require "navodoo"
local flow, map, lookup, rule = navodoo.flow, navodoo.map, navodoo.lookup, navodoo.rule

-- Blocked is " ", "Ship", "Invoice" or "All". A customer blocked for shipping or invoicing is
-- still in business: open invoices get paid and credit memos written. Only "All" ends that,
-- and that is what archived means in Odoo.
local function is_open(blocked)
  return blocked ~= "All"
end

return flow "customer" {
  nav  = { read = "CustomerCard", write = "CustomerCard", key = "No",
           watch = { stamp = "Last_Date_Modified", every = "10s", scan = "02:30" } },
  odoo = { model = "res.partner", where = { { "customer_rank", ">", 0 } }, archived = true },
  link = { xmlid = "customer", unsure = "review",
           adopt = { { "VAT_Registration_No", "vat" }, { "E_Mail", "email" } } },

  fields = {
    { "No",   "ref" },
    { "Name", "name", required = true },
    { { "Address", "Address_2" }, { "street", "street2" }, map.address },
    { "Post_Code", "zip" },
    { "City",      "city" },
    { "Country_Region_Code", "country_id", lookup.country },
    { "Phone_No",  "phone" },
    { "E_Mail",    "email", map.lower },
    { "Home_Page", "website", map.url },
    -- a language that Odoo has not installed is no reason to hold the customer back
    { "Language_Code", "lang", lookup.language { missing = "leave" } },
    { "VAT_Registration_No", "vat", map.compact },
    -- the blank option means that nobody said; a customer is a company then
    { "Partner_Type", "is_company", map.choice { [" "] = true, Company = true, Person = false } },
    { "Payment_Terms_Code", "property_payment_term_id", lookup.payment_term },
    { "Credit_Limit_LCY", "credit_limit", map.money },
    -- not every salesperson has a login in Odoo
    { "Salesperson_Code", "user_id", lookup.salesperson { missing = "leave", blank = "leave" } },
    { "Blocked", "active", get = is_open },
    { nil, "customer_rank", map.at_least(1) },
  },

  rules = {
    rule "a customer posts to a group" { "Customer_Posting_Group", required = true },
    rule.vat { "VAT_Registration_No", country = "Country_Region_Code" },
    rule.email "E_Mail",
  },
}
