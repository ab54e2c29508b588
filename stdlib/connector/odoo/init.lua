--- The Odoo side of the connector: schema, reads, searches, scans, `load` and external ids.
--
-- JSON-RPC up to 18, JSON-2 from 19 on where the secret is an API key; the server is asked, or the
-- endpoint says which kind of secret it has. `auth = "session"` takes the web client's door.
-- Every call names the database, pins the language to en_US (texts and keys), writes no chatter
-- and, where the endpoint has one, stays in its company.

local json = require "navodoo.json"
local lists = require "navodoo.records"
local call = require "connector.call"
local json2 = require "connector.odoo.json2"
local jsonrpc = require "connector.odoo.jsonrpc"
local loading = require "connector.odoo.load"
local scanning = require "connector.odoo.scan"
local schemas = require "connector.odoo.schema"
local session = require "connector.odoo.session"
local values = require "connector.odoo.values"

---@class connector.Odoo
---@field endpoint connector.Endpoint
local odoo = {}
odoo.__index = odoo

local MODULE <const> = values.MODULE
local HOUR_MS <const> = 3600 * 1000
local KEYS <const> = "res.users.apikeys"
local PAGE <const> = 1000 -- most records asked for in one call

-- A lost answer of these changes nothing; of every other method it may have.
local READS <const> = { read = true, search = true, search_read = true, search_count = true,
                        fields_get = true, default_get = true, context_get = true }

---@param endpoint connector.Endpoint
---@return connector.Odoo
function odoo.open(endpoint)
  local headers = { ["Content-Type"] = "application/json", ["X-Odoo-Database"] = endpoint.database }
  local key_headers = { ["Content-Type"] = "application/json", ["X-Odoo-Database"] = endpoint.database,
                        Authorization = "bearer " .. tostring(endpoint.secret) }
  local context = { lang = "en_US", tz = "UTC", tracking_disable = true }
  if endpoint.company_id then context.allowed_company_ids = json.array { endpoint.company_id } end
  return setmetatable({ endpoint = endpoint, headers = headers, key_headers = key_headers,
                        context = context, schemas = {} }, odoo)
end

--- Asks a small question: does Odoo answer, and its database? Waits.
---@return any answer
---@return connector.Error|nil err
function odoo:knock() return self:call("res.users", "context_get", {}) end

--- Major version of the server. Waits; asked once an hour.
---@return integer|nil major
---@return connector.Error|nil err
function odoo:version()
  local known, err = call.cached(self.endpoint, "version", HOUR_MS, function()
    local info, failed = (self.endpoint.api == "json2" and json2 or jsonrpc).version(self)
    if failed then return nil, failed end
    local list = type(info) == "table" and (info.server_version_info or info.version_info)
    -- hosted releases say "saas~18" where the others say 18
    local major = type(list) == "table" and tostring(list[1]):match "%d+"
    if major then return major end
    return nil, call.failure(self.endpoint, "version",
      { class = "config", way_out = "is the url in navodoo.lua that of an Odoo?" },
      { code = "version", text = "no version in the answer" })
  end)
  return known and math.tointeger(known), err
end

--- The protocol that this server and this secret take.
local function transport(self)
  local api, auth = self.endpoint.api, self.endpoint.auth
  if auth == "session" then return session end
  if api == "jsonrpc" then return jsonrpc end
  if api == "json2" then return json2 end
  local known, err = call.cached(self.endpoint, "protocol", HOUR_MS, function()
    local major, failed = self:version()
    if not major then return nil, failed end
    if major < 19 then return "jsonrpc" end
    if auth == "api_key" then return "json2" end
    local takes
    takes, failed = json2.probe(self)
    if takes == nil then return nil, failed end
    return takes and "json2" or "jsonrpc"
  end)
  if not known then return nil, err end
  return known == "json2" and json2 or jsonrpc
end

