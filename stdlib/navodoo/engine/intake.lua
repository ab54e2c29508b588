--- What becomes of the rows of a page: nothing, a job, or a place in a lot.
--
-- A row whose content was handled already (its hash stands in the link) or waits already
-- (in a job or a lot) makes no work. One that is known by an older content becomes a job.
-- One that has neither link nor job is new, and goes with the other new ones of its page
-- (engine/express.lua). Everything is added to one transaction, that of the cursor.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local store = require "navodoo.store"
local time = require "navodoo.time"
local express = require "navodoo.engine.express"
local keys = require "navodoo.engine.keys"

local intake = {}

---@class navodoo.Row  of `nav:scan`, lazy
---@field key any
---@field etag string|nil
---@field stamp any
---@field records navodoo.records.List  that its record is in,
---@field at integer                    and its number there
---@field name string     of the record, set here
---@field hash string     of its canonical text, set here
---@field payload string|nil  that text, where it had to be made

-- Content of the records that are known: hash by name, `false` for one without.
local function known_hashes(engine, names)
  local rows, err = store.query("known", engine.flow.name, engine.direction,
                                assert(json.encode(json.array(names))))
  if not rows then return nil, err end
  local known = {}
  for _, row in ipairs(rows) do -- links first, so that a job's counts
    known[row.record] = row.hash or known[row.record] or false -- a hint has none
    if row.state == "link" and engine.nav_census then engine.nav_census:see(row.id) end
  end
  return known
end

-- Sets the hash of every row's record, and its canonical text where that had to be made.
local function hash_all(engine, rows)
  local hashes = {}
  for i = 1, #rows do
    local row = rows[i]
    local list = row.records
    if list then
      local its = hashes[list] or list:hashes()
      hashes[list], row.hash = its, its[row.at]
    else
      if engine.stamp and not engine.flow_reads_stamp then row.record[engine.stamp] = nil end
      row.payload = assert(json.canonical(row.record))
      row.hash = crypto.hash(row.payload)
    end
  end
end

-- The lists that rows are in, each once.
local function lists_of(rows)
  local lists, last = {}, nil
  for _, row in ipairs(rows) do
    if row.records and row.records ~= last then
      last = row.records
      lists[last] = true
    end
  end
  return lists
end

local function close_lists(rows, lots)
  local lists = lists_of(rows)
  for _, lot in ipairs(lots) do lists[lot.records] = nil end -- those close when the lot ends
  for list in pairs(lists) do list:close() end
end

---@class navodoo.Intake
---@field rows navodoo.Row[]
---@field jobs integer     added
---@field changed integer  jobs and records of lots
---@field lots table[]     that begin after the commit

--- Makes the transaction of a page's work. Whoever commits it calls `intake.finish`.
---@param engine table
---@param rows navodoo.Row[]  of `nav:scan`, or { key=, etag=, record= }
---@return navodoo.Txn|nil txn
---@return table|nil err
---@return navodoo.Intake|nil found
function intake.add(engine, rows)
  local names, now, txn = {}, time.now(), store.txn()
  for i = 1, #rows do
    local row = rows[i]
    row.name = keys.nav(engine.company, row.key)
    names[i] = row.name
  end
  local known, err = known_hashes(engine, names)
  if not known then
    close_lists(rows, {})
    return nil, err
  end
  hash_all(engine, rows)
  local fresh, jobs = {}, 0
  for i = 1, #rows do
    local row = rows[i]
    local hash = known[row.name]
    if hash == nil then hash = express.hash(engine, row.name) end
    if hash == nil and engine.express and row.records then
      fresh[#fresh + 1] = row
    elseif hash ~= row.hash then
      local payload = row.payload or row.records:text(row.at)
      jobs = jobs + 1
      txn:add("job_put", engine.flow.name, engine.direction, row.name, now, now, row.etag, row.hash, payload)
      -- before the commit: the pump may see the job as soon as it is on disk
      engine.held:put(row.name, row.hash, row.record or row.records:record(row.at), payload)
    end
  end
  local lots = express.add(engine, txn, fresh, now)
  return txn, nil, { rows = rows, jobs = jobs, changed = jobs + #fresh, lots = lots }
end

--- Ends a page: its lots begin if it is on disk, and lists that nobody needs are closed.
---@param engine table
---@param found navodoo.Intake
---@param committed boolean|nil
function intake.finish(engine, found, committed)
  local lots = committed and found.lots or {}
  close_lists(found.rows, lots)
  express.start(engine, lots)
end

return intake
