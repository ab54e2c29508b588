--- Alerts: once when something goes wrong, once when it is over, whatever happens between.

local alerting = require "navodoo.alerting"
local alerts = require "cli.health.alerts"
local conditions = require "cli.health.conditions"
local fs = require "navodoo.fs"
local json = require "navodoo.json"
local receivers = require "cli.health.receivers"
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

local MINUTE_US <const> = 60 * 1000000
local NOBODY <const> = { endpoints = {}, lives = { slots = {}, by_name = {} } }

--- Alerts with a clock of ours and a receiver that takes what `refuses` lets it.
local function world(given)
  local w = { clock = 1790000000 * 1000000, taken = {}, tries = 0 }
  local p = { config = { env = "prod", alerts = given or { webhook = { url = "http://x" }, quiet_ms = 60000,
                                                          timeout_ms = 1000 } } }
  w.alerts = alerts.new(p, NOBODY)
  w.alerts.now = function() return w.clock end
  w.alerts.send = function(channel, _, message)
    w.tries = w.tries + 1
    if w.refuses then return nil, w.refuses end
    w.taken[#w.taken + 1] = { channel = channel, message = message }
    return true
  end
  --- Looks, sends what is due, and moves the clock.
  function w.turn(us)
    assert(w.alerts:look())
    for _, channel in ipairs(receivers.NAMES) do w.alerts:flush(channel, 300) end
    w.clock = w.clock + (us or 2000000)
  end
  --- What was taken since the last time, as "event kind subject".
  function w.news()
    local list = {}
    for i, t in ipairs(w.taken) do
      list[i] = ("%s %s %s"):format(t.message.event, t.message.kind, t.message.subject)
    end
    w.taken = {}
    table.sort(list)
    return table.concat(list, "; ")
  end
  return w
end

--- Something that is wrong as long as it stands in `wrong`.
local function pretend(w, wrong, known)
  w.alerts.seen = { now = function() return wrong end, known = function() return known ~= false end }
end

local BREAKER <const> = { kind = "breaker", subject = "odoo", text = "odoo fails" }

describe("alerts", function()
  it("are three to open and three to close for 50,000 failures of three causes", function()
    with_store(function()
      local w, id = world(), 0
      for _ = 1, 50 do
        local txn = store.txn()
        for _ = 1, 1000 do
          id = id + 1
          txn:add("job_add", "customer", "nav_to_odoo", "C" .. id, 1, 1, nil, "h", "{}")
          txn:add("job_park", id, 1, id % 3 == 0 and "review" or "dead",
                  '{"text":"why","way_out":"mend it"}', "cause" .. id % 3)
        end
        assert(store.apply(txn))
        w.turn()
      end
      expect(w.news()):equals("open group customer/cause0; open group customer/cause1; open group customer/cause2")
      -- all are tried again, and fail again: nobody hears of it
      local ids = json.array {}
      for i = 1, id do ids[i] = i end
      assert(store.apply { { "jobs_revive", assert(json.encode(ids)), 1 } })
      w.turn()
      local txn = store.txn()
      for i = 1, 100 do txn:add("job_park", i, 1, i % 3 == 0 and "review" or "dead", "{}", "cause" .. i % 3) end
      assert(store.apply(txn))
      w.turn(2 * MINUTE_US)
      w.turn(2 * MINUTE_US)
      expect(w.news()):equals ""
      txn = store.txn()
      for i = 1, id do txn:add("job_done", i, 1) end
      assert(store.apply(txn))
      w.turn()
      expect(w.news()):equals ""
      w.turn(2 * MINUTE_US)
      for _ = 1, 3 do w.turn() end
      expect(w.news()):equals("close group customer/cause0; close group customer/cause1; close group customer/cause2")
      for _ = 1, 3 do w.turn(2 * MINUTE_US) end
      expect(w.news()):equals ""
    end)
  end)

  it("do not tell of what flaps within the quiet time, and tell again of what comes back later", function()
    with_store(function()
      local w = world()
      for _ = 1, 10 do
        pretend(w, { BREAKER })
        w.turn()
        pretend(w, {})
        w.turn(50 * 1000000)
      end
      expect(w.news()):equals "open breaker odoo"
      w.turn(2 * MINUTE_US)
      w.turn()
      expect(w.news()):equals "close breaker odoo"
      pretend(w, { BREAKER })
      w.turn()
      expect(w.news()):equals "open breaker odoo"
    end)
  end)

  it("are not over because a new process knows nothing yet", function()
    with_store(function()
      local w = world()
      pretend(w, { BREAKER })
      w.turn()
      w.news()
      pretend(w, {}, false)
      for _ = 1, 5 do w.turn(5 * MINUTE_US) end
      expect(w.news()):equals ""
      pretend(w, {}, true)
      w.turn(2 * MINUTE_US)
      w.turn()
      expect(w.news()):equals "close breaker odoo"
    end)
  end)

  it("that were owed before a crash are sent after it, with the same id", function()
    with_store(function()
      local w = world()
      w.refuses = "the receiver answered 503"
      pretend(w, { BREAKER })
      w.turn()
      expect(w.tries):equals(1)
      local owed = assert(store.query("alerts_owed", 10))
      expect({ owed[1].attempts, owed[1].error }):equals { 1, "the receiver answered 503" }
      local id = receivers.message(owed[1], "prod").id
      store.close()
      assert(store.open(folder))
      local again = world()
      pretend(again, { BREAKER })
      again.clock = w.clock + 10 * MINUTE_US
      again.turn()
      expect(#again.taken):equals(1)
      expect(again.taken[1].message.id):equals(id)
      again.turn()
      expect(#again.taken):equals(1)
    end)
  end)

  it("wait longer and longer for a receiver that fails, and come in their order", function()
    with_store(function()
      local w = world()
      w.refuses = "no"
      pretend(w, { BREAKER })
      w.turn(1000)
      pretend(w, {})
      w.turn(2 * MINUTE_US)
      for _ = 1, 60 do w.turn(10 * 1000000) end
      -- ten minutes: 1 s, 2 s, 4 s ... and not every turn
      expect(w.tries < 20):is_true()
      w.refuses = nil
      w.clock = w.clock + 10 * MINUTE_US
      w.turn()
      w.turn()
      expect({ #w.taken, w.taken[1].message.event, w.taken[2].message.event }):equals { 2, "open", "close" }
    end)
  end)

  it("are bounded: what is still wrong is told when there is room again", function()
    with_store(function()
      local w, wrong = world(), {}
      for i = 1, 1500 do wrong[i] = { kind = "group", subject = ("f/%04d"):format(i), text = "t" } end
      w.refuses = "no"
      pretend(w, wrong)
      for _ = 1, 5 do w.turn() end
      expect(#store.query("alerts_owed", 5000)):equals(200)
      w.refuses = nil
      pretend(w, { wrong[1500] })
      for _ = 1, 300 do w.turn(2 * MINUTE_US) end
      local last = 0
      for _, t in ipairs(w.taken) do
        if t.message.subject == "f/1500" then last = last + 1 end
      end
      expect(last):equals(1)
    end)
  end)

  it("go to each receiver, and not to one that is no longer named", function()
    with_store(function()
      local w = world { webhook = { url = "http://x" }, command = { "true" }, quiet_ms = 1000, timeout_ms = 1000 }
      w.refuses = "no"
      pretend(w, { BREAKER })
      w.turn()
      expect(#store.query("alerts_owed", 10)):equals(2)
      w.alerts.p.config.alerts.webhook = nil
      w.refuses = nil
      w.clock = w.clock + MINUTE_US
      w.turn()
      expect({ #w.taken, w.taken[1].channel }):equals { 1, "command" }
      expect(#store.query("alerts_owed", 10)):equals(0)
    end)
  end)

  it("without a receiver stand in the store and in the log only", function()
    with_store(function()
      local w = world()
      w.alerts.p.config.alerts = nil
      pretend(w, { BREAKER })
      w.turn()
      expect(#store.query("alerts_owed", 10)):equals(0)
      expect(store.query("alerts_open")[1].subject):equals "odoo"
    end)
  end)
end)

describe("conditions", function()
  it("name a group with its cause, its way out and the command", function()
    with_store(function()
      assert(store.apply { { "job_add", "customer", "nav_to_odoo", "C1", 1, 1, nil, "h", "{}" },
        { "job_park", 1, 1, "dead", '{"text":"no group","way_out":"fill it in"}', "abc" } })
      local list = assert(conditions.now(NOBODY))
      expect({ #list, list[1].subject, list[1].text, list[1].way_out, list[1].command }):equals { 1, "customer/abc",
        "dead letters of flow customer: no group", "fill it in", "navodoo dead list --group abc" }
    end)
  end)
end)

describe("receivers", function()
  local OWED <const> = { alert = 7, event = "open", kind = "group", subject = "f/a b; $(x)", opened = 1790000000000000,
                         detail = '{"text":"it broke","way_out":"mend it"}' }

  it("get a program's arguments and the object on its input, without a shell", function()
    local out = os.tmpname()
    local message = receivers.message(OWED, "prod")
    local script = 'printf "%s|" "$@" >' .. out .. "; cat >>" .. out
    expect(receivers.send("command", { command = { "sh", "-c", script, "sh", "x" }, timeout_ms = 5000 }, message))
      :is_true()
    local f <close> = assert(io.open(out))
    local text = f:read "a"
    os.remove(out)
    expect(text:match "^[^{]*"):equals "x|open|group|f/a b; $(x)|"
    expect(json.decode(text:match "{.*").way_out):equals "mend it"
  end)

  it("say why a program did not take it", function()
    local message = receivers.message(OWED, "prod")
    local function try(argv, timeout_ms)
      return select(2, receivers.send("command", { command = argv, timeout_ms = timeout_ms or 20000 }, message))
    end
    expect(try { "sh", "-c", "echo no route >&2; exit 4" }):equals "sh ended with 4: no route"
    expect(try({ "sh", "-c", "sleep 5" }, 200)):equals "sh took too long"
    expect(try { "/no/such" }):matches "cannot start /no/such"
  end)
end)

describe("alerts in navodoo.lua", function()
  local function read(given)
    local said = {}
    local result = alerting.read(function(path, text) said[#said + 1] = path .. ": " .. text end, "alerts", given)
    return table.concat(said, "\n"), result
  end

  it("have a receiver, and defaults for the rest", function()
    local said, a = read { command = { "/bin/page", "x" } }
    expect(said):equals ""
    expect({ a.quiet_ms, a.timeout_ms, a.command }):equals { 60000, 30000, { "/bin/page", "x" } }
    said, a = read { webhook = { url = "https://h/x", token = { kind = "secret", name = "T" } }, quiet = "5m" }
    expect({ said, a.quiet_ms, a.webhook.token.name }):equals { "", 300000, "T" }
  end)

  it("are refused with their place when something is wrong", function()
    expect(read {}):matches "names no receiver"
    expect(read { command = "/bin/page x" }):matches "^alerts.command: .*no shell"
    expect(read { command = { "/bin/page", 5 } }):matches "^alerts.command: "
    expect(read { webhook = { url = "https://u:p@h/" } }):matches "without user and"
    expect(read { webhook = { url = "https://h/", token = "hunter2" } }):matches "stays out of this file"
    expect(read { webhoook = {} }):matches 'unknown key in alerts: "webhoook"'
    expect(read { command = { "x" }, quiet = "soon" }):matches "^alerts.quiet: "
  end)
end)
