--- What the store keeps, what its disk must have left, and what stops when it has not.

local disk = require "cli.disk"
local door = require "navodoo.engine.door"
local fs = require "navodoo.fs"
local keeper = require "cli.keeper"
local poll = require "navodoo.engine.poll"
local storage = require "navodoo.storage"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"

local folder = os.tmpname()
os.remove(folder)

local function with_store(fn)
  assert(store.open(folder))
  local ok, err = xpcall(fn, debug.traceback)
  store.close()
  for _, name in ipairs(assert(fs.list(folder))) do os.remove(folder .. "/" .. name) end
  os.remove(folder)
  door.open()
  if not ok then error(err, 0) end
end

local function read(content)
  local problems = {}
  local s = storage.read(function(path, text) problems[#problems + 1] = path .. ": " .. text end, content)
  return s, table.concat(problems, "\n")
end

describe("the sections journal and disk of navodoo.lua", function()
  it("have defaults", function()
    local s, problems = read {}
    expect({ s.keep_ms, s.low, problems }):equals({ 90 * 86400000, 512 << 20, "" })
  end)
  it("say how long and how much", function()
    local s = read { journal = { keep = "20s" }, disk = { low = "2GB" } }
    expect({ s.keep_ms, s.low }):equals({ 20000, 2000000000 })
    expect(read { journal = { keep = "forever" } }.keep_ms):equals(false)
  end)
  it("name every mistake", function()
    local _, problems = read { journal = { keep = "90 days", kep = 1 }, disk = { low = 512 } }
    expect(problems):matches("journal.kep: unknown key in journal: \"kep\"; there is keep")
    expect(problems):matches("journal.keep: ")
    expect(problems):matches("disk.low: 512: expected a size such as 512MiB or 2GB")
    expect(select(2, read { journal = "90d" })):matches('journal is a table, as in journal = { keep = "90d" }')
    expect(select(2, read { journal = { keep = "1ms" } })):matches("at least 1s")
  end)
end)

local function entries(n, at)
  local txn = store.txn()
  for i = 1, n do txn:add("journal_add", at + i, "f", "nav_to_odoo", "C" .. i, i, "updated", ("x"):rep(400), 1) end
  assert(store.apply(txn))
end

local function total()
  local rows = assert(store.query("journal_counts", nil, 0))
  return rows[1].count
end

describe("the keeper", function()
  it("drops what is old and gives the room back, and the totals stay true", function()
    with_store(function()
      local now = time.now()
      for i = 1, 8 do entries(2500, now - 10 * 86400 * 1000000 + i * 10000) end
      entries(50, now - 60 * 1000000)
      local before = assert(store.query "store_size")[1]
      local kept = assert(keeper.round(86400 * 1000))
      expect(kept.entries):equals(20000)
      expect(#assert(store.query("journal_tail", nil, nil, 1000))):equals(50)
      expect(total()):equals(20050)
      local after = assert(store.query "store_size")[1]
      expect(after.pages < before.pages // 2):equals(true)
      expect(after.free <= 1024):equals(true)
      expect(assert(keeper.round(86400 * 1000)).entries):equals(0)
    end)
  end)
  it("keeps everything when told to", function()
    with_store(function()
      entries(10, 1)
      expect(assert(keeper.round(false)).entries):equals(0)
      expect(total()):equals(10)
    end)
  end)
end)

describe("a disk that is nearly full", function()
  it("stops intake, and goes on by itself", function()
    with_store(function()
      local free = assert(fs.free(folder))
      expect(disk.look(folder, 1)):is_nil()
      local why = disk.look(folder, free * 2)
      expect(why):matches("has .* left, less than .*%(disk.low%): nothing new is taken in until there is more")
      expect(door.closed()):equals(why)
      expect(disk.look(folder, free - free // 100) ~= nil):equals(true) -- not yet an eighth more
      expect(door.closed() ~= nil):equals(true)
      expect(disk.look(folder, free // 2)):is_nil()
      expect(door.closed()):is_nil()
    end)
  end)
  it("leaves walks waiting, and a run with an end says why", function()
    with_store(function()
      door.close "the disk is full, says the spec"
      local engine = { flow = { name = "f", nav = {} }, once = true, nav = {}, company = "C", room = task.event(),
                       wake = task.event(), every_ms = 1, polls_open = 1, high_water = 10, zone = "UTC",
                       started_us = 0, wait_ms = 0, random = function() return 0 end, publish = function() end,
                       fingerprinted = time.now() + 1000000000, count = function() end }
      function engine.trouble(_, err) engine.said = err.text end
      function engine.out_of_time() return true end
      poll.run(engine)
      expect(engine.said):equals("the disk is full, says the spec")
      expect(engine.unfinished):equals(true)
    end)
  end)
end)
