--- The express lane of a first load: records that are new to us, a page at a time.
--
-- A lot is a part of a page whose records have neither link nor job. It is stored as one row
-- in the transaction that moves the cursor; one more row says that all of it may have been
-- sent; and the transaction that writes links and journal drops both. So nothing is lost and
-- nothing happens twice, at a fraction of what a job and an effect for each record cost.
--
-- Only the plain case goes this way (lot.lua): mapped without a complaint, nobody like it in
-- the target, written, read back. Any other record is set aside: with the end of the lot it
-- becomes an ordinary job (unfold.lua), and engine/batch.lua does the rest. So does every
-- record of a lot that was left by a crash.

local http = require "navodoo.http"
local log = require "navodoo.log"
local task = require "navodoo.task"
local lane = require "navodoo.engine.lane"
local lots = require "navodoo.engine.lot"
local unfold = require "navodoo.engine.unfold"

local express = {}

-- Small lots and many: while one waits for the disk or for Odoo, others are mapped, and what they
-- hold stays in the cache of the processor.
local AT_ONCE <const> = 6      -- lots under way
local WAITING <const> = 2      -- and behind them; more would only hold memory
local LOT_MAX <const> = 1000   -- records, what one read of the target takes
local PAUSE_MS <const> = 1000  -- after a failure of the store; between looks at a breaker

--- The lane of a flow; none where a new record needs more than its own words.
---@param flow navodoo.Compiled
function express.new(flow)
  if #flow.link_needs > 0 then return nil end
  return { waiting = {}, running = 0, hashes = {}, users = {}, last = 0, idle = task.event() }
end

--- Content of a record that is in a lot now.
---@return string|nil
function express.hash(engine, name)
  return engine.express and engine.express.hashes[name]
end

--- True while more lots wait than can begin soon.
function express.is_full(engine)
  return engine.express ~= nil and #engine.express.waiting >= WAITING
end

---@class navodoo.Lot
---@field n integer                      its number, of the flow
---@field created integer
---@field records navodoo.records.List   that the records are in
---@field rows navodoo.Row[]
---@field at integer[]                   their places there
---@field names string[]
---@field tags (string|false)[]          their etags
---@field claims string[]                values that are looked for by, and whose they are
---@field claimants table[]
---@field intent table|nil               it may have been sent
---@field lock any                       on the claims, where all flows must know them

-- ---- taking in -----------------------------------------------------------------------

--- Adds the lots that new rows make to a transaction.
---@param engine table
---@param txn navodoo.Txn
---@param rows navodoo.Row[]
---@param now integer
---@return navodoo.Lot[] lots
function express.add(engine, txn, rows, now)
  local list, own, lot = {}, engine.express, nil
  for _, row in ipairs(rows) do
    if not lot or lot.records ~= row.records or #lot.at == math.min(engine.batch_size, LOT_MAX) then
      own.last = math.max(now, own.last + 1)
      lot = { n = own.last, created = now, records = row.records, rows = {}, at = {}, names = {}, tags = {},
              claims = {}, claimants = {} }
      list[#list + 1] = lot
    end
    local k = #lot.at + 1
    lot.rows[k], lot.at[k], lot.names[k], lot.tags[k] = row, row.at, row.name, row.etag or false
  end
  for _, each in ipairs(list) do
    txn:add("lot_put", engine.flow.name, each.n, engine.direction, #each.at, now,
            each.records:pack(each.at, each.names, each.tags))
  end
  return list
end

-- ---- lots under way ----------------------------------------------------------------------

local start_next, waits

local function leave(engine, lot)
  local own = engine.express
  for _, name in ipairs(lot.names) do own.hashes[name] = nil end
  local users = own.users[lot.records] - 1
  own.users[lot.records] = users > 0 and users or nil
  if users == 0 then lot.records:close() end
  own.running = own.running - 1
  engine.polls_open = engine.polls_open - 1
  if own.running == 0 then own.idle:set() end
  engine:publish() -- also makes room for the poll
  engine.wake:set()
  start_next(engine)
end

--- Brings a lot to its end; whatever happens, its records are links, jobs, or still a lot.
local function guarded(engine, lot)
  local own, names = engine.express, {}
  for i, name in ipairs(lot.names) do names[i] = lane.nav_name(engine, name) end
  local lock = task.lock(names)
  local ok, done, err = xpcall(lots.run, debug.traceback, engine, lot)
  if ok and done then engine:store_failed(nil) end
  if ok and not done and err.code == "breaker_open" and not lot.intent and waits(engine, true) then
    lock:release() -- nothing of it was sent
    lot.claims, lot.claimants, lot.lock = {}, {}, nil
    table.insert(own.waiting, 1, lot)
    own.running = own.running - 1
    return
  end
  if not ok then
    engine.bugs = engine.bugs + 1
    err = { text = done }
  end
  while not (ok and done) and not (engine.stopping or engine.gave_up) do
    log.error("lot: " .. tostring(err.text), { flow = engine.flow.name })
    ok, done, err = true, unfold.lot(engine, lot)
    engine:store_failed(not done and err or nil)
    if not done then task.sleep(PAUSE_MS) end
  end
  lock:release()
  leave(engine, lot)
end

-- Lots behind an open breaker would all become ordinary jobs: they wait, as those do. Not where the
-- engine hands over or has no time to wait: what cannot be done now is a job then. A breaker that is
-- half open lets one question through: the lot that asks it begins, and one that was `refused` waits.
function waits(engine, refused)
  local own, info = engine.express, http.info(engine.odoo.endpoint.name)
  local shut = info and (info.breaker == "open" or refused and info.breaker == "half_open")
  local ms = shut and info.retry_after_ms
  if not ms or engine.retiring or engine.once and engine:out_of_time(ms) then return false end
  if not own.looks then
    own.looks = true
    task.spawn(function()
      task.sleep(math.min(ms, PAUSE_MS))
      own.looks = false
      start_next(engine)
    end)
  end
  return true
end

function start_next(engine)
  local own = engine.express
  if #own.waiting > 0 and waits(engine) then return end
  while own.running < AT_ONCE and #own.waiting > 0 and not (engine.stopping or engine.gave_up) do
    own.running = own.running + 1
    task.spawn(guarded, engine, table.remove(own.waiting, 1))
  end
end

--- Begins the lots of a page that is on disk.
---@param engine table
---@param list navodoo.Lot[]
function express.start(engine, list)
  local own = engine.express
  for _, lot in ipairs(list) do
    for k, name in ipairs(lot.names) do own.hashes[name] = lot.rows[k].hash end
    own.users[lot.records] = (own.users[lot.records] or 0) + 1
    own.waiting[#own.waiting + 1] = lot
    engine.polls_open = engine.polls_open + 1
  end
  if own then start_next(engine) end
end

--- True while no lot is open.
function express.is_idle(engine)
  local own = engine.express
  return not own or own.running + #own.waiting == 0
end

--- Waits for the lots under way when the engine hands over to another life.
function express.finish(engine)
  while not (express.is_idle(engine) or engine.stopping or engine.gave_up) do
    engine.express.idle:wait(PAUSE_MS)
  end
end

return express
