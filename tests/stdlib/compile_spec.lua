--- What `to_odoo` makes of a NAV record: every state of a value by every kind of entry.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local loader = require "navodoo.loader"
local null = json.null

local function compile(fields, more)
  return assert(loader.compile { file = "flows/t.lua", lookups = {
    country = 'return { EL = "GR" }', colour = 'return { RED = "red", GREEN = 7 }' }, source = [[
local navodoo = require "navodoo"
local flow, map, lookup, rule = navodoo.flow, navodoo.map, navodoo.lookup, navodoo.rule
local null, decimal = navodoo.null, navodoo.decimal
return flow "t" {
  nav = { read = "Card", key = "No" }, odoo = { model = "res.partner" }, link = { xmlid = "t" },
  fields = {
]] .. fields .. "\n}, " .. (more or "") .. "}" })
end

local LOOKUPS <const> = { country = { GR = 88, DE = 57 }, language = { de_DE = 9 } }

-- What becomes of the field `x` when the property `X` is `v`.
local function map_one(compiled, v, creating)
  local values, problems = compiled:to_odoo({ X = v }, { creating = creating, lookups = LOOKUPS })
  if #problems > 0 then return "problem: " .. problems[1].text end
  return values.x
end

describe("to_odoo", function()
  local entries = {
    { "plain",  '{ "X", "x" }' },
    { "map",    '{ "X", "x", map.upper }' },
    { "money",  '{ "X", "x", map.money }' },
    { "get",    '{ "X", "x", get = function(v) return v end }' },
    { "choice", '{ "X", "x", map.choice { A = "a", [" "] = "blank" } }' },
    { "lookup", '{ "X", "x", lookup.country }' },
    { "leave",  '{ "X", "x", lookup.country { missing = "leave", blank = "leave" } }' },
    { "table",  '{ "X", "x", lookup.colour }' },
  }
  local d = decimal.new "12.50"
  -- entry, value, what an update writes, what a creation writes; nil = not written
  local cases = {
    { "plain", nil, nil, nil },      { "map", nil, nil, nil },      { "get", nil, nil, nil },
    { "choice", nil, nil, nil },     { "lookup", nil, nil, nil },   { "table", nil, nil, nil },
    { "plain", null, false, nil },   { "map", null, false, nil },   { "get", null, false, nil },
    { "choice", null, false, nil },  { "lookup", null, false, nil }, { "leave", null, nil, nil },
    { "money", null, false, nil },   { "table", null, false, nil },
    { "plain", "", false, nil },     { "map", "", false, nil },     { "get", "", false, nil },
    { "choice", "", false, nil },    { "lookup", "", false, nil },  { "leave", "", nil, nil },
    { "table", "", false, nil },
    { "plain", " ", " ", " " },      { "get", " ", " ", " " },      { "choice", " ", "blank", "blank" },
    { "lookup", " ", false, nil },
    { "plain", "a", "a", "a" },      { "map", "a", "A", "A" },      { "get", "a", "a", "a" },
    { "choice", "A", "a", "a" },     { "lookup", "DE", 57, 57 },    { "lookup", "EL", 88, 88 },
    { "leave", "DE", 57, 57 },       { "leave", "ZZ", nil, nil },   { "table", "RED", "red", "red" },
    { "table", "GREEN", 7, 7 },
    { "plain", 0, 0, 0 },            { "get", 0, 0, 0 },            { "plain", 5, 5, 5 },
    { "plain", true, true, true },   { "plain", false, false, false }, { "get", false, false, false },
    { "plain", d, d, d },            { "money", d, d, d },          { "get", d, d, d },
    { "plain", "2026-11-24", "2026-11-24", "2026-11-24" },
  }
  local compiled = {}
  for _, e in ipairs(entries) do compiled[e[1]] = compile(e[2]) end
  for i, case in ipairs(cases) do
    local kind, value, update, create = case[1], case[2], case[3], case[4]
    local shown = value == null and "null" or type(value) == "string" and ("%q"):format(value) or tostring(value)
    it(("maps %s by a %s entry (%d)"):format(shown, kind, i), function()
      expect(map_one(compiled[kind], value, false)):equals(update)
      expect(map_one(compiled[kind], value, true)):equals(create)
    end)
  end

  it("makes a problem of what cannot be carried, and names all about it", function()
    local cases_of_trouble = {
      { '{ "X", "x", map.upper }', 5, "map upper", "X: a text is expected, got an integer" },
      { '{ "X", "x", map.choice { A = 1 } }', "B", "map choice", 'X: "B" is none of "A"' },
      { '{ "X", "x", lookup.colour }', "BLUE", "lookup colour",
        'X "BLUE": flows/lookups/colour.lua does not name it' },
      { '{ "X", "x", lookup.country }', "ZZ", "lookup country",
        'X "ZZ": no res.country in Odoo has the code "ZZ"' },
      { '{ "X", "x", required = true }', "", "required", "X is empty" },
      { '{ "X", "x", required = true }', " ", "required", "X is empty" },
      { '{ "X", "x", max = 3 }', "äöüß", "max", "X has 4 characters, at most 3 are allowed" },
      { '{ "X", "x", get = function() return nil, "no such thing" end }', "a", "get", "X: no such thing" },
      { '{ "X", "x", get = function() return 0.5 end }', "a", "get",
        "x: a float (0.5) where an exact number is needed" },
    }
    for _, case in ipairs(cases_of_trouble) do
      local values, problems = compile(case[1]):to_odoo({ X = case[2] }, { lookups = LOOKUPS })
      expect(values.x):is_nil()
      expect(#problems):equals(1)
      local p = problems[1]
      expect({ p.rule, p.text, p.value, p.line }):equals({ case[3], case[4], case[2], 7 })
      expect(type(p.way_out)):equals("string")
      expect(type(json.encode(p))):equals("string")
    end
  end)
  it("names the file to add an unknown code to, and what it stood for", function()
    local c = compile '{ "X", "x", lookup.country }'
    local _, problems = c:to_odoo({ X = "ZZ" }, { lookups = LOOKUPS })
    expect(problems[1].way_out):equals('add ["ZZ"] = "..." to flows/lookups/country.lua, or correct it in NAV')
    _, problems = c:to_odoo({ X = "EL" }, { lookups = { country = {} } })
    expect(problems[1].text):equals('X "EL" (which stands for "GR"): no res.country in Odoo has the code "GR"')
    expect.raises(function() c:to_odoo({ X = "DE" }, {}) end, 'the lookup "country" was not prepared')
  end)
  it("tells all problems of a record, entries first, then rules", function()
    local c = compile('{ "A", "a", required = true }, { "B", "b", map.integer },',
      'rules = { rule "c is there" { "C", required = true } }')
    local values, problems = c:to_odoo({ A = "", B = decimal.new "1.5", C = "" }, { creating = true })
    expect(values):equals({})
    local texts = {}
    for i, p in ipairs(problems) do texts[i] = p.field .. ": " .. p.rule end
    expect(texts):equals({ "A: required", "B: map integer", "C: c is there" })
  end)
  it("misses a required property on creation only", function()
    local c = compile '{ "X", "x", required = true }'
    expect(map_one(c, nil, true)):equals("problem: X is missing")
    expect(map_one(c, nil, false)):is_nil()
  end)
  it("carries two fields to two, and nothing when one is absent", function()
    local c = compile '{ { "A", "B" }, { "a", "b" }, map.address }'
    expect((c:to_odoo({ A = "x", B = "" }, {}))):equals({ a = "x", b = false })
    expect((c:to_odoo({ A = "x", B = "" }, { creating = true }))):equals({ a = "x" })
    expect((c:to_odoo({ A = "", B = "y" }, {}))):equals({ a = "y", b = false })
    expect((c:to_odoo({ A = "x" }, {}))):equals({})
    c = compile '{ { "A", "B" }, { "a", "b" } }'
    expect((c:to_odoo({ A = "x", B = 5 }, {}))):equals({ a = "x", b = 5 })
  end)
  it("calls functions of the flow with values and context", function()
    local c = compile [[{ { "A", "B", "C" }, { "a" }, get = function(a, b, c, ctx)
      if a == null then return nil end
      return a .. b .. c .. tostring(ctx.creating)
    end },]]
    expect((c:to_odoo({ A = "1", B = "2", C = "3" }, { creating = false }))):equals({ a = "123false" })
    expect((c:to_odoo({ A = null, B = "2", C = "3" }, {}))):equals({})
    c = compile '{ { "A", "B" }, { "a", "b", "c" }, get = function() return 1, nil, 3 end }'
    expect((c:to_odoo({ A = "1", B = "2" }, {}))):equals({ a = 1, c = 3 })
    c = compile '{ { "A", "B" }, { "a", "b" }, get = function() return nil, nil, "no" end }'
    expect(select(2, c:to_odoo({ A = "1", B = "2" }, {}))[1].text):equals("A: no")
  end)
  it("lets an error of the flow's own code pass with its line", function()
    local c = compile '{ "X", "x", get = function(v) return v.a.b end }'
    expect.raises(function() c:to_odoo({ X = 5 }, {}) end, "flows/t.lua:7: attempt to index a number value")
  end)
  it("writes constants always and create values once", function()
    local c = compile('{ nil, "kind", map.constant("contact") }, { nil, "rank", map.at_least(1) },',
      'create = { odoo = { lang = lookup.language { "Language" }, flag = false } }')
    expect((c:to_odoo({ Language = "de_DE" }, { creating = true, lookups = LOOKUPS }))):equals(
      { kind = "contact", rank = 1, lang = "de_DE", flag = false })
    expect((c:to_odoo({ Language = "de_DE" }, { current = { rank = 0 } }))):equals({ kind = "contact", rank = 1 })
    expect((c:to_odoo({ Language = "de_DE" }, { current = { rank = 3 } }))):equals({ kind = "contact" })
  end)
  it("is pure: neither record nor context nor the next call see a trace", function()
    local c = compile '{ "A", "a", required = true }, { "B", "b", map.lower }, { nil, "rank", map.at_least(1) },'
    local record, ctx = { A = "x", B = "Y" }, { current = { rank = 0 } }
    local values, problems = c:to_odoo(record, ctx)
    values.a, problems[1] = "changed", "changed"
    expect({ c:to_odoo(record, ctx) }):equals({ { a = "x", b = "y", rank = 1 }, {} })
    expect({ record, ctx }):equals({ { A = "x", B = "Y" }, { current = { rank = 0 } } })
  end)
end)
