--- Annotations for lua-language-server, made of the stored schemas: `FLOWS/schema/types.lua`.
--
-- The file describes what `require "navodoo"` gives to a flow, so an editor completes the words of
-- a declaration, names of pages and models, and field names in entries; one class for each page and
-- model lets functions say `---@param record nav.CustomerCard`. Pure.

local annotate = {}

local LUA_TYPES <const> = {
  char = "string", text = "string", html = "string", option = "string", selection = "string", guid = "string",
  date = "string", datetime = "string", boolean = "boolean", integer = "integer", decimal = "navodoo.Decimal",
  many2one = "integer", many2one_reference = "integer", one2many = "integer[]", many2many = "integer[]",
  binary = "string", reference = "string",
}

local HEAD <const> = [[
---@meta navodoo
-- Made by `navodoo schema pull`; changes made here are lost. For editors only, nothing loads it.

---@class navodoo.Decimal
---@operator add(navodoo.Decimal|integer): navodoo.Decimal
---@operator sub(navodoo.Decimal|integer): navodoo.Decimal
---@operator mul(navodoo.Decimal|integer): navodoo.Decimal
---@field round fun(self: navodoo.Decimal, scale: integer, mode: string?): navodoo.Decimal
---@field div fun(self: navodoo.Decimal, by: navodoo.Decimal|integer, scale: integer): navodoo.Decimal
---@field is_zero fun(self: navodoo.Decimal): boolean
---@field sign fun(self: navodoo.Decimal): -1|0|1

]]

local WORDS <const> = [[
--- One line of `fields`: NAV's field or fields, Odoo's, and how the one becomes the other.
---@class navodoo.Entry
---@field [1] navodoo.NavField|navodoo.NavField[]|nil
---@field [2] navodoo.OdooField|navodoo.OdooField[]|nil
---@field [3] any               map.x, lookup.x, or nothing
---@field required boolean?
---@field max integer|table<string, integer>|nil
---@field owner "nav"|"odoo"|nil
---@field to "nav"|"odoo"|nil   one way only
---@field shared string?        the flow whose card owns the field
---@field on_create boolean?
---@field get function?         NAV's values to Odoo's
---@field put function?         Odoo's values to NAV's

---@class navodoo.NavSide
---@field read navodoo.NavPage
---@field write navodoo.NavPage?
---@field key navodoo.NavField|navodoo.NavField[]
---@field watch { mode: string?, stamp: navodoo.NavField?, every: string?, scan: string? }?
---@field where any[]?
---@field number string|table|nil
---@field probe navodoo.NavField?
---@field block table<navodoo.NavField, any>?

---@class navodoo.OdooSide
---@field model navodoo.OdooModel
---@field where any[]?
---@field archived boolean?
---@field watch { hook: string?, every: string?, sweep: string? }?

---@class navodoo.Declaration
---@field nav navodoo.NavSide
---@field odoo navodoo.OdooSide
---@field link { xmlid: string, cluster: string?, unsure: string?, adopt: table? }
---@field fields navodoo.Entry[]
---@field create { nav: table<navodoo.NavField, any>?, odoo: table<navodoo.OdooField, any>? }?
---@field rules any[]?
---@field conflict "nav"|"odoo"|"review"|"newest"|nil
---@field gone { from_nav: string?, from_odoo: string? }?

local navodoo = {}

--- Begins a flow: `return flow "customer" { ... }`.
---@param name string
---@return fun(declaration: navodoo.Declaration): table
function navodoo.flow(name) end

--- A secret by its name.
---@param name string
---@return any
function navodoo.secret(name) end

---@type table<string, any>
navodoo.map = {}
---@type table<string, any>
navodoo.lookup = {}
---@type any
navodoo.rule = nil
---@type lightuserdata
navodoo.null = nil
---@type { new: fun(x: string|integer): navodoo.Decimal }
navodoo.decimal = nil

return navodoo
]]

local function sorted(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- A key as it stands in a `---@field` line.
local function key_text(name)
  return name:find "^[%a_][%w_]*$" and name or ("[%q]"):format(name)
end

local function remark(def)
  local parts = {}
  local function add(text) parts[#parts + 1] = text end
  if def.label then add((def.label:gsub("%c", " "))) end
  if def.max then add("at most " .. def.max) end
  if def.relation then add("id in " .. def.relation) end
  if def.options and #def.options <= 12 then add(table.concat(def.options, " | ")) end
  if def.required then add "required" end
  if def.readonly then add "read only" end
  if def.type == "date" then add "YYYY-MM-DD" end
  if def.type == "datetime" then add "an instant" end
  return table.concat(parts, "; ")
end

local function class_of(prefix, s)
  local lines = { ("---@class %s.%s"):format(prefix, s.entity) }
  for _, name in ipairs(sorted(s.fields)) do
    local def = s.fields[name]
    local line = ("---@field %s %s?  %s"):format(key_text(name), LUA_TYPES[def.type] or "any", remark(def))
    lines[#lines + 1] = line:gsub("%s+$", "")
  end
  return table.concat(lines, "\n") .. "\n"
end

local function alias(name, set)
  local lines = { "---@alias " .. name }
  for _, each in ipairs(sorted(set)) do lines[#lines + 1] = ("---| %q"):format(each) end
  if #lines == 1 then lines[1] = lines[1] .. " string" end
  return table.concat(lines, "\n") .. "\n"
end

--- The whole file.
---@param schemas table<string, table<string, table>>  by endpoint, then by entity
---@return string
function annotate.text(schemas)
  local parts = { HEAD }
  local names = { nav = {}, odoo = {} }
  local entities = { nav = {}, odoo = {} }
  for _, endpoint in ipairs(sorted(schemas)) do
    for _, entity in ipairs(sorted(schemas[endpoint])) do
      local s = schemas[endpoint][entity]
      local side = s.kind or endpoint
      if names[side] then
        entities[side][entity] = true
        for name in pairs(s.fields) do names[side][name] = true end
        parts[#parts + 1] = class_of(side, s) .. "\n"
      end
    end
  end
  parts[#parts + 1] = alias("navodoo.NavPage", entities.nav) .. "\n"
  parts[#parts + 1] = alias("navodoo.NavField", names.nav) .. "\n"
  parts[#parts + 1] = alias("navodoo.OdooModel", entities.odoo) .. "\n"
  parts[#parts + 1] = alias("navodoo.OdooField", names.odoo) .. "\n"
  parts[#parts + 1] = WORDS
  return table.concat(parts)
end

return annotate
