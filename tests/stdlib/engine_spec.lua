--- The pure parts of the engine: cursor, first sight, keys, outcomes.

local adopt = require "navodoo.engine.adopt"
local base = require "navodoo.engine.base"
local cursor = require "navodoo.engine.cursor"
local http = require "navodoo.http"
local json = require "navodoo.json"
local keys = require "navodoo.engine.keys"
local outcome = require "navodoo.engine.outcome"

describe("keys", function()
  it("encode what Odoo does not allow in an external id", function()
    expect(keys.xmlid("CRONUS Ltd.", "customer", "C-10")):equals("CRONUS-20Ltd-2e_customer_C-2d10")
  end)
  it("never let two records meet in one name", function()
    local seen = {}
    for _, k in ipairs { { "A", "t", "B_C" }, { "A_B", "t", "C" }, { "A", "t", "B-5fC" }, { "A", "t", "B C" },
                         { "A", "t", "B-20C" }, { "A", "t", "ä" }, { "A", "t", "a" } } do
      local name = keys.xmlid(k[1], k[2], k[3])
      expect(seen[name]):is_nil()
      expect(name):matches("^[%w_%-]+$")
      seen[name] = true
    end
  end)
  it("give the NAV key back", function()
    expect(keys.nav_key("CRONUS/1", keys.nav("CRONUS/1", "C/1"))):equals("C/1")
  end)
end)

describe("base", function()
  local decimal = require "navodoo.decimal"
  it("keeps the records of both sides, the Odoo one cut to the mapped fields", function()
    local odoo = base.odoo_text({ id = 7, name = "A", vat = false, credit = decimal.new "10.50" },
      { "credit", "name", "vat" })
    expect(odoo):equals '{"credit":10.5,"name":"A","vat":false}'
    local kept = base.read { base = base.pack('{"No":"C1"}', odoo) }
    expect(kept.nav.No):equals "C1"
    expect(kept.odoo.name):equals "A"
    expect(base.read { base = nil }):is_nil()
    expect(base.read(nil)):is_nil()
  end)
  it("sees what changed, and no change in an amount that is written otherwise", function()
    local was = json.decode '{"a":1000,"b":"x","c":null}'
    local now = { a = decimal.new "1000.00", b = "x", c = json.null }
    expect(base.changed(was, now, { "a", "b", "c" })):equals(false)
    now.b = ""
    expect(base.changed(was, now, { "a", "c" })):equals(false)
    expect(base.changed(was, now, { "a", "b" })):equals(true)
    expect(base.changed(was, now, { "d" })):equals(false)
    now.d = "new"
    expect(base.changed(was, now, { "d" })):equals(true)
  end)
  it("knows what a field is made of: its own property, or all that go through a map", function()
    local sources = base.sources { on_create = {}, entries = {
      { nav = { "A", "B" }, odoo = { "a", "b" } },
      { nav = { "C", "D" }, odoo = { "c", "d" }, map = {} },
      { nav = {}, odoo = { "e" }, constant = 1 } } }
    expect(sources.b):equals { "B" }
    expect(sources.c):equals { "C", "D" }
    expect(sources.e):equals {}
  end)
end)

describe("cursor", function()
  local function rows(...)
    local out = {}
    for i, r in ipairs { ... } do out[i] = { key = r[1], stamp = r[2] } end
    return out
  end
  local function overlap(stamp) return "before " .. stamp end

  it("walks everything the first time and keeps the highest stamp", function()
    local s = cursor.begin({}, false)
    expect(s.scan.from):is_nil()
    local done
    s, done = cursor.advance(s, rows({ "A", "2026-01-03" }, { "B", "2026-01-01" }), true, overlap)
    expect(done):is_false()
    expect(s):equals { scan = { high = "2026-01-03", after = "B", full = false } }
    s, done = cursor.advance(s, rows({ "C", "2026-01-02" }), false, overlap)
    expect(done):is_true()
    expect(s):equals { mark = "before 2026-01-03" }
  end)
  it("goes on where it was interrupted", function()
    local s = { mark = "m", scan = { from = "m", high = "x", after = "K", full = false } }
    expect(cursor.begin(s, false)):equals(s)
  end)
  it("turns an interrupted walk into a full one when that is asked for", function()
    local s = cursor.begin({ mark = "m", scan = { from = "m", after = "K", full = false } }, true)
    expect(s.scan.after):is_nil()
    expect(s.scan.from):is_nil()
  end)
  it("goes no further than the day on which the walk began", function()
    local function same(stamp) return stamp end
    -- begun on the 3rd, interrupted, ended on the 7th: what changed between behind its back has
    -- a stamp of these days
    local s = cursor.begin({ mark = "2026-01-01" }, false, "2026-01-03")
    expect(s.scan.began):equals "2026-01-03"
    s = cursor.advance(s, rows { "B", "2026-01-02" }, true, same)
    expect(cursor.begin(s, false, "2026-01-07").scan.began):equals "2026-01-03"
    s = cursor.advance(s, rows { "K", "2026-01-07" }, false, same)
    expect(s):equals { mark = "2026-01-03" }
    -- a stamp of the future hides nothing
    s = cursor.begin(s, false, "2026-01-08")
    s = cursor.advance(s, rows { "A", "2031-12-31" }, false, same)
    expect(s.mark):equals "2026-01-08"
    -- and an older one is not made newer
    s = cursor.begin({ mark = "2026-01-01" }, false, "2026-01-09")
    s = cursor.advance(s, rows { "A", "2026-01-05" }, false, same)
    expect(s.mark):equals "2026-01-05"
    -- a full walk that takes the place of an interrupted one begins today
    s = cursor.begin({ mark = "m", scan = { from = "m", after = "K", full = false, began = "2026-01-03" } }, true,
                     "2026-01-10")
    expect(s.scan.began):equals "2026-01-10"
  end)
  it("keeps the mark when a walk finds nothing", function()
    local s = cursor.begin({ mark = "m" }, false)
    s = cursor.advance(s, {}, false, function(stamp) return stamp end)
    expect(s):equals { mark = "m" }
  end)
end)

