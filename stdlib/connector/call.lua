--- One HTTP call of a connector, from request to a value or a classified error.
--
-- Whatever goes wrong becomes `{ class=, code=, text=, ... }`, the breaker hears of every
-- answer, and bodies are capped. What a status or a code means is the table of the connector
-- (errors.lua on each side); this is the only place that reads such tables.

local cache = require "navodoo.cache"
local http = require "navodoo.http"
local json = require "navodoo.json"
local secret = require "navodoo.secret"
local task = require "navodoo.task"
local text = require "navodoo.text"

local gate = require "connector.gate"

local call = {}

---@class connector.Error
---@field class "transient"|"auth"|"conflict"|"dependency"|"invalid"|"unknown"|"config"|"bug"
---@field code string            the system's own code, or that of the transport
---@field endpoint string         its name
---@field text string            one line: endpoint, entity, the system's own words, way out
---@field http integer?          status of the answer
---@field retry_after_ms integer?  what the system asked for
---@field maybe_sent boolean     the call may have been applied
---@field field string?          the field that the refusal names
---@field record_index integer?  row of the call that it is about

---@class connector.Rule  one row of an error table; every given part must fit
---@field class string
---@field http integer?     status
---@field hundreds integer? first digit of the status
---@field code string?      exact code; "X_" fits every code that begins so
---@field text string?      pattern, found in the lower-cased text
---@field write boolean?    only for writes
---@field down boolean?     the system as a whole is in trouble: counts against the breaker
---@field as string?        code of the error, instead of the system's
---@field retry_after_ms integer?
---@field way_out string?   what a person can do, or what is done; "{name}" is taken from the endpoint
---@field from string?      where the facts say so

---@class connector.Answer
---@field http integer?
---@field code string       "" when the system gave none
---@field text string       words to match and to show

--- Seams for specs.
call.request, call.report, call.recall, call.info = http.request, http.report, http.recall, http.info
--- Asks a door that is no system's: a token endpoint.
call.ask = http.request

--- Largest answer taken, and time allowed for one call. Odoo repeats a blocked write for up to
-- half a minute and NAV works for minutes, so patience is right: the lane waits, nothing else.
-- An answer is taken in and read in one turn of the loop, 9 ms for a MiB; a page that is larger
-- is asked for in parts.
call.MAX_BODY, call.TIMEOUT_MS = 2 << 20, 120000

--- What the transport's own failures mean: no answer came. Whether the call may have been applied is
-- told by the core, which knows whether any of it was sent; a write that may have been is "unknown".
---@type connector.Rule[]
call.rules = {
  { code = "network", text = "resolve", class = "transient", down = true, from = "curl: DNS",
    way_out = "does the host name in navodoo.lua exist? It is looked up again" },
  { code = "network", class = "transient", down = true, from = "curl: refused, reset, cut",
    way_out = "is it running, and is the url in navodoo.lua right?" },
  { code = "timeout", class = "transient", down = true, from = "curl: time-out",
    way_out = "it did not answer in time" },
  { code = "tls", class = "config", down = true, from = "curl: certificate",
    way_out = "its certificate does not verify: set `ca` or correct the host name in navodoo.lua" },
  { code = "breaker_open", class = "transient", from = "core/breaker",
    way_out = "it failed repeatedly and is left alone for a while" },
  { code = "too_large", class = "config", from = "curl: size",
    way_out = "the answer is larger than is read at once, down to a single record: have the flow read fewer fields" },
  { code = "cancelled", class = "transient", from = "core/op", way_out = "the call was given up" },
  { code = "notfound", class = "config", from = "core/http_client",
    way_out = "is it among the endpoints of navodoo.lua?" },
  { code = "invalid", class = "bug", from = "core/http_client",
    way_out = "the connector made a request that cannot be sent" },
  { class = "transient", from = "core/nv.h", way_out = "the call could not be made" },
}

-- Several thousand rows of a wide page; more would hold the loop for longer than a tenth of a second.
local AT_ONCE <const> = { budget = 3000000 }

