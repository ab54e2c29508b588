--- What goes wrong on the way to a sandbox system: rules, and the plan for one request.
--
-- A rule names requests (`match`, `contains`), says when it strikes (`nth`, `rate`, `times`; without
-- them always) and what happens:
--
--     { match = "PATCH|POST CustomerCard", rate = 0.1, kind = "cut_after" }
--
-- | kind | what the caller sees | what the system did |
-- | --- | --- | --- |
-- | status | `status` with `answer` as body, `retry_after` as header (`retry_date`: as a date) | nothing |
-- | rate_limit | 429, Retry-After only with `retry_after` | nothing |
-- | delay | the answer, `delay_ms` later (any kind may be delayed so) | all |
-- | cut_before | a cut connection | nothing |
-- | cut_after | a cut connection | all |
-- | late | a cut connection | all, `late_ms` after the cut |
--
-- Rules are plain data under `state.faults`, with counters in them; the draws come from its seed, so
-- a run can be repeated. The waiting and cutting is the server's.

local json = require "navodoo.json"
local time = require "navodoo.time"
local people = require "sandbox.people"

local faults = {}

---@class sandbox.FaultRule
---@field match string?        methods and a piece of the decoded path and query: "PATCH|POST a*b", "GET", "*"
---@field contains string?     a piece of the body
---@field nth integer?         strikes at the nth matching request only
---@field rate number?         strikes at this share of the matching requests
---@field times integer?       strikes so often at most
---@field kind string
---@field status integer?
---@field answer string?
---@field content_type string?
---@field delay_ms integer?
---@field late_ms integer?
---@field retry_after integer?
---@field retry_date boolean?
---@field seen integer?        counted: requests that matched
---@field fired integer?       counted: strikes

---@class sandbox.FaultPlan
---@field delay_ms integer?
---@field status integer?
---@field headers table?
---@field body string?
---@field cut string?          "before", "after" or "late"
---@field late_ms integer?

local KINDS <const> = { status = true, delay = true, cut_before = true, cut_after = true, late = true,
                        rate_limit = true }
local TEXTS <const> = { "match", "contains", "answer", "content_type" }
local COUNTS <const> = { "nth", "times", "status", "delay_ms", "late_ms", "retry_after" }
local KNOWN <const> = { kind = true, rate = true, retry_date = true, seen = true, fired = true }
for _, list in ipairs { TEXTS, COUNTS } do
  for _, name in ipairs(list) do KNOWN[name] = true end
end

