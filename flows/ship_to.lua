--- Ship-to addresses of customers and delivery addresses under their partner, both ways.
--
-- NAV sets Last_Date_Modified when an address is changed, not when it is made, so every poll
-- looks at all of them (`scan`).
local navodoo = require "navodoo"
local flow, map, lookup, rule = navodoo.flow, navodoo.map, navodoo.lookup, navodoo.rule

return flow "ship_to" {
  nav  = { read = "ShiptoAddress", write = "ShiptoAddress", key = { "Customer_No", "Code" },
           number = { prefix = "O", digits = 9 },
           watch = { every = "1m", scan = "02:45" } },
  odoo = { model = "res.partner", archived = true,
           where = { { "type", "=", "delivery" }, { "parent_id", "!=", false },
                     { "parent_id.customer_rank", ">", 0 } },
           watch = { hook = "partner", every = "30s", sweep = "03:20" } },
  link = { xmlid = "ship_to", unsure = "review" },

  fields = {
    -- an address stays with the customer that it was made for
    { "Customer_No", "parent_id", lookup.link "customer", on_create = true },
    { "Code", "ref" },
    { "Name", "name", max = { nav2018 = 50, bc = 100 } },
    { { "Address", "Address_2" }, { "street", "street2" }, map.address },
    { "Country_Region_Code", "country_id", lookup.country },
    { "Post_Code", "zip" },
    { "City",      "city" },
    { "Phone_No",  "phone" },
    { "E_Mail",    "email", map.lower },
  },
  create = { odoo = { type = "delivery" } },

  rules = {
    rule "goods are sent to a place" { "City", required = true },
    rule.email "E_Mail",
  },
  conflict = "review",
  gone = { from_nav = "archive", from_odoo = "review" },
}
