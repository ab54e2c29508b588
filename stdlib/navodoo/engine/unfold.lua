--- Ordinary jobs of what the express lane (express.lua) did not bring to its end.
--
-- A record of a lot gets a job, and an open effect where it may have been written. One that
-- got a link meanwhile is somebody else's: whoever made that has newer words.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local store = require "navodoo.store"
local time = require "navodoo.time"
local intent = require "navodoo.engine.intent"
local keys = require "navodoo.engine.keys"

local unfold = {}

--- What is known of records by now: content by name of those with a link, and those with a job.
function unfold.known(engine, names)
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
function unfold.look_again(engine, txn, row, hash, now)
  if engine.paired and hash ~= row.hash then
    txn:add("job_hint", engine.flow.name, engine.direction, row.name, now, nil, nil)
  end
end

--- Adds the job of a record, unless it has one.
function unfold.add_job(engine, txn, row, payload, due, now)
  txn:add("job_keep", engine.flow.name, engine.direction, row.name, due, now, row.etag, row.hash, payload)
end

--- Adds the open effect of a record that may have been written.
function unfold.add_effect(engine, txn, row, key, sent)
  key = engine.effect_prefix .. key
  txn:add("effect_of_record", key, engine.flow.name, engine.direction, row.name, engine.odoo.endpoint.name, "create",
          row.hash, sent.at, sent.epoch, sent.generation)
  intent.over(engine, key, time.now())
end

--- Makes jobs of what lots of this flow a life before left behind, and what it was about to
-- commit when it ended. A lot that may have been sent may have been so until now.
---@param engine table
---@return boolean|nil ok
---@return table|nil err
function unfold.leftovers(engine)
  local lots, err = store.query("lots", engine.flow.name)
  if not lots then return nil, err end
  for _, lot in ipairs(lots) do
    local txn, now, parts, names = store.txn(), time.now(), assert(json.decode(lot.rows)), {}
    local sent = lot.at and { at = now, epoch = store.epoch(), generation = lot.generation }
    for i, part in ipairs(parts) do names[i] = part[1] end
    local links, failed = unfold.known(engine, names)
    if not links then return nil, failed end
    for _, part in ipairs(parts) do
      local payload = assert(json.canonical(part[3]))
      local etag = part[2] ~= json.null and part[2] or nil
      local row = { name = part[1], etag = etag, hash = crypto.hash(payload) }
      if links[row.name] ~= nil and not sent then
        unfold.look_again(engine, txn, row, links[row.name], now)
      else
        unfold.add_job(engine, txn, row, payload, sent and now + engine.settle_us or now, now)
        if sent then unfold.add_effect(engine, txn, row, keys.nav_key(engine.company, row.name), sent) end
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
---@param engine table
---@param lot navodoo.Lot
---@return boolean|nil ok
---@return table|nil err
function unfold.lot(engine, lot)
  local txn, now = store.txn(), time.now()
  local due = lot.intent and now + engine.settle_us or now
  local links, err = unfold.known(engine, lot.names)
  if not links then return nil, err end
  for _, row in ipairs(lot.rows) do
    if links[row.name] ~= nil and not lot.intent then
      unfold.look_again(engine, txn, row, links[row.name], now)
    else
      unfold.add_job(engine, txn, row, row.records:text(row.at), due, now)
      if lot.intent then unfold.add_effect(engine, txn, row, row.key, lot.intent) end
    end
  end
  txn:add("lot_done", engine.flow.name, lot.n)
  return store.apply(txn)
end

return unfold
