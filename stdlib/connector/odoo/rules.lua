--- Automation rules in Odoo that tell navodoo of changes: made, compared, taken away.
--
-- One rule per model for new and changed records, with the fields that matter as its
-- trigger (without them Odoo posts a dozen times for one new record, and for writes that
-- change nothing), and one for deletions. Ours are known by their external ids, so that a
-- person may rename them, and nobody else's are ever touched.

local json = require "navodoo.json"
local keys = require "navodoo.engine.keys"

local rules = {}

---@class connector.WantedHook
---@field name string            of the hook
---@field env string             environment of the configuration: two of them may share an Odoo
---@field model string
---@field fields string[]        changes of these are told
---@field url string             may hold the token of a secret
---@field matches fun(url: string): boolean   whether an address from Odoo is that one

--- The first version of Odoo that has webhooks.
rules.SINCE = 17

local KINDS <const> = {
  { kind = "write", trigger = "on_create_or_write", title = "navodoo: %s", action = "navodoo %s" },
  -- the word "deleted" is what the inbox knows these by: they come before the deletion
  { kind = "unlink", trigger = "on_unlink", title = "navodoo: %s, deleted", action = "navodoo %s deleted" },
}

local function xmlid(want, kind)
  return table.concat({ "hook", keys.part(want.env), keys.part(want.name), keys.part(want.model), kind }, "_")
end

local function names_of(want)
  local list = {}
  for i, k in ipairs(KINDS) do list[i] = xmlid(want, k.kind) end
  return list
end

--- Ids of our rules, by external id.
local function ours(odoo, want) return odoo:xmlids("base.automation", names_of(want)) end

local function config_error(text, way_out)
  return nil, { class = "config", code = "hooks", text = way_out and text .. "; " .. way_out or text }
end

