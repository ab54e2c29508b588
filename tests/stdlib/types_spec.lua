--- The annotations of the primitives name what the modules have, all of it and nothing else.

local MODULES <const> = {
  "json", "decimal", "text", "crypto", "xml", "time", "task", "store", "cache", "log", "secret", "http",
  "fs", "generation", "edit", "records",
}

local function names_of(t)
  local out = {}
  for k, v in pairs(t) do
    if type(v) == "function" then out[#out + 1] = k end
  end
  table.sort(out)
  return table.concat(out, " ")
end

describe("stdlib/types/navodoo.lua", function()
  local f <close> = assert(io.open("stdlib/types/navodoo.lua"))
  local source = f:read "a"
  local annotated = {}
  for owner, dot, name in source:gmatch "\nfunction ([%w_]+)([.:])([%w_]+)" do
    local key = owner .. dot
    annotated[key] = annotated[key] or {}
    annotated[key][name] = print
  end
  for _, module in ipairs(MODULES) do
    it("has all functions of navodoo." .. module, function()
      expect(names_of(annotated[module .. "."] or {})):equals(names_of(require("navodoo." .. module)))
    end)
  end
  it("has all methods of decimals", function()
    local methods = {}
    for name in pairs(annotated["number:"]) do
      methods[name] = require("navodoo.decimal").new(1)[name]
    end
    expect(names_of(methods)):equals(names_of(annotated["number:"]))
  end)
  it("is Lua", function() expect((load(source, "@types", "t"))):matches "^function" end)
end)

describe("stdlib/types/flow.lua", function()
  local function read(path)
    local f <close> = assert(io.open(path))
    return f:read "a"
  end
  local source = read "stdlib/types/flow.lua"

  -- Named fields of a class; what has a number or a type for a name is no key.
  local function fields_of(class)
    local body = assert(source:match("%-%-%-@class " .. class .. "%f[^%w.][^\n]*\n(.-)\n\n"), class)
    local out = {}
    for name in ("\n" .. body):gmatch "\n%-%-%-@field ([%w_]+)" do out[#out + 1] = name end
    for name in ("\n" .. body):gmatch "\nfunction %w+%.([%w_]+)" do out[#out + 1] = name end
    table.sort(out)
    return table.concat(out, " ")
  end
  local function words(list)
    local out = {}
    for word in list:gmatch '"([%w_]+)"' do out[#out + 1] = word end
    table.sort(out)
    return table.concat(out, " ")
  end

  -- The lists of keys that the loader knows, as they stand in its source.
  local declare, entry = read "stdlib/navodoo/declare.lua", read "stdlib/navodoo/declare/entry.lua"
  local function known(path) return words(assert(declare:match('r:keys%("' .. path .. '", [%w_]+, (%b{})'), path)) end
  it("has every key of a declaration, and no other", function()
    expect(fields_of "navodoo.FlowTable"):equals(words(declare:match "local TOP <const> = (%b{})"))
    expect(fields_of "navodoo.FlowNav"):equals(known "nav")
    expect(fields_of "navodoo.FlowNavWatch"):equals(known "nav.watch")
    expect(fields_of "navodoo.FlowNumber"):equals(known "nav.number")
    expect(fields_of "navodoo.FlowOdoo"):equals(known "odoo")
    expect(fields_of "navodoo.FlowOdooWatch"):equals(known "odoo.watch")
    expect(fields_of "navodoo.FlowLink"):equals(known "link")
    expect(fields_of "navodoo.FlowGone"):equals(known "gone")
    expect(fields_of "navodoo.FlowEntry"):equals(words(entry:match "local KEYS <const> = (%b{})"))
    expect(fields_of "navodoo.FlowCreate"):equals(words(entry:match 'r:keys%("create", create, (%b{})'))
    expect(fields_of "navodoo.RuleTable"):equals(
      words(read("stdlib/navodoo/rule.lua"):match "local KEYS <const> = (%b{})"))
  end)
  it("has every map, rule and word", function()
    local function all(class, owner)
      local out = {}
      for name in fields_of(class):gmatch "%S+" do out[#out + 1] = name end
      for name in source:gmatch("\nfunction " .. owner .. "%.([%w_]+)") do out[#out + 1] = name end
      table.sort(out)
      return table.concat(out, " ")
    end
    local problem = require "navodoo.problem"
    expect(all("navodoo.maps", "map")):equals(table.concat(problem.names(require "navodoo.map"), " "))
    expect(source:match "\nnavodoo.lookup, navodoo.map, navodoo.rule = lookup, map, rule\n" ~= nil):is_true()
    local listed = all("navodoo", "navodoo") .. " lookup map rule"
    for _, name in ipairs { "flow", "secret", "null", "json", "decimal", "lookup", "map", "rule" } do
      expect(listed:find("%f[%w]" .. name .. "%f[%W]") ~= nil):is_true()
      expect(require("navodoo")[name] ~= nil):is_true()
    end
  end)
  it("is Lua", function() expect((load(source, "@flow", "t"))):matches "^function" end)
end)
