--- Around the sandbox: its data, the hidden doors under /_sandbox/, and what may go wrong on the way.

local crypto = require "navodoo.crypto"
local decimal = require "navodoo.decimal"
local json = require "navodoo.json"
local control = require "sandbox.control"
local faults = require "sandbox.faults"
local nav = require "sandbox.nav"
local odoo = require "sandbox.odoo"
local people = require "sandbox.people"

local CARD <const> = "/DynamicsNAV110/ODataV4/CustomerCard"

local state
local clock = { now = function() return (1768435200 + 5 * 86400) * 1000000 end } -- 2026-01-20

local function fresh(customers) state = nav.new { customers = customers, seed = 1 } end

local function call(method, path, body)
  local headers = { authorization = "Basic " .. crypto.base64("navodoo:sandbox") }
  return nav.handle({ method = method, path = path, headers = headers, body = body }, state, clock)
end

describe("sandbox.nav data", function()
  it("is the same for a seed, another for another", function()
    local a = json.encode(nav.dump(nav.new { customers = 40, seed = 3 }))
    expect(json.encode(nav.dump(nav.new { customers = 40, seed = 3 })) == a):is_true()
    expect(json.encode(nav.dump(nav.new { customers = 40, seed = 4 })) == a):is_false()
  end)

  it("has what a grown card file has", function()
    fresh(1000)
    local seen = { mail = 0, vat = 0, blocked = 0, currency = 0, full = 0, cents = 0, odd = 0, script = 0 }
    local function count(name, yes) if yes then seen[name] = seen[name] + 1 end end
    local by_vat, repeats = {}, 0
    for _, c in ipairs(nav.dump(state)) do
      count("mail", c.E_Mail == "")
      count("vat", c.VAT_Registration_No == "")
      count("blocked", c.Blocked ~= " ")
      count("currency", c.Currency_Code ~= "")
      count("full", utf8.len(c.Name) == 50)
      count("cents", c.Credit_Limit_LCY:scale() > 0)
      count("odd", c.Country_Region_Code == "XK" or c.Country_Region_Code == "EL" or c.Country_Region_Code == "NI")
      count("script", c.Name:find("[\xCE-\xD1\xE4-\xE9]") ~= nil)
      expect(utf8.len(c.Name) <= 50):is_true()
      if c.VAT_Registration_No ~= "" then
        if by_vat[c.VAT_Registration_No] then repeats = repeats + 1 end
        by_vat[c.VAT_Registration_No] = true
      end
    end
    for name, range in pairs { mail = { 30, 100 }, vat = { 80, 250 }, blocked = { 25, 90 }, currency = { 300, 900 },
                               full = { 5, 80 }, cents = { 50, 300 }, odd = { 2, 20 }, script = { 5, 80 } } do
      if seen[name] < range[1] or seen[name] > range[2] then error(name .. ": " .. seen[name]) end
    end
    expect(repeats >= 2 and repeats <= 10):is_true()
  end)

  it("gives no firm and no mail domain twice", function()
    local firms, domains = {}, {}
    for i = 1, 3000 do
      local c = people.company(5, i)
      expect(firms[c.name]):is_nil()
      expect(domains[c.website]):is_nil()
      firms[c.name], domains[c.website] = i, i
      expect(people.respell(c).name ~= c.name):is_true()
    end
  end)

  it("gives VAT numbers whose check digits hold", function()
    local function sum(digits, weights)
      local s = 0
      for n = 1, #weights do s = s + weights[n] * tonumber(digits:sub(n, n)) end
      return s
    end
    local function luhn(digits)
      local s = 0
      for n = #digits, 1, -1 do
        local d = tonumber(digits:sub(n, n)) * ((#digits - n) % 2 == 1 and 2 or 1)
        s = s + (d > 9 and d - 9 or d)
      end
      return s % 10 == 0
    end
    local holds = {
      DE = function(v)
        local p = 10
        for n = 3, 10 do
          local s = (tonumber(v:sub(n, n)) + p) % 10
          p = (s == 0 and 10 or s) * 2 % 11
        end
        return #v == 11 and (p + tonumber(v:sub(11))) % 10 == 1
      end,
      FR = function(v) return luhn(v:sub(5)) and tonumber(v:sub(5) .. "12") % 97 == tonumber(v:sub(3, 4)) end,
      NL = function(v) return sum(v:sub(3), { 9, 8, 7, 6, 5, 4, 3, 2, -1 }) % 11 == 0 and v:sub(-3) == "B01" end,
      PL = function(v) return sum(v:sub(3), { 6, 5, 7, 2, 3, 4, 5, 6, 7, -1 }) % 11 == 0 end,
      IT = function(v) return luhn(v:sub(3)) and #v == 13 end,
      ES = function(v) return luhn(v:sub(4)) and v:find("^ES[AB]") ~= nil end,
      GB = function(v) return (sum(v:sub(3), { 8, 7, 6, 5, 4, 3, 2, 10, 1 })) % 97 == 0 end,
      DK = function(v) return sum(v:sub(3), { 2, 7, 6, 5, 4, 3, 2, 1 }) % 11 == 0 end,
      SE = function(v) return luhn(v:sub(3, 12)) and v:sub(-2) == "01" end,
      HU = function(v) return sum(v:sub(3), { 9, 7, 3, 1, 9, 7, 3, 1 }) % 10 == 0 end,
    }
    for country, check in pairs(holds) do
      for i = 1, 60 do
        local vat = people.company(2, i, country).vat
        if not check(vat) then error(country .. ": " .. vat) end
      end
    end
    expect(people.company(2, 1, "AT").vat:find("^ATU%d%d%d%d%d%d%d%d$") ~= nil):is_true()
    expect(people.company(2, 1, "CZ").vat:find("^CZ%d%d%d%d%d%d%d%d$") ~= nil):is_true()
  end)
end)

describe("sandbox control", function()
  local function ask(method, path, body)
    local side = { kind = "nav", state = state, module = nav }
    local response = control.handle({ method = method, path = path, headers = {}, body = body }, side, clock)
    return response and response.status, response and json.decode(response.body)
  end

  it("leaves other addresses alone", function()
    fresh(5)
    expect(ask("GET", CARD)):is_nil()
    expect((ask("GET", "/_sandbox/nothing"))):equals(404)
    expect((ask("DELETE", "/_sandbox/dump"))):equals(405)
  end)

  it("dumps, and edits as a person does", function()
    fresh(5)
    local tag = call("GET", CARD .. "('20000')").headers.ETag
    local status = ask("POST", "/_sandbox/edit", '{"table":"Customer","key":"20000","fields":{"Name":"New"}}')
    expect(status):equals(200)
    expect(call("GET", CARD .. "('20000')").headers.ETag ~= tag):is_true()
    expect(ask("POST", "/_sandbox/edit", '{"key":"SIM1","insert":true,"fields":{"City":"Graz"}}')):equals(200)
    local _, dump = ask("GET", "/_sandbox/dump?table=Customer")
    expect(#dump.Customer):equals(6)
    expect(dump.Customer[6].Post_Code):equals("8010")
    expect(dump.Customer[6].Country_Region_Code):equals("AT")
    expect(dump.Customer[6].Last_Date_Modified):equals("2026-01-20")
    expect((ask("POST", "/_sandbox/edit", '{"key":"NONE","fields":{"Name":"x"}}'))):equals(400)
    expect((ask("POST", "/_sandbox/edit", '{"key":"20000","fields":{"Nmae":"x"}}'))):equals(400)
    expect(ask("POST", "/_sandbox/edit", '{"key":"SIM1","delete":true}')):equals(200)
    local setting = '{"table":"No. Series","key":"CUST","fields":{"Manual Nos.":false}}'
    expect(ask("POST", "/_sandbox/edit", setting)):equals(200)
    expect(call("POST", CARD, '{"No":"X"}').status):equals(400)
  end)

  it("edits in Odoo as its administrator, uncounted", function()
    local side = { kind = "odoo", state = odoo.new { partners = 3 }, module = odoo }
    local function post(path, body)
      local response = control.handle({ method = "POST", path = path, headers = {}, body = body }, side, clock)
      return response.status, json.decode(response.body)
    end
    local status, done = post("/_sandbox/edit", '{"model":"res.partner","insert":true,"fields":{"name":"New"}}')
    expect(status):equals(200)
    status = post("/_sandbox/edit", ('{"model":"res.partner","key":%d,"fields":{"name":"Newer"}}'):format(done.key))
    expect(status):equals(200)
    local partners = odoo.dump(side.state, "res.partner")
    expect(partners[#partners].name):equals("Newer")
    expect(partners[#partners].write_uid):equals(2)
    expect(next(odoo.stats(side.state).writes)):is_nil()
    expect((post("/_sandbox/edit", '{"model":"res.partner","key":99999,"fields":{"name":"x"}}'))):equals(400)
    expect((post("/_sandbox/reset", '{"partners":1}'))):equals(200)
    expect(#odoo.dump(side.state, "res.partner")):equals(#partners - 3)
  end)

  it("resets", function()
    fresh(5)
    local before = state
    call("POST", CARD, "{}")
    expect(ask("POST", "/_sandbox/reset", '{"customers":3}')):equals(200)
    expect(state == before):is_true()
    expect(nav.stats(state).records):equals(3)
    expect(nav.stats(state).total):equals(0)
  end)

  it("installs, lists and clears faults", function()
    fresh(5)
    expect((ask("POST", "/_sandbox/faults", '{"kind":"nonsense"}'))):equals(400)
    expect((ask("POST", "/_sandbox/faults", '{"kind":"status","rate":2}'))):equals(400)
    expect((ask("POST", "/_sandbox/faults", '{"kind":"status","typo":2}'))):equals(400)
    local status, list = ask("POST", "/_sandbox/faults", '{"seed":3,"rules":[{"kind":"status","rate":0.5}]}')
    expect(status):equals(200)
    expect(#list.rules):equals(1)
    ask("DELETE", "/_sandbox/faults")
    expect(faults.plan({ method = "GET", path = "/" }, state)):equals({})
  end)
end)

describe("sandbox.faults", function()
  local function planner(rules)
    local holder = { faults = { rules = rules, seed = 9 } }
    return function(method, path, body)
      return faults.plan({ method = method, path = path, body = body }, holder)
    end
  end

  it("match by method, path and body, once, the nth time or so many times", function()
    local plan = planner { { kind = "cut_after", match = "PATCH|POST CustomerCard('*0')", times = 1 },
                           { kind = "rate_limit", contains = "res.partner", nth = 2, retry_after = 7 } }
    expect(plan("GET", "/x/CustomerCard('10')")):equals({})
    expect(plan("PATCH", "/x/CustomerCard(%2710%27)").cut):equals("after")
    expect(plan("PATCH", "/x/CustomerCard('10')")):equals({})
    expect(plan("POST", "/jsonrpc", '"res.partner"')):equals({})
    local second = plan("POST", "/jsonrpc", '"res.partner"')
    expect(second.status):equals(429)
    expect(second.headers["Retry-After"]):equals("7")
  end)

  it("add delays up and let the first other rule decide", function()
    local plan = planner { { kind = "delay", delay_ms = 100 }, { kind = "late", late_ms = 9, delay_ms = 1 },
                           { kind = "status", status = 503 } }
    local p = plan("GET", "/")
    expect(p.delay_ms):equals(101)
    expect(p.cut):equals("late")
    expect(p.late_ms):equals(9)
    expect(p.status):is_nil()
  end)

  it("strike at the asked rate, the same for a seed", function()
    local function run()
      local plan, hits = planner { { kind = "cut_before", rate = decimal.new("0.1") } }, {}
      for n = 1, 5000 do hits[n] = plan("GET", "/").cut and "x" or "." end
      return table.concat(hits)
    end
    local first = run()
    local _, n = first:gsub("x", "")
    expect(n > 400 and n < 600):is_true()
    expect(run() == first):is_true()
  end)
end)
