--- navodoo run: the engine. Compiles the flows, opens store and endpoints, gives each
-- flow a state of its own, and watches over them until it is told to stop.

local alerts = require "cli.health.alerts"
local commands = require "cli.commands"
local control = require "cli.control"
local disk = require "cli.disk"
local duration = require "navodoo.duration"
local expiry = require "cli.expiry"
local fs = require "navodoo.fs"
local inbox = require "navodoo.engine.inbox"
local keeper = require "cli.keeper"
local listener = require "cli.listener"
local log = require "navodoo.log"
local monitor = require "cli.health.monitor"
local out = require "cli.out"
local project = require "cli.project"
local receivers = require "cli.health.receivers"
local reload = require "cli.reload"
local store = require "navodoo.store"
local supervisor = require "cli.supervisor"
local task = require "navodoo.task"
local time = require "navodoo.time"
local troubles = require "cli.troubles"

local run = {}

run.options = { once = {}, all = {}, env = { value = true }, state = { value = true },
                listen = { value = true }, monitor = { value = true }, wait = { value = true },
                set = { value = true, list = true }, memory = { value = true, whole = true } }
run.places = 1

--- A store that is taken is asked for again so often before that is an error.
local BUSY_ATTEMPTS <const>, BUSY_PAUSE_MS <const> = 10, 100
--- How long --once may keep the store small at its end, and send alerts.
local KEEPER_MS <const>, ALERTS_MS <const> = 2000, 10000

run.help = [=[usage: navodoo run FLOWS [--once [--all] [--wait 5m]] [--env NAME] [--state DIR]
                   [--listen ADDR:PORT] [--monitor ADDR:PORT] [--set ENDPOINT.KEY=VALUE]

Runs every flow of the folder FLOWS, which also holds navodoo.lua (endpoints) and
lookups/. Stops on SIGINT or SIGTERM; whatever was under way goes on at the next start.

Without --once the folder is watched: a changed flow, or a lookup that it names, is
checked and takes over when it is good; what runs is finished by the version that began
it. A file with a mistake changes nothing, and `navodoo status` says why. SIGHUP looks
at once. A changed navodoo.lua opens the endpoints again.

  --once           ask every source once, finish the work, end
  --all            with --once: walk over all rows, not only the changed ones
  --wait TIME      with --once: wait this long for work that is due later, and for a system
                   that cannot be reached or asks for patience (default 5m); what is left
                   then waits for the next run, and the exit code says so
  --env NAME       environment of navodoo.lua (default: the one it names)
  --state DIR      folder of the store (default: ./state)
  --listen A:P     take the webhooks of Odoo here (see navodoo hooks), and show the engine:
                   / (a page for people), /metrics (Prometheus), /status, /healthz, /readyz
  --monitor A:P    show it here instead: then webhooks can be reached from outside, and of
                   the engine they tell no more than whether it is alive and ready. Bound to
                   another address than 127.0.0.1 it needs a token: monitor in navodoo.lua
  --set E.K=V      override a setting of an endpoint, as in --set nav.url=http://nav:7048;
                   may be given several times
  --memory MIB     memory ceiling of one flow (default 256)

The log goes to stderr: text on a terminal, else JSON, one line each.

exit codes: 0 done; 1 failed; 2 wrong use, flow, configuration or password; with
--once also 3: this run made dead letters or reviews; 4: jobs are left waiting

examples:
  navodoo run flows/
  navodoo run flows/ --listen 0.0.0.0:8470 --monitor 127.0.0.1:9470
  navodoo run flows/ --once --env qa --state /var/lib/navodoo]=]

--- What is wrong with the options, or nil; adds `wait_ms`, and the parts of addresses.
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
  for _, name in ipairs { "listen", "monitor" } do
    if a[name] and a.once then return ("--%s serves an engine that goes on: leave out --once"):format(name) end
    local host, port = out.address(a[name] or ":0")
    if not host then return ("--%s needs ADDRESS:PORT, got %q"):format(name, a[name]) end
    if name == "listen" then a.host, a.port = host, port else a.monitor_host, a.monitor_port = host, port end
  end
  return nil
end

--- Opens the hooks that the flows name. Flows without a secret for theirs run all the
-- same, on their polls.
local function set_hooks(box, p)
  local ok, complaint = listener.set_hooks(box, project.instances(p), p.endpoints.odoo)
  if not ok then log.warn("hooks are off, polling serves: " .. complaint) end
end

--- Who may look from elsewhere: the handle of the token, nil when none is named.
local function monitor_token(p)
  local declared = p.config.monitor and p.config.monitor.token
  if not declared then return nil end
  local handle, why = project.find_secret(declared)
  return handle, why and "monitor.token: " .. why
end

-- A changed navodoo.lua may name another token. One that has no value lets nobody in.
local function renew_token(doors, p)
  local token, why = monitor_token(p)
  if why then log.error(why .. "; until it is there, nobody from elsewhere sees the engine", {}) end
  for _, shown in ipairs(doors.shown) do shown.token = token end
end

--- Opens one listener: `box` where hooks are taken, `watched` where the engine is looked at.
local function open_door(option, host, port, box, watched)
  local server, err = listener.open(host, port, box, watched)
  if not server then return nil, ("--%s: %s"):format(option, err.text) end
  log.info("listening", { address = host, port = server.port, option = option })
  return server
end

