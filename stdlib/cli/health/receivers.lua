--- How an alert reaches its receivers: as JSON to an address, and to a program.
--
-- Both get the same object. The program also gets event, kind and subject as arguments behind
-- its own, and the object on standard input; no shell reads them. A 2xx, or exit 0, means taken.

local http = require "navodoo.http"
local json = require "navodoo.json"
local process = require "navodoo.process"
local project = require "cli.project"
local time = require "navodoo.time"

local receivers = {}

--- The channels, in the order in which they are told.
receivers.NAMES = { "webhook", "command" }
local ENDPOINT <const> = "alerts"
local ANSWER_MAX <const> = 65536

--- The object that a receiver gets. `id` is the same however often it is sent.
---@param owed table   row of alerts_owed
---@param environment string
---@return table
function receivers.message(owed, environment)
  local detail = owed.detail and json.decode(owed.detail) or {}
  local closed = owed.event == "close"
  return json.object({ "id", "event", "kind", "subject", "flow", "environment", "text", "way_out", "command", "count",
                       "opened", "closed" }, {
    id = ("navodoo-%d-%x-%s"):format(owed.alert, owed.opened, owed.event), event = owed.event, kind = owed.kind,
    subject = owed.subject, flow = owed.flow, environment = environment,
    text = (closed and "over: " or "") .. tostring(detail.text), way_out = not closed and detail.way_out or nil,
    command = not closed and detail.command or nil, count = not closed and detail.count or nil,
    opened = time.iso(owed.opened), closed = closed and owed.closed and time.iso(owed.closed) or nil })
end

--- What is wrong with the secrets of the receivers, or nil.
---@param alerts navodoo.Alerts|nil
---@return string|nil complaint
function receivers.complaint(alerts)
  for _, name in ipairs { "token", "path" } do
    local declared = alerts and alerts.webhook and alerts.webhook[name]
    if declared then
      local handle, why = project.find_secret(declared)
      if not handle then return ("alerts.webhook.%s: %s"):format(name, why) end
    end
  end
  return nil
end

local send = {}

function send.webhook(alerts, message)
  local w = alerts.webhook
  local base, path = w.url:match "^(https?://[^/?#]+)(.*)$"
  local headers = { ["Content-Type"] = "application/json", ["User-Agent"] = "navodoo",
                    ["Idempotency-Key"] = message.id }
  if w.token then
    local handle, why = project.find_secret(w.token)
    if not handle then return nil, why end
    headers.Authorization = "Bearer " .. tostring(handle)
  end
  if w.path then
    local handle, why = project.find_secret(w.path)
    if not handle then return nil, why end
    path = path .. tostring(handle)
  end
  local ok, err = http.endpoint { name = ENDPOINT, base_url = base, max_connections = 1 }
  if not ok then return nil, err.text end
  local answer
  answer, err = http.request { endpoint = ENDPOINT, method = "POST", path = path == "" and "/" or path,
    headers = headers, body = assert(json.encode(message)), timeout_ms = alerts.timeout_ms, max_body = ANSWER_MAX }
  if not answer then return nil, err.text end
  if answer.status >= 200 and answer.status < 300 then return true end
  return nil, ("the receiver answered %d"):format(answer.status), answer.retry_after_ms
end

function send.command(alerts, message)
  local argv = table.move(alerts.command, 1, #alerts.command, 1, {})
  for _, name in ipairs { "event", "kind", "subject" } do argv[#argv + 1] = message[name] end
  local r, err = process.run { argv = argv, stdin = assert(json.encode(message)) .. "\n",
                               timeout_ms = alerts.timeout_ms }
  if not r then return nil, err.text end
  if r.code == 0 and not r.signal and not r.timed_out then return true end
  local said = r.output:match "^%s*([^\n]+)"
  return nil, ("%s %s%s"):format(argv[1],
    r.timed_out and "took too long" or r.signal and "was ended by signal " .. r.signal or "ended with " .. r.code,
    said and ": " .. said:sub(1, 200) or "")
end

--- Sends one message. Waits, at most for `alerts.timeout_ms`.
---@param channel string
---@param alerts navodoo.Alerts
---@param message table
---@return true|nil ok
---@return string|nil why
---@return integer|nil retry_after_ms
function receivers.send(channel, alerts, message) return send[channel](alerts, message) end

return receivers
