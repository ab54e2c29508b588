--- The doors of an Odoo server: JSON-RPC, XML-RPC, the web client's own calls, JSON-2.
--
-- Each takes a request and gives a response; what the services behind them do is the same. A fault
-- is dressed here, in the clothes of the door (faults.lua).

local auth = require "sandbox.odoo.auth"
local call = require "sandbox.odoo.call"
local faults = require "sandbox.odoo.faults"
local instant = require "sandbox.odoo.instant"
local json = require "navodoo.json"
local pages = require "sandbox.odoo.pages"
local py = require "sandbox.odoo.py"
local xmlrpc = require "sandbox.odoo.xmlrpc"

local doors = {}

-- Responses --------------------------------------------------------------------------------------

-- Non-ASCII text as \uXXXX: how 14 writes JSON.
local function ascii(body)
  return (body:gsub("[\xC2-\xF4][\x80-\xBF]+", function(c)
    local code = utf8.codepoint(c)
    if code < 0x10000 then return ("\\u%04x"):format(code) end
    code = code - 0x10000
    return ("\\u%04x\\u%04x"):format(0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))
  end))
end

local function json_response(version, status, value, headers)
  local body = assert(json.encode(value))
  headers = headers or {}
  if version >= 17 then
    headers["Content-Type"] = "application/json; charset=utf-8"
  else
    body = body:find("[\x80-\xFF]") and ascii(body) or body
    headers["Content-Type"] = "application/json"
  end
  return { status = status, headers = headers, body = body }
end

local ANSWER <const> = { "jsonrpc", "id", "result", "error" }

-- A JSON-RPC answer; None leaves out `result`.
local function answer(version, id, result, headers)
  local body = { jsonrpc = "2.0", id = id == nil and json.null or id }
  if not py.is_none(result) then body.result = result end
  return json_response(version, 200, json.object(ANSWER, body), headers)
end

local function refusal(version, id, fault)
  if id == nil or fault.lost_id and version >= 17 then id = json.null end
  return json_response(version, 200, json.object(ANSWER,
    { jsonrpc = "2.0", id = id, error = faults.as_jsonrpc(fault, version) }))
end

-- fn's result, or the fault it raised. What is no fault is an argument that no rule here foresaw;
-- Python would raise something as well, so the client gets a fault that says where it comes from.
local function guarded(fn, ...)
  local ok, result, extra = pcall(fn, ...)
  if ok then return result, nil, extra end
  if not faults.is(result) then
    result = faults.new("builtins.Exception", "sandbox: " .. tostring(result))
  end
  return nil, result
end

-- Services ---------------------------------------------------------------------------------------

local RELEASES <const> = { [14] = "14.0", [17] = "17.0-20240709", [18] = "18.0-20250702",
  [19] = "19.0" }
local VERSION_KEYS <const> = {
  "server_version", "server_version_info", "server_serie", "protocol_version",
}

local function version_info(version)
  return json.array { version, 0, 0, "final", 0, "" }
end

local function version_of(version)
  return json.object(VERSION_KEYS, {
    server_version = RELEASES[version], server_version_info = version_info(version),
    server_serie = version .. ".0", protocol_version = 1,
  })
end

local function method_not_found(method)
  faults.raise("builtins.Exception", "Method not found: " .. py.str(method))
end

local function common(state, method, args, from, now)
  if method == "version" then return version_of(state.version) end
  if method == "login" or method == "authenticate" then
    return auth.login(state, args[1], args[2], args[3], from, now)
  end
  return method_not_found(method)
end

local function db(state, method, args)
  if method == "list" then return json.array { state.config.database } end
  if method == "server_version" then return RELEASES[state.version] end
  if method == "db_exist" then return args[1] == state.config.database end
  return method_not_found(method)
end

