--- Stops an endpoint that refuses the login, so that a wrong password is not tried again and again.
--
-- Directories lock an account after a few wrong tries, Odoo locks out the whole address. So the
-- first refusal stops the endpoint for every flow of the process: calls are answered here, without
-- the network. It is tried again once its secret has another value, and otherwise after pauses
-- that grow from five minutes to an hour, by one call at a time. A secret that was never accepted
-- is tried by one call too, however many flows start at once.
--
-- A password that is changed on the server meets calls that are under way. Their first refusal
-- makes the secret doubtful again: what waits for a connection is taken back, and one call tries.
-- Each call carries the *mark* of its moment; what it says of the login counts only while no
-- other call has spoken since, so that one change of the password is one refusal.

local cache = require "navodoo.cache"
local json = require "navodoo.json"
local log = require "navodoo.log"
local secret = require "navodoo.secret"
local time = require "navodoo.time"

local gate = {}

local SPACE <const> = "login"
local MINUTE_US <const> = 60 * 1000000
local FIRST_US <const>, GROWTH <const>, MOST_US <const> = 5 * MINUTE_US, 3, 60 * MINUTE_US
-- how long the one call that tries may take before another one may
local TRIAL_US <const> = 3 * MINUTE_US
-- callers come back so soon, to see whether the secret was changed
local LOOK_AGAIN_MS <const> = 30000

local function proof(endpoint)
  return endpoint.secret_name and tostring(secret.version(endpoint.secret_name)) or "0"
end

--- Tells the calls of before a refusal from those after it.
---@param endpoint connector.Endpoint
---@return string
function gate.mark(endpoint) return cache.get(SPACE, endpoint.name .. " mark") or "0" end

-- From here on the calls that are under way speak of the past.
local function turn_over(endpoint)
  cache.put(SPACE, endpoint.name .. " mark", tostring(math.tointeger(gate.mark(endpoint)) + 1))
end

--- Whether the endpoint took the login of the secret in use before.
---@param endpoint connector.Endpoint
---@return boolean
function gate.proven(endpoint) return cache.get(SPACE, endpoint.name .. " took") == proof(endpoint) end

---@class connector.Stop
---@field since integer     us
---@field tries integer     refusals in a row
---@field next integer      us, when a call may try again
---@field version integer   of the secret that was refused
---@field code string
---@field text string

local function version_of(endpoint)
  if not endpoint.secret_name then return 0 end
  secret.get(endpoint.secret_name) -- looks it up again; the version tells whether it is another
  return secret.version(endpoint.secret_name)
end

---@param endpoint connector.Endpoint
---@return connector.Stop|nil
function gate.state(endpoint)
  local text = cache.get(SPACE, endpoint.name)
  return text and json.decode(text) or nil
end

local function keep(endpoint, stop) cache.put(SPACE, endpoint.name, assert(json.encode(stop))) end

--- Why no call may go out now, or nil and the mark that the call carries.
---@param endpoint connector.Endpoint
---@return connector.Error|nil
---@return string|nil mark
function gate.closed(endpoint)
  local stop = gate.state(endpoint)
  if not stop then return nil, gate.mark(endpoint) end
  local now = time.now()
  if version_of(endpoint) ~= stop.version then
    log.info("the secret was changed: the endpoint is tried again", { endpoint = endpoint.name })
    cache.drop(SPACE, endpoint.name)
    return nil, gate.mark(endpoint)
  end
  if now >= stop.next then
    stop.next = now + TRIAL_US
    keep(endpoint, stop)
    return nil, gate.mark(endpoint)
  end
  return { class = "auth", code = "stopped", endpoint = endpoint.name, maybe_sent = false,
           retry_after_ms = LOOK_AGAIN_MS,
           text = ("%s; no call until %s, or until the secret is changed"):format(stop.text, time.iso(stop.next)) }
end

--- A call was refused that knows another way to sign in: from here on one call at a time
-- tries. True when this was news.
---@param endpoint connector.Endpoint
---@param mark string  that the call carried
---@return boolean
function gate.doubt(endpoint, mark)
  if mark ~= gate.mark(endpoint) then return false end
  turn_over(endpoint)
  cache.drop(SPACE, endpoint.name .. " took")
  return true
end

--- The endpoint refused the login: stops it and says so. True when this was news.
---@param endpoint connector.Endpoint
---@param err connector.Error
---@param mark string  that the call carried
---@return boolean
function gate.refused(endpoint, err, mark)
  if not gate.doubt(endpoint, mark) then return false end
  local stop, now = gate.state(endpoint), time.now()
  local first = stop == nil
  stop = stop or { since = now, tries = 0 }
  stop.tries = stop.tries + 1
  local pause = math.min(FIRST_US * GROWTH ^ (stop.tries - 1), MOST_US)
  stop.next, stop.version = now + math.tointeger(pause), version_of(endpoint)
  stop.code, stop.text = err.code, err.text
  keep(endpoint, stop)
  local say = first and log.error or log.warn
  say("endpoint stopped: it refuses the login: " .. err.text,
      { endpoint = endpoint.name, code = err.code, next_try = time.iso(stop.next), tries = stop.tries })
  return true
end

--- The endpoint took the login.
---@param endpoint connector.Endpoint
---@param mark string  that the call carried
function gate.accepted(endpoint, mark)
  if mark ~= gate.mark(endpoint) then return end
  if not gate.proven(endpoint) then cache.put(SPACE, endpoint.name .. " took", proof(endpoint)) end
  if not cache.get(SPACE, endpoint.name) then return end
  cache.drop(SPACE, endpoint.name)
  log.info("endpoint takes the login again", { endpoint = endpoint.name })
end

return gate
