-- The table of keys: what it shows is what the connectors send.

local json = require "navodoo.json"
local call = require "connector.call"
local connector = require "connector"
local gate = require "connector.gate"
local project = require "cli.project"
local proof = require "navodoo.proof"

local p = assert(project.load("flows", "dev"))

-- The one request that `ask` makes, with everything that braces would be escaped to taken back.
local function request_of(endpoint, ask)
  local seen
  local request, report = call.request, call.report
  call.request, call.report = function(r)
    seen = r
    return { status = 200, headers = {}, body = '{"jsonrpc":"2.0","id":1,"result":[],"value":[]}' }
  end, function() end
  gate.accepted(endpoint)
  local ok, why = pcall(ask, connector.open(endpoint))
  call.request, call.report = request, report
  if not ok then error(why, 0) end
  return seen
end

local function sent_to_nav(flow, ask)
  local r = request_of({ name = "proof nav", kind = "nav", company = "{company}", user = "u" }, function(conn)
    function conn:schema() -- luacheck: ignore self
      local fields = {}
      for _, name in ipairs(flow.nav.key) do fields[name] = { type = "code" } end
      fields.Search_Name = { type = "code" }
      return { entity = flow.nav.read, key = flow.nav.key, fields = fields }
    end
    assert(ask(conn))
  end)
  local path = r.path:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end)
  return "GET " .. path:gsub("%$select=[^&]*&", "")
end

local function sent_to_odoo(flow, name)
  local r = request_of({ name = "proof odoo", kind = "odoo", api = "json2", database = "d", user = "u", secret = "s" },
    function(conn) assert(conn:xmlids(flow.odoo.model, { name })) end)
  local model, method = r.path:match "^/json/2/([%w.]+)/([%w_]+)$"
  return ("%s %s %s"):format(model, method, json.encode(json.decode(r.body).domain))
end

describe("the keys of a flow", function()
  for _, f in ipairs(p.flows) do
    local flow = f.compiled
    it("are asked for by the calls that the table shows: " .. flow.name, function()
      local parts = {}
      for i, name in ipairs(flow.nav.key) do parts[i] = "{" .. name .. "}" end
      local asked = 0
      for _, row in ipairs(proof.of(flow, { nav = {}, odoo = {} })) do
        local name = row.key:match "^external id navodoo%.(.*)$"
        expect(row.probe):equals(name and sent_to_odoo(flow, name) or sent_to_nav(flow, function(conn)
          return conn:get(flow.nav.read, { table.concat(parts, ",") }, {})
        end))
        expect(row.settle_ms):equals(row.target:find "^Odoo" and 120000 or 480000)
        expect(row.enforced):is_true()
        asked = asked + 1
      end
      expect(asked >= 4):is_true()
    end)
  end

  it("that a number series gives are searched, or nothing", function()
    local flow = { name = "x", directions = { "nav_to_odoo", "odoo_to_nav" }, link = { xmlid = "x" },
                   nav = { read = "Card", key = { "No" } }, odoo = { model = "res.partner" },
                   policy = { number = "series", probe = "Search_Name", create_in_nav = true, gone = {} } }
    local function birth()
      for _, row in ipairs(proof.of(flow, { nav = { settle_ms = 7 }, odoo = {} })) do
        if row.direction == "odoo_to_nav" and row.step == "create" then return row end
      end
    end
    expect(birth().enforced):is_false()
    expect(birth().probe):equals(sent_to_nav(flow, function(conn)
      return conn:scan("Card", { fields = {}, limit = 2, where = { { "Search_Name", "eq", "{Search_Name}" } } })
    end))
    expect(birth().settle_ms):equals(7)
    flow.policy.probe = nil
    expect(birth().probe):is_nil()
    expect(birth().lost):equals "a person decides"
  end)
end)
