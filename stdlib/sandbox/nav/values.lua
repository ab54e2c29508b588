--- A value on its way into a field: from JSON to what NAV keeps, checked as NAV checks it.
--
-- Kept are: text (Code upper-cased and trimmed), decimals as plain exact text, integers, booleans,
-- dates as "YYYY-MM-DD", options as member text. Nothing here knows a particular table.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local text = require "navodoo.text"
local refusal = require "sandbox.nav.refusal"

local values = {}

local DAYS <const> = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 }

--- Is this a date of the calendar, written YYYY-MM-DD?
---@param value string
---@return boolean
function values.is_date(value)
  local y, m, d = value:match("^(%d%d%d%d)%-(%d%d)%-(%d%d)$")
  if not y then return false end
  y, m, d = tonumber(y), tonumber(m), tonumber(d)
  if y < 1 or m < 1 or m > 12 or d < 1 or d > DAYS[m] then return false end
  if m == 2 and d == 29 then return y % 4 == 0 and (y % 100 ~= 0 or y % 400 == 0) end
  return true
end

--- The text of a Code: trimmed, upper-cased.
---@param value string
---@return string
function values.code(value)
  return text.upper((value:gsub("^ +", ""):gsub(" +$", "")))
end

--- The option member that a text names, nil when none does.
---@param field sandbox.nav.Field
---@param value string
---@return string?
function values.member(field, value)
  if field.ordinal[value] then return value end
  local wanted = text.lower((value:gsub("^ +", ""):gsub(" +$", "")))
  for _, member in ipairs(field.options) do
    if text.lower((member:gsub("^ +", ""))) == wanted then return member end
  end
  return nil
end

local function too_long(field, value)
  local length = text.utf16_length(value)
  if length > field.length then return refusal.too_long(length, field.length, value) end
end

-- "<1M+7D>" and the like; the angle brackets are dropped, as NAV shows it.
local function date_formula(value)
  local formula = text.upper(value):gsub("[<> ]", "")
  local rest = formula
  while rest ~= "" do
    local stop = select(2, rest:find("^[+-]?C?[DWMQY]")) or select(2, rest:find("^[+-]?%d+W?[DWMQY]"))
      or select(2, rest:find("^[+-]?W?D%d+"))
    if not stop then return nil end
    rest = rest:sub(stop + 1)
  end
  return formula
end

local convert = {}

function convert.Text(field, value)
  if type(value) ~= "string" then return nil, refusal.bad_body() end
  local refused = too_long(field, value)
  if refused then return nil, refused end
  return value
end

function convert.Code(field, value)
  if type(value) ~= "string" then return nil, refusal.bad_body() end
  local code = values.code(value)
  local refused = too_long(field, code)
  if refused then return nil, refused end
  return code
end

function convert.Option(field, value)
  if type(value) ~= "string" then return nil, refusal.bad_body() end
  local member = values.member(field, value)
  if not member then return nil, refusal.not_an_option(value, field.options) end
  return member
end

function convert.Decimal(field, value)
  if math.type(value) ~= "integer" and not decimal.is(value) then return nil, refusal.bad_body() end
  local number = decimal.new(value):normalize()
  if field.min and number < field.min then
    return nil, refusal.out_of_range("greater", field.min, tostring(number))
  end
  if field.max and field.max < number then
    return nil, refusal.out_of_range("less", field.max, tostring(number))
  end
  return tostring(number)
end

function convert.Integer(_, value)
  if decimal.is(value) then value = value:integer() end
  if math.type(value) ~= "integer" or value < -2147483648 or value > 2147483647 then
    return nil, refusal.bad_body()
  end
  return value
end

function convert.Boolean(_, value)
  if type(value) ~= "boolean" then return nil, refusal.bad_body() end
  return value
end

function convert.Date(_, value)
  if type(value) ~= "string" or not values.is_date(value) then return nil, refusal.bad_date() end
  return value
end

function convert.DateFormula(_, value)
  if type(value) ~= "string" then return nil, refusal.bad_body() end
  local formula = date_formula(value)
  if not formula then return nil, refusal.evaluate(value, "DateFormula") end
  return formula
end

--- What the field keeps for a JSON value.
---@param field sandbox.nav.Field
---@param value any         from `json.decode`
---@param property string   for the message
---@return any kept         nil when refused
---@return sandbox.nav.Refusal?
function values.convert(field, value, property)
  if value == json.null then return nil, refusal.required(property) end
  local to = convert[field.type]
  if not to then return nil, refusal.read_only(field.name) end
  return to(field, value)
end

return values
