--- Writes the function that maps one record: the declaration, unrolled into Lua.
--
-- Mapping is the inner loop of a first load. One generated function without calls between
-- entries takes a third less time than a closure for each of them. Names reach the text by
-- `%q` only; everything else (maps, functions, tables) by the table `K`. For
-- `{ "E_Mail", "email", map.lower }` it reads:
--
--     v = record["E_Mail"]
--     if v == nil then                                 -- absent: left alone
--     else
--       r, why = K[1](v, ctx)
--       if r == nil then if why ~= nil then K[2](problems, v, why) end
--       elseif r == "" or r == null then if not creating then values["email"] = false end
--       else values["email"] = r end
--     end

local null = require "navodoo.json".null
local rule = require "navodoo.rule"
local text = require "navodoo.text"

local mapper = {}

-- ---- problems: functions that the text calls when something is wrong -----------------

local function report(problems, entry, field, value, rule_name, why, way_out)
  problems[#problems + 1] = {
    field = field, value = value, rule = rule_name, text = why, way_out = way_out,
    line = entry.line,
  }
end

local function refused(entry, source, rule_name)
  return function(problems, v, why)
    report(problems, entry, source, v, rule_name, ("%s: %s"):format(source, tostring(why)),
      "correct it in NAV, or the entry in the flow")
  end
end

local function inexact(entry, source, target, rule_name)
  return function(problems, v, r)
    report(problems, entry, source, v, rule_name,
      ("%s: a float (%s) where an exact number is needed"):format(target, tostring(r)),
      "make it with decimal.new or a whole number")
  end
end

local function blank(entry, source)
  return function(problems, v)
    report(problems, entry, source, v, "required",
      source .. (v == nil and " is missing" or " is empty"), "fill it in in NAV")
  end
end

local function too_long(entry, source)
  return function(problems, v)
    report(problems, entry, source, v, "max", ("%s has %d characters, at most %d are allowed")
      :format(source, text.utf16_length(v), entry.max), "shorten it in NAV")
  end
end

local function unknown_code(entry, source, found)
  return function(problems, v, code)
    local where = ("%s does not name it"):format(found.file)
    if found.model then
      where = ("no %s in Odoo has the %s %q"):format(found.model, found.match, tostring(code))
    end
    local stands = ""
    if code ~= nil and code ~= v then stands = (" (which stands for %q)"):format(tostring(code)) end
    report(problems, entry, source, v, "lookup " .. found.name,
      ("%s %q%s: %s"):format(source, tostring(v), stands, where),
      ("add [%q] = \"...\" to %s, or correct it in NAV"):format(tostring(v), found.file))
  end
end

