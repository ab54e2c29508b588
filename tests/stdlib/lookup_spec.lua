--- Lookups: tables of the flow folder, and the target model behind them.

local lookup = require "navodoo.lookup"

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
