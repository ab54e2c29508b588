--- One batch of jobs from Odoo to NAV: read both, map, decide, intend, write, close.
--
-- A job says only that an Odoo record may have changed; both records are read when it
-- runs, under the locks of their names. NAV takes one record in a call and answers it as
-- it is then, so several calls are under way at once and the answer is what was read
-- back. An update names the version that it was decided on (If-Match): whoever was faster
-- makes it a conflict, and the record is read again. The effects protocol is that of
-- batch.lua; what became of an earlier write is settled before anything else (unknown.lua).

local decimal = require "navodoo.decimal"
local failpoint = require "navodoo.failpoint"
local json = require "navodoo.json"
local store = require "navodoo.store"
local time = require "navodoo.time"
local closing = require "navodoo.engine.closing"
local company = require "navodoo.engine.company"
local creating = require "navodoo.engine.creating"
local gate = require "navodoo.engine.gate"
local gone = require "navodoo.engine.gone"
local intent = require "navodoo.engine.intent"
local items = require "navodoo.engine.items"
local keys = require "navodoo.engine.keys"
local lane = require "navodoo.engine.lane"
local matching = require "navodoo.engine.matching"
local outcome = require "navodoo.engine.outcome"
local pair = require "navodoo.engine.pair"
local delivery = require "navodoo.engine.delivery"
local saying = require "navodoo.engine.saying"
local unknown = require "navodoo.engine.unknown"
local waiting = require "navodoo.engine.waiting"

local back = {}

-- ---- effects -------------------------------------------------------------------------

-- Writes down what is about to be sent, or once more what was: after an unknown outcome.
local function intend(engine, txn, item, now)
  local open = item.effect or {}
  intent.put(engine, txn, item, engine.nav.endpoint, item.kind or open.kind, item.image or open.image, now)
end

-- What the effect of an item will know: the values that are sent, and what Odoo said then.
local function remember(engine, item, kind, body, key)
  item.kind = kind
  item.image = intent.text(delivery.values_of(body), item.current, engine.odoo_fields, key)
end

-- ---- reading -------------------------------------------------------------------------

local function gather(engine, jobs)
  return items.gather(jobs, function(job)
    local link = job.link
    return { job = job, link = link, id = math.tointeger(tonumber(job.record)),
             key = engine:back_key(job.record), xmlid = link and link.xmlid, intend = intend,
             key_beside = link and engine.paired and engine:effect_key(link.nav) or nil,
             decision = job.decision and json.decode(job.decision) or nil,
             nav_key = link and keys.nav_key(engine.company, link.nav) }
  end)
end

local function finish(txn, item)
  item.result = "quiet"
  txn:add("effects_drop", item.job.id)
  txn:add("job_done", item.job.id, item.job.rev)
end

