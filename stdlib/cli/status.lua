--- navodoo status: what runs, what waits, what went wrong.

local control = require "cli.control"
local out = require "cli.out"
local time = require "navodoo.time"

local status = {}

status.options = { state = { value = true }, json = {} }
status.places = 0

status.help = [[usage: navodoo status [--state DIR] [--json]

Shows each flow: records linked, jobs by state, outcomes so far, the last trouble.
Works on a running engine and on a stopped one.

exit codes: 0 told; 1 no store, or its engine does not answer; 2 wrong use

  --state DIR   folder of the engine's store (default: ./state)
  --json        for machines

examples:
  navodoo status
  navodoo status --state /var/lib/navodoo --json]]

local function list(counts, order)
  local parts = {}
  for _, name in ipairs(order) do
    if (counts[name] or 0) > 0 then parts[#parts + 1] = counts[name] .. " " .. name end
  end
  return #parts > 0 and table.concat(parts, ", ") or "none"
end

---@param a table
---@return integer
function status.run(a)
  local result, err = control.call(a.state or "state", "status", {})
  if not result then
    out.complain("status: %s", err.text)
    return 1
  end
  if a.json then
    out.json(result)
    return 0
  end
  out.line(result.running and "engine: running since " .. out.instant(result.started) or "engine: not running")
  if result.intake_stopped then out.line("INTAKE STOPPED  %s", result.intake_stopped) end
  out.line("store: %.1f MiB, %.1f of them free", result.store.bytes / (1 << 20), result.store.free_bytes / (1 << 20))
  for _, r in ipairs(result.refused or {}) do
    out.line("")
    out.line("NOT TAKEN   %s, seen %s; what ran before goes on", r.file, out.instant(r.at))
    for line in r.text:gmatch "[^\n]+" do out.line("  %s", line) end
  end
  for _, f in ipairs(result.flows) do
    out.line("")
    out.line("flow %s", f.flow)
    out.line("  linked    %d", f.links)
    out.line("  jobs      %s", list(f.jobs, { "ready", "waiting", "review", "dead" }))
    out.line("  outcomes  %s", list(f.outcomes, { "created", "adopted", "updated", "unchanged", "review",
                                                 "dead", "dropped" }))
    if f.cursor and f.cursor.mark then
      out.line("  seen to   %s (asked %s)", f.cursor.mark, out.instant(f.cursor_at))
    end
    local g = f.generation
    if g then
      out.line("  version   %s (%s)%s%s", g.hash, g.cause == "rollback" and "a person went back to it; until "
        .. g.file .. " changes" or g.cause, g.handing_over and ", the next one waits for what runs" or "",
        g.finishing and ", " .. g.finishing .. " finishes what it began" or "")
    end
    local board = f.board
    if result.running and board and board.counters then
      out.line("  this run  %s", out.counts(board.counters))
    end
    if board and board.failed then out.line("  STOPPED   %s", board.failed) end
    if board and board.trouble then
      out.line("  trouble   %s  %s", out.instant(board.trouble.at), board.trouble.text)
    end
  end
  if result.hooks then
    out.line("")
    out.line("hooks       %s", list(result.hooks, { "stored", "malformed", "refused", "unknown" }))
  end
  for _, e in ipairs(result.endpoints) do
    out.line("")
    out.line("endpoint %s", e.name)
    out.line("  address   %s", e.base_url)
    out.line("  calls     %d, %d failed, %d in flight", e.calls, e.failures, e.in_flight)
    out.line("  breaker   %s%s", e.breaker, e.retry_after_ms > 0 and
             (", asks again in %d s"):format((e.retry_after_ms + 999) // 1000) or "")
    if e.login then
      out.line("  LOGIN     refused %d times since %s, next try %s or when the secret changes", e.login.tries,
               out.instant(time.iso(e.login.since)), out.instant(time.iso(e.login.next)))
      out.line("            %s", e.login.text)
    end
    if e.expiry then
      out.line("  secret    %s%s %s%s", e.expiry.source == "odoo" and "first API key of the user " or "",
               e.expiry.days < 0 and "expired on" or "good until", e.expiry.date,
               e.expiry.days >= 0 and (", %d days"):format(e.expiry.days) or "")
    end
  end
  return 0
end

return status
