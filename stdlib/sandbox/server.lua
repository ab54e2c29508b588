--- Serves one side of the sandbox: control routes first, then what the fault rules
-- say, then the system itself. Used by `navodoo sandbox` and by the simulation.

local json = require "navodoo.json"
local log = require "navodoo.log"
local task = require "navodoo.task"
local time = require "navodoo.time"
local control = require "sandbox.control"
local faults = require "sandbox.faults"
local hooks = require "sandbox.hooks"

local server = {}

local ahead_us = 0

--- The clock that both sides of the sandbox live by: the true time, and what a test moved it by.
server.clock = {
  now = function() return time.now() + ahead_us end,
  advance = function(us) ahead_us = ahead_us + us end,
}

local function apply(side, request)
  local ok, response = xpcall(side.module.handle, debug.traceback, request, side.state, server.clock)
  if ok then return response end
  log.error("sandbox: " .. tostring(response), { side = side.kind, path = request.path })
  return { status = 500, headers = { ["Content-Type"] = "application/json" },
           body = assert(json.encode { error = { code = "Sandbox", message = tostring(response) } }) }
end

--- Applies a request whose connection was cut, `late_ms` after the cut.
local function apply_late(side, request, late_ms)
  task.sleep(late_ms)
  apply(side, request)
  hooks.send(side.state)
end

--- Makes the handler of one side.
---@param side table  { kind = "nav"|"odoo", state =, module = sandbox.nav or sandbox.odoo }
---@return fun(request: table): table
function server.handler(side)
  return function(request)
    request.remote = (request.peer or ""):match "^(.*):%d+$"
    local response = control.handle(request, side, server.clock)
    if response then
      hooks.send(side.state)
      return response
    end
    local plan = faults.plan(request, side.state)
    if plan.delay_ms and plan.delay_ms > 0 then task.sleep(plan.delay_ms) end
    if plan.status then
      return { status = plan.status, headers = plan.headers or {}, body = plan.body or "" }
    end
    if plan.cut == "before" then return { cut = true } end
    if plan.cut == "late" then
      task.spawn(apply_late, side, request, plan.late_ms or 0)
      return { cut = true }
    end
    response = apply(side, request)
    hooks.send(side.state)
    if plan.cut == "after" then return { cut = true } end
    return response
  end
end

return server
