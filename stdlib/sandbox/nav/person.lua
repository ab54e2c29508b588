--- A person at the NAV client: records typed, changed and deleted there, outside the web service.
--
-- The same triggers run, with a client this time (a town finds its post code), and the date of the
-- last change and the row version follow. An administrator's few settings can be changed too.

local behaviour = require "sandbox.nav.behaviour"
local names = require "sandbox.nav.names"
local record = require "sandbox.nav.record"
local refusal = require "sandbox.nav.refusal"
local tables = require "sandbox.nav.tables"
local values = require "sandbox.nav.values"

local person = {}

local function typed_changes(def, fields)
  local changes = {}
  for _, member in ipairs(fields) do
    local field = def.by_name[member.key]
    if not field then
      for _, candidate in ipairs(def.fields) do
        if names.externalize(candidate.name) == member.key then field = candidate end
      end
    end
    if not field then
      return nil, refusal.bad_request("Table %s has no field \"%s\".", def.name, tostring(member.key))
    end
    if field.readonly then return nil, refusal.read_only(field.name) end
    local change = { name = field.name }
    change.value, change.refused = values.convert(field, member.value, member.key)
    changes[#changes + 1] = change
  end
  return changes
end

-- No. Series and the code tables: what an administrator may change under way.
local function edit_setup(state, change)
  local name, key, company = change.table, change.key, state.setup
  local codes = company.codes[name]
  if not codes then return nil, refusal.bad_request("There is no table \"%s\" here.", tostring(name)) end
  if type(key) ~= "string" then return nil, refusal.bad_request("A key is needed.") end
  if change.action == "delete" then
    codes[key] = nil
    return { key = key }
  end
  codes[key] = true
  local settings = { ["Manual Nos."] = "manual_nos", ["Default Nos."] = "default_nos", Open = "open",
                     ["Last No. Used"] = "last" }
  for _, member in ipairs(change.fields or {}) do
    local line = name == "No. Series" and company.series[key]
    if not line or not settings[member.key] then
      return nil, refusal.bad_request("Table %s has no field \"%s\" here.", name, tostring(member.key))
    end
    line[settings[member.key]] = member.value
  end
  return { key = key }
end

-- The key of a record: a text, or the list of its key fields.
local function row_key(key)
  if type(key) ~= "table" then return key and values.code(tostring(key)) end
  local parts = {}
  for n, part in ipairs(key) do parts[n] = values.code(tostring(part)) end
  return table.concat(parts, "\0")
end

-- The key fields of a new record, typed first.
local function key_changes(def, key, changes)
  for n, part in ipairs(key and tables.key_parts(key) or {}) do
    table.insert(changes, n, { name = def.keys[n], value = part })
  end
end

---@class sandbox.nav.Edit
---@field table string?            "Customer" by default
---@field key string|string[]|nil  a list for a key of several fields
---@field action string?           "insert", "modify" (the default) or "delete"
---@field fields sandbox.nav.Member[]?  in the order they are typed
---@field late_ms integer?         how long ago the work began that is committed now: stamps are of then

--- A person changes a record in the client: triggers run as there, stamps and versions follow.
---@param state table
---@param change sandbox.nav.Edit
---@param clock { now: fun(): integer }
---@return { key: string|string[] }? done
---@return sandbox.nav.Refusal?
function person.edit(state, change, clock)
  local name = change.table or "Customer"
  local kind = behaviour[name]
  if not kind then return edit_setup(state, change) end
  local context = { state = state, gui = true, now = clock.now() - (change.late_ms or 0) * 1000 }
  local changes, refused = typed_changes(kind.def, change.fields or {})
  if not changes then return nil, refused end
  local key = row_key(change.key)
  if change.action == "insert" then
    key_changes(kind.def, key, changes)
    key, refused = record.insert(kind, context, changes)
    if not key then return nil, refused end
  elseif not key or not state.tables[name].by_key[key] then
    return nil, refusal.record_not_found(kind.def, key or "")
  elseif change.action == "delete" then
    refused = record.delete(kind, context, key)
  else
    refused = record.modify(kind, context, key, changes)
  end
  if refused then return nil, refused end
  local parts = tables.key_parts(key)
  return { key = #parts == 1 and key or parts }
end

return person
