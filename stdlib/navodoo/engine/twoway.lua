--- What a batch from NAV to Odoo does beside its work: settles what became of lost writes and,
-- when the flow goes both ways, keeps Odoo's side in view.
--
-- Small hooks of batch.lua, none of which costs a new record anything: a linked pair is
-- read on both sides before it is decided, a NAV record that our own creation may have
-- made waits for that to end, and what Odoo changed meanwhile is not overwritten.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local store = require "navodoo.store"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"
local closing = require "navodoo.engine.closing"
local creating = require "navodoo.engine.creating"
local delivery = require "navodoo.engine.delivery"
local gone = require "navodoo.engine.gone"
local intent = require "navodoo.engine.intent"
local keys = require "navodoo.engine.keys"
local lane = require "navodoo.engine.lane"
local pair = require "navodoo.engine.pair"
local unknown = require "navodoo.engine.unknown"
local waiting = require "navodoo.engine.waiting"

local twoway = {}

--- A record that a creation of ours may have made is looked at again after this long.
local PAUSE_US <const> = 2 * 1000000

--- NAV keys that creations of unknown outcome may have made; asked before links are read, so
-- that what is not among them has its link by then.
---@param engine table
---@return table<any, true>|true|nil keys  true: some, unknown
---@return table|nil err
---@return navodoo.OpenCreation[]|nil open
function twoway.begin(engine)
  if not engine.flow.policy.create_in_nav then return nil end
  local open, err = creating.open(engine)
  if not open then return nil, err end
  local made
  for _, o in ipairs(open) do
    if not o.key then return true, nil, open end
    made = made or {}
    made[o.key] = true
  end
  return made, nil, open
end

-- The creation that may have made an item's NAV record.
local function maker_of(engine, item, key, open)
  for _, o in ipairs(open) do
    if o.key == key then return o end
    if not o.key and o.probe ~= nil then
      local record = item.record or json.decode(item.payload or "")
      if type(record) == "table" and record[engine.flow.policy.probe] == o.probe then return o end
    end
  end
end

-- A record that a creation of ours may have made: the creation reads it when its outcome is
-- settled. While it is under way, this is looked at again; when it waits for a person, its end
-- brings this record up again.
local function give_way(txn, item, maker)
  if maker.parked then
    item.result = "quiet"
    txn:add("job_done", item.job.id, item.job.rev)
  else
    item.result = "retried"
    txn:add("job_retry", item.job.id, item.job.rev, time.now() + PAUSE_US, item.job.attempts, nil)
  end
end

-- Records without a link that were read just now: a creation of ours that was intended after this
-- batch began may have made them. Either it is open still, or it ended with a link by now, and
-- that one is looked at again. Answers the open ones.
local function made_meanwhile(engine, txn, items)
  local names, by_name = json.array {}, {}
  for _, item in ipairs(items) do
    if not (item.link or item.result) then
      names[#names + 1], by_name[item.job.record] = item.job.record, item
    end
  end
  if #names == 0 then return {} end
  local _, err, open = twoway.begin(engine)
  if err then return nil, err end
  local links
  links, err = store.query("links_by_nav", engine.flow.name, assert(json.encode(names)))
  if not links then return nil, err end
  for _, l in ipairs(links) do lane.later(txn, by_name[l.nav]) end
  return open
end

--- Reads NAV again where the payload may be older than a write of ours, or is missing: one
-- way or two, a person's order comes without.
---@param engine table
---@param txn navodoo.Txn
---@param items table[]
---@param open navodoo.OpenCreation[]|nil  of `twoway.begin`
---@return boolean|nil ok
---@return table|nil err
function twoway.refresh(engine, txn, items, open)
  local wanted, stale = {}, {}
  for _, item in ipairs(items) do
    if engine.paired and (item.link or not item.payload or engine.past) or not (item.payload or item.record) then
      wanted[#wanted + 1], stale[#stale + 1] = keys.nav_key(engine.company, item.job.record), item
    end
  end
  local records, etags, err = {}, {}
  if #wanted > 0 then
    records, err, etags = engine.nav:get(engine.entity, wanted, engine.nav_read_fields)
    if not records then return nil, err end
  end
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
  if not engine.flow.policy.create_in_nav then return true end
  local more
  more, err = made_meanwhile(engine, txn, stale)
  if not more then return nil, err end
  open = table.move(more, 1, #more, #(open or {}) + 1, open or {})
  for _, item in ipairs(#open > 0 and items or {}) do
    local fresh = not item.link and not item.result and not (item.decision and item.decision.adopt)
    local maker = fresh and maker_of(engine, item, keys.nav_key(engine.company, item.job.record), open)
    if maker then give_way(txn, item, maker) end
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

-- The base of a record that a creation of ours made in Odoo: what it was sent, and what NAV
-- said then.
local function created(engine, item)
  local known, now = intent.read(item.effect), item.current
  local it = { nav = {}, odoo = {} }
  local unchanged = item.effect.image == item.job.hash and item.payload
  local nav = known and known.source or unchanged and json.decode(unchanged) or {}
  for _, field in ipairs(engine.flow.nav_fields) do
    it.nav[field] = nav[field] == nil and base.NOT_KNOWN or nav[field]
  end
  local untouched = now.create_date ~= nil and now.create_date == now.write_date
  for _, field in ipairs(engine.odoo_fields) do
    local held, sent = now[field], known and known.sent[field]
    if sent ~= nil and not engine.same(engine.fields[field], sent, held) then held = sent end
    if known or untouched then it.odoo[field] = held else it.odoo[field] = base.NOT_KNOWN end
  end
  return it
end

--- Settles writes to these pairs whose outcome was unknown, by what was sent: what landed goes
-- into link and base, whatever becomes of the job. Items have `current`, and `record` (NAV's).
---@param engine table
---@param txn navodoo.Txn
---@param items table[]
function twoway.settle(engine, txn, items)
  for _, item in ipairs(items) do
    if item.effect and item.current and not item.adopting then
      if item.link then unknown.in_odoo(engine, txn, item)
      else unknown.keep(engine, txn, item, created(engine, item), "effect") end
    end
  end
  unknown.beside(engine, txn, items, "nav")
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
    pair.plan(engine, item, item.values, said or {}, cards)
    item.write = pair.odoo_write(engine, item)
    gone.returned(engine, txn, item)
    item.archived = gone.archived(engine, item)
    if item.write and item.link and not item.result and pair.out_of_turns(item, "to_odoo", time.now()) then
      closing.park(engine, txn, item, "review", pair.restless(engine, item))
    end
  end
  return true
end

return twoway
