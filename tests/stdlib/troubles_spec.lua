--- What a run says of flows that did not run: one cause, one line.

local connector = require "connector"
local call = require "connector.call"
local gate = require "connector.gate"
local out = require "cli.out"
local secret = require "navodoo.secret"
local troubles = require "cli.troubles"

local function said(list, endpoints)
  local lines, complain = {}, out.complain
  out.complain = function(...) lines[#lines + 1] = string.format(...) end
  local found = troubles.new()
  for _, t in ipairs(list) do found:add(t[1], t[2], t[3]) end
  local code = found:say(endpoints or {})
  out.complain = complain
  return lines, code
end

local function err(class, code, text, endpoint)
  return { class = class, code = code, text = text, endpoint = endpoint }
end

describe("the troubles of a run", function()
  it("are one where one endpoint does not answer, whatever was asked; the first words that tell why", function()
    local lines, code = said {
      { "a", "did not run", err("transient", "breaker_open", "nav: it failed repeatedly", "nav") },
      { "b", "did not run", err("transient", "network", "nav: CustomerCard: nobody there", "nav") },
      { "c", "did not run", err("transient", "timeout", "nav: Vendor: no answer", "nav") } }
    expect({ #lines, lines[1], code }):equals {
      1, "flows a, b, c did not run: nav: CustomerCard: nobody there", 1 }
  end)
  it("are several where several things are wrong", function()
    local lines, code = said {
      { "a", "did not run", err("config", "no_company", "nav: CustomerCard: no such company", "nav") },
      { "b", "did not run", err("config", "no_page", "nav: Vendor: no such page", "nav") },
      { "c", "did not finish", err("config", "no_page", "nav: Vendor: no such page", "nav") },
      { "d", "did not run", err("config", "no_page", "odoo: no such page", "odoo") },
      { "e", "did not run", err("config", "no_page", "nav: Item: no such page", "nav") } }
    expect(lines):equals {
      "flow a did not run: nav: CustomerCard: no such company", "flows b, e did not run: nav: Vendor: no such page",
      "flow c did not finish: nav: Vendor: no such page", "flow d did not run: odoo: no such page" }
    expect(code):equals(2)
  end)
  it("are the words where no endpoint is to blame", function()
    local lines = said {
      { "a", "did not run", err("config", nil, "a.lua:3: no such field") },
      { "b", "did not run", err("config", nil, "b.lua:3: no such field") },
      { "b@ag", "did not run", err("config", nil, "b.lua:3: no such field") } }
    expect(lines):equals { "flow a did not run: a.lua:3: no such field",
                           "flows b, b@ag did not run: b.lua:3: no such field" }
  end)
  it("name the places of the password by the endpoint that refused it, whatever its words begin with", function()
    assert(secret.define("spec-trouble", "wrong"))
    local endpoint = { name = "nav2", kind = "nav", company = "C", user = "u", secret_name = "spec-trouble",
                       password = { name = "NAV_PASSWORD" } }
    local request, report, recall = call.request, call.report, call.recall
    call.report, call.recall = function() end, function() end
    call.request = function() return { status = 401, headers = {}, body = "no" } end
    local conn = connector.open(endpoint)
    local _, first = conn:schema "CustomerCard"
    local _, second = conn:schema "VendorCard"
    call.request, call.report, call.recall = request, report, recall
    expect({ first.endpoint, second.code, second.endpoint }):equals { "nav2", "stopped", "nav2" }
    expect(gate.state(endpoint).tries):equals(1)
    local lines, code = said({ { "b", "did not run", second }, { "a", "did not run", first } }, { nav2 = endpoint })
    expect({ #lines, code }):equals { 1, 2 }
    expect(lines[1]):matches "^flows b, a did not run: nav2: "
    expect(lines[1]):matches "NAV_PASSWORD"
    expect(lines[1]:find "no call until"):is_nil()
  end)
end)
