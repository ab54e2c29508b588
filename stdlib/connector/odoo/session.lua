--- The web client's own door to Odoo (14 to 19): a login that gives a cookie, then call_kw.
--
-- For users whose password works on the web only. One login serves all flows; the cookie stays
-- with the secrets of the process, also when the server changes it. A session that the server no
-- longer knows is opened anew once: what met it was not executed.

local json = require "navodoo.json"
local crypto = require "navodoo.crypto"
local call = require "connector.call"
local errors = require "connector.odoo.errors"
local jsonrpc = require "connector.odoo.jsonrpc"

local session = {}

-- Without X-Odoo-Database: a request that carries it is stateless since 19, and gets no cookie.
local TYPE <const> = "application/json"
-- Odoo lets a session rest for a week; the login is asked for again sooner.
local LOGIN_TTL_MS <const> = 24 * 3600 * 1000
local KEY <const> = "session"

local function cookie_of(endpoint) return { secret = endpoint.name .. ".session", cookie = "session_id" } end

local function body(params)
  return assert(json.encode(json.object({ "jsonrpc", "method", "id", "params" },
    { jsonrpc = "2.0", method = "call", id = 1, params = params })))
end

local function refuse(endpoint, words)
  return nil, errors.of_fault(endpoint, "login", 200, { name = "AccessDenied", message = words }, false)
end

local function log_in(conn)
  local endpoint = conn.endpoint
  local read = jsonrpc.reader(endpoint, "login", false)
  return call.exchange(endpoint, {
    what = "login", method = "POST", path = "/web/session/authenticate",
    headers = { ["Content-Type"] = TYPE }, capture = cookie_of(endpoint), write = false,
    body = body { db = endpoint.database, login = endpoint.user, password = endpoint.secret },
  }, function(res)
    local info, err = read(res)
    if err then return nil, err end
    if type(info) ~= "table" or math.type(info.uid) ~= "integer" then
      return refuse(endpoint, ("Odoo wants more than a password of user %s (a second factor?)"):format(endpoint.user))
    end
    if not res.captured then return refuse(endpoint, "the login gave no session") end
    return crypto.random_hex(8) .. " " .. res.captured
  end)
end

local function execute(conn, login, model, method, args, write, trial, plan)
  local endpoint = conn.endpoint
  local headers = { ["Content-Type"] = TYPE, Cookie = "session_id=" .. login:match "%S+$" }
  local positional, named = jsonrpc.arguments(method, args)
  return call.exchange(endpoint, {
    what = model .. " " .. method, method = "POST", path = ("/web/dataset/call_kw/%s/%s"):format(model, method),
    headers = headers, capture = cookie_of(endpoint), write = write, trial = trial, plan = plan,
    body = body { model = model, method = method, args = positional, kwargs = named },
  }, jsonrpc.reader(endpoint, model .. " " .. method, write))
end

--- What kind of server this is; needs no login.
session.version = jsonrpc.version
session.list, session.beside = jsonrpc.list, jsonrpc.beside

--- Calls a method of a model.
---@param conn connector.Odoo
---@param model string
---@param method string
---@param args table   by name; `ids` for a method of records
---@param write boolean
---@param _trial boolean?
---@param plan navodoo.records.Plan?  reads the result, where it is a list of records
---@return any result
---@return connector.Error|nil err
function session.call(conn, model, method, args, write, _trial, plan)
  local endpoint = conn.endpoint
  local login, err = call.cached(endpoint, KEY, LOGIN_TTL_MS, function() return log_in(conn) end)
  if not login then return nil, err end
  local result
  result, err = execute(conn, login, model, method, args, write, true, plan)
  if not err or err.class ~= "auth" then return result, err end
  call.forget(endpoint, KEY, login)
  login, err = call.cached(endpoint, KEY, LOGIN_TTL_MS, function() return log_in(conn) end)
  if not login then return nil, err end
  return execute(conn, login, model, method, args, write, false, plan)
end

return session
