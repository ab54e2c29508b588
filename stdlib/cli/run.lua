--- navodoo run: the engine. Compiles the flows, opens store and endpoints, gives each
-- flow a state of its own, and watches over them until it is told to stop.

local cache = require "navodoo.cache"
local commands = require "cli.commands"
local control = require "cli.control"
local duration = require "navodoo.duration"
local fs = require "navodoo.fs"
local generation = require "navodoo.generation"
local http = require "navodoo.http"
local json = require "navodoo.json"
local log = require "navodoo.log"
local out = require "cli.out"
local project = require "cli.project"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"

local run = {}

run.options = { once = {}, all = {}, env = { value = true }, state = { value = true },
                listen = { value = true }, wait = { value = true }, set = { value = true, list = true },
                memory = { value = true } }

run.help = [=[usage: navodoo run FLOWS [--once [--all] [--wait 5m]] [--env NAME] [--state DIR]
                   [--listen ADDR:PORT] [--set ENDPOINT.KEY=VALUE]

Runs every flow of the folder FLOWS, which also holds navodoo.lua (endpoints) and
lookups/. Stops on SIGINT or SIGTERM; whatever was under way goes on at the next start.

  --once           ask every source once, finish the work, end
  --all            with --once: walk over all rows, not only the changed ones
  --wait TIME      with --once: wait this long for work that is due later (default 5m)
  --env NAME       environment of navodoo.lua (default: the one it names)
  --state DIR      folder of the store (default: ./state)
  --listen A:P     also answer GET /healthz and /status here
  --set E.K=V      override a setting of an endpoint, as in --set nav.url=http://nav:7048
  --memory MIB     memory ceiling of one flow (default 256)

exit codes with --once: 0 done; 1 failed; 2 wrong flow or configuration; 3 this run
made dead letters or reviews; 4 jobs are left waiting

examples:
  navodoo run flows/
  navodoo run flows/ --once --env qa --state /var/lib/navodoo]=]

--- Answers the public listener: health and status, nothing that changes anything.
local function public(request)
  local path = request.path:match("^[^?]*")
  if request.method ~= "GET" then return { status = 405, body = "" } end
  if path == "/healthz" then
    return { status = 200, headers = { ["Content-Type"] = "text/plain" }, body = "ok\n" }
  end
  if path ~= "/status" then return { status = 404, body = "" } end
  local result, err = commands.status {}
  return { status = result and 200 or 503, headers = { ["Content-Type"] = "application/json" },
           body = assert(json.encode(result or { text = err.text })) }
end

local function listen(address)
  local host, port = address:match("^(.-):(%d+)$")
  if not host then return nil, { text = ("--listen needs ADDRESS:PORT, got %q"):format(address) } end
  return http.serve { address = host ~= "" and host or "127.0.0.1", port = math.tointeger(tonumber(port)),
                      handler = public, max_body = 65536 }
end

--- What a generation is told of an endpoint: everything but where its secret is.
local function endpoint_view(endpoint)
  local view = {}
  for key, value in pairs(endpoint) do
    if key ~= "password" then view[key] = value end
  end
  return view
end

local function argument_of(p, flow, a, wait_ms)
  return assert(json.encode {
    flow = { name = flow.name, file = flow.file, source = flow.source, lookups = json.object({}, p.lookups) },
    endpoints = { nav = endpoint_view(p.endpoints.nav), odoo = endpoint_view(p.endpoints.odoo) },
    hash = flow.hash,
    once = a.once or false, all = a.all or false, wait_ms = wait_ms })
end

