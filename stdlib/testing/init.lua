--- What specs beside flows get from `require "testing"`: the flows of their folder, and a
-- world to run them in.
--
--     local testing = require "testing"
--     local customer = testing.flow "customer"
--     local values, problems = customer:to_odoo({ No = "C1", Name = "Anna" }, { creating = true })
--
-- `navodoo test` says which folder that is; elsewhere it is ./flows.

local project = require "cli.project"
local world = require "testing.world"

local testing = { folder = "flows" }

local loaded = {}

--- The folder as `navodoo check` reads it: flows, lookups, endpoints.
---@return table project
function testing.project()
  local p = loaded[testing.folder]
  if p then return p end
  local problems
  p, problems = project.load(testing.folder)
  if not p then error(tostring(problems[1] and problems[1].text), 2) end
  loaded[testing.folder] = p
  return p
end

--- A compiled flow of the folder.
---@param name string
---@return navodoo.Compiled
function testing.flow(name)
  for _, flow in ipairs(testing.project().flows) do
    if flow.name == name then return flow.compiled end
  end
  error(("there is no flow %s in %s"):format(name, testing.folder), 2)
end

--- A NAV and an Odoo of its own for one test; see testing/world.lua.
---@param options { odoo_version: integer?, seed: integer? }?
---@return table world
function testing.world(options) return world.open(testing.project(), options) end

return testing
