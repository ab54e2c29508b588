--- What the watches of both sides share: when a walk may take in more, and when the next begins.

local log = require "navodoo.log"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local door = require "navodoo.engine.door"

local watching = {}

local ROOM_MS <const> = 200

---@class navodoo.Watch
---@field name string         in messages: "the poll of Odoo"
---@field direction "nav_to_odoo"|"odoo_to_nav"
---@field call "poll_now"|"poll_odoo_now"  the event of the engine that ends a pause
---@field walk fun(engine: table): boolean  completed; false when the engine stops
---@field is_full (fun(engine: table): boolean)?

--- Waits while the queue of this direction is longer than the high-water mark (the other one may
-- wait for this very walk), and while nothing new is taken in.
---@param engine table
---@param watch navodoo.Watch
---@return boolean|nil ok  false: the engine ends, and another life begins where this one is
---@return table|nil err
function watching.wait_for_room(engine, watch)
  while not (engine.stopping or engine.retiring) do
    local rows, err = store.query("jobs_backlog_way", engine.flow.name, watch.direction)
    if not rows then return nil, err end
    local why = door.closed()
    if why and engine.once then return nil, { class = "transient", code = "disk", text = why } end
    local full = rows[1].count >= engine.high_water or watch.is_full and watch.is_full(engine)
    if not (why or full) then return true end
    if engine.once and engine:out_of_time() then
      return nil, { class = "transient", code = "full", text = ("%d jobs wait already, and none of them can be done "
        .. "now: nothing more is read"):format(rows[1].count) }
    end
    engine.room:wait(ROOM_MS)
  end
  return false
end

--- After a failure of a walk: waits until it may be tried again. True when it is given up, which
-- only `engine.once` does: a walk that goes on with the next run is better than one that stands.
---@param engine table
---@param err table
---@param pause_ms integer
---@return boolean
function watching.gives_up(engine, err, pause_ms)
  local lasting = err.class == "auth" or err.class == "config" or err.code == "disk"
  local over = engine.once and (lasting or engine:out_of_time(pause_ms))
  if not err.class then engine:store_failed(err)
  else
    log.warn("poll: " .. tostring(err.text), { flow = engine.flow.name, class = err.class,
                                               pause_ms = not over and pause_ms or nil })
  end
  if not over then task.sleep(pause_ms) end
  return over
end

--- Walks until the engine stops; `engine.once` ends it after one walk. A walk that raises is
-- reported, and the next one begins where it was.
---@param engine table
---@param watch navodoo.Watch
---@param every_ms integer
function watching.run(engine, watch, every_ms)
  repeat
    local began = time.monotonic()
    local ok, completed = xpcall(watch.walk, debug.traceback, engine)
    if not ok then
      log.error("poll: " .. tostring(completed), { flow = engine.flow.name })
      engine:trouble { class = "bug", text = watch.name .. " broke off; the log has the traceback" }
    end
    if engine.once and not (ok and completed) and not engine.stopping then engine.unfinished = true end
    engine.wake:set()
    if engine.once then break end
    -- a walk that took long is not repeated at once: the source has other work too
    local took = time.monotonic() - began
    engine[watch.call]:wait(math.max(every_ms, took * 3))
  until engine.stopping or engine.retiring
  engine.polls_open = engine.polls_open - 1
  engine.wake:set()
end

return watching
