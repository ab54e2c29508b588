--- The page that Prometheus reads: text format 0.0.4.
--
-- Everything comes from numbers that are kept as they change, so a scrape costs the same with
-- ten records and with ten million, and reads no table of records. Labels are flow, company,
-- direction, endpoint, and words from fixed lists: never a record, a value or a text of an ERP.

local asking = require "cli.health.asking"
local conditions = require "cli.health.conditions"
local door = require "navodoo.engine.door"
local gate = require "connector.gate"
local gauge = require "navodoo.engine.gauge"
local http = require "navodoo.http"
local json = require "navodoo.json"
local metrics = require "navodoo.metrics"
local problem = require "navodoo.problem"
local store = require "navodoo.store"
local time = require "navodoo.time"

local page = {}

page.CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

--- All there is, in the order of the page: name, type, help. What engines add to the series of the
-- process (engine/gauge.lua) is named here too; a series without a family is left out.
page.FAMILIES = {
  { "navodoo_build_info", "gauge", "Version of the program; always 1." },
  { "navodoo_jobs", "gauge", "Jobs in the store by state." },
  { "navodoo_parked_groups", "gauge", "Causes that have dead letters or reviews." },
  { "navodoo_outcomes_total", "counter", "What became of changes, since the store was made." },
  { "navodoo_records_read_total", "counter", "Records that polls read." },
  { "navodoo_records_changed_total", "counter", "Records read that were new or changed." },
  { "navodoo_watermark_age_seconds", "gauge", "Age of the instant up to which a source was read." },
  { "navodoo_walk_age_seconds", "gauge", "Time since a poll of a source last came to its end." },
  { "navodoo_delivery_seconds", "histogram", "From the arrival of a change (its job is on disk) to its delivery." },
  { "navodoo_flow_up", "gauge", "1 while the flow runs." },
  { "navodoo_endpoint_calls_total", "counter", "Calls sent." },
  { "navodoo_endpoint_failures_total", "counter", "Calls without an answer, or reported as failed." },
  { "navodoo_endpoint_call_seconds", "histogram", "Duration of calls that were answered." },
  { "navodoo_endpoint_calls_in_flight", "gauge", "Calls on the wire." },
  { "navodoo_endpoint_calls_queued", "gauge", "Calls that wait for a connection." },
  { "navodoo_breaker_state", "gauge", "1 for the state that the breaker is in." },
  { "navodoo_endpoint_login_refused", "gauge", "1 while the endpoint is stopped because it refuses the login." },
  { "navodoo_inbox_events_total", "counter", "Webhook events by what became of them." },
  { "navodoo_inbox_in_flight", "gauge", "Webhook events between their arrival and their answer." },
  { "navodoo_inbox_in_flight_bytes", "gauge", "Bytes of these." },
  { "navodoo_intake_stopped", "gauge", "1 while nothing new is taken in, because the disk is nearly full." },
  { "navodoo_alerts_open", "gauge", "Alerts that were opened and are not over." },
  { "navodoo_alerts_owed", "gauge", "Messages that a receiver has not taken yet." },
  { "navodoo_store_commit_seconds", "histogram", "Time that the disk took to keep a group of transactions." },
  { "navodoo_store_queue_bytes", "gauge", "Bytes that wait to be written." },
  { "navodoo_store_size_bytes", "gauge", "Size of the store's file, with the room in it that is free." },
  { "navodoo_store_free_bytes", "gauge", "Room in the store's file that is used again." },
  { "navodoo_lua_memory_bytes", "gauge", "Memory of the Lua states." },
  { "navodoo_metrics_lost_total", "counter", "Numbers that found no room among the series." },
  { "process_resident_memory_bytes", "gauge", "Resident memory size in bytes." },
  { "process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds." },
  { "process_start_time_seconds", "gauge", "Start time of the process since the epoch in seconds." },
  { "navodoo_scrape_seconds", "gauge", "Time from the request to this page." },
}

local function number(v)
  if math.type(v) == "integer" or v == math.floor(v) and math.abs(v) < 2 ^ 53 then return ("%d"):format(v) end
  return ("%.14g"):format(v)
end

