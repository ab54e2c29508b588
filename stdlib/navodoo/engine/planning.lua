--- What the engine would write, without writing: the engine itself, run on a copy of its store
-- and on endpoints that send no change, stopped before each write.
--
-- There is no second way of finding differences: watches, first sight, merge and policies are
-- those of a run. Only the gate (engine/gate.lua) differs: it writes down what an item was
-- about to send, and holds it.

local crypto = require "navodoo.crypto"
local unfold = require "navodoo.engine.unfold"
local json = require "navodoo.json"
local keys = require "navodoo.engine.keys"
local lane = require "navodoo.engine.lane"
local main = require "navodoo.engine.main"
local past = require "navodoo.engine.past"
local store = require "navodoo.store"
local time = require "navodoo.time"
local trace = require "navodoo.trace"
local ways = require "navodoo.engine.ways"

local planning = {}

---@class navodoo.Planned   one record that would be written
---@field direction string
---@field record string      name of the job
---@field what "create"|"update"|"adopt"|"archive"|"block"
---@field to string          the target, as a person calls it
---@field write table        the fields and their values
---@field seen { nav: string?, odoo: string?, etag: string? }  what both sides held, as hashes
---@field fields { field: string, old: any, new: any, why: string }[]
---@field conflicts string[]  fields that both sides changed, left to a person

local function hash_of(record)
  return record and crypto.hash(assert(json.canonical(json.object({}, record)))) or nil
end

--- What both sides hold, so that a later look tells whether they moved.
---@param item table
---@return table
function planning.seen(item)
  return { nav = hash_of(item.record), odoo = hash_of(item.current), etag = item.etag }
end

