--- What is OData V3's own (NAV 2013 to 2018, Business Central up to 17).
--
-- JSON comes light (`value`), and verbose (`d`) from servers that know no light. A record's version
-- is its property `ETag`, the key chain that If-Match wants dressed. One type, Edm.DateTime, is a
-- day or an instant. Refusals have no code, only words; an update is answered with nothing.

local json = require "navodoo.json"
local time = require "navodoo.time"

local TAG <const> = "ETag"
local NEXT <const> = "odata.nextLink"

local function headers(more)
  -- its refusals are known by their words, and those are asked for in English
  local all = { Accept = "application/json;odata=minimalmetadata", MaxDataServiceVersion = "3.0",
                ["Accept-Language"] = "en-US" }
  for name, value in pairs(more) do all[name] = value end
  return all
end

---@type connector.nav.Protocol
local v3 = {
  name = "odata_v3", service = "OData", update = "MERGE", tag = TAG, select = TAG, next = NEXT,
  reading = headers {},
  writing = headers { ["Content-Type"] = "application/json", DataServiceVersion = "3.0" },
}

-- ---- answers -----------------------------------------------------------------------------

-- Verbose JSON of a server that speaks V2 has instants as /Date(milliseconds)/.
local function plain(row)
  for name, v in pairs(row) do
    local ms = type(v) == "string" and v:match "^/Date%((%-?%d+)[%+%-]?%d*%)/$"
    if ms then row[name] = time.iso(math.tointeger(tonumber(ms)) * 1000) end
  end
  return row
end

function v3.rows(body)
  if type(body) ~= "table" then return nil end
  if json.is_array(body.value) then return body.value, body[NEXT] end
  local d = body.d
  if type(d) ~= "table" then return nil end
  local list = json.is_array(d) and d or d.results
  if not json.is_array(list) then return nil end
  for _, row in ipairs(list) do plain(row) end
  return list, d.__next
end

function v3.entity(body)
  if type(body) ~= "table" or type(body.d) ~= "table" then return body end
  return plain(body.d)
end

--- The version of a row from its key chain.
---@param chain string
---@return string
function v3.tag_of(chain)
  if chain:find "^W/\"" then return chain end
  return "W/\"'" .. chain:gsub("[^%w%-%._~]", function(c) return ("%%%02X"):format(c:byte()) end) .. "'\""
end

function v3.take_tag(row)
  local chain, meta = row[TAG], row.__metadata
  local tag = row["odata.etag"] or type(meta) == "table" and meta.etag
    or type(chain) == "string" and v3.tag_of(chain) or nil
  row["odata.etag"], row.__metadata, row[TAG] = nil, nil, nil
  return tag
end

function v3.light(body)
  local rows, next_page = v3.rows(body)
  if not rows then return nil end
  for _, row in ipairs(rows) do row.__metadata = nil end
  return json.encode { value = rows, [NEXT] = next_page }
end

-- ---- values ------------------------------------------------------------------------------

--- Is a property of type Edm.DateTime a day or an instant? Only its name tells.
---@param name string
---@return "date"|"datetime"
function v3.day_or_instant(name)
  if name:find "Time" or name:find "_On$" or name == "Quote_Sent_to_Customer" then return "datetime" end
  return "date"
end

local function midnight(day) return day .. "T00:00:00" end

v3.literal = {
  date = function(day) return "datetime'" .. midnight(day) .. "'" end,
  datetime = function(instant) return "datetime'" .. instant .. "'" end,
  guid = function(guid) return "guid'" .. guid .. "'" end,
  -- a fraction without a suffix would be a double
  decimal = function(number) return number:find(".", 1, true) and number .. "M" or number end,
}

v3.value = { date = midnight, decimal = tostring }

-- ---- refusals ----------------------------------------------------------------------------

-- The code that V4 gives to the same words.
local CODES <const> = {
  { "another user has already changed the record", "Request_EntityChanged" },
  { "could not validate the client concurrency token", "BadRequest_InvalidToken" },
  { "already exists%. identification fields", "Internal_EntityWithSameKeyExists" },
  { "does not exist%. identification fields", "Internal_RecordNotFound" },
  { "cannot be found in the related table", "Internal_InvalidTableRelation" },
  { "^there is no .- within the filter", "Internal_DataNotFoundFilter" },
  { "^the filter \".*\" is not valid for the", "Application_FilterErrorException" },
  { "^the length of the string is", "Application_StringExceededLength" },
  { "must have a value in .-cannot be zero or empty", "Application_FieldValidationException" },
  { "must be equal to '.- current value is", "Application_FieldValidationException" },
  { "is not an option%. the existing options", "Unknown" },
  { "cannot be evaluated into type", "Application_EvaluateException" },
  { "^control '.-' is read%-only", "BadRequest_InvalidOperation" },
  { "^field '.-' must not be blank", "BadRequest_RequiredParamNotProvided" },
  { "attempted to issue a client callback", "Application_CallbackNotAllowed" },
  { "filter expression is not supported", "BadRequest_MethodNotImplemented" },
  { "^resource not found for the segment", "BadRequest_ResourceNotFound" },
  { "^bad request %- error in query syntax", "BadRequest_NotFound" },
  { "requests for '.-' of edmtype", "BadRequest_MethodNotAllowed" },
  { "does not exist on type '", "BadRequest" },
  { "default company cannot be found", "Internal_CompanyNotFound" },
  { "^the tenant '.-' is not accessible", "Internal_TenantUnavailable" },
  { "rejected the client credentials", "Authentication_InvalidCredentials" },
}

local function code_of(words)
  local lower = words:lower()
  for _, rule in ipairs(CODES) do
    if lower:find(rule[1]) then return rule[2] end
  end
  return ""
end

local ENTITY <const> = { ["&lt;"] = "<", ["&gt;"] = ">", ["&quot;"] = '"', ["&apos;"] = "'", ["&amp;"] = "&" }

-- The words of a refusal: light JSON, verbose JSON, or XML.
local function words_of(body, text)
  local fault = type(body) == "table" and (body["odata.error"] or body.error)
  if type(fault) == "table" then
    return type(fault.message) == "table" and fault.message.value or nil
  end
  local words = text:find("<m:error", 1, true) and text:match "<m:message[^>]*>(.-)</m:message>"
    or text:find("<error", 1, true) and text:match "<message[^>]*>(.-)</message>"
  return words and (words:gsub("&%a+;", ENTITY))
end

function v3.fault(body, text)
  local words = words_of(body, text)
  if type(words) ~= "string" then return nil end
  return code_of(words), words
end

return v3
