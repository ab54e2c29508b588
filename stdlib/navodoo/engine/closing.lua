--- How a job ends: link and journal, another attempt, or a letter to a person.
--
-- All functions add operations to a transaction; the caller commits it. A job that
-- ends well leaves its link, its journal entry and no effect, together.

local crypto = require "navodoo.crypto"
local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local log = require "navodoo.log"
local text = require "navodoo.text"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"
local gauge = require "navodoo.engine.gauge"
local identity = require "navodoo.engine.identity"
local intent = require "navodoo.engine.intent"
local outcome = require "navodoo.engine.outcome"
local pair = require "navodoo.engine.pair"

local closing = {}

--- Outcomes that brought a change to its target.
local DELIVERED <const> = { created = true, updated = true, adopted = true }
local UNDECIDED_MS <const> = 60000 -- pause after a refused login or a wrong setting
--- Lines of the log about parked records in one stretch of time, and their length.
local TOLD_MAX <const>, TOLD_MS <const>, TOLD_TEXT <const> = 20, 60000, 240

--- Counts an outcome and writes it down.
---@param engine table
---@param txn navodoo.Txn
---@param item navodoo.Item
---@param result string
---@param detail table|nil  what the outcome alone does not say
function closing.journal(engine, txn, item, result, detail)
  local now = time.now()
  engine:count(result)
  if DELIVERED[result] and item.job.created then gauge.delivered(engine, item.job.direction, item.job.created, now) end
  txn:add("journal_add", now, engine.flow.name, item.job.direction, item.job.record, item.job.id,
          result, detail and next(detail) and assert(json.encode(detail)) or nil, engine.generation)
end
local journal <const> = closing.journal

-- A record as a person finds it: in Odoo by model and id, with NAV's card where there is one.
local function name_of(engine, item)
  if item.job.direction ~= "odoo_to_nav" then return item.job.record end
  return ("%s %s%s"):format(engine.model, item.job.record, item.link and ", " .. item.link.nav or "")
end

--- Says in the log what was parked and how to go on; at most so many lines a minute, for
-- fifty thousand letters of one cause say no more than its group.
local function say(engine, item, state, cause)
  local now = time.monotonic()
  local told = engine.told
  if not told or now - told.since > TOLD_MS then
    if told and told.left > 0 then
      log.warn(("%d more dead letters and reviews: navodoo dead groups"):format(told.left), { flow = engine.flow.name })
    end
    told = { since = now, n = 0, left = 0 }
    engine.told = told
  end
  if told.n >= TOLD_MAX then
    told.left = told.left + 1
    if told.left == 1 then
      log.warn("more dead letters and reviews than are named here: navodoo dead groups", { flow = engine.flow.name })
    end
    return
  end
  told.n = told.n + 1
  log.warn(("%s %d, %s: %s"):format(state == "dead" and "dead letter" or "review", item.job.id, name_of(engine, item),
    text.truncate(tostring(cause.text), TOLD_TEXT)), { flow = engine.flow.name, field = cause.field,
    way_out = cause.way_out and text.truncate(tostring(cause.way_out), TOLD_TEXT)
      or ("navodoo dead show %d"):format(item.job.id) })
end

--- Puts a job aside until a person decides. What a person said of it and could not be done
-- stays with it: `item.said`. The effect of an `unsure` item stays, too: nobody knows yet
-- what became of its write, and whoever takes the job up again has to ask first.
---@param engine table
---@param txn navodoo.Txn
---@param item navodoo.Item
---@param state "dead"|"review"
---@param err string          JSON
---@param fingerprint string  of the cause
function closing.park(engine, txn, item, state, err, fingerprint)
  item.result = state
  txn:add("job_park", item.job.id, item.job.rev, state, err, fingerprint, item.said)
  if not item.unsure then txn:add("effects_drop", item.job.id) end
  journal(engine, txn, item, state, { why = fingerprint })
  local cause = json.decode(err) or { text = err }
  if engine.on_parked then engine.on_parked(item, state, cause.text) end
  if not engine.gate then say(engine, item, state, cause) end
end

--- Gives up on a record, in the words of `err`.
function closing.refuse(engine, txn, item, err)
  item.said = item.job.decision
  closing.park(engine, txn, item, "dead", outcome.refused(engine.flow.name, item.job.record, err))
end

--- Writes down that the item is about to be written into Odoo.
function closing.intend(engine, txn, item, now)
  intent.put(engine, txn, item, engine.odoo.endpoint, item.id and "set" or "create", item.image or item.job.hash, now)
