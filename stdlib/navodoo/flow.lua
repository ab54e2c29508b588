--- `flow "name" { ... }`: what a flow file returns.
--
-- Keeps the declaration and the place it was written at; runs and checks nothing. The
-- loader reads the declaration (`navodoo.compile`).

local problem = require "navodoo.problem"

---@class navodoo.Flow
---@field kind "flow"
---@field name string
---@field declaration table
---@field file string
---@field line integer?

--- Begins a flow. Call the result with the declaration.
---@param name string  lower case letters, digits and `_`
---@return fun(declaration: table): navodoo.Flow
local function flow(name)
  local file, line = problem.caller()
  if type(name) ~= "string" then
    return problem.note(
      ('flow: a name is expected, got %s: write flow "name" { ... }'):format(problem.a(name)))
  end
  return function(declaration)
    if type(declaration) ~= "table" then
      return problem.note(('flow "%s": a table is expected, got %s'):format(
        name, problem.a(declaration)), nil, file, line)
    end
    return { kind = "flow", name = name, declaration = declaration, file = file, line = line }
  end
end

return flow
