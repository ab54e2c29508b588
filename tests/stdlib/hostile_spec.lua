-- Flow files that want to hold the loop or eat the memory: each is refused, soon, with a
-- mistake that names the file. What tests/fuzz/fuzz_flow.c cannot try a thousand times.

local loader = require "navodoo.loader"

local HOSTILE <const> = {
  ["a loop"] = "while true do end",
  ["a loop in pcall"] = "while true do pcall(function() while true do end end) end",
  ["a loop in a message handler"] = "xpcall(error, function() while true do end end)",
  ["a loop in __tostring"] = "error(setmetatable({}, { __tostring = function() while true do end end }))",
  ["a loop in __close"] = "local x <close> = setmetatable({}, { __close = function() while true do end end })",
  ["a loop in __index"] = "local t t = setmetatable({}, { __index = function() return t.x end }) return t.x",
  ["short coroutines"] = "while true do coroutine.wrap(function() for _ = 1, 900 do end end)() end",
  ["a coroutine"] = "coroutine.wrap(function() while true do end end)()",
  ["a finalizer"] = "setmetatable({}, { __gc = function() while true do end end })",
  ["a pattern"] = "return (('a'):rep(100000)):find('.-.-b')",
  ["a nested pattern"] = "return (('a'):rep(30)):find(('a*'):rep(12) .. 'b')",
  ["a pattern in a loop"] = "while true do pcall(string.find, ('a'):rep(9000), '.-.-b') end",
  ["a substitution"] = "return (('a'):rep(30000)):gsub('.-b', 'c')",
  ["a repeat"] = "return ('x'):rep(1 << 40)",
  ["many lists"] = "while true do local t = {} for i = 1, 100 do t[i] = { i } end end",
  ["sorting in C"] = "local t = {} for i = 1, 50000 do t[i] = i % 7 end while true do pcall(table.sort, t) end",
  ["repeats"] = "while true do local s = ('x'):rep(1 << 24) end",
  ["a growing text"] = "local s = 'x' while #s < 1 << 28 do s = s .. s end while true do local t = s .. 'x' end",
  ["a moved list"] = "table.move({}, 1, math.maxinteger - 1, 2)",
  ["a list without an end"] = "table.insert(setmetatable({}, { __len = function() return 1 << 60 end }), 1, 1)",
  ["a sorted list without an end"] =
    "table.sort(setmetatable({}, { __len = function() return 1 << 30 end }), tonumber)",
  ["a joined list without an end"] = "table.concat(setmetatable({}, { __index = type }), '', 1, 1 << 60)",
  ["deep recursion"] = "local function f() return 1 + f() end f()",
  ["deep nesting"] = "return " .. ("{"):rep(300) .. ("}"):rep(300),
  ["an error without an end"] =
    "local e = setmetatable({}, {}) getmetatable(e).__tostring = function() error(e) end error(e)",
  ["a long error"] = "error(('x'):rep(1000000))",
  ["no error at all"] = "error()",
  ["an empty error"] = "error('')",
  ["zero bytes in its error"] = "error('\\0')",
  ["words for fields"] = 'local n = require "navodoo" return n.flow "x" { fields = { n.map, n.lookup, n.rule } }',
  ["a loop in what it declares"] = 'local loop = function() while true do end end return require "navodoo".flow "x" ('
    .. "{ nav = setmetatable({}, { __index = loop, __pairs = loop }) })",
  ["a table around what it declares"] = 'return require "navodoo".flow "x" (setmetatable({}, { __index = error }))',
  ["bytecode"] = string.dump(function() end),
}

-- Processor seconds that each may take: about a tenth, and what a loaded machine adds. Under a sanitizer
-- memory costs many times as much.
local function limit_of_this_build()
  local maps <close> = assert(io.open "/proc/self/maps")
  return maps:read "a":find("libasan", 1, true) and 5 or 0.3
end

describe("a hostile flow", function()
  local limit = limit_of_this_build()
  local names = {}
  for name in pairs(HOSTILE) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it(("with %s is refused soon"):format(name), function()
      local begin = os.clock()
      local flow, problems = loader.compile { file = "flows/hostile.lua", source = HOSTILE[name] }
      expect(flow):is_nil()
      expect(#problems >= 1):is_true()
      expect(problems[1].file):equals("flows/hostile.lua")
      expect(problems[1].text):matches "."
      local took = os.clock() - begin
      if took > limit then error(("%s: %.2f s"):format(name, took)) end
    end)
  end

  it("leaves the next one alone", function()
    local _, problems = loader.compile { file = "flows/next.lua", source = "return 1" }
    expect(problems[1].text):matches("returns an integer")
  end)
end)
