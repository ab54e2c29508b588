--- The base of a link: the records of both sides as they were last in step.
--
-- `{"nav": ..., "odoo": ...}` holds what each side said, not what was mapped, so that a
-- mapping can be done again in either direction. What differs from its side's base was
-- changed since by somebody, and only that travels (promise: echoes die). Pure functions.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"

local base = {}

--- Stands in a base for a value that is no longer known: whatever the side holds is a
-- change. No field of either system holds an empty list of its own.
base.NOT_KNOWN = json.array {}

--- Equal as values: 1000 and 1000.00 are one amount, whatever their type.
---@param a any
---@param b any
---@return boolean
function base.equal(a, b)
  if a == b then return true end
  local da, db = decimal.is(a), decimal.is(b)
  if da and (db or math.type(b) == "integer") then return a == decimal.new(b) end
  if db and math.type(a) == "integer" then return decimal.new(a) == b end
  if type(a) == "table" and type(b) == "table" then
    return json.canonical(a) == json.canonical(b)
  end
  return false
end
local equal = base.equal

--- The mapped fields of an Odoo record, as canonical text.
---@param record table    typed, as `odoo:read` gives it
---@param fields string[]
---@return string
function base.odoo_text(record, fields)
  local part = {}
  for i = 1, #fields do part[fields[i]] = record[fields[i]] end
  return assert(json.canonical(part))
end

--- Text of a base.
---@param nav string   canonical text of the NAV record
---@param odoo string  of the mapped fields of the Odoo record
---@param turns string|nil  JSON: how often the record changed hands of late
---@return string
function base.pack(nav, odoo, turns)
  if turns then return '{"nav":' .. nav .. ',"odoo":' .. odoo .. ',"turns":' .. turns .. "}" end
  return '{"nav":' .. nav .. ',"odoo":' .. odoo .. "}"
end

--- The records of a link's base; nil when it has none.
---@param link table|nil  row of the store
---@return { nav: table, odoo: table, turns: table? }|nil
function base.read(link)
  if not link or not link.base then return nil end
  return json.decode(link.base)
end

--- Does any of these fields differ from what it was?
---@param was table
---@param now table
---@param names string[]
---@return boolean
function base.changed(was, now, names)
  for i = 1, #names do
    if not equal(was[names[i]], now[names[i]]) then return true end
  end
  return false
end

--- The NAV properties that each Odoo field is made of.
---@param flow navodoo.Compiled
---@return table<string, string[]>
function base.sources(flow)
  local sources = {}
  for _, list in ipairs { flow.entries, flow.on_create } do
    for _, entry in ipairs(list) do
      local paired = #entry.nav == #entry.odoo and not (entry.map or entry.get or entry.lookup)
      for i, field in ipairs(entry.odoo) do
        sources[field] = paired and { entry.nav[i] } or entry.nav
      end
    end
  end
  return sources
end

return base
