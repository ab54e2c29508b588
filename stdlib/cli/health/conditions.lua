--- What is wrong now and takes a person: groups of dead letters and reviews, breakers that are
-- open, endpoints that refuse the login, flows that do not run, files that are not taken, intake
-- that is stopped.
--
-- Asked, not told: what alerts, /readyz and the status page say is what is so at that moment,
-- whatever happened in between or before a crash. Of some things nobody knows yet after a
-- start (an endpoint that was not called): `known` says so, and nothing is called over then.

local cache = require "navodoo.cache"
local door = require "navodoo.engine.door"
local gate = require "connector.gate"
local http = require "navodoo.http"
local json = require "navodoo.json"
local store = require "navodoo.store"

local conditions = {}

---@class cli.Condition
---@field kind "group"|"breaker"|"login"|"flow"|"file"|"intake"
---@field subject string   what it is about; with the kind it names the condition
---@field flow string?
---@field text string      one line
---@field way_out string?
---@field command string?  to be run
---@field count integer?   jobs of a group

--- The board of a flow.
---@param name string
---@return table|nil
function conditions.board(name)
  local text = cache.get("board", name)
  return text and json.decode(text) or nil
end

local function cause_of(row)
  local err = row.error and json.decode(row.error)
  return type(err) == "table" and err or { text = row.error }
end

--- Groups of dead letters and reviews, the largest first.
---@return cli.Condition[]|nil
---@return table|nil err
function conditions.groups()
  local rows, err = store.query "dead_groups"
  if not rows then return nil, err end
  local list = {}
  for i, row in ipairs(rows) do
    local cause = cause_of(row)
    local why = tostring(cause.text or "no reason is kept")
    if cause.field and not why:find(tostring(cause.field), 1, true) then why = ("%s: %s"):format(cause.field, why) end
    list[i] = { kind = "group", subject = ("%s/%s"):format(row.flow, row.fingerprint), flow = row.flow,
                count = row.count, state = row.state, group = row.fingerprint, oldest = row.oldest,
                why = why, way_out = cause.way_out,
                text = ("%s of flow %s: %s"):format(row.state == "review" and "reviews" or "dead letters", row.flow,
                                                    why),
                command = row.state == "review" and ("navodoo review show %d"):format(row.oldest or 0)
                  or ("navodoo dead list --group %s"):format(row.fingerprint) }
  end
  return list
end

local function of_endpoints(running, list)
  for _, name in ipairs(running.endpoints) do
    local e = http.info(name)
    if e and e.breaker ~= "closed" then
      list[#list + 1] = { kind = "breaker", subject = name, command = "navodoo status",
        text = ("endpoint %s fails again and again, and is left alone for a while"):format(name),
        way_out = ("see whether %s runs and answers; calls go on by themselves when it does"):format(e.base_url) }
    end
    local stop = gate.state { name = name }
    if stop then
      list[#list + 1] = { kind = "login", subject = name, command = "navodoo status",
        text = ("endpoint %s is stopped: %s"):format(name, stop.text),
        way_out = "put the right secret in its place; it is tried again as soon as it has another value" }
    end
  end
end

-- Flows that do not run; those that an endpoint keeps are told by that.
local function of_flows(running, list)
  local told = {}
  for _, slot in ipairs(running.lives.slots) do
    local board = conditions.board(slot.name)
    if board and board.failed and board.class ~= "auth" and board.class ~= "cancelled" and not told[board.failed] then
      told[board.failed] = true
      list[#list + 1] = { kind = "flow", subject = slot.name, flow = slot.name,
        text = ("flow %s does not run: %s"):format(slot.name, board.failed:match "^[^\n]*"),
        way_out = board.class == "fingerprint" and "see navodoo accept --help"
          or "correct it in the flow, in navodoo.lua or in the system; the flow starts when a file changes",
        command = "navodoo status" }
    end
  end
end

-- Files that a reload did not take: what ran before goes on, and nobody sees that it is old.
local function of_files(running, list)
  for _, r in ipairs(running.reload and running.reload:refusals() or {}) do
    list[#list + 1] = { kind = "file", subject = r.file, command = "navodoo status",
      text = ("%s is not taken, what ran before goes on: %s"):format(r.file, r.text:match "^[^\n]*"),
      way_out = "correct it; it is looked at again as soon as it is saved" }
  end
end

--- All of them, in a fixed order.
---@param running table  as in cli/commands.lua
---@return cli.Condition[]|nil
---@return table|nil err
function conditions.now(running)
  local list = {}
  local closed = door.closed()
  if closed then
    list[1] = { kind = "intake", subject = "disk", text = closed, command = "navodoo status",
                way_out = "free space on that disk, or move the store to a larger one; intake goes on by itself" }
  end
  of_endpoints(running, list)
  of_flows(running, list)
  of_files(running, list)
  local groups, err = conditions.groups()
  if not groups then return nil, err end
  return table.move(groups, 1, #groups, #list + 1, list)
end

--- Does this process know how it is about something that was wrong?
---@param running table
---@param kind string
---@param subject string
---@return boolean
function conditions.known(running, kind, subject)
  if kind == "breaker" or kind == "login" then
    local e = http.info(subject)
    return e == nil or e.duration.count > 0
  elseif kind == "flow" then
    local slot = running.lives.by_name[subject]
    return slot == nil or conditions.board(subject) ~= nil
  end
  return true
end

return conditions
