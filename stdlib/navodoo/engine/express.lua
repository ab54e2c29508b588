--- The express lane of a first load: records that are new to us, a page at a time.
--
-- A lot is a part of a page whose records have neither link nor job. It is stored as one row
-- in the transaction that moves the cursor; one more row says that all of it may have been
-- sent; and the transaction that writes links and journal drops both. So nothing is lost and
-- nothing happens twice, at a fraction of what a job and an effect for each record cost.
--
-- Only the plain case is handled here: mapped without a complaint, nobody like it in the
-- target, written, read back. Any other record is set aside: with the end of the lot it
-- becomes an ordinary job, with its effect where the outcome is unknown, and engine/batch.lua
-- does the rest. So does every record of a lot that was left by a crash.

local crypto = require "navodoo.crypto"
local failpoint = require "navodoo.failpoint"
local json = require "navodoo.json"
local log = require "navodoo.log"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local adoption = require "navodoo.engine.adopt"
local candidates = require "navodoo.engine.candidates"
local company = require "navodoo.engine.company"
local gauge = require "navodoo.engine.gauge"
local identity = require "navodoo.engine.identity"
local intents = require "navodoo.engine.intent"
local keys = require "navodoo.engine.keys"
local lane = require "navodoo.engine.lane"
local pair = require "navodoo.engine.pair"
local sending = require "navodoo.engine.sending"
local twoway = require "navodoo.engine.twoway"

local express = {}

local AT_ONCE <const> = 4      -- lots under way
local WAITING <const> = 2      -- and behind them; more would only hold memory
local WITNESSES <const> = 5    -- of the last records of a lot, see identity.lua
local LOT_MAX <const> = 1000   -- records, what one read of the target takes
local SLICE <const> = 50       -- records mapped under one guard
local BUDGET <const> = 2000000 -- instructions for a slice
local PAUSE_MS <const> = 1000  -- after a failure of the store

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

-- ---- taking in -----------------------------------------------------------------------

