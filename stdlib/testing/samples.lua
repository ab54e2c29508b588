--- A flow tried on its samples: what is expected of each, field by field, and which entries
-- and rules they show at work.

local fs = require "navodoo.fs"
local json = require "navodoo.json"
local sample = require "navodoo.sample"
local trace = require "navodoo.trace"
local explain = require "cli.explain"

local samples = {}

---@class testing.Item
---@field file string
---@field sample navodoo.Sample

local function failure(flow, line, name, text) return { file = flow.file, line = line, name = name, text = text } end

--- The samples of a flow, from its folder.
---@param flow navodoo.Compiled
---@param folder string   of the flows
---@param read fun(path: string): any, string?
---@return testing.Item[] items
---@return testing.Failure[] failures  of files that are no samples
function samples.load(flow, folder, read)
  local items, failures = {}, {}
  local path = ("%s/samples/%s"):format(folder, flow.name)
  if fs.kind(path) ~= "folder" then return items, failures end
  for _, name in ipairs(fs.list(path)) do
    if name:find "%.json$" then
      local file = path .. "/" .. name
      local value, why = read(file)
      local s
      if value ~= nil then s, why = sample.read(flow, value) end
      if s and s.expected == nil and not s.problems then
        s, why = nil, ("it expects nothing: give it %q or \"problems\""):format(sample.target[s.direction])
      end
      if s then items[#items + 1] = { file = file, sample = s }
      else
        local line = math.tointeger(tonumber(why:match ":(%d+):")) or 1
        failures[#failures + 1] = { file = file, line = line, name = name, text = why }
      end
    end
  end
  return items, failures
end

--- Maps a sample; the results are those of `to_odoo` and `to_nav`.
---@param run fun(fn: function, ...): boolean, ...   pcall, or one that notes lines
---@return boolean ok
---@return any values
---@return any problems
function samples.map(flow, s, lookups, run)
  local method = s.direction == "nav_to_odoo" and "to_odoo" or "to_nav"
  return run(flow[method], flow, s.record, sample.context(s, lookups))
end

local function canonical(v)
  if v == nil then return nil end
  if math.type(v) == "float" then return "float " .. tostring(v) end
  return json.canonical(v) or tostring(v)
end

local function line_of(flow, field, side)
  for _, list in ipairs { flow.spec.entries, flow.spec.on_create, flow.spec.on_create_nav } do
    for _, entry in ipairs(list) do
      for _, name in ipairs(entry[side]) do
        if name == field then return entry.line end
      end
    end
  end
end

local function compare_values(flow, item, values, fields, out)
  local s = item.sample
  local names, seen = {}, {}
  for _, t in ipairs { s.expected, values } do
    for name in pairs(t) do
      if not seen[name] then seen[name], names[#names + 1] = true, name end
    end
  end
  table.sort(names)
  local by_field = {}
  for _, f in ipairs(fields) do by_field[f.field] = f end
  for _, name in ipairs(names) do
    if canonical(s.expected[name]) ~= canonical(values[name]) then
      local f = by_field[name]
      local why = f and f.why or "no entry of the flow writes it"
      out[#out + 1] = failure(flow, f and f.line or line_of(flow, name, sample.target[s.direction]) or flow.line,
        item.file, ("%s: expected %s, got %s: %s"):format(name, explain.value(s.expected[name]),
          explain.value(values[name]), why))
    end
  end
end

local function key_of(p) return tostring(p.field) .. "\0" .. tostring(p.rule) end

local function compare_problems(flow, item, problems, out)
  local wanted, count = item.sample.problems or {}, {}
  for _, p in ipairs(wanted) do count[key_of(p)] = (count[key_of(p)] or 0) + 1 end
  for _, p in ipairs(problems) do
    local key = key_of(p)
    if (count[key] or 0) > 0 then count[key] = count[key] - 1
    else
      out[#out + 1] = failure(flow, p.line or flow.line, item.file,
        ("refused, which was not expected: %s (field %s, rule %s)"):format(tostring(p.text), tostring(p.field),
          tostring(p.rule)))
    end
  end
  for _, p in ipairs(wanted) do
    local key = key_of(p)
    if count[key] > 0 then
      count[key] = count[key] - 1
      local line = line_of(flow, p.field, sample.source[item.sample.direction])
      for _, r in ipairs(flow.spec.rules) do
        if r.name == p.rule then line = r.line end
      end
      out[#out + 1] = failure(flow, line or flow.line, item.file,
        ("expected to be refused for %s by rule %q, and is not"):format(tostring(p.field), tostring(p.rule)))
    end
  end
end

--- What is wrong with one sample.
---@param flow navodoo.Compiled
---@param item testing.Item
---@param lookups table
---@param run function    as for `map`
---@param seen table      what samples have shown so far, see `uncovered`
---@return testing.Failure[]
function samples.check(flow, item, lookups, run, seen)
  local s, out = item.sample, {}
  local function broke_off(text, line)
    line = line or math.tointeger(tonumber(text:match ":(%d+): "))
    return { failure(flow, line or flow.line, item.file, "the mapping broke off: " .. text) }
  end
  -- first within the limits of a run: nothing hides from those
  local t = trace.run(flow, s.direction, s.record, sample.context(s, lookups))
  if t.error then return broke_off(t.error.text, t.error.line) end
  local ok, values, problems = samples.map(flow, s, lookups, run)
  if not ok then return broke_off(tostring(values)) end
  if s.expected then compare_values(flow, item, values, t.fields, out) end
  compare_problems(flow, item, problems, out)
  for _, f in ipairs(t.fields) do
    if f.outcome == "set" or f.outcome == "cleared" or f.outcome == "unchanged" then
      seen[s.direction .. " " .. f.field] = true
    end
  end
  local refused = {}
  for _, p in ipairs(problems) do refused[tostring(p.rule)] = true end
  for _, r in ipairs(flow.spec.rules) do
    seen[(refused[r.name] and "refused " or "kept ") .. r.name] = true
  end
  return out
end

--- Whether a value of an entry can travel in a direction.
---@param flow navodoo.Compiled
---@param entry navodoo.Entry
---@param direction string
---@return boolean
function samples.travels(flow, entry, direction)
  local there = false
  for _, d in ipairs(flow.directions) do there = there or d == direction end
  if direction == "nav_to_odoo" then return there and entry.forth end
  return there and entry.back
end

--- What no sample shows at work.
---@param flow navodoo.Compiled
---@param seen table
---@return { line: integer?, text: string }[] gaps
---@return integer total   entries (by direction) and rules there are
function samples.uncovered(flow, seen)
  local gaps, total = {}, 0
  local function need(key, line, text)
    total = total + 1
    if not seen[key] then gaps[#gaps + 1] = { line = line, text = text } end
  end
  for _, direction in ipairs(flow.directions) do
    local to = sample.target[direction]
    local created = direction == "nav_to_odoo" and flow.spec.on_create or flow.spec.on_create_nav
    local lists = { flow.spec.entries, created }
    for _, list in ipairs(lists) do
      for _, entry in ipairs(list) do
        for _, field in ipairs(samples.travels(flow, entry, direction) and entry[to] or {}) do
          need(direction .. " " .. field, entry.line, ("no sample sets %s (%s)"):format(field,
            direction:gsub("_", " ")))
        end
      end
    end
  end
  for _, r in ipairs(flow.spec.rules) do
    need("refused " .. r.name, r.line, ("no sample is refused by rule %q"):format(r.name))
    need("kept " .. r.name, r.line, ("no sample keeps rule %q"):format(r.name))
  end
  return gaps, total
end

return samples
