--- The way of a lot (express.lua): map, look for the like, write, read back, close.

local failpoint = require "navodoo.failpoint"
local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local adoption = require "navodoo.engine.adopt"
local candidates = require "navodoo.engine.candidates"
local company = require "navodoo.engine.company"
local gauge = require "navodoo.engine.gauge"
local identity = require "navodoo.engine.identity"
local keys = require "navodoo.engine.keys"
local lane = require "navodoo.engine.lane"
local pair = require "navodoo.engine.pair"
local sending = require "navodoo.engine.sending"
local twoway = require "navodoo.engine.twoway"
local unfold = require "navodoo.engine.unfold"

local lots = {}

local WITNESSES <const> = 5    -- of the last records of a lot, see identity.lua
local SLICE <const> = 50       -- records mapped under one guard
local BUDGET <const> = 2000000 -- instructions for a slice

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
  local details, disputed = {}, {}
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
      if item.differs then
        details[n] = assert(json.encode { differs = item.differs })
        disputed[n] = engine.paired and item or nil -- a change of Odoo's, which is to reach NAV
      end
    end
  end
  if n == 0 then return 0 end
  local bases = lot.records:pairs(ats, "nav", list, backs, "odoo")
  for k = 1, n do
    local item = disputed[k]
    if item then
      bases[k] = pair.disputed(engine, txn, item.id, item.row.records:text(item.row.at), list:record(item.back),
                               item.write, item.differs)
    end
  end
  txn:add_each("link_put", n, flow, names, ids, xmlids, hashes, etags, versions, sums, bases, now)
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
      unfold.look_again(engine, txn, row, item.linked, now)
    elseif not item.back and not item.has_job then
      local err = item.failed
      -- refused for what it is: nothing was written, and batch says it in the target's words
      local unknown = item.write and not (err and err.class == "invalid")
      unfold.add_job(engine, txn, row, row.records:text(row.at), unknown and now + engine.settle_us or now, now)
      if unknown then unfold.add_effect(engine, txn, row, row.key, lot.intent) end
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
  local links, jobs = unfold.known(engine, lot.names)
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

--- Brings a lot to its end: links, or jobs for the rest. Its locks are held by the caller.
---@param engine table
---@param lot navodoo.Lot
---@return boolean|nil ok
---@return table|nil err
function lots.run(engine, lot)
  local items, err = items_of(engine, lot)
  if not items then return nil, err end
  local ok, done, failed = xpcall(work, debug.traceback, engine, lot, items)
  drop_claims(engine, lot)
  if lot.lock then lot.lock:release() end
  if not ok then error(done, 0) end
  return done, failed
end

return lots
