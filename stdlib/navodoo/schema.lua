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

-- ---- writing -----------------------------------------------------------------------------------

local HEAD <const> = { "entity", "endpoint", "kind", "server", "key" }
-- What is usual is left out, so that a line says what is special.
local USUAL <const> = { required = false, readonly = false, stored = true, by_company = false }

local function field_text(def)
  local kept = {}
  for name, value in pairs(def) do -- into a table that is encoded sorted
    if USUAL[name] == nil or USUAL[name] ~= value then kept[name] = value end
  end
  return assert(json.encode(kept))
end

local function names_of(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- Writes one file: sorted, one field a line, so that a version control system shows what changed.
---@param s table
---@return string
function schema.encode(s)
  local lines = { "{" }
  for _, name in ipairs(HEAD) do
    if s[name] ~= nil then lines[#lines + 1] = ("%q: %s,"):format(name, assert(json.encode(s[name]))) end
  end
  lines[#lines + 1] = '"fields": {'
  local names = names_of(s.fields)
  for i, name in ipairs(names) do
    lines[#lines + 1] = ("%s: %s%s"):format(assert(json.encode(name)), field_text(s.fields[name]),
      i < #names and "," or "")
  end
  lines[#lines + 1] = "}"
  lines[#lines + 1] = "}"
  return table.concat(lines, "\n") .. "\n"
end

-- ---- comparing ---------------------------------------------------------------------------------

-- A label is for people; nothing depends on it.
local COMPARED <const> = { "type", "max", "required", "readonly", "stored", "relation", "options", "digits",
                           "by_company" }

local function value_text(v, attribute)
  if v == nil then v = USUAL[attribute] end
  if v == nil then return "-" end
  return type(v) == "table" and assert(json.encode(v)) or tostring(v)
end

---@class navodoo.SchemaDifference
---@field field string
---@field what "gone"|"new"|"changed"
---@field attribute string?  of a change: type, max, ...
---@field old string?
---@field new string?

--- What is different in `new`, by field.
---@param old table
---@param new table
---@return navodoo.SchemaDifference[]
function schema.diff(old, new)
  local list, seen = {}, {}
  for name in pairs(old.fields) do seen[name] = true end
  for name in pairs(new.fields) do seen[name] = true end
  local function note(difference) list[#list + 1] = difference end
  local was, is = value_text(old.key), value_text(new.key)
  if was ~= is then note { field = "(key)", what = "changed", attribute = "key", old = was, new = is } end
  for _, name in ipairs(names_of(seen)) do
    local a, b = old.fields[name], new.fields[name]
    if not b then note { field = name, what = "gone", old = a.type }
    elseif not a then note { field = name, what = "new", new = b.type }
    else
      for _, attribute in ipairs(COMPARED) do
        was, is = value_text(a[attribute], attribute), value_text(b[attribute], attribute)
        if was ~= is then
          note { field = name, what = "changed", attribute = attribute, old = was, new = is }
        end
      end
    end
  end
  return list
end

--- One line about a difference.
---@param d navodoo.SchemaDifference
---@return string
function schema.tell(d)
  if d.what == "gone" then return ("%s is gone (%s)"):format(d.field, d.old) end
  if d.what == "new" then return ("%s is new (%s)"):format(d.field, d.new) end
  return ("%s: %s was %s, is %s"):format(d.field, d.attribute, d.old, d.new)
end

return schema