--- Opens what --listen and --monitor ask for. Beside a listener of its own for monitoring, the
-- other one shows strangers whether the engine is alive and ready, and nothing else.
---@return table|nil doors  { box =, servers... }
---@return string|nil complaint
---@return integer|nil code  of the exit
local function open_doors(a, p, running)
  local token, why = monitor_token(p)
  if why then return nil, why, 2 end
  local doors = { shown = {} }
  if a.listen then
    doors.box = inbox.new()
    local shown = monitor.new(running, a.host, token)
    if a.monitor then shown:close() else doors.shown[1] = shown end
    doors[1], why = open_door("listen", a.host, a.port, doors.box, shown)
    if not doors[1] then return nil, why end
    set_hooks(doors.box, p)
  end
  if a.monitor then
    if not token and not monitor.is_loopback(a.monitor_host) then
      return nil, ('--monitor %s can be reached from outside: name a token in navodoo.lua, as in '
        .. 'monitor = { token = secret "MONITOR_TOKEN" }, or bind it to 127.0.0.1'):format(a.monitor), 2
    end
    local shown = monitor.new(running, a.monitor_host, token)
    doors.shown[#doors.shown + 1] = shown
    doors[#doors + 1], why = open_door("monitor", a.monitor_host, a.monitor_port, nil, shown)
    if why then return nil, why end
  end
  return doors
end

local LASTING <const> = troubles.LASTING

--- What kept a flow, as its board says it.
local function failure_of(b) return { text = b.failed, class = b.class, code = b.code, endpoint = b.endpoint } end

--- Says that a flow raised, which is a defect or too little memory, and returns the exit code.
local function broke_off(name, text)
  out.complain("flow %s broke off: %s; %s", name, text:match "^[^\n]*",
               text:find "not enough memory" and "give it more with --memory" or "the log has the traceback")
  return 1
end

--- Says which flows of an engine that ended never ran, and returns the exit code.
local function failures(p, lives)
  local found = troubles.new()
  for _, slot in ipairs(lives.slots) do
    local b = supervisor.board(slot.name)
    if b.failed and not (lives.stopping and b.class == "cancelled") then
      found:add(slot.name, "did not run", failure_of(b))
    end
  end
  return found:say(p.endpoints)
end

--- What `--once` prints, and its exit code: the first that fits of 2, 1, 4, 3, 0.
local function account(p, lives)
  local code, left, parked = 0, false, (lives.counters.dead or 0) + (lives.counters.review or 0) > 0
  local found = troubles.new()
  local function fail(with) code = math.max(code, with) end
  for _, slot in ipairs(lives.slots) do
    local name = slot.name
    local b = supervisor.board(name)
    local c, trouble = b.counters or {}, b.trouble
    -- what may pass was waited for, unless somebody ended the waiting
    if trouble and not (b.unfinished or LASTING[trouble.class] or lives.stopping) then trouble = nil end
    if lives.failed[name] then
      fail(broke_off(name, lives.failed[name]))
    elseif b.failed then
      found:add(name, (c.read or 0) == 0 and "did not run" or "did not finish", failure_of(b))
    elseif trouble and (c.read or 0) == 0 then
      found:add(name, "did not run", trouble)
    else
      out.line("%s: %s", name, out.counts(c))
      if trouble then found:add(name, "did not finish", trouble) end
      if (c.dead or 0) + (c.review or 0) > 0 then parked = true end
    end
  end
  fail(found:say(p.endpoints))
  if lives.stopping then
    out.complain("run: stopped before the work was done; the next run goes on with it")
    fail(1)
  end
  local result = commands.status {}
  for _, f in ipairs(result and result.flows or {}) do
    local waiting = (f.jobs.ready or 0) + (f.jobs.waiting or 0)
    if waiting > 0 then
      out.line("%s: %d jobs left waiting; see navodoo jobs", f.flow, waiting)
      left = true
    end
  end
  if code > 0 then return code end
  return left and 4 or parked and 3 or 0
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
  -- from the first moment: a stop that nobody waits for ends the process at once
  local stop = task.event "stop"
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
  if ok then complaint = receivers.complaint(p.config.alerts) end
  if complaint then
    out.complain("run: %s", complaint)
    return 2
  end
  local lives = supervisor.new { once = a.once or false, all = a.all or false, wait_ms = a.wait_ms or 300000,
                                 memory = (a.memory or 256) << 20, started = time.now() }
  disk.look(folder, p.config.storage.low) -- before the first walk
  local reloading = reload.new(p, lives, a)
  commands.running = { lives = lives, reload = reloading, endpoints = { "nav", "odoo" }, started = time.now(),
                       environment = p.config.env, version = out.VERSION }
  local server
  server, err = control.serve(folder)
  if not server then
    out.complain("run: control socket: %s", control.explain(err))
    return 1
  end
  local doors, code
  doors, complaint, code = open_doors(a, p, commands.running)
  if not doors then
    out.complain("run: %s", complaint)
    return code or 1
  end
  commands.running.inbox = doors.box
  reloading.on_looked = function()
    if doors.box then set_hooks(doors.box, p) end
    renew_token(doors, p)
  end
  ok, err = reloading:start()
  if not ok then
    out.complain("run: %s", err.text)
    return 1
  end
  task.spawn(disk.watch, folder, p)
  local watcher = alerts.new(p, commands.running)
  if a.once then expiry.declared(p) else
    task.spawn(watcher.watch, watcher)
    reloading:watch()
    task.spawn(expiry.watch, p)
    task.spawn(keeper.watch, p)
  end
  task.spawn(function()
    stop:wait()
    lives:stop()
  end)
  lives:wait()
  if a.once then
    watcher:finish(ALERTS_MS)
    keeper.round(p.config.storage.keep_ms, KEEPER_MS)
  end
  code = a.once and account(p, lives) or failures(p, lives)
  for _, open in ipairs(doors) do open:close() end
  server:close()
  store.close()
  return code
end

return run
