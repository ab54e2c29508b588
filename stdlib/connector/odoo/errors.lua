--- What Odoo's faults mean: the table of exception names, and how its answers read.
--
-- The name of the exception decides (its last word: modules move between versions); the
-- status does not, since JSON-RPC answers 200 and JSON-2 answers 500 to both a wrong field
-- and a lost lock. Texts are matched in English: every call carries lang=en_US.

local call = require "connector.call"

local errors = {}

local LOGIN <const> = "is the secret of user {user} right? An API key stands in for the password, "
  .. "and is the only way for a user with two-factor login"
local DATABASE <const> = 'is there a database "{database}" on this server?'
local RIGHTS <const> = "give user {user} the group that it names"
local COMPANIES <const> = "is company {company_id} one of the companies of user {user}?"
local ADDRESS <const> = "is the url in navodoo.lua that of an Odoo?"
local SEVERAL <const> = "an Odoo 14 with several databases gives no reasons: let its dbfilter or db_name "
  .. "leave only {database}"
local REDIRECT <const> = "put the address it redirects to into navodoo.lua"

---@type connector.Rule[]
errors.rules = {
  { code = "AccessDenied", text = "too many login failures", class = "transient", retry_after_ms = 60000 },
  { code = "AccessDenied", class = "auth", way_out = LOGIN },
  { code = "Unauthorized", class = "auth", way_out = LOGIN },
  { code = "SessionExpiredException", class = "auth", way_out = LOGIN },
  { code = "AccessError", text = "^you are not allowed", class = "config", way_out = RIGHTS },
  { code = "AccessError", text = "invalid companies", class = "config", way_out = COMPANIES },
  { code = "AccessError", text = "^private methods", class = "bug" },
  { code = "AccessError", class = "invalid" },

  { code = "MissingError", class = "conflict" },
  { code = "LockError", class = "transient" },
  { code = "ValidationError", text = "ir_model_data_module_name_uniq_index", class = "conflict" },
  { code = "ValidationError", class = "invalid" },
  { code = "UserError", text = "^object .* doesn't exist", class = "config",
    way_out = "is the app that has this model installed?" },
  { code = "UserError", class = "invalid" },

  { code = "SerializationFailure", class = "transient" },
  { code = "LockNotAvailable", class = "transient" },
  { code = "DeadlockDetected", class = "transient" },
  { code = "OperationalError", text = "database .* does not exist", class = "config", way_out = DATABASE },
  { code = "OperationalError", class = "transient", down = true },
  { code = "PoolError", class = "transient", down = true },
  { code = "NumericValueOutOfRange", class = "invalid" },
  { code = "InvalidTextRepresentation", class = "invalid" },

  { code = "ValueError", text = "^invalid field name", class = "invalid", as = "unknown_field" },
  { code = "ValueError", class = "invalid" },
  { code = "KeyError", text = "^[%w_./]+$", class = "invalid", as = "unknown_field" }, -- 14 to 18
  { code = "KeyError", class = "invalid" },
  { code = "TypeError", class = "bug" },
  { code = "AttributeError", class = "bug" },
  { code = "IndexError", class = "bug" },
  { code = "AssertionError", class = "bug" },
  { code = "NotFound", text = "^the model", class = "config",
    way_out = "is the app that has this model installed?" },
  { code = "NotFound", class = "bug" },
  { code = "UnprocessableEntity", class = "bug" },
  { code = "BadRequest", class = "bug" },

  -- from here on: no fault in JSON, something before or in front of Odoo answered
  { code = "", http = 404, text = "database", class = "config", way_out = DATABASE },
  { code = "", http = 404, class = "config", way_out = ADDRESS },
  { code = "", http = 400, class = "bug" },
  { code = "", http = 401, class = "auth", way_out = LOGIN },
  { code = "", http = 403, class = "config", way_out = "something in front of Odoo refuses the call" },
  { code = "", http = 405, class = "bug" },
  { code = "", http = 413, class = "invalid", as = "too_large" },
  { code = "", http = 415, class = "bug" },
  { code = "", http = 429, class = "transient", down = true },
  { code = "", http = 503, class = "transient", down = true },
  -- the page that Odoo's own server makes when no database connection is free: nothing began
  { code = "", http = 500, text = "^<!doctype html>%s*<html lang=en>%s*<title>500", class = "transient",
    down = true },
  -- 14 tells no reasons while it does not know which of its databases a call is for
  { code = "", http = 500, text = "^<!doctype html public", write = true, class = "unknown", down = true,
    way_out = SEVERAL },
  { code = "", http = 500, text = "^<!doctype html public", class = "transient", down = true,
    way_out = SEVERAL },
  { code = "", http = 408, write = true, class = "unknown", down = true },
  { code = "", http = 500, write = true, class = "unknown", down = true },
  { code = "", http = 502, write = true, class = "unknown", down = true },
  { code = "", http = 504, write = true, class = "unknown", down = true },
  { code = "", http = 408, class = "transient", down = true },
  { code = "", http = 500, class = "transient", down = true },
  { code = "", http = 502, class = "transient", down = true },
  { code = "", http = 504, class = "transient", down = true },
  { code = "", http = 301, class = "config", way_out = REDIRECT },
  { code = "", http = 302, class = "config", way_out = REDIRECT },
  { code = "", http = 303, class = "config", way_out = REDIRECT },
  { code = "", http = 308, class = "config", way_out = REDIRECT },
  -- an answer of 200 that is not Odoo's: cut short, or somebody else's page
  { code = "", http = 200, write = true, class = "unknown" },
  { code = "", http = 200, text = "^%s*<", class = "config", way_out = ADDRESS },
  { code = "", http = 200, class = "transient" },
}

