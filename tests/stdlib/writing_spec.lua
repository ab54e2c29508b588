--- Writing into NAV when answers are lost, refused or late, and people edit meanwhile: nothing
-- is made twice, nothing is lost, and nothing is called in step that differs.

local delivery = require "navodoo.engine.delivery"
local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"
local testing = require "testing"
local time = require "navodoo.time"
local worlds = require "testing.world"

local LATER <const> = 3600 * 1000 -- a settle time that no run waits for

--- A world whose customer flow is changed: pattern and replacement, in turns.
local function world_of(...)
  local p, changed = testing.project(), {}
  for k, v in pairs(p) do changed[k] = v end
  changed.flows = {}
  for i, f in ipairs(p.flows) do
    local flow = {}
    for k, v in pairs(f) do flow[k] = v end
    if f.name == "customer" then
      local swaps = { ... }
      for n = 1, #swaps, 2 do
        local count
        flow.source, count = flow.source:gsub(swaps[n], swaps[n + 1])
        assert(count > 0, "the flow holds no " .. swaps[n])
      end
    end
    changed.flows[i] = flow
  end
  return worlds.open(changed)
end

local function partner(fields)
  local all = { name = "Quitte & Co", customer_rank = 1, city = "Graz", is_company = true }
  for k, v in pairs(fields or {}) do all[k] = v end
  return all
end

local function cards(world) return world:records("nav", "Customer") end

local function held(world, id)
  for _, p in ipairs(world:records("odoo", "res.partner")) do
    if p.id == id then return p end
  end
end

local function apply(world, ops)
  assert(store.open(world.folder))
  assert(store.apply(ops))
  store.close()
end

--- Runs with a settle time of `side` that nobody waits for; afterwards it is over.
local function run_lost(world, side)
  local endpoint, ops = world.endpoints[side or "nav"], {}
  endpoint.settle_ms = LATER
  world:run "customer"
  endpoint.settle_ms = 1
  for i, job in ipairs(world:jobs()) do ops[i] = { "job_retry", job.id, job.rev, 0, 0, nil } end
  apply(world, ops)
end

