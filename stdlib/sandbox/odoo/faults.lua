--- What goes wrong in Odoo, once, and the three dresses it is served in.
--
-- A fault is raised with `faults.raise(class, message)` and caught by the door that the request
-- came through: JSON-RPC answers HTTP 200 with an error object, XML-RPC a fault with an integer
-- code (or, on the old path, a text), JSON-2 a real HTTP status. Tracebacks are shortened to the
-- frames a client may look at: the first line and the last.

local json = require "navodoo.json"
local py = require "sandbox.odoo.py"

local faults = {}

---@class sandbox.OdooFault
---@field class string    qualified Python name: what `data.name` shows
---@field message string
---@field arguments any[]
---@field http integer    status on JSON-2
---@field xml integer     faultCode on XML-RPC

local Fault = {}
Fault.__index = Fault
function Fault:__tostring() return self.class .. ": " .. self.message end

local HTTP <const> = {
  ["odoo.exceptions.AccessDenied"] = 403, ["odoo.exceptions.AccessError"] = 403,
  ["odoo.exceptions.MissingError"] = 404, ["odoo.exceptions.UserError"] = 422,
  ["odoo.exceptions.ValidationError"] = 422, ["odoo.http.SessionExpiredException"] = 403,
}

local XML <const> = {
  ["odoo.exceptions.AccessDenied"] = 3, ["odoo.exceptions.AccessError"] = 4,
  ["odoo.exceptions.MissingError"] = 2, ["odoo.exceptions.UserError"] = 2,
  ["odoo.exceptions.ValidationError"] = 2,
}

--- A fault as a value.
---@param class string
---@param message string
---@param extra table?  fields to set besides
---@return sandbox.OdooFault
function faults.new(class, message, extra)
  local fault = setmetatable({
    class = class, message = message, arguments = { message },
    http = HTTP[class] or 500, xml = XML[class] or 1,
  }, Fault)
  for k, v in pairs(extra or {}) do fault[k] = v end
  return fault
end

--- Raises a fault.
---@param class string
---@param message string
---@param extra table?
function faults.raise(class, message, extra)
  error(faults.new(class, message, extra), 0)
end

---@param err any
---@return boolean
function faults.is(err) return getmetatable(err) == Fault end

--- The classes that `load` reports as messages of a person's making (Python: UserError and below).
---@param fault sandbox.OdooFault
---@return boolean
function faults.is_user_error(fault)
  return fault.xml == 2 or fault.xml == 4
end

local function shorthand(class)
  return function(message, extra) faults.raise(class, message, extra) end
end

faults.value_error = shorthand "builtins.ValueError"
faults.type_error = shorthand "builtins.TypeError"
faults.key_error = shorthand "builtins.KeyError"
faults.access_denied = shorthand "odoo.exceptions.AccessDenied"
faults.access_error = shorthand "odoo.exceptions.AccessError"
faults.missing_error = shorthand "odoo.exceptions.MissingError"
faults.user_error = shorthand "odoo.exceptions.UserError"
faults.validation_error = shorthand "odoo.exceptions.ValidationError"

--- A list to walk through, or the TypeError of what Python cannot iterate.
---@param v any
---@return any[]
function faults.iterable(v)
  if py.is_list(v) then return v end
  local list = {}
  if type(v) == "string" then
    for _, code in utf8.codes(v) do list[#list + 1] = utf8.char(code) end
    return list
  elseif py.is_dict(v) then
    for k in pairs(v) do list[#list + 1] = k end
    table.sort(list)
    return list
  end
  return faults.type_error(("'%s' object is not iterable"):format(py.type_name(v)))
end

--- A werkzeug exception: what JSON-2 answers for a bad call.
---@param name string     such as "NotFound"
---@param status integer
---@param title string    such as "404 Not Found"
---@param message string
function faults.werkzeug(name, status, title, message)
  faults.raise("werkzeug.exceptions." .. name, message,
    { http = status, arguments = { message, status }, shown = title .. ": " .. message })
end

-- The last line of a traceback. KeyError shows the repr of its key.
local function last_line(fault)
  local name = fault.class:gsub("^builtins%.", "")
  local text = fault.shown or fault.message
  if name == "KeyError" then text = py.repr(text) end
  return name .. ": " .. text
end

--- The traceback as text.
---@param fault sandbox.OdooFault
---@return string
function faults.traceback(fault)
  return 'Traceback (most recent call last):\n  File "/opt/odoo/odoo/service/model.py", line 184, '
    .. "in retrying\n" .. last_line(fault) .. "\n"
end

local DATA_OLD <const> = { "name", "debug", "message", "arguments", "context" }
local DATA_NEW <const> = { "name", "message", "arguments", "context", "debug" }
local ERROR_KEYS <const> = { "code", "message", "data", "http_status" }

local function data_of(fault, version)
  return json.object(version >= 19 and DATA_NEW or DATA_OLD, {
    name = fault.class, message = fault.message, arguments = py.list(fault.arguments),
    context = {}, debug = faults.traceback(fault),
  })
end

--- The `error` member of a JSON-RPC answer.
---@param fault sandbox.OdooFault
---@param version integer
---@return table
function faults.as_jsonrpc(fault, version)
  local code, message = version >= 19 and 0 or 200, "Odoo Server Error"
  if fault.class == "odoo.http.SessionExpiredException" then
    code, message = 100, "Odoo Session Expired"
  elseif fault.class == "werkzeug.exceptions.NotFound" then
    code, message = 404, "404: Not Found"
  end
  return json.object(ERROR_KEYS, {
    code = code, message = message, data = data_of(fault, version),
    http_status = fault.http_status,
  })
end

--- The body of a JSON-2 answer; the status is fault.http.
---@param fault sandbox.OdooFault
---@return table
function faults.as_json2(fault)
  return data_of(fault, 19)
end

--- faultCode and faultString of /xmlrpc/2/.
---@param fault sandbox.OdooFault
---@return integer code
---@return string text
function faults.as_xmlrpc(fault)
  return fault.xml, fault.xml == 1 and faults.traceback(fault) or fault.message
end

--- faultCode and faultString of the old /xmlrpc/: the code is a text.
---@param fault sandbox.OdooFault
---@return string code
---@return string text
function faults.as_old_xmlrpc(fault)
  if fault.xml == 3 then return "AccessDenied", "Access Denied" end
  if fault.xml == 1 then return fault.message, faults.traceback(fault) end
  local kind = fault.class:match("[^.]+$")
  if kind == "ValidationError" then kind = "UserError" end
  return ("warning -- %s\n\n%s"):format(kind, fault.message), ""
end

return faults
