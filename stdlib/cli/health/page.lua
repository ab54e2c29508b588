--- The status page: what an operator wants to see at one look, on a phone too.
--
-- One self-contained page without scripts, which asks for itself again. Everything that came
-- from a record or a system is escaped (`text`), wherever it stands.

local asking = require "cli.health.asking"
local conditions = require "cli.health.conditions"
local door = require "navodoo.engine.door"
local metrics = require "cli.health.metrics"
local gate = require "connector.gate"
local http = require "navodoo.http"
local json = require "navodoo.json"
local unicode = require "navodoo.text"
local out = require "cli.out"
local ready = require "cli.health.ready"
local store = require "navodoo.store"
local style = require "cli.health.style"
local time = require "navodoo.time"

local page = {}

local REFRESH_S <const> = 10
--- No page grows without bound: what stands there is cut, and says so.
local GROUPS_SHOWN <const>, ALERTS_SHOWN <const>, TEXT_MAX <const> = 50, 10, 600

local ENTITIES <const> = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;", ["'"] = "&#39;" }

--- Text as it may stand anywhere in the page, attributes included.
---@param v any
---@return string
function page.text(v)
  local s = tostring(v)
  if not unicode.valid(s) then s = s:gsub("[\x80-\xff]", "?") end
  return (unicode.truncate(s, TEXT_MAX):gsub("[%c]", " "):gsub("[&<>\"']", ENTITIES))
end
local text <const> = page.text

--- A number with its thousands apart.
local function count(n)
  local s = ("%d"):format(n or 0)
  while true do
    local changed
    s, changed = s:gsub("^(%d+)(%d%d%d)", "%1&#8239;%2")
    if changed == 0 then return s end
  end
end

