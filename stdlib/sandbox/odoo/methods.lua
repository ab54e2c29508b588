--- The methods of every model that may be called from outside, by version.
--
-- Each row: its parameters as Python names them (a default makes one optional), whether it works on
-- the model or on records, which versions have it, and the function. Results are in wire form; a
-- function that returns nothing returned None.

local convert = require "sandbox.odoo.convert"
local describe = require "sandbox.odoo.describe"
local faults = require "sandbox.odoo.faults"
local json = require "navodoo.json"
local load = require "sandbox.odoo.load"
local orm = require "sandbox.odoo.orm"
local py = require "sandbox.odoo.py"
local query = require "sandbox.odoo.query"
local security = require "sandbox.odoo.security"
local words = require "sandbox.odoo.words"
local xmlids = require "sandbox.odoo.xmlids"

local None <const> = py.null

-- Reading ----------------------------------------------------------------------------------------

-- The fields to read, in order, `id` first. Unknown names raise.
local function chosen(env, model, names)
  if not py.truth(names) then return model.list end
  local list, seen = { model.fields.id }, { id = true }
  for _, name in ipairs(faults.iterable(names)) do
    local f = model.fields[name]
    if not f then words.unknown_in_read(env, model, py.str(name)) end
    if not seen[name] then
      seen[name] = true
      list[#list + 1] = f
    end
  end
  return list
end

local function read_rows(env, model, ids, names, load_mode)
  security.check(env, model, "read")
  local fields = chosen(env, model, names)
  local bare = load_mode ~= nil and load_mode ~= "_classic_read"
  local keys, rows = {}, {}
  for i, f in ipairs(fields) do keys[i] = f.name end
  for _, id in ipairs(ids) do
    local rec = env:row(model.name, id)
    if rec then
      security.check_row(env, model, "read", rec)
      local row = {}
      for _, f in ipairs(fields) do row[f.name] = convert.to_wire(env, model, rec, f, bare) end
      rows[#rows + 1] = json.object(keys, row)
    end
  end
  return json.array(rows)
end

local function read(env, model, ids, p)
  return read_rows(env, model, ids, p.fields, p.load)
end

local function search_ids(env, model, p, list)
  security.check(env, model, "read")
  return query.search(env, model, list, { offset = p.offset, limit = p.limit, order = p.order })
end

local function search(env, model, _, p)
  local list = p.domain or p.args
  if py.truth(p.count) then return query.count(env, model, list) end
  return json.array(search_ids(env, model, p, list))
end

local function search_count(env, model, _, p)
  security.check(env, model, "read")
  return query.count(env, model, p.domain or p.args, p.limit)
end

local function search_read(env, model, _, p)
  local ids = search_ids(env, model, p, p.domain)
  return read_rows(env, model, ids, p.fields, p.load)
end

local function name_pairs(env, model, ids)
  local list = {}
  for i, id in ipairs(ids) do
    list[i] = json.array { id, env:show(model.name, env:row(model.name, id)) }
  end
  return json.array(list)
end

local function name_search(env, model, _, p)
  security.check(env, model, "read")
  local extra = p.domain or p.args
  local limit = py.truth(p.limit) and py.number(p.limit) or nil
  return name_pairs(env, model, query.names(env, model, py.str(p.name), py.str(p.operator),
    py.truth(extra) and extra or nil, limit))
end

local function existing(env, model, ids)
  local list = {}
  for _, id in ipairs(ids) do
    if env:row(model.name, id) then list[#list + 1] = id end
  end
  return list
end

local function must_exist(env, model, ids)
  for _, id in ipairs(ids) do
    if not env:row(model.name, id) then words.gone(env, model.name, { id }) end
  end
end

local function name_get(env, model, ids)
  security.check(env, model, "read")
  must_exist(env, model, ids)
  return name_pairs(env, model, ids)
end

-- Writing ----------------------------------------------------------------------------------------

local function create(env, model, _, p)
  local ids = {}
  if not py.is_list(p.vals_list) then
    local id = orm.create(env, model, p.vals_list)
    return env.door == "json2" and json.array { id } or id
  end
  for i, vals in ipairs(p.vals_list) do ids[i] = orm.create(env, model, vals) end
  return json.array(ids)
end

local function write(env, model, ids, p)
  orm.write(env, model, ids, p.vals)
  return true
end

local function unlink(env, model, ids)
  orm.unlink(env, model, ids)
  return true
end

local function set_active(value)
  return function(env, model, ids)
    if model.has_active then orm.write(env, model, ids, { active = value }) end
  end
end

local function name_create(env, model, _, p)
  local id = orm.create(env, model, { [model.rec_name] = p.name })
  return name_pairs(env, model, { id })[1]
end

-- The values of a record that a copy starts from.
local function copied(env, model, rec, default)
  local vals = {}
  for _, f in ipairs(model.list) do
    if f.real and not f.readonly then
      local v = env:value(model, rec, f.name)
      if f.type == "datetime" then v = convert.to_wire(env, model, rec, f) end
      vals[f.name] = v
    elseif f.type == "many2many" and not f.mirror then
      vals[f.name] = py.list { py.list { 6, 0, py.list(env:value(model, rec, f.name)) } }
    end
  end
  if vals.name then vals.name = vals.name .. " (copy)" end
  for k, v in pairs(py.is_dict(default) and default or {}) do vals[k] = v end
  return vals
end

local function copy(env, model, ids, p)
  must_exist(env, model, ids)
  local made = {}
  for i, id in ipairs(ids) do
    made[i] = orm.create(env, model, copied(env, model, env:row(model.name, id), p.default))
  end
  return env.version >= 18 and json.array(made) or made[1]
end

-- About models and rights ------------------------------------------------------------------------

local function operation_of(p)
  local operation = py.str(p.operation)
  if operation ~= "read" and operation ~= "write" and operation ~= "create"
    and operation ~= "unlink" then
    faults.raise("builtins.AssertionError", "Invalid access mode")
  end
  return operation
end

local function check_access_rights(env, model, _, p)
  local operation = operation_of(p)
  if py.truth(p.raise_exception) then security.check(env, model, operation) end
  return security.allows(env, model, operation)
end

local function has_access(env, model, ids, p)
  local operation = operation_of(p)
  if not security.allows(env, model, operation) then return false end
  for _, id in ipairs(ids) do
    local rec = env:row(model.name, id)
    if rec and not env:visible(model, rec) then return false end
  end
  return true
end

local function check_access(env, model, ids, p)
  local operation = operation_of(p)
  security.check(env, model, operation)
  must_exist(env, model, ids)
  for _, id in ipairs(ids) do
    security.check_row(env, model, operation, env:row(model.name, id))
  end
end

-- Parameters and users ---------------------------------------------------------------------------

local function get_param(env, model, _, p)
  security.check(env, model, "read")
  local id = env:ids_where(model.name, "key", p.key)[1]
  return id and env:row(model.name, id).value or p.default
end

local function set_param(env, model, _, p)
  local id = env:ids_where(model.name, "key", p.key)[1]
  if not id then
    orm.create(env, model, { key = p.key, value = p.value })
    return false
  end
  local old = env:row(model.name, id).value
  orm.write(env, model, { id }, { value = p.value })
  return old
end

local function context_get(env)
  local user = env:model("res.users")
  local rec = env:row("res.users", env.uid)
  local out = { lang = env:value(user, rec, "lang") or "en_US",
    tz = env:value(user, rec, "tz") or "UTC" }
  if env.version >= 17 then out.uid = env.uid end
  return json.object({ "lang", "tz", "uid" }, out)
end

local function has_group(env) return env.uid == env.state.config.uid end

-- The table --------------------------------------------------------------------------------------

local MODEL <const>, RECORDS <const> = true, false

-- name, on the model?, parameters, function, and: from, to, only (one model), rest (takes any more
-- keyword), owner (the class that Python names in a TypeError)
local METHODS <const> = {
  { "read", RECORDS, { { "fields", None }, { "load", "_classic_read" } }, read },
  { "search", MODEL, { { "args" }, { "offset", 0 }, { "limit", None }, { "order", None },
    { "count", false } }, search, to = 14 },
  { "search", MODEL, { { "domain" }, { "offset", 0 }, { "limit", None }, { "order", None } },
    search, from = 17 },
  { "search_count", MODEL, { { "args" } }, search_count, to = 14 },
  { "search_count", MODEL, { { "domain" }, { "limit", None } }, search_count, from = 17 },
  { "search_read", MODEL, { { "domain", None }, { "fields", None }, { "offset", 0 },
    { "limit", None }, { "order", None } }, search_read, to = 14 },
  { "search_read", MODEL, { { "domain", None }, { "fields", None }, { "offset", 0 },
    { "limit", None }, { "order", None } }, search_read, from = 17, rest = { load = true } },
  { "name_search", MODEL, { { "name", "" }, { "args", None }, { "operator", "ilike" },
    { "limit", 100 } }, name_search, to = 18 },
  { "name_search", MODEL, { { "name", "" }, { "domain", None }, { "operator", "ilike" },
    { "limit", 100 } }, name_search, from = 19 },
  { "name_get", RECORDS, {}, name_get, to = 17 },
  { "name_create", MODEL, { { "name" } }, name_create },
  { "create", MODEL, { { "vals_list" } }, create, owner = "ResPartner" },
  { "write", RECORDS, { { "vals" } }, write, owner = "ResPartner" },
  { "unlink", RECORDS, {}, unlink },
  { "copy", RECORDS, { { "default", None } }, copy },
  { "exists", RECORDS, {}, function(env, model, ids) return json.array(existing(env, model, ids)) end,
    to = 18 },
  { "action_archive", RECORDS, {}, set_active(false) },
  { "action_unarchive", RECORDS, {}, set_active(true) },
  { "load", MODEL, { { "fields" }, { "data" } }, load.run },
  { "fields_get", MODEL, { { "allfields", None }, { "attributes", None } }, describe.fields_get },
  { "default_get", MODEL, { { "fields_list" } }, describe.default_get, to = 18 },
  { "default_get", MODEL, { { "fields" } }, describe.default_get, from = 19 },
  { "check_access_rights", MODEL, { { "operation" }, { "raise_exception", true } },
    check_access_rights },
  { "has_access", RECORDS, { { "operation" } }, has_access, from = 18 },
  { "check_access", RECORDS, { { "operation" } }, check_access, from = 18 },
  { "check_access_rule", RECORDS, { { "operation" } }, check_access, to = 17 },
  { "get_external_id", RECORDS, {}, xmlids.get_external_id },
  { "get_metadata", RECORDS, {}, xmlids.get_metadata },
  { "check_object_reference", MODEL, { { "module" }, { "xml_id" },
    { "raise_on_access_error", false } }, xmlids.check_object_reference,
    only = "ir.model.data" },
  { "xmlid_to_res_id", MODEL, { { "xmlid" }, { "raise_if_not_found", false } },
    xmlids.to_res_id, only = "ir.model.data", to = 14 },
  { "xmlid_to_res_model_res_id", MODEL, { { "xmlid" }, { "raise_if_not_found", false } },
    xmlids.to_model_and_id, only = "ir.model.data", to = 14 },
  { "get_object_reference", MODEL, { { "module" }, { "xml_id" } },
    xmlids.get_object_reference, only = "ir.model.data", to = 14 },
  { "get_param", MODEL, { { "key" }, { "default", false } }, get_param,
    only = "ir.config_parameter" },
  { "set_param", MODEL, { { "key" }, { "value" } }, set_param, only = "ir.config_parameter" },
  { "context_get", MODEL, {}, context_get, only = "res.users" },
  { "has_group", MODEL, { { "group_ext_id" } }, has_group, only = "res.users" },
}

---@class sandbox.OdooMethod
---@field name string
---@field on_model boolean
---@field params any[][]
---@field run fun(env, model, ids: integer[], p: table): any
---@field rest table?
---@field owner string

local methods = {}

--- The method of that name on that model, or nil.
---@param version integer
---@param model string
---@param name string
---@return sandbox.OdooMethod?
function methods.find(version, model, name)
  for _, row in ipairs(METHODS) do
    if row[1] == name and version >= (row.from or 0) and version <= (row.to or 99)
      and (not row.only or row.only == model) then
      local owner = model == "res.partner" and row.owner or "BaseModel"
      return { name = name, on_model = row[2], params = row[3], run = row[4], rest = row.rest,
        owner = owner }
    end
  end
  return nil
end

return methods