local function object(state, method, args, from, now)
  if method ~= "execute" and method ~= "execute_kw" then
    faults.raise("builtins.NameError", "Method not available " .. py.str(method))
  end
  local uid = auth.check(state, args[1], args[2], args[3], from, now)
  local request = { uid = uid, door = "rpc", model = args[4], method = args[5], now = now }
  if method == "execute" then
    request.args = py.list { table.unpack(args, 6) }
  else
    request.args, request.named = args[6], args[7]
  end
  return call.run(state, request)
end

local SERVICES <const> = { common = common, db = db, object = object }

local function dispatch(state, service, method, args, from, now)
  local run = SERVICES[py.str(service)]
  if not run then
    if state.version < 17 then
      faults.raise("builtins.UnboundLocalError",
        "local variable 'dispatch' referenced before assignment")
    end
    faults.key_error(py.str(service))
  end
  return run(state, method, args, from, now)
end

-- JSON-RPC ---------------------------------------------------------------------------------------

local function is_json(request)
  local kind = (request.headers["content-type"] or ""):lower():match("^%s*([^;%s]*)")
  return kind == "application/json" or kind == "application/json-rpc"
end

-- The request object of a JSON door, or the page that refuses it.
local function json_request(state, request, path)
  local version = state.version
  if request.method ~= "POST" or not is_json(request) then
    return nil, pages.wrong_type(version, request.method, path)
  end
  local body = json.decode(request.body or "")
  if body == nil then return nil, pages.bad_json(version, request.body or "") end
  if not py.is_dict(body) then return nil, pages.bad_request_shape(version) end
  return body
end

local function with_params(state, request, path, run)
  local body, page = json_request(state, request, path)
  if not body then return page end
  local params = py.is_dict(body.params) and body.params or {}
  local result, fault, headers = guarded(run, params)
  if fault then return refusal(state.version, body.id, fault) end
  return answer(state.version, body.id, result, headers)
end

--- POST /jsonrpc
function doors.jsonrpc(state, request, now)
  return with_params(state, request, "/jsonrpc", function(p)
    if p.service == nil or p.method == nil or p.args == nil then
      local name = state.version >= 19 and "JSONRPC.jsonrpc" or state.version >= 17 and "RPC.jsonrpc"
        or "jsonrpc"
      faults.type_error(name .. "() missing 3 required positional arguments: 'service', 'method', "
        .. "and 'args'")
    end
    return dispatch(state, p.service, p.method, p.args, request.remote, now)
  end)
end

-- XML-RPC ----------------------------------------------------------------------------------------

--- POST /xmlrpc/2/<service>, or the old /xmlrpc/<service>
function doors.xmlrpc(state, request, now, service, old)
  local version = state.version
  if request.method ~= "POST" then return pages.wrong_method(version) end
  if version < 17 and is_json(request) then return pages.bad_json(version, request.body or "") end
  local body, fault = guarded(function()
    local method, params = xmlrpc.read(request.body or "")
    local result = dispatch(state, service, method, params, request.remote, now)
    return xmlrpc.response(version, result)
  end)
  if fault then
    body = xmlrpc.fault(version, (old and faults.as_old_xmlrpc or faults.as_xmlrpc)(fault))
  end
  return { status = 200, headers = { ["Content-Type"] = "text/xml; charset=utf-8" }, body = body }
end

-- The web client's doors ---------------------------------------------------------------------------

local MONTHS <const> = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct",
  "Nov", "Dec" }
local DAYS <const> = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" }

