--- JSON-RPC of Odoo (14 to 19, deprecated from 19 on): one address, the login in every call.
--
-- Arguments come by name, as JSON-2 wants them; here `ids` and the few parameters that Odoo
-- takes by position only are put in front. An answer with neither result nor error is a
-- method that returned None: a success, and null.

local json = require "navodoo.json"
local call = require "connector.call"
local errors = require "connector.odoo.errors"

local jsonrpc = {}

local UID_TTL_MS <const> = 12 * 3600 * 1000

-- Parameters given by position: 14 looks for that of `create` nowhere else.
local POSITIONAL <const> = { create = { "vals_list" }, load = { "fields", "data" },
                             default_get = { "fields" } }

local ENVELOPE <const> = { "jsonrpc", "method", "id", "params" }

--- Where records stand in an answer, and what makes it a fault.
jsonrpc.list, jsonrpc.beside = "result", "error"

--- Reads an answer in the JSON-RPC envelope.
---@param endpoint connector.Endpoint
---@param what string
---@param write boolean
---@return fun(res: table): any, connector.Error?
function jsonrpc.reader(endpoint, what, write)
  return function(res)
    local beside = res.list and res.list:beside() or "null" -- the fault, where there is one
    if res.list and beside == "null" then return res.list end
    local answer = res.list and { jsonrpc = "2.0", error = json.decode(beside) }
      or res.status == 200 and call.decode(res.body)
    if type(answer) ~= "table" or not answer.jsonrpc then
      return nil, errors.of_page(endpoint, what, res, write)
    end
    local fault = answer.error
    if fault ~= nil and fault ~= json.null then
      local data = type(fault) == "table" and type(fault.data) == "table" and fault.data or {}
      return nil, errors.of_fault(endpoint, what, res.status, data, write)
    end
    if answer.result == nil then return json.null end
    return answer.result
  end
end

-- Sends a call of a service.
local function exchange(conn, request, service, method, args, read)
  request.method, request.path, request.headers = "POST", "/jsonrpc", conn.headers
  request.body = assert(json.encode(json.object(ENVELOPE, {
    jsonrpc = "2.0", method = "call", id = 1,
    params = { service = service, method = method, args = json.array(args) } })))
  return call.exchange(conn.endpoint, request, read)
end

--- Calls a method of a service.
---@param conn connector.Odoo
---@param what string        names the call in errors
---@param service "common"|"object"
---@param method string
---@param args any[]
---@param write boolean
---@param login "trial"|"anonymous"|nil  a refused login is an answer; none is needed
---@param plan navodoo.records.Plan?
---@return any result        json.null for None
---@return connector.Error|nil err
function jsonrpc.service(conn, what, service, method, args, write, login, plan)
  return exchange(conn, { what = what, write = write, trial = login == "trial", anonymous = login == "anonymous",
                          plan = plan },
                  service, method, args, jsonrpc.reader(conn.endpoint, what, write))
end

--- What kind of server this is; needs no login.
---@param conn connector.Odoo
---@return table|nil info
---@return connector.Error|nil err
function jsonrpc.version(conn)
  return jsonrpc.service(conn, "version", "common", "version", {}, false, "anonymous")
end

local function uid_key(endpoint)
  return ("uid %s %s"):format(endpoint.database, endpoint.user)
end

--- The user's id: logged in once, then known to all flows.
local function uid(conn)
  local endpoint, fresh = conn.endpoint, false
  local known, err = call.cached(endpoint, uid_key(endpoint), UID_TTL_MS, function()
    fresh = true
    local read = jsonrpc.reader(endpoint, "login", false)
    return exchange(conn, { what = "login", write = false }, "common", "authenticate",
      { endpoint.database, endpoint.user, endpoint.secret, {} }, function(res)
        local id, failed = read(res)
        if failed then return nil, failed end
        if math.type(id) == "integer" then return tostring(id) end
        -- here it is no fault but the answer `false`
        return nil, errors.of_fault(endpoint, "login", 200, { name = "AccessDenied", message = (
          "Odoo refuses user %s on database %s"):format(endpoint.user, endpoint.database) }, false)
      end)
  end)
  return known and math.tointeger(known), err, fresh
end

--- Arguments as Python's callers give them: by position where that is needed, else by name.
---@param method string
---@param args table  by name
---@return any[] positional
---@return table named
function jsonrpc.arguments(method, args)
  local positional, named, taken = json.array {}, {}, { ids = true }
  if args.ids then positional[1] = args.ids end
  for _, name in ipairs(POSITIONAL[method] or {}) do
    positional[#positional + 1], taken[name] = args[name], true
  end
  for name, v in pairs(args) do -- into a table that is encoded sorted
    if not taken[name] then named[name] = v end
  end
  return positional, named
end

local function execute(conn, id, model, method, args, write, trial, plan)
  local endpoint = conn.endpoint
  local positional, named = jsonrpc.arguments(method, args)
  return jsonrpc.service(conn, model .. " " .. method, "object", "execute_kw",
    { endpoint.database, id, endpoint.secret, model, method, positional, named }, write,
    trial and "trial" or nil, plan)
end

--- Calls a method of a model. A login that went stale is renewed once: a call that was
--- denied was not executed.
---@param conn connector.Odoo
---@param model string
---@param method string
---@param args table   by name; `ids` for a method of records
---@param write boolean
---@param _trial boolean?
---@param plan navodoo.records.Plan?  reads the result, where it is a list of records
---@return any result
---@return connector.Error|nil err
function jsonrpc.call(conn, model, method, args, write, _trial, plan)
  local id, err, fresh = uid(conn)
  if not id then return nil, err end
  local result
  result, err = execute(conn, id, model, method, args, write, not fresh, plan)
  if not err or err.class ~= "auth" or fresh then return result, err end
  call.forget(conn.endpoint, uid_key(conn.endpoint))
  id, err = uid(conn)
  if not id then return nil, err end
  return execute(conn, id, model, method, args, write, false, plan)
end

return jsonrpc
