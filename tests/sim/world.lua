--- The ERPs' side of a simulated day: people edit records in NAV and in Odoo, sometimes the
-- same one on both sides, the network and both servers fail; in the evening all is quiet,
-- and both systems are dumped.
--
-- The comparison uses the sources' own keys and an own mapping of a few fields, never
-- navodoo's keys: the NAV No., which the flow writes into the partner's reference, and for
-- records that began in Odoo their city, which nobody else has.

local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local nav = require "sandbox.nav"
local odoo = require "sandbox.odoo"
local server = require "sandbox.server"
local task = require "navodoo.task"
local time = require "navodoo.time"

local world = {}

local CUSTOMERS <const>, EDITS <const> = 24, 30
local MINUTE <const>, HOUR <const> = 60 * 1000, 3600 * 1000

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

local function control(side, method, path, value)
  local response = handlers[side] { method = method, path = path, headers = {},
                                    body = value and assert(json.encode(value)) or "" }
  if response.status ~= 200 then error(("%s %s: %d %s"):format(method, path, response.status, response.body)) end
  return json.decode(response.body)
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
    control(side, "POST", "/_sandbox/faults", { seed = random(1 << 20), rules = rules })
  end
end

local NAMES <const> = { "Größer & Söhne GmbH", "Nordlicht Handel", "Ångström Teknik AB", "Łódź Meble", "O'Neill Ltd." }

local function edit_something(random, made)
  local dump = nav.dump(sides.nav.state, "Customer")
  local kind = random(5)
  if kind == 0 then
    made.n = made.n + 1
    local no = ("SIM%03d"):format(made.n)
    control("nav", "POST", "/_sandbox/edit", { table = "Customer", key = no, insert = true,
      fields = { Name = NAMES[1 + random(#NAMES)] .. " " .. 20000 + made.n, City = "Graz", Country_Region_Code = "AT",
                 Customer_Posting_Group = "EU" } })
    return
  end
  local row = dump[1 + random(#dump)]
  local fields = { { Name = NAMES[1 + random(#NAMES)] .. " " .. random(1000) },
                   { Phone_No = "+43 316 " .. random(100000) }, { Credit_Limit_LCY = random(100) * 100 },
                   { Address = "Gasse " .. random(200) } }
  made.last = row.No
  control("nav", "POST", "/_sandbox/edit", { table = "Customer", key = row.No, fields = fields[kind] })
end

--- Somebody works in Odoo; `touched` is what was edited last in NAV, so that edits cross.
local function edit_in_odoo(random, made)
  local partners = {}
  for _, p in ipairs(odoo.dump(sides.odoo.state, "res.partner")) do
    if (p.customer_rank or 0) > 0 then partners[#partners + 1] = p end
  end
  if random(6) == 0 or #partners == 0 then
    made.odoo = made.odoo + 1
    control("odoo", "POST", "/_sandbox/edit", { model = "res.partner", insert = true,
      fields = { name = NAMES[1 + random(#NAMES)] .. " " .. 10000 + made.odoo, city = "Odoostadt " .. made.odoo,
                 customer_rank = 1 } })
    return
  end
  local p = partners[1 + random(#partners)]
  if random(3) == 0 then -- an edit that crosses the last one in NAV
    for _, other in ipairs(partners) do
      if other.ref == made.last then p = other end
    end
  end
  local fields = { { name = NAMES[1 + random(#NAMES)] .. " " .. random(1000) },
                   { phone = "+49 30 " .. random(100000) }, { email = "o" .. random(1000) .. "@example.com" },
                   { street = "Weg " .. random(200) } }
  control("odoo", "POST", "/_sandbox/edit", { model = "res.partner", key = p.id, fields = fields[1 + random(4)] })
end

local function text_of(v)
  if v == nil or v == false or v == json.null then return "" end
  return v
end

--- Compares the dumps; returns what is wrong, or nil. `parked` = records that wait
-- for a person, which the engine's own list of reviews and dead letters must explain.
local function compare(made)
  local partners, problems = {}, {}
  for _, p in ipairs(odoo.dump(sides.odoo.state, "res.partner")) do
    local ref = text_of(p.ref)
    if ref ~= "" then
      if partners[ref] then problems[#problems + 1] = ("two partners for %s"):format(ref) end
      partners[ref] = p
    end
  end
  local begun = {}
  for _, c in ipairs(nav.dump(sides.nav.state, "Customer")) do
    local p = partners[c.No]
    begun[c.City] = (begun[c.City] or 0) + 1
    if not p then
      problems[#problems + 1] = ("%s (%s) is missing in Odoo"):format(c.No, c.Name)
    else
      local pairs_of = { { "name", c.Name }, { "phone", c.Phone_No }, { "city", c.City },
                         { "email", c.E_Mail:lower() }, { "street", c.Address },
                         { "credit_limit", decimal.new(c.Credit_Limit_LCY or 0):normalize() } }
      for _, f in ipairs(pairs_of) do
        local held = text_of(p[f[1]])
        if decimal.is(f[2]) then held = decimal.new(held == "" and 0 or held):normalize() end
        if held ~= f[2] then
          problems[#problems + 1] = ("%s %s: NAV %q, Odoo %q"):format(c.No, f[1], tostring(f[2]), tostring(held))
        end
      end
      partners[c.No] = nil
    end
  end
  for n = 1, made.odoo do
    local count = begun["Odoostadt " .. n] or 0
    if count ~= 1 then problems[#problems + 1] = ("Odoostadt %d is %d times in NAV"):format(n, count) end
  end
  for ref in pairs(partners) do problems[#problems + 1] = ("partner %s has no customer"):format(ref) end
  table.sort(problems)
  return #problems > 0 and table.concat(problems, "; ", 1, math.min(#problems, 8)) or nil
end

--- The day.
---@param seed integer
---@return string|nil problem
function world.start(seed)
  local random = generator(seed)
  sides.nav = { kind = "nav", module = nav,
                state = nav.new { customers = CUSTOMERS, seed = seed, plain = true, start_us = time.now() } }
  sides.odoo = { kind = "odoo", module = odoo,
                 state = odoo.new { version = ({ 14, 17, 18, 19 })[1 + random(4)], seed = seed,
                                    start_us = time.now() } }
  for name, side in pairs(sides) do handlers[name] = server.handler(side) end
  install_faults(random)
  local made = { n = 0, odoo = 0, last = nil }
  for i = 1, EDITS do
    task.sleep(random(2 * 20 * HOUR // EDITS))
    if i % 2 == 0 then edit_in_odoo(random, made) else edit_something(random, made) end
  end
  for _, side in ipairs { "nav", "odoo" } do control(side, "DELETE", "/_sandbox/faults") end
  sim_evening() -- luacheck: ignore
  task.sleep(4 * HOUR + MINUTE)
  return compare(made)
end

return world
