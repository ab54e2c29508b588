--- What `check.all` tells people of flows: functions, values there and back, flows beside
--- each other.

local check = require "navodoo.check"
local loader = require "navodoo.loader"
local outline = require "navodoo.outline"
local problem = require "navodoo.problem"

local SCHEMAS <const> = { odoo = { ["res.partner"] = { fields = {
  name = { type = "char" }, active = { type = "boolean" }, credit_limit = { type = "decimal" },
  email = { type = "char" }, date = { type = "date" }, parent_id = { type = "many2one", relation = "res.partner" },
  color = { type = "integer" }, street = { type = "char" }, street2 = { type = "char" }, ref = { type = "char" },
  is_company = { type = "boolean" }, country_id = { type = "many2one", relation = "res.country" },
  user_id = { type = "many2one", relation = "res.users" }, type = { type = "selection", options = { "a", "b" } },
} } } }

local function source_of(name, fields, more)
  more = more or {}
  return ([[
local navodoo = require "navodoo"
local flow, map, lookup, rule = navodoo.flow, navodoo.map, navodoo.lookup, navodoo.rule
local null, decimal = navodoo.null, navodoo.decimal
%s
return flow "%s" { nav = { read = "%s", key = "No", number = { prefix = "O", digits = 6 },
  watch = { stamp = "Last_Date_Modified" } %s },
  odoo = { model = "res.partner", watch = { every = "1m" } %s }, link = { xmlid = "%s" %s },
  fields = {
%s
  } %s }]]):format(more.before or "", name, more.page or "CustomerCard", more.nav or "", more.odoo or "",
    more.xmlid or name, more.link or "", fields, more.after or "")
end

local function check_all(files)
  local list, sources = {}, {}
  for i, f in ipairs(files) do
    list[i] = { file = f[1], source = f[2] }
    sources[f[1]] = f[2]
  end
  local flows, problems = loader.compile_all { files = list, schemas = SCHEMAS, lookups = {
    country = 'return { values = { UK = "GB", NI = "GB" }, back = { GB = "GB" } }' } }
  return problem.format_all(problems or check.all { flows = flows, sources = sources, schemas = SCHEMAS })
end

-- What is wrong with entries, which begin in line 9; with what stands before them.
local function wrong(fields, more) return check_all { { "flows/t.lua", source_of("t", fields, more) } } end