--- Calls a method of a model. Waits.
---@param model string
---@param method string
---@param args table   by name; `ids` for a method of records; `context` adds to ours
---@param columns table[]|nil  of navodoo.records: the result is read as such a list
---@return any result  json.null where the method returned None
---@return connector.Error|nil err
function odoo:call(model, method, args, columns)
  local protocol, err = transport(self)
  if not protocol then return nil, err end
  local sent, context = {}, {}
  for k, v in pairs(self.context) do context[k] = v end -- all of these are encoded sorted
  for k, v in pairs(args.context or {}) do context[k] = v end
  for k, v in pairs(args) do sent[k] = v end
  sent.context = context
  -- a key that was replaced by a password speaks the other protocol: ask again next time
  local e = self.endpoint
  local undecided = protocol == json2 and e.auth ~= "api_key" and e.api ~= "json2"
  local result
  local plan = columns and lists.plan { columns = columns, list = protocol.list,
                                        beside = protocol.beside, lenient = true }
  result, err = protocol.call(self, model, method, sent, not READS[method], undecided, plan)
  if undecided and err and err.class == "auth" then call.forget(e, "protocol") end
  return result, err
end

--- Calls a method that answers with a table.
local function ask(self, model, method, args)
  local answer, err = self:call(model, method, args)
  if err then return nil, err end
  if type(answer) == "table" then return answer end
  return nil, call.failure(self.endpoint, model .. " " .. method, { class = "transient" },
    { code = "nonsense", text = "the answer holds no records" })
end

