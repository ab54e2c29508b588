--- Search domains: prefix notation into a tree, the tree into a test of one row.
--
-- `domain.compile` gives a predicate and, where an indexed field is asked for equality, the few ids
-- that can match. What a leaf means per field type is leaf.lua's.

local leaf = require "sandbox.odoo.leaf"
local py = require "sandbox.odoo.py"
local words = require "sandbox.odoo.words"

local domain = {}

local ARITY <const> = { ["&"] = 2, ["|"] = 2, ["!"] = 1 }

local function is_leaf(item)
  return py.is_list(item) and #item == 3 and (type(item[1]) == "string"
    or math.type(item[1]) == "integer") and type(item[2]) == "string"
end

-- Splits the flat list into terms, each a tree; several terms on one level mean "and".
local function parse(env, list)
  local at = 1
  local function term()
    local item = list[at]
    if item == nil then words.domain_operands(env, list) end
    at = at + 1
    if type(item) == "string" and ARITY[item] then
      local node = { op = item, term() }
      if ARITY[item] == 2 then node[2] = term() end
      return node
    end
    if not is_leaf(item) then words.domain_item(env, item) end
    return { leaf = item }
  end
  local terms = {}
  while at <= #list do terms[#terms + 1] = term() end
  return terms
end

local function test_of(env, model, node)
  if node.leaf then
    if node.leaf[1] == 1 or node.leaf[1] == 0 then
      local holds = node.leaf[1] == 1
      return function() return holds end
    end
    return leaf.test(env, model, node.leaf)
  end
  local a = test_of(env, model, node[1])
  if node.op == "!" then
    return function(rec) return not a(rec) end
  end
  local b = test_of(env, model, node[2])
  if node.op == "&" then
    return function(rec) return a(rec) and b(rec) end
  end
  return function(rec) return a(rec) or b(rec) end
end

-- The ids an index leaves for a term; an "or" needs an answer from both of its sides.
local function candidates(env, model, node)
  if node.leaf then return leaf.candidates(env, model, node.leaf) end
  if node.op ~= "|" then return nil end
  local a = candidates(env, model, node[1])
  local b = a and candidates(env, model, node[2])
  if not b then return nil end
  local seen, ids = {}, {}
  for _, list in ipairs { a, b } do
    for _, id in ipairs(list) do
      if not seen[id] then
        seen[id] = true
        ids[#ids + 1] = id
      end
    end
  end
  table.sort(ids)
  return ids
end

-- The terms that must all hold, nested "and" taken apart.
local function flatten(terms, out)
  for _, node in ipairs(terms) do
    if node.op == "&" then flatten(node, out) else out[#out + 1] = node end
  end
  return out
end

local function mentions(terms, name)
  for _, node in ipairs(terms) do
    if node.leaf and node.leaf[1] == name then return true end
    if node.op and mentions(node, name) then return true end
  end
  return false
end

---@class sandbox.OdooSearch
---@field test fun(rec: table): boolean
---@field ids integer[]?      ascending: only these can match
---@field active boolean      the domain itself speaks of `active`

--- Compiles a domain for one model. Raises what Odoo raises for a bad one.
---@param env sandbox.OdooEnv
---@param model table
---@param list any  the domain as it came
---@return sandbox.OdooSearch
function domain.compile(env, model, list)
  if py.is_none(list) or list == false then list = {} end
  if type(list) ~= "table" or (py.is_dict(list) and next(list) ~= nil) then
    words.domain_shape(env, list)
  end
  local terms = flatten(parse(env, list), {})
  local tests, ids = {}, nil
  for i, node in ipairs(terms) do
    tests[i] = test_of(env, model, node)
    local found = candidates(env, model, node)
    if found and (not ids or #found < #ids) then ids = found end
  end
  local n = #tests
  local function test(rec)
    for i = 1, n do
      if not tests[i](rec) then return false end
    end
    return true
  end
  return { test = n == 1 and tests[1] or test, ids = ids, active = mentions(terms, "active") }
end

--- Two domains that must both hold: terms side by side mean "and".
---@param a any[]
---@param b any[]
---@return any[]
function domain.both(a, b)
  local list = py.list()
  for _, item in ipairs(a) do list[#list + 1] = item end
  for _, item in ipairs(b) do list[#list + 1] = item end
  return list
end

return domain
