--- navodoo run: the engine. Compiles the flows, opens store and endpoints, gives each
-- flow a state of its own, and watches over them until it is told to stop.

local cache = require "navodoo.cache"
local commands = require "cli.commands"
local control = require "cli.control"
local duration = require "navodoo.duration"
local fs = require "navodoo.fs"
local generation = require "navodoo.generation"
local json = require "navodoo.json"
local listener = require "cli.listener"
local log = require "navodoo.log"
local out = require "cli.out"
local project = require "cli.project"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"

local run = {}

run.options = { once = {}, all = {}, env = { value = true }, state = { value = true },
                listen = { value = true }, wait = { value = true }, set = { value = true, list = true },
                memory = { value = true, whole = true } }
run.places = 1

--- A flow that was told to stop may take this long.
local GRACE_MS <const> = 10000
--- A store that is taken is asked for again so often before that is an error.
local BUSY_ATTEMPTS <const>, BUSY_PAUSE_MS <const> = 10, 100

run.help = [=[usage: navodoo run FLOWS [--once [--all] [--wait 5m]] [--env NAME] [--state DIR]
                   [--listen ADDR:PORT] [--set ENDPOINT.KEY=VALUE]

Runs every flow of the folder FLOWS, which also holds navodoo.lua (endpoints) and
lookups/. Stops on SIGINT or SIGTERM; whatever was under way goes on at the next start.

  --once           ask every source once, finish the work, end
  --all            with --once: walk over all rows, not only the changed ones
  --wait TIME      with --once: wait this long for work that is due later (default 5m)
  --env NAME       environment of navodoo.lua (default: the one it names)
  --state DIR      folder of the store (default: ./state)
  --listen A:P     answer GET /healthz and /status here, and take the webhooks of Odoo
                   (see navodoo hooks)
  --set E.K=V      override a setting of an endpoint, as in --set nav.url=http://nav:7048;
                   may be given several times
  --memory MIB     memory ceiling of one flow (default 256)

The log goes to stderr: text on a terminal, else JSON, one line each.

exit codes: 0 done; 1 failed; 2 wrong use, flow, configuration or password; with
--once also 3: this run made dead letters or reviews; 4: jobs are left waiting

examples:
  navodoo run flows/
  navodoo run flows/ --once --env qa --state /var/lib/navodoo]=]

--- What is wrong with the options, or nil; adds `wait_ms`, `host` and `port`.
local function mistake_of(a)
  if not a[1] then return "which folder of flows? As in: navodoo run flows/" end
  if not a.once and (a.all or a.wait) then
    return ("--%s needs --once"):format(a.all and "all" or "wait")
  end
  if a.wait then
    local why
    a.wait_ms, why = duration.ms(a.wait)
    if not a.wait_ms then return "--wait: " .. why end
  end
  if a.memory and a.memory < 1 then return "--memory needs at least 1 MiB" end
  if a.listen and a.once then return "--listen serves an engine that goes on: leave out --once" end
  if a.listen then
    a.host, a.port = out.address(a.listen)
    if not a.host then return ("--listen needs ADDRESS:PORT, got %q"):format(a.listen) end
  end
  return nil
end

--- Opens the listener and the hooks that the flows name. Flows without a secret for
-- theirs run all the same, on their polls.
local function listen(a, p)
  local open, err = listener.open(a.host, a.port)
  if not open then return nil, err end
  local ok, complaint = listener.set_hooks(open.box, p.flows, p.endpoints.odoo)
  if not ok then log.warn("hooks are off, polling serves: " .. complaint) end
  log.info("listening", { address = a.host, port = open.port })
  return open.server
end

--- What a generation is told of an endpoint: everything but where its secret is.
local function endpoint_view(endpoint)
  local view = {}
  for key, value in pairs(endpoint) do
    if key ~= "password" and key ~= "hook_secret" then view[key] = value end
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

--- What a flow tells of itself.
local function board(name)
  local text = cache.get("board", name)
  return text and json.decode(text) or {}
end

--- Waits until a flow ended; false when it was told to stop and did not in time.
local function await_end(signal, state)
  while not signal:wait(1000) do
    if state.stopping and time.monotonic() - state.stopping > GRACE_MS then return false end
  end
  return true
end

--- Starts one flow; a flow that ended badly starts again after a pause.
local function supervise(p, flow, a, wait_ms, state)
  local pause_ms, signal = 1000, task.event("ended:" .. flow.name)
  while true do
    local gen, err = generation.open { name = flow.name, main = "navodoo.engine.main",
      argument = argument_of(p, flow, a, wait_ms), memory = (a.memory or 256) << 20 }
    if gen then
      if not await_end(signal, state) then
        log.warn("flow did not end in time; what was under way goes on at the next start", { flow = flow.name })
      end
      local _, why = gen:ended()
      state.memory[flow.name] = gen:memory()
      gen:close()
      if not why then
        local b = board(flow.name)
        if b.failed and not a.once then
          log.error("flow does not run: " .. b.failed, { flow = flow.name, class = b.class })
        end
        break
      end
      err = { text = why }
    end
    log.error("flow ended: " .. err.text, { flow = flow.name })
    if a.once then
      state.failed[flow.name] = err.text
      break
    end
    if state.stopping then break end
    state.stop:wait(pause_ms)
    pause_ms = math.min(pause_ms * 2, 60000)
  end
  state.open = state.open - 1
  state.changed:set()
