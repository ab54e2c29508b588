--- The configured systems, to be looked at: both endpoints opened read-only, schemas compared
-- with the flow, lookups read as the engine reads them.
--
-- Nothing can be written through what is opened here: the endpoints carry `read_only`, which
-- the connectors' one way out (connector/call.lua) refuses every changing call by.

local engine = require "navodoo.engine.main"
local project = require "cli.project"

local live = {}

local connection = {}
connection.__index = connection

local function read_only(endpoints)
  local out = {}
  for name, e in pairs(endpoints) do -- a copy: the order shows nowhere
    local copy = {}
    for key, v in pairs(e) do copy[key] = v end
    copy.read_only = true
    out[name] = copy
  end
  return out
end

---@class cli.Live
---@field engine table          of the flow, neither polling nor pumping
---@field endpoints table<string, connector.Endpoint>

--- Opens both systems for one flow. Waits.
---@param p table      project
---@param flow table   of it
---@return cli.Live|nil
---@return string|nil why
function live.open(p, flow)
  local endpoints = read_only(p.endpoints)
  local ok, why = project.open_endpoints(endpoints)
  if not ok then return nil, why end
  local opened, err = engine.open({ endpoints = endpoints, hash = flow.hash, once = true }, flow.compiled)
  if not opened then return nil, err.text end
  return setmetatable({ engine = opened, endpoints = endpoints, flow = flow.compiled }, connection)
end

--- What the live Odoo knows: codes to ids, by lookup.
---@return table lookups
function connection:lookups() return self.engine.lookups end

--- A record by its key, typed. Waits.
---@param side "nav"|"odoo"
---@param key string   of NAV, or the id in Odoo
---@return table|nil record
---@return string|nil why
function connection:record(side, key)
  local e = self.engine
  if side == "nav" then
    local found, err = e.nav:get(e.entity, { key }, e.nav_read_fields)
    if not found then return nil, err.text end
    local _, record = next(found)
    if record then return record end
    return nil, ("NAV has no %s %s"):format(e.entity, key)
  end
  local id = math.tointeger(tonumber(key))
  if not id then return nil, ("a record of Odoo is named by its id, a whole number, not %q"):format(key) end
  local found, err = e.odoo:read(e.model, { id }, e.read_fields)
  if not found then return nil, err.text end
  if found[1] then return found[1] end
  return nil, ("Odoo has no %s %d"):format(e.model, id)
end

return live
