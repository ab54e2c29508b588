--- What the OData protocols write each in its own way: V4, V3 light JSON, V3 verbose JSON.
--
-- One NAV speaks them all; here are addresses, envelopes, value forms, and the statuses that differ.
-- V3 in Atom is not played: who asks for nothing gets light JSON.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local text = require "navodoo.text"
local time = require "navodoo.time"

local wire = {}

---@class sandbox.nav.Wire
---@field service string                       its part of the address
---@field kind string                          Content-Type
---@field headers table                        of every answer
---@field show table<string, fun(value: any): string>  by field type, a value as JSON; else plain
---@field open fun(head: sandbox.nav.Head, tag: string, key: string, type_name: string): string?  how a record begins
---@field record fun(text: string): string     a record that is the whole answer
---@field list fun(head: table, records: string): string
---@field error fun(refused: sandbox.nav.Refusal): any
---@field context fun(root: string, company: string?, name: string, single: boolean): string
---@field updates table<string, boolean>       methods that change a record
---@field answers_updates boolean              an update is answered with the record
---@field count string                         query option that asks for the count
---@field v3 boolean?                          it is OData V3
---@field given fun(field: table, value: any): any  a value of a body as V4 has it
---@field status table<string, integer>?       statuses of refusals that are not V4's

local function quote(value)
  if value:find('[%c"\\]') then return json.encode(value) end
  return '"' .. value .. '"'
end
wire.quote = quote

-- V4 -----------------------------------------------------------------------------------------------------

wire.v4 = {
  service = "ODataV4", kind = "application/json; odata.metadata=minimal", headers = { ["OData-Version"] = "4.0" },
  show = {}, updates = { PATCH = true, PUT = true }, answers_updates = true, count = "$count",
}

function wire.v4.open(head, tag)
  return (head.single and '{"@odata.context":' .. quote(head.context) .. "," or "{") .. '"@odata.etag":' .. quote(tag)
end

function wire.v4.record(record) return record end

function wire.v4.list(head, records)
  local body = '{"@odata.context":' .. quote(head.context)
  if head.count then body = body .. ',"@odata.count":' .. head.count end
  body = body .. ',"value":[' .. records .. "]"
  if head.next_link then body = body .. ',"@odata.nextLink":' .. quote(head.next_link) end
  return body .. "}"
end

function wire.v4.error(refused)
  return { error = json.object({ "code", "message" }, { code = refused.code, message = refused.message }) }
end

function wire.v4.context(root, company, name, single)
  if company then name = "Company('" .. company .. "')/" .. name end
  return root .. "/$metadata#" .. name .. (single and "/$entity" or "")
end

function wire.v4.given(_, value) return value end

-- V3 -----------------------------------------------------------------------------------------------------

local function in_quotes(value) return '"' .. tostring(value) .. '"' end

-- A value of a V3 body as V4 has it.
local function given(field, value)
  if field.type == "Date" and type(value) == "string" then
    return (value:gsub("^(%d%d%d%d%-%d%d%-%d%d)T00:00:00%.?0*Z?$", "%1"))
  elseif (field.type == "Decimal" or field.type == "BigInteger") and type(value) == "string" then
    return decimal.parse(value) or value
  end
  return value
end

local function message(refused) return json.object({ "lang", "value" }, { lang = "en-US", value = refused.message }) end

local STATUS <const> = { Request_EntityChanged = 412, BadRequest_InvalidToken = 412 }

wire.light = {
  service = "OData", kind = "application/json;odata=minimalmetadata;charset=utf-8",
  headers = { DataServiceVersion = "3.0;" }, v3 = true, given = given, status = STATUS,
  updates = { MERGE = true, PATCH = true, PUT = true }, count = "$inlinecount",
  show = {
    Date = function(day) return '"' .. day .. 'T00:00:00"' end, Decimal = in_quotes, BigInteger = in_quotes,
  },
}

function wire.light.open(head) return head.single and '{"odata.metadata":' .. quote(head.context) or nil end

function wire.light.record(record) return record end

function wire.light.list(head, records)
  local body = '{"odata.metadata":' .. quote(head.context)
  if head.count then body = body .. ',"odata.count":"' .. head.count .. '"' end
  body = body .. ',"value":[' .. records .. "]"
  if head.next_link then body = body .. ',"odata.nextLink":' .. quote(head.next_link) end
  return body .. "}"
end

function wire.light.error(refused)
  return { ["odata.error"] = json.object({ "code", "message" }, { code = "", message = message(refused) }) }
end

function wire.light.context(root, _, name, single)
  return root .. "/$metadata#" .. name .. (single and "/@Element" or "")
end

-- A client of V2 gets instants as ticks.
local function ticks(value)
  local us = time.parse_iso(#value == 10 and value .. "T00:00:00Z" or value)
  return ('"\\/Date(%d)\\/"'):format(us // 1000)
end

wire.verbose = setmetatable({
  kind = "application/json;odata=verbose;charset=utf-8", headers = { DataServiceVersion = "2.0;" },
  show = { Date = ticks, DateTime = ticks, Decimal = in_quotes, BigInteger = in_quotes },
}, { __index = wire.light })

function wire.verbose.open(head, tag, key, type_name)
  local address = head.address(key)
  return '{"__metadata":' .. json.encode(json.object({ "id", "uri", "etag", "type" },
    { id = address, uri = address, etag = tag, type = "NAV." .. type_name }))
end

function wire.verbose.record(record) return '{"d":' .. record .. "}" end

function wire.verbose.list(head, records)
  local body = '{"d":{"results":[' .. records .. "]"
  if head.count then body = body .. ',"__count":"' .. head.count .. '"' end
  if head.next_link then body = body .. ',"__next":' .. quote(head.next_link) end
  return body .. "}}"
end

function wire.verbose.error(refused)
  return { error = json.object({ "code", "message" }, { code = "", message = message(refused) }) }
end

-- ---------------------------------------------------------------------------------------------------------

--- How a request is answered; V4 where it is not for V3.
---@param request table
---@return sandbox.nav.Wire
function wire.of(request)
  if not request.path:lower():find "^/[^/?]+/odata[/?]" and not request.path:lower():find "^/[^/?]+/odata$" then
    return wire.v4
  end
  local newest = tonumber((request.headers.maxdataserviceversion or ""):match "^%s*(%d+%.%d+)")
  local verbose = (request.headers.accept or ""):lower():find("odata=verbose", 1, true)
  return (verbose or newest and newest < 3) and wire.verbose or wire.light
end

--- A refusal as an answer.
---@param its sandbox.nav.Wire
---@param refused sandbox.nav.Refusal
---@return integer status
---@return string body
function wire.refusal(its, refused)
  if not text.valid(refused.message) then
    refused = { http = refused.http, code = refused.code, message = refused.message:gsub("[\128-\255]", "?") }
  end
  return its.status and its.status[refused.code] or refused.http, json.encode(its.error(refused))
end

return wire