describe("first sight", function()
  local rules = { { nav = "VAT", odoo = "vat" }, { nav = "E_Mail", odoo = "email" } }
  local firm = { name = "Müller Maschinenbau GmbH", vat = "DE136695976", email = "info@mueller.example" }

  it("finds two spellings of a firm alike, and two firms different", function()
    expect(adopt.similarity("Müller Maschinenbau GmbH", "Mueller Maschinenbau G.m.b.H.") > 0.95):is_true()
    expect(adopt.similarity("Müller Maschinenbau GmbH", "Bäckerei Schmidt") < 0.3):is_true()
    expect(adopt.similarity("", "")):equals(1)
  end)
  it("creates when nobody shares a strong value", function()
    expect((adopt.decide(rules, firm, {}))):equals("create")
  end)
  it("adopts an unlinked one with the same VAT number and a similar name", function()
    local verdict, best = adopt.decide(rules, firm,
      { { id = 7, name = "Mueller Maschinenbau G.m.b.H.", vat = "DE 136695976", email = false } })
    expect(verdict):equals("adopt")
    expect(best.id):equals(7)
  end)
  it("leaves the same VAT number under another name to a person", function()
    expect((adopt.decide(rules, firm, { { id = 7, name = "Zorro Pizza", vat = "DE136695976" } }))):equals("review")
  end)
  it("leaves one that belongs to another customer to a person", function()
    expect((adopt.decide(rules, firm,
      { { id = 7, name = firm.name, vat = firm.vat, linked = "C/1" } }))):equals("review")
  end)
  it("leaves two equally sure ones to a person", function()
    expect((adopt.decide(rules, firm, { { id = 7, name = firm.name, vat = firm.vat },
                                        { id = 8, name = firm.name, vat = firm.vat } }))):equals("review")
  end)
  it("does not take a shared mailbox for one firm", function()
    expect((adopt.decide(rules, firm, { { id = 7, name = "Steuerbüro Huber", vat = "DE811907980",
                                          email = firm.email } }))):equals("create")
  end)
end)

describe("outcomes", function()
  it("back off with growing limits, never earlier than asked", function()
    for attempt, limit in pairs { 1000, [3] = 4000, [40] = 1800000 } do
      local most = 0
      for _ = 1, 200 do most = math.max(most, outcome.delay(attempt, {})) end
      expect(most > limit * 0.8 and most <= limit + 100):is_true()
    end
    expect(outcome.delay(1, { retry_after_ms = 30000 })):equals(30000)
  end)
  it("try all that one failed call concerned together", function()
    local err = {}
    expect(outcome.delay(5, err)):equals(outcome.delay(5, err))
  end)
  it("keep an endpoint's retries within their share", function()
    assert(http.endpoint { name = "share", base_url = "http://127.0.0.1:1" })
    local function latest(n)
      local ms = 0
      for _ = 1, n do ms = math.max(ms, outcome.delay(1, { endpoint = "share" })) end
      return ms
    end
    expect(latest(20) <= 1100):is_true() -- the first few at once
    expect(latest(30) > 28000):is_true() -- then one a second
    for _ = 1, 120 do http.report("share", "ok") end
    expect(latest(20) <= 1100):is_true() -- and half of what succeeds
  end)
  it("group by cause and not by value", function()
    local function print_of(value, rule)
      local _, p = outcome.broken_rules("customer", "C/1", {
        { field = "Name", value = value, rule = rule, text = "t" } })
      return p
    end
    expect(print_of("a", "required")):equals(print_of("b", "required"))
    expect(print_of("a", "required") == print_of("a", "max")):is_false()
  end)
  it("explain a broken rule in full", function()
    local job = { id = 7, record = "C/1" }
    local prints, seen = {
      { outcome.alike("customer", job, "C/1 looks like A", { { id = 1, name = "A" } }) },
      { same = 1, outcome.alike("customer", job, "C/1 looks like B", { { id = 2, name = "B" } }) },
      { outcome.alike("customer", job, "C/1 looks like A", { { id = 1, linked = "C/2" } }) },
      { outcome.alike("customer", job, "NAV has no C/9", {}, "nothing") },
      { outcome.gone("customer", job, { side = "nav", nav = "C/1", odoo = "1", lost = "", left = "", lane = {} }) },
      { outcome.gone("customer", job, { side = "odoo", nav = "C/1", odoo = "1", lost = "", left = "", lane = {} }) },
      { outcome.returned("customer", job, "res.partner 1") },
      { outcome.alike("vendor", job, "C/1 looks like A", { { id = 1, name = "A" } }) },
    }, {}
    for i, p in ipairs(prints) do
      expect(seen[p[2]]):equals(p.same) -- one for each cause and flow, whatever the values
      seen[p[2]] = seen[p[2]] or i
      expect(json.decode(p[1]).way_out):matches " 7" -- the command that decides it, to be typed as it is
    end
    local text = outcome.broken_rules("customer", "C/1", { { field = "Name", value = "", rule = "required",
      text = "Name is empty", way_out = "fill it in in NAV", line = 20 } })
    local e = json.decode(text)
    expect(e.record):equals("C/1")
    expect(e.field):equals("Name")
    expect(e.value):equals("")
    expect(e.rule):equals("required")
    expect(e.way_out):equals("fill it in in NAV")
  end)
end)
