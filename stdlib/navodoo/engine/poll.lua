--- Watches NAV: asks for changed rows, stores jobs and the cursor together.
--
-- A row whose content was handled already (its hash stands in the link) or waits
-- already (in a job) makes no job and no write. Intake stops while the queue is
-- longer than the high-water mark: then the source keeps what we do not need yet.

local failpoint = require "navodoo.failpoint"
local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local census = require "navodoo.engine.census"
local cursor = require "navodoo.engine.cursor"
local express = require "navodoo.engine.express"
local feed = require "navodoo.engine.feed"
local gauge = require "navodoo.engine.gauge"
local intake = require "navodoo.engine.intake"
local numbers = require "navodoo.engine.numbers"
local identity = require "navodoo.engine.identity"
local past = require "navodoo.engine.past"
local outcome = require "navodoo.engine.outcome"
local watching = require "navodoo.engine.watching"

local poll = {}

local watch = { name = "the poll", direction = "nav_to_odoo", call = "poll_now", is_full = express.is_full }

local DAY_US <const> = 86400 * 1000000
--- A page that was asked for ahead is taken while it is younger than this.
local FRESH_MS <const> = 5000

local function previous_day(day)
  return time.date(time.parse_iso(day .. "T00:00:00Z") - DAY_US, "UTC")
end

local function overlap(stamp) return cursor.day_overlap(stamp, previous_day) end

local function cursor_name(engine) return engine.flow.name .. "/nav/" .. engine.company end

--- The stored position, and when each kind of walk was last begun.
local function read_cursor(engine)
  local rows, err = store.query("cursor", cursor_name(engine))
  if not rows then return nil, err end
  if not rows[1] then return {} end
  return json.decode(rows[1].value)
end

-- ---- ways to walk: how a walk begins, what it asks for, where a page leaves it ---------

--- Rows by the day of their last change, or all of them (watch modes `stamp` and `scan`).
local by_stamp = {}

function by_stamp.begin(state, full, engine)
  return cursor.begin(state, full, time.date(time.now(), engine.zone))
end

function by_stamp.question(engine, state)
  return { after_key = state.scan.after, stamp_field = engine.stamp, stamp_from = state.scan.from }
end

function by_stamp.advance(_, state, rows, more)
  return cursor.advance(state, rows, more, overlap)
end

--- Rows by their number (`entry_no`).
local by_number = {}

function by_number.begin(state, full) return numbers.begin(state, time.now(), full) end

function by_number.question(_, state) return { after_key = state.scan.after } end

function by_number.advance(engine, state, rows, more)
  return numbers.advance(state, rows, more, time.now(), feed.patience(engine))
end

local function ask(engine, way, state)
  local question = way.question(engine, state)
  question.fields, question.where = engine.nav_read_fields, engine.flow.nav.where
  question.limit, question.lazy, question.stamp_aside = engine.page_size, true, not engine.flow_reads_stamp
  return engine.nav:scan(engine.entity, question)
end

-- Asks for the page of a state while the one before it is stored.
local function ask_ahead(engine, way, state)
  local ahead = { state = state, since = time.monotonic(), over = task.event() }
  engine.page_ahead = ahead
  task.spawn(function()
    local ok, page = pcall(ask, engine, way, state)
    ahead.page, ahead.is_over = ok and page or nil, true
    ahead.over:set()
  end)
end

-- The page of a state: the one that was asked for ahead, when that went well and is fresh.
local function page_of(engine, way, state)
  local ahead = engine.page_ahead
  engine.page_ahead = nil
  if ahead and ahead.state == state and time.monotonic() - ahead.since < FRESH_MS then
    while not ahead.is_over do ahead.over:wait(FRESH_MS) end
    if ahead.page then return ahead.page end
  end
  return ask(engine, way, state)
end

--- One page of the watched rows themselves.
local function page_of_rows(way)
  return function(engine, state)
    local page, err = page_of(engine, way, state)
    if not page then return nil, err end
    local next_state, done = way.advance(engine, state, page.rows, page.more)
    if not done and engine.express then ask_ahead(engine, way, next_state) end
    local txn, failed, found = intake.add(engine, page.rows)
    if not txn then return nil, failed end
    return txn, nil, found, #page.rows, next_state, done
  end
end

by_stamp.page, by_number.page = page_of_rows(by_stamp), page_of_rows(by_number)

--- What another page says (`change_log`, `integration_record`).
local by_feed = {}

