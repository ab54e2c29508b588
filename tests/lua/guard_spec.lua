-- task.guard, and the library functions that it could not stop: what a script may hold. The
-- ceiling of memory is in tests/lua/host/test_state.c.

local task = require "navodoo.task"

describe("task.guard", function()
  it("returns what the function returns", function()
    local function all(...) return select("#", ...), ... end
    expect({ all(task.guard(1000, function(a, b) return b, a, nil end, 1, 2)) })
      :equals { 4, true, 2, 1 }
    expect({ task.guard(nil, function() end) }):equals { true }
  end)

  it("returns an error with file and line", function()
    local ok, err = task.guard(nil, function() error("no such customer") end)
    expect(ok):is_false()
    expect(err.code):equals("bug")
    expect(err.text):matches("no such customer$")
    expect(err.file):matches("guard_spec.lua$")
    expect(math.type(err.line)):equals("integer")
    expect(err.traceback):matches("stack traceback")
  end)

  it("makes a value of whatever is raised", function()
    local function text(v)
      local ok, err = task.guard(nil, error, v)
      expect(ok):is_false()
      expect(err.code):equals("bug")
      return err.text
    end
    expect(text(nil)):equals("error raised with no message")
    expect(text("plain")):equals("plain")
    expect(text("with\0zero")):equals("with\0zero")
    expect(text(12)):equals("12")
    expect(text({ text = "from a table" })):equals("from a table")
    expect(text({})):matches("^table: ")
    expect(text(setmetatable({}, { __tostring = function() return "made" end }))):equals("made")
    expect(text(setmetatable({}, { __tostring = function() return true end }))):matches("must return a string")
    expect(text(setmetatable({}, { __tostring = function() error("worse") end }))):matches("worse")
    local endless = {}
    setmetatable(endless, { __tostring = function() error(endless) end })
    expect(text(endless)):matches("C stack overflow")
  end)

  it("stops a loop", function()
    local line = debug.getinfo(1, "l").currentline + 2
    local ok, err = task.guard(100000, function()
      while true do end
    end)
    expect(ok):is_false()
    expect(err.code):equals("budget")
    expect(err.text):matches(("guard_spec.lua:%d: instruction budget exceeded$"):format(line))
    expect(err.file):matches("guard_spec.lua$")
    expect(err.line):equals(line)
  end)

  it("stops a loop that hides in pcall", function()
    local function loop() while true do end end
    local ok, err = task.guard(100000, function()
      while true do pcall(loop) end
    end)
    expect(ok):is_false()
    expect(err.code):equals("budget")
    ok, err = task.guard(100000, pcall, loop) -- nothing runs after it
    expect(ok):is_false()
    expect(err.code):equals("budget")
    ok, err = task.guard(100000, function()
      while true do xpcall(loop, function(e) return e end) end
    end)
    expect(ok):is_false()
    expect(err.code):equals("budget")
  end)

  it("stops a loop in a message handler or in __tostring", function()
    local function loop() while true do end end
    local ok, err = task.guard(100000, xpcall, error, loop)
    expect(ok):is_false()
    expect(err.code):equals("budget")
    ok, err = task.guard(100000, function()
      while true do xpcall(error, loop) end
    end)
    expect(ok):is_false()
    expect(err.code):equals("budget")
    ok, err = task.guard(100000, error, setmetatable({}, { __tostring = loop }))
    expect(ok):is_false()
    expect(err.code):equals("budget")
  end)

  it("stops a loop in a <close> variable", function()
    local ok, err = task.guard(100000, function()
      local _ <close> = setmetatable({}, { __close = function() while true do end end })
    end)
    expect(ok):is_false()
    expect(err.code):equals("budget")
  end)

  it("stops a loop in a nested coroutine", function()
    for _, hide in ipairs { false, true } do
      local ok, err = task.guard(100000, function()
        local body = function() while true do end end
        if hide then
          while true do coroutine.resume(coroutine.create(body)) end
        end
        coroutine.wrap(body)()
      end)
      expect(ok):is_false()
      expect(err.code):equals("budget")
    end
  end)

  it("allows no finalizers, which no hook can stop", function()
    local ok, err = task.guard(nil, setmetatable, {}, { __gc = function() end })
    expect(ok):is_false()
    expect(err.text):matches("no finalizers")
    expect(getmetatable(setmetatable({}, { __index = { x = 1 } })).__index.x):equals(1)
  end)

  it("allows no list that is longer than a table can be", function()
    local endless = setmetatable({}, { __len = function() return 1 << 50 end, __index = type })
    for _, name in ipairs { "insert", "remove", "sort", "concat" } do
      local ok, err = task.guard(nil, table[name], endless, 1, 1)
      expect(ok):is_false()
      expect(err.text):matches("length of its own")
    end
    local ok, err = task.guard(nil, table.move, {}, 1, 1 << 50, 2)
    expect(ok):is_false()
    expect(err.text):matches("more than")
    ok, err = task.guard(nil, table.concat, {}, "", 1, 1 << 50)
    expect(ok):is_false()
    expect(err.text):matches("more than")
  end)

  it("bounds patterns that backtrack, and nothing that is reasonable", function()
    local long = ("a"):rep(20000)
    local calls = {
      function() return long:find(".-.-b") end,
      function() return long:match(("a*"):rep(9) .. "b") end,
      function() return long:gsub("^(a*)(a*)(a*)b", "") end,
      function() return long:gmatch("(a-)(a-)b")() end,
    }
    for _, call in ipairs(calls) do
      local ok, err = task.guard(nil, call)
      expect(ok):is_false()
      expect(err.text):matches("pattern takes too long on a text of 20000 bytes")
    end
    local text = "  " .. ("word "):rep(20000) .. "  "
    expect(#text:match("^%s*(.-)%s*$")):equals(99999)
    expect(select(2, text:gsub("%w+", "x"))):equals(20000)
    expect((("x"):rep(60) .. "@example.com"):match("^[%w._+-]+@[%w.-]+%.%a+$") ~= nil):is_true()
    expect(("a-b-c-d"):rep(10000):find("-c-d-e", 1, true)):is_nil()
  end)

  it("counts a coroutine made under an earlier guard", function()
    local _, co = task.guard(100000, function()
      return coroutine.create(function()
        coroutine.yield()
        while true do end
      end)
    end)
    coroutine.resume(co)
    local ok, err = task.guard(100000, function() assert(coroutine.resume(co)) end)
    expect(ok):is_false()
    expect(err.code):equals("budget")
  end)

  it("bounds the time of few but heavy instructions", function()
    local text = ("x"):rep(4 << 20)
    local ok, err = task.guard(nil, function()
      while true do local _ = text .. "y" end
    end)
    expect(ok):is_false()
    expect(err.code):equals("budget")
  end)

  it("leaves the task usable, with no hook behind", function()
    task.guard(1000, function() while true do end end)
    expect((debug.gethook())):is_nil()
    local n = 0
    for _ = 1, 100000 do n = n + 1 end
    task.sleep(0)
    expect(n):equals(100000)
    expect((task.guard(100000, function() return n end))):is_true()
  end)

  it("does not nest, and refuses nonsense", function()
    local ok, err = task.guard(nil, function() return task.guard(nil, function() end) end)
    expect(ok):is_false()
    expect(err.text):matches("do not nest")
    expect.raises(function() task.guard(-1, function() end) end, "negative budget")
    expect.raises(function() task.guard() end, "function expected")
    expect.raises(function() task.guard(1, {}) end, "function expected")
    expect.raises(function() task.guard({}, function() end) end, "number expected")
  end)

  it("works in a coroutine of the script's own", function()
    local ok, err = coroutine.wrap(function() return task.guard(1000, function() while true do end end) end)()
    expect(ok):is_false()
    expect(err.code):equals("budget")
  end)
end)