--- What an item writes, by field, and the fields in their order.
---@return table<string, any> values
---@return string[] order
function planning.write_of(item, what)
  local values, order = {}, {}
  if what == "archive" then return { active = false }, { "active" } end
  if item.body then
    for i, pair in ipairs(item.body) do values[pair[1]], order[i] = pair[2], pair[1] end
  else
    for field, v in pairs(item.write or {}) do values[field], order[#order + 1] = v, field end
    table.sort(order)
  end
  return values, order
end

local function what_of(item, direction, what)
  if what then return what end
  if item.adopting then return "adopt" end
  if direction == "nav_to_odoo" then return item.id and "update" or "create" end
  return item.record and "update" or "create"
end

local function target_of(engine, item, direction, what)
  if direction == "nav_to_odoo" then
    return item.id and ("%s %d"):format(engine.model, item.id) or "a new " .. engine.model
  end
  local key = item.nav_key or item.link and keys.nav_key(engine.company, item.link.nav)
  if what == "create" then return "a new " .. engine.flow.nav.write end
  return ("%s %s"):format(engine.flow.nav.write, tostring(key))
end

-- The words of the trace for each field; where the mapping of the pair needs more than is at
-- hand here (links of another flow), nothing.
local function reasons(engine, item, direction)
  local source = direction == "nav_to_odoo" and item.record or item.current
  if not source then return {} end
  local target = item.current
  if direction == "odoo_to_nav" then target = item.record end
  local t = trace.run(engine.flow, direction, source, { creating = target == nil, current = target,
    lookups = engine.lookups, links = item.links or {} })
  local why = {}
  for _, f in ipairs(t.fields) do
    if f.outcome ~= "refused" and f.outcome ~= "failed" and f.outcome ~= "left" then why[f.field] = f.why end
  end
  return why
end

local function conflicts_of(item)
  local list = json.array {}
  for _, v in ipairs(item.verdicts or {}) do
    if v.what == "conflict" then list[#list + 1] = v.entry.nav[1] or v.entry.odoo[1] end
  end
  return list
end

local POLICY <const> = { archive = "gone from NAV: archived by the flow's policy",
                         block = "gone from Odoo: blocked by the flow's policy" }

local function planned(engine, item, given)
  local direction = item.job.direction
  local what = what_of(item, direction, given)
  local values, order = planning.write_of(item, given)
  local why = given and {} or reasons(engine, item, direction)
  local held = (direction == "nav_to_odoo" and item.current or direction == "odoo_to_nav" and item.record) or {}
  local fields = json.array {}
  for i, field in ipairs(order) do
    local old = held[field]
    fields[i] = { field = field, old = old == nil and json.null or old, new = values[field],
                  why = POLICY[what] or why[field] or "by the flow" }
  end
  return { direction = direction, record = item.job.record, what = what, to = target_of(engine, item, direction, what),
           write = json.object(order, values), seen = planning.seen(item), fields = fields,
           conflicts = conflicts_of(item),
           confidence = item.confidence and ("%.2f"):format(item.confidence) or nil }
end

-- ---- which records ------------------------------------------------------------------------

local function all_jobs(name)
  local list, after = {}, 0
  repeat
    local rows, err = store.query("jobs_list", name, nil, after, 500)
    if not rows then return nil, err end
    for _, row in ipairs(rows) do
      list[#list + 1], after = row, row.id
    end
  until #rows < 500
  return list
end

--- The job of one NAV record, from what NAV holds now.
---@param engine table
---@param key string
---@param due integer
---@return table|nil operation  of the store
---@return table|nil err
function planning.nav_job(engine, key, due)
  local name = keys.nav(engine.company, key)
  local found, err, etags = engine.nav:get(engine.entity, { key }, engine.nav_read_fields)
  if not found then return nil, err end
  local record = found[key]
  if not record then
    local links = assert(store.query("links_by_nav", engine.flow.name, assert(json.encode(json.array { name }))))
    if #links == 0 then return nil, { text = ("NAV has no %s %s"):format(engine.entity, key) } end
    return { "job_put", engine.flow.name, "nav_to_odoo", name, due, time.now(), nil, "gone", "{}" }
  end
  if engine.stamp and not engine.flow_reads_stamp then record[engine.stamp] = nil end
  local payload = assert(json.canonical(record))
  return { "job_put", engine.flow.name, "nav_to_odoo", name, due, time.now(), etags and etags[key],
           crypto.hash(payload), payload }
end

--- The job of one Odoo record; the batch reads it itself.
function planning.odoo_job(engine, id, due, hash)
  return { "job_put", engine.flow.name, "odoo_to_nav", tostring(id), due, time.now(), nil, hash or nil,
           hash and "{}" or nil }
end

-- The row of a record's job: the one in the store, else one made of what NAV holds now.
local function row_of(engine, direction, record)
  local rows, err = store.query("jobs_by_record", engine.flow.name, direction,
                                assert(json.encode(json.array { record })))
  if not rows then return nil, err end
  if rows[1] then
    rows, err = store.query("job", rows[1].id)
    return rows and rows[1], err
  end
  local op = planning.odoo_job(engine, record, 0)
  if direction == "nav_to_odoo" then op, err = planning.nav_job(engine, keys.nav_key(engine.company, record), 0) end
  if not op then return nil, err end
  return { id = 0, record = record, rev = 1, attempts = 0, version = op[7], hash = op[8], payload = op[9] }
end

-- Names of one record and its partner, by direction.
local function names_of(engine, key)
  local id = key:match "^odoo:(%d+)$"
  local two = #engine.flow.directions == 2
  if id and not two then return nil, { text = "this flow does not read Odoo: name the record by its key in NAV" } end
  local name = not id and keys.nav(engine.company, key) or nil
  local links, err = store.query(id and "links_by_odoo" or "links_by_nav", engine.flow.name,
                                 assert(json.encode(json.array { id or name })))
  if not links then return nil, err end
  local link = links[1]
  return { nav_to_odoo = name or link and link.nav, odoo_to_nav = id or two and link and link.odoo or nil }
end

-- ---- the plan -----------------------------------------------------------------------------

local PARKED <const> = { dead = true, review = true, waiting = true }

-- What this run parked: it waits for a person or for another record.
local function parked_since(name, before)
  local jobs, err = all_jobs(name)
  if not jobs then return nil, err end
  local list = json.array {}
  for _, job in ipairs(jobs) do
    if PARKED[job.state] and before[job.id] ~= job.rev .. job.state then
      local e = job.error and json.decode(job.error) or {}
      list[#list + 1] = { direction = job.direction, record = job.record, state = job.state,
                          why = type(e) == "table" and e.text or tostring(e) }
    end
  end
  return list
end

local READ_ONLY <const> = "a plan is made on read-only endpoints"

-- An engine that writes down what it was about to send; and the list of that.
local function looking(spec, flow)
  assert(spec.endpoints.nav.read_only and spec.endpoints.odoo.read_only, READ_ONLY)
  local engine, err = main.open(spec, flow)
  if not engine then return nil, err end
  engine.express = nil -- the lane of new records writes by the page, and has no gate
  -- an unknown outcome is settled by a look at the target, and nothing is sent: no need to wait
  engine.settle_us, engine.settle_nav_us, engine.once_all, engine.started_us = 0, 0, true, 0
  local records, seen = json.array {}, {}
  engine.gate = function(item, txn, what)
    local p = planned(engine, item, what)
    local name = p.direction .. " " .. p.record
    if seen[name] then records[seen[name]] = p
    else seen[name], records[#records + 1] = #records + 1, p end
    txn:add("effects_drop", item.job.id)
    txn:add("job_drop", item.job.id)
    return false
  end
  return engine, records
end

local function by_name(a, b)
  if a.direction ~= b.direction then return a.direction < b.direction end
  return a.record < b.record
end

--- Plans a flow. The store that is open must be a copy, the endpoints read-only. Waits.
---@param spec table     as engine/main.lua gets it
---@param flow navodoo.Compiled
---@return { records: navodoo.Planned[], parked: table[] }|nil
---@return table|nil err
function planning.run(spec, flow)
  local engine, records = looking(spec, flow)
  if not engine then return nil, records end
  -- what a crash left between a page and its jobs is work like any other
  local ok, err = unfold.leftovers(engine)
  if not ok then return nil, err end
  local jobs
  jobs, err = all_jobs(engine.flow.name)
  if not jobs then return nil, err end
  local before = {}
  for _, job in ipairs(jobs) do before[job.id] = job.rev .. job.state end
  ways.run(engine)
  if engine.unfinished then return nil, engine.last_trouble or { text = "the walk did not come to its end" } end
  local parked
  parked, err = parked_since(engine.flow.name, before)
  if not parked then return nil, err end
  table.sort(records, by_name)
  return { records = records, parked = parked, counters = engine.counters }
end

--- Plans one record. The store is only read, and may be that of a running engine. Waits.
---@param spec table
---@param flow navodoo.Compiled
---@param key string  of NAV, or "odoo:" and an id
---@return { records: navodoo.Planned[], parked: table[] }|nil
---@return table|nil err
function planning.one(spec, flow, key)
  local engine, records = looking(spec, flow)
  if not engine then return nil, records end
  local names, err = names_of(engine, key)
  if not names then return nil, err end
  past.look(engine)
  local parked, told = json.array {}, {}
  engine.on_parked = function(item, state, why)
    if told[why] then return end -- both ways ask a person the same
    told[why] = true
    parked[#parked + 1] = { direction = item.job.direction, record = item.job.record, state = state, why = why }
  end
  for _, way in ipairs(engine.ways) do
    local name = names[way.direction]
    if name then
      local job
      job, err = row_of(engine, way.direction, name)
      if not job then return nil, err end
      job.direction = way.direction
      local lock, taken = lane.take(engine, way, { job })
      if not lock then return nil, taken and taken.text and taken or { text = "the record is locked" } end
      local ok, done
      ok, done, err = pcall(way.run, engine, taken)
      lock:release()
      if not ok then error(done, 0) end
      if not done then return nil, err end
    end
  end
  table.sort(records, by_name)
  return { records = records, parked = parked, counters = engine.counters }
end

return planning
