--- Values of the wire as Odoo's Python sees them: truth, text, repr, numbers.
--
-- What Odoo answers to a value of the wrong type is what Python makes of it (`"false"` is true,
-- `['a']` becomes the text "['a']"), so those rules live here, once.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"

local py = {}

--- None.
py.null = json.null

--- The larger part of what floats hold, made once.
local ZERO <const> = decimal.new("0.0")

--- None or False: what Odoo calls empty.
---@param v any
---@return boolean
function py.is_none(v)
  return v == nil or v == json.null
end

--- A fraction: decimal from JSON, Lua float from XML-RPC.
---@param v any
---@return boolean
function py.is_float(v)
  return math.type(v) == "float" or decimal.is(v)
end

--- A number of any kind as Lua number (integers stay integers), else nil.
---@param v any
---@return number?
function py.number(v)
  if type(v) == "number" then return v end
  if decimal.is(v) then return tonumber(tostring(v)) + 0.0 end
  return nil
end

--- A list: decoded arrays carry their mark, so the empty one is told from the empty dict.
---@param v any
---@return boolean
function py.is_list(v)
  return type(v) == "table" and json.is_array(v)
end

--- A dict.
---@param v any
---@return boolean
function py.is_dict(v)
  return type(v) == "table" and not json.is_array(v)
end

--- bool(v)
---@param v any
---@return boolean
function py.truth(v)
  if py.is_none(v) or v == false or v == "" then return false end
  if type(v) == "table" then return next(v) ~= nil end
  local n = py.number(v)
  return n == nil or n ~= 0
end

--- repr(float): the shortest digits that read back, in Python's notation.
---@param x number
---@return string
function py.float_text(x)
  if x ~= x then return "nan" end
  if x == math.huge then return "inf" elseif x == -math.huge then return "-inf" end
  local s
  for digits = 15, 17 do
    s = ("%%.%dg"):format(digits):format(x)
    if tonumber(s) == x then break end
  end
  local exponent = tonumber(s:match("e([+-]%d+)$"))
  if exponent and exponent >= -4 and exponent < 16 then s, exponent = ("%.0f"):format(x), nil end
  if not exponent and not s:find(".", 1, true) then s = s .. ".0" end
  return s
end

--- A float as it goes out over JSON.
---@param x number
---@return any decimal
function py.wire_float(x)
  if x == 0 then return ZERO end
  return decimal.new(py.float_text(x))
end

local ESCAPES <const> = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\" }

local function quote(s)
  local mark = (s:find("'", 1, true) and not s:find('"', 1, true)) and '"' or "'"
  s = s:gsub("[\\%c]", function(c)
    return ESCAPES[c] or ("\\x%02x"):format(c:byte())
  end)
  if mark == "'" then s = s:gsub("'", "\\'") end
  return mark .. s .. mark
end

local repr

local function repr_list(v, open, close)
  local out = {}
  for i, item in ipairs(v) do out[i] = repr(item) end
  return open .. table.concat(out, ", ") .. close
end

local function repr_dict(v)
  local keys, out = {}, {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys)
  for i, k in ipairs(keys) do out[i] = quote(k) .. ": " .. repr(v[k]) end
  return "{" .. table.concat(out, ", ") .. "}"
end

--- repr(v)
---@param v any
---@return string
function repr(v)
  if py.is_none(v) then return "None" end
  if v == true then return "True" elseif v == false then return "False" end
  if type(v) == "string" then return quote(v) end
  if math.type(v) == "integer" then return tostring(v) end
  local n = py.number(v)
  if n then return py.float_text(n) end
  if py.is_list(v) then return repr_list(v, "[", "]") end
  return repr_dict(v)
end
py.repr = repr

--- repr(tuple(v)) of a list.
---@param v any[]
---@return string
function py.repr_tuple(v)
  return repr_list(v, "(", #v == 1 and ",)" or ")")
end

--- str(v)
---@param v any
---@return string
function py.str(v)
  return type(v) == "string" and v or repr(v)
end

--- type(v).__name__
---@param v any
---@return string
function py.type_name(v)
  if py.is_none(v) then return "NoneType" end
  if type(v) == "boolean" then return "bool" end
  if type(v) == "string" then return "str" end
  if math.type(v) == "integer" then return "int" end
  if py.number(v) then return "float" end
  return py.is_list(v) and "list" or "dict"
end

--- An empty JSON array, or `list` marked as one.
---@param list any[]?
---@return any[]
function py.list(list)
  return json.array(list or {})
end

return py
