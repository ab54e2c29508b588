--- Dead letters: grouped, mended, tried again, carried from one store to another.

local commands = require "cli.commands"
local json = require "navodoo.json"
local store = require "navodoo.store"
local testing = require "testing"
local time = require "navodoo.time"

local GOOD <const> = { Name = "Anna", Customer_Posting_Group = "EU", Gen_Bus_Posting_Group = "EU",
                       VAT_Bus_Posting_Group = "EU", Credit_Limit_LCY = 1234.5 }

local function command(world, name, arguments)
  assert(store.open(world.folder))
  local ok, result, err = pcall(commands[name], arguments)
  store.close()
  if not ok then error(result, 0) end
  return result, err
end

-- A world with letters: cards without a posting group, and one without a name.
local function with_letters(n)
  local world = testing.world()
  for i = 1, n do world:nav("Customer", "C" .. i, { Name = "N" .. i, Credit_Limit_LCY = 10.25 }) end
  world:run "customer"
  assert(store.open(world.folder))
  for i, f in ipairs(world.project.flows) do -- as `navodoo run` stores them
    assert(store.apply { { "generation_put", i, f.name, f.hash, f.file, f.source,
                           assert(json.encode(json.object({}, f.lookups))), "std", "test", time.now() } })
  end
  store.close()
  return world
end

local function dead(world) return command(world, "dead", {}).jobs end

