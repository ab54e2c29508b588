--- The shape of Odoo's models, read from `fields_get`.
--
-- Field names and types differ between versions, so what is there decides, never a version
-- number. Only what mapping and conversion need is kept.

local json = require "navodoo.json"

local schema = {}

--- Attributes asked for.
schema.ATTRIBUTES = { "type", "required", "readonly", "relation", "selection", "size", "string", "store",
                      "digits", "company_dependent" }

local TYPES <const> = { float = "decimal", monetary = "decimal" }

local function options(selection)
  if type(selection) ~= "table" then return nil end
  local keys = json.array {}
  for _, pair in ipairs(selection) do
    if type(pair) == "table" and type(pair[1]) == "string" then keys[#keys + 1] = pair[1] end
  end
  return keys
end

--- Makes a schema of the answer of `fields_get`.
---@param model string
---@param fields table
---@return table schema  { entity=, key={"id"}, fields={ [name]={ type=, required=, ... } } }
function schema.parse(model, fields)
  local out = {}
  for name, f in pairs(fields) do -- into a table that is encoded sorted
    out[name] = {
      type = TYPES[f.type] or f.type, label = f.string, required = f.required == true,
      readonly = f.readonly == true, stored = f.store ~= false,
      relation = type(f.relation) == "string" and f.relation or nil,
      max = math.type(f.size) == "integer" and f.size > 0 and f.size or nil,
      options = options(f.selection),
      by_company = f.company_dependent == true,
      digits = type(f.digits) == "table" and f.digits[#f.digits] or nil,
    }
  end
  return { entity = model, key = json.array { "id" }, fields = out }
end

return schema
