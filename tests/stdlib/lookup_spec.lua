--- Lookups: tables of the flow folder, and the target model behind them.

local lookup = require "navodoo.lookup"
local problem = require "navodoo.problem"

local tables = {
  country = { EL = "GR" },
  bus_group = { model = "account.fiscal.position", match = "name", values = { EU = "Intra-EU" } },
  colour = { RED = "red", GREEN = "green" },
}

describe("lookup", function()
  local lookups = lookup.open(tables, "flows")
  it("has the built-in ones without any table", function()
    local bare = lookup.open({}, "flows")
    expect(bare.country.model):equals("res.country")
    expect(bare.currency.match):equals("name")
    expect(bare.payment_term.model):equals("account.payment.term")
    expect(bare.language.value):equals("code")
    expect(bare.language.where):equals({ { "active", "=", true } })
    expect(bare.country.file):equals("flows/lookups/country.lua")
  end)
  it("goes through the table, then falls back to the model", function()
    expect(lookups.country:code "EL"):equals("GR")
    expect(lookups.country:code "DE"):equals("DE")
    expect(lookups.bus_group:code "EU"):equals("Intra-EU")
    expect(lookups.bus_group:code "EXPORT"):equals("EXPORT")
    expect(lookups.bus_group.model):equals("account.fiscal.position")
  end)
  it("gives the table's own values where there is no model", function()
    expect(lookups.colour:code "RED"):equals("red")
    expect(lookups.colour:code "BLUE"):is_nil()
    expect(lookups.table "colour" == lookups.colour):is_true()
  end)
  it("makes a new lookup of a call, and leaves the old one alone", function()
    local named = lookups.bus_group { "Gen_Bus_Posting_Group" }
    expect(named.fields):equals({ "Gen_Bus_Posting_Group" })
    expect(lookups.bus_group.fields):is_nil()
    local kind = lookups.country { missing = "leave" }
    expect(kind.missing):equals("leave")
    expect(kind:code "EL"):equals("GR")
    expect(lookups.country.missing):equals("refuse")
  end)
  it("refuses names, options and values that there are not", function()
    expect.raises(function() return lookups.contry end, "there is no lookup.contry %(did you mean country%?%)")
    expect.raises(function() return lookups.table "couleur" end,
      "there is no lookup couleur: add flows/lookups/couleur.lua")
    expect.raises(function() return lookups.country { mising = "leave" } end,
      "unknown option mising %(did you mean missing%?%)")
    expect.raises(function() return lookups.country { missing = "ignore" } end, "missing cannot be ignore")
    expect.raises(function() return lookups.country "x" end, "a table is expected, got a string")
    expect.raises(function() return lookups.country { 5 } end, "field names are texts, got an integer")
  end)
  it("refuses tables that are none", function()
    local function open(content) return function() lookup.open({ x = content }, "flows") end end
    expect.raises(open { [1] = "a" }, "entry 1: codes are texts")
    expect.raises(open { A = 1.5 }, "entry A: codes are texts, values texts, whole numbers or booleans")
    expect.raises(open { model = "res.users", values = {} }, "match is missing: the field of res.users")
    expect.raises(open { model = "res.users", match = "login", values = {}, modle = "x" },
      'unknown key "modle" %(did you mean model%?%)')
    expect.raises(open { model = 5, match = "login", values = {} }, "model must be a text")
    expect.raises(open { model = "a", match = "b", value = "name", values = {} }, 'value is "id" or "code"')
  end)
end)

describe("lookups from right to left", function()
  local function open(content) return lookup.open(content, "flows") end
  it("read the table back, and keep what NAV has when it means the same", function()
    local country = open({ country = { values = { EL = "GR", UK = "GB", NI = "GB" }, back = { GB = "GB" } } }).country
    expect(country:has_way_back()):is_true()
    expect({ country:nav_code("GR"), country:nav_code("GB"), country:nav_code("DE") }):equals({ "EL", "GB", "DE" })
    expect({ country:nav_code("GB", "NI"), country:nav_code("GB", "DE"), country:nav_code("GB", "GB"),
             country:nav_code("GB", "") }):equals({ "NI", "GB", "GB", "GB" })
    local colour = open({ colour = { RED = "red" } }).colour
    expect({ colour:nav_code("red"), colour:nav_code("blue") }):equals({ "RED" })
  end)
  it("say what is unclear, and where to decide it", function()
    local language = open({ language = { DEU = "de_DE", DEA = "de_DE" } }).language
    local ok, why = language:has_way_back()
    expect(ok):equals(false)
    expect(why):equals('DEA, DEU stand for de_DE: say in flows/lookups/language.lua which of them is written into '
      .. 'NAV: back = { ["de_DE"] = "DEA" }')
    local group = open({ country = {}, bus_group = { from = "country", values = { DE = "EU" } } }).bus_group
    expect(select(2, group:has_way_back())):equals "lookup.bus_group is for create.nav"
    expect(group.codes_of.name):equals "country"
  end)
  it("tell mistakes in their files, at their line", function()
    local function mistake(content, places)
      local noted = problem.collect(nil, lookup.open, { country = content }, "flows", { country = places })
      return problem.format_all(noted)
    end
    expect(mistake({ values = { EL = "GR" }, back = { GR = "DE" } }, { ["back.GR"] = { line = 4 } })):equals(
      'flows/lookups/country.lua:4: lookup country: back: GR is to be written as "DE", which does not stand for it')
    expect(mistake({ EL = "EL" }, { EL = { line = 3 } })):equals("flows/lookups/country.lua:3: lookup country: EL "
      .. "stands for itself, as it would without an entry: say what Odoo calls it, or take it out")
    expect(mistake { GB = "GB", UK = "GB" }):equals ""
    expect(mistake { values = {}, from = "cuntry" }):matches "there is no cuntry %(did you mean country%?%)"
    expect(mistake { values = {}, back = 5 }):matches "back must be a table"
  end)
  it("ask the links of another flow", function()
    local link = open({}).link "customer"
    expect({ link.kind, link.link, link.name, link:has_way_back() }):equals(
      { "lookup", "customer", "link customer", true })
    expect(link { missing = "leave" }.link):equals "customer"
    expect.raises(function() open({}).link(5) end, "the name of a flow is expected, got an integer")
  end)
end)
