--- Reviews and dead letters on a sandbox: each has its way out, and a person's word is kept
-- until it is done.

local commands = require "cli.commands"
local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"
local testing = require "testing"

local CUSTOMER <const> = { Name = "Anna", Customer_Posting_Group = "EU", Gen_Bus_Posting_Group = "EU",
                           VAT_Bus_Posting_Group = "EU", Phone_No = "1" }

-- A world whose customer flow is changed by pairs of text.
local function world_with(...)
  local world, changes = testing.world(), { ... }
  local flows = {}
  for i, f in ipairs(world.project.flows) do
    local copy = {}
    for k, v in pairs(f) do copy[k] = v end
    if f.name == "customer" then
      for c = 1, #changes, 2 do
        local n
        copy.source, n = copy.source:gsub(changes[c], changes[c + 1])
        if n == 0 then error("the flow has no " .. changes[c]) end
      end
    end
    flows[i] = copy
  end
  world.project = setmetatable({ flows = flows }, { __index = world.project })
  return world
end

local GONE_REVIEW <const> = { 'gone = { from_nav = "archive", from_odoo = "block" }',
                              'gone = { from_nav = "review", from_odoo = "review" }' }

local NO_ENTRY <const> = { '{ "Blocked", "active"[^\n]*\n', "\n" }

local function command(world, name, arguments)
  assert(store.open(world.folder))
  local ok, result, err = pcall(commands[name], arguments)
  store.close()
  if not ok then error(result, 0) end
  return result, err
end

