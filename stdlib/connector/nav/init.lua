--- The NAV side of the connector: schema, scan, get, create and update over OData V4 or V3.
--
-- Rows come typed: money is decimal also where NAV sends 1000, an empty date is null, texts
-- are what NAV holds (an option's blank member is " "). A record carries the fields asked
-- for, its key and its stamp. Keys of several fields: connector/nav/key.lua.

local json = require "navodoo.json"
local call = require "connector.call"
local oauth = require "connector.oauth"
local filter = require "connector.nav.filter"
local key = require "connector.nav.key"
local odata = require "connector.nav.odata"
local protocol = require "connector.nav.protocol"
local schemas = require "connector.nav.schema"
local write = require "connector.nav.write"

---@class connector.Nav
---@field endpoint connector.Endpoint
local nav = {}
nav.__index = nav

local SCHEMA_TTL_MS <const> = 3600 * 1000
local PAGE <const> = 1000            -- NAV's own default
local KEYS_PER_CALL <const> = 40     -- and addresses that every proxy takes
local PATH_MAX <const> = 4000

---@param endpoint connector.Endpoint
---@return connector.Nav
function nav.open(endpoint)
  if endpoint.auth == "oauth2" then endpoint.signer = oauth end
  endpoint.wire = protocol.of(endpoint)
  endpoint.service = endpoint.wire.service
  return setmetatable({ endpoint = endpoint, memo = {}, largest_page = 0 }, nav)
end

--- Asks a small question: does NAV answer, and its database? Waits.
---@return any answer
---@return connector.Error|nil err
function nav:knock() return odata.companies(self.endpoint) end

-- The error of a schema that $metadata does not give.
local function no_schema(endpoint, what, problem)
  return nil, call.failure(endpoint, what, { class = "config",
    way_out = "publish the page under this name as a web service (table 2000000076)" },
    { code = problem.code, text = problem.text })
end

--- What all that NAV publishes looks like. Waits; asked anew at every call.
---@return table<string, table>|nil schemas  by entity
---@return connector.Error|nil err
function nav:schemas()
  local metadata, err = odata.metadata(self.endpoint)
  if not metadata then return nil, err end
  local found, problem = schemas.parse_all(metadata)
  if found then return found end
  return no_schema(self.endpoint, "$metadata", problem)
end

--- What an entity looks like. Waits; shared by all flows for an hour.
---@param entity string  name of the web service
---@return table|nil schema
---@return connector.Error|nil err
function nav:schema(entity)
  local endpoint = self.endpoint
  local known, err = call.cached(endpoint, "schema " .. entity, SCHEMA_TTL_MS, function()
    local metadata, failed = odata.metadata(endpoint)
    if not metadata then return nil, failed end
    local schema, problem = schemas.parse(metadata, entity)
    if schema then return json.encode(schema) end
    return no_schema(endpoint, entity, problem)
  end)
  if not known then return nil, err end
  local memo = self.memo[entity]
  if not memo or memo.text ~= known then
    memo = { text = known, schema = json.decode(known) }
    memo.schema.protocol = endpoint.wire.name
    self.memo[entity] = memo
  end
  return memo.schema
end

--- Types a record in place that was kept as JSON: the same values as those of a scan.
---@param schema table
---@param fields string[]
---@return fun(record: table): string|nil read  answers a problem or nil
function nav:reader(schema, fields) return odata.reader(schema, fields) end -- luacheck: ignore self

--- Schema and complete field list of a call.
local function prepare(self, entity, fields, stamp_field)
  local schema, err = self:schema(entity)
  if not schema then return nil, err end
  -- the version of a record is asked for beside its fields, and is none of them
  local tag = self.endpoint.wire.select
  local names, seen = {}, { [tag or ""] = true }
  local function add(name)
    if name and not seen[name] then seen[name], names[#names + 1] = true, name end
  end
  for _, name in ipairs(fields) do add(name) end
  for _, name in ipairs(schema.key) do add(name) end
  add(stamp_field)
  for _, name in ipairs(names) do
    if not schema.fields[name] then
      return nil, call.failure(self.endpoint, entity, { class = "config" }, {
        code = "unknown_field", text = ("NAV has no field %q on this page"):format(name) })
    end
  end
  local select = table.concat(names, ",")
  if tag and schema.fields[tag] then select = select .. "," .. tag end
  return { schema = schema, names = names, select = select,
           read = odata.reader(schema, names) }
end

-- Adds the rows of one question to `out`, up to `limit` in all. Answers whether NAV may hold
-- more of them. NAV names no next page where `$top` is given, so a page of the largest size
-- seen so far may have been cut short: the end is believed only after a smaller one. A page
-- that is too large to be read is asked for again by halves, and so are those that follow.
local function ask(self, entity, how, clauses, order, limit, out, spec)
  local room = math.min(limit - #out, self.page_room or self.endpoint.page_size or PAGE)
  local path = odata.query(odata.path(self.endpoint, entity), {
    "$select", how.select, "$filter", filter.all(how.schema, clauses), "$orderby", order,
    "$top", room, n = 8 })
  local before = #out
  local full, err, largest
  if spec.lazy then
    full, err, largest = odata.walk_lists(self.endpoint, entity, path, how, room, function(list, n, keys, etags)
      local stamps = spec.stamp_field and list:column(spec.stamp_field)
      for i = 1, n do
        out[#out + 1] = { key = keys[i], etag = etags[i] or nil, stamp = stamps and stamps[i], records = list,
                          at = i }
      end
    end)
  else
    full, err, largest = odata.walk(self.endpoint, entity, path, how, room, function(record, etag)
      out[#out + 1] = { key = key.of(how.schema, record), etag = etag, record = record }
    end)
  end
  if err and err.code == "too_large" and room > 1 and #out == before then
    self.page_room = room // 2
    return ask(self, entity, how, clauses, order, limit, out, spec)
  end
  if err then return nil, err end
  local cut = #out > before and largest >= self.largest_page
  self.largest_page = math.max(self.largest_page, largest)
  return full or cut
end

---@class connector.Scan
---@field fields string[]
---@field limit integer
---@field lazy boolean?        rows are { key, etag, stamp, records, at }: the record is number `at` of
---  the list `records` (navodoo.records), built when asked for; the caller closes the lists
---@field stamp_aside boolean?  the stamp is no part of a lazy record
---@field where table[]?       { field, op, value }, all of them; op is OData's (eq, ge, ...)
---@field after_key any?       only rows behind this key
---@field stamp_field string?
---@field stamp_from any?      only rows with this stamp or a later one, in the order of keys
---@field stamp_after any?     rows behind (stamp_after, after_key), in the order of stamp and key

--- One page of an entity. Waits. `more` means that the next page may hold rows: ask again
--- with the last key (and stamp), until it is false.
---@param entity string
---@param spec connector.Scan
---@return { rows: { key: any, etag: string?, record: table }[], more: boolean }|nil
---@return connector.Error|nil err
function nav:scan(entity, spec)
  local how, err = prepare(self, entity, spec.fields, spec.stamp_field)
  if not how then return nil, err end
  if spec.lazy then
    how.plan = odata.plan(self.endpoint, how.schema, how.names, spec.stamp_aside and spec.stamp_field)
  end
  local order, values, begun, stamp = {}, {}, {}, spec.stamp_field
  if spec.stamp_after ~= nil then
    order[1], values[1] = stamp, spec.stamp_after
  elseif spec.stamp_from ~= nil then
    begun[1] = { stamp, "ge", spec.stamp_from }
  end
  table.move(how.schema.key, 1, #how.schema.key, #order + 1, order)
  if spec.after_key ~= nil then
    local parts = key.parts(how.schema, spec.after_key)
    table.move(parts, 1, #parts, #values + 1, values)
  end
  local questions = { {} }
  if #values > 0 then questions = key.behind(table.move(order, 1, #values, 1, {}), values) end
  local orderby, rows, more = table.concat(order, ","), {}, false
  for _, question in ipairs(questions) do
    local clauses = table.move(spec.where or {}, 1, #(spec.where or {}), 1, {})
    table.move(begun, 1, #begun, #clauses + 1, clauses)
    table.move(question, 1, #question, #clauses + 1, clauses)
    more, err = ask(self, entity, how, clauses, orderby, spec.limit, rows, spec)
    if err then return nil, err end
    if more then break end
  end
  return { rows = rows, more = more }
end

--- Records by key, as the keys were given. Waits; what NAV does not have, or `where` does not
--- let through, is absent.
---@param entity string
---@param keys any[]
---@param fields string[]
---@param where table[]?   { field, op, value }, as in a scan
---@return table<any, table>|nil records
---@return connector.Error|nil err
---@return table<any, string>|nil etags
function nav:get(entity, keys, fields, where)
  local how, err = prepare(self, entity, fields)
  if not how then return nil, err end
  local schema = how.schema
  local base, found, etags, wanted = odata.path(self.endpoint, entity), {}, {}, {}
  for _, each in ipairs(keys) do
    wanted[#schema.key == 1 and key.parts(schema, each)[1] or each] = each
  end
  -- old servers read `*` and `|` inside a literal as a pattern: take only what was asked for
  local function take(record, etag)
    local its = wanted[key.of(schema, record)]
    if its ~= nil then found[its], etags[its] = record, etag end
  end
  for _, question in ipairs(key.questions(schema, keys)) do
    local clauses = table.move(where or {}, 1, #(where or {}), #question.shared + 1, question.shared)
    local shared, list = filter.all(schema, clauses), question.last
    local function path_of(first, last)
      local any = filter.any(schema, schema.key[#schema.key], table.move(list, first, last, 1, {}))
      if shared then any = ("%s and (%s)"):format(shared, any) end
      return odata.query(base, { "$select", how.select, "$filter", any, n = 4 })
    end
    local first = 1
    while first <= #list do
      local last = math.min(first + KEYS_PER_CALL - 1, #list)
      local path = path_of(first, last)
      while #path > PATH_MAX and last > first do
        last = (first + last) // 2
        path = path_of(first, last)
      end
      local full, failed = odata.walk(self.endpoint, entity, path, how, math.huge, take)
      if full == nil then return nil, failed end
      first = last + 1
    end
  end
  return found, nil, etags
end

--- The key of a record, as `scan` gives it.
---@param schema table
---@param record table
---@return any
function nav:key(schema, record) return key.of(schema, record) end -- luacheck: ignore self

--- Creates a record. Waits. The row is the record as NAV holds it now: number, defaults and what
--- its own code filled in are there.
---@param entity string
---@param body { [1]: string, [2]: any }[]  field and value, in the order in which NAV validates
---@param fields string[]  what the answered record carries
---@return { key: any, etag: string?, record: table }|nil row
---@return connector.Error|nil err
function nav:create(entity, body, fields)
  local how, err = prepare(self, entity, fields)
  if not how then return nil, err end
  return write.create(self.endpoint, entity, how, body)
end

-- The record that NAV has under a key, as a row; gone is a conflict.
local function one(self, entity, whole, fields)
  local records, err, etags = self:get(entity, { whole }, fields)
  if not records then return nil, err end
  if records[whole] then return { key = whole, etag = etags[whole], record = records[whole] } end
  return nil, call.failure(self.endpoint, ("%s %s"):format(entity, tostring(whole)),
    { class = "conflict" }, { code = "gone", text = "it is no longer there" })
end

--- Changes fields of a record. Waits. Nothing is written when the record is no longer the one of
--- `etag`: class "conflict", code "Request_EntityChanged", or "gone" when there is none.
---@param entity string
---@param whole any        key
---@param etag string
---@param body { [1]: string, [2]: any }[]
---@param fields string[]
---@return { key: any, etag: string?, record: table }|nil row
---@return connector.Error|nil err
function nav:update(entity, whole, etag, body, fields)
  if type(etag) ~= "string" then error("update: the etag of the record is needed: read it first", 2) end
  local how, err = prepare(self, entity, fields)
  if not how then return nil, err end
  local row, tag
  row, err, tag = write.update(self.endpoint, entity, how, whole, etag, body)
  if row == true then -- written, and not told what the record holds now
    local why
    row, why = one(self, entity, whole, fields)
    if row and (not tag or odata.same_tag(tag, row.etag)) then return row end
    -- what somebody else did since must not be taken for what we wrote
    why = why or { code = "Request_EntityChanged", text = "somebody changed it since" }
    return nil, call.failure(self.endpoint, ("%s %s"):format(entity, tostring(whole)), { class = "unknown" },
      { code = why.code, http = why.http, text = "it was written, and could not be read again: " .. why.text })
  end
  -- one status for a page, a record and a related record that are not there: ask which
  if err and err.http == 404 then
    local _, why = one(self, entity, whole, {})
    if why and why.code == "gone" then err = why end
  end
  return row, err
end

return nav
