--- Odoo's values: cells for `load`, typed values from reads, and what counts as equal.
--
-- Inside: null clears, decimals are exact, instants are ISO with Z. Odoo: `false` is empty,
-- "" stays "", floats carry binary noise, datetimes are naive UTC, HTML comes back changed.
-- All functions are pure.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local time = require "navodoo.time"

local values = {}

--- The module of our external ids.
values.MODULE = "navodoo"

local null <const> = json.null

-- ---- to Odoo -------------------------------------------------------------------------------

local function text_cell(v)
  if type(v) == "string" then return v end
  if math.type(v) == "integer" or decimal.is(v) then return tostring(v) end
  return nil
end

local function integer_cell(v)
  if decimal.is(v) then v = v:integer() end
  return math.type(v) == "integer" and tostring(v) or nil
end

local function decimal_cell(v)
  return (decimal.is(v) or math.type(v) == "integer") and tostring(v) or nil
end

local function boolean_cell(v)
  if v == true then return "True" end
  return v == false and "False" or nil
end

local function date_cell(v)
  return type(v) == "string" and v:match "^%d%d%d%d%-%d%d%-%d%d$" or nil
end

-- Odoo refuses T, Z, offsets and fractions.
local function datetime_cell(v)
  if type(v) ~= "string" then return nil end
  local day, clock = v:match "^(%d%d%d%d%-%d%d%-%d%d)[T ](%d%d:%d%d:%d%d)[%d%.]*Z?$"
  if day then return day .. " " .. clock end
  if date_cell(v) then return v .. " 00:00:00" end
  local us = time.parse_iso(v)
  return us and datetime_cell(time.iso(us))
end

local function id_cell(v)
  return math.type(v) == "integer" and v > 0 and tostring(v) or nil
end

local function ids_cell(v)
  if type(v) ~= "table" then return nil end
  local ids = {}
  for i, id in ipairs(v) do
    ids[i] = id_cell(id)
    if not ids[i] then return nil end
  end
  return table.concat(ids, ",")
end

local CELL <const> = {
  char = text_cell, text = text_cell, html = text_cell, selection = text_cell,
  integer = integer_cell, decimal = decimal_cell, boolean = boolean_cell,
  date = date_cell, datetime = datetime_cell, many2one = id_cell, many2many = ids_cell,
}

--- The column of `load` that takes a field: links go by database id.
---@param def table   of the schema
---@param field string
---@return string
function values.column(def, field)
  if def.type == "many2one" or def.type == "many2many" then return field .. "/.id" end
  return field
end

local KIND <const> = { char = "text", text = "text", html = "text", selection = "text", decimal = "number",
                       integer = "integer", many2one = "id", boolean = "boolean" }

--- How `json.rows` takes the values of a field: what goes out without a conversion.
---@param def table  of the schema
---@return "text"|"number"|"integer"|"id"|"boolean"|"other"
function values.kind(def) return KIND[def.type] or "other" end

--- Text of a value for `load`. null, false and nil clear, except that a boolean false is one.
---@param def table  of the schema
---@param v any
---@return string|nil cell
---@return string|nil why  the value cannot be of this type
function values.to_cell(def, v)
  if v == nil or v == null then return "" end
  if v == false and def.type ~= "boolean" then return "" end
  local cell = CELL[def.type]
  local text = cell and cell(v)
  if text then return text end
  return nil, ("%s cannot go into a field of type %s"):format(
    type(v) == "table" and "a list" or ("%q"):format(tostring(v)), def.type)
end

-- ---- from Odoo -----------------------------------------------------------------------------

local function decimal_from(raw)
  if math.type(raw) == "integer" then return decimal.new(raw) end
  return raw
end

local function datetime_from(raw)
  if type(raw) ~= "string" then return raw end
  local day, clock = raw:match "^(%d%d%d%d%-%d%d%-%d%d)[ T](%d%d:%d%d:%d%d)"
  return day and day .. "T" .. clock .. "Z" or raw
