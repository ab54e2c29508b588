--- People: contacts of NAV and child contacts in Odoo, both ways.
--
-- NAV ties a person to a company contact, and that to a customer; the card shows the customer
-- as IntegrationCustomerNo and takes it too. Type goes first: only a person has a company. A
-- person of no customer becomes a partner by itself; children of other partners stay in Odoo.
--
-- The address of a person is that of the firm: Odoo writes what a contact gets up to its parent
-- and down to all others, NAV hands a company's address down to its persons. So it goes into a
-- new partner only (one without a parent keeps it), and the customer's flow does the rest.
local navodoo = require "navodoo"
local flow, map, lookup, rule = navodoo.flow, navodoo.map, navodoo.lookup, navodoo.rule

local function value_of(field)
  return function(record) return record[field] end
end

return flow "contact" {
  nav  = { read = "ContactCard", write = "ContactCard", key = "No",
           where = { { "Type", "=", "Person" } }, number = { prefix = "O", digits = 8 },
           watch = { stamp = "Last_Date_Modified", every = "30s", scan = "02:50" } },
  odoo = { model = "res.partner", archived = true,
           where = { { "type", "=", "contact" }, { "parent_id", "!=", false },
                     { "parent_id.customer_rank", ">", 0 }, { "is_company", "=", false } },
           watch = { hook = "partner", every = "30s", sweep = "03:30" } },
  link = { xmlid = "contact", unsure = "review" },

  fields = {
    { "Type", "is_company", map.choice { Company = true, Person = false }, on_create = true },
    { "No",   "ref" },
    { "IntegrationCustomerNo", "parent_id", lookup.link "customer" },
    { "Name", "name", required = true, max = { nav2018 = 50, bc = 100 } },
    { "Phone_No",  "phone" },
    { "E_Mail",    "email", map.lower },
    { "Language_Code", "lang", lookup.language { missing = "leave" }, to = "odoo" },
  },
  create = { odoo = { type = "contact", street = value_of "Address", street2 = value_of "Address_2",
                      zip = value_of "Post_Code", city = value_of "City",
                      country_id = lookup.country { "Country_Region_Code" } } },

  rules = {
    rule.email "E_Mail",
  },
  conflict = "review",
  gone = { from_nav = "archive", from_odoo = "review" },
}
