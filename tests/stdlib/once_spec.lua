--- A run with an end comes to it, whatever the weather: a system that asks for an hour of patience,
-- a store that cannot be written. (A world waits three seconds, as `--wait 3s` does.)

local cache = require "navodoo.cache"
local json = require "navodoo.json"
local store = require "navodoo.store"
local testing = require "testing"
local time = require "navodoo.time"

local ANNA <const> = { Name = "Anna", Customer_Posting_Group = "EU", Country_Region_Code = "AT" }
local HOUR_MS <const> = 3600 * 1000

local function board() return json.decode(cache.get("board", "customer")) end

local function took(fn)
  local began = time.monotonic()
  fn()
  return time.monotonic() - began
end

describe("a run with an end", function()
  it("does not wait an hour for a source that asks for it, and says that it is not done", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", ANNA)
    world:answer { to = "nav", what = "GET /?Customer", status = 429, retry_after_ms = HOUR_MS, times = 3 }
    expect(took(function() world:run "customer" end) < HOUR_MS):is_true()
    expect({ board().unfinished, board().trouble.class }):equals { true, "transient" }
    for _, a in ipairs(world.answers) do a.times = 0 end
    world:run "customer"
    expect({ board().unfinished, #world:links() }):equals { false, 1 }
  end)

  it("leaves the work of a target that asks for it", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", ANNA)
    world:answer { to = "odoo", what = "res%.partner load", status = 429, retry_after_ms = HOUR_MS, times = 3 }
    expect(took(function() world:run "customer" end) < HOUR_MS):is_true()
    expect({ #world:links(), #world:jobs(), world:jobs()[1].state }):equals { 0, 1, "ready" }
  end)

  it("ends when the store cannot be written, and the next one goes on", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", ANNA)
    world:run "customer"
    world:nav("Customer", "C1", { Phone_No = "7" })
    local apply, writes = store.apply, 0
    store.apply = function(...)
      writes = writes + 1
      if writes > 4 then return nil, { code = "full", text = "the disk is full, says the spec" } end
      return apply(...)
    end
    local ok, why = pcall(world.run, world, "customer", { all = true })
    store.apply = apply
    expect(ok):equals(false)
    expect(tostring(why)):matches "cannot be written: the disk is full, says the spec"
    expect({ board().class, writes > 5 }):equals { "transient", true }
    world:run "customer"
    expect(#world:jobs()):equals(0)
    expect(world:loaded "res.partner"[2].phone):equals "7"
  end)
end)

describe("a store that was lost", function()
  local function answer_of_past(world)
    assert(store.open(world.folder))
    local rows = store.query("meta", "past:customer")
    store.close()
    return rows[1] and rows[1].value
  end
  it("is forgotten when all that Odoo has of the flow is known again", function()
    local world <close> = testing.world()
    for i = 1, 3 do world:nav("Customer", "C" .. i, ANNA) end
    world:run "customer"
    expect(answer_of_past(world)):equals "no"
    world:close()
    world:run "customer"
    expect(answer_of_past(world)):equals "yes"
    expect(#world:links()):equals(3)
    world:run "customer"
    expect(answer_of_past(world)):equals "no"
  end)
  it("is not while a record is missing", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", ANNA)
    world:nav("Customer", "C2", { Name = "Berta", Customer_Posting_Group = "EU" })
    world:run "customer"
    world:close()
    world:nav("Customer", "C2", { Customer_Posting_Group = "" }) -- breaks a rule: it gets no link
    for _ = 1, 2 do world:run "customer" end
    expect({ answer_of_past(world), #world:links() }):equals { "yes", 1 }
  end)
end)
