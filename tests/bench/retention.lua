--- Ten million jobs, compressed: a store that lives for years, in minutes.
--
--   NAVODOO_JOBS=10000000 navodoo-spec tests/bench/retention.lua [default 200000]
--
-- Every job goes its whole way (job, effect, link, journal, gone) on a real disk, as fast as
-- it goes; every 20,000 jobs a flow is reloaded. The journal keeps two seconds, which stand
-- for ninety days, and the keeper goes round without a rest. What must hold: memory and file
-- stay flat while the totals count on, and no commit waits long for the keeper. The figures
-- are printed; the limits are loose, for machines that are busy.

local fs = require "navodoo.fs"
local keeper = require "cli.keeper"
local store = require "navodoo.store"
local supervisor = require "cli.supervisor"
local task = require "navodoo.task"
local time = require "navodoo.time"

local JOBS <const> = tonumber(os.getenv "NAVODOO_JOBS") or 200000
local BATCH <const>, RECORDS <const>, RELOAD <const>, KEEP_MS <const> = 100, 5000, 20000, 2000
local PAYLOAD <const>, BASE <const> = ("p"):rep(600), ("b"):rep(300)

local function resident()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmRSS:%s+(%d+)"
    if kib then return tonumber(kib) / 1024 end
  end
end

local function size_of(folder)
  local bytes = 0
  for _, name in ipairs(assert(fs.list(folder))) do bytes = bytes + (fs.size(folder .. "/" .. name) or 0) end
  return bytes / (1 << 20)
end

--- Applies, and notes how long it took.
local function apply(txn, waits)
  local began = time.monotonic()
  assert(store.apply(txn))
  waits[#waits + 1] = time.monotonic() - began
end

local function cycle(first, waits, generation)
  local now, txn, hash = time.now(), store.txn(), ("%032x"):format(first)
  for i = first, first + BATCH - 1 do
    txn:add("job_put", "f", "nav_to_odoo", "C/" .. i % RECORDS, now, now, "etag", hash, PAYLOAD)
  end
  apply(txn, waits)
  local jobs = assert(store.query("jobs_due", "f", "nav_to_odoo", now, "[]", BATCH, generation))
  txn = store.txn()
  for _, j in ipairs(jobs) do
    txn:add("effect_intend", "f/" .. j.record, j.id, "odoo", "set", hash, now, 1, generation)
  end
  apply(txn, waits)
  txn = store.txn()
  for _, j in ipairs(jobs) do
    txn:add("link_put", "f", j.record, j.record:sub(3), "x" .. j.record, hash, "etag", "now", hash, BASE, now)
    txn:add("journal_add", now, "f", "nav_to_odoo", j.record, j.id, "updated", '{"fields":["name"]}', generation)
    txn:add("effect_done", "f/" .. j.record)
    txn:add("job_done", j.id, j.rev)
  end
  apply(txn, waits)
  return #jobs
end

local function reload(n)
  local version = { hash = ("%012x"):format(n), file = "f.lua", source = PAYLOAD, lookups = {} }
  local id = assert(supervisor.register("f", version, "file"))
  return id
end

local function percentile(list, p)
  table.sort(list)
  return list[math.max(1, math.ceil(#list * p))]
end

local folder = os.tmpname()
os.remove(folder)

describe("a store that lives long", function()
  it("stays as small as its retention says", function()
    assert(store.open(folder))
    local over, kept, longest = false, 0, 0
    task.spawn(function()
      while not over do
        local round = assert(keeper.round(KEEP_MS))
        kept, longest = kept + round.entries, math.max(longest, round.longest_ms)
        task.sleep(50)
      end
      over = "ended"
    end)
    local done, waits, worst, generation, biggest, rss, began = 0, {}, 0, reload(0), 0, {}, time.monotonic()
    local reloads = 0
    print(("%d jobs, %d a transaction, journal keeps %d ms"):format(JOBS, BATCH, KEEP_MS))
    for first = 1, JOBS, BATCH do
      done = done + cycle(first, waits, generation)
      if done % RELOAD == 0 then
        assert(store.apply { { "generation_end", generation, time.now() } })
        generation, reloads = reload(done), reloads + 1
      end
      if done % (JOBS // 10) == 0 then
        local mib = size_of(folder)
        biggest = math.max(biggest, mib)
        rss[#rss + 1] = resident()
        local rows = assert(store.query("journal_counts", nil, 1))[1]
        print(("%9d jobs  %6.0f/s  %6.1f MiB resident  %6.1f MiB on disk  %7d entries  "
          .. "commit p50 %4.1f ms p99 %5.1f max %5.1f"):format(done, done / (time.monotonic() - began) * 1000,
          rss[#rss], mib, rows and rows.count or 0, percentile(waits, 0.5),
          percentile(waits, 0.99), waits[#waits]))
        worst, waits = math.max(worst, waits[#waits]), {}
      end
    end
    over = true
    while over ~= "ended" do task.sleep(20) end
    local total = assert(store.query("journal_counts", nil, 0))[1].count
    print(("%d reloads, %d entries pruned, longest slice %.1f ms, longest commit %.1f ms, at most %.1f MiB on disk")
      :format(reloads, kept, longest, worst, biggest))
    expect(total):equals(done)
    expect(done):equals(JOBS)
    expect(#assert(store.query("generations_list", "f")) <= 25):equals(true)
    task.sleep(KEEP_MS + 200)
    assert(keeper.round(KEEP_MS))
    expect(#assert(store.query("journal_tail", nil, nil, 10))):equals(0)
    local size = assert(store.query "store_size")[1]
    print(("at rest: %.1f MiB, %.1f of them free"):format(size.pages * size.page_size / (1 << 20),
      size.free * size.page_size / (1 << 20)))
    expect(size.pages * size.page_size < 16 << 20):equals(true) -- 5,000 links and little else
    expect(rss[#rss] < rss[2] + 8):equals(true)
    store.close()
    for _, name in ipairs(assert(fs.list(folder))) do os.remove(folder .. "/" .. name) end
    os.remove(folder)
  end)
end)
