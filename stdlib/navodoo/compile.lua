--- Turns a declaration into fast closures: one per field entry, everything looked up before.
--
-- States of a NAV value, and what becomes of an Odoo field that is written from it:
--
--     absent (nil)                left alone
--     null, ""                    cleared: `false`; left out while creating, so that Odoo's
--                                 own defaults apply
--     any other, 0 and false too  written as it is
--
-- What a map or `get` returns is read the same way. `to_odoo` is pure: it reads the record and
-- the context, builds no text while all is well, and never waits.

local check = require "navodoo.check"
local null = require "navodoo.json".null
local rule = require "navodoo.rule"
local text = require "navodoo.text"

local compile = {}

---@class navodoo.Context
---@field creating boolean       the record is new in Odoo
---@field current table?         what Odoo holds now, if it was read
---@field lookups table<string, table<string, any>>?  by lookup: code -> id (or code)

---@class navodoo.Compiled
---@field name string
---@field file string
---@field line integer?
---@field directions string[]       { "nav_to_odoo" }
---@field nav table                 read, write, key, watch = { stamp, every_ms, scan }
---@field odoo table                model, where, archived
---@field link table                xmlid, adopt, unsure
---@field nav_fields string[]       properties to read, sorted
---@field odoo_fields string[]      fields that may be written, sorted
---@field current_fields string[]   of these, the ones whose maps look at `ctx.current`
---@field lookup_needs table[]      { name, nav_field, model, match, where, value, table, code }
---@field entries navodoo.Entry[]
---@field on_create navodoo.Entry[]
---@field rules navodoo.Rule[]

local function report(problems, entry, field, value, rule_name, why, way_out)
  problems[#problems + 1] = {
    field = field, value = value, rule = rule_name, text = why, way_out = way_out, line = entry.line,
  }
end

-- A step is fn(record, ctx, values, problems, creating).

local function plain_step(source, target)
  return function(record, _, values, _, creating)
    local v = record[source]
    if v == nil then return end
    if v ~= "" and v ~= null then values[target] = v
    elseif not creating then values[target] = false end
  end
end

local function constant_step(target, v)
  return function(_, _, values) values[target] = v end
end

-- Stores the result of a map or function.
local function store(values, problems, creating, entry, target, v, why)
  if v == nil then
    if why ~= nil then
      local source = entry.nav[1] or target
      report(problems, entry, source, nil, entry.rule_name,
        ("%s: %s"):format(source, tostring(why)), "correct it in NAV, or the entry in the flow")
    end
  elseif v == "" or v == null then
    if not creating then values[target] = false end
  elseif math.type(v) == "float" then
    report(problems, entry, target, nil, entry.rule_name,
      ("%s: a float (%s) where an exact number is needed"):format(target, tostring(v)),
      "make it with decimal.new or a whole number")
  else
    values[target] = v
  end
end

local function get_step(entry, get)
  local sources, targets = entry.nav, entry.odoo
  local source, target = sources[1], targets[1]
  if #targets == 1 and #sources == 0 then
    return function(_, ctx, values, problems, creating)
      store(values, problems, creating, entry, target, get(ctx, target))
    end
  end
  if #targets == 1 and #sources == 1 then
    return function(record, ctx, values, problems, creating)
      local given = record[source]
      if given == nil then return end
      local v, why = get(given, ctx)
      if type(v) == "string" and v ~= "" then values[target] = v return end
      local before = #problems
      store(values, problems, creating, entry, target, v, why)
      if #problems > before then problems[#problems].value = given end
    end
  end
  if #sources == 2 and #targets == 2 then
    local source2, target2 = sources[2], targets[2]
    return function(record, ctx, values, problems, creating)
      local a, b = record[source], record[source2]
      if a == nil or b == nil then return end
      local v, v2, why = get(a, b, ctx)
      store(values, problems, creating, entry, target, v, why)
      store(values, problems, creating, entry, target2, v2)
    end
  end
  local n, m = #sources, #targets
  return function(record, ctx, values, problems, creating)
    local args = {}
    for i = 1, n do
      local v = record[sources[i]]
      if v == nil then return end
      args[i] = v
    end
    args[n + 1] = ctx
    local results = { get(table.unpack(args, 1, n + 1)) }
    for i = 1, m do
      store(values, problems, creating, entry, targets[i], results[i], i == 1 and results[m + 1] or nil)
    end
  end
end

local function unknown_code(problems, entry, found, source, v, code)
  local where = found.model and ("no %s in Odoo has the %s %q"):format(found.model, found.match, tostring(code))
    or ("%s does not name it"):format(found.file)
  local stands = code ~= nil and code ~= v and (" (which stands for %q)"):format(tostring(code)) or ""
  report(problems, entry, source, v, "lookup " .. found.name,
    ("%s %q%s: %s"):format(source, tostring(v), stands, where),
    ("add [%q] = \"...\" to %s, or correct it in NAV"):format(tostring(v), found.file))
end

local function lookup_step(entry, found)
  local source, target, name = entry.nav[1], entry.odoo[1], found.name
  local codes, model = found.values, found.model
  local as_code, leave_blank = found.value == "code", found.blank == "leave"
  local leave_missing = found.missing == "leave"
  return function(record, ctx, values, problems, creating)
    local v = record[source]
    if v == nil then return end
    if v == "" or v == null or v == " " then
      if not (creating or leave_blank) then values[target] = false end
      return
    end
    local code = codes[v]
    local result = code
    if model then
      if code == nil then code = v end
      local ids = ctx.lookups and ctx.lookups[name]
      if not ids then error(("the lookup %q was not prepared"):format(name), 0) end
      result = ids[code]
      if as_code and result ~= nil then result = code end
    end
    if result ~= nil then values[target] = result
    elseif not leave_missing then unknown_code(problems, entry, found, source, v, code) end
  end
