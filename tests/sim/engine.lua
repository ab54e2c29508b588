--- The engine's side of a simulated day: what `navodoo run` does, without a command line:
-- endpoints, store, the flows that ship under the supervisor, and versions that replace each other.

local config = require "navodoo.config"
local crypto = require "navodoo.crypto"
local fs = require "navodoo.fs"
local http = require "navodoo.http"
local project = require "cli.project"
local secret = require "navodoo.secret"
local store = require "navodoo.store"
local supervisor = require "cli.supervisor"
local task = require "navodoo.task"
local time = require "navodoo.time"

local engine = {}

local FLOWS <const> = { "contact", "customer", "ship_to", "vendor", "item" }
local GOODS <const> = 4 -- every so many days there are goods, too
local VERSIONS <const> = 3
local MINUTE <const> = 60 * 1000

local function read(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read("a")
end

local function random(limit) return tonumber(crypto.random_hex(6), 16) % limit end

--- Settings of the shipped dev environment, with the clocks of a simulated day; every fifth is over V3.
local function endpoints(seed)
  local settled = assert(config.load { file = "flows/navodoo.lua", source = read("flows/navodoo.lua"), env = "dev" })
  local nav, odoo = settled.endpoints.nav, settled.endpoints.odoo
  local token = tostring(assert(secret.define("SIM", "sandbox")))
  nav.secret, odoo.secret, nav.password, odoo.password = token, token, nil, nil
  nav.url = "http://nav/DynamicsNAV110/" .. (seed % 5 == 0 and "OData" or "ODataV4")
  nav.settle_ms, nav.page_size, nav.timeout_ms = 4 * MINUTE, 11, MINUTE
  odoo.settle_ms, odoo.batch, odoo.timeout_ms = 2 * MINUTE, 7, MINUTE
  assert(http.endpoint { name = "nav", base_url = nav.url, auth = "basic", user = nav.user,
                         secret = token, timeout_ms = MINUTE })
  assert(http.endpoint { name = "odoo", base_url = "http://odoo", timeout_ms = MINUTE })
  return project.views(settled.endpoints, settled.pairs[1])
end

--- A flow that ships, as the day wants it: polls that are minutes apart, a night's walk when the
-- day says so, conflicts that nobody has to decide. `version` makes it another generation.
local function flow_of(name, day, version, lookups)
  local file = "flows/" .. name .. ".lua"
  local source, n = read(file):gsub('every = "%w+"', ('every = "%dm"'):format(day.every))
  local conflicts
  source, conflicts = source:gsub('conflict = "review"', ('conflict = "%s"'):format(day.conflict))
  assert(n == 2 and conflicts == 1, file .. " does not read as it did")
  source = source:gsub('%f[%w](s%w+) = "%d%d:(%d%d)"', ('%%1 = "%02d:%%2"'):format(day.sweep_hour))
  source = source .. ("-- version %d\n"):format(version)
  local hash, named = project.version(source, lookups)
  return { file = file, source = source, hash = hash, lookups = named }
end

local function wanted_of(name, version, views, cause)
  return { id = assert(supervisor.register(name, version, cause)), hash = version.hash, file = version.file,
           source = version.source, lookups = version.lookups, cause = cause, pairs = 1, endpoints = views }
end

--- Now and then a flow is saved in another version, or the endpoints are opened again.
local function reload(lives, day, views, lookups)
  while true do
    task.sleep((1 + random(8 * 60)) * MINUTE)
    local slot = lives.slots[1 + random(#lives.slots)]
    local endpoints_only = random(3) == 0
    local version = endpoints_only and slot.wanted or flow_of(slot.name, day, 1 + random(VERSIONS), lookups)
    slot.wanted = wanted_of(slot.name, version, views, endpoints_only and "endpoints" or "file")
    slot.news:set()
  end
end

--- Runs until the process dies; raises when no flow is left.
---@param seed integer
function engine.start(seed)
  local day = { every = 60, conflict = ({ "nav", "odoo" })[seed % 2 + 1],
                sweep_hour = seed % 3 == 0 and 3 or 14 }
  local views = endpoints(seed)
  assert(store.open("sim"))
  local lookups = {}
  for _, entry in ipairs(fs.list("flows/lookups")) do
    lookups[entry:match("^(.*)%.lua$")] = read("flows/lookups/" .. entry)
  end
  local lives = supervisor.new { once = false, all = false, wait_ms = 0, memory = 64 << 20, started = time.now(),
                                 tick_ms = 30 * MINUTE }
  lives.on_refused = function(slot, _, text) error(("%s: a good version is refused: %s"):format(slot.name, text)) end
  for i = 1, seed % GOODS == 0 and #FLOWS or #FLOWS - 1 do
    local name = FLOWS[i]
    lives:add(name, name, wanted_of(name, flow_of(name, day, 1 + random(VERSIONS), lookups), views, "start"))
  end
  task.spawn(reload, lives, day, views, lookups)
  while lives.open > 0 do lives.changed:wait() end
  error("no flow runs: " .. (supervisor.board("customer").failed or "?"))
end

return engine