-- What is parked, by state.
local function parked(world, state)
  local list = {}
  for _, job in ipairs(world:jobs()) do
    if job.state == state then list[#list + 1] = job end
  end
  return list
end

local function partner(world, id)
  for _, p in ipairs(world:records("odoo", "res.partner")) do
    if p.id == id then return p end
  end
end

local function customer(world, key)
  for _, c in ipairs(world:records("nav", "Customer")) do
    if c["No."] == key or c.No == key then return c end
  end
end

local function met(world)
  world:nav("Customer", "C1", CUSTOMER)
  world:run "customer"
  return math.tointeger(tonumber(world:links()[1].odoo))
end

local function remove(world, side, change)
  local response = world.sides[side].handler { method = "POST", path = "/_sandbox/edit", headers = {},
                                               body = assert(json.encode(change)) }
  expect(response.status):equals(200)
end

local function lose_partner(world, id) remove(world, "odoo", { model = "res.partner", key = id, action = "delete" }) end
local function lose_customer(world, key) remove(world, "nav", { table = "Customer", key = key, action = "delete" }) end

describe("a review of values", function()
  local function crossed(world)
    local id = met(world)
    world:nav("Customer", "C1", { Phone_No = "222" })
    world:odoo("res.partner", { phone = "111" }, id)
    world:run "customer"
    local reviews = parked(world, "review")
    expect(#reviews):equals(1)
    return id, reviews[1].id
  end
  it("refuses at once what NAV's schema does not take, and stays", function()
    local world <close> = world_with()
    local _, review = crossed(world)
    local _, err = command(world, "take", { id = review, set = { Phone_No = ("1"):rep(40) } })
    expect(err.text):matches "is 40 long, NAV takes 30"
    expect(command(world, "job", { id = review }).job.state):equals("review")
  end)
  it("is decided while nobody writes the pair, and only as it was looked at", function()
    local world <close> = world_with()
    local _, review = crossed(world)
    local about = command(world, "job", { id = review }).job.error
    expect(about.lane):equals { "nav:CustomerCard:CRONUS International Ltd./C1",
                                "odoo:res.partner:" .. about.odoo }
    local lock, released = task.lock { about.lane[2] }, false
    task.spawn(function()
      task.sleep(60)
      released = true
      lock:release()
    end)
    assert(command(world, "take", { id = review, winner = "nav" }))
    expect(released):is_true()
    expect(task.is_free(about.lane)):is_true()
    local _, err = command(world, "take", { id = review, winner = "odoo" })
    expect(err.text):matches "there is no job"
  end)
  it("comes back with the word and NAV's words when NAV refuses it, and neither side is overwritten", function()
    local world <close> = world_with()
    local id, review = crossed(world)
    expect(command(world, "take", { id = review, set = { Phone_No = "333" } }).decided):equals(1)
    world:answer { to = "nav", what = "^PATCH", status = 400,
                   body = [[{"error":{"code":"Application_DialogException","message":"Not this number."}}]] }
    world:run "customer"
    world:run "customer"
    local again = parked(world, "review")
    expect(#again):equals(1)
    local about = json.decode(again[1].error)
    expect(about.refused.set.Phone_No):equals("333")
    expect(about.refused.text):matches "Not this number"
    expect(partner(world, id).phone):equals("111")
    expect(customer(world, "C1")["Phone No."] or customer(world, "C1").Phone_No):equals("222")
    -- an edit of something else travels, and the word is still there
    world:odoo("res.partner", { city = "Bonn" }, id)
    world:run "customer"
    about = json.decode(parked(world, "review")[1].error)
    expect(about.refused.set.Phone_No):equals("333")
    command(world, "take", { id = parked(world, "review")[1].id, set = { Phone_No = "333" } })
    world:run "customer"
    expect(partner(world, id).phone):equals("333")
    expect(#world:jobs()):equals(0)
  end)
  it("keeps the word when the record changes before it is done", function()
    local world <close> = world_with()
    local id, review = crossed(world)
    command(world, "take", { id = review, set = { Phone_No = "333" } })
    world:odoo("res.partner", { city = "Bonn" }, id)
    world:nav("Customer", "C1", { Name = "Berta" })
    world:run "customer"
    expect(partner(world, id).phone):equals("333")
    expect(partner(world, id).name):equals("Berta")
    expect(#world:jobs()):equals(0)
  end)
end)

describe("two that look alike", function()
  local function alike(world)
    local id = world:odoo("res.partner", { name = "Bergmann Werkzeug", zip = "10115", city = "Berlin",
                                           customer_rank = 1 })
    local card = { Name = "Bergmann Werkzeuge GmbH", Post_Code = "10115", City = "Berlin" }
    for name, v in pairs(CUSTOMER) do card[name] = card[name] or v end
    world:nav("Customer", "D1", card)
    world:run "customer"
    local of = {}
    for _, job in ipairs(parked(world, "review")) do of[job.direction] = job.id end
    return id, of
  end
  for _, way in ipairs { { "nav_to_odoo", "NAV's" }, { "odoo_to_nav", "Odoo's" } } do
    it("are one, and NAV's word is taken, when they are linked on " .. way[2] .. " side", function()
      local world <close> = world_with()
      local id, of = alike(world)
      local to = way[1] == "nav_to_odoo" and tostring(id) or "D1"
      assert(command(world, "link", { id = of[way[1]], to = to }))
      world:run "customer"
      world:run("customer", { all = true })
      expect(#world:jobs()):equals(0)
      expect(#world:links()):equals(1)
      expect(partner(world, id).name):equals "Bergmann Werkzeuge GmbH"
      expect(customer(world, "D1").Name):equals "Bergmann Werkzeuge GmbH"
    end)
  end
  for _, side in ipairs { "nav_to_odoo", "odoo_to_nav" } do
    it("are two when they are separated, by one word, in the review of " .. side, function()
      local world <close> = world_with()
      local id, of = alike(world)
      assert(command(world, "separate", { id = of[side] }))
      world:run "customer"
      world:run("customer", { all = true })
      expect(#world:jobs()):equals(0)
      expect(#world:links()):equals(2)
      expect(partner(world, id).name):equals "Bergmann Werkzeug"
    end)
  end
end)

describe("a record that is gone from Odoo", function()
  local function lost(world)
    local id = met(world)
    lose_partner(world, id)
    world:nav("Customer", "C1", { Phone_No = "2" })
    world:run("customer", { all = true })
    local reviews = parked(world, "review")
    expect(#reviews):equals(1)
    expect(reviews[1].error):matches "is gone from Odoo"
    return id, reviews[1].id
  end
  it("makes a new partner when it is separated", function()
    local world <close> = world_with(table.unpack(GONE_REVIEW))
    local id, review = lost(world)
    assert(command(world, "separate", { id = review }))
    world:run "customer"
    world:run("customer", { all = true })
    expect(#world:jobs()):equals(0)
    local new = math.tointeger(tonumber(world:links()[1].odoo))
    expect(new ~= id):is_true()
    expect(partner(world, new).phone):equals("2")
  end)
  it("is linked to another partner", function()
    local world <close> = world_with(table.unpack(GONE_REVIEW))
    local _, review = lost(world)
    local other = world:odoo("res.partner", { name = "Other", city = "Bonn" })
    expect(command(world, "link", { id = review, to = "C9" })):equals(nil)
    assert(command(world, "link", { id = review, to = tostring(other) }))
    world:run "customer"
    world:run("customer", { all = true })
    expect(#world:jobs()):equals(0)
    expect(world:links()[1].odoo):equals(tostring(other))
    expect(partner(world, other).phone):equals("2")
  end)
  it("is left alone when it is dropped", function()
    local world <close> = world_with(table.unpack(GONE_REVIEW))
    local _, review = lost(world)
    assert(command(world, "drop", { id = review }))
    world:nav("Customer", "C1", { Phone_No = "3" })
    world:run("customer", { all = true })
    world:run("customer", { all = true })
    expect(#world:jobs()):equals(0)
  end)
  it("is blocked in NAV where the flow says so, whichever side noticed", function()
    local world <close> = world_with()
    local id = met(world)
    lose_partner(world, id)
    world:nav("Customer", "C1", { Phone_No = "2" })
    world:run "customer"
    expect(#world:jobs()):equals(0)
    expect(customer(world, "C1").Blocked):equals("All")
  end)
end)

describe("a card that is gone from NAV", function()
  local function lost(world)
    local id = met(world)
    lose_customer(world, "C1")
    world:run("customer", { all = true })
    local reviews = parked(world, "review")
    expect(#reviews):equals(1)
    expect(reviews[1].error):matches "is gone from NAV"
    return id, reviews[1].id
  end
  it("is followed by another card when it is linked", function()
    local world <close> = world_with(table.unpack(GONE_REVIEW))
    local id, review = lost(world)
    world:nav("Customer", "C2", CUSTOMER)
    world:nav("Customer", "C2", { Name = "Annabel" })
    assert(command(world, "link", { id = review, to = "C2" }))
    world:run "customer"
    world:run("customer", { all = true })
    expect(#world:jobs()):equals(0)
    expect(#world:links()):equals(1)
    expect(world:links()[1].nav):matches "/C2$"
    expect(world:links()[1].odoo):equals(tostring(id))
    expect(partner(world, id).name):equals("Annabel")
  end)
  it("is made anew from the partner when it is separated", function()
    local world <close> = world_with(table.unpack(GONE_REVIEW))
    local id, review = lost(world)
    assert(command(world, "separate", { id = review }))
    world:run "customer"
    world:run("customer", { all = true })
    expect(#world:jobs()):equals(0)
    expect(world:links()[1].odoo):equals(tostring(id))
    expect(world:links()[1].nav:match "/C1$"):equals(nil)
  end)
  it("is left alone when it is dropped", function()
    local world <close> = world_with(table.unpack(GONE_REVIEW))
    local id, review = lost(world)
    assert(command(world, "drop", { id = review }))
    world:run("customer", { all = true })
    expect(#world:jobs()):equals(0)
    expect(partner(world, id).active):equals(true)
  end)
  it("makes its partner active again when it is made again", function()
    local world <close> = world_with()
    local id = met(world)
    lose_customer(world, "C1")
    world:run("customer", { all = true })
    expect(partner(world, id).active):equals(false)
    world:nav("Customer", "C1", CUSTOMER)
    world:run("customer", { all = true })
    expect(partner(world, id).active):equals(true)
    expect(#world:jobs()):equals(0)
  end)
  it("makes it active in a flow that carries no such thing by an entry", function()
    local world <close> = world_with(table.unpack(NO_ENTRY))
    local id = met(world)
    lose_customer(world, "C1")
    world:run("customer", { all = true })
    expect(partner(world, id).active):equals(false)
    world:nav("Customer", "C1", CUSTOMER)
    world:run("customer", { all = true })
    expect(partner(world, id).active):equals(true)
    expect(#world:jobs()):equals(0)
  end)
  it("blocks the card when the partner was archived by a person meanwhile", function()
    local world <close> = world_with(table.unpack(GONE_REVIEW))
    local id, review = lost(world)
    assert(command(world, "drop", { id = review }))
    world:odoo("res.partner", { active = false }, id)
    world:run("customer", { all = true })
    expect(#world:jobs()):equals(0)
    world:nav("Customer", "C1", CUSTOMER)
    world:run("customer", { all = true })
    expect(#world:jobs()):equals(0)
    expect(customer(world, "C1").Blocked):equals("All")
  end)
  it("is a review when it is made again and a person decides", function()
    local world <close> = world_with(GONE_REVIEW[1], GONE_REVIEW[2], table.unpack(NO_ENTRY))
    local id, review = lost(world)
    assert(command(world, "drop", { id = review }))
    world:odoo("res.partner", { active = false }, id)
    world:run("customer", { all = true })
    expect(#world:jobs()):equals(0)
    world:nav("Customer", "C1", CUSTOMER)
    world:run("customer", { all = true })
    local back = parked(world, "review")
    expect(#back):equals(1)
    expect(back[1].error):matches "is archived in Odoo; [^\"]*C1 is still there"
    world:odoo("res.partner", { active = true }, id)
    assert(command(world, "retry", { id = back[1].id }))
    world:run("customer", { all = true })
    expect(#world:jobs()):equals(0)
  end)
end)

describe("a lost store", function()
  it("leaves what differs to the policy, and the plan says so", function()
    local world <close> = world_with()
    local id = met(world)
    world:close()
    world:odoo("res.partner", { phone = "111" }, id)
    local plan = world:plan "customer"
    expect(#plan.parked):equals(1)
    expect(plan.parked[1].why):matches "do not agree on Phone_No"
    world:run "customer"
    expect(partner(world, id).phone):equals("111")
    expect(#parked(world, "review")):equals(1)
    command(world, "take", { id = parked(world, "review")[1].id, winner = "odoo" })
    world:run "customer"
    expect(#world:jobs()):equals(0)
    expect(customer(world, "C1")["Phone No."] or customer(world, "C1").Phone_No):equals("111")
  end)
end)
