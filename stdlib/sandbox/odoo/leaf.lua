--- One condition of a domain, `[field, operator, value]`, as a test of a row.
--
-- Types decide the meaning: a text against a many2one is a name search, `false` is NULL, NULL is
-- never less or greater but counts as "not equal". `leaf.candidates` says which ids an indexed
-- field leaves.

local faults = require "sandbox.odoo.faults"
local instant = require "sandbox.odoo.instant"
local like = require "sandbox.odoo.like"
local py = require "sandbox.odoo.py"
local words = require "sandbox.odoo.words"

local leaf = {}

local OPERATORS <const> = {
  ["="] = 14, ["!="] = 14, ["<>"] = 14, ["=="] = 14, ["<"] = 14, ["<="] = 14, [">"] = 14,
  [">="] = 14, ["=?"] = 14, ["in"] = 14, ["not in"] = 14, ["like"] = 14, ["ilike"] = 14,
  ["not like"] = 14, ["not ilike"] = 14, ["=like"] = 14, ["=ilike"] = 14, ["child_of"] = 14,
  ["parent_of"] = 14, ["any"] = 17, ["not any"] = 17, ["not =like"] = 19, ["not =ilike"] = 19,
}

local NEGATIVE <const> = {
  ["!="] = "=", ["not in"] = "in", ["not like"] = "like", ["not ilike"] = "ilike",
  ["not any"] = "any", ["not =like"] = "=like", ["not =ilike"] = "=ilike",
}

-- Operators that only a relation knows; child_of and parent_of take `id` as well.
local RELATIONAL <const> = {
  ["any"] = true, ["not any"] = true, ["child_of"] = true, ["parent_of"] = true,
}

local function negated(test)
  return function(rec) return not test(rec) end
end

local function always() return true end
local function never() return false end

-- Comparing --------------------------------------------------------------------------------------

local COMPARE <const> = {
  ["<"] = function(a, b) return a < b end, ["<="] = function(a, b) return a <= b end,
  [">"] = function(a, b) return a > b end, [">="] = function(a, b) return a >= b end,
}

local function set_of(list, convert)
  local set, null = {}, false
  for _, v in ipairs(list) do
    local x = convert(v)
    if x == nil then null = true else set[x] = true end
  end
  return set, null
end

-- Equality and order of plain values; `convert` brings the asked value into stored form.
local function plain_test(get, operator, value, convert)
  if operator == "=" or operator == "in" then
    local set, null = set_of(py.is_list(value) and value or { value }, convert)
    return function(rec)
      local v = get(rec)
      if v == nil then return null end
      return set[v] == true
    end
  end
  local compare, wanted = COMPARE[operator], convert(value)
  if wanted == nil then return never end
  return function(rec)
    local v = get(rec)
    return v ~= nil and compare(v, wanted)
  end
end

local function number_of(v)
  if py.is_none(v) or v == false then return nil end
  if v == true then return 1 end
  local n = py.number(v) or (type(v) == "string" and tonumber(v))
  if not n then
    faults.raise("psycopg2.errors.InvalidTextRepresentation",
      ('invalid input syntax for type integer: "%s"\n'):format(py.str(v)))
  end
  return math.tointeger(n) or n
end

local function text_of(v)
  if py.is_none(v) or v == false then return nil end
  return py.str(v)
end

local function date_of(v)
  if not py.truth(v) then return nil end
  return py.str(v):sub(1, 10)
end

-- Datetimes: 14-18 compare microseconds with what was written, 19 compares whole seconds and refuses
-- zones. A bare date stands for its last second where the order asks for what comes after it.
local function datetime_test(env, get, operator, value)
  local function convert(v)
    if not py.truth(v) then return nil end
    local us, is_date, zoned = instant.lenient(py.str(v))
    if env.version >= 19 and zoned then
      faults.value_error("expecting only datetimes with no timezone: " .. py.repr(v))
    elseif not us and env.version >= 19 then
      faults.value_error("Invalid isoformat string: " .. py.repr(v))
    elseif not us then
      faults.raise("psycopg2.errors.InvalidDatetimeFormat",
        ('invalid input syntax for type timestamp: "%s"\n'):format(py.str(v)))
    end
    if is_date and (operator == ">" or operator == "<=") then us = us + 86399 * 1000000 end
    return us
  end
  if env.version < 19 then return plain_test(get, operator, value, convert) end
  local function second(rec)
    local us = get(rec)
    return us and us - us % 1000000
  end
  return plain_test(second, operator, value, function(v)
    local us = convert(v)
    return us and us - us % 1000000
  end)
