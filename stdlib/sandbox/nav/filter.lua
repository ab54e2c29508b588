--- The $filter of a request: parsed, checked as NAV checks it, made into a test of a row.
--
-- NAV turns a filter into filters on fields: comparisons of one field with a literal, joined by
-- `and`, and by `or` where both sides speak of the same field; startswith, endswith, contains and
-- substringof. What OData knows beyond that is answered with 501, what nobody knows is a syntax
-- error.

local decimal = require "navodoo.decimal"
local text = require "navodoo.text"
local refusal = require "sandbox.nav.refusal"
local values = require "sandbox.nav.values"
local words = require "sandbox.nav.words"

local filter = {}

local MAX_DEPTH <const> = 60

-- Checked comparisons ------------------------------------------------------------------------------------

local KIND <const> = {
  eq = "Equal", ne = "NotEqual", gt = "GreaterThan", ge = "GreaterThanOrEqual", lt = "LessThan",
  le = "LessThanOrEqual",
}
local NAV_SIGN <const> = { eq = "=", ne = "<>", gt = ">", ge = ">=", lt = "<", le = "<=" }
local COMPATIBLE <const> = {
  ["Edm.String"] = { ["Edm.String"] = true },
  ["Edm.Int32"] = { ["Edm.Int32"] = true, ["Edm.Decimal"] = true },
  ["Edm.Decimal"] = { ["Edm.Int32"] = true, ["Edm.Decimal"] = true },
  ["Edm.Boolean"] = { ["Edm.Boolean"] = true },
  ["Edm.Date"] = { ["Edm.Date"] = true, ["Edm.DateTime"] = true },
  ["Edm.Int64"] = { ["Edm.Int32"] = true, ["Edm.Decimal"] = true },
  ["Edm.DateTimeOffset"] = { ["Edm.DateTimeOffset"] = true, ["Edm.DateTime"] = true },
  ["Edm.Guid"] = { ["Edm.Guid"] = true },
}

local TEST <const> = {
  eq = function(a, b) return a == b end,
  ne = function(a, b) return a ~= b end,
  gt = function(a, b) return a > b end,
  ge = function(a, b) return a >= b end,
  lt = function(a, b) return a < b end,
  le = function(a, b) return a <= b end,
}

-- An instant with three digits behind the second, so that texts compare as instants do.
local function comparable(instant)
  local whole, part = instant:match "^(%d+%-%d+%-%d+T%d+:%d+:%d+)%.?(%d*)Z$"
  return ("%s.%sZ"):format(whole, (part .. "000"):sub(1, 3))
end

--- A value by which a field sorts and compares: the collation knows letters before accents and case.
---@param field sandbox.nav.Field
---@param value any
function filter.rank(field, value)
  local kind = field.type
  if kind == "Decimal" then return decimal.new(value) end
  if kind == "Option" then return field.ordinal[value] end
  if kind == "Boolean" then return value and 1 or 0 end
  if kind == "DateTime" then return comparable(value) end
  if kind == "Text" then return text.fold(value) .. "\0" .. value end
  return value
end

local function length_refused(field, shown, value)
  if not field.length then return nil end
  local length = text.utf16_length(value)
  if length <= field.length then return nil end
  return refusal.filter_value(shown, field.name, field.table_name,
    refusal.too_long_text(length, field.length, value))
end

-- The literal as the field would keep it.
local function operand(field, op, literal)
  if field.type == "Date" then
    local day = literal.value:match "^(.*)T00:00:00%.?0*Z?$" or literal.value
    if not values.is_date(day) then return nil, refusal.query_syntax() end
    return day
  end
  if field.type == "Boolean" then return literal.value == "true" end
  if field.type == "Decimal" or field.type == "Integer" or field.type == "BigInteger" then
    local number = decimal.parse(literal.value)
    if not number then return nil, refusal.query_syntax() end
    if field.type == "Decimal" then return number end
    return math.tointeger(tonumber(literal.value)) or number
  end
  if field.type == "DateTime" then return comparable((literal.value:gsub("Z?$", "Z", 1))) end
  if field.type == "GUID" then return literal.value:lower() end
  local shown = NAV_SIGN[op] .. "'" .. literal.value .. "'"
  local value = literal.value
  if field.type == "Code" then value = values.code(value) end
  if field.type == "Option" then
    local member = values.member(field, value)
    if not member then
      return nil, refusal.filter_value(shown, field.name, field.table_name,
        refusal.not_an_option_text(value, field.options))
    end
    return member
  end
  local refused = length_refused(field, shown, value)
  if refused then return nil, refused end
  return value
end

local function property_of(page, name)
  local property = page.by_name[name]
  if not property then return nil, refusal.no_such_property(name, page.service) end
  if property.flow_filter or property.field then return property end
  return nil, refusal.filter_not_supported()
end

