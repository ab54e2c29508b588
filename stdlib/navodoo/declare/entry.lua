--- Reads the entries of a flow: `fields`, one line per field, and `create`.
--
-- Which ways an entry travels is settled here: `to_odoo` and `to_nav` tell whether a change
-- goes that way, `forth` and `back` whether its value is ever made for that side (an entry
-- with an owner, or one that is set on creation only, is made for new records).

local kind = require "navodoo.kind"
local null = require "navodoo.json".null
local problem = require "navodoo.problem"

local entries = {}

---@class navodoo.Entry   one line of `fields` or of `create`
---@field nav string[]     NAV properties, may be empty
---@field odoo string[]    Odoo fields; empty in `create.nav`
---@field optional table<string, true>?  Odoo fields of it that not every Odoo has ("name?")
---@field map navodoo.Map?
---@field lookup navodoo.Lookup?
---@field get function?    written in the flow itself: NAV to Odoo
---@field put function?    Odoo to NAV
---@field make function?   of `create`: takes the whole record
---@field constant any     of `create`
---@field required boolean?
---@field max integer|table<string, integer>|nil
---@field owner "nav"|"odoo"|nil   only changes of that side travel
---@field shared string?   the flow whose card owns the field, when the partner has one there
---@field to "nav"|"odoo"|nil      written into that side only
---@field on_create boolean        written on creation only
---@field to_odoo boolean  a change in NAV travels to Odoo
---@field to_nav boolean   a change in Odoo travels to NAV
---@field forth boolean    has a value for Odoo, if only for a new record
---@field back boolean     has a value for NAV, if only for a new record
---@field is_key boolean   one of its NAV properties is part of the key
---@field line integer?
---@field path string

local KEYS <const> = { "get", "max", "on_create", "owner", "put", "required", "shared", "to" }

local function read_max(r, path, max)
  if max == nil or (math.type(max) == "integer" and max > 0) then return max end
  if type(max) == "table" and next(max) ~= nil then
    for version, n in pairs(max) do
      if type(version) ~= "string" or math.type(n) ~= "integer" or n < 1 then max = nil break end
    end
    if max then return max end
  end
  r:note(path .. ".max", "max is a whole number, or one per version: { nav2018 = 50, bc = 100 }")
end

