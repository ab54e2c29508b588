--- What is OData V4's own (NAV 2017 and later, Business Central).

local json = require "navodoo.json"

local TAG <const> = "@odata.etag"
local NEXT <const> = "@odata.nextLink"
local ACCEPT <const> = "application/json;odata.metadata=minimal"

---@type connector.nav.Protocol
local v4 = {
  name = "odata_v4", service = "ODataV4", update = "PATCH", tag = TAG, next = NEXT,
  reading = { Accept = ACCEPT },
  writing = { Accept = ACCEPT, ["Content-Type"] = "application/json" },
  literal = {}, value = {},
}

function v4.rows(body)
  if type(body) == "table" and json.is_array(body.value) then return body.value, body[NEXT] end
  return nil
end

function v4.entity(body) return body end

function v4.take_tag(row)
  local tag = row[TAG]
  row[TAG] = nil
  return tag
end

function v4.fault(body)
  local fault = type(body) == "table" and body.error
  if type(fault) ~= "table" or type(fault.message) ~= "string" then return nil end
  return type(fault.code) == "string" and fault.code or "", fault.message
end

return v4
