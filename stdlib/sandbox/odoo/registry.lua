--- The models of one Odoo version: what exists, and how fields_get describes it.
--
-- Built once per version from the rows of the model_*.lua files, never changed
-- afterwards. A field row may say:
--   from, to        first and last version      required, readonly, translate, size, digits
--   relation        the other model             inverse (one2many), mirror, table, column (many2many)
--   selection       list, or "lang" / "tz"      company     a value per company, `fallback` when unset
--   default         value or function(env)      get, set    computed: not stored unless `computed`
--   through         lives on that many2one      stored, searchable, sortable, sortable_from,
--                                               shown_stored   against what the rest implies
--   missing         a dangling id is a MissingError since 17 (the field triggers computations)

local registry = {}

local VERSIONS <const> = { [14] = true, [17] = true, [18] = true, [19] = true }

-- The value of a per-version setting: that of the newest version not past ours.
local function at_version(setting, version)
  if type(setting) ~= "table" then return setting end
  local best
  for v, value in pairs(setting) do
    if v <= version and (not best or v > best[1]) then best = { v, value } end
  end
  return best and best[2]
end

---@class sandbox.Field
---@field name string
---@field type string
---@field string string
---@field store boolean
---@field searchable boolean
---@field sortable boolean
---@field required boolean
---@field readonly boolean

local X2MANY <const> = { one2many = true, many2many = true }

local function field_of(row, version)
  if version < (row.from or 0) or version > (row.to or 99) then return nil end
  local f = {}
  for k, v in pairs(row) do
    if type(k) == "string" then f[k] = v end
  end
  f.name, f.type, f.string = row[1], row[2], row[3]
  f.required, f.readonly = row.required or false, row.readonly or false
  f.fallback = at_version(f.fallback, version)
  f.x2many = X2MANY[f.type] or false
  local plain = not (row.get or row.through) and row.stored ~= false
  f.real = plain and not f.x2many -- a value of its own in the record
  f.store = plain and not (row.company and version < 18)
  f.searchable = plain or row.through ~= nil
  if row.searchable ~= nil then f.searchable = row.searchable end
  f.sortable = (f.store or row.through ~= nil) and not f.x2many
    and version >= (row.sortable_from or 0)
  if row.sortable ~= nil then f.sortable = row.sortable end
  if row.sortable_from and version >= row.sortable_from then f.sortable = true end
  f.store = f.store or row.shown_stored or false
  if type(row.selection) == "table" then
    f.keys = {}
    for _, pair in ipairs(row.selection) do f.keys[pair[1]] = true end
  end
  return f
end

local function add(model, field)
  if not field then return end
  assert(not model.fields[field.name], field.name)
  model.fields[field.name] = field
  model.list[#model.list + 1] = field
end

local function magic(model, row, version)
  local shown = row.display_name or {}
  local stored = at_version(shown.stored or { [0] = false, [17] = false }, version) or false
  if row.display_name and version >= 17 then stored = false end
  add(model, {
    name = "display_name", type = "char", string = "Display Name", readonly = true,
    required = false, store = stored, searchable = stored or version >= 19, sortable = stored,
    real = stored, x2many = false, get = not stored and model.show or nil,
  })
  local function stamp(name, kind, label, relation)
    add(model, field_of({ name, kind, label, readonly = true, relation = relation }, version))
  end
  stamp("create_uid", "many2one", "Created by", "res.users")
  stamp("create_date", "datetime", "Created on")
  stamp("write_uid", "many2one", "Last Updated by", "res.users")
  stamp("write_date", "datetime", "Last Updated on")
  if version < 17 then
    add(model, field_of({ "__last_update", "datetime", "Last Modified on", readonly = true,
      get = function(_, rec) return rec.write_date end }, version))
  end
end

local function model_of(row, version)
  if version < (row.from or 0) or version > (row.to or 99) then return nil end
  local behaviour = row.behaviour or {}
  local rec_name = row.rec_name or "name"
  local model = {
    name = row.model, description = at_version(row.description, version), table = row.model:gsub("%.", "_"),
    order = at_version(row.order, version), index = {}, fields = {}, list = {},
    checks = row.checks or {}, behaviour = behaviour, rec_name = rec_name,
    restrict = row.restrict or {},
  }
  model.show = behaviour.show or function(env, rec)
    return env:value(model, rec, rec_name) or ("%s,%d"):format(row.model, rec.id)
  end
  add(model, field_of({ "id", "integer", "ID", readonly = true }, version))
  for _, f in ipairs(row.fields) do add(model, field_of(f, version)) end
  magic(model, row, version)
  for _, name in ipairs(row.index or {}) do
    local f = model.fields[name]
    if f and f.real then model.index[name] = true end
  end
  model.has_active = model.fields.active ~= nil
  model.computed, model.defaults, model.required = {}, {}, {}
  for _, f in ipairs(model.list) do
    if f.computed then table.insert(model.computed, f) end
    if f.real and f.default ~= nil then table.insert(model.defaults, f) end
    if f.required and f.real and not f.company and f.type ~= "boolean" then
      table.insert(model.required, f)
    end
  end
  return model
end

-- Fields that point at each model: { model, field } pairs, for deletes.
local function link(models, names)
  for _, name in ipairs(names) do models[name].referrers = {} end
  for _, name in ipairs(names) do
    for _, f in ipairs(models[name].list) do
      local target = f.relation and models[f.relation]
      assert(not f.relation or target, f.relation)
      if target and f.type == "many2one" and f.real then
        local strict = f.required
        for _, r in ipairs(models[name].restrict) do strict = strict or r == f.name end
        table.insert(target.referrers, { model = models[name], field = f, restrict = strict })
      end
    end
  end
end

local cache = {}

--- The models of a version by name, and their names sorted.
---@param version integer  14, 17, 18 or 19
---@return { models: table<string, table>, names: string[] }
function registry.of(version)
  if not VERSIONS[version] then
    error("sandbox: Odoo version must be 14, 17, 18 or 19, not " .. tostring(version), 3)
  end
  if cache[version] then return cache[version] end
  local models, names = {}, {}
  for _, file in ipairs { "sandbox.odoo.model_base", "sandbox.odoo.model_partner",
                         "sandbox.odoo.model_automation", "sandbox.odoo.model_product" } do
    for _, row in ipairs(require(file)) do
      local model = model_of(row, version)
      if model then
        models[model.name] = model
        names[#names + 1] = model.name
      end
    end
  end
  table.sort(names)
  link(models, names)
  cache[version] = { models = models, names = names }
  return cache[version]
end

return registry
