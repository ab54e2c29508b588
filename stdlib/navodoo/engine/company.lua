--- Whose records are these, where several pairs of companies run side by side.
--
-- A record that we make in Odoo belongs to the pair's company, so the other pairs do not
-- see it. What people shared (no company) is nobody's news: it is followed once it is
-- linked, which takes a NAV record that adopts it, and no NAV record is made of it, or
-- every company of NAV would get one.

local json = require "navodoo.json"

local company = {}

local FIELD <const> = "company_id"

--- Settles it for an engine; the fields of the model are known.
---@param engine table
function company.settle(engine)
  local id, flow = engine.odoo.endpoint.company_id, engine.flow
  if engine.pairs < 2 or not id or not engine.fields[FIELD] then return end
  for _, name in ipairs(flow.odoo_fields) do
    if name == FIELD then return end -- the flow itself says whose they are
  end
  engine.owner = id
  table.insert(flow.odoo_fields, FIELD)
  table.sort(flow.odoo_fields)
  table.insert(flow.odoo.where, json.array { FIELD, "in", json.array { id, false } })
end

--- Marks the values of a new record as the pair's.
---@param engine table
---@param values table
function company.own(engine, values)
  if engine.owner then values[FIELD] = engine.owner end
end

--- Which records without a link may begin a life in NAV: `domain` with that term.
---@param engine table
---@param domain table
---@return table domain
function company.only_own(engine, domain)
  if engine.owner then table.insert(domain, 1, json.array { FIELD, "=", engine.owner }) end
  return domain
end

return company