end

-- `search_read` knows no bare ids before 17 and sends pairs.
local function link_from(raw)
  if type(raw) == "table" then return raw[1] or false end
  return raw
end

--- How a type is read; types that are not here need no conversion.
---@type table<string, fun(raw: any): any>
values.readers = { decimal = decimal_from, datetime = datetime_from, many2one = link_from }

--- Typed value of what Odoo sent. `false` and "" stay apart.
---@param def table  of the schema
---@param raw any
---@return any
function values.from_wire(def, raw)
  local read = values.readers[def.type]
  if not read then return raw end
  return read(raw)
end

-- ---- equal or not --------------------------------------------------------------------------

local function empty(v) return v == nil or v == null or v == false or v == "" end

local function number(v)
  if empty(v) then return decimal.new(0) end
  if decimal.is(v) then return v end
  if math.type(v) == "integer" then return decimal.new(v) end
  return nil
end

-- Odoo rounds half up, to the digits of the field where it has any; what comes back may be a
-- binary fraction beside the true value. Money is compared to at least two digits, so an
-- amount that Odoo rounded to its currency is no difference, and one that was edited is.
local function same_decimal(def, intended, actual)
  local a, b = number(intended), number(actual)
  if not a or not b then return false end
  if a == b then return true end
  a, b = a:normalize(), b:normalize()
  local scale = math.min(a:scale(), math.max(b:scale(), 2), def.digits or math.huge)
  return a:round(scale, "half_up") == b:round(scale, "half_up")
end

local function same_text(_, intended, actual)
  if empty(intended) or empty(actual) then return empty(intended) and empty(actual) end
  return text_cell(intended) == actual
end

local ENTITIES <const> = { amp = "&", lt = "<", gt = ">", quot = '"', apos = "'", nbsp = " " }

local function character(number_text, base)
  local code = tonumber(number_text, base)
  return code and code > 0 and code <= 0x10FFFF and utf8.char(code) or nil
end

-- Odoo wraps HTML in tags, escapes it and drops what is unsafe; the words stay.
local function words(v)
  if type(v) ~= "string" then return empty(v) and "" or tostring(v) end
  return (v:gsub("<[!/%a][^>]*>", " "):gsub("&#[xX](%x+);", function(n) return character(n, 16) end)
    :gsub("&#(%d+);", function(n) return character(n, 10) end):gsub("&(%a+);", ENTITIES)
    :gsub("\u{a0}", " "):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

local function same_html(_, intended, actual) return words(intended) == words(actual) end

local function same_link(_, intended, actual)
  local a, b = link_from(intended), link_from(actual)
  if empty(a) or empty(b) then return empty(a) and empty(b) end
  return a == b
end

local function sorted_ids(v)
  local ids = type(v) == "table" and table.move(v, 1, #v, 1, {}) or {}
  table.sort(ids)
  return table.concat(ids, ",")
end

local function same_links(_, intended, actual) return sorted_ids(intended) == sorted_ids(actual) end

local function same_boolean(_, intended, actual) return (intended == true) == (actual == true) end

local function same_datetime(_, intended, actual)
  if empty(intended) or empty(actual) then return empty(intended) and empty(actual) end
  return datetime_cell(intended) == datetime_cell(actual)
end

local SAME <const> = {
  decimal = same_decimal, integer = same_decimal, boolean = same_boolean, html = same_html,
  many2one = same_link, many2many = same_links, one2many = same_links, datetime = same_datetime,
}

--- Does a field hold what was written? Knows Odoo's own changes; everything else, a blank
--- at the end of a text too, is a difference.
---@param def table      of the schema
---@param intended any   as it was given to `load`
---@param actual any     as it was read, typed
---@return boolean
function values.same(def, intended, actual)
  if intended == actual then return true end
  return (SAME[def.type] or same_text)(def, intended, actual)
end

return values
