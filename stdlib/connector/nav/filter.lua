--- OData `$filter` as NAV takes it: literals by type, clauses joined by `and`.
--
-- NAV refuses `or` over two fields, so there is no way here to write one; `or` over one
-- field comes from `filter.any`.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local protocol = require "connector.nav.protocol"

local filter = {}

local OPERATORS <const> = { eq = true, ne = true, gt = true, ge = true, lt = true, le = true }

-- NAV has no null: an empty date is the first day of the calendar.
local EMPTY <const> = { date = "0001-01-01", datetime = "0001-01-01T00:00:00Z" }
local BARE <const> = { date = "^%d%d%d%d%-%d%d%-%d%d$",
                       datetime = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:[%d%.]+Z$",
                       guid = "^[%x%-]+$" }

local function plain(type_name, v)
  if EMPTY[type_name] and v == json.null then return EMPTY[type_name] end
  if BARE[type_name] then
    if type(v) == "string" and v:find(BARE[type_name]) then return v end
  elseif type_name == "integer" or type_name == "decimal" then
    if math.type(v) == "integer" or decimal.is(v) then return tostring(v) end
  elseif type_name == "boolean" then
    if type(v) == "boolean" then return tostring(v) end
  elseif type(v) == "string" then
    return "'" .. v:gsub("'", "''") .. "'"
  end
  error(("filter: %s cannot be compared with a %s"):format(tostring(v), type_name), 4)
end

--- A value as it stands in a filter or a key, not percent-encoded.
---@param schema table
---@param field string
---@param v any
---@return string
function filter.literal(schema, field, v)
  local type_name = schema.fields[field].type
  local dress = protocol.named(schema.protocol).literal[type_name]
  local text = plain(type_name, v)
  return dress and dress(text) or text
end

--- `field op value`.
---@param schema table
---@param field string
---@param op "eq"|"ne"|"gt"|"ge"|"lt"|"le"
---@param v any
---@return string
function filter.clause(schema, field, op, v)
  if not OPERATORS[op] then error(("filter: unknown operator %q"):format(tostring(op)), 2) end
  return ("%s %s %s"):format(field, op, filter.literal(schema, field, v))
end

--- `field eq a or field eq b ...`
---@param schema table
---@param field string
---@param list any[]
---@return string
function filter.any(schema, field, list)
  local parts = {}
  for i, v in ipairs(list) do parts[i] = filter.clause(schema, field, "eq", v) end
  return table.concat(parts, " or ")
end

--- All clauses together; nil when there are none.
---@param schema table
---@param clauses table[]  { field, op, value }
---@return string|nil
function filter.all(schema, clauses)
  local parts = {}
  for i, c in ipairs(clauses) do parts[i] = filter.clause(schema, c[1], c[2], c[3]) end
  return #parts > 0 and table.concat(parts, " and ") or nil
end

return filter
