--- Lives of the flows: opens them, hands over from one to the next, looks after those
-- that end.
--
-- A *slot* is one flow for one pair of companies, by its name in the store. `wanted` is
-- the version that it should run; whoever changes it (cli/reload.lua) sets `news`. The
-- new life compiles and prepares beside the old one; when it cannot, the old one stays.
-- Jobs that an older version began are finished by it, opened from the stored sources.

local cache = require "navodoo.cache"
local generation = require "navodoo.generation"
local json = require "navodoo.json"
local log = require "navodoo.log"
local outcome = require "navodoo.engine.outcome"
local process = require "navodoo.process"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"

local supervisor = {}
supervisor.__index = supervisor

--- A flow that was told to stop may take this long.
local GRACE_MS <const> = 10000
--- How often is looked for what nobody told: jobs of other versions, a life that went silent.
local TICK_MS <const> = 1000
local FIRST_PAUSE_MS <const>, LAST_PAUSE_MS <const> = 1000, 60000
--- The store's versions that are kept of every flow, whoever refers to them.
local KEPT <const> = 20

---@class cli.Wanted  what a slot should run
---@field id integer       of the generation in the store
---@field hash string
---@field file string
---@field source string
---@field lookups table<string, string>  sources of the tables that the flow names
---@field cause string     "start", "file", "endpoints" or "rollback"
---@field endpoints { nav: table, odoo: table }  as the pair of companies sees them
---@field pairs integer    how many pairs of companies there are
---@field began number|nil monotonic, when the change was noticed
---@field kept cli.Kept|nil its sources on their way to the disk

---@param options { once: boolean, all: boolean, wait_ms: integer, memory: integer, started: integer,
--   tick_ms: integer? } tick_ms: how often is looked for what nobody told
function supervisor.new(options)
  return setmetatable({ options = options, slots = {}, by_name = {}, ending = {}, open = 0, lives = 0,
                        changed = task.event(), failed = {}, counters = {} }, supervisor)
end

--- What a life tells of itself.
---@param name string
---@return table
function supervisor.board(name)
  local text = cache.get("board", name)
  return text and json.decode(text) or {}
end

-- ---- versions in the store -----------------------------------------------------------------

-- What is being stored, and ids, by flow and hash; the highest id that was given. Known here, so that
-- a reload does not wait behind the commits of a flow at work.
local keeping, ids, last_id = {}, nil, 0

---@class cli.Kept  a version on its way to the disk
local kept = {}
kept.__index = kept

--- Waits until it is there; one that failed is tried again.
---@return boolean|nil ok
---@return table|nil err
function kept:wait()
  while not self.over do self.event:wait(TICK_MS) end
  if self.ok then return true end
  local err
  self.ok, err = store.apply { self.op }
  if self.ok then return true end
  return nil, err
end

local function read_ids()
  local last, err = store.query "generations_last"
  if not last then return nil, err end
  local rows
  rows, err = store.query("generations_list", nil)
  if not rows then return nil, err end
  ids, last_id = {}, last[1].id
  for _, row in ipairs(rows) do ids[row.flow .. " " .. row.hash] = row.id end
  return true
end

local function id_of(name)
  if not ids then
    local ok, err = read_ids()
    if not ok then return nil, err end
  end
  if not ids[name] then
    last_id = last_id + 1
    ids[name] = last_id
  end
  return ids[name]
end

--- Keeps the sources of a version in the store. Answers its id at once: the disk has the time that
-- the version takes to prepare, and whoever gives it its turn waits for both.
---@param flow string
---@param version table  hash, file, source, lookups
---@param cause string
---@return integer|nil id
---@return table|nil err
---@return cli.Kept|nil kept
function supervisor.register(flow, version, cause)
  local name = flow .. " " .. version.hash
  local it = keeping[name]
  if it then return it.id, nil, it end
  local id, err = id_of(name)
  if not id then return nil, err end
  it = setmetatable({ id = id, event = task.event(), op = { "generation_put", id, flow, version.hash, version.file,
    version.source, assert(json.canonical(json.object({}, version.lookups))), generation.stdlib(), cause,
    time.now() } }, kept)
  keeping[name] = it
  task.spawn(function()
    it.ok = store.apply { it.op }
    keeping[name], it.over = nil, true
    it.event:set()
  end)
  return id, nil, it
end

--- Drops versions that nothing refers to.
function supervisor.prune()
  return store.apply { { "generations_prune", time.now(), KEPT } }
end

-- ---- one life --------------------------------------------------------------------------

