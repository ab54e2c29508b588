--- Named transforms, both ways.

local decimal = require "navodoo.decimal"
local map = require "navodoo.map"
local null = require "navodoo.json".null

local function results(fn, ...) return table.pack(fn(...)) end

describe("map", function()
  it("empties and refuses alike in all text transforms", function()
    for _, name in ipairs { "lower", "upper", "trim", "compact", "url" } do
      expect(map[name].get("") == null):is_true()
      expect(map[name].get(null) == null):is_true()
      expect(results(map[name].get, 5)):equals({ nil, "a text is expected, got an integer", n = 2 })
      expect(map[name].arity):equals(1)
      expect(map[name].targets):equals(1)
    end
  end)
  it("changes case by Unicode", function()
    expect(map.lower.get "MÜLLER@Über.Example"):equals("müller@über.example")
    expect(map.upper.get "köln"):equals("KÖLN")
    expect(map.lower.put "Info@X.example"):equals("Info@X.example")
  end)
  it("trims", function()
    expect(map.trim.get "  a b\t"):equals("a b")
    expect(map.trim.put " x "):equals("x")
  end)
  it("compacts registration numbers, but for Swiss ones", function()
    expect(map.compact.get "DE 123.456-789"):equals("DE123456789")
    expect(map.compact.get "atu12345678"):equals("ATU12345678")
    expect(map.compact.get "GB123456789"):equals("GB123456789")
    for _, typed in ipairs { " che-123.456.788 MWST", "CHE123456788MWST", "CHE-123.456.788MWST" } do
      expect(map.compact.get(typed)):equals("CHE-123.456.788 MWST")
    end
    expect(map.compact.get "CHE123456788"):equals("CHE-123.456.788")
  end)
  it("gives addresses of the web their scheme", function()
    expect(map.url.get "www.mueller.example"):equals("http://www.mueller.example")
    expect(map.url.get "https://x.example/a"):equals("https://x.example/a")
    expect(map.url.get "  " == null):is_true()
  end)
  it("keeps amounts exact", function()
    local amount = decimal.new "12.50"
    expect(map.money.get(amount) == amount):is_true()
    expect(tostring(map.money.get(1000))):equals("1000")
    expect(decimal.is(map.money.get(0))):is_true()
    expect(map.money.get(null) == null):is_true()
    expect(results(map.money.get, 1.5)):equals({ nil, "an exact amount is expected, got a float", n = 2 })
    expect(results(map.money.get, "1.5")):equals({ nil, "an exact amount is expected, got a string", n = 2 })
    expect(map.money.put(amount) == amount):is_true()
  end)
  it("takes whole numbers only", function()
    expect(map.integer.get(3)):equals(3)
    expect(map.integer.get(decimal.new "3.00")):equals(3)
    expect(results(map.integer.get, decimal.new "3.9")):equals({ nil, "a whole number is expected, got 3.9", n = 2 })
    expect(results(map.integer.get, "3")):equals({ nil, "a whole number is expected, got 3", n = 2 })
  end)
  it("tells goods in stock, other goods and services as each Odoo does", function()
    local marked = map.item_type
    expect(results(marked.get, "Inventory")):equals { "consu", true, n = 2 }
    expect(results(marked.get, "Non-Inventory")):equals { "consu", false, n = 2 }
    expect(results(marked.get, "Service")):equals { "service", false, n = 2 }
    expect(results(marked.get, "Robot")):equals({ nil, nil, '"Robot" is no kind of item', n = 3 })
    expect(marked.put("consu", true, {}, "Type") .. marked.put("service", false, {}, "Type")):equals "InventoryService"
    expect(select(2, marked.put("consu", false, {}, "Type"))):matches "^Odoo keeps no stock of it"
    expect(marked.put("consu", false, { current = { Type = "Non-Inventory" } }, "Type")):equals "Non-Inventory"
    expect(marked.put("consu", true, { current = { Type = "Non-Inventory" } }, "Type")):equals "Inventory"
    expect(select(2, marked.put("combo", false, {}, "Type"))):equals '"combo" is no kind of item'
    local stocked, plain = marked.forms[2].map, marked.forms[5].map
    expect(stocked.get "Inventory" .. stocked.get "Non-Inventory" .. stocked.get "Service"):equals "productconsuservice"
    expect(stocked.put("product", {}, "Type")):equals "Inventory"
    expect(select(2, stocked.put("consu", {}, "Type"))):matches "^Odoo keeps no stock of it"
    expect(plain.get "Inventory" .. plain.put("consu", {}, "Type")):equals "consuInventory"
    expect(plain.put("consu", { current = { Type = "Non-Inventory" } }, "Type")):equals "Non-Inventory"
  end)
  it("gives constants", function()
    expect(map.constant("contact").get()):equals("contact")
    expect(map.constant(false).get()):equals(false)
    expect(map.constant(false).arity):equals(0)
    expect.raises(function() map.constant(1.5) end, "exact number is expected, got a float")
    expect.raises(function() map.constant {} end, "got a table")
  end)
  it("raises a number to at least n, never lowers it, and guesses nothing", function()
    local rank = map.at_least(1)
    expect(rank.get({ creating = true }, "customer_rank")):equals(1)
    expect(rank.get({ current = { customer_rank = 0 } }, "customer_rank")):equals(1)
    expect(rank.get({ current = { customer_rank = false } }, "customer_rank")):equals(1)
    expect(rank.get({ current = { customer_rank = 7 } }, "customer_rank")):is_nil()
    expect(rank.get({ current = {} }, "customer_rank")):is_nil()
    expect(rank.get({}, "customer_rank")):is_nil()
    expect.raises(function() map.at_least "1" end, "a whole number is expected, got 1")
  end)
  it("moves the second address line up when the first is blank", function()
    local get = map.address.get
    expect(results(get, "Main St 1", "Floor 2")):equals({ "Main St 1", "Floor 2", n = 2 })
    expect(results(get, "", "Floor 2")):equals({ "Floor 2", null, n = 2 })
    expect(results(get, "Main St 1", "")):equals({ "Main St 1", "", n = 2 })
    expect(results(map.address.put, "Main St 1", "Floor 2")):equals({ "Main St 1", "Floor 2", n = 2 })
    expect(map.address.arity):equals(2)
    expect(map.address.targets):equals(2)
  end)
  it("chooses one value for another", function()
    local kind = map.choice { [" "] = true, Company = true, Person = false }
    expect(kind.get " "):equals(true)
    expect(kind.get "Person"):equals(false)
    expect(kind.get "" == null):is_true()
    expect(results(kind.get, "Robot")):equals({ nil, '"Robot" is none of " ", "Company", "Person"', n = 2 })
    expect(kind.put):is_nil()
    expect(kind.gives):equals("boolean")
    local both = map.choice { A = "a", B = "b" }
    expect(both.put "b"):equals("B")
    expect(results(both.put, "c")[1]):is_nil()
    expect(map.choice { A = 1, B = "b" }.gives):is_nil()
    expect.raises(function() map.choice {} end, "a table of values is expected")
    expect.raises(function() map.choice { A = 0.5 } end, "A stands for a float")
  end)
  it("holds texts to a length counted as NAV counts", function()
    local cut = map.text { max = 3, policy = "cut" }
    expect(cut.get "äöü"):equals("äöü")
    expect(cut.get "abcd"):equals("abc")
    expect(cut.get "ab😀"):equals("ab")
    expect(results(map.text { max = 3 }.get, "abcd")):equals({ nil, "4 characters, at most 3 are allowed", n = 2 })
    expect.raises(function() map.text { max = 0 } end, "max must be a whole number above 0")
    expect.raises(function() map.text { max = 3, policy = "crop" } end, 'policy "crop" is not known')
  end)
  it("chooses back: what NAV has when it means the same, else what the second table says", function()
    local kind = map.choice({ [" "] = true, Company = true, Person = false }, { [true] = "Company" })
    local function put(v, now) return (kind.put(v, { current = now and { Type = now } or nil }, "Type")) end
    expect({ put(true), put(true, " "), put(true, "Company"), put(true, "Person"), put(false, " ") }):equals(
      { "Company", " ", "Company", "Company", "Person" })
    local unclear = map.choice { A = true, B = true }
    expect(unclear.put):is_nil()
    expect(unclear.why_no_put):matches '"A" and "B" both stand for true'
    local word = map.choice { A = "a", B = "b" }
    expect({ word.put("a"), word.put(false) }):equals({ "A", null })
    expect(select(2, word.put("c"))):equals '"c" is none of the values that NAV has an option for'
    expect.raises(function() map.choice({ A = true }, { [true] = "B" }) end,
      'true is to be written as "B", which does not stand for it')
    expect.raises(function() map.choice({ A = true }, 5) end, "the second table says what is written into NAV")
  end)
  it("takes Odoo's false for empty on the way back, and nowhere else", function()
    for _, name in ipairs { "lower", "upper", "trim", "compact", "url", "money", "integer" } do
      expect(map[name].put(false)):equals(null)
      expect(select(2, map[name].get(false))):matches "expected, got"
    end
    expect({ map.address.put(false, "b") }):equals({ "b", null })
    expect({ map.address.put("a", false) }):equals({ "a", null })
  end)
end)
