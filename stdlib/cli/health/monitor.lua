--- What a running engine shows of itself: /metrics, the status page, /status, /healthz, /readyz.
--
-- Nothing here changes anything. Who asks over a loopback address of this machine is let in;
-- anybody else shows the token of navodoo.lua (`monitor`), as a bearer or as the password of
-- any user. Without it one hears only whether the process is alive and ready, not why.

local commands = require "cli.commands"
local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local log = require "navodoo.log"
local metrics = require "cli.health.metrics"
local page = require "cli.health.page"
local ready = require "cli.health.ready"
local secret = require "navodoo.secret"

local monitor = {}
monitor.__index = monitor

local SAFE <const> = {
  ["X-Content-Type-Options"] = "nosniff", ["Cache-Control"] = "no-store", ["Referrer-Policy"] = "no-referrer",
  ["X-Frame-Options"] = "DENY",
  ["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
}

local function answer(status, kind, body, more)
  local headers = { ["Content-Type"] = kind }
  for name, value in pairs(SAFE) do headers[name] = value end -- the order shows nowhere
  for name, value in pairs(more or {}) do headers[name] = value end
  return { status = status, headers = headers, body = body }
end

local function as_json(status, value) return answer(status, "application/json", assert(json.encode(value)) .. "\n") end
local function as_text(status, text, more) return answer(status, "text/plain; charset=utf-8", text .. "\n", more) end

--- Is this an address of the machine itself?
---@param host string
---@return boolean
function monitor.is_loopback(host)
  return host == "localhost" or host == "::1" or host == "[::1]" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

---@param running table  as in cli/commands.lua
---@param host string    where the listener is bound
---@param token navodoo.SecretHandle|nil
function monitor.new(running, host, token)
  return setmetatable({ running = running, open = monitor.is_loopback(host), token = token }, monitor)
end

--- From here on nobody sees more than whether it is alive and ready.
function monitor:close() self.open, self.token = false, nil end

-- What the request shows for itself: a bearer token, or the password of a user.
local function shown(request)
  local way, word = (request.headers.authorization or ""):match "^(%a+)%s+(%S+)%s*$"
  way = way and way:lower()
  if way == "bearer" then return word end
  local pair = way == "basic" and crypto.unbase64(word)
  return pair and pair:match "^[^:]*:(.*)$" or nil
end

--- May the sender of a request see everything? A name that leads here from another one's page
-- (DNS rebinding), or through a proxy that keeps it, is no address of this machine.
---@param request table
---@return boolean
function monitor:admits(request)
  if self.token then
    local word = shown(request)
    if word and secret.matches(self.token, word) then return true end
  end
  local host = (request.headers.host or ""):gsub(":%d+$", "")
  return self.open and monitor.is_loopback(host)
end

local routes = {}

routes["/metrics"] = function(self)
  return answer(200, metrics.CONTENT_TYPE, metrics.text(self.running))
end

routes["/"] = function(self) return answer(200, "text/html; charset=utf-8", page.html(self.running)) end

routes["/status"] = function()
  local result, err = commands.status {}
  return as_json(result and 200 or 503, result or { text = err.text })
end

local function healthz(self, admitted)
  local trouble = ready.store_trouble()
  local value = { alive = trouble == nil, why = admitted and trouble or nil,
                  version = admitted and self.running.version or nil }
  return as_json(trouble and 503 or 200, value)
end

local function readyz(self, admitted)
  local reasons = ready.reasons(self.running)
  return as_json(#reasons == 0 and 200 or 503, { ready = #reasons == 0, reasons = admitted and reasons or nil })
end

--- Answers a request; nil when it is for nobody here.
---@param request table
---@return table|nil response
function monitor:handle(request)
  local path = request.path:match "^[^?]*"
  local route = routes[path]
  local bare = path == "/healthz" and healthz or path == "/readyz" and readyz
  if not (route or bare) then return nil end
  if request.method ~= "GET" and request.method ~= "HEAD" then
    return as_text(405, "only GET", { Allow = "GET, HEAD" })
  end
  local admitted = self:admits(request)
  if not (bare or admitted) then
    if not self.token then return as_text(404, "not found") end
    return as_text(401, "the token of the monitor is needed", { ["WWW-Authenticate"] = 'Basic realm="navodoo"' })
  end
  local ok, response = xpcall(bare or route, debug.traceback, self, admitted)
  if ok then return response end
  log.error("monitor: " .. tostring(response), { path = path })
  return as_text(500, "internal error")
end

return monitor
