--- Compares a compiled flow with what the two systems look like.
--
-- A schema is what `conn:schema` gives: `{ fields = { [name] = { type=, readonly=, required=,
-- max=, relation=, options= } } }`. A side without a schema is not compared. All mistakes
-- come at once, each with the line of its entry. Pure.

local kind = require "navodoo.kind"
local problem = require "navodoo.problem"

local check = {}

local is_in = problem.is_in

local checker = {}
checker.__index = checker

function checker:note(line, text, near)
  self.problems[#self.problems + 1] = problem.new {
    file = self.flow.file, line = line, text = text, near = near,
  }
end

-- The field's definition, or nil; an unknown name is noted.
function checker:nav_field(name, line, what)
  if not self.nav then return nil end
  local def = self.nav[name]
  if not def then
    self:note(line, ("%s: %s has no property %q"):format(what, self.flow.nav.read, name),
      problem.near(name, self.nav_names))
  end
  return def
end

function checker:odoo_field(name, line, what)
  if not self.odoo then return nil end
  local def = self.odoo[name]
  if not def then
    self:note(line, ("%s: %s has no field %q"):format(what, self.flow.odoo.model, name),
      problem.near(name, self.odoo_names))
  end
  return def
end

local ARTICLE <const> = {
  text = "a text", option = "an option", boolean = "a boolean", integer = "a whole number",
  decimal = "an amount", date = "a date", datetime = "an instant", id = "a record id",
  selection = "a selection", many2one = "a link to a record", x2many = "a list of records",
}
local function a(k) return ARTICLE[k] or tostring(k) end

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
  if found.model and found.value == "id" then
    if def.type ~= "many2one" then
      self:note(entry.line, ("%q is %s: lookup.%s gives the id of a %s"):format(field,
        a(kind.of_type(def.type)), found.name, found.model))
    elseif def.relation and def.relation ~= found.model then
      self:note(entry.line, ("%q links to %s: lookup.%s searches %s"):format(field, def.relation,
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
  if entry.get then return nil end
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
      self:note(entry.line, ("%q has no choice %q; it has %s"):format(entry.odoo[i], v,
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
    self:note(entry.line, ("max is %d, but %s holds %d characters"):format(
      max, entry.nav[i], nav_max))
  end
  local longest = entry.map and entry.map.max or nav_max
  if math.type(entry.max) == "integer" then longest = entry.max end
  if def and def.max and longest and longest > def.max and not entry.lookup and not entry.get then
    self:note(entry.line, ("%s may have %d characters, %q holds %d: give the entry max = %d "
      .. "or map.text"):format(entry.nav[i] or "the value", longest, entry.odoo[i], def.max,
      def.max))
  end
end

function checker:target(entry, i, source)
  local field = entry.odoo[i]
  local def = self:odoo_field(field, entry.line, "fields")
  self:lengths(entry, i, source, def)
  if not def then return end
  if def.readonly then
    self:note(entry.line, ("%q of %s is computed by Odoo and cannot be written"):format(
      field, self.flow.odoo.model))
    return
  end
  local wanted, given = kind.of_type(def.type), self:given(entry, i, source, def)
  if wanted == "selection" and given == "option" then given = "text" end
  if not kind.fits(wanted, given) then
    local from = entry.map and ("map.%s gives"):format(entry.map.name)
      or entry.nav[i] and ("%s is"):format(entry.nav[i]) or "the value is"
    self:note(entry.line, ("%q is %s, %s %s"):format(field, a(wanted), from, a(given)))
  elseif wanted == "selection" then
    self:selection(entry, i, source, def)
  end
end

function checker:entry(entry)
  local source = {}
  for i, name in ipairs(entry.nav) do
    source[i] = self:nav_field(name, entry.line, "fields")
    local k = source[i] and kind.of_type(source[i].type)
    if k and entry.map and not accepted_by_map(entry.map.takes, k) then
      self:note(entry.line, ("%s is %s, map.%s takes a %s"):format(
        name, a(k), entry.map.name, entry.map.takes))
    elseif k and entry.lookup and k ~= "text" and k ~= "option" then
      self:note(entry.line, ("%s is %s, lookup.%s takes a code"):format(
        name, a(k), entry.lookup.name))
    end
  end
  for i = 1, #entry.odoo do self:target(entry, i, source) end
end

-- Odoo fills in what has a default, and company-dependent properties have one; without
-- either a record cannot be created.
function checker:required_fields()
  local written = {}
  for _, name in ipairs(self.flow.odoo_fields) do written[name] = true end
  for _, name in ipairs(self.odoo_names or {}) do
    local def = self.odoo[name]
    if def.required and not def.readonly and def.default == nil and not written[name]
       and def.type ~= "boolean" and def.type ~= "selection" and not name:find "^property_" then
      self:note(self.flow.line, ("%s needs a %q, which no entry writes"):format(
        self.flow.odoo.model, name))
    end
  end
end

--- Compares; returns all problems, sorted.
---@param flow navodoo.Compiled
---@param schemas { nav: table?, odoo: table? }
---@return navodoo.Problem[]
function check.run(flow, schemas)
  local self = setmetatable({ flow = flow, problems = {} }, checker)
  for _, side in ipairs { "nav", "odoo" } do
    local schema = schemas[side]
    self[side] = schema and schema.fields
    self[side .. "_names"] = schema and problem.names(schema.fields)
  end
  for _, name in ipairs(flow.nav.key) do self:nav_field(name, flow.line, "nav.key") end
  local stamp = flow.nav.watch.stamp
  if stamp then self:nav_field(stamp, flow.line, "nav.watch.stamp") end
  for _, pair in ipairs(flow.link.adopt) do
    self:nav_field(pair.nav, flow.line, "link.adopt")
    self:odoo_field(pair.odoo, flow.line, "link.adopt")
  end
  for _, entry in ipairs(flow.entries) do self:entry(entry) end
  for _, entry in ipairs(flow.on_create) do self:entry(entry) end
  for _, r in ipairs(flow.rules) do
    for _, name in ipairs(r.fields) do self:nav_field(name, r.line, ("rule %q"):format(r.name)) end
  end
  self:required_fields()
  return problem.sort(self.problems)
end

return check
