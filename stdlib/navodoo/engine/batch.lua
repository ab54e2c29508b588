--- One batch of jobs from the store to Odoo and back: map, intend, send, read back.
--
-- The effects protocol (design 4): what is about to be written is on disk as
-- `intended` before it is sent; after the answer the target is read back, and link,
-- journal and the end of the job are one transaction. After an unknown outcome
-- (kill, lost answer, time-out) the effect stays, the job waits until a late apply
-- must have landed (the endpoint's settle time), and the target is asked by its
-- external id before anything is written again. Outcomes count per record.

local failpoint = require "navodoo.failpoint"
local json = require "navodoo.json"
local store = require "navodoo.store"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"
local closing = require "navodoo.engine.closing"
local company = require "navodoo.engine.company"
local cluster = require "navodoo.engine.cluster"
local gate = require "navodoo.engine.gate"
local gone = require "navodoo.engine.gone"
local intent = require "navodoo.engine.intent"
local items = require "navodoo.engine.items"
local lane = require "navodoo.engine.lane"
local mending = require "navodoo.engine.mending"
local outcome = require "navodoo.engine.outcome"
local pair = require "navodoo.engine.pair"
local past = require "navodoo.engine.past"
local sending = require "navodoo.engine.sending"
local sight = require "navodoo.engine.sight"
local twoway = require "navodoo.engine.twoway"
local waiting = require "navodoo.engine.waiting"

local batch = {}

---@class navodoo.Item  one job on its way through a batch
---@field job table        row of the store
---@field xmlid string     external id in Odoo, without module
---@field key string       of its effect
---@field link table|nil   row of the store
---@field effect table|nil an effect whose outcome is unknown
---@field payload string   canonical text of the NAV record
---@field record table|nil NAV record, typed
---@field values table     mapped values
---@field write table|nil  the values that differ and are sent
---@field id integer|nil   database id in Odoo
---@field result string|nil  how it ended: created, updated, adopted, unchanged, ...

-- ---- mapping ---------------------------------------------------------------------

--- The NAV record of an item: as it was polled, or read back from its payload.
local function record_of(engine, item)
  if not item.record then
    local record, err = json.decode(item.payload)
    if not record then return nil, err.text end
    local problem = engine.typed(record)
    if problem then return nil, problem end
    item.record = record
  end
  if item.job.edited and not item.polled then
    local ok, why = mending.apply(engine, item)
    if not ok then return nil, why end
  end
  return item.record
end

--- Maps one item; false when the flow's code failed and the item is parked already.
local function map(engine, txn, item)
  local record, why = record_of(engine, item)
  if not record then
    closing.refuse(engine, txn, item, { class = "bug", code = "payload", text = why })
    return false
  end
  -- what Odoo has, by an earlier attempt or since ever, is not new: what must be left alone, or
  -- cleared, depends on what it holds
  local values, problems = pair.map(engine, "to_odoo", record, { creating = item.id == nil,
    current = item.current, lookups = engine.lookups, links = item.links })
  if not values then
    closing.refuse(engine, txn, item, problems)
    return false
  end
  item.values, item.problems, item.mapped = values, #problems > 0 and problems or nil, item.current
  return true
end

local function park_broken(engine, txn, item)
  if item.problems and not item.result then waiting.refuse(engine, txn, item, item.problems) end
end

local function lacks_a_code(item)
  for _, p in ipairs(item.problems or {}) do
    if p.rule and p.rule:find("^lookup ") then return true end
  end
  return false
end

--- Maps every item; what breaks a rule is parked. A code that no table names may have
-- been added in the target since the tables were read.
local function map_all(engine, txn, list)
  engine:refresh_lookups(false)
  local again = {}
  for _, item in ipairs(list) do
    if not item.result and map(engine, txn, item) and lacks_a_code(item) then again[#again + 1] = item end
  end
  if #again > 0 and engine:refresh_lookups(true) then
    for _, item in ipairs(again) do map(engine, txn, item) end
  end
  for _, item in ipairs(list) do park_broken(engine, txn, item) end
end

--- Maps those again that first sight found in Odoo.
local function map_found(engine, txn, list)
  for _, item in ipairs(list) do
    if item.current ~= item.mapped and not item.result and map(engine, txn, item) then
      park_broken(engine, txn, item)
    end
  end
end

-- ---- what is in the target already -------------------------------------------------

--- A linked record that is gone is never written: `load` would make a new one out of
-- the changed columns. Odoo's side is the one to decide what becomes of the pair, where the
-- flow has it; what was decided to be left alone stays so.
local function park_gone(engine, txn, item)
  local news = gone.is_news(item.link, "odoo_to_nav")
  if news and not engine.paired then return gone.review(engine, txn, item, "odoo_to_nav") end
  if news then gone.report(engine, txn, "odoo_to_nav", item.link.odoo)
  else closing.journal(engine, txn, item, "ignored", { why = "gone" }) end
  txn:add("link_seen", engine.flow.name, item.job.record, item.job.hash, item.job.version, time.now())
  item.result = "quiet"
  txn:add("effects_drop", item.job.id)
  txn:add("job_done", item.job.id, item.job.rev)
end

--- Splits off the items whose effect may still land; asks for the rest by external id. Sets
-- item.id of what the target has.
local function probe(engine, txn, list)
  local names, asked = {}, {}
  intent.wait(engine, txn, list, engine.settle_us, engine.settle_nav_us)
  for _, item in ipairs(list) do
    if item.effect and not item.result then names[#names + 1], asked[#asked + 1] = item.xmlid, item end
  end
  if #names == 0 then return true end
  local ids, err = engine.odoo:xmlids(engine.model, names)
  if not ids then return nil, err end
  for _, item in ipairs(asked) do
    item.id = ids[item.xmlid]
    item.probed = item.id ~= nil
    if item.link then
      if not item.id then park_gone(engine, txn, item) end
    elseif item.effect.kind == "set" then -- an adoption stays what it was decided to be
      local id = item.id or (intent.read(item.effect) or {}).key
      item.id = nil
      if id then sight.take(engine, txn, item, id) end
    end
  end
  return true
end

--- A person named a record that is not there.
local function stands_for_nothing(engine, txn, item)
  closing.park(engine, txn, item, "review", outcome.alike(engine.flow.name, item.job,
    ("Odoo has no %s %d to link %s to"):format(engine.model, item.id, item.job.record), {}, "nothing"))
end

--- Reads what the target holds for every item with an id.
local function read_current(engine, txn, list)
  local ids, by_id = {}, {}
  for _, item in ipairs(list) do
    if item.id and not item.result and not item.current then
      ids[#ids + 1] = item.id
      by_id[item.id] = item
    end
  end
  if #ids == 0 then return true end
  local records, err = engine.odoo:read(engine.model, ids, engine.read_fields)
  if not records then return nil, err end
  for _, record in ipairs(records) do
    by_id[record.id].current = record
  end
  for _, id in ipairs(ids) do
    local item = by_id[id]
    if not item.current then
      if item.link then park_gone(engine, txn, item) else stands_for_nothing(engine, txn, item) end
    end
  end
  return true
end

--- Fills the gaps of a new record's values that mean "empty" either way, so that records
-- with different gaps share one call.
local function complete(engine, values)
  company.own(engine, values)
  for _, field in ipairs(engine.blank_fields) do
    if values[field] == nil then values[field] = false end
  end
  return values
end

--- The values that have to be sent: all on creation, else those that the target holds
-- otherwise and that somebody changed in NAV since both were in step. What a person
-- changed in the target stays, until NAV says something new about that very field.
local function differences(engine, item)
  if not item.id then return complete(engine, item.values) end
  local write, any = {}, false
  local was = not item.effect and base.read(item.link) or nil -- an effect that nobody could settle: all of it
  for _, field in ipairs(engine.flow.odoo_fields) do
    local value = item.values[field]
    if value ~= nil and not engine.same(engine.fields[field], value, item.current[field])
       and (not was or was.odoo[field] == nil -- not mapped then
            or base.changed(was.nav, item.record, engine.sources[field])) then
      write[field], any = value, true
    end
  end
  return any and write or nil
end

local function postpone_all(engine, txn, list, err)
  for _, item in ipairs(list) do
    if not item.result then closing.postpone(engine, txn, item, err) end
  end
  return items.commit(txn)
end

local function gather(engine, jobs)
  return items.gather(jobs, function(job)
    local link = job.link
    local record = job.held_record
    job.held_record = nil
    return { -- the nils make room: a table that grows is built again and again
      job = job, link = link, effect = nil, record = record, payload = job.payload,
      decision = job.decision and json.decode(job.decision) or nil,
      id = link and math.tointeger(tonumber(link.odoo)) or nil,
      xmlid = link and link.xmlid or engine:xmlid(job.record), key = engine:effect_key(job.record),
      key_beside = link and engine.paired and engine:back_key(link.odoo) or nil, beside = nil,
      values = nil, write = nil, current = nil, claimed = nil, result = nil, probed = nil,
    }
  end)
end

--- Finds out what both sides hold of the items, and what the target shall hold.
local function prepare(engine, txn, list, open)
  local ok, err = probe(engine, txn, list)
  if ok then ok, err = twoway.refresh(engine, txn, items.open(list), open) end
  if ok then ok, err = read_current(engine, txn, list) end
  if not ok then return nil, err end
  list = items.open(list)
  twoway.settle(engine, txn, list)
  if #engine.flow.link_needs > 0 then
    for _, item in ipairs(list) do record_of(engine, item) end -- the records tell which links
    ok, err = twoway.links(engine, list)
    if not ok then return nil, err end
  end
  map_all(engine, txn, list)
  ok, err = past.find(engine, txn, list)
  if ok then ok, err = sight.first(engine, txn, list) end
  if ok then ok, err = read_current(engine, txn, list) end
  if not ok then return nil, err end
  map_found(engine, txn, list)
  if not engine.paired then return true end
  return twoway.plan(engine, txn, list)
end

--- Decides what an item writes; true when it goes out.
local function decide(engine, txn, item)
  if not item.verdicts then
    item.write = differences(engine, item)
    gone.returned(engine, txn, item)
  end
  if not item.write and not item.adopting or item.result or not gate.passes(engine, txn, item) then return false end
  item.image = intent.text(item.write or {}, item.polled or item.record, engine.flow.nav_fields, item.id)
  return true
end

local function run(engine, list, open)
  local txn = store.txn()
  local ok, err = prepare(engine, txn, list, open)
  if not ok then return postpone_all(engine, txn, list, err) end
  list = items.open(list)
  local writes, now = {}, time.now()
  for _, item in ipairs(list) do
    if decide(engine, txn, item) then
      writes[#writes + 1] = item
      closing.intend(engine, txn, item, now)
    end
  end
  list = items.open(list)
  failpoint("effect.before_intend")
  ok, err = items.commit(txn)
  if not ok then return nil, err end

  sending.name_adopted(engine, writes)
  local to_send = {}
  for _, item in ipairs(writes) do
    if item.write and not item.failed then to_send[#to_send + 1] = item end
  end
  sending.write(engine, to_send)
  ok, err = sending.read_back(engine, list)
  if not ok then -- written, but not seen: as unknown as a lost answer
    err = { class = "unknown", code = err.code, text = err.text }
    for _, item in ipairs(list) do
      if item.write and not item.failed then item.failed = err end
    end
  end
  ok, err = items.close(engine, list, closing.close,
                        function(item) return ("%s %s"):format(engine.model, tostring(item.id)) end)
  failpoint("effect.after_confirm")
  if ok then ok, err = cluster.tell(engine, list) end
  return ok, err
end

--- Brings a list of jobs to their end, or schedules their next attempt. The only
-- failure that comes back is the store's: then nothing was lost, the jobs are still
-- ready and open effects are known.
---@param engine table  see engine/main.lua
---@param jobs table[]  rows of the query `jobs_due`; the caller holds their locks
---@return table<integer, string>|nil deferred  job id -> claim that it waits for
---@return table|nil err
function batch.run(engine, jobs)
  local open, there, lost = jobs.open, gone.apart(jobs)
  local list, ok, finished, err
  if #lost > 0 then
    ok, err = gone.run(engine, lost, "nav_to_odoo")
    if not ok then return nil, err end
  end
  list, err = gather(engine, there)
  if not list then return nil, err end
  ok, finished, err = pcall(run, engine, list, open)
  sight.release(engine, list)
  lane.release(list)
  if not ok then error(finished, 0) end
  if not finished then return nil, err end
  local deferred = {}
  for _, item in ipairs(list) do
    if item.waits_for then deferred[item.job.id] = item.waits_for end
  end
  return deferred
end

return batch