end

local function boolean_test(get, operator, value)
  if operator ~= "=" and operator ~= "in" then return never end
  local list = py.is_list(value) and value or { value }
  local yes, no = false, false
  for _, v in ipairs(list) do
    if py.truth(v) then yes = true else no = true end
  end
  return function(rec)
    if get(rec) then return yes end
    return no
  end
end

-- Relations --------------------------------------------------------------------------------------

-- All ids under (or above) the given ones along parent_id.
local function family(env, name, ids, up)
  local parent = env:model(name).fields.parent_id and "parent_id"
  local set, queue = {}, {}
  for _, id in ipairs(ids) do
    set[id] = true
    queue[#queue + 1] = id
  end
  while parent and #queue > 0 do
    local id = table.remove(queue)
    local near = {}
    if up then
      local row = env:row(name, id)
      near[1] = row and row[parent]
    else
      for other, row in env:table(name):each() do
        if row[parent] == id then near[#near + 1] = other end
      end
    end
    for _, other in ipairs(near) do
      if not set[other] then
        set[other] = true
        queue[#queue + 1] = other
      end
    end
  end
  return set
end

local LIKES <const> = { ["like"] = true, ["ilike"] = true, ["=like"] = true, ["=ilike"] = true }

-- The ids that a relational value stands for, and whether NULL does.
local function targets(env, name, operator, value)
  local query = require "sandbox.odoo.query"
  local set, null, ids = {}, false, {}
  local list = py.is_list(value) and value or { value }
  for _, v in ipairs(list) do
    local n = math.type(v) == "integer" and v or nil
    if type(v) == "string" then
      local by = LIKES[operator] and operator or (operator:find("_of$") and "ilike" or "=")
      for _, id in ipairs(query.names(env, env:model(name), v, by)) do ids[#ids + 1] = id end
    elseif n then
      ids[#ids + 1] = n
    elseif not py.truth(v) then
      null = true
    end
  end
  if operator == "child_of" or operator == "parent_of" then
    return family(env, name, ids, operator == "parent_of"), false
  end
  for _, id in ipairs(ids) do set[id] = true end
  return set, null
end

local function relation_test(env, model, f, operator, value)
  local name = f.name
  if operator == "any" then
    local domain = require "sandbox.odoo.domain"
    local sub = domain.compile(env, env:model(f.relation), value)
    return function(rec)
      local ids = env:value(model, rec, name)
      for _, id in ipairs(f.x2many and ids or { ids }) do
        local row = env:row(f.relation, id)
        if row and sub.test(row) then return true end
      end
      return false
    end
  end
  local compare = COMPARE[operator]
  if compare then
    local wanted = number_of(value)
    return function(rec)
      local v = env:value(model, rec, name)
      return wanted ~= nil and math.type(v) == "integer" and compare(v, wanted)
    end
  end
  local set, null = targets(env, f.relation, operator, value)
  if not f.x2many then
    return function(rec)
      local id = env:value(model, rec, name)
      if id == nil then return null end
      return set[id] == true
    end
  end
  return function(rec)
    local ids = env:value(model, rec, name)
    if #ids == 0 then return null end
    for _, id in ipairs(ids) do
      if set[id] then return true end
    end
    return false
  end
end

-- The whole leaf ---------------------------------------------------------------------------------

-- Operator and value in their one form: no synonyms, lists with "in", `=?` resolved.
local function normal(env, item)
  local operator, value = item[2]:lower(), item[3]
  local since = OPERATORS[operator]
  if not since or since > env.version then words.domain_operator(env, item) end
  if operator == "<>" then operator = "!=" elseif operator == "==" then operator = "=" end
  if operator == "=?" then
    if not py.truth(value) then return nil end
    operator = "="
  end
  if operator == "in" and not py.is_list(value) then operator = "=" end
  if operator == "not in" and not py.is_list(value) then operator = "!=" end
  return operator, value
end

local function getter(env, model, f)
  local name = f.name
  if f.real and not f.company and not (f.translate and env.lang) then
    return function(rec) return rec[name] end
  end
  return function(rec) return env:value(model, rec, name) end
end

-- A dotted path: some record behind the first field passes the rest. Answers are remembered.
local function path_test(env, model, f, rest, item)
  if not f.relation then words.domain_field(env, model, item[1], item) end
  local other = env:model(f.relation)
  local test, known = leaf.test(env, other, py.list { rest, item[2], item[3] }), {}
  local function passes(id)
    local answer = known[id]
    if answer == nil then
      local row = env:row(other.name, id)
      answer = row ~= nil and test(row)
      known[id] = answer
    end
    return answer
  end
  return function(rec)
    local v = env:value(model, rec, f.name)
    if not f.x2many then return v ~= nil and passes(v) end
    for _, id in ipairs(v) do
      if passes(id) then return true end
    end
    return false
  end
end

local function positive_test(env, model, f, operator, value)
  if f.name == "id" and operator:find("_of$") then
    local set = targets(env, model.name, operator, value)
    return function(rec) return set[rec.id] == true end
  end
  if f.relation then return relation_test(env, model, f, operator, value) end
  local get = getter(env, model, f)
  if LIKES[operator] then
    local match = like.matcher(operator, value)
    return function(rec)
      local v = get(rec)
      return match(v ~= nil and tostring(v) or nil)
    end
  end
  local kind = f.type
  if kind == "boolean" then return boolean_test(get, operator, value) end
  if kind == "datetime" then return datetime_test(env, get, operator, value) end
  if kind == "date" then return plain_test(get, operator, value, date_of) end
  if kind == "integer" or kind == "float" or kind == "monetary" or kind == "many2one_reference" then
    return plain_test(get, operator, value, number_of)
  end
  if env.version >= 19 then -- an empty text counts as empty
    local inner = get
    get = function(rec)
      local v = inner(rec)
      return v ~= "" and v or nil
    end
    return plain_test(get, operator, value, function(v)
      local s = text_of(v)
      return s ~= "" and s or nil
    end)
  end
  return plain_test(get, operator, value, text_of)
end

--- The test of one leaf.
---@param env sandbox.OdooEnv
---@param model table
---@param item any[]  field, operator, value
---@return fun(rec: table): boolean
function leaf.test(env, model, item)
  local first, rest = py.str(item[1]):match("^([^.]*)%.?(.*)$")
  local f = model.fields[first]
  if not f then words.domain_field(env, model, first, item) end
  local operator, value = normal(env, item)
  if not operator then return always end
  if rest ~= "" then return path_test(env, model, f, rest, item) end
  if RELATIONAL[operator] and not f.relation
    and not (f.name == "id" and operator:find("_of$")) then
    words.domain_operator(env, item)
  end
  if not f.searchable and not f.x2many then
    if env.version >= 19 then
      faults.value_error(("Cannot convert %s.%s to SQL because it is not stored")
        :format(model.name, f.name))
    end
    return always
  end
  local base = NEGATIVE[operator]
  if base then return negated(positive_test(env, model, f, base, value)) end
  return positive_test(env, model, f, operator, value)
end

--- The ids that can pass a leaf, ascending, when an index knows; else nil.
---@param env sandbox.OdooEnv
---@param model table
---@param item any[]
---@return integer[]?
function leaf.candidates(env, model, item)
  local f = model.fields[item[1]]
  if not f or (item[2] ~= "=" and item[2] ~= "in") then return nil end
  if f.name ~= "id" and not model.index[f.name] then return nil end
  if f.translate and env.lang then return nil end
  local list = py.is_list(item[3]) and item[3] or { item[3] }
  local t, seen, ids = env:table(model.name), {}, {}
  local wants = (f.type == "integer" or f.relation or f.type == "many2one_reference") and "number"
    or "string"
  for _, v in ipairs(list) do
    if type(v) ~= wants or v == "" and env.version >= 19 then return nil end
    if f.name == "id" then
      if t.rows[v] and not seen[v] then seen[v] = true ids[#ids + 1] = v end
    else
      for _, id in ipairs(t:where(f.name, v)) do
        if not seen[id] then seen[id] = true ids[#ids + 1] = id end
      end
    end
  end
  table.sort(ids)
  return ids
end

return leaf
