--- navodoo.json: nothing is lost between JSON text and Lua values.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"

local describe, it, expect = describe, it, expect

local function same_text(text)
  expect(json.encode(json.decode(text))):equals(text)
end

describe("json.decode", function()
  it("keeps integers as integers, to the last one", function()
    expect(json.decode("[0,-0,9007199254740993,9223372036854775807,-9223372036854775808]"))
      :equals { 0, 0, 9007199254740993, math.maxinteger, math.mininteger }
    expect(math.type(json.decode("-0"))):equals("integer")
  end)

  it("makes an exact decimal of every other number", function()
    for _, text in ipairs { "1.0", "12.50", "-0.1", "9223372036854775808", "-9223372036854775809",
                            "123456789012345678901234567890.12345678" } do
      local value = json.decode(text)
      expect(decimal.is(value)):is_true()
      expect(tostring(value)):equals(text)
    end
    expect(tostring(json.decode("1e3"))):equals("1000")
    expect(tostring(json.decode("1.5e-3"))):equals("0.0015")
  end)

  it("refuses a number that cannot be kept exactly, and says where", function()
    local value, err = json.decode('{"a":\n [1, 1e38]}')
    expect(value):is_nil()
    expect(err.code):equals("json")
    expect(err.text):equals("line 2, column 6: number needs more than 38 digits")
    expect(err.line):equals(2)
    expect(err.column):equals(6)
    expect(err.offset):equals(11)
    expect(tostring(err)):equals(err.text)
  end)

  it("tells null, false, empty text and absence apart", function()
    local value = json.decode('{"null":null,"no":false,"empty":""}')
    expect(value.null == json.null):is_true()
    expect(value.no):is_false()
    expect(value.empty):equals("")
    expect(value.absent):is_nil()
  end)

  it("marks arrays and only arrays", function()
    expect(json.is_array(json.decode("[]"))):is_true()
    expect(json.is_array(json.decode("[1]"))):is_true()
    expect(json.is_array(json.decode("{}"))):is_false()
    expect(json.is_array(json.decode('[{"a":[]}]')[1])):is_false()
    expect(getmetatable(json.decode("[]")) == json.array_mt):is_true()
    expect(getmetatable(json.decode("{}"))):is_nil()
  end)

  it("reads escapes in values and keys", function()
    expect(json.decode('{"\\u006b\\n":"\\u00e9\\ud83d\\ude00\\u0000/"}'))
      :equals { ["k\n"] = "é😀\0/" }
  end)

  it("lets the last of equal keys win", function()
    expect(json.decode('{"a":1,"b":2,"a":3}')):equals { a = 3, b = 2 }
  end)

  it("reads rows whose keys differ in place, number and form", function()
    local rows = json.decode('[{"a":1,"b":2},{"b":3,"a":4},{"a":5},{"\\u0061":6,"b":7},{"aa":8,"":9},{}]')
    expect(rows):equals { { a = 1, b = 2 }, { b = 3, a = 4 }, { a = 5 }, { a = 6, b = 7 },
                          { aa = 8, [""] = 9 }, {} }
  end)

  it("reads objects with more keys, and deeper, than it prepares for", function()
    local parts, want = {}, {}
    for i = 1, 300 do
      parts[i] = ('"key %d":%d'):format(i, i)
      want["key " .. i] = i
    end
    local text = "{" .. table.concat(parts, ",") .. "}"
    expect(json.decode("[" .. text .. "," .. text .. "]")):equals { want, want }
    local deep = ('{"x":'):rep(20) .. text .. ("}"):rep(20)
    local value = json.decode(deep)
    for _ = 1, 20 do value = value.x end
    expect(value):equals(want)
  end)

  it("refuses what is not JSON", function()
    for _, text in ipairs { "", " ", "01", "[1,]", '{"a":1,}', "{a:1}", "'a'", "NaN", "[1 2]", "1 2", '"\t"',
                            '"\\x"', '"\xff"', '"\\ud800"', "\u{feff}1", "nul", "[", '{"a"}', "0x10", "+1" } do
      local value, err = json.decode(text)
      expect(value):is_nil()
      expect(err.code):equals("json")
      expect(err.text):matches("^line %d+, column %d+: ")
    end
  end)

  it("bounds nesting", function()
    local function nested(n) return ("["):rep(n) .. ("]"):rep(n) end
    expect(json.encode(json.decode(nested(64)))):equals(nested(64))
    local _, err = json.decode(nested(65))
    expect(err.text):equals("line 1, column 65: nested deeper than 64 levels")
    expect(json.encode(json.decode(nested(1024), { max_depth = 1024 }))):equals(nested(1024))
    expect(json.decode(nested(2), { max_depth = 1 })):is_nil()
  end)

  it("takes no more values than its budget", function()
    local rows = "[" .. ('{"a":1},'):rep(1000) .. "{}]"
    expect(#json.decode(rows, { budget = 20000 })):equals(1001)
    local got, err = json.decode(rows, { budget = 1000 })
    expect(got):is_nil()
    expect(err.text):matches "more values than are taken at once"
    for _, text in ipairs { "[" .. ("[],"):rep(5000000) .. "1]", "[" .. ("1,"):rep(8000000) .. "1]" } do
      local begin = os.clock()
      expect(json.decode(text, { budget = 3000000 })):is_nil()
      expect(os.clock() - begin < 2):is_true() -- a tenth of a second without sanitizers; the whole takes seconds
    end
  end)

  it("raises on misuse", function()
    expect.raises(function() json.decode(12) end, "string expected")
    expect.raises(function() json.decode() end, "string expected")
    expect.raises(function() json.decode("1", { max_depth = 0 }) end, "max_depth")
    expect.raises(function() json.decode("1", { max_depth = 1025 }) end, "max_depth")
  end)
end)

describe("json.encode", function()
  it("gives back what was decoded", function()
    for _, text in ipairs { "null", "true", "false", "0", "-12", '""', "[]", "{}", "[[],{}]", "12.50", "[null,1]",
                            '{"a":{"b":[1,2.0,"x"]},"c":""}', '"\\u0001\\n\\"\\\\/é😀"' } do
      same_text(text)
    end
  end)

  it("sorts keys bytewise", function()
    expect(json.encode { b = 1, a = 2, B = 3, ["a "] = 4, ["é"] = 5, [""] = 6, ["a\0"] = 7, aaaaaaaab = 8,
                         aaaaaaaaa = 9 })
      :equals('{"":6,"B":3,"a":2,"a\\u0000":7,"a ":4,"aaaaaaaaa":9,"aaaaaaaab":8,"b":1,"é":5}')
  end)

  it("sorts many keys, whatever order they came in", function()
    local t, keys, want = {}, {}, {}
    for i = 1, 500 do
      local key = ("key-%d"):format(i * 7919 % 1009)
      t[key] = i
      keys[i] = key
    end
    table.sort(keys)
    for i, key in ipairs(keys) do want[i] = ('"%s":%d'):format(key, t[key]) end
    expect(json.encode(t)):equals("{" .. table.concat(want, ",") .. "}")
  end)

  it("keeps the order that json.object gave, the rest sorted behind", function()
    local keys = { "z", "absent", "a", "z" }
    local t = json.object(keys, { a = 1, b = 2, c = 3, z = 4 })
    expect(json.encode(t)):equals('{"z":4,"a":1,"b":2,"c":3}')
    expect(json.encode(json.object(keys, { z = json.object({ "y", "x" }, { x = 1, y = 2 }), a = 0 })))
      :equals('{"z":{"y":2,"x":1},"a":0}')
    expect(json.encode(json.object({ "b", "a" }))):equals("{}")
    expect(json.encode(json.object({ "b" }, t))):equals('{"b":2,"a":1,"c":3,"z":4}')
  end)

  it("takes a list for an array, and an unmarked empty table for an object", function()
    expect(json.encode { 1, "a", { 2 } }):equals('[1,"a",[2]]')
    expect(json.encode {}):equals("{}")
    expect(json.encode(json.array {})):equals("[]")
    expect(json.encode(json.array())):equals("[]")
    expect(json.encode { json.null, json.null }):equals("[null,null]")
    local list = json.array { 3, 2, 1 }
    table.sort(list)
    table.remove(list)
    expect(json.encode(list)):equals("[1,2]")
  end)

  it("writes numbers exactly", function()
    expect(json.encode { math.maxinteger, math.mininteger, 0.1, 2.0, 1 / 3, 1e300, -0.0 })
      :equals("[9223372036854775807,-9223372036854775808,0.1,2.0,0.3333333333333333,1e+300,-0.0]")
    expect(json.encode(decimal.new("1234567890123.4500"))):equals("1234567890123.4500")
  end)

  it("refuses what has no JSON form, naming the path", function()
    local cycle = {}
    cycle.a = { cycle }
    local cases = {
      { { lines = { {}, { amount = print } } }, "lines[2].amount: a function has no JSON form", "lines[2].amount" },
      { { { { print } } }, "[1][1][1]: a function has no JSON form", "[1][1][1]" },
      { print, "a function has no JSON form", "" },
      { coroutine.create(print), "a thread has no JSON form", "" },
      { 0 / 0, "NaN and infinity have no JSON form", "" },
      { { x = math.huge }, "x: NaN and infinity have no JSON form", "x" },
      { { x = "\xff" }, "x: a string is not UTF-8", "x" },
      { { x = { ["\xff"] = 1 } }, "x: a key is not UTF-8", "x" },
      { { x = { 1, 2, y = 3 } }, "x: a table that is both array and object", "x" },
      { { 1, nil, 3 }, "an array with a hole", "" },
      { { 1, [1 << 40] = 2 }, "an array with a hole", "" },
      { { 1, [0] = 2 }, "an array with a hole", "" },
      { { 1, [1.5] = 2 }, "a table that is both array and object", "" },
      { { x = { [2] = 1 } }, "x: an object with a key that is not a string", "x" },
      { { [true] = 1 }, "an object with a key that is not a string", "" },
      { json.array { x = 1 }, "a table that is both array and object", "" },
    }
    for _, case in ipairs(cases) do
      local text, err = json.encode(case[1])
      expect(text):is_nil()
      expect(err.code):equals("json")
      expect(err.text):equals(case[2])
      expect(err.path):equals(case[3])
    end
    local text, err = json.encode(cycle)
    expect(text):is_nil()
    expect(err.text):matches("%.a%[1%]: nested too deep, or a table inside itself$")
    expect(err.text):matches("^%.%.%.")
  end)

  it("works again after a failure in the middle", function()
    expect(json.encode { a = 1, b = { c = print } }):is_nil()
    expect(json.encode { a = 1 }):equals('{"a":1}')
  end)

  it("runs no metamethod", function()
    local t = setmetatable({ a = 1 }, {
      __index = function() error("read") end,
      __pairs = function() error("walked") end,
      __len = function() error("measured") end,
    })
    expect(json.encode(t)):equals('{"a":1}')
    expect(json.is_array(t)):is_false()
  end)

  it("never replaces a metatable of somebody else", function()
    local t = setmetatable({}, {})
    expect.raises(function() json.array(t) end, "metatable")
    expect.raises(function() json.object({ "a" }, t) end, "metatable")
    expect.raises(function() json.object({ 1 }, {}) end, "list of strings")
    expect.raises(function() json.encode() end)
  end)
end)

describe("json.canonical", function()
  it("gives equal values equal text", function()
    local a = json.decode('{"b":1.50,"a":[2.0,100,0.00],"c":1e2}')
    local b = json.decode('{"c":100,"a":[2,1e2,0],"b":1.5}')
    expect(json.canonical(a)):equals('{"a":[2,100,0],"b":1.5,"c":100}')
    expect(json.canonical(b)):equals(json.canonical(a))
  end)

  it("does not care for the order of json.object, nor for floats", function()
    expect(json.canonical(json.object({ "z", "a" }, { a = 0.5, z = 2.0 }))):equals('{"a":0.5,"z":2}')
    expect(json.canonical(1e22)):equals(json.canonical(decimal.new("1e22")))
  end)

  it("tells null, empty text, empty array and empty object apart", function()
    expect(json.canonical { json.null, "", json.array {}, {} }):equals('[null,"",[],{}]')
  end)
end)

describe("a page of rows", function()
  it("survives the way there and back, collecting garbage all the time", function()
    local rows = {}
    for i = 1, 200 do
      rows[i] = { No = ("C%05d"):format(i), Name = "Møbel & Søn " .. i, Balance = decimal.new(i .. ".50"),
                  Blocked = false, Email = json.null, Lines = json.array {} }
    end
    local text = json.encode { value = rows }
    for _ = 1, 5 do
      collectgarbage()
      expect(json.encode(json.decode(text))):equals(text)
    end
    expect(json.decode(text)):equals { value = rows }
  end)
end)

describe("json.rows", function()
  local names, kinds = { "a", "b", "c", "d", "e" }, { "text", "number", "boolean", "id", "integer" }
  local function convert(column, v)
    if type(v) == "table" then return nil, "a list" end
    return column .. ":" .. json.encode(v)
  end
  local plan = { prefix = "m.", names = names, kinds = kinds, convert = convert }
  local function row(values) return (json.rows(plan, { { xmlid = "x1", write = values } }, 1, 10, 1000)) end
  local function rows(n, ...)
    local list = {}
    for i = 1, n do list[i] = { xmlid = "x" .. i, write = { a = "v" } } end
    return json.rows(plan, list, ...)
  end

  it("writes texts and exact numbers as they stand, and clears what is empty", function()
    expect(row { a = 'q"\n', b = decimal.new("2.50") }):equals('[["m.x1","q\\"\\n","2.50","","",""]]')
    expect(row { a = false, b = json.null, c = json.null, d = false, e = false })
      :equals('[["m.x1","","","","",""]]')
    expect(row { b = math.mininteger, c = false, d = 42 })
      :equals('[["m.x1","","-9223372036854775808","False","42",""]]')
    expect(row { c = true }):equals('[["m.x1","","","True","",""]]')
  end)
  it("has any other value converted, by its column", function()
    expect(row { a = 7, b = true, c = 1, d = -1, e = "x" })
      :equals('[["m.x1","1:7","2:true","3:1","4:-1","5:\\"x\\""]]')
  end)
  it("leaves rows out that have no text, and says why", function()
    local list = { { xmlid = "x1", write = { a = {} } }, { xmlid = "x2", write = {} },
                   { xmlid = "x3", write = { b = 1, e = {} } }, { xmlid = "x4", write = {} } }
    expect({ json.rows(plan, list, 1, 10, 1000) }):equals {
      '[["m.x2","","","","",""],["m.x4","","","","",""]]', 5, { [1] = { 1, "a list" }, [3] = { 5, "a list" } } }
  end)
  it("ends before the row that would be too many or too much", function()
    expect({ rows(3, 1, 2, 1000) }):equals { '[["m.x1","v","","","",""],["m.x2","v","","","",""]]', 3 }
    expect({ rows(3, 3, 2, 1000) }):equals { '[["m.x3","v","","","",""]]', 4 }
    expect({ rows(3, 1, 9, 30) }):equals { '[["m.x1","v","","","",""]]', 2 }
    expect({ rows(3, 1, 9, 1) }):equals { '[["m.x1","v","","","",""]]', 2 }
    expect({ rows(3, 4, 9, 1) }):equals { "[]", 4 }
  end)
  it("refuses what is no UTF-8", function()
    expect(pcall(row, { a = "\xff" })):is_false()
  end)
end)

describe("json.present", function()
  it("marks the names that have a value, null and false among them", function()
    expect(json.present({ a = false, c = json.null, d = 1 }, { "a", "b", "c" })):equals "101"
    expect(json.present({}, {})):equals ""
  end)
end)

describe("json.raw", function()
  it("stands for its text in encode, and has no canonical form", function()
    expect(json.encode { data = json.raw "[1,2]" }):equals('{"data":[1,2]}')
    expect(json.canonical { json.raw "[1]" }):is_nil()
    expect(pcall(json.raw, 1)):is_false()
  end)
end)
