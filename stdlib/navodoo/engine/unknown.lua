--- What became of a write whose answer was lost: one to NAV, or of either direction to a pair.
--
-- Before a job with an open effect is looked at again, NAV is asked by the intent of that
-- effect: by what was sent, whatever Odoo says today, and whatever the mapping makes of it.
-- What landed goes into link and base in a transaction of its own; from there on it is an
-- ordinary pair, and what either side changed since is that side's change. Only what is not
-- in NAV after the settle time may be written again. Where NAV cannot tell, the effect stays
-- and a person decides: writing again could make a second record. A job settles what the other
-- direction left open at its pair, too: else it would take our own write for somebody's edit.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local store = require "navodoo.store"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"
local closing = require "navodoo.engine.closing"
local creating = require "navodoo.engine.creating"
local delivery = require "navodoo.engine.delivery"
local intent = require "navodoo.engine.intent"
local items = require "navodoo.engine.items"
local keys = require "navodoo.engine.keys"
local lane = require "navodoo.engine.lane"
local outcome = require "navodoo.engine.outcome"

local unknown = {}

--- Records that are looked at where a field finds the one that we made.
local PROBED <const> = 5

-- Does the side that was written hold what was sent?
local function same(engine, side)
  if side == "odoo" then return function(field, a, b) return engine.same(engine.fields[field], a, b) end end
  return function(field, a, b) return delivery.as_sent(engine, field, a, b) end
end

-- Ends the open effect of an item, `which` of the two.
local function over(engine, txn, item, which)
  engine.sends_over[item[which].key] = nil
  txn:add("effect_done", item[which].key)
  item[which] = nil
end

local function forget(engine, txn, item)
  over(engine, txn, item, "effect")
  item.known = nil
end

local function park(engine, txn, item, cause, text, rows)
  item.unsure = true
  local list = {}
  for i, row in ipairs(rows or {}) do list[i] = { id = row.key } end
  closing.park(engine, txn, item, "review", outcome.alike(engine.flow.name, item.job, text, list, cause))
end

-- Does NAV's record hold most of what we sent, beside its key? People may have edited it since;
-- one that has little of it was made by somebody else under the number that we chose.
local function is_ours(engine, item, record)
  if not item.known then return true end -- the number says it
  local held, asked = 0, 0
  for field, sent in pairs(item.known.sent) do -- the order tells nothing
    if not engine.is_nav_key[field] then
      asked = asked + 1
      if delivery.as_sent(engine, field, sent, record[field]) then held = held + 1 end
    end
  end
  return held * 2 >= asked
end