--- Adds the lots that new rows make to a transaction.
---@param engine table
---@param txn navodoo.Txn
---@param rows navodoo.Row[]
---@param now integer
---@return table[] lots
function express.add(engine, txn, rows, now)
  local lots, own, lot = {}, engine.express, nil
  for _, row in ipairs(rows) do
    if not lot or lot.records ~= row.records or #lot.at == math.min(engine.batch_size, LOT_MAX) then
      own.last = math.max(now, own.last + 1)
      lot = { n = own.last, created = now, records = row.records, rows = {}, at = {}, names = {}, tags = {},
              claims = {}, claimants = {} }
      lots[#lots + 1] = lot
    end
    local k = #lot.at + 1
    lot.rows[k], lot.at[k], lot.names[k], lot.tags[k] = row, row.at, row.name, row.etag or false
  end
  for _, each in ipairs(lots) do
    txn:add("lot_put", engine.flow.name, each.n, engine.direction, #each.at, now,
            each.records:pack(each.at, each.names, each.tags))
  end
  return lots
end

-- ---- into ordinary jobs ----------------------------------------------------------------

--- What is known of records by now: content by name of those with a link, and those with a job.
local function known_of(engine, names)
  local rows, err = store.query("known", engine.flow.name, engine.direction, assert(json.encode(json.array(names))))
  if not rows then return nil, err end
  local links, jobs = {}, {}
  for _, row in ipairs(rows) do
    if row.state == "link" then links[row.record] = row.hash or false else jobs[row.record] = true end
  end
  return links, jobs
end

--- A record that got a link since its page was read: whoever made that read it later. Where
-- both sides are read anyway, they are read again; else the next walk compares.
local function look_again(engine, txn, row, hash, now)
  if engine.paired and hash ~= row.hash then
    txn:add("job_hint", engine.flow.name, engine.direction, row.name, now, nil, nil)
  end
end

local function add_job(engine, txn, row, payload, due, now)
  txn:add("job_keep", engine.flow.name, engine.direction, row.name, due, now, row.etag, row.hash, payload)
end

local function add_effect(engine, txn, row, key, intent)
  txn:add("effect_of_record", engine.effect_prefix .. key, engine.flow.name, engine.direction, row.name,
          engine.odoo.endpoint.name, "create", row.hash, intent.at, intent.epoch, intent.generation)
  intents.over(engine, engine.effect_prefix .. key, time.now()) -- its job is due when that has settled
end

--- Makes jobs of what lots of this flow a life before left behind, and what it was about to
-- commit when it ended. A lot that may have been sent may have been so until now.
---@param engine table
---@return boolean|nil ok
---@return table|nil err
function express.unfold_leftovers(engine)
  local lots, err = store.query("lots", engine.flow.name)
  if not lots then return nil, err end
  for _, lot in ipairs(lots) do
    local txn, now, parts, names = store.txn(), time.now(), assert(json.decode(lot.rows)), {}
    local intent = lot.at and { at = now, epoch = store.epoch(), generation = lot.generation }
    for i, part in ipairs(parts) do names[i] = part[1] end
    local links, failed = known_of(engine, names)
    if not links then return nil, failed end
    for _, part in ipairs(parts) do
      local payload = assert(json.canonical(part[3]))
      local etag = part[2] ~= json.null and part[2] or nil
      local row = { name = part[1], etag = etag, hash = crypto.hash(payload) }
      if links[row.name] ~= nil and not intent then
        look_again(engine, txn, row, links[row.name], now)
      else
        add_job(engine, txn, row, payload, intent and now + engine.settle_us or now, now)
        if intent then add_effect(engine, txn, row, keys.nav_key(engine.company, row.name), intent) end
      end
    end
    txn:add("lot_done", engine.flow.name, lot.n)
    local ok
    ok, err = store.apply(txn)
    if not ok then return nil, err end
  end
  return true
end

--- Makes jobs of a lot of our own.
local function unfold(engine, lot)
  local txn, now = store.txn(), time.now()
  local due = lot.intent and now + engine.settle_us or now
  local links, err = known_of(engine, lot.names)
  if not links then return nil, err end
  for _, row in ipairs(lot.rows) do
    if links[row.name] ~= nil and not lot.intent then
      look_again(engine, txn, row, links[row.name], now)
    else
      add_job(engine, txn, row, row.records:text(row.at), due, now)
      if lot.intent then add_effect(engine, txn, row, row.key, lot.intent) end
    end
  end
  txn:add("lot_done", engine.flow.name, lot.n)
  return store.apply(txn)
end

-- ---- the way of a lot --------------------------------------------------------------------

--- Maps items from `state.at` on, and says how far it came.
local function map_slice(flow, items, state, ctx)
  for i = state.at, state.to do
    state.at = i
    local item = items[i]
    local values, problems = flow:to_odoo(item.row.records:record(item.row.at), ctx)
    if type(values) == "table" and type(problems) == "table" and #problems == 0 then item.values = values end
  end
end

--- Maps all. A record whose mapping raises or does not end is set aside alone.
local function map_all(engine, items)
  engine:refresh_lookups(false)
  local state, ctx = { at = 1 }, { creating = true, lookups = engine.lookups }
  while state.at <= #items do
    state.to = math.min(state.at + SLICE - 1, #items)
    task.guard(BUDGET, map_slice, engine.flow, items, state, ctx)
    state.at = state.at + 1 -- behind the last one, or the one that broke off
  end
end

-- Claims the values by which an item is looked for; false when somebody has one of them.
local function claim(engine, lot, item, rules, wanted)
  local claims, claimants = lot.claims, lot.claimants
  for i = 1, #rules do
    local field = rules[i].odoo
    local value = item.values[field]
    local folded = adoption.fold_value(value)
    if folded then
      local name = field .. "=" .. folded
      if engine.claims[name] then return false end
      local n = #claims + 1
      engine.claims[name], claims[n], claimants[n] = item, name, item
      candidates.want(engine, wanted, field, value, folded)
    end
  end
  return true
end

local function drop_claims(engine, lot)
  for _, name in ipairs(lot.claims) do engine.claims[name] = nil end
end

-- Cards of one partner are in several flows: what they claim is known to all. An item whose
-- value somebody has is set aside, so this does not wait.
local function claim_for_all(engine, lot)
  local names, claims, claimants = {}, lot.claims, lot.claimants
  for i = 1, #claims do names[i] = lane.claim_name(engine, claims[i]) end
  if not task.is_free(names) then
    local free = {}
    for i = 1, #names do
      if not task.is_free { names[i] } then claimants[i].values = nil end
    end
    for i = 1, #names do
      if claimants[i].values then free[#free + 1] = names[i] end
    end
    names = free
  end
  lot.lock = #names > 0 and task.lock(names) or nil
end

--- Claims the strong values of the items and looks for them in the target: who shares one
-- with somebody is no plain case.
local function stand_alone(engine, lot, items)
  local rules, wanted = engine.flow.link.adopt, {}
  if #rules == 0 then return true end
  for i = 1, #items do
    local item = items[i]
    if item.values and not claim(engine, lot, item, rules, wanted) then item.values = nil end
  end
  if engine.flow.link.cluster then claim_for_all(engine, lot) end
  local by_value, err = candidates.by_values(engine, wanted)
  if not by_value then return nil, err end
  for name in pairs(by_value) do
    local item = engine.claims[name]
    if type(item) == "table" then item.values = nil end
  end
  local strangers, by_name = {}
  for _, item in ipairs(items) do
    if item.values then strangers[#strangers + 1] = item end
  end
  by_name, err = candidates.by_name(engine, strangers)
  if not by_name then return nil, err end
  for item in pairs(by_name) do item.values = nil end
  return true
end

--- The items that are written, with what `sending` wants of them.
local function plain_items(engine, items)
  local plain, blanks = {}, engine.blank_fields
  for i = 1, #items do
    local item = items[i]
    local values = item.values
    if values then
      company.own(engine, values)
      for k = 1, #blanks do
        if values[blanks[k]] == nil then values[blanks[k]] = false end
      end
      item.write = values
      item.xmlid = engine.xmlid_prefix .. keys.part(tostring(item.row.key))
      plain[#plain + 1] = item
    end
  end
  return plain
end

--- Reads back what was written and compares. Items that were not seen keep no `back`.
local function read_back(engine, items)
  local ids, by_id = {}, {}
  for i = 1, #items do
    local item = items[i]
    if item.id and not item.failed then
      ids[#ids + 1] = item.id
      by_id[item.id] = item
    end
  end
  if #ids == 0 then return nil end
  local list, err = engine.odoo:read_list(engine.model, ids, engine.odoo_fields)
  if not list then
    engine:trouble(err)
    return nil
  end
  local fields = engine.fields
  local read = list:column "id"
  for k = 1, #read do
    local item = by_id[read[k]]
    item.back = k
    local other = list:same(k, item.write)
    if other ~= true then
      local held = list:record(k)
      for _, name in ipairs(other) do
        if not engine.same(fields[name], item.write[name], held[name]) then
          item.differs = item.differs or json.array {}
          table.insert(item.differs, name)
        end
      end
    end
  end
  return list
end

-- Links and journal of the items that are done, a column for each value.
local function add_done(engine, txn, lot, items, list, now)
  local flow, n = engine.flow.name, 0
  local names, ids, xmlids, hashes, etags, versions, ats, backs, sums = {}, {}, {}, {}, {}, {}, {}, {}, {}
  local details = {}
  if not list then return 0 end
  local back_hashes, back_versions = list:hashes(), list:column "write_date"
  for i = 1, #items do
    local item = items[i]
    local back = item.back
    if back then
      local row = item.row
      n = n + 1
      names[n], ids[n], xmlids[n], hashes[n] = row.name, item.id, item.xmlid, row.hash
      etags[n], ats[n], backs[n] = row.etag, row.at, back
      versions[n], sums[n] = back_versions[back] or nil, back_hashes[back]
      details[n] = item.differs and assert(json.encode { differs = item.differs }) or nil
    end
  end
  if n == 0 then return 0 end
  txn:add_each("link_put", n, flow, names, ids, xmlids, hashes, etags, versions, sums,
               lot.records:pairs(ats, "nav", list, backs, "odoo"), now)
  for i = 1, #items do -- what reads back otherwise than it was sent is no agreement of the two sides
    local item = items[i]
    local row = item.row
    if item.back and item.differs and engine.paired then
      txn:add("link_put", flow, row.name, tostring(item.id), item.xmlid, row.hash, row.etag,
              back_versions[item.back] or nil, back_hashes[item.back],
              pair.disputed(engine, txn, item.id, row.records:text(row.at), list:record(item.back), item.write,
                            item.differs), now)
    end
  end
  txn:add_each("journal_add", n, now, flow, engine.direction, names, nil, "created", details, engine.generation)
  for i = math.max(n - WITNESSES, 1), n do identity.note(engine, txn, names[i], etags[i], ids[i], versions[i]) end
  return n
end

--- Ends a lot: links and journal of what is done, jobs for the rest.
local function close(engine, lot, items, list)
  local txn, now, flow = store.txn(), time.now(), engine.flow.name
  local created = add_done(engine, txn, lot, items, list, now)
  for i = 1, #items do
    local item = items[i]
    local row = item.row
    if item.linked ~= nil then
      look_again(engine, txn, row, item.linked, now)
    elseif not item.back and not item.has_job then
      local err = item.failed
      -- refused for what it is: nothing was written, and batch says it in the target's words
      local unknown = item.write and not (err and err.class == "invalid")
      add_job(engine, txn, row, row.records:text(row.at), unknown and now + engine.settle_us or now, now)
      if unknown then add_effect(engine, txn, row, row.key, lot.intent) end
    end
  end
  txn:add("lot_done", flow, lot.n)
  local ok, err = store.apply(txn)
  if ok then
    engine:count("created", created)
    gauge.delivered(engine, engine.direction, lot.created, now, created)
  end
  return ok, err
end

--- The items of a lot, its locks held. What got a link or a job since its page was read is no
-- longer ours: whoever gave it one has newer words. Nor is what a creation of the other
-- direction may have made in NAV.
local function items_of(engine, lot)
  local open, err
  if engine.paired then open, err = twoway.begin(engine) end -- before the links are read
  if err then return nil, err end
  local links, jobs = known_of(engine, lot.names)
  if not links then return nil, jobs end
  local items = {}
  for i, row in ipairs(lot.rows) do
    local hash, has_job = links[row.name], jobs[row.name]
    local item = { -- the nils make room: a table that grows is built again and again
                   values = nil, write = nil, xmlid = nil, id = nil, back = nil, row = row,
                   is_plain = hash == nil and not has_job and not (open and (open == true or open[row.key])) }
    if not item.is_plain then item.has_job, item.linked = has_job, hash end
    items[i] = item
  end
  return items
end

local function work(engine, lot, items)
  map_all(engine, items)
  for i = 1, #items do
    if not items[i].is_plain then items[i].values = nil end
  end
  local ok, err = stand_alone(engine, lot, items)
  if not ok then return nil, err end
  local plain = plain_items(engine, items)
  failpoint("effect.before_intend")
  if #plain > 0 then
    local intent = { at = time.now(), epoch = store.epoch(), generation = engine.generation }
    ok, err = store.apply { { "lot_intend", engine.flow.name, lot.n, intent.at, intent.epoch,
                              intent.generation } }
    if not ok then return nil, err end
    lot.intent = intent
    sending.write(engine, plain)
  end
  local list <close> = read_back(engine, plain)
  ok, err = close(engine, lot, items, list)
  failpoint("effect.after_confirm")
  return ok, err
end

local function run(engine, lot)
  local items, err = items_of(engine, lot)
  if not items then return nil, err end
  local ok, done, failed = xpcall(work, debug.traceback, engine, lot, items)
  drop_claims(engine, lot)
  if lot.lock then lot.lock:release() end
  if not ok then error(done, 0) end
  return done, failed
end

-- ---- lots under way ----------------------------------------------------------------------

local start_next

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
  local names = {}
  for i, name in ipairs(lot.names) do names[i] = lane.nav_name(engine, name) end
  local lock = task.lock(names)
  local ok, done, err = xpcall(run, debug.traceback, engine, lot)
  if not ok then
    engine.bugs = engine.bugs + 1
    err = { text = done }
  end
  while not (ok and done) and not engine.stopping do
    log.error("lot: " .. tostring(err.text), { flow = engine.flow.name })
    ok, done, err = true, unfold(engine, lot)
    if not done then task.sleep(PAUSE_MS) end
  end
  lock:release()
  leave(engine, lot)
end

function start_next(engine)
  local own = engine.express
  while own.running < AT_ONCE and #own.waiting > 0 and not engine.stopping do
    own.running = own.running + 1
    task.spawn(guarded, engine, table.remove(own.waiting, 1))
  end
end

--- Begins the lots of a page that is on disk.
---@param engine table
---@param lots table[]
function express.start(engine, lots)
  local own = engine.express
  for _, lot in ipairs(lots) do
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
  while not express.is_idle(engine) and not engine.stopping do engine.express.idle:wait(PAUSE_MS) end
end

return express
