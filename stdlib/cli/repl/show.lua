--- A mapped record side by side: NAV, Odoo, and why.

local explain = require "cli.explain"
local fs = require "navodoo.fs"
local json = require "navodoo.json"
local out = require "cli.out"
local text = require "navodoo.text"

local show = {}

local ARROW <const> = { set = "→", cleared = "→", unchanged = "=", left = "·", refused = "✗", failed = "✗" }
local BACK <const> = { set = "←", cleared = "←", unchanged = "=", left = "·", refused = "✗", failed = "✗" }

local function width() return math.max(fs.terminal(1) or 100, 60) end

local function source_lines(f)
  local lines = {}
  for i, s in ipairs(f.sources) do lines[i] = ("%s %s"):format(s.field, explain.value(s.value)) end
  if #lines == 0 then lines[1] = "" end
  return lines
end

local function target_line(f)
  if f.outcome == "set" or f.outcome == "cleared" or f.outcome == "unchanged" then
    return ("%s %s"):format(f.field, explain.value(f.value))
  end
  return f.field
end

-- The reason on one line: the steps that a value took, or why there is none.
local function reason(f)
  if f.outcome == "unchanged" then return "unchanged" end
  if f.outcome == "set" and #f.steps > 0 then
    local steps = {}
    for i, step in ipairs(f.steps) do
      steps[i] = step.what .. (step.file and (" %s:%d"):format(step.file, step.line) or "")
    end
    return table.concat(steps, ", ")
  end
  return f.why
end

--- Prints a trace in three columns.
---@param t navodoo.Trace
---@param flow navodoo.Compiled
function show.trace(t, flow)
  local all = width()
  local side = math.min(44, (all - 8) * 3 // 8)
  local rest = all - 2 * side - 6
  local back = t.direction == "odoo_to_nav"
  out.line("%s   %s   %s", explain.cut("NAV", side), explain.cut("Odoo", side), "why")
  for _, f in ipairs(t.fields) do
    local sources, target = source_lines(f), target_line(f)
    for i, source in ipairs(sources) do
      local here = i == 1 and target or ""
      local left, right = back and here or source, back and source or here
      local arrow = i == 1 and (back and BACK or ARROW)[f.outcome] or " "
      local why = i == 1 and explain.cut(reason(f), math.max(rest, 10)) or ""
      out.line("%s", (("%s %s %s   %s"):format(explain.cut(left, side), arrow, explain.cut(right, side), why)
        :gsub("%s+$", "")))
    end
  end
  for _, p in ipairs(t.problems) do out.line("%s", "✗ " .. explain.problem(p, flow.file)) end
  if t.error then out.line("✗ %s:%s: %s", t.error.file or flow.file, t.error.line or "?", tostring(t.error.text)) end
end

local function state_of(f) return f.value ~= nil and explain.value(f.value) or f.outcome end

--- Prints what differs between two traces of one record.
---@param before navodoo.Trace|nil
---@param after navodoo.Trace
---@param flow navodoo.Compiled
function show.changes(before, after, flow)
  local old, count = {}, 0
  for _, f in ipairs(before and before.fields or {}) do old[f.field] = f end
  for _, f in ipairs(after.fields) do
    local was = old[f.field]
    old[f.field] = nil
    local a = was and was.outcome .. (json.canonical { was.value } or "") or ""
    local b = f.outcome .. (json.canonical { f.value } or "")
    if a ~= b then
      count = count + 1
      out.line("%s: %s -> %s   (%s)", f.field, was and state_of(was) or "not there", state_of(f), f.why)
    end
  end
  for _, f in ipairs(before and before.fields or {}) do
    if old[f.field] then
      count = count + 1
      out.line("%s: %s -> not there", f.field, explain.value(f.value))
    end
  end
  for _, p in ipairs(after.problems) do out.line("%s", "✗ " .. explain.problem(p, flow.file)) end
  if after.error then out.line("✗ %s", tostring(after.error.text)) end
  if count == 0 then out.line("the same result") end
end

--- Prints requests as they would go out.
---@param requests connector.Request[]
---@param hide fun(body: string): string  takes secrets out
function show.calls(requests, hide)
  if #requests == 0 then out.line("nothing would be sent") end
  for i, r in ipairs(requests) do
    out.line("%d. %s %s   (%s)", i, r.method or "GET", r.path, r.what)
    for _, name in ipairs { "If-Match" } do
      if r.headers and r.headers[name] then out.line("   %s: %s", name, r.headers[name]) end
    end
    if r.body then out.line("%s", "   " .. hide(r.body)) end
  end
end

--- A value on as few lines as fit.
function show.value(v)
  local encoded = explain.value(v)
  if text.length(encoded) <= width() or type(v) ~= "table" then
    out.line("%s", encoded)
    return
  end
  local names = {}
  for name in pairs(v) do names[#names + 1] = name end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do out.line("  %s: %s", tostring(name), explain.value(v[name])) end
end

return show
