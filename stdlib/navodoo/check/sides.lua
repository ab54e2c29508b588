--- The two sides of a flow and its policies, against what NAV and Odoo look like: keys, stamps,
-- conditions, numbers, and whether what the flow makes is what it watches.

local kind = require "navodoo.kind"
local problem = require "navodoo.problem"
local a = kind.a

local sides = {}

-- A rule that demands what nothing writes would refuse every new record of NAV.
local function new_records(self)
  if not self.flow.policy.create_in_nav then return end
  local made = {}
  for _, name in ipairs(self.flow.nav_write_fields) do made[name] = true end
  for _, r in ipairs(self.flow.rules) do
    for _, name in ipairs(r.required and r.fields or {}) do
      if not made[name] then
        self:note(r.line, ("rule %q refuses every new record of NAV: nothing writes %s; add it to create.nav")
          :format(r.name, name))
      end
    end
  end
end

-- What decides who was first must tell instants apart.
local function newest(self)
  if self.flow.policy.conflict ~= "newest" then return end
  local watch = self.flow.nav.watch
  local def = watch.stamp and (self.nav and self.nav[watch.stamp] or self.known[watch.stamp])
  if not watch.stamp or not def or def.type ~= "datetime" then
    self:note("conflict", ('conflict = "newest" needs stamps below a second on both sides; %s: '
      .. 'use "review", "nav" or "odoo"'):format(watch.stamp and watch.stamp .. " is "
      .. a(kind.of_type(def and def.type or "date")) or "NAV is watched without a stamp"))
  end
end

-- The key is what the page's table has for one; its order does not matter here.
local function find_key(self)
  local key, wanted = self.flow.nav.key, self.nav_key
  if not wanted or #wanted == 0 then return end
  local given, missing = {}, {}
  for _, name in ipairs(key) do given[name] = true end
  for _, name in ipairs(wanted) do
    if not given[name] then missing[#missing + 1] = name end
  end
  if #missing > 0 or #key ~= #wanted then
    self:note("nav.key", ("nav.key: a record of %s is named by %s"):format(self.flow.nav.read,
      table.concat(wanted, " and ")))
  end
end

-- The numbers that the engine gives must fit into the key.
local function find_number(self)
  local number, key = self.flow.policy.number, self.flow.nav.key
  if type(number) ~= "table" then return end
  local name = key[#key]
  local max = self.nav and self.nav[name] and self.nav[name].max or self.known[name] and self.known[name].max
  if max and #number.prefix + number.digits > max then
    self:note("nav.number", ("nav.number makes %d characters, %s holds %d"):format(#number.prefix + number.digits,
      name, max))
  end
end

-- What the flow always writes into a field of new records, nil when that depends on them;
-- and the entry that does.
local function always(flow, field)
  for _, list in ipairs { flow.entries, flow.on_create } do
    for _, entry in ipairs(list) do
      for _, name in ipairs(entry.forth and entry.odoo or {}) do
        if name == field and entry.constant ~= nil then return entry.constant, entry end
        if name == field and entry.map and entry.map.arity == 0 then
          if entry.map.uses_current then return entry.map.get({ creating = true }, field), entry end
          return entry.map.get(), entry
        end
        if name == field then return nil, entry end
      end
    end
  end
  return nil, nil
end

local HOLDS <const> = {
  ["="] = function(x, y) return x == y end, ["!="] = function(x, y) return x ~= y end,
  [">"] = function(x, y) return x > y end, [">="] = function(x, y) return x >= y end,
  ["<"] = function(x, y) return x < y end, ["<="] = function(x, y) return x <= y end,
}

-- A record that the flow makes must belong to those that it watches.
local function own_records(self)
  for i, term in ipairs(self.flow.odoo.where) do
    if type(term) == "string" then return end -- "|" and "!" would have to be worked out
    local holds = not term[1]:find(".", 1, true) and HOLDS[term[2]] -- what others hold is not ours to say
    local value, written = always(self.flow, term[1])
    if not written and math.type(term[3]) == "integer" then value = 0 end
    if holds and value ~= nil and math.type(value) == math.type(term[3]) and type(value) == type(term[3])
       and not holds(value, term[3]) then
      self:note(written and written.path or "odoo.where." .. i,
        ("a record that this flow makes would not belong to odoo.where: %s %s %s, but %s"):format(term[1], term[2],
          tostring(term[3]), written and ("%s is written"):format(tostring(value))
          or ("nothing writes %s"):format(term[1])))
    end
  end
end

--- Notes what is wrong with them.
---@param self table  a checker of `navodoo.check.schema`
function sides.run(self)
  local flow = self.flow
  own_records(self)
  find_key(self)
  find_number(self)
  for _, name in ipairs(flow.nav.key) do self:nav_field(name, "nav.key", "nav.key") end
  local number = flow.nav.watch.mode == "entry_no" and self.nav and self.nav[flow.nav.key[1]]
  if number and number.type ~= "integer" then
    self:note("nav.watch.mode", ("nav.watch.mode: entry_no needs a key that is a number, %q is %s"):format(
      flow.nav.key[1], a(number.type)))
  end
  local stamp = flow.nav.watch.stamp
  local def = stamp and self:nav_field(stamp, "nav.watch.stamp", "nav.watch.stamp")
  if def and def.type ~= "date" and def.type ~= "datetime" then
    self:note("nav.watch.stamp", ("nav.watch.stamp: %s is %s, it must be a date or an instant"):format(stamp,
      a(kind.of_type(def.type))))
  end
  for i, clause in ipairs(flow.nav.where) do
    local path = "nav.where." .. i
    local field = self:nav_field(clause[1], path, "nav.where")
    if field and type(clause[3]) == "string" then self:nav_value(clause[1], clause[3], path) end
  end
  for _, name in ipairs(problem.names(flow.nav.block or {})) do
    local path = "nav.block." .. name
    if self:nav_field(name, path, "nav.block") then self:nav_value(name, flow.nav.block[name], path) end
  end
  if flow.nav.probe then self:nav_field(flow.nav.probe, "nav.probe", "nav.probe") end
  for i, term in ipairs(flow.odoo.where) do
    if type(term) == "table" then self:odoo_field(term[1]:match "^[^.]*", "odoo.where." .. i, "odoo.where") end
  end
  for i, pair in ipairs(flow.link.adopt) do
    local path = "link.adopt." .. i
    self:nav_field(pair.nav, path, "link.adopt")
    self:odoo_field(pair.odoo, path, "link.adopt")
  end
  new_records(self)
  newest(self)
end

return sides
