--- Records that point to others: the links they need, and waiting for those that lack.
--
-- A contact or a delivery address belongs to a customer. Its mapping needs that customer's
-- number on the other side, which is in the links of the customer's flow. Until that link
-- exists the job waits and holds nobody up; the transaction that makes the link wakes it.

local json = require "navodoo.json"
local store = require "navodoo.store"
local closing = require "navodoo.engine.closing"
local keys = require "navodoo.engine.keys"
local outcome = require "navodoo.engine.outcome"

local waiting = {}

local function collect(items, side, field, seen, list, name)
  for _, item in ipairs(items) do
    local record = item[side]
    local v = record and field and record[field]
    if v ~= nil and v ~= false and v ~= json.null and v ~= "" and not seen[v] then
      seen[v], list[#list + 1] = true, name(v)
    end
  end
end

--- The links that the records of a batch need, for `ctx.links`: by flow, NAV key to Odoo
-- id and back. Costs one query for each flow and side.
---@param engine table
---@param items table[]  with `record` (NAV's) and `current` (Odoo's), as far as known
---@return table|nil links
---@return table|nil err
function waiting.links(engine, items)
  local out = {}
  for _, need in ipairs(engine.flow.link_needs or {}) do
    local flow, company = engine:instance_of(need.flow), engine.company
    local nav, odoo = json.array {}, json.array {}
    collect(items, "record", need.nav_field, {}, nav, function(v) return keys.nav(company, v) end)
    collect(items, "current", need.odoo_field, {}, odoo, tostring)
    local known = out[need.flow] or { nav = {}, odoo = {} }
    out[need.flow] = known
    for _, asked in ipairs { { "links_by_nav", nav }, { "links_by_odoo", odoo } } do
      if #asked[2] > 0 then
        local rows, err = store.query(asked[1], flow, assert(json.encode(asked[2])))
        if not rows then return nil, err end
        for _, l in ipairs(rows) do
          local key, id = keys.nav_key(company, l.nav), math.tointeger(tonumber(l.odoo))
          known.nav[key], known.odoo[id] = id, key
        end
      end
    end
  end
  return out
end

--- Puts a job aside until the link that its mapping lacks is there.
---@param engine table
---@param txn navodoo.Txn
---@param item table
---@param problem table  of the mapping, with `waits_for` = { flow=, nav= } or { flow=, odoo= }
function waiting.park(engine, txn, item, problem)
  local need = problem.waits_for
  local side = need.nav ~= nil and "nav" or "odoo"
  item.result = "waiting"
  engine:count("waiting")
  if engine.on_parked then engine.on_parked(item, "waiting", problem.text) end
  txn:add("effects_drop", item.job.id)
  txn:add("job_wait", item.job.id, item.job.rev, engine:instance_of(need.flow), side,
          side == "nav" and keys.nav(engine.company, need.nav) or tostring(need.odoo),
          assert(json.encode { class = "dependency", record = item.job.record, field = problem.field,
                               value = problem.value, text = problem.text, way_out = problem.way_out }))
  closing.journal(engine, txn, item, "waiting", nil)
end

--- Ends an item whose record cannot be mapped: it waits for a link that its mapping lacks, or
-- is a dead letter that names the rules which it breaks.
---@param engine table
---@param txn navodoo.Txn
---@param item table
---@param problems table[]  of the mapping, at least one
function waiting.refuse(engine, txn, item, problems)
  for _, p in ipairs(problems) do
    if p.waits_for then return waiting.park(engine, txn, item, p) end
  end
  item.said = item.job.decision
  closing.park(engine, txn, item, "dead", outcome.broken_rules(engine.flow.name, item.job.record, problems))
end

return waiting