local function decode(path)
  return (path:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- "PATCH|POST CustomerCard*" -> set of methods or nil, Lua pattern or nil
local function parse_match(match)
  local methods, rest = match:match("^([%u|]+)%s+(.*)$")
  if not methods then
    if match:find("^[%u|]+$") then
      methods, rest = match, ""
    else
      rest = match
    end
  end
  local set
  if methods then
    set = {}
    for method in methods:gmatch("%u+") do set[method] = true end
  end
  local pattern = rest:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*")
  return set, pattern ~= "" and pattern or nil
end

local function matches(rule, request)
  if rule.match then
    local methods, pattern = parse_match(rule.match)
    if methods and not methods[request.method] then return false end
    if pattern and not decode(request.path):find(pattern) then return false end
  end
  if rule.contains then return (request.body or ""):find(rule.contains, 1, true) ~= nil end
  return true
end

local function draw(state)
  local kept = state.faults
  kept.draws = (kept.draws or 0) + 1
  return people.random(kept.seed or 1, kept.draws)(1000000) / 1000000
end

local function strikes(rule, state, rng)
  rule.seen = (rule.seen or 0) + 1
  if rule.times and (rule.fired or 0) >= rule.times then return false end
  if rule.nth and rule.seen ~= rule.nth then return false end
  if rule.rate and (rng and rng() or draw(state)) >= tonumber(tostring(rule.rate)) then return false end
  rule.fired = (rule.fired or 0) + 1
  return true
end

local DAYS <const> = { [0] = "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" } -- 1970 began on one
local MONTHS <const> = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" }

-- An instant as HTTP writes it, to the next full second.
local function http_date(us)
  us = (us // 1000000 + 1) * 1000000
  local y, m, d, clock = time.iso(us):match "^(%d+)%-(%d+)%-(%d+)T(%d+:%d+:%d+)"
  return ("%s, %s %s %s %s GMT"):format(DAYS[us // 86400000000 % 7], d, MONTHS[tonumber(m)], y, clock)
end

local function fill(plan, rule)
  if rule.kind == "status" or rule.kind == "rate_limit" then
    plan.status = rule.status or (rule.kind == "status" and 503 or 429)
    plan.headers = { ["Content-Type"] = rule.content_type or "text/plain; charset=utf-8" }
    if rule.retry_after then
      plan.headers["Retry-After"] = rule.retry_date and http_date(time.now() + rule.retry_after * 1000000)
        or tostring(rule.retry_after)
    end
    plan.body = rule.answer or ""
  elseif rule.kind == "late" then
    plan.cut, plan.late_ms = "late", rule.late_ms or 0
  elseif rule.kind ~= "delay" then
    plan.cut = rule.kind:match("^cut_(.*)$")
  end
end

--- What shall happen to this request. Delays of all rules that strike add up; the first rule that
--- strikes otherwise decides, and those after it are not asked.
---@param request { method: string, path: string, body: string? }
---@param state table                state.faults holds the rules
---@param rng (fun(): number)?       0 <= n < 1; by default drawn from the rules' seed
---@return sandbox.FaultPlan plan    empty when nothing goes wrong
function faults.plan(request, state, rng)
  local plan = {}
  for _, rule in ipairs(state.faults and state.faults.rules or {}) do
    if matches(rule, request) and strikes(rule, state, rng) then
      if rule.delay_ms then plan.delay_ms = (plan.delay_ms or 0) + rule.delay_ms end
      if rule.kind ~= "delay" then
        fill(plan, rule)
        break
      end
    end
  end
  return plan
end

local function rate_problem(rate)
  if rate == nil then return nil end
  local share = tonumber(tostring(rate))
  if type(rate) == "string" or not share or share < 0 or share > 1 then return "rate is a number from 0 to 1" end
end

local function problem_of(rule)
  if type(rule) ~= "table" then return "a rule is an object" end
  if not KINDS[rule.kind] then
    return "kind is one of status, delay, cut_before, cut_after, late, rate_limit"
  end
  local unknown = {}
  for name in pairs(rule) do
    if not KNOWN[name] then unknown[#unknown + 1] = tostring(name) end
  end
  if unknown[1] then
    table.sort(unknown)
    return "unknown: " .. table.concat(unknown, ", ")
  end
  for _, name in ipairs(TEXTS) do
    if rule[name] ~= nil and type(rule[name]) ~= "string" then return name .. " is a text" end
  end
  for _, name in ipairs(COUNTS) do
    local value = rule[name]
    if value ~= nil and (math.type(value) ~= "integer" or value < 0) then return name .. " is a whole number" end
  end
  if rule.retry_date ~= nil and rule.retry_date ~= true then return "retry_date is true or left out" end
  if rule.kind == "delay" and not rule.delay_ms then return "a delay needs delay_ms" end
  return rate_problem(rule.rate)
end

--- Adds rules. All are checked first; one bad rule and none is added.
---@param state table
---@param spec { rules: sandbox.FaultRule[]?, seed: integer?, kind: string? }   or one rule
---@return boolean? added
---@return string? problem
function faults.install(state, spec)
  if type(spec) ~= "table" then return nil, "an object with rules is expected" end
  local list = spec.rules or { spec }
  if type(list) ~= "table" then return nil, "rules is a list" end
  if spec.seed ~= nil and math.type(spec.seed) ~= "integer" then return nil, "seed is a whole number" end
  for n, rule in ipairs(list) do
    local problem = problem_of(rule)
    if problem then return nil, ("rule %d: %s"):format(n, problem) end
  end
  state.faults = state.faults or { rules = {} }
  local kept = state.faults
  kept.rules = kept.rules or {}
  if spec.rules and spec.seed then kept.seed, kept.draws = spec.seed, 0 end
  for _, rule in ipairs(list) do
    local copy = {}
    for name, value in pairs(rule) do copy[name] = value end
    copy.seen, copy.fired = 0, 0
    kept.rules[#kept.rules + 1] = copy
  end
  return true
end

--- The rules in force, with how often each matched and struck.
---@param state table
---@return table[]
function faults.list(state)
  local out = {}
  for n, rule in ipairs(state.faults and state.faults.rules or {}) do out[n] = rule end
  return json.array(out)
end

--- Takes all rules away.
---@param state table
function faults.clear(state) state.faults = { rules = {} } end

return faults
