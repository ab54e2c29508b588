--- XML-RPC on the wire: a methodCall read, a methodResponse or a fault written.
--
-- As Odoo does it: `nil` is read but never written (a None becomes fault 1 after the work is kept),
-- integers have 32 bits, dates are strings, and control characters that XML cannot carry are
-- dropped since 17.

local decimal = require "navodoo.decimal"
local faults = require "sandbox.odoo.faults"
local json = require "navodoo.json"
local py = require "sandbox.odoo.py"
local xml = require "navodoo.xml"

local xmlrpc = {}

-- Reading ----------------------------------------------------------------------------------------

local function child(node, name)
  for _, c in ipairs(node) do
    if type(c) == "table" and c.name == name then return c end
  end
  return nil
end

local function text_of(node)
  local out = {}
  for _, c in ipairs(node) do
    if type(c) == "string" then out[#out + 1] = c end
  end
  return table.concat(out)
end

local value_of

local function struct_of(node)
  local out = {}
  for _, member in ipairs(node) do
    if type(member) == "table" and member.name == "member" then
      out[text_of(child(member, "name") or {})] = value_of(child(member, "value") or {})
    end
  end
  return out
end

local function array_of(node)
  local out = {}
  for _, v in ipairs(child(node, "data") or {}) do
    if type(v) == "table" and v.name == "value" then out[#out + 1] = value_of(v) end
  end
  return json.array(out)
end

local function integer(node)
  local n = math.tointeger(tonumber(text_of(node):match("^%s*([+-]?%d+)%s*$")))
  if not n then
    faults.value_error("invalid literal for int() with base 10: " .. py.repr(text_of(node)))
  end
  return n
end

local function double(node)
  local s = text_of(node):match("^%s*(.-)%s*$")
  local d = decimal.parse(s)
  if d then return d end
  local n = ({ nan = 0 / 0, inf = math.huge, ["-inf"] = -math.huge })[s:lower()]
  if not n then faults.value_error("could not convert string to float: " .. py.repr(s)) end
  return n
end

local READERS <const> = {
  string = text_of, base64 = text_of, ["dateTime.iso8601"] = text_of, int = integer, i4 = integer,
  i8 = integer, double = double, struct = struct_of, array = array_of,
  boolean = function(node) return text_of(node):match("%S") == "1" end,
  ["nil"] = function() return json.null end,
}

function value_of(node)
  for _, c in ipairs(node) do
    if type(c) == "table" then
      local read = READERS[c.name]
      if not read then faults.raise("builtins.Exception", "unknown type " .. c.name) end
      return read(c)
    end
  end
  return text_of(node)
end

--- The method name and the parameters of a call. Raises what Python's parser raises.
---@param body string
---@return string method
---@return any[] params
function xmlrpc.read(body)
  local root, err = xml.parse(body)
  if not root then
    local lines = select(2, body:gsub("\n", "\n"))
    local column = #body:match("[^\n]*$")
    local empty = not body:find("</methodCall>%s*$")
    faults.raise("xml.parsers.expat.ExpatError", empty
      and ("no element found: line %d, column %d"):format(lines + 1, column) or err.text)
  end
  local params = {}
  for _, p in ipairs(child(root, "params") or {}) do
    if type(p) == "table" and p.name == "param" then
      params[#params + 1] = value_of(child(p, "value") or {})
    end
  end
  return text_of(child(root, "methodName") or {}), params
end

-- Writing ----------------------------------------------------------------------------------------

local write

local function write_members(out, version, v)
  local keys = {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b)
    if (a == "id") ~= (b == "id") then return a == "id" end
    return a < b
  end)
  out[#out + 1] = "<value><struct>\n"
  for _, k in ipairs(keys) do
    out[#out + 1] = "<member>\n<name>" .. xml.escape(k) .. "</name>\n"
    write(out, version, v[k])
    out[#out + 1] = "</member>\n"
  end
  out[#out + 1] = "</struct></value>\n"
end

local function write_items(out, version, v)
  out[#out + 1] = "<value><array><data>\n"
  for _, item in ipairs(v) do write(out, version, item) end
  out[#out + 1] = "</data></array></value>\n"
end

local ESCAPES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

local function write_text(out, version, s)
  s = s:gsub("[&<>]", ESCAPES)
  if version >= 17 then s = s:gsub("[\0-\8\11\12\14-\31]", "") end
  out[#out + 1] = "<value><string>" .. s .. "</string></value>\n"
end

function write(out, version, v)
  if py.is_none(v) then
    faults.type_error("cannot marshal None unless allow_none is enabled")
  elseif type(v) == "boolean" then
    out[#out + 1] = "<value><boolean>" .. (v and 1 or 0) .. "</boolean></value>\n"
  elseif math.type(v) == "integer" then
    if v > 2147483647 or v < -2147483648 then
      faults.raise("builtins.OverflowError", "int exceeds XML-RPC limits")
    end
    out[#out + 1] = "<value><int>" .. v .. "</int></value>\n"
  elseif py.is_float(v) then
    out[#out + 1] = "<value><double>" .. py.float_text(py.number(v)) .. "</double></value>\n"
  elseif type(v) == "string" then
    write_text(out, version, v)
  elseif json.is_array(v) then
    write_items(out, version, v)
  else
    write_members(out, version, v)
  end
end

local function document(version, middle)
  local head = version >= 18 and '<?xml version="1.0"?>' or "<?xml version='1.0'?>"
  return head .. "\n<methodResponse>\n" .. middle .. (version >= 18 and "\n" or "")
    .. "</methodResponse>\n"
end

--- A response with one value.
---@param version integer
---@param value any
---@return string
function xmlrpc.response(version, value)
  local out = { "<params>\n<param>\n" }
  write(out, version, value)
  out[#out + 1] = "</param>\n</params>\n"
  return document(version, table.concat(out))
end

--- A fault.
---@param version integer
---@param code integer|string
---@param message string
---@return string
function xmlrpc.fault(version, code, message)
  local out = { "<fault>\n<value><struct>\n<member>\n<name>faultCode</name>\n" }
  write(out, version, code)
  out[#out + 1] = "</member>\n<member>\n<name>faultString</name>\n"
  write(out, version, message)
  out[#out + 1] = "</member>\n</struct></value>\n</fault>\n"
  return document(version, table.concat(out))
end

return xmlrpc
