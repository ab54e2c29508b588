--- Takes due jobs from the store and runs them in batches, a few at a time.
--
-- Claims are in memory only: after a crash every unfinished job is simply ready
-- again. What is not in memory is the queue itself, so a target that is down for a
-- day costs disk. Jobs whose strong values (VAT number, e-mail) are being created by
-- a batch under way wait for its end, so that two spellings of one firm meet.

local http = require "navodoo.http"
local json = require "navodoo.json"
local log = require "navodoo.log"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local closing = require "navodoo.engine.closing"
local express = require "navodoo.engine.express"
local cluster = require "navodoo.engine.cluster"
local lane = require "navodoo.engine.lane"

local pump = {}

--- Jobs whose record is busy elsewhere are looked at again after this long.
local BUSY_MS <const> = 200
--- What waits for another flow's link is looked for so often.
local WAITING_MS <const> = 1000
--- With --once: so often is looked whether the other flows of a cluster are at rest.
local CLUSTER_MS <const> = 100
--- A store that fails is asked again after this long.
local STORE_PAUSE_MS <const> = 1000
--- With --once: a longer pause is told.
local TOLD_MS <const> = 5000
--- Records in a row over which the engine raises, before it leaves the rest of a batch alone.
local GUILTY_MAX <const> = 3