-- ---- gathering ---------------------------------------------------------------------------

local function of_flows(add, rows)
  local lots = {} -- new records that are ready without a job of their own
  for _, l in ipairs(rows.lots_counts) do lots[l.flow] = l.count end
  for _, c in ipairs(rows.jobs_counts) do
    local n = c.count
    if c.state == "ready" and c.direction == "nav_to_odoo" then n, lots[c.flow] = n + (lots[c.flow] or 0), nil end
    add("navodoo_jobs", gauge.labels(c.flow, c.direction, "state", c.state), n)
  end
  for _, l in ipairs(problem.names(lots)) do
    add("navodoo_jobs", gauge.labels(l, "nav_to_odoo", "state", "ready"), lots[l])
  end
  for _, t in ipairs(rows.totals) do
    add("navodoo_outcomes_total",
        gauge.labels(t.flow, t.direction ~= "" and t.direction or nil, "outcome", t.outcome), t.count)
  end
  for _, g in ipairs(rows.parked_counts) do
    add("navodoo_parked_groups", gauge.labels(g.flow, nil, "state", g.state), g.groups)
  end
end

--- Seconds since the instant up to which a cursor has read; nil where it counts by number.
---@param value table   of the cursor
---@param now integer   us
---@return number|nil
function page.watermark_age(value, now)
  local mark = type(value) == "table" and value.mark
  if math.type(mark) == "integer" then return mark > 10 ^ 15 and (now - mark) / 1e6 or nil end
  if type(mark) ~= "string" or not mark:find "^%d%d%d%d%-%d%d%-%d%d" then return nil end
  local text = mark:gsub(" ", "T", 1)
  if #text == 10 then text = text .. "T00:00:00" end
  if not text:find "Z$" and not text:find "[+-]%d%d:%d%d$" then text = text .. "Z" end
  local us = time.parse_iso(text)
  return us and math.max(now - us, 0) / 1e6 or nil
end

local WAYS <const> = { nav = "nav_to_odoo", odoo = "odoo_to_nav" }

local function of_cursors(add, rows, now)
  for _, c in ipairs(rows.cursors_list) do
    local flow, side = c.name:match "^([^/]+)/(%a+)/"
    local age = flow and WAYS[side] and page.watermark_age(json.decode(c.value), now)
    if age then add("navodoo_watermark_age_seconds", gauge.labels(flow, WAYS[side]), age) end
  end
end

local function of_process(add, now)
  local list, lost = metrics.list()
  for _, s in ipairs(list) do
    if s.family == "navodoo_walk_timestamp_seconds" then
      add("navodoo_walk_age_seconds", s.labels, math.max(now / 1e6 - s.value, 0))
    else
      add(s.family, s.labels, s.buckets and s or s.value)
    end
  end
  add("navodoo_metrics_lost_total", "", lost)
end

local function of_endpoints(add, running)
  for _, name in ipairs(running.endpoints) do
    local e, labels = http.info(name), metrics.labels("endpoint", name)
    if e then
      add("navodoo_endpoint_calls_total", labels, e.calls)
      add("navodoo_endpoint_failures_total", labels, e.failures)
      add("navodoo_endpoint_call_seconds", labels, e.duration)
      add("navodoo_endpoint_calls_in_flight", labels, e.in_flight)
      add("navodoo_endpoint_calls_queued", labels, e.queued)
      add("navodoo_endpoint_login_refused", labels, gate.state(e) and 1 or 0)
      for _, state in ipairs { "closed", "half_open", "open" } do
        add("navodoo_breaker_state", metrics.labels("endpoint", name, "state", state), e.breaker == state and 1 or 0)
      end
    end
  end
end

local function of_lives(add, running)
  for _, slot in ipairs(running.lives.slots) do
    local memory = 0
    for _, life in ipairs { slot.current or false, slot.retiring or false, slot.pinned or false } do
      if life then memory = memory + life.gen:memory() end
    end
    local b = conditions.board(slot.name)
    add("navodoo_lua_memory_bytes", metrics.labels("state", slot.name), memory)
    add("navodoo_flow_up", gauge.labels(slot.name), slot.current and b and not b.failed and 1 or 0)
  end
  add("navodoo_lua_memory_bytes", metrics.labels("state", "main"), math.floor(collectgarbage "count" * 1024))
