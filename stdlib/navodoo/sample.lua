--- One record to try a flow on: a sample of the flow's folder, or a bare record of either side.
--
--     { "about": "what it shows", "direction": "nav_to_odoo", "creating": true,
--       "nav": { ... }, "odoo": { ... }, "current": { ... }, "lookups": { "country": { "DE": 57 } },
--       "problems": [ { "field": "Name", "rule": "required" } ] }
--
-- The side that the direction starts from is the record, the other one what is expected of it.
-- `current` is what the target holds already. Whatever else is a JSON object is a record as
-- NAV or Odoo answers it: its field names tell which. Pure.

local json = require "navodoo.json"
local null = json.null

local sample = {}

---@class navodoo.Sample
---@field about string?
---@field direction "nav_to_odoo"|"odoo_to_nav"
---@field record table
---@field creating boolean
---@field current table?
---@field expected table?    of the other side
---@field problems table[]?  expected ones
---@field lookups table?     by lookup: code -> id
---@field links table?      by flow: { nav = { key: id } }

local KEYS <const> = { about = true, direction = true, creating = true, nav = true, odoo = true,
                       current = true, lookups = true, links = true, problems = true }
local SOURCE <const> = { nav_to_odoo = "nav", odoo_to_nav = "odoo" }
local TARGET <const> = { nav_to_odoo = "odoo", odoo_to_nav = "nav" }

sample.source, sample.target = SOURCE, TARGET

--- The direction that leads to a side.
---@param to string|nil  "nav" or "odoo"
function sample.towards(to) return to and (to == "nav" and "odoo_to_nav" or "nav_to_odoo") end

-- Links of Odoo come as [id, name]; a record has the id.
local function plain_links(record)
  for field, v in pairs(record) do -- into the same places: the order shows nowhere
    if type(v) == "table" and #v == 2 and math.type(v[1]) == "integer" and type(v[2]) == "string" then
      record[field] = v[1]
    end
  end
  return record
end

-- One row of what a query answered: NAV's { "value": [ row ] }, Odoo's [ row ].
local function only_row(value)
  local rows = json.is_array(value) and value
    or type(value.value) == "table" and json.is_array(value.value) and value.value
  if not rows then return value end
  if #rows == 1 and type(rows[1]) == "table" then return rows[1] end
  return nil, ("%d records, one is mapped at a time"):format(#rows)
end

local function count_known(record, names)
  local n = 0
  for _, name in ipairs(names) do
    if record[name] ~= nil then n = n + 1 end
  end
  return n
end

local function fields_of(flow, side)
  local names = {}
  for _, entry in ipairs(flow.spec.entries) do
    table.move(entry[side], 1, #entry[side], #names + 1, names)
  end
  return names
end

local function is_wrapped(value)
  if type(value.nav) ~= "table" and type(value.odoo) ~= "table" then return false end
  for key in pairs(value) do
    if not KEYS[key] then return false end
  end
  return true
end

--- Makes a sample of decoded JSON.
---@param flow navodoo.Compiled
---@param value any
---@param direction string?  asked for; else the sample's own, else what its fields suggest
---@return navodoo.Sample|nil
---@return string|nil why not
function sample.read(flow, value, direction)
  if type(value) ~= "table" then return nil, "a JSON object is expected" end
  local why
  value, why = only_row(value)
  if not value then return nil, why end
  local out
  if is_wrapped(value) then
    direction = direction or value.direction or (value.nav and "nav_to_odoo" or "odoo_to_nav")
    if not SOURCE[direction] then
      return nil, ('direction is "nav_to_odoo" or "odoo_to_nav", not %q'):format(tostring(direction))
    end
    local own = direction == (value.direction or "nav_to_odoo")
    local expected = value[TARGET[direction]]
    out = { about = value.about, direction = direction, record = value[SOURCE[direction]],
            creating = value.creating, current = own and value.current or nil,
            expected = own and expected or nil, problems = own and value.problems or nil,
            lookups = value.lookups, links = value.links }
    if type(out.record) ~= "table" then
      return nil, ("it has no %q, which %s starts from"):format(SOURCE[direction], direction)
    end
    if out.creating == nil then out.creating = out.current == nil end
  else
    if not direction then
      local nav = count_known(value, fields_of(flow, "nav"))
      local odoo = count_known(value, fields_of(flow, "odoo"))
      if nav == odoo then
        return nil, ("its fields are those of neither side of flow %s; say --to nav or --to odoo"):format(
          flow.name)
      end
      direction = nav > odoo and "nav_to_odoo" or "odoo_to_nav"
    end
    out = { direction = direction, record = value, creating = true }
  end
  if out.direction == "odoo_to_nav" then plain_links(out.record) end
  return out
end

-- Links as the engine gives them: both ways, ids as numbers. A sample need say one way only.
local function links_of(s)
  local out = {}
  for flow, t in pairs(s.links or {}) do
    local nav, odoo = {}, {}
    for key, id in pairs(t.nav or {}) do nav[key], odoo[id] = id, key end
    for id, key in pairs(t.odoo or {}) do
      local n = math.tointeger(tonumber(id))
      if n then odoo[n], nav[key] = key, n end
    end
    out[flow] = { nav = nav, odoo = odoo }
  end
  return out
end

--- The context of a mapping.
---@param s navodoo.Sample
---@param lookups table?  of the folder or the live system, under those of the sample
---@return navodoo.Context
function sample.context(s, lookups)
  local tables = {}
  for _, source in ipairs { lookups or {}, s.lookups or {} } do
    for name, t in pairs(source) do
      local merged = tables[name] or {}
      tables[name] = merged
      for code, id in pairs(t) do merged[code] = id end
    end
  end
  if not tables.back then
    tables.back = {}
    for name, t in pairs(tables) do
      if name ~= "back" then
        local back, codes = {}, {}
        for code in pairs(t) do codes[#codes + 1] = code end
        table.sort(codes)
        for _, code in ipairs(codes) do
          if back[t[code]] == nil then back[t[code]] = code end
        end
        tables.back[name] = back
      end
    end
  end
  return { creating = s.creating == true, current = s.current ~= null and s.current or nil,
           lookups = tables, links = links_of(s) }
end

return sample
