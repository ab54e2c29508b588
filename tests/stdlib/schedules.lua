--- Seeded schedules against the pure cursors: transactions that commit late, ties, clocks
-- that disagree, rows that change while a walk pages over them, walks that are interrupted.
-- A cursor misses a row when the last version of a record was never in a page.
--
-- Time is counted in ticks of a second; a schedule spans some minutes around a midnight.

local cursor = require "navodoo.engine.cursor"
local numbers = require "navodoo.engine.numbers"
local time = require "navodoo.time"

local schedules = {}

local TICK <const> = 1000000

-- ---- chance ---------------------------------------------------------------------------

-- xorshift, inlined where it matters little: one stream per schedule, from its seed.
local state = 1

local function draw(n)
  local x = state
  x = x ~ (x << 13)
  x = x ~ (x >> 7)
  x = x ~ (x << 17)
  state = x
  return (x >> 1) % n
end

local function seeded(seed) state = seed * 0x9E3779B97F4A7C15 | 1 end

-- ---- the world ------------------------------------------------------------------------

-- A schedule: versions in the order of their commits, { id, commit, stamp, n }.
--   span      ticks over which transactions begin
--   patience  the longest transaction
--   skew      servers' clocks differ by up to this
local function versions_of(span, patience, skew, records, stamp_of)
  local list = {}
  for i = 1, 3 + draw(6) do
    local began = draw(span)
    local v = { id = 1 + draw(records), began = began, commit = began + draw(patience) }
    v.stamp = stamp_of(began, draw(2 * skew + 1) - skew)
    list[i] = v
  end
  -- numbers are taken in the order of time, whenever they show
  table.sort(list, function(a, b) return a.began < b.began end)
  for i, v in ipairs(list) do v.n = i * 2 - draw(2) end
  table.sort(list, function(a, b)
    if a.commit ~= b.commit then return a.commit < b.commit end
    return a.n < b.n
  end)
  return list
end

-- What a record holds at an instant: its version that committed last.
local function visible(list, at, by_id)
  for k in pairs(by_id) do by_id[k] = nil end
  for _, v in ipairs(list) do
    if v.commit > at then break end
    by_id[v.id] = v
  end
  return by_id
end

-- The last versions that nobody saw.
local function missed(list)
  local last = {}
  for _, v in ipairs(list) do last[v.id] = v end
  local count = 0
  for _, v in pairs(last) do
    if not v.seen then count = count + 1 end
  end
  return count
end

local scratch, page = {}, {}

-- One page of a walk: rows that `wanted` keeps, in the order of `before`, at most `limit`.
local function read_page(list, at, limit, wanted, before)
  local n = 0
  for _, v in pairs(visible(list, at, scratch)) do
    if wanted(v) then
      n = n + 1
      page[n] = v
    end
  end
  for i = #page, n + 1, -1 do page[i] = nil end
  table.sort(page, before)
  local more = n > limit
  for i = n, limit + 1, -1 do page[i] = nil end
  for _, v in ipairs(page) do v.seen = true end
  return page, more
end

-- Walks at random instants, and twice after everything has committed. `walk_page` reads a
-- page at an instant and answers the new state and whether the walk is over.
local function walks(span, patience, walk_page)
  local at, position = 0, {}
  local last = span + patience
  local quiet = 0
  while quiet < 2 do
    local began = at
    repeat
      local done
      position, done = walk_page(position, at)
      at = at + draw(3) -- paging takes time, and rows change meanwhile
      -- an engine that is killed here goes on from what it stored: the position
    until done
    if began > last then quiet = quiet + 1 end
    at = at + 1 + draw(patience)
  end
  return position, at
end

-- ---- NAV, by the stamp of a day -------------------------------------------------------

