--- What the integrator's commands share: a flow by its name or file, samples and what their
-- Odoo knows, and the live systems, opened so that nothing can be written.

local fs = require "navodoo.fs"
local json = require "navodoo.json"
local problem = require "navodoo.problem"
local project = require "cli.project"
local sample = require "navodoo.sample"

local bench = {}

--- A file as text, or nil and why; `-` is standard input.
---@param path string
---@return string|nil
---@return string|nil why
function bench.read_file(path)
  if path == "-" then return io.read "a" end
  if fs.kind(path) == "folder" then return nil, path .. " is a folder" end
  local f, why = io.open(path, "rb")
  if not f then return nil, why end
  local content = f:read "a"
  f:close()
  return content
end

--- JSON of a file, or nil and why, with the line.
---@param path string
---@return any|nil
---@return string|nil why
function bench.read_json(path)
  local content, why = bench.read_file(path)
  if not content then return nil, why end
  local value, err = json.decode(content)
  if value ~= nil then return value end
  return nil, ("%s:%s: %s"):format(path == "-" and "standard input" or path, err.line or "?", err.text)
end

--- Folder and flow name of a command's FLOW: "flows/customer.lua", or "customer" of --flows.
---@param name string
---@param folder string|nil
---@return string folder
---@return string name
function bench.split(name, folder)
  local path = name:match "^(.*)%.lua$"
  if not path and not name:find "/" then return folder or "flows", name end
  path = path or name
  local own, base = path:match "^(.*)/([^/]*)$"
  return own or folder or ".", base or path
end

--- The flow of a project with this name, or of the file with this name.
---@param p table
---@param name string
---@return table|nil flow  of the project
---@return string|nil why
function bench.flow(p, name)
  local names = {}
  for i, flow in ipairs(p.flows) do
    if flow.name == name or flow.file:match "([^/]*)%.lua$" == name then return flow end
    names[i] = flow.name
  end
  table.sort(names)
  local near = problem.near(name, names)
  return nil, ("there is no flow %s in %s; %s"):format(name, p.folder,
    near and "did you mean " .. near .. "?" or "there are " .. table.concat(names, ", "))
end

--- Loads the folder of a flow and finds it. Complains by itself.
---@param name string        FLOW of the command line
---@param a { flows: string?, env: string?, set: string[]? }
---@return table|nil flow
---@return table|string project  or why not, "" when it was told already
function bench.open(name, a)
  local folder, wanted = bench.split(name, a.flows)
  local p, problems = project.load(folder, a.env, a.set)
  if not p then
    project.complain(problems)
    return nil, ""
  end
  local flow, why = bench.flow(p, wanted)
  if not flow then return nil, why end
  return flow, p
end

--- What the Odoo of the samples knows: `samples/lookups.json` of the folder.
---@param folder string
---@return table|nil lookups  {} when there is no such file
---@return string|nil why
function bench.sample_lookups(folder)
  local path = folder .. "/samples/lookups.json"
  if not fs.kind(path) then return {} end
  local tables, why = bench.read_json(path)
  if not tables then return nil, why end
  for name, t in pairs(tables) do
    if type(t) ~= "table" then
      return nil, ("%s: lookup %s: an object of codes and ids is expected"):format(path, name)
    end
  end
  return tables
end

--- Reads a sample of a flow.
---@param flow table      of the project
---@param path string
---@param direction string|nil
---@return navodoo.Sample|nil
---@return string|nil why
function bench.sample(flow, path, direction)
  local value, why = bench.read_json(path)
  if value == nil then return nil, why end
  local s
  s, why = sample.read(flow.compiled, value, direction)
  if not s then return nil, ("%s: %s"):format(path == "-" and "standard input" or path, why) end
  return s
end

return bench
