--- Who is told when something needs a person: the sections `alerts` and `monitor` of
-- navodoo.lua, for all environments or in one of them.
--
--     alerts = {
--       webhook = { url = "https://alerts.example.com/navodoo", token = secret "ALERT_TOKEN" },
--       command = { "/usr/local/bin/page", "--team", "erp" },
--       quiet = "1m",       -- how long a thing must be well before it is told to be over
--       timeout = "30s",    -- how long a receiver may take
--     },
--     monitor = { token = secret "MONITOR_TOKEN" },   -- to look from another machine
--
-- `path = secret "NAME"` of a webhook is added to its url: where the address itself is the secret.

local duration = require "navodoo.duration"
local problem = require "navodoo.problem"

local alerting = {}

---@class navodoo.Alerts
---@field webhook { url: string, token: table?, path: table? }?
---@field command string[]?
---@field quiet_ms integer
---@field timeout_ms integer

local KEYS <const> = { "command", "quiet", "timeout", "webhook" }
local WEBHOOK_KEYS <const> = { "path", "token", "url" }
local EXAMPLE <const> = 'alerts = { webhook = { url = "https://alerts.example.com/navodoo", '
  .. 'token = secret "ALERT_TOKEN" } }'
local QUIET_MS <const>, TIMEOUT_MS <const> = 60000, 30000
local ARGUMENTS_MAX <const> = 32

local function is_secret(v) return type(v) == "table" and v.kind == "secret" end

-- A table with known keys only, else nil.
local function table_of(note, path, given, keys, example)
  if type(given) ~= "table" then
    note(path, ("%s is a table, got %s; as in %s"):format(path, problem.a(given), example))
    return nil
  end
  for _, key in ipairs(problem.names(given)) do
    if not problem.is_in(keys, key) then
      note(path .. "." .. key, ("unknown key in %s: %q; there are %s"):format(path, key, table.concat(keys, ", ")),
           problem.near(key, keys))
    end
  end
  return given
end

local function secret_of(note, path, v)
  if v == nil or is_secret(v) then return v end
  note(path, ('%s: a secret is written by its name, secret "NAME"; its value stays out of this file'):format(path))
  return nil
end

local function webhook_of(note, path, given)
  if given == nil or not table_of(note, path, given, WEBHOOK_KEYS, EXAMPLE) then return nil end
  local url = given.url
  if type(url) ~= "string" or not url:find "^https?://[^/%s]+" or url:find "^https?://[^/]*@" then
    note(path .. ".url", ("%s: url is where alerts are sent, http://host/... or https://host/..., without user and "
      .. "password"):format(path))
    return nil
  end
  return { url = url, token = secret_of(note, path .. ".token", given.token),
           path = secret_of(note, path .. ".path", given.path) }
end

local function command_of(note, path, given)
  if given == nil then return nil end
  local ok = type(given) == "table" and #given > 0 and #given <= ARGUMENTS_MAX
  for i = 1, ok and #given or 0 do ok = ok and type(given[i]) == "string" and not given[i]:find "%z" end
  if ok and given[1] ~= "" then return table.move(given, 1, #given, 1, {}) end
  note(path, ('%s is the program and its arguments, as in { "/usr/local/bin/page", "--team", "erp" }; no shell reads '
    .. "them"):format(path))
  return nil
end

local function time_of(note, path, given, default)
  if given == nil then return default end
  local ms, why = duration.ms(given)
  if ms and ms > 0 then return ms end
  note(path, ("%s: %s"):format(path, why or "must be above 0"))
  return default
end

--- Reads `alerts`; nil when it is not there. Notes what is wrong with it.
---@param note fun(path: string, text: string, near: string?)
---@param path string
---@param given any
---@return navodoo.Alerts|nil
function alerting.read(note, path, given)
  if given == nil or not table_of(note, path, given, KEYS, EXAMPLE) then return nil end
  local alerts = { webhook = webhook_of(note, path .. ".webhook", given.webhook),
                   command = command_of(note, path .. ".command", given.command),
                   quiet_ms = time_of(note, path .. ".quiet", given.quiet, QUIET_MS),
                   timeout_ms = time_of(note, path .. ".timeout", given.timeout, TIMEOUT_MS) }
  if given.webhook == nil and given.command == nil then
    note(path, ("%s names no receiver: webhook or command, as in %s"):format(path, EXAMPLE))
  end
  return alerts
end

--- Reads `monitor`; nil when it is not there. Notes what is wrong with it.
---@param note fun(path: string, text: string, near: string?)
---@param path string
---@param given any
---@return { token: table? }|nil
function alerting.monitor(note, path, given)
  local example <const> = 'monitor = { token = secret "MONITOR_TOKEN" }'
  if given == nil or not table_of(note, path, given, { "token" }, example) then return nil end
  return { token = secret_of(note, path .. ".token", given.token) }
end

return alerting
