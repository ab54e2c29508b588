--- The protocols that NAV speaks, and which of them an endpoint means.
--
-- A protocol is a table of what is its own (v4.lua, v3.lua); all else is shared. It is told by
-- `protocol` in navodoo.lua, or by the address: `.../OData` is V3, anything else V4.

local v3 = require "connector.nav.v3"
local v4 = require "connector.nav.v4"

local protocol = {}

---@class connector.nav.Protocol
---@field name string         as in navodoo.lua
---@field service string      last part of the endpoint's url
---@field reading table       headers of a question
---@field writing table       headers of a write
---@field update string       method that changes the fields given and leaves the others
---@field tag string          where a row carries its version
---@field select string?      property that has to be asked for so that it does
---@field next string         where a list names its next page
---@field rows fun(body: any): table[]?, string?   rows and next page; nil when it is no list
---@field entity fun(body: any): any               the record of an answer
---@field tag_of (fun(value: string): string)?     version of a row as If-Match wants it, where it differs
---@field take_tag fun(row: table): string?        takes it off the row
---@field light (fun(body: any): string?)?         a list in the form that is read without building it
---@field literal table<string, fun(text: string): string>  by type, how a literal is dressed
---@field value table<string, fun(v: any): any>    by type, how a value goes into a body
---@field fault fun(body: any, text: string): string?, string?  code and words of a refusal

local BY_NAME <const> = { odata_v3 = v3, odata_v4 = v4 }

--- The protocol of an endpoint.
---@param endpoint connector.Endpoint
---@return connector.nav.Protocol
function protocol.of(endpoint)
  local known = BY_NAME[endpoint.protocol]
  if known then return known end
  local last = (endpoint.url or ""):match "([^/]+)/*$"
  return last and last:lower() == "odata" and v3 or v4
end

--- The protocol by its name; V4 without one.
---@param name string?
---@return connector.nav.Protocol
function protocol.named(name) return BY_NAME[name] or v4 end

--- What a refusal says, in whichever protocol.
---@param body any     decoded
---@param text string  as it came
---@return string code  "" when it has none
---@return string words
function protocol.fault(body, text)
  for _, each in ipairs { v4, v3 } do
    local code, words = each.fault(body, text)
    if code then return code, words end
  end
  return "", text
end

return protocol
