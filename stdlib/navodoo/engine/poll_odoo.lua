--- Watches Odoo: asks for records in the order of their last change, stores jobs and the
-- position together.
--
-- A record whose content is that of the link's base is an echo or was seen before, and
-- makes no job. A nightly walk over all records finds what no stamp tells, and the links
-- whose record is gone. Hooks only make this quicker: what they miss, the next poll finds.

local crypto = require "navodoo.crypto"
local failpoint = require "navodoo.failpoint"
local json = require "navodoo.json"
local store = require "navodoo.store"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"
local census = require "navodoo.engine.census"
local gauge = require "navodoo.engine.gauge"
local identity = require "navodoo.engine.identity"
local outcome = require "navodoo.engine.outcome"
local position = require "navodoo.engine.position"
local watching = require "navodoo.engine.watching"

local poll_odoo = {}

local watch = { name = "the poll of Odoo", direction = "odoo_to_nav", call = "poll_odoo_now" }

--- Longest transaction that is allowed for: write_date is the moment it began.
local OVERLAP_US <const> = 5 * 60 * 1000000
local PAGE <const> = 500

local function cursor_name(engine) return engine.flow.name .. "/odoo/" .. engine.company end

local function read_position(engine)
  local rows, err = store.query("cursor", cursor_name(engine))
  if not rows then return nil, err end
  if not rows[1] then return {} end
  return json.decode(rows[1].value)
end

--- One page of the walk: { id=, stamp=, record= }, and whether more follow.
local function ask(engine, scan)
  local where, fields = engine.flow.odoo.where, engine.back_fields
  if not scan.full then
    return engine.odoo:scan(engine.model, { domain = where, fields = fields, from_stamp = scan.from, limit = PAGE,
      after = scan.id and { stamp = scan.stamp, id = scan.id } or nil })
  end
  local domain = table.move(where, 1, #where, 1, json.array {})
  if scan.id then table.insert(domain, 1, json.array { "id", ">", scan.id }) end
  local records, err = engine.odoo:search(engine.model, domain, fields, { limit = PAGE, active_test = false })
  if not records then return nil, err end
  local rows = {}
  for i, record in ipairs(records) do rows[i] = { id = record.id, stamp = record.write_date, record = record } end
  return { rows = rows, more = #rows == PAGE }
end

--- Adds a job for every record of the page that is not as it was last in step.
local function add_jobs(engine, txn, rows)
  local ids = json.array {}
  for i, row in ipairs(rows) do ids[i] = tostring(row.id) end
  local list = assert(json.encode(ids))
  local there, err = store.query("known_odoo", engine.flow.name, list)
  if not there then return nil, err end
  local known, linked, changed, now = {}, {}, 0, time.now()
  for _, row in ipairs(there) do -- links first, so that a job's content counts
    known[row.record] = row.hash or known[row.record]
    if row.state == "link" then
      linked[row.record] = true
      if engine.odoo_census then engine.odoo_census:see(row.id) end
    end
  end
  for i, row in ipairs(rows) do
    local id = ids[i]
    local payload = base.odoo_text(row.record, engine.odoo_fields)
    local hash = crypto.hash(payload)
    -- without a link: only what may begin a life in NAV
    local wanted = linked[id] or engine.flow.policy.create_in_nav and row.record.active ~= false
    if wanted and known[id] ~= hash then
      changed = changed + 1
      txn:add("job_put", engine.flow.name, "odoo_to_nav", id, now, now, row.stamp or nil, hash, payload)
    end
  end
  return changed
end

local function step(engine, state)
  local ok, err = watching.wait_for_room(engine, watch)
  if not ok then return nil, err end
  local page
  page, err = ask(engine, state.scan)
  if not page then return nil, err end
  local txn = store.txn()
  local changed, failed = add_jobs(engine, txn, page.rows)
  if not changed then return nil, failed end
  local next_state, done = position.advance(state, page.rows, page.more, time.now(), OVERLAP_US)
  next_state.swept, next_state.polled = state.swept, state.polled
  txn:add("cursor_put", cursor_name(engine), assert(json.encode(next_state)), time.now())
  ok, err = store.apply(txn)
  if not ok then return nil, err end
  failpoint("cursor.after_commit")
  gauge.page(engine, "odoo_to_nav", #page.rows, changed)
  if changed > 0 then engine.wake:set() end
  return next_state, nil, done
end

local function begin(engine, full)
  local state, err = read_position(engine)
  if not state then return nil, err end
  local went_on = state.scan ~= nil
  local next_state = position.begin(state, full, time.now())
  next_state.swept, next_state.polled = state.swept, time.now()
  if next_state.scan.full then
    next_state.swept = went_on and state.swept or time.now()
    -- one that goes on where another process stopped has not seen everything
    engine.odoo_census = not (went_on and state.scan.full) and census.begin() or nil
  end
  return next_state
end

--- Walks to the end, with back-off over failures that may pass.
---@param engine table
---@param full boolean
---@return boolean completed
function poll_odoo.walk(engine, full)
  local attempt, state = 0, nil
  while not engine.stopping and not engine.retiring do
    local err, done, next_state
    if not state then state, err = begin(engine, full) end
    if state then
      next_state, err, done = step(engine, state)
      if next_state then
        if done and state.scan.full then census.finish(engine, "odoo_census", "odoo_to_nav") end
        state, attempt = next_state, 0
      end
    end
    if done then
      gauge.walked(engine, "odoo_to_nav", time.now())
      engine:publish()
      return true
    end
    if err then
      attempt = attempt + (outcome.tried(err) and 1 or 0)
      engine:trouble(err)
      if watching.gives_up(engine, err, outcome.delay(attempt, err)) then return false end
    end
  end
  return false
end

--- One walk of the kind that is due; false when the engine stops.
function watch.walk(engine)
  if not identity.guard(engine) then return false end
  local state = read_position(engine) or {}
  local sweep = engine.flow.odoo.watch.sweep
  local slot = sweep and state.swept and time.cron_next(sweep, engine.zone, state.swept)
  return poll_odoo.walk(engine, slot ~= nil and slot <= time.now() or engine.once_all == true)
end

---@param engine table
function poll_odoo.run(engine)
  watching.run(engine, watch, engine.flow.odoo.watch.every_ms)
end

return poll_odoo
