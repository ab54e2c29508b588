--- Delivery addresses in both directions, for tests/both: each belongs to a customer, and
-- waits for that customer's link.
local navodoo = require "navodoo"
local flow, map, lookup = navodoo.flow, navodoo.map, navodoo.lookup

return flow "address" {
  nav  = { read = "ShiptoAddress", write = "ShiptoAddress", key = { "Customer_No", "Code" },
           watch = { every = "1s", scan = "02:50" }, number = { prefix = "O", digits = 7 } },
  odoo = { model = "res.partner", where = { { "type", "=", "delivery" }, { "parent_id", "!=", false } },
           watch = { every = "2s", sweep = "03:35" } },
  link = { xmlid = "address", unsure = "review" },
  conflict = "nav",

  fields = {
    { "Customer_No", "parent_id", lookup.link "customer" },
    { "Name",    "name", required = true },
    { "Address", "street" },
    { "City",    "city" },
    { nil, "type", map.constant "delivery", to = "odoo" },
  },
}
