--- The door for webhooks: what comes in is a job on disk before it is answered.
--
-- A hook is a hint that a record changed, nothing more: the flow reads the record
-- itself. So events of one record that waits already become one job, an event that
-- names itself (Webhook-Id, Idempotency-Key) counts once, and one that got lost is
-- found by the next poll. What is taken in is bounded: events under way by number and
-- bytes, jobs on disk by a high-water mark. Beyond that the sender is told to come
-- back (429), before anything of the event was kept.
--
-- In Lua, because it was measured: of the 85 us of CPU that an event costs this process, a
-- third is the loop's, Lua and hand-over together; the rest is HTTP and the commit, in C and in
-- threads of their own. What counts is that many events share one commit.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local log = require "navodoo.log"
local secret = require "navodoo.secret"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local door = require "navodoo.engine.door"

---@class navodoo.Hook
---@field secret navodoo.SecretHandle
---@field flows { name: string, model: string }[]   who wants to know of which model

---@class navodoo.Inbox
---@field hooks table<string, navodoo.Hook>
---@field counters { stored: integer, malformed: integer, refused: integer, unknown: integer }
local inbox = {}
inbox.__index = inbox

local DIRECTION <const> = "odoo_to_nav"
--- What one event may bring; the listener enforces it.
inbox.MAX_BODY = 64 * 1024
local IN_FLIGHT <const> = 256               -- events between their arrival and their answer
local IN_FLIGHT_BYTES <const> = 8 << 20
local HIGH_WATER <const> = 100000           -- jobs of one flow that wait to be done
local BACKLOG_MS <const> = 1000             -- how old the count of them may be
--- Ids of deliveries that are remembered; cli/keeper.lua drops the older ones.
inbox.DELIVERIES_KEPT = 100000
local COMPLAIN_MS <const> = 60000           -- one line in the log for all that was refused
-- Odoo tells of a deletion before it commits it: the record is to be read after that.
local DELETED <const>, DELETED_US <const> = " deleted(", 5 * 1000000
local ID_MAX <const> = 2147483647           -- Odoo counts records in 32 bits

local TEXT <const> = { ["Content-Type"] = "text/plain; charset=utf-8" }
local STORED <const> = { status = 200, headers = { ["Content-Type"] = "application/json" },
                         body = '{"status":"stored"}' }
local NOT_FOUND <const> = { status = 404, headers = TEXT, body = "not found\n" }

local function refusal(status, text, retry_after)
  local headers = { ["Content-Type"] = TEXT["Content-Type"] }
  if retry_after then headers["Retry-After"] = tostring(retry_after) end
  return { status = status, headers = headers, body = text .. "\n" }
end

local NOT_POST <const> = refusal(405, "a hook is a POST")
local BUSY <const> = refusal(429, "too many events at once, come back", 1)
local FULL <const> = refusal(429, "too many events wait to be done, come back", 30)
local NO_ROOM <const> = refusal(503, "the disk is nearly full, come back", 60)
local NO_STORE <const> = refusal(503, "the event could not be stored, come back", 60)

--- A door without hooks; `inbox:open` names them.
---@param limits { high_water: integer?, in_flight: integer? }?
---@return navodoo.Inbox
function inbox.new(limits)
  limits = limits or {}
  return setmetatable({
    hooks = {}, backlog = {}, in_flight = 0, bytes = 0,
    max_in_flight = limits.in_flight or IN_FLIGHT, high_water = limits.high_water or HIGH_WATER,
    counters = { stored = 0, malformed = 0, refused = 0, unknown = 0 },
    -- what a name that is no hook is compared with, so that it takes as long
    nobody = assert(secret.define("hook-of-nobody", crypto.random_hex(16))),
  }, inbox)
end

--- Sets the hooks there are; those of before are gone.
---@param hooks table<string, navodoo.Hook>
function inbox:open(hooks)
  self.hooks = hooks
  for _, hook in pairs(hooks) do
    for _, flow in ipairs(hook.flows) do flow.wake = task.event("wake:" .. flow.name) end
  end
end

