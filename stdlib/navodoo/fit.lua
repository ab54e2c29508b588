--- What of a flow this Odoo has: versions and installed apps differ, and `fields_get` decides.
--
-- Two things in an entry give way. A field written `"name?"` is one that not every Odoo has: where
-- it is missing, the entry is left out. And a map may have several forms, each for other fields
-- (`map.item_type`): the first whose fields are there takes the entry's place.

local problem = require "navodoo.problem"

local fit = {}

---@class navodoo.Form   one form of a map that differs between versions of Odoo
---@field odoo string[]     the fields that it fills
---@field choice string?    a choice that the first of them must have
---@field map navodoo.Map

local function is_there(fields, form)
  for _, name in ipairs(form.odoo) do
    if not fields[name] then return false end
  end
  return form.choice == nil or problem.is_in(fields[form.odoo[1]].options or {}, form.choice)
end

local function in_form(entry, form)
  local copy = {}
  for key, value in pairs(entry) do copy[key] = value end
  copy.odoo, copy.map = form.odoo, form.map
  return copy
end

-- The entry as this Odoo takes it; nil when it has no place for it. An Odoo that is not known is the
-- newest.
local function fitted(entry, fields)
  if entry.optional and not fields then return nil end
  for name in pairs(entry.optional or {}) do
    if not fields[name] then return nil end
  end
  if not fields then return entry end
  for _, form in ipairs(entry.map and entry.map.forms or {}) do
    if is_there(fields, form) then return in_form(entry, form) end
  end
  return entry
end

--- A declaration without what the Odoo does not have.
---@param spec navodoo.Declaration
---@param fields table<string, table>?  of the model's schema, when it is known
---@return navodoo.Declaration
function fit.spec(spec, fields)
  local out = {}
  for key, value in pairs(spec) do out[key] = value end
  for _, list in ipairs { "entries", "on_create" } do
    out[list] = {}
    for _, entry in ipairs(spec[list]) do table.insert(out[list], fitted(entry, fields)) end
  end
  return out
end

return fit