-- Which of these rows no other Odoo record is linked to.
local function free_of(engine, item, rows)
  local names, taken, free = json.array {}, {}, {}
  for i, row in ipairs(rows) do names[i] = keys.nav(engine.company, row.key) end
  local links, err = store.query("links_by_nav", engine.flow.name, assert(json.encode(names)))
  if not links then return nil, { class = "transient", text = err.text } end
  for _, l in ipairs(links) do taken[l.nav] = l.odoo ~= tostring(item.id) end
  for i, row in ipairs(rows) do
    if not taken[names[i]] then free[#free + 1] = row end
  end
  return free
end

-- The rows that carry what a creation of a number series was sent with.
local function probe(engine, item)
  local field = engine.flow.policy.probe
  local page, err = engine.nav:scan(engine.entity, { fields = engine.nav_read_fields, limit = PROBED,
    where = { { field, "eq", item.known.sent[field] } } })
  if not page then return nil, err end
  return free_of(engine, item, page.rows)
end

-- Ends the search for a creation: the row that is ours, or none.
local function found(engine, txn, item, row)
  if row then
    item.nav_key, item.created = row.key, row
    delivery.take(engine, item, row.record, row.etag)
    return
  end
  local key = item.known and item.known.key
  if key then -- should somebody else have made that record, it was held back for our sake
    local now = time.now()
    txn:add("job_put", engine.flow.name, "nav_to_odoo", keys.nav(engine.company, key), now, now, nil, nil, nil)
    engine.wake:set()
  end
  forget(engine, txn, item)
end

local function look_for(engine, txn, item, records, etags)
  local key = item.nav_key
  if key then
    local record = records[key]
    item.nav_key = nil
    local ours = record and is_ours(engine, item, record) and { key = key, record = record, etag = etags[key] }
    local free, err = free_of(engine, item, { ours or nil })
    if not free then return nil, err end
    found(engine, txn, item, free[1])
    return true
  end
  local field = engine.flow.policy.probe
  if not field or not item.known or item.known.sent[field] == nil then
    park(engine, txn, item, "lost answer", ("%s %d was sent to NAV as a new record and the answer was lost; the "
      .. "number series gives the number and nothing that was sent finds it (nav.probe): look for it in NAV, link "
      .. "it or say that there is none"):format(engine.model, item.id))
    return true
  end
  local rows, err = probe(engine, item)
  if not rows then return nil, err end
  if #rows > 1 then
    park(engine, txn, item, "several", ("NAV has more than one record with %s %q; one of them may be that of "
      .. "%s %d"):format(field, tostring(item.known.sent[field]), engine.model, item.id), rows)
    return true
  end
  found(engine, txn, item, rows[1])
  return true
end

--- Puts a base into the link of an item, or makes the link, and ends an effect of the pair.
---@param engine table
---@param txn navodoo.Txn
---@param item table
---@param it { nav: table, odoo: table, turns: table? }
---@param which "effect"|"beside"
function unknown.keep(engine, txn, item, it, which)
  local nav_text = assert(json.canonical(json.object({}, it.nav)))
  local odoo_text = assert(json.canonical(json.object({}, it.odoo)))
  local link = item.link or { nav = item.nav_key and keys.nav(engine.company, item.nav_key) or item.job.record,
                              odoo = tostring(item.id), xmlid = item.xmlid }
  local turns = it.turns and assert(json.encode(it.turns)) or nil
  link.base = base.pack(nav_text, odoo_text, turns)
  txn:add("link_put", engine.flow.name, link.nav, link.odoo, link.xmlid, link.hash or crypto.hash(nav_text),
          link.nav_version, link.odoo_version, link.odoo_hash or crypto.hash(odoo_text), link.base, time.now())
  item.link = link
  over(engine, txn, item, which)
end

-- Settles a write to a linked pair; `now` is what the side that was written holds.
local function settle(engine, txn, item, which, side, now)
  local known, it, eq = intent.read(item[which]), base.read(item.link), same(engine, side)
  if now and known and it and intent.landed(known, now, eq) then
    intent.settle(known, it, side, now, engine.flow.entries, eq)
    unknown.keep(engine, txn, item, it, which)
  elseif known or which == "effect" and side == "nav" then -- it never got there
    over(engine, txn, item, which)
  end
end

--- Settles what the other direction left open at the pairs of a batch, both records of which
-- are read, and whose settle time is over.
---@param engine table
---@param txn navodoo.Txn
---@param list table[]
---@param side "nav"|"odoo"  that the other direction writes
function unknown.beside(engine, txn, list, side)
  for _, item in ipairs(list) do
    if item.beside and item.link and item.record and item.current then
      if item.beside.kind == "create" then over(engine, txn, item, "beside") -- the link says that it landed
      else settle(engine, txn, item, "beside", side, side == "nav" and item.record or item.current) end
    end
  end
end

--- Settles what an item itself wrote to its pair in Odoo.
---@param engine table
---@param txn navodoo.Txn
---@param item table  with `current`
function unknown.in_odoo(engine, txn, item) settle(engine, txn, item, "effect", "odoo", item.current) end

-- Fields of a new record that hold what the record has that it points to: NAV's own code put
-- that over our values (a delivery address is called like its customer at first).
local function copied(engine, item)
  local own = {}
  for _, need in ipairs(engine.flow.link_needs) do
    local key = item.record[need.nav_field]
    local names = json.array { key and key ~= "" and keys.nav(engine.company, key) or nil }
    local links, err = store.query("links_by_nav", engine:instance_of(need.flow), assert(json.encode(names)))
    if not links then return nil, { class = "transient", text = err.text } end
    local it = base.read(links[1])
    for field, value in pairs(it and it.nav or {}) do -- by field
      if value ~= "" and base.equal(value, item.record[field]) then own[field] = true end
    end
  end
  return own
end

-- A creation that NAV has: named in Odoo, and linked.
local function link(engine, txn, item)
  local own, failed = copied(engine, item)
  if not own then return closing.postpone(engine, txn, item, failed, engine.settle_nav_us) end
  local ok, err = engine.odoo.endpoint.read_only, nil -- a plan is made: only its copy of the store learns it
  if not ok then ok, err = creating.name(engine, item) end
  if not ok then
    if err.class == "invalid" then
      item.unsure = true
      return closing.refuse(engine, txn, item, err)
    end
    return closing.postpone(engine, txn, item, { class = "unknown", code = err.code, text = err.text },
                            engine.settle_nav_us)
  end
  local known = item.known or { sent = {}, source = {} }
  local it = creating.base(engine, known.sent, known.source, item.record, "unknown", own)
  unknown.keep(engine, txn, item, it, "effect")
  closing.journal(engine, txn, item, "created", { nav = item.link.nav })
  item.created = nil
end

-- An adoption was decided before it was written, by likeness or by a person: it stays so.
local function adoption(engine, txn, item)
  if not item.known or not item.known.key then return forget(engine, txn, item) end
  local name = keys.nav(engine.company, item.known.key)
  if not lane.hold(item, { lane.nav_name(engine, name) }) then return lane.later(txn, item) end
  item.nav_key, item.adopting = item.known.key, true
end

--- The base of an adopted pair as far as a write that landed tells it; the rest is met for
-- the first time.
---@param engine table
---@param item table  with `record` (NAV's)
function unknown.adopted(engine, item)
  local eq = same(engine, "nav")
  if not item.adopting or not item.known or not intent.landed(item.known, item.record, eq) then return end
  item.base = { nav = {}, odoo = {} }
  intent.settle(item.known, item.base, "nav", item.record, engine.flow.entries, eq)
end

-- Sorts an item with an open effect; answers the list that it belongs to.
local function sort(engine, txn, item)
  item.known = intent.read(item.effect)
  local create = item.effect.kind == "create"
  if item.link and not create then return "updates" end
  if item.link then return forget(engine, txn, item) end
  if not create then return adoption(engine, txn, item) end
  if item.known then item.nav_key = item.known.key else item.nav_key = creating.number(engine, item.id) end
  return "creations"
end

--- Settles the open effects of items that have waited long enough, and commits that. Items
-- that it ends have a result.
---@param engine table
---@param txn navodoo.Txn
---@param list table[]
---@return boolean|nil ok
---@return table|nil err       what it could not settle is as it was
---@return boolean|nil broken  the store failed
function unknown.settle(engine, txn, list)
  local wanted, sorted = {}, { creations = {}, updates = {} }
  for _, item in ipairs(list) do
    local kind = item.effect and sort(engine, txn, item)
    if kind then
      table.insert(sorted[kind], item)
      if item.nav_key then wanted[#wanted + 1] = item.nav_key end
    end
  end
  local creations, updates = sorted.creations, sorted.updates
  local records, etags, err = {}, {}
  if #wanted > 0 then
    records, err, etags = engine.nav:get(engine.entity, wanted, engine.nav_read_fields)
    if not records then return nil, err end
  end
  for _, item in ipairs(updates) do
    settle(engine, txn, item, "effect", "nav", records[item.nav_key])
    item.known = nil
  end
  for _, item in ipairs(creations) do
    local ok
    ok, err = look_for(engine, txn, item, records, etags)
    if not ok then return nil, err end
  end
  for _, item in ipairs(creations) do
    if item.created then link(engine, txn, item) end
  end
  local ok
  ok, err = items.commit(txn)
  return ok, err, not ok
end

return unknown
