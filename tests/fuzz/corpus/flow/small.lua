local navodoo = require "navodoo"
local flow, map, rule = navodoo.flow, navodoo.map, navodoo.rule
return flow "customer" {
  nav = { read = "CustomerCard", key = "No", watch = { stamp = "Last_Date_Modified", every = "10s" } },
  odoo = { model = "res.partner" },
  link = { xmlid = "customer", unsure = "review" },
  fields = { { "No", "ref" }, { "Name", "name", get = function(v) return v:upper() end } },
  rules = { rule.email "E_Mail" },
}