describe("dead letters", function()
  it("are one group for one cause, however many values", function()
    local world <close> = with_letters(5)
    local groups = command(world, "groups", {}).groups
    expect(#groups):equals(1)
    expect({ groups[1].count, groups[1].state, groups[1].flow }):equals { 5, "dead", "customer" }
    expect(groups[1].why):equals "Customer_Posting_Group is empty"
    expect(#command(world, "dead", { group = groups[1].group, limit = 2 }).jobs):equals(2)
    expect(command(world, "retry", { group = groups[1].group }).retried):equals(5)
    expect(#command(world, "groups", {}).groups):equals(0)
  end)
  it("say record, field, value, rule and way out", function()
    local world <close> = with_letters(1)
    local e = dead(world)[1].error
    expect({ e.record, e.field, e.value, e.rule, e.way_out }):equals {
      "CRONUS International Ltd./C1", "Customer_Posting_Group", "", "a customer posts to a group", "fill it in in NAV" }
  end)
  it("go out as a person mended them, and NAV's record stays what NAV holds", function()
    local world <close> = with_letters(2)
    local id = dead(world)[1].id
    local before = command(world, "job", { id = id }).job.payload
    assert(command(world, "edit", { id = id, set = { Customer_Posting_Group = "EU", Name = "Mended" } }))
    local job = command(world, "job", { id = id }).job
    expect({ job.payload.Name, job.edited.Name, job.state }):equals { "N1", "Mended", "dead" }
    expect(json.canonical(job.payload)):equals(json.canonical(before))
    command(world, "retry", { id = id })
    world:run "customer"
    local link = world:links()[1]
    expect(world:loaded("res.partner")[1].name):equals "Mended"
    expect(json.decode(link.base).nav.Name):equals "N1"
    -- nothing looks changed afterwards, and what NAV changes later is NAV's word again
    local sent = #world:sent()
    world:run("customer", { all = true })
    expect(#world:sent()):equals(sent)
    world:nav("Customer", "C1", { Name = "Newer", Customer_Posting_Group = "EU" })
    world:run "customer"
    local named
    for _, p in ipairs(world:records("odoo", "res.partner")) do named = named or p.name == "Newer" end
    expect(named):is_true()
  end)
  it("are mended only into what the flow takes", function()
    local world <close> = with_letters(1)
    local id = dead(world)[1].id
    local function why(arguments)
      arguments.id = id
      local _, err = command(world, "edit", arguments)
      return err and err.text
    end
    expect(why { set = { Nmae = "x" } }):matches "no field Nmae"
    expect(why { set = { Name = "x" } }):matches "Customer_Posting_Group is empty; fill it in"
    expect(why { set = { Customer_Posting_Group = "EU", E_Mail = "no address" } }):matches "E_Mail"
    expect(why { payload = json.array { 1 } }):matches "a payload is a JSON object"
    local payload = command(world, "letter", { id = id }).payload
    payload.Customer_Posting_Group, payload.Credit_Limit_LCY = "EU", "much"
    expect(why { payload = payload }):matches 'Credit_Limit_LCY holds a number, not the string "much"'
    payload.Credit_Limit_LCY, payload.City = 7, nil
    expect(why { payload = payload }):matches "City is missing"
    payload.City = "Bonn"
    expect(why { payload = payload }):equals(nil)
  end)
  it("lose what was mended when their record changes", function()
    local world <close> = with_letters(1)
    local id = dead(world)[1].id
    assert(command(world, "edit", { id = id, set = { Customer_Posting_Group = "EU" } }))
    world:nav("Customer", "C1", { Name = "Newer" })
    world:run "customer"
    expect(command(world, "job", { id = id }).job.edited):equals(nil)
  end)
  it("take a word for NAV where there is no payload", function()
    local world <close> = testing.world()
    world:nav("Customer", "C1", GOOD)
    world:run "customer"
    local id = math.tointeger(tonumber(world:links()[1].odoo))
    world:odoo("res.partner", { phone = "+49 30 1" }, id)
    world:answer { to = "nav", what = "^PATCH", status = 400,
                   body = [[{"error":{"code":"Application_DialogException","message":"Not this number."}}]] }
    world:run "customer"
    local letter = dead(world)[1]
    local _, err = command(world, "edit", { id = letter.id, payload = {} })
    expect(err.text):matches "dead edit %d+ FIELD=VALUE"
    assert(command(world, "edit", { id = letter.id, set = { Phone_No = "30 2" } }))
    command(world, "retry", { id = letter.id })
    world:run "customer"
    expect(#world:jobs()):equals(0)
    expect(world:records("nav", "Customer")[1].Phone_No):equals "30 2"
  end)
end)

describe("a word for NAV", function()
  local function refused_by_mapping(world)
    world:nav("Customer", "C1", GOOD)
    world:run "customer"
    local id = math.tointeger(tonumber(world:links()[1].odoo))
    world:odoo("res.partner", { phone = ("1"):rep(47) }, id)
    world:run "customer"
    return dead(world)[1].id, id
  end
  it("stands for what cannot be said in NAV at all, and goes on to Odoo", function()
    local world <close> = testing.world()
    local letter, id = refused_by_mapping(world)
    assert(command(world, "edit", { id = letter, set = { Phone_No = "30 2" } }))
    command(world, "retry", { id = letter })
    world:run "customer"
    expect(#world:jobs()):equals(0)
    expect(world:records("nav", "Customer")[1].Phone_No):equals "30 2"
    for _, p in ipairs(world:records("odoo", "res.partner")) do
      if p.id == id then expect(p.phone):equals "30 2" end
    end
  end)
  it("that the field does not take becomes a review that has it", function()
    local world <close> = testing.world()
    local letter = refused_by_mapping(world)
    assert(command(world, "edit", { id = letter, set = { Phone_No = ("2"):rep(40) } }))
    command(world, "retry", { id = letter })
    world:run "customer"
    local review = dead(world)[1]
    expect(review.state):equals "review"
    expect(review.why):matches "what was said of Phone_No cannot be written: .* is 40 long, NAV takes 30"
    expect(review.error.refused.set.Phone_No):equals(("2"):rep(40))
  end)
  it("is over a card that is to be made, too", function()
    local world <close> = testing.world()
    world:run "customer"
    world:odoo("res.partner", { name = "Only here", phone = ("1"):rep(47), customer_rank = 1, country_id = 57 })
    world:run "customer"
    local letter = dead(world)[1].id
    assert(command(world, "edit", { id = letter, set = { Phone_No = "30 3" } }))
    command(world, "retry", { id = letter })
    world:run "customer"
    local made
    for _, c in ipairs(world:records("nav", "Customer")) do made = made or c.Name == "Only here" and c end
    expect(made and made.Phone_No):equals "30 3"
  end)
end)

describe("letters on their way to another store", function()
  local function exported(world)
    local lines = {}
    for i, l in ipairs(command(world, "export", { all = true }).letters) do lines[i] = json.canonical(l) end
    return lines
  end
  local function bring(world, lines)
    local list = json.array {}
    for i, line in ipairs(lines) do list[i] = assert(json.decode(line)) end
    return command(world, "import", { letters = list })
  end
  local function counts(r) return { r.added, r.mended, r.known, r.newer, #r.refused } end
  it("arrive as they left, once", function()
    local world <close> = with_letters(3)
    local other <close> = testing.world()
    other:run "customer"
    assert(command(world, "edit", { id = dead(world)[2].id, set = { Customer_Posting_Group = "EU" } }))
    local lines = exported(world)
    expect(#lines):equals(3)
    expect(counts(bring(other, lines))):equals { 3, 0, 0, 0, 0 }
    expect(exported(other)):equals(lines)
    expect(counts(bring(other, lines))):equals { 0, 0, 3, 0, 0 }
    expect(exported(other)):equals(lines)
    expect(command(other, "groups", {}).groups[1].count):equals(3)
  end)
  it("come back mended in the file, and never over something newer", function()
    local world <close> = with_letters(2)
    local lines = exported(world)
    local mended = { lines[1]:gsub('"Customer_Posting_Group":""', '"Customer_Posting_Group":"EU"'), nil }
    expect(counts(bring(world, { mended[1] }))):equals { 0, 1, 0, 0, 0 }
    local job = command(world, "job", { id = dead(world)[1].id }).job
    expect({ job.payload.Customer_Posting_Group, job.edited.Customer_Posting_Group }):equals { "", "EU" }
    command(world, "retry", { all = true })
    expect(counts(bring(world, lines))):equals { 0, 0, 0, 2, 0 }
  end)
  it("are refused one by one for what they are", function()
    local world <close> = with_letters(1)
    local line = exported(world)[1]
    local result = bring(world, { '{"a":1}', (line:gsub('"state":"dead"', '"state":"ready"')),
      (line:gsub('"flow":"customer"', '"flow":"nothing"')), line })
    expect(counts(result)):equals { 0, 0, 1, 0, 3 }
    expect(result.refused[1].why):matches "no letter"
    expect(result.refused[2].why):matches 'state "ready"'
    expect(result.refused[3].why):matches "no flow nothing"
  end)
end)
