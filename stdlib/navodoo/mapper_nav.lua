--- Writes the function that maps one Odoo record into NAV: the way back of `navodoo.mapper`.
--
-- NAV has no empty values of its own: what Odoo leaves empty becomes "" in a text, the blank
-- member in an option, 0 in a number, null (the date 0001-01-01) in a date, and is left out
-- of a new record, so that NAV's defaults and templates apply. For
-- `{ "E_Mail", "email", map.lower }` the text reads:
--
--     v = record["email"]
--     if v == nil then                                 -- absent: left alone
--     else
--       r, why = K[1](v, ctx, "E_Mail")
--       if r == nil then if why ~= nil then K[2](problems, v, why) end
--       elseif r == "" or r == null or r == false then
--         if not creating then values["E_Mail"] = "" end
--       elseif #r > 80 and utf16_length(r) > 80 then K[3](problems, v, r)
--       else values["E_Mail"] = r end
--     end

local decimal = require "navodoo.decimal"
local null = require "navodoo.json".null
local rule = require "navodoo.rule"
local text = require "navodoo.text"

local mapper_nav = {}

-- ---- problems ------------------------------------------------------------------------

local function report(problems, entry, field, value, rule_name, why, way_out)
  local p = { field = field, value = value, rule = rule_name, text = why, way_out = way_out,
              line = entry.line }
  problems[#problems + 1] = p
  return p
end

local function refused(entry, source, rule_name)
  return function(problems, v, why)
    report(problems, entry, source, v, rule_name, ("%s: %s"):format(source, tostring(why)),
      "correct it in Odoo, or the entry in the flow")
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
      source .. (v == nil and " is missing" or " is empty"), "fill it in in Odoo")
  end
end

local function too_long(entry, source, target, max)
  return function(problems, v, r)
    report(problems, entry, source, v, "max", ("%s has %d characters, NAV's %s holds %d"):format(
      source, text.utf16_length(r), target, max),
      "shorten it in Odoo, or give the entry map.text { max = " .. max .. ', policy = "cut" }')
  end
end

local function unknown_code(entry, source, found)
  return function(problems, v, code)
    local where = code == nil and ("Odoo has no such %s"):format(tostring(found.model))
      or ("%s does not name it"):format(found.file)
    report(problems, entry, source, v, "lookup " .. found.name,
      ("%s %s: %s"):format(source, code == nil and tostring(v) or ("%q"):format(tostring(code)), where),
      ("add a code of NAV for it to %s, or correct it in Odoo"):format(found.file))
  end
end

local function no_link(entry, source, found)
  return function(problems, v)
    local p = report(problems, entry, source, v, "lookup " .. found.name,
      ("%s %s has no record in NAV yet: the flow %s has not linked it"):format(source, tostring(v),
        found.link), ("see what holds it up: navodoo jobs --flow %s"):format(found.link))
    p.waits_for = { flow = found.link, odoo = v }
  end
end

local function broken(r)
  return function(problems, record, why, way_out, field)
    report(problems, r, field, record[field], r.name, why,
      (way_out or "correct it") .. " in Odoo or in NAV")
  end
end

-- ---- values --------------------------------------------------------------------------

-- What an empty field of NAV holds; nil when it cannot be emptied.
local BLANK <const> = {
  char = "", code = "", guid = "", boolean = false, integer = 0, decimal = decimal.new(0),
  date = null, datetime = null,
}

local function blank_of(field)
  if not field then return "" end
  if field.type ~= "option" or not field.options then
    local empty = BLANK[field.type]
    if empty == nil then return "" end
    return empty
  end
  for _, member in ipairs(field.options) do
    if member == " " then return member end
  end
end

