--- Flows against schemas.

local check = require "navodoo.check"
local loader = require "navodoo.loader"
local problem = require "navodoo.problem"

local NAV <const> = { fields = {
  No = { type = "char", max = 20 }, Name = { type = "char", max = 50 }, E_Mail = { type = "char", max = 80 },
  Balance = { type = "decimal" }, Copies = { type = "integer" }, Open = { type = "boolean" },
  Blocked = { type = "option", options = { " ", "Ship", "All" } }, Changed = { type = "date" },
  Country = { type = "char", max = 10 }, Address = { type = "char" }, Address_2 = { type = "char" },
} }

local ODOO <const> = { fields = {
  ref = { type = "char" }, name = { type = "char", required = true }, email = { type = "char", max = 40 },
  credit_limit = { type = "decimal" }, color = { type = "integer" }, active = { type = "boolean", required = true },
  country_id = { type = "many2one", relation = "res.country" }, user_id = { type = "many2one", relation = "res.users" },
  lang = { type = "selection", options = { "en_US", "de_DE" } }, date = { type = "date" },
  write_date = { type = "datetime", readonly = true }, category_id = { type = "many2many" },
  property_account_id = { type = "many2one", required = true }, comment = { type = "html" },
  type = { type = "selection", options = { "contact", "invoice" } },
  street = { type = "char" }, street2 = { type = "char" },
} }

