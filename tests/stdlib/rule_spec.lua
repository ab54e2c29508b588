--- Rules on records.

local null = require "navodoo.json".null
local rule = require "navodoo.rule"

local function broken_by(r, record, ctx) return (r.test(record, ctx or { creating = true })) end

describe("rule", function()
  local named = rule.public
  it("demands what is required, of a new record also that it is there", function()
    local r = named "posts to a group" { "Group", required = true }
    expect(broken_by(r, { Group = "DOMESTIC" })):is_nil()
    expect(broken_by(r, { Group = "" })):equals("Group is empty")
    expect(broken_by(r, { Group = "  " })):equals("Group is empty")
    expect(broken_by(r, { Group = null })):equals("Group is empty")
    expect(broken_by(r, {})):equals("Group is missing")
    expect(broken_by(r, {}, { creating = false })):is_nil()
    local why, way_out, field = r.test({ Group = "" }, {})
    expect({ why, way_out, field }):equals({ "Group is empty", "fill it in", "Group" })
  end)
  it("checks form, length and choice, and lets empty values pass", function()
    local form = named "digits" { "Fax", pattern = "^%d+$" }
    expect(broken_by(form, { Fax = "12" })):is_nil()
    expect(broken_by(form, { Fax = "" })):is_nil()
    expect(broken_by(form, { Fax = "12a" })):equals('Fax "12a" has not the expected form')
    local short = named "short" { "Name", max = 3 }
    expect(broken_by(short, { Name = "äöü" })):is_nil()
    expect(broken_by(short, { Name = "abcd" })):equals("Name has 4 characters, at most 3 are allowed")
    local one = named "known" { "Method", one_of = { "Manual", "Apply to Oldest" } }
    expect(broken_by(one, { Method = "Manual" })):is_nil()
    expect(broken_by(one, { Method = "Other" })):equals('Method "Other" is none of "Manual", "Apply to Oldest"')
  end)
  it("asks a function of several fields", function()
    local r = named "credit needs terms" { "Limit", "Terms", check = function(limit, terms, record)
      if limit > 0 and terms == "" then return false, ("%s has credit without terms"):format(record.No) end
      return true
    end }
    expect(broken_by(r, { No = "C1", Limit = 0, Terms = "" })):is_nil()
    expect(broken_by(r, { No = "C1", Limit = 1, Terms = "" })):equals("C1 has credit without terms")
    expect(broken_by(r, { No = "C1", Limit = 1 })):is_nil()
    local never = named "never" { "A", check = function() return false end }
    expect(broken_by(never, { A = 1 })):equals("A does not keep it")
  end)
  it("knows its place", function()
    local r = named "x" { "A", required = true }
    expect(r.line):equals(debug.getinfo(1, "l").currentline - 1)
    expect(r.file):matches("rule_spec%.lua$")
  end)
  it("refuses a rule that is no rule", function()
    expect.raises(function() named(1) end, "rule: a text is expected, got an integer")
    expect.raises(function() named "x" "Name" end, 'rule "x": a table is expected, got a string')
    expect.raises(function() named "x" { required = true } end, "no field is named")
    expect.raises(function() named "x" { "A" } end, "says nothing: give it one of check, max")
    expect.raises(function() named "x" { "A", requird = true } end, 'unknown key "requird" %(did you mean required%?%)')
    expect.raises(function() named "x" { "A", max = "3" } end, "max must be an integer, got a string")
    expect.raises(function() named "x" { "A", pattern = "[a" } end, "pattern: malformed pattern")
  end)
end)

describe("rule.vat", function()
  local vat = rule.vat { "VAT", country = "Country" }
  local function test(number, country) return (vat.test({ VAT = number, Country = country }, {})) end
  it("takes numbers with and without prefix, however they are spaced", function()
    for _, case in ipairs {
      { "DE123456789", "DE" }, { "123456789", "DE" }, { "de 123 456 789", "DE" }, { "ATU12345678", "AT" },
      { "U12345678", "AT" }, { "EL123456789", "EL" }, { "EL123456789", "GR" }, { "GR123456789", "GR" },
      { "GB123456789", "GB" }, { "123 4567 89", "UK" }, { "XI123456789", "GB" }, { "NL123456789B01", "NL" },
      { "FRXX123456789", "FR" }, { "ESA12345674", "ES" }, { "DE123456789", "" }, { "DE123456789" },
      { "CHE-123.456.788 MWST", "CH" }, { "12-3456789", "US" }, { "", "DE" }, { "RO12345678", "RO" },
      { "IE1234567FA", "IE" }, { "SE123456789001", "SE" }, { "BE0123456789", "BE" },
    } do
      expect(tostring(test(case[1], case[2]))):equals("nil")
    end
  end)
  it("takes the number of another country than the one the firm sits in", function()
    expect(test("DE123456789", "FR")):is_nil()
  end)
  it("refuses a number that is of no country", function()
    expect(test("DE12345678", "DE")):equals('VAT "DE12345678" is not a VAT number of DE')
    expect(test("12345", "AT")):equals('VAT "12345" is not a VAT number of AT')
    expect(test("ATU1234567", "DE")):matches("is not a VAT number of DE")
    local _, way_out, field = vat.test({ VAT = "1", Country = "DE" }, {})
    expect({ way_out, field }):equals({ "correct the number, or Country", "VAT" })
  end)
  it("refuses a wrong declaration", function()
    expect.raises(function() rule.vat {} end, "rule.vat: a field name is expected")
    expect.raises(function() rule.vat { "VAT", contry = "C" } end, 'unknown key "contry" %(did you mean country%?%)')
  end)
end)

describe("rule.email", function()
  local email = rule.email "E_Mail"
  it("takes one address or several", function()
    for _, v in ipairs { "a@b.example", "A.B+c@sub.b.example", "a@b.example; c@d.example", "", " " } do
      expect(tostring((email.test({ E_Mail = v }, {})))):equals("nil")
    end
    expect(email.test({}, { creating = true })):is_nil()
  end)
  it("names the one that is wrong", function()
    for _, v in ipairs { "a", "a@b", "a b@c.example", "@b.example", "a@b.", "a@@b.example" } do
      expect((email.test({ E_Mail = v }, {}))):matches("is not an e%-mail address")
    end
    expect(email.test({ E_Mail = "a@b.example;nobody" }, {})):equals('E_Mail "nobody" is not an e-mail address')
  end)
  it("is the only other rule with a name", function()
    expect.raises(function() return rule.public.emial end, "there is no rule.emial %(did you mean email%?%)")
  end)
end)
