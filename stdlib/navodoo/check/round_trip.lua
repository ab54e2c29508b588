--- Tries every entry of a flow on values that its fields may hold, there and back.
--
-- What NAV holds goes to Odoo and back, and must come back as it was; what Odoo holds goes to
-- NAV and back likewise. Where a map gives one spelling for several (`map.lower`), the spelling
-- may change once, and then no more: else each side would go on correcting the other. The
-- values are tried from small to large, so the first that breaks is the smallest.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local kind = require "navodoo.kind"
local mapper = require "navodoo.mapper"
local mapper_nav = require "navodoo.mapper_nav"
local null = json.null
local task = require "navodoo.task"

local round_trip = {}

local BUDGET <const> = 1000000 -- instructions for one value
local PAIRS_MAX <const> = 200  -- combinations of several fields

-- ---- values ---------------------------------------------------------------------------

local TEXTS <const> = { "", "a", "A", "aB c", "Ä ß", "10", "a@b.example", "A@B.example", "DE 123456789",
                        "www.a.example", "a longer text, of many words, that nobody would cut" }

local function texts(max, is_code)
  local list, longest = {}, max and ("x"):rep(max)
  for _, v in ipairs(TEXTS) do
    if is_code then v = v:upper() end
    if not max or utf8.len(v) <= max then list[#list + 1] = v end
  end
  list[#list + 1] = longest and (is_code and longest:upper() or longest)
  return list
end

local function amounts()
  local list = {}
  for i, v in ipairs { "0", "1", "-1", "0.01", "0.125", "1234567.89", "99999999999.99" } do
    list[i] = decimal.new(v)
  end
  return list
end

local BY_TYPE <const> = {
  boolean = { false, true }, integer = { 0, 1, -1, 1000 }, decimal = amounts(),
  date = { null, "2018-01-25" }, datetime = { null, "2018-01-25T12:00:00Z" },
}

-- What a property of NAV may hold, small ones first.
local function nav_values(entry, field)
  local found = entry.lookup
  if found then
    local list = { "" }
    for _, code in ipairs(found.link and { "K1" } or found.model and { "DE" } or {}) do list[#list + 1] = code end
    local codes = {}
    for code in pairs(found.values) do codes[#codes + 1] = code end
    table.sort(codes)
    return table.move(codes, 1, #codes, #list + 1, list)
  end
  if field and field.options then return field.options end
  if field and BY_TYPE[field.type] then return BY_TYPE[field.type] end
  if not field and entry.map and entry.map.takes == "number" then return BY_TYPE.decimal end
  if entry.map and entry.map.options then
    local list = {}
    for option in pairs(entry.map.options) do list[#list + 1] = option end
    table.sort(list)
    return list
  end
  return texts(field and field.max, field and field.type == "code")
end

-- What a field of Odoo may hold; a boolean only where the type says so.
local function odoo_values(def, seen, max)
  local t = def and def.type
  if def and def.options then return def.options end
  if t == "many2one" or not t then return seen end
  if BY_TYPE[t] then return BY_TYPE[t] end
  local list = { false }
  for _, v in ipairs(texts(max)) do
    if v ~= "" then list[#list + 1] = v end
  end
  return list
end

-- All combinations of the lists, the small ones of each first.
local function combine(lists)
  local out = { {} }
  for _, list in ipairs(lists) do
    local longer = {}
    for _, value in ipairs(list) do
      for _, before in ipairs(out) do
        if #longer < PAIRS_MAX then
          local row = table.move(before, 1, #before, 1, {})
          row[#row + 1] = value
          longer[#longer + 1] = row
        end
      end
    end
    out = longer
  end
  return out
end

local function record_of(names, row)
  local record = { id = 1 }
  for i, name in ipairs(names) do record[name] = row[i] end
  return record
end

-- ---- equal or not ----------------------------------------------------------------------

local function is_empty(v) return v == nil or v == null or v == false or v == "" end

local function equal(a, b)
  if a == b or is_empty(a) and is_empty(b) then return true end
  if decimal.is(a) and math.type(b) == "integer" then return a == decimal.new(b) end
  if decimal.is(b) and math.type(a) == "integer" then return b == decimal.new(a) end
  return false
end

local function same(names, a, b, fallback)
  for _, name in ipairs(names) do
    local x, y = a[name], b[name]
    if x == nil and fallback then x = fallback[name] end
    if y == nil and fallback then y = fallback[name] end
    if not equal(x, y) then return false end
  end
  return true
end

local function shown(names, record)
  local t = {}
  for _, name in ipairs(names) do
    local v = record[name]
    if v == nil then v = null end
    t[name] = v
  end
  return assert(json.encode(json.object(names, t)))
end

-- ---- the trips -------------------------------------------------------------------------

local trip = {}
trip.__index = trip

-- Calls a mapping in its guard: values, or nil when the value is refused; what raises is noted.
function trip:go(map, record, ctx, what, names)
  ctx.lookups, ctx.links = self.lookups, self.links
  local ok, values, problems = task.guard(BUDGET, map, nil, record, ctx)
  if not ok then
    self.broken = { text = ("%s fails on %s: %s"):format(what, shown(names, record),
      (tostring(values.text):gsub("^[^\n]-:%d+: ", ""))),
                    line = values.line }
    return nil
  end
  if #problems > 0 then return nil, problems[1].text, problems[1].rule end
  return values
end

function trip:forth(record, ctx) return self:go(self.to_odoo, record, ctx or {}, "the way to Odoo", self.entry.nav) end
function trip:back(record, ctx) return self:go(self.to_nav, record, ctx or {}, "the way to NAV", self.entry.odoo) end

-- The kinds of what the entry makes must fit Odoo's fields.
function trip:fits(values, record)
  for i, name in ipairs(self.entry.odoo) do
    local def, v = self.odoo and self.odoo[name], values[name]
    local wanted = def and kind.of_type(def.type)
    local given = not is_empty(v) and kind.of_value(v) or nil
    if v == false and wanted ~= "boolean" then given = nil end
    if wanted == "selection" and given == "text" then given = "selection" end
    if wanted == "many2one" and given == "integer" then given = "id" end
    if (wanted == "date" or wanted == "datetime") and given == "text" then given = wanted end
    if given and not kind.fits(wanted, given) then
      self.broken = { text = ("%s makes %s of %s, but %s is of type %s"):format(self.entry.get and "get" or "the map",
        tostring(v), shown(self.entry.nav, record), self.entry.odoo[i], def.type) }
      return false
    end
  end
  return true
end

local function come_and_go(first, there, second, back, third)
  return ("%s gives %s, and that gives %s"):format(shown(first, there), shown(second, back), shown(first, third))
end

-- From NAV, to Odoo, and back.
function trip:from_nav(record)
  local nav, odoo = self.entry.nav, self.entry.odoo
  local o = self:forth(record)
  if not o or not self:fits(o, record) or not self.entry.back then return end
  local n, why, by = self:back(o, { current = record })
  if self.broken then return end
  if not n then
    if by ~= "max" then
      self.broken = { text = ("%s is refused on its way back: %s"):format(shown(nav, record), why) }
    end
    return
  end
  if not same(nav, n, record, record) then
    local again = self.normalises and self:forth(n)
    if not again or not same(odoo, again, o) then
      self.broken = self.broken or { text = "it does not come back: " .. come_and_go(nav, record, odoo, o, n) }
    end
    return
  end
  local new = self:back(o, { creating = true })
  if not new then return end
  local merged = {}
  for name, v in pairs(self.blank) do merged[name] = v end
  for name, v in pairs(new) do merged[name] = v end
  local again = self:forth(merged)
  if again and not same(odoo, again, o) then
    self.broken = { text = ("a new record of NAV would differ: %s gives %s, and that %s"):format(shown(odoo, o),
      shown(nav, new), shown(odoo, again)) }
  end
end

-- From Odoo, to NAV, and back.
function trip:from_odoo(record)
  local nav, odoo = self.entry.nav, self.entry.odoo
  local n = self:back(record)
  if not n then return end
  local o = self:forth(n)
  if not o or same(odoo, o, record, record) then return end
  -- one spelling for several: its own way there and back must change nothing more
  local again, _, by
  if self.normalises then
    again, _, by = self:back(o)
  end
  if by == "max" then return end
  again = again and self:forth(again)
  if not again or not same(odoo, again, o) then
    self.broken = self.broken or { text = "it does not come back: " .. come_and_go(odoo, record, nav, n, o) }
  end
end

-- Tables for the entry's lookup: each code has an id of its own.
local function tables_of(entry)
  local found = entry.lookup
  if not found then return { back = {} }, {} end
  if found.link then return { back = {} }, { [found.link] = { nav = { K1 = 1 }, odoo = { [1] = "K1" } } } end
  local ids, codes, id = {}, {}, 0
  local function add(code)
    if ids[code] == nil then
      id = id + 1
      ids[code], codes[id] = id, code
    end
  end
  add "DE"
  local names = {}
  for nav_code in pairs(found.values) do names[#names + 1] = nav_code end
  table.sort(names)
  for _, nav_code in ipairs(names) do add(found.values[nav_code]) end
  return { [found.name] = ids, back = { [found.name] = codes } }, {}
end

local function open(flow, entry, fields, odoo)
  local e = setmetatable({}, { __index = entry })
  e.forth, e.back, e.to_odoo, e.to_nav, e.on_create, e.is_key = true, entry.back, true, true, false, false
  e.required = false
  local stub = { name = flow.name, entries = { e }, on_create = {}, on_create_nav = {}, rules = {},
                 nav = { key = {} }, policy = {} }
  local self = setmetatable({ entry = e, odoo = odoo, blank = {} }, trip)
  self.to_odoo = mapper.to_odoo(stub)
  self.to_nav = entry.back and mapper_nav.to_nav(stub, fields, flow.nav_version)
  self.lookups, self.links = tables_of(entry)
  self.normalises = entry.map and entry.map.normalises
  for _, name in ipairs(entry.nav) do
    local field = fields[name]
    self.normalises = self.normalises or field and field.type == "code" and not entry.lookup
    self.blank[name] = field and BY_TYPE[field.type] and BY_TYPE[field.type][1] or field and field.options
      and field.options[1] or ""
  end
  return self
end

--- Tries one entry. Pure, but for the flow's own functions, which run guarded.
---@param flow navodoo.Compiled
---@param entry navodoo.Entry
---@param fields table<string, navodoo.NavField>  what is known of NAV's properties
---@param odoo table<string, table>?  fields of the model
---@return { text: string, line: integer? }?  the smallest sample that breaks it
function round_trip.try(flow, entry, fields, odoo)
  if #entry.nav == 0 or not entry.forth or entry.make then return nil end
  local self = open(flow, entry, fields, odoo)
  local lists, seen = {}, {}
  for i, name in ipairs(entry.nav) do lists[i] = nav_values(entry, fields[name]) end
  for i = 1, #entry.odoo do seen[i] = {} end
  local known = {}
  for _, row in ipairs(combine(lists)) do
    local record = record_of(entry.nav, row)
    self:from_nav(record)
    if self.broken then return self.broken end
    local o = self:forth(record)
    for i, name in ipairs(o and entry.odoo or {}) do
      local key = i .. type(o[name]) .. tostring(o[name])
      if o[name] ~= nil and not known[key] then known[key], seen[i][#seen[i] + 1] = true, o[name] end
    end
  end
  if not entry.back then return nil end
  local others = {}
  for i, name in ipairs(entry.odoo) do
    local field = fields[entry.nav[i] or entry.nav[1]]
    others[i] = odoo_values(odoo and odoo[name], seen[i], field and field.max)
  end
  for _, row in ipairs(combine(others)) do
    self:from_odoo(record_of(entry.odoo, row))
    if self.broken then return self.broken end
  end
  return nil
end

return round_trip