local function compare(page, name, op, literal)
  local property, refused = property_of(page, name)
  if not property then return nil, refused end
  if not COMPATIBLE[property.edm][literal.edm] then
    if literal.edm == "null" then return nil, refusal.filter_not_supported() end
    return nil, refusal.bad_request("A binary operator with incompatible types was detected. Found operand"
      .. " types '%s' and '%s' for operator kind '%s'.", property.edm, literal.edm, KIND[op])
  end
  if property.flow_filter then
    if op ~= "eq" then return nil, refusal.filter_not_supported() end
    return { field = property.name, test = function() return true end }
  end
  local field = property.field
  local value, bad = operand(field, op, literal)
  if bad then return nil, bad end
  local node = { field = field.name, compare = op, value = value }
  local key, default, test = field.name, field.default, TEST[op]
  if (op == "eq" or op == "ne") and field.type ~= "Decimal" and field.type ~= "DateTime" then
    node.test = function(row)
      local held = row[key]
      if held == nil then held = default end
      return test(held, value)
    end
    return node
  end
  local rank, wanted = filter.rank, value
  if field.type ~= "Decimal" and field.type ~= "Integer" then wanted = rank(field, value) end
  node.test = function(row)
    local held = row[key]
    if held == nil then held = default end
    return test(rank(field, held), wanted)
  end
  return node
end