end

local function of_store(add, rows)
  local look = assert(store.look())
  add("navodoo_store_commit_seconds", "", look.commit)
  add("navodoo_store_queue_bytes", "", look.waiting_bytes)
  local size = rows.store_size[1]
  add("navodoo_store_size_bytes", "", size.pages * size.page_size)
  add("navodoo_store_free_bytes", "", size.free * size.page_size)
  local alerts = rows.alerts_count[1]
  add("navodoo_alerts_open", "", alerts.open)
  add("navodoo_alerts_owed", "", alerts.owed)
end

local function of_inbox(add, box)
  for _, name in ipairs { "malformed", "refused", "stored", "unknown" } do
    add("navodoo_inbox_events_total", metrics.labels("result", name), box.counters[name])
  end
  add("navodoo_inbox_in_flight", "", box.in_flight)
  add("navodoo_inbox_in_flight_bytes", "", box.bytes)
end

--- Resident bytes of this process.
---@return integer|nil
function page.resident()
  local f <close> = io.open "/proc/self/status"
  local kb = f and f:read "a":match "VmRSS:%s*(%d+)"
  return kb and math.tointeger(tonumber(kb)) * 1024 or nil
end

-- ---- writing -----------------------------------------------------------------------------

local function with(labels, more) return labels == "" and more or labels .. "," .. more end

local function write_histogram(out, name, labels, h)
  local sum = 0
  for i, bound in ipairs(metrics.bounds) do
    sum = sum + h.buckets[i]
    out[#out + 1] = ('%s_bucket{%s} %d'):format(name, with(labels, ('le="%s"'):format(number(bound))), sum)
  end
  out[#out + 1] = ('%s_bucket{%s} %d'):format(name, with(labels, 'le="+Inf"'), h.count)
  local set = labels == "" and "" or "{" .. labels .. "}"
  out[#out + 1] = ("%s_sum%s %s"):format(name, set, number(h.sum))
  out[#out + 1] = ("%s_count%s %d"):format(name, set, h.count)
end

--- The text of a set of samples: { [family] = { { labels, number or histogram } } }.
---@param samples table
---@return string
function page.write(samples)
  local out = {}
  for _, family in ipairs(page.FAMILIES) do
    local name, kind, help = family[1], family[2], family[3]
    local list = samples[name]
    if list then
      out[#out + 1] = ("# HELP %s %s"):format(name, help)
      out[#out + 1] = ("# TYPE %s %s"):format(name, kind)
      for _, s in ipairs(list) do
        if kind == "histogram" then write_histogram(out, name, s[1], s[2])
        else out[#out + 1] = ("%s%s %s"):format(name, s[1] == "" and "" or "{" .. s[1] .. "}", number(s[2])) end
      end
    end
  end
  out[#out + 1] = ""
  return table.concat(out, "\n")
end

--- The page. Waits for the store.
---@param running table  as in cli/commands.lua
---@return string
function page.text(running)
  local began, samples = time.monotonic(), {}
  local function add(family, labels, value)
    if value == nil then return end
    samples[family] = samples[family] or {}
    table.insert(samples[family], { labels, value })
  end
  local now = time.now()
  add("navodoo_build_info", metrics.labels("version", running.version), 1)
  local rows = asking.all("jobs_counts", "lots_counts", "totals", "parked_counts", "cursors_list", "store_size",
                          "alerts_count")
  of_flows(add, rows)
  of_cursors(add, rows, now)
  of_process(add, now)
  of_endpoints(add, running)
  of_lives(add, running)
  of_store(add, rows)
  if running.inbox then of_inbox(add, running.inbox) end
  add("navodoo_intake_stopped", "", door.closed() and 1 or 0)
  add("process_resident_memory_bytes", "", page.resident())
  add("process_cpu_seconds_total", "", os.clock())
  add("process_start_time_seconds", "", running.started / 1e6)
  add("navodoo_scrape_seconds", "", (time.monotonic() - began) / 1000)
  return page.write(samples)
end

return page