-- The code that the engine gives a new record: prefix and Odoo's id.
local function number_of(number)
  return function(id)
    if math.type(id) ~= "integer" then return nil, "the record has no id, of which its number is made" end
    local digits = ("%d"):format(id)
    if #digits > number.digits then
      return nil, ("the id %s does not fit into %d digits"):format(digits, number.digits)
    end
    return number.prefix .. ("0"):rep(number.digits - #digits) .. digits
  end
end

-- The code of NAV for what Odoo holds: by id through the tables that the engine brought.
local function back_through(found)
  return function(v, lookups, current)
    local code = v
    if found.model and found.value == "id" then
      local codes = lookups.back and lookups.back[found.name]
      if not codes then error(("the lookup %q was not prepared"):format(found.name), 0) end
      code = codes[v]
      if code == nil then return nil, nil end
    end
    return found:nav_code(code, current), code
  end
end

-- `create.nav`: a table that is read with the codes of another lookup, or with the value.
local function forward_through(found)
  return function(v, lookups)
    local code = v
    if found.codes_of then
      local nav_code, known = back_through(found.codes_of)(v, lookups, nil)
      code = found.values[nav_code] ~= nil and nav_code or known
    end
    local value = found.values[code]
    if value == nil then value = found.default end
    return value, code
  end
end

-- ---- the text ------------------------------------------------------------------------

local writer = {}
writer.__index = writer

function writer:add(form, ...) self.lines[#self.lines + 1] = form:format(...) end

function writer:keep(value)
  self.kept[#self.kept + 1] = value
  return ("K[%d]"):format(#self.kept)
end

-- Empties a property, where that is possible.
function writer:clear(target)
  local empty = blank_of(self.fields[target])
  if empty == nil then return "" end
  return ("if not creating then values[%q] = %s end"):format(target, self:keep(empty))
end

-- The least length of the property: what the entry says for this version, and what NAV holds.
function writer:max_of(entry, target)
  local field = self.fields[target]
  local max, own = field and field.max, #entry.nav == 1 and entry.max or nil
  if type(own) == "table" then
    local least = own[self.version]
    for _, n in pairs(not least and own or {}) do least = math.min(n, least or n) end
    own = least
  end
  if own and (not max or own < max) then max = own end
  return max
end

-- Stores a result that may be empty, too long or inexact. The branch before it is open.
function writer:store(entry, source, target, result, rule_name)
  local field = self.fields[target]
  local is_boolean = field and field.type == "boolean"
  self:add('elseif %s == "" or %s == null%s then %s', result, result,
    is_boolean and "" or (" or %s == false"):format(result), self:clear(target))
  self:add('elseif math_type(%s) == "float" then %s(problems, v, %s)', result,
    self:keep(inexact(entry, source, target, rule_name)), result)
  local max = self:max_of(entry, target)
  if max then
    self:add('elseif type(%s) == "string" and #%s > %d and utf16_length(%s) > %d then %s(problems, v, %s)',
      result, result, max, result, max, self:keep(too_long(entry, source, target, max)), result)
  end
  if field and field.type == "code" then -- NAV keeps codes so, whatever is sent
    self:add('elseif type(%s) == "string" then values[%q] = upper(trim(%s))', result, target, result)
  end
  self:add("else values[%q] = %s end", target, result)
end

-- Reads the one source and opens the branch in which it has a value.
function writer:open(entry, source)
  self:add("v = record[%q]", source)
  self:add "if v == nil then"
  if entry.required then
    local fn = self:keep(blank(entry, source))
    self:add("if creating then %s(problems, nil) end", fn)
    self:add("elseif v == false or is_blank(v) then %s(problems, v)", fn)
  end
end

function writer:lookup(entry)
  local found, source, target = entry.lookup, entry.odoo[1], entry.nav[1]
  local blank_value = entry.on_create and found.fields and found.values[""]
  self:open(entry, source)
  self:add('elseif v == false or v == "" or v == null then %s',
    blank_value and ("values[%q] = %s"):format(target, self:keep(blank_value))
    or found.blank == "clear" and self:clear(target) or "")
  self:add "else"
  if found.link then
    self:add("local of = links[%q]", found.link)
    self:add("r = of and of.odoo[v]")
    self:add("if r ~= nil then values[%q] = r", target)
    if found.missing == "refuse" then
      self:add("else %s(problems, v)", self:keep(no_link(entry, source, found)))
    end
  else
    self:add("local code")
    self:add("r, code = %s(v, lookups, current and current[%q])",
      self:keep(entry.on_create and found.fields and forward_through(found) or back_through(found)), target)
    self:add("if r ~= nil then values[%q] = r", target)
    if found.missing == "refuse" then
      self:add("else %s(problems, v, code)", self:keep(unknown_code(entry, source, found)))
    end
  end
  self:add "end end"
end

-- A map or a function of the flow, of any number of fields to any number.
function writer:call(entry)
  local fn = self:keep(entry.put or entry.map.put)
  local rule_name = entry.put and "put" or "map " .. entry.map.name
  local sources, targets = entry.odoo, entry.nav
  local no = self:keep(refused(entry, sources[1], rule_name))
  if #sources == 1 and #targets == 1 then
    self:open(entry, sources[1])
    self:add "else"
    self:add("r, why = %s(v, ctx, %q)", fn, targets[1])
    self:add("if r == nil then if why ~= nil then %s(problems, v, why) end", no)
    self:store(entry, sources[1], targets[1], "r", rule_name)
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
  self:add("local %s = %s", table.concat(args, ", "), table.concat(reads, ", "))
  self:add("if %s then", table.concat(present, " and "))
  self:add("local %s, why = %s(%s, ctx, %q)", table.concat(results, ", "), fn,
    table.concat(args, ", "), targets[1])
  self:add("if why ~= nil then %s(problems, a1, why) end", no)
  self:add "local v = a1"
  for i, target in ipairs(targets) do
    self:add("if %s == nil then", results[i])
    self:store(entry, sources[i] or sources[1], target, results[i], rule_name)
  end
  self:add "end end"
end

function writer:plain(entry, source, target)
  self:open(entry, source)
  self:store(entry, source, target, "v", "plain")
end

-- What stands in `create.nav`.
function writer:created(entry)
  local target = entry.nav[1]
  if entry.constant ~= nil then
    self:add("values[%q] = %s", target, self:keep(entry.constant))
  elseif entry.lookup then
    self:lookup(entry)
  else
    self:add("r, why = %s(record, ctx)", self:keep(entry.make))
    self:add("if why ~= nil then %s(problems, nil, why) end", self:keep(refused(entry, target, "create")))
    self:add("v = nil if r == nil then")
    self:store(entry, target, target, "r", "create")
  end
end

function writer:entry(entry)
  if entry.constant ~= nil or entry.make then self:created(entry)
  elseif entry.put then self:call(entry)
  elseif entry.lookup then self:lookup(entry)
  elseif entry.map then self:call(entry)
  else
    for i, source in ipairs(entry.odoo) do self:plain(entry, source, entry.nav[i]) end
  end
end

-- The key of a new record: the last part is the engine's to give; a series gives its own, and
-- the record carries a mark by which it is found again.
function writer:number(spec)
  local policy = spec.policy
  local stub = { line = spec.line }
  if type(policy.number) == "table" then
    self:add("r, why = %s(record.id)", self:keep(number_of(policy.number)))
    self:add("if why then %s(problems, record.id, why) else values[%q] = r end",
      self:keep(refused(stub, "id", "nav.number")), spec.nav.key[#spec.nav.key])
  elseif policy.probe then
    self:add("if values[%q] == nil and record.id then values[%q] = 'ODOO-' .. record.id end", policy.probe,
      policy.probe)
  end
end

-- Rules hold for the record as NAV would have it; those that the change does not touch say
-- nothing new.
function writer:rules(rules)
  if #rules == 0 then return end
  self:add "local merged = setmetatable({}, { __index = function(_, k)"
  self:add "local x = values[k] if x == nil and current then x = current[k] end return x end })"
  for _, r in ipairs(rules) do
    local touched = {}
    for i, field in ipairs(r.fields) do
      touched[i] = ("values[%q] ~= nil and (not current or values[%q] ~= current[%q])"):format(
        field, field, field)
    end
    self:add("if creating or %s then", table.concat(touched, " or "))
    self:add("why, way_out, field = %s(merged, ctx)", self:keep(r.test))
    self:add("if why then %s(problems, merged, why, way_out, field) end end", self:keep(broken(r)))
  end
end

--- Makes `to_nav` of a declaration.
---@param spec navodoo.Declaration
---@param fields table<string, navodoo.NavField>  what is known of NAV's properties
---@param version string?
---@return fun(self: any, record: table, ctx: navodoo.Context): table, table
function mapper_nav.to_nav(spec, fields, version)
  local w = setmetatable({ lines = {}, kept = {}, fields = fields, version = version }, writer)
  w:add "local K, null, is_blank, utf16_length, upper, trim, math_type, type, setmetatable, none = ..."
  w:add "return function(_, record, ctx)"
  w:add "local creating, current = ctx.creating, ctx.current"
  w:add "local lookups, links = ctx.lookups or none, ctx.links or none"
  w:add "local values, problems = {}, {}"
  w:add "local v, r, why, way_out, field = nil, nil, nil, nil, nil"
  local later = {}
  for _, entry in ipairs(spec.entries) do
    if entry.to_nav then w:entry(entry) elseif entry.back then later[#later + 1] = entry end
  end
  w:add "if creating then"
  for _, entry in ipairs(later) do
    -- the last part of the key is not Odoo's to give
    if entry.nav[1] ~= spec.nav.key[#spec.nav.key] then w:entry(entry) end
  end
  for _, entry in ipairs(spec.on_create_nav) do w:entry(entry) end
  w:number(spec)
  w:add "end"
  w:rules(spec.rules)
  w:add "return values, problems end"
  local chunk = assert(load(table.concat(w.lines, "\n"), "=way back of flow " .. spec.name, "t", {}))
  return chunk(w.kept, null, rule.is_blank, text.utf16_length, text.upper, text.trim, math.type, type,
    setmetatable, {})
end

return mapper_nav
