--- The configured systems, to be looked at: both endpoints opened read-only, schemas compared
-- with the flow, lookups read as the engine reads them.
--
-- Nothing can be written through what is opened here: the endpoints carry `read_only`, which
-- the connectors' one way out (connector/call.lua) refuses every changing call by.

local engine = require "navodoo.engine.main"
local keys = require "navodoo.engine.keys"
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

--- What a pair is called on the command line.
---@param pair navodoo.Pair
---@return string
function live.pair_name(pair) return pair.name or pair.nav or "" end

--- The pair of companies with a name, or with NAV's company of that name (one pair may have no
-- other); without one the only one there is.
---@param p table
---@param name string|nil
---@return navodoo.Pair|nil
---@return string|nil why
function live.pair(p, name)
  local names = {}
  for _, pair in ipairs(p.pairs) do
    if name and (pair.name == name or live.pair_name(pair) == name) then return pair end
    names[#names + 1] = ("%q"):format(live.pair_name(pair))
  end
  if not name and #p.pairs == 1 then return p.pairs[1] end
  return nil, ("%s: name one with --pair, of %s"):format(name and ("there is no pair %q"):format(name)
    or "navodoo.lua pairs several companies", table.concat(names, ", "))
end

--- What an engine is opened with, for one flow and pair.
---@param p table
---@param flow table
---@param pair navodoo.Pair
---@param endpoints table
---@return table spec
function live.spec(p, flow, pair, endpoints)
  return { endpoints = endpoints, hash = flow.hash, once = true, wait_ms = 0,
           instance = project.instance(flow.name, pair), config = p.config }
end

--- The endpoints as a pair of companies sees them, opened. With `read_only` nothing that changes
-- anything passes them.
---@param p table
---@param pair navodoo.Pair
---@param readonly boolean
---@return table|nil endpoints
---@return string|nil why
function live.endpoints(p, pair, readonly)
  local ok, why = project.open_endpoints(p.endpoints)
  if not ok then return nil, why end
  local views = project.views(p.endpoints, pair)
  if readonly then views = read_only(views) end
  return views
end

--- Opens both systems for one flow, to be looked at. Waits.
---@param p table      project
---@param flow table   of it
---@param name string|nil  of the pair of companies
---@return cli.Live|nil
---@return string|nil why
function live.open(p, flow, name)
  local pair, why = live.pair(p, name)
  if not pair then return nil, why end
  local endpoints
  endpoints, why = live.endpoints(p, pair, true)
  if not endpoints then return nil, why end
  local opened, err = engine.open(live.spec(p, flow, pair, endpoints), flow.compiled)
  if not opened then return nil, err.text end
  return setmetatable({ engine = opened, endpoints = endpoints, flow = flow.compiled, pair = pair }, connection)
end

--- What the live Odoo knows: codes to ids, by lookup.
---@return table lookups
function connection:lookups() return self.engine.lookups end

--- A record by its key, typed. Waits.
---@param side "nav"|"odoo"
---@param key string   of NAV, or the id in Odoo
---@return table|nil record
---@return string|nil why
---@return string|nil etag  of a record of NAV
function connection:record(side, key)
  local e = self.engine
  if side == "nav" then
    local found, err, etags = e.nav:get(e.entity, { key }, e.nav_read_fields)
    if not found then return nil, err.text end
    local name, record = next(found)
    if record then return record, nil, etags[name] end
    return nil, ("NAV has no %s %s"):format(e.entity, key)
  end
  local id = math.tointeger(tonumber(key))
  if not id then return nil, ("a record of Odoo is named by its id, a whole number, not %q"):format(key) end
  local found, err = e.odoo:read(e.model, { id }, e.read_fields)
  if not found then return nil, err.text end
  if found[1] then return found[1] end
  return nil, ("Odoo has no %s %d"):format(e.model, id)
end

--- Sends what a trace made of a record, by the calls of the connectors, which on these endpoints
-- stop before they go out. Waits.
---@param s navodoo.Sample
---@param t navodoo.Trace
---@return any result
---@return table|nil err  code "read_only" when there was something to be sent
function connection:send(s, t)
  local e, values, names = self.engine, {}, {}
  for _, f in ipairs(t.fields) do
    if f.outcome == "set" or f.outcome == "cleared" then values[f.field], names[#names + 1] = f.value, f.field end
  end
  if #names == 0 then return true end
  if s.direction == "nav_to_odoo" then
    table.sort(names)
    local xmlid = e:xmlid(keys.nav(e.company, tostring(e.nav:key(e.nav_schema, s.record))))
    return e.odoo:load(e.model, names, { { xmlid = xmlid, write = values } })
  end
  local body = {}
  for _, field in ipairs(self.flow.nav_write_fields) do
    if values[field] ~= nil then body[#body + 1] = { field, values[field] } end
  end
  if s.creating then return e.nav:create(e.entity, body, e.nav_read_fields) end
  local key, etag = tostring(e.nav:key(e.nav_schema, s.current)), s.etag or "(the version that is read)"
  return e.nav:update(e.entity, key, etag, body, e.nav_read_fields)
end

return live