local function links_of(world)
  local list = {}
  for _, l in ipairs(world:links()) do list[#list + 1] = l.nav:match "[^/]*$" .. "=" .. l.odoo end
  table.sort(list)
  return list
end

local function states(world)
  local list = {}
  for _, j in ipairs(world:jobs()) do list[#list + 1] = j.direction .. " " .. j.state end
  table.sort(list)
  return list
end

describe("a creation in NAV whose answer was lost", function()
  it("is found and linked, whatever the record says by then", function()
    local world <close> = testing.world()
    world:run "customer"
    local id = world:odoo("res.partner", partner())
    world:answer { to = "nav", what = "^POST CustomerCard", cut = true }
    run_lost(world)
    expect({ #cards(world), #links_of(world) }):equals { 1, 0 }
    world:odoo("res.partner", { name = ("x"):rep(120) }, id) -- NAV cannot hold that
    world:run "customer"
    expect(links_of(world)):equals { cards(world)[1].No .. "=" .. id }
    expect(states(world)):equals { "odoo_to_nav dead" }
    world:odoo("res.partner", { name = "Quitte AG" }, id)
    world:run "customer"
    expect({ #cards(world), cards(world)[1].Name, held(world, id).ref }):equals { 1, "Quitte AG", cards(world)[1].No }
    expect(states(world)):equals {}
  end)

  it("and that never reached NAV is made once", function()
    local world <close> = testing.world()
    local id = world:odoo("res.partner", partner())
    world:answer { to = "nav", what = "^POST CustomerCard", code = "network" }
    run_lost(world)
    expect(#cards(world)):equals(0)
    world:run "customer"
    expect({ #cards(world), links_of(world) }):equals { 1, { cards(world)[1].No .. "=" .. id } }
  end)

  it("and that began after its record was asked for, is no new record of NAV's", function()
    local world <close> = testing.world()
    world:run "customer"
    local id, asked = world:odoo("res.partner", partner()), false
    local name = ("%s/O%08d"):format(world.endpoints.nav.company, id)
    apply(world, { { "job_hint", "customer", "nav_to_odoo", name, time.now() + 300000, nil, nil } })
    world:answer { to = "nav", what = "^GET CustomerCard.*Name%%20ge", act = function() -- before the creation
      for _ = 1, 3000 do
        if asked then return end
        task.sleep(1)
      end
    end }
    world:answer { to = "nav", what = "^GET CustomerCard.*No%%20eq", act = function()
      asked = true
      for _ = 1, 3000 do
        if #cards(world) == 1 then return end
        task.sleep(1)
      end
    end }
    world:answer { to = "nav", what = "^POST CustomerCard", cut = true }
    run_lost(world)
    expect({ #cards(world), #links_of(world) }):equals { 1, 0 }
    expect(states(world)):equals { "nav_to_odoo ready", "odoo_to_nav ready" }
    world:run "customer"
    expect(links_of(world)):equals { cards(world)[1].No .. "=" .. id }
    expect(states(world)):equals {}
  end)

  it("keeps what either side changed meanwhile", function()
    local world <close> = testing.world()
    local id = world:odoo("res.partner", partner { phone = "1" })
    world:answer { to = "nav", what = "^POST CustomerCard", cut = true }
    run_lost(world)
    world:odoo("res.partner", { phone = "2" }, id)
    world:nav("Customer", cards(world)[1].No, { Address = "Gasse 1" })
    world:run "customer"
    local card, p = cards(world)[1], held(world, id)
    expect({ card.Phone_No, card.Address, p.phone, p.street }):equals { "2", "Gasse 1", "2", "Gasse 1" }
    expect(#cards(world)):equals(1)
    expect(states(world)):equals {}
  end)

  it("asks a person when nobody can tell who has the last word", function()
    local world <close> = testing.world()
    local id = world:odoo("res.partner", partner { phone = "1" })
    world:answer { to = "nav", what = "^POST CustomerCard", cut = true }
    run_lost(world)
    world:nav("Customer", cards(world)[1].No, { Phone_No = "3" })
    world:run "customer"
    expect({ #cards(world), cards(world)[1].Phone_No, held(world, id).phone }):equals { 1, "3", "1" }
    expect(#states(world)):equals(1)
    expect(states(world)[1]):matches " review$"
  end)

  it("is looked for by what was sent, where a number series gives the number", function()
    local world <close> = world_of('number = {.-}', 'number = "series", probe = "Home_Page"')
    local id = world:odoo("res.partner", partner { website = "http://quitte.example" })
    world:answer { to = "nav", what = "^POST CustomerCard", cut = true }
    run_lost(world)
    world:odoo("res.partner", { website = "http://neu.example" }, id)
    world:run "customer"
    expect({ #cards(world), #links_of(world), cards(world)[1].Home_Page }):equals { 1, 1, "http://neu.example" }
  end)

  it("waits for a person where more than one may be it, and stays unsent through further edits", function()
    local world <close> = world_of('number = {.-}', 'number = "series", probe = "Home_Page"')
    local id = world:odoo("res.partner", partner { website = "http://quitte.example" })
    world:answer { to = "nav", what = "^POST CustomerCard", cut = true, act = function()
      world:nav("Customer", "TWIN", { Name = "Zwilling", Customer_Posting_Group = "" }) -- no concern of this flow
    end }
    run_lost(world)
    world:nav("Customer", "TWIN", { Home_Page = "http://quitte.example" })
    world:run "customer"
    expect({ #cards(world), #links_of(world) }):equals { 2, 0 }
    world:odoo("res.partner", { phone = "7" }, id)
    world:run "customer"
    expect({ #cards(world), #links_of(world) }):equals { 2, 0 }
    local asked
    for _, job in ipairs(world:jobs()) do asked = asked or job.direction == "odoo_to_nav" and job.error end
    expect(asked):matches 'more than one record with Home_Page'
  end)

  it("is not forgotten with a job that a person drops", function()
    local world <close> = world_of('number = {.-}', 'number = "series", probe = "Home_Page"')
    local id = world:odoo("res.partner", partner { website = "http://quitte.example" })
    world:answer { to = "nav", what = "^POST CustomerCard", cut = true }
    run_lost(world)
    apply(world, { { "job_drop", world:jobs()[1].id } })
    world:nav("Customer", cards(world)[1].No, { Name = "Ganz anders", Customer_Posting_Group = "" })
    world:odoo("res.partner", { phone = "7" }, id)
    world:run "customer"
    expect({ #cards(world), links_of(world) }):equals { 1, { cards(world)[1].No .. "=" .. id } }
  end)

  it("is not taken from another record that has got it by hand", function()
    local world <close> = testing.world()
    local id = world:odoo("res.partner", partner())
    world:answer { to = "nav", what = "^POST CustomerCard", cut = true }
    run_lost(world)
    local other = world:odoo("res.partner", { name = "Jemand anders" })
    apply(world, { { "link_put", "customer", ("CRONUS International Ltd./%s"):format(cards(world)[1].No),
                     tostring(other), "x", "h", nil, nil, nil, nil, 0 } })
    world:run "customer"
    expect(links_of(world)):equals { cards(world)[1].No .. "=" .. other }
    expect({ #cards(world), held(world, id).ref }):equals { 1, false }
  end)

  it("is no creation of ours when somebody else made a record under that number", function()
    local world <close> = testing.world()
    local id = world:odoo("res.partner", partner())
    local number = ("O%08d"):format(id)
    world:answer { to = "nav", what = "^POST CustomerCard", code = "network" }
    run_lost(world)
    world:nav("Customer", number, { Name = "Ganz anders", City = "Linz", Customer_Posting_Group = "" })
    world:run "customer"
    expect(links_of(world)):equals {}
    expect({ #cards(world), cards(world)[1].Name, held(world, id).name }):equals { 1, "Ganz anders", "Quitte & Co" }
  end)
end)

describe("a delivery address", function()
  -- its key has two parts, and NAV calls it like its customer at first
  local function family(answers)
    local world = testing.world()
    local firm = world:odoo("res.partner", partner())
    world:run "customer"
    world:odoo("res.partner", { name = "Rampe", parent_id = firm, type = "delivery", street = "Tor 2", city = "Linz" })
    for _, answer in ipairs(answers) do world:answer(answer) end
    world.endpoints.nav.settle_ms = LATER
    world:run "ship_to"
    world.endpoints.nav.settle_ms = 1
    local ops = {}
    for i, job in ipairs(world:jobs()) do ops[i] = { "job_retry", job.id, job.rev, 0, 0, nil } end
    if #ops > 0 then apply(world, ops) end
    world:run "ship_to"
    local names, rows = {}, world:records("nav", "Ship-to Address")
    for i, row in ipairs(rows) do names[i] = row.Name end
    local deliveries = 0
    for _, p in ipairs(world:records("odoo", "res.partner")) do
      if p.type == "delivery" then deliveries = deliveries + 1 end
    end
    return world, { names, #links_of(world), deliveries }
  end

  it("is found by both parts of its key when the answer was lost", function()
    local world <close>, got = family { { to = "nav", what = "^POST ShiptoAddress", cut = true } }
    expect(got):equals { { "Rampe" }, 1, 1 } -- and has its name by now: that of its customer was nobody's word
    expect(#world:jobs()):equals(0)
  end)
  it("keeps its name when the call that brings it is lost", function()
    local world <close>, got = family { { to = "nav", what = "^PATCH ShiptoAddress", code = "network" } }
    expect(got):equals { { "Rampe" }, 1, 1 }
    expect(#world:jobs()):equals(0)
  end)
  it("keeps its name when the answer to that call is lost", function()
    local world <close>, got = family { { to = "nav", what = "^PATCH ShiptoAddress", cut = true } }
    expect(got):equals { { "Rampe" }, 1, 1 }
    expect(#world:jobs()):equals(0)
  end)
end)

describe("a person's decision", function()
  it("to make a new record is carried out once, also when that answer is lost", function()
    local world <close> = testing.world()
    world:odoo("res.partner", partner())
    world:nav("Customer", "C1", { Name = "Quitte und Co GmbH", Customer_Posting_Group = "" }) -- too alike
    world:run "customer"
    for _, job in ipairs(world:jobs()) do
      if job.direction == "odoo_to_nav" then
        apply(world, { { "job_decide", job.id, assert(json.encode { create = true }), 0 } })
      end
    end
    world:answer { to = "nav", what = "^POST CustomerCard", cut = true }
    run_lost(world)
    expect({ #cards(world), #links_of(world) }):equals { 2, 0 }
    world:run "customer"
    expect({ #cards(world), #links_of(world) }):equals { 2, 1 }
  end)
end)

describe("a record that NAV has", function()
  it("stays known when Odoo refuses its external id", function()
    local world <close> = testing.world()
    local id = world:odoo("res.partner", partner())
    local other = world:odoo("res.partner", { name = "Jemand anders" })
    local name = ("CRONUS-20International-20Ltd-2e_customer_O%08d"):format(id)
    world:odoo("ir.model.data", { module = "navodoo", name = name, model = "res.partner", res_id = other })
    world:run "customer"
    expect({ #cards(world), #links_of(world) }):equals { 1, 0 }
    world:odoo("res.partner", { phone = "5" }, id)
    world:run "customer"
    expect({ #cards(world), #links_of(world) }):equals { 1, 0 }
    expect(world:jobs()[1].error):matches "belongs to res.partner %d+ already"
    expect(held(world, other).name):equals "Jemand anders"
  end)

  it("gets what NAV's own code put over our values, also when the second call fails", function()
    local world <close> = testing.world()
    local id = world:odoo("res.partner", partner { phone = "1" })
    local number = ("O%08d"):format(id)
    world:answer { to = "nav", what = "^POST CustomerCard", status = 201, act = function()
      world:nav("Customer", number, { Name = "Quitte & Co", City = "Graz", Phone_No = "000",
                                      Customer_Posting_Group = "EU" })
    end, body = json.encode { ["@odata.etag"] = "old", No = number, Name = "Quitte & Co", City = "Graz",
                              Phone_No = "000", Partner_Type = "Company" } }
    world:run "customer"
    expect({ cards(world)[1].Phone_No, held(world, id).phone, #cards(world) }):equals { "1", "1", 1 }
  end)

  it("is asked again by what was sent when the answer of that second call is lost", function()
    local world <close> = testing.world()
    local id = world:odoo("res.partner", partner { phone = "1" })
    local number = ("O%08d"):format(id)
    world:answer { to = "nav", what = "^POST CustomerCard", status = 201, act = function()
      world:nav("Customer", number, { Name = "Quitte & Co", City = "Graz", Phone_No = "000",
                                      Customer_Posting_Group = "EU" })
    end, body = json.encode { ["@odata.etag"] = "old", No = number, Name = "Quitte & Co", City = "Graz",
                              Phone_No = "000", Partner_Type = "Company" } }
    world:answer { to = "nav", what = "^PATCH", code = "network" }
    run_lost(world)
    expect(cards(world)[1].Phone_No):equals "000"
    world:odoo("res.partner", { phone = "2" }, id)
    world:run "customer"
    expect({ cards(world)[1].Phone_No, held(world, id).phone, #cards(world) }):equals { "2", "2", 1 }
  end)

  it("that holds another value than it was sent says so to Odoo", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", { Name = "Anna", Customer_Posting_Group = "EU", Phone_No = "0" })
    world:run "customer"
    local id = math.tointeger(tonumber(world:links()[1].odoo))
    world:odoo("res.partner", { phone = "+43 1" }, id)
    world:answer { to = "nav", what = "^PATCH", status = 200, act = function()
      world:nav("Customer", "C1", { Phone_No = "0043 1" }) -- a trigger of NAV rewrites it
    end, body = json.encode { ["@odata.etag"] = "e", No = "C1", Name = "Anna", Phone_No = "0043 1",
                              Customer_Posting_Group = "EU" } }
    world:run "customer"
    expect({ cards(world)[1].Phone_No, held(world, id).phone }):equals { "0043 1", "0043 1" }
    local sent = #world:sent()
    world:run "customer"
    expect(#world:sent()):equals(sent)
  end)
end)

describe("a record that was just created in Odoo", function()
  it("and is read back otherwise than it was sent is not called in step", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", { Name = "Anna", Customer_Posting_Group = "EU" })
    world:answer { to = "odoo", what = "^res.partner read$", act = function()
      for _, p in ipairs(world:records("odoo", "res.partner")) do
        if p.ref == "C1" then world:odoo("res.partner", { name = "Anna Huber" }, p.id) end
      end
    end }
    world:run "customer"
    expect(cards(world)[1].Name):equals "Anna Huber"
  end)
end)

describe("an update of NAV whose answer was lost", function()
  it("is in step with what was sent, whatever becomes of the next edit", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", { Name = "Anna", Customer_Posting_Group = "EU" })
    world:run "customer"
    local id = math.tointeger(tonumber(world:links()[1].odoo))
    world:odoo("res.partner", { phone = "1" }, id)
    world:answer { to = "nav", what = "^PATCH", cut = true }
    run_lost(world)
    world:odoo("res.partner", { phone = "2", name = ("x"):rep(120) }, id)
    world:run "customer"
    expect(states(world)):equals { "odoo_to_nav dead" }
    world:odoo("res.partner", { name = "Berta" }, id)
    world:run "customer"
    expect(states(world)):equals {}
    expect({ cards(world)[1].Phone_No, cards(world)[1].Name }):equals { "2", "Berta" }
  end)
end)

describe("an update of Odoo whose answer was lost", function()
  local ONE_WAY <const> = { "return flow.*$", [[
    return flow "customer" {
      nav = { read = "CustomerCard", key = "No", watch = { stamp = "Last_Date_Modified", every = "10s" } },
      odoo = { model = "res.partner" }, link = { xmlid = "customer" },
      fields = { { "No", "ref" }, { "Name", "name" }, { "Address", "street" }, { "Phone_No", "phone" } },
    }]] }

  local function lost(world)
    world:nav("Customer", "C1", { Name = "Anna", Customer_Posting_Group = "EU" })
    world:run "customer"
    world:nav("Customer", "C1", { Phone_No = "1" })
    world:answer { to = "odoo", what = "^res.partner load", cut = true }
    run_lost(world, "odoo")
    local id = math.tointeger(tonumber(world:links()[1].odoo))
    expect(held(world, id).phone):equals "1"
    return id
  end

  for name, swaps in pairs { ["both ways"] = {}, ["one way"] = ONE_WAY } do
    it(("leaves alone what a person edits meanwhile, %s"):format(name), function()
      local world <close> = world_of(table.unpack(swaps))
      local id = lost(world)
      world:odoo("res.partner", { street = "Gasse 1" }, id)
      world:nav("Customer", "C1", { Name = "Berta" })
      world:run "customer"
      expect({ held(world, id).name, held(world, id).street, held(world, id).phone }):equals { "Berta", "Gasse 1", "1" }
    end)
    it(("follows NAV when it goes back on its word, %s"):format(name), function()
      local world <close> = world_of(table.unpack(swaps))
      local id = lost(world)
      world:nav("Customer", "C1", { Phone_No = "" })
      world:run "customer"
      expect({ held(world, id).phone, cards(world)[1].Phone_No, #world:jobs() }):equals { false, "", 0 }
    end)
  end
end)

describe("an adoption whose end was lost", function()
  local VAT <const> = "ATU12345675"

  it("stays what it was decided to be, from NAV's side", function()
    local world <close> = testing.world()
    local id = world:odoo("res.partner", { name = "Anna Huber", vat = VAT, customer_rank = 0 })
    world:nav("Customer", "C1", { Name = "Anna Huber", VAT_Registration_No = VAT, Country_Region_Code = "AT",
                                  Customer_Posting_Group = "EU" })
    world:answer { to = "odoo", what = "ir.model.data create", code = "network" }
    run_lost(world, "odoo")
    expect(links_of(world)):equals {}
    local before = #world:records("odoo", "res.partner")
    world:nav("Customer", "C1", { Name = "Ganz neu", VAT_Registration_No = "" })
    world:run "customer"
    expect(links_of(world)):equals { "C1=" .. id }
    expect({ #world:records("odoo", "res.partner"), held(world, id).name }):equals { before, "Ganz neu" }
  end)

  it("and from Odoo's", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", { Name = "Anna Huber", VAT_Registration_No = VAT, Country_Region_Code = "AT",
                                  Customer_Posting_Group = "" }) -- Odoo does not get it from NAV
    world:run "customer"
    local id = world:odoo("res.partner", { name = "Anna Huber", vat = VAT, customer_rank = 1, phone = "4" })
    world:answer { to = "nav", what = "^PATCH", cut = true }
    run_lost(world)
    expect({ cards(world)[1].Phone_No, #links_of(world) }):equals { "4", 0 }
    world:odoo("res.partner", { name = "Ganz neu", vat = false, phone = "5" }, id)
    world:run "customer"
    expect({ #cards(world), links_of(world)[1], cards(world)[1].Phone_No }):equals { 1, "C1=" .. id, "5" }
  end)
end)

describe("a link by hand", function()
  it("to a number that NAV does not have makes nothing, and says so", function()
    local world <close> = testing.world()
    world:odoo("res.partner", partner())
    world:nav("Customer", "C1", { Name = "Quitte und Co GmbH", Customer_Posting_Group = "" }) -- too alike
    world:run "customer"
    for _, job in ipairs(world:jobs()) do
      if job.direction == "odoo_to_nav" then
        apply(world, { { "job_decide", job.id, assert(json.encode { adopt = "NOWHERE" }), 0 } })
      end
    end
    world:run "customer"
    expect({ #cards(world), #links_of(world) }):equals { 1, 0 }
    local asked
    for _, job in ipairs(world:jobs()) do asked = asked or job.direction == "odoo_to_nav" and job.error end
    expect(asked):matches "NAV has no CustomerCard NOWHERE"
  end)
end)

describe("a batch that raises", function()
  it("costs the guilty record only, and does not forget its write", function()
    local world <close> = testing.world()
    local sent = delivery.write
    delivery.write = function(engine, items)
      for _, item in ipairs(items) do
        if item.current.name == "Wirre Sachen" then error "boom" end
      end
      sent(engine, items)
    end
    local guilty = world:odoo("res.partner", partner { name = "Wirre Sachen" })
    world:odoo("res.partner", partner { name = "Anna Huber" })
    world:odoo("res.partner", partner { name = "Otto Maier" })
    world:run "customer"
    delivery.write = sent
    expect(#cards(world)):equals(2)
    expect(states(world)):equals { "odoo_to_nav dead" }
    expect(world:jobs()[1].error):matches "the engine failed on this record: .*boom"
    expect(#links_of(world)):equals(2)
    world:odoo("res.partner", { phone = "1" }, guilty)
    world:run "customer"
    expect({ #cards(world), #links_of(world), #world:jobs() }):equals { 3, 3, 0 }
  end)
end)
