--- How a command reaches a running engine: HTTP over a socket in the state folder.
--
-- With no engine the command takes the store itself (and its lock), so that the
-- same commands look and mend on a running and on a stopped engine.

local fs = require "navodoo.fs"
local http = require "navodoo.http"
local json = require "navodoo.json"
local store = require "navodoo.store"
local commands = require "cli.commands"

local control = {}

local function socket_path(state) return state .. "/control.sock" end

local function answer(status, value)
  return { status = status, headers = { ["Content-Type"] = "application/json" },
           body = assert(json.encode(value)) }
end

--- Answers `POST /<command>` with JSON arguments. `read_only` serves what cannot
-- change anything, for the public listener.
---@param request table
---@return table response
function control.handle(request)
  local name = request.path:match("^/(%w+)$")
  local command = name and commands[name]
  if request.method ~= "POST" or type(command) ~= "function" then
    return answer(404, { text = "no such command" })
  end
  local arguments, err = json.decode(request.body)
  if type(arguments) ~= "table" then
    return answer(400, { text = err and err.text or "arguments: a JSON object is expected" })
  end
  local result
  result, err = command(arguments)
  if not result then return answer(422, { text = err.text }) end
  return answer(200, result)
end

--- Opens the control socket of an engine.
---@param state string folder
---@return table|nil server
---@return table|nil err
function control.serve(state)
  return http.serve { socket = socket_path(state), handler = control.handle, max_body = 1 << 20 }
end

--- Runs a command on the engine that owns `state`, or on the store when none runs.
---@param state string folder
---@param name string
---@param arguments table
---@return table|nil result
---@return table|nil err
function control.call(state, name, arguments)
  if fs.kind(socket_path(state)) then
    http.endpoint { name = "control", base_url = "http://localhost", unix_socket = socket_path(state) }
    local response, err = http.request {
      endpoint = "control", method = "POST", path = "/" .. name, timeout_ms = 30000,
      headers = { ["Content-Type"] = "application/json" },
      body = assert(json.encode(json.object({}, arguments))) }
    if response then
      local result = json.decode(response.body)
      if response.status == 200 then return result end
      return nil, { text = type(result) == "table" and result.text or "the engine did not understand" }
    end
    if err.maybe_sent then return nil, err end -- it runs, and did not answer
  end
  if not fs.kind(state .. "/navodoo.db") then
    return nil, { text = ("%s holds no store; name the engine's folder with --state"):format(state) }
  end
  local ok, err = store.open(state)
  if not ok then return nil, err end
  return commands[name](arguments)
end

return control
