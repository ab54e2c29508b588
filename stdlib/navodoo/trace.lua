--- Why a field has its value: one record mapped with every step written down.
--
-- The trace is no second mapping. A copy of the flow's declaration gets recording functions
-- in the places of its maps, its `get` and `put`, and its lookup tables; then the same
-- compiler makes a flow of it, and that flow maps the record. So a traced value and a value
-- that is sent come from one text. Nothing here waits or writes.

local compile = require "navodoo.compile"
local rule = require "navodoo.rule"
local task = require "navodoo.task"
local values_of = require "connector.odoo.values"

local trace = {}

local BUDGET <const> = 5000000 -- instructions for one record; recording costs some

---@class navodoo.Step   what was done to the values of an entry
---@field what string     "map lower", "get", "lookup country"
---@field given any[]     with its length `n`
---@field got any[]       with its length `n`
---@field file string?    of a function of the flow
---@field line integer?

---@class navodoo.Traced  one target field
---@field field string
---@field line integer?   of the entry in the flow
---@field sources { field: string, value: any }[]
---@field steps navodoo.Step[]
---@field outcome "set"|"cleared"|"left"|"unchanged"|"refused"|"failed"
---@field why string      in words
---@field value any       what is written, nil when nothing is
---@field current any     what the target holds, nil when that is not known

-- ---- recording copies ------------------------------------------------------------------

local function place_of(fn)
  local info = debug.getinfo(fn, "S")
  if info.what == "C" or info.source:sub(1, 1) ~= "@" then return nil end
  return info.source:sub(2), info.linedefined
end

local function recorder(book, entry, what, fn, own)
  local file, line
  if own then file, line = place_of(fn) end
  return function(...)
    local step = { what = what, given = table.pack(...), file = file, line = line }
    book:add(entry, step)
    step.got = table.pack(fn(...))
    return table.unpack(step.got, 1, step.got.n)
  end
end

local function copy(t)
  local c = {}
  for k, v in pairs(t) do c[k] = v end
  return setmetatable(c, getmetatable(t))
end

-- A table that tells what was looked up in it.
local function watched(t, tell)
  return setmetatable({}, {
    __index = function(_, key)
      local value = t[key]
      tell(key, value)
      return value
    end,
    __pairs = function() return next, t end,
    __len = function() return #t end,
  })
end

-- Behind the name of a lookup in the recording copy of an entry, so that what is looked up is
-- known to be that entry's.
local MARK <const> = "\1"

local function unmarked(v) return type(v) == "string" and v:gsub(MARK .. "%d+", "") or v end