function by_feed.begin(state, _, engine)
  return { mark = state.mark, feed = feed.begin(engine, state.feed) }
end

function by_feed.page(engine, state)
  local txn, err, found, read, next_feed, done = feed.page(engine, state.feed, intake.add)
  if not txn then return nil, err end
  return txn, nil, found, read, { mark = state.mark, feed = next_feed }, done
end

--- What a walk leaves alone of the stored state.
local function keep(state, before)
  state.swept, state.polled = before.swept, before.polled
  state.feed = state.feed or before.feed
  return state
end

--- Asks for one page and commits what it brought.
local function step(engine, way, state)
  local ok, err = watching.wait_for_room(engine, watch)
  if not ok then return nil, err end
  local txn, found, read, next_state, done
  txn, err, found, read, next_state, done = way.page(engine, state)
  if not txn then return nil, err end
  keep(next_state, state)
  txn:add("cursor_put", cursor_name(engine), assert(json.encode(next_state)), time.now())
  if engine.retiring then return intake.finish(engine, found, false) end -- the next life asks again
  ok, err = store.apply(txn)
  intake.finish(engine, found, ok and not engine.retiring) -- lots on disk are the next life's, too
  if not ok then return nil, err end
  failpoint("cursor.after_commit")
  gauge.page(engine, "nav_to_odoo", read, found.changed)
  if found.jobs > 0 then engine.wake:set() end
  return next_state, nil, done
end

--- The stored state with a walk begun, or the one that was interrupted.
local function begin(engine, way, full)
  local stored, err = read_cursor(engine)
  if not stored then return nil, err end
  local state = keep(way.begin(stored, full, engine), stored)
  state.polled = time.now()
  local goes_on = stored.scan and stored.scan.full
  if state.scan and state.scan.full and not goes_on then engine.nav_census = census.begin() end
  if full then
    state.swept = time.now()
    -- from where the feed goes on when this walk has seen everything
    state.feed = state.feed or feed.start(engine)
  end
  return state
end

--- Walks to the end, with back-off over failures that may pass.
---@param engine table
---@param way table       one of the ways to walk
---@param full boolean    every row, whatever its stamp
---@return boolean completed  false when the engine stops
local function walk(engine, way, full)
  local attempt, state = 0, nil
  while not (engine.stopping or engine.retiring) do
    local err, done
    if not state then state, err = begin(engine, way, full) end
    if state then
      local next_state
      next_state, err, done = step(engine, way, state)
      if done and state.scan and state.scan.full then census.finish(engine, "nav_census", "nav_to_odoo") end
      if next_state then state, attempt = next_state, 0 end
    end
    if done then
      gauge.walked(engine, "nav_to_odoo", time.now())
      engine.nav_walked = true
      engine:publish()
      past.leave(engine)
      express.finish(engine) -- its last lots still look names up
      engine.known_names = nil -- from here on there are few new records at a time
      return true
    end
    if err then
      attempt = attempt + (outcome.tried(err) and 1 or 0)
      engine:trouble(err)
      if watching.gives_up(engine, err, outcome.delay(attempt, err)) then return false end
      state = nil
    end
  end
  return false
end

--- True when the nightly walk over all rows is due: its slot passed since the last
-- one began, also while nobody was running (a missed run is made up for, once).
local function sweep_due(engine, state)
  if not engine.sweep then return false end
  if not state.swept then return false end -- the first walk reads everything anyway
  local slot = time.cron_next(engine.sweep, engine.zone, state.swept)
  return slot ~= nil and slot <= time.now()
end

--- One walk of the kind that is due; false when the engine stops.
function watch.walk(engine)
  if not identity.guard(engine) then return false end
  local state = read_cursor(engine) or {}
  if state.mark then engine.nav_walked = true end -- in an earlier life
  local mode = (engine.flow.nav.watch or {}).mode
  local sweep = sweep_due(engine, state) or engine.once_all == true
  if mode == "entry_no" then return walk(engine, by_number, sweep) end
  if feed.modes[mode] then
    -- a walk over the rows that was interrupted comes first
    if sweep or not state.feed or state.scan then return walk(engine, by_stamp, true) end
    return walk(engine, by_feed, false)
  end
  return walk(engine, by_stamp, sweep or state.mark == nil)
end

---@param engine table
function poll.run(engine)
  watching.run(engine, watch, engine.every_ms)
end

return poll