end

-- Checks `required` and `max` of an entry before its value is made.
local function guarded_step(entry, step)
  local sources, required = entry.nav, entry.required
  local max = math.type(entry.max) == "integer" and entry.max or nil
  if not required and not max then return step end
  return function(record, ctx, values, problems, creating)
    for i = 1, #sources do
      local v, source = record[sources[i]], sources[i]
      if required and (v == nil and creating or v ~= nil and rule.is_blank(v)) then
        report(problems, entry, source, v, "required", source .. (v == nil and " is missing" or " is empty"),
          "fill it in in NAV")
        return
      end
      -- bytes are never fewer than UTF-16 units
      if max and type(v) == "string" and #v > max and text.utf16_length(v) > max then
        report(problems, entry, source, v, "max", ("%s has %d characters, at most %d are allowed"):format(
          source, text.utf16_length(v), max), "shorten it in NAV")
        return
      end
    end
    return step(record, ctx, values, problems, creating)
  end
end

local function steps_of(entry, out)
  if entry.constant ~= nil then
    out[#out + 1] = constant_step(entry.odoo[1], entry.constant)
  elseif entry.lookup then
    entry.rule_name = "lookup " .. entry.lookup.name
    out[#out + 1] = guarded_step(entry, lookup_step(entry, entry.lookup))
  elseif entry.map or entry.get then
    entry.rule_name = entry.map and "map " .. entry.map.name or "get"
    out[#out + 1] = guarded_step(entry, get_step(entry, entry.get or entry.map.get))
  else
    for i, source in ipairs(entry.nav) do
      out[#out + 1] = guarded_step(
        { nav = { source }, required = entry.required, max = entry.max, line = entry.line },
        plain_step(source, entry.odoo[i]))
    end
  end
end

local function mapper(spec)
  local steps, creation, rules = {}, {}, spec.rules
  for _, entry in ipairs(spec.entries) do steps_of(entry, steps) end
  for _, entry in ipairs(spec.on_create) do
    if entry.get then -- of the whole record: it names no NAV field of its own
      local get = entry.get
      entry.rule_name = "create"
      creation[#creation + 1] = function(record, ctx, values, problems)
        store(values, problems, true, entry, entry.odoo[1], get(record, ctx))
      end
    else
      steps_of(entry, creation)
    end
  end
  return function(_, record, ctx)
    local values, problems, creating = {}, {}, ctx.creating
    for i = 1, #steps do steps[i](record, ctx, values, problems, creating) end
    if creating then
      for i = 1, #creation do creation[i](record, ctx, values, problems, true) end
    end
    for i = 1, #rules do
      local r = rules[i]
      local why, way_out, field = r.test(record, ctx)
      if why then
        problems[#problems + 1] = { field = field, value = record[field], rule = r.name, text = why,
                                    way_out = way_out and way_out .. " in NAV", line = r.line }
      end
    end
    return values, problems
  end
end

-- ---- what the engine has to know beforehand ------------------------------------------

local function sorted_set(fill)
  local seen, list = {}, {}
  fill(function(name)
    if name and not seen[name] then
      seen[name] = true
      list[#list + 1] = name
    end
  end)
  table.sort(list)
  return list
end

local function nav_fields(spec)
  return sorted_set(function(add)
    for _, name in ipairs(spec.nav.key) do add(name) end
    add(spec.nav.watch.stamp)
    for _, pair in ipairs(spec.link.adopt) do add(pair.nav) end
    for _, list in ipairs { spec.entries, spec.on_create } do
      for _, entry in ipairs(list) do
        for _, name in ipairs(entry.nav) do add(name) end
      end
    end
    for _, r in ipairs(spec.rules) do
      for _, name in ipairs(r.fields) do add(name) end
    end
  end)
end

local function odoo_fields(spec, wanted)
  return sorted_set(function(add)
    for _, list in ipairs { spec.entries, spec.on_create } do
      for _, entry in ipairs(list) do
        if wanted(entry) then
          for _, name in ipairs(entry.odoo) do add(name) end
        end
      end
    end
  end)
end

local function lookup_needs(spec)
  local needs = {}
  for _, list in ipairs { spec.entries, spec.on_create } do
    for _, entry in ipairs(list) do
      local found = entry.lookup
      if found and found.model then
        needs[#needs + 1] = {
          name = found.name, nav_field = entry.nav[1], model = found.model, match = found.match,
          where = found.where or {}, value = found.value, table = next(found.values) and found.values or nil,
          code = function(_, nav_code) return found:code(nav_code) end,
        }
      end
    end
  end
  return needs
end

--- Compiles a declaration that `navodoo.declare` found no mistakes in.
---@param spec navodoo.Declaration
---@return navodoo.Compiled
function compile.flow(spec)
  return {
    name = spec.name, file = spec.file, line = spec.line, directions = { "nav_to_odoo" },
    nav = spec.nav, odoo = spec.odoo, link = spec.link,
    entries = spec.entries, on_create = spec.on_create, rules = spec.rules,
    nav_fields = nav_fields(spec),
    odoo_fields = odoo_fields(spec, function() return true end),
    current_fields = odoo_fields(spec, function(entry) return entry.map and entry.map.uses_current end),
    lookup_needs = lookup_needs(spec),
    to_odoo = mapper(spec),
    check = check.run,
  }
end

return compile
