--- Customers, both ways. NAV keeps the money, both sides keep names, addresses and numbers.
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

-- Bringing a partner back in Odoo lifts "All"; a stop for shipping or invoicing stays.
local function keep_credit_stop(active, ctx)
  local now = ctx.current and ctx.current.Blocked or " "
  if not active then return "All" end
  return now == "All" and " " or now
end

return flow "customer" {
  nav  = { read = "CustomerCard", write = "CustomerCard", key = "No",
           number = { prefix = "O", digits = 8 }, block = { Blocked = "All" },
           watch = { stamp = "Last_Date_Modified", every = "10s", scan = "02:30" } },
  odoo = { model = "res.partner", archived = true,
           where = { { "customer_rank", ">", 0 }, { "parent_id", "=", false } },
           watch = { hook = "partner", every = "30s", sweep = "03:00" } },
  link = { xmlid = "customer", cluster = "partner", unsure = "review",
           adopt = { { "VAT_Registration_No", "vat" }, { "E_Mail", "email" } } },

  fields = {
    { "No",   "ref" },
    { "Name", "name", required = true, max = { nav2018 = 50, bc = 100 } },
    { { "Address", "Address_2" }, { "street", "street2" }, map.address },
    { "Country_Region_Code", "country_id", lookup.country },
    { "Post_Code", "zip" },
    { "City",      "city" },
    { "Phone_No",  "phone" },
    { "E_Mail",    "email", map.lower },
    { "Home_Page", "website", map.url },
    -- a language that Odoo has not installed is no reason to hold the customer back
    { "Language_Code", "lang", lookup.language { missing = "leave" }, to = "odoo" },
    { "VAT_Registration_No", "vat", map.compact },
    -- the blank option means that nobody said; a customer is a company then
    { "Partner_Type", "is_company",
      map.choice({ [" "] = true, Company = true, Person = false }, { [true] = "Company" }) },
    { "Payment_Terms_Code", "property_payment_term_id", lookup.payment_term, to = "odoo" },
    { "Credit_Limit_LCY", "credit_limit", map.money, to = "odoo" },
    -- not every salesperson has a login in Odoo
    { "Salesperson_Code", "user_id", lookup.salesperson { missing = "leave", blank = "leave" },
      to = "odoo" },
    { "Blocked", "active", get = is_open, put = keep_credit_stop },
    { nil, "customer_rank", map.at_least(1) },
  },
  create = { nav = { Gen_Bus_Posting_Group = lookup.bus_group { "country_id" },
                     Customer_Posting_Group = lookup.posting_group { "country_id" } } },

  rules = {
    rule "a customer posts to a group" { "Customer_Posting_Group", required = true },
    rule.vat { "VAT_Registration_No", country = "Country_Region_Code" },
    rule.email "E_Mail",
  },
  conflict = "review",
  gone = { from_nav = "archive", from_odoo = "block" },
}