describe("the tokens of a source", function()
  it("tell numbers from names and texts", function()
    local texts = {}
    for _, t in ipairs(outline.tokens "a.b == 0.5 + 1e-3 .. '.5' -- 7\n+ .25 - 0x1E+2") do
      texts[#texts + 1] = t.kind == "number" and "<" .. t.text .. ">" or t.text
    end
    expect(table.concat(texts, " ")):equals "a . b == <0.5> + <1e-3> . . '.5' + <.25> - <0x1E> + <2>"
  end)
end)

describe("check.all on functions", function()
  it("keeps floats away from money", function()
    expect(wrong [[
    { "Credit_Limit_LCY", "credit_limit", get = function(v) return v * 1.19 end, to = "odoo" },
    { "Balance_LCY", "color", get = function(v)
      local n = tonumber(tostring(v))
      return math.floor(n / 2)
    end, to = "odoo" },]]):matches [[
^flows/t.lua:9:72: 1.19 is a float, and Credit_Limit_LCY is exact: write navodoo.decimal.new "1.19"
flows/t.lua:11:17: tonumber makes a float of Balance_LCY: it is a number already, and exact
flows/t.lua:12:19: math.floor takes no decimal: write a:round%(scale, mode%)
flows/t.lua:12:27: / makes a float of Balance_LCY: write a:div%(b, scale%)]]
  end)
  it("knows what an empty value of NAV is, and what of Odoo", function()
    expect(wrong [[
    { "Name", "name", to = "odoo", get = function(v)
      if v == nil then return "a" end
      if not v then return "b" end
      if v == false or v == null then return "c" end
      return v == "" and "d" or v
    end },
    { "E_Mail", "email", get = function(v) return v end, put = function(v)
      if v == nil or v == "" or v == null then return "" end
      return not v and "" or v
    end },
    { "Last_Date_Modified", "date", to = "odoo", get = function(v) if v == "" then return null end return v end },
    { "Credit_Limit_LCY", "credit_limit", to = "odoo", get = function(v)
      return v == 0 and null or v
    end },]]):equals [[
flows/t.lua:10:10: v is never nil here: an absent property is not mapped
flows/t.lua:11:14: v is always true in a condition, also when it is empty: compare it with ""
flows/t.lua:12:10: v is never false: that is Odoo's empty, NAV has ""
flows/t.lua:12:24: v is never null: an empty text of NAV is ""
flows/t.lua:16:10: v is never nil here: what is empty in Odoo is false
flows/t.lua:16:22: v is never "" here: what is empty in Odoo is false
flows/t.lua:16:33: v is never null here: what is empty in Odoo is false
flows/t.lua:19:71: v is never "": an empty date is null
flows/t.lua:21:14: v is a decimal: == never holds between it and a number; write v:is_zero()]]
  end)
  it("leaves alone what is right", function()
    expect(wrong([[
    { "Credit_Limit_LCY", "credit_limit", get = raise, put = function(v) return v end },
    { "Blocked", "active", get = function(b) return b ~= "All" end, put = function(on, ctx)
      local now = ctx.current and ctx.current.Blocked or " "
      if not on then return "All" end
      return now == "All" and " " or now
    end },]], { before = "local function raise(v) return v end" })):equals ""
  end)
  it("compares names with what there is, and parameters with what is given", function()
    expect(wrong([[
    { "Blocked", "active", get = function(b) return b ~= "All" end, put = function(on, ctx)
      local now = ctx.curent and ctx.current.Bloked
      return on and " " or now or "All"
    end },
    { { "Address", "Address_2" }, "street", get = function(a) return a end, to = "odoo" },]], { after = [[,
  create = { nav = { City = function(record) return record.nmae end } } ]] })):equals [[
flows/t.lua:10:23: ctx has no "curent" (did you mean current?)
flows/t.lua:10:46: CustomerCard has no field "Bloked" (did you mean Blocked?)
flows/t.lua:13:61: get gets 2 values (Address, ...), it takes 1
flows/t.lua:15:60: res.partner has no field "nmae" (did you mean name?)]]
  end)
end)

describe("check.all on values there and back", function()
  it("prints the smallest sample that does not come back", function()
    local cases = {
      { '{ "Name", "name", get = function(v) return v:sub(1, 3) end, put = function(v) return v or "" end }',
        'it does not come back: {"Name":"aB c"} gives {"name":"aB "}, and that gives {"Name":"aB "}' },
      { '{ "Blocked", "active", get = function(b) return b == "All" end, '
        .. 'put = function(on) return on and " " or "All" end }',
        'it does not come back: {"Blocked":" "} gives {"active":false}, and that gives {"Blocked":"All"}' },
      { '{ "Blocked", "active", get = function(b) return b ~= "All" end, '
        .. 'put = function(on) return on and " " or "All" end }',
        'it does not come back: {"Blocked":"Ship"} gives {"active":true}, and that gives {"Blocked":" "}' },
      { '{ "Name", "name", get = function(v) return v .. "!" end, put = function(v) return v end }',
        'it does not come back: {"Name":""} gives {"name":"!"}, and that gives {"Name":"!"}' },
      { '{ "Name", "name", put = function(v) return v and v:upper() or "" end }',
        'it does not come back: {"Name":"a"} gives {"name":"a"}, and that gives {"Name":"A"}' },
      { '{ "Credit_Limit_LCY", "credit_limit", get = function(v) return v:round(0) end, '
        .. 'put = function(v) return v end }',
        'it does not come back: {"Credit_Limit_LCY":0.01} gives {"credit_limit":0}, and that gives '
        .. '{"Credit_Limit_LCY":0}' },
      { '{ "Name", "active", get = function(v) return "yes" end, to = "odoo" }',
        'get makes yes of {"Name":""}, but active is of type boolean' },
      { '{ "Name", "name", to = "odoo", get = function(v) return v.first end }', nil },
      { '{ "Name", "name", to = "odoo", get = function(v) return v + 1 end }',
        'the way to Odoo fails on {"Name":""}: attempt to add a \'string\' with a \'number\'' },
    }
    for _, case in ipairs(cases) do
      local told = wrong(case[1])
      if case[2] then
        expect(told:find("flows/t.lua:9", 1, true)):equals(1)
        expect(told:find(case[2], 1, true) ~= nil and "found" or told):equals "found"
      else
        expect(told):equals ""
      end
    end
  end)
  it("takes one spelling for several, and codes in capitals", function()
    expect(wrong [[
    { "Name", "name" }, { "E_Mail", "email", map.lower }, { "Post_Code", "ref" },
    { "Country_Region_Code", "country_id", lookup.country },
    { { "Address", "Address_2" }, { "street", "street2" }, map.address },
    { "Partner_Type", "is_company",
      map.choice({ [" "] = true, Company = true, Person = false }, { [true] = "Company" }) },
    { "Credit_Limit_LCY", "credit_limit", map.money },
    ]]):equals ""
  end)
end)

describe("check.all on sides and policies", function()
  it("compares options, stamps and blocks with what NAV has", function()
    expect(wrong([[
    { "Blocked", "type", map.choice { [" "] = "a", Shipping = "b", All = "b" }, to = "odoo" },
    { "Balance_LCY", "credit_limit", map.money },]], { nav = ', block = { Blocked = "Yes" }',
      after = ', conflict = "newest", gone = { from_odoo = "block" }' })):equals([[
flows/t.lua:6:56: Blocked has no option "Yes"; it has " ", "Ship", "Invoice", "All"
flows/t.lua:9:26: Blocked can be "Invoice", which map.choice does not name: such records would be refused
flows/t.lua:9:26: Blocked can be "Ship", which map.choice does not name: such records would be refused
flows/t.lua:9:26: Blocked has no option "Shipping"; it has " ", "Ship", "Invoice", "All"
flows/t.lua:10:7: Balance_LCY of CustomerCard is computed by NAV and cannot be written: to = "odoo"
flows/t.lua:11:7: conflict = "newest" needs stamps below a second on both sides; Last_Date_Modified is a date: ]]
      .. 'use "review", "nav" or "odoo"')
  end)
  it("finds records of its own that it would not watch", function()
    expect(wrong('{ nil, "color", map.at_least(0) },', { odoo = ', where = { { "color", ">", 0 } }' })):matches(
      "odoo.where: color > 0, but 0 is written")
    expect(wrong('{ "Name", "name" },', { odoo = ', where = { { "color", ">", 0 }, { "ref", "=", "x" } }' })):matches(
      "odoo.where: color > 0, but nothing writes color$")
    expect(wrong('{ "Name", "name" },', { odoo = ', where = { { "type", "=", "a" } }',
      after = ', create = { odoo = { type = "b" } }' })):matches 'type = a, but b is written'
    expect(wrong('{ "Name", "name" }, { nil, "color", map.at_least(1) },', {
      odoo = ', where = { { "color", ">", 0 }, { "parent_id", "=", false } }' })):equals ""
    expect(wrong('{ "Name", "name" },', { odoo = ', where = { { "parent_id.color", ">", 0 } }' })):equals ""
  end)
  it("misses what a rule will demand of new records", function()
    expect(wrong('{ "Name", "name" },', { after = [[,
  rules = { rule "a group" { "Customer_Posting_Group", required = true } }]] })):equals(
      'flows/t.lua:11: rule "a group" refuses every new record of NAV: nothing writes Customer_Posting_Group; '
      .. "add it to create.nav")
  end)
end)

describe("check.all on flows beside each other", function()
  local customer = { "flows/customer.lua", source_of("customer", '{ "Name", "name" }, { "E_Mail", "email" },',
    { link = ', cluster = "partner"' }) }
  local function vendor(fields, more)
    more = more or {}
    more.page, more.link = "VendorCard", more.link or ', cluster = "partner"'
    return check_all { customer, { "flows/vendor.lua", source_of("vendor", fields, more) } }
  end
  it("wants one owner of a field that two cards write", function()
    expect(vendor '{ "Name", "name", shared = "customer" }, { "City", "ref" },'):equals ""
    expect(vendor '{ "Name", "name" },'):equals('flows/vendor.lua:9:1: "name" of res.partner is written by flow '
      .. 'customer too (flows/customer.lua:9): say which card owns it, as in shared = "customer"')
    expect(vendor '{ "Name", "name", to = "nav" },'):equals ""
  end)
  it("wants flows of one model to be a cluster or to exclude each other", function()
    expect(vendor('{ "City", "ref" },', { link = " " })):matches('flows/vendor.lua:7:%d+: records of res.partner '
      .. 'may belong to flow customer too %(flows/customer.lua%): let the odoo.where of both exclude each other')
    local only = ', where = { { "parent_id", "=", false } }'
    local rest = ', where = { { "parent_id", "!=", false } }'
    expect(check_all { { "flows/a.lua", source_of("a", '{ "Name", "name" },', { odoo = only }) },
      { "flows/b.lua", source_of("b", '{ "Name", "name" },', { odoo = rest, page = "VendorCard" }) } }):equals ""
    expect(vendor('{ "City", "ref" },', { xmlid = "customer" })):matches 'external ids would collide'
  end)
  it("knows the flows that are named", function()
    expect(vendor '{ "Name", "name", shared = "custmer" },'):equals(
      'flows/vendor.lua:9:1: "name" of res.partner is written by flow customer too (flows/customer.lua:9): '
      .. 'say which card owns it, as in shared = "customer"\n'
      .. 'flows/vendor.lua:9:19: shared names a flow of the cluster; there is no "custmer" (did you mean customer?)')
    expect(vendor '{ "City", "ref", shared = "customer" },'):equals(
      'flows/vendor.lua:9:18: flow customer does not write "ref", so its card cannot own it')
    expect(vendor '{ "Our_Account_No", "user_id", lookup.link "customers" },'):equals(
      'flows/vendor.lua:9:1: lookup.link names a flow; there is no "customers" (did you mean customer?)')
    expect(vendor '{ "Our_Account_No", "user_id", lookup.link "customer" },'):equals(
      'flows/vendor.lua:9:1: "user_id" does not link to res.partner, which flow customer writes')
  end)
end)
