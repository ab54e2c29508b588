--- Flows whose cards are of one record of Odoo: customer and vendor of a partner.
--
-- They share locks (lane.lua) and an owner for each shared field (pair.lua). Here they hear
-- of each other: a flow that changed a record tells those that have a card of it, so that
-- they need not wait for their next look; and with `--once` none ends while another may
-- still tell it something. What is not heard of, the watches find.

local cache = require "navodoo.cache"
local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"

local cluster = {}

local TTL_MS <const> = 366 * 24 * 3600 * 1000
local LISTS <const>, REST <const> = "cluster", "cluster at rest"

local function list_of(key)
  local text = cache.get(LISTS, key)
  return text and json.decode(text) or json.array {}
end

--- Makes a flow known to the others of its cluster. Only one that writes into NAV listens.
---@param engine table
function cluster.join(engine)
  local name = engine.flow.link.cluster
  if not name or #engine.flow.directions < 2 then return end
  engine.cluster_key = ("%s %s %s"):format(name, engine.company, engine.model)
  local list = list_of(engine.cluster_key)
  for _, flow in ipairs(list) do
    if flow == engine.flow.name then return end
  end
  list[#list + 1] = engine.flow.name
  table.sort(list)
  cache.put(LISTS, engine.cluster_key, assert(json.encode(list)), TTL_MS)
end

local function mates(engine)
  local others = {}
  for _, flow in ipairs(engine.cluster_key and list_of(engine.cluster_key) or {}) do
    if flow ~= engine.flow.name then others[#others + 1] = flow end
  end
  return others
end

--- Tells the others of records that were changed in Odoo; a hint, so it has a transaction
-- of its own.
---@param engine table
---@param items table[]
---@return boolean|nil ok
---@return table|nil err
function cluster.tell(engine, items)
  local others, ids = mates(engine), json.array {}
  if #others == 0 then return true end
  for _, item in ipairs(items) do
    if item.write and item.current and (item.link or item.adopting) and not item.failed then
      ids[#ids + 1] = tostring(item.id)
    end
  end
  if #ids == 0 then return true end
  local now, txn, heard = time.now(), store.txn(), {}
  for _, flow in ipairs(others) do
    local links, err = store.query("links_by_odoo", flow, assert(json.encode(ids)))
    if not links then return nil, err end
    for _, l in ipairs(links) do
      txn:add("job_put", flow, "odoo_to_nav", l.odoo, now, now, nil, nil, nil)
      heard[flow] = true
    end
  end
  if #txn == 0 then return true end
  local ok, err = store.apply(txn)
  for _, flow in ipairs(others) do
    if heard[flow] then task.event("wake:" .. flow):set() end
  end
  return ok, err
end

--- Says whether this flow has anything to do.
---@param engine table
---@param at_rest boolean
function cluster.rests(engine, at_rest)
  if not engine.cluster_key or engine.at_rest == at_rest then return end
  engine.at_rest = at_rest
  cache.put(REST, engine.flow.name, at_rest and "1" or "0", TTL_MS)
end

--- Has none of the others anything to do?
---@param engine table
---@return boolean
function cluster.all_rest(engine)
  for _, flow in ipairs(mates(engine)) do
    if cache.get(REST, flow) ~= "1" then
      local board = cache.get("board", flow)
      board = board and json.decode(board) or {}
      if not board.failed and not board.ended then return false end
    end
  end
  return true
end

return cluster
