--- All that can be told of flows without running them.
--
-- `check.run` compares one flow with the two systems' schemas: an engine asks it before it
-- starts. `check.all` is for people; it adds functions, values there and back, and flows
-- beside each other. All mistakes come at once, each at its place.

local code = require "navodoo.check.code"
local nav_tables = require "navodoo.nav_tables"
local problem = require "navodoo.problem"
local round_trip = require "navodoo.check.round_trip"
local schema = require "navodoo.check.schema"
local together = require "navodoo.check.together"

local check = {}

check.run = schema.run

-- The functions of an entry, as `check.code` reads them.
local function functions_of(self, entry, page)
  local nav, odoo, list = {}, {}, {}
  for i, name in ipairs(entry.nav) do
    nav[i] = { field = name, side = "nav", type = page[name] and page[name].type }
  end
  for i, name in ipairs(entry.odoo) do
    odoo[i] = { field = name, side = "odoo", type = self.odoo and self.odoo[name] and self.odoo[name].type }
  end
  local of_nav = self.nav and { what = self.flow.nav.read, known = self.nav }
  local of_odoo = self.odoo and { what = self.flow.odoo.model, known = self.odoo }
  local function add(fn, name, params, target, record, current)
    if fn then
      list[#list + 1] = { fn = fn, name = name, params = params, target = target and target.type,
                          key = name == "create" and (entry.odoo[1] or entry.nav[1]) or nil,
                          record = record, current = current }
    end
  end
  add(entry.get, "get", nav, odoo[1], nil, of_odoo)
  add(entry.put, "put", odoo, nav[1], nil, of_nav)
  if entry.to == "odoo" then add(entry.make, "create", {}, odoo[1], of_nav, of_odoo) end
  if entry.to == "nav" then add(entry.make, "create", {}, nav[1], of_odoo, of_nav) end
  return list
end

local function try_entries(self, source, page, failed)
  local flow = self.flow
  for _, list in ipairs { flow.entries, flow.on_create, flow.on_create_nav } do
    for _, entry in ipairs(list) do
      local before = #self.problems
      for _, spec in ipairs(functions_of(self, entry, page)) do
        code.read(flow.file, source, spec, self.problems)
      end
      -- what is wrong already would only be said again
      local broken = #self.problems == before and not failed[entry.line]
        and round_trip.try(flow, entry, page, self.odoo)
      if broken then self:note(broken.line or entry.path, broken.text) end
    end
  end
end

local function read_rules(self, source, page)
  for _, r in ipairs(self.flow.rules) do
    local params = {}
    for i, name in ipairs(r.fields) do
      params[i] = { field = name, side = "nav", type = page[name] and page[name].type }
    end
    if r.check then
      code.read(self.flow.file, source, { fn = r.check, name = "check", params = params }, self.problems)
    end
  end
end

-- Once schemas are kept, an entity without one is a name that neither system was asked for.
local function find_unknown(self, schemas)
  local flow = self.flow
  for _, c in ipairs { { "nav", "nav.read", flow.nav.read }, { "nav", "nav.write", flow.nav.write },
                       { "odoo", "odoo.model", flow.odoo.model } } do
    local kept, path, entity = schemas[c[1]], c[2], c[3]
    if kept and not kept[entity] and not (path == "nav.write" and entity == flow.nav.read) then
      self:note(path, ("%s: there is no %q in the schemas that are kept; if it is right, run navodoo schema pull")
        :format(path, entity), problem.near(entity, problem.names(kept)))
    end
  end
end

--- Everything that can be told of flows without running them against a system.
---@param options { flows: navodoo.Compiled[], sources: table<string, string>, schemas: { nav: table?, odoo: table? }? }
--   sources by file; schemas by endpoint, then by entity
---@return navodoo.Problem[] problems  sorted
function check.all(options)
  local schemas, problems = options.schemas or {}, {}
  for _, flow in ipairs(options.flows) do
    local of = { nav = (schemas.nav or {})[flow.nav.read], odoo = (schemas.odoo or {})[flow.odoo.model] }
    -- a standard page is known without asking for it
    of.nav = of.nav or { fields = nav_tables.fields(flow.nav.read, flow.nav_version) }
    local found = schema.run(flow, of.nav.fields and of or { odoo = of.odoo })
    table.move(found, 1, #found, #problems + 1, problems)
    local self = schema.open(flow, of)
    local page = self:page()
    local failed = {}
    for _, p in ipairs(found) do failed[p.line or 0] = true end
    local source = options.sources[flow.file]
    find_unknown(self, schemas)
    try_entries(self, source, page, failed)
    read_rules(self, source, page)
    table.move(self.problems, 1, #self.problems, #problems + 1, problems)
  end
  together.run(options.flows, schemas, problems)
  return problem.sort(problems)
end

return check
