--- The pure parts of a flow that goes both ways: positions of the walk in Odoo, the
-- three-way merge, the census of a sweep, spellings of what is looked for.

local adopt = require "navodoo.engine.adopt"
local base = require "navodoo.engine.base"
local census = require "navodoo.engine.census"
local decimal = require "navodoo.decimal"
local delivery = require "navodoo.engine.delivery"
local json = require "navodoo.json"
local keys = require "navodoo.engine.keys"
local merge = require "navodoo.engine.merge"
local position = require "navodoo.engine.position"
local time = require "navodoo.time"

local MINUTE <const> = 60 * 1000000

describe("position", function()
  local noon = time.parse_iso "2026-01-15T12:00:00Z"

  it("begins with all records and keeps the highest stamp, less the overlap", function()
    local s = position.begin({}, false, noon)
    expect(s.scan.full):is_true()
    expect(s.scan.from):is_nil()
    local done
    s, done = position.advance(s, { { id = 1, stamp = "2026-01-15T11:50:00Z" },
                                    { id = 7, stamp = "2025-01-01T00:00:00Z" } }, true, noon, 5 * MINUTE)
    expect(done):is_false()
    expect(s.scan.id):equals(7)
    expect(s.scan.high):equals("2026-01-15T11:50:00Z")
    s, done = position.advance(s, {}, false, noon, 5 * MINUTE)
    expect(done):is_true()
    expect(s):equals { mark = "2026-01-15T11:45:00Z" }
  end)
  it("goes back further by the time that the walk took", function()
    local s = position.begin({ mark = "2026-01-15T11:00:00Z" }, false, noon)
    s = position.advance(s, { { id = 1, stamp = "2026-01-15T12:20:00Z" } }, false, noon + 20 * MINUTE, 5 * MINUTE)
    expect(s.mark):equals("2026-01-15T11:55:00Z")
  end)
  it("never moves its mark back, and not at all when nothing came", function()
    local s = position.begin({ mark = "2026-01-15T11:00:00Z" }, false, noon)
    s = position.advance(s, { { id = 1, stamp = "2026-01-15T11:01:00Z" } }, false, noon, 5 * MINUTE)
    expect(s.mark):equals("2026-01-15T11:00:00Z")
    s = position.advance(position.begin(s, false, noon), {}, false, noon, 5 * MINUTE)
    expect(s.mark):equals("2026-01-15T11:00:00Z")
  end)
  it("goes on where it was interrupted, and turns into a full walk when asked", function()
    local s = { mark = "2026-01-15T11:00:00Z", scan = { from = "x", stamp = "y", id = 3, began = 1, full = false } }
    expect(position.begin(s, false, noon)):equals(s)
    expect(position.begin(s, true, noon).scan.id):is_nil()
  end)

  --- A table whose transactions stamp rows with their begin and show them at their commit;
  -- walks page by page while rows change. Every row version must be seen.
  it("misses no late commit, whatever order things happen in", function()
    local seed = 20260115
    local function random(n)
      seed = (seed * 1664525 + 1013904223) % 4294967296
      return (seed >> 8) % n
    end
    for _ = 1, 300 do
      local now, rows, pending, seen, state, versions = noon, {}, {}, {}, {}, 0
      for _ = 1, 120 do
        now = now + random(90) * 1000000
        for i = #pending, 1, -1 do
          if pending[i].commit <= now then
            rows[pending[i].id] = pending[i]
            table.remove(pending, i)
          end
        end
        if random(2) == 0 then
          versions = versions + 1
          pending[#pending + 1] = { id = 1 + random(9), began = now, version = versions,
                                    commit = now + random(4 * 60) * 1000000 }
        end
        if random(3) == 0 then
          if not state.scan then state = position.begin(state, random(20) == 0, now) end
          local list = {}
          for id = 1, 9 do
            local row = rows[id]
            local stamp = row and time.iso(row.began // 1000000 * 1000000)
            if row then list[#list + 1] = { id = id, stamp = stamp, version = row.version } end
          end
          local scan = state.scan
          if not scan.full then
            table.sort(list, function(a, b) return a.stamp < b.stamp or a.stamp == b.stamp and a.id < b.id end)
          end
          local page = {}
          for _, row in ipairs(list) do
            local behind
            if scan.full then behind = not scan.id or row.id > scan.id
            else
              behind = (not scan.from or row.stamp >= scan.from)
                and (not scan.id or row.stamp > scan.stamp or row.stamp == scan.stamp and row.id > scan.id)
            end
            if behind then page[#page + 1] = row end
          end
          local more = #page > 3
          for i = #page, 4, -1 do page[i] = nil end
          for _, row in ipairs(page) do seen[row.id] = row.version end
          state = position.advance(state, page, more, now, 5 * MINUTE)
        end
      end
      -- the evening: everything commits, two more walks
      for _, p in ipairs(pending) do if p.commit > now then now = p.commit end end
      table.sort(pending, function(a, b) return a.commit < b.commit end)
      for _, p in ipairs(pending) do rows[p.id] = p end
      for _ = 1, 2 do
        local done
        state.scan = state.scan and nil
        state = position.begin(state, false, now)
        local list = {}
        for id = 1, 9 do
          local row = rows[id]
          local stamp = row and time.iso(row.began // 1000000 * 1000000)
          if row and (not state.scan.from or stamp >= state.scan.from) then
            list[#list + 1] = { id = id, stamp = stamp, version = row.version }
          end
        end
        table.sort(list, function(a, b) return a.stamp < b.stamp or a.stamp == b.stamp and a.id < b.id end)
        for _, row in ipairs(list) do seen[row.id] = row.version end
        state, done = position.advance(state, list, false, now, 5 * MINUTE)
        expect(done):is_true()
      end
      for id, row in pairs(rows) do
        if seen[id] ~= row.version then error(("row %d: version %d was never seen"):format(id, row.version)) end
      end
    end
  end)
end)

describe("merge", function()
  local both = { nav = { "Phone_No" }, odoo = { "phone" }, to_odoo = true, to_nav = true }
  local nav_only = { nav = { "Limit" }, odoo = { "credit" }, to_odoo = true, to_nav = false, owner = "nav" }
  local odoo_only = { nav = { "E_Mail" }, odoo = { "email" }, to_odoo = false, to_nav = true, owner = "odoo" }
  local function same(_, a, b) return base.equal(a, b) end

  local function plan(entry, was, nav, odoo, more)
    local s = { base = was and { nav = { [entry.nav[1]] = was[1] }, odoo = { [entry.odoo[1]] = was[2] } } or nil,
                nav = { [entry.nav[1]] = nav }, odoo = { [entry.odoo[1]] = odoo },
                to_odoo = { [entry.odoo[1]] = nav == "" and false or nav }, to_nav = { [entry.nav[1]] = odoo or "" },
                same_odoo = same, same_nav = same, owner = function(e) return e.owner end, conflict = "review" }
    for k, v in pairs(more or {}) do s[k] = v end
    return merge.plan({ entry }, s)[1]
  end

  it("leaves what nobody changed, also where the sides never agreed", function()
    expect(plan(both, { "1", "one" }, "1", "one").what):equals("same")
  end)
  it("carries what one side changed to the other", function()
    expect(plan(both, { "1", "1" }, "2", "1").what):equals("to_odoo")
    expect(plan(both, { "1", "1" }, "1", "2").what):equals("to_nav")
    expect(plan(both, { "1", "1" }, "2", "1").lost):is_nil()
  end)
  it("has nothing to do where both sides came to say the same", function()
    expect(plan(both, { "1", "1" }, "2", "2").what):equals("same")
  end)
  it("asks a person about two changes, unless the policy decides", function()
    expect(plan(both, { "1", "1" }, "2", "3").what):equals("conflict")
    local v = plan(both, { "1", "1" }, "2", "3", { conflict = "nav" })
    expect(v.what):equals("to_odoo")
    expect(v.lost):equals("odoo")
    v = plan(both, { "1", "1" }, "2", "3", { conflict = "odoo" })
    expect(v.what):equals("to_nav")
    expect(v.lost):equals("nav")
  end)
  it("knows the newer of two instants, and asks when they are the same or one has none", function()
    local function newest(a, b)
      return plan(both, { "1", "1" }, "2", "3", { conflict = "newest", nav_at = a, odoo_at = b }).what
    end
    expect(newest("2026-01-15T10:00:00.5Z", "2026-01-15T10:00:00Z")):equals("to_odoo")
    expect(newest("2026-01-15T10:00:00Z", "2026-01-15T10:00:01Z")):equals("to_nav")
    expect(newest("2026-01-15T10:00:00Z", "2026-01-15T10:00:00Z")):equals("conflict")
    expect(newest(nil, "2026-01-15T10:00:00Z")):equals("conflict")
  end)
  it("lets the owner win, and leaves the other side's change where it was made", function()
    expect(plan(nav_only, { "1", "1" }, "1", "2").what):equals("ignored")
    local v = plan(nav_only, { "1", "1" }, "2", "3")
    expect(v.what):equals("to_odoo")
    expect(v.lost):equals("odoo")
    expect(plan(odoo_only, { "1", "1" }, "2", "1").what):equals("ignored")
    expect(plan(odoo_only, { "1", "1" }, "2", "3").what):equals("to_nav")
  end)
  it("follows the card that owns a shared field", function()
    local more = { owner = function() return "odoo" end }
    expect(plan(both, { "1", "1" }, "2", "1", more).what):equals("ignored")
    expect(plan(both, { "1", "1" }, "1", "2", more).what):equals("to_nav")
  end)
  it("sees that both say the same in the words of either side, whoever owns the field", function()
    -- NAV's spelling is not what Odoo's value would become there, but it means that value
    local more = { owner = function() return "odoo" end, to_odoo = { phone = "CHE1" }, to_nav = { Phone_No = "CHE1" } }
    expect(plan(both, nil, "CHE-1", "CHE1", more).what):equals("same")
    more.to_odoo = { phone = "CHE2" }
    expect(plan(both, nil, "CHE-2", "CHE1", more).what):equals("to_nav")
  end)
  it("fills blanks at first sight, and takes NAV's word where both say something", function()
    expect(plan(both, nil, "", "2").what):equals("to_nav")
    expect(plan(both, nil, "2", false).what):equals("to_odoo")
    expect(plan(both, nil, "2", "2").what):equals("same")
    local v = plan(both, nil, "2", "3", { met = true })
    expect(v.what):equals("to_odoo")
    expect(v.lost):equals("odoo")
    expect(plan(both, nil, "2", "3", { conflict = "odoo", met = true }).what):equals("to_nav")
    expect(plan(nav_only, nil, "2", "3", { met = true }).what):equals("to_odoo")
  end)
  it("lets the policy decide where two were in step and nobody knows how", function()
    expect(plan(both, nil, "2", "3").what):equals("conflict")
    expect(plan(both, nil, "2", "3", { conflict = "nav" }).what):equals("to_odoo")
    expect(plan(both, nil, "2", "3", { conflict = "odoo" }).what):equals("to_nav")
    expect(plan(both, nil, "", "2").what):equals("to_nav")
    expect(plan(nav_only, nil, "2", "3").what):equals("to_odoo")
  end)
  it("takes a value that is no longer known for a change", function()
    expect(plan(both, { base.NOT_KNOWN, "1" }, "1", "1", { to_odoo = {}, to_nav = {} }).what):equals("to_odoo")
    local known = json.decode(base.pack('{"a":[]}', '{"b":1}'))
    expect(base.changed(known.nav, { a = "" }, { "a" })):is_true()
  end)
  it("keeps up what is made of nothing in NAV", function()
    local rank = { nav = {}, odoo = { "customer_rank" }, to_odoo = true, to_nav = false }
    local s = { base = { nav = {}, odoo = { customer_rank = 1 } }, nav = {}, odoo = { customer_rank = 0 },
                to_odoo = { customer_rank = 1 }, to_nav = {}, same_odoo = same, same_nav = same,
                owner = function() end, conflict = "review" }
    expect(merge.plan({ rank }, s)[1].what):equals("to_odoo")
  end)
end)

describe("census", function()
  it("knows which links it saw, in a bit each", function()
    local c = census.new(0, 0)
    for _, id in ipairs { 1, 63, 64, 1000000 } do c:see(id) end
    for _, id in ipairs { 1, 63, 64, 1000000 } do expect(c:saw(id)):is_true() end
    for _, id in ipairs { 0, 2, 62, 65, 999999 } do expect(c:saw(id)):is_false() end
  end)
end)

describe("values of NAV", function()
  it("are the same when they say the same", function()
    expect(delivery.same({ type = "char" }, "", json.null)):is_true()
    expect(delivery.same({ type = "char" }, "a", "A")):is_false()
    expect(delivery.same({ type = "decimal" }, decimal.new "1.50", decimal.new "1.5")):is_true()
    expect(delivery.same({ type = "decimal" }, 0, json.null)):is_true()
    expect(delivery.same({ type = "decimal" }, 1, json.null)):is_false()
    expect(delivery.same({ type = "boolean" }, false, nil)):is_true()
  end)
end)

describe("first sight in both systems", function()
  it("looks for the usual spellings", function()
    expect(adopt.spellings "DE136695976"):equals { "DE136695976", "DE 136695976" }
    expect(adopt.spellings "CHE-123.456.788 MWST"):equals {
      "CHE-123.456.788 MWST", "CHE123456788MWST", "CHE-123.456.788MWST" }
    expect(adopt.spellings "info@firma.example"):equals { "info@firma.example", "Info@firma.example" }
  end)
  it("takes a name that is nearly the same for a doubt, and phone or post code beside it for more", function()
    local rules = { { nav = "VAT", odoo = "vat" } }
    local firm = { name = "Strauß Blechbearbeitung KG", phone = "+43 1 649736", zip = "1010", vat = "ATU12345678" }
    local function of(c) return adopt.confidence(rules, firm, c) end
    expect(of { name = "Strauss Blechbearbeitung K.G." } >= adopt.DOUBT):is_true()
    expect(of { name = "Strauss Blechbearbeitung K.G." } < adopt.SURE):is_true()
    expect(of { name = "Strauss Blechbearbeitung K.G.", phone = "00431649736" } >= adopt.SURE):is_true()
    expect(of { name = "Strauss Blechbearbeitung K.G.", phone = "00431649736", vat = "DE136695976" }):equals(0)
    expect(adopt.similarity("Filiale Graz 12", "Filiale Graz 13")):equals(0)
    expect(of { name = "Nordlicht Handel", phone = firm.phone, zip = firm.zip }):equals(0)
  end)
  it("does not take one VAT number for another because of a shared mailbox", function()
    local rules = { { nav = "VAT", odoo = "vat" }, { nav = "E", odoo = "email" } }
    local sure = adopt.confidence(rules, { name = "Huber", vat = "ATU1", email = "a@b.c" },
                                  { name = "Huber", vat = "ATU2", email = "a@b.c" })
    expect(sure < adopt.SURE):is_true()
    expect(sure >= adopt.DOUBT):is_true()
  end)
  it("looks for names by how they begin, umlauts spelled out or not", function()
    expect(adopt.beginnings "Müller GmbH"):equals { "Muel", "Müll" }
    expect(adopt.beginnings "Mueller GmbH"):equals { "Muel", "Müll" }
    expect(adopt.beginnings "Haereid Fisk A/S"):equals { "Haer", "Häre", "Hære" }
    expect(adopt.beginnings "d'Aubigne"):equals { "D'au", "D’au" }
    expect(adopt.similarity("D’Aubigné Négoce SA", "D'Aubigne Negoce S.A.") == 1):is_true()
    expect(adopt.similarity("Hæreid & Grønli Fisk AS", "Haereid & Groenli Fisk A/S") == 1):is_true()
    expect(adopt.beginnings(false)):equals {}
  end)
  it("reads the NAV key out of an external id", function()
    for _, key in ipairs { "10000", "C-1", "ä/ö", "A B_C" } do expect(keys.unpart(keys.part(key))):equals(key) end
  end)
end)
