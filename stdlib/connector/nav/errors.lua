--- What NAV's refusals mean: the table of its OData codes, and how its bodies read.
--
-- First match wins. A code says more than a status: one status (400) carries a blank field,
-- a wrong filter and a deadlock. NAV's own words are kept as they are.

local call = require "connector.call"
local protocol = require "connector.nav.protocol"

local errors = {}

local COMPANY <const> = 'is there a company "{company}"? NAV lists them under /Company'
local PAGE <const> = "is the page published under this name as a web service (its OData on)?"
local RIGHTS <const> = "give user {user} the permission set that covers it"
local LOGIN <const> = "are user {user} and its web service access key right, and not expired?"
local MANUAL <const> = "or let the number come from the series: leave it out of the record"
local SERIES <const> = "a line of the No. Series that is open today and has numbers left is needed"
local TENANT <const> = "it is asked again until the tenant is mounted"
local RELATED <const> = "the record that it names has to be in NAV first"
local CORRECT <const> = "correct the value in the record that it comes from"
local REDIRECT <const> = "put the address it redirects to into navodoo.lua"
local PROXY <const> = "it is asked again; is the server behind the proxy running?"

--- `from` is the row of the facts that a rule was made of: a section of facts/nav/FACTS.md, or a kind
-- in facts/nav/samples/errors.json.
---@type connector.Rule[]
errors.rules = {
  { code = "Authorization_", class = "config", way_out = RIGHTS, from = "6 permission" },
  { text = "do not have the following permissions", class = "config", way_out = RIGHTS, from = "4" },
  { code = "Authentication_", class = "auth", way_out = LOGIN, from = "credentials" },
  { http = 401, class = "auth", way_out = LOGIN, from = "6 auth" },
  { http = 403, class = "config", way_out = RIGHTS, from = "6 permission" },
  { http = 407, class = "config", way_out = "the proxy in front of NAV wants a login of its own", from = "4" },

  { code = "Internal_CompanyNotFound", class = "config", way_out = COMPANY, from = "company missing" },
  { code = "Internal_TenantUnavailable", class = "transient", down = true, way_out = TENANT, from = "tenant" },
  { code = "BadRequest_ResourceNotFound", class = "config", way_out = PAGE .. " " .. COMPANY,
    from = "unknown service" },
  { code = "BadRequest_NotFound", class = "config", way_out = PAGE .. " " .. COMPANY, from = "key syntax" },
  { code = "BadRequest_MethodNotAllowed", class = "config", way_out = PAGE, from = "method on collection" },
  { http = 405, class = "config", way_out = PAGE, from = "1.1 a switched-off endpoint answers 405" },

  { text = "deadlock", class = "transient", from = "deadlock" },
  { text = "locked by another user", class = "transient", from = "6 lock timeout" },
  { code = "Request_EntityChanged", class = "conflict", from = "stale etag" },
  { code = "BadRequest_InvalidToken", class = "conflict", from = "missing etag" },
  { text = "^other user has modified", class = "conflict", from = "5.2 texts" },
  { code = "Internal_EntityWithSameKeyExists", class = "conflict", from = "already exists" },
  { text = "already exists%. identification fields", class = "conflict",
    as = "Internal_EntityWithSameKeyExists", from = "5.2 texts" },
  { http = 412, class = "conflict", from = "2.1 V3 answers 412 to a stale etag" },

  { code = "Internal_InvalidTableRelation", class = "dependency", way_out = RELATED, from = "table relation" },
  { code = "Internal_RecordNotFound", class = "dependency", way_out = RELATED, from = "not found, other record" },
  { code = "Internal_DataNotFoundFilter", class = "invalid", way_out = CORRECT, from = "no row in filter" },

  { text = "may not enter numbers manually", class = "invalid", as = "manual_number", way_out = MANUAL,
    from = "manual number" },
  { text = "assign numbers automatically", class = "invalid", as = "number_series", way_out = SERIES,
    from = "no default numbers" },
  { text = "^you cannot assign .*number", class = "invalid", as = "number_series", way_out = SERIES,
    from = "series exhausted" },
  { text = "is blocked with type", class = "invalid", way_out = "lift the block in NAV, or hold the record back",
    from = "customer blocked" },
  { text = "blocked for privacy reasons", class = "invalid", as = "privacy_blocked", from = "3 Privacy Blocked",
    way_out = "NAV keeps such a card closed: clear its Privacy Blocked and retry, or archive the record in Odoo "
      .. "again and drop this" },
  { text = "allowed posting dates", class = "invalid", way_out = "open the period in NAV, or change the date",
    from = "closed posting period" },

  { code = "BadRequest_MethodNotImplemented", class = "bug", from = "filter not supported" },
  { text = "'or' operator is not supported", class = "bug", from = "or over two fields" },
  { code = "BadRequest", text = "does not exist on type", class = "config",
    way_out = "does the page show this field? `navodoo schema diff` tells", from = "unknown property" },
  { code = "BadRequest_InvalidOperation", class = "invalid", way_out = "leave the field out of the flow",
    from = "read-only control" },
  { code = "BadRequest_RequiredParamNotProvided", class = "invalid", way_out = CORRECT, from = "required field" },
  { code = "BadRequest", class = "invalid", way_out = CORRECT, from = "bad date" },
  { code = "Application_CallbackNotAllowed", class = "invalid",
    way_out = "the page asks a question, and over OData nobody answers: its setup in NAV has to", from = "callback" },
  { code = "Application_", class = "invalid", way_out = CORRECT, from = "6 business ERROR()" },
  { code = "Unknown", class = "invalid", way_out = CORRECT, from = "invalid option" },

  { http = 429, class = "transient", down = true, from = "rate limit" },
  { http = 503, class = "transient", down = true, from = "queue full / maintenance" },
  { code = "Internal_ServerError", class = "transient", down = true, from = "6 SQL down" },
  { http = 501, class = "bug", from = "filter not supported" },
  { http = 408, write = true, class = "unknown", down = true, from = "operation timeout" },
  { http = 408, class = "transient", down = true, from = "operation timeout" },
  { hundreds = 5, write = true, class = "unknown", down = true, way_out = PROXY, from = "gateway timeout" },
  { hundreds = 5, class = "transient", down = true, way_out = PROXY, from = "gateway timeout" },

  { http = 404, class = "config", way_out = "does the url in navodoo.lua end in /{service}?",
    from = "6 segment unknown" },
  { http = 409, class = "conflict", from = "stale etag" },
  { http = 413, class = "invalid", as = "too_large", way_out = "the server takes no body of this size",
    from = "6 too large" },
  { http = 400, class = "invalid", way_out = CORRECT, from = "or over two fields" },
  { hundreds = 3, class = "config", way_out = REDIRECT, from = "1.1" },
}

local OTHERWISE <const> = { class = "invalid" }

-- How NAV names the field that it refuses.
local FIELDS <const> = {
  "^The property '([^']+)' does not exist",
  "^The field (.-) of table ",
  "^Control '([^']+)' is read%-only",
  "^Field '([^']+)' must not be blank",
  "is not valid for the (.-) field on the ",
  "^(.-) must have a value in ",
  "^(.-) must be equal to '",
}

--- Reads an answer that is not a success.
---@param res table  answer of navodoo.http
---@return connector.Answer
function errors.answer(res)
  local code, words = protocol.fault(call.decode(res.body), res.body)
  return { http = res.status, code = code, text = (words:gsub("%s*CorrelationId:%s*%S+$", "")) }
end

--- Makes the error of an answer that is not a success.
---@param endpoint connector.Endpoint
---@param what string
---@param res table
---@param write boolean|nil
---@return connector.Error
function errors.of(endpoint, what, res, write)
  local answer = errors.answer(res)
  local rule = call.classify(errors.rules, answer, write) or OTHERWISE
  local err = call.failure(endpoint, what, rule, answer)
  err.field = call.capture(FIELDS, answer.text)
  return err
end

return errors
