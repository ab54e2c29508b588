--- Cells of `load`: text into values, with the messages that Odoo gives for a bad one.
--
-- A cell that cannot be read raises a problem (a plain table, see `problem`), which load.lua turns
-- into a message; the record then goes on without that field, as in Odoo.

local convert = require "sandbox.odoo.convert"
local faults = require "sandbox.odoo.faults"
local instant = require "sandbox.odoo.instant"
local json = require "navodoo.json"
local py = require "sandbox.odoo.py"
local query = require "sandbox.odoo.query"
local text = require "navodoo.text"
local xmlids = require "sandbox.odoo.xmlids"

local cells = {}

local Problem = {}

--- Raises a problem of one cell. `%f` in the text stands for the label of the field. With a value
--- that is taken instead it is a warning only.
local function problem(message, more, instead)
  error(setmetatable({ message = message, more = more, instead = instead }, Problem), 0)
end

---@param err any
---@return boolean
function cells.is_problem(err) return getmetatable(err) == Problem end

-- str methods on a cell that is no text.
local function lowered(v)
  if type(v) ~= "string" then
    faults.raise("builtins.AttributeError",
      ("'%s' object has no attribute 'lower'"):format(py.type_name(v)))
  end
  return text.lower(v)
end

local TRUE <const> = { ["1"] = true, ["true"] = true, ["yes"] = true }
local FALSE <const> = { [""] = true, ["0"] = true, ["false"] = true, ["no"] = true }

-- 14 takes a word that it does not know for yes, and warns.
local function boolean(env, _, v)
  local word = lowered(v)
  if FALSE[word] then return false end
  if not TRUE[word] then
    local assumes = env.version < 17
    problem(("Unknown value '%s' for boolean field '%%f'%s"):format(v, assumes and ", assuming 'yes'" or ""),
      { moreinfo = "Use '1' for yes and '0' for no" }, assumes or nil)
  end
  return true
end

local function integer(_, _, v)
  if type(v) == "string" and not v:find("^%s*[+-]?%d+%s*$") then
    problem(("'%s' does not seem to be an integer for field '%%f'"):format(v))
  end
  return v
end

local function number(_, _, v)
  if type(v) == "string" and not tonumber(v) then
    problem(("'%s' does not seem to be a number for field '%%f'"):format(v))
  end
  return v
end

local function as_is(_, _, v) return v end

-- A reader that turns the ValueError of the field type into Odoo's words for imports.
local function dated(read, kind, example)
  return function(_, _, v)
    local ok, err = pcall(read, v)
    if ok then return v end
    if not faults.is(err) then error(err, 0) end
    problem(("'%s' does not seem to be a valid %s for field '%%f'"):format(py.str(v), kind),
      { moreinfo = ("Use the format '%s'"):format(example) })
  end
end

local function selection(env, f, v)
  local word, labels = lowered(v), py.list()
  if convert.selectable(env, f, v) then return v end
  for _, pair in ipairs(convert.selection(env, f)) do
    if word == text.lower(pair[1]) or word == text.lower(pair[2]) then return pair[1] end
    labels[#labels + 1] = pair[2]
  end
  problem(("Value '%s' not found in selection field '%%f'"):format(v), { moreinfo = labels })
end

local READERS <const> = {
  boolean = boolean, integer = integer, float = number, monetary = number, char = as_is,
  text = as_is, html = as_is, many2one_reference = integer, selection = selection,
  date = dated(instant.date, "date", "2012-12-31"),
  datetime = dated(instant.datetime, "datetime", "2012-12-31 23:59:59"),
}

-- References -------------------------------------------------------------------------------------

-- The window that Odoo offers with an unknown reference.
local function possible_values(env, f, kind)
  local action = {
    name = "Possible Values", type = "ir.actions.act_window", target = "new",
    view_mode = env.version >= 18 and "list,form" or "tree,form",
    views = json.array { json.array { false, "list" }, json.array { false, "form" } },
    context = { create = false }, help = "See all possible values",
    res_model = kind and "ir.model.data" or f.relation,
  }
  if kind then
    action.domain = json.array { json.array { "model", "=", f.relation } }
  end
  return { moreinfo = action }
end

local function not_found(env, f, kind, what, v)
  problem(("No matching record found for %s '%s' in field '%%f'"):format(what, v),
    possible_values(env, f, kind))
end

local function by_database_id(env, f, v)
  if FALSE[lowered(v)] then return false end
  local id = math.tointeger(tonumber(v:match("^%s*[+-]?%d+%s*$")))
  if not id then
    problem(("Invalid database id '%s' for the field '%%f'"):format(v),
      possible_values(env, f, ".id"))
  end
  local found = query.search(env, env:model(f.relation), py.list { py.list { "id", "=", id } })
  return found[1] or not_found(env, f, ".id", "database id", v)
end

local function by_external_id(env, f, v, flush)
  if FALSE[lowered(v)] then return false end
  local xmlid = v:find(".", 1, true) and v or "__import__." .. v
  flush(xmlid)
  local row = xmlids.find(env, xmlid)
  if not row then not_found(env, f, "id", "external id", v) end
  if row.model ~= f.relation then
    problem(("Invalid external ID %s: expected model '%s', found '%s'")
      :format(xmlid, f.relation, row.model))
  end
  return env:row(f.relation, row.res_id) and row.res_id
    or not_found(env, f, "id", "external id", v)
end

local function by_name(env, f, v, flush, warn)
  if v == "" then return false end
  flush(nil, f.relation)
  local found = query.names(env, env:model(f.relation), py.str(v), "=", nil, 100)
  if #found > 1 then
    warn(("Found multiple matches for value '%s' in field '%%f' (%d matches)"):format(v, #found))
  end
  return found[1] or not_found(env, f, nil, "name", v)
end

--- Which of name, "id" and ".id" a sub-record is referred to by.
---@param record table  keys "", "id", ".id"
---@return string
function cells.reference_kind(record)
  local kinds = {}
  for key in pairs(record) do
    if key ~= "" and key ~= "id" and key ~= ".id" then
      problem("Can not create Many-To-One records indirectly, import the field separately")
    end
    kinds[#kinds + 1] = key
  end
  if #kinds > 1 then
    problem("Ambiguous specification for field '%f', only provide one of name, external id or "
      .. "database id")
  end
  return kinds[1]
end

--- The id of the record that a cell refers to, false for none.
---@param env sandbox.OdooEnv
---@param f sandbox.Field
---@param kind string   "" by name, "id", ".id"
---@param v any
---@param flush fun(xmlid: string?, model: string?)  writes earlier rows that the cell may mean
---@param warn fun(message: string)
---@return integer|false
function cells.reference(env, f, kind, v, flush, warn)
  if kind == ".id" then return by_database_id(env, f, v) end
  if kind == "id" then return by_external_id(env, f, v, flush) end
  return by_name(env, f, v, flush, warn)
end

--- The value of a plain cell, in the form that create and write take.
---@param env sandbox.OdooEnv
---@param f sandbox.Field
---@param v any
---@return any
function cells.value(env, f, v)
  return READERS[f.type](env, f, v)
end

return cells