local function no_link(entry, source, found)
  return function(problems, v)
    report(problems, entry, source, v, "lookup " .. found.name,
      ("%s %q has no record in Odoo yet: the flow %s has not linked it"):format(source, tostring(v),
        found.link), ("see what holds it up: navodoo jobs --flow %s"):format(found.link))
    problems[#problems].waits_for = { flow = found.link, nav = v }
  end
end

local function unprepared(name)
  return function() error(("the lookup %q was not prepared"):format(name), 0) end
end

local function broken(r)
  return function(problems, record, why, way_out, field)
    report(problems, r, field, record[field], r.name, why, way_out and way_out .. " in NAV")
  end
end

-- ---- the text ------------------------------------------------------------------------

local writer = {}
writer.__index = writer

--- Appends a line; `%q` for names and `%s` for what `keep` gave.
function writer:add(form, ...) self.lines[#self.lines + 1] = form:format(...) end

--- Makes a value reachable in the text and returns how.
function writer:keep(value)
  self.kept[#self.kept + 1] = value
  return ("K[%d]"):format(#self.kept)
end

local CLEAR <const> = "if not creating then values[%q] = false end"

-- Reads the one source and opens the branch in which it has a value. Conditions for wrong
-- and, unless the function takes them, for empty values stand before it.
function writer:open(entry, source, target, takes_empty)
  self:add("v = record[%q]", source)
  self:add "if v == nil then"
  if entry.required then
    local fn = self:keep(blank(entry, source))
    self:add("if creating then %s(problems, nil) end", fn)
    self:add("elseif is_blank(v) then %s(problems, v)", fn)
  end
  if math.type(entry.max) == "integer" then
    -- bytes are never fewer than UTF-16 units
    self:add('elseif type(v) == "string" and #v > %d and utf16_length(v) > %d then %s(problems, v)',
      entry.max, entry.max, self:keep(too_long(entry, source)))
  end
  if not takes_empty then self:add('elseif v == "" or v == null then ' .. CLEAR, target) end
  self:add "else"
end

-- Stores a result that may be nil (leave alone), empty (clear) or inexact.
function writer:store(entry, target, result, exact)
  self:add('elseif %s == "" or %s == null then ' .. CLEAR, result, result, target)
  if not exact then
    self:add('elseif math_type(%s) == "float" then %s(problems, v, %s)', result,
      self:keep(inexact(entry, entry.nav[1] or target, target, entry.rule_name)), result)
  end
  self:add("else values[%q] = %s end", target, result)
end

function writer:plain(entry, source, target)
  self:open(entry, source, target)
  self:add("values[%q] = v end", target)
end

function writer:lookup(entry)
  local found, source, target = entry.lookup, entry.nav[1], entry.odoo[1]
  self:open(entry, source, target, true)
  self:add 'if v == "" or v == " " or v == null then'
  if found.blank == "clear" then self:add(CLEAR, target) end
  self:add "else"
  self:add("local code = %s[v]", self:keep(found.values))
  local result = "code"
  if found.model then
    self:add "if code == nil then code = v end"
    self:add("local ids = lookups[%q]", found.name)
    self:add("if not ids then %s() end", self:keep(unprepared(found.name)))
    self:add "local id = ids[code]"
    result = "id"
  end
  self:add("if %s ~= nil then values[%q] = %s", result, target,
    found.value == "code" and "code" or result)
  if found.missing == "refuse" then
    self:add("else %s(problems, v, code)", self:keep(unknown_code(entry, source, found)))
  end
  self:add "end end end"
end

-- The record that another flow linked to the key.
function writer:link(entry)
  local found, source, target = entry.lookup, entry.nav[1], entry.odoo[1]
  self:open(entry, source, target)
  self:add("local of = links[%q]", found.link)
  self:add "local id = of and of.nav[v]"
  self:add("if id ~= nil then values[%q] = id", target)
  if found.missing == "refuse" then
    self:add("else %s(problems, v)", self:keep(no_link(entry, source, found)))
  end
  self:add "end end"
end

-- A map or a function of the flow, of any number of fields to any number.
function writer:call(entry)
  local fn = self:keep(entry.get or entry.map.get)
  local sources, targets, exact = entry.nav, entry.odoo, entry.map ~= nil
  local no = self:keep(refused(entry, sources[1] or targets[1], entry.rule_name))
  if #sources == 1 and #targets == 1 then
    self:open(entry, sources[1], targets[1], true)
    self:add("r, why = %s(v, ctx)", fn)
    self:add("if r == nil then if why ~= nil then %s(problems, v, why) end", no)
    self:store(entry, targets[1], "r", exact)
    self:add "end"
    return
  end
  local args, reads, present, results = {}, {}, {}, {}
  for i, source in ipairs(sources) do
    args[i], reads[i] = "a" .. i, ("record[%q]"):format(source)
    present[i] = args[i] .. " ~= nil"
  end
  for i = 1, #targets do results[i] = "r" .. i end
  self:add "do"
  if #sources > 0 then
    self:add("local %s = %s", table.concat(args, ", "), table.concat(reads, ", "))
  end
  self:add("if %s then", #sources > 0 and table.concat(present, " and ") or "true")
  args[#args + 1] = "ctx"
  if #sources == 0 then args[#args + 1] = ("%q"):format(targets[1]) end
  self:add("local %s, why = %s(%s)", table.concat(results, ", "), fn, table.concat(args, ", "))
  self:add("if why ~= nil then %s(problems, %s, why) end", no, #sources > 0 and "a1" or "nil")
  self:add "local v = nil"
  for i, target in ipairs(targets) do
    self:add("if %s == nil then", results[i])
    self:store(entry, target, results[i], exact)
  end
  self:add "end end"
end

function writer:entry(entry)
  if entry.constant ~= nil then
    self:add("values[%q] = %s", entry.odoo[1], self:keep(entry.constant))
  elseif entry.make then
    local target = entry.odoo[1]
    self:add("r, why = %s(record, ctx)", self:keep(entry.make))
    self:add("if why ~= nil then %s(problems, nil, why) end",
      self:keep(refused(entry, target, "create")))
    self:add("v = nil if r == nil then")
    self:store(entry, target, "r")
  elseif entry.lookup and entry.lookup.link then
    self:link(entry)
  elseif entry.lookup then
    self:lookup(entry)
  elseif entry.map or entry.get then
    entry.rule_name = entry.map and "map " .. entry.map.name or "get"
    self:call(entry)
  else
    for i, source in ipairs(entry.nav) do self:plain(entry, source, entry.odoo[i]) end
  end
end

--- Makes `to_odoo` of a declaration.
---@param spec navodoo.Declaration
---@return fun(self: any, record: table, ctx: navodoo.Context): table, table
function mapper.to_odoo(spec)
  local w = setmetatable({ lines = {}, kept = {} }, writer)
  w:add "local K, null, is_blank, utf16_length, math_type, type, none = ..."
  w:add "return function(_, record, ctx)"
  w:add "local creating, lookups, links = ctx.creating, ctx.lookups or none, ctx.links or none"
  local room, seen = {}, {} -- the nils make the table at its full size
  for _, list in ipairs { spec.entries, spec.on_create } do
    for _, entry in ipairs(list) do
      for _, target in ipairs(entry.odoo) do
        if not seen[target] then seen[target], room[#room + 1] = true, ("[%q] = nil"):format(target) end
      end
    end
  end
  w:add("local values, problems = { %s }, {}", table.concat(room, ", "))
  w:add "local v, r, why, way_out, field = nil, nil, nil, nil, nil"
  for _, entry in ipairs(spec.entries) do w:entry(entry) end
  if #spec.on_create > 0 then
    w:add "if creating then"
    for _, entry in ipairs(spec.on_create) do w:entry(entry) end
    w:add "end"
  end
  for _, r in ipairs(spec.rules) do
    w:add("why, way_out, field = %s(record, ctx)", w:keep(r.test))
    w:add("if why then %s(problems, record, why, way_out, field) end", w:keep(broken(r)))
  end
  w:add "return values, problems end"
  local chunk = assert(load(table.concat(w.lines, "\n"), "=mapping of flow " .. spec.name, "t", {}))
  return chunk(w.kept, null, rule.is_blank, text.utf16_length, math.type, type, {})
end

return mapper
