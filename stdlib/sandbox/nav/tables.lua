--- The tables of the sandbox NAV: number, key and fields.
--
-- Fields of the BLOB and Media types and the flow filters are left out, and of the flow fields
-- those that no published page shows. A row is a plain table by field name that holds only what is
-- not the field's default; `tables.value` reads it. A row's key is its key fields, joined by a
-- zero byte where there are several.

local tables = {}

local BLANK <const> = {
  Code = "", Text = "", DateFormula = "", Decimal = "0", Integer = 0, Boolean = false,
  Date = "0001-01-01", DateTime = "0001-01-01T00:00:00Z", BigInteger = 0,
  GUID = "00000000-0000-0000-0000-000000000000",
}

---@class sandbox.nav.Field
---@field no integer
---@field name string
---@field type string        Code, Text, Decimal, Integer, BigInteger, Boolean, Option, Date, DateTime,
--                           DateFormula, GUID
---@field length integer?
---@field options string[]?
---@field relation string?   the table that the value must be found in
---@field flow boolean?      calculated from entries, never written
---@field readonly boolean?  not editable at table level
---@field company boolean?   the contact that it relates to is a company
---@field table_name string
---@field default any        what a new record holds
---@field blank any          what an empty field of the type holds

local function field_of(f)
  local field = {
    no = f[1], name = f[2], type = f[3], length = f[4], options = f.options,
    relation = f.relation, flow = f.flow, readonly = f.readonly or f.flow, min = f.min, max = f.max,
    company = f.company,
  }
  field.blank = BLANK[field.type]
  if field.type == "Option" then
    field.blank = field.options[1]
    field.ordinal = {}
    for n, member in ipairs(field.options) do field.ordinal[member] = n end
  end
  field.default = f.init
  if f.init == nil then field.default = field.blank end
  return field
end

---@class sandbox.nav.Table
---@field no integer
---@field name string
---@field keys string[]      the fields of the primary key
---@field key string?        the key field, where there is one only
---@field fields sandbox.nav.Field[]
---@field by_name table<string, sandbox.nav.Field>

local function define(no, name, keys, list)
  local def = { no = no, name = name, keys = keys, key = #keys == 1 and keys[1] or nil, fields = {}, by_name = {} }
  for index, f in ipairs(list) do
    local field = field_of(f)
    field.table_name = name
    def.fields[index], def.by_name[field.name] = field, field
  end
  tables[name] = def
  tables.list[#tables.list + 1] = def
end

--- In the order of their numbers.
tables.list = {}

define(18, "Customer", { "No." }, require "sandbox.nav.fields.customer")
define(23, "Vendor", { "No." }, require "sandbox.nav.fields.vendor")
define(27, "Item", { "No." }, require "sandbox.nav.fields.item")
define(222, "Ship-to Address", { "Customer No.", "Code" }, require "sandbox.nav.fields.shipto")
define(405, "Change Log Entry", { "Entry No." }, require "sandbox.nav.fields.changelog")
define(5050, "Contact", { "No." }, require "sandbox.nav.fields.contact")
define(5054, "Contact Business Relation", { "Contact No.", "Business Relation Code" },
  require "sandbox.nav.fields.relation")
define(5151, "Integration Record", { "Integration ID" }, require "sandbox.nav.fields.integration")
define(5404, "Item Unit of Measure", { "Item No.", "Code" }, require "sandbox.nav.fields.item_unit")

--- The key of a row.
---@param def sandbox.nav.Table
---@param row table
---@return string
function tables.key(def, row)
  local parts = {}
  for n, name in ipairs(def.keys) do parts[n] = tables.value(row, def.by_name[name]) end
  return table.concat(parts, "\0")
end

--- The values of the key fields.
---@param key string
---@return string[]
function tables.key_parts(key)
  local parts = {}
  for part in (key .. "\0"):gmatch "(%Z*)%z" do parts[#parts + 1] = part end
  return parts
end

--- The key as NAV's messages show it: "No.=10000", "Customer No.=10000, Code=LONDON".
---@param def sandbox.nav.Table
---@param key string
---@param quote string?   around the values, "" when nothing is said
---@return string
function tables.key_text(def, key, quote)
  local parts, out = tables.key_parts(key), {}
  for n, name in ipairs(def.keys) do
    out[n] = ("%s=%s%s%s"):format(name, quote or "", parts[n] or "", quote or "")
  end
  return table.concat(out, quote and "," or ", ")
end

--- What the field of a row holds, defaults included.
---@param row table
---@param field sandbox.nav.Field
function tables.value(row, field)
  local value = row[field.name]
  if value == nil then return field.default end
  return value
end

--- Writes a checked value; a default is left out of the row.
---@param row table
---@param field sandbox.nav.Field
---@param value any
function tables.put(row, field, value)
  if value == field.default then value = nil end
  row[field.name] = value
end

return tables
