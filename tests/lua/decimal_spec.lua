--- navodoo.decimal: exact numbers among Lua values.

local decimal = require "navodoo.decimal"

local describe, it, expect = describe, it, expect

local D = decimal.new

local function text(d) return tostring(d) end

describe("decimal.new and decimal.parse", function()
  it("keep the digits as written", function()
    for _, s in ipairs { "0", "12.50", "-0.10", "1234567890123456789012345678901234567.8" } do
      expect(text(D(s))):equals(s)
      expect(text(decimal.parse(s))):equals(s)
    end
    expect(text(D("1.5e3"))):equals("1500")
    expect(text(D(-7))):equals("-7")
    expect(text(D(math.mininteger))):equals("-9223372036854775808")
    expect(text(D(D("1.50")))):equals("1.50")
  end)

  it("raise on a float, even a whole one", function()
    expect.raises(function() D(1.5) end, "float where an exact number is needed")
    expect.raises(function() D(2.0) end, "float where an exact number is needed")
  end)

  it("raise on anything that is no number", function()
    expect.raises(function() D("abc") end, "'abc': not a decimal number")
    expect.raises(function() D("1e38") end, "more than 38 digits")
    expect.raises(function() D(nil) end, "got nil")
    expect.raises(function() D(true) end, "got boolean")
    expect.raises(function() decimal.parse(1.5) end, "string expected")
  end)

  it("parse gives the reason instead of raising", function()
    local d, why = decimal.parse("1,5")
    expect(d):is_nil()
    expect(why):equals("not a decimal number")
    d, why = decimal.parse(("9"):rep(39))
    expect(d):is_nil()
    expect(why):equals("number needs more than 38 digits")
  end)

  it("decimal.is knows its own", function()
    expect(decimal.is(D(1))):is_true()
    for _, other in ipairs { 1, 1.5, "1", {}, false, io.stdout or print } do
      expect(decimal.is(other)):is_false()
    end
    expect(decimal.is(nil)):is_false()
  end)
end)

describe("decimal arithmetic", function()
  it("is exact", function()
    expect(text(D("0.1") + D("0.2"))):equals("0.3")
    expect(text(D("1234567890123456789012345.678") - D("0.001"))):equals("1234567890123456789012345.677")
    expect(text(D("12345678901234567.89") * D("98765432109876543.21")))
      :equals("1219326311370217952237463801111263.5269")
    expect(text(-D("1.50"))):equals("-1.50")
    expect(text(-D("0.00"))):equals("0.00")
  end)

  it("mixes with integers on either side", function()
    expect(text(D("1.50") + 1)):equals("2.50")
    expect(text(1 - D("0.25"))):equals("0.75")
    expect(text(3 * D("0.10"))):equals("0.30")
  end)

  it("refuses floats, texts and nil", function()
    expect.raises(function() return D("1") + 0.5 end, "float where an exact number is needed")
    expect.raises(function() return 0.5 * D("1") end, "float where an exact number is needed")
    expect.raises(function() return D("1") - "1" end, "got string")
    expect.raises(function() return "1" + D("1") end, "got string")
    expect.raises(function() return D("1") + nil end, "got nil")
    expect.raises(function() return D("1") < 1.5 end, "float where an exact number is needed")
    expect.raises(function() return D("1") < "2" end, "got string")
  end)

  it("raises instead of losing digits", function()
    local most = D(("9"):rep(38))
    expect.raises(function() return most + 1 end, "more than 38 digits")
    expect.raises(function() return most * most end, "more than 38 digits")
    expect.raises(function() return -most - 1 end, "more than 38 digits")
  end)

  it("has no slash", function()
    expect.raises(function() return D("1") / 3 end, "use d:div")
    expect.raises(function() return D("1") % 3 end, "arithmetic")
  end)
end)

describe("decimal comparison", function()
  it("is by value", function()
    expect(D("1.0") == D("1.00")):is_true()
    expect(D("1.0") == D("1.01")):is_false()
    expect(D("0") == D("-0.0")):is_true()
    expect(D("1") == 1):is_false() -- Lua never asks between userdata and number
    expect(D("1.5") < 2):is_true()
    expect(2 <= D("2.00")):is_true()
    expect(D("-1") > D("-1.5")):is_true()
    expect(D("1e-400") < D("1e37")):is_true()
  end)

  it("sorts", function()
    local list = { D("2"), D("-1.5"), D("10"), D("0.25") }
    table.sort(list, function(a, b) return a < b end)
    local texts = {}
    for i, d in ipairs(list) do texts[i] = text(d) end
    expect(texts):equals { "-1.5", "0.25", "2", "10" }
  end)
end)