local DAY_TICKS <const> = 60 -- a short day: every schedule meets a midnight or two
local DAYS <const> = {}
for i = 0, 99 do DAYS[i] = ("2026-%02d-%02d"):format(1 + i // 28, 1 + i % 28) end
local BEFORE <const> = {}
for i = 1, 99 do BEFORE[DAYS[i]] = DAYS[i - 1] end

local function previous_day(day) return BEFORE[day] end
local function day_overlap(day) return cursor.day_overlap(day, previous_day) end
local function day_of(began, skew) return DAYS[10 + (began + skew) // DAY_TICKS] end

-- NAV reads in key order the rows of a day or later.
local function by_id(a, b) return a.id < b.id end

local function day_page(list, overlap)
  return function(position, at)
    local s = cursor.begin(position, false)
    local from, after = s.scan.from, s.scan.after or 0
    local rows, more = read_page(list, at, 1 + draw(3), function(v)
      return v.id > after and (not from or v.stamp >= from)
    end, by_id)
    for _, v in ipairs(rows) do v.key = v.id end
    return cursor.advance(s, rows, more, overlap)
  end
end

--- Missed rows of one schedule over NAV's day stamps.
function schedules.day(seed, overlap)
  seeded(seed)
  local list = versions_of(150, 20, 15, 5, day_of)
  walks(150, 20, day_page(list, overlap or day_overlap))
  return missed(list)
end

--- The same where some changes set no stamp (MODIFY without its trigger): missed by the
-- stamp alone, and after the nightly walk over everything.
function schedules.unstamped(seed)
  seeded(seed)
  local list, known = versions_of(150, 20, 15, 5, day_of), {}
  for _, v in ipairs(list) do
    if known[v.id] and draw(2) == 0 then v.stamp = known[v.id] end
    known[v.id] = v.stamp
  end
  local position, at = walks(150, 20, day_page(list, day_overlap))
  local by_stamp = missed(list)
  local s = cursor.begin(position, true)
  local done
  repeat
    local after = s.scan.after or 0
    local rows, more = read_page(list, at, 2, function(v) return v.id > after end, by_id)
    for _, v in ipairs(rows) do v.key = v.id end
    s, done = cursor.advance(s, rows, more, day_overlap)
  until done
  return missed(list), by_stamp
end

-- ---- numbered rows: ledgers, the change log --------------------------------------------

local function by_number(a, b) return a.n < b.n end

--- Missed rows of one schedule over numbered rows. Each version is a row of its own.
function schedules.numbered(seed, patience)
  seeded(seed)
  local list = versions_of(200, 40, 0, 1 << 30, function() return 0 end)
  local function walk_page(position, at)
    local s = numbers.begin(position, at * TICK)
    local after = s.scan.after
    local rows, more = read_page(list, at, 1 + draw(3), function(v) return v.n > after end, by_number)
    for _, v in ipairs(rows) do v.key = v.n end
    return numbers.advance(s, rows, more, at * TICK, patience or 40 * TICK)
  end
  walks(200, 40, walk_page)
  return missed(list)
end

-- ---- stamp and key: Odoo's write_date, NAV's integration records -----------------------

local ISO <const> = {}
for i = -100, 1000 do ISO[i] = time.iso(1768435200 * TICK + i * TICK) end
local function instant_of(began, skew) return ISO[began + skew] end

local function by_stamp(a, b)
  if a.stamp ~= b.stamp then return a.stamp < b.stamp end
  return a.id < b.id
end

--- Missed rows of one schedule in the order of (stamp, id), where the stamp is the start of
-- the transaction to the second, as Odoo shows it.
---@param position table  the pure functions: navodoo.engine.position
function schedules.stamped(seed, position, overlap)
  seeded(seed)
  local list = versions_of(200, 40, 5, 6, instant_of)
  local function walk_page(walk, at)
    local now = (at + 500000) * TICK -- our clock is another one
    local s = position.begin(walk, false, now)
    local from, stamp, id = s.scan.from, s.scan.stamp, s.scan.id
    local full = s.scan.full
    local rows, more = read_page(list, at, 1 + draw(3), function(v)
      if full then return v.id > (id or 0) end
      if stamp then return v.stamp > stamp or v.stamp == stamp and v.id > id end
      return not from or v.stamp >= from
    end, full and by_id or by_stamp)
    return position.advance(s, rows, more, now, overlap or 50 * TICK)
  end
  walks(200, 40, walk_page)
  return missed(list)
end

return schedules
