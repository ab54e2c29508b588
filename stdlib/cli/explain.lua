--- A trace as a person reads it: each field with its value, its sources and its steps.

local json = require "navodoo.json"
local out = require "cli.out"
local text = require "navodoo.text"

local explain = {}

--- A value in words: absent, null, or as JSON has it.
---@param v any
---@return string
function explain.value(v)
  if v == nil then return "absent" end
  if v == json.null then return "null" end
  local encoded = json.encode(v)
  return encoded or tostring(v)
end

local function list(values, from)
  local parts = {}
  for i = from or 1, values.n or #values do
    local v = values[i]
    -- the context stands behind the values; it is no value
    if not (type(v) == "table" and (v.lookups or v.creating ~= nil)) then
      parts[#parts + 1] = explain.value(v)
    end
  end
  return table.concat(parts, ", ")
end

--- A step: what, where, from what to what.
---@param step navodoo.Step
---@return string
function explain.step(step)
  local place = step.file and (" (%s:%d)"):format(step.file, step.line) or ""
  local given = list(step.given)
  return ("%s%s: %s%s"):format(step.what, place, given ~= "" and given .. " -> " or "",
    step.got and list(step.got) or "did not come to an end")
end

local MARK <const> = { set = "=", cleared = "= (cleared)", left = "left alone", unchanged = "unchanged",
                       refused = "refused", failed = "failed" }

--- Lines of one field.
---@param f navodoo.Traced
---@param file string  of the flow
---@return string[]
function explain.field(f, file)
  local head
  if f.outcome == "set" or f.outcome == "cleared" then
    head = ("%s = %s"):format(f.field, explain.value(f.value))
  else
    head = ("%s: %s"):format(f.field, MARK[f.outcome])
  end
  local gap = (" "):rep(math.max(52 - text.length(head), 1))
  local lines = { ("%s%s %s"):format(head, gap, f.line and ("%s:%d"):format(file, f.line) or file) }
  for _, s in ipairs(f.sources) do
    lines[#lines + 1] = ("    %s is %s"):format(s.field, explain.value(s.value))
  end
  for _, step in ipairs(f.steps) do lines[#lines + 1] = "    " .. explain.step(step) end
  lines[#lines + 1] = "    " .. f.why
  if f.problem and f.problem.way_out then lines[#lines + 1] = "    way out: " .. f.problem.way_out end
  return lines
end

--- A problem on one line: place, what, rule, way out.
---@param p table
---@param file string
---@return string
function explain.problem(p, file)
  return ("%s%s: %s (rule %s)%s"):format(p.file or file, p.line and ":" .. p.line or "", tostring(p.text),
    tostring(p.rule), p.way_out and "; " .. p.way_out or "")
end

--- Prints a whole trace.
---@param t navodoo.Trace
---@param flow navodoo.Compiled
function explain.print(t, flow)
  for _, f in ipairs(t.fields) do
    for _, line in ipairs(explain.field(f, flow.file)) do out.line("%s", line) end
  end
  for _, p in ipairs(t.problems) do out.line("%s", "problem  " .. explain.problem(p, flow.file)) end
  if t.error then out.line("%s", "failed   " .. tostring(t.error.text)) end
end

-- ---- machines --------------------------------------------------------------------------

local function values_only(packed)
  local list_of = json.array {}
  for i = 1, packed and packed.n or 0 do
    local v = packed[i]
    if v == nil then v = json.null end
    if not (type(v) == "table" and (v.lookups or v.creating ~= nil)) then list_of[#list_of + 1] = v end
  end
  return list_of
end

--- A trace for JSON.
---@param t navodoo.Trace
---@return table
function explain.data(t)
  local fields = json.array {}
  for i, f in ipairs(t.fields) do
    local sources, steps = json.array {}, json.array {}
    for k, s in ipairs(f.sources) do sources[k] = { field = s.field, value = s.value } end
    for k, s in ipairs(f.steps) do
      steps[k] = { what = s.what, file = s.file, line = s.line, given = values_only(s.given), got = values_only(s.got) }
    end
    fields[i] = { field = f.field, line = f.line, sources = sources, steps = steps, outcome = f.outcome,
                  why = f.why, value = f.value, current = f.current }
  end
  return { direction = t.direction, values = json.object({}, t.values), problems = json.array(t.problems),
           fields = fields, failed = t.error and t.error.text or nil }
end

--- Cuts a text to a width, with a sign that something is missing.
---@param s string
---@param width integer
---@return string
function explain.cut(s, width)
  if text.length(s) <= width then return s .. (" "):rep(width - text.length(s)) end
  return text.truncate(s, width - 1) .. "…"
end

return explain