--- When the first of the user's API keys expires, which Odoo tells from 18 on. Waits. Which of
--- them is ours it does not tell.
---@return { date: string, keys: integer }|false|nil expiry  false: none does, as far as can be seen
---@return connector.Error|nil err
function odoo:key_expiry()
  local protocol, failed = transport(self)
  if not protocol then return nil, failed end
  -- a password that is none of the user's keys has nothing to do with their dates
  if protocol ~= json2 and self.endpoint.auth ~= "api_key" then return false end
  local schema, err = self:schema(KEYS)
  if not schema then return nil, err end
  if not schema.fields.expiration_date then return false end
  local keys
  keys, err = self:search(KEYS, json.array { json.array { "user_id.login", "=", self.endpoint.user } },
    { "expiration_date" })
  if not keys then return nil, err end
  local first
  for _, key in ipairs(keys) do
    local at = type(key.expiration_date) == "string" and key.expiration_date
    if at and (not first or at < first) then first = at end
  end
  return first and { date = first:sub(1, 10), keys = #keys } or false
end

--- Names of all models that keep records, sorted. Waits; needs the right to read ir.model.
---@return string[]|nil names
---@return connector.Error|nil err
function odoo:models()
  local rows, err = self:search("ir.model", json.array { json.array { "transient", "=", false } }, { "model" })
  if not rows then return nil, err end
  local names = {}
  for i, row in ipairs(rows) do names[i] = row.model end
  table.sort(names)
  return names
end

--- What a model looks like. Waits; shared by all flows for an hour.
---@param model string
---@return table|nil schema
---@return connector.Error|nil err
function odoo:schema(model)
  local key = ("schema %s %s"):format(self.endpoint.database, model)
  local known, err = call.cached(self.endpoint, key, HOUR_MS, function()
    local fields, failed = ask(self, model, "fields_get", { attributes = json.array(schemas.ATTRIBUTES) })
    if not fields then return nil, failed end
    return json.encode(schemas.parse(model, fields))
  end)
  if not known then return nil, err end
  local memo = self.schemas[model]
  if not memo or memo.text ~= known then
    memo = { text = known, schema = json.decode(known) }
    self.schemas[model] = memo
  end
  return memo.schema
end

--- Types records in place.
local function typed(self, model, fields, records)
  local schema, err = self:schema(model)
  if not schema then return nil, err end
  for _, name in ipairs(fields) do
    local def = schema.fields[name]
    local read = def and values.readers[def.type]
    if read then
      for _, record in ipairs(records) do record[name] = read(record[name]) end
    end
  end
  return records
end

--- Records by id, in the order asked; those that are gone are absent. Waits. A link is its
--- id, empty is `false`.
---@param model string
---@param ids integer[]
---@param fields string[]
---@return table[]|nil records
---@return connector.Error|nil err
function odoo:read(model, ids, fields)
  local found = {}
  for first = 1, #ids, PAGE do
    local part = table.move(ids, first, math.min(first + PAGE - 1, #ids), 1, {})
    local records, err = ask(self, model, "read", {
      ids = json.array(part), fields = json.array(fields), load = json.null })
    if not records and err.code == "too_large" and #part > 1 then -- by halves
      local half, rest = #part // 2
      records, err = self:read(model, table.move(part, 1, half, 1, {}), fields)
      if records then rest, err = self:read(model, table.move(part, half + 1, #part, 1, {}), fields) end
      records = rest and table.move(rest, 1, #rest, #records + 1, records)
    end
    if not records then return nil, err end
    for _, record in ipairs(records) do found[record.id] = record end
  end
  local list = {}
  for _, id in ipairs(ids) do list[#list + 1] = found[id] end
  return typed(self, model, fields, list)
end

local KIND <const> = { decimal = "decimal", datetime = "naive", many2one = "link" }

--- As `read`, for at most 1,000 records, without building them: a list of navodoo.records, in
--- Odoo's order, with the columns `id` and `write_date` beside the fields. Waits; the caller
--- closes the list.
---@param model string
---@param ids integer[]
---@param fields string[]
---@return navodoo.records.List|nil list
---@return connector.Error|nil err
function odoo:read_list(model, ids, fields)
  local schema, err = self:schema(model)
  if not schema then return nil, err end
  local columns = { { "id", "any", aside = true }, { "write_date", "naive", aside = true } }
  local names = json.array { "write_date" }
  for i, name in ipairs(fields) do
    local def = schema.fields[name]
    columns[i + 2], names[i + 1] = { name, def and KIND[def.type] or "any" }, name
  end
  local list
  list, err = self:call(model, "read", { ids = json.array(ids), fields = names, load = json.null }, columns)
  if err then return nil, err end
  if type(list) == "userdata" then return list end
  return nil, call.failure(self.endpoint, model .. " read", { class = "transient" },
    { code = "nonsense", text = "the answer holds no records" })
end

---@class connector.Search
---@field limit integer?        nil: all of them, page by page in the order of ids
---@field order string?         needs a limit of at most 1,000
---@field active_test boolean?  true hides archived records; they are shown by default

--- Records that match a domain. Waits.
---@param model string
---@param domain any[]
---@param fields string[]
---@param options connector.Search?
---@return table[]|nil records
---@return connector.Error|nil err
function odoo:search(model, domain, fields, options)
  options = options or {}
  local limit = options.limit or math.huge
  if options.order and limit > PAGE then error("search: `order` needs a limit of at most 1,000", 2) end
  local context = { active_test = options.active_test == true }
  local list, last_id, room = {}, nil, PAGE
  repeat
    ::again::
    -- terms without an operator are joined by `and`, so the place in the walk goes in front
    local terms = table.move(domain, 1, #domain, last_id and 2 or 1, json.array {})
    if last_id then terms[1] = json.array { "id", ">", last_id } end
    local size = math.min(room, limit - #list)
    local page, err = ask(self, model, "search_read", {
      domain = terms, fields = json.array(fields), limit = size, order = options.order or "id",
      context = context })
    if not page and err.code == "too_large" and size > 1 and not options.order then
      room = size // 2
      goto again
    end
    if not page then return nil, err end
    table.move(page, 1, #page, #list + 1, list)
    last_id = #page > 0 and page[#page].id
  until #page < size or #list >= limit
  return typed(self, model, fields, list)
end

--- Records in the order of their last change; see connector/odoo/scan.lua. Waits.
odoo.scan = scanning.run

--- Types whose blank cell means the same as no cell where there is no default.
local BLANKABLE <const> = { char = true, text = true, html = true, many2one = true, date = true,
                            datetime = true, selection = true }

--- What this connection was told and any other may use: by database and company.
local function shared(self, key, fetch, fresh)
  local name = ("%s %s %s"):format(key, self.endpoint.database, tostring(self.endpoint.company_id))
  if fresh then call.forget(self.endpoint, name) end
  local known, err = call.cached(self.endpoint, name, HOUR_MS, function()
    local value, failed = fetch()
    if not value then return nil, failed end
    return json.encode(json.object({}, value))
  end)
  if not known then return nil, err end
  return json.decode(known)
end

local UUID_TTL_MS <const> = 10000

--- Odoo's own name of its database; takes the right to read system parameters. Waits.
---@return string|nil uuid
---@return connector.Error|nil err
function odoo:database_uuid()
  return call.cached(self.endpoint, "uuid " .. self.endpoint.database, UUID_TTL_MS, function()
    local rows, err = ask(self, "ir.config_parameter", "search_read", {
      domain = json.array { json.array { "key", "=", "database.uuid" } }, fields = json.array { "value" },
      limit = 1 })
    if not rows then return nil, err end
    if rows[1] and type(rows[1].value) == "string" then return rows[1].value end
    return nil, call.failure(self.endpoint, "database.uuid", { class = "config" },
                             { code = "absent", text = "there is no such system parameter" })
  end)
end

--- The ids behind the codes of a small table (countries, payment terms), whole. Waits; shared
--- by all flows for an hour.
---@param model string
---@param where any[]     domain
---@param match string    field that holds the code
---@param fresh boolean|nil  ask, whatever is known
---@return table<string, integer>|nil ids
---@return connector.Error|nil err
function odoo:codes(model, where, match, fresh)
  local key = ("codes %s %s %s"):format(model, match, json.canonical(json.array(where)))
  return shared(self, key, function()
    local rows, err = self:search(model, where, { match }, { active_test = true })
    if not rows then return nil, err end
    local ids = {}
    for _, row in ipairs(rows) do
      if type(row[match]) == "string" then ids[row[match]] = row.id end
    end
    return ids
  end, fresh)
end

--- Fields that a new record leaves empty unless they are given: a blank cell of `load` is then
--- as good as none, so that rows with different gaps share one call. Waits; shared for an hour.
---@param model string
---@param fields string[]
---@return table<string, true>|nil blank
---@return connector.Error|nil err
function odoo:blank_on_create(model, fields)
  local schema, err = self:schema(model)
  if not schema then return nil, err end
  return shared(self, ("blanks %s %s"):format(model, table.concat(fields, " ")), function()
    local defaults, failed = ask(self, model, "default_get", { fields = json.array(fields) })
    if not defaults then return nil, failed end
    local blank = {}
    for _, name in ipairs(fields) do
      local def = schema.fields[name]
      if BLANKABLE[def.type] and not def.by_company and defaults[name] == nil then blank[name] = true end
    end
    return blank
  end)
end

--- Creates or updates records by external id; see connector/odoo/load.lua. Waits.
odoo.load = loading.run

--- Ids of the records that carry our external ids. Waits; unknown names are absent.
---@param model string
---@param names string[]  without module
---@return table<string, integer>|nil ids
---@return connector.Error|nil err
function odoo:xmlids(model, names)
  local ids = {}
  for first = 1, #names, PAGE do
    local part = table.move(names, first, math.min(first + PAGE - 1, #names), 1, {})
    local rows, err = ask(self, "ir.model.data", "search_read", {
      domain = json.array { json.array { "module", "=", MODULE }, json.array { "model", "=", model },
                            json.array { "name", "in", json.array(part) } },
      fields = json.array { "name", "res_id" } })
    if not rows then return nil, err end
    for _, row in ipairs(rows) do ids[row.name] = row.res_id end
  end
  return ids
end

--- External ids of ours that records carry. Waits; records without one are absent.
---@param model string
---@param records { id: integer }[]
---@return table<integer, string[]>|nil names  without module; one record may have several
---@return connector.Error|nil err
function odoo:names_of(model, records)
  local names = {}
  for first = 1, #records, PAGE do
    local ids = json.array {}
    for i = first, math.min(first + PAGE - 1, #records) do ids[#ids + 1] = records[i].id end
    local rows, err = self:call("ir.model.data", "search_read", {
      domain = json.array { json.array { "module", "=", MODULE }, json.array { "model", "=", model },
                            json.array { "res_id", "in", ids } },
      fields = json.array { "name", "res_id" } })
    if err then return nil, err end
    for _, row in ipairs(rows) do
      local list = names[row.res_id] or {}
      names[row.res_id], list[#list + 1] = list, row.name
    end
  end
  return names
end

--- Gives an existing record our external id. Waits. A name that is taken is a conflict.
---@param model string
---@param id integer
---@param name string  without module
---@return boolean|nil done
---@return connector.Error|nil err
function odoo:link_xmlid(model, id, name)
  local _, err = self:call("ir.model.data", "create", { vals_list = json.array {
    { module = MODULE, name = name, model = model, res_id = id, noupdate = true } } })
  if err then return nil, err end
  return true
end

return odoo