local function exclude_list(claimed)
  local ids = json.array {}
  for id in pairs(claimed) do ids[#ids + 1] = id end
  table.sort(ids)
  return assert(json.encode(ids))
end

--- Gives back the jobs whose value nobody is creating any more.
local function unclaim_deferred(engine, self)
  for id, value in pairs(self.deferred) do
    if not engine.claims[value] then
      self.deferred[id], self.claimed[id] = nil, nil
    end
  end
end

--- Gives the jobs of an ended batch back; those that wait for a value that another
-- batch is creating stay claimed until that one ended.
local function unclaim(engine, self, jobs, deferred)
  for _, job in ipairs(jobs) do
    if deferred[job.id] then self.deferred[job.id] = deferred[job.id]
    else self.claimed[job.id] = nil end
  end
  self.batches = self.batches - 1
  engine:publish()
  engine.wake:set()
end

local function run_batch(engine, self, jobs)
  local deferred, err = self.way.run(engine, jobs)
  engine:store_failed(err)
  if not deferred then self.store_failed = true end
  unclaim(engine, self, jobs, deferred or {})
end

--- Gives every job what its batch maps: the record as it was polled, else the payload.
-- Answers those that are still there.
local function provide(engine, jobs)
  local missing, by_id = json.array {}, {}
  for _, job in ipairs(jobs) do
    if not job.edited then job.held_record, job.payload = engine.held:take(job.record, job.hash) end
    if not job.held_record then
      missing[#missing + 1] = job.id
      by_id[job.id] = job
    end
  end
  if #missing == 0 then return jobs end
  local rows, err = store.query("job_payloads", assert(json.encode(missing)))
  if not rows then return nil, err end
  local found = {}
  for _, row in ipairs(rows) do
    local job = by_id[row.id]
    found[row.id] = true
    -- a poll may have renewed it since it was asked for
    job.payload, job.rev, job.hash, job.version = row.payload, row.rev, row.hash, row.version
  end
  local there = {}
  for _, job in ipairs(jobs) do -- a person may have dropped one
    if job.payload or found[job.id] then there[#there + 1] = job end
  end
  return there
end

-- A job over which its batch raises, alone: a dead letter. Nobody knows how far its write
-- came, so an effect of it stays.
local function give_up(engine, job, why)
  local txn = store.txn()
  closing.refuse(engine, txn, { job = job, unsure = true }, { class = "bug", code = "raised",
    text = "the engine failed on this record: " .. (why:match "^[^\n]*"), traceback = why })
  return store.apply(txn)
end

--- Runs a batch so that whatever it raises ends that batch only. Its jobs stay ready, and run
-- apart from now on: so the guilty one is found, and holds nobody else up. Where one record
-- after the other raises it is no matter of records.
local function guarded_batch(engine, self, jobs, lock)
  local ok, err = xpcall(run_batch, debug.traceback, engine, self, jobs)
  lock:release()
  if ok then
    self.in_a_row = 0
    return
  end
  log.error("batch: " .. tostring(err), { flow = engine.flow.name })
  self.store_failed = true
  engine.bugs = engine.bugs + 1
  if #jobs > 1 then
    for _, job in ipairs(jobs) do self.apart[job.id] = true end
  else
    self.in_a_row = self.in_a_row + 1
    if self.in_a_row <= GUILTY_MAX then
      local done, why = give_up(engine, jobs[1], tostring(err))
      if not done then log.error("store: " .. why.text, { flow = engine.flow.name }) end
    end
  end
  unclaim(engine, self, jobs, {})
end

--- Of the jobs that are due: the first one alone when it has to run apart, else those that
-- need not.
local function together(self, jobs)
  if not next(self.apart) then return jobs end
  if self.apart[jobs[1].id] then return { jobs[1] } end
  local list = {}
  for _, job in ipairs(jobs) do
    if not self.apart[job.id] then list[#list + 1] = job end
  end
  return list
end

--- Fetches and starts one batch; false when nothing is due, or what is due is busy.
local function start_next(engine, self)
  local way = self.way
  local jobs, err = store.query(engine.pinned and "jobs_pinned" or "jobs_due", engine.flow.name,
                                way.direction, time.now(), exclude_list(self.claimed), way.size,
                                engine.generation)
  if not jobs then return nil, err end
  if #jobs == 0 then return false end
  jobs = together(self, jobs)
  if way.provide then
    jobs, err = provide(engine, jobs)
    if not jobs then return nil, err end
  end
  local lock, taken, busy = lane.take(engine, way, jobs)
  if not taken or taken.text then return nil, taken end
  if busy and #busy > 0 then self.busy = true end
  if not lock then return false end
  for _, job in ipairs(taken) do
    job.direction = way.direction
    self.claimed[job.id] = true
  end
  self.batches = self.batches + 1
  task.spawn(guarded_batch, engine, self, taken, lock)
  return true
end

--- Milliseconds until the system that this way writes to is asked again; nil when it may be called.
-- Jobs wait in the store meanwhile: they cost neither an attempt nor a write.
local function shut_ms(engine, way)
  local side = way.direction == "nav_to_odoo" and engine.odoo or engine.nav
  local info = http.info(side.endpoint.name)
  return info and info.breaker == "open" and info.retry_after_ms or nil
end

--- Milliseconds until the next job is due, or nil when there is none.
local function next_due_ms(engine, self)
  local rows, err = store.query(engine.pinned and "jobs_pinned_next_due" or "jobs_next_due",
                                engine.flow.name, self.way.direction, engine.generation)
  if not rows then return nil, err end
  local due = rows[1] and rows[1].due
  if not due then return nil end
  return math.max((due - time.now()) // 1000 + 1, 1)
end

--- Does anything of this way wait for links that other flows may still make?
local function awaits_others(engine, self)
  if not engine:others_at_work() then return false end
  local rows = store.query("jobs_waiting", engine.flow.name, self.way.direction)
  return rows and rows[1].count > 0
end

--- On first contact NAV comes first: who is known on both sides is met, and adopted, from the
-- side that numbers records. The other way begins when NAV was walked through and nothing
-- that it brought is due any more.
local function end_first_contact(engine, self)
  if engine.first_contact and self.way.provide and engine.nav_walked and self.batches == 0
     and express.is_idle(engine) then
    engine.first_contact = false
    engine.wake:set()
  end
end

--- How long to sleep, in milliseconds (nil: until woken), and whether the way is at its end. Nothing
-- begins before `shut` milliseconds.
local function rest(engine, self, shut)
  local quiet = self.batches == 0
  if quiet and engine.polls_open == 0 and self.way.provide then engine.held:clear() end
  if self.busy then
    self.busy = false
    return BUSY_MS, false
  end
  if not quiet then return nil, false end
  local others = #engine.flow.needs > 0 and awaits_others(engine, self) -- before the look at what is due
  local due_ms = next_due_ms(engine, self)
  if due_ms and shut then due_ms = math.max(due_ms, shut) end
  local at_end = not due_ms or self.waited_ms + due_ms > engine.wait_ms
  if engine.pinned then return due_ms, engine.once and at_end or not due_ms end
  if not others then return due_ms, at_end end
  return math.min(due_ms or WAITING_MS, WAITING_MS), at_end and self.waited_ms > engine.wait_ms
end

-- Is everything that this engine does waiting for a time that comes?
local function nothing_runs(engine)
  if engine.polls_open > 0 then return false end -- lots are counted there, too
  for _, way in ipairs(engine.ways) do
    if way.pump and way.pump.batches > 0 then return false end
  end
  return true
end

-- With --once: says what it waits for, and how long that may last.
local function tell(engine, self, ms)
  if not engine.once or self.told then return end
  self.told = true
  log.info(("waits %d s for work that is due then, %d s in all at most (--wait)"):format(ms // 1000,
    engine.wait_ms // 1000), { flow = engine.flow.name, direction = self.way.direction,
    why = engine.last_trouble and engine.last_trouble.text })
end

--- Runs one way of an engine until it stops, or retires and what runs has ended. With
-- `engine.once` it ends when every poll is done and on no way anything is ready, running,
-- or due within `engine.wait_ms` of waiting; a pinned one when none of its jobs is left.
---@param engine table
---@param way { direction: string, run: function, size: integer, batches: integer, provide: boolean? }
function pump.run(engine, way)
  local self = { way = way, claimed = {}, deferred = {}, apart = {}, in_a_row = 0, batches = 0, waited_ms = 0,
                 wake = way.wake }
  way.pump = self
  while engine.first_contact and not way.provide and not engine.stopping and not engine.retiring do
    local first = engine.ways[1].pump
    if engine.once and engine.polls_open == 0 and (not engine.nav_walked or first and first.idle) then
      -- this run does not come to it
      self.idle = true
      engine.wake:set()
      return
    end
    way.wake:wait(STORE_PAUSE_MS)
  end
  while not engine.stopping do
    local started, err = false, nil
    if self.store_failed then
      self.store_failed = false
      task.sleep(STORE_PAUSE_MS)
    end
    if engine.retiring and self.batches == 0 then break end
    unclaim_deferred(engine, self)
    local shut = shut_ms(engine, way)
    if self.batches < way.batches and not engine.retiring and not shut then
      started, err = start_next(engine, self)
    end
    if started == nil then
      engine:store_failed(err)
      task.sleep(STORE_PAUSE_MS)
    elseif not started then
      if not shut then end_first_contact(engine, self) end
      local ms, at_end = rest(engine, self, shut)
      self.idle = at_end and engine.polls_open == 0
      local all_idle = (engine.once or engine.pinned) and engine:all_idle()
      cluster.rests(engine, all_idle)
      if all_idle and cluster.all_rest(engine) then break end
      if all_idle then ms = math.min(ms or CLUSTER_MS, CLUSTER_MS) end
      local began, waits = time.monotonic(), ms and nothing_runs(engine)
      if waits and ms > TOLD_MS then tell(engine, self, ms) end
      local woken = self.wake:wait(ms)
      self.idle = false
      if woken then cluster.rests(engine, false) end
      if waits then self.waited_ms = self.waited_ms + time.monotonic() - began end
    end
  end
  engine.wake:set() -- the other way may have waited for this one's end
end

return pump