local function read_transform(r, path, e, entry)
  local via = e[3]
  entry.get = r:get(e, path, "get", "function")
  entry.put = r:get(e, path, "put", "function")
  if via == nil or via == problem.broken then return end
  local k = type(via) == "table" and via.kind
  if k == "map" then
    entry.map = via
    if via.arity ~= #entry.nav or via.targets ~= #entry.odoo then
      r:note(path, ("map.%s takes %d NAV fields and fills %d of Odoo, not %d and %d"):format(
        via.name, via.arity, via.targets, #entry.nav, #entry.odoo))
    end
  elseif k == "lookup" then
    entry.lookup = via
    if #entry.nav ~= 1 or #entry.odoo ~= 1 then
      r:note(path, ("lookup.%s takes one NAV field and fills one of Odoo"):format(via.name))
    end
  elseif type(via) == "function" then
    r:note(path, "a function stands after get = (NAV to Odoo) or put = (Odoo to NAV)")
  else
    r:note(path, ("the third place of an entry is for a map or a lookup, got %s"):format(
      problem.a(via)))
  end
  if entry.get and (k == "map" or k == "lookup") then
    r:note(path, ("get and %s.%s both make the value; one has to go"):format(k, via.name))
  end
end

-- Can a value of Odoo's fields be turned into one of NAV's? Else why not.
local function has_way_back(entry)
  if entry.put then return true end
  if entry.lookup then return entry.lookup:has_way_back() end
  if entry.map then
    if entry.map.put then return true end
    return false, entry.map.why_no_put or ("map.%s has none"):format(entry.map.name)
  end
  return not entry.get and #entry.nav == #entry.odoo, "get has none"
end

-- Settles which ways the entry goes in a flow of these directions.
local function settle(r, path, entry, flow)
  entry.is_key = false
  for _, name in ipairs(entry.nav) do entry.is_key = entry.is_key or flow.is_key[name] == true end
  if entry.is_key and entry.owner == "odoo" then
    r:note(path, "a part of the key is NAV's: owner cannot be \"odoo\"")
  end
  entry.forth = entry.to ~= "nav"
  entry.back = flow.into_nav and entry.to ~= "odoo" and #entry.nav > 0
  if entry.back then
    local ok, why = has_way_back(entry)
    if not ok and entry.owner ~= "nav" then
      r:note(path, ("%s has no way back into %s: %s; give the entry put = ..., or to = \"odoo\"")
        :format(table.concat(entry.odoo, ", "), table.concat(entry.nav, ", "), why))
    end
    entry.back = ok
  end
  entry.to_odoo = entry.forth and entry.owner ~= "odoo" and not entry.on_create
  entry.to_nav = entry.back and entry.owner ~= "nav" and not entry.on_create and not entry.is_key
end

-- "name?" is a field that not every Odoo has: without it the entry is left out.
local function take_marks(entry)
  for i, name in ipairs(entry.odoo) do
    local bare = name:match "^(.*)%?$"
    if bare then
      entry.optional = entry.optional or {}
      entry.odoo[i], entry.optional[bare] = bare, true
    end
  end
end

local function read_entry(r, path, e, flow)
  if e == problem.broken then return end
  if type(e) ~= "table" then
    r:note(path, ("%s: a table is expected, got %s"):format(path, problem.a(e)))
    return
  end
  r:keys(path, e, KEYS, true)
  local entry = { nav = {}, line = r:line_of(path), path = path }
  if e[1] ~= nil then entry.nav = r:name_list(e[1], path) end
  if e[2] == nil then
    r:note(path, ("%s names no Odoo field"):format(path))
  elseif e[2] ~= problem.broken then
    entry.odoo = r:name_list(e[2], path)
  end
  if not entry.nav or not entry.odoo then return end
  take_marks(entry)
  read_transform(r, path, e, entry)
  if not (entry.map or entry.lookup or entry.get) and e[3] ~= problem.broken then
    if #entry.nav ~= #entry.odoo and not (entry.put and e.to == "nav") then
      r:note(path, #entry.nav == 0
        and "no NAV field, and nothing that makes the value: give it a map or get ="
        or ("%d NAV fields to %d of Odoo need a map or get ="):format(#entry.nav, #entry.odoo))
      return
    end
  end
  entry.required = r:get(e, path, "required", "boolean")
  entry.max = read_max(r, path, e.max)
  if #entry.nav ~= 1 and (entry.required or entry.max) then
    r:note(path, "required and max stand on entries of one NAV field; write a rule for several")
  end
  entry.owner = r:choice(e, path, "owner", { "nav", "odoo" })
  entry.to = r:choice(e, path, "to", { "nav", "odoo" })
  entry.shared = r:get(e, path, "shared", "string")
  entry.on_create = r:get(e, path, "on_create", "boolean") or false
  if entry.owner and entry.to and entry.owner == entry.to then
    r:note(path .. ".owner", ("owner = %q and to = %q: nothing would ever be written"):format(
      entry.owner, entry.to))
  end
  if entry.to == "nav" and not flow.into_nav then
    r:note(path .. ".to", 'to = "nav" in a flow that never writes into NAV: it has no odoo.watch')
  end
  settle(r, path, entry, flow)
  return entry
end

--- Reads `fields`.
---@param r table  reader
---@param d table  the declaration
---@param flow { into_nav: boolean, is_key: table<string, boolean> }
---@return navodoo.Entry[]
function entries.read(r, d, flow)
  local fields, out = r:get(d, "", "fields", "table", true), {}
  if not fields then return out end
  r:keys("fields", fields, {}, true)
  local count = 0
  for i, e in ipairs(fields) do
    count = i
    out[#out + 1] = read_entry(r, "fields." .. i, e, flow)
  end
  if count == 0 then r:note("fields", "fields is empty: nothing would be written") end
  return out
end

-- Names in the order in which they stand in the file; those without a place behind, sorted.
local function in_order(r, path, t)
  local names = problem.names(t)
  local function place(name)
    local p = r.places[path .. "." .. name]
    return p and p.line * 10000 + p.column or math.huge
  end
  table.sort(names, function(a, b)
    local pa, pb = place(a), place(b)
    if pa ~= pb then return pa < pb end
    return a < b
  end)
  return names
end

-- One side of `create`: field = value, lookup.x { "field of the other side" } or a function
-- that takes the other side's record.
local function read_side(r, create, side, other, out)
  local fields = r:get(create, "create", side, "table") or {}
  r:keys("create." .. side, fields, problem.names(fields))
  for _, field in ipairs(in_order(r, "create." .. side, fields)) do
    local path, v = "create." .. side .. "." .. field, fields[field]
    local entry = { nav = {}, odoo = {}, line = r:line_of(path), path = path, on_create = true,
                    to = side, to_odoo = false, to_nav = false, is_key = false,
                    forth = side == "odoo", back = side == "nav" }
    entry[side] = { field }
    if type(v) == "table" and v.kind == "lookup" then
      entry.lookup, entry[other] = v, v.fields or {}
      if #entry[other] ~= 1 then
        r:note(path, ("%s: name one field of %s, as in lookup.%s { \"field\" }"):format(path,
          other == "nav" and "NAV" or "Odoo", v.name))
      end
      out[#out + 1] = entry
    elseif type(v) == "function" then
      entry.make = v
      out[#out + 1] = entry
    elseif kind.of_value(v) then
      entry.constant = v
      out[#out + 1] = entry
    elseif v ~= problem.broken then
      r:note(path, ("%s: a value, a lookup or a function is expected, got %s"):format(path,
        v == null and "null" or problem.a(v)))
    end
  end
end

--- Reads `create`: what is set on new records only.
---@param r table
---@param d table
---@param flow { into_nav: boolean }
---@return navodoo.Entry[] in_odoo
---@return navodoo.Entry[] in_nav   in the order of the file
function entries.read_create(r, d, flow)
  local create, in_odoo, in_nav = r:get(d, "", "create", "table"), {}, {}
  if not create then return in_odoo, in_nav end
  r:keys("create", create, { "nav", "odoo" })
  read_side(r, create, "odoo", "nav", in_odoo)
  read_side(r, create, "nav", "odoo", in_nav)
  if #in_nav > 0 and not flow.into_nav then
    r:note("create.nav", "create.nav in a flow that never writes into NAV: it has no odoo.watch")
  end
  return in_odoo, in_nav
end

return entries