end

--- A failure that says nothing about this record: later again, or give up.
---@param settle_us integer|nil  of the target, when that is not Odoo
function closing.postpone(engine, txn, item, err, settle_us)
  local job, now = item.job, time.now()
  local attempts = job.attempts + (outcome.tried(err) and 1 or 0)
  local delay_ms
  if err.class == "unknown" then
    delay_ms = (settle_us or engine.settle_us) // 1000
  elseif err.class == "auth" or err.class == "config" then
    attempts, delay_ms = job.attempts, UNDECIDED_MS
    engine:trouble(err)
  else
    delay_ms = outcome.delay(attempts, err)
  end
  -- what may have been written is never given up on: somebody has to find out
  if attempts >= outcome.max_attempts and err.class ~= "unknown" and not item.effect then
    return closing.refuse(engine, txn, item, err)
  end
  item.result = "retried"
  engine:count("retried")
  if engine.on_parked then engine.on_parked(item, "waiting", err.text) end
  if err.class == "unknown" then -- may still land: the settle time starts anew
    local intend = item.intend or closing.intend
    intend(engine, txn, item, now)
    intent.over(engine, item.key, now)
  elseif not item.effect or item.write or item.body then -- else an earlier one is still unknown
    txn:add("effects_drop", job.id)
  end
  txn:add("job_retry", job.id, job.rev, now + delay_ms * 1000, attempts,
          (outcome.refused(engine.flow.name, job.record, err)))
end

local function names_of(write)
  local names = {}
  for field in pairs(write) do names[#names + 1] = field end
  table.sort(names)
  return names
end

-- What the journal says beside the outcome; nil when that says it all.
local function detail_of(item, result)
  if result == "created" and not item.differs then return nil end
  local detail = {}
  if result == "updated" or result == "adopted" then
    detail.fields = item.write and json.array(names_of(item.write)) or nil
  end
  if item.confidence then detail.confidence = decimal.new(("%.2f"):format(item.confidence)) end
  if item.differs then detail.differs = json.array(item.differs) end
  return next(detail) and detail or nil
end

-- Ends an item of a flow that goes both ways.
local function close_pair(engine, txn, item)
  item.record = item.polled or item.record -- what a person mended is not what NAV holds
  local job, result = item.job, item.adopting and "adopted" or item.write and "updated" or "unchanged"
  item.etag = item.etag or job.version
  local what, cause, fingerprint = pair.close(engine, txn, item, "to_odoo", job.record)
  txn:add("effect_done", item.key)
  if what == "review" then return closing.park(engine, txn, item, "review", cause, fingerprint) end
  item.result = result
  local detail = detail_of(item, result) or {}
  detail.lost, detail.ignored = item.lost, item.ignored
  journal(engine, txn, item, result, detail)
  txn:add("job_done", job.id, job.rev)
end

--- Ends an item that was sent and read back, or had nothing to be sent.
function closing.close(engine, txn, item)
  local job = item.job
  if item.failed then
    local class = item.failed.class
    if class == "invalid" or class == "bug" then return closing.refuse(engine, txn, item, item.failed) end
    if class == "conflict" then -- somebody was faster, perhaps a late apply of ours: ask again
      item.failed = { class = "unknown", code = item.failed.code, text = item.failed.text }
    end
    return closing.postpone(engine, txn, item, item.failed)
  end
  if item.write and not item.current then -- written, then gone before it was read
    return closing.postpone(engine, txn, item, { class = "unknown", code = "vanished",
      text = ("%s %s was written and is not there"):format(engine.model, tostring(item.id)) })
  end
  if item.verdicts then return close_pair(engine, txn, item) end
  local odoo_text = base.odoo_text(item.current, engine.odoo_fields)
  local base_text = engine.paired and item.differs
    and pair.disputed(engine, txn, item.id, item.payload, item.current, item.write, item.differs)
    or base.pack(item.payload, odoo_text)
  local result = item.adopting and "adopted" or not item.write and "unchanged"
    or (item.link or item.probed) and "updated" or "created"
  item.result = result
  txn:add("link_put", engine.flow.name, job.record, tostring(item.id), item.xmlid, job.hash, job.version,
          item.current.write_date, crypto.hash(odoo_text), base_text, time.now())
  identity.note(engine, txn, job.record, job.version, item.id, item.current.write_date)
  journal(engine, txn, item, result, detail_of(item, result))
  if item.write or item.adopting or item.effect then txn:add("effect_done", item.key) end
  txn:add("job_done", job.id, job.rev)
end

return closing
