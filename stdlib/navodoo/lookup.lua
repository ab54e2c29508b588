--- Codes of NAV to records or codes of Odoo: countries, currencies, languages, terms.
--
-- A code goes first through the table of the flow folder (`lookups/NAME.lua`: NAV's code to
-- Odoo's, only where the two differ), then to the target model, where `match` is the field
-- that holds the code. A code that neither knows is a dead letter that names the file to add
-- it to; it is never blanked silently. A table of its own makes a lookup too:
--
--     return { model = "account.fiscal.position", match = "name", values = { EU = "Intra-EU" } }
--     return { DOMESTIC = "home", FOREIGN = "abroad" }        -- no model: the values themselves

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

local function is_one_of(v, list)
  for _, known in ipairs(list) do
    if v == known then return true end
  end
  return false
end

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
    elseif not is_one_of(v, OPTIONS[k]) then
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

local function make(name, base, values, file)
  return setmetatable({
    kind = "lookup", name = name, model = base.model, match = base.match, where = base.where,
    value = base.value or "id", values = values, file = file,
    blank = base.blank or "clear", missing = "refuse",
  }, lookup_mt)
end

local FILE_KEYS <const> = { "match", "model", "value", "values" }

-- Reads what a table file returned; notes what is wrong with it.
local function of_table(name, content, file)
  local base, values = BUILT_IN[name] or {}, content
  if type(content.values) == "table" then
    values = content.values
    for _, key in ipairs(problem.names(content)) do
      if not is_one_of(key, FILE_KEYS) then
        problem.note(("lookup %s: unknown key %q"):format(name, key),
          problem.near(key, FILE_KEYS), file)
      elseif key ~= "values" and type(content[key]) ~= "string" then
        problem.note(("lookup %s: %s must be a text"):format(name, key), nil, file)
      end
    end
    base = { model = content.model or base.model, match = content.match or base.match,
             value = content.value or base.value, blank = base.blank, where = base.where }
    if base.model and not base.match then
      problem.note(("lookup %s: match is missing: the field of %s that holds the code")
        :format(name, tostring(base.model)), nil, file)
    end
    if base.value and base.value ~= "id" and base.value ~= "code" then
      problem.note(('lookup %s: value is "id" or "code"'):format(name), nil, file)
    end
  end
  for code, value in pairs(values) do
    local t = math.type(value) or type(value)
    if type(code) ~= "string" or (t ~= "string" and t ~= "integer" and t ~= "boolean") then
      problem.note(("lookup %s: entry %s: codes are texts, values texts, whole numbers or booleans")
        :format(name, tostring(code)), nil, file)
    end
  end
  return make(name, base, values, file)
end

--- All lookups that a flow can name.
---@param tables table<string, table>  contents of the flow folder's `lookups/`, by name
---@param folder string  of the flow, for messages: "flows"
---@return table
function lookup.open(tables, folder)
  local things = {}
  local function file(name) return ("%s/lookups/%s.lua"):format(folder, name) end
  for name, base in pairs(BUILT_IN) do
    things[name] = make(name, base, {}, file(name))
  end
  for _, name in ipairs(problem.names(tables)) do
    things[name] = of_table(name, tables[name], file(name))
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
