--- What flows of one folder say of each other: fields that two of them write, records that
-- both may touch, flows that they name.

local outline = require "navodoo.outline"
local problem = require "navodoo.problem"

local together = {}

local note_mt = {}
note_mt.__index = note_mt

function note_mt:note(flow, path, text, near)
  local line, column = outline.find(flow.spec.places, path)
  self.problems[#self.problems + 1] = problem.new {
    file = flow.file, line = line or flow.line, column = column, text = text, near = near,
  }
end

-- Whether two lists of { field, operator, value } can't both hold: one says a field is what
-- the other says it is not. Terms that are joined by "|" or negated tell nothing.
local function exclude_each_other(a, b, equals, differs)
  for _, term in ipairs(a) do
    if type(term) == "string" then return false end
    for _, other in ipairs(b) do
      if type(other) == "string" then return false end
      if term[1] == other[1] then
        local x, y = term[2], other[2]
        if x == equals and y == equals and term[3] ~= other[3] then return true end
        if (x == equals and y == differs or x == differs and y == equals) and term[3] == other[3] then
          return true
        end
      end
    end
  end
  return false
end

-- Fields of Odoo that an entry of the flow writes again and again: field -> entry.
local function written(flow)
  local fields = {}
  for _, entry in ipairs(flow.entries) do
    if entry.to_odoo then
      for _, name in ipairs(entry.odoo) do fields[name] = entry end
    end
  end
  return fields
end

-- Two cards of one partner: each field that both write has one that owns it.
local function find_shared(self, a, b)
  local of_a, of_b = written(a), written(b)
  for _, name in ipairs(problem.names(of_b)) do
    local mine, other = of_b[name], of_a[name]
    if other and mine.shared ~= a.name and other.shared ~= b.name then
      self:note(b, mine.path, ("%q of %s is written by flow %s too (%s:%s): say which card owns it, "
        .. "as in shared = %q"):format(name, b.odoo.model, a.name, a.file, tostring(other.line), a.name))
    elseif other and mine.shared == a.name and other.shared == b.name then
      self:note(b, mine.path, ("%q: flows %s and %s each leave it to the other"):format(name, a.name, b.name))
    end
  end
end

local function find_pairs(self, a, b)
  if a.odoo.model == b.odoo.model then
    if a.link.xmlid == b.link.xmlid then
      self:note(b, "link.xmlid", ("link.xmlid %q is flow %s's too (%s): external ids would collide"):format(
        b.link.xmlid, a.name, a.file))
    end
    local cluster = a.link.cluster ~= nil and a.link.cluster == b.link.cluster
    if cluster then
      find_shared(self, a, b)
    elseif not exclude_each_other(a.odoo.where, b.odoo.where, "=", "!=") then
      self:note(b, "odoo.where", ("records of %s may belong to flow %s too (%s): let the odoo.where of both "
        .. "exclude each other, or put both into one link.cluster"):format(b.odoo.model, a.name, a.file))
    end
  end
  if a.nav.write == b.nav.write and not exclude_each_other(a.nav.where, b.nav.where, "eq", "ne") then
    self:note(b, "nav.write", ("records of %s may belong to flow %s too (%s): let the nav.where of both "
      .. "exclude each other"):format(b.nav.write, a.name, a.file))
  end
end

local function find_names(self, flow, by_name, names)
  for _, entry in ipairs(flow.entries) do
    local other = entry.shared and by_name[entry.shared]
    if entry.shared and (not other or entry.shared == flow.name) then
      self:note(flow, entry.path .. ".shared", ("shared names a flow of the cluster; there is no %q"):format(
        entry.shared), problem.near(entry.shared, names))
    elseif other and (not flow.link.cluster or other.link.cluster ~= flow.link.cluster) then
      self:note(flow, entry.path .. ".shared", ("shared = %q, but the two flows are not in one link.cluster")
        :format(entry.shared))
    elseif other then
      local theirs = written(other)
      for _, field in ipairs(entry.odoo) do
        if not theirs[field] then
          self:note(flow, entry.path .. ".shared", ("flow %s does not write %q, so its card cannot own it")
            :format(other.name, field))
        end
      end
    end
    local link = entry.lookup and entry.lookup.link
    if link and not by_name[link] then
      self:note(flow, entry.path, ("lookup.link names a flow; there is no %q"):format(link),
        problem.near(link, names))
    end
  end
end

--- Compares all flows of a folder; appends to `problems`.
---@param flows navodoo.Compiled[]
---@param schemas { nav: table?, odoo: table? }  by endpoint, then by name
---@param problems navodoo.Problem[]
function together.run(flows, schemas, problems)
  local self = setmetatable({ problems = problems }, note_mt)
  local by_name = {}
  for _, flow in ipairs(flows) do by_name[flow.name] = flow end
  local names = problem.names(by_name)
  for i, b in ipairs(flows) do
    for j = 1, i - 1 do find_pairs(self, flows[j], b) end
    find_names(self, b, by_name, names)
    local model = (schemas.odoo or {})[b.odoo.model]
    for _, entry in ipairs(b.entries) do
      local target = entry.lookup and entry.lookup.link and by_name[entry.lookup.link]
      local def = model and model.fields[entry.odoo[1]]
      if target and def and (def.type ~= "many2one" or def.relation and def.relation ~= target.odoo.model) then
        self:note(b, entry.path, ("%q does not link to %s, which flow %s writes"):format(entry.odoo[1],
          target.odoo.model, target.name))
      end
    end
  end
end

return together