--- Messages of `load`, which tells the exceptions of single rows as text.
---@type connector.Rule[]
errors.load_rules = {
  { text = "could not serialize access", class = "transient" },
  { text = "deadlock detected", class = "transient" },
  { text = "could not obtain lock", class = "transient" },
  { text = "^you are not allowed", class = "config", way_out = RIGHTS },
}

local OTHERWISE <const> = { class = "invalid" }

-- How Odoo names the field that it refuses.
local FIELDS <const> = {
  "^Invalid field name '([^']+)'",
  "^Invalid field '([^']+)'",
  "^Invalid field [%w_.]+%.([%w_]+) in ",
  "^Wrong value for [%w_.]+%.([%w_]+):",
  "required value for the field '[^']*' %(([%w_]+)%)",
}

--- Makes an error out of a fault object: `data` of JSON-RPC, the whole body of JSON-2.
---@param endpoint connector.Endpoint
---@param what string
---@param http integer
---@param fault table
---@param write boolean
---@return connector.Error
function errors.of_fault(endpoint, what, http, fault, write)
  local words = type(fault.message) == "string" and fault.message or ""
  local answer = { http = http, text = words,
                   code = type(fault.name) == "string" and fault.name:match "[^.]*$" or "Fault" }
  local err = call.failure(endpoint, what,
    call.classify(errors.rules, answer, write) or OTHERWISE, answer)
  err.field = call.capture(FIELDS, words)
  if answer.code == "KeyError" and err.code == "unknown_field" then -- the message is the bare name
    err.field = words
    err.text = ("%s: %s: unknown field %q"):format(endpoint.name, what, words)
  end
  return err
end

--- Makes an error out of an answer that carries no fault object.
---@param endpoint connector.Endpoint
---@param what string
---@param res table
---@param write boolean
---@return connector.Error
function errors.of_page(endpoint, what, res, write)
  local answer = { http = res.status, code = "", text = res.body }
  return call.failure(endpoint, what, call.classify(errors.rules, answer, write) or OTHERWISE, answer)
end

--- Makes the error of one message of `load`.
---@param endpoint connector.Endpoint
---@param what string      names model and record
---@param message table    { type=, message=, field= }
---@return connector.Error
function errors.of_message(endpoint, what, message)
  local answer = { code = "refused", text = tostring(message.message) }
  local err = call.failure(endpoint, what, call.classify(errors.load_rules, answer) or OTHERWISE, answer)
  err.field = type(message.field) == "string" and message.field:match "^[^/]*" or nil
  return err
end

return errors
