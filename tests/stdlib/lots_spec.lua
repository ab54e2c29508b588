--- Lots that a life left behind: whoever takes over makes jobs of them, and a record that got
-- a link meanwhile is not written back to what the lot says.

local call = require "connector.call"
local engine = require "navodoo.engine.main"
local http = require "navodoo.http"
local json = require "navodoo.json"
local log = require "navodoo.log"
local project = require "cli.project"
local store = require "navodoo.store"
local task = require "navodoo.task"
local testing = require "testing"
local time = require "navodoo.time"

local ONE_WAY <const> = [[
local navodoo = require "navodoo"
return navodoo.flow "customer" {
  nav = { read = "CustomerCard", key = "No", watch = { stamp = "Last_Date_Modified" } },
  odoo = { model = "res.partner" },
  link = { xmlid = "customer" },
  fields = { { "No", "ref" }, { "Name", "name" } },
}
]]
local COMPANY <const> = "CRONUS International Ltd."

--- A world whose customers go to Odoo only.
local function one_way(source)
  local world = testing.world()
  source = source or ONE_WAY
  local p = {}
  for k, v in pairs(world.project) do p[k] = v end
  p.flows = { { name = "customer", file = "customer.lua", source = source, lookups = {},
                hash = project.version(source, {}) } }
  world.project = p
  return world
end

--- What a life that died had on disk: records that are new to it, one row for all.
local function leave_lot(world, records, intended)
  local rows = json.array {}
  for i, r in ipairs(records) do rows[i] = json.array { COMPANY .. "/" .. r.No, json.null, json.object({}, r) } end
  assert(store.open(world.folder))
  local ops = { { "lot_put", "customer", 7, "nav_to_odoo", #records, time.now(), assert(json.encode(rows)) } }
  if intended then ops[2] = { "lot_intend", "customer", 7, time.now(), store.epoch(), nil } end
  assert(store.apply(ops))
  store.close()
end

local function lots_left(world)
  assert(store.open(world.folder))
  local rows = assert(store.query "lots_counts")
  store.close()
  return #rows
end

--- Runs a flow as a life that takes over from another one.
local function take_over(world)
  local start = engine.start
  engine.start = function(argument)
    local spec = json.decode(argument)
    spec.beside = true
    return start(assert(json.encode(spec)))
  end
  local ok, counters = pcall(world.run, world, "customer")
  engine.start = start
  if not ok then error(counters, 0) end
  return counters
end

local function names_in_odoo(world)
  local names = {}
  for _, partner in ipairs(world:records("odoo", "res.partner")) do
    if type(partner.ref) == "string" and partner.ref:find "^C%d$" then
      names[#names + 1] = partner.ref .. " " .. partner.name
    end
  end
  table.sort(names)
  return table.concat(names, ", ")
end

describe("a lot of a life that ended", function()
  for _, how in ipairs { "run", "take over" } do
    it(("is finished by the life that comes after it: %s"):format(how), function()
      local world <close> = one_way()
      world:nav("Customer", "C1", { Name = "Anna" })
      world:run "customer"
      world:nav("Customer", "C2", { Name = "Berta" })
      world:nav("Customer", "C3", { Name = "Clara" })
      leave_lot(world, { { No = "C2", Name = "Berta" }, { No = "C3", Name = "Clara" } }, how == "take over")
      if how == "run" then world:run "customer" else take_over(world) end
      expect(names_in_odoo(world)):equals "C1 Anna, C2 Berta, C3 Clara"
      expect(lots_left(world)):equals(0)
      expect(#world:jobs()):equals(0)
    end)
  end

  it("does not bring back what a record was before it got its link", function()
    local world <close> = one_way()
    world:nav("Customer", "C1", { Name = "new name" })
    world:nav("Customer", "C2", { Name = "Berta" })
    world:run "customer"
    local before = #world:sent()
    leave_lot(world, { { No = "C1", Name = "old name" }, { No = "C2", Name = "Berta" } })
    take_over(world)
    expect(names_in_odoo(world)):equals "C1 new name, C2 Berta"
    expect(#world:sent()):equals(before)
    expect(lots_left(world)):equals(0)
  end)

  it("has such a record read again where both sides are read", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", { Name = "new name", Customer_Posting_Group = "EU" })
    world:run "customer"
    leave_lot(world, { { No = "C1", Name = "old name" } })
    local counters = take_over(world)
    expect(names_in_odoo(world)):equals "C1 new name"
    expect({ counters.unchanged, #world:jobs(), lots_left(world) }):equals { 1, 0, 0 }
  end)
end)

describe("a lot behind an open breaker", function()
  -- whose records are looked for by what they hold, before anything is sent
  local SEEKING <const> = ONE_WAY:gsub('xmlid = "customer"', '%0, adopt = { { "E_Mail", "email" } }')
    :gsub('{ "Name", "name" }', '%0, { "E_Mail", "email" }')
  local SEEK <const> = "res%.partner search_read"
  local function world_of_one()
    local world = one_way(SEEKING)
    world:nav("Customer", "C1", { Name = "Anna", E_Mail = "anna@example.com" })
    world.odoo_name = world.endpoints.odoo.name
    return world
  end
  local function open(world, retry_ms)
    for _ = 1, 5 do http.report(world.odoo_name, "fail", retry_ms) end
    expect(http.info(world.odoo_name).breaker):equals "open"
  end
  it("waits for the target, and goes its own way then", function()
    local world <close>, state = world_of_one(), nil
    world:answer { to = "nav", what = "CustomerCard", act = function() open(world, 300) end }
    world:answer { to = "odoo", what = "load", act = function() state = http.info(world.odoo_name).breaker end }
    local counters = world:run "customer"
    expect({ counters.created, counters.retried, #world:jobs() }):equals { 1, nil, 0 }
    expect(state == "open"):equals(false)
  end)
  it("goes back into the line when its first question is not let through", function()
    local world <close> = world_of_one()
    local asked, tries = 0, call.TRIES
    call.TRIES = 1
    world:answer { to = "odoo", what = SEEK, code = "breaker_open", act = function()
      asked = asked + 1
      open(world, 300)
    end }
    local counters = world:run "customer"
    call.TRIES = tries
    expect({ asked, counters.created, counters.retried, #world:jobs() }):equals { 1, 1, nil, 0 }
  end)
  it("goes back as well when another asks the one question that is let through", function()
    local world <close> = world_of_one()
    local tries, state, said, at_error = call.TRIES, nil, 0, log.error
    call.TRIES = 1
    world:answer { to = "odoo", what = SEEK, code = "breaker_open", act = function()
      open(world, 1)
      while http.info(world.odoo_name).breaker == "open" do task.sleep(50) end
      state = http.info(world.odoo_name).breaker
    end }
    log.error = function(...)
      said = said + 1
      return at_error(...)
    end
    local counters = world:run "customer"
    call.TRIES, log.error = tries, at_error
    expect({ state, said, counters.created, #world:jobs() }):equals { "half_open", 0, 1, 0 }
  end)
  it("becomes a job when the run has no time to wait", function()
    local world <close> = world_of_one()
    world:answer { to = "nav", what = "CustomerCard", act = function() open(world, 3600000) end }
    world:answer { to = "odoo", what = SEEK, code = "breaker_open", times = 1000 }
    world:run "customer"
    expect({ #world:jobs(), world:jobs()[1].state, lots_left(world) }):equals { 1, "ready", 0 }
  end)
end)