local function cookie_header(version, sid, now)
  local age, far = 604800, 31536000
  if version < 17 then age, far = 7776000, 7776000 end
  local at = now + far * 1000000
  local y, m, d, clock = instant.text(at):match("^(%d+)-(%d+)-(%d+) (%S+)$")
  return { ["Set-Cookie"] = ("session_id=%s; Expires=%s, %s-%s-%s %s GMT; Max-Age=%d; HttpOnly; "
    .. "Path=/"):format(sid, DAYS[at // 86400000000 % 7 + 1], d, MONTHS[tonumber(m)], y, clock, age) }
end

local function session_info(state, uid)
  local user = state:table("res.users").rows[uid]
  local row = state:table("res.partner").rows[user.partner_id]
  local companies, allowed = state:table("res.company").rows, {}
  for _, id in ipairs(user.company_ids) do
    allowed[tostring(id)] = { id = id, name = companies[id].name, sequence = companies[id].sequence }
  end
  local admin = uid == state.config.uid or uid <= 2
  return {
    uid = uid, is_system = admin, is_admin = admin, db = state.config.database,
    user_context = { lang = row.lang or "en_US", tz = row.tz or "UTC", uid = uid },
    server_version = RELEASES[state.version], server_version_info = version_info(state.version),
    name = row.name, username = user.login, partner_display_name = row.name,
    partner_id = user.partner_id, active_ids_limit = 20000,
    user_companies = state.version >= 17
      and { current_company = user.company_id, allowed_companies = allowed }
      or { current_company = json.array { user.company_id, companies[user.company_id].name } },
  }
end

--- POST /web/session/<action>
function doors.session(state, request, now, action)
  local sid = auth.cookie(request.headers)
  return with_params(state, request, "/web/session/" .. action, function(p)
    if action == "authenticate" then
      local uid, new = auth.open_session(state, p.db, p.login, p.password, request.remote, now)
      -- since 19 a request that names its database by the header is stateless
      local stateless = state.version >= 19 and request.headers["x-odoo-database"] and not sid
      return session_info(state, uid), not stateless and cookie_header(state.version, new, now) or nil
    end
    local uid = auth.session(state, sid, now)
    if action == "get_session_info" then return session_info(state, uid) end
    auth.close_session(state, sid)
    return json.null, cookie_header(state.version, auth.new_session_id(state), now)
  end)
end

--- POST /web/dataset/call_kw
function doors.call_kw(state, request, now, path)
  return with_params(state, request, path, function(p)
    local uid = auth.session(state, auth.cookie(request.headers), now)
    return call.run(state, { uid = uid, door = "web", model = p.model, method = p.method,
      args = p.args, named = p.kwargs, now = now })
  end)
end

--- POST /web/webclient/version_info
function doors.version_info(state, request)
  return with_params(state, request, "/web/webclient/version_info", function()
    return version_of(state.version)
  end)
end

--- GET /web/version and /json/version (19)
function doors.version(state)
  return json_response(state.version, 200, json.object({ "version_info", "version" },
    { version_info = version_info(state.version), version = RELEASES[state.version] }))
end

-- JSON-2 -----------------------------------------------------------------------------------------

-- Python's words for the place where its JSON reader gave up.
local function json2_body(request)
  local body, err = json.decode(request.body ~= "" and request.body or "{}")
  if body ~= nil then return py.is_dict(body) and body or {} end
  local text = ("could not parse the body as json: Expecting value: line %d column %d (char %d)")
    :format(err.line, err.column, err.offset)
  faults.werkzeug("BadRequest", 400, "400 Bad Request", text)
end

--- /json/2/<model>/<method> (19)
function doors.json2(state, request, now, model, method, path)
  if request.method == "POST" and not is_json(request) then
    return pages.wrong_type(state.version, request.method, path)
  end
  local wanted = request.headers["x-odoo-database"]
  if wanted and wanted ~= state.config.database then return pages.no_database() end
  local result, fault = guarded(function()
    if request.method ~= "POST" then
      faults.werkzeug("NotFound", 404, "404 Not Found",
        "Did you mean POST /json/2/<model>/<method>?")
    end
    local uid = auth.bearer(state, request.headers.authorization, now)
    local named = json2_body(request)
    return call.run(state, { uid = uid, door = "json2", model = model, method = method,
      named = named, now = now })
  end)
  if not fault then
    return json_response(state.version, 200, result == nil and json.null or result)
  end
  local headers = fault.http == 401 and { ["WWW-Authenticate"] = "Bearer " } or nil
  return json_response(state.version, fault.http, faults.as_json2(fault), headers)
end

return doors
