--- Tells a person once that something went wrong, and once that it is over.
--
-- Every two seconds what is wrong (cli/health/conditions.lua) is compared with the alerts that
-- are open in the store. What is new is opened and owed to every receiver in one transaction; it
-- is over when it was well for the quiet time, so neither a retry that fails again nor a
-- breaker that flaps tells anybody anything. What is owed is on disk until the receiver took it: a
-- crash sends it again, with the same id.
--
-- Bounded: while OPEN_MAX alerts are open, or OWED_MAX messages wait, nothing new is opened.
-- What is still wrong when there is room again is told then.

local json = require "navodoo.json"
local log = require "navodoo.log"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local conditions = require "cli.health.conditions"
local receivers = require "cli.health.receivers"

local alerts = {}
alerts.__index = alerts

local LOOK_MS <const> = 2000
local OPEN_MAX <const>, OWED_MAX <const> = 200, 1000
local KEPT <const> = 500                       -- closed ones that stay to be seen
local FIRST_MS <const>, CEILING_MS <const> = 1000, 5 * 60 * 1000
local GIVE_UP_US <const> = 7 * 86400 * 1000000 -- nobody wants to be woken by last week

--- Quiet time without a receiver: what the log and the status page go by.
local QUIET_MS <const> = 60000

---@param p table        project; its configuration may be read anew meanwhile
---@param running table  as in cli/commands.lua
function alerts.new(p, running)
  return setmetatable({ p = p, running = running, woken = {}, failures = {}, seen = conditions, send = receivers.send,
                        now = time.now, random = math.random }, alerts)
end

local function settings(self) return self.p.config.alerts or { quiet_ms = QUIET_MS } end

-- The channels that are configured, in order.
local function channels(self)
  local list, given = {}, settings(self)
  for _, name in ipairs(receivers.NAMES) do
    if given[name] then list[#list + 1] = name end
  end
  return list
end

local function key_of(c) return c.kind .. "\0" .. c.subject end

local function owe(self, ops, c, event, now)
  for _, channel in ipairs(channels(self)) do
    ops[#ops + 1] = { "alert_owe", c.kind, c.subject, event, channel, now }
  end
end

local function open(self, ops, c, now)
  ops[#ops + 1] = { "alert_open", c.kind, c.subject, c.flow, now, assert(json.encode {
    text = c.text, way_out = c.way_out, command = c.command, count = c.count }) }
  owe(self, ops, c, "open", now)
end