local function recording_lookup(book, entry, found, number)
  local c, mark = copy(found), MARK .. number
  c.name = found.name .. mark
  c.link = found.link and found.link .. mark
  c.codes_of = found.codes_of and recording_lookup(book, entry, found.codes_of, number)
  c.values = watched(found.values or {}, function(code, value)
    if value ~= nil then
      book:add(entry, { what = found.file, given = table.pack(code), got = table.pack(value) })
    end
  end)
  book.marks[#book.marks + 1] = { entry = entry, name = found.name, link = found.link, mark = mark }
  return c
end

local function recording_entry(book, entry, number)
  local e = copy(entry)
  e.get = entry.get and recorder(book, entry, "get", entry.get, true)
  e.put = entry.put and recorder(book, entry, "put", entry.put, true)
  if entry.map then
    e.map = copy(entry.map)
    local name = "map " .. entry.map.name
    e.map.get = entry.map.get and recorder(book, entry, name, entry.map.get)
    e.map.put = entry.map.put and recorder(book, entry, name .. ", back", entry.map.put)
  end
  e.lookup = entry.lookup and recording_lookup(book, entry, entry.lookup, number)
  return e
end

-- What one run wrote down, by entry.
local book_mt = {}
book_mt.__index = book_mt

function book_mt:add(entry, step)
  local steps = self.steps[entry]
  if not steps then
    steps = {}
    self.steps[entry] = steps
  end
  local last = steps[#steps]
  if step.got and last and last.got and last.what == step.what and last.given[1] == step.given[1] then return end
  steps[#steps + 1] = step
end

-- The context with its tables watched, each under the name that the entry's copy asks by.
function book_mt:context(ctx)
  local own, known, links = copy(ctx), ctx.lookups or {}, ctx.links or {}
  own.lookups, own.links = copy(known), copy(links)
  own.lookups.back = copy(known.back or {})
  for _, m in ipairs(self.marks) do
    local function watch(t, what)
      return t and watched(t, function(given, got)
        self:add(m.entry, { what = what, given = table.pack(given), got = table.pack(got) })
      end)
    end
    local what = "lookup " .. m.name
    own.lookups[m.name .. m.mark] = watch(known[m.name], what)
    own.lookups.back[m.name .. m.mark] = watch(known.back and known.back[m.name], what)
    local of = m.link and links[m.link]
    if of then
      what = "links of " .. m.link
      own.links[m.link .. m.mark] = { nav = watch(of.nav, what), odoo = watch(of.odoo, what) }
    end
  end
  return own
end

-- Problems as the flow itself words them.
function book_mt:plain(problems) -- luacheck: ignore self
  for _, p in ipairs(problems) do
    p.rule, p.text, p.way_out = unmarked(p.rule), unmarked(p.text), unmarked(p.way_out)
    if p.waits_for then p.waits_for.flow = unmarked(p.waits_for.flow) end
  end
  return problems
end

local recording = setmetatable({}, { __mode = "k" }) -- compiled flow -> its recording twin

--- Is an entry's value ever made for the side that a direction leads to?
local function goes(entry, direction)
  if direction == "nav_to_odoo" then return entry.forth end
  return entry.back
end

local function twin_of(flow)
  local twin = recording[flow]
  if twin and twin.options == flow.options then return twin end -- it learned nothing since
  local book = setmetatable({ steps = {}, marks = {} }, book_mt)
  local spec, count = copy(flow.spec), 0
  for _, list in ipairs { "entries", "on_create", "on_create_nav" } do
    local out = {}
    for i, entry in ipairs(spec[list]) do
      count = count + 1
      out[i] = recording_entry(book, entry, count)
    end
    spec[list] = out
  end
  twin = { flow = compile.flow(spec, flow.options), book = book, options = flow.options }
  recording[flow] = twin
  return twin
end

-- ---- words ----------------------------------------------------------------------------

local function is_empty(v) return rule.is_blank(v) or v == false end

local function all_absent(sources)
  for _, s in ipairs(sources) do
    if s.value ~= nil then return false end
  end
  return #sources > 0
end

local function list_of(sources)
  local names = {}
  for i, s in ipairs(sources) do names[i] = s.field end
  return table.concat(names, ", ")
end

local function last_maker(steps)
  for i = #steps, 1, -1 do
    if not steps[i].what:find "^lookup" then return steps[i] end
  end
end

-- Why a target field gets no value.
local function why_left(entry, sources, steps, ctx, target_side, place)
  if not ctx.creating then
    local travels = target_side == "NAV" and entry.to_nav or target_side == "Odoo" and entry.to_odoo
    if entry.is_key and target_side == "NAV" then return "a key is never written again" end
    if entry.on_create then return "set on creation only" end
    if not travels and entry.owner then return ("%s owns it"):format(entry.owner == "nav" and "NAV" or "Odoo") end
  end
  if all_absent(sources) then return ("%s is absent"):format(list_of(sources)) end
  local found = entry.lookup
  local v = sources[1] and sources[1].value
  if found and v ~= nil and is_empty(v) and found.blank == "leave" then
    return ("%s is empty, and blank = \"leave\""):format(sources[1].field)
  end
  if found and found.link and not is_empty(v) then return ("flow %s has no link for it"):format(found.link) end
  if found and not is_empty(v) then
    return ("lookup %s does not know %s, and missing = \"leave\""):format(found.name, tostring(v))
  end
  local step = last_maker(steps)
  if ctx.creating and #sources > 0 and is_empty(v) then
    return ("%s is empty: %s's own default applies"):format(list_of(sources), target_side)
  end
  if ctx.creating and step and step.got and step.got[place] ~= nil and is_empty(step.got[place]) then
    return ("%s gives nothing: %s's own default applies"):format(step.what, target_side)
  end
  if step then return ("%s leaves it alone"):format(step.what) end
  return "nothing is written"
end

local function why_set(entry, sources, steps, created_only, target_side)
  if entry.is_key and target_side == "NAV" and is_empty(sources[1].value) then
    return "the number that nav.number makes"
  end
  if entry.constant ~= nil then return "a constant of the flow, on creation" end
  local step = last_maker(steps)
  if #sources == 0 then return (step and step.what or "set by the flow") end
  local why = "from " .. list_of(sources)
  if entry.lookup then why = why .. (" by lookup %s"):format(entry.lookup.name)
  elseif step then why = why .. " by " .. step.what end
  return created_only and why .. ", on creation" or why
end

-- A definition good enough to compare values when the schema is not at hand.
local function guessed_def(v)
  if type(v) == "boolean" then return { type = "boolean" } end
  if type(v) == "userdata" or math.type(v) == "integer" then return { type = "decimal" } end
  return { type = "char" }
end

local function is_unchanged(field, value, ctx, options)
  local current = ctx.current and ctx.current[field]
  if current == nil then return false end
  local same = options.same or values_of.same
  local def = options.fields and options.fields[field] or guessed_def(value == false and current or value)
  return same(def, value, current)
end

-- ---- one record ------------------------------------------------------------------------

local function problem_of(entry, sources, problems)
  for _, p in ipairs(problems) do
    if p.line == entry.line and entry.line then
      for _, s in ipairs(sources) do
        if s.field == p.field then return p end
      end
      if #sources == 0 then return p end
    end
  end
end

local function sources_of(names, record)
  local out = {}
  for i, name in ipairs(names) do out[i] = { field = name, value = record[name] } end
  return out
end

local function describe(entry, place, side, record, result, ctx, options, created_only)
  local target, sources = entry[side.to][place], sources_of(entry[side.from], record)
  local steps = result.steps[entry] or {}
  local value = result.values[target]
  local out = { field = target, line = entry.line, sources = sources, steps = steps, value = value,
                current = ctx.current and ctx.current[target] }
  local p = problem_of(entry, sources, result.problems)
  if result.error then out.outcome, out.why = "failed", "the mapping broke off"
  elseif p then
    out.outcome, out.why, out.problem, out.value = "refused", p.text, p, nil
  elseif value == nil then
    out.outcome, out.why = "left", why_left(entry, sources, steps, ctx, side.to_name, place)
  elseif is_unchanged(target, value, ctx, options) then
    out.outcome = "unchanged"
    out.why = ("%s has it already, %s"):format(side.to_name, why_set(entry, sources, steps, created_only, side.to_name))
  elseif is_empty(value) and #sources > 0 and is_empty(sources[1].value) then
    out.outcome, out.why = "cleared", ("%s is empty"):format(list_of(sources))
  else
    out.outcome, out.why = "set", why_set(entry, sources, steps, created_only, side.to_name)
  end
  return out
end

local SIDES <const> = {
  nav_to_odoo = { from = "nav", to = "odoo", to_name = "Odoo", from_name = "NAV", lists = { "entries", "on_create" } },
  odoo_to_nav = { from = "odoo", to = "nav", to_name = "NAV", from_name = "Odoo",
                  lists = { "entries", "on_create_nav" } },
}
trace.sides = SIDES

---@class navodoo.Trace
---@field direction string
---@field values table
---@field problems table[]
---@field fields navodoo.Traced[]  in the order of the flow
---@field error table?            what the flow's code raised: text, file, line

--- Maps a record and tells how each field came about.
---@param flow navodoo.Compiled
---@param direction "nav_to_odoo"|"odoo_to_nav"
---@param record table
---@param ctx navodoo.Context
---@param options { fields: table?, same: function? }?  schema of the target and its comparison
---@return navodoo.Trace
function trace.run(flow, direction, record, ctx, options)
  local side = assert(SIDES[direction], "no such direction")
  local twin = twin_of(flow)
  local book = twin.book
  book.steps = {}
  local method = direction == "nav_to_odoo" and "to_odoo" or "to_nav"
  local ok, values, problems = task.guard(BUDGET, twin.flow[method], twin.flow, record,
    book:context(ctx))
  local result = { direction = direction, steps = book.steps, fields = {} }
  if ok then
    result.values, result.problems = values, book:plain(problems)
  else
    values.text = unmarked(values.text)
    result.values, result.problems, result.error = {}, {}, values
  end
  for _, name in ipairs(side.lists) do
    local created_only = name ~= "entries"
    for _, entry in ipairs(flow.spec[name]) do
      if goes(entry, direction) and (not created_only or ctx.creating) then
        for place in ipairs(entry[side.to]) do
          result.fields[#result.fields + 1] =
            describe(entry, place, side, record, result, ctx, options or {}, created_only)
        end
      end
    end
  end
  result.steps = nil
  return result
end

return trace