--- Starts one flow; a flow that ended badly starts again after a pause.
local function supervise(p, flow, a, wait_ms, state)
  local pause_ms, signal = 1000, task.event("ended:" .. flow.name)
  while true do
    local gen, err = generation.open { name = flow.name, main = "navodoo.engine.main",
      argument = argument_of(p, flow, a, wait_ms), memory = (tonumber(a.memory) or 256) << 20 }
    if gen then
      signal:wait()
      local _, why = gen:ended()
      state.memory[flow.name] = gen:memory()
      gen:close()
      if not why then break end
      err = { text = why }
    end
    log.error("flow ended: " .. err.text, { flow = flow.name })
    if a.once then
      state.failed = true
      break
    end
    if state.stopping then break end
    task.sleep(pause_ms)
    pause_ms = math.min(pause_ms * 2, 60000)
  end
  state.open = state.open - 1
  state.changed:set()
end

local function board(name)
  local text = cache.get("board", name)
  return text and json.decode(text) or {}
end

--- What `--once` prints, and its exit code.
local function account(p, state)
  local code = state.failed and 1 or 0
  for _, flow in ipairs(p.flows) do
    local b = board(flow.name)
    local c = b.counters or {}
    if b.failed then
      out.complain("flow %s did not run: %s", flow.name, b.failed)
      code = b.class == "config" and 2 or math.max(code, 1)
    else
      out.line("%s: %d read, %d created, %d adopted, %d updated, %d unchanged, %d for review, %d dead letters",
               flow.name, c.read or 0, c.created or 0, c.adopted or 0, c.updated or 0,
               (c.read or 0) - (c.changed or 0) + (c.unchanged or 0), c.review or 0, c.dead or 0)
      if b.trouble and code == 0 and (c.read or 0) == 0 and b.trouble.class ~= "transient" then
        out.complain("%s", b.trouble.text)
        code = 1
      end
      if code == 0 and (c.dead or 0) + (c.review or 0) > 0 then code = 3 end
    end
  end
  local result = commands.status {}
  for _, f in ipairs(result and result.flows or {}) do
    local left = (f.jobs.ready or 0) + (f.jobs.waiting or 0)
    if left > 0 then
      out.line("%s: %d jobs left waiting; see navodoo jobs", f.flow, left)
      if code == 0 or code == 3 then code = 4 end
    end
  end
  return code
end

---@param a table
---@return integer
function run.run(a)
  if not a[1] then
    out.complain("run: which folder of flows? As in: navodoo run flows/")
    return 2
  end
  local wait_ms = 300000
  if a.wait then
    local why
    wait_ms, why = duration.ms(a.wait)
    if not wait_ms then
      out.complain("run: --wait: %s", why)
      return 2
    end
  end
  local p, problems = project.load(a[1], a.env, a.set)
  if not p then
    project.complain(problems)
    return 2
  end
  local folder = a.state or "state"
  local ok, err = fs.make(folder)
  if ok then ok, err = store.open(folder) end
  if not ok then
    out.complain("run: %s", err.text)
    return 1
  end
  local complaint
  ok, complaint = project.open_endpoints(p.endpoints)
  if not ok then
    out.complain("run: %s", complaint)
    return 2
  end
  local names = {}
  for i, flow in ipairs(p.flows) do names[i] = flow.name end
  commands.running = { flows = names, endpoints = { "nav", "odoo" }, started = time.now() }
  local server
  server, err = control.serve(folder)
  if not server then
    out.complain("run: control socket: %s", err.text)
    return 1
  end
  local listener
  if a.listen and not a.once then
    listener, err = listen(a.listen)
    if not listener then
      out.complain("run: %s", err.text)
      return 1
    end
    log.info("listening", { address = a.listen })
  end
  local state = { open = #p.flows, changed = task.event(), memory = {} }
  for _, flow in ipairs(p.flows) do task.spawn(supervise, p, flow, a, wait_ms, state) end
  task.spawn(function()
    task.event("stop"):wait()
    state.stopping = true
    for _, name in ipairs(names) do task.event("stop:" .. name):set() end
  end)
  while state.open > 0 do state.changed:wait(1000) end
  local code = a.once and account(p, state) or (state.failed and 1 or 0)
  if listener then listener:close() end
  server:close()
  store.close()
  return code
end

return run
