--- How a command reaches a running engine: HTTP over a socket in the state folder.
--
-- With no engine the command takes the store itself, so that the same commands look and
-- mend on a running and on a stopped engine. What only reads takes no lock: the engine
-- may start beside it.

local fs = require "navodoo.fs"
local http = require "navodoo.http"
local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"
local commands = require "cli.commands"

local control = {}

--- How long a running engine may take to answer.
local ANSWER_MS <const> = 15000
--- Question and answer: a letter with the largest payload there may be.
local ANSWER_MAX <const> = 96 << 20
--- A store that is taken by an engine that does not listen is tried again so often.
local BUSY_ATTEMPTS <const>, BUSY_PAUSE_MS <const> = 20, 100

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
  return http.serve { socket = socket_path(state), handler = control.handle, max_body = ANSWER_MAX }
end

--- Asks the engine behind the control socket. Neither result nor error: none listens.
local function ask_engine(state, name, arguments)
  http.endpoint { name = "control", base_url = "http://localhost", unix_socket = socket_path(state) }
  local response, err = http.request {
    endpoint = "control", method = "POST", path = "/" .. name, timeout_ms = ANSWER_MS,
    headers = { ["Content-Type"] = "application/json" },
    body = assert(json.encode(json.object({}, arguments))), max_body = ANSWER_MAX }
  if response then
    local result = json.decode(response.body)
    if response.status == 200 then return result end
    return nil, { text = type(result) == "table" and result.text or "the engine did not understand" }
  end
  if not err.maybe_sent then return nil, nil end
  return nil, { text = ("the engine of %s runs and did not answer (%s); try again, or stop it"):format(
    state, err.text) }
end

--- Why the folder cannot be looked into, or nil when it holds a store.
local function no_store(state)
  if fs.kind(state) == "file" then
    return { text = ("%s is a file; --state names the engine's folder"):format(state) }
  end
  local path = state .. "/navodoo.db"
  local f, why = io.open(path, "rb")
  if f then
    f:close()
    return nil
  end
  if why:find "No such file" then
    return { text = ("%s holds no store; name the engine's folder with --state"):format(state) }
  end
  return { text = why .. "; this takes the user that runs the engine" }
end

--- Adds the way out to a failure to open the store of an engine.
---@param err table
---@return string text
function control.explain(err)
  if err.code == "busy" then
    return err.text .. "; stop that one first, or name another folder with --state"
  end
  if err.text:find "Permission denied" or err.text:find "Read%-only" or err.text:find "Not a directory" then
    return err.text .. "; name a folder that this user may write with --state"
  end
  if err.text:find "socket path is longer" then return err.text .. "; take a --state with a shorter name" end
  return err.text
end

--- Runs a command on the engine that owns `state`, or on the store when none runs.
-- An engine that starts or ends holds the store and does not listen: it is waited for,
-- except by what only reads. A store of an older version can be opened for writing only,
-- which brings it up to date.
---@param state string folder
---@param name string
---@param arguments table
---@return table|nil result
---@return table|nil err
function control.call(state, name, arguments)
  for attempt = 1, BUSY_ATTEMPTS do
    if fs.kind(socket_path(state)) then
      local result, err = ask_engine(state, name, arguments)
      if result or err then return result, err end
    end
    local missing = no_store(state)
    if missing then return nil, missing end
    local ok, err
    if commands.reads[name] then ok, err = store.open(state, "read") end
    if not ok then ok, err = store.open(state) end
    if ok then
      local ran, result, failed = pcall(commands[name], arguments)
      store.close() -- an engine may start between two questions
      if not ran then error(result, 0) end
      return result, failed
    end
    if err.code ~= "busy" then return nil, { text = control.explain(err) } end
    if attempt == BUSY_ATTEMPTS then
      return nil, { text = err.text .. " that does not listen; it starts or ends: try again" }
    end
    task.sleep(BUSY_PAUSE_MS)
  end
end

return control