--- Reads the Odoo records; one that no link holds has to be among those that the flow is
-- about, one that is gone is a question of its own.
local function read_odoo(engine, txn, list)
  local linked, new, records = {}, json.array {}, {}
  for _, item in ipairs(list) do
    if item.link then linked[#linked + 1] = item.id else new[#new + 1] = item.id end
  end
  local found, err
  found = {}
  if #linked > 0 then
    found, err = engine.odoo:read(engine.model, linked, engine.back_fields)
    if not found then return nil, err end
  end
  if #new > 0 then
    local domain = table.move(engine.flow.odoo.where, 1, #engine.flow.odoo.where, 1, json.array {})
    table.insert(company.only_own(engine, domain), 1, json.array { "id", "in", new })
    local more
    more, err = engine.odoo:search(engine.model, domain, engine.back_fields, { active_test = false })
    if not more then return nil, err end
    table.move(more, 1, #more, #found + 1, found)
  end
  for _, record in ipairs(found) do records[record.id] = record end
  for _, item in ipairs(list) do
    item.current = records[item.id]
    if not item.current then
      if item.link then gone.report(engine, txn, "odoo_to_nav", item.job.record) else finish(txn, item) end
      item.result = "quiet" -- the report took the job's place
    elseif not item.link and item.current.active == false then
      finish(txn, item) -- an archived record begins no life in NAV
    end
  end
  return true
end

--- Reads NAV's records of items with a `nav_key`.
local function read_nav(engine, txn, list)
  local wanted = {}
  for _, item in ipairs(list) do
    if item.nav_key and not item.result and not item.record then wanted[#wanted + 1] = item.nav_key end
  end
  if #wanted == 0 then return true end
  local records, err, etags = engine.nav:get(engine.entity, wanted, engine.nav_read_fields)
  if not records then return nil, err end
  for _, item in ipairs(list) do
    local record = item.nav_key and not item.result and not item.record and records[item.nav_key]
    if record then
      delivery.take(engine, item, record, etags[item.nav_key])
    elseif item.nav_key and not item.result and not item.record and item.link then
      -- NAV's side is the one to decide what becomes of it
      gone.report(engine, txn, "nav_to_odoo", item.link.nav)
      finish(txn, item)
    elseif item.adopting and not item.result and not item.record then -- a person named it
      closing.park(engine, txn, item, "review", outcome.alike(engine.flow.name, item.job,
        ("NAV has no %s %s to link %s %d to"):format(engine.entity, tostring(item.nav_key), engine.model,
          item.id), {}, "nothing"))
    end
  end
  return true
end

-- ---- mapping ---------------------------------------------------------------------------

--- What Odoo's record says in NAV's words; parks what cannot be said.
local function map(engine, txn, item, links)
  local values, problems = pair.map(engine, "to_nav", item.current,
    { creating = item.record == nil, current = item.record, lookups = engine.lookups, links = links })
  if not values then return closing.refuse(engine, txn, item, problems) end
  item.values = values
  problems = saying.left(engine, item, problems)
  if #problems > 0 then return waiting.refuse(engine, txn, item, problems) end
  local why = not item.record and saying.of_new(engine, item)
  if why then saying.give_back(engine, txn, item, why) end
end

local function plan(engine, txn, item, cards, links)
  local said = pair.map(engine, "to_odoo", item.record,
    { creating = false, current = item.current, lookups = engine.lookups, links = links })
  pair.plan(engine, item, said or {}, item.values, cards)
  local word_given = saying.of(item)
  local why = word_given and saying.of_pair(engine, item, links)
  if why then return saying.give_back(engine, txn, item, why) end
  item.body = pair.nav_body(engine, item)
  if gone.archived(engine, item) then return gone.follow(engine, txn, item) end
  if item.body and not word_given and pair.out_of_turns(item, "to_nav", time.now()) then
    closing.park(engine, txn, item, "review", pair.restless(engine, item))
  end
end

-- ---- ending ----------------------------------------------------------------------------

-- NAV has the record and the rest failed: the effect stays, and knows now where it is.
local function fail_created(engine, txn, item)
  remember(engine, item, "create", item.body, item.nav_key)
  if item.failed.class ~= "invalid" then
    return closing.postpone(engine, txn, item, item.failed, engine.settle_nav_us)
  end
  local now = time.now()
  intend(engine, txn, item, now)
  intent.over(engine, item.key, now)
  closing.refuse(engine, txn, item, item.failed)
end

local function fail(engine, txn, item)
  local err = item.failed
  if item.created then return fail_created(engine, txn, item) end
  if err.class == "conflict" and item.record then
    -- somebody was faster: read again, at once
    txn:add("effects_drop", item.job.id)
    item.result = "retried"
    engine:count("retried")
    txn:add("job_retry", item.job.id, item.job.rev, time.now(), item.job.attempts + 1, nil)
    if item.job.attempts + 1 >= outcome.max_attempts then closing.refuse(engine, txn, item, err) end
    return
  end
  if err.class == "conflict" then return creating.taken(engine, txn, item, err) end
  if err.class == "dependency" then err.class = "invalid" end -- NAV names what is missing
  if err.class == "invalid" and item.verdicts and saying.of(item) then
    return saying.give_back(engine, txn, item, err.text)
  end
  if err.class == "invalid" or err.class == "bug" then return closing.refuse(engine, txn, item, err) end
  closing.postpone(engine, txn, item, err, engine.settle_nav_us)
end

-- The effect of a write that is done; what was sent again after a creation, and whose answer
-- was lost, is an effect of its own.
local function end_effect(engine, txn, item)
  txn:add("effect_done", item.key)
  local why = item.second_failure
  if not why or not item.left.to_nav or why.class ~= "unknown" and why.class ~= "bug" then return end
  remember(engine, item, "set", item.undelivered, item.nav_key)
  local now = time.now()
  intend(engine, txn, item, now)
  intent.over(engine, item.key, now)
end

local function close(engine, txn, item)
  if item.failed then return fail(engine, txn, item) end
  local name = keys.nav(engine.company, item.nav_key)
  local what, text, fingerprint = pair.close(engine, txn, item, not item.created and "to_nav" or nil, name)
  local result = item.created and "created" or item.adopting and "adopted" or item.body and "updated"
    or "unchanged"
  end_effect(engine, txn, item)
  if what == "review" then
    closing.park(engine, txn, item, "review", text, fingerprint)
    return
  end
  item.result = result
  closing.journal(engine, txn, item, result, {
    fields = item.body and result == "updated" and delivery.names_of(item.body) or nil,
    nav = not item.link and name or nil, lost = item.lost, ignored = item.ignored,
    confidence = item.confidence and decimal.new(("%.2f"):format(item.confidence)) or nil })
  txn:add("job_done", item.job.id, item.job.rev)
end

-- Decides what one item writes; true when it goes out.
local function decide(engine, txn, item, cards, links)
  if item.record then
    unknown.adopted(engine, item)
    plan(engine, txn, item, cards, links)
    if not item.result then remember(engine, item, "set", item.body or {}, item.nav_key) end
  else
    item.body = creating.body(engine, item)
    remember(engine, item, "create", item.body, creating.key(engine, item.values))
  end
  return not item.result and (item.body or item.adopting) and gate.passes(engine, txn, item)
end

local function run(engine, list)
  local txn = store.txn()
  local function postpone(err)
    for _, item in ipairs(list) do
      if not item.result then closing.postpone(engine, txn, item, err, engine.settle_nav_us) end
    end
    return items.commit(txn)
  end
  intent.wait(engine, txn, list, engine.settle_nav_us, engine.settle_us)
  local ok, err, broken = unknown.settle(engine, txn, items.open(list))
  if broken then return nil, err end
  if ok then ok, err = read_odoo(engine, txn, items.open(list)) end
  if not ok then return postpone(err) end
  engine:refresh_lookups(false)
  ok, err = matching.sight(engine, txn, items.open(list))
  if ok then ok, err = read_nav(engine, txn, items.open(list)) end
  local cards, links
  if ok then links, err = waiting.links(engine, items.open(list)) end
  if links then cards, err = pair.shared_cards(engine, items.open(list)) end
  if not cards then return postpone(err) end
  unknown.beside(engine, txn, items.open(list), "odoo")
  for _, item in ipairs(items.open(list)) do map(engine, txn, item, links) end
  local writes, now = {}, time.now()
  for _, item in ipairs(items.open(list)) do
    if decide(engine, txn, item, cards, links) then
      writes[#writes + 1] = item
      intend(engine, txn, item, now)
    end
  end
  failpoint("effect.before_intend")
  ok, err = items.commit(txn)
  if not ok then return nil, err end
  list = items.open(list)
  failpoint("effect.after_intend")
  local bodies = {}
  for _, item in ipairs(writes) do
    if item.body then bodies[#bodies + 1] = item end
  end
  delivery.write(engine, bodies)
  failpoint("effect.after_send")
  creating.name_all(engine, list)
  creating.plan(engine, list, cards, links)
  ok, err = items.close(engine, list, close, function(item) return tostring(item.nav_key) end)
  failpoint("effect.after_confirm")
  return ok, err
end

--- Brings a list of jobs to their end, or schedules their next attempt; see batch.run.
---@param engine table
---@param jobs table[]
---@return table|nil deferred
---@return table|nil err
function back.run(engine, jobs)
  local lost, err
  jobs, lost = gone.apart(jobs)
  if #lost > 0 then
    local ok
    ok, err = gone.run(engine, lost, "odoo_to_nav")
    if not ok then return nil, err end
  end
  local list
  list, err = gather(engine, jobs)
  if not list then return nil, err end
  local ok, finished
  ok, finished, err = pcall(run, engine, list)
  lane.release(list)
  if not ok then error(finished, 0) end
  if not finished then return nil, err end
  return {}
end

return back
