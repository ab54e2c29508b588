--- A target that is down for a day at 500 changes a second: it costs disk, not memory.
--
--   NAVODOO_HOURS=24 navodoo-spec tests/bench/day.lua [default: six minutes of it]
--
-- Half of the changes are of master data: 100,000 records that change again and again, of
-- which each waits once, with its newest content. The other half are events, each of which
-- is kept. One transaction is one simulated second. Nothing is done, as nothing can be. What
-- the jobs cost on disk is printed, and what they cost in memory.

local fs = require "navodoo.fs"
local store = require "navodoo.store"
local time = require "navodoo.time"

local SECONDS <const> = math.floor((tonumber(os.getenv "NAVODOO_HOURS") or 0.1) * 3600)
local EACH <const>, RECORDS <const>, PAYLOAD <const> = 250, 100000, ("p"):rep(600)

local function resident()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmRSS:%s+(%d+)"
    if kib then return tonumber(kib) / 1024 end
  end
end

local folder = os.tmpname()
os.remove(folder)

local function bytes()
  local size = assert(store.query "store_size")[1]
  return (size.pages - size.free) * size.page_size
end

--- One second of changes; the records of master data come in no order.
local function second(s, start)
  local txn, now = store.txn(), start + s * 1000000
  for i = 1, EACH do
    local n = s * EACH + i
    local record = ("C/%05d"):format(n * 2654435761 % RECORDS)
    txn:add("job_put", "customer", "nav_to_odoo", record, now, now, "etag", ("%032x"):format(n), PAYLOAD)
    txn:add("job_add", "entry", "nav_to_odoo", ("E/%08d"):format(n), now, now, "etag", ("%032x"):format(n), PAYLOAD)
  end
  assert(store.apply(txn))
end

local function counts()
  local by = {}
  for _, row in ipairs(assert(store.query "jobs_counts")) do by[row.flow] = row.count end
  return by.customer or 0, by.entry or 0
end

describe("a target that is down", function()
  it("costs disk, not memory", function()
    assert(store.open(folder))
    local start, first, peak, began, empty = time.now(), nil, 0, time.monotonic(), bytes()
    print(("%d simulated seconds, %d changes of %d bytes a second"):format(SECONDS, 2 * EACH, #PAYLOAD))
    for s = 1, SECONDS do
      second(s, start)
      if s % (SECONDS // 6) == 0 then
        local rss, customers, entries = resident(), counts()
        first, peak = first or rss, math.max(peak, rss)
        print(("%7.2f h  %8d changes (%5.0f/s of this machine)  %6d records wait, %8d events  %5.1f MiB resident  "
          .. "%8.1f MiB on disk"):format(s / 3600, 2 * EACH * s, 2 * EACH * s / (time.monotonic() - began) * 1000,
          customers, entries, rss, bytes() / (1 << 20)))
      end
    end
    local customers, entries = counts()
    expect(entries):equals(SECONDS * EACH)
    expect(customers):equals(math.min(customers, RECORDS))
    local cost = (bytes() - empty) / (customers + entries)
    print(("%.0f bytes of disk a job that waits, %.0f beyond its %d bytes of content; a day: %.1f GiB"):format(cost,
      cost - #PAYLOAD, #PAYLOAD, (86400 * EACH + RECORDS) * cost / (1 << 30)))
    expect(cost < 3 * #PAYLOAD):equals(true)
    expect(peak < first + 8):equals(true)
    local rows = assert(store.query("jobs_due", "entry", "nav_to_odoo", time.now() + 86400000000, "[]", 100, 1))
    expect(rows[1].record):equals(("E/%08d"):format(EACH + 1)) -- the oldest comes first when it is back
    store.close()
    for _, name in ipairs(assert(fs.list(folder))) do os.remove(folder .. "/" .. name) end
    os.remove(folder)
  end)
end)
