--- A NAV 2018 to develop against: its OData services, V4 and V3, as one function of request and state.
--
-- `handle(request, state, clock)` answers as NAV does; no socket, no wait, no clock of its own.
-- Published are the cards and lists of customers, vendors, items, contacts and ship-to addresses (pages.lua),
-- under /DynamicsNAV110/ODataV4 and /OData. Basic, NTLM or OAuth2 (auth.lua). State is plain data: `save`, `restore`.

local crypto = require "navodoo.crypto"
local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local cards = require "sandbox.nav.cards"
local data = require "sandbox.nav.data"
local items = require "sandbox.nav.items"
local names = require "sandbox.nav.names"
local person = require "sandbox.nav.person"
local rows = require "sandbox.nav.rows"
local service = require "sandbox.nav.service"
local setup = require "sandbox.nav.setup"
local tables = require "sandbox.nav.tables"

local nav = {}

local PAGE_SIZE <const> = 1000 -- ODataServicesMaxPageSize
local START_US <const> = 1768435200 * 1000000 -- 2026-01-15, when nobody says
local FIRST_VERSION <const> = 79124176

---@class sandbox.nav.Options
---@field customers integer?   default 1000
---@field vendors integer?     default 0; every fifth is a customer too
---@field contacts integer?    persons, default 0; with any, every card has its company contact
---@field addresses integer?   ship-to addresses, default 0
---@field items integer?       default 0
---@field seed integer?        default 1
---@field company string?
---@field companies string[]?  further ones, each with customers of its own
---@field user string?
---@field password string?
---@field auth string?         "basic", "ntlm" or "oauth2"
---@field token_seconds integer?  life of a token, default 3599
---@field version string?      "nav2018"
---@field start_us integer?    the day the data is of
---@field plain boolean?       no repeats, no odd countries: for runs that count
---@field page_size integer?

local function id_of(company)
  return (crypto.hash(company):gsub("^(%x%x%x%x%x%x%x%x)(%x%x%x%x)(%x%x%x%x)(%x%x%x%x)", "%1-%2-%3-%4-"))
end

local function fill(state, options)
  state.tables, state.relations = {}, { Customer = {}, Vendor = {} }
  for _, def in ipairs(tables.list) do state.tables[def.name] = rows.new() end
  state.setup = setup.new()
  state.row_version = FIRST_VERSION
  data.fill(state, options.customers)
  cards.fill(state, options)
  items.fill(state, options.items)
end

-- A further company of the database: tables of its own; logins, settings and counters are shared.
local function further(state, name, n)
  local company = setmetatable({ company = name, company_id = id_of(name), others = {} }, { __index = state })
  local options = {}
  for key, value in pairs(state.options) do options[key] = value end
  options.seed = state.options.seed + n
  company.options, company.seed = options, options.seed
  fill(company, options)
  return company
end

local function no_calls()
  return { calls = {}, reads = 0, creates = 0, updates = 0, deletes = 0, refused = 0, tables = {} }
end

--- A company with its customers.
---@param options sandbox.nav.Options?
---@return table state
function nav.new(options)
  options = options or {}
  local version = options.version or "nav2018"
  if version ~= "nav2018" then error("sandbox.nav: the version is nav2018, not " .. tostring(version), 2) end
  local kept = {
    customers = options.customers or 1000, vendors = options.vendors or 0, contacts = options.contacts or 0,
    addresses = options.addresses or 0, items = options.items or 0, seed = options.seed or 1, version = version,
    company = options.company or "CRONUS International Ltd.", user = options.user or "navodoo",
    password = options.password or "sandbox", plain = options.plain, start_us = options.start_us or START_US,
    page_size = options.page_size or PAGE_SIZE, auth = options.auth or "basic",
    token_seconds = options.token_seconds or 3599, companies = options.companies,
  }
  local state = {
    kind = "nav", options = kept, version = version, company = kept.company, user = kept.user,
    password = kept.password, seed = kept.seed, start_us = kept.start_us, page_size = kept.page_size,
    auth = kept.auth, token_seconds = kept.token_seconds,
    company_id = id_of(kept.company), others = {},
    stats = no_calls(), faults = { rules = {} },
  }
  fill(state, kept)
  for n, name in ipairs(kept.companies or {}) do state.others[name] = further(state, name, n) end
  return state
end