--- Decodes what a system sent. Nobody knows what that is: its size is bounded by MAX_BODY, and the
-- values in it are here.
---@param body string
---@return any value
---@return navodoo.Error|nil err
function call.decode(body) return json.decode(body, AT_ONCE) end

--- The first rule that fits an answer.
---@param rules connector.Rule[]
---@param answer connector.Answer
---@param write boolean|nil  the call changes something
---@return connector.Rule|nil
function call.classify(rules, answer, write)
  local lower
  for _, rule in ipairs(rules) do
    local fits = (not rule.http or rule.http == answer.http)
      and (not rule.hundreds or answer.http and rule.hundreds == answer.http // 100)
      and (not rule.write or write)
      and (not rule.code or rule.code == answer.code
           or rule.code:byte(-1) == 95 and answer.code:sub(1, #rule.code) == rule.code)
    if fits and rule.text then
      lower = lower or answer.text:lower()
      fits = lower:find(rule.text)
    end
    if fits then return rule end
  end
  return nil
end

--- One plain line of at most 400 characters: tags, line breaks and broken bytes left out, and every
-- secret that a system repeats to us: these words go to the store.
---@param s string
---@return string
function call.line(s)
  s = secret.scrub(s:sub(1, 16384)):gsub("<script.-</script>", " "):gsub("<style.-</style>", " ")
    :gsub("<[!/%a][^>]*>", " ")
  if not text.valid(s) then s = s:gsub("[\x80-\xff]+", "?") end
  return (text.truncate(text.trim((s:gsub("[%s%c]+", " "))), 400))
end

--- First capture of the first pattern that is found in `s`.
---@param patterns string[]
---@param s string
---@return string|nil
function call.capture(patterns, s)
  for _, pattern in ipairs(patterns) do
    local found = s:match(pattern)
    if found then return found end
  end
  return nil
end

--- Makes the error of a rule.
---@param endpoint connector.Endpoint
---@param what string              entity or model and what was tried
---@param rule connector.Rule
---@param answer connector.Answer
---@return connector.Error
function call.failure(endpoint, what, rule, answer)
  local words = call.line(answer.text)
  local code = rule.as or answer.code
  if code == "" then code = answer.http and "http_" .. answer.http or "refused" end
  if words == "" then words = answer.http and "HTTP status " .. answer.http or code end
  if rule.way_out then
    words = words .. "; " .. rule.way_out:gsub("{([%w_]+)}", function(name)
      return tostring(endpoint[name])
    end)
  end
  return { class = rule.class, code = code, endpoint = endpoint.name, http = answer.http, down = rule.down,
           retry_after_ms = rule.retry_after_ms, maybe_sent = rule.class == "unknown",
           text = ("%s: %s: %s"):format(endpoint.name, what, words) }
end

--- The error of a call that got no answer.
---@param endpoint connector.Endpoint
---@param request connector.Request
---@param problem table  of navodoo.http
---@return connector.Error
function call.unanswered(endpoint, request, problem)
  local rule = call.classify(call.rules, { code = problem.code, text = problem.text })
  local unknown = request.write and problem.maybe_sent
  return { class = unknown and "unknown" or rule.class, code = problem.code, endpoint = endpoint.name,
           down = rule.down, retry_after_ms = problem.retry_after_ms, maybe_sent = problem.maybe_sent == true,
           text = ("%s, calling %s; %s"):format(problem.text, request.what, rule.way_out) }
end

---@class connector.Request
---@field what string       names entity and action in errors
---@field path string       percent-encoded, appended to the endpoint's base URL
---@field method string?
---@field headers table?
---@field body string?
---@field write boolean?    the call changes something
---@field trial boolean?    a refused login is an answer, not the end
---@field anonymous boolean?  needs no login
---@field capture table?    as in navodoo.http
---@field plan navodoo.records.Plan?  a list of records is wanted: an answer of status 200 gets it as
---  `list`, or why it holds none as `no_list`; its body is a text in the second case only
---@field max_body integer?  bytes of an answer, where that is not MAX_BODY

--- The answer of an endpoint that was opened to be looked at only. Whoever wants to see what
-- would have been sent gives the endpoint a function `withheld`.
local function withhold(endpoint, request)
  if endpoint.withheld then endpoint.withheld(request) end
  return nil, { class = "config", code = "read_only", maybe_sent = false,
                text = ("%s: %s: not sent, this command only reads"):format(endpoint.name, request.what) }
end

local function ask(endpoint, request, headers)
  local res, problem = call.request {
    endpoint = endpoint.name, method = request.method, path = request.path,
    headers = headers, body = request.body, capture = request.capture, writes = request.write,
    timeout_ms = endpoint.timeout_ms or call.TIMEOUT_MS, max_body = request.max_body or call.MAX_BODY,
    handle = request.plan ~= nil,
  }
  if not res or not request.plan or res.status ~= 200 then return res, problem end
  res.list, res.no_list = request.plan:read(res.body)
  if not res.list and type(res.body) ~= "string" then res.body = res.body:text() end
  return res
end

-- A write never finds out whether a system is back: a small question does, and one for all who wait.
local function answers_again(endpoint)
  local function state() return (call.info(endpoint.name) or {}).breaker end
  if not (endpoint.knock and gate.proven(endpoint)) or state() ~= "half_open" then return false end
  local lock <close> = task.lock { "knock:" .. endpoint.name }
  if lock and state() == "half_open" then
    endpoint.knocking = true -- one try: what waits for it comes back anyway
    endpoint.knock()
    endpoint.knocking = nil
  end
  return state() == "closed"
end

local function once(endpoint, request, headers, read)
  local res, problem = ask(endpoint, request, headers)
  -- (a call that tries an unproven secret holds the lock that the question would wait for)
  if not res and request.write and problem.code == "breaker_open" and gate.proven(endpoint)
     and answers_again(endpoint) then
    res, problem = ask(endpoint, request, headers)
  end
  local value, err
  if res then value, err = read(res)
  else err = call.unanswered(endpoint, request, problem) end
  if not err then
    call.report(endpoint.name, "ok")
    return value
  end
  err.retry_after_ms = res and res.retry_after_ms or err.retry_after_ms
  if err.down then call.report(endpoint.name, "fail", err.retry_after_ms)
  elseif res then call.report(endpoint.name, "ok") end
  err.down = nil
  return nil, err
end

-- With a token that is renewed once when it is refused: a call that was answered with 401 was
-- not carried out.
local function signed(endpoint, request, read)
  local signer = endpoint.signer
  if not signer then return once(endpoint, request, request.headers, read) end
  local value, err
  for _ = 1, 2 do
    local headers, failed, issue = signer.sign(endpoint, request.headers)
    if not headers then return nil, failed end
    value, err = once(endpoint, request, headers, read)
    if not err or err.class ~= "auth" then return value, err end
    signer.refused(endpoint, issue)
  end
  return value, err
end

-- Past the gate, and what the answer says of the login.
local function judged(endpoint, request, read)
  local stopped, mark = gate.closed(endpoint)
  if stopped then return nil, stopped end
  local value, err = signed(endpoint, request, read)
  if not err then
    gate.accepted(endpoint, mark)
  elseif err.class == "auth" then
    local news
    if request.trial then news = gate.doubt(endpoint, mark) else news = gate.refused(endpoint, err, mark) end
    if news then call.recall(endpoint.name) end
  end
  return value, err
end

local function exchange(endpoint, request, read)
  if request.anonymous then return once(endpoint, request, request.headers, read) end
  local mark = gate.mark(endpoint)
  if gate.proven(endpoint) then
    local value, err = judged(endpoint, request, read)
    if not (err and err.code == "cancelled") or gate.mark(endpoint) == mark then return value, err end
  end
  local lock <close>, refused = task.lock { "login:" .. endpoint.name }
  if not lock then
    return nil, { class = "transient", code = refused.code, text = refused.text, maybe_sent = false }
  end
  if request.trial and gate.mark(endpoint) ~= mark then
    return nil, { class = "auth", code = "overtaken", endpoint = endpoint.name, maybe_sent = false, text = (
      "%s: %s: the login that it came with was refused to another call"):format(endpoint.name, request.what) }
  end
  return judged(endpoint, request, read)
end

--- A question changes nothing, so what fails for a moment is asked again here, so many times in all: a
-- batch asks several, and would begin anew for each. What takes longer than PATIENCE_MS is its caller's.
call.TRIES = 3
local PATIENCE_MS <const> = 3000

-- Milliseconds until a question is asked again; nil when it is not.
local function again_in(endpoint, request, err, tries)
  if request.write or err.class ~= "transient" or tries >= call.TRIES or endpoint.knocking then return nil end
  local info = call.info(endpoint.name)
  local ms = math.max(err.retry_after_ms or 0, info and info.breaker == "open" and info.retry_after_ms or 0)
  if err.code ~= "breaker_open" then ms = math.max(ms, http.retry_in(endpoint.name, tries)) end
  return ms <= PATIENCE_MS and ms or nil
end

--- Sends a request and reads its answer. With `read_only`, an endpoint gets no request that
-- changes something: this is the one place that all of them pass. A refused login stops the endpoint
-- (connector/gate.lua), unless `request.trial` says that the caller knows another way. A secret that
-- is not proven is tried by one call at a time.
---@param endpoint connector.Endpoint
---@param request connector.Request
---@param read fun(res: table): any, connector.Error?  makes the value (not nil) or the error
---@return any value
---@return connector.Error? err
function call.exchange(endpoint, request, read)
  if request.write and endpoint.read_only then return withhold(endpoint, request) end
  local tries = 0
  while true do
    local value, err = exchange(endpoint, request, read)
    tries = tries + 1
    local ms = err and again_in(endpoint, request, err, tries)
    if not ms then return value, err end
    task.sleep(ms)
  end
end

--- Percent-encodes what cannot stand in a path or a query. `'`, `(`, `)`, `,` and `:` stay.
---@param s string
---@return string
function call.percent(s)
  return (s:gsub("[^%w%-%._~'(),:]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- ---- what all generations share --------------------------------------------------------

-- How long a wrong setting is believed, so that it is tried once and not by every waiting run.
-- (A refused login stops the endpoint.)
local REFUSAL_TTL_MS <const> = 10000

local function space(endpoint) return "endpoint:" .. endpoint.name end

--- A text known about the endpoint; fetched once however many runs ask for it.
---@param endpoint connector.Endpoint
---@param key string
---@param ttl_ms integer
---@param fetch fun(): string?, connector.Error?
---@return string? value
---@return connector.Error? err
function call.cached(endpoint, key, ttl_ms, fetch)
  local where = space(endpoint)
  local known = cache.get(where, key)
  if not known then
    local lock <close>, refused = task.lock { where .. " " .. key }
    if not lock then
      return nil, { class = "transient", code = refused.code, text = refused.text, maybe_sent = false }
    end
    known = cache.get(where, key)
    if not known then
      local value, err = fetch()
      if not value then
        if err.class == "config" then
          cache.put(where, key, "-" .. assert(json.encode(err)), REFUSAL_TTL_MS)
        end
        return nil, err
      end
      known = "+" .. value
      cache.put(where, key, known, ttl_ms)
    end
  end
  if known:byte() == 45 then return nil, json.decode(known:sub(2)) end
  return known:sub(2)
end

--- Forgets what `cached` knows.
---@param endpoint connector.Endpoint
---@param key string
---@param value string|nil  only if it is still this
function call.forget(endpoint, key, value)
  if value and cache.get(space(endpoint), key) ~= "+" .. value then return end
  cache.drop(space(endpoint), key)
end

return call
