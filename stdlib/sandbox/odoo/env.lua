--- What one call runs in: who asks, in which company and language, at what time, over which rows.
--
-- An env reads and writes records in their stored form (env:row, env:store_values); conversions
-- from and to the wire are convert.lua's, the public methods methods.lua's. Everything that a call
-- changes goes through its log, so that a fault leaves no trace.

local faults = require "sandbox.odoo.faults"
local py = require "sandbox.odoo.py"
local store = require "sandbox.odoo.store"

---@class sandbox.OdooEnv
---@field state table
---@field version integer
---@field uid integer
---@field context table
---@field lang string?       code, nil for the language of the source
---@field companies integer[]
---@field company integer
---@field now integer        microseconds, one for the whole call
local Env = {}
Env.__index = Env

local env = {}

local function sees(list, id)
  for _, x in ipairs(list) do
    if x == id then return true end
  end
  return false
end

-- Companies that the context asks for; they must be the user's.
local function companies_of(self, user)
  local asked = self.context.allowed_company_ids
  if not py.truth(asked) then return user.company_ids end
  if not py.is_list(asked) then asked = { asked } end
  for _, id in ipairs(asked) do
    if not sees(user.company_ids, id) then
      faults.access_error("Access to unauthorized or invalid companies.")
    end
  end
  return asked
end

--- An env for one call.
---@param state table
---@param uid integer
---@param now integer
---@return sandbox.OdooEnv
function env.new(state, uid, now)
  return setmetatable({
    state = state, version = state.version, uid = uid, now = now, context = {},
    log = store.new_log(), companies = { 1 }, company = 1, counts = {},
  }, Env)
end

--- Takes over the context that came with the call.
---@param context any
function Env:enter(context)
  self.context = py.is_dict(context) and context or {}
  local lang = self.context.lang
  if type(lang) == "string" and lang ~= "" then
    local known = false
    for _, l in ipairs(self:languages()) do known = known or l.code == lang end
    if not known and self.version >= 18 then
      faults.user_error("Invalid language code: " .. lang)
    end
    self.lang = known and lang ~= "en_US" and lang or nil
  end
  local user = self:row("res.users", self.uid)
  self.companies = companies_of(self, user)
  self.company = py.truth(self.context.allowed_company_ids) and self.companies[1] or user.company_id
end

-- Reading ----------------------------------------------------------------------------------------

--- The definition of a model that must exist.
---@param name string
---@return table
function Env:model(name) return self.state.models[name] end

--- The table of a model, filled with its seed when first asked for.
---@param name string
---@return table
function Env:table(name) return self.state:table(name) end

---@param name string
---@param id integer?
---@return table? row
function Env:row(name, id)
  return id and self.state:table(name).rows[id]
end

--- Ids whose indexed `field` equals `value`.
function Env:ids_where(name, field, value)
  return self.state:table(name):where(field, value)
end

