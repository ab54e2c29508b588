--- fields_get and default_get: how a model describes itself.

local convert = require "sandbox.odoo.convert"
local faults = require "sandbox.odoo.faults"
local json = require "navodoo.json"
local py = require "sandbox.odoo.py"

local describe = {}

local TRANSLATABLE <const> = { char = true, text = true, html = true }

local function selection_list(env, f)
  local list = {}
  for i, pair in ipairs(convert.selection(env, f)) do list[i] = json.array { pair[1], pair[2] } end
  return json.array(list)
end

-- Everything that is said of one field.
local function description(env, f)
  local d = {
    type = f.type, string = f.string, required = f.required, readonly = f.readonly,
    store = f.store, searchable = f.searchable, sortable = f.sortable,
    company_dependent = f.company or false, relation = f.relation, size = f.size,
    relation_field = f.inverse, name = env.version >= 17 and f.name or nil,
  }
  if TRANSLATABLE[f.type] then d.translate = f.translate or false end
  if f.digits then d.digits = json.array { f.digits[1], f.digits[2] } end
  if f.type == "selection" then d.selection = selection_list(env, f) end
  if f.type == "monetary" then d.currency_field = "currency_id" end
  return d
end

--- fields_get(allfields, attributes); names that do not exist are left out silently.
function describe.fields_get(env, model, _, p)
  local out, wanted = {}, nil
  if py.truth(p.allfields) then
    wanted = {}
    for _, name in ipairs(faults.iterable(p.allfields)) do wanted[name] = true end
  end
  for _, f in ipairs(model.list) do
    if not wanted or wanted[f.name] then
      local d = description(env, f)
      if py.truth(p.attributes) then
        local some = {}
        for _, attribute in ipairs(faults.iterable(p.attributes)) do some[attribute] = d[attribute] end
        d = some
      end
      out[f.name] = d
    end
  end
  return out
end

--- default_get(fields): only the ones that have a default.
function describe.default_get(env, model, _, p)
  local out = {}
  for _, name in ipairs(faults.iterable(p.fields_list or p.fields)) do
    local f = model.fields[name]
    local v = env.context["default_" .. py.str(name)]
    if f and v == nil then
      v = f.default
      if type(v) == "function" then v = v(env) end
      if v == nil and f.company then v = f.fallback end
      if v == nil and f.company and env.version < 17 then v = false end -- measured on 14
      if type(v) == "number" and (f.type == "float" or f.type == "monetary") then
        v = py.wire_float(v)
      end
    end
    if f and v ~= nil then out[name] = v end
  end
  return out
end

return describe
