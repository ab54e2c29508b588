--- Searching: domain, hidden records, order, page; and finding records by name.

local domain = require "sandbox.odoo.domain"
local faults = require "sandbox.odoo.faults"
local py = require "sandbox.odoo.py"
local words = require "sandbox.odoo.words"

local query = {}

-- Order ------------------------------------------------------------------------------------------

-- "write_date desc, id" as { { field=, desc= } }. Unknown names and bad shapes raise.
local function terms_of(env, model, order)
  local terms = {}
  for part in (order .. ","):gmatch("([^,]*),") do
    local name, way = part:match('^%s*"?([%w_]+)"?%s*(.-)%s*$')
    if not name then words.bad_order(env) end
    way = way:lower():gsub("%s+nulls%s+%a+$", "")
    if way ~= "" and way ~= "asc" and way ~= "desc" then words.bad_order(env) end
    local f = model.fields[name]
    if not f then words.unknown_in_order(env, model, name) end
    terms[#terms + 1] = { field = f, desc = way == "desc" }
  end
  return terms
end

-- What a row sorts by: NULL is nil, booleans 0 and 1, a many2one its own order's first field.
local function sort_key(env, model, f, rec)
  local v = env:value(model, rec, f.name)
  if f.type == "boolean" then return v and 1 or 0 end
  if f.type == "many2one" then
    local row = env:row(f.relation, v)
    if not row then return nil end
    local other = env:model(f.relation)
    local first = other.order:match("^([%w_]+)")
    local g = other.fields[first]
    if g and g.type ~= "many2one" and g.type ~= "boolean" then
      return env:value(other, row, first)
    end
    return env:show(f.relation, row)
  end
  return v
end

local function comparator(terms, keys)
  return function(a, b)
    for i = 1, #terms do
      local x, y = keys[i][a], keys[i][b]
      if x ~= y then
        if x == nil then return terms[i].desc end      -- NULLs last, first when descending
        if y == nil then return not terms[i].desc end
        if terms[i].desc then return x > y end
        return x < y
      end
    end
    return a < b
  end
end

--- Sorts ids by an order clause, in place; ties go by id.
---@param env sandbox.OdooEnv
---@param model table
---@param ids integer[]  ascending
---@param order string?  the model's own when nil
---@return integer[]
function query.ordered(env, model, ids, order)
  local terms = terms_of(env, model, order or model.order)
  if terms[1].field.name == "id" then
    if terms[1].desc then
      for i = 1, #ids // 2 do ids[i], ids[#ids + 1 - i] = ids[#ids + 1 - i], ids[i] end
    end
    return ids
  end
  if #ids < 2 then return ids end
  local rows, keys = env:table(model.name).rows, {}
  for i, term in ipairs(terms) do
    local column, f = {}, term.field
    for _, id in ipairs(ids) do column[id] = sort_key(env, model, f, rows[id]) end
    keys[i] = column
  end
  table.sort(ids, comparator(terms, keys))
  return ids
end

-- Search -----------------------------------------------------------------------------------------

-- A limit or an offset; nil when there is none.
local function whole(v)
  if not py.truth(v) then return nil end
  local n = v == true and 1 or math.tointeger(py.number(v) or type(v) == "string" and tonumber(v) or nil)
  if not n then
    faults.raise("psycopg2.errors.InvalidTextRepresentation",
      ('invalid input syntax for type bigint: "%s"\n'):format(py.str(v)))
  end
  return n
end

-- Ascending ids that match and may be seen.
local function matching(env, model, list)
  local search = domain.compile(env, model, list)
  local t, ids = env:table(model.name), {}
  local only_active = model.has_active and not search.active
    and (env.context.active_test == nil or py.truth(env.context.active_test))
  local ruled = model.fields.company_id ~= nil
  local function consider(id, row)
    if (not only_active or row.active) and search.test(row)
      and (not ruled or env:visible(model, row)) then
      ids[#ids + 1] = id
    end
  end
  if search.ids then
    for _, id in ipairs(search.ids) do consider(id, t.rows[id]) end
  else
    for id, row in t:each() do consider(id, row) end
  end
  return ids
end

--- Ids that match a domain, in order, one page of them.
---@param env sandbox.OdooEnv
---@param model table
---@param list any  domain
---@param page { offset: any, limit: any, order: any }?
---@return integer[]
function query.search(env, model, list, page)
  page = page or {}
  local ids = matching(env, model, list)
  local order = py.truth(page.order) and py.str(page.order) or nil
  ids = query.ordered(env, model, ids, order)
  local offset, limit = whole(page.offset) or 0, whole(page.limit)
  if offset == 0 and not limit then return ids end
  local out = {}
  for i = offset + 1, math.min(#ids, limit and offset + limit or #ids) do out[#out + 1] = ids[i] end
  return out
end

--- How many match.
function query.count(env, model, list, limit)
  local n = #matching(env, model, list)
  limit = whole(limit)
  return limit and math.min(n, limit) or n
end

--- The ids of an x2many field as read: in the other model's order, archived ones left out unless
--- the context asks for them.
---@param env sandbox.OdooEnv
---@param name string
---@param ids integer[]
---@return integer[]
function query.members(env, name, ids)
  local model, kept = env:model(name), {}
  local all = not model.has_active
    or env.context.active_test ~= nil and not py.truth(env.context.active_test)
  for _, id in ipairs(ids) do
    local row = env:row(name, id)
    if row and (all or row.active) then kept[#kept + 1] = id end
  end
  table.sort(kept)
  return query.ordered(env, model, kept)
end

-- By name ----------------------------------------------------------------------------------------

-- Fields that a name is looked for in.
local NAME_FIELDS <const> = {
  ["res.partner"] = { "display_name", "complete_name", "email", "ref", "vat", "company_registry" },
  ["res.users"] = { "login", "name" },
  ["account.account"] = { "name", "code" },
}

local function name_domain(model, name, operator)
  local leaves = {}
  for _, field in ipairs(NAME_FIELDS[model.name] or { model.rec_name }) do
    local f = model.fields[field]
    if f and (f.real or f.through) then leaves[#leaves + 1] = py.list { field, operator, name } end
  end
  local list = {}
  for _ = 2, #leaves do list[#list + 1] = "|" end
  for _, l in ipairs(leaves) do list[#list + 1] = l end
  return list
end

--- Ids of records with this name, as name_search finds them.
---@param env sandbox.OdooEnv
---@param model table
---@param name string
---@param operator string
---@param extra any?    a domain besides
---@param limit integer?
---@return integer[]
function query.names(env, model, name, operator, extra, limit)
  local list = py.list(extra and { table.unpack(faults.iterable(extra)) } or {})
  if name == "" and (operator == "ilike" or operator == "like") then
    return query.search(env, model, list, { limit = limit })
  end
  local by_code = model.behaviour.search_names and model.behaviour.search_names(env, name)
  local names = by_code and #by_code > 0 and { py.list { "id", "in", py.list(by_code) } }
    or name_domain(model, name, operator)
  list = domain.both(list, names)
  return query.search(env, model, list, { limit = limit })
end

return query
