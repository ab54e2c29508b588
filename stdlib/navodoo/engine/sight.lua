--- First sight of a NAV record: is it in Odoo already?
--
-- What it is looked for by is claimed first, so that two spellings of one firm are never
-- created side by side. A sure match is adopted, a doubtful one waits for a person, and
-- nothing is created beside it. The mirror for records of Odoo: matching.lua.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local store = require "navodoo.store"
local adoption = require "navodoo.engine.adopt"
local candidates = require "navodoo.engine.candidates"
local closing = require "navodoo.engine.closing"
local lane = require "navodoo.engine.lane"
local outcome = require "navodoo.engine.outcome"

local sight = {}

--- Claims the strong values of a new record, so that two records with one VAT number
-- are never created side by side: the second waits until the first is in the target.
local function claim(engine, item, strong)
  for _, s in ipairs(strong) do
    local holder = engine.claims[s.name]
    if holder and holder ~= item.job.id then
      item.result, item.waits_for = "deferred", s.name
      return false
    end
  end
  item.claimed = item.claimed or {}
  for _, s in ipairs(strong) do
    engine.claims[s.name] = item.job.id
    table.insert(item.claimed, s)
  end
  return true
end

--- Gives back what the items of a batch claimed.
---@param engine table
---@param items table[]
function sight.release(engine, items)
  for _, item in ipairs(items) do
    for _, s in ipairs(item.claimed or {}) do engine.claims[s.name] = nil end
  end
end

--- Takes a target record for an item; two items may reach it by different values, and the
-- other direction may be at work on it: one at a time.
---@param engine table
---@param txn navodoo.Txn
---@param item table
---@param id integer
---@param sure number|nil
function sight.take(engine, txn, item, id, sure)
  if not claim(engine, item, { { name = ("id=%d"):format(id) } }) then return end
  if engine.paired and not lane.hold(item, { lane.odoo_name(engine, id) }) then return lane.later(txn, item) end
  item.id, item.adopting, item.confidence = id, true, sure
end

--- Cards of one partner are in several flows: what they claim is known to all.
local function claim_for_all(engine, txn, item, strong)
  local names = {}
  for i, s in ipairs(strong) do names[i] = lane.claim_name(engine, s.name) end
  if lane.hold(item, names) then return true end
  lane.later(txn, item)
  return false
end

--- Adds what an item is looked for by to `wanted`; false when it is not looked for.
local function seek(engine, txn, item, rules, wanted)
  local decision = item.decision
  if decision and decision.adopt then
    sight.take(engine, txn, item, math.tointeger(tonumber(decision.adopt)), 1)
    return false
  end
  if decision and decision.create then return false end
  local strong = adoption.strong_values(rules, item.values)
  if #strong == 0 then return true end
  if not claim(engine, item, strong) then return false end
  if engine.flow.link.cluster and not claim_for_all(engine, txn, item, strong) then return false end
  for _, s in ipairs(strong) do
    local list = wanted[s.field] or {}
    wanted[s.field] = list
    for _, spelling in ipairs(adoption.spellings(s.value)) do list[#list + 1] = spelling end
  end
  return true
end

--- Leaves it to a person whether a new record is one that the other side has.
---@param engine table
---@param txn navodoo.Txn
---@param item table
---@param this string  the new one, as a person calls it
---@param that string  the other
---@param best { id: any, name: any, linked: string? }
---@param sure number
function sight.doubt(engine, txn, item, this, that, best, sure)
  closing.park(engine, txn, item, "review", outcome.alike(engine.flow.name, item.job,
    ("%s looks like %s, %q (confidence %.2f)%s"):format(this, that, tostring(best.name), sure,
      best.linked and ", which belongs to " .. best.linked or ""),
    { { id = best.id, name = best.name, linked = best.linked, confidence = decimal.new(("%.2f"):format(sure)) } }))
end

--- Adopts, parks, or answers true: nothing is like this record.
local function judge(engine, txn, item, list)
  local verdict, best, sure = adoption.decide(engine.flow.link.adopt, item.values, list)
  for _, c in ipairs(list) do
    if c.xmlid == item.xmlid then -- it is ours: a store that was lost finds its records again
      item.id, item.probed = c.id, true
      return false
    end
  end
  if verdict == "create" then return true end
  if verdict == "adopt" then
    sight.take(engine, txn, item, best.id, sure)
  else
    sight.doubt(engine, txn, item, item.job.record, ("%s %d"):format(engine.model, best.id), best, sure)
  end
  return false
end

--- The candidates of an item that share a strong value with it, each once.
local function sharing(item, by_value)
  local list, seen = {}, {}
  for _, s in ipairs(item.claimed or {}) do
    for _, c in ipairs(by_value[s.name] or {}) do
      if not seen[c.id] then seen[c.id], list[#list + 1] = true, c end
    end
  end
  return list
end

-- Records on first sight: adopt, create, or leave to a person.
local function meet(engine, txn, items)
  local rules = engine.flow.link.adopt
  if #rules == 0 then return true end
  local wanted, seekers, strangers = {}, {}, {}
  for _, item in ipairs(items) do
    if not item.id and not item.result and seek(engine, txn, item, rules, wanted) then
      seekers[#seekers + 1] = item
    end
  end
  if #seekers == 0 then return true end
  local by_value, err = candidates.by_values(engine, wanted)
  if not by_value then return nil, err end
  for _, item in ipairs(seekers) do
    if judge(engine, txn, item, sharing(item, by_value)) then strangers[#strangers + 1] = item end
  end
  local by_name
  by_name, err = candidates.by_name(engine, strangers)
  if not by_name then return nil, err end
  for _, item in ipairs(strangers) do
    if by_name[item] then judge(engine, txn, item, by_name[item]) end
  end
  return true
end

--- What was found may have been linked since: the names of a first load were read once, and
-- another batch may have adopted the same record. Their claims are ours now, so what is free
-- here stays free.
local function still_free(engine, txn, items)
  local ids, by_id = json.array {}, {}
  for _, item in ipairs(items) do
    if item.adopting and not item.result then
      ids[#ids + 1] = tostring(item.id)
      by_id[ids[#ids]] = item
    end
  end
  if #ids == 0 then return true end
  local links, err = store.query("links_by_odoo", engine.flow.name, assert(json.encode(ids)))
  if not links then return nil, err end
  for _, l in ipairs(links) do
    local item = by_id[l.odoo]
    closing.park(engine, txn, item, "review", outcome.alike(engine.flow.name, item.job,
      ("%s looks like %s %s, which belongs to %s"):format(item.job.record, engine.model, l.odoo, l.nav),
      { { id = item.id, linked = l.nav } }))
  end
  return true
end

--- Looks at the items that nobody knows yet: each gets `id` and `adopting`, ends, or is left
-- to be created. They have `values`.
---@param engine table
---@param txn navodoo.Txn
---@param items table[]
---@return boolean|nil ok
---@return table|nil err
function sight.first(engine, txn, items)
  local ok, err = meet(engine, txn, items)
  if not ok then return nil, err end
  return still_free(engine, txn, items)
end

return sight
