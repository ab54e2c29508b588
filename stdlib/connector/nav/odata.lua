--- OData against NAV: addresses, pages of an entity set, and typed values.
--
-- What V3 and V4 have each for itself is in v3.lua and v4.lua (`endpoint.wire`); the base URL of the
-- endpoint ends in `/OData` or `/ODataV4`. Signing in is the core's
-- (Basic, NTLM, Negotiate) or connector/oauth.lua's.
-- A nextLink is followed at once or dropped, never kept.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local records = require "navodoo.records"
local time = require "navodoo.time"
local call = require "connector.call"
local errors = require "connector.nav.errors"
local key = require "connector.nav.key"

local odata = {}

--- Headers of a write.
---@param endpoint connector.Endpoint
---@param etag string|nil  the version that an update is based on
---@return table
function odata.write_headers(endpoint, etag)
  local headers = { ["If-Match"] = etag }
  for name, value in pairs(endpoint.wire.writing) do headers[name] = value end
  return headers
end

-- ---- addresses ---------------------------------------------------------------------------

--- Path of an entity set inside the endpoint's company.
---@param endpoint connector.Endpoint
---@param entity string
---@return string
function odata.path(endpoint, entity)
  local company = (endpoint.company or ""):gsub("'", "''")
  return ("/Company('%s')/%s"):format(call.percent(company), call.percent(entity))
end

