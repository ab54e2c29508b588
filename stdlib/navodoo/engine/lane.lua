--- The lanes of a batch: which jobs can run now, and the locks that they hold together.
--
-- A record is known by a name on each side; a linked pair is both of them, and the cards
-- of one partner meet in Odoo's. A batch takes the jobs whose names nobody holds, and
-- leaves the others for later: one busy record holds up nobody else. Locks are shared by
-- all flows of the process.

local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"

local lane = {}

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

--- The names of each job: its own, and the other side's where it is linked.
local function names_of(engine, way, jobs)
  local names, by_record = {}, {}
  local forth = way.direction == "nav_to_odoo"
  for i, job in ipairs(jobs) do
    names[i] = { forth and lane.nav_name(engine, job.record) or lane.odoo_name(engine, job.record) }
    by_record[job.record] = names[i]
  end
  if not engine.paired then return names end
  local records = json.array {}
  for i, job in ipairs(jobs) do records[i] = job.record end
  local links, err = store.query(forth and "links_by_nav" or "links_by_odoo", engine.flow.name,
                                 assert(json.encode(records)))
  if not links then return nil, err end
  for _, l in ipairs(links) do
    local list = by_record[forth and l.nav or l.odoo]
    list[2] = forth and lane.odoo_name(engine, l.odoo) or lane.nav_name(engine, l.nav)
  end
  return names
end

--- Takes the jobs that can run now.
---@param engine table
---@param way table
---@param jobs table[]
---@return table|nil lock    of the taken ones, nil when there are none or something failed
---@return table[]|table taken_or_err
---@return table[]|nil busy
function lane.take(engine, way, jobs)
  local names, err = names_of(engine, way, jobs)
  if not names then return nil, err end
  local taken, busy, all, mine = {}, {}, {}, {}
  for i, job in ipairs(jobs) do
    local free = task.is_free(names[i])
    for _, name in ipairs(names[i]) do free = free and not mine[name] end
    if free then
      taken[#taken + 1] = job
      for _, name in ipairs(names[i]) do
        mine[name], all[#all + 1] = true, name
      end
    else
      busy[#busy + 1] = job
    end
  end
  if #taken == 0 then return nil, taken, busy end
  local lock, refused = task.lock(all)
  if not lock then return nil, refused end
  return lock, taken, busy
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

--- Gives back what the items of a batch took beside their own names.
---@param items table[]
function lane.release(items)
  for _, item in ipairs(items) do
    for _, lock in ipairs(item.locks or {}) do lock:release() end
    item.locks = nil
  end
end

return lane
