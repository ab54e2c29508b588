--- Ways to watch NAV: what a flow may declare, and the pure parts of the walks.

local feed = require "navodoo.engine.feed"
local loader = require "navodoo.loader"
local numbers = require "navodoo.engine.numbers"
local problem = require "navodoo.problem"

local function declared(watch, key)
  local flow, problems = loader.compile { file = "flows/t.lua", source = ([[
return require("navodoo").flow "t" {
  nav = { read = "Card", key = %s, watch = { %s } },
  odoo = { model = "res.partner" }, link = { xmlid = "t" }, fields = { { "Name", "name" } },
}]]):format(key or '"No"', watch) }
  if not flow then return problem.format_all(problems) end
  return flow.nav.watch, flow
end

describe("nav.watch", function()
  it("takes each way with what it needs", function()
    expect(declared 'mode = "scan", every = "1m"'):equals { mode = "scan", every_ms = 60000 }
    expect(declared 'mode = "stamp", stamp = "Changed"'):equals { mode = "stamp", stamp = "Changed", every_ms = 30000 }
    expect(declared 'mode = "entry_no", scan = "02:00"'):equals { mode = "entry_no", every_ms = 30000, scan = "02:00" }
    for _, mode in ipairs { "change_log", "integration_record" } do
      expect(declared(('mode = %q, page = "Told", table_no = 18'):format(mode)))
        :equals { mode = mode, page = "Told", table_no = 18, every_ms = 30000 }
    end
  end)
  it("says what is missing or too much", function()
    local said = {
      { 'mode = "changelog"', 'no way to watch called "changelog"; there are .*did you mean change_log' },
      { 'mode = "stamp"', "mode: stamp needs stamp" },
      { 'mode = "scan", stamp = "Changed"', "watch.stamp: mode scan goes by no stamp" },
      { 'mode = "change_log", page = "Log"', "nav.watch.table_no is missing" },
      { 'mode = "change_log", table_no = 18', "nav.watch.page is missing" },
      { 'mode = "change_log", page = "Log", table_no = 1.5', "the number of the watched table" },
      { 'mode = "scan", page = "Log"', "watch.page is for the modes" },
      { 'mode = "integration_record", page = "R", table_no = 222', "names records by one key field, this page has 2",
        '{ "A", "B" }' },
    }
    for _, case in ipairs(said) do expect(declared(case[1], case[3])):matches(case[2]) end
  end)
  it("needs a number as key of numbered rows", function()
    local _, flow = declared 'mode = "entry_no"'
    local schema = { entity = "Card", fields = { No = { type = "text" }, Name = { type = "text" } }, key = { "No" } }
    expect(problem.format_all(flow:check { nav = schema })):matches("entry_no needs a key that is a number")
  end)
end)

describe("numbers", function()
  local S <const>, PATIENCE <const> = 1000000, 480 * 1000000
  local function walk(state, now, ...)
    local rows = {}
    for i, n in ipairs { ... } do rows[i] = { key = n } end
    local done
    state, done = numbers.advance(numbers.begin(state, now), rows, false, now, PATIENCE)
    expect(done):is_true()
    return state
  end
  it("believe that nothing lower comes only after the patience", function()
    local s = walk({}, 0, 5, 7)
    expect(s):equals { mark = 0, seen = { { n = 7, at = 0 } } }
    s = walk(s, 479 * S, 5, 7, 8)
    expect(s.mark):equals(0)
    s = walk(s, 481 * S, 5, 6, 7, 8) -- 6 was late
    expect(s.mark):equals(7)
    expect(numbers.begin(s, 482 * S).scan.after):equals(7)
  end)
  it("go on where they were interrupted, and keep the mark over a full walk", function()
    local s = numbers.begin({ mark = 7, seen = {} }, 0)
    local done
    s, done = numbers.advance(s, { { key = 8 }, { key = 9 } }, true, S, PATIENCE)
    expect(done):is_false()
    expect(numbers.begin(s, 5 * S)):equals(s)
    s = numbers.begin({ mark = 7, seen = {} }, 0, true)
    expect(s.scan.after):equals(0)
    s = numbers.advance(s, { { key = 3 } }, true, S, PATIENCE)
    expect(numbers.begin(s, S, true)):equals(s) -- a full walk goes on as one
    expect(numbers.begin(s, S)):equals(s)
    s = numbers.advance(numbers.begin({ mark = 7, seen = {} }, 0), { { key = 9 } }, true, S, PATIENCE)
    expect(numbers.begin(s, S, true).scan):equals { after = 0, high = 7, began = S, full = true }
    s = numbers.begin({ mark = 7, seen = {} }, 0, true)
    expect(numbers.advance(s, {}, false, S, PATIENCE).mark):equals(7)
  end)
  it("remember few points, however often they walk", function()
    local s, high = {}, 0
    for i = 1, 2000 do
      high = high + 1
      s = walk(s, i * S, high)
    end
    expect(#s.seen <= 9):is_true()
    expect(s.mark > 2000 - 480 - 61 and s.mark <= 2000 - 480):is_true()
  end)
end)

describe("feeds", function()
  it("name records by the first key field and by the text of the record id", function()
    local log, records = feed.modes.change_log, feed.modes.integration_record
    expect(log.key { Primary_Key_Field_1_Value = "C00010" }):equals("C00010")
    expect(records.key { Record_ID = "Customer: C: 1" }):equals("C: 1")
    expect(records.key { Record_ID = "" }):is_nil()
  end)
  it("ask for the changes and then for the deletions", function()
    local mode, now = feed.modes.integration_record, 1768435200 * 1000000
    local s = mode.begin(mode.start(now), now)
    local q = mode.question(s, { table_no = 18 })
    expect(q.stamp_field):equals("Modified_On")
    expect(q.stamp_after):matches("^2026%-01%-13T23:59:59%.999")
    local done
    s, done = mode.advance(s, { { key = "g1", record = { Modified_On = "2026-01-15T00:00:00.123Z" } } }, false, now, 0)
    expect(done):is_false()
    expect(s.turn):equals("deleted")
    s, done = mode.advance(mode.begin(s, now), {}, false, now, 0)
    expect(done):is_true()
    expect(s.turn):equals("changed")
    expect(s.deleted.mark):equals(mode.start(now).deleted.mark)
    expect(s.changed.mark):matches("^2026%-01%-14T23:59:00%.123") -- a minute for clocks that differ
  end)
end)
