--- Is the process alive, and is it ready to work? For service managers and balancers.
--
-- Alive: this answer shows that the loop turns; the store is asked one thing and has to
-- answer in time. Ready: every flow runs, both systems were reached since the start, none
-- refuses the login or keeps a flow from running, and new changes are taken in.

local conditions = require "cli.health.conditions"
local http = require "navodoo.http"
local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"

local ready = {}

local ANSWER_MS <const> = 2000

--- What is wrong with the store, or nil. Waits two seconds at most.
---@return string|nil
function ready.store_trouble()
  local done, rows, err = task.event(), nil, nil
  task.spawn(function()
    rows, err = store.query("meta", "epoch")
    done:set()
  end)
  if not done:wait(ANSWER_MS) then return ("the store did not answer within %d s"):format(ANSWER_MS // 1000) end
  return not rows and "the store failed: " .. err.text or nil
end

--- Kinds of conditions that keep the engine from its work.
local KEEPS <const> = { login = true, flow = true, intake = true }

--- Why it is not ready; empty when it is.
---@param running table  as in cli/commands.lua
---@return { what: string, text: string }[]
function ready.reasons(running)
  local list = json.array {}
  local function no(what, text) list[#list + 1] = { what = what, text = text } end
  local trouble = ready.store_trouble()
  if trouble then
    no("store", trouble)
    return list
  end
  for _, name in ipairs(running.endpoints) do
    local e = http.info(name)
    if not e or e.duration.count == 0 then no("endpoint " .. name, "it was not reached since the start") end
  end
  for _, slot in ipairs(running.lives.slots) do
    local board = conditions.board(slot.name)
    if not slot.current or not board then no("flow " .. slot.name, "it is not loaded yet")
    elseif board.failed then no("flow " .. slot.name, (board.failed:match "^[^\n]*")) end
  end
  if #running.lives.slots == 0 then no("flows", "there is none") end
  for _, c in ipairs(conditions.now(running) or {}) do
    if KEEPS[c.kind] and c.kind ~= "flow" then no(c.kind .. " " .. c.subject, c.text) end
  end
  return list
end

return ready
