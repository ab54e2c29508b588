--- A person at the NAV client: records typed, changed and deleted there, outside the web service.
--
-- The same triggers run, with a client this time (a town finds its post code), and the date of the
-- last change and the row version follow. An administrator's few settings can be changed too.

local customer = require "sandbox.nav.customer"
local names = require "sandbox.nav.names"
local refusal = require "sandbox.nav.refusal"
local tables = require "sandbox.nav.tables"
local values = require "sandbox.nav.values"

local person = {}

local function typed_changes(fields)
  local changes = {}
  local def = tables.Customer
  for _, member in ipairs(fields) do
    local field = def.by_name[member.key]
    if not field then
      for _, candidate in ipairs(def.fields) do
        if names.externalize(candidate.name) == member.key then field = candidate end
      end
    end
    if not field then
      return nil, refusal.bad_request("Table Customer has no field \"%s\".", tostring(member.key))
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

--- A person changes a record in the client: triggers run as there, stamps and versions follow.
---@param state table
---@param change { table: string?, key: string?, action: string?, fields: sandbox.nav.Member[]? }
---  action "insert", "modify" (the default) or "delete"; fields in the order they are typed
---@param clock { now: fun(): integer }
---@return { key: string }? done
---@return sandbox.nav.Refusal?
function person.edit(state, change, clock)
  local name = change.table or "Customer"
  if name ~= "Customer" then return edit_setup(state, change) end
  local context = { state = state, gui = true, now = clock.now() }
  local changes, refused = typed_changes(change.fields or {})
  if not changes then return nil, refused end
  if change.action == "insert" then
    if change.key then table.insert(changes, 1, { name = "No.", value = values.code(change.key) }) end
    local key
    key, refused = customer.insert(context, changes)
    return key and { key = key }, refused
  end
  local key = change.key
  if not key or not state.tables.Customer.by_key[key] then
    return nil, refusal.record_not_found("Customer", "No.", tostring(key))
  end
  if change.action == "delete" then
    refused = customer.delete(context, key)
  else
    refused = customer.modify(context, key, changes)
  end
  if refused then return nil, refused end
  return { key = key }
end

return person
