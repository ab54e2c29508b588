--- Rules that a NAV record must keep before anything of it is written.
--
--     rule "a customer posts to a group" { "Customer_Posting_Group", required = true }
--     rule "a fax number has digits" { "Fax_No", pattern = "^[%d +/-]+$" }
--     rule "credit needs terms" { "Credit_Limit_LCY", "Payment_Terms_Code",
--       check = function(limit, terms) ... end }
--
-- `check` gets the values of the named fields and the record, and returns true, or false and
-- why. An empty value passes everything but `required` and `check`; an absent one everything
-- except that a new record must have what is required.

local null = require "navodoo.json".null
local problem = require "navodoo.problem"
local text = require "navodoo.text"

---@class navodoo.Rule
---@field kind "rule"
---@field name string       what the rule demands, in words
---@field fields string[]   NAV properties it reads
---@field test fun(record: table, ctx: table): string?, string?, string?  why, way out, field;
--   nil when the record keeps the rule
---@field file string
---@field line integer?
---@field required boolean?   it demands a value in each of its fields
---@field check function?     written in the flow

local KEYS <const> = { "check", "max", "one_of", "pattern", "required" }

local rule = {}

--- Nothing that a person would call a value: null, "", or blanks only.
---@param v any
---@return boolean
function rule.is_blank(v)
  if v == null or v == "" then return true end
  return type(v) == "string" and v:byte() <= 32 and not v:find "%S"
end
local is_blank = rule.is_blank

