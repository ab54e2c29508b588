--- The customer flow on its samples, and against the fields that every Odoo has.

local fs = require "navodoo.fs"
local json = require "navodoo.json"
local loader = require "navodoo.loader"

local function read(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read "a"
end

local function lookups()
  local out = {}
  for _, name in ipairs(fs.list "flows/lookups") do
    out[name:match "^(.*)%.lua$"] = read("flows/lookups/" .. name)
  end
  return out
end

local customer = assert(loader.compile {
  file = "flows/customer.lua", source = read "flows/customer.lua", lookups = lookups() })

-- What this Odoo knows.
local KNOWN <const> = {
  country = { DE = 57, GB = 231, GR = 88 },
  language = { en_US = 1, de_DE = 9 },
  payment_term = { ["Immediate Payment"] = 1, ["30 Days"] = 4 },
  salesperson = { PS = 7 },
}

describe("customer", function()
  it("tells what was wrong, with which value, and where to mend it", function()
    local sample = assert(json.decode(read "flows/samples/customer/refused.json"))
    local _, problems = customer:to_odoo(sample.nav, { creating = true, lookups = KNOWN })
    local country = problems[2]
    expect({ country.field, country.value, country.rule }):equals({ "Country_Region_Code", "ZZ", "lookup country" })
    expect(country.text):equals('Country_Region_Code "ZZ": no res.country in Odoo has the code "ZZ"')
    expect(country.way_out):equals('add ["ZZ"] = "..." to flows/lookups/country.lua, or correct it in NAV')
    for _, p in ipairs(problems) do
      expect(math.type(p.line)):equals("integer")
      expect(type(p.way_out)):equals("string")
    end
  end)
  it("reads and writes what it should, no more", function()
    expect(customer.nav.read):equals("CustomerCard")
    expect(customer.nav.watch.stamp):equals("Last_Date_Modified")
    expect(table.concat(customer.nav_fields, " ")):equals("Address Address_2 Blocked City "
      .. "Country_Region_Code Credit_Limit_LCY Customer_Posting_Group E_Mail Home_Page Language_Code "
      .. "Last_Date_Modified Name No Partner_Type Payment_Terms_Code Phone_No Post_Code Salesperson_Code "
      .. "VAT_Registration_No")
    expect(table.concat(customer.odoo_fields, " ")):equals("active city country_id credit_limit customer_rank "
      .. "email is_company lang name phone property_payment_term_id ref street street2 user_id vat website zip")
  end)
  it("fits the pages of NAV 2018 and the partners of Odoo 14 to 19", function()
    local nav, odoo = {}, {}
    for _, list in ipairs { customer.nav_fields, customer.nav_write_fields } do
      for _, name in ipairs(list) do nav[name] = { type = "char" } end
    end
    nav.Credit_Limit_LCY, nav.Last_Date_Modified = { type = "decimal" }, { type = "date" }
    for _, name in ipairs(customer.odoo_fields) do odoo[name] = { type = "char" } end
    odoo.active, odoo.is_company = { type = "boolean" }, { type = "boolean" }
    odoo.credit_limit, odoo.customer_rank = { type = "decimal" }, { type = "integer" }
    odoo.lang = { type = "selection", options = { "en_US" } }
    odoo.parent_id = { type = "many2one", relation = "res.partner" }
    odoo.country_id = { type = "many2one", relation = "res.country" }
    odoo.user_id = { type = "many2one", relation = "res.users" }
    odoo.property_payment_term_id = { type = "many2one", relation = "account.payment.term" }
    expect(customer:check { nav = { fields = nav }, odoo = { fields = odoo } }):equals({})
  end)
end)
