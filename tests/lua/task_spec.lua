-- Tasks, sleeping, events and locks, as a script sees them; guards are in guard_spec.lua. What
-- needs a look from outside is in tests/lua/host/test_state.c.

local json = require "navodoo.json"
local task = require "navodoo.task"
local time = require "navodoo.time"

-- Runs `fn` in a task of its own; raises what it raises, or that it never ended.
local function finish(fn)
  local done, ok, err = task.event(), false, "still waiting"
  task.spawn(function()
    ok, err = pcall(fn)
    done:set()
  end)
  done:wait(20000)
  if not ok then error(err, 0) end
end

-- Waits until it is so, also on a machine that is slow.
local function eventually(condition)
  local begin = time.monotonic()
  while not condition() and time.monotonic() - begin < 20000 do task.sleep(1) end
end

-- A list that tasks write to, and whose text is compared.
local function trace()
  local list = {}
  return function(what) list[#list + 1] = what end, function() return table.concat(list, " ") end
end

describe("task.spawn", function()
  it("starts a task from the loop, never inside the call", function()
    local note, seen = trace()
    task.spawn(note, "spawned")
    note("caller")
    task.sleep(0)
    expect(seen()):equals("caller spawned")
  end)

  it("starts tasks in the order of spawning", function()
    local note, seen = trace()
    for i = 1, 5 do task.spawn(note, i) end
    task.sleep(0)
    expect(seen()):equals("1 2 3 4 5")
  end)

  it("passes every argument, also nil and a great many", function()
    local got, count
    task.spawn(function(...) got, count = { ... }, select("#", ...) end, nil, 1, nil)
    task.sleep(0)
    expect(count):equals(3)
    expect(got[2]):equals(1)
    local many = {}
    for i = 1, 5000 do many[i] = i end
    task.spawn(function(...) count = select("#", ...) end, table.unpack(many))
    task.sleep(0)
    expect(count):equals(5000)
  end)

  it("refuses what is no function", function()
    expect.raises(function() task.spawn() end, "function expected")
    expect.raises(function() task.spawn({}) end, "function expected")
  end)

  it("lets others go on when one task raises", function()
    local note, seen = trace()
    for _, bad in ipairs { "text", json.null, {} } do task.spawn(error, bad) end
    task.spawn(error, nil)
    task.spawn(error, setmetatable({}, { __tostring = function() error {} end }))
    task.spawn(error, setmetatable({}, { __tostring = function() return {} end }))
    task.spawn(function()
      task.sleep(1)
      note("alive")
    end)
    eventually(function() return seen() ~= "" end)
    expect(seen()):equals("alive")
  end)

  it("runs <close> variables of a task that raises", function()
    local note, seen = trace()
    task.spawn(function()
      local _ <close> = setmetatable({}, { __close = function() note("closed") end })
      task.sleep(0)
      error("on purpose")
    end)
    eventually(function() return seen() ~= "" end)
    expect(seen()):equals("closed")
  end)

  it("ends a task that yields by itself", function()
    local note, seen = trace()
    task.spawn(function()
      local _ <close> = setmetatable({}, { __close = function() note("ended") end })
      coroutine.yield(1, 2, 3)
      note("went on")
    end)
    eventually(function() return seen() ~= "" end)
    task.sleep(1)
    expect(seen()):equals("ended")
  end)

  it("keeps the count of ten thousand tasks", function()
    local n = 0
    for _ = 1, 10000 do
      task.spawn(function()
        task.sleep(0)
        n = n + 1
      end)
    end
    finish(function()
      while n < 10000 do task.sleep(1) end
    end)
    expect(n):equals(10000)
  end)
end)

describe("task.sleep", function()
  it("wakes in the order of the times", function()
    local note, seen = trace()
    for _, ms in ipairs { 90, 30, 60 } do
      task.spawn(function()
        task.sleep(ms)
        note(ms)
      end)
    end
    eventually(function() return #seen() == 8 end)
    expect(seen()):equals("30 60 90")
  end)

  it("takes at least its time", function()
    local begin = time.monotonic()
    task.sleep(15)
    expect(time.monotonic() - begin >= 15):is_true()
  end)

  it("wakes equal times in the order of asking", function()
    local note, seen = trace()
    for i = 1, 5 do
      task.spawn(function()
        task.sleep(0)
        note(i)
      end)
    end
    eventually(function() return #seen() == 9 end)
    expect(seen()):equals("1 2 3 4 5")
  end)

  it("takes a past time, a fraction or no number as it should", function()
    task.sleep(-1)
    task.sleep(0.5)
    task.sleep(0 / 0)
    expect.raises(function() task.sleep() end, "number expected")
    expect.raises(function() task.sleep("soon") end, "number expected")
  end)

  it("never wakes from a time beyond all clocks", function()
    local woke = false
    for _, ms in ipairs { math.huge, math.maxinteger, 1e300 } do
      task.spawn(function()
        task.sleep(ms)
        woke = true
      end)
    end
    task.sleep(20)
    expect(woke):is_false()
  end)
end)

describe("an event", function()
  it("wakes everybody who waits, first come first woken", function()
    local note, seen = trace()
    local e = task.event()
    for i = 1, 3 do
      task.spawn(function()
        e:wait()
        note(i)
      end)
    end
    task.sleep(1)
    e:set()
    task.sleep(1)
    expect(seen()):equals("1 2 3")
    expect(e:wait(0)):is_false()
  end)

  it("is kept for the next wait when nobody waits, once", function()
    local e = task.event()
    e:set()
    e:set()
    expect(e:wait(0)):is_true()
    expect(e:wait(0)):is_false()
  end)

  it("tells a time-out from being set", function()
    local e = task.event()
    local begin = time.monotonic()
    expect(e:wait(10)):is_false()
    expect(time.monotonic() - begin >= 10):is_true()
    task.spawn(function()
      task.sleep(1)
      e:set()
    end)
    expect(e:wait(5000)):is_true()
  end)

  it("takes a time that has passed as no time at all", function()
    expect(task.event():wait(-5)):is_false()
  end)

  it("is not set off by the time-out of another waiter", function()
    local note, seen = trace()
    local e = task.event()
    task.spawn(function() note(tostring(e:wait(5))) end)
    task.spawn(function() note(tostring(e:wait(60000))) end)
    eventually(function() return seen() ~= "" end)
    expect(seen()):equals("false")
    e:set()
    task.sleep(1)
    expect(seen()):equals("false true")
  end)

  it("with a name is one event wherever it is named", function()
    local name = "spec:named"
    local a, b = task.event(name), task.event(name)
    a:set()
    expect(b:wait(0)):is_true()
    expect(task.event("spec:other"):wait(0)):is_false()
    expect(task.event():wait(0)):is_false()
  end)

  it("with a name is forgotten with its last holder", function()
    task.event("spec:short"):set()
    collectgarbage()
    collectgarbage()
    expect(task.event("spec:short"):wait(0)):is_false()
  end)

  it("outlives its holders while somebody waits", function()
    local note, seen = trace()
    task.spawn(function()
      task.event("spec:waited"):wait()
      note("woken")
    end)
    task.sleep(0)
    collectgarbage()
    task.event("spec:waited"):set()
    task.sleep(1)
    expect(seen()):equals("woken")
  end)

  it("cannot be broken by nonsense", function()
    local e = task.event()
    expect(type(getmetatable(e))):equals("string")
    expect.raises(function() e.wait({}) end, "navodoo.event expected")
    expect.raises(function() e:wait("soon") end, "number expected")
    expect.raises(function() task.event({}) end, "string expected")
    local late = false
    task.spawn(function()
      e:wait(math.maxinteger)
      late = true
    end)
    task.sleep(5)
    expect(late):is_false()
    e:set()
    task.sleep(1)
    expect(late):is_true()
  end)
end)

describe("task.is_free", function()
  it("is false while one of the names is held or waited for", function()
    expect(task.is_free { "spec:free", "spec:other" }):is_true()
    local lock = task.lock { "spec:free" }
    expect(task.is_free { "spec:other" }):is_true()
    expect(task.is_free { "spec:other", "spec:free" }):is_false()
    lock:release()
    expect(task.is_free { "spec:free" }):is_true()
  end)
end)

describe("task.lock", function()
  it("serves one name in the order of asking", function()
    local note, seen = trace()
    for i = 1, 4 do
      task.spawn(function()
        local lock = task.lock { "spec:fifo" }
        note("+" .. i)
        task.sleep(1)
        note("-" .. i)
        lock:release()
      end)
    end
    finish(function() task.lock({ "spec:fifo" }):release() end)
    expect(seen()):equals("+1 -1 +2 -2 +3 -3 +4 -4")
  end)

  it("holds several names together or none", function()
    local note, seen = trace()
    local both = task.lock { "spec:a", "spec:b" }
    task.spawn(function()
      task.lock({ "spec:b", "spec:c" }):release()
      note("bc")
    end)
    task.sleep(0)
    task.spawn(function()
      task.lock({ "spec:c" }):release() -- the one that waits for b holds its place before c
      note("c")
    end)
    task.spawn(function()
      task.lock({ "spec:d" }):release()
      note("d")
    end)
    eventually(function() return seen() ~= "" end)
    expect(seen()):equals("d")
    both:release()
    eventually(function() return #seen() == 6 end)
    expect(seen()):equals("d bc c")
  end)

  it("never lets two tasks wait for each other", function()
    local orders = { { "spec:x", "spec:y" }, { "spec:y", "spec:x" }, { "spec:x", "spec:x", "spec:y" } }
    local done = 0
    for i = 1, 60 do
      task.spawn(function()
        local _ <close> = task.lock(orders[i % 3 + 1])
        task.sleep(0)
        done = done + 1
      end)
    end
    finish(function()
      while done < 60 do task.sleep(1) end
    end)
  end)

  it("is given back by release, once", function()
    local lock = task.lock { "spec:once" }
    lock:release()
    local other = task.lock { "spec:once" }
    lock:release()
    local got = false
    task.spawn(function()
      task.lock({ "spec:once" }):release()
      got = true
    end)
    task.sleep(5)
    expect(got):is_false()
    other:release()
    eventually(function() return got end)
    expect(got):is_true()
  end)

  it("is given back at the end of a <close> variable, also by an error", function()
    pcall(function()
      local _ <close> = task.lock { "spec:close" }
      task.sleep(0)
      error("on purpose")
    end)
    finish(function() task.lock({ "spec:close" }):release() end)
  end)

  it("is given back by the collector", function()
    finish(function() task.lock { "spec:gc" } end)
    collectgarbage()
    collectgarbage()
    finish(function() task.lock({ "spec:gc" }):release() end)
  end)

  it("is given back when the task that holds it raises", function()
    task.spawn(function()
      local _ <close> = task.lock { "spec:raise" }
      task.sleep(1)
      error("on purpose")
    end)
    task.sleep(0)
    finish(function() task.lock({ "spec:raise" }):release() end)
  end)

  it("takes no name as a lock on nothing", function()
    task.lock({}):release()
  end)

  it("refuses nonsense", function()
    expect.raises(function() task.lock() end, "table expected")
    expect.raises(function() task.lock { 1 } end, "name 1 is not a text")
    expect.raises(function() task.lock { "a", {} } end, "name 2 is not a text")
    local long, err = task.lock { ("x"):rep(2000) }
    expect(long):is_nil()
    expect(err.code):equals("too_large")
    local many = {}
    for i = 1, 5000 do many[i] = "n" .. i end
    expect.raises(function() task.lock(many) end, "too many names")
  end)
end)

describe("waiting where a coroutine cannot", function()
  local places = {
    ["table.sort"] = function(wait) table.sort({ 1, 2, 3 }, function(a, b)
      wait()
      return a < b
    end) end,
    ["string.gsub"] = function(wait) return (("abc"):gsub(".", wait)) end,
    ["__tostring"] = function(wait)
      return tostring(setmetatable({}, { __tostring = function()
        wait()
        return ""
      end }))
    end,
    ["task.guard"] = function(wait)
      local ok, err = task.guard(nil, wait)
      if not ok then error(err.text, 0) end
    end,
    ["coroutine.wrap"] = function(wait) coroutine.wrap(wait)() end,
    ["coroutine.resume"] = function(wait)
      local ok, err = coroutine.resume(coroutine.create(wait))
      if not ok then error(err, 0) end
    end,
  }
  local waits = {
    ["task.sleep"] = function() task.sleep(1) end,
    ["event:wait"] = function() task.event():wait(1) end,
    ["event:wait on a set event"] = function()
      local e = task.event()
      e:set()
      e:wait(1)
    end,
    ["task.lock"] = function() task.lock({ "spec:refused" }):release() end,
  }
  for place, call in pairs(places) do
    for what, wait in pairs(waits) do
      it(("refuses %s in %s"):format(what, place), function()
        expect.raises(function() call(wait) end, "cannot wait")
      end)
    end
  end

  it("starts nothing when it refuses", function()
    pcall(coroutine.wrap(function() task.lock { "spec:refused" } end))
    finish(function() task.lock({ "spec:refused" }):release() end)
  end)

  it("is fine in pcall, xpcall, iterators and metamethods", function()
    local count = 0
    local t = setmetatable({}, {
      __index = function()
        task.sleep(0)
        count = count + 1
        return 1
      end,
      __call = function()
        task.sleep(0)
        count = count + 1
      end,
      __close = function()
        task.sleep(0)
        count = count + 1
      end,
    })
    pcall(t)
    xpcall(t, debug.traceback)
    for _ in function(_, i)
      task.sleep(0)
      count = count + 1
      return i < 2 and i + 1 or nil
    end, nil, 0 do end
    do
      local _ <close> = t
    end
    expect(t.x):equals(1)
    expect(count):equals(7)
  end)

  it("is refused to whoever resumes a waiting task by hand", function()
    local co, result
    task.spawn(function()
      co = coroutine.running()
      task.sleep(20)
    end)
    task.sleep(1)
    task.spawn(function() result = { coroutine.resume(co) } end)
    task.sleep(1)
    expect(result[1]):is_false()
    expect(result[2]):matches("resumed by hand")
    task.sleep(30) -- the nap ends in a dead coroutine
  end)

  it("survives that a waiting task is closed by hand", function()
    local co
    task.spawn(function()
      co = coroutine.running()
      task.sleep(10)
    end)
    task.sleep(1)
    expect(coroutine.close(co)):is_true()
    collectgarbage()
    collectgarbage()
    task.sleep(20)
  end)
end)