-- The tests of one field: each returns why not, and a way out.
local function tests_of(spec)
  local tests = {}
  local function add(fn) tests[#tests + 1] = fn end
  if spec.required then
    add(function(v)
      if is_blank(v) then return "is empty", "fill it in" end
    end)
  end
  if spec.pattern then
    add(function(v)
      if not is_blank(v) and not tostring(v):find(spec.pattern) then
        return ("%q has not the expected form"):format(tostring(v)), "correct it"
      end
    end)
  end
  if spec.max then
    add(function(v)
      if type(v) == "string" and text.utf16_length(v) > spec.max then
        return ("has %d characters, at most %d are allowed"):format(text.utf16_length(v), spec.max),
          "shorten it"
      end
    end)
  end
  if spec.one_of then
    local known, names = {}, {}
    for i, v in ipairs(spec.one_of) do known[v], names[i] = true, ("%q"):format(tostring(v)) end
    local list = table.concat(names, ", ")
    add(function(v)
      if not is_blank(v) and not known[v] then
        return ("%q is none of %s"):format(tostring(v), list), "choose one of these"
      end
    end)
  end
  return tests
end

local function field_test(fields, spec)
  local tests, required = tests_of(spec), spec.required
  return function(record, ctx)
    for i = 1, #fields do
      local v = record[fields[i]]
      if v ~= nil then
        for k = 1, #tests do
          local why, way_out = tests[k](v)
          if why then return ("%s %s"):format(fields[i], why), way_out, fields[i] end
        end
      elseif required and ctx.creating then
        return fields[i] .. " is missing", "publish it on the page that is read", fields[i]
      end
    end
  end
end

local function check_test(fields, check)
  return function(record)
    local values = {}
    for i = 1, #fields do
      local v = record[fields[i]]
      if v == nil then return end
      values[i] = v
    end
    values[#fields + 1] = record
    local ok, why = check(table.unpack(values))
    if not ok then return why or (fields[1] .. " does not keep it"), "correct it", fields[1] end
  end
end

local function is_valid_spec(name, spec)
  local fine = true
  local function note(what, near)
    fine = false
    problem.note(("rule %q: %s"):format(name, what), near)
  end
  if type(spec) ~= "table" then
    note(("a table is expected, got %s"):format(problem.a(spec)))
    return false
  end
  for _, key in ipairs(problem.names(spec)) do
    local known = false
    for _, k in ipairs(KEYS) do known = known or k == key end
    if not known then note(("unknown key %q"):format(key), problem.near(key, KEYS)) end
  end
  if #spec == 0 then note "no field is named" end
  for _, field in ipairs(spec) do
    if type(field) ~= "string" then
      note(("field names are texts, got %s"):format(problem.a(field)))
    end
  end
  local function expect_type(key, wanted)
    local t = math.type(spec[key]) or type(spec[key])
    if spec[key] ~= nil and t ~= wanted then
      note(("%s must be %s %s, got %s"):format(key, wanted == "integer" and "an" or "a", wanted,
        problem.a(spec[key])))
    end
  end
  expect_type("required", "boolean")
  expect_type("pattern", "string")
  expect_type("max", "integer")
  expect_type("one_of", "table")
  expect_type("check", "function")
  if type(spec.pattern) == "string" then
    local ok, why = pcall(string.find, "", spec.pattern)
    if not ok then note(("pattern: %s"):format(why)) end
  end
  local any = false
  for _, key in ipairs(KEYS) do any = any or spec[key] end
  if not any then note("says nothing: give it one of " .. table.concat(KEYS, ", ")) end
  return fine
end

local function make(name, fields, test)
  local file, line = problem.caller()
  return { kind = "rule", name = name, fields = fields, test = test, file = file, line = line }
end

--- Begins a rule: `rule "what it demands" { "Field", required = true }`.
---@param name string
---@return fun(spec: table): navodoo.Rule
function rule.named(name)
  if type(name) ~= "string" then
    return problem.note(("rule: a text is expected, got %s"):format(problem.a(name)))
  end
  return function(spec)
    if not is_valid_spec(name, spec) then return problem.broken end
    local fields = { table.unpack(spec) }
    if not spec.check then
      local made = make(name, fields, field_test(fields, spec))
      made.required = spec.required
      return made
    end
    local by_field = field_test(fields, spec)
    local by_check = check_test(fields, spec.check)
    local made = make(name, fields, function(record, ctx)
      local why, way_out, field = by_field(record, ctx)
      if why then return why, way_out, field end
      return by_check(record)
    end)
    made.required, made.check = spec.required, spec.check
    return made
  end
end

-- Public forms of VAT numbers without country prefix; Lua patterns, a list where there are
-- several. Check digits are the tax office's business (and Odoo's, where it checks them).
local VAT <const> = {
  AT = { "^U%d%d%d%d%d%d%d%d$" }, BE = { "^[01]%d%d%d%d%d%d%d%d%d$" },
  BG = { "^%d%d%d%d%d%d%d%d%d%d?$" }, CY = { "^%d%d%d%d%d%d%d%d%a$" },
  CZ = { "^%d%d%d%d%d%d%d%d%d?%d?$" }, DE = { "^%d%d%d%d%d%d%d%d%d$" },
  DK = { "^%d%d%d%d%d%d%d%d$" }, EE = { "^%d%d%d%d%d%d%d%d%d$" },
  ES = { "^%w%d%d%d%d%d%d%d%w$" }, FI = { "^%d%d%d%d%d%d%d%d$" },
  FR = { "^%w%w%d%d%d%d%d%d%d%d%d$" },
  GB = { "^%d%d%d%d%d%d%d%d%d$", "^%d%d%d%d%d%d%d%d%d%d%d%d$", "^GD%d%d%d$", "^HA%d%d%d$" },
  GR = { "^%d%d%d%d%d%d%d%d%d$" }, HR = { "^%d%d%d%d%d%d%d%d%d%d%d$" },
  HU = { "^%d%d%d%d%d%d%d%d$" }, IE = { "^%d%w%d%d%d%d%d%a%a?$" },
  IT = { "^%d%d%d%d%d%d%d%d%d%d%d$" },
  LT = { "^%d%d%d%d%d%d%d%d%d$", "^%d%d%d%d%d%d%d%d%d%d%d%d$" },
  LU = { "^%d%d%d%d%d%d%d%d$" }, LV = { "^%d%d%d%d%d%d%d%d%d%d%d$" },
  MT = { "^%d%d%d%d%d%d%d%d$" }, NL = { "^%d%d%d%d%d%d%d%d%dB%d%d$" },
  PL = { "^%d%d%d%d%d%d%d%d%d%d$" }, PT = { "^%d%d%d%d%d%d%d%d%d$" },
  RO = { "^%d%d%d?%d?%d?%d?%d?%d?%d?%d?$" }, SE = { "^%d%d%d%d%d%d%d%d%d%d%d%d$" },
  SI = { "^%d%d%d%d%d%d%d%d$" }, SK = { "^%d%d%d%d%d%d%d%d%d%d$" },
}
local SAME_COUNTRY <const> = { EL = "GR", UK = "GB", XI = "GB" }

-- The same with the prefix in front, which most numbers have.
local VAT_PREFIXED <const> = {}
for country, patterns in pairs(VAT) do
  local list = {}
  for i, pattern in ipairs(patterns) do
    list[i] = "^" .. (country == "GR" and "EL" or country) .. pattern:sub(2)
  end
  VAT_PREFIXED[country] = list
end

local function vat_fits(number, country)
  local prefixed, bare = VAT_PREFIXED[country], VAT[country]
  for i = 1, #bare do
    if number:find(prefixed[i]) or number:find(bare[i]) then return true end
  end
  return false
end

-- A vat spec and an e-mail spec share their form: fields in the list part, own keys beside.
local function plain_spec(name, spec, keys)
  if type(spec) == "string" then spec = { spec } end
  if type(spec) ~= "table" or type(spec[1]) ~= "string" then
    return problem.note(("rule.%s: a field name is expected"):format(name)), false
  end
  for _, key in ipairs(problem.names(spec)) do
    if not keys[key] then
      return problem.note(("rule.%s: unknown key %q"):format(name, key),
        problem.near(key, problem.names(keys))), false
    end
    if type(spec[key]) ~= "string" then
      return problem.note(("rule.%s: %s must be a field name"):format(name, key)), false
    end
  end
  return spec, true
end

--- The number has the form that its country's VAT numbers have, with or without prefix;
--- countries without a known form pass.
---@param spec { [1]: string, country: string }
---@return navodoo.Rule
function rule.vat(spec)
  local ok
  spec, ok = plain_spec("vat", spec, { country = true })
  if not ok then return spec end
  local field, country_field = spec[1], spec.country
  return make("vat", { field, country_field }, function(record)
    local v = record[field]
    if type(v) ~= "string" or is_blank(v) then return end
    local country = country_field and record[country_field]
    country = SAME_COUNTRY[country] or country
    if VAT[country] and vat_fits(v, country) then return end
    local number = text.upper(v):gsub("[%s%.%-/]", "")
    local prefix = number:sub(1, 2)
    prefix = SAME_COUNTRY[prefix] or prefix
    if type(country) ~= "string" or is_blank(country) then country = prefix end
    if not VAT[country] or vat_fits(number, country) then return end
    -- a firm may be registered for VAT in another country than the one it sits in
    if VAT[prefix] and (vat_fits(number, prefix) or vat_fits(number:sub(3), prefix)) then return end
    return ("%s %q is not a VAT number of %s"):format(field, v, country),
      country_field and ("correct the number, or %s"):format(country_field) or "correct the number",
      field
  end)
end

--- One or several e-mail addresses, apart by `;` or `,`.
---@param spec string|{ [1]: string }
---@return navodoo.Rule
function rule.email(spec)
  local ok
  spec, ok = plain_spec("email", spec, {})
  if not ok then return spec end
  local field = spec[1]
  return make("email", { field }, function(record)
    local v = record[field]
    if type(v) ~= "string" or text.is_email(v) then return end
    if is_blank(v) then return end
    for address in v:gmatch "[^;,]+" do
      if not address:find "^%s*[^%s@]+@[^%s@]+%.[^%s@.]+%s*$" then
        return ("%s %q is not an e-mail address"):format(field, address), "correct it", field
      end
    end
  end)
end

--- What flows see: `rule "text" {...}`, `rule.vat`, `rule.email`.
rule.public = problem.guarded("rule", { vat = rule.vat, email = rule.email }, function(_, name)
  return rule.named(name)
end)

return rule