describe("decimal rounding", function()
  it("knows every mode by name", function()
    local rows = {
      --  value   half_even half_up half_down up    down  ceiling floor
      { "2.5", "2", "3", "2", "3", "2", "3", "2" },
      { "-2.5", "-2", "-3", "-2", "-3", "-2", "-2", "-3" },
      { "1.5", "2", "2", "1", "2", "1", "2", "1" },
      { "0.4", "0", "0", "0", "1", "0", "1", "0" },
      { "-0.6", "-1", "-1", "-1", "-1", "0", "0", "-1" },
      { "2.00", "2", "2", "2", "2", "2", "2", "2" },
    }
    local modes = { "half_even", "half_up", "half_down", "up", "down", "ceiling", "floor" }
    for _, row in ipairs(rows) do
      for i, mode in ipairs(modes) do
        expect(text(D(row[1]):round(0, mode))):equals(row[i + 1])
        expect(text(D(row[1]):div(1, 0, mode))):equals(row[i + 1])
      end
    end
  end)

  it("gives exactly the scale that was asked for", function()
    expect(text(D("1.005"):round(2, "half_up"))):equals("1.01")
    expect(text(D("1.005"):round(2))):equals("1.00") -- half_even unless told
    expect(text(D("7"):round(2))):equals("7.00")
    expect(text(D("1250"):round(-2, "half_even"))):equals("1200")
    expect(D("1250"):round(-2, "up"):scale()):equals(0)
  end)

  it("divides to a scale", function()
    expect(text(D("10"):div(3, 4))):equals("3.3333")
    expect(text(D("-10"):div(D("3"), 2, "floor"))):equals("-3.34")
    expect(text(D("1"):div(D("8"), 3))):equals("0.125")
    expect.raises(function() D(1):div(0, 2) end, "division by zero")
    expect.raises(function() D(1):div(D("0.00"), 2) end, "division by zero")
    expect.raises(function() D(1):div(0.5, 2) end, "float")
    expect.raises(function() D(1):div(2) end, "number expected")
  end)

  it("refuses unknown modes and wild scales", function()
    expect.raises(function() D(1):round(0, "nearest") end, "invalid option 'nearest'")
    expect.raises(function() D(1):round(401) end, "scale out of range")
    expect.raises(function() D(1):round(-39) end, "scale out of range")
    expect.raises(function() D(1):round("x") end, "number expected")
  end)
end)

describe("decimal methods", function()
  it("tell what there is to tell", function()
    expect(text(D("-1.50"):abs())):equals("1.50")
    expect(D("-1.50"):sign()):equals(-1)
    expect(D("0.00"):sign()):equals(0)
    expect(D("3"):sign()):equals(1)
    expect(D("0.00"):is_zero()):is_true()
    expect(D("0.01"):is_zero()):is_false()
    expect(D("1.50"):scale()):equals(2)
    expect(text(D("1.50"):normalize())):equals("1.5")
    expect(text(D("100"):normalize())):equals("100")
    expect(text(D("0.00"):normalize())):equals("0")
  end)

  it("integer is exact or nothing", function()
    expect(D("2.00"):integer()):equals(2)
    expect(math.type(D("2.00"):integer())):equals("integer")
    expect(D("-9223372036854775808"):integer()):equals(math.mininteger)
    expect(D("9223372036854775808"):integer()):is_nil()
    expect(D("2.5"):integer()):is_nil()
  end)

  it("cannot be changed by a script", function()
    expect(getmetatable(D("1"))):equals("navodoo.decimal")
    expect.raises(function() setmetatable(D("1"), {}) end)
    expect.raises(function() D("1").x = 1 end)
  end)

  it("refuse another self", function()
    local round = D("1").round
    expect.raises(function() round(1, 2) end, "navodoo.decimal expected")
    expect.raises(function() round({}, 2) end, "navodoo.decimal expected")
  end)
end)
