--- One batch of jobs from the store to Odoo and back: map, intend, send, read back.
--
-- The effects protocol (design 4): what is about to be written is on disk as
-- `intended` before it is sent; after the answer the target is read back, and link,
-- journal and the end of the job are one transaction. After an unknown outcome
-- (kill, lost answer, time-out) the effect stays, the job waits until a late apply
-- must have landed (the endpoint's settle time), and the target is asked by its
-- external id before anything is written again. Outcomes count per record.

local decimal = require "navodoo.decimal"
local failpoint = require "navodoo.failpoint"
local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local adoption = require "navodoo.engine.adopt"
local base = require "navodoo.engine.base"
local candidates = require "navodoo.engine.candidates"
local closing = require "navodoo.engine.closing"
local company = require "navodoo.engine.company"
local cluster = require "navodoo.engine.cluster"
local gate = require "navodoo.engine.gate"
local gone = require "navodoo.engine.gone"
local lane = require "navodoo.engine.lane"
local mending = require "navodoo.engine.mending"
local outcome = require "navodoo.engine.outcome"
local past = require "navodoo.engine.past"
local sending = require "navodoo.engine.sending"
local twoway = require "navodoo.engine.twoway"
local waiting = require "navodoo.engine.waiting"

local batch = {}

local MAP_BUDGET <const> = 2000000 -- instructions for one record
local BUSY_US <const> = 1000000 -- a name that somebody holds is asked for again after this long

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
  local ok, values, problems = task.guard(MAP_BUDGET, engine.flow.to_odoo, engine.flow, record,
    { creating = item.link == nil and not item.adopting, current = item.current,
      lookups = engine.lookups, links = item.links })
  if not ok then
    values.class = "bug"
    closing.refuse(engine, txn, item, values)
    return false
  end
  if type(values) ~= "table" or type(problems) ~= "table" then
    closing.refuse(engine, txn, item, { class = "bug", code = "nonsense",
      text = ("flow %s: mapping returned %s and %s, two tables expected"):format(
        engine.flow.name, type(values), type(problems)) })
    return false
  end
  item.values, item.problems = values, #problems > 0 and problems or nil
  return true
end

local function park_broken(engine, txn, item)
  if not item.problems or item.result then return end
  for _, p in ipairs(item.problems) do
    if p.waits_for then return waiting.park(engine, txn, item, p) end
  end
  item.said = item.job.decision
  closing.park(engine, txn, item, "dead", outcome.broken_rules(engine.flow.name, item.job.record, item.problems))
end

local function lacks_a_code(item)
  for _, p in ipairs(item.problems or {}) do
    if p.rule and p.rule:find("^lookup ") then return true end
  end
  return false
end

--- Maps every item; what breaks a rule is parked. A code that no table names may have
-- been added in the target since the tables were read.
local function map_all(engine, txn, items)
  engine:refresh_lookups(false)
  local again = {}
  for _, item in ipairs(items) do
    if not item.result and map(engine, txn, item) and lacks_a_code(item) then again[#again + 1] = item end
  end
  if #again > 0 and engine:refresh_lookups(true) then
    for _, item in ipairs(again) do map(engine, txn, item) end
  end
  for _, item in ipairs(items) do park_broken(engine, txn, item) end
end

--- An adopted record is not a new one: what must be left alone, or cleared, depends on
-- what it holds.
local function map_adopted(engine, txn, items)
  for _, item in ipairs(items) do
    if item.adopting and not item.result and map(engine, txn, item) then park_broken(engine, txn, item) end
  end
end

-- ---- what is in the target already -------------------------------------------------

--- Settle time of an effect whose outcome is unknown: counted from its last send, or
-- from the start of this process when another one sent it (it may have sent until
-- the moment it died).
local function settled_at(engine, effect)
  local since = effect.epoch == store.epoch() and effect.intended or engine.started_us
  return since + engine.settle_us
end

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

--- Splits off the items whose effect may still land; asks for the rest by external
-- id. Sets item.id and item.current of what the target has.
local function probe(engine, txn, items)
  local names, asked = {}, {}
  for _, item in ipairs(items) do
    if item.effect then
      local due = settled_at(engine, item.effect)
      if due > time.now() then
        item.result = "retried"
        txn:add("job_retry", item.job.id, item.job.rev, due, item.job.attempts, nil)
      else
        names[#names + 1], asked[#asked + 1] = item.xmlid, item
      end
    end
  end
  if #names == 0 then return true end
  local ids, err = engine.odoo:xmlids(engine.model, names)
  if not ids then return nil, err end
  for _, item in ipairs(asked) do
    item.id = ids[item.xmlid]
    if item.link and not item.id then park_gone(engine, txn, item) end
  end
  return true
end

--- A person named a record that is not there.
local function stands_for_nothing(engine, txn, item)
  closing.park(engine, txn, item, "review", outcome.alike(engine.flow.name, item.job,
    ("Odoo has no %s %d to link %s to"):format(engine.model, item.id, item.job.record), {}, "nothing"))
end

--- Reads what the target holds for every item with an id.
local function read_current(engine, txn, items)
  local ids, by_id = {}, {}
  for _, item in ipairs(items) do
    if item.id and not item.result then
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

local function release_claims(engine, items)
  for _, item in ipairs(items) do
    for _, s in ipairs(item.claimed or {}) do engine.claims[s.name] = nil end
  end
end

--- A name that another flow or the other direction holds just now: soon again.
local function later(txn, item)
  item.result = "retried"
  txn:add("job_retry", item.job.id, item.job.rev, time.now() + BUSY_US, item.job.attempts, nil)
end

--- Takes a target record for an item; two items may reach it by different values, and the
-- other direction may be at work on it: one at a time.
local function take(engine, txn, item, id, sure)
  if not claim(engine, item, { { name = ("id=%d"):format(id) } }) then return end
  if engine.paired and not lane.hold(item, { lane.odoo_name(engine, id) }) then return later(txn, item) end
  item.id, item.adopting, item.confidence = id, true, sure
end

--- Cards of one partner are in several flows: what they claim is known to all.
local function claim_for_all(engine, txn, item, strong)
  local names = {}
  for i, s in ipairs(strong) do names[i] = lane.claim_name(engine, s.name) end
  if lane.hold(item, names) then return true end
  later(txn, item)
  return false
end

--- Adds what an item is looked for by to `wanted`; false when it is not looked for.
local function seek(engine, txn, item, rules, wanted)
  local decision = item.decision
  if decision and decision.adopt then
    take(engine, txn, item, math.tointeger(tonumber(decision.adopt)), 1)
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
    take(engine, txn, item, best.id, sure)
  else
    closing.park(engine, txn, item, "review", outcome.alike(engine.flow.name, item.job,
      ("%s looks like %s %d %q (confidence %.2f)%s"):format(item.job.record, engine.model, best.id,
        tostring(best.name), sure, best.linked and ", which belongs to " .. best.linked or ""),
      { { id = best.id, name = best.name, linked = best.linked,
          confidence = decimal.new(("%.2f"):format(sure)) } }))
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

--- Records on first sight: adopt, create, or leave to a person.
local function first_sight(engine, txn, items)
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
  local was = not item.effect and base.read(item.link) or nil
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

local function commit(txn)
  if #txn == 0 then return true end
  return store.apply(txn)
end

--- Closes all items in one transaction. A link that the store refuses (two records for
-- one partner) holds nobody else up: then each closes alone, and the refused one waits
-- for a person.
local function close_all(engine, items)
  local txn = store.txn()
  for _, item in ipairs(items) do closing.close(engine, txn, item) end
  local ok, err = commit(txn)
  if ok or err.code ~= "invalid" then return ok, err end
  for _, item in ipairs(items) do engine:count(item.result, -1) end
  for _, item in ipairs(items) do
    closing.close(engine, txn, item)
    ok, err = commit(txn)
    if not ok and err.code == "invalid" then
      engine:count(item.result, -1)
      closing.park(engine, txn, item, "review", outcome.taken(engine.flow.name, item.job,
        ("%s %s"):format(engine.model, tostring(item.id))))
      ok, err = commit(txn)
    end
    if not ok then return nil, err end
  end
  return true
end

local function postpone_all(engine, txn, items, err)
  for _, item in ipairs(items) do
    if not item.result then closing.postpone(engine, txn, item, err) end
  end
  return commit(txn)
end

--- Loads the links and open effects of the jobs.
local function gather(engine, jobs)
  local records, ids = json.array {}, json.array {}
  for i, job in ipairs(jobs) do records[i], ids[i] = job.record, job.id end
  local links, err = store.query("links_by_nav", engine.flow.name, assert(json.encode(records)))
  if not links then return nil, err end
  local effects
  effects, err = store.query("effects_of_jobs", assert(json.encode(ids)))
  if not effects then return nil, err end
  local link_of, effect_of = {}, {}
  for _, l in ipairs(links) do link_of[l.nav] = l end
  for _, e in ipairs(effects) do effect_of[e.job] = e end
  local items = {}
  for i, job in ipairs(jobs) do
    local link = link_of[job.record]
    items[i] = { -- the nils make room: a table that grows is built again and again
      job = job, link = link, effect = effect_of[job.id],
      record = job.held_record, payload = job.payload,
      decision = job.decision and json.decode(job.decision) or nil,
      id = link and math.tointeger(tonumber(link.odoo)) or nil,
      xmlid = link and link.xmlid or engine:xmlid(job.record), key = engine:effect_key(job.record),
      values = nil, write = nil, current = nil, claimed = nil, result = nil, probed = nil,
    }
    job.held_record = nil
  end
  return items
end

local function open_items(items)
  local open = {}
  for _, item in ipairs(items) do
    if not item.result then open[#open + 1] = item end
  end
  return open
end

local function run(engine, items, open)
  local txn = store.txn()
  local ok, err = probe(engine, txn, items)
  if ok then ok, err = twoway.refresh(engine, txn, items, open) end
  if ok then items = open_items(items) end
  if ok and #engine.flow.link_needs > 0 then
    for _, item in ipairs(items) do record_of(engine, item) end -- the records tell which links
    ok, err = twoway.links(engine, items)
  end
  if not ok then return postpone_all(engine, txn, items, err) end
  for _, item in ipairs(items) do
    if item.effect then item.probed = item.id ~= nil end
  end
  map_all(engine, txn, items)
  ok, err = past.find(engine, txn, items)
  if ok then ok, err = first_sight(engine, txn, items) end
  if ok then ok, err = still_free(engine, txn, items) end
  if ok then ok, err = read_current(engine, txn, items) end
  if not ok then return postpone_all(engine, txn, items, err) end
  map_adopted(engine, txn, items)
  if engine.paired then
    ok, err = twoway.plan(engine, txn, items)
    if not ok then return postpone_all(engine, txn, items, err) end
  end

  items = open_items(items)
  local writes, now = {}, time.now()
  for _, item in ipairs(items) do
    if not item.verdicts then
      item.write = differences(engine, item)
      gone.returned(engine, txn, item)
    end
    if (item.write or item.adopting) and not item.result and gate.passes(engine, txn, item) then
      writes[#writes + 1] = item
      closing.intend(engine, txn, item, now)
    end
  end
  items = open_items(items)
  failpoint("effect.before_intend")
  ok, err = commit(txn)
  if not ok then return nil, err end

  sending.name_adopted(engine, writes)
  local to_send = {}
  for _, item in ipairs(writes) do
    if item.write and not item.failed then to_send[#to_send + 1] = item end
  end
  sending.write(engine, to_send)
  ok, err = sending.read_back(engine, items)
  if not ok then -- written, but not seen: as unknown as a lost answer
    err = { class = "unknown", code = err.code, text = err.text }
    for _, item in ipairs(items) do
      if item.write and not item.failed then item.failed = err end
    end
  end
  ok, err = close_all(engine, items)
  failpoint("effect.after_confirm")
  if ok then ok, err = cluster.tell(engine, items) end
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
  local lost, open, items, ok, finished, err
  jobs, lost = gone.apart(jobs)
  if #lost > 0 then
    ok, err = gone.run(engine, lost, "nav_to_odoo")
    if not ok then return nil, err end
  end
  if engine.paired then
    open, err = twoway.begin(engine)
    if err then return nil, err end
  end
  items, err = gather(engine, jobs)
  if not items then return nil, err end
  ok, finished, err = pcall(run, engine, items, open)
  release_claims(engine, items)
  lane.release(items)
  if not ok then error(finished, 0) end
  if not finished then return nil, err end
  local deferred = {}
  for _, item in ipairs(items) do
    if item.waits_for then deferred[item.job.id] = item.waits_for end
  end
  return deferred
end

return batch
