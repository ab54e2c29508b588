--- Refusals in NAV's words: status, OData code and message, one constructor per kind.
--
-- A refusal is data, { http=, code=, message= }; whatever refuses returns it.

local tables = require "sandbox.nav.tables"

local refusal = {}

---@class sandbox.nav.Refusal
---@field http integer
---@field code string
---@field message string
---@field headers table?

---@return sandbox.nav.Refusal
local function refuse(http, code, message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  return { http = http, code = code, message = message }
end

--- ERROR() of the application.
function refusal.dialog(message, ...)
  return refuse(400, "Application_DialogException", message, ...)
end

--- TESTFIELD of a blank field.
function refusal.test_field(field, table_name, key_text)
  return refuse(400, "Application_FieldValidationException",
    "%s must have a value in %s: %s. It cannot be zero or empty.", field, table_name, key_text)
end

--- TESTFIELD of a field that must hold something else; NAV writes two blanks before "in".
function refusal.test_value(field, wanted, table_name, key_text, current)
  return refuse(400, "Application_FieldValidationException",
    "%s must be equal to '%s'  in %s: %s. Current value is '%s'.", field, wanted, table_name, key_text, current)
end

function refusal.too_long(length, limit, value)
  return refuse(400, "Application_StringExceededLength", "%s", refusal.too_long_text(length, limit, value))
end

function refusal.too_long_text(length, limit, value)
  return ("The length of the string is %d, but it must be less than or equal to %d characters. Value: %s")
    :format(length, limit, value)
end

function refusal.not_an_option_text(value, options)
  return ("'%s' is not an option. The existing options are: %s"):format(value, table.concat(options, ","))
end

function refusal.not_an_option(value, options)
  return refuse(400, "Unknown", "%s", refusal.not_an_option_text(value, options))
end

function refusal.table_relation(field, table_name, value, related)
  return refuse(400, "Internal_InvalidTableRelation", "The field %s of table %s contains a value (%s)"
    .. " that cannot be found in the related table (%s).", field, table_name, value, related)
end

function refusal.exists(def, key)
  return refuse(400, "Internal_EntityWithSameKeyExists",
    "The %s already exists. Identification fields and values: %s", def.name, tables.key_text(def, key, "'"))
end

function refusal.record_not_found(def, key)
  return refuse(400, "Internal_RecordNotFound",
    "The %s does not exist. Identification fields and values: %s", def.name, tables.key_text(def, key, "'"))
end

--- FINDFIRST without a record.
function refusal.not_in_filter(table_name)
  return refuse(400, "Internal_DataNotFoundFilter", "There is no %s within the filter.", table_name)
end

function refusal.out_of_range(bound, limit, value)
  return refuse(400, "Unknown", "The value must be %s than or equal to %s. Value: %s.", bound, limit, value)
end

function refusal.evaluate(value, type_name)
  return refuse(400, "Application_EvaluateException",
    "The value \"%s\" cannot be evaluated into type %s.", value, type_name)
end

function refusal.read_only(label)
  return refuse(400, "BadRequest_InvalidOperation", "Control '%s' is read-only", label)
end

function refusal.unknown_property(property, type_name)
  return refuse(400, "BadRequest", "The property '%s' does not exist on type 'NAV.%s'. Make sure to only"
    .. " use property names that are defined by the type.", property, type_name)
end

function refusal.no_such_property(property, type_name)
  return refuse(400, "BadRequest", "Could not find a property named '%s' on type 'NAV.%s'.", property, type_name)
end

function refusal.required(property)
  return refuse(400, "BadRequest_RequiredParamNotProvided", "Field '%s' must not be blank or empty.", property)
end

function refusal.bad_body() return refuse(400, "BadRequest", "Invalid Request Body") end

function refusal.bad_date() return refuse(400, "BadRequest", "Unable to convert value to Date") end

function refusal.bad_request(message, ...) return refuse(400, "BadRequest", message, ...) end

function refusal.query_syntax() return refuse(400, "BadRequest", "Bad Request - Error in query syntax.") end

function refusal.key_syntax()
  return refuse(404, "BadRequest_NotFound", "Bad Request - Error in query syntax.")
end

function refusal.no_segment(segment)
  return refuse(404, "BadRequest_ResourceNotFound", "Resource not found for the segment '%s'.", segment)
end

function refusal.filter_not_supported()
  return refuse(501, "BadRequest_MethodNotImplemented", "The OData filter expression is not supported.")
end

function refusal.or_over_fields()
  return refuse(400, "BadRequest",
    "The 'OR' operator is not supported on distinct fields on an OData filter.")
end

function refusal.filter_value(filter, field, table_name, why)
  return refuse(400, "Application_FilterErrorException",
    "The filter \"%s\" is not valid for the %s field on the %s table. %s", filter, field, table_name, why)
end

function refusal.no_action()
  return refuse(501, "BadRequest_MethodNotImplemented", "Entity does not support bound actions")
end

function refusal.no_token()
  return refuse(400, "BadRequest_InvalidToken", "Could not validate the client concurrency token required"
    .. " by the service. Please provide a valid token in the client request.")
end

function refusal.changed()
  return refuse(409, "Request_EntityChanged", "Another user has already changed the record.")
end

function refusal.method(method, segment, edm_type)
  return refuse(405, "BadRequest_MethodNotAllowed", "'%s' requests for '%s' of EdmType '%s' are not allowed"
    .. " within Microsoft Dynamics NAV OData web services.", method, segment, edm_type)
end

function refusal.no_company()
  return refuse(404, "Internal_CompanyNotFound", "Cannot process the request because the default company"
    .. " cannot be found. You can specify a default company in the service configuration file, or specify"
    .. " one for each tenant, or you can add a query string in the form of \"company=[name]\". You can see"
    .. " the available companies by accessing the default OData web service, Company. For more information,"
    .. " see \"OData Web Services\" in Help")
end

---@param challenge string  how to sign in
function refusal.credentials(challenge)
  local refused = refuse(401, "Authentication_InvalidCredentials",
    "The server has rejected the client credentials.")
  refused.headers = { ["WWW-Authenticate"] = challenge }
  return refused
end

return refusal
