--- What is counted as it changes is what counting all rows would give: jobs by state, outcomes
-- by direction.

local fs = require "navodoo.fs"
local metrics = require "navodoo.metrics"
local process = require "navodoo.process"
local store = require "navodoo.store"

local folder = os.tmpname()
os.remove(folder)

local function with_store(fn)
  assert(fs.make(folder))
  assert(store.open(folder))
  local ok, err = xpcall(fn, debug.traceback)
  store.close()
  for _, name in ipairs(assert(fs.list(folder))) do os.remove(folder .. "/" .. name) end
  os.remove(folder)
  if not ok then error(err, 0) end
end

local function listed(counts)
  local list = {}
  for key, n in pairs(counts) do list[#list + 1] = key .. "=" .. n end
  table.sort(list)
  return table.concat(list, " ")
end

--- Jobs by states, row by row.
local function counted()
  local states, parked = {}, 0
  for _, j in ipairs(assert(store.query("jobs_list", nil, nil, 0, 10000))) do
    local key = j.flow .. "/" .. j.direction .. "/" .. j.state
    states[key] = (states[key] or 0) + 1
    if j.state == "dead" or j.state == "review" then parked = parked + 1 end
  end
  return listed(states), parked
end

--- The same as the store keeps it.
local function kept()
  local states = {}
  for _, c in ipairs(assert(store.query "jobs_counts")) do
    states[c.flow .. "/" .. c.direction .. "/" .. c.state] = c.count
  end
  return listed(states)
end

--- One thing that may happen to the jobs.
local function something(pick)
  local flow, direction = "f" .. pick(2), pick(2) == 1 and "nav_to_odoo" or "odoo_to_nav"
  local record, now = "C" .. pick(12), pick(1000)
  local rows = assert(store.query("jobs_list", nil, nil, 0, 1000))
  local job = rows[1] and rows[pick(#rows)] or { id = 1, rev = 1 }
  local id, rev = job.id, job.rev
  local ops = {
    { "job_put", flow, direction, record, now, now, nil, "h" .. pick(3), "{}" },
    { "job_put", flow, direction, record, now, now, nil, "h" .. pick(3), "{}" },
    { "job_hint", flow, direction, record, now },
    { "job_add", flow, direction, record, now, now, nil, "h", "{}" },
    { "job_keep", flow, direction, record, now, now, nil, "h", "{}" },
    { "job_park", id, rev, pick(2) == 1 and "dead" or "review", "{}", "p" .. pick(3) },
    { "job_park", id, rev, pick(2) == 1 and "dead" or "review", "{}", "p" .. pick(3) },
    { "job_park", id, rev, "dead", "{}", "p" .. pick(3) },
    { "job_wait", id, rev, "f1", "nav", "C1", "{}" },
    { "job_done", id, rev }, { "job_drop", id }, { "review_drop", flow, direction, record },
    { "job_order", flow, direction, record, now, "{}" }, { "job_decide", id, "{}", now },
    { "job_retry", id, rev, now, 1, "{}" },
    { "link_put", "f1", "C1", tostring(now), nil, "h", nil, nil, nil, nil, now },
  }
  return ops[pick(#ops)]
end

describe("counts of the store", function()
  it("stay those of the rows, whatever happens to jobs", function()
    with_store(function()
      local seed = 42
      local function pick(n)
        seed = (seed * 1103515245 + 12345) % 2147483648
        return seed // 65536 % n + 1
      end
      local parked = 0
      for turn = 1, 1500 do
        assert(store.apply { something(pick) })
        if turn % 10 == 0 then
          local states, some = counted()
          expect(kept()):equals(states)
          parked = parked + some
        end
      end
      expect(parked > 100):is_true()
    end)
  end)

  it("tell outcomes by direction, and in sum", function()
    with_store(function()
      for _, way in ipairs { "nav_to_odoo", "nav_to_odoo", "odoo_to_nav" } do
        assert(store.apply { { "journal_add", 1, "f", way, "C1", 1, "created" } })
      end
      local list = {}
      for _, t in ipairs(assert(store.query "totals")) do list[t.direction] = t.count end
      expect(list):equals { nav_to_odoo = 2, odoo_to_nav = 1 }
      local sum = assert(store.query("journal_counts", "f", 0))
      expect({ #sum, sum[1].count }):equals { 1, 3 }
    end)
  end)

  it("tell how long a commit takes", function()
    with_store(function()
      local before = store.look().commit.count
      assert(store.apply { { "meta_put", "k", "v" } })
      local look = store.look()
      expect(look.commit.count - before):equals(1)
      expect(look.waiting_bytes):equals(0)
    end)
  end)
end)

describe("metrics", function()
  it("write labels so that nothing breaks out of them", function()
    expect(metrics.labels("flow", 'a"b\\c\nd', "company", nil, "way", "x")):equals [[flow="a\"b\\c\nd",way="x"]]
  end)

  it("are those of the process", function()
    metrics.count("spec_things_total", "", 2)
    metrics.count("spec_things_total", "")
    metrics.observe("spec_seconds", 'a="b"', 0.3)
    local found = {}
    for _, s in ipairs((metrics.list())) do found[s.family] = s end
    expect(found.spec_things_total.value):equals(3.0)
    expect({ found.spec_seconds.labels, found.spec_seconds.count }):equals { 'a="b"', 1 }
    local at
    for i, n in ipairs(found.spec_seconds.buckets) do if n == 1 then at = i end end
    expect(metrics.bounds[at]):equals(0.5)
  end)
end)

describe("process.run", function()
  it("answers code and words of a program, with secrets taken out", function()
    local secret = require "navodoo.secret"
    local master = assert(secret.define("SPEC_PROCESS", "a master secret that nobody may see"))
    assert(secret.derive(master, "partner"))
    -- HMAC-SHA256 of "partner" under that, the first 16 bytes
    local said = "x ff66de08ef39af5ea476a330b20eb3f9\n"
    local r = assert(process.run { argv = { "sh", "-c", "cat >&2; exit 3" }, stdin = said })
    expect(r.code):equals(3)
    expect(r.output):matches "^x %S+\n$"
    expect(r.output:find("ff66de", 1, true)):is_nil()
    local _, err = process.run { argv = { "/no/such" } }
    expect(err.text):matches "cannot start /no/such"
    expect(select(2, pcall(process.run, { argv = {} }))):matches "1 to 64"
  end)
end)
