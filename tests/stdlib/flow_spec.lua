--- The constructor of flows, and the places of their parts.

local flow = require "navodoo.flow"
local outline = require "navodoo.outline"
local problem = require "navodoo.problem"

local function lines_of(source)
  local out = {}
  for path, place in pairs(outline.read(source)) do out[path] = place.line end
  return out
end

describe("flow", function()
  it("keeps name, declaration and place, and runs nothing", function()
    local ran = false
    local declaration = { fields = { { "No", "ref", get = function() ran = true end } } }
    local begin = flow "customer"
    local f = begin(declaration)
    expect(f.kind):equals("flow")
    expect(f.name):equals("customer")
    expect(f.declaration == declaration):is_true()
    expect(f.file):matches("flow_spec%.lua$")
    expect(f.line):equals(debug.getinfo(1, "l").currentline - 6)
    expect(ran):is_false()
  end)
  it("refuses what is no name and no table", function()
    expect.raises(function() flow(7) end, "flow: a name is expected, got an integer")
    expect.raises(function()
      local begin = flow "customer"
      begin "fields"
    end, 'flow "customer": a table is expected, got a string')
  end)
end)

describe("outline", function()
  it("finds keys, entries and what is inside them", function()
    expect(lines_of [=[
local navodoo = require "navodoo"
return navodoo.flow "x" {
  nav = { read = "A",
          key = "No" },
  fields = {
    { "No", "ref" }, { "Name", "name" },
    -- { "not", "this" },
    { "Blocked", "active",
      get = function(a, b) if a then return { 1, 2 } end return b, 1 end },
    { nil, "customer_rank", map.at_least(1) },
    make("a", { "b" }),
    { [[long { string]], "x" },
  },
  ["rules"] = {},
}]=]):equals({
      nav = 3, ["nav.read"] = 3, ["nav.key"] = 4, fields = 5,
      ["fields.1"] = 6, ["fields.1.1"] = 6, ["fields.1.2"] = 6,
      ["fields.2"] = 6, ["fields.2.1"] = 6, ["fields.2.2"] = 6,
      ["fields.3"] = 8, ["fields.3.1"] = 8, ["fields.3.2"] = 8, ["fields.3.get"] = 9,
      ["fields.4"] = 10, ["fields.4.1"] = 10, ["fields.4.2"] = 10, ["fields.4.3"] = 10,
      ["fields.5"] = 11, ["fields.6"] = 12, ["fields.6.1"] = 12, ["fields.6.2"] = 12,
      rules = 14,
    })
  end)
  it("reads past strings, comments and blocks that look like tables", function()
    expect(lines_of [==[
--[[ flow "no" { a = 1 } ]]
local s = 'flow "no" {'
return flow "x" {
  a = "}\"{", --[=[ { ]=] b = function() for i = 1, 2 do local t = { i, 3 } end repeat until true end,
  c = 1,
}]==]):equals({ a = 4, b = 4, c = 5 })
  end)
  it("gives columns, and lists nothing it does not understand", function()
    expect(outline.read('return flow "x" {\n  fields = {\n    { "A" } } }')["fields.1"])
      :equals({ line = 3, column = 5 })
    expect(outline.read("return 1")):equals({})
    expect(lines_of('return flow "x" { a = {')):equals({ a = 1 })
    expect(lines_of('return flow "x" { [ {')):equals({ ["?"] = 1 })
  end)
  it("falls back to what is around a part", function()
    local places = outline.read('return flow "x" {\n  fields = {\n    { "A" } } }')
    expect(outline.find(places, "fields.1.get")):equals(3)
    expect(outline.find(places, "fields.9")):equals(2)
    expect(outline.find(places, "nav.read")):is_nil()
  end)
end)

describe("problem", function()
  it("writes file, line, column, text and the nearest name", function()
    expect(tostring(problem.new { file = "flows/a.lua", line = 3, column = 7, text = "no such thing", near = "thing" }))
      :equals("flows/a.lua:3:7: no such thing (did you mean thing?)")
    expect(problem.format { file = "a.lua", text = "returns nothing" }):equals("a.lua: returns nothing")
  end)
  it("finds the name that was meant", function()
    local names = { "E_Mail", "Home_Page", "Name", "No", "Phone_No", "lower", "upper" }
    local cases = {
      lowr = "lower", lwoer = "lower", uper = "upper", Email = "E_Mail", e_mail = "E_Mail",
      Homepage = "Home_Page", PhoneNo = "Phone_No", Phone = "Phone_No", Nmae = "Name",
    }
    for _, wrong in ipairs(problem.names(cases)) do
      expect(wrong .. " -> " .. tostring(problem.near(wrong, names))):equals(wrong .. " -> " .. cases[wrong])
    end
    expect(problem.near("Currency_Code", names)):is_nil()
    expect(problem.near("X", names)):is_nil()
    expect(problem.near(12, names)):is_nil()
  end)
  it("sorts by file, line and column", function()
    local list = problem.sort {
      { file = "b", line = 1, text = "x" }, { file = "a", line = 10, text = "x" },
      { file = "a", line = 2, column = 9, text = "x" }, { file = "a", line = 2, column = 3, text = "x" },
      { file = "a", text = "x" },
    }
    expect(problem.format_all(list)):equals("a: x\na:2:3: x\na:2:9: x\na:10: x\nb:1: x")
  end)
  it("collects while asked to, and raises otherwise", function()
    local found, result = problem.collect(nil, function()
      local broken = problem.note("first", "near")
      problem.note "second"
      return broken.anything.at "all"
    end)
    expect(#found):equals(2)
    expect(found[1].near):equals("near")
    expect(found[1].file):matches("flow_spec%.lua$")
    expect(result == problem.broken):is_true()
    expect.raises(function() problem.note "alone" end, "alone")
    expect.raises(function() problem.collect(nil, function() error "boom" end) end, "boom")
    expect.raises(function() problem.note "still raised after an error" end, "still raised")
  end)
end)
