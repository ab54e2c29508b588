--- Records come, change and go: create, write, unlink, with Odoo's defaults, checks, commands and
--- consequences.
--
-- Values arrive in wire form, are converted once per call, and are checked the way the database and
-- the model would: not-null, check, unique, foreign key, company rule. A fault leaves the undoing
-- to the caller, who holds the log.

local convert = require "sandbox.odoo.convert"
local faults = require "sandbox.odoo.faults"
local py = require "sandbox.odoo.py"
local security = require "sandbox.odoo.security"
local words = require "sandbox.odoo.words"

local orm = {}

local MAGIC <const> = {
  id = true, create_uid = true, create_date = true, write_uid = true, write_date = true,
  __last_update = true, display_name = true,
}

---@class sandbox.OdooValues
---@field changes table    stored form by key, false is NULL
---@field given table      names of the fields that were given
---@field commands table[] x2many: { field, value }
---@field through table    values of fields that live on another record

local function check_names(env, model, vals, creating)
  local unknown = {}
  for name in pairs(vals) do
    if not model.fields[name] then unknown[#unknown + 1] = name end
  end
  if #unknown == 0 then return end
  table.sort(unknown)
  words.unknown_in_values(env, model, unknown[1], creating)
end

-- Converts a dict of values, field by field in the model's order.
local function converted(env, model, vals, creating)
  if not py.is_dict(vals) then
    faults.raise("builtins.AttributeError",
      ("'%s' object has no attribute 'items'"):format(py.type_name(vals)))
  end
  check_names(env, model, vals, creating)
  local out = { changes = {}, given = {}, commands = {}, through = {} }
  local setters = {}
  for _, f in ipairs(model.list) do
    local v = vals[f.name]
    if v ~= nil and not MAGIC[f.name] then
      out.given[f.name] = true
      if f.x2many then
        out.commands[#out.commands + 1] = { f, v }
      elseif f.set then
        setters[#setters + 1] = { f, convert.to_stored(env, model, f, v) }
      elseif f.through then
        out.through[f.name] = v
      elseif not f.get then
        local stored = convert.to_stored(env, model, f, v)
        if stored == nil then stored = false end
        out.changes[creating and f.name or convert.key(env, f)] = stored
        if creating and f.company then
          out.changes[f.name] = nil
          out.changes[convert.key(env, f)] = stored
        end
      end
    end
  end
  for _, s in ipairs(setters) do s[1].set(env, out.changes, s[2]) end
  return out
end

-- Checks -----------------------------------------------------------------------------------------

local function unique_holds(env, model, rec, names)
  local t = env:table(model.name)
  local lead
  for _, name in ipairs(names) do
    if rec[name] == nil then return true end
    if model.index[name] and not lead then lead = name end
  end
  for _, id in ipairs(t:where(lead, rec[lead])) do
    local other, same = t.rows[id], id ~= rec.id
    for _, name in ipairs(names) do same = same and other[name] == rec[name] end
    if same then return false end
  end
  return true
end

local function check_row(env, model, rec, touched)
  for _, check in ipairs(model.checks) do
    local ok
    if check.unique then
      ok = true
      for _, name in ipairs(check.unique) do
        if touched[name] then ok = unique_holds(env, model, rec, check.unique) break end
      end
    else
      ok = check.holds(rec)
    end
    if not ok then words.constraint(env, check) end
  end
  local text = model.behaviour.unique_text
  if text and (touched.name or touched.module)
    and not unique_holds(env, model, rec, { "name", "module" }) then
    words.duplicate_key(env, text:format(rec.module, rec.name))
  end
end

local function check_required(env, model, rec, only)
  for _, f in ipairs(model.required) do
    if rec[f.name] == nil and (not only or only[f.name]) then
      words.missing_required(env, model, f)
    end
  end
end

-- Commands of x2many fields ------------------------------------------------------------------------

local function commands_of(model, f, value)
  if py.is_none(value) or value == false then return { { 5 } } end
  if not py.is_list(value) then
    faults.value_error(("Wrong value for %s.%s: %s"):format(model.name, f.name, py.str(value)))
  end
  if #value > 0 and not py.is_list(value[1]) then return { { 6, 0, value } } end
  return value
end

local function member(list, id)
  for at, x in ipairs(list) do
    if x == id then return at end
  end
end

local function set_members(env, model, f, id, ids)
  table.sort(ids)
  env:store_values(model.name, id, { [f.name] = ids })
end

-- Adds or removes `other` in the list that holds the relation: ours, or that of the mirror side.
local function link(env, model, f, id, other, present)
  if f.mirror then
    local far = env:model(f.relation)
    return link(env, far, far.fields[f.mirror], other, id, present)
  end
  if present and not env:row(f.relation, other) then words.no_such_member(env, f) end
  local ids = { table.unpack(env:row(model.name, id)[f.name] or {}) }
  local at = member(ids, other)
  if present and not at then
    ids[#ids + 1] = other
  elseif not present and at then
    table.remove(ids, at)
  else
    return
  end
  set_members(env, model, f, id, ids)
end

local function many2many(env, model, f, id, command)
  local far = env:model(f.relation)
  local kind, target = command[1], command[2]
  local function replace(wanted)
    for _, other in ipairs(env:value(model, env:row(model.name, id), f.name)) do
      if not member(wanted, other) then link(env, model, f, id, other, false) end
    end
    for _, other in ipairs(wanted) do link(env, model, f, id, other, true) end
  end
  if kind == 0 then
    link(env, model, f, id, orm.create(env, far, command[3] or {}), true)
  elseif kind == 1 then
    orm.write(env, far, { target }, command[3] or {})
  elseif kind == 2 then
    orm.unlink(env, far, { target })
  elseif kind == 3 then
    link(env, model, f, id, target, false)
  elseif kind == 4 then
    link(env, model, f, id, target, true)
  elseif kind == 5 then
    replace({})
  elseif kind == 6 then
    replace(command[3] or {})
  end
end

local function release(env, far, f, other)
  if far.fields[f.inverse].required then
    orm.unlink(env, far, { other })
  else
    orm.write(env, far, { other }, { [f.inverse] = false })
  end
end

local function one2many(env, model, f, id, command)
  local far = env:model(f.relation)
  local kind, target = command[1], command[2]
  local function replace(wanted)
    for _, other in ipairs(env:value(model, env:row(model.name, id), f.name)) do
      if not member(wanted, other) then release(env, far, f, other) end
    end
    for _, other in ipairs(wanted) do orm.write(env, far, { other }, { [f.inverse] = id }) end
  end
  if kind == 0 then
    local vals = {}
    for k, v in pairs(command[3] or {}) do vals[k] = v end
    vals[f.inverse] = id
    orm.create(env, far, vals)
  elseif kind == 1 then
    orm.write(env, far, { target }, command[3] or {})
  elseif kind == 2 then
    orm.unlink(env, far, { target })
  elseif kind == 3 then
    release(env, far, f, target)
  elseif kind == 4 then
    orm.write(env, far, { target }, { [f.inverse] = id })
  elseif kind == 5 then
    replace({})
  elseif kind == 6 then
    replace(command[3] or {})
  end
end

local function run_commands(env, model, id, list)
  for _, entry in ipairs(list) do
    local f = entry[1]
    local run = f.inverse and one2many or many2many
    for _, command in ipairs(commands_of(model, f, entry[2])) do
      if type(command) == "table" then run(env, model, f, id, command) end
    end
  end
end

-- Create -----------------------------------------------------------------------------------------

-- Values that the context gives as default_<field>.
local function context_defaults(env, model, changes)
  for key, v in pairs(env.context) do
    local f = model.fields[key:match("^default_(.+)$") or ""]
    if f and f.real and not MAGIC[f.name] and changes[convert.key(env, f)] == nil then
      changes[convert.key(env, f)] = convert.to_stored(env, model, f, v)
    end
  end
end

local function add_defaults(env, model, changes)
  if next(env.context) then context_defaults(env, model, changes) end
  for _, f in ipairs(model.defaults) do
    local key = f.company and convert.key(env, f) or f.name
    if changes[key] == nil then
      local v = f.default
      if type(v) == "function" then v = v(env) end
      changes[key] = v
    end
  end
end

--- Adds one record from stored values; the whole way of a create after conversion.
---@param env sandbox.OdooEnv
---@param model table
---@param changes table
---@param extra { commands: table[]?, through: table?, given: table? }?
---@return integer
function orm.insert(env, model, changes, extra)
  extra = extra or {}
  local given = extra.given or env.touched(changes)
  local behaviour = model.behaviour
  if behaviour.before_create then behaviour.before_create(env, changes, extra.through or {}) end
  if behaviour.prepare then behaviour.prepare(env, changes) end
  add_defaults(env, model, changes)
  if behaviour.defaults then behaviour.defaults(env, changes, given) end
  local rec = {}
  for k, v in pairs(changes) do
    if v ~= false or k:find("@", 1, true) then rec[k] = v end
  end
  check_required(env, model, rec)
  check_row(env, model, rec, model.fields)
  local id = env:insert(model.name, rec, model.fields)
  if extra.commands then run_commands(env, model, id, extra.commands) end
  if behaviour.validate then behaviour.validate(env, env:row(model.name, id), given) end
  if behaviour.after then behaviour.after(env, id, given, true) end
  security.check_row(env, model, "create", env:row(model.name, id))
  env:count("creates", model.name)
  return id
end

--- Creates a record from values in wire form.
---@param env sandbox.OdooEnv
---@param model table
---@param vals table
---@return integer id
function orm.create(env, model, vals)
  security.check(env, model, "create")
  local v = converted(env, model, vals, true)
  return orm.insert(env, model, v.changes, v)
end

-- Write ------------------------------------------------------------------------------------------

-- Raises MissingError for ids without a row.
local function must_exist(env, model, ids)
  local gone = {}
  for _, id in ipairs(ids) do
    if not env:row(model.name, id) then gone[#gone + 1] = id end
  end
  if #gone > 0 then words.gone(env, model.name, gone) end
end

local function write_through(env, model, id, values)
  local rec = env:row(model.name, id)
  for _, f in ipairs(model.list) do
    if values[f.name] ~= nil then
      local far = env:model(model.fields[f.through].relation)
      orm.write(env, far, { rec[f.through] }, { [f.name] = values[f.name] })
    end
  end
end

--- Writes the same values to all ids.
---@param env sandbox.OdooEnv
---@param model table
---@param ids integer[]
---@param vals table  wire form
function orm.write(env, model, ids, vals)
  if #ids == 0 then return end
  security.check(env, model, "write")
  must_exist(env, model, ids)
  local v = converted(env, model, vals, false)
  local behaviour = model.behaviour
  if behaviour.prepare then behaviour.prepare(env, v.changes) end
  for _, id in ipairs(ids) do
    security.check_row(env, model, "write", env:row(model.name, id))
    env:store_values(model.name, id, v.changes, v.given)
    local rec = env:row(model.name, id)
    check_required(env, model, rec, v.given)
    check_row(env, model, rec, v.given)
    run_commands(env, model, id, v.commands)
    if next(v.through) then write_through(env, model, id, v.through) end
    if behaviour.validate then behaviour.validate(env, env:row(model.name, id), v.given) end
    if behaviour.after then behaviour.after(env, id, v.given, false) end
    security.check_row(env, model, "write", env:row(model.name, id))
    env:count("writes", model.name)
  end
end

-- Unlink -----------------------------------------------------------------------------------------

local function holders(env, referrer, id)
  local t, name = env:table(referrer.model.name), referrer.field.name
  if referrer.field.company then return {} end
  if t.indexed[name] then return t:where(name, id) end
  local ids = {}
  for other, row in t:each() do
    if row[name] == id then ids[#ids + 1] = other end
  end
  return ids
end

local function drop_xmlids(env, model, id)
  local t = env:table("ir.model.data")
  for _, at in ipairs(t:where("res_id", id)) do
    if t.rows[at].model == model.name then env.log:delete(t, at) end
  end
end

local function distinct(ids)
  local seen, list = {}, {}
  for _, id in ipairs(ids) do
    if not seen[id] then list[#list + 1] = id end
    seen[id] = true
  end
  return list
end

--- Deletes records; what points at them is cleared or stands in the way.
---@param env sandbox.OdooEnv
---@param model table
---@param ids integer[]
function orm.unlink(env, model, ids)
  if #ids == 0 then return end
  security.check(env, model, "unlink")
  must_exist(env, model, ids)
  if model.behaviour.before_unlink then model.behaviour.before_unlink(env, ids) end
  for _, id in ipairs(distinct(ids)) do
    security.check_row(env, model, "unlink", env:row(model.name, id))
    for _, referrer in ipairs(model.referrers) do
      local found = holders(env, referrer, id)
      if #found > 0 and referrer.restrict then words.still_used(env, referrer) end
      for _, other in ipairs(found) do
        env:set_null(referrer.model, other, referrer.field.name)
      end
    end
    drop_xmlids(env, model, id)
    env.log:delete(env:table(model.name), id)
    env:count("unlinks", model.name)
  end
end

return orm
