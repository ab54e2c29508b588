--- The engine's side of a simulated day: what `navodoo run` does, without a command
-- line: endpoints, store, one flow.

local config = require "navodoo.config"
local crypto = require "navodoo.crypto"
local fs = require "navodoo.fs"
local http = require "navodoo.http"
local json = require "navodoo.json"
local main = require "navodoo.engine.main"
local secret = require "navodoo.secret"
local store = require "navodoo.store"

local engine = {}

local function read(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read("a")
end

--- Settings of the shipped dev environment, with the clocks of a simulated day.
function engine.start(seed)
  local settled = assert(config.load { file = "flows/navodoo.lua", source = read("flows/navodoo.lua"), env = "dev" })
  local nav, odoo = settled.endpoints.nav, settled.endpoints.odoo
  local token = tostring(assert(secret.define("SIM", "sandbox")))
  nav.secret, odoo.secret, nav.password, odoo.password = token, token, nil, nil
  odoo.settle_ms, odoo.batch, nav.page_size = 120000, 7, 11
  odoo.timeout_ms, nav.timeout_ms = 60000, 60000
  assert(http.endpoint { name = "nav", base_url = "http://nav/DynamicsNAV110/ODataV4", auth = "basic", user = nav.user,
                         secret = token, timeout_ms = 60000 })
  assert(http.endpoint { name = "odoo", base_url = "http://odoo", timeout_ms = 60000 })
  assert(store.open("sim"))
  nav.settle_ms = 240000
  local source = read("tests/sim/customer.lua")
  local lookups = {}
  for _, entry in ipairs(fs.list("flows/lookups")) do
    lookups[entry:match("^(.*)%.lua$")] = read("flows/lookups/" .. entry)
  end
  return main.start(assert(json.encode {
    flow = { name = "customer", file = "tests/sim/customer.lua", source = source, lookups = lookups },
    endpoints = { nav = nav, odoo = odoo }, hash = crypto.hash(source):sub(1, 12), seed = seed,
    once = false, all = false, wait_ms = 0 }))
end

return engine
