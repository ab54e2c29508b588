--- A record that one side no longer has: a policy per side, never a silent delete.
--
-- A nightly walk that did not come across a linked record stores a job with the hash
-- "gone". The side is asked once more; when the record is really not there, its partner is
-- archived (Odoo) or blocked (NAV), or left alone, or a person decides. The link stays and
-- remembers: should the record come back, that is a change like any other.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local problem = require "navodoo.problem"
local store = require "navodoo.store"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"
local closing = require "navodoo.engine.closing"
local gate = require "navodoo.engine.gate"
local keys = require "navodoo.engine.keys"
local outcome = require "navodoo.engine.outcome"
local pair = require "navodoo.engine.pair"

local gone = {}

--- Stands for the hash of a record that is not there.
gone.HASH = "gone"

--- What archiving needs of an engine that knows its schema: to read and to write `active`, also
-- where no entry of the flow does.
---@param engine table
function gone.prepare(engine)
  local names = engine.flow.odoo_fields
  engine.load_fields = table.move(names, 1, #names, 1, {})
  if not engine.fields.active then return end
  for _, list in ipairs { engine.load_fields, engine.read_fields } do
    if not problem.is_in(list, "active") then list[#list + 1] = "active" end
  end
  table.sort(engine.load_fields)
end

--- Stores the question what becomes of a record's partner.
---@param engine table
---@param txn navodoo.Txn
---@param direction "nav_to_odoo"|"odoo_to_nav"  of the side that lacks the record
---@param record string
function gone.report(engine, txn, direction, record)
  local now = time.now()
  txn:add("job_put", engine.flow.name, direction, record, now, now, nil, gone.HASH, "{}")
  engine.wake:set()
end

--- The same from a watch that missed it: a job that is there already finds out itself.
---@param engine table
---@param txn navodoo.Txn
---@param direction "nav_to_odoo"|"odoo_to_nav"
---@param record string
function gone.suspect(engine, txn, direction, record)
  local now = time.now()
  txn:add("job_keep", engine.flow.name, direction, record, now, now, nil, gone.HASH, "{}")
  engine.wake:set()
end

--- The base of a link whose Odoo record a person archived, and which is left as it is.
---@param link table
---@return string
function gone.with_archived(link)
  local known = base.read(link) or { nav = {}, odoo = {} }
  known.odoo.active = false
  return base.pack(assert(json.canonical(json.object({}, known.nav))), assert(json.canonical(known.odoo)))
end

--- Splits the jobs of a batch: those about a record, and those about one that is gone.
---@param jobs table[]
---@return table[] jobs
---@return table[] gone
function gone.apart(jobs)
  local there, lost = {}, {}
  for _, job in ipairs(jobs) do
    local list = job.hash == gone.HASH and lost or there
    list[#list + 1] = job
  end
  return there, lost
end

--- Has nobody dealt with it yet?
---@param link table
---@param direction "nav_to_odoo"|"odoo_to_nav"
---@return boolean
function gone.is_news(link, direction)
  return (direction == "nav_to_odoo" and link.hash or link.odoo_hash) ~= gone.HASH
end

--- Leaves it to a person.
---@param direction "nav_to_odoo"|"odoo_to_nav"  of the side that lacks the record
---@param archived boolean|nil  it is there, but archived
function gone.review(engine, txn, item, direction, archived)
  local link, forth = item.link, direction == "nav_to_odoo"
  local partner = ("%s %s"):format(engine.model, link.odoo)
  closing.park(engine, txn, item, "review", outcome.gone(engine.flow.name, item.job, {
    side = forth and "nav" or "odoo", archived = archived, nav = link.nav, odoo = link.odoo,
    lost = forth and link.nav or partner, left = forth and partner or link.nav, lane = pair.lane(engine, link) }))
end

-- The link's new row: one side is gone, the other as it was written.
local function remember(engine, txn, item, direction, written)
  local link, known = item.link, base.read(item.link) or { nav = {}, odoo = {} }
  local forth = direction == "nav_to_odoo"
  local nav, odoo = known.nav, known.odoo
  if written and forth then odoo = written elseif written then nav = written end
  local nav_text = assert(json.canonical(json.object({}, nav)))
  local odoo_text = assert(json.canonical(json.object({}, odoo)))
  txn:add("link_put", engine.flow.name, link.nav, link.odoo, link.xmlid,
          forth and gone.HASH or crypto.hash(nav_text), item.etag or link.nav_version,
          item.current and item.current.write_date or link.odoo_version,
          forth and crypto.hash(odoo_text) or gone.HASH, base.pack(nav_text, odoo_text), time.now())
end

local function finish(engine, txn, item, direction, result, written)
  remember(engine, txn, item, direction, written)
  item.result = result
  closing.journal(engine, txn, item, result, { why = "gone" })
  txn:add("effects_drop", item.job.id)
  txn:add("job_done", item.job.id, item.job.rev)
end

local function intend(engine, item, endpoint)
  return store.apply { { "effect_intend", item.key, item.job.id, endpoint.name, "set", gone.HASH, time.now(),
                         store.epoch(), engine.generation } }
end

-- Archives the Odoo record; an archived one is left as it is.
local function archive(engine, txn, item)
  local id = math.tointeger(tonumber(item.link.odoo))
  local records, err = engine.odoo:read(engine.model, { id }, engine.read_fields)
  if not records then return closing.postpone(engine, txn, item, err) end
  item.current = records[1]
  if item.current and item.current.active ~= false then
    if not gate.passes(engine, txn, item, "archive") then return end
    local ok
    ok, err = intend(engine, item, engine.odoo.endpoint)
    if not ok then return nil, err end
    local done
    done, err = engine.odoo:load(engine.model, { "active" },
      { { xmlid = item.link.xmlid, write = { active = false } } })
    err = err or not done[1].ok and done[1].err or nil
    if not err then records, err = engine.odoo:read(engine.model, { id }, engine.read_fields) end
    if err then
      if err.class == "invalid" then return closing.refuse(engine, txn, item, err) end
      return closing.postpone(engine, txn, item, err)
    end
    item.current = records[1]
  end
  local odoo
  if item.current then
    odoo = {}
    for _, field in ipairs(engine.odoo_fields) do odoo[field] = item.current[field] end
  end
  finish(engine, txn, item, "nav_to_odoo", "archived", odoo)
end

-- Blocks the NAV record in the way that the flow says.
local function block(engine, txn, item)
  local key = keys.nav_key(engine.company, item.link.nav)
  local records, err, etags = engine.nav:get(engine.entity, { key }, engine.nav_read_fields)
  if not records then return closing.postpone(engine, txn, item, err) end
  local record, body, order = records[key], {}, {}
  if record then
    for field in pairs(engine.flow.nav.block) do order[#order + 1] = field end
    table.sort(order)
    for _, field in ipairs(order) do
      local value = engine.flow.nav.block[field]
      if record[field] ~= value then body[#body + 1] = { field, value } end
    end
  end
  if #body > 0 then
    item.record, item.body, item.etag = record, body, etags[key]
    if not gate.passes(engine, txn, item, "block") then return end
    local ok
    ok, err = intend(engine, item, engine.nav.endpoint)
    if not ok then return nil, err end
    local row
    row, err = engine.nav:update(engine.entity, key, etags[key], body, engine.nav_read_fields)
    if not row then
      if err.class == "invalid" then return closing.refuse(engine, txn, item, err) end
      return closing.postpone(engine, txn, item, err, engine.settle_nav_us)
    end
    record, item.etag = row.record, row.etag
  end
  if record and engine.stamp and not engine.flow_reads_stamp then record[engine.stamp] = nil end
  local nav
  if record then
    nav = {}
    for _, field in ipairs(engine.flow.nav_fields) do nav[field] = record[field] end
  end
  finish(engine, txn, item, "odoo_to_nav", "blocked", nav)
end

local function was_active(item)
  local known = base.read(item.link)
  return known ~= nil and known.odoo.active == true
end

--- A record of NAV that was gone is there again. Its partner, archived by the policy, becomes
-- active with this write; where a person decides, he is asked.
---@param engine table
---@param txn navodoo.Txn
---@param item table  planned; gets `write`
function gone.returned(engine, txn, item)
  if item.result or not item.link or item.link.hash ~= gone.HASH then return end
  if not (engine.fields.active and item.current) or item.current.active ~= false then return end
  if item.values and item.values.active == false then return end -- what NAV says now is no reason to wake it
  if engine.paired and was_active(item) then return end -- a person archived it since: Odoo's change
  local policy = engine.flow.policy.gone
  local what = policy and policy.from_nav or "review"
  if what == "archive" then
    item.write = item.write or {}
    item.write.active = true
  elseif what == "review" then
    closing.park(engine, txn, item, "review", outcome.returned(engine.flow.name, item.job,
      ("%s %s"):format(engine.model, item.link.odoo)))
  end
end

--- Was the Odoo record archived since both were in step, in a flow that carries no such
-- thing by an entry?
---@param engine table
---@param item table
---@return boolean
function gone.archived(engine, item)
  if not item.link or item.current.active ~= false then return false end
  if not was_active(item) then return false end
  for _, entry in ipairs(engine.flow.entries) do
    for _, field in ipairs(entry.to_nav and entry.odoo or {}) do
      if field == "active" then return false end
    end
  end
  return true
end

--- Adds what the policy says about an archived Odoo record to the body for NAV; parks it
-- where a person decides.
function gone.follow(engine, txn, item)
  local policy = engine.flow.policy.gone
  local what = policy and policy.from_odoo or "review"
  if what == "ignore" then return end
  if what == "block" and engine.flow.nav.block then
    item.body = item.body or {}
    local order = {}
    for field in pairs(engine.flow.nav.block) do order[#order + 1] = field end
    table.sort(order)
    for _, field in ipairs(order) do
      local value = engine.flow.nav.block[field]
      if item.record[field] ~= value then item.body[#item.body + 1] = { field, value } end
    end
    if #item.body == 0 then item.body = nil end
    return
  end
  gone.review(engine, txn, item, "odoo_to_nav", true)
end

local function settle(engine, txn, item, direction)
  local policy = engine.flow.policy.gone
  local what = policy and (direction == "nav_to_odoo" and policy.from_nav or policy.from_odoo) or "review"
  if what == "ignore" then return finish(engine, txn, item, direction, "ignored") end
  if what == "archive" and engine.fields.active then return archive(engine, txn, item) end
  if what == "block" and engine.flow.nav.block then return block(engine, txn, item) end
  return gone.review(engine, txn, item, direction)
end

-- The records that are there after all, by job record.
local function still_there(engine, items, direction)
  local there, list = {}, json.array {}
  if direction == "nav_to_odoo" then
    for i, item in ipairs(items) do list[i] = keys.nav_key(engine.company, item.job.record) end
    local records, err = engine.nav:get(engine.entity, list, engine.nav_read_fields)
    if not records then return nil, err end
    for key in pairs(records) do there[keys.nav(engine.company, key)] = true end
    return there
  end
  for i, item in ipairs(items) do list[i] = math.tointeger(tonumber(item.job.record)) end
  local rows, err = engine.odoo:search(engine.model, json.array { json.array { "id", "in", list } }, { "id" },
                                       { active_test = false })
  if not rows then return nil, err end
  for _, row in ipairs(rows) do there[tostring(row.id)] = true end
  return there
end

--- Brings jobs about records that are gone to their end.
---@param engine table
---@param jobs table[]
---@param direction "nav_to_odoo"|"odoo_to_nav"
---@return boolean|nil ok
---@return table|nil err  of the store
function gone.run(engine, jobs, direction)
  local records, items, link_of = json.array {}, {}, {}
  for i, job in ipairs(jobs) do records[i] = job.record end
  local forth = direction == "nav_to_odoo"
  local links, err = store.query(forth and "links_by_nav" or "links_by_odoo", engine.flow.name,
                                 assert(json.encode(records)))
  if not links then return nil, err end
  for _, l in ipairs(links) do link_of[forth and l.nav or l.odoo] = l end
  for i, job in ipairs(jobs) do
    items[i] = { job = job, link = link_of[job.record],
                 key = forth and engine:effect_key(job.record) or engine:back_key(job.record) }
  end
  local txn = store.txn()
  local there, unknown = still_there(engine, items, direction)
  for _, item in ipairs(items) do
    if not there then
      closing.postpone(engine, txn, item, unknown)
    elseif there[item.job.record] or not item.link or not gone.is_news(item.link, direction) then
      txn:add("effects_drop", item.job.id)
      txn:add("job_done", item.job.id, item.job.rev)
    else
      local _, failed = settle(engine, txn, item, direction)
      if failed then return nil, failed end
    end
  end
  return store.apply(txn)
end

return gone
