--- Turns a declaration into a compiled flow: what to read, what to prepare, and the mapping.
--
-- States of a NAV value, and what becomes of an Odoo field that is written from it:
--
--     absent (nil)                left alone
--     null, ""                    cleared: `false`; left out while creating, so that Odoo's
--                                 own defaults apply
--     any other, 0 and false too  written as it is
--
-- What a map or `get` returns is read the same way. `to_odoo` is pure: it reads the record and
-- the context, builds no text while all is well, and never waits.

local check = require "navodoo.check"
local mapper = require "navodoo.mapper"

local compile = {}

---@class navodoo.Context
---@field creating boolean       the record is new in Odoo
---@field current table?         what Odoo holds now, if it was read
---@field lookups table<string, table<string, any>>?  by lookup: code -> id (or code)

---@class navodoo.Compiled
---@field name string
---@field file string
---@field line integer?
---@field directions string[]       { "nav_to_odoo" }
---@field spec navodoo.Declaration  what it was made of; `navodoo.trace` makes its twin of it
---@field nav table                 read, write, key, watch = { stamp, every_ms, scan }
---@field odoo table                model, where, archived
---@field link table                xmlid, adopt, unsure
---@field nav_fields string[]       properties to read, sorted
---@field odoo_fields string[]      fields that may be written, sorted
---@field current_fields string[]   of these, the ones whose maps look at `ctx.current`
---@field lookup_needs table[]      { name, nav_field, model, match, where, value, table, code }
---@field entries navodoo.Entry[]
---@field on_create navodoo.Entry[]
---@field rules navodoo.Rule[]
---@field to_odoo fun(self, record: table, ctx: navodoo.Context): table, table   values, problems
---@field check fun(self, schemas: table): navodoo.Problem[]

local function sorted_set(fill)
  local seen, list = {}, {}
  fill(function(name)
    if name and not seen[name] then
      seen[name] = true
      list[#list + 1] = name
    end
  end)
  table.sort(list)
  return list
end

local function nav_fields(spec)
  return sorted_set(function(add)
    for _, name in ipairs(spec.nav.key) do add(name) end
    add(spec.nav.watch.stamp)
    for _, pair in ipairs(spec.link.adopt) do add(pair.nav) end
    for _, list in ipairs { spec.entries, spec.on_create } do
      for _, entry in ipairs(list) do
        for _, name in ipairs(entry.nav) do add(name) end
      end
    end
    for _, r in ipairs(spec.rules) do
      for _, name in ipairs(r.fields) do add(name) end
    end
  end)
end

local function odoo_fields(spec, wanted)
  return sorted_set(function(add)
    for _, list in ipairs { spec.entries, spec.on_create } do
      for _, entry in ipairs(list) do
        if wanted(entry) then
          for _, name in ipairs(entry.odoo) do add(name) end
        end
      end
    end
  end)
end

local function lookup_needs(spec)
  local needs = {}
  for _, list in ipairs { spec.entries, spec.on_create } do
    for _, entry in ipairs(list) do
      local found = entry.lookup
      if found and found.model then
        needs[#needs + 1] = {
          name = found.name, nav_field = entry.nav[1], model = found.model, match = found.match,
          where = found.where or {}, value = found.value,
          table = next(found.values) and found.values or nil,
          code = function(_, nav_code) return found:code(nav_code) end,
        }
      end
    end
  end
  return needs
end

--- Compiles a declaration that `navodoo.declare` found no mistakes in.
---@param spec navodoo.Declaration
---@return navodoo.Compiled
function compile.flow(spec)
  return {
    name = spec.name, file = spec.file, line = spec.line, directions = { "nav_to_odoo" }, spec = spec,
    nav = spec.nav, odoo = spec.odoo, link = spec.link,
    entries = spec.entries, on_create = spec.on_create, rules = spec.rules,
    nav_fields = nav_fields(spec),
    odoo_fields = odoo_fields(spec, function() return true end),
    current_fields = odoo_fields(spec, function(entry)
      return entry.map and entry.map.uses_current
    end),
    lookup_needs = lookup_needs(spec),
    to_odoo = mapper.to_odoo(spec),
    check = check.run,
  }
end

return compile
