--- The ways of a flow: one queue, one pump and one watch for each of its directions.
--
-- Both ways of an engine share its connectors, locks and links. Each pump has an event of
-- its own, so that none misses a wake; `engine.wake:set()` and the event "wake:<flow>" of
-- the process wake them all.

local task = require "navodoo.task"
local adopt = require "navodoo.engine.adopt"
local back = require "navodoo.engine.back"
local batch = require "navodoo.engine.batch"
local cluster = require "navodoo.engine.cluster"
local past = require "navodoo.engine.past"
local poll = require "navodoo.engine.poll"
local poll_odoo = require "navodoo.engine.poll_odoo"
local pump = require "navodoo.engine.pump"
local twoway = require "navodoo.engine.twoway"

local ways = {}

--- Batches under way at once: while one waits for the target, the next is mapped.
local BATCHES <const> = 3
--- Records of a batch to NAV, which takes them one by one.
local BACK_SIZE <const> = 50

---@class navodoo.Way
---@field direction "nav_to_odoo"|"odoo_to_nav"
---@field run fun(engine: table, jobs: table[]): table?, table?  brings a batch to its end
---@field begin (fun(engine: table): any, table?, any)?  asked when the jobs are locked, before their links are read
---@field watch fun(engine: table)
---@field size integer      jobs of a batch
---@field batches integer   under way at once
---@field provide boolean?  its jobs carry what was read
---@field wake navodoo.Event
---@field pump table        state of the pump while it runs

local function way_of(engine, direction)
  if direction == "nav_to_odoo" then
    return { direction = direction, run = batch.run, begin = engine.paired and twoway.begin or nil,
             watch = poll.run, size = engine.batch_size, batches = BATCHES, provide = true, wake = task.event() }
  end
  return { direction = direction, run = back.run, watch = poll_odoo.run, size = BACK_SIZE,
           batches = BATCHES, wake = task.event() }
end

-- The Odoo fields that a base holds: what is written, and what is read for NAV.
local function base_fields(flow)
  local seen, fields = {}, {}
  for _, list in ipairs { flow.odoo_fields, flow.odoo_read_fields } do
    for _, name in ipairs(list) do
      if not seen[name] then seen[name], fields[#fields + 1] = true, name end
    end
  end
  table.sort(fields)
  return fields
end

-- What both directions ask of the entries.
local function learn_entries(engine, flow)
  local shared = {}
  engine.keyed, engine.is_nav_key, engine.shares = {}, {}, {}
  engine.match_fields, engine.match_by = {}, {} -- by Odoo's name of the field
  for _, name in ipairs(flow.nav.key) do engine.is_nav_key[name] = true end
  for _, entry in ipairs(flow.entries) do
    if entry.is_key then engine.keyed[entry] = true end
    if #entry.nav == 1 and #entry.odoo == 1 then engine.match_by[entry.odoo[1]] = entry.nav[1] end
    if entry.shared and entry.shared ~= flow.declared and not shared[entry.shared] then
      shared[entry.shared], engine.shares[#engine.shares + 1] = true, entry.shared
    end
  end
  local wanted = { "name", table.unpack(adopt.HINTS) }
  for _, rule in ipairs(flow.link.adopt) do
    engine.match_by[rule.odoo], wanted[#wanted + 1] = rule.nav, rule.odoo
  end
  local by = {}
  for _, field in ipairs(wanted) do
    local nav_field = engine.match_by[field]
    if nav_field and not by[field] then
      by[field], engine.match_fields[#engine.match_fields + 1] = nav_field, nav_field
    end
  end
  engine.match_by = by
end

--- Gives an engine its ways and what they need to know of the flow.
---@param engine table
function ways.prepare(engine)
  local flow = engine.flow
  engine.ways = {}
  engine.paired = #flow.directions == 2 -- both sides are read, and merged
  for i, direction in ipairs(flow.directions) do engine.ways[i] = way_of(engine, direction) end
  engine.lane_nav = "nav:" .. flow.nav.read .. ":"
  engine.lane_odoo = "odoo:" .. flow.odoo.model .. ":"
  engine.wake = { set = function()
    for _, way in ipairs(engine.ways) do way.wake:set() end
  end }
end

--- What both ways read and look at, of the flow as this Odoo has it.
---@param engine table
function ways.learn(engine)
  engine.odoo_fields = base_fields(engine.flow)
  learn_entries(engine, engine.flow)
end

--- True when no way has anything to do.
---@param engine table
---@return boolean
function ways.all_idle(engine)
  for _, way in ipairs(engine.ways) do
    if not (way.pump and way.pump.idle) then return false end
  end
  return true
end

--- Starts watches and pumps, and waits for the end of all pumps.
---@param engine table
function ways.run(engine)
  local open, ended, broken = #engine.ways, task.event(), nil
  local named = task.event("wake:" .. engine.flow.name)
  task.spawn(function()
    while named:wait() and open > 0 and not engine.retiring do engine.wake:set() end
  end)
  engine.all_idle = ways.all_idle
  past.look(engine)
  if engine.past then engine.express = nil end -- the lane of new records asks for nobody
  local watched = not (engine.pinned or engine.unwatched)
  engine.first_contact = engine.paired and watched -- until the poll knows better
  if watched then
    engine.polls_open = #engine.ways
    cluster.join(engine)
    cluster.rests(engine, false)
  end
  for _, way in ipairs(engine.ways) do
    if watched then task.spawn(way.watch, engine) end
    task.spawn(function()
      local ok, why = xpcall(pump.run, debug.traceback, engine, way)
      open, broken = open - 1, broken or not ok and why or nil
      ended:set()
    end)
  end
  while open > 0 do ended:wait() end
  if broken then error(broken, 0) end
end

return ways
