--- What a batch from NAV to Odoo does beside its work when the flow goes both ways.
--
-- Small hooks of batch.lua, none of which costs a new record anything: a linked pair is
-- read on both sides before it is decided, a NAV record that our own creation may have
-- made waits for that to end, and what Odoo changed meanwhile is not overwritten.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"
local closing = require "navodoo.engine.closing"
local creating = require "navodoo.engine.creating"
local delivery = require "navodoo.engine.delivery"
local gone = require "navodoo.engine.gone"
local keys = require "navodoo.engine.keys"
local pair = require "navodoo.engine.pair"
local waiting = require "navodoo.engine.waiting"

local twoway = {}

--- A record that a creation of ours may have made is looked at again after this long.
local PAUSE_US <const> = 2 * 1000000

--- NAV keys that creations under way may have made; asked before links are read, so that
-- what is not among them has its link by then.
---@param engine table
---@return table|true|nil keys
---@return table|nil err
function twoway.begin(engine)
  if not engine.flow.policy.create_in_nav then return nil end
  return creating.open(engine)
end

local function postpone_new(txn, item)
  item.result = "retried"
  txn:add("job_retry", item.job.id, item.job.rev, time.now() + PAUSE_US, item.job.attempts, nil)
end

--- Reads NAV again where the payload may be older than a write of ours, or is missing: one
-- way or two, a person's order comes without.
---@param engine table
---@param txn navodoo.Txn
---@param items table[]
---@param open table|true|nil  of `twoway.begin`
---@return boolean|nil ok
---@return table|nil err
function twoway.refresh(engine, txn, items, open)
  local wanted, stale = {}, {}
  for _, item in ipairs(items) do
    local key = keys.nav_key(engine.company, item.job.record)
    if not item.link and open and (open == true or open[key]) then
      postpone_new(txn, item)
    elseif engine.paired and (item.link or not item.payload or engine.past) or not (item.payload or item.record) then
      wanted[#wanted + 1], stale[#stale + 1] = key, item
    end
  end
  if #wanted == 0 then return true end
  local records, err, etags = engine.nav:get(engine.entity, wanted, engine.nav_read_fields)
  if not records then return nil, err end
  for i, item in ipairs(stale) do
    local record = records[wanted[i]]
    if record then
      delivery.take(engine, item, record, etags[wanted[i]])
      item.payload = assert(json.canonical(record))
      item.job.hash, item.job.version = crypto.hash(item.payload), item.etag
    elseif item.link then
      gone.report(engine, txn, "nav_to_odoo", item.job.record)
      item.result = "quiet" -- the report took the job's place
    else
      item.result = "quiet"
      txn:add("effects_drop", item.job.id)
      txn:add("job_done", item.job.id, item.job.rev)
    end
  end
  return true
end

--- The links that the mapping of these items needs, kept in each of them.
---@return boolean|nil ok
---@return table|nil err
function twoway.links(engine, items)
  local links, err = waiting.links(engine, items)
  if not links then return nil, err end
  for _, item in ipairs(items) do item.links = links end
  return true
end

-- An update or a creation of unknown outcome that landed is no change of Odoo's.
local function landed(engine, item)
  if item.link then return pair.landed(item, "odoo", item.current) end
  if item.current.create_date == nil or item.current.create_date ~= item.current.write_date then return nil end
  local nav = {}
  for _, field in ipairs(engine.flow.nav_fields) do nav[field] = base.NOT_KNOWN end
  return { nav = nav, odoo = item.current }
end

--- Decides the pairs of a batch: sets `verdicts` and `write`.
---@return boolean|nil ok
---@return table|nil err
function twoway.plan(engine, txn, items)
  local pairs_of = {}
  for _, item in ipairs(items) do
    if item.id and item.current and not item.result then pairs_of[#pairs_of + 1] = item end
  end
  if #pairs_of == 0 then return true end
  local links, err = waiting.links(engine, pairs_of)
  if not links then return nil, err end
  local cards
  cards, err = pair.shared_cards(engine, pairs_of)
  if not cards then return nil, err end
  for _, item in ipairs(pairs_of) do
    -- for comparing only: what Odoo's record cannot say in NAV is the other direction's matter
    local said = pair.map(engine, "to_nav", item.current,
      { creating = false, current = item.record, lookups = engine.lookups, links = links })
    if item.effect then item.landed = landed(engine, item) end
    pair.plan(engine, item, item.values, said or {}, cards)
    item.write = pair.odoo_write(engine, item)
    gone.returned(engine, txn, item)
    item.image = item.write and pair.image(item.write)
    if item.write and item.link and not item.result and pair.out_of_turns(item, "to_odoo", time.now()) then
      closing.park(engine, txn, item, "review", pair.restless(engine, item))
    end
  end
  return true
end

return twoway
