-- Are these still the systems that the links were made with? With a store, and systems that
-- answer what a case wants them to.

local fs = require "navodoo.fs"
local identity = require "navodoo.engine.identity"
local json = require "navodoo.json"
local store = require "navodoo.store"

local function etag(version)
  return ("W/\"'28%%3BEgAAAAJ7BTEAMAAwADAAMAAAAAAA%d%%3B%s0%%3B'\""):format(#version, version)
end

describe("identity.row_version", function()
  it("is the second link of NAV's chain", function()
    expect(identity.row_version(etag "79124177")):equals(79124177)
    expect(identity.row_version(etag "1")):equals(1)
  end)

  it("is nothing where an ETag is of another make", function()
    expect(identity.row_version(nil)):equals(nil)
    expect(identity.row_version('W/"JzE2O0FBQUFBQUFB"')):equals(nil)
    expect(identity.row_version("W/\"'28%3BEgAA'\"")):equals(nil)
    expect(identity.row_version("W/\"'4%3BEgAA9%3B123'\"")):equals(nil)
  end)
end)

-- An engine on two systems: { uuid =, err =, nav = { key -> etag }, odoo = { id -> write_date } }.
local function engine_on(systems)
  return {
    flow = { name = "customer" }, company = "C", entity = "CustomerCard", model = "res.partner",
    nav = { endpoint = { name = "nav" }, get = function(_, _, wanted)
      local records, etags = {}, {}
      for _, key in ipairs(wanted) do
        if systems.nav[key] then records[key], etags[key] = {}, systems.nav[key] end
      end
      return records, nil, etags
    end },
    odoo = { endpoint = { name = "odoo", company_id = systems.company_id },
      database_uuid = function() return systems.uuid, systems.err end,
      read = function(_, _, ids)
        local list = {}
        for _, id in ipairs(ids) do
          if systems.odoo[id] then list[#list + 1] = { id = id, write_date = systems.odoo[id] } end
        end
        return list
      end },
  }
end

local function known()
  return { uuid = "one", company_id = 1, nav = { A = etag "10", B = etag "20", D = etag "30" },
           odoo = { "2026-01-15T10:00:00Z", "2026-01-15T10:00:05Z", "2026-01-15T10:00:09Z" } }
end

-- What a later look says after three records were brought in step; `change` is what happened since.
local function after(change)
  local folder = os.tmpname()
  os.remove(folder)
  assert(store.open((fs.make(folder) and folder)))
  local systems = known()
  local engine = engine_on(systems)
  assert(identity.check(engine))
  for id, key in ipairs { "A", "B", "D" } do
    local txn = store.txn()
    engine.witnessed = nil
    identity.note(engine, txn, "C/" .. key, systems.nav[key], id, systems.odoo[id])
    assert(store.apply(txn))
  end
  change(systems)
  local later = engine_on(systems)
  local ok, err = identity.check(later)
  if not ok and err.class == "fingerprint" then -- a person may say that all is well
    assert(store.apply(assert(identity.forget(err.endpoint))))
    assert(identity.check(engine_on(systems)))
  end
  store.close()
  for _, name in ipairs(fs.list(folder)) do os.remove(folder .. "/" .. name) end
  os.remove(folder)
  return ok and "goes on" or err.class .. " " .. err.text
end

local function says(text, part)
  if not text:find(part, 1, true) then error(("%q does not say %q"):format(text, part), 2) end
end

describe("identity.check", function()
  it("lets a system go on that is as it was, or moved on", function()
    expect(after(function() end)):equals "goes on"
    expect(after(function(s)
      s.nav.A, s.odoo[3], s.nav.B, s.odoo[1] = etag "11", "2026-02-01T00:00:00Z", nil, nil
    end)):equals "goes on"
    -- a server's clock was set back a little
    expect(after(function(s) s.odoo[2] = "2026-01-15T10:00:04Z" end)):equals "goes on"
  end)

  it("goes by the records where the name of the database cannot be read", function()
    local refused = { class = "config", text = "no right" }
    expect(after(function(s) s.uuid, s.err = nil, refused end)):equals "goes on"
    says(after(function(s) s.uuid, s.err, s.odoo = nil, refused, {} end), "odoo: it went back in time")
  end)

  it("stops at a copy", function()
    local text = after(function(s) s.uuid = "two" end)
    says(text, "fingerprint odoo: this is another database")
    says(text, "its database.uuid is two, expected one")
    says(text, "navodoo accept odoo")
  end)

  it("stops at what went back in time", function()
    says(after(function(s) s.nav.B = etag "19" end), "the row version of C/B is 19, and was 20 already")
    says(after(function(s) s.nav = {} end), "nav: it went back in time, or is another system: none of the 3 records")
    says(after(function(s) s.odoo[1] = "2026-01-14T23:00:00Z" end),
         "res.partner 1 was written 2026-01-14T23:00:00Z, and 2026-01-15T10:00:00Z already")
  end)

  it("stops at another pair of companies", function()
    says(after(function(s) s.company_id = 2 end), "pair C of NAV with company 1 of Odoo, navodoo.lua pairs C with 2")
  end)

  it("keeps the last few records, each once", function()
    local engine, txn = engine_on(known()), { add = function(self, ...) self[#self + 1] = { ... } end }
    for i = 1, 9 do
      engine.witnessed = nil
      identity.note(engine, txn, "C/" .. i % 6, etag "1", i, "2026-01-15T10:00:00Z")
    end
    local list = json.decode(txn[#txn][3]).list
    local names = {}
    for i, w in ipairs(list) do names[i] = w.nav end
    expect(names):equals { "C/5", "C/0", "C/1", "C/2", "C/3" }
    engine.witnessed = nil
    identity.note(engine, txn, "C/0", etag "1", 1, nil)
    local n = #txn
    identity.note(engine, txn, "C/4", etag "1", 1, nil) -- within the same second
    expect(#txn):equals(n)
  end)
end)
