--- External ids: rows of ir.model.data, found by full name or by record, and the methods on them.

local convert = require "sandbox.odoo.convert"
local faults = require "sandbox.odoo.faults"
local json = require "navodoo.json"
local py = require "sandbox.odoo.py"
local words = require "sandbox.odoo.words"

local xmlids = {}

local TABLE <const> = "ir.model.data"

--- "module.name" as its two halves; nil when there is no dot.
---@param xmlid string
---@return string? module
---@return string? name
function xmlids.split(xmlid) return xmlid:match("^([^.]*)%.(.*)$") end

--- The row with this full name.
---@param env sandbox.OdooEnv
---@param xmlid string
---@return table?
function xmlids.find(env, xmlid)
  local module, name = xmlids.split(xmlid)
  local t = env:table(TABLE)
  for _, id in ipairs(name and t:where("name", name) or {}) do
    if t.rows[id].module == module then return t.rows[id] end
  end
  return nil
end

--- The rows that name a record, the oldest first.
---@param env sandbox.OdooEnv
---@param model table
---@param id integer
---@return table[]
function xmlids.of(env, model, id)
  local t, list = env:table(TABLE), {}
  for _, at in ipairs(t:where("res_id", id)) do
    if t.rows[at].model == model.name then list[#list + 1] = t.rows[at] end
  end
  return list
end

--- The full name of a row.
---@param row table
---@return string
function xmlids.text(row) return row.module .. "." .. row.name end

--- Points a name at a record. A sequence number is spent even when the name exists already.
---@param env sandbox.OdooEnv
---@param xmlid string
---@param model string
---@param id integer
function xmlids.set(env, xmlid, model, id)
  local row = xmlids.find(env, xmlid)
  if row then
    env:table(TABLE):next_id()
    if row.res_id ~= id or row.model ~= model then
      env:store_values(TABLE, row.id, { res_id = id, model = model })
    end
    return
  end
  local module, name = xmlids.split(xmlid)
  env:insert(TABLE, { module = module, name = name, model = model, res_id = id }, {})
end

-- Methods ----------------------------------------------------------------------------------------

local function found(env, xmlid, raise)
  local row = xmlids.find(env, xmlid)
  if not row and raise then
    faults.value_error("External ID not found in the system: " .. xmlid)
  end
  return row
end

function xmlids.get_external_id(env, model, ids)
  local out = {}
  for _, id in ipairs(ids) do
    local row = xmlids.of(env, model, id)[1]
    out[tostring(id)] = row and xmlids.text(row) or ""
  end
  return out
end

local METADATA <const> = {
  "id", "create_uid", "create_date", "write_uid", "write_date", "xmlid", "noupdate", "xmlids",
}

function xmlids.get_metadata(env, model, ids)
  local list = {}
  for i, id in ipairs(ids) do
    local rec = env:row(model.name, id)
    if not rec then words.gone(env, model.name, { id }) end
    local row = { id = id }
    for _, name in ipairs { "create_uid", "create_date", "write_uid", "write_date" } do
      row[name] = convert.to_wire(env, model, rec, model.fields[name], false)
    end
    local names = xmlids.of(env, model, id)
    row.xmlid = names[1] and xmlids.text(names[1]) or false
    row.noupdate = names[1] ~= nil and names[1].noupdate == true
    if env.version >= 17 then
      row.xmlids = py.list()
      for n, x in ipairs(names) do
        row.xmlids[n] = json.object({ "xmlid", "noupdate" },
          { xmlid = xmlids.text(x), noupdate = x.noupdate == true })
      end
    end
    list[i] = json.object(METADATA, row)
  end
  return json.array(list)
end

function xmlids.check_object_reference(env, _, _, p)
  local row = found(env, py.str(p.module) .. "." .. py.str(p.xml_id), true)
  local rec = env:row(row.model, row.res_id)
  local seen = rec and env:visible(env:model(row.model), rec)
  return json.array { row.model, seen and row.res_id or false }
end

function xmlids.get_object_reference(env, _, _, p)
  local row = found(env, py.str(p.module) .. "." .. py.str(p.xml_id), true)
  return json.array { row.model, row.res_id }
end

function xmlids.to_res_id(env, _, _, p)
  local row = found(env, py.str(p.xmlid), py.truth(p.raise_if_not_found))
  return row and row.res_id or false
end

function xmlids.to_model_and_id(env, _, _, p)
  local row = found(env, py.str(p.xmlid), py.truth(p.raise_if_not_found))
  return json.array { row and row.model or false, row and row.res_id or false }
end

return xmlids
