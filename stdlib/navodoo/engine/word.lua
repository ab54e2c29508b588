--- A person's word for a NAV field: a text, read as the field takes it, or why it does not.
--
-- A review carries what NAV's schema says of its fields, so that a word can be judged where
-- it is said, with no system at hand. Pure functions.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local text = require "navodoo.text"
local time = require "navodoo.time"

local word = {}

--- What a review keeps of the schema's fields.
---@param fields table<string, table>  of the schema
---@param names string[]
---@return table<string, table>
function word.defs(fields, names)
  local out = {}
  for _, name in ipairs(names) do
    local f = fields[name] or {}
    out[name] = { type = f.type, max = f.max, options = f.options and json.array(f.options) or nil,
                  readonly = f.readonly or nil }
  end
  return json.object(names, out)
end

local BOOLEAN <const> = { ["true"] = true, yes = true, ["false"] = false, no = false }

local read = {}

function read.decimal(said)
  if said == "" then return decimal.new(0) end
  local v = decimal.parse(said)
  if v == nil then return nil, "is no amount; write it as 1234.50" end
  return v
end

function read.integer(said)
  if said == "" then return 0 end
  local v = said:match "^%-?%d+$" and math.tointeger(tonumber(said))
  if v == nil then return nil, "is no whole number" end
  return v
end

function read.boolean(said)
  local v = BOOLEAN[said]
  if v == nil then return nil, "is neither true nor false" end
  return v
end

function read.date(said)
  if said == "" then return json.null end
  if not (said:match "^%d%d%d%d%-%d%d%-%d%d$" and time.parse_iso(said .. "T00:00:00Z")) then
    return nil, "is no day; write it as 2026-01-31"
  end
  return said
end

function read.datetime(said)
  if said == "" then return json.null end
  if not time.parse_iso(said) then return nil, "is no instant; write it as 2026-01-31T08:30:00Z" end
  return said
end

function read.option(said, def)
  if said == "" then said = " " end
  for _, member in ipairs(def.options or {}) do
    if member == said then return said end
  end
  if not def.options then return said end
  return nil, "is none of " .. table.concat(def.options, ", ")
end

--- The value that a text stands for in a field.
---@param name string
---@param def table|nil  of the schema
---@param said string
---@return any value
---@return string|nil why
function word.read(name, def, said)
  def = def or {}
  if def.readonly then return nil, name .. " cannot be written in NAV" end
  local value, why = said, nil
  if read[def.type] then value, why = read[def.type](said, def) end
  if value == nil then return nil, ("%s: %q %s"):format(name, said, why) end
  if type(value) == "string" and def.max and text.utf16_length(value) > def.max then
    return nil, ("%s: %q is %d long, NAV takes %d"):format(name, said, text.utf16_length(value), def.max)
  end
  return value
end

--- A problem of a mapping in one line: field, words, way out.
---@param p table
---@return string
function word.told(p)
  local field = p.field and p.field ~= "" and not tostring(p.text):find(p.field, 1, true) and p.field .. ": " or ""
  return field .. tostring(p.text) .. (p.way_out and "; " .. p.way_out or "")
end

return word
