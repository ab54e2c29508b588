--- The Odoo to play with: a server of version 14, 17, 18 or 19 as one function from request to
--- response.
--
--     local odoo = require "sandbox.odoo"
--     local state = odoo.new { version = 19, partners = 40 }
--     local response = odoo.handle(request, state, clock)
--
-- No sockets and no waiting inside. Values, defaults, refusals and their wording are those recorded
-- from real servers; where they are not, the file that answers says so.

local convert = require "sandbox.odoo.convert"
local doors = require "sandbox.odoo.doors"
local Env = require "sandbox.odoo.env"
local faults = require "sandbox.odoo.faults"
local instant = require "sandbox.odoo.instant"
local json = require "navodoo.json"
local pages = require "sandbox.odoo.pages"
local States = require "sandbox.odoo.state"
local xmlids = require "sandbox.odoo.xmlids"

local odoo = {}

---@class sandbox.OdooOptions
---@field version integer?    14, 17, 18 or 19 (default)
---@field database string?    "sandbox"
---@field user string?        login of the integration user
---@field password string?    its password
---@field api_key string?     40 hex digits; made from the seed when not given
---@field api_key_expires_us integer?  18 and later: the key is good until then
---@field seed integer?       1
---@field partners integer?   partners that are there already (0): firms that NAV has too
---@field customers integer?  how many customers NAV has,
---@field vendors integer?    and vendors: which of the partners are both (0)
---@field name string?        of the user: "Integration Bot"
---@field companies integer?  companies that exist (1)
---@field user_companies integer?  how many of them, from the first, are the user's (all)
---@field company string?     name of the first
---@field currency string?    "EUR"
---@field languages string[]? installed besides en_US ({ "hu_HU" })
---@field deny string[][]?    rights taken from the user: { { model, operation } }
---@field start_us integer?   when the database was made

--- A new server.
---@param options sandbox.OdooOptions?
---@return table state
function odoo.new(options)
  return States.new(options or {})
end

-- Routing ----------------------------------------------------------------------------------------

local function percent_decoded(s)
  return (s:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- What 14 tells a JSON client about a path it does not know.
local function unknown_path(state, request)
  if state.version >= 17 or request.method ~= "POST"
    or not (request.headers["content-type"] or ""):find("^application/json") then
    return pages.not_found(state.version)
  end
  local text = "404 Not Found: The requested URL was not found on the server. If you entered the "
    .. "URL manually please check your spelling and try again."
  local fault = faults.new("werkzeug.exceptions.NotFound", text,
    { arguments = {}, http_status = 404 })
  local body = json.object({ "jsonrpc", "id", "error" },
    { jsonrpc = "2.0", id = json.null, error = faults.as_jsonrpc(fault, state.version) })
  return { status = 404, headers = { ["Content-Type"] = "application/json" },
    body = json.encode(body) }
end

local function route(state, request, now, path)
  if path == "/jsonrpc" then return doors.jsonrpc(state, request, now) end
  local service = path:match("^/xmlrpc/2/([%w_]+)$")
  if service then return doors.xmlrpc(state, request, now, service, false) end
  service = path:match("^/xmlrpc/([%a_]+)$")
  if service then return doors.xmlrpc(state, request, now, service, true) end
  if path:find("^/json/2/") and state.version >= 19 then
    local model, method = path:match("^/json/2/([^/]+)/([^/]+)$")
    if model then return doors.json2(state, request, now, model, method, path) end
  end
  if path == "/web/version" or path == "/json/version" then
    if state.version >= 19 then return doors.version(state) end
  elseif path == "/web/webclient/version_info" then
    return doors.version_info(state, request)
  end
  local action = path:match("^/web/session/(%a[%w_]*)$")
  if action == "authenticate" or action == "get_session_info" or action == "destroy" then
    return doors.session(state, request, now, action)
  end
  if path:find("^/web/dataset/call_kw$") or path:find("^/web/dataset/call_kw/") then
    return doors.call_kw(state, request, now, path)
  end
  return unknown_path(state, request)
end

--- Answers one request.
---@param request { method: string, path: string, headers: table<string, string>, body: string?, remote: string? }
---@param state table
---@param clock { now: fun(): integer }  microseconds
---@return { status: integer, headers: table<string, string>, body: string }
function odoo.handle(request, state, clock)
  state.stats.requests = state.stats.requests + 1
  local path = percent_decoded(request.path:match("^[^?#]*"))
  local response = route(state, request, clock.now(), path)
  if state.version >= 17 and response.status == 200 then
    response.headers["X-Content-Type-Options"] = "nosniff"
  end
  return response
end

-- Looking inside ---------------------------------------------------------------------------------

local function names_of(env, model, id)
  local list = json.array {}
  for i, row in ipairs(xmlids.of(env, model, id)) do list[i] = xmlids.text(row) end
  return list
end

--- All records of a model, archived ones too: ids ascending, fields in a fixed order, `xmlids`
--- after `id`, many2one as bare ids, datetimes with their microseconds.
---@param state table
---@param name string
---@return table[]?  nil for an unknown model
function odoo.dump(state, name)
  local model = state.models[name]
  if not model then return nil end
  local env = Env.new(state, 1, state.last_us)
  env.context = { active_test = false }
  local keys, rows = { "id", "xmlids" }, json.array {}
  local fields = {}
  for _, f in ipairs(model.list) do
    if f.real or f.type == "many2many" and not f.mirror then
      fields[#fields + 1] = f
      if f.name ~= "id" then keys[#keys + 1] = f.name end
    end
  end
  for id, rec in env:table(name):each() do
    local row = { xmlids = names_of(env, model, id) }
    for _, f in ipairs(fields) do
      row[f.name] = convert.to_wire(env, model, rec, f, true)
      if f.type == "datetime" and rec[f.name] then row[f.name] = instant.exact_text(rec[f.name]) end
    end
    rows[#rows + 1] = json.object(keys, row)
  end
  return rows
end

--- Counters since the start: requests, calls by "model.method", creates, writes and unlinks by model
--- (of calls that succeeded).
---@param state table
---@return table
function odoo.stats(state) return state.stats end

--- Plain data that `restore` makes the same server of.
---@param state table
---@return table
function odoo.save(state) return state:save() end

--- The server that `save` was called on.
---@param saved table
---@return table state
function odoo.restore(saved) return States.restore(saved) end

--- The API key that JSON-2 takes, and every other door in place of the password.
---@param state table
---@return string
function odoo.api_key(state) return state.config.api_key end

return odoo