end

--- Classes of trouble that no waiting mends.
local LASTING <const> = { auth = true, config = true }

--- Says why a flow did not run, with the way out, and returns the exit code.
local function did_not_run(p, flow, how, text, class)
  local endpoint = class == "auth" and p.endpoints[text:match "^(%w+)"]
  out.complain("flow %s %s: %s%s", flow.name, how, text,
               endpoint and "; " .. project.password_places(endpoint) or "")
  return LASTING[class] and 2 or 1
end

--- Says that a flow raised, which is a defect or too little memory, and returns the exit code.
local function broke_off(flow, text)
  out.complain("flow %s broke off: %s; %s", flow.name, text:match "^[^\n]*",
               text:find "not enough memory" and "give it more with --memory" or "the log has the traceback")
  return 1
end

--- Says which flows of an engine that ended never ran, and returns the exit code.
local function failures(p, state)
  local code = 0
  for _, flow in ipairs(p.flows) do
    local b = board(flow.name)
    if b.failed and not (state.stopping and b.class == "cancelled") then
      code = math.max(code, did_not_run(p, flow, "did not run", b.failed, b.class))
    end
  end
  return code
end

--- What `--once` prints, and its exit code: the first that fits of 2, 1, 4, 3, 0.
local function account(p, state)
  local code = 0
  local function fail(with) code = math.max(code, with) end
  for _, flow in ipairs(p.flows) do
    local b = board(flow.name)
    local c, trouble = b.counters or {}, b.trouble
    -- what may pass was waited for, unless somebody ended the waiting
    if trouble and not (b.unfinished or LASTING[trouble.class] or state.stopping) then trouble = nil end
    if state.failed[flow.name] then
      fail(broke_off(flow, state.failed[flow.name]))
    elseif b.failed then
      fail(did_not_run(p, flow, "did not run", b.failed, b.class))
    elseif trouble and (c.read or 0) == 0 then
      fail(did_not_run(p, flow, "did not run", trouble.text, trouble.class))
    else
      out.line("%s: %s", flow.name, out.counts(c))
      if trouble then fail(did_not_run(p, flow, "did not finish", trouble.text, trouble.class)) end
      if (c.dead or 0) + (c.review or 0) > 0 then state.parked = true end
    end
  end
  if state.stopping then
    out.complain("run: stopped before the work was done; the next run goes on with it")
    fail(1)
  end
  local result = commands.status {}
  for _, f in ipairs(result and result.flows or {}) do
    local left = (f.jobs.ready or 0) + (f.jobs.waiting or 0)
    if left > 0 then
      out.line("%s: %d jobs left waiting; see navodoo jobs", f.flow, left)
      state.left = true
    end
  end
  if code > 0 then return code end
  return state.left and 4 or state.parked and 3 or 0
end

--- Opens the store. A folder that is taken is asked for again: a command that looks at
-- a stopped engine holds it for a moment, and so does an engine that is ending.
local function open_store(folder)
  local ok, err = fs.make(folder)
  if not ok then return nil, err end
  for _ = 1, BUSY_ATTEMPTS do
    ok, err = store.open(folder)
    if ok or err.code ~= "busy" then return ok, err end
    task.sleep(BUSY_PAUSE_MS)
  end
  return nil, err
end

---@param a table
---@return integer
function run.run(a)
  local mistake = mistake_of(a)
  if mistake then
    out.complain("run: %s", mistake)
    return 2
  end
  local wait_ms = a.wait_ms or 300000
  local p, problems = project.load(a[1], a.env, a.set)
  if not p then
    project.complain(problems)
    return 2
  end
  local folder = a.state or "state"
  local ok, err = open_store(folder)
  if not ok then
    out.complain("run: %s", control.explain(err))
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
    out.complain("run: control socket: %s", control.explain(err))
    return 1
  end
  local door
  if a.listen then
    door, err = listen(a, p)
    if not door then
      out.complain("run: --listen: %s", err.text)
      return 1
    end
  end
  local state = { open = #p.flows, changed = task.event(), stop = task.event(), failed = {}, memory = {} }
  for _, flow in ipairs(p.flows) do task.spawn(supervise, p, flow, a, wait_ms, state) end
  task.spawn(function()
    task.event("stop"):wait()
    state.stopping = time.monotonic()
    state.stop:set()
    for _, name in ipairs(names) do task.event("stop:" .. name):set() end
  end)
  while state.open > 0 do state.changed:wait(1000) end
  local code = a.once and account(p, state) or failures(p, state)
  if door then door:close() end
  server:close()
  store.close()
  return code
end

return run
