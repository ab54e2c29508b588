--- Automation rules at work: which webhooks a call that succeeded sends.
--
-- As recorded from real servers: with trigger fields a rule fires once per new record and
-- once per real change of one of them; without, once per write, changed or not, and
-- thirteen times per new partner. The body has the action, the record and the fields
-- asked for, empty ones `false`, instants with their microseconds. Nothing is signed, and
-- what cannot be delivered is lost. Rules with a domain do not fire here: none is read.

local convert = require "sandbox.odoo.convert"
local instant = require "sandbox.odoo.instant"
local json = require "navodoo.json"

local automation = {}

local NEW_PARTNER <const> = 13 -- posts for one new partner, when no field is named

local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  if #a ~= #b then return false end
  for i = 1, #a do
    if a[i] ~= b[i] then return false end
  end
  return true
end

-- Names of the fields whose stored value differs between two rows.
local function changed_fields(before, after)
  local names = {}
  for _, pair in ipairs { { before, after }, { after, before } } do
    for key, v in pairs(pair[1]) do
      if not same(v, pair[2][key]) then names[key:match "^[^@]+"] = true end
    end
  end
  return names
end

-- What the call did to the rows of one table, in order: { id =, before =, after =, writes = }.
local function changes_of(env, t)
  local list, by_id = {}, {}
  for _, entry in ipairs(env.log) do
    if entry[1] == t then
      local change = by_id[entry[2]]
      if not change then
        change = { id = entry[2], before = entry[3], writes = 0 }
        by_id[entry[2]], list[#list + 1] = change, change
      end
      change.writes = change.writes + 1
    end
  end
  for _, change in ipairs(list) do change.after = t.rows[change.id] end
  return list
end

-- How often a rule fires for a change.
local function times(env, rule, change, model)
  local created, deleted = not change.before, not change.after
  local trigger = rule.trigger
  if created and deleted then return 0 end
  if deleted then return trigger == "on_unlink" and 1 or 0 end
  local on_create = trigger == "on_create" or trigger == "on_create_or_write"
  local on_write = trigger == "on_write" or trigger == "on_create_or_write"
  local fields = rule.trigger_field_ids or {}
  if created then
    if not on_create then return 0 end
    return #fields == 0 and model.name == "res.partner" and NEW_PARTNER or 1
  end
  if not on_write then return 0 end
  if #fields == 0 then return change.writes end
  local changed = changed_fields(change.before, change.after)
  for _, id in ipairs(fields) do
    if changed[env:row("ir.model.fields", id).name] then return 1 end
  end
  return 0
end

local function body_of(env, action, model, rec)
  local keys, values = {}, {}
  local function add(key, v)
    keys[#keys + 1], values[key] = key, v
  end
  add("_action", ("%s(#%d)"):format(action.name, action.id))
  add("_id", rec.id)
  add("_model", model.name)
  add("id", rec.id)
  for _, id in ipairs(action.webhook_field_ids or {}) do
    local name = env:row("ir.model.fields", id).name
    local f = model.fields[name]
    if values[name] == nil then
      local exact = f.type == "datetime" and rec[name] and instant.exact_text(rec[name])
      add(name, exact or convert.to_wire(env, model, rec, f, true))
    end
  end
  table.sort(keys)
  return assert(json.encode(json.object(keys, values)))
end

--- Adds to `env.state.outgoing` what the rules send for what this call did.
---@param env sandbox.OdooEnv
function automation.collect(env)
  local state = env.state
  if not state.tables["base.automation"] then return end -- nobody has made a rule yet
  for _, rule in state:table("base.automation"):each() do
    local row = env:row("ir.model", rule.model_id)
    local model = row and state.models[row.model]
    if rule.active and model and not rule.filter_domain then
      for _, change in ipairs(changes_of(env, state:table(model.name))) do
        local n = times(env, rule, change, model)
        for _, at in ipairs(n > 0 and env:ids_where("ir.actions.server", "base_automation_id", rule.id) or {}) do
          local action = env:row("ir.actions.server", at)
          if action.state == "webhook" and action.webhook_url then
            local body = body_of(env, action, model, change.after or change.before)
            for _ = 1, n do
              state.outgoing[#state.outgoing + 1] = { url = action.webhook_url, body = body }
            end
          end
        end
      end
    end
  end
end

return automation
