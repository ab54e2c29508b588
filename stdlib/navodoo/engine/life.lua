--- What one life of a flow hears from the one who opened it, and tells.
--
-- A life is one state that runs one generation of a flow (for one pair of companies).
-- It is opened beside the life that it replaces, compiles and prepares there, and says
-- that it is ready; then the older one retires: it takes nothing new and ends when what
-- runs has ended. Only then the newer one gets its turn, so polls and jobs of a flow
-- have one owner at any time.
--
-- Events by the name of the life: `ready:` (or failed: the board says why), `go:`,
-- `retire:`, `stop:`. The board is where `navodoo status` looks; until its turn a life
-- that replaces another writes to a board of its own, and one that only finishes what an
-- older version began does so to its end.

local cache = require "navodoo.cache"
local json = require "navodoo.json"
local task = require "navodoo.task"

local life = {}

local BOARD_TTL_MS <const> = 366 * 24 * 3600 * 1000

--- Writes to the board that this life may write to.
---@param board string
---@param content table
function life.publish(board, content)
  cache.put("board", board, assert(json.encode(content)), BOARD_TTL_MS)
end

--- The board to begin with: its own while another life runs.
---@param spec table  as engine/main.lua gets it
---@param name string of the flow
---@return string
function life.board(spec, name)
  return spec.beside and spec.life or name
end

--- Hears "stop" and "retire" from now on.
---@param engine table
---@param spec table
function life.listen(engine, spec)
  local name = spec.life or engine.flow.name
  local stop, retire = task.event("stop:" .. name), task.event("retire:" .. name)
  local function wake()
    engine.wake:set()
    engine.poll_now:set()
    engine.poll_odoo_now:set()
    engine.room:set()
  end
  task.spawn(function()
    stop:wait()
    engine.stopping = true
    if engine.go then engine.go:set() end
    wake()
  end)
  task.spawn(function()
    retire:wait()
    -- from here on the events of the flow belong to the life that follows
    local poll, poll_odoo = engine.poll_now, engine.poll_odoo_now
    engine.poll_now, engine.poll_odoo_now = task.event(), task.event()
    engine.retiring = true
    task.event("wake:" .. engine.flow.name):set()
    poll:set()
    poll_odoo:set()
    wake()
  end)
end

--- Says why the flow does not run.
---@param spec table
---@param name string
---@param err connector.Error
function life.give_up(spec, name, err)
  life.publish(life.board(spec, name), { flow = name, failed = err.text, class = err.class, code = err.code,
                                         endpoint = err.endpoint, counters = json.object({}, {}) })
  if spec.life then task.event("ready:" .. spec.life):set() end
end

--- Says that it is ready, and waits for its turn. False when it was told to stop.
---@param engine table
---@param spec table
---@return boolean
function life.take_turn(engine, spec)
  if not spec.life then return true end
  engine.go = task.event("go:" .. spec.life)
  life.publish(spec.life, { ready = true })
  task.event("ready:" .. spec.life):set()
  if not engine.stopping then engine.go:wait() end
  if engine.stopping then return false end
  if spec.pinned then return true end -- beside the one whose flow it is
  -- what the life before counted goes on: it is one run of one engine
  local before = cache.get("board", engine.flow.name)
  for name, n in pairs(before and json.decode(before).counters or {}) do engine.counters[name] = n end
  engine.board = engine.flow.name
  cache.drop("board", spec.life)
  return true
end

return life
