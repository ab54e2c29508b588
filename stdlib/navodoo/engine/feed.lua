--- Watching NAV by a page that says which records changed, where the records themselves
-- carry no useful stamp: the change log (table 405) or the integration records (5151).
--
-- A walk reads what is new on that page, then the records that it names, and stores their
-- jobs together with the position. The change log is walked by its numbers (numbers.lua),
-- integration records by instant, once for changes and once for deletions (position.lua).
-- Older rows than a day before the first walk are not asked for: that walk reads every
-- record anyway. What a page does not tell (a table not switched on in time, a change made
-- past NAV's own code) is found by the nightly walk over all records.

local json = require "navodoo.json"
local store = require "navodoo.store"
local time = require "navodoo.time"
local gone = require "navodoo.engine.gone"
local keys = require "navodoo.engine.keys"
local numbers = require "navodoo.engine.numbers"
local position = require "navodoo.engine.position"

local feed = {}

local DAY_US <const> = 86400 * 1000000
local MILLISECOND_US <const> = 1000
--- Clocks of NAV's service tiers may differ by this.
local SKEW_US <const> = 60 * 1000000

---@class navodoo.Feed  the strategy of a watch mode
---@field start fun(now: integer): table     the state before the first walk
---@field begin fun(state: table, now: integer): table
---@field question fun(state: table, watch: table): connector.Scan
---@field advance fun(state: table, rows: table[], more: boolean, now: integer, patience: integer): table, boolean
---@field key fun(record: table): string?    the record that a row is about

-- A day before, to the second.
local function day_ago(now) return time.iso((now - DAY_US) // 1000000 * 1000000) end

-- ---- the change log -----------------------------------------------------------------

local change_log = {}

function change_log.start(now) return { since = day_ago(now), at = {} } end

function change_log.begin(state, now) return { since = state.since, at = numbers.begin(state.at, now) } end

function change_log.question(state, watch)
  return { fields = { "Entry_No", "Primary_Key_Field_1_Value" }, after_key = state.at.scan.after,
           where = { { "Table_No", "eq", watch.table_no }, { "Date_and_Time", "ge", state.since } } }
end

function change_log.advance(state, rows, more, now, patience)
  local at, done = numbers.advance(state.at, rows, more, now, patience)
  return { since = state.since, at = at }, done
end

function change_log.key(record) return record.Primary_Key_Field_1_Value end

-- ---- integration records ------------------------------------------------------------

local integration_record = {}

--- Both walks, one after the other: which stamp each goes by.
local TURNS <const> = { changed = "Modified_On", deleted = "Deleted_On" }

function integration_record.start(now)
  local since = day_ago(now)
  return { turn = "changed", changed = { mark = since }, deleted = { mark = since } }
end

local function with(state, turn, at, next_turn)
  return { turn = next_turn, changed = turn == "changed" and at or state.changed,
           deleted = turn == "deleted" and at or state.deleted }
end

function integration_record.begin(state, now)
  return with(state, state.turn, position.begin(state[state.turn], false, now), state.turn)
end

-- The instant before: NAV keeps milliseconds, and is asked for what is behind.
local function before(instant) return time.iso(time.parse_iso(instant) - MILLISECOND_US) end

function integration_record.question(state, watch)
  local scan = state[state.turn].scan
  return { fields = { "Integration_ID", "Record_ID", TURNS[state.turn] }, stamp_field = TURNS[state.turn],
           stamp_after = scan.stamp or before(scan.from), after_key = scan.id,
           where = { { "Table_ID", "eq", watch.table_no } } }
end

function integration_record.advance(state, rows, more, now, patience)
  local turn = state.turn
  for _, row in ipairs(rows) do row.id, row.stamp = row.key, row.record[TURNS[turn]] end
  local at, ended = position.advance(state[turn], rows, more, now, patience + SKEW_US)
  if not ended then return with(state, turn, at, turn), false end
  if turn == "deleted" then return with(state, turn, at, "changed"), true end
  return integration_record.begin(with(state, turn, at, "deleted"), now), false
end

--- "Customer: C00010"; blank when NAV has forgotten whose it was.
function integration_record.key(record)
  return type(record.Record_ID) == "string" and record.Record_ID:match "^[^:]*: (.+)$" or nil
end

---@type table<string, navodoo.Feed>
feed.modes = { change_log = change_log, integration_record = integration_record }

--- The longest that a transaction of NAV may take: it ends an operation after 8 minutes.
---@param engine table
---@return integer us
function feed.patience(engine) return (engine.nav.endpoint.settle_ms or 480000) * 1000 end

local function mode_of(engine) return feed.modes[(engine.flow.nav.watch or {}).mode] end

--- The state of the feed before the first walk; nil for a flow without one.
---@param engine table
---@return table|nil
function feed.start(engine)
  local mode = mode_of(engine)
  return mode and mode.start(time.now())
end

--- Begins a walk of the feed, or goes on with it.
---@param engine table
---@param state table
---@return table
function feed.begin(engine, state) return mode_of(engine).begin(state, time.now()) end

-- ---- a step of the walk ---------------------------------------------------------------

-- The keys that a page names, each once, in its order.
local function named(mode, rows)
  local list, seen = {}, {}
  for _, row in ipairs(rows) do
    local key = mode.key(row.record)
    if key and not seen[key] then
      seen[key], list[#list + 1] = true, key
    end
  end
  return list
end

--- The records of these keys as rows, and the keys that NAV has no record of.
local function fetch(engine, list)
  if #list == 0 then return {}, {} end
  local found, err, etags = engine.nav:get(engine.entity, list, engine.nav_read_fields, engine.flow.nav.where)
  if not found then return nil, err end
  local rows, missing = {}, {}
  for _, key in ipairs(list) do
    if found[key] then rows[#rows + 1] = { key = key, etag = etags[key], record = found[key] }
    else missing[#missing + 1] = key end
  end
  return rows, missing
end

--- Asks whether records that were linked are gone.
local function report_gone(engine, txn, missing)
  if #missing == 0 then return true end
  local names = json.array {}
  for i, key in ipairs(missing) do names[i] = keys.nav(engine.company, key) end
  local links, err = store.query("links_by_nav", engine.flow.name, assert(json.encode(names)))
  if not links then return nil, err end
  for _, link in ipairs(links) do
    if gone.is_news(link, "nav_to_odoo") then gone.suspect(engine, txn, "nav_to_odoo", link.nav) end
  end
  return true
end

--- One page of the feed: its question is asked, the records that it names are read, and
-- `jobs_of` makes their jobs. Waits.
---@param engine table
---@param state table      of the feed, begun
---@param jobs_of fun(engine: table, rows: table[]): table?, table?, table?
---@return table|nil txn
---@return table|nil err
---@return table|nil changed
---@return integer|nil read      records that were read
---@return table|nil next_state
---@return boolean|nil done
function feed.page(engine, state, jobs_of)
  local watch = engine.flow.nav.watch
  local mode = feed.modes[watch.mode]
  local question = mode.question(state, watch)
  question.limit = engine.page_size
  local page, err = engine.nav:scan(watch.page, question)
  if not page then return nil, err end
  local rows, missing = fetch(engine, named(mode, page.rows))
  if not rows then return nil, missing end
  local txn, failed, changed = jobs_of(engine, rows)
  if not txn then return nil, failed end
  local ok
  ok, err = report_gone(engine, txn, missing)
  if not ok then return nil, err end
  return txn, nil, changed, #rows, mode.advance(state, page.rows, page.more, time.now(), feed.patience(engine))
end

return feed