--- Counts what was turned away, and says so once a minute: a flood is not to fill the log.
local function turn_away(self, counter, answer, why)
  self.counters[counter] = self.counters[counter] + 1
  local now = time.monotonic()
  if not self.complained or now - self.complained > COMPLAIN_MS then
    self.complained = now
    local c = self.counters
    log.warn("hooks: events were turned away", { stored = c.stored, malformed = c.malformed,
                                                 refused = c.refused, unknown = c.unknown, last = why })
  end
  return answer
end

--- Whether a flow has room for one more job; asks the store once a second.
local function has_room(self, flow)
  local known = self.backlog[flow]
  if not known then
    known = { count = 0, added = 0, at = -BACKLOG_MS }
    self.backlog[flow] = known
  end
  local now = time.monotonic()
  if now - known.at >= BACKLOG_MS then
    known.at = now -- the others go on with the old count meanwhile
    local rows = store.query("jobs_backlog", flow)
    if rows then known.count, known.added = rows[1].count, 0 end
  end
  known.added = known.added + 1
  return known.count + known.added <= self.high_water
end

--- The operations that keep an event, or nil and what is wrong with it.
local function operations(hook_name, hook, request)
  local event = json.decode(request.body)
  if type(event) ~= "table" then return nil, "a JSON object is expected" end
  local model, id = event._model, event._id
  if type(model) ~= "string" or math.type(id) ~= "integer" or id < 1 or id > ID_MAX then
    return nil, "_model and _id name the record"
  end
  local delivery = request.headers["webhook-id"] or request.headers["idempotency-key"]
  if delivery then delivery = crypto.hash(delivery) end
  local ops, due, record = {}, time.now(), tostring(id)
  if type(event._action) == "string" and event._action:find(DELETED, 1, true) then due = due + DELETED_US end
  for _, flow in ipairs(hook.flows) do
    if flow.model == model then
      ops[#ops + 1] = { "job_hint", flow.name, DIRECTION, record, due, hook_name, delivery }
    end
  end
  if #ops == 0 then return nil, "no flow of this hook is about that model" end
  if delivery then ops[#ops + 1] = { "delivery_put", hook_name, delivery } end
  return ops, nil, model
end

--- Stores an event and wakes its flows.
local function keep(self, hook_name, hook, request)
  local ops, why, model = operations(hook_name, hook, request)
  if not ops then return turn_away(self, "malformed", refusal(400, why), why) end
  for _, flow in ipairs(hook.flows) do
    if flow.model == model and not has_room(self, flow.name) then return turn_away(self, "refused", FULL) end
  end
  local ok, err = store.apply(ops)
  if not ok then
    return turn_away(self, "refused", err.code == "busy" and BUSY or NO_STORE, err.text)
  end
  self.counters.stored = self.counters.stored + 1
  for _, flow in ipairs(hook.flows) do
    if flow.model == model then flow.wake:set() end
  end
  return STORED
end

--- Answers `POST /hooks/<name>/<secret>`. Waits for the disk.
---@param request { method: string, path: string, headers: table<string, string>, body: string }
---@return table response
function inbox:handle(request)
  local name, given = request.path:match "^/hooks/([%w_]+)/([^/?#]+)$"
  local hook = self.hooks[name]
  local known = secret.matches(hook and hook.secret or self.nobody, given or "")
  if not (hook and known) then return turn_away(self, "unknown", NOT_FOUND) end
  if request.method ~= "POST" then return NOT_POST end
  local why = door.closed()
  if why then return turn_away(self, "refused", NO_ROOM, why) end
  local size = #request.body
  if self.in_flight >= self.max_in_flight or self.bytes + size > IN_FLIGHT_BYTES then
    return turn_away(self, "refused", BUSY)
  end
  self.in_flight, self.bytes = self.in_flight + 1, self.bytes + size
  local ok, answer = xpcall(keep, debug.traceback, self, name, hook, request)
  self.in_flight, self.bytes = self.in_flight - 1, self.bytes - size
  if ok then return answer end
  log.error("hooks: " .. tostring(answer), { hook = name })
  return refusal(500, "internal error")
end

return inbox
