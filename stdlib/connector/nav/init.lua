--- The NAV side of the connector: schema, scan and get over OData V4.
--
-- Rows come typed: money is decimal also where NAV sends 1000, an empty date is null, texts
-- are what NAV holds (an option's blank member is " "). A record carries the fields asked
-- for, its key and its stamp.

local json = require "navodoo.json"
local call = require "connector.call"
local filter = require "connector.nav.filter"
local odata = require "connector.nav.odata"
local schemas = require "connector.nav.schema"

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
  return setmetatable({ endpoint = endpoint, schemas = {}, largest_page = 0 }, nav)
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
    return nil, call.failure(endpoint, entity, { class = "config",
      way_out = "publish the page under this name as a web service (table 2000000076)" },
      { code = problem.code, text = problem.text })
  end)
  if not known then return nil, err end
  local memo = self.schemas[entity]
  if not memo or memo.text ~= known then
    memo = { text = known, schema = json.decode(known) }
    self.schemas[entity] = memo
  end
  return memo.schema
end

--- Types a record in place that was kept as JSON: the same values as those of a scan.
---@param schema table
---@param fields string[]
---@return fun(record: table): string|nil read  answers a problem or nil
function nav:reader(schema, fields) return odata.reader(schema, fields) end -- luacheck: ignore self

--- Schema, key field and the complete field list of a call.
local function prepare(self, entity, fields, stamp_field)
  local schema, err = self:schema(entity)
  if not schema then return nil, err end
  local function refuse(code, text)
    return nil, call.failure(self.endpoint, entity, { class = "config" }, { code = code, text = text })
  end
  if #schema.key ~= 1 then
    return refuse("composite_key", ("its key has %d fields (%s), one is expected"):format(
      #schema.key, table.concat(schema.key, ", ")))
  end
  local key, names, seen = schema.key[1], {}, {}
  local function add(name)
    if name and not seen[name] then seen[name], names[#names + 1] = true, name end
  end
  for _, name in ipairs(fields) do add(name) end
  add(key)
  add(stamp_field)
  for _, name in ipairs(names) do
    if not schema.fields[name] then
      return refuse("unknown_field", ("NAV has no field %q on this page"):format(name))
    end
  end
  return { schema = schema, key = key, select = table.concat(names, ","),
           read = odata.reader(schema, names) }
end

-- Adds the rows of one question to `out`, up to `limit` in all. Answers whether NAV may hold
-- more of them. NAV names no next page where `$top` is given, so a page of the largest size
-- seen so far may have been cut short: the end is believed only after a smaller one.
local function ask(self, entity, how, clauses, order, limit, out)
  local room = math.min(limit - #out, self.endpoint.page_size or PAGE)
  local path = odata.query(odata.path(self.endpoint, entity), {
    "$select", how.select, "$filter", filter.all(how.schema, clauses), "$orderby", order,
    "$top", room, n = 8 })
  local before = #out
  local full, err, largest = odata.walk(self.endpoint, entity, path, how, room, function(record, etag)
    out[#out + 1] = { key = record[how.key], etag = etag, record = record }
  end)
  if err then return nil, err end
  local cut = #out > before and largest >= self.largest_page
  self.largest_page = math.max(self.largest_page, largest)
  return full or cut
end

---@class connector.Scan
---@field fields string[]
---@field limit integer
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
  local key, stamp = how.key, spec.stamp_field
  local function clauses(...)
    local list = table.move(spec.where or {}, 1, #(spec.where or {}), 1, {})
    for i = 1, select("#", ...) do list[#list + 1] = (select(i, ...)) end
    return list
  end
  local after = spec.after_key ~= nil and { key, "gt", spec.after_key } or nil
  local rows, more = {}, nil
  if spec.stamp_after == nil then
    local from = spec.stamp_from ~= nil and { stamp, "ge", spec.stamp_from } or nil
    more, err = ask(self, entity, how, clauses(from, after), key, spec.limit, rows)
  else
    local order = stamp .. "," .. key
    if after then
      more, err = ask(self, entity, how, clauses({ stamp, "eq", spec.stamp_after }, after), order,
                      spec.limit, rows)
    end
    if not err and not more then
      more, err = ask(self, entity, how, clauses { stamp, "gt", spec.stamp_after }, order, spec.limit, rows)
    end
  end
  if err then return nil, err end
  return { rows = rows, more = more }
end

--- Records by key. Waits; what NAV does not have is absent.
---@param entity string
---@param keys any[]
---@param fields string[]
---@return table<any, table>|nil records
---@return connector.Error|nil err
function nav:get(entity, keys, fields)
  local how, err = prepare(self, entity, fields)
  if not how then return nil, err end
  local base, found, wanted = odata.path(self.endpoint, entity), {}, {}
  for _, key in ipairs(keys) do wanted[key] = true end
  -- old servers read `*` and `|` inside a literal as a pattern: take only what was asked for
  local function take(record)
    if wanted[record[how.key]] then found[record[how.key]] = record end
  end
  local function question(first, last)
    return odata.query(base, { "$select", how.select, "$filter",
      filter.any(how.schema, how.key, table.move(keys, first, last, 1, {})), n = 4 })
  end
  local first = 1
  while first <= #keys do
    local last = math.min(first + KEYS_PER_CALL - 1, #keys)
    local path = question(first, last)
    while #path > PATH_MAX and last > first do
      last = (first + last) // 2
      path = question(first, last)
    end
    local full, failed = odata.walk(self.endpoint, entity, path, how, math.huge, take)
    if full == nil then return nil, failed end
    first = last + 1
  end
  return found
end

return nav
