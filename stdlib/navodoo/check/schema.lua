--- A compiled flow against what the two systems look like.
--
-- A schema is what `conn:schema` gives: `{ fields = { [name] = { type=, readonly=, required=,
-- max=, relation=, options= } } }`. A side without a schema is not compared. Much is known of
-- NAV's standard pages (`navodoo.nav_tables`) that its metadata does not say. Pure.

local kind = require "navodoo.kind"
local nav_tables = require "navodoo.nav_tables"
local outline = require "navodoo.outline"
local problem = require "navodoo.problem"
local sides = require "navodoo.check.sides"

local schema = {}

local is_in = problem.is_in

local checker = {}
checker.__index = checker

-- `path` is that of the declaration ("fields.3.1"), or a line.
function checker:note(path, text, near)
  local line, column = path, nil
  if type(path) == "string" then line, column = outline.find(self.flow.spec.places, path) end
  self.problems[#self.problems + 1] = problem.new {
    file = self.flow.file, line = line or self.flow.line, column = column, text = text, near = near,
  }
end

-- The field's definition, or nil; an unknown name is noted.
function checker:nav_field(name, path, what)
  if not self.nav then return nil end
  local def = self.nav[name]
  if not def then
    self:note(path, ("%s: %s has no property %q"):format(what, self.flow.nav.read, name),
      problem.near(name, self.nav_names))
  end
  return def
end

function checker:odoo_field(name, path, what)
  if not self.odoo then return nil end
  local def = self.odoo[name]
  if not def then
    self:note(path, ("%s: %s has no field %q"):format(what, self.flow.odoo.model, name),
      problem.near(name, self.odoo_names))
  end
  return def
end

-- Where the i-th name of one side of an entry stands.
local function place_of(entry, side, i)
  if entry.path:find "^create" then return entry.path end
  local at = ("%s.%d"):format(entry.path, side == "nav" and 1 or 2)
  return #entry[side] > 1 and ("%s.%d"):format(at, i) or at
end

local a = kind.a

-- What stands before the field in a NAV schema, as map.takes names it.
local function accepted_by_map(takes, k)
  if takes == nil or k == nil then return true end
  if takes == "text" then return k == "text" or k == "option" end
  if takes == "number" then return k == "integer" or k == "decimal" end
  return takes == k
end

-- Kinds of the values that a lookup's own table gives; nil when they differ or are none.
local function table_kind(values)
  local found
  for _, v in pairs(values) do
    local k = kind.of_value(v)
    if found and found ~= k then return nil end
    found = k
  end
  return found
end

function checker:lookup(entry, def)
  local found, field = entry.lookup, entry.odoo[1]
  if found.link then return "id" end
  if found.model and found.value == "id" then
    if def.type ~= "many2one" then
      self:note(place_of(entry, "odoo", 1), ("%q is %s: lookup.%s gives the id of a %s"):format(field,
        a(kind.of_type(def.type)), found.name, found.model))
    elseif def.relation and def.relation ~= found.model then
      self:note(place_of(entry, "odoo", 1), ("%q links to %s: lookup.%s searches %s"):format(field, def.relation,
        found.name, found.model))
    end
    return nil
  end
  return found.model and "text" or table_kind(found.values)
end

-- The kind of what an entry writes into its i-th Odoo field; nil when it cannot be known.
function checker:given(entry, i, source, target)
  if entry.constant ~= nil then return kind.of_value(entry.constant) end
  if entry.lookup then return self:lookup(entry, target) end
  if entry.map then return entry.map.gives end
  if entry.get or entry.make then return nil end
  return source[i] and kind.of_type(source[i].type)
end

