--- Records that were ours before this store knew of them.
--
-- Whoever deletes the state folder deletes the links; the external ids in Odoo are still
-- there. A record of NAV that seems new may so be an old acquaintance, edited in Odoo
-- meanwhile, and `load` by its external id would write over that. So a flow that begins
-- with nothing asks once whether Odoo knows external ids of it, and remembers the answer;
-- when it does, each record without a link is asked for by its own before anything else,
-- and the two are merged as a pair without a base: the flow's policy decides. That ends when
-- every external id of the flow has its link: then nothing is left that could be found.

local json = require "navodoo.json"
local log = require "navodoo.log"
local store = require "navodoo.store"
local closing = require "navodoo.engine.closing"
local express = require "navodoo.engine.express"
local outcome = require "navodoo.engine.outcome"
local time = require "navodoo.time"

local past = {}

local PAGE <const> = 1000
--- Between two looks at whether it is over; each that finds something doubles the pause.
local FIRST_US <const>, LAST_US <const> = 10 * 1000000, 86400 * 1000000

--- Key of the answer in the store; whoever forgets a link says "yes" there, too.
---@param flow string  name in the store
---@return string
function past.key(flow) return "past:" .. flow end

-- External ids of this flow in Odoo, in the order of their own ids.
local function named_after(engine, last, limit)
  return engine.odoo:search("ir.model.data", json.array {
    json.array { "module", "=", "navodoo" }, json.array { "model", "=", engine.model },
    json.array { "name", "=like", engine.xmlid_prefix .. "%" }, json.array { "id", ">", last } },
    { "id", "name", "res_id" }, { limit = limit })
end

local function ask(engine)
  local links, err = store.query("links_list", engine.flow.name, 0, 1)
  if not links then return nil, err end
  if #links > 0 then return false end -- it has a store from its beginning on
  local named
  named, err = named_after(engine, 0, 1)
  if not named then return nil, err end
  return #named > 0
end

--- Learns whether Odoo has records of this flow that the store may not know. Waits.
---@param engine table
function past.look(engine)
  local rows = store.query("meta", past.key(engine.flow.name))
  if rows and rows[1] then
    engine.past = rows[1].value == "yes"
    return
  end
  local has, err = ask(engine)
  engine.past = has ~= false -- not known: asking costs a call, not asking an edit
  if has == nil then return log.warn("external ids: " .. tostring(err.text), { flow = engine.flow.name }) end
  store.apply { { "meta_put", past.key(engine.flow.name), has and "yes" or "no" } }
  if has then
    log.warn("Odoo has records of this flow that the store does not know: they are found by their external ids, "
      .. "and where both sides differ the flow's `conflict` decides", { flow = engine.flow.name })
  end
end

-- Has every external id its link?
local function all_found(engine)
  local last = 0
  repeat
    local page, err = named_after(engine, last, PAGE)
    if not page then return nil, err end
    local ids, linked = json.array {}, {}
    for i, row in ipairs(page) do ids[i] = tostring(row.res_id) end
    local links
    links, err = store.query("links_by_odoo", engine.flow.name, assert(json.encode(ids)))
    if not links then return nil, err end
    for _, l in ipairs(links) do linked[l.odoo .. " " .. l.xmlid] = true end
    for _, row in ipairs(page) do
      if not linked[row.res_id .. " " .. row.name] then return false end
      last = row.id
    end
  until #page < PAGE
  return true
end

--- After a walk: ends the asking when there is nothing left to be found, and opens the lane of new
-- records. Waits.
---@param engine table
function past.leave(engine)
  if not engine.past or (engine.past_next or 0) > time.now() then return end
  local over, err = all_found(engine)
  local ok = over
  if over then ok, err = store.apply { { "meta_put", past.key(engine.flow.name), "no" } } end
  if ok then
    engine.past, engine.express = false, express.new(engine.flow)
    log.info("all records of this flow that Odoo has are known again", { flow = engine.flow.name })
    return
  end
  if err then log.warn("external ids: " .. tostring(err.text), { flow = engine.flow.name }) end
  engine.past_pause = math.min((engine.past_pause or FIRST_US // 2) * 2, LAST_US)
  engine.past_next = time.now() + engine.past_pause
end

--- Finds the items that have no link by their external ids. One that another record is
-- linked to by now goes to a person.
---@param engine table
---@param txn navodoo.Txn
---@param items table[]
---@return boolean|nil ok
---@return table|nil err
function past.find(engine, txn, items)
  if not engine.past then return true end
  local names, strangers = {}, {}
  for _, item in ipairs(items) do
    if not (item.id or item.result or item.effect or item.decision and item.decision.adopt) then
      names[#names + 1], strangers[#strangers + 1] = item.xmlid, item
    end
  end
  if #names == 0 then return true end
  local ids, err = engine.odoo:xmlids(engine.model, names)
  if not ids then return nil, err end
  local found = json.array {}
  for _, item in ipairs(strangers) do
    if ids[item.xmlid] then found[#found + 1] = tostring(ids[item.xmlid]) end
  end
  if #found == 0 then return true end
  local links, failed = store.query("links_by_odoo", engine.flow.name, assert(json.encode(found)))
  if not links then return nil, { class = "transient", text = failed.text } end
  local holder = {}
  for _, l in ipairs(links) do holder[l.odoo] = l.nav end
  for _, item in ipairs(strangers) do
    local id = ids[item.xmlid]
    if id and holder[tostring(id)] then
      closing.park(engine, txn, item, "review", outcome.taken(engine.flow.name, item.job,
        ("%s %d, which has its external id,"):format(engine.model, id), holder[tostring(id)]))
    elseif id then
      item.id, item.probed = id, true
    end
  end
  return true
end

return past
