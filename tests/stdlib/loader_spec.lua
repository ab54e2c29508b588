--- From text to compiled flows, or to all mistakes.

local loader = require "navodoo.loader"
local problem = require "navodoo.problem"

local HEAD <const> = [[
local navodoo = require "navodoo"
local flow, map, lookup, rule = navodoo.flow, navodoo.map, navodoo.lookup, navodoo.rule
return flow "t" {
  nav = { read = "Card", key = "No" }, odoo = { model = "res.partner" }, link = { xmlid = "t" },
]]

-- Compiles `fields = { ... }` and what else is given; the entries begin in line 6.
local function compile(fields, more, lookups)
  return loader.compile { file = "flows/t.lua", lookups = lookups,
                          source = HEAD .. "  fields = {\n" .. fields .. "\n}, " .. (more or "") .. "\n}" }
end

local function problems_of(source, lookups)
  local compiled, problems = loader.compile { file = "flows/t.lua", source = source, lookups = lookups }
  return compiled and "compiled" or problem.format_all(problems)
end

local function mistakes(fields, more, lookups)
  local compiled, problems = compile(fields, more, lookups)
  return compiled and "compiled" or problem.format_all(problems)
end

describe("loader.compile", function()
  it("gives what the engine asks for", function()
    local c = assert(compile([[
      { "No", "ref" },
      { "Country", "country_id", lookup.country },
      { { "A", "B" }, { "street", "street2" }, map.address },
      { nil, "customer_rank", map.at_least(1) },]],
      'create = { odoo = { lang = lookup.language { "Language" }, type = "contact" } }, '
      .. 'rules = { rule "r" { "Group", required = true } }',
      { country = 'return { EL = "GR" }' }))
    expect(c.name):equals("t")
    expect(c.file):equals("flows/t.lua")
    expect(c.directions):equals({ "nav_to_odoo" })
    expect(c.nav):equals({ read = "Card", write = "Card", key = { "No" }, where = {},
      watch = { every_ms = 30000 } })
    expect(c.odoo):equals({ model = "res.partner", where = {}, archived = false })
    expect(c.link):equals({ xmlid = "t", adopt = {}, unsure = "review" })
    expect(c.nav_fields):equals({ "A", "B", "Country", "Group", "Language", "No" })
    expect(c.odoo_fields):equals({ "country_id", "customer_rank", "lang", "ref", "street", "street2", "type" })
    expect(c.current_fields):equals({ "customer_rank" })
    expect(#c.lookup_needs):equals(2)
    local need = c.lookup_needs[1]
    expect({ need.name, need.nav_field, need.model, need.match, need.value }):equals(
      { "country", "Country", "res.country", "code", "id" })
    expect(need.table):equals({ EL = "GR" })
    expect({ need:code "EL", need:code "DE" }):equals({ "GR", "DE" })
    expect(c.lookup_needs[2].where):equals({ { "active", "=", true } })
    expect(c.entries[2].line):equals(7)
  end)

  it("reads watch, adopt and several keys", function()
    local c = assert(loader.compile { file = "flows/t.lua", source = [[
      local flow = require("navodoo").flow
      return flow "t" {
        nav = { read = "List", write = "Card", key = { "Type", "No" },
                watch = { stamp = "Last_Date_Modified", every = "5m", scan = "02:30" } },
        odoo = { model = "res.partner", where = { { "customer_rank", ">", 0 } }, archived = true },
        link = { xmlid = "t", adopt = { { "VAT", "vat" }, { "E_Mail", "email" } } },
        fields = { { "No", "ref" } },
      }]] })
    expect(c.nav):equals({ read = "List", write = "Card", key = { "Type", "No" }, where = {},
      watch = { stamp = "Last_Date_Modified", every_ms = 300000, scan = "02:30" } })
    expect(c.odoo):equals({ model = "res.partner", where = { { "customer_rank", ">", 0 } }, archived = true })
    expect(c.link.adopt):equals({ { nav = "VAT", odoo = "vat" }, { nav = "E_Mail", odoo = "email" } })
    expect(c.nav_fields):equals({ "E_Mail", "Last_Date_Modified", "No", "Type", "VAT" })
  end)
end)

describe("a flow with mistakes", function()
  it("is told all of them at once, each with its line and the nearest name", function()
    expect(problems_of [[
local navodoo = require "navodoo"
local flow, map, lookup, rule = navodoo.flow, navodoo.map, navodoo.lookup, navodoo.rule
return flow "t" {
  nav = { raed = "Card", key = 5, watch = { every = "10", scan = "25:00" } },
  odoo = { model = "res.partner", where = { { "a", "=" } } },
  link = { xmlid = "t t", adopt = { "VAT" }, unsure = "create" },
  fields = {
    { "No", "ref", requird = true },
    { "Name", "name", map.lowr },
    { "Zip", "zip", lookup.contry },
    { "City", "city", map.at_least "1" },
    { "A", "a", map.address },
    { "B", "b", max = 0 },
    { "C", "c", owner = "nva" },
    { "D", "d", function() end },
    { "E" },
    { nil, "f" },
    { { "G", "H" }, "g" },
    { "I", "ref" },
    "J",
    { "K", "k", map.lower, get = function() end },
  },
  rules = { rule.vta { "V" }, rule "x" { "W" }, "y" },
  creat = {},
}]]):equals([[
flows/t.lua:4:3: nav.read is missing
flows/t.lua:4:11: unknown key in nav: "raed" (did you mean read?)
flows/t.lua:4:26: nav.key must be a name or a list of names, got an integer
flows/t.lua:4:45: nav.watch.every: "10": expected a duration such as 250ms, 30s, 5m, 2h or 1d
flows/t.lua:4:59: nav.watch.scan: "25:00": expected a time of day such as 02:30
flows/t.lua:5:45: odoo.where: term 1 is not { field, operator, value }
flows/t.lua:6:12: link.xmlid: letters, digits and _ only, got "t t"
flows/t.lua:6:27: link.adopt: pair 1 is not { NAV property, Odoo field }
flows/t.lua:6:46: link.unsure: only "review" is possible, got "create" (did you mean review?)
flows/t.lua:8:20: unknown key in fields.1: "requird" (did you mean required?)
flows/t.lua:9: there is no map.lowr (did you mean lower?)
flows/t.lua:10: there is no lookup.contry (did you mean country?)
flows/t.lua:11: map.at_least: a whole number is expected, got 1
flows/t.lua:12:5: map.address takes 2 NAV fields and fills 2 of Odoo, not 1 and 1
flows/t.lua:13:17: max is a whole number, or one per version: { nav2018 = 50, bc = 100 }
flows/t.lua:14:17: owner is "nav" or "odoo", got "nva" (did you mean nav?)
flows/t.lua:15:5: a function stands after get = (NAV to Odoo) or put = (Odoo to NAV)
flows/t.lua:16:5: fields.9 names no Odoo field
flows/t.lua:17:5: no NAV field, and nothing that makes the value: give it a map or get =
flows/t.lua:18:5: 2 NAV fields to 1 of Odoo need a map or get =
flows/t.lua:19:5: "ref" is written twice: by the entry in line 8 and by this one
flows/t.lua:20:5: fields.13: a table is expected, got a string
flows/t.lua:21:5: get and map.lower both make the value; one has to go
flows/t.lua:23: rule "x": says nothing: give it one of check, max, one_of, pattern, required
flows/t.lua:23: there is no rule.vta (did you mean vat?)
flows/t.lua:23:49: rules.3 is no rule: write rule "what it demands" { "Field", ... }
flows/t.lua:24:3: unknown key "creat" (did you mean create?)]])
  end)
  it("is told what is missing", function()
    expect(problems_of 'local n = require "navodoo"\nreturn n.flow "T" {}'):equals([[
flows/t.lua:2: fields is missing
flows/t.lua:2: flow "T": the name is made of small letters, digits and _
flows/t.lua:2: link is missing
flows/t.lua:2: nav is missing
flows/t.lua:2: odoo is missing]])
    expect(mistakes ""):equals("flows/t.lua:5:3: fields is empty: nothing would be written")
    expect(mistakes('{ "No", "ref" },', 'nav = { read = "X" }')):equals(
      'flows/t.lua:7:4: nav.key is missing: the property that names a record, such as "No"')
  end)
  it("may be no flow at all", function()
    expect(problems_of ""):equals('flows/t.lua: this file returns nothing: write return flow "name" { ... }')
    expect(problems_of "return 5"):matches("returns an integer, not a flow")
    expect(problems_of "return { fields = {} }"):matches("returns a table, not a flow")
    expect(problems_of 'return require("navodoo").flow "x"'):matches("returns a function, not a flow")
    expect(problems_of 'return require("navodoo").flow(5)'):equals(
      'flows/t.lua: flow: a name is expected, got an integer: write flow "name" { ... }')
  end)
  it("may not even be Lua, or raise, or not end", function()
    expect(problems_of "local a =\nreturn {"):matches("^flows/t.lua:2: unexpected symbol near 'return'")
    expect(problems_of("\27Lua")):matches("attempt to load a binary chunk")
    expect(problems_of "\nlocal x\nreturn x.y"):equals(
      "flows/t.lua:3: attempt to index a nil value (local 'x')")
    expect(problems_of "\nerror 'on purpose'"):equals("flows/t.lua:2: on purpose")
    expect(problems_of "error()"):matches("^flows/t.lua:?1?: ")
    expect(problems_of "error({})"):matches("^flows/t.lua")
    expect(problems_of "\nwhile true do end"):equals(
      "flows/t.lua:2: this file does not come to an end: nothing runs while a flow loads")
    expect(problems_of "while true do pcall(error) end"):matches("does not come to an end")
    expect(problems_of("return " .. ("("):rep(500))):matches("C stack overflow")
  end)
  it("keeps the line when the file's name is long", function()
    local file = "flows/" .. ("long"):rep(30) .. ".lua"
    local _, problems = loader.compile { file = file, source = "\n\nlocal = 1" }
    expect(problems[1].line):equals(3)
    expect(problems[1].file):equals(file)
  end)
  it("refuses a name that is no option and values of the wrong type", function()
    expect(mistakes('{ "A", "a", required = 1, put = 2, max = { bc = "x" } },')):equals([[
flows/t.lua:6:13: fields.1.required must be a boolean, got an integer
flows/t.lua:6:27: fields.1.put must be a function, got an integer
flows/t.lua:6:36: max is a whole number, or one per version: { nav2018 = 50, bc = 100 }]])
    expect(mistakes('{ "A", "a", max = { nav2018 = 50, bc = 100 } },')):equals("compiled")
    expect(mistakes('{ "A", "a" },',
      "create = { odoo = { a = 1, b = 1.5, c = {}, d = lookup.country, e = navodoo.null } }"))
      :equals([[
flows/t.lua:7:24: "a" is written twice: by the entry in line 6 and by this one
flows/t.lua:7:31: create.odoo.b: a value, a lookup or a function is expected, got a float
flows/t.lua:7:40: create.odoo.c: a value, a lookup or a function is expected, got a table
flows/t.lua:7:48: create.odoo.d: name one field of NAV, as in lookup.country { "field" }
flows/t.lua:7:68: create.odoo.e: a value, a lookup or a function is expected, got null]])
  end)
end)

describe("the environment of a flow", function()
  it("offers pure functions and navodoo, and nothing else", function()
    for _, name in ipairs { "os", "io", "debug", "load", "dofile", "loadfile", "package", "collectgarbage", "print" } do
      expect(problems_of("local x = " .. name .. " return x")):matches("unknown name " .. name)
    end
    for _, name in ipairs { "string.dump", "math.random", "coroutine.running" } do
      expect(problems_of("local x = " .. name .. " return x == nil and 1")):matches("returns an integer")
    end
    expect(problems_of [[
      assert(select("#", 1, 2) == 2 and rawlen({ 1 }) == 1 and rawequal(1, 1) and ("x"):rep(2) == "xx")
      assert(pcall(error) == false and next({}) == nil and utf8.char(65) == "A" and math.type(1) == "integer")
      assert(coroutine.wrap(function() return 5 end)() == 5 and table.concat({ 1, 2 }) == "12")
      assert(getmetatable("") == nil and getmetatable(setmetatable({}, { a = 1 })).a == 1)
      assert(_G.string == string and _VERSION)
      return 5]]):matches("returns an integer")
  end)
  it("names what was meant", function()
    expect(problems_of 'return flow "x" {}'):matches("unknown name flow")
    expect(problems_of "local x = tabel return 5"):matches("unknown name tabel %(did you mean table%?%)")
    expect(problems_of "local n = require 'navodo' return 5"):matches(
      'require "navodo": a flow can require "navodoo" only %(did you mean navodoo%?%)')
    expect(problems_of "local n = require 'flows.vendor' return 5"):matches("can require \"navodoo\" only")
    expect(problems_of "x = 5"):matches("^flows/t.lua:1: x is made global: write local x")
    expect(problems_of "local n = require 'navodoo' local f = n.flwo return 5"):matches(
      "there is no navodoo.flwo %(did you mean flow%?%)")
    expect(problems_of "local n = require 'navodoo' n.map.mine = 5 return 5"):matches("map.mine cannot be assigned")
  end)
  it("is one of its own for every file", function()
    local _, problems = loader.compile_all { files = {
      { file = "flows/a.lua", source = "string.rep = nil table.x = 1 return 1" },
      { file = "flows/b.lua", source = "assert(string.rep and not table.x) return 1" },
    } }
    expect(problem.format_all(problems)):matches(
      "^flows/a.lua: this file returns an integer[^\n]*\nflows/b.lua: this file returns an integer")
  end)
end)

describe("loader.compile_all", function()
  local function source(name) return (HEAD:gsub('"t"', ("%q"):format(name), 1)) .. 'fields = { { "No", "ref" } } }' end
  it("keeps the order of the files", function()
    local flows = assert(loader.compile_all { files = {
      { file = "flows/b.lua", source = source "b" }, { file = "flows/a.lua", source = source "a" } } })
    expect({ flows[1].name, flows[2].name }):equals({ "b", "a" })
    expect(loader.compile_all { files = {} }):equals({})
  end)
  it("tells the mistakes of all files and lookups", function()
    local flows, problems = loader.compile_all {
      files = {
        { file = "flows/b.lua", source = source "b" }, { file = "flows/c.lua", source = source "b" },
        { file = "flows/a.lua", source = "return" }, { file = "flows/d.lua", source = "if" },
      },
      lookups = { country = "return { 5 }", language = "return", colour = "return {",
                  salesperson = "return os.time()" },
    }
    expect(flows):is_nil()
    -- a text that breaks off ends on its last line
    local _, cut = loader.compile { file = "flows/e.lua", source = "local x = 1\nif x then\n" }
    expect(problem.format_all(cut)):equals "flows/e.lua:2: 'end' expected (to close 'if' at line 2) near <eof>"
    expect(problem.format_all(problems)):equals([[
flows/a.lua: this file returns nothing: write return flow "name" { ... }
flows/c.lua:3: flow "b" is declared in flows/b.lua already
flows/d.lua:1: unexpected symbol near <eof>
flows/lookups/colour.lua:1: unexpected symbol near <eof>
flows/lookups/country.lua:1: lookup country: entry 1: codes are texts, values texts, whole numbers or booleans
flows/lookups/language.lua: a lookup returns a table of codes, this file returns nothing
flows/lookups/salesperson.lua:1: unknown name os]])
  end)
end)
