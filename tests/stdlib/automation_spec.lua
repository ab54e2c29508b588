--- The sandbox's automation rules: which webhooks an Odoo sends, and what is in them.

local http = require "navodoo.http"
local hooks = require "sandbox.hooks"
local json = require "navodoo.json"
local odoo = require "sandbox.odoo"
local task = require "navodoo.task"

local state
local clock = { us = 1768435200 * 1000000 + 123456 }
function clock.now()
  clock.us = clock.us + 1000000
  return clock.us
end

local function rpc(model, method, args, kwargs)
  local response = odoo.handle({ method = "POST", path = "/jsonrpc",
    headers = { ["content-type"] = "application/json" }, body = assert(json.encode {
      jsonrpc = "2.0", id = 1, params = { service = "object", method = "execute_kw",
        args = { "sandbox", state.config.uid, "sandbox", model, method, json.array(args),
                 kwargs or json.object({}, {}) } } }) }, state, clock)
  local answer = assert(json.decode(response.body))
  if answer.error then error(answer.error.data.name .. ": " .. answer.error.data.message, 2) end
  return answer.result
end

local function field_ids(...)
  local rows = rpc("ir.model.fields", "search_read",
    { { { "model", "=", "res.partner" }, { "name", "in", json.array { ... } } } }, { fields = { "name" } })
  local ids = json.array {}
  for i, row in ipairs(rows) do ids[i] = row.id end
  return ids
end

local function rule(trigger, fields, url)
  local model = rpc("ir.model", "search", { { { "model", "=", "res.partner" } } })[1]
  return rpc("base.automation", "create", { {
    name = "hook", model_id = model, trigger = trigger, trigger_field_ids = { { 6, 0, fields } },
    action_server_ids = { { 0, 0, { name = "navodoo partner", model_id = model, state = "webhook",
      webhook_url = url or "http://127.0.0.1:1/hooks/partner/x", usage = "base_automation",
      webhook_field_ids = { { 6, 0, field_ids("write_date", "name", "country_id", "email") } } } } } } })
end

local function fresh(version) state = odoo.new { version = version or 19 } end

local function sent()
  local list = {}
  for i, hook in ipairs(state.outgoing) do list[i] = assert(json.decode(hook.body)) end
  state.outgoing = {}
  return list
end

describe("automation rules", function()
  it("fire once for a new record and once for a real change of a trigger field", function()
    fresh()
    rule("on_create_or_write", field_ids("name", "email"))
    local id = rpc("res.partner", "create", { { name = "Acme", country_id = 57 } })
    local list = sent()
    expect(#list):equals(1)
    expect(list[1]._id):equals(id)
    expect(list[1]._model):equals("res.partner")
    expect(list[1]._action):matches("^navodoo partner%(#%d+%)$")
    expect(list[1].id):equals(id)
    expect(list[1].name):equals("Acme")
    expect(list[1].country_id):equals(57)
    expect(list[1].email):equals(false)
    expect(list[1].write_date):matches("^2026%-01%-15 00:00:%d%d%.123456$")
    rpc("res.partner", "write", { { id }, { name = "Acme" } })
    rpc("res.partner", "write", { { id }, { city = "Berlin" } })
    expect(#sent()):equals(0)
    rpc("res.partner", "write", { { id }, { name = "Acme 2" } })
    expect(#sent()):equals(1)
  end)

  it("fire for every write without trigger fields, and thirteen times for a new partner", function()
    fresh()
    rule("on_create_or_write", json.array {})
    local id = rpc("res.partner", "create", { { name = "Acme" } })
    expect(#sent()):equals(13)
    rpc("res.partner", "write", { { id }, { name = "Acme" } })
    expect(#sent()):equals(1)
  end)

  it("send nothing for a call that failed", function()
    fresh()
    rule("on_create_or_write", field_ids("name"))
    expect.raises(function() rpc("res.partner", "create", { { { name = "A" }, { nonsense = 1 } } }) end, "nonsense")
    expect(#sent()):equals(0)
  end)

  it("tell of a deletion with the last values", function()
    fresh()
    rule("on_unlink", json.array {})
    local id = rpc("res.partner", "create", { { name = "Acme" } })
    expect(#sent()):equals(0)
    rpc("res.partner", "unlink", { { id } })
    local list = sent()
    expect(#list):equals(1)
    expect(list[1].name):equals("Acme")
  end)

  it("rest while they are inactive, and go with their actions", function()
    fresh()
    local id = rule("on_create_or_write", field_ids("name"))
    rpc("base.automation", "write", { { id }, { active = false } })
    rpc("res.partner", "create", { { name = "Acme" } })
    expect(#sent()):equals(0)
    rpc("base.automation", "unlink", { { id } })
    expect(#rpc("ir.actions.server", "search", { json.array {} })):equals(0)
  end)

  it("do not exist in 14", function()
    fresh(14)
    expect.raises(function() rpc("base.automation", "search", { json.array {} }) end, "base.automation")
  end)

  it("are posted once, waited for, and lost when nobody takes them", function()
    fresh()
    local seen = {}
    local server = assert(http.serve { handler = function(request)
      seen[#seen + 1] = request
      if request.path == "/slow" then task.sleep(3000) end
      return { status = request.path == "/bad" and 500 or 200, body = "" }
    end })
    for _, path in ipairs { "/good", "/bad", "/slow" } do
      state.outgoing[#state.outgoing + 1] = { url = ("http://127.0.0.1:%d%s"):format(server.port, path), body = "{}" }
    end
    state.outgoing[4] = { url = "nonsense", body = "{}" }
    local began = os.time()
    hooks.send(state)
    expect(os.time() - began <= 3):is_true()
    server:close()
    expect(#seen):equals(3)
    expect(seen[1].headers["content-type"]):equals("application/json")
    expect(state.stats.hooks.delivered):equals(1)
    expect(state.stats.hooks.lost):equals(3)
    expect(#state.outgoing):equals(0)
  end)
end)