--- Adds query options in the order given: { "$top", 5, "$filter", nil, ... } without the nils.
---@param path string
---@param options { [integer]: string|integer|nil, n: integer }
---@return string
function odata.query(path, options)
  local parts = {}
  for i = 1, options.n, 2 do
    if options[i + 1] ~= nil then
      parts[#parts + 1] = options[i] .. "=" .. call.percent(tostring(options[i + 1]))
    end
  end
  return path .. "?" .. table.concat(parts, "&")
end

-- ---- reading -----------------------------------------------------------------------------

local function undecodable(endpoint, what, res, why)
  local html = res.body:find "^%s*<"
  return call.failure(endpoint, what,
    html and { class = "config", as = "not_odata", way_out = "does the url in navodoo.lua end in /{service}?" }
      or { class = "transient", as = "not_json" },
    { http = res.status, code = "", text = html and res.body or "the answer is not JSON: " .. why })
end

-- The path of the page that an answer names; the server may know itself under another name
-- than we do, so only the path counts.
local function path_of(link)
  return type(link) == "string" and link:match "/Company%(.*$" or nil
end

-- One page: its rows as NAV sent them, and the path of the next page if NAV names one.
local function page(endpoint, what, path)
  local next_path
  local rows, err = call.exchange(endpoint, { what = what, path = path, headers = endpoint.wire.reading }, function(res)
    if res.status ~= 200 then return nil, errors.of(endpoint, what, res) end
    local body, why = call.decode(res.body)
    local list, link = endpoint.wire.rows(body)
    if not list then return nil, undecodable(endpoint, what, res, why and why.text or "no list of values") end
    next_path = path_of(link)
    return list
  end)
  return rows, err, next_path
end

--- It describes every page that is published, and is read when a flow begins.
local METADATA_MAX <const> = 32 << 20

local KIND <const> = { decimal = "decimal", integer = "integer", boolean = "boolean", date = "date",
                       datetime = "datetime" }

--- How the records of an entity are read without building them.
---@param endpoint connector.Endpoint
---@param schema table
---@param names string[]
---@param aside string|nil  a field that is wanted beside the record
---@return navodoo.records.Plan
function odata.plan(endpoint, schema, names, aside)
  local wire = endpoint.wire
  local columns = { { wire.tag, "any", aside = true } }
  for i, name in ipairs(names) do
    columns[i + 1] = { name, KIND[schema.fields[name].type] or "any", aside = name == aside }
  end
  return records.plan { columns = columns, list = "value", beside = wire.next,
                        empty_day = "0001-01-01" }
end

-- One page as a list of records.
local function list_of(endpoint, entity, path, how)
  return call.exchange(endpoint, { what = entity, path = path, headers = endpoint.wire.reading,
                                   plan = how.plan }, function(res)
    if res.status ~= 200 then return nil, errors.of(endpoint, entity, res) end
    local why, light = res.no_list, endpoint.wire.light
    if res.list then return res.list end
    local again = light and why.code ~= "type" and light(call.decode(res.body))
    if again then
      local list
      list, why = how.plan:read(again)
      if list then return list end
      res.body = again
    end
    if why.code ~= "type" then return nil, undecodable(endpoint, entity, res, why.text) end
    local row = call.decode(res.body).value[why.record]
    return nil, call.failure(endpoint, ("%s %s"):format(entity, tostring(key.of(how.schema, row))),
      { class = "invalid" }, { code = "type", text = why.text })
  end)
end

--- As `walk`, with rows whose records are not built: `take` gets a list, how many of its records
--- count, their keys, and their etags.
---@return boolean|nil full
---@return connector.Error|nil err
---@return integer|nil largest
function odata.walk_lists(endpoint, entity, path, how, limit, take)
  local taken, largest, keys, wire = 0, 0, how.schema.key, endpoint.wire
  while path and taken < limit do
    local list, err = list_of(endpoint, entity, path, how)
    if not list then return nil, err end
    local its = #keys == 1 and list:column(keys[1])
    if not its then
      its = {}
      for i = 1, #list do its[i] = key.of(how.schema, list:record(i)) end
    end
    local tags = list:column(wire.tag)
    if wire.tag_of then
      for i, tag in ipairs(tags) do tags[i] = tag and wire.tag_of(tag) end
    end
    take(list, math.min(#list, limit - taken), its, tags)
    taken, largest = taken + #list, math.max(largest, #list)
    local beside = list:beside()
    path = beside and path_of(json.decode(beside))
  end
  return taken >= limit, nil, largest
end

--- Reads rows page by page, typed, until NAV has no more or `limit` is reached.
---@param endpoint connector.Endpoint
---@param entity string
---@param path string
---@param how { schema: table, read: fun(row: table): string? }  `read` of `odata.reader`
---@param limit integer
---@param take fun(record: table, etag: string?)
---@return boolean|nil full    the limit is reached
---@return connector.Error|nil err
---@return integer|nil largest  rows of the largest page
function odata.walk(endpoint, entity, path, how, limit, take)
  local taken, largest = 0, 0
  while path and taken < limit do
    local rows, err, next_path = page(endpoint, entity, path)
    if not rows then return nil, err end
    for i = 1, math.min(#rows, limit - taken) do
      local record = rows[i]
      local etag = endpoint.wire.take_tag(record)
      local problem = how.read(record)
      if problem then
        return nil, call.failure(endpoint, ("%s %s"):format(entity, tostring(key.of(how.schema, record))),
          { class = "invalid" }, { code = "type", text = problem })
      end
      take(record, etag)
    end
    taken, largest, path = taken + #rows, math.max(largest, #rows), next_path
  end
  return taken >= limit, nil, largest
end

--- The first of NAV's companies: the smallest question that its database has to answer.
---@param endpoint connector.Endpoint
---@return table|nil list
---@return connector.Error|nil err
function odata.companies(endpoint)
  return call.exchange(endpoint, { what = "Company", path = "/Company?$top=1", headers = endpoint.wire.reading,
                                   trial = true },
    function(res)
      local body = res.status == 200 and call.decode(res.body)
      if type(body) == "table" then return body end
      return nil, errors.of(endpoint, "Company", res)
    end)
end

--- Do two tags name the same version, however they are escaped?
---@param one string
---@param two string|nil
---@return boolean
function odata.same_tag(one, two)
  local function bare(tag)
    return (tag:gsub("^W/", ""):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
  end
  return two ~= nil and bare(one) == bare(two)
end

--- The `$metadata` document.
---@param endpoint connector.Endpoint
---@return string|nil
---@return connector.Error|nil
function odata.metadata(endpoint)
  return call.exchange(endpoint, { what = "$metadata", path = "/$metadata",
                                   headers = { Accept = "application/xml" }, max_body = METADATA_MAX }, function(res)
    if res.status ~= 200 then return nil, errors.of(endpoint, "$metadata", res) end
    return res.body
  end)
end

-- ---- typed values ------------------------------------------------------------------------

-- NAV's number of digits says nothing; without it a record is the same after its way through
-- the store.
local function to_decimal(v)
  if decimal.is(v) then return v:normalize() end
  if math.type(v) == "integer" then return decimal.new(v) end
  return type(v) == "string" and decimal.parse(v) or nil
end

local function to_integer(v)
  if math.type(v) == "integer" then return v end
  return type(v) == "string" and math.tointeger(tonumber(v)) or nil
end

local function to_boolean(v)
  if type(v) == "boolean" then return v end
  return nil
end

local function to_date(v)
  if type(v) ~= "string" then return nil end
  local day = v:match "^%d%d%d%d%-%d%d%-%d%d"
  if day == "0001-01-01" then return json.null end
  return day
end

local function to_datetime(v)
  if type(v) ~= "string" then return nil end
  if v:find "^0001%-01%-01T" then return json.null end
  if v:find "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:[%d%.]+$" then v = v .. "Z" end -- no zone means UTC
  if v:find "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:[%d%.]+Z$" then return v end
  local us = time.parse_iso(v)
  return us and time.iso(us)
end

local CONVERT <const> = { decimal = to_decimal, integer = to_integer, boolean = to_boolean,
                          date = to_date, datetime = to_datetime }

--- Prepares to read rows: which fields need a conversion, found once per call.
---@param schema table
---@param fields string[]  all known to the schema
---@return fun(row: table): string|nil read  converts in place; answers a problem or nil
function odata.reader(schema, fields)
  local names, converters, n = {}, {}, 0
  for _, name in ipairs(fields) do
    local convert = CONVERT[schema.fields[name].type]
    if convert then
      n = n + 1
      names[n], converters[n] = name, convert
    end
  end
  return function(row)
    for i = 1, n do
      local name = names[i]
      local raw = row[name]
      if raw ~= nil and raw ~= json.null then
        local v = converters[i](raw)
        if v == nil then
          return ("%s is %s, which is no %s"):format(name, tostring(raw), schema.fields[name].type)
        end
        row[name] = v
      end
    end
    return nil
  end
end

return odata