--- A length of time in its two largest units.
local function span(seconds)
  if not seconds then return "&ndash;" end
  local s = math.floor(seconds)
  if s < 60 then return s .. " s" end
  if s < 3600 then return ("%d min"):format(s // 60) end
  if s < 86400 then return ("%d h %d min"):format(s // 3600, s % 3600 // 60) end
  return ("%d d %d h"):format(s // 86400, s % 86400 // 3600)
end

local function badge(kind, label) return ('<span class="badge %s">%s</span>'):format(kind, text(label)) end

local function row(name, ...)
  local cells = { "<th scope=\"row\">" .. name .. "</th>" }
  for i = 1, select("#", ...) do cells[i + 1] = "<td>" .. (select(i, ...)) .. "</td>" end
  return "<tr>" .. table.concat(cells) .. "</tr>"
end

-- ---- what needs a person -------------------------------------------------------------------

local WORDS <const> = { breaker = "breaker open", login = "login refused", flow = "flow stopped",
                        file = "file not taken",
                        intake = "intake stopped", dead = "dead letters", review = "reviews" }

local function problem_card(c)
  local what = WORDS[c.state or c.kind]
  local lines = { '<article class="problem ', c.state == "review" and "warn" or "bad", '"><header>',
                  badge(c.state == "review" and "warn" or "bad", c.count and ("%d %s"):format(c.count,
                    c.count == 1 and what:gsub("s$", "") or what) or what),
                  "<span class=\"subject\">", text(c.flow or c.subject), "</span>",
                  c.group and '<span class="muted">group ' .. text(c.group) .. "</span>" or "", "</header>",
                  "<p>", text(c.why or c.text), "</p>" }
  if c.way_out then lines[#lines + 1] = '<p class="way"><b>Way out</b> ' .. text(c.way_out) .. "</p>" end
  if c.command then lines[#lines + 1] = "<code>" .. text(c.command) .. "</code>" end
  if c.group and c.state == "dead" then
    lines[#lines + 1] = "<code>" .. text("navodoo dead retry --group " .. c.group) .. "</code>"
  end
  lines[#lines + 1] = "</article>"
  return table.concat(lines)
end

local function problems(list)
  if #list == 0 then return "" end
  local parts = { '<section><h2>Needs a person</h2><div class="problems">' }
  for i = 1, math.min(#list, GROUPS_SHOWN) do parts[#parts + 1] = problem_card(list[i]) end
  parts[#parts + 1] = "</div>"
  if #list > GROUPS_SHOWN then
    parts[#parts + 1] = ('<p class="muted">and %d more: <code>navodoo dead groups</code></p>'):format(
      #list - GROUPS_SHOWN)
  end
  parts[#parts + 1] = "</section>"
  return table.concat(parts)
end

-- ---- flows ---------------------------------------------------------------------------------

local STATES <const> = { "ready", "waiting", "review", "dead" }
local WAYS <const> = { { "nav_to_odoo", "nav", "NAV &rarr; Odoo" }, { "odoo_to_nav", "odoo", "Odoo &rarr; NAV" } }
local OUTCOMES <const> = { "created", "adopted", "updated", "unchanged" }

--- Counts of the store by flow: { [flow] = { jobs = { [direction] = {...} }, outcomes =, cursors = } }.
local function gather()
  local flows = setmetatable({}, { __index = function(t, name)
    local f = { jobs = {}, outcomes = {}, cursors = {} }
    rawset(t, name, f)
    return f
  end })
  local rows = asking.all("jobs_counts", "lots_counts", "totals", "cursors_list")
  local function add(t, direction, key, n)
    t[direction] = t[direction] or {}
    t[direction][key] = (t[direction][key] or 0) + n
  end
  for _, c in ipairs(rows.jobs_counts) do add(flows[c.flow].jobs, c.direction, c.state, c.count) end
  for _, l in ipairs(rows.lots_counts) do add(flows[l.flow].jobs, "nav_to_odoo", "ready", l.count) end
  for _, o in ipairs(rows.totals) do add(flows[o.flow].outcomes, o.direction, o.outcome, o.count) end
  for _, c in ipairs(rows.cursors_list) do
    local flow, side = c.name:match "^([^/]+)/(%a+)/"
    if flow then flows[flow].cursors[side] = { value = json.decode(c.value), at = c.updated } end
  end
  return flows
end

-- The watermark of a cursor: how long ago, or the day where the source tells no more.
local function read_up_to(value, now)
  local mark = type(value) == "table" and value.mark
  if type(mark) == "string" and mark:find "^%d%d%d%d%-%d%d%-%d%d$" then return text(mark) end
  return span(metrics.watermark_age(value, now))
end

local function way_table(f, now)
  local rows = {}
  for _, way in ipairs(WAYS) do
    local cursor, jobs, done = f.cursors[way[2]], f.jobs[way[1]], f.outcomes[way[1]]
    if cursor or jobs or done then
      local cells = {}
      for _, state in ipairs(STATES) do
        local n = jobs and jobs[state] or 0
        cells[#cells + 1] = n > 0 and (state == "dead" or state == "review") and ("<b class=\"%s\">%s</b>"):format(
          state == "dead" and "bad" or "warn", count(n)) or count(n)
      end
      cells[#cells + 1] = cursor and read_up_to(cursor.value, now) or "&ndash;"
      cells[#cells + 1] = cursor and span((now - cursor.at) / 1e6) or "&ndash;"
      for _, outcome in ipairs(OUTCOMES) do cells[#cells + 1] = count(done and done[outcome]) end
      rows[#rows + 1] = row(way[3], table.unpack(cells))
    end
  end
  if #rows == 0 then return '<p class="muted">nothing yet</p>' end
  return '<div class="scroll"><table><thead><tr><th></th><th>ready</th><th>waiting</th><th>review</th>'
    .. "<th>dead</th><th>read up to</th><th>asked</th><th>created</th><th>adopted</th><th>updated</th>"
    .. "<th>unchanged</th></tr></thead><tbody>" .. table.concat(rows) .. "</tbody></table></div>"
end

local function flow_card(slot, f, now)
  local board = conditions.board(slot.name)
  local wanted = slot.current and slot.current.wanted or slot.wanted
  local state = board and board.failed and badge("bad", "stopped") or not slot.current and badge("warn", "starting")
    or badge("good", "runs")
  local c = board and board.counters or {}
  local numbers = { { "read", c.read }, { "created", c.created }, { "adopted", c.adopted }, { "updated", c.updated },
    { "unchanged", (c.read or 0) - (c.changed or 0) + (c.unchanged or 0) } }
  local tiles = {}
  for i, n in ipairs(numbers) do tiles[i] = ("<div><b>%s</b><span>%s</span></div>"):format(count(n[2]), n[1]) end
  return table.concat { '<article class="card"><header><h3>', text(slot.name), "</h3>", state,
    '<span class="muted">version ', text(wanted.hash), "</span></header>",
    board and board.failed and '<p class="bad">' .. text(board.failed:match "^[^\n]*") .. "</p>" or "",
    board and board.trouble and '<p class="muted">last trouble ' .. text(out.instant(board.trouble.at)) .. ": "
      .. text(board.trouble.text) .. "</p>" or "",
    '<div class="tiles" title="in this run">', table.concat(tiles), "</div>", way_table(f, now), "</article>" }
end

local function flow_section(running, now)
  local flows, parts = gather(), { "<section><h2>Flows</h2>" }
  for _, slot in ipairs(running.lives.slots) do parts[#parts + 1] = flow_card(slot, flows[slot.name], now) end
  parts[#parts + 1] = "<p class=\"muted\">The large numbers count this run; created to unchanged in the tables count "
    .. "since the store was made.</p></section>"
  return table.concat(parts)
end

-- ---- endpoints, alerts -----------------------------------------------------------------------

local function endpoint_section(running)
  local rows = {}
  for i, name in ipairs(running.endpoints) do
    local e = http.info(name)
    local stop = gate.state { name = name }
    local state = stop and badge("bad", "login refused") or e.breaker == "closed" and badge("good", "closed")
      or badge("bad", e.breaker:gsub("_", " "))
    local mean = e.duration.count > 0 and ("%.0f ms"):format(e.duration.sum / e.duration.count * 1000) or "&ndash;"
    rows[i] = row(text(name), state, count(e.calls), count(e.failures), mean, count(e.in_flight), text(e.base_url))
  end
  return '<section><h2>Endpoints</h2><div class="card scroll"><table><thead><tr><th></th><th>breaker</th><th>calls</th>'
    .. "<th>failed</th><th>mean</th><th>in flight</th><th>address</th></tr></thead><tbody>" .. table.concat(rows)
    .. "</tbody></table></div></section>"
end

local function alert_section()
  local rows = {}
  for i, a in ipairs(assert(store.query("alerts_list", ALERTS_SHOWN))) do
    local detail = a.detail and json.decode(a.detail) or {}
    rows[i] = row(text(out.instant(time.iso(a.opened))), a.closed and text(out.instant(time.iso(a.closed)))
                  or badge("warn", "open"), text(detail.text))
  end
  if #rows == 0 then return "" end
  return '<section><h2>Latest alerts</h2><div class="card scroll"><table class="left"><thead><tr><th>opened</th>'
    .. "<th>over</th><th>what</th></tr></thead><tbody>" .. table.concat(rows) .. "</tbody></table></div></section>"
end

local function headline(list, reasons)
  if door.closed() then return badge("bad", "intake stopped") end
  if #reasons > 0 then return badge("bad", "not ready") end
  if #list == 0 then return badge("good", "all is well") end
  return badge("warn", #list == 1 and "one thing needs a person" or ("%d things need a person"):format(#list))
end

--- The whole page. Waits for the store.
---@param running table  as in cli/commands.lua
---@return string
function page.html(running)
  local now = time.now()
  local list, reasons = assert(conditions.now(running)), ready.reasons(running)
  local why = {}
  for i, r in ipairs(reasons) do why[i] = "<li><b>" .. text(r.what) .. "</b> " .. text(r.text) .. "</li>" end
  return table.concat { '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    ('<meta http-equiv="refresh" content="%d">'):format(REFRESH_S),
    '<link rel="icon" href="data:,"><title>navodoo</title><style>', style, "</style></head><body>",
    "<header class=\"top\"><div><h1>navodoo</h1><span class=\"muted\">", text(running.environment),
    " &middot; runs for ", span((now - running.started) / 1e6), "</span></div>", headline(list, reasons),
    "</header><main>",
    #why > 0 and '<section><h2>Not ready</h2><ul class="card reasons">' .. table.concat(why) .. "</ul></section>" or "",
    problems(list), flow_section(running, now), endpoint_section(running), alert_section(),
    "</main><footer class=\"muted\">version ", text(running.version), " &middot; ", text(out.instant(time.iso(now))),
    (" &middot; asks again every %d s &middot; read only</footer></body></html>"):format(REFRESH_S) }
end

return page