-- What no longer is wrong: calm at first, and over after the quiet time.
local function settle(self, ops, row, now)
  if not self.seen.known(self.running, row.kind, row.subject) then return false end
  if not row.calm then
    ops[#ops + 1] = { "alert_calm", row.id, now }
    return false
  end
  if now - row.calm < settings(self).quiet_ms * 1000 then return false end
  owe(self, ops, row, "close", now)
  ops[#ops + 1] = { "alert_close", row.id, now }
  return true
end

--- Compares once and writes down what is owed.
---@return true|nil ok
---@return table|nil err
function alerts:look()
  local rows, err = store.query "alerts_open"
  if not rows then return nil, err end
  local owed
  owed, err = store.query("alerts_owed", OWED_MAX)
  if not owed then return nil, err end
  local current
  current, err = self.seen.now(self.running)
  if not current then return nil, err end
  local now, ops, by_key, said = self.now(), {}, {}, {}
  local room = #owed >= OWED_MAX and 0 or OPEN_MAX - #rows
  for _, row in ipairs(rows) do by_key[key_of(row)] = row end
  for _, c in ipairs(current) do
    local row = by_key[key_of(c)]
    by_key[key_of(c)] = nil
    if row and row.calm then ops[#ops + 1] = { "alert_calm", row.id, nil }
    elseif not row and room > 0 then
      room = room - 1
      open(self, ops, c, now)
      said[#said + 1] = { log.warn, "alert: " .. c.text, c, "open" }
    end
  end
  for _, row in ipairs(rows) do
    if by_key[key_of(row)] and settle(self, ops, row, now) then
      said[#said + 1] = { log.info, "alert is over: " .. tostring(json.decode(row.detail).text), row, "close" }
    end
  end
  local given = settings(self)
  for _, row in ipairs(owed) do -- a receiver that is no longer named
    if not given[row.channel] then ops[#ops + 1] = { "alert_sent", row.alert, row.event, row.channel } end
  end
  if #ops == 0 then return true end
  ops[#ops + 1] = { "alerts_prune", KEPT }
  local ok
  ok, err = store.apply(ops)
  if not ok then return nil, err end
  for _, s in ipairs(said) do s[1](s[2], { kind = s[3].kind, subject = s[3].subject, event = s[4] }) end
  for _, event in pairs(self.woken) do event:set() end
  return true
end

-- The next message of a channel and how long to wait for it; nil when nothing is owed to it. An
-- alert is never told to be over before it was told.
local function next_of(channel)
  local rows, err = store.query("alerts_owed", OWED_MAX)
  if not rows then return nil, err end
  local best, before = nil, nil
  for _, row in ipairs(rows) do
    if row.channel == channel then
      if row.alert ~= before and (not best or row.due < best.due) then best = row end
      before = row.alert
    end
  end
  return best
end

local function give_up(owed, now) return now - (owed.closed or owed.opened) > GIVE_UP_US end

-- Sends what is due; answers how long to wait for more, nil: until something is owed.
local function deliver(self, channel)
  local owed, err = next_of(channel)
  if err then return LOOK_MS end
  if not owed then return nil end
  local now = self.now()
  if owed.due > now then return (owed.due - now) // 1000 + 1 end
  local message = receivers.message(owed, self.p.config.env)
  local ok, why, retry_after_ms = self.send(channel, settings(self), message)
  if ok or give_up(owed, now) then
    self.failures[channel] = 0
    if not ok then log.error("alert given up: " .. why, { id = message.id, channel = channel }) end
    ok, err = store.apply { { "alert_sent", owed.alert, owed.event, channel } }
    return ok and 0 or LOOK_MS, err
  end
  local n = (self.failures[channel] or 0) + 1
  self.failures[channel] = n
  local limit = math.min(CEILING_MS, FIRST_MS << math.min(n - 1, 20))
  local pause = math.max(limit // 2 + self.random(0, limit // 2), retry_after_ms or 0)
  log.warn("alert not taken, sent again later: " .. why,
           { id = message.id, channel = channel, attempt = owed.attempts + 1, again_in_ms = pause })
  ok = store.apply {
    { "alert_retry", owed.alert, owed.event, channel, owed.attempts + 1, self.now() + pause * 1000, why } }
  return ok and pause or LOOK_MS
end

--- Sends to one channel until nothing is due, or for so long.
---@param channel string
---@param limit_ms number
function alerts:flush(channel, limit_ms)
  local ends = time.monotonic() + limit_ms
  repeat
    local wait = deliver(self, channel)
    if not wait or time.monotonic() + wait > ends then return end
    if wait > 0 then task.sleep(wait) end
  until time.monotonic() >= ends
end

-- One channel for ever.
local function serve(self, channel)
  while true do
    local wait
    if settings(self)[channel] then
      local ok
      ok, wait = xpcall(deliver, debug.traceback, self, channel)
      if not ok then
        log.error("alerts: " .. tostring(wait), { channel = channel })
        wait = CEILING_MS
      end
    end
    if wait ~= 0 then self.woken[channel]:wait(wait) end
  end
end

local function look(self)
  local ok, done, err = xpcall(alerts.look, debug.traceback, self)
  local why = not ok and tostring(done) or not done and err.text
  if why then log.error("alerts: " .. why, {}) end
end

--- Looks and sends until the process ends. To be spawned.
function alerts:watch()
  for _, channel in ipairs(receivers.NAMES) do
    self.woken[channel] = task.event()
    task.spawn(serve, self, channel)
  end
  while true do
    look(self)
    task.sleep(LOOK_MS)
  end
end

--- Looks once and sends what is due, for an engine that ends now.
---@param limit_ms number  for all receivers together
function alerts:finish(limit_ms)
  look(self)
  local ends = time.monotonic() + limit_ms
  for _, channel in ipairs(channels(self)) do self:flush(channel, ends - time.monotonic()) end
end

return alerts
