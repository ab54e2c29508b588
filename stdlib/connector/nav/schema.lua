--- The shape of NAV's entities, read from `$metadata`.
--
-- NAV exposes what stands on the page plus the key of its table. It has no nulls and says
-- nothing of required or read-only fields, so those are false here. Lengths are there only
-- where the server gives MaxLength.

local json = require "navodoo.json"
local xml = require "navodoo.xml"
local v3 = require "connector.nav.v3"

local schema = {}

local TYPES <const> = {
  ["Edm.String"] = "char",
  ["Edm.Decimal"] = "decimal", ["Edm.Double"] = "decimal", ["Edm.Single"] = "decimal",
  ["Edm.Int16"] = "integer", ["Edm.Int32"] = "integer", ["Edm.Int64"] = "integer", ["Edm.Byte"] = "integer",
  ["Edm.Boolean"] = "boolean",
  ["Edm.Date"] = "date",
  ["Edm.DateTimeOffset"] = "datetime",
  ["Edm.Guid"] = "guid",
}

--- Calls `visit` with every element of that name, at any depth.
local function each(node, name, visit)
  for _, child in ipairs(node) do
    if type(child) == "table" then
      if child.name == name then visit(child) else each(child, name, visit) end
    end
  end
end

local function find(root, name, attr, value)
  local found
  each(root, name, function(node)
    if node.attrs[attr] == value then found = found or node end
  end)
  return found
end

local function read(metadata)
  local root, err = xml.parse(metadata)
  if root then return root end
  return nil, { code = "metadata", text = "$metadata is not readable: " .. err.text }
end

local function entity_of(root, entity)
  local set = find(root, "EntitySet", "Name", entity)
  if not set then
    return nil, { code = "unknown_service", text = ("no web service %q in $metadata"):format(entity) }
  end
  local kind = find(root, "EntityType", "Name", (set.attrs.EntityType or ""):match "[^.]*$")
  if not kind then
    return nil, { code = "metadata", text = ("$metadata lacks the type of %q"):format(entity) }
  end
  local key, fields = json.array {}, {}
  each(kind, "PropertyRef", function(node) key[#key + 1] = node.attrs.Name end)
  each(kind, "Property", function(node)
    local attrs = node.attrs
    local edm = attrs.Type or ""
    fields[attrs.Name] = {
      type = TYPES[edm] or edm == "Edm.DateTime" and v3.day_or_instant(attrs.Name)
        or (edm:find "^Edm%." and "char" or "option"),
      max = math.tointeger(tonumber(attrs.MaxLength)), required = false, readonly = false,
    }
  end)
  if #key == 0 then
    return nil, { code = "metadata", text = ("%q has no key in $metadata"):format(entity) }
  end
  return { entity = entity, key = key, fields = fields }
end

--- The schema of one entity set.
---@param metadata string  the `$metadata` document
---@param entity string    name of the web service
---@return table|nil schema  { entity=, key={...}, fields={ [name]={ type=, max=, ... } } }
---@return table|nil problem { code=, text= }
function schema.parse(metadata, entity)
  local root, problem = read(metadata)
  if not root then return nil, problem end
  return entity_of(root, entity)
end

--- The schemas of all entity sets that have a key.
---@param metadata string
---@return table<string, table>|nil schemas  by entity
---@return table|nil problem
function schema.parse_all(metadata)
  local root, problem = read(metadata)
  if not root then return nil, problem end
  local found = {}
  each(root, "EntitySet", function(node) found[node.attrs.Name] = entity_of(root, node.attrs.Name) end)
  return found
end

return schema
