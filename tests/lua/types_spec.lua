--- Every function that C registers for Lua has its annotation in stdlib/types/navodoo.lua.
--
-- Reads the luaL_Reg tables of lua/*.c as text, so a function is found also where no
-- spec could open the module.

local fs = require "navodoo.fs"

local TYPES <const> = "stdlib/types/navodoo.lua"

--- Class that documents the methods table of a file; a module without handles has none.
local HANDLES <const> = {
  decimal = "navodoo.Decimal", task = "navodoo.Event", lock = "navodoo.Lock",
  ["records.plan_methods"] = "navodoo.records.Plan", ["records.list_methods"] = "navodoo.records.List",
  generation = "navodoo.Generation", serve = "navodoo.HttpServer", fs = "navodoo.Watcher",
  edit = "navodoo.Editor",
}

--- Metamethods that no editor knows how to annotate, or that only raise.
local SILENT <const> = { __eq = true, __lt = true, __le = true, __tostring = true, __div = true,
                         __gc = true, __close = true, __index = true, __name = true, __metatable = true }

local function read(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read "a"
end

--- Rows of the luaL_Reg tables of C source: { table = name of the array, name = row }.
local function rows_of(source)
  local rows = {}
  for name, body in source:gmatch "luaL_Reg%s+([%w_]+)%[%]%s*=%s*(%b{})" do
    for row in body:gmatch '{%s*"([^"]+)"%s*,' do rows[#rows + 1] = { table = name, name = row } end
  end
  return rows
end

--- What the annotations name: modules, functions, methods and operators by their class.
local function annotations(source)
  local known, class, owner = {}, nil, {}
  for line in source:gmatch "[^\n]+" do
    class = line:match "^%-%-%-@class ([%w_.]+)" or class
    local alias = line:match "^%-%-%-@alias ([%w_.]+)"
    local field = line:match "^%-%-%-@field ([%w_]+)"
    local operator = line:match "^%-%-%-@operator (%w+)"
    local variable = line:match "^local ([%w_]+) = {}"
    local left, name = line:match "^function ([%w_]+)[.:]([%w_]+)"
    if alias then known[alias] = true end
    if class then known[class] = true end
    if field then known[class .. "." .. field] = true end
    if operator then known[class .. ".__" .. operator] = true end
    if variable then owner[variable] = class end
    if left then known[(owner[left] or left) .. "." .. name] = true end
  end
  return known
end

--- Where a row is documented: "navodoo.json.decode".
local function place(file, row)
  if row.table:find "primitives$" then return row.name end
  local module = file:match "^l_(%w+)%.c$"
  local class = row.table == "functions" and "navodoo." .. module
    or HANDLES[("%s.%s"):format(module, row.table)] or HANDLES[module]
  return (class or file .. ": " .. row.table) .. "." .. row.name
end

describe("annotations of the primitives", function()
  local known = annotations(read(TYPES))

  it("name every row of a luaL_Reg table", function()
    local missing, seen = {}, 0
    for _, file in ipairs(fs.list "lua") do
      if file:find "%.c$" then
        for _, row in ipairs(rows_of(read("lua/" .. file))) do
          local where = place(file, row)
          seen = seen + 1
          -- a module of others, and metamethods
          if not SILENT[row.name] and row.name ~= "cjson" and not known[where] then
            missing[#missing + 1] = where
          end
        end
      end
    end
    expect(table.concat(missing, " ")):equals ""
    expect(seen > 80):is_true()
  end)

  it("notice a row that has none", function()
    local source = 'static const luaL_Reg functions[] = {{"decode", l_decode},\n  {"invent", l_invent}, {NULL, NULL}};'
    local missing = {}
    for _, row in ipairs(rows_of(source)) do
      local where = place("l_json.c", row)
      if not known[where] then missing[#missing + 1] = where end
    end
    expect(table.concat(missing, " ")):equals "navodoo.json.invent"
  end)

  it("are valid Lua that returns nothing", function()
    expect(select("#", assert(load(read(TYPES), "@" .. TYPES, "t"))())):equals(0)
  end)
end)
