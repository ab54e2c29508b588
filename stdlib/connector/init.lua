--- Connectors: one way to talk to each kind of system.
--
-- `connector.open(endpoint)` gives a connection without touching the network; its methods
-- wait, and answer with values or with `nil, err`. An `err` always has `class`, `code` and a
-- one-line `text` (see connector/call.lua). Flows and the engine know no protocol.

local nav = require "connector.nav"
local odoo = require "connector.odoo"

local connector = {}

local KINDS <const> = { nav = nav, odoo = odoo }

---@class connector.Endpoint
---@field name string          as the core knows it: address, limits, breaker
---@field kind "nav"|"odoo"
---@field url string?          its last part tells NAV's protocol, where `protocol` does not
---@field protocol string?     NAV: "odata_v4" or "odata_v3"
---@field wire connector.nav.Protocol?  NAV: what it speaks; nav.open says it, and
---@field service string?      NAV: how an address of that ends, for the words of errors
---@field company string?      NAV company
---@field company_id integer?  Odoo company
---@field database string?     Odoo database
---@field user string?
---@field auth string?         NAV: "basic" (also nil), "ntlm", "negotiate", "oauth2"; Odoo: "password" (also nil),
--                              "api_key", "session"
---@field secret string?       token of the secret, replaced by its bytes when sent
---@field secret_name string?  name of the secret: a changed one opens a stopped endpoint again
---@field token_url string?    OAuth2, as are:
---@field client_id string?
---@field scope string?
---@field api "auto"|"jsonrpc"|"json2"|nil  Odoo only, nil = "auto"
---@field page_size integer?   most rows that the server gives in one answer
---@field timeout_ms integer?  for one call
---@field read_only boolean?   nothing that changes anything is sent (connector/call.lua)
---@field withheld fun(request: connector.Request)?  hears of what was not sent
---@field knock fun()?         asks a small question, to find out whether the system is back

--- Opens a connection to an endpoint.
---@param endpoint connector.Endpoint
---@return connector.Nav|connector.Odoo
function connector.open(endpoint)
  local kind = KINDS[endpoint.kind]
  if not kind then
    error(("connector: endpoint %s has kind %q, expected nav or odoo"):format(
      tostring(endpoint.name), tostring(endpoint.kind)), 2)
  end
  -- what was given stays plain data, and is looked at as it is then
  local own = setmetatable({}, { __index = endpoint })
  local connection = kind.open(own)
  own.knock = function() return connection:knock() end
  return connection
end

return connector
