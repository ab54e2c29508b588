--- Pieces of the way into NAV by themselves: bases, intents, settle times, writes that raise,
-- and names that are kept past their truth.

local base = require "navodoo.engine.base"
local creating = require "navodoo.engine.creating"
local delivery = require "navodoo.engine.delivery"
local fs = require "navodoo.fs"
local intent = require "navodoo.engine.intent"
local json = require "navodoo.json"
local lane = require "navodoo.engine.lane"
local pair = require "navodoo.engine.pair"
local sight = require "navodoo.engine.sight"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local unknown = require "navodoo.engine.unknown"

--- A store of its own for one test.
local function in_store()
  local folder = os.tmpname()
  os.remove(folder)
  assert(store.open(folder))
  return setmetatable({}, { __close = function()
    store.close()
    for _, name in ipairs(fs.list(folder) or {}) do os.remove(folder .. "/" .. name) end
    os.remove(folder)
  end })
end

local ENTRIES <const> = {
  { nav = { "No" }, odoo = { "ref" }, to_odoo = true, to_nav = false },
  { nav = { "Name" }, odoo = { "name" }, to_odoo = true, to_nav = true },
  { nav = { "Phone_No" }, odoo = { "phone" }, to_odoo = true, to_nav = true },
  { nav = { "E_Mail" }, odoo = { "email" }, to_odoo = false, to_nav = true, owner = "odoo" },
}
local NAV_FIELDS <const> = { "E_Mail", "Name", "No", "Phone_No" }
local ODOO_FIELDS <const> = { "email", "name", "phone", "ref" }

local function same(_, a, b) return base.equal(a, b) end

local function engine_of(more)
  local engine = {
    flow = { name = "t", entries = ENTRIES, nav_fields = NAV_FIELDS, link = { adopt = {} },
             policy = { conflict = "review" } },
    odoo_fields = ODOO_FIELDS, fields = {}, is_nav_key = { No = true }, keyed = { [ENTRIES[1]] = true },
    nav_schema = { key = { "No" }, fields = {} }, same = same, same_nav = same, sends_over = {}, claims = {},
    started_us = time.now(), model = "res.partner", bugs = 0, counters = {}, wake = { set = function() end },
    count = function() end,
    lane_odoo = "odoo:spec:", lane_nav = "nav:spec:", company = "X",
    told = { since = time.monotonic(), n = 20, left = 1 }, -- nothing goes to the log
  }
  for k, v in pairs(more or {}) do engine[k] = v end
  return engine
end

local function nav(name, phone, mail) return { No = "C1", Name = name, Phone_No = phone or "", E_Mail = mail or "" } end
local function odoo(name, phone, mail)
  return { id = 7, ref = "C1", name = name, phone = phone or false, email = mail or false }
end

--- An item whose sides were in step as `was`, planned as both are now.
local function planned(engine, was, record, current)
  local item = { id = 7, record = record, current = current, link = {
    base = base.pack(json.canonical(was[1]), json.canonical(was[2])) } }
  local to_odoo = { ref = record.No, name = record.Name, phone = record.Phone_No ~= "" and record.Phone_No or false }
  local to_nav = { Name = current.name, Phone_No = current.phone or "", E_Mail = current.email or "" }
  pair.plan(engine, item, to_odoo, to_nav, {})
  return item
end

local function based(item) return json.decode(item.nav_text), json.decode(item.odoo_text) end

