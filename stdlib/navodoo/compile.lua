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

-- The way back has its states in `navodoo.mapper_nav`.

local check = require "navodoo.check"
local fit = require "navodoo.fit"
local mapper = require "navodoo.mapper"
local mapper_nav = require "navodoo.mapper_nav"
local nav_tables = require "navodoo.nav_tables"

local compile = {}

---@class navodoo.Context
---@field creating boolean       the record is new in the target
---@field current table?         what the target holds now, if it was read
---@field lookups table<string, table<string, any>>?  by lookup: code -> id; `back`: by lookup, id -> code
---@field links table<string, { nav: table<string, integer>, odoo: table<integer, string> }>?  by flow

---@class navodoo.Compiled
---@field name string
---@field file string
---@field line integer?
---@field whole navodoo.Declaration what it was made of
---@field spec navodoo.Declaration  and what this Odoo has of that; `navodoo.trace` makes its twin of it
---@field directions string[]       of "nav_to_odoo" and "odoo_to_nav", in this order
---@field nav table                 read, write, key, where, block, watch = { stamp, every_ms, scan }
---@field odoo table                model, where, archived, watch = { every_ms, hook, sweep }
---@field link table                xmlid, adopt, unsure, cluster
---@field policy navodoo.Policy
---@field nav_version string?       which lengths NAV has
---@field options table             what `compile.flow` was given beside the declaration
---@field nav_fields string[]       properties to read, sorted
---@field odoo_fields string[]      fields that may be written, sorted
---@field odoo_read_fields string[] fields that `to_nav` reads, sorted; {} in a flow that never writes into NAV
---@field nav_write_fields string[] properties that may be written, in the order of bodies
---@field current_fields string[]   of odoo_fields, the ones whose maps look at `ctx.current`
---@field lookup_needs table[]      { name, nav_field, odoo_field, model, match, where, value, table, code }
---@field link_needs table[]        { flow, nav_field, odoo_field }
---@field needs string[]            flows whose links are asked, sorted
---@field entries navodoo.Entry[]
---@field on_create navodoo.Entry[]
---@field on_create_nav navodoo.Entry[]
---@field rules navodoo.Rule[]
---@field to_odoo fun(self, record: table, ctx: navodoo.Context): table, table   values, problems
---@field to_nav fun(self, record: table, ctx: navodoo.Context): table, table
---@field learn fun(self, schemas: table)   takes types and lengths of NAV from its schema
---@field fit fun(self, schema: table)      leaves out what this Odoo does not have
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

-- Adds what the entries of the lists have on one side.
local function add_all(add, side, wanted, ...)
  for _, list in ipairs { ... } do
    for _, entry in ipairs(list) do
      if wanted(entry) then
        for _, name in ipairs(entry[side]) do add(name) end
      end
    end
  end
end

local function any() return true end
local function goes_forth(entry) return entry.forth end
local function goes_back(entry) return entry.back end

