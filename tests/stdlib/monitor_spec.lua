--- What an engine shows of itself, and to whom.

local fs = require "navodoo.fs"
local cache = require "navodoo.cache"
local door = require "navodoo.engine.door"
local gauge = require "navodoo.engine.gauge"
local http = require "navodoo.http"
local json = require "navodoo.json"
local metrics = require "cli.health.metrics"
local monitor = require "cli.health.monitor"
local page = require "cli.health.page"
local secret = require "navodoo.secret"
local store = require "navodoo.store"
local time = require "navodoo.time"

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

local EVIL <const> = [[<script>alert("x")</script>&'\]] .. "\1\xff"

assert(http.endpoint { name = "nav", base_url = "http://127.0.0.1:9/x" })
assert(http.endpoint { name = "odoo", base_url = "http://127.0.0.1:9" })

local function running()
  local slot = { name = "customer", wanted = { hash = "abc" },
                 current = { wanted = { hash = "abc" }, gen = { memory = function() return 4711 end } } }
  return { endpoints = { "nav", "odoo" }, lives = { slots = { slot }, by_name = { customer = slot } },
           started = time.now() - 90 * 1000000, environment = "prod", version = "0.0.0",
           inbox = { counters = { stored = 3, malformed = 0, refused = 0, unknown = 0 }, in_flight = 1, bytes = 2 } }
end

local function ask(m, path, headers, method)
  return m:handle { path = path, method = method or "GET", headers = headers or { host = "127.0.0.1:9470" } }
end

--- Puts a flow and a dead letter with hostile words into the store.
local function fill()
  cache.put("board", "customer", assert(json.encode { flow = "customer", counters = { read = 1234567, changed = 4 },
    trouble = { at = "2026-01-01T00:00:00Z", text = EVIL:gsub("[\1\xff]", "") } }))
  assert(store.apply {
    { "job_add", "customer", "nav_to_odoo", "C1", 1, 1, nil, "h", "{}" },
    { "job_park", 1, 1, "dead", assert(json.encode { text = EVIL:gsub("[\1\xff]", ""), way_out = "<b>" }), "abc" },
    { "journal_add", 1, "customer", "nav_to_odoo", "C1", 1, "created" },
    { "cursor_put", "customer/nav/CRONUS", '{"mark":"2026-01-01"}', 1 } })
end

describe("the status page", function()
  it("says which file is not taken, and why", function()
    with_store(function()
      local it = running()
      local refused = { file = "flows/<b>.lua", text = "line 3: a <mistake>\nmore" }
      it.reload = { refusals = function() return { refused } end }
      local html = page.html(it)
      expect(html):matches "file not taken"
      expect(html):matches "flows/&lt;b&gt;%.lua is not taken, what ran before goes on: line 3: a &lt;mistake&gt;<"
    end)
  end)
  it("escapes whatever a record or a system says", function()
    expect(page.text(EVIL)):equals "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;\\ ?"
    with_store(function()
      fill()
      local html = page.html(running())
      expect(html:find("<script", 1, true)):is_nil()
      expect(html:find("&lt;script&gt;alert", 1, true) ~= nil):is_true()
      expect(html:find("navodoo dead retry --group abc", 1, true) ~= nil):is_true()
      expect(html:find("1&#8239;234&#8239;567", 1, true) ~= nil):is_true()
    end)
  end)

  it("loads nothing from anywhere", function()
    with_store(function()
      fill()
      local html = page.html(running())
      for link in html:gmatch '[sh][rR][ce][cf]=%s*"([^"]*)"' do expect(link):equals "data:," end
      expect(html:find("url(", 1, true)):is_nil()
      expect(html:find("@import", 1, true)):is_nil()
    end)
  end)
end)

describe("/metrics", function()
  it("writes every family once, and none that has no name here", function()
    with_store(function()
      fill()
      local text = metrics.text(running())
      local seen = {}
      for name in text:gmatch "\n# TYPE (%S+)" do
        expect(seen[name]):is_nil()
        seen[name] = true
      end
      local wanted <const> = { "navodoo_jobs", "navodoo_outcomes_total", "navodoo_parked_groups",
                               "navodoo_breaker_state", "navodoo_store_commit_seconds" }
      for _, name in ipairs(wanted) do
        expect(seen[name]):is_true()
      end
      expect(text):matches 'navodoo_jobs{flow="customer",direction="nav_to_odoo",state="dead"} 1\n'
      expect(text):matches 'navodoo_outcomes_total{flow="customer",direction="nav_to_odoo",outcome="created"} 1\n'
    end)
  end)

  it("names what engines measure", function()
    local known = {}
    for _, f in ipairs(metrics.FAMILIES) do known[f[1]] = true end
    local f <close> = assert(io.open "stdlib/navodoo/engine/gauge.lua")
    local count = 0
    for name in f:read "a":gmatch '"(navodoo_[%w_]+)"' do
      count = count + 1
      expect(known[name] or name == "navodoo_walk_timestamp_seconds"):is_true()
    end
    expect(count > 3):is_true()
  end)

  it("splits the name of a flow in the store into flow and company", function()
    expect(gauge.labels("customer@ag", "nav_to_odoo")):equals 'flow="customer",company="ag",direction="nav_to_odoo"'
    expect(gauge.labels("customer", nil, "state", "dead")):equals 'flow="customer",state="dead"'
  end)

  it("knows the age of a watermark, where it is an instant", function()
    local now = assert(time.parse_iso "2026-01-02T00:00:10Z")
    expect(metrics.watermark_age({ mark = "2026-01-02" }, now)):equals(10.0)
    expect(metrics.watermark_age({ mark = "2026-01-02 00:00:04" }, now)):equals(6.0)
    expect(metrics.watermark_age({ mark = "2026-01-02T00:00:04.5Z" }, now)):equals(5.5)
    expect(metrics.watermark_age({ mark = 4711 }, now)):is_nil()
    expect(metrics.watermark_age({}, now)):is_nil()
  end)
end)

describe("the monitor", function()
  local token = assert(secret.define("SPEC_MONITOR", "the-token-of-the-monitor"))

  it("lets in who asks over the loopback, by an address of this machine", function()
    with_store(function()
      local m = monitor.new(running(), "127.0.0.1")
      expect(ask(m, "/metrics").status):equals(200)
      expect(ask(m, "/").headers["Content-Security-Policy"]):matches "default%-src 'none'"
      expect(ask(m, "/metrics", { host = "localhost:1" }).status):equals(200)
      expect(ask(m, "/metrics", { host = "evil.example.com" }).status):equals(404)
      expect(ask(m, "/metrics", {}).status):equals(404)
      expect(ask(m, "/metrics", nil, "POST").status):equals(405)
      expect(ask(m, "/jobs")):is_nil()
    end)
  end)

  it("takes the token from elsewhere, as a bearer or as a password", function()
    with_store(function()
      local m = monitor.new(running(), "0.0.0.0", token)
      local host = "10.0.0.5:9470"
      expect(ask(m, "/metrics").status):equals(401)
      local function with(authorization)
        return ask(m, "/metrics", { host = host, authorization = authorization }).status
      end
      expect(with(nil)):equals(401)
      expect(with "Bearer the-token-of-the-monitor"):equals(200)
      expect(with "Bearer the-token-of-the-monitos"):equals(401)
      expect(with "Basic YW55Ym9keTp0aGUtdG9rZW4tb2YtdGhlLW1vbml0b3I="):equals(200)
      expect(with "Basic %%%"):equals(401)
      expect(with "Basic"):equals(401)
    end)
  end)

  it("tells strangers whether it is alive and ready, and not why", function()
    with_store(function()
      cache.drop("board", "customer")
      local m = monitor.new(running(), "0.0.0.0", token)
      local alive, ready = ask(m, "/healthz"), ask(m, "/readyz")
      expect({ alive.status, alive.body }):equals { 200, '{"alive":true}\n' }
      expect({ ready.status, ready.body }):equals { 503, '{"ready":false}\n' }
    end)
  end)

  it("says why it is not ready", function()
    with_store(function()
      local m = monitor.new(running(), "127.0.0.1")
      cache.put("board", "customer", '{"failed":"no such page\\nmore"}')
      door.close "the disk is nearly full"
      local body = json.decode(ask(m, "/readyz").body)
      local said = {}
      for _, r in ipairs(body.reasons) do said[r.what] = r.text end
      door.open()
      expect(said["flow customer"]):equals "no such page"
      expect(said["endpoint nav"]):matches "not reached"
      expect(said["intake disk"]):equals "the disk is nearly full"
    end)
  end)

  it("is not alive when the store does not answer", function()
    local m = monitor.new(running(), "127.0.0.1")
    local answer = ask(m, "/healthz") -- no store is open
    expect(answer.status):equals(503)
    expect(json.decode(answer.body).why):matches "the store"
  end)
end)
