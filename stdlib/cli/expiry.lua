--- Warns before a password, key or client secret expires.
--
-- `expires` of an endpoint in navodoo.lua says when; of an API key Odoo tells it from 18 on, though
-- not which of the user's keys is ours: then the first one to expire counts. Looked at when the
-- engine starts and once a day; what is known is shown by `navodoo status`.

local cache = require "navodoo.cache"
local connector = require "connector"
local json = require "navodoo.json"
local log = require "navodoo.log"
local problem = require "navodoo.problem"
local task = require "navodoo.task"
local time = require "navodoo.time"

local expiry = {}

local DAY_US <const> = 86400 * 1000000
local DAY_MS <const> = 86400 * 1000
local START_MS <const> = 5000
local WARN_DAYS <const> = 30
local SPACE <const> = "expiry"

---@class cli.Expiry
---@field date string      last day, YYYY-MM-DD
---@field days integer     until then; negative: it is over
---@field source "declared"|"odoo"
---@field keys integer?    how many keys the user has, where Odoo told the date

local function days_until(date)
  return (assert(time.parse_iso(date .. "T23:59:59Z")) - time.now()) // DAY_US
end

--- What is known about the secret of an endpoint.
---@param name string
---@return cli.Expiry|nil
function expiry.of(name)
  local text = cache.get(SPACE, name)
  local known = text and json.decode(text)
  if known then known.days = days_until(known.date) end
  return known or nil
end

local function find(e)
  if e.expires then return { date = e.expires, source = "declared" } end
  if e.kind ~= "odoo" then return nil end
  local found, err = connector.open(e):key_expiry()
  if err then
    log.debug("when the API key expires is not known: " .. err.text, { endpoint = e.name })
    return nil
  end
  return found and { date = found.date, source = "odoo", keys = found.keys } or nil
end

local function text_of(e, known)
  local what = known.source == "odoo" and (known.keys == 1 and "the API key of user " .. e.user
    or ("the first of the %d API keys of user %s"):format(known.keys, e.user)) or "its secret"
  if known.days < 0 then return ("endpoint %s: %s expired on %s"):format(e.name, what, known.date) end
  return ("endpoint %s: %s expires on %s, in %d days; make a new one and put it in its place"):format(
    e.name, what, known.date, known.days)
end

--- Looks at one endpoint; warns in the log when it is time. Waits.
---@param e navodoo.Endpoint  opened
---@return cli.Expiry|nil
function expiry.look(e)
  local known = find(e)
  if not known then
    cache.drop(SPACE, e.name)
    return nil
  end
  cache.put(SPACE, e.name, assert(json.encode(known)))
  known.days = days_until(known.date)
  if known.days < WARN_DAYS then
    log.warn(text_of(e, known), { endpoint = e.name, expires = known.date, days = known.days })
  end
  return known
end

--- Looks at what navodoo.lua declares, without asking any system.
---@param p table  project
function expiry.declared(p)
  for _, name in ipairs(problem.names(p.endpoints)) do
    if p.endpoints[name].expires then expiry.look(p.endpoints[name]) end
  end
end

--- Looks at all endpoints, soon and then once a day. To be spawned.
---@param p table  project, whose endpoints may be opened anew meanwhile
function expiry.watch(p)
  task.sleep(START_MS) -- the flows come first, and find out how Odoo is spoken to
  while true do
    for _, name in ipairs(problem.names(p.endpoints)) do
      local ok, err = xpcall(expiry.look, debug.traceback, p.endpoints[name])
      if not ok then log.error("expiry: " .. tostring(err), { endpoint = name }) end
    end
    task.sleep(DAY_MS)
  end
end

return expiry
