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

sandbox.options = { nav = { value = true }, odoo = { value = true },
                    ["odoo-version"] = { value = true, one_of = { "14", "17", "18", "19" } },
                    customers = { value = true, whole = true }, vendors = { value = true, whole = true },
                    contacts = { value = true, whole = true }, addresses = { value = true, whole = true },
                    items = { value = true, whole = true },
                    partners = { value = true, whole = true }, company = { value = true, list = true },
                    seed = { value = true, whole = true }, state = { value = true },
                    ["nav-auth"] = { value = true, one_of = { "basic", "ntlm", "oauth2" } },
                    ["token-life"] = { value = true, whole = true },
                    password = { value = true }, ["api-key"] = { value = true },
                    ["api-key-expires"] = { value = true } }
sandbox.places = 0

sandbox.help = [[usage: navodoo sandbox [--nav ADDR:PORT] [--odoo ADDR:PORT] [--odoo-version 14|17|18|19]
                       [--customers N] [--vendors N] [--contacts N] [--addresses N]
                       [--items N] [--partners N] [--company NAME] [--seed N] [--state FILE]
                       [--nav-auth basic|ntlm|oauth2] [--token-life SECONDS] [--password TEXT]
                       [--api-key TEXT] [--api-key-expires DATE]

Plays a NAV 2018 (OData V4 and V3) and an Odoo (JSON-RPC, JSON-2, XML-RPC), true to what the
real ones answer and refuse. Data is made from the seed: the same seed, the same data.

  --nav ADDR:PORT      where NAV listens (default 127.0.0.1:7048)
  --odoo ADDR:PORT     where Odoo listens (default 127.0.0.1:8069)
  --odoo-version V     14, 17, 18 or 19 (default 19)
  --customers N        customers in NAV (default 100)
  --vendors N          vendors in NAV (default 0); every fifth is the firm of a customer
  --contacts N         persons of customers in NAV (default 0)
  --addresses N        ship-to addresses of customers in NAV (default 0)
  --items N            items in NAV (default 0): goods and services
  --partners N         partners that Odoo has already (default 0): firms that NAV has too,
                       under no common key; a quarter are vendors where NAV has vendors
  --company NAME       a further company in both, with customers of its own in NAV; may be
                       given several times: in Odoo they are the companies 2, 3, ...
  --seed N             (default 1)
  --state FILE         keep the data in this file: read at start, written at the end
                       (port 0 takes a free one; which, is printed)

  --nav-auth WAY       how NAV wants to be signed in to (default basic); oauth2 tokens come
                       from /oauth2/v2.0/token there, client navodoo
  --token-life SECONDS life of such a token (default 3599)
  --password TEXT      of both users, and client secret (default sandbox)
  --api-key TEXT       API key of Odoo's user, good in place of the password
  --api-key-expires D  last day of that key, YYYY-MM-DD (Odoo 18 and later)

Under /_sandbox/ on both: dump, stats, faults, edit, crowd, clock, snapshot, restore,
reset, sign_out.
User navodoo (NAV) and navodoo@example.com (Odoo), password "sandbox", database "sandbox".

examples:
  navodoo sandbox --customers 1000 --vendors 300 --items 200 --partners 200
  curl -s localhost:8069/_sandbox/stats
  curl -s localhost:7048/_sandbox/crowd -d '{"edits": 100}']]

local DEFAULTS <const> = { nav = "127.0.0.1:7048", odoo = "127.0.0.1:8069" }

--- The saved state, nil when there is none yet, or nil and what is wrong with it.
local function load_state(file)
  local kind = fs.kind(file)
  if kind == nil then return nil end
  local f <close>, why = io.open(file, "rb")
  local text
  if f then text, why = f:read("a") end
  if not text then return nil, why end
  local saved, err = json.decode(text, { max_depth = 64 })
  if type(saved) == "table" and saved.nav and saved.odoo then return saved end
  return nil, ("%s: this is no state of a sandbox%s; move it away to start afresh"):format(file,
    err and " (" .. err.text .. ")" or "")
end

--- Writes beside the file and renames, so that the old state stays until the new one is whole.
local function save_state(file, text)
  local temporary = file .. ".new"
  local f, why = io.open(temporary, "wb")
  if not f then return nil, why end
  local ok
  ok, why = f:write(text)
  if ok then ok, why = f:close() end
  if ok then ok, why = os.rename(temporary, file) end
  return ok, why
end

--- What is wrong with the place where the state is to be kept, found before a day's work is in it.
local function no_place(file)
  local f, why = io.open(file .. ".new", "wb")
  if not f then return why end
  f:close()
  os.remove(file .. ".new")
  return nil
end

--- Makes both sides from options or from a saved state.
local function open_sides(a)
  local saved, why
  if a.state then
    saved, why = load_state(a.state)
    why = why or no_place(a.state)
    if why then return nil, "--state: " .. why end
  end
  local seed, customers = a.seed or 1, a.customers or 100
  return {
    nav = { kind = "nav", module = nav, state = saved and nav.restore(saved.nav) or
              nav.new { customers = customers, vendors = a.vendors, contacts = a.contacts,
                        addresses = a.addresses, items = a.items, companies = a.company, seed = seed,
                        start_us = time.now(), password = a.password,
                        auth = a.nav_auth, token_seconds = a.token_life } },
    odoo = { kind = "odoo", module = odoo, state = saved and odoo.restore(saved.odoo) or
              odoo.new { version = math.tointeger(tonumber(a.odoo_version or 19)), seed = seed,
                         companies = 1 + #(a.company or {}),
                         partners = a.partners or 0, customers = customers, vendors = a.vendors,
                         start_us = time.now(), password = a.password,
                         api_key = a.api_key, api_key_expires_us = a.expires_us } },
  }
end

---@param a table
---@return integer
function sandbox.run(a)
  for _, kind in ipairs { "nav", "odoo" } do
    if not out.address(a[kind] or DEFAULTS[kind]) then
      out.complain("sandbox: --%s needs ADDRESS:PORT, got %q", kind, a[kind])
      return 2
    end
  end
  if a.api_key_expires then
    a.expires_us = time.parse_iso(a.api_key_expires .. "T23:59:59Z")
    if not a.expires_us then
      out.complain("sandbox: --api-key-expires needs a day as 2027-01-31, got %q", a.api_key_expires)
      return 2
    end
  end
  local sides, why = open_sides(a)
  if not sides then
    out.complain("sandbox: %s", why)
    return 2
  end
  for _, kind in ipairs { "nav", "odoo" } do
    local host, port = out.address(a[kind] or DEFAULTS[kind])
    local listener, err = http.serve { address = host, port = port, handler = server.handler(sides[kind]),
                                       max_body = 128 << 20 }
    if not listener then
      out.complain("sandbox: %s; take another address with --%s, as in --%s %s:0", err.text, kind, kind, host)
      return 1
    end
    sides[kind].listener = listener
    out.line("%-4s  http://%s:%d", kind, host, listener.port)
  end
  io.stdout:flush()
  task.event("stop"):wait()
  for _, kind in ipairs { "nav", "odoo" } do sides[kind].listener:close() end
  if not a.state then return 0 end
  local ok
  ok, why = save_state(a.state, assert(json.encode {
    nav = nav.save(sides.nav.state), odoo = odoo.save(sides.odoo.state) }))
  if ok then return 0 end
  out.complain("sandbox: --state: %s; the data of this run is lost", why)
  return 1
end

return sandbox