local function problems_of(fields, more, schemas)
  local flow = assert(loader.compile { file = "flows/t.lua",
    lookups = { colour = 'return { A = "red" }', rank = "return { A = 5 }" }, source = [[
local navodoo = require "navodoo"
local flow, map, lookup, rule = navodoo.flow, navodoo.map, navodoo.lookup, navodoo.rule
return flow "t" {
  nav = { read = "Card", key = "No" }, odoo = { model = "res.partner" }, link = { xmlid = "t" },
  fields = { { "Name", "name" },
]] .. fields .. "}, " .. (more or "") .. "\n}" })
  return problem.format_all(check.run(flow, schemas or { nav = NAV, odoo = ODOO }))
end

-- The same without columns.
local function lines_of(...) return (problems_of(...):gsub("(flows/t.lua:%d+):%d+:", "%1:")) end

describe("check", function()
  it("finds nothing wrong with what fits", function()
    expect(lines_of([[
      { "No", "ref" }, { "E_Mail", "email", map.lower, max = 40 }, { "Balance", "credit_limit", map.money },
      { "Copies", "color", map.integer }, { "Open", "active" }, { "Country", "country_id", lookup.country },
      { "Country", "lang", lookup.language }, { "Changed", "date" }, { "Blocked", "comment" },
      { "Blocked", "type", map.choice { [" "] = "contact", Ship = "invoice", All = "contact" } },
      { { "Address", "Address_2" }, { "street", "street2" }, map.address },
    ]])):equals("")
    expect(lines_of '{ "Copies", "credit_limit" }, { "Balance", "color", get = function() return 1 end },')
      :equals("")
  end)
  it("names properties and fields that there are not, and the nearest", function()
    expect(problems_of('{ "Nmae", "naem" },\n{ "EMail", "ref" },',
      'rules = { rule "r" { "Contry", required = true } },\ncreate = { odoo = { commment = "x" } }')):equals([[
flows/t.lua:6:3: fields: Card has no property "Nmae" (did you mean Name?)
flows/t.lua:6:11: fields: res.partner has no field "naem" (did you mean name?)
flows/t.lua:7: rule "r": Card has no property "Contry" (did you mean Country?)
flows/t.lua:7:3: fields: Card has no property "EMail" (did you mean E_Mail?)
flows/t.lua:8:21: create: res.partner has no field "commment" (did you mean comment?)]])
  end)
  it("looks at key, stamp and adopt too", function()
    local flow = assert(loader.compile { file = "flows/t.lua", source = [[
return require("navodoo").flow "t" {
  nav = { read = "Card", key = "Nr", watch = { stamp = "Chnged" } }, odoo = { model = "res.partner" },
  link = { xmlid = "t", adopt = { "VAT", "vat" } }, fields = { { "Name", "name" } },
}]] })
    expect(problem.format_all(flow:check { nav = NAV, odoo = ODOO })):equals([[
flows/t.lua:2:26: nav.key: Card has no property "Nr"
flows/t.lua:2:48: nav.watch.stamp: Card has no property "Chnged" (did you mean Changed?)
flows/t.lua:3:35: link.adopt: Card has no property "VAT"
flows/t.lua:3:35: link.adopt: res.partner has no field "vat"]])
  end)
  it("refuses computed fields", function()
    expect(lines_of '{ "Changed", "write_date" },'):equals(
      'flows/t.lua:6: "write_date" of res.partner is computed by Odoo and cannot be written')
  end)
  it("refuses values of another kind than the field's", function()
    local cases = {
      { '{ "No", "color" }', '"color" is a whole number, No is a text' },
      { '{ "Balance", "ref" }', '"ref" is a text, Balance is an amount' },
      { '{ "Balance", "color" }', '"color" is a whole number, Balance is an amount' },
      { '{ "Balance", "color", map.money }', '"color" is a whole number, map.money gives an amount' },
      { '{ "No", "active" }', '"active" is a boolean, No is a text' },
      { '{ "Open", "ref" }', '"ref" is a text, Open is a boolean' },
      { '{ "Country", "country_id" }', '"country_id" is a link to a record, Country is a text' },
      { '{ "Country", "ref", lookup.country }', '"ref" is a text: lookup.country gives the id of a res.country' },
      { '{ "Country", "user_id", lookup.country }',
        '"user_id" links to res.users: lookup.country searches res.country' },
      { '{ "No", "color", lookup.colour }', '"color" is a whole number, No is a text' },
      { '{ "Balance", "country_id", lookup.country }', "Balance is an amount, lookup.country takes a code" },
      { '{ "Balance", "ref", map.lower }', "Balance is an amount, map.lower takes a text" },
      { '{ "No", "credit_limit", map.money }', "No is a text, map.money takes a number" },
      { '{ "Changed", "ref" }', '"ref" is a text, Changed is a date' },
      { '{ "No", "category_id" }', '"category_id" is a list of records, No is a text' },
      { '{ nil, "color", map.constant("x") }', '"color" is a whole number, map.constant gives a text' },
    }
    for _, case in ipairs(cases) do
      expect(lines_of(case[1] .. ",")):equals("flows/t.lua:6: " .. case[2])
    end
    expect(lines_of("", 'create = { odoo = { color = "x" } }')):equals(
      'flows/t.lua:6: "color" is a whole number, the value is a text')
    expect(lines_of '{ "No", "color", lookup.rank },'):equals("")
  end)
  it("refuses choices that a selection does not have", function()
    expect(lines_of [[{ "Blocked", "type",
      map.choice { [" "] = "contact", Ship = "contact", All = "invoic" } },]]):equals(
      'flows/t.lua:6: "type" has no choice "invoic"; it has contact, invoice (did you mean invoice?)')
    expect(lines_of '{ "Blocked", "type" },'):matches('"type" has no choice " "; it has contact, invoice')
    expect(lines_of("", 'create = { odoo = { lang = "de_AT" } }')):equals(
      'flows/t.lua:6: "lang" has no choice "de_AT"; it has en_US, de_DE')
  end)
  it("compares lengths", function()
    expect(lines_of '{ "E_Mail", "email" },'):equals(
      'flows/t.lua:6: E_Mail may have 80 characters, "email" holds 40: give the entry max = 40 or map.text')
    expect(lines_of '{ "E_Mail", "email", map.text { max = 40, policy = "cut" } },'):equals("")
    expect(lines_of '{ "No", "ref", max = 30 },'):equals("flows/t.lua:6: max is 30, but No holds 20 characters")
    expect(lines_of '{ "No", "ref", max = { nav2018 = 20, bc = 30 } },'):equals("")
  end)
  it("refuses sums of ledger entries, whichever way they would go", function()
    for _, line in ipairs { '{ "Inventory", "weight" }', '{ "Inventory", "weight", to = "odoo" }' } do
      local flow = assert(loader.compile { file = "flows/t.lua", source = [[
        local navodoo = require "navodoo"
        return navodoo.flow "t" {
          nav = { read = "ItemCard", key = "No" }, odoo = { model = "product.product" }, link = { xmlid = "t" },
          fields = { ]] .. line .. " } }" })
      local found = check.run(flow, { odoo = { fields = { weight = { type = "decimal" } } } })
      expect(#found):equals(1)
      expect(found[1].text):matches "^Inventory of ItemCard is a FlowField: NAV sums it up"
    end
  end)
  it("misses required fields that nothing fills", function()
    local odoo = { fields = { ref = ODOO.fields.ref, name = ODOO.fields.name, code = { type = "char", required = true },
                              kind = { type = "char", required = true, default = "x" } } }
    expect(lines_of("", nil, { nav = NAV, odoo = odoo })):equals(
      'flows/t.lua:3: res.partner needs a "code", which no entry writes')
  end)
  it("compares only the sides that it has a schema of", function()
    expect(lines_of('{ "Nmae", "naem" },', nil, {})):equals("")
    expect(lines_of('{ "Nmae", "naem" },', nil, { nav = NAV })):matches('has no property "Nmae"')
  end)
end)