local FUNCTION <const> = {
  startswith = function(held, part) return held:sub(1, #part) == part end,
  endswith = function(held, part) return part == "" or held:sub(-#part) == part end,
  contains = function(held, part) return held:find(part, 1, true) ~= nil end,
}
FUNCTION.substringof = FUNCTION.contains
local WILD <const> = { startswith = "%s*", endswith = "*%s", contains = "*%s*", substringof = "*%s*" }

local function call(page, name, arguments)
  if #arguments ~= 2 then return nil, refusal.query_syntax() end
  local subject, part = arguments[1], arguments[2]
  -- NAV documents substringof(field, 'x'); OData V2 had it the other way round.
  if name == "substringof" and subject.kind == "literal" then subject, part = part, subject end
  if subject.kind ~= "name" or part.kind ~= "literal" or part.edm ~= "Edm.String" then
    return nil, refusal.filter_not_supported()
  end
  local property, refused = property_of(page, subject.value)
  if not property then return nil, refused end
  local field = property.field
  if not field or (field.type ~= "Text" and field.type ~= "Code") then
    return nil, refusal.filter_not_supported()
  end
  local wanted = field.type == "Code" and text.upper(part.value) or part.value
  refused = length_refused(field, WILD[name]:format(wanted), wanted)
  if refused then return nil, refused end
  local test, key, default = FUNCTION[name], field.name, field.default
  return { field = field.name, test = function(row) return test(row[key] or default, wanted) end }
end

-- Joined ---------------------------------------------------------------------------------------------------

local function all_of(nodes)
  local tests = {}
  for n, node in ipairs(nodes) do tests[n] = node.test end
  return function(row, key)
    for n = 1, #tests do
      if not tests[n](row, key) then return false end
    end
    return true
  end
end

local function any_of(nodes)
  local tests = {}
  for n, node in ipairs(nodes) do tests[n] = node.test end
  return function(row, key)
    for n = 1, #tests do
      if tests[n](row, key) then return true end
    end
    return false
  end
end

-- The one field that a node speaks of, false when there are several.
local function field_of(nodes)
  local field = nodes[1].field
  for _, node in ipairs(nodes) do
    if node.field ~= field then return false end
  end
  return field
end

-- Grammar: each takes the parser { words, at, page, depth } and gives a node or nil and a refusal. ---------

local parse_or

local function peek(p, kind, value)
  local word = p.words[p.at]
  return word and word.kind == kind and (value == nil or word.value == value) and word or nil
end

local function take(p, kind, value)
  local word = peek(p, kind, value)
  if word then p.at = p.at + 1 end
  return word
end

local function literal_word(word)
  if not word then return nil end
  if word.kind == "literal" then return word end
  if word.kind ~= "name" then return nil end
  if word.value == "true" or word.value == "false" then
    return { kind = "literal", edm = "Edm.Boolean", value = word.value }
  end
  if word.value == "null" then return { kind = "literal", edm = "null" } end
end

local FLIPPED <const> = { eq = "eq", ne = "ne", gt = "lt", ge = "le", lt = "gt", le = "ge" }
local ARITHMETIC <const> = { add = true, sub = true, mul = true, div = true, mod = true, has = true,
                             ["in"] = true }

local function parse_call(p, name)
  p.at = p.at + 1 -- the bracket
  local arguments = {}
  while not take(p, ")") do
    local word = p.words[p.at]
    if not word or word.kind == "odd" then return nil, refusal.query_syntax() end
    if word.kind ~= "name" and word.kind ~= "literal" then return nil, refusal.query_syntax() end
    p.at = p.at + 1
    if peek(p, "(") then return nil, refusal.filter_not_supported() end
    arguments[#arguments + 1] = literal_word(word) or word
    if not take(p, ",") and not peek(p, ")") then return nil, refusal.query_syntax() end
  end
  if not FUNCTION[name] then return nil, refusal.filter_not_supported() end
  local node, refused = call(p.page, name, arguments)
  if not node then return nil, refused end
  if take(p, "name", "eq") then
    if not take(p, "name", "true") then return nil, refusal.filter_not_supported() end
  end
  return node
end

local function parse_comparison(p)
  local left = p.words[p.at]
  if not left or left.kind == "odd" then return nil, refusal.query_syntax() end
  if left.kind ~= "name" and left.kind ~= "literal" then return nil, refusal.query_syntax() end
  p.at = p.at + 1
  if left.kind == "name" and peek(p, "(") then return parse_call(p, left.value) end
  local op = take(p, "name")
  if not op then return nil, refusal.query_syntax() end
  if ARITHMETIC[op.value] then return nil, refusal.filter_not_supported() end
  if not KIND[op.value] then return nil, refusal.query_syntax() end
  local right = p.words[p.at]
  if not right or right.kind == "odd" then return nil, refusal.query_syntax() end
  p.at = p.at + 1
  if peek(p, "(") then return nil, refusal.filter_not_supported() end
  if peek(p, "literal") then return nil, refusal.query_syntax() end
  local name, literal, sign = left, literal_word(right), op.value
  if literal_word(left) then
    name, literal, sign = right, literal_word(left), FLIPPED[sign]
  end
  if name.kind ~= "name" or literal_word(name) or not literal then
    if right.kind == "name" or right.kind == "literal" then return nil, refusal.filter_not_supported() end
    return nil, refusal.query_syntax()
  end
  if name.value:find("[/.]") then return nil, refusal.filter_not_supported() end
  return compare(p.page, name.value, sign, literal)
end

local function parse_unit(p)
  if peek(p, "name", "not") then return nil, refusal.filter_not_supported() end
  if not take(p, "(") then return parse_comparison(p) end
  p.depth = p.depth + 1
  if p.depth > MAX_DEPTH then return nil, refusal.filter_not_supported() end
  local node, refused = parse_or(p)
  if not node then return nil, refused end
  p.depth = p.depth - 1
  if not take(p, ")") then return nil, refusal.query_syntax() end
  return node
end

local function parse_joined(p, joint, parse_part, join)
  local nodes = {}
  repeat
    local node, refused = parse_part(p)
    if not node then return nil, refused end
    nodes[#nodes + 1] = node
  until not take(p, "name", joint)
  if #nodes == 1 then return nodes[1] end
  return join(nodes)
end

local function parse_and(p)
  return parse_joined(p, "and", parse_unit, function(nodes)
    return { all = nodes, field = field_of(nodes), test = all_of(nodes) }
  end)
end

function parse_or(p)
  return parse_joined(p, "or", parse_and, function(nodes)
    local field = field_of(nodes)
    if not field then return nil, refusal.or_over_fields() end
    return { any = nodes, field = field, test = any_of(nodes) }
  end)
end

--- Parses and checks a filter.
---@param source string   decoded
---@param page table
---@param v3 boolean?      its literals are V3's
---@return table? node     node.test(row) -> boolean
---@return sandbox.nav.Refusal?
function filter.parse(source, page, v3)
  local list = words.of(source, v3)
  if not list or #list == 0 then return nil, refusal.query_syntax() end
  local p = { words = list, at = 1, page = page, depth = 0 }
  local node, refused = parse_or(p)
  if not node then return nil, refused end
  if list[p.at] then return nil, refusal.query_syntax() end
  return node
end

--- The keys outside of which no row can pass, nil when the filter does not say.
---@param node table
---@param key_field string
---@return table<string, boolean>?
function filter.keys(node, key_field)
  if node.compare == "eq" and node.field == key_field then return { [node.value] = true } end
  for _, part in ipairs(node.all or {}) do
    local keys = filter.keys(part, key_field)
    if keys then return keys end
  end
  if not node.any then return nil end
  local union = {}
  for _, part in ipairs(node.any) do
    local keys = filter.keys(part, key_field)
    if not keys then return nil end
    for key in pairs(keys) do union[key] = true end
  end
  return union
end

--- The key below which no row can pass, nil when the filter does not say.
---@param node table
---@param key_field string
---@return string?
function filter.lowest_key(node, key_field)
  if node.field == key_field and (node.compare == "gt" or node.compare == "ge") then return node.value end
  local lowest
  for _, part in ipairs(node.all or {}) do
    local low = filter.lowest_key(part, key_field)
    if low and (not lowest or low > lowest) then lowest = low end
  end
  return lowest
end

return filter
