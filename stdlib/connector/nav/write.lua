--- Writes into NAV: create and update of one record, the answer is what NAV holds now.
--
-- NAV validates the fields of a body one after the other in the order of the payload, so a body is
-- a list of pairs and keeps its order. An update says which version of the record it is based on
-- (If-Match); when somebody else was there it is refused, and nothing is written. There is no
-- delete, on purpose: gone is a policy of the flow, never a call.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local time = require "navodoo.time"
local call = require "connector.call"
local errors = require "connector.nav.errors"
local key = require "connector.nav.key"
local odata = require "connector.nav.odata"

local write = {}

-- ---- values ----------------------------------------------------------------------------------

local null <const> = json.null

-- NAV has no null: this is what an empty field holds.
local EMPTY <const> = {
  decimal = 0, integer = 0, boolean = false, date = "0001-01-01", datetime = "0001-01-01T00:00:00Z",
  guid = "00000000-0000-0000-0000-000000000000",
}

local function to_text(v) return type(v) == "string" and v or nil end

local function to_number(v)
  if math.type(v) == "integer" or decimal.is(v) then return v end
  return nil
end

local function to_integer(v)
  if decimal.is(v) then v = v:integer() end
  return math.type(v) == "integer" and v or nil
end

local function to_boolean(v)
  if type(v) == "boolean" then return v end
  return nil
end

local function to_date(v)
  return type(v) == "string" and v:match "^%d%d%d%d%-%d%d%-%d%d$" or nil
end

local function to_datetime(v)
  local us = type(v) == "string" and time.parse_iso(v)
  return us and time.iso(us) or nil
end

local WIRE <const> = { decimal = to_number, integer = to_integer, boolean = to_boolean, date = to_date,
                       datetime = to_datetime }

--- A value as it goes into a body; null clears.
---@param def table  of the schema
---@param v any
---@return any wire
---@return string|nil why  the value cannot be of this type
function write.value(def, v)
  if v == null then
    local empty = EMPTY[def.type]
    if empty == nil then return "" end
    return empty
  end
  local wire = (WIRE[def.type] or to_text)(v)
  if wire == nil then
    return nil, ("%s cannot go into a field of type %s"):format(
      type(v) == "table" and "a list" or ("%q"):format(tostring(v)), def.type)
  end
  return wire
end

-- ---- calls -----------------------------------------------------------------------------------

local function body_of(endpoint, what, schema, fields)
  local order, values, dresses = {}, {}, endpoint.wire.value
  for i, pair in ipairs(fields) do
    local name, def = pair[1], schema.fields[pair[1]]
    if not def then
      return nil, call.failure(endpoint, what, { class = "config" }, {
        code = "unknown_field", text = ("NAV has no field %q on this page"):format(tostring(name)) })
    end
    if values[name] ~= nil then error(("%s: %s is given twice"):format(what, name), 3) end
    local wire, why = write.value(def, pair[2])
    if why then
      local err = call.failure(endpoint, what, { class = "invalid" }, {
        code = "type", text = ("%s: %s"):format(name, why) })
      err.field = name
      return nil, err
    end
    local dress = dresses[def.type]
    order[i], values[name] = name, dress and dress(wire) or wire
  end
  return json.encode(json.object(order, values))
end

-- The record of an answer, with the fields that were asked for and its tag.
local function row_of(endpoint, what, how, res)
  local body = endpoint.wire.entity(call.decode(res.body))
  if type(body) ~= "table" or body[how.schema.key[1]] == nil then
    -- done, but not said how it ended: who asks again by key learns it
    return nil, call.failure(endpoint, what, { class = "unknown", as = "not_odata" },
      { http = res.status, code = "", text = "the answer holds no record" })
  end
  local record = {}
  for _, name in ipairs(how.names) do record[name] = body[name] end
  local problem = how.read(record)
  if problem then
    return nil, call.failure(endpoint, what, { class = "unknown" }, { code = "type", text = problem })
  end
  return { key = key.of(how.schema, record), etag = endpoint.wire.take_tag(body), record = record }
end

--- Creates a record. Waits.
---@param endpoint connector.Endpoint
---@param entity string
---@param how table               schema, names and reader of the answer
---@param fields { [1]: string, [2]: any }[]
---@return table|nil row
---@return connector.Error|nil err
function write.create(endpoint, entity, how, fields)
  local body, err = body_of(endpoint, entity, how.schema, fields)
  if not body then return nil, err end
  return call.exchange(endpoint, {
    what = entity, method = "POST", path = odata.path(endpoint, entity), headers = odata.write_headers(endpoint),
    body = body, write = true,
  }, function(res)
    if res.status // 100 ~= 2 then return nil, errors.of(endpoint, entity, res, true) end
    return row_of(endpoint, entity, how, res) -- it is made, whatever the answer looks like
  end)
end

--- Updates a record. Waits. `err.code` is "missing" where NAV does not find the address.
---@param endpoint connector.Endpoint
---@param entity string
---@param how table
---@param whole any               the record's key
---@param etag string             of the version that the change is based on
---@param fields { [1]: string, [2]: any }[]
---@return table|boolean|nil row  true: done, and NAV sent no record back
---@return connector.Error|nil err
---@return string|nil tag         of what was written, where NAV sent no record back
function write.update(endpoint, entity, how, whole, etag, fields)
  local what = ("%s %s"):format(entity, tostring(whole))
  local body, err = body_of(endpoint, what, how.schema, fields)
  if not body then return nil, err end
  local row, tag
  row, err = call.exchange(endpoint, {
    what = what, method = endpoint.wire.update, headers = odata.write_headers(endpoint, etag), body = body,
    write = true, path = odata.path(endpoint, entity) .. key.address(how.schema, whole),
  }, function(res)
    if res.status == 204 then
      tag = res.headers.etag
      return true
    end
    if res.status // 100 ~= 2 then return nil, errors.of(endpoint, what, res, true) end
    return row_of(endpoint, what, how, res)
  end)
  return row, err, tag
end

return write
