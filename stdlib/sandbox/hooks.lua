--- Sends the webhooks of the sandbox's Odoo as Odoo does: after the commit, one after the
-- other while the caller waits, for a second each, and never again.

local http = require "navodoo.http"
local json = require "navodoo.json"

local hooks = {}

local TIMEOUT_MS <const> = 1000

--- Posts what a call left in `state.outgoing`. Waits.
---@param state table  of the Odoo side
function hooks.send(state)
  while state.outgoing and state.outgoing[1] do
    local hook = table.remove(state.outgoing, 1)
    local origin, path = hook.url:match "^(https?://[^/]+)(.*)$"
    local stats = state.stats
    local response
    if origin and http.endpoint { name = "hook " .. origin, base_url = origin, timeout_ms = TIMEOUT_MS } then
      response = http.request { endpoint = "hook " .. origin, method = "POST", path = path, body = hook.body,
                                headers = { ["Content-Type"] = "application/json",
                                            ["User-Agent"] = "python-requests/2.31.0" } }
    end
    local name = response and response.status < 300 and "delivered" or "lost"
    stats.hooks = stats.hooks or json.object({}, {})
    stats.hooks[name] = (stats.hooks[name] or 0) + 1
  end
end

return hooks