describe("the base after a write to Odoo", function()
  it("leaves an edit that crossed it a change of Odoo's", function()
    local engine = engine_of()
    local item = planned(engine, { nav "Anna", odoo "Anna" }, nav "Berta", odoo "Anna")
    item.write = pair.odoo_write(engine, item)
    expect(item.write):equals { name = "Berta" }
    item.current = odoo("Berta", "5") -- read back: somebody gave it a number meanwhile
    pair.settle(engine, item, "to_odoo")
    local n, o = based(item)
    expect({ n.Name, o.name, o.phone }):equals { "Berta", "Berta", false }
    expect(item.left):equals { to_nav = true }
  end)
  it("leaves what does not hold what it was written a change of Odoo's", function()
    local engine = engine_of()
    local item = planned(engine, { nav "Anna", odoo "Anna" }, nav "Berta", odoo "Anna")
    item.write = pair.odoo_write(engine, item)
    item.current, item.differs = odoo "BERTA", { "name" }
    pair.settle(engine, item, "to_odoo")
    expect(select(2, based(item)).name):equals "Berta"
    expect(item.left):equals { to_nav = true }
  end)
  it("of a new record is what was sent where it reads back otherwise, with a job for NAV", function()
    local ops = {}
    local text = pair.disputed(engine_of(), { add = function(_, ...) ops[#ops + 1] = { ... } end }, 7,
      json.canonical(nav "Anna"), odoo "ANNA", { name = "Anna" }, { "name" })
    expect({ json.decode(text).odoo.name, json.decode(text).nav.Name }):equals { "Anna", "Anna" }
    expect({ #ops, ops[1][1], ops[1][3], ops[1][4] }):equals { 1, "job_put", "odoo_to_nav", "7" }
  end)
end)

describe("the base after a write to NAV", function()
  local function written(record)
    local engine = engine_of()
    local item = planned(engine, { nav "Anna", odoo "Anna" }, nav "Anna", odoo("Berta", false, "a@b.c"))
    item.body = { { "Name", "Berta" }, { "E_Mail", "a@b.c" } }
    item.record = record
    pair.settle(engine, item, "to_nav")
    return item
  end
  it("is what both hold when NAV took it", function()
    local item = written(nav("Berta", "", "a@b.c"))
    local n, o = based(item)
    expect({ n.Name, o.name, n.E_Mail, o.email }):equals { "Berta", "Berta", "a@b.c", "a@b.c" }
    expect(item.left):equals {}
  end)
  it("leaves NAV's own word a change of NAV's", function()
    local item = written(nav("Berta AG", "", "a@b.c"))
    expect((based(item)).Name):equals {}
    expect(item.left):equals { to_odoo = true }
  end)
  it("and what NAV filled in beside", function()
    local item = written(nav("Berta", "0", "a@b.c"))
    expect((based(item)).Phone_No):equals {}
    expect(item.left):equals { to_odoo = true }
  end)
  it("says what NAV would not take of an owner's word", function()
    local item = written(nav("Berta", "", "other@b.c"))
    expect({ item.left, item.ignored }):equals { {}, { "E_Mail" } }
  end)
end)

describe("the base of a creation", function()
  local sent <const> = { No = "C1", Name = "Anna", Phone_No = "1" }
  local function of(record, doubt, own)
    local it = creating.base(engine_of(), sent, odoo("Anna", "1"), record, doubt, own)
    return { it.nav.Name, it.odoo.name, it.nav.Phone_No, it.odoo.phone }
  end
  local X <const> = base.NOT_KNOWN
  it("tells whose word a difference is", function()
    expect(of(nav("Anna", "1"), "answered")):equals { "Anna", "Anna", "1", "1" }
    expect(of(nav("Anna", "2"), "answered")):equals { "Anna", "Anna", X, "1" }
    expect(of(nav("Anna", "2"), "undelivered")):equals { "Anna", "Anna", "2", X }
    expect(of(nav("Anna", "2"), "unknown")):equals { "Anna", "Anna", X, X }
    expect(of(nav("Anna", "2"), "unknown", { Phone_No = true })):equals { "Anna", "Anna", "2", X }
    expect(of(nav("Berta", "2"), "unknown", { Phone_No = true })):equals { X, X, "2", X }
  end)
  it("leaves NAV's own number and defaults to NAV", function()
    local it = creating.base(engine_of(), sent, odoo("Anna", "1"), nav("Anna", "1"), "answered")
    expect({ it.nav.No, it.nav.E_Mail }):equals { X, X }
  end)
end)

describe("an intent", function()
  it("comes back as it was written, and is none where only a hash is known", function()
    local text = intent.text({ Name = "Anna" }, odoo "Anna", { "name", "phone" }, "C1")
    expect(intent.read { image = text }):equals { sent = { Name = "Anna" }, source = { name = "Anna", phone = false },
                                                  key = "C1" }
    expect(intent.read { image = "Name=0123abcd" }):is_nil()
    expect(intent.read(nil)):is_nil()
  end)
  it("landed when one field holds what was sent; what differs then is somebody's", function()
    local known = { sent = { Name = "Anna", Phone_No = "1" }, source = { name = "Anna", phone = "1" } }
    expect(intent.landed(known, nav("Otto", "0"), same)):is_false()
    expect(intent.landed(known, nav("Otto", "1"), same)):is_true()
    local it = { nav = nav "old", odoo = odoo("old", false, "x") }
    intent.settle(known, it, "nav", nav("Otto", "1"), ENTRIES, same)
    expect({ it.nav.Name, it.nav.Phone_No, it.odoo.name, it.odoo.phone, it.odoo.email }):equals {
      "Anna", "1", "Anna", "1", "x" }
  end)

  it("is settled by the other direction before it merges, and is nobody's edit there", function()
    local engine = engine_of()
    local function seen(sent, record, current)
      local ops = {}
      local item = { id = 7, record = record, current = current, beside = { key = "k", kind = "set",
        image = intent.text(sent, odoo("Anna", "5"), ODOO_FIELDS, "C1") },
        link = { nav = "X/C1", odoo = "7", base = base.pack(json.canonical(nav "Anna"), json.canonical(odoo "Anna")) } }
      unknown.beside(engine, { add = function(_, ...) ops[#ops + 1] = (...) end }, { item }, "nav")
      expect(item.beside):is_nil()
      pair.plan(engine, item, { ref = "C1", name = record.Name, phone = record.Phone_No },
                { Name = current.name, Phone_No = current.phone or "", E_Mail = current.email or "" }, {})
      return item.verdicts[3].what, ops
    end
    -- "5" was sent to NAV and landed, and Odoo says "6" by now: an edit of Odoo's alone
    local what, ops = seen({ Phone_No = "5" }, nav("Anna", "5"), odoo("Anna", "6"))
    expect({ what, ops }):equals { "to_nav", { "link_put", "effect_done" } }
    -- NAV says "8": a person wrote it instead
    what, ops = seen({ Phone_No = "5" }, nav("Anna", "8"), odoo("Anna", "5"))
    expect({ what, ops }):equals { "conflict", { "effect_done" } }
  end)
  it("waits from the last moment at which somebody may have sent it", function()
    local _ <close> = in_store()
    local now = time.now()
    local engine = engine_of { started_us = now - 50 }
    local mine, dead = { key = "k", epoch = store.epoch() }, { key = "k", epoch = store.epoch() - 1 }
    expect(intent.settled_at(engine, dead, 1000)):equals(now - 50 + 1000) -- that process is no more
    -- of this process, from a life that is no more: from the first look on, not from the intent
    mine.intended = now - 100000
    local due = intent.settled_at(engine, mine, 1000)
    expect(due >= now + 1000):is_true()
    expect(intent.settled_at(engine, mine, 1000)):equals(due)
    intent.over(engine, "k", now - 20)
    expect(intent.settled_at(engine, mine, 1000)):equals(now - 20 + 1000)
    -- a new send begins anew
    intent.put(engine, { add = function() end }, { key = "k", job = { id = 1 } }, { name = "nav" }, "set", nil, now)
    expect(intent.settled_at(engine, mine, 1000) >= now + 1000):is_true()
  end)
end)

describe("a batch from NAV", function()

  it("keeps a name that is taken by now from being adopted", function()
    local _ <close> = in_store()
    local ops = {}
    local txn = { add = function(_, ...) ops[#ops + 1] = { ... } end }
    local free = { id = 7, name = "Anna Huber", phone = "1", zip = "8010" }
    local engine = engine_of { known_names = { count = 1, words = { anna = { 7, "Anna Huber" } } } }
    engine.odoo = { search = function() -- as it is now
      return { { id = free.id, name = free.name, phone = free.phone, zip = free.zip } }
    end, names_of = function() return {} end }
    engine.flow.link.adopt = { { nav = "VAT", odoo = "vat" } }
    local function item()
      return { job = { id = 1, rev = 1, record = "X/C2", direction = "nav_to_odoo" }, xmlid = "c2",
               values = { name = "Anna Huber", phone = "1", zip = "8010" } }
    end
    local it = item()
    expect(sight.first(engine, txn, { it })):is_true()
    expect({ it.adopting, it.id, it.result }):equals { true, 7, nil }
    sight.release(engine, { it })
    assert(store.apply { { "link_put", "t", "X/C1", "7", "c1", "h", nil, nil, nil, nil, 0 } })
    it = item() -- the names were read before that link was made
    expect(sight.first(engine, txn, { it })):is_true()
    expect(it.result):equals "review"
    expect(ops[1][5]):matches "which belongs to X/C1"
  end)

  it("sees every link that was made by the time when nothing was open any more", function()
    local _ <close> = in_store()
    local engine = engine_of { paired = true }
    local way = { direction = "nav_to_odoo", begin = function() -- a creation ends just before we ask
      assert(store.apply { { "link_put", "t", "X/C1", "7", "c1", "h", nil, nil, nil, nil, 0 } })
      return nil, nil, {}
    end }
    local lock, jobs = lane.take(engine, way, { { id = 1, record = "X/C1" }, { id = 2, record = "X/C2" } })
    expect({ #jobs, jobs[1].link.odoo, jobs[2].link, #jobs.open }):equals { 2, "7", nil, 0 }
    expect(task.is_free { "odoo:spec:7" }):is_false() -- both names of a pair
    expect(task.is_free { "nav:spec:X/C2" }):is_false()
    lock:release()
    expect(task.is_free { "nav:spec:X/C1", "odoo:spec:7" }):is_true()
    local held <close> = task.lock { "odoo:spec:7" }
    local busy
    lock, jobs, busy = lane.take(engine, way, { { id = 1, record = "X/C1" }, { id = 2, record = "X/C2" } })
    expect({ #jobs, jobs[1].id, #busy, busy[1].id }):equals { 1, 2, 1, 1 }
    lock:release()
    expect(tostring(held)):matches "lock"
  end)
end)

describe("a write to NAV that raises", function()
  local function run(nav_side, item)
    local engine = engine_of { nav = nav_side, entity = "Customer", nav_read_fields = NAV_FIELDS }
    nav_side.endpoint = { connections = 1 }
    delivery.write(engine, { item })
    return item, engine
  end
  it("is as unknown as a lost answer while nobody knows that it was made", function()
    local item, engine = run({ create = function() error "boom" end }, { body = { { "Name", "Anna" } } })
    expect({ item.failed.class, item.unsure, item.created, engine.bugs }):equals { "bug", true, nil, 1 }
  end)
  it("leaves a record known that NAV had made by then", function()
    local item = run({ create = function() return { key = "C1", etag = "e", record = nav "Otto" } end,
                       update = function() error "boom" end }, { body = { { "Name", "Anna" } } })
    expect({ item.failed, item.nav_key, item.second_failure.class, item.undelivered[1][1] }):equals {
      nil, "C1", "bug", "Name" }
  end)
end)
