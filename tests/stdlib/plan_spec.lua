--- A dry run tells the truth: what is applied is what was planned, or nothing at all.

local apply = require "cli.apply"
local json = require "navodoo.json"
local out = require "cli.out"
local store = require "navodoo.store"
local testing = require "testing"

local CUSTOMER <const> = { Name = "Anna", Customer_Posting_Group = "EU", Country_Region_Code = "AT" }

-- Writes of the plan and of the calls that went out, in one form.
local function fields_sent(world, model)
  local by_id = {}
  for _, row in ipairs(world:loaded(model)) do
    local id = row.id
    row.id = nil
    local names = {}
    for name in pairs(row) do names[#names + 1] = name:match "^[^/]*" end
    table.sort(names)
    by_id[id] = table.concat(names, " ")
  end
  return by_id
end

describe("a plan", function()
  it("sends nothing, and says of each field what and why", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", CUSTOMER)
    local plan = world:plan "customer"
    expect(#world:sent()):equals(0)
    expect({ #plan.records, plan.records[1].what, plan.records[1].record }):equals {
      1, "create", "CRONUS International Ltd./C1" }
    local by_field = {}
    for _, f in ipairs(plan.records[1].fields) do by_field[f.field] = f end
    expect({ by_field.name.new, by_field.name.why }):equals { "Anna", "from Name" }
    expect(by_field.country_id.why):equals "from Country_Region_Code by lookup country"
    expect(#world:records("odoo", "res.partner")):equals(#testing.world():records("odoo", "res.partner"))
  end)
  it("is what apply sends, no more and no less, and a second one finds nothing", function()
    local world <close> = testing.world()
    for i = 1, 5 do world:nav("Customer", "C" .. i, CUSTOMER) end
    world:run "customer"
    local before = #world:sent()
    world:nav("Customer", "C2", { Name = "Berta" })
    world:nav("Customer", "C3", { Phone_No = "1", Name = "Clara" })
    world:nav("Customer", "C9", CUSTOMER)
    local plan = world:plan "customer"
    local planned = {}
    for _, p in ipairs(plan.records) do
      local names = {}
      for name in pairs(p.write) do names[#names + 1] = name end
      table.sort(names)
      planned[#planned + 1] = ("%s %s: %s"):format(p.what, p.record:match "[^/]*$",
        p.what == "create" and #names or table.concat(names, " "))
    end
    expect(planned):equals { "update C2: name", "update C3: name phone", "create C9: " .. #plan.records[3].fields }
    expect(#world:sent()):equals(before)
    local outcomes = world:apply("customer", plan)
    local results = {}
    for name, o in pairs(outcomes) do results[name:match "[^/]*$"] = o.result or o.text end
    expect(results):equals { C2 = "updated", C3 = "updated", C9 = "created" }
    local sent = fields_sent(world, "res.partner")
    expect(sent["navodoo.CRONUS-20International-20Ltd-2e_customer_C2"]):equals "name"
    expect(sent["navodoo.CRONUS-20International-20Ltd-2e_customer_C3"]):equals "name phone"
    expect(#world:plan("customer").records):equals(0)
    local after = #world:sent()
    world:run "customer"
    expect(#world:sent()):equals(after)
  end)
  it("goes both ways", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", CUSTOMER)
    world:run "customer"
    local id = math.tointeger(tonumber(world:links()[1].odoo))
    world:odoo("res.partner", { city = "Wien" }, id)
    local plan = world:plan("customer", "C1")
    expect({ #plan.records, plan.records[1].direction, plan.records[1].write.City, plan.records[1].fields[1].old })
      :equals { 1, "odoo_to_nav", "Wien", "" }
    local outcomes = world:apply("customer", plan)
    expect(outcomes["odoo_to_nav " .. id].result):equals "updated"
    expect(world:records("nav", "Customer")[1].City):equals "Wien"
    expect(#world:plan("customer").records):equals(0)
  end)
  it("knows what a crash left between a page and its jobs", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", CUSTOMER)
    world:run "customer"
    assert(store.open(world.folder))
    local base = json.decode(store.query("links_list", "customer", 0, 1)[1].base)
    base.nav.No, base.nav.Name = "C7", "Left"
    assert(store.apply { { "lot_put", "customer", 1, "nav_to_odoo", 1, 1,
      assert(json.encode(json.array { json.array { "CRONUS International Ltd./C7", json.null, base.nav } })) } })
    store.close()
    local plan = world:plan "customer"
    expect(#plan.records):equals(1)
    expect(plan.records[1].record):matches "C7$"
    expect(plan.records[1].write.name):equals "Left"
  end)
  it("of one record reads the store where it is, and changes nothing in it", function()
    local world <close> = testing.world()
    for i = 1, 3 do world:nav("Customer", "C" .. i, CUSTOMER) end
    world:run "customer"
    world:nav("Customer", "C2", { Name = "Berta" })
    local copy = store.copy
    store.copy = function() error "the store is copied" end
    local ok, plan = pcall(world.plan, world, "customer", "C2")
    store.copy = copy
    if not ok then error(plan, 0) end
    expect(#plan.records):equals(1)
    expect(plan.records[1].write.name):equals "Berta"
    assert(store.open(world.folder, "read"))
    expect(#store.query("jobs_list", "customer", nil, 0, 10)):equals(0)
    store.close()
    world:nav("Customer", "C3", { Customer_Posting_Group = "" })
    plan = world:plan("customer", "C3")
    expect({ #plan.records, plan.parked[1].state }):equals { 0, "dead" }
  end)
  it("refuses a record that moved on either side, and applies the others", function()
    local world <close> = testing.world()
    for i = 1, 3 do world:nav("Customer", "C" .. i, CUSTOMER) end
    world:run "customer"
    local ids = {}
    for _, l in ipairs(world:links()) do ids[l.nav:match "[^/]*$"] = math.tointeger(tonumber(l.odoo)) end
    for i = 1, 3 do world:nav("Customer", "C" .. i, { Name = "New " .. i }) end
    local plan = world:plan "customer"
    expect(#plan.records):equals(3)
    world:nav("Customer", "C1", { Name = "Newer" })
    world:odoo("res.partner", { website = "http://x.example" }, ids.C2)
    local before = #world:sent()
    local outcomes = world:apply("customer", plan)
    local function of(key) return outcomes["nav_to_odoo CRONUS International Ltd./" .. key] end
    expect(of("C1").text):equals "the record in NAV moved since the plan was made"
    expect(of("C2").text):equals "the record in Odoo moved since the plan was made"
    expect(of("C3").result):equals "updated"
    expect(#world:sent()):equals(before + 1)
    expect(#world:jobs()):equals(0)
  end)
  it("refuses a write that is not the planned one", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", CUSTOMER)
    local plan = world:plan "customer"
    plan.records[1].write.name = "Mallory"
    local outcomes = world:apply("customer", plan)
    expect(outcomes["nav_to_odoo CRONUS International Ltd./C1"].text):matches "something else than planned"
    expect(#world:sent()):equals(0)
    expect(#world:jobs()):equals(0)
  end)
  it("shows what would wait for a person, and leaves nothing behind", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", { Name = "Anna", Customer_Posting_Group = "" })
    local plan = world:plan "customer"
    expect({ #plan.records, #plan.parked, plan.parked[1].state }):equals { 0, 1, "dead" }
    expect(plan.parked[1].why):matches "Customer_Posting_Group"
    world:apply("customer", plan)
    expect(#world:jobs()):equals(0)
  end)
end)

describe("navodoo apply", function()
  -- Exit code and complaint for a plan file with this content.
  local function applied(content)
    local path = os.tmpname()
    local f <close> = assert(io.open(path, "wb"))
    f:write(content)
    f:flush()
    local complain, said = out.complain, nil
    out.complain = function(form, ...) said = form:format(...) end
    local code = apply.run { path, flows = "flows" }
    out.complain = complain
    os.remove(path)
    return code, said
  end
  local function plan_of(changes)
    local flow
    for _, f in ipairs(testing.project().flows) do
      if f.name == "customer" then flow = f end
    end
    local made = { navodoo = "plan 1", flow = "customer", hash = flow.hash, env = "dev", records = json.array {},
                   systems = { nav = "http://elsewhere CRONUS", odoo = "http://elsewhere db " } }
    for key, v in pairs(changes) do made[key] = v end
    return assert(json.encode(made))
  end
  it("takes nothing but a plan", function()
    local code, said = applied "{}"
    expect(code):equals(2)
    expect(said):matches "this is no plan"
    code, said = applied "{ not json"
    expect(code):equals(2)
    expect(said):matches ":1: "
  end)
  it("refuses a plan of another version of the flow", function()
    local code, said = applied(plan_of { hash = "000000000000" })
    expect(code):equals(2)
    expect(said):matches "flows/customer.lua changed since the plan was made %(000000000000, now %x+%); plan again"
  end)
  it("refuses a plan for other systems", function()
    local code, said = applied(plan_of {})
    expect(code):equals(2)
    expect(said):matches "the plan is for http://elsewhere CRONUS, this is "
  end)
end)
