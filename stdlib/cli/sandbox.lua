--- navodoo sandbox: a NAV and an Odoo to play with, offline.

local fs = require "navodoo.fs"
local http = require "navodoo.http"
local json = require "navodoo.json"
local nav = require "sandbox.nav"
local odoo = require "sandbox.odoo"
local out = require "cli.out"
local server = require "sandbox.server"
local task = require "navodoo.task"
local time = require "navodoo.time"

local sandbox = {}

sandbox.options = { nav = { value = true }, odoo = { value = true }, ["odoo-version"] = { value = true },
                    customers = { value = true }, partners = { value = true }, seed = { value = true },
                    state = { value = true } }

sandbox.help = [[usage: navodoo sandbox [--nav ADDR:PORT] [--odoo ADDR:PORT] [--odoo-version 14|17|18|19]
                       [--customers N] [--partners N] [--seed N] [--state FILE]

Plays a NAV 2018 (OData V4) and an Odoo (JSON-RPC, JSON-2, XML-RPC), true to what the
real ones answer and refuse. Data is made from the seed: the same seed, the same data.

  --nav ADDR:PORT      where NAV listens (default 127.0.0.1:7048)
  --odoo ADDR:PORT     where Odoo listens (default 127.0.0.1:8069)
  --odoo-version V     14, 17, 18 or 19 (default 19)
  --customers N        customers in NAV (default 100)
  --partners N         partners that Odoo has already (default 0)
  --seed N             (default 1)
  --state FILE         keep the data in this file: read at start, written at the end

Under /_sandbox/ on both: dump, stats, faults, edit, reset. User navodoo (NAV) and
navodoo@example.com (Odoo), password "sandbox", database "sandbox".

examples:
  navodoo sandbox --customers 1000
  curl -s localhost:8069/_sandbox/stats]]

local function address(text, default_port)
  local host, port = (text or ""):match("^(.-):(%d+)$")
  if not host then host, port = text or "127.0.0.1", default_port end
  if host == "" then host = "127.0.0.1" end
  return host, math.tointeger(tonumber(port))
end

local function whole(a, name, default)
  if a[name] == nil then return default end
  local n = math.tointeger(tonumber(a[name]))
  if not n or n < 0 then
    out.complain("sandbox: --%s needs a whole number, got %q", name:gsub("_", "-"), a[name])
    return nil
  end
  return n
end

local function load_state(file)
  if not file or fs.kind(file) ~= "file" then return nil end
  local f <close> = assert(io.open(file, "rb"))
  return assert(json.decode(f:read("a"), { max_depth = 64 }))
end

local function save_state(file, sides)
  local temporary = file .. ".new"
  local f = assert(io.open(temporary, "wb"))
  f:write(assert(json.encode { nav = nav.save(sides.nav.state), odoo = odoo.save(sides.odoo.state) }))
  f:close()
  assert(os.rename(temporary, file))
end

--- Makes both sides from options or from a saved state.
local function open_sides(a)
  local customers, seed = whole(a, "customers", 100), whole(a, "seed", 1)
  local partners, version = whole(a, "partners", 0), whole(a, "odoo_version", 19)
  if not (customers and seed and partners and version) then return nil end
  if version ~= 14 and version ~= 17 and version ~= 18 and version ~= 19 then
    out.complain("sandbox: --odoo-version is 14, 17, 18 or 19, not %d", version)
    return nil
  end
  local saved = load_state(a.state)
  return {
    nav = { kind = "nav", module = nav, state = saved and nav.restore(saved.nav) or
              nav.new { customers = customers, seed = seed, start_us = time.now() } },
    odoo = { kind = "odoo", module = odoo, state = saved and odoo.restore(saved.odoo) or
              odoo.new { version = version, seed = seed, partners = partners, start_us = time.now() } },
  }
end

---@param a table
---@return integer
function sandbox.run(a)
  local sides = open_sides(a)
  if not sides then return 2 end
  for _, kind in ipairs { "nav", "odoo" } do
    local host, port = address(a[kind], kind == "nav" and 7048 or 8069)
    local listener, err = http.serve { address = host, port = port, handler = server.handler(sides[kind]),
                                       max_body = 128 << 20 }
    if not listener then
      out.complain("sandbox: %s cannot listen on %s:%d: %s", kind, host, port, err.text)
      return 1
    end
    sides[kind].listener = listener
    out.line("%-4s  http://%s:%d", kind, host, listener.port)
  end
  io.stdout:flush()
  task.event("stop"):wait()
  for _, kind in ipairs { "nav", "odoo" } do sides[kind].listener:close() end
  if a.state then save_state(a.state, sides) end
  return 0
end

return sandbox
