--- Kinds of values, and which of them an Odoo field takes.
--
-- A kind is what matters when a value crosses over: "text", "option", "boolean", "integer",
-- "decimal", "date", "datetime", "id". Both schemas name finer types; `of_type` folds them.

local decimal = require "navodoo.decimal"

local kind = {}

local OF_TYPE <const> = {
  char = "text", text = "text", html = "text", guid = "text", code = "text",
  option = "option", selection = "selection", boolean = "boolean", integer = "integer",
  decimal = "decimal", date = "date", datetime = "datetime", many2one = "many2one",
  one2many = "x2many", many2many = "x2many",
}

-- target kind -> kinds of values that it takes
local TAKES <const> = {
  text = { text = true, option = true },
  selection = { text = true, selection = true },
  boolean = { boolean = true },
  integer = { integer = true },
  decimal = { decimal = true, integer = true },
  date = { date = true },
  datetime = { datetime = true },
  many2one = { id = true },
  x2many = {},
}

local OF_VALUE <const> = { string = "text", boolean = "boolean" }

--- Kind of a schema type; nil when it is not known.
---@param type_name string
---@return string?
function kind.of_type(type_name) return OF_TYPE[type_name] end

--- Kind of a value; nil for what no field takes.
---@param v any
---@return string?
function kind.of_value(v)
  if math.type(v) == "integer" then return "integer" end
  if decimal.is(v) then return "decimal" end
  return OF_VALUE[type(v)]
end

--- Whether a field of kind `target` takes values of kind `source`. Unknown kinds pass.
---@param target string?
---@param source string?
---@return boolean
function kind.fits(target, source)
  if target == nil or source == nil or not TAKES[target] then return true end
  return TAKES[target][source] == true
end

local WORDS <const> = {
  text = "a text", option = "an option", boolean = "a boolean", integer = "a whole number",
  decimal = "an amount", date = "a date", datetime = "an instant", id = "a record id",
  selection = "a selection", many2one = "a link to a record", x2many = "a list of records",
}

--- A kind in words: "a text", "an amount".
---@param k string?
---@return string
function kind.a(k) return WORDS[k] or tostring(k) end

return kind
