--- What NAV's refusals mean: the table of its OData V4 codes, and how its bodies read.
--
-- First match wins. A code says more than a status: one status (400) carries a blank field,
-- a wrong filter and a deadlock. NAV's own words are kept as they are.

local json = require "navodoo.json"
local call = require "connector.call"

local errors = {}

local COMPANY <const> = 'is there a company "{company}"? NAV lists them under /Company'
local PAGE <const> = "is the page published under this name as a web service (OData V4 on)?"
local RIGHTS <const> = "give user {user} the permission set that covers it"
local LOGIN <const> = "are user {user} and its web service access key right, and not expired?"
local MANUAL <const> = "or let the number come from the series: leave it out of the record"
local SERIES <const> = "a line of the No. Series that is open today and has numbers left is needed"

---@type connector.Rule[]
errors.rules = {
  { code = "Authorization_", class = "config", way_out = RIGHTS },
  { text = "do not have the following permissions", class = "config", way_out = RIGHTS },
  { code = "Authentication_", class = "auth", way_out = LOGIN },
  { http = 401, class = "auth", way_out = LOGIN },
  { http = 403, class = "config", way_out = RIGHTS },

  { code = "Internal_CompanyNotFound", class = "config", way_out = COMPANY },
  { code = "Internal_TenantUnavailable", class = "transient", down = true },
  { code = "BadRequest_ResourceNotFound", class = "config", way_out = PAGE .. " " .. COMPANY },
  { code = "BadRequest_NotFound", class = "config", way_out = PAGE .. " " .. COMPANY },
  { code = "BadRequest_MethodNotAllowed", class = "config", way_out = PAGE },
  { http = 405, class = "config", way_out = PAGE },

  { text = "deadlock", class = "transient" },
  { text = "locked by another user", class = "transient" },
  { code = "Request_EntityChanged", class = "conflict" },
  { code = "BadRequest_InvalidToken", class = "conflict" },
  { code = "Internal_EntityWithSameKeyExists", class = "conflict" },
  { text = "already exists%. identification fields", class = "conflict",
    as = "Internal_EntityWithSameKeyExists" },
  { http = 412, class = "conflict" },

  { code = "Internal_InvalidTableRelation", class = "dependency" },
  { code = "Internal_RecordNotFound", class = "dependency" },
  { code = "Internal_DataNotFoundFilter", class = "invalid" },

  { text = "may not enter numbers manually", class = "invalid", as = "manual_number", way_out = MANUAL },
  { text = "assign numbers automatically", class = "invalid", as = "number_series", way_out = SERIES },
  { text = "^you cannot assign .*number", class = "invalid", as = "number_series", way_out = SERIES },

  { code = "BadRequest_MethodNotImplemented", class = "bug" },
  { text = "'or' operator is not supported", class = "bug" },
  { code = "BadRequest", text = "does not exist on type", class = "config" },
  { code = "BadRequest_InvalidOperation", class = "invalid" },
  { code = "BadRequest_RequiredParamNotProvided", class = "invalid" },
  { code = "BadRequest", class = "invalid" },
  { code = "Application_", class = "invalid" },
  { code = "Unknown", class = "invalid" },

  { http = 408, write = true, class = "unknown", down = true },
  { http = 502, write = true, class = "unknown", down = true },
  { http = 504, write = true, class = "unknown", down = true },
  { http = 408, class = "transient", down = true },
  { http = 429, class = "transient", down = true },
  { http = 502, class = "transient", down = true },
  { http = 503, class = "transient", down = true },
  { http = 504, class = "transient", down = true },
  { code = "Internal_ServerError", class = "transient", down = true },
  { http = 500, write = true, class = "unknown", down = true },
  { http = 500, class = "transient", down = true },
  { http = 501, class = "bug" },

  { http = 404, class = "config", way_out = "does the url in navodoo.lua end in /ODataV4?" },
  { http = 409, class = "conflict" },
  { http = 413, class = "invalid", as = "too_large" },
  { http = 400, class = "invalid" },
  { http = 301, class = "config", way_out = "put the address it redirects to into navodoo.lua" },
  { http = 302, class = "config", way_out = "put the address it redirects to into navodoo.lua" },
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
  local body = json.decode(res.body)
  local fault = type(body) == "table" and type(body.error) == "table" and body.error or {}
  local code = type(fault.code) == "string" and fault.code or ""
  local words = type(fault.message) == "string" and fault.message or res.body
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
