--- OAuth2 client credentials: a bearer token for an endpoint, fetched once for all flows.
--
-- The token goes from the answer of the token endpoint straight to the secrets of the process;
-- what is known here is its handle. It is renewed when a fifth of its life is left (five minutes
-- at most), by one caller while the others wait; when that fails and it still holds, it is used
-- on. A 401 forgets exactly the token that was refused, so that many of them renew it once.

local cache = require "navodoo.cache"
local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local task = require "navodoo.task"
local time = require "navodoo.time"
local call = require "connector.call"

local oauth = {}

local TIMEOUT_MS <const> = 30000
local EARLY_US <const> = 300 * 1000000  -- renewed so long before the end, or a fifth of its life
local PATIENCE_US <const> = 30 * 1000000 -- a renewal that failed is tried again so late
local ASSUMED_S <const> = 600           -- life of a token whose answer does not say

--- The scope of Business Central online.
oauth.SCOPE = "https://api.businesscentral.dynamics.com/.default"

--- Seams for specs.
oauth.request, oauth.report = call.ask, call.report

---@class connector.Token
---@field token string     handle of the secret
---@field issue string     tells one token from the next
---@field renew integer    us
---@field expires integer  us

local WAY_OUT <const> = "are client_id, client_secret, scope and token_url in navodoo.lua right, and is the "
  .. "client secret not expired?"

---@type connector.Rule[]
oauth.rules = {
  { code = "temporarily_unavailable", class = "transient", down = true, from = "RFC 6749 4.1.2.1" },
  { code = "server_error", class = "transient", down = true, from = "RFC 6749 4.1.2.1" },
  { http = 429, class = "transient", down = true, from = "rate limit" },
  { http = 404, class = "config", way_out = "is token_url in navodoo.lua right?", from = "nav 4" },
  { http = 400, class = "auth", way_out = WAY_OUT, from = "RFC 6749 5.2" },
  { http = 401, class = "auth", way_out = WAY_OUT, from = "RFC 6749 5.2" },
  { http = 403, class = "auth", way_out = WAY_OUT, from = "nav 4" },
}
local DOWN <const> = { class = "transient", down = true }

--- The name under which the core knows the token endpoint.
---@param endpoint connector.Endpoint
function oauth.door(endpoint) return endpoint.name .. ":login" end

local function known(endpoint)
  local text = cache.get("oauth", endpoint.name)
  return text and json.decode(text) or nil
end

local function keep(endpoint, token)
  cache.put("oauth", endpoint.name, assert(json.encode(token)))
  return token
end

local function form(endpoint)
  return ("grant_type=client_credentials&client_id=%s&client_secret=%s&scope=%s"):format(
    call.percent(endpoint.client_id), endpoint.secret, call.percent(endpoint.scope or oauth.SCOPE))
end

-- The token endpoint has a breaker of its own: calls that cannot be signed wait behind it as they
-- do behind that of the system, and cost no attempt.
local function trouble(endpoint, problem)
  if problem.code == "network" or problem.code == "timeout" or problem.code == "tls" then
    oauth.report(oauth.door(endpoint), "fail")
  end
  return nil, { class = problem.code == "tls" and "config" or "transient", code = problem.code, maybe_sent = false,
                retry_after_ms = problem.retry_after_ms,
                text = ("%s, fetching a token for %s"):format(problem.text, endpoint.name) }
end

local function refusal(endpoint, res)
  local body = call.decode(res.body)
  local said = type(body) == "table" and body or {}
  local answer = { http = res.status, code = type(said.error) == "string" and said.error or "",
                   text = type(said.error_description) == "string" and said.error_description or res.body }
  if res.status == 200 then answer.text = "the answer holds no access_token" end
  local err = call.failure(endpoint, "token", call.classify(oauth.rules, answer) or DOWN, answer)
  err.retry_after_ms = res.retry_after_ms
  oauth.report(oauth.door(endpoint), err.down and "fail" or "ok", res.retry_after_ms)
  err.down = nil
  return nil, err
end

local function fetch(endpoint)
  local res, problem = oauth.request {
    endpoint = oauth.door(endpoint), method = "POST", body = form(endpoint), timeout_ms = TIMEOUT_MS,
    headers = { ["Content-Type"] = "application/x-www-form-urlencoded", Accept = "application/json" },
    capture = { secret = endpoint.name .. ".token", json = "access_token" } }
  if not res then return trouble(endpoint, problem) end
  if res.status ~= 200 or not res.captured then return refusal(endpoint, res) end
  oauth.report(oauth.door(endpoint), "ok")
  local body = call.decode(res.body)
  local seconds = type(body) == "table" and math.tointeger(tonumber(tostring(body.expires_in))) or ASSUMED_S
  local now, life = time.now(), math.max(seconds, 1) * 1000000
  return { token = res.captured, issue = crypto.random_hex(8), expires = now + life,
           renew = now + life - math.min(life // 5, EARLY_US) }
end

-- A token that is good now. Only one caller fetches.
local function token_of(endpoint)
  local token = known(endpoint)
  if token and time.now() < token.renew then return token end
  local lock <close>, refused = task.lock { "oauth:" .. endpoint.name }
  if not lock then
    return nil, { class = "transient", code = refused.code, text = refused.text, maybe_sent = false }
  end
  token = known(endpoint)
  local now = time.now()
  if token and now < token.renew then return token end
  local fresh, err = fetch(endpoint)
  if fresh then return keep(endpoint, fresh) end
  if token and now + PATIENCE_US < token.expires then
    token.renew = now + PATIENCE_US
    return keep(endpoint, token)
  end
  return nil, err
end

--- Adds the bearer token to the headers of a request. Waits.
---@param endpoint connector.Endpoint
---@param headers table<string, string>|nil
---@return table<string, string>|nil headers
---@return connector.Error|nil err
---@return string|nil issue  what `renew` wants when the token is refused
function oauth.sign(endpoint, headers)
  local token, err = token_of(endpoint)
  if not token then return nil, err end
  local signed = { Authorization = "Bearer " .. token.token }
  for name, value in pairs(headers or {}) do signed[name] = value end -- sorted by the core
  return signed, nil, token.issue
end

--- Forgets the token that a call was refused with; one that came meanwhile stays.
---@param endpoint connector.Endpoint
---@param issue string
function oauth.refused(endpoint, issue)
  local token = known(endpoint)
  if token and token.issue == issue then cache.drop("oauth", endpoint.name) end
end

return oauth
