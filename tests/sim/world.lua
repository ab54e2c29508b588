--- The ERPs' side of a simulated day: people work in NAV and in Odoo, the network and both servers
-- fail, the engine's clock is set; in the evening all is quiet, and both systems are compared.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local nav = require "sandbox.nav"
local odoo = require "sandbox.odoo"
local server = require "sandbox.server"
local task = require "navodoo.task"
local time = require "navodoo.time"

local compare = dofile "tests/sim/compare.lua"
local goods = dofile "tests/sim/goods.lua"
local people = dofile "tests/sim/people.lua"

local world = {}

local EDITS <const>, FIRMS <const>, CHILDREN <const> = 40, 10, 5
local MINUTE <const>, HOUR <const> = 60 * 1000, 3600 * 1000
local DAY <const>, EVENING <const> = 20 * HOUR, 4 * HOUR + MINUTE

local sides, handlers = {}, {}

--- A small seeded generator of its own: the day must not depend on the engine.
local function generator(seed)
  local state = seed * 2654435761 % 4294967296
  return function(limit)
    state = (state * 1664525 + 1013904223) % 4294967296
    return (state >> 8) % limit
  end
end

--- One request of the engine, from the network.
function world.serve(method, url, headers, body)
  local host, path = url:match("^http://([^/:]+)[^/]*(/.*)$")
  return handlers[host] { method = method, path = path, headers = headers, body = body, remote = "engine" }
end

local function request(side, method, route, value)
  return handlers[side] { method = method, path = "/_sandbox/" .. route, headers = {},
                          body = value and assert(json.encode(value)) or "" }
end

--- A person's word: true, or nil and why the system refuses.
local function control(side, route, value)
  local response = request(side, "POST", route, value)
  if response.status == 200 then return true end
  return nil, ("%s %s: %s\n%s"):format(side, route, response.body, json.encode(value))
end

local function install_faults(random)
  for _, side in ipairs { "nav", "odoo" } do
    local rules = json.array {}
    local function rule(kind, rate, extra)
      local r = extra or {}
      r.kind, r.rate = kind, decimal.new(("%.3f"):format(rate / 1000))
      rules[#rules + 1] = r
    end
    rule("status", random(60), { status = 503 })
    rule("rate_limit", random(30), { status = 429, retry_after = 1 + random(20) })
    rule("delay", random(200), { delay_ms = random(30000) })
    rule("cut_before", random(80))
    rule("cut_after", random(80))
    rule("late", random(60), { late_ms = random(90000) })
    assert(control(side, "faults", { seed = random(1 << 20), rules = rules }))
  end
end

--- Vendors that are customers, too: by the name that both cards have in the morning. Both get one
-- mail address, so that nobody has to ask whether they are one firm.
local function both_cards(staff)
  local by_name = {}
  staff:look()
  staff.both, staff.customers_of_both = {}, {}
  for _, row in ipairs(staff:cards "customer") do by_name[row.Name] = row.No end
  for _, row in ipairs(staff:cards "vendor") do
    local customer = by_name[row.Name]
    if customer then
      staff.both[row.No], staff.customers_of_both[customer] = customer, true
      local fields = { E_Mail = "firm" .. row.No .. "@example.com", VAT_Registration_No = "" }
      assert(control("nav", "edit", { table = "Vendor", key = row.No, fields = fields }))
      assert(control("nav", "edit", { table = "Customer", key = customer, fields = fields }))
    end
  end
end

--- When something happens, in order.
local function moments(random)
  local list = {}
  for i = 1, EDITS do list[i] = random(DAY // 1000) * 1000 end
  table.sort(list)
  return list
end

--- Sets the engine's clock by some minutes; the ERPs' clocks go on as they were.
local function set_clock(random)
  local us = (random(10 * 60) - 5 * 60) * 1000000
  sim_clock(us) -- luacheck: ignore
  server.clock.advance(-us)
end

--- The day.
---@param seed integer
---@return string|nil problem
function world.start(seed)
  local random = generator(seed)
  local now, has_goods = time.now(), seed % 4 == 0 -- as engine.lua has it
  sides.nav = { kind = "nav", module = nav,
                state = nav.new { customers = FIRMS, vendors = FIRMS, contacts = CHILDREN, addresses = CHILDREN,
                                  items = has_goods and CHILDREN or 0,
                                  seed = seed, plain = true, start_us = now } }
  sides.odoo = { kind = "odoo", module = odoo,
                 state = odoo.new { version = ({ 14, 17, 18, 19 })[1 + random(4)], seed = seed, start_us = now } }
  for _, name in ipairs { "nav", "odoo" } do handlers[name] = server.handler(sides[name]) end
  install_faults(random)
  local staff = people.new(sides, control, random, seed % 3 ~= 0)
  both_cards(staff)
  local passed = 0
  for turn, at in ipairs(moments(random)) do
    task.sleep(at - passed)
    passed = at
    staff:work(turn)
    if has_goods and turn % 2 == 0 then goods.work(staff, turn // 2) end
    if random(12) == 0 then set_clock(random) end
  end
  task.sleep(DAY - passed)
  for _, side in ipairs { "nav", "odoo" } do assert(request(side, "DELETE", "faults").status == 200) end
  sim_evening() -- luacheck: ignore
  task.sleep(EVENING)
  return compare(staff)
end

return world
