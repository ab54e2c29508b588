--- Codes of NAV to records or codes of Odoo: countries, currencies, languages, terms.
--
-- A code goes first through the table of the flow folder (`lookups/NAME.lua`: NAV's code to
-- Odoo's, only where the two differ), then to the target model, where `match` is the field
-- that holds the code. A code that neither knows is a dead letter that names the file to add
-- it to; it is never blanked silently. A table of its own makes a lookup too:
--
--     return { model = "account.fiscal.position", match = "name", values = { EU = "Intra-EU" } }
--     return { DOMESTIC = "home", FOREIGN = "abroad" }        -- no model: the values themselves
--
-- The way back, from Odoo to NAV: a code that stands in NAV already stays when it has the same
-- meaning; else the table is read from right to left, and where several codes of NAV mean the
-- same, `back = { GB = "GB" }` says which one is written; `back = { All = "" }` empties
-- NAV's field. `lookup.link "customer"` finds the
-- record that another flow linked. In `create.nav` a table gives NAV's codes:
--
--     return { from = "country", values = { DE = "DOMESTIC", [""] = "DOMESTIC" }, default = "EXPORT" }

local outline = require "navodoo.outline"
local problem = require "navodoo.problem"

local lookup = {}

---@class navodoo.Lookup
---@field kind "lookup"
---@field name string
---@field model string?     where the code is searched; nil = the table's own values are the result
---@field match string?     field of the model that holds the code
---@field where table?     domain of the records that count; nil = all, archived ones too
---@field value "id"|"code" what is written: the record's id, or the code itself
---@field values table<string, any>  NAV code to code, may be empty
---@field file string       the table's file, existing or not
---@field blank "clear"|"leave"      what an empty code does
---@field missing "refuse"|"leave"   what an unknown code does
---@field fields string[]?  where a call named the source fields: `lookup.x { "field" }`
---@field link string?      the flow whose links are asked, instead of a table
---@field from string?      `create.nav`: the lookup whose codes the table is read with
---@field codes_of navodoo.Lookup?  that lookup
---@field default any       `create.nav`: what a code without a value gets
---@field reverse table<any, string>  code of Odoo to NAV's
---@field unclear table<any, string[]>  codes of Odoo that several of NAV stand for, undecided

-- NAV leaves the language blank where its company's own applies, so blank says nothing.
local BUILT_IN <const> = {
  country      = { model = "res.country", match = "code" },
  currency     = { model = "res.currency", match = "name" },
  language     = { model = "res.lang", match = "code", value = "code", blank = "leave",
                   where = { { "active", "=", true } } },
  payment_term = { model = "account.payment.term", match = "name" },
}

local OPTIONS <const> = {
  blank = { "clear", "leave" },
  missing = { "leave", "refuse" },
}

local lookup_mt = {}
lookup_mt.__index = lookup_mt

local is_in = problem.is_in

--- `lookup.x { "field", ... }` names the source fields; `lookup.x { missing = "leave" }`
--- changes what happens to unknown or blank codes. Makes a new lookup.
function lookup_mt.__call(self, options)
  if type(options) ~= "table" then
    return problem.note(("lookup.%s: a table is expected, got %s"):format(self.name,
      problem.a(options)))
  end
  local copy = setmetatable({}, lookup_mt)
  for k, v in pairs(self) do copy[k] = v end
  for k, v in pairs(options) do
    if math.type(k) == "integer" then
      if type(v) ~= "string" then
        return problem.note(("lookup.%s: field names are texts, got %s"):format(self.name,
          problem.a(v)))
      end
      copy.fields = options
    elseif not OPTIONS[k] then
      return problem.note(("lookup.%s: unknown option %s"):format(self.name, tostring(k)),
        problem.near(k, problem.names(OPTIONS)))
    elseif not is_in(OPTIONS[k], v) then
      return problem.note(("lookup.%s: %s cannot be %s"):format(self.name, k, tostring(v)),
        problem.near(v, OPTIONS[k]))
    else
      copy[k] = v
    end
  end
  return copy
end

--- The code to search in the model for NAV's code, or the value itself when there is no model.
---@param nav_code string
---@return any? code  nil when the lookup has no model and the table does not name the code
function lookup_mt:code(nav_code)
  local code = self.values[nav_code]
  if code == nil and self.model then return nav_code end
  return code
end

-- The table from right to left; and what it leaves unclear.
local function turn(values, back)
  local reverse, unclear, by_value = {}, {}, {}
  for _, code in ipairs(problem.names(values)) do
    local value = values[code]
    if value == value then -- what is no value has been noted
      by_value[value] = by_value[value] or {}
      table.insert(by_value[value], code)
    end
  end
  for value, codes in pairs(by_value) do
    reverse[value] = codes[1]
    if #codes > 1 then unclear[value] = codes end
  end
  for value, code in pairs(back or {}) do reverse[value], unclear[value] = code, nil end
  return reverse, unclear
end

--- Whether Odoo's value leads back to one code of NAV; else why not.
---@return boolean ok
---@return string? why
function lookup_mt:has_way_back()
  if self.from then return false, ("lookup.%s is for create.nav"):format(self.name) end
  local value, codes
  for v, list in pairs(self.unclear) do
    if not value or tostring(v) < tostring(value) then value, codes = v, list end
  end
  if not value then return true end
  return false, ("%s stand for %s: say in %s which of them is written into NAV: back = { [%q] = %q }")
    :format(table.concat(codes, ", "), tostring(value), self.file, tostring(value), codes[1])
end

--- NAV's code for one of Odoo's.
---@param code any       what `code` gives
---@param current any    what NAV holds now
---@return string? nav_code  nil when the table has none
function lookup_mt:nav_code(code, current)
  if type(current) == "string" and current ~= "" and self:code(current) == code then return current end
  local found = self.reverse[code]
  if found == nil and self.model and self.values[code] == nil then return code end
  return found
end

local function make(name, base, values, file)
  local reverse, unclear = turn(values, base.back)
  return setmetatable({
    kind = "lookup", name = name, model = base.model, match = base.match, where = base.where,
    value = base.value or "id", values = values, file = file, reverse = reverse, unclear = unclear,
    from = base.from, default = base.default,
    blank = base.blank or "clear", missing = "refuse",
  }, lookup_mt)
end

local FILE_KEYS <const> = { "back", "default", "from", "match", "model", "value", "values" }

-- Notes a mistake in the table file, where it stands.
local function noter(name, file, places)
  return function(path, what, near)
    local line = outline.find(places or {}, path)
    problem.note(("lookup %s: %s"):format(name, what), near, file, line)
  end
end

-- Reads `back`: code of Odoo to code of NAV.
local function check_back(note, content, model)
  if content.back == nil then return nil end
  if type(content.back) ~= "table" then
    note("back", "back must be a table")
    return nil
  end
  for value, code in pairs(content.back) do
    local stands_for = content.values[code]
    if stands_for == nil and model then stands_for = code end
    if code ~= "" and stands_for ~= value then
      note("back." .. tostring(value), ("back: %s is to be written as %q, which does not stand for it"):format(
        tostring(value), tostring(code)), problem.near(code, problem.names(content.values)))
    end
  end
  return content.back
end

-- Reads a file of the long form; answers what the lookup is based on.
local function read_form(note, content, base)
  for _, key in ipairs(problem.names(content)) do
    if not is_in(FILE_KEYS, key) then
      note(key, ("unknown key %q"):format(key), problem.near(key, FILE_KEYS))
    elseif key ~= "values" and key ~= "back" and type(content[key]) ~= "string" then
      note(key, ("%s must be a text"):format(key))
    end
  end
  base = { model = content.model or base.model, match = content.match or base.match,
           value = content.value or base.value, blank = base.blank, where = base.where,
           from = content.from, default = content.default }
  base.back = check_back(note, content, base.model)
  if base.model and not base.match then
    note("model", ("match is missing: the field of %s that holds the code"):format(tostring(base.model)))
  end
  if base.value and base.value ~= "id" and base.value ~= "code" then
    note("value", 'value is "id" or "code"')
  end
  return base
end

local function check_values(note, values, inside, base)
  local count = {}
  for _, value in pairs(values) do
    if value == value then count[value] = (count[value] or 0) + 1 end
  end
  for code, value in pairs(values) do
    local t = math.type(value) or type(value)
    local path = inside .. tostring(code)
    if type(code) ~= "string" or (t ~= "string" and t ~= "integer" and t ~= "boolean") then
      note(path, ("entry %s: codes are texts, values texts, whole numbers or booleans"):format(tostring(code)))
    elseif base.model and code == value and count[value] == 1 then
      note(path, ("%s stands for itself, as it would without an entry: say what Odoo calls it, or take it out")
        :format(code))
    end
  end
end

-- Reads what a table file returned; notes what is wrong with it.
local function of_table(name, content, file, places)
  local note = noter(name, file, places)
  local base, values, inside = BUILT_IN[name] or {}, content, ""
  if type(content.values) == "table" then
    values, inside = content.values, "values."
    base = read_form(note, content, base)
  end
  check_values(note, values, inside, base)
  return make(name, base, values, file)
end

--- All lookups that a flow can name.
---@param tables table<string, table>  contents of the flow folder's `lookups/`, by name
---@param folder string  of the flow, for messages: "flows"
---@param places table<string, table<string, navodoo.Place>>?  of what stands in the files, by name
---@return table
function lookup.open(tables, folder, places)
  local things = {}
  local function file(name) return ("%s/lookups/%s.lua"):format(folder, name) end
  for name, base in pairs(BUILT_IN) do
    things[name] = make(name, base, {}, file(name))
  end
  for _, name in ipairs(problem.names(tables)) do
    things[name] = of_table(name, tables[name], file(name), places and places[name])
  end
  for _, name in ipairs(problem.names(things)) do
    local from = things[name].from
    if from and not (things[from] and things[from].model) then
      problem.note(("lookup %s: from names a lookup with a model, such as country; there is no %s")
        :format(name, tostring(from)), problem.near(from, problem.names(things)), file(name))
    elseif from then
      things[name].codes_of = things[from]
    end
  end
  things.link = function(flow)
    if type(flow) ~= "string" then
      return problem.note(('lookup.link: the name of a flow is expected, got %s'):format(problem.a(flow)))
    end
    local made = make("link " .. flow, {}, {}, flow)
    made.link = flow
    return made
  end
  local listed
  things.table = function(name)
    local found = things[name]
    if type(found) == "table" then return found end
    return problem.note(("there is no lookup %s: add %s"):format(
      tostring(name), file(tostring(name))), problem.near(name, listed))
  end
  listed = problem.names(things)
  return problem.guarded("lookup", things)
end

return lookup