local function nav_fields(spec)
  return sorted_set(function(add)
    for _, name in ipairs(spec.nav.key) do add(name) end
    add(spec.nav.watch.stamp)
    for _, pair in ipairs(spec.link.adopt) do add(pair.nav) end
    add_all(add, "nav", any, spec.entries, spec.on_create)
    for _, r in ipairs(spec.rules) do
      for _, name in ipairs(r.fields) do add(name) end
    end
    if spec.directions[#spec.directions] == "odoo_to_nav" then
      for name in pairs(spec.nav.block or {}) do add(name) end -- into a sorted set
    end
  end)
end

local function odoo_fields(spec, wanted)
  return sorted_set(function(add) add_all(add, "odoo", wanted, spec.entries, spec.on_create) end)
end

local function odoo_read_fields(spec)
  if spec.directions[#spec.directions] ~= "odoo_to_nav" then return {} end
  return sorted_set(function(add)
    add_all(add, "odoo", goes_back, spec.entries, spec.on_create_nav)
    for _, pair in ipairs(spec.link.adopt) do add(pair.odoo) end
    if spec.odoo.archived then add "active" end
  end)
end

-- NAV validates in the order of the body: the key, the entries as declared, what is set on
-- creation.
local function nav_write_fields(spec)
  local seen, list = {}, {}
  local function add(name)
    if name and not seen[name] then seen[name], list[#list + 1] = true, name end
  end
  if spec.directions[#spec.directions] ~= "odoo_to_nav" then return list end
  for _, name in ipairs(spec.nav.key) do add(name) end
  add_all(add, "nav", goes_back, spec.entries, spec.on_create_nav)
  add(spec.policy.probe)
  local block = sorted_set(function(put)
    for name in pairs(spec.nav.block or {}) do put(name) end -- into a sorted set
  end)
  for _, name in ipairs(block) do add(name) end
  return list
end

local function lookup_needs(spec)
  local needs = {}
  for _, list in ipairs { spec.entries, spec.on_create, spec.on_create_nav } do
    for _, entry in ipairs(list) do
      local found = entry.lookup
      found = found and found.codes_of or found
      if found and found.model then
        needs[#needs + 1] = {
          name = found.name, nav_field = entry.nav[1], odoo_field = entry.odoo[1],
          model = found.model, match = found.match, where = found.where or {}, value = found.value,
          table = next(found.values) and found.values or nil,
          code = function(_, nav_code) return found:code(nav_code) end,
        }
      end
    end
  end
  return needs
end

local function link_needs(spec)
  local needs = {}
  for _, entry in ipairs(spec.entries) do
    if entry.lookup and entry.lookup.link then
      needs[#needs + 1] = { flow = entry.lookup.link, nav_field = entry.nav[1], odoo_field = entry.odoo[1] }
    end
  end
  return needs
end

-- What `to_odoo` is made of: entries that Odoo's side owns, or that are set on creation, are
-- written into new records only.
local function forth(spec)
  local always, created = {}, {}
  for _, entry in ipairs(spec.entries) do
    if entry.to_odoo then always[#always + 1] = entry
    elseif entry.forth then created[#created + 1] = entry end
  end
  table.move(spec.on_create, 1, #spec.on_create, #created + 1, created)
  return { name = spec.name, entries = always, on_create = created, rules = spec.rules }
end

-- The schema tells no option from a text, and older servers no lengths: what is known of the
-- tables fills that in.
local function learn(self, schemas)
  local known = nav_tables.fields(self.nav.write, self.nav_version) or {}
  local merged = {}
  for name, field in pairs(known) do merged[name] = field end -- by name
  for name, def in pairs(schemas.nav and schemas.nav.fields or {}) do
    local own = known[name]
    merged[name] = { type = def.type == "char" and own and own.type or def.type,
                     max = def.max or own and own.max, options = def.options or own and own.options }
  end
  self.to_nav = mapper_nav.to_nav(self.spec, merged, self.nav_version)
  self.options = { nav_version = self.nav_version, schemas = schemas }
end

-- All that follows from the declaration, and from what this Odoo has of it.
local function settle(flow, spec)
  flow.spec, flow.entries, flow.on_create, flow.on_create_nav = spec, spec.entries, spec.on_create, spec.on_create_nav
  flow.nav_fields = nav_fields(spec)
  flow.odoo_fields = odoo_fields(spec, goes_forth)
  flow.odoo_read_fields = odoo_read_fields(spec)
  flow.nav_write_fields = nav_write_fields(spec)
  flow.current_fields = odoo_fields(spec, function(entry)
    return entry.forth and entry.map ~= nil and entry.map.uses_current == true
  end)
  flow.lookup_needs, flow.link_needs = lookup_needs(spec), link_needs(spec)
  flow.needs = sorted_set(function(add)
    for _, need in ipairs(flow.link_needs) do add(need.flow) end
  end)
  flow.to_odoo = mapper.to_odoo(forth(spec))
end

local function fit_to(self, schema)
  settle(self, fit.spec(self.whole, schema.fields))
  self:learn { nav = self.options.schemas.nav, odoo = schema }
end

--- Compiles a declaration that `navodoo.declare` found no mistakes in.
---@param spec navodoo.Declaration
---@param options { nav_version: string?, schemas: table? }?
---@return navodoo.Compiled
function compile.flow(spec, options)
  options = options or {}
  local schemas = options.schemas or {}
  local flow = {
    whole = spec, name = spec.name, file = spec.file, line = spec.line, directions = spec.directions,
    nav = spec.nav, odoo = spec.odoo, link = spec.link, policy = spec.policy, rules = spec.rules,
    nav_version = options.nav_version, check = check.run, learn = learn, fit = fit_to,
  }
  settle(flow, fit.spec(spec, schemas.odoo and schemas.odoo.fields))
  flow:learn(schemas)
  return flow
end

return compile