-- Values of a map.choice or of NAV's own options that a selection does not have.
function checker:selection(entry, i, source, def)
  if not def.options then return end
  local values = {}
  if entry.map and entry.map.options then
    for _, v in pairs(entry.map.options) do values[#values + 1] = v end
  elseif not (entry.map or entry.get or entry.lookup) and source[i] and source[i].options then
    for _, v in ipairs(source[i].options) do values[#values + 1] = v end
  elseif type(entry.constant) == "string" then
    values[1] = entry.constant
  end
  for _, v in ipairs(values) do
    if type(v) == "string" and not is_in(def.options, v) then
      self:note(place_of(entry, "odoo", i), ("%q has no choice %q; it has %s"):format(entry.odoo[i], v,
        table.concat(def.options, ", ")), problem.near(v, def.options))
    end
  end
end

function checker:lengths(entry, i, source, def)
  local nav_max = source[i] and source[i].max
  local max = entry.max
  if type(max) == "table" then
    for _, n in pairs(max) do
      if math.type(max) ~= "integer" or n < max then max = n end
    end
  end
  if max and nav_max and max > nav_max then
    self:note(entry.path .. ".max", ("max is %d, but %s holds %d characters"):format(
      max, entry.nav[i], nav_max))
  end
  local longest = entry.map and entry.map.max or nav_max
  if math.type(entry.max) == "integer" then longest = entry.max end
  if def and def.max and longest and longest > def.max and not entry.lookup and not entry.get then
    self:note(place_of(entry, "odoo", i), ("%s may have %d characters, %q holds %d: give the entry max = %d "
      .. "or map.text"):format(entry.nav[i] or "the value", longest, entry.odoo[i], def.max,
      def.max))
  end
end

function checker:target(entry, i, source)
  local field = entry.odoo[i]
  local place = place_of(entry, "odoo", i)
  local def = self:odoo_field(field, place, entry.path:match "^%a+")
  self:lengths(entry, i, source, def)
  if not def then return end
  if def.readonly then
    self:note(place, ("%q of %s is computed by Odoo and cannot be written"):format(
      field, self.flow.odoo.model))
    return
  end
  local wanted, given = kind.of_type(def.type), self:given(entry, i, source, def)
  if wanted == "selection" and given == "option" then given = "text" end
  if not kind.fits(wanted, given) then
    local from = entry.map and ("map.%s gives"):format(entry.map.name)
      or entry.nav[i] and ("%s is"):format(entry.nav[i]) or "the value is"
    self:note(place, ("%q is %s, %s %s"):format(field, a(wanted), from, a(given)))
  elseif wanted == "selection" then
    self:selection(entry, i, source, def)
  end
end

-- What goes into a property of NAV.
function checker:nav_target(entry, i, source)
  local name, place = entry.nav[i], place_of(entry, "nav", i)
  local def = self.nav and self.nav[name]
  if not def then return end
  if self.known[name] and self.known[name].sum then return end -- said already
  if self:is_readonly(name) and not entry.is_key then
    self:note(place, ("%s of %s is computed by NAV and cannot be written: to = \"odoo\""):format(name,
      self.flow.nav.write))
    return
  end
  local wanted, given = kind.of_type(def.type), nil
  if entry.constant ~= nil then given = kind.of_value(entry.constant)
  elseif entry.lookup then given = "text"
  elseif not (entry.put or entry.map or entry.make) then
    given = source[i] and kind.of_type(source[i].type)
    if given == "selection" then given = "text" end
  end
  if wanted == "option" and given == "text" then given = "option" end
  if wanted and given and not kind.fits(wanted, given) then
    self:note(place, ("%s is %s, %s %s"):format(name, a(wanted), entry.lookup and "lookup." .. entry.lookup.name
      .. " gives" or entry.odoo[i] and ("%q is"):format(entry.odoo[i]) or "the value is", a(given)))
  elseif type(entry.constant) == "string" then
    self:nav_value(name, entry.constant, place)
  end
end

-- A value that a flow writes into NAV: an option must have it, and it must fit in.
function checker:nav_value(name, v, place)
  local options, max = self:options_of(name), self.nav[name] and self.nav[name].max
  if options and not is_in(options, v) then
    self:note(place, ("%s has no option %q; it has \"%s\""):format(name, tostring(v),
      table.concat(options, '", "')), problem.near(tostring(v), options))
  elseif max and type(v) == "string" and utf8.len(v) and utf8.len(v) > max then
    self:note(place, ("%q has %d characters, %s holds %d"):format(v, utf8.len(v), name, max))
  end
end

-- Options of NAV are texts in its metadata.
function checker:options_of(name)
  local own, known = self.nav and self.nav[name], self.known[name]
  return own and own.options or known and known.options
end

function checker:is_readonly(name)
  local own, known = self.nav and self.nav[name], self.known[name]
  return own and own.readonly or known and known.readonly
end

-- The options that a map names, against those that NAV has.
function checker:choices(entry)
  local options = entry.map and entry.map.options and #entry.nav == 1 and self:options_of(entry.nav[1])
  if not options then return end
  for _, option in ipairs(problem.names(entry.map.options)) do
    if not is_in(options, option) then
      self:note(entry.path .. ".3", ("%s has no option %q; it has \"%s\""):format(entry.nav[1], option,
        table.concat(options, '", "')), problem.near(option, options))
    end
  end
  for _, option in ipairs(options) do
    if entry.map.options[option] == nil then
      self:note(entry.path .. ".3", ("%s can be %q, which map.choice does not name: such records would be refused")
        :format(entry.nav[1], option))
    end
  end
end

function checker:entry(entry)
  local source, target = {}, {}
  local what = entry.path:match "^%a+"
  for i, name in ipairs(entry.nav) do
    local place = place_of(entry, "nav", i)
    source[i] = self:nav_field(name, place, what)
    local known = self.known[name]
    if known and known.sum then
      self:note(place, ("%s of %s is a FlowField: NAV sums it up from entries when it is asked, and no change of "
        .. "the record says when it changed; stock goes by its ledger, not by a mapping"):format(name,
        self.flow.nav.read))
    end
    local k = source[i] and kind.of_type(source[i].type)
    if k and entry.map and not accepted_by_map(entry.map.takes, k) then
      self:note(place, ("%s is %s, map.%s takes a %s"):format(
        name, a(k), entry.map.name, entry.map.takes))
    elseif k and entry.lookup and k ~= "text" and k ~= "option" then
      self:note(place, ("%s is %s, lookup.%s takes a code"):format(
        name, a(k), entry.lookup.name))
    end
  end
  if entry.forth then
    for i = 1, #entry.odoo do self:target(entry, i, source) end
  else
    for i, name in ipairs(entry.odoo) do self:odoo_field(name, place_of(entry, "odoo", i), what) end
  end
  if entry.back then
    for i, name in ipairs(entry.odoo) do target[i] = self.odoo and self.odoo[name] end
    for i = 1, #entry.nav do self:nav_target(entry, i, target) end
  end
  self:choices(entry)
end

-- The record behind another, which Odoo makes with it: fields_get does not tell.
local BEHIND <const> = { ["product.product"] = "product_tmpl_id", ["res.users"] = "partner_id" }
local FILLED <const> = { boolean = true, selection = true, one2many = true, many2many = true }

-- Odoo fills in what has a default, and company-dependent properties have one; without
-- either a record cannot be created.
function checker:required_fields()
  local written = {}
  for _, name in ipairs(self.flow.odoo_fields) do written[name] = true end
  for _, name in ipairs(self.odoo_names or {}) do
    local def = self.odoo[name]
    if def.required and not def.readonly and def.default == nil and not written[name]
       and not FILLED[def.type] and BEHIND[self.flow.odoo.model] ~= name and not name:find "^property_" then
      self:note(self.flow.line, ("%s needs a %q, which no entry writes"):format(
        self.flow.odoo.model, name))
    end
  end
end

--- A checker of one flow.
---@param flow navodoo.Compiled
---@param schemas { nav: table?, odoo: table? }
function schema.open(flow, schemas)
  local self = setmetatable({ flow = flow, problems = {} }, checker)
  self.known = nav_tables.fields(flow.nav.read, flow.nav_version) or {}
  for _, side in ipairs { "nav", "odoo" } do
    local fields = schemas[side] and schemas[side].fields
    self[side] = fields
    self[side .. "_names"] = fields and problem.names(fields)
    self[side .. "_key"] = schemas[side] and schemas[side].key
  end
  return self
end

--- What is known of NAV's page: of its metadata, and of the tables.
---@return table<string, navodoo.NavField>
function checker:page()
  local fields = {}
  for name, field in pairs(self.known) do fields[name] = field end -- by name
  for name, def in pairs(self.nav or {}) do
    local own = self.known[name]
    fields[name] = { type = def.type == "char" and own and own.type or def.type, readonly = def.readonly,
                     max = def.max or own and own.max, options = def.options or own and own.options }
  end
  return fields
end

--- Compares; returns all problems, sorted.
---@param flow navodoo.Compiled
---@param schemas { nav: table?, odoo: table? }
---@return navodoo.Problem[]
function schema.run(flow, schemas)
  local self = schema.open(flow, schemas)
  sides.run(self)
  for _, list in ipairs { flow.entries, flow.on_create, flow.on_create_nav } do
    for _, entry in ipairs(list) do self:entry(entry) end
  end
  for _, r in ipairs(flow.rules) do
    for _, name in ipairs(r.fields) do self:nav_field(name, r.line, ("rule %q"):format(r.name)) end
  end
  self:required_fields()
  return problem.sort(self.problems)
end

return schema
