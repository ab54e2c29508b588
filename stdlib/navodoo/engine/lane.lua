--- The lanes of a batch: which jobs can run now, and the locks that they hold together.
--
-- A record is known by a name on each side; a linked pair is both of them, and the cards
-- of one partner meet in Odoo's. A batch takes the jobs whose names nobody holds, and
-- leaves the others for later: one busy record holds up nobody else. Locks are shared by
-- all flows of the process.

local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"

local lane = {}

--- A name that somebody holds is asked for again after this long.
local BUSY_US <const> = 1000000

---@param engine table
---@param record string  company and key
---@return string
function lane.nav_name(engine, record) return engine.lane_nav .. record end

---@param engine table
---@param id string|integer
---@return string
function lane.odoo_name(engine, id) return engine.lane_odoo .. id end

--- Name for a value that two new records must not both be created with.
---@param engine table
---@param value string
---@return string
function lane.claim_name(engine, value) return engine.lane_odoo .. value end

-- Hangs their links on jobs whose own names are locked; what is linked by then stays linked.
local function fetch_links(engine, way, jobs)
  local forth, records, by_record = way.direction == "nav_to_odoo", json.array {}, {}
  for i, job in ipairs(jobs) do records[i], by_record[job.record], job.link = job.record, job, nil end
  local links, err = store.query(forth and "links_by_nav" or "links_by_odoo", engine.flow.name,
                                 assert(json.encode(records)))
  if not links then return nil, err end
  for _, l in ipairs(links) do
    local job = by_record[forth and l.nav or l.odoo]
    job.link = l
  end
  return true
end

--- Takes the jobs that can run now, with their links (`job.link`) and, in `open`, what the way
-- asked before them. Locks their own names, reads the links, and adds the other side's name of
-- those that are linked.
---@param engine table
---@param way table
---@param jobs table[]
---@return table|nil lock    of the taken ones, nil when there are none or something failed
---@return table[]|table taken_or_err
---@return table[]|nil busy
function lane.take(engine, way, jobs)
  local forth = way.direction == "nav_to_odoo"
  local taken, busy, names, mine = {}, {}, {}, {}
  for _, job in ipairs(jobs) do
    local name = forth and lane.nav_name(engine, job.record) or lane.odoo_name(engine, job.record)
    if not mine[name] and task.is_free { name } then
      mine[name], taken[#taken + 1], names[#names + 1] = true, job, name
    else
      busy[#busy + 1] = job
    end
  end
  if #taken == 0 then return nil, taken, busy end
  local lock, err = task.lock(names)
  if not lock then return nil, err end
  local ok, open, _
  if way.begin then _, err, open = way.begin(engine) end -- what is not open any more is linked by now
  if not err then ok, err = fetch_links(engine, way, taken) end
  if not ok then
    lock:release()
    return nil, err
  end
  if not engine.paired then return lock, taken, busy end
  local kept, others = { open = open }, {}
  for _, job in ipairs(taken) do
    local l = job.link
    local other = l and (forth and lane.odoo_name(engine, l.odoo) or lane.nav_name(engine, l.nav))
    local list = other and not task.is_free { other } and busy or kept
    list[#list + 1] = job
    if list == kept then others[#others + 1] = other end
  end
  local more
  if #others > 0 then more, err = task.lock(others) end -- all are free, so this does not wait
  if err or #kept == 0 then
    lock:release()
    return nil, err or kept, busy
  end
  return { release = function()
    if more then more:release() end
    lock:release()
  end }, kept, busy
end

--- Adds names to the locks of an item that runs; false when somebody holds one of them.
-- Never waits for a name: whoever waits while holding could wait for ever.
---@param item table
---@param names string[]
---@return boolean
function lane.hold(item, names)
  if not task.is_free(names) then return false end
  local lock = task.lock(names)
  if not lock then return false end
  item.locks = item.locks or {}
  item.locks[#item.locks + 1] = lock
  return true
end

--- Puts an item off whose name another flow or the other direction holds just now.
---@param txn navodoo.Txn
---@param item table
function lane.later(txn, item)
  item.result = "retried"
  txn:add("job_retry", item.job.id, item.job.rev, time.now() + BUSY_US, item.job.attempts, nil)
end

--- Gives back what the items of a batch took beside their own names.
---@param items table[]
function lane.release(items)
  for _, item in ipairs(items) do
    for _, lock in ipairs(item.locks or {}) do lock:release() end
    item.locks = nil
  end
end

return lane
