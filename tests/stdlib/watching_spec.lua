--- What both watches share, the names of a first load, and what a watch makes of a record that it missed.

local candidates = require "navodoo.engine.candidates"
local door = require "navodoo.engine.door"
local gone = require "navodoo.engine.gone"
local log = require "navodoo.log"
local store = require "navodoo.store"
local task = require "navodoo.task"
local testing = require "testing"
local watching = require "navodoo.engine.watching"

local function engine_of(more)
  local wakes = 0
  local engine = { flow = { name = "w" }, once = true, polls_open = 1, high_water = 10, room = task.event(),
                   troubles = {}, poll_now = task.event(), out_of_time = function() return false end }
  engine.wake = { set = function() wakes = wakes + 1 end }
  function engine:trouble(err) self.troubles[#self.troubles + 1] = err.class end
  for k, v in pairs(more or {}) do engine[k] = v end
  return engine, function() return wakes end
end

-- Store and log are not asked.
local function alone(query)
  local q, e, w = store.query, log.error, log.warn
  store.query, log.error, log.warn = query or function() return { { count = 0 } } end, function() end, function() end
  return setmetatable({}, { __close = function() store.query, log.error, log.warn = q, e, w end })
end

describe("a watch", function()
  it("that raises is reported and comes to no end of its walk", function()
    local _ <close> = alone()
    local engine, wakes = engine_of()
    watching.run(engine, { name = "the poll", call = "poll_now", walk = function() error "no" end }, 1)
    expect({ engine.unfinished, engine.polls_open, engine.troubles[1], wakes() > 0 }):equals { true, 0, "bug", true }
    engine = engine_of()
    watching.run(engine, { name = "the poll", call = "poll_now", walk = function() return true end }, 1)
    expect({ engine.unfinished, engine.polls_open, #engine.troubles }):equals { nil, 0, 0 }
  end)

  it("leaves what the other one did not finish unfinished", function()
    local _ <close> = alone()
    local engine = engine_of { unfinished = true }
    watching.run(engine, { name = "the poll", call = "poll_now", walk = function() return true end }, 1)
    expect(engine.unfinished):is_true()
  end)

  it("walks again until it retires", function()
    local _ <close> = alone()
    local engine, walks = engine_of { once = false }, 0
    watching.run(engine, { name = "the poll", call = "poll_now", walk = function()
      walks = walks + 1
      engine.retiring = walks == 3
      return true
    end }, 1)
    expect(walks):equals(3)
  end)

  it("waits for room in its own direction, and gives way to the life that follows", function()
    local count, asked = 10, 0
    local _ <close> = alone(function(_, _, direction)
      expect(direction):equals "odoo_to_nav"
      asked = asked + 1
      return { { count = count } }
    end)
    local engine = engine_of()
    local watch = { direction = "odoo_to_nav" }
    local result = "waits"
    task.spawn(function() result = watching.wait_for_room(engine, watch) end)
    task.sleep(5)
    expect(result):equals "waits"
    count = 9
    engine.room:set()
    task.sleep(5)
    expect(result):is_true()
    expect(asked):equals(2)
    count, engine.out_of_time = 10, function() return true end
    expect(select(2, watching.wait_for_room(engine, watch)).code):equals "full" -- and nothing moves any more
    engine.out_of_time = function() return false end
    task.spawn(function() result = watching.wait_for_room(engine, watch) end)
    task.sleep(5)
    engine.retiring = true
    engine.room:set()
    task.sleep(5)
    expect(result):is_false() -- nothing more is taken in
    door.close "the disk is full"
    engine.retiring, count = nil, 0
    expect(select(2, watching.wait_for_room(engine, watch)).text):equals "the disk is full"
    door.open()
  end)
end)

describe("a record that a watch missed", function()
  local function suspect(world)
    local txn = store.txn()
    gone.suspect({ flow = { name = "customer" }, wake = { set = function() end } }, txn, "nav_to_odoo",
                 "CRONUS International Ltd./C1")
    assert(store.apply(txn))
    return world
  end

  it("becomes a question, but not where a job is that finds out itself", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", { Name = "Anna", Customer_Posting_Group = "EU" })
    world:run "customer"
    assert(store.open(world.folder))
    suspect(world)
    local jobs = store.query("jobs_list", "customer", nil, 0, 10)
    expect({ #jobs, jobs[1].hash, jobs[1].state }):equals { 1, gone.HASH, "ready" }
    assert(store.apply { { "job_put", "customer", "nav_to_odoo", "CRONUS International Ltd./C1", 1, 1, "v", "h2",
                           "{}" } })
    local rev = store.query("jobs_list", "customer", nil, 0, 10)[1].rev
    suspect(world)
    jobs = store.query("jobs_list", "customer", nil, 0, 10)
    expect({ #jobs, jobs[1].hash, jobs[1].rev }):equals { 1, "h2", rev }
    store.close()
  end)

  it("is asked for once more: one that is there stays as it is", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", { Name = "Anna", Customer_Posting_Group = "EU" })
    world:run "customer"
    local before = #world:sent()
    assert(store.open(world.folder))
    suspect(world)
    store.close()
    world:run "customer"
    expect({ #world:jobs(), #world:sent() - before }):equals { 0, 0 }
  end)
end)

describe("the names of a first load", function()
  --- An Odoo that holds `n` partners, and counts what it is asked.
  local function first_load(n, name_of)
    local asked = { pages = 0, found = 0, names_of = 0 }
    local odoo = { names_of = function() return {} end }
    function odoo.search(_, _, domain, fields)
      task.sleep(1)
      local list, after = {}, domain[1][1] == "id" and domain[1][2] == ">" and domain[1][3]
      if after then
        asked.pages = asked.pages + 1
        for id = after + 1, math.min(after + 1000, n) do list[#list + 1] = { id = id, name = name_of(id) } end
        expect(#fields):equals(2)
      else
        for i, id in ipairs(domain[1][3]) do list[i] = { id = id, name = name_of(id), vat = "as it is now" } end
        asked.found = asked.found + #list
      end
      return list
    end
    return { flow = { name = "w", link = { adopt = { { nav = "VAT", odoo = "vat" } } } }, odoo = odoo, fields = {},
             model = "res.partner", key_of_xmlid = function() end }, asked
  end
  local function query() return {} end
  local function item(name) return { values = { name = name } } end

  it("are read by one, however many runs ask", function()
    local _ <close> = alone(query)
    local engine, asked = first_load(2500, function(id) return ("Firma %c%c%c"):format(97 + id % 26, 97 + id // 26 % 26,
                                                                                       97 + id // 676) end)
    local done = 0
    for _ = 1, 6 do
      task.spawn(function()
        assert(candidates.by_name(engine, { item "Somebody" }))
        done = done + 1
      end)
    end
    while done < 6 do task.sleep(1) end
    expect({ asked.pages, asked.found }):equals { 3, 0 }
    expect(engine.known_names.count):equals(2500)
  end)

  it("say who is alike; what he holds and whose he is, is asked then", function()
    local linked = {}
    local _ <close> = alone(function(name) return name == "links_by_odoo" and linked or {} end)
    local engine, asked = first_load(3, function(id) return ({ "Anna Huber", "Otto Mayer", "Anna Huber KG" })[id] end)
    local anna, otto, other = item "Anna Huber", item "Otto Mayer", item "Nobody"
    local found = assert(candidates.by_name(engine, { anna, otto, other }))
    expect({ #found[anna], found[anna][1].vat, #found[otto], found[other] }):equals { 2, "as it is now", 1, nil }
    expect(asked.found):equals(3)
    expect(found[otto][1].linked):is_nil()
    linked[1] = { odoo = "2", nav = "X/C9" } -- since
    expect(assert(candidates.by_name(engine, { otto }))[otto][1].linked):equals "X/C9"
  end)

  it("let others have their turn where very many begin with one word", function()
    local _ <close> = alone(query)
    local engine = first_load(4000, function(id) return "Gasthof " .. ("%c"):format(97 + id % 26):rep(9) end)
    assert(candidates.by_name(engine, { item "Somebody" }))
    local turns, over = 0, false
    task.spawn(function()
      while not over do
        turns = turns + 1
        task.sleep(0)
      end
    end)
    assert(candidates.by_name(engine, { item "Gasthof zur Post" }))
    over = true
    expect(turns >= 10):is_true()
  end)

  it("are given up where they are too many for the memory of a flow", function()
    local _ <close> = alone(query)
    local most = candidates.NAMES_MAX
    candidates.NAMES_MAX = 1500
    local engine, asked = first_load(5000, function(id) return "Firma " .. id end)
    local found = assert(candidates.by_name(engine, { item "Firma 7" }))
    candidates.NAMES_MAX = most
    expect({ asked.pages, next(found), engine.known_names.count }):equals { 2, nil, 0 }
  end)
end)