--- Installed languages: rows of res.lang, by name.
---@return table[]
function Env:languages()
  local list = {}
  for _, row in self:table("res.lang"):each() do
    if row.active then list[#list + 1] = row end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- Ids behind an x2many field of one row.
local function related(self, rec, f)
  if f.inverse then
    local t = self:table(f.relation)
    if t.indexed[f.inverse] then return t:where(f.inverse, rec.id) end
    local ids = {}
    for id, row in t:each() do
      if row[f.inverse] == rec.id then ids[#ids + 1] = id end
    end
    return ids
  end
  if not f.mirror then return rec[f.name] or {} end
  local ids = {}
  for id, row in self:table(f.relation):each() do
    if sees(row[f.mirror] or {}, rec.id) then ids[#ids + 1] = id end
  end
  return ids
end

--- The value of a field in stored form: nil is NULL, x2many give ids, `false` only for booleans.
---@param model table
---@param rec table
---@param name string
---@return any
function Env:value(model, rec, name)
  local f = model.fields[name]
  if f.get then return f.get(self, rec) end
  if f.through then
    local other = self:model(model.fields[f.through].relation)
    local row = self:row(other.name, rec[f.through])
    return row and self:value(other, row, name)
  end
  if f.company then
    local v = rec[name .. "@" .. self.company]
    if v == nil then return f.fallback end
    return v or nil
  end
  if f.x2many then return related(self, rec, f) end
  if f.translate and self.lang then
    local v = rec[name .. "@" .. self.lang]
    if v ~= nil then return v or nil end
  end
  return rec[name]
end

--- The display name of a row.
---@param name string
---@param rec table
---@return string
function Env:show(name, rec) return self:model(name).show(self, rec) end

--- Whether a row may be seen: a record of a company that is not allowed may not.
---@param model table
---@param rec table
---@return boolean
function Env:visible(model, rec)
  local company = model.fields.company_id and rec.company_id
  return not company or model.name == "res.users" or sees(self.companies, company)
end

-- Writing ----------------------------------------------------------------------------------------

local function applied(rec, changes)
  local new = {}
  for k, v in pairs(rec) do new[k] = v end
  for k, v in pairs(changes) do
    if v == false and not k:find("@", 1, true) then v = nil end
    new[k] = v
  end
  return new
end

--- The names of the fields behind the keys of a set of changes.
---@param changes table
---@return table<string, boolean>
function Env.touched(changes)
  local names = {}
  for key in pairs(changes) do names[key:match("^[^@]+")] = true end
  return names
end

--- Stores changes to one row as they are, stamped, without checks or consequences.
---@param name string
---@param id integer
---@param changes table  false is NULL
---@param touched table<string, boolean>?  what changed, for the computed fields
function Env:store_values(name, id, changes, touched)
  local model, t = self:model(name), self:table(name)
  local rec = applied(t.rows[id], changes)
  rec.write_date, rec.write_uid = self.now, self.uid
  if model.behaviour.derive then
    model.behaviour.derive(self, rec, touched or Env.touched(changes))
  end
  for _, f in ipairs(model.computed) do rec[f.name] = f.computed(rec) end
  self.log:replace(t, rec)
end

--- Recomputes stored fields of one row as if `touched` had changed; no stamp.
function Env:rederive(name, id, touched)
  local t = self:table(name)
  local rec = applied(t.rows[id], {})
  self:model(name).behaviour.derive(self, rec, touched)
  self.log:replace(t, rec)
end

--- Clears one field of one row as the database does on a delete elsewhere: no stamp.
function Env:set_null(model, id, field)
  local t = self:table(model.name)
  local rec = applied(t.rows[id], { [field] = false })
  if model.behaviour.derive then model.behaviour.derive(self, rec, { [field] = true }) end
  self.log:replace(t, rec)
end

--- Notes one change for the statistics; it counts only if the call succeeds.
---@param kind "creates"|"writes"|"unlinks"
---@param name string
function Env:count(kind, name)
  local key = kind .. " " .. name
  self.counts[key] = (self.counts[key] or 0) + 1
end

--- Adds a row under the next id.
---@param name string
---@param values table  stored form
---@param touched table<string, boolean>
---@return integer
function Env:insert(name, values, touched)
  local model, t = self:model(name), self:table(name)
  local rec = applied({}, values)
  rec.id = t:next_id()
  rec.create_date, rec.create_uid = self.now, self.uid
  rec.write_date, rec.write_uid = self.now, self.uid
  if model.behaviour.derive then model.behaviour.derive(self, rec, touched) end
  for _, f in ipairs(model.computed) do rec[f.name] = f.computed(rec) end
  self.log:insert(t, rec)
  return rec.id
end

--- Makes a record from values in stored form, with defaults, checks and consequences.
---@param name string
---@param values table
---@return integer
function Env:create(name, values)
  return require("sandbox.odoo.orm").insert(self, self:model(name), values)
end

return env
