--- The jobs of a batch on their way, in either direction: how they begin and how they end.

local json = require "navodoo.json"
local store = require "navodoo.store"
local closing = require "navodoo.engine.closing"
local outcome = require "navodoo.engine.outcome"

local items = {}

--- Gives each job its item, with the open effect that an earlier attempt left (`effect`), and
-- that of the other direction on the same pair (`beside`): by the key of the write, for the job
-- that wrote may be gone. The link came with the job, read under its lock (lane.lua).
---@param jobs table[]
---@param build fun(job: table): table
---@return table[]|nil items
---@return table|nil err
function items.gather(jobs, build)
  local names, by_key, list = json.array {}, {}, {}
  for i, job in ipairs(jobs) do
    local item = build(job)
    list[i], names[#names + 1], by_key[item.key] = item, item.key, item
    if item.key_beside then names[#names + 1], by_key[item.key_beside] = item.key_beside, item end
  end
  local effects, err = store.query("effects_by_key", assert(json.encode(names)))
  if not effects then return nil, err end
  for _, e in ipairs(effects) do
    local item = by_key[e.key]
    item[e.key == item.key and "effect" or "beside"] = e
  end
  return list
end

--- The items that have not come to an end yet.
---@param list table[]
---@return table[]
function items.open(list)
  local open = {}
  for _, item in ipairs(list) do
    if not item.result then open[#open + 1] = item end
  end
  return open
end

--- Applies a transaction, unless it is empty.
---@return boolean|nil ok
---@return table|nil err
function items.commit(txn)
  if #txn == 0 then return true end
  return store.apply(txn)
end

--- Closes all items in one transaction. A link that the store refuses (two records for one
-- partner) holds nobody else up: then each closes alone, and the refused one waits for a
-- person.
---@param engine table
---@param list table[]
---@param close fun(engine: table, txn: navodoo.Txn, item: table)
---@param name fun(item: table): string  the record of the other side, as a person calls it
---@return boolean|nil ok
---@return table|nil err
function items.close(engine, list, close, name)
  local txn = store.txn()
  for _, item in ipairs(list) do close(engine, txn, item) end
  local ok, err = items.commit(txn)
  if ok or err.code ~= "invalid" then return ok, err end
  for _, item in ipairs(list) do
    engine:count(item.result, -1)
    item.result = nil
  end
  for _, item in ipairs(list) do
    close(engine, txn, item)
    ok, err = items.commit(txn)
    if not ok and err.code == "invalid" then
      engine:count(item.result, -1)
      item.unsure = item.created ~= nil -- what was made is there, and stays known
      closing.park(engine, txn, item, "review", outcome.taken(engine.flow.name, item.job, name(item)))
      ok, err = items.commit(txn)
    end
    if not ok then return nil, err end
  end
  return true
end

return items
