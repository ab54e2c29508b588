--- The memory of one sandbox server: configuration, tables, sessions, counters; saved and restored.

local py = require "sandbox.odoo.py"
local people = require "sandbox.people"
local registry = require "sandbox.odoo.registry"
local seed = require "sandbox.odoo.seed"
local store = require "sandbox.odoo.store"

local State = {}
State.__index = State

local state = {}

local DEFAULT_START <const> = 1767600000000000 -- 2026-01-05 08:00:00 UTC

local function default_key(n)
  local draw = people.random(n, 40)
  return (("x"):rep(40):gsub("x", function() return ("%x"):format(draw(16)) end))
end

local function denied(list)
  local set = {}
  for _, pair in ipairs(list or {}) do set[pair[1] .. " " .. pair[2]] = true end
  return set
end

local function assemble(version, config)
  local known = registry.of(version)
  return setmetatable({
    version = version, config = config, models = known.models, names = known.names, tables = {},
    sessions = { made = 0, open = {} }, failures = {}, last_us = config.start_us,
    outgoing = {}, -- webhooks that nobody has sent yet: sandbox/hooks.lua does
    stats = { requests = 0, calls = {}, creates = {}, writes = {}, unlinks = {} },
  }, State)
end

--- A new server.
---@param options table  see init.lua
---@return table
function state.new(options)
  local version = options.version or 19
  local number = options.seed or 1
  return assemble(version, {
    database = options.database or "sandbox", user = options.user or "navodoo@example.com",
    name = options.name or "Integration Bot",
    password = options.password or "sandbox", api_key = options.api_key or default_key(number),
    api_key_expires_us = options.api_key_expires_us,
    seed = number, partners = options.partners or 0, customers = options.customers or 0,
    vendors = options.vendors or 0, companies = options.companies or 1,
    user_companies = options.user_companies or options.companies or 1,
    company = options.company or "CRONUS International Ltd.",
    currency = options.currency or "EUR", languages = options.languages or { "hu_HU" },
    start_us = options.start_us or DEFAULT_START, deny = denied(options.deny),
    uid = seed.integration_uid(version),
  })
end

--- The table of a model.
---@param name string
---@return table
function State:table(name)
  local t = self.tables[name]
  if not t then
    t = store.new_table(self.models[name].index)
    self.tables[name] = t
    seed.fill(self, name, t)
  end
  return t
end

--- Begins a transaction: its time. No two have the same.
---@param now integer
---@return integer
function State:tick(now)
  for _, t in pairs(self.tables) do t:compact() end
  self.last_us = math.max(now, self.last_us + 1)
  return self.last_us
end

-- Saving -----------------------------------------------------------------------------------------

local function plain(v)
  if type(v) ~= "table" then return v end
  local out = {}
  for k, x in pairs(v) do out[k] = plain(x) end
  return out
end

local function plain_list(list)
  local out = py.list()
  for i, v in ipairs(list) do out[i] = v end
  return out
end

local function saved_row(row)
  local out = {}
  for k, v in pairs(row) do out[k] = type(v) == "table" and plain_list(v) or v end
  return out
end

--- Everything as plain data: texts, numbers, booleans, lists and dicts of them.
---@return table
function State:save()
  local tables = {}
  for name, t in pairs(self.tables) do
    if t.dirty then
      local rows = py.list()
      for _, row in t:each() do rows[#rows + 1] = saved_row(row) end
      tables[name] = { seq = t.seq, rows = rows }
    end
  end
  local config = plain(self.config)
  config.languages = plain_list(self.config.languages)
  return {
    format = 1, version = self.version, config = config, sessions = plain(self.sessions),
    failures = plain(self.failures), stats = plain(self.stats), last_us = self.last_us,
    tables = tables,
  }
end

-- A row back in its stored form, whatever the numbers went through in between.
local function restored_row(model, row)
  local out = {}
  for k, v in pairs(row) do
    local f = model.fields[k:match("^[^@]+")]
    local kind = f and f.type
    if v ~= false and (kind == "float" or kind == "monetary") then
      v = py.number(v) + 0.0
    elseif type(v) == "table" then
      v = { table.unpack(v) }
    end
    out[k] = v
  end
  return out
end

--- A server from what `save` gave.
---@param saved table
---@return table
function state.restore(saved)
  if saved.format ~= 1 then error("sandbox: unknown format of a saved Odoo", 2) end
  local s = assemble(saved.version, plain(saved.config))
  s.sessions, s.failures, s.stats = plain(saved.sessions), plain(saved.failures), plain(saved.stats)
  s.last_us = saved.last_us
  for name, content in pairs(saved.tables) do
    local model = s.models[name]
    local t = store.new_table(model.index)
    for _, row in ipairs(content.rows) do t:seed(restored_row(model, row)) end
    t.seq, t.dirty = content.seq, true
    s.tables[name] = t
  end
  return s
end

return state
