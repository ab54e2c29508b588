--- Stored schemas: what NAV's pages and Odoo's models look like, kept beside the flows.
--
-- `FLOWS/schema/<endpoint>/<entity>.json` holds what a connector's `schema` answers, one field
-- a line, without what is usual: a field is neither required nor readonly, is stored, and is
-- the same in all companies, unless it says so. Pure.

local json = require "navodoo.json"

local schema = {}

--- Reads one file; the answer has the shape of a live schema.
---@param text string
---@param file string  for messages
---@return table? schema  { entity=, endpoint=, kind=, server=, key={...}, fields={ [name]={ type=, ... } } }
---@return string? why
function schema.decode(text, file)
  local s, err = json.decode(text)
  if not s then return nil, ("%s: %s"):format(file, err.text) end
  if type(s) ~= "table" or type(s.entity) ~= "string" or type(s.fields) ~= "table" then
    return nil, ("%s: { \"entity\": ..., \"fields\": { ... } } is expected"):format(file)
  end
  for name, f in pairs(s.fields) do -- each by itself
    if type(f) ~= "table" or type(f.type) ~= "string" then
      return nil, ("%s: field %s has no type"):format(file, name)
    end
    f.required, f.readonly = f.required == true, f.readonly == true
    f.stored, f.by_company = f.stored ~= false, f.by_company == true
  end
  return s
end

return schema
