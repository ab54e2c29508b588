--- A flow tried on records that nobody thought of: it never raises, gives the same twice, no
-- float, explains each refusal; and what goes there and comes back settles at once.
--
-- Each failure comes with the smallest record that shows it.

local decimal = require "navodoo.decimal"
local generate = require "testing.generate"
local explain = require "cli.explain"
local json = require "navodoo.json"
local sample = require "navodoo.sample"
local samples = require "testing.samples"
local task = require "navodoo.task"

local records = {}

local COUNT <const> = 150     -- records for each direction
local BUDGET <const> = 2000000

local function guarded(fn, ...) return task.guard(BUDGET, fn, ...) end

local function map(flow, direction, record, creating, current, lookups, links)
  return samples.map(flow, { direction = direction, record = record, creating = creating, current = current,
                             links = links }, lookups, guarded)
end

local function sorted_names(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- Leaves out field by field what the failure does not need.
local function shrink(record, fails)
  local small = {}
  for k, v in pairs(record) do small[k] = v end
  for _, name in ipairs(sorted_names(record)) do
    local kept = small[name]
    small[name] = nil
    if not fails(small) then small[name] = kept end
  end
  return small
end

local function line_for(flow, field, side)
  for _, list in ipairs { flow.spec.entries, flow.spec.on_create, flow.spec.on_create_nav } do
    for _, entry in ipairs(list) do
      for _, name in ipairs(entry[side]) do
        if name == field then return entry.line end
      end
    end
  end
  return flow.line
end

local function has_float(v)
  if math.type(v) == "float" then return true end
  if type(v) ~= "table" then return false end
  for _, each in pairs(v) do
    if has_float(each) then return true end
  end
  return false
end

local FINE <const> = { string = true, boolean = true, table = true }

-- What is wrong with one mapping: line and text, or nil.
local function fault_of(flow, direction, record, creating, lookups, links)
  local current = not creating and {} or nil
  local ok, values, problems = map(flow, direction, record, creating, current, lookups, links)
  if not ok then
    local text = tostring(values.text or values)
    return values.line or math.tointeger(tonumber(text:match ":(%d+): ")) or flow.line, "the mapping breaks off: "
      .. (text:match "^[^\n]*")
  end
  local to = sample.target[direction]
  for _, name in ipairs(sorted_names(values)) do
    local v = values[name]
    if has_float(v) then
      return line_for(flow, name, to),
        ("%s becomes the float %s: amounts and numbers stay exact"):format(name, tostring(v))
    end
    if not (FINE[type(v)] or math.type(v) == "integer" or decimal.is(v) or v == json.null) then
      return line_for(flow, name, to), ("%s becomes %s, which no field takes"):format(name, tostring(v))
    end
  end
  for _, p in ipairs(problems) do
    local why = tostring(p.text)
    if type(p.text) ~= "string" or not p.field then
      return p.line or flow.line, "a refusal without a reason or a field"
    end
    -- what the mapper refuses for the flow's fault, not for the record's
    if why:find(": a float (", 1, true) then return p.line or flow.line, why end
  end
  local _, again, more = map(flow, direction, record, creating, current, lookups, links)
  if json.canonical(again) ~= json.canonical(values) or #more ~= #problems then
    return flow.line, "the same record gives two results: a mapping may not remember anything"
  end
end

-- ---- there and back ---------------------------------------------------------------------

-- Entries whose changes travel both ways.
local function claims(flow)
  local list = {}
  for _, entry in ipairs(flow.spec.entries) do
    if entry.to_odoo and entry.to_nav and #entry.nav > 0 then list[#list + 1] = entry end
  end
  return list
end

local function merged(record, values)
  local out = {}
  for k, v in pairs(record) do out[k] = v end
  for k, v in pairs(values) do out[k] = v end
  return out
end

-- NAV to Odoo to NAV to Odoo: the second time in Odoo must be the first.
local function there_and_back(flow, entries, nav, lookups, links)
  local ok, first, problems = map(flow, "nav_to_odoo", nav, false, {}, lookups, links)
  if not ok or #problems > 0 then return nil end
  local odoo = merged({ id = 1 }, first)
  for _, name in ipairs(flow.odoo_read_fields or {}) do
    if odoo[name] == nil then odoo[name] = false end
  end
  local values
  ok, values, problems = map(flow, "odoo_to_nav", odoo, false, nav, lookups, links)
  if not ok or #problems > 0 then return nil end
  local second
  ok, second, problems = map(flow, "nav_to_odoo", merged(nav, values), false, odoo, lookups, links)
  if not ok then return nil end
  for _, entry in ipairs(entries) do
    for _, name in ipairs(entry.odoo) do
      if first[name] ~= nil and json.canonical { first[name] } ~= json.canonical { second[name] } then
        local back = {}
        for i, property in ipairs(entry.nav) do
          back[i] = ("%s %s"):format(property, explain.value(values[property]))
        end
        return entry.line, ("%s %s goes to NAV as %s and comes back as %s: the two systems would write it "
          .. "to and fro"):format(name, explain.value(first[name]), table.concat(back, ", "),
          second[name] == nil and problems[1] and "a refusal" or explain.value(second[name]))
      end
    end
  end
end

---@param flow navodoo.Compiled
---@param items testing.Item[]
---@param options { lookups: table, schemas: table? }
---@return testing.Failure[] failures  at most one for each line
---@return integer tried
function records.check(flow, items, options)
  local failures, seen, tried, list, links = {}, {}, 0, {}, nil
  for i, item in ipairs(items) do
    list[i] = item.sample
    links = links or item.sample.links
  end
  local function add(line, text, record)
    local key = ("%s %s"):format(line, text:gsub("[%d.]+", "0"):sub(1, 40))
    if seen[line or 0] or seen[key] then return end
    seen[line or 0], seen[key] = true, true
    failures[#failures + 1] = { file = flow.file, line = line, name = "generated records",
                                text = ("%s; the smallest record: %s"):format(text, json.encode(record)) }
  end
  local function schema_of(side)
    local of = options.schemas and options.schemas[side]
    return of and of[side == "nav" and flow.nav.read or flow.odoo.model]
  end
  local both = #flow.directions == 2 and claims(flow) or {}
  for _, direction in ipairs(flow.directions) do
    local side = sample.source[direction]
    local gen = generate.open(flow, side, list, { lookups = options.lookups, schema = schema_of(side), seed = 20 })
    for i = 1, COUNT do
      if i % 10 == 0 then task.sleep(0) end -- the loop has other work too
      local record, creating = gen:next(), i % 2 == 0
      tried = tried + 1
      local line, text = fault_of(flow, direction, record, creating, options.lookups, links)
      if line and not seen[line] then
        local small = shrink(record, function(r)
          return (fault_of(flow, direction, r, creating, options.lookups, links)) == line
        end)
        add(line, text, small)
      end
      if direction == "nav_to_odoo" and #both > 0 then
        line, text = there_and_back(flow, both, record, options.lookups, links)
        if line and not seen[line] then
          local small = shrink(record, function(r)
            return (there_and_back(flow, both, r, options.lookups, links)) == line
          end)
          add(line, select(2, there_and_back(flow, both, small, options.lookups, links)) or text, small)
        end
      end
    end
  end
  return failures, tried
end

return records