--- The id of the model, and ids of its fields by name. Fields that are not stored change
-- without a write, so they cannot trigger.
local function look_up(odoo, want)
  local found, err = odoo:search("ir.model",
    json.array { json.array { "model", "in", json.array { want.model, "base.automation" } } }, { "model" })
  if not found then return nil, err end
  local ids = {}
  for _, row in ipairs(found) do ids[row.model] = row.id end
  if not ids["base.automation"] then
    return config_error("this Odoo has no automation rules", "install Automation Rules (module base_automation)")
  end
  if not ids[want.model] then return config_error(("this Odoo has no model %s"):format(want.model)) end
  local rows
  rows, err = odoo:search("ir.model.fields", json.array { json.array { "model", "=", want.model },
    json.array { "name", "in", json.array(table.move(want.fields, 1, #want.fields, 2, { "write_date" })) },
    json.array { "store", "=", true } }, { "name" })
  if not rows then return nil, err end
  local fields = {}
  for _, row in ipairs(rows) do fields[row.name] = row.id end
  return { model = ids[want.model], fields = fields }
end

--- Whether the server has webhooks; nil and why not.
---@return true|nil
---@return connector.Error|nil err
function rules.supported(odoo)
  local major, err = odoo:version()
  if not major then return nil, err end
  if major >= rules.SINCE then return true end
  return config_error(("Odoo %d has no webhooks, they came with 17"):format(major),
                      "the poll (odoo.watch.every) finds every change all the same")
end

local function trigger_ids(want, known)
  local ids = json.array {}
  for _, name in ipairs(want.fields) do
    if known.fields[name] then ids[#ids + 1] = known.fields[name] end
  end
  return ids
end

local function values_of(want, known, k)
  local action = { name = k.action:format(want.name), model_id = known.model, state = "webhook",
                   usage = "base_automation", webhook_url = want.url,
                   webhook_field_ids = json.array { json.array { 6, 0, json.array { known.fields.write_date } } } }
  return { name = k.title:format(want.name), model_id = known.model, trigger = k.trigger, active = true,
           trigger_field_ids = json.array { json.array { 6, 0,
             k.kind == "write" and trigger_ids(want, known) or json.array {} } },
           action_server_ids = json.array { json.array { 0, 0, action } } }
end

--- Takes our rules away. Waits.
---@return integer|nil removed
---@return connector.Error|nil err
function rules.remove(odoo, want)
  local found, err = ours(odoo, want)
  if not found then return nil, err end
  local ids = json.array {}
  for _, name in ipairs(names_of(want)) do ids[#ids + 1] = found[name] end
  if #ids == 0 then return 0 end
  local _, failed = odoo:call("base.automation", "unlink", { ids = ids })
  if failed then return nil, failed end
  return #ids
end

--- Makes the rules as they should be, in the place of ours that are there. Waits.
---@return true|nil ok
---@return connector.Error|nil err
function rules.install(odoo, want)
  local ok, err = rules.supported(odoo)
  if not ok then return nil, err end
  local known
  known, err = look_up(odoo, want)
  if not known then return nil, err end
  ok, err = rules.remove(odoo, want)
  if not ok then return nil, err end
  for _, k in ipairs(KINDS) do
    local made, failed = odoo:call("base.automation", "create",
                                   { vals_list = json.array { values_of(want, known, k) } })
    if failed then return nil, failed end
    local id = type(made) == "table" and made[1] or made
    ok, err = odoo:link_xmlid("base.automation", id, xmlid(want, k.kind))
    if not ok then return nil, err end
  end
  return true
end

local function same_set(a, b)
  local seen = {}
  for _, id in ipairs(a) do seen[id] = true end
  for _, id in ipairs(b) do
    if not seen[id] then return false end
    seen[id] = nil
  end
  return next(seen) == nil
end

--- What is wrong with the only action of a rule, or nil.
local function action_problem(want, action)
  if action.state ~= "webhook" then return ("its action is %q, not a webhook"):format(tostring(action.state)) end
  local url = action.webhook_url or ""
  if want.matches(url) then return nil end
  local mine, theirs = want.url:match "^(https?://[^/]+)", tostring(url):match "^(https?://[^/]+)"
  if mine ~= theirs then
    return ("it sends to %s, not to %s"):format(theirs or "no address", mine)
  end
  return "its address has another path or secret"
end

local function rule_problems(odoo, want, known, k, rule)
  local list = {}
  local function note(text) list[#list + 1] = ("%s: %s"):format(rule.name, text) end
  if not rule.active then note "it is inactive" end
  if rule.trigger ~= k.trigger then note(("its trigger is %s, not %s"):format(rule.trigger, k.trigger)) end
  if rule.model_id ~= known.model then note "it is about another model" end
  if k.kind == "write" and not same_set(trigger_ids(want, known), rule.trigger_field_ids) then
    note "its trigger fields are not those of the flow"
  end
  if rule.filter_domain and rule.filter_domain ~= "[]" and rule.filter_domain ~= "" then
    note "it applies to some records only (filter_domain)"
  end
  if #rule.action_server_ids ~= 1 then
    note(("it has %d actions, not one"):format(#rule.action_server_ids))
    return list
  end
  local actions, err = odoo:read("ir.actions.server", rule.action_server_ids, { "state", "webhook_url" })
  if not actions then return nil, err end
  local problem = actions[1] and action_problem(want, actions[1]) or not actions[1] and "its action is gone"
  if problem then note(problem) end
  return list
end

--- Compares what is there with what should be. Waits.
---@return string[]|nil problems  empty: all is as it should be
---@return connector.Error|nil err
function rules.check(odoo, want)
  local ok, err = rules.supported(odoo)
  if not ok then return nil, err end
  local known, found
  known, err = look_up(odoo, want)
  if not known then return nil, err end
  found, err = ours(odoo, want)
  if not found then return nil, err end
  local problems = {}
  for _, k in ipairs(KINDS) do
    local id = found[xmlid(want, k.kind)]
    local rows = {}
    if id then
      rows, err = odoo:read("base.automation", { id },
        { "name", "active", "trigger", "model_id", "trigger_field_ids", "filter_domain", "action_server_ids" })
      if not rows then return nil, err end
    end
    if not rows[1] then
      problems[#problems + 1] = ("%s: it is not there"):format(k.title:format(want.name))
    else
      local list
      list, err = rule_problems(odoo, want, known, k, rows[1])
      if not list then return nil, err end
      table.move(list, 1, #list, #problems + 1, problems)
    end
  end
  return problems
end

return rules