--- Opens a life; `how` may say beside= (another one runs), known= (on the same endpoints)
-- and pinned=.
local function open(self, slot, wanted, how)
  self.lives = self.lives + 1
  local name = ("%s#%d"):format(slot.name:sub(1, 40), self.lives)
  local o = self.options
  local gen, err = generation.open { name = name, main = "navodoo.engine.main", memory = o.memory,
    argument = assert(json.encode {
      flow = { name = slot.flow, file = wanted.file, source = wanted.source,
               lookups = json.object({}, wanted.lookups) },
      instance = slot.name, life = name, generation = wanted.id, hash = wanted.hash,
      beside = how.beside, pinned = how.pinned, known = how.known, endpoints = wanted.endpoints, pairs = wanted.pairs,
      started = o.started, once = o.once, all = o.all, wait_ms = o.wait_ms }) }
  if not gen then return nil, err end
  local life = { name = name, gen = gen, wanted = wanted }
  for _, kind in ipairs { "ready", "ended", "go", "retire", "stop" } do
    life[kind] = task.event(kind .. ":" .. name)
  end
  for _, kind in ipairs { "ready", "ended" } do
    task.spawn(function()
      life[kind]:wait()
      life[kind == "ready" and "is_ready" or "over"] = true
      slot.news:set()
    end)
  end
  return life
end

--- Closes a life, whatever it does; answers why it raised, if it did.
local function close(life)
  local _, why = life.gen:ended()
  life.gen:close()
  life.ready:set() -- whoever still listens
  life.ended:set()
  cache.drop("board", life.name)
  return why
end

-- When all flows have begun, what only beginning needed goes back to the system.
local function tidy(self)
  for _, slot in ipairs(self.slots) do
    if not (slot.current and slot.current.noted) then return end
  end
  collectgarbage()
  process.trim()
end

--- Remembers that a version got its turn, and forgets one that it replaces.
local function note_turn(life, ended)
  life.noted = true
  store.apply { { "generation_ran", life.wanted.id, time.now() },
                ended and { "generation_end", ended, time.now() } or nil }
end

local function await(slot, condition)
  while not condition() do slot.news:wait(slot.tick_ms) end
end

--- Tells a life to stop and waits until it did; one that does not in time is closed.
local function stop(slot, life)
  local since = time.monotonic()
  life.stop:set()
  await(slot, function() return life.over or time.monotonic() - since > GRACE_MS end)
  if not life.over then
    log.warn("flow did not end in time; what was under way goes on at the next start", { flow = slot.name })
  end
  return close(life)
end

-- ---- jobs that an older version began -----------------------------------------------------

--- The version of a generation in the store.
local function stored(slot, id)
  local rows, err = store.query("generation_by_id", id)
  if not rows then return nil, err.text end
  local row = rows[1]
  if not row then return nil, "its sources are no longer stored" end
  local wanted = setmetatable({ id = row.id, hash = row.hash, file = row.file, source = row.source,
                                lookups = json.decode(row.lookups) }, { __index = slot.wanted })
  return { id = row.id, hash = row.hash, file = row.file, source = row.source, cause = row.cause,
           lookups = wanted.lookups, endpoints = wanted.endpoints, pairs = wanted.pairs }
end

