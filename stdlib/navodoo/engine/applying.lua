--- Sends what a plan says, exactly, or refuses: by the effects protocol of the engine.
--
-- Each record of the plan becomes a job and runs through the engine's own batch, which reads
-- both sides anew. The gate lets a write pass only when it is the planned one and neither
-- side moved since; all else (intended, keys, read back, links, journal) is the engine's.

local json = require "navodoo.json"
local keys = require "navodoo.engine.keys"
local lane = require "navodoo.engine.lane"
local main = require "navodoo.engine.main"
local planning = require "navodoo.engine.planning"
local store = require "navodoo.store"
local time = require "navodoo.time"
local ways = require "navodoo.engine.ways"

local applying = {}

local function name_of(p) return p.direction .. " " .. p.record end

-- Why a planned write does not go out as it would be now; nil: it is the planned one.
local function difference(p, item, what)
  local values = planning.write_of(item, what)
  local seen = planning.seen(item)
  for _, side in ipairs { "nav", "odoo" } do
    if p.seen[side] ~= seen[side] then
      return ("the record in %s moved since the plan was made"):format(side == "nav" and "NAV" or "Odoo")
    end
  end
  if p.seen.etag and seen.etag and p.seen.etag ~= seen.etag then
    return "the record in NAV moved since the plan was made"
  end
  if json.canonical(json.object({}, values)) ~= json.canonical(json.object({}, p.write)) then
    return "something else than planned would be written now"
  end
  return nil
end

-- A record that is gone is asked for again by the engine before it acts on that.
local function is_about_gone(p) return p.what == "archive" or p.what == "block" end

-- Stores the job of a planned record and answers its row, or nil and why not.
local function job_of(engine, p)
  local due = time.now() -- no pump runs beside an apply, and after its death the next run goes on
  local names = assert(json.encode(json.array { p.record }))
  local rows, err = store.query("jobs_by_record", engine.flow.name, p.direction, names)
  if not rows then return nil, err.text end
  local there = rows[1]
  if there and there.state ~= "ready" then
    return nil, ("job %d of this record is %s; see navodoo dead show %d"):format(there.id, there.state, there.id)
  end
  if not there then
    local op
    if is_about_gone(p) then
      op = { "job_put", engine.flow.name, p.direction, p.record, due, time.now(), nil, "gone", "{}" }
    elseif p.direction == "odoo_to_nav" then
      op = planning.odoo_job(engine, p.record, due)
    else
      op, err = planning.nav_job(engine, keys.nav_key(engine.company, p.record), due)
      if not op then return nil, err.text end
    end
    local ok
    ok, err = store.apply { op }
    if not ok then return nil, err.text end
    rows, err = store.query("jobs_by_record", engine.flow.name, p.direction, names)
    if not rows then return nil, err.text end
  end
  local full
  full, err = store.query("job", rows[1].id)
  if not full then return nil, err.text end
  local job = full[1]
  job.own = not there
  return job
end

local FINE <const> = { created = true, updated = true, adopted = true, archived = true, blocked = true }

-- What became of a record whose batch has ended.
local function outcome_of(p, job, item, refusals)
  local name = name_of(p)
  if refusals[name] then return { ok = false, text = refusals[name] } end
  if item and FINE[item.result] then return { ok = true, result = item.result } end
  local rows = assert(store.query("job", job.id))
  local row = rows[1]
  if item and item.result == "review" then -- what was planned is done; the rest was never ours to decide
    return { ok = true, result = "review", text = table.concat(p.conflicts, ", ") .. " left to a person" }
  end
  local e = row and row.error and json.decode(row.error) or {}
  if not row then return { ok = false, text = "nothing is left to be written: the two sides agree by now" } end
  if job.own and not item and row.state == "ready" then
    return { ok = false, text = "another record of the plan holds its partner; plan again" }
  end
  local why = type(e) == "table" and e.text or tostring(e)
  if row.state == "ready" then
    return { ok = false, text = ("%s; the next run settles it"):format(why or "not finished"), left = true }
  end
  return { ok = false, text = ("%s: %s"):format(row.state, why), left = true }
end

local function run_batch(engine, way, group, tell)
  local jobs, by_name, items, refusals = {}, {}, {}, {}
  for _, p in ipairs(group) do
    local job, why = job_of(engine, p)
    if job then
      job.direction = way.direction
      jobs[#jobs + 1], by_name[name_of(p)] = job, p
    else
      tell(p, { ok = false, text = why })
    end
  end
  if #jobs == 0 then return true end
  engine.gate = function(item, _, what)
    local name = way.direction .. " " .. item.job.record
    local p = by_name[name]
    local why = not p and "it is not in the plan" or difference(p, item, what)
    if why then refusals[name] = why return false end
    items[name] = item
    return true
  end
  local lock, taken = lane.take(engine, way, jobs)
  if lock then
    local ok, deferred, err = pcall(way.run, engine, taken)
    lock:release()
    if not ok then error(deferred, 0) end
    if not deferred then return nil, err end
  elseif taken and taken.text then
    return nil, taken
  end
  local drops = {}
  for _, job in ipairs(jobs) do
    local name = way.direction .. " " .. job.record
    local p = by_name[name]
    local result = outcome_of(p, job, items[name], refusals)
    if not result.ok and job.own and not result.left then drops[#drops + 1] = { "job_drop", job.id } end
    tell(p, result)
  end
  if #drops == 0 then return true end
  return store.apply(drops)
end

--- Applies a plan. The store is open for writing, and the endpoints take writes. Waits.
---@param spec table     as engine/main.lua gets it
---@param flow navodoo.Compiled
---@param plan { records: navodoo.Planned[] }
---@param tell fun(record: navodoo.Planned, outcome: { ok: boolean, result: string?, text: string? })
---@return boolean|nil ok
---@return table|nil err
function applying.run(spec, flow, plan, tell)
  local engine, err = main.open(spec, flow)
  if not engine then return nil, err end
  engine.all_idle = ways.all_idle
  for _, way in ipairs(engine.ways) do
    local group = {}
    local function flush()
      if #group == 0 then return true end
      local ok, failed = run_batch(engine, way, group, tell)
      group = {}
      return ok, failed
    end
    for _, p in ipairs(plan.records) do
      if p.direction == way.direction then
        group[#group + 1] = p
        if #group == way.size then
          local ok, failed = flush()
          if not ok then return nil, failed end
        end
      end
    end
    local ok, failed = flush()
    if not ok then return nil, failed end
  end
  return true
end

return applying
