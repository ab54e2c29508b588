--- What `to_nav` makes of an Odoo record, and what a flow of both ways may declare.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local loader = require "navodoo.loader"
local problem = require "navodoo.problem"
local null = json.null

local HEAD <const> = [[
local navodoo = require "navodoo"
local flow, map, lookup, rule = navodoo.flow, navodoo.map, navodoo.lookup, navodoo.rule
local null, decimal = navodoo.null, navodoo.decimal
return flow "t" {
]]
local SIDES <const> = [[
  nav = { read = "CustomerCard", key = "No", number = { prefix = "O", digits = 6 } },
  odoo = { model = "res.partner", watch = { every = "1m" } }, link = { xmlid = "t" },
]]

local TABLES <const> = {
  country = 'return { values = { EL = "GR", UK = "GB", NI = "GB" }, back = { GB = "GB" } }',
  language = 'return { DEU = "de_DE", DEA = "de_DE", ENU = "en_US" }',
  colour = 'return { RED = "red", GREEN = 7 }',
  bus_group = 'return { from = "country", values = { DE = "DOMESTIC", EL = "EU" }, default = "EXPORT" }',
}

local function load(fields, more, sides)
  return loader.compile { file = "flows/t.lua", lookups = TABLES,
    source = HEAD .. (sides or SIDES) .. "  fields = {\n" .. fields .. "\n  }, " .. (more or "") .. "}" }
end

local function compile(...) return assert(load(...)) end
local function mistakes(...)
  local c, problems = load(...)
  return c and "compiled" or problem.format_all(problems)
end

local LOOKUPS <const> = { country = { GR = 88, DE = 57, GB = 231 }, language = { de_DE = 9 },
  back = { country = { [88] = "GR", [57] = "DE", [231] = "GB" } } }
local LINKS <const> = { customer = { nav = { C1 = 42 }, odoo = { [42] = "C1" } } }

local function back(c, record, creating, current)
  record.id = record.id or 7
  local values, problems = c:to_nav(record, { creating = creating, current = current, lookups = LOOKUPS,
                                              links = LINKS })
  return values, problems
end

describe("to_nav", function()
  local entries = {
    plain = '{ "X", "x" }', text = '{ "Name", "x" }', code = '{ "Post_Code", "x" }',
    option = '{ "Partner_Type", "x", map.choice({ [" "] = true, Company = true, Person = false }, '
      .. '{ [true] = "Company" }) }',
    blocked = '{ "Blocked", "x" }', money = '{ "Credit_Limit_LCY", "x", map.money }',
    flag = '{ "Prices_Including_VAT", "x" }', lower = '{ "E_Mail", "x", map.lower }',
    put = '{ "X", "x", put = function(v) return v end }',
    lookup = '{ "X", "x", lookup.country }',
    leave = '{ "X", "x", lookup.country { missing = "leave", blank = "leave" } }',
    table = '{ "X", "x", lookup.colour }', link = '{ "X", "x", lookup.link "customer" }',
  }
  local d = decimal.new "12.50"
  -- entry, what Odoo holds, what an update writes, what a creation writes; nil = not written
  local cases = {
    { "plain", nil, nil, nil },   { "put", nil, nil, nil },    { "lookup", nil, nil, nil }, { "link", nil, nil, nil },
    { "plain", false, "", nil },  { "text", false, "", nil },  { "code", false, "", nil },
    { "lower", false, "", nil }, { "plain", null, "", nil },   { "text", "", "", nil },     { "put", false, "", nil },
    { "lookup", false, "", nil }, { "leave", false, nil, nil }, { "table", false, "", nil }, { "link", false, "", nil },
    { "blocked", false, " ", nil }, { "money", false, decimal.new(0), nil }, { "flag", false, false, false },
    { "option", false, "Person", "Person" }, { "option", true, "Company", "Company" },
    { "plain", "a", "a", "a" },   { "text", "Ä", "Ä", "Ä" },   { "code", " sw1a ", "SW1A", "SW1A" },
    { "lower", "A@b.c", "A@b.c", "A@b.c" }, { "put", "a", "a", "a" }, { "money", d, d, d },
    { "flag", true, true, true },
    { "lookup", 57, "DE", "DE" }, { "lookup", 88, "EL", "EL" }, { "lookup", 231, "GB", "GB" },
    { "leave", 9999, nil, nil },  { "table", "red", "RED", "RED" }, { "table", 7, "GREEN", "GREEN" },
    { "link", 42, "C1", "C1" },
  }
  local compiled = {}
  for name, entry in pairs(entries) do compiled[name] = compile(entry) end
  for i, case in ipairs(cases) do
    local c, value = compiled[case[1]], case[2]
    it(("maps %s by a %s entry (%d)"):format(tostring(value), case[1], i), function()
      for k, creating in ipairs { false, true } do
        local values, problems = back(c, { x = value }, creating)
        expect(problem.format_all(problems)):equals("")
        expect(values[c.entries[1].nav[1]]):equals(case[2 + k])
      end
    end)
  end

  it("keeps what NAV has when it means the same", function()
    expect(back(compiled.lookup, { x = 231 }, false, { X = "NI" }).X):equals("NI")
    expect(back(compiled.lookup, { x = 231 }, false, { X = "DE" }).X):equals("GB")
    expect(back(compiled.option, { x = true }, false, { Partner_Type = " " }).Partner_Type):equals(" ")
    expect(back(compiled.option, { x = false }, false, { Partner_Type = " " }).Partner_Type):equals("Person")
  end)
  it("lets a function see what NAV holds", function()
    local c = compile [[{ "Blocked", "active", get = function(b) return b ~= "All" end,
      put = function(active, ctx)
        local now = ctx.current and ctx.current.Blocked or " "
        if not active then return "All" end
        return now == "All" and " " or now
      end }]]
    expect(back(c, { active = true }, false, { Blocked = "Ship" }).Blocked):equals("Ship")
    expect(back(c, { active = true }, false, { Blocked = "All" }).Blocked):equals(" ")
    expect(back(c, { active = false }, false, { Blocked = "Ship" }).Blocked):equals("All")
    expect(back(c, { active = true }, true).Blocked):equals(" ")
  end)
  it("carries two fields to two", function()
    local c = compile '{ { "Address", "Address_2" }, { "street", "street2" }, map.address }'
    expect(back(c, { street = "a", street2 = "b" })):equals({ Address = "a", Address_2 = "b" })
    expect(back(c, { street = false, street2 = "b" })):equals({ Address = "b", Address_2 = "" })
    expect(back(c, { street = "a", street2 = false })):equals({ Address = "a", Address_2 = "" })
    expect(back(c, { street = "a" })):equals({})
  end)
  it("explains what NAV could not hold or knows no code for", function()
    local cases_of_trouble = {
      { '{ "Name", "x" }', ("ä"):rep(51), "max", "x has 51 characters, NAV's Name holds 50" },
      { '{ "Name", "x", max = { nav2018 = 30, bc = 100 } }', ("a"):rep(31), "max",
        "x has 31 characters, NAV's Name holds 30" },
      { '{ "Name", "x", required = true }', false, "required", "x is empty" },
      { '{ "X", "x", lookup.country }', 5, "lookup country", "x 5: Odoo has no such res.country" },
      { '{ "X", "x", lookup.colour }', "blue", "lookup colour", 'x "blue": flows/lookups/colour.lua does not name it' },
      { '{ "X", "x", lookup.link "customer" }', 5, "lookup link customer",
        "x 5 has no record in NAV yet: the flow customer has not linked it" },
      { '{ "X", "x", put = function() return nil, "no" end }', "a", "put", "x: no" },
      { '{ "X", "x", put = function() return 0.5 end }', "a", "put",
        "X: a float (0.5) where an exact number is needed" },
    }
    for _, case in ipairs(cases_of_trouble) do
      local values, problems = back(compile(case[1]), { x = case[2] })
      expect(next(values)):is_nil()
      expect(#problems):equals(1)
      local p = problems[1]
      expect({ p.rule, p.text, p.value, p.line, p.field }):equals({ case[3], case[4], case[2], 8, "x" })
      expect(type(p.way_out)):equals("string")
    end
    local _, problems = back(compiled.link, { x = 5 })
    expect(problems[1].waits_for):equals({ flow = "customer", odoo = 5 })
  end)
  it("numbers a new record, and never writes a key otherwise", function()
    local c = compile '{ "No", "ref" }, { "Name", "name" }'
    expect(back(c, { ref = "X", name = "a", id = 42 }, true)):equals({ No = "O000042", Name = "a" })
    expect(back(c, { ref = "X", name = "a" }, false)):equals({ Name = "a" })
    local _, problems = back(c, { ref = "X", id = 1234567 }, true)
    expect(problems[1].text):equals("id: the id 1234567 does not fit into 6 digits")
    c = compile('{ "Name", "name" }', nil, SIDES:gsub('number = {.-}', 'number = "series", probe = "Search_Name"'))
    expect(back(c, { name = "a", id = 42 }, true)):equals({ Name = "a", Search_Name = "ODOO-42" })
    expect(c.policy):equals({ conflict = "review", gone = { from_nav = "review", from_odoo = "review" },
                              number = "series", probe = "Search_Name", create_in_nav = true })
  end)
  it("makes composite keys of parent and number", function()
    local c = compile('{ "Customer_No", "parent_id", lookup.link "customer" }, { "Name", "name" }', nil,
      (SIDES:gsub('key = "No"', 'key = { "Customer_No", "Code" }')))
    expect(back(c, { parent_id = 42, name = "a", id = 5 }, true)):equals(
      { Customer_No = "C1", Code = "O000005", Name = "a" })
    expect(back(c, { parent_id = 42, name = "a" })):equals({ Name = "a" })
    expect(c.nav_write_fields):equals({ "Customer_No", "Code", "Name" })
    expect(c.link_needs):equals({ { flow = "customer", nav_field = "Customer_No", odoo_field = "parent_id" } })
    expect(c.needs):equals({ "customer" })
    local values = c:to_odoo({ Customer_No = "C1", Name = "a" }, { creating = true, links = LINKS })
    expect(values):equals({ parent_id = 42, name = "a" })
    local _, problems = c:to_odoo({ Customer_No = "C2" }, { creating = true, links = LINKS })
    expect(problems[1].waits_for):equals({ flow = "customer", nav = "C2" })
  end)
  it("sets on creation what create says, in the order of the file", function()
    local c = compile('{ "Name", "name", on_create = true },', [[create = {
      nav = { Gen_Bus_Posting_Group = lookup.bus_group { "country_id" }, Customer_Posting_Group = "DOMESTIC",
              City = function(record) return record.city end },
      odoo = { comment = function(record) return "from " .. record.Name end } }]])
    expect(back(c, { name = "a", country_id = 57, city = "X" }, true)):equals({ Name = "a", No = "O000007",
      Gen_Bus_Posting_Group = "DOMESTIC", Customer_Posting_Group = "DOMESTIC", City = "X" })
    expect(back(c, { country_id = 88 }, true).Gen_Bus_Posting_Group):equals("EU")
    expect(back(c, { country_id = 231 }, true).Gen_Bus_Posting_Group):equals("EXPORT")
    expect(back(c, { name = "a", country_id = 57 })):equals({})
    expect(c.nav_write_fields):equals({ "No", "Name", "Gen_Bus_Posting_Group", "Customer_Posting_Group", "City" })
    expect((c:to_odoo({ Name = "a" }, { creating = true }))):equals({ name = "a", comment = "from a" })
    expect((c:to_odoo({ Name = "a" }, {}))):equals({})
    expect(c.lookup_needs[1].name):equals("country")
  end)
  it("writes an owner's field on the other side once, and one-way fields one way", function()
    local c = compile [[{ "E_Mail", "email", owner = "odoo" }, { "Phone_No", "phone", owner = "nav" },
      { "Name", "name", to = "nav" }, { "City", "city", to = "odoo" }, ]]
    local nav = { E_Mail = "a", Phone_No = "1", Name = "b", City = "c" }
    expect((c:to_odoo(nav, {}))):equals({ phone = "1", city = "c" })
    expect((c:to_odoo(nav, { creating = true }))):equals({ email = "a", phone = "1", city = "c" })
    local odoo = { email = "a", phone = "1", name = "b", city = "c" }
    expect(back(c, odoo)):equals({ E_Mail = "a", Name = "b" })
    expect(back(c, odoo, true)):equals({ E_Mail = "a", Phone_No = "1", Name = "b", No = "O000007" })
    expect(c.odoo_read_fields):equals({ "email", "name", "phone" })
    expect(c.odoo_fields):equals({ "city", "email", "phone" })
    expect(c.directions):equals({ "odoo_to_nav" })
    local ways = {}
    for i, e in ipairs(c.entries) do ways[i] = { e.to_odoo, e.to_nav } end
    expect(ways):equals({ { false, true }, { true, false }, { false, true }, { true, false } })
  end)
  it("keeps the rules of NAV for what it would write", function()
    local c = compile('{ "Name", "name" }, { "City", "city" }', [[rules = {
      rule "a group" { "Customer_Posting_Group", required = true }, rule "short" { "Name", max = 3 } }]])
    local now = { Customer_Posting_Group = "", Name = "long name" }
    expect(select(2, back(c, { name = "long name", city = "x" }, false, now))):equals({})
    local _, problems = back(c, { name = "other" }, false, now)
    expect(#problems):equals(1)
    expect({ problems[1].rule, problems[1].field, problems[1].text }):equals(
      { "short", "Name", "Name has 5 characters, at most 3 are allowed" })
    _, problems = back(c, { name = "a" }, true)
    expect(problems[1].rule):equals("a group")
  end)
  it("learns types and lengths from a schema", function()
    local c = compile '{ "Extra", "x" }, { "Name", "name" }'
    c:learn { nav = { fields = { Extra = { type = "decimal" }, Name = { type = "char", max = 5 } } } }
    expect(back(c, { x = false }).Extra):equals(decimal.new(0))
    expect(#select(2, back(c, { name = "123456" }))):equals(1)
  end)
end)

describe("a flow of both ways", function()
  it("says which ways it goes and how Odoo is watched", function()
    local c = compile('{ "Name", "name" }', 'conflict = "nav", gone = { from_nav = "archive", from_odoo = "block" }', [[
      nav = { read = "CustomerCard", key = "No", watch = { every = "10s" }, number = { prefix = "O", digits = 7 },
              where = { { "Blocked", "!=", "All" } }, block = { Blocked = "All" } },
      odoo = { model = "res.partner", watch = { every = "2m", hook = "partner", sweep = "03:15" } },
      link = { xmlid = "t", cluster = "partner" },]])
    expect(c.directions):equals({ "nav_to_odoo", "odoo_to_nav" })
    expect(c.odoo.watch):equals({ every_ms = 120000, hook = "partner", sweep = "03:15" })
    expect(c.nav.where):equals({ { "Blocked", "ne", "All" } })
    expect(c.nav.block):equals({ Blocked = "All" })
    expect(c.link.cluster):equals("partner")
    expect(c.policy):equals({ conflict = "nav", gone = { from_nav = "archive", from_odoo = "block" },
                              number = { prefix = "O", digits = 7 }, create_in_nav = true })
    expect(c.nav_write_fields):equals({ "No", "Name", "Blocked" })
  end)
  it("needs a way back for every entry that should have one", function()
    expect(mistakes '{ "X", "x", get = function(v) return v end }'):equals("flows/t.lua:8:1: x has no way back "
      .. 'into X: get has none; give the entry put = ..., or to = "odoo"')
    expect(mistakes '{ "X", "x", get = function(v) return v end, to = "odoo" }'):equals("compiled")
    expect(mistakes '{ "X", "x", map.choice { A = true, B = true } }'):matches('"A" and "B" both stand for true: say '
      .. "which of them is written into NAV, as in map.choice%({ ... }, { %[true%] = \"B\" }%)")
    expect(mistakes '{ "X", "x", lookup.language }'):matches('DEA, DEU stand for de_DE: say in '
      .. 'flows/lookups/language.lua which of them is written into NAV: back = { %["de_DE"%] = "DEA" }')
  end)
  it("tells all other mistakes of a declaration, each at its place", function()
    expect(mistakes([[{ "Name", "name", owner = "nva" },
{ "City", "city", owner = "nav", to = "nav" },
{ "Name", "display_name" },]], 'conflict = "revew", gone = { from_odoo = "block" }', [[
nav = { read = "C", key = { "A", "B" }, number = "serie", where = { { "A", "==", 1 } } },
odoo = { model = "m", watch = { every = "5 min", sweep = "25:00", hook = "A b" } }, link = { xmlid = "t" },]]))
      :equals([[
flows/t.lua:5:41: nav.number is "series", or { prefix = "O", digits = 7 }, got "serie" (did you mean series?)
flows/t.lua:5:69: nav.where: there is no operator ==; there are = != > >= < <=
flows/t.lua:6:33: odoo.watch.every: "5 min": expected a duration such as 250ms, 30s, 5m, 2h or 1d
flows/t.lua:6:50: odoo.watch.sweep: "25:00": expected a time of day such as 02:30
flows/t.lua:6:67: odoo.watch.hook: small letters, digits and _ only, got "A b"
flows/t.lua:7:19: owner is "nav" or "odoo", got "nva" (did you mean nav?)
flows/t.lua:8:19: owner = "nav" and to = "nav": nothing would ever be written
flows/t.lua:9:1: "Name" is written twice: by the entry in line 7 and by this one
flows/t.lua:10:6: conflict is "nav", "odoo", "review" or "newest", got "revew" (did you mean review?)
flows/t.lua:10:35: gone.from_odoo = "block" needs nav.block: what is written then, as in nav = ]]
      .. '{ ..., block = { Blocked = "All" } }')
    expect(mistakes('{ "Name", "name" }', nil, (SIDES:gsub('number = {.-}', 'number = "series"')))):matches(
      'nav.number = "series" needs nav.probe')
    expect(mistakes('{ "Name", "name" }', nil, (SIDES:gsub('key = "No"', 'key = { "A", "B" }')))):matches(
      "a new record of NAV would have no A: give it an entry")
  end)
end)