--- Puts the jobs that a version began before a person: it cannot finish them.
local function give_to_a_person(self, slot, id, why)
  local rows, err = store.query("effects_open", slot.name, nil)
  if not rows then return log.error("store: " .. err.text, { flow = slot.name }) end
  local text = ("the version that began to write this record cannot finish it: %s"):format(why)
  local ops = {}
  for _, e in ipairs(rows) do
    local jobs = e.generation == id and store.query("job", e.job)
    local job = jobs and jobs[1]
    if job then
      local cause = assert(json.encode { class = "review", record = job.record, text = text, rule = "generation",
        way_out = "compare the record in both systems, then retry the job: the present version writes it" })
      ops[#ops + 1] = { "job_park", job.id, job.rev, "review", cause,
                         outcome.fingerprint(slot.name, "review", { "generation" }), nil }
      -- what was sent is known: any version can ask the target by it, before it writes again
      ops[#ops + 1] = { "effect_intend", e.key, e.job, e.endpoint, e.kind, e.image, e.intended, e.epoch, nil }
      ops[#ops + 1] = { "journal_add", time.now(), job.flow, job.direction, job.record, job.id, "review", nil, id }
    end
  end
  log.warn(text, { flow = slot.name, generation = id })
  local ok
  ok, err = store.apply(ops)
  if not ok then return log.error("store: " .. err.text, { flow = slot.name }) end
  self.counters.review = (self.counters.review or 0) + #ops // 3
end

--- Adds what a pinned life counted to what its flow did, where that does not run.
local function count_in(self, slot, counters)
  for _, name in ipairs { "dead", "review" } do
    self.counters[name] = (self.counters[name] or 0) + (counters[name] or 0)
  end
  local b = supervisor.board(slot.name)
  if slot.current then return end
  b.counters = b.counters or json.object({}, {})
  for name, n in pairs(counters) do b.counters[name] = (b.counters[name] or 0) + n end
  cache.put("board", slot.name, assert(json.encode(b)))
end

--- Runs an older version until it has finished what it began.
local function finish_with(self, slot, id)
  local wanted, why = stored(slot, id)
  local life
  if wanted then
    local err
    life, err = open(self, slot, wanted, { beside = true, pinned = true })
    why = err and err.text
  end
  if not life then return give_to_a_person(self, slot, id, why) end
  slot.pinned = life
  await(slot, function() return life.is_ready or life.over or slot.stopping end)
  local failed = supervisor.board(life.name).failed
  if failed then
    why = stop(slot, life) or failed
    slot.pinned = nil
    return give_to_a_person(self, slot, id, why)
  end
  if not slot.stopping then
    life.go:set()
    await(slot, function() return life.over or slot.stopping or life.unwanted end)
  end
  count_in(self, slot, supervisor.board(life.name).counters or {})
  if life.over then why = close(life) else why = stop(slot, life) end
  if why then log.error("flow ended: " .. why, { flow = slot.name, generation = wanted.hash }) end
  slot.pinned = nil
end

--- Has a version finish what it began when that is due. Answers how long to wait for the
-- next, nil when there is none.
local function finish_due(self, slot)
  local running = slot.current and slot.current.wanted or slot.wanted
  local rows = store.query("generations_pinned", slot.name, running.id)
  local next = rows and rows[1]
  for _, row in ipairs(rows or {}) do
    if row.due < next.due then next = row end
  end
  if not next then return nil end
  local wait_ms = (next.due - time.now()) // 1000
  if wait_ms <= 0 then finish_with(self, slot, next.generation) end
  return math.max(wait_ms, 0)
end

--- Looks for what other versions began, for as long as the slot runs: a life makes such
-- jobs of what a crash left, and one that retires may leave some.
local function finish_pinned(self, slot)
  if slot.finishing then return end
  slot.finishing = true
  while slot.current and not slot.stopping do
    finish_due(self, slot)
    slot.look:wait(slot.tick_ms)
  end
  slot.finishing = false
  slot.news:set()
end

--- The same with `once`, before the flow gets its turn: what a version leaves when it has ended
-- what it began is work for the one that runs, and those who wait for this flow still do.
local function finish_once(self, slot, life)
  local since = time.monotonic()
  await(slot, function() return life.is_ready or life.over or slot.stopping end)
  while not slot.stopping and not life.over and not supervisor.board(slot.name).failed do
    local wait_ms = finish_due(self, slot)
    if not wait_ms or time.monotonic() - since + wait_ms > self.options.wait_ms then return end
    task.sleep(math.min(wait_ms, slot.tick_ms))
  end
end

-- ---- from one life to the next ---------------------------------------------------------

--- Gives a life its turn.
local function take_over(self, slot, life)
  if slot.pinned and slot.pinned.wanted.id == life.wanted.id then -- it would take the same jobs
    slot.pinned.unwanted = true
    slot.news:set()
    while slot.pinned do task.sleep(20) end
  end
  if self.options.once then finish_once(self, slot, life) end
  slot.current, slot.retiring = life, nil
  life.go:set()
  if not self.options.once then task.spawn(finish_pinned, self, slot) end
end

--- True when no slot runs this version.
local function unused(self, id)
  for _, slot in ipairs(self.slots) do
    if slot.wanted.id == id then return false end
  end
  return true
end

--- Why a life that prepared does not run, or nil.
local function refusal(life)
  if life.is_ready then return supervisor.board(life.name).failed end
  local _, why = life.gen:ended()
  return why or "it ended"
end

--- Opens what is wanted beside what runs, and hands over when it is ready.
local function replace(self, slot)
  local wanted, old = slot.wanted, slot.current
  local function superseded() return old.over or slot.stopping or slot.wanted ~= wanted end
  local took
  local next, err = open(self, slot, wanted, { beside = true, known = wanted.cause ~= "endpoints" })
  if next then
    await(slot, function() return next.is_ready or next.over or superseded() end)
    if superseded() then
      stop(slot, next)
      return
    end
    local why = refusal(next)
    err = why and { text = why }
    took = wanted.began and time.monotonic() - wanted.began
    if not err and wanted.kept then err = select(2, wanted.kept:wait()) end
  end
  if err then
    if next then stop(slot, next) end
    slot.wanted = old.wanted
    if unused(self, wanted.id) then store.apply { { "generation_refused", wanted.id } } end
    self.on_refused(slot, wanted, err.text)
    return
  end
  slot.retiring = old
  old.retire:set()
  await(slot, function() return old.over or slot.stopping end)
  if slot.stopping then
    stop(slot, next)
    return
  end
  local why = close(old)
  if why then log.error("flow ended: " .. why, { flow = slot.name }) end
  take_over(self, slot, next)
  log.info("flow reloaded", { flow = slot.name, generation = wanted.hash, before = old.wanted.hash,
                              cause = wanted.cause, ms = took and math.floor(took + 0.5) })
  tidy(self)
  if self.on_replaced then self.on_replaced(slot) end
  note_turn(next, old.wanted.id ~= wanted.id and unused(self, old.wanted.id) and old.wanted.id or nil)
end

--- Looks after a running slot until its life ends; answers why that raised, if it did.
local function look_after(self, slot)
  while true do
    local life = slot.current
    await(slot, function()
      return life.over or slot.stopping or slot.wanted ~= life.wanted or life.is_ready and not life.noted
    end)
    if life.is_ready and not life.noted then
      if not supervisor.board(slot.name).failed then note_turn(life) end
      life.noted = true
      tidy(self)
    end
    if life.over then return close(life) end
    if slot.stopping then
      if slot.removed then -- its file is gone: what runs ends
        life.retire:set()
        await(slot, function() return life.over or self.stopping end)
        if life.over then return close(life) end
      end
      return stop(slot, life)
    end
    if slot.wanted ~= life.wanted then replace(self, slot) end
  end
end

--- Waits with a flow that does not run until something changed; false when that is the end.
local function rest(self, slot, wanted, class)
  slot.resting, slot.class = true, class
  if class ~= "fingerprint" then self.open = self.open - 1 end -- a person may say that all is well
  self.changed:set()
  await(slot, function() return slot.stopping or slot.wanted ~= wanted or slot.again end)
  slot.resting, slot.again = false, nil
  if class ~= "fingerprint" then self.open = self.open + 1 end
  return not slot.stopping
end

--- Waits for the end of the slot of that name which was taken away: until then its last life is
-- at work. (A file that is saved by taking it away and making it anew.)
local function wait_for_namesake(slot)
  local before = slot.before
  if before then await(slot, function() return before.over end) end
  slot.before = nil
end

local function run(self, slot)
  local pause_ms = FIRST_PAUSE_MS
  wait_for_namesake(slot)
  while not slot.stopping do
    local wanted = slot.wanted
    local ok, err, life = true, nil, nil
    if wanted.kept then ok, err = wanted.kept:wait() end
    if ok then life, err = open(self, slot, wanted, {}) end
    if life then
      take_over(self, slot, life)
      local why = look_after(self, slot)
      wanted, slot.current = slot.wanted, nil
      err = why and { text = why }
    end
    if not err then
      local b = supervisor.board(slot.name)
      if not b.failed or self.options.once or slot.stopping then break end
      log.error("flow does not run: " .. b.failed, { flow = slot.name, class = b.class })
      if not rest(self, slot, wanted, b.class) then break end
    else
      log.error("flow ended: " .. err.text, { flow = slot.name })
      if self.options.once then
        self.failed[slot.name] = err.text
        break
      end
      local until_ms = time.monotonic() + pause_ms
      await(slot, function() return slot.stopping or slot.wanted ~= wanted or time.monotonic() >= until_ms end)
      pause_ms = math.min(pause_ms * 2, LAST_PAUSE_MS)
    end
  end
  slot.look:set()
  await(slot, function() return not slot.finishing end) -- what it runs is stopped, not cut off
  self.open = self.open - 1
  slot.over = true
  if self.ending[slot.name] == slot then self.ending[slot.name] = nil end
  local heir = self.by_name[slot.name]
  if heir then heir.news:set() end
  self.changed:set()
end

-- ---- all of them ---------------------------------------------------------------------------

--- Adds a slot and starts it.
---@param name string  in the store
---@param flow string  as declared
---@param wanted cli.Wanted
function supervisor:add(name, flow, wanted)
  local slot = { name = name, flow = flow, wanted = wanted, news = task.event(), look = task.event(),
                 before = self.ending[name], tick_ms = self.options.tick_ms or TICK_MS }
  self.slots[#self.slots + 1], self.by_name[name] = slot, slot
  self.open = self.open + 1
  task.spawn(run, self, slot)
  return slot
end

--- Ends a slot whose flow is no longer wanted; what runs is finished.
function supervisor:remove(slot)
  for i, s in ipairs(self.slots) do
    if s == slot then table.remove(self.slots, i) break end
  end
  self.by_name[slot.name], self.ending[slot.name] = nil, slot
  slot.removed, slot.stopping = true, true
  slot.news:set()
end

--- Ends all of them.
function supervisor:stop()
  self.stopping = true
  for _, slot in ipairs(self.slots) do
    slot.stopping = true
    slot.news:set()
  end
end

--- Waits until no flow runs and none will.
function supervisor:wait()
  while self.open > 0 do self.changed:wait(1000) end
end

return supervisor
