--- The listeners of `navodoo run`: the door for hooks, and what the engine shows of itself.
--
-- Nothing here changes anything but the inbox, and that takes the secret of a hook. What
-- a stranger can make it hold is bounded: connections, header bytes, body bytes.

local http = require "navodoo.http"
local inbox = require "navodoo.engine.inbox"
local project = require "cli.project"
local secret = require "navodoo.secret"

local listener = {}

local CONNECTIONS <const>, HEADER_MEMORY <const> = 640, 16384

--- The hooks that the flows name: { [name] = { secret =, flows = { { name =, model = } } } },
-- without secrets where the Odoo endpoint declares none.
---@param flows table[]  { name =, compiled = }
---@return table<string, table> hooks
---@return integer count
function listener.hooks_of(flows)
  local hooks, count = {}, 0
  for _, flow in ipairs(flows) do
    local watch = flow.compiled.odoo.watch
    if watch and watch.hook then
      local hook = hooks[watch.hook]
      if not hook then
        hook, count = { flows = {} }, count + 1
        hooks[watch.hook] = hook
      end
      hook.flows[#hook.flows + 1] = { name = flow.name, model = flow.compiled.odoo.model }
    end
  end
  return hooks, count
end

--- The secret of one hook, made from the one of the Odoo endpoint.
---@param endpoint table
---@param name string  of the hook
---@return navodoo.SecretHandle|nil
---@return string|nil complaint
function listener.secret_of(endpoint, name)
  if not endpoint.hook_secret then
    return nil, ('endpoint %s has no hook_secret: add hook_secret = secret "HOOK_SECRET" to navodoo.lua'):format(
      endpoint.name)
  end
  local handle, complaint = project.find_secret(endpoint.hook_secret)
  if not handle then return nil, ("endpoint %s: %s"):format(endpoint.name, complaint) end
  local derived, err = secret.derive(handle, name)
  if not derived then return nil, ("hook %s: %s"):format(name, err.text) end
  return derived
end

--- Sets the hooks of an inbox to what the flows name now.
---@param box navodoo.Inbox
---@param flows table[]
---@param endpoint table  the Odoo one
---@return true|nil ok
---@return string|nil complaint
function listener.set_hooks(box, flows, endpoint)
  local hooks = listener.hooks_of(flows)
  for name, hook in pairs(hooks) do
    local complaint
    hook.secret, complaint = listener.secret_of(endpoint, name)
    if not hook.secret then return nil, complaint end
  end
  box:open(hooks)
  return true
end

--- Answers one request. The door is only where hooks are.
local function answer(box, watch, request)
  local path = request.path:match "^[^?]*"
  if box and path:find("/hooks/", 1, true) == 1 then return box:handle(request) end
  return watch and watch:handle(request) or { status = 404, body = "" }
end

--- Opens one. Its inbox, if it gets one, has no hooks yet: see `set_hooks`.
---@param host string
---@param port integer
---@param box navodoo.Inbox|nil
---@param watch table|nil   of cli/health/monitor.lua
---@return table|nil server
---@return table|nil err
function listener.open(host, port, box, watch)
  return http.serve {
    address = host, port = port, max_body = inbox.MAX_BODY, connections = CONNECTIONS, header_memory = HEADER_MEMORY,
    handler = function(request) return answer(box, watch, request) end }
end

return listener
