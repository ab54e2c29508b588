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
local APP <const> = "is the app that has this model installed?"
local CORRECT <const> = "correct the value in the record that it comes from"
local FIELD <const> = "`navodoo schema diff` tells what this Odoo has"
local PROXY <const> = "it is asked again; is the Odoo behind the proxy running?"
local FRONT <const> = "something in front of Odoo refuses the call"

--- `from` is the row of the facts that a rule was made of: of the table in section 3 of
-- facts/odoo/FACTS.md, or a recorded answer.
---@type connector.Rule[]
errors.rules = {
  { code = "AccessDenied", text = "too many login failures", class = "transient", retry_after_ms = 60000,
    from = "2 cooldown" },
  { code = "AccessDenied", class = "auth", way_out = LOGIN, from = "wrong password/key on a call" },
  { code = "Unauthorized", class = "auth", way_out = LOGIN, from = "json2/bad_key" },
  { code = "SessionExpiredException", class = "auth", way_out = LOGIN, from = "session lost" },
  { code = "AccessError", text = "^you are not allowed", class = "config", way_out = RIGHTS, from = "no right" },
  { code = "AccessError", text = "invalid companies", class = "config", way_out = COMPANIES,
    from = "context/allowed_company_ids_not_mine" },
  { code = "AccessError", text = "^private methods", class = "bug", from = "private method" },
  { code = "AccessError", class = "invalid", way_out = "a record rule of user {user} forbids this one",
    from = "record rule" },

  { code = "MissingError", class = "conflict", from = "record gone" },
  { code = "LockError", class = "transient", from = "record locked by code" },
  { code = "ValidationError", text = "ir_model_data_module_name_uniq_index", class = "conflict",
    from = "5 a duplicate external id" },
  { code = "ValidationError", class = "invalid", way_out = CORRECT, from = "missing required field" },
  { code = "UserError", text = "^object .* doesn't exist", class = "config", way_out = APP, from = "unknown model" },
  { code = "UserError", class = "invalid", way_out = "look at the state of the record in Odoo",
    from = "business rule" },

  { code = "SerializationFailure", class = "transient", from = "concurrent change" },
  { code = "LockNotAvailable", class = "transient", from = "concurrent change" },
  { code = "DeadlockDetected", class = "transient", from = "concurrent change" },
  { code = "OperationalError", text = "database .* does not exist", class = "config", way_out = DATABASE,
    from = "2 wrong db" },
  { code = "OperationalError", class = "transient", down = true, from = "2 OperationalError" },
  { code = "PoolError", class = "transient", down = true, from = "database pool empty" },
  { code = "NumericValueOutOfRange", class = "invalid", way_out = CORRECT, from = "number over 32 bit" },
  { code = "InvalidTextRepresentation", class = "invalid", way_out = CORRECT,
    from = "14.0 wrong_type_many2one_text" },

  { code = "ValueError", text = "^invalid field", class = "invalid", as = "unknown_field", way_out = FIELD,
    from = "unknown field" },
  { code = "ValueError", class = "invalid", way_out = CORRECT, from = "bad selection" },
  { code = "KeyError", text = "^[%w_./]+$", class = "invalid", as = "unknown_field", way_out = FIELD,
    from = "unknown field (19 write)" },
  { code = "KeyError", class = "invalid", way_out = FIELD, from = "unknown field (19 write)" },
  { code = "TypeError", class = "bug", from = "missing or unknown argument" },
  { code = "AttributeError", class = "bug", from = "unknown method" },
  { code = "IndexError", class = "bug", from = "no arguments" },
  { code = "AssertionError", class = "bug", from = "14.0 bad_domain_shape" },
  { code = "NotFound", text = "^the model", class = "config", way_out = APP, from = "unknown model (json/2)" },
  { code = "NotFound", class = "bug", from = "unknown method (json/2)" },
  { code = "UnprocessableEntity", class = "bug", from = "unknown argument (json/2)" },
  { code = "BadRequest", class = "bug", from = "malformed JSON (json/2)" },

  -- from here on: no fault in JSON, something before or in front of Odoo answered
  { code = "", http = 404, text = "database", class = "config", way_out = DATABASE, from = "wrong db header" },
  { code = "", http = 404, class = "config", way_out = ADDRESS, from = "protocol/unknown_path_json" },
  { code = "", http = 400, class = "bug", from = "malformed JSON" },
  { code = "", http = 401, class = "auth", way_out = LOGIN, from = "json2/no_authorization" },
  { code = "", http = 403, class = "config", way_out = FRONT, from = "1 403 of a cookie of another database" },
  { code = "", http = 405, class = "bug", from = "protocol/get_xmlrpc" },
  { code = "", http = 407, class = "config", way_out = FRONT, from = "proxy" },
  { code = "", http = 413, class = "invalid", as = "too_large",
    way_out = "the server, or the proxy in front of it, takes no body of this size", from = "body too large" },
  { code = "", http = 415, class = "bug", from = "protocol/json_wrong_content_type" },
  { code = "", http = 429, class = "transient", down = true, from = "hosted: fair use" },
  { code = "", http = 503, class = "transient", down = true, from = "proxy" },
  -- the page that Odoo's own server makes when no database connection is free: nothing began
  { code = "", http = 500, text = "^<!doctype html>%s*<html lang=en>%s*<title>500", class = "transient",
    down = true, from = "database pool empty" },
  -- 14 tells no reasons while it does not know which of its databases a call is for
  { code = "", http = 500, text = "^<!doctype html public", write = true, class = "unknown", down = true,
    way_out = SEVERAL, from = "14.0 protocol/json_array_batch" },
  { code = "", http = 500, text = "^<!doctype html public", class = "transient", down = true,
    way_out = SEVERAL, from = "14.0 protocol/json_array_batch" },
  { code = "", http = 408, write = true, class = "unknown", down = true, from = "proxy time-out" },
  { code = "", http = 408, class = "transient", down = true, from = "proxy time-out" },
  { code = "", hundreds = 5, write = true, class = "unknown", down = true, way_out = PROXY, from = "proxy time-out" },
  { code = "", hundreds = 5, class = "transient", down = true, way_out = PROXY, from = "proxy time-out" },
  { code = "", hundreds = 3, class = "config", way_out = REDIRECT, from = "proxy" },
  -- an answer of 200 that is not Odoo's: cut short, or somebody else's page
  { code = "", http = 200, write = true, class = "unknown", from = "read time-out" },
  { code = "", http = 200, text = "^%s*<", class = "config", way_out = ADDRESS, from = "proxy" },
  { code = "", http = 200, class = "transient", from = "read time-out" },
}

--- Messages of `load`, which tells the exceptions of single rows as text.
---@type connector.Rule[]
errors.load_rules = {
  { text = "could not serialize access", class = "transient", from = "concurrent change" },
  { text = "deadlock detected", class = "transient", from = "concurrent change" },
  { text = "could not obtain lock", class = "transient", from = "concurrent change" },
  { text = "^you are not allowed", class = "config", way_out = RIGHTS, from = "no right" },
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
  local rule = call.classify(errors.rules, answer, write) or OTHERWISE
  local bare = answer.code == "KeyError" and rule.as == "unknown_field" and words -- the name alone
  if bare then answer.text = ("unknown field %q"):format(bare) end
  local err = call.failure(endpoint, what, rule, answer)
  err.field = bare or call.capture(FIELDS, words)
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

--- Does a message of `load` say that another writer was faster? Then nothing was kept.
---@param message table
---@return boolean
function errors.is_race(message)
  local rule = call.classify(errors.load_rules, { code = "refused", text = tostring(message.message) })
  return rule ~= nil and rule.class == "transient"
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