--- Everything as at the start, or with other options; the same table stays in use.
---@param state table
---@param options sandbox.nav.Options?
function nav.reset(state, options)
  local kept = {}
  for name, value in pairs(state.options) do kept[name] = value end
  for name, value in pairs(options or {}) do kept[name] = value end
  local fresh = nav.new(kept)
  for name in pairs(state) do state[name] = nil end
  for name, value in pairs(fresh) do state[name] = value end
end

-- A further company by name. Its state rests on that of the database, whichever table that is now.
local function further_of(state, name)
  local other = name and state.others[name]
  return other and setmetatable(other, { __index = state })
end

local function plain(text)
  text = text:gsub("%+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  return (text:gsub("''", "'"))
end

--- Answers one request: a further company answers for itself.
---@param request table
---@param state table
---@param clock table
function nav.handle(request, state, clock)
  if next(state.others) then
    local name = request.path:match "Company%('(.-)'%)" or request.path:match "[?&]company=([^&]*)"
    local other = further_of(state, name and plain(name))
    if other then return service.handle(request, other, clock) end
  end
  return service.handle(request, state, clock)
end

--- A person changes a record in the client: `change.company` where it is a further one's.
---@param state table
---@param change table
---@param clock table
---@return table? done
---@return table? refused
function nav.edit(state, change, clock)
  return person.edit(further_of(state, change.company) or state, change, clock)
end

--- All records of a table, by key, under their names on the wire; money as exact decimals.
---@param state table
---@param name string?   such as "Ship-to Address"; "Customer" when there is none
---@param company string?  a further one
---@return table[]?   nil for a table that is not kept here
function nav.dump(state, name, company)
  name = name or "Customer"
  state = further_of(state, company) or state
  local def, t = tables[name], state.tables[name]
  if not t then return nil end
  local order, list = {}, {}
  for n, field in ipairs(def.fields) do order[n] = names.externalize(field.name) end
  for n, key in ipairs(t.keys) do
    local row, record = t.by_key[key], {}
    for at, field in ipairs(def.fields) do
      local value = tables.value(row, field)
      record[order[at]] = field.type == "Decimal" and decimal.new(value) or value
    end
    list[n] = json.object(order, record)
  end
  return json.array(list)
end

--- The tables that `dump` knows.
---@return string[]
function nav.tables()
  local list = {}
  for n, def in ipairs(tables.list) do list[n] = def.name end
  return list
end

--- Counters of calls by method and service, of records read and of writes done, in all and by table.
---@param state table
---@return table
function nav.stats(state)
  local stats = state.stats
  local calls, total, by_table = {}, 0, {}
  for name, n in pairs(stats.calls) do
    calls[name], total = n, total + n
  end
  for _, def in ipairs(tables.list) do
    local done = stats.tables[def.name] or { creates = 0, updates = 0, deletes = 0 }
    by_table[def.name] = { creates = done.creates, updates = done.updates, deletes = done.deletes,
                           records = #state.tables[def.name].keys }
  end
  return {
    calls = calls, total = total, reads = stats.reads, creates = stats.creates, updates = stats.updates,
    deletes = stats.deletes, refused = stats.refused, tokens = stats.tokens,
    records = #state.tables.Customer.keys, tables = by_table,
  }
end

--- The state as plain data that JSON can hold.
---@param state table
---@return table
function nav.save(state)
  local saved = { tables = {}, others = {} }
  for name, t in pairs(state.tables) do saved.tables[name] = { by_key = t.by_key, versions = t.versions } end
  for name, value in pairs(state) do
    if name == "others" then
      for company, other in pairs(value) do saved.others[company] = nav.save(other) end
    elseif name ~= "tables" then
      saved[name] = value
    end
  end
  return saved
end

--- The state from what `save` gave.
---@param saved table
---@return table
function nav.restore(saved)
  local state = { others = {} }
  for name, value in pairs(saved) do
    if name ~= "others" then state[name] = value end
  end
  for company, other in pairs(saved.others or {}) do
    state.others[company] = nav.restore(other)
  end
  state.tables = {}
  for _, def in ipairs(tables.list) do
    local t, kept = rows.new(), saved.tables[def.name] or rows.new()
    t.by_key, t.versions = kept.by_key, kept.versions
    for key in pairs(t.by_key) do t.keys[#t.keys + 1] = key end
    table.sort(t.keys)
    state.tables[def.name] = t
  end
  return state
end

return nav
