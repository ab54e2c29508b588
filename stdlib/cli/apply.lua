--- navodoo apply: sends what a plan says, exactly, or refuses.

local bench = require "cli.bench"
local control = require "cli.control"
local applying = require "navodoo.engine.applying"
local json = require "navodoo.json"
local live = require "cli.live"
local out = require "cli.out"
local plan = require "cli.plan"
local store = require "navodoo.store"

local apply = {}

apply.options = { state = { value = true }, flows = { value = true }, set = { value = true, list = true }, json = {} }
apply.places = 1

apply.help = [[usage: navodoo apply PLAN [--state DIR] [--flows DIR] [--set E.K=V] [--json]

Sends what a plan of navodoo plan says, record by record, and nothing else. Both sides
are read again first: a record that moved since, or of which something else would be
written now, is refused, and a plan of another version of the flow, or for other systems,
as a whole. What is sent goes the engine's way: intended on disk, sent under its key, read
back, linked, journalled; a kill in between loses and doubles nothing.

It takes the store of the engine, so no engine may run on it: a running one does this work
by itself.

  --state DIR   folder of the engine's store (default: ./state)
  --flows DIR   folder of the flows (default: the one that was planned)
  --set E.K=V   override a setting of an endpoint, as it was for the plan
  --json        for machines

exit codes: 0 all applied; 1 failed; 2 not this plan, or wrong use; 3 some were refused

example:
  navodoo plan customer --out monday.plan && navodoo apply monday.plan]]

-- Reads a plan and the flow that it was made with.
local function read(a)
  local made, why = bench.read_json(a[1])
  if not made then return nil, why end
  if type(made) ~= "table" or made.navodoo ~= "plan 1" or type(made.records) ~= "table" then
    return nil, a[1] .. ": this is no plan of navodoo plan"
  end
  local flow, p = bench.open(made.flow, { flows = a.flows or made.folder, env = made.env, set = a.set })
  if not flow then return nil, p end
  if flow.hash ~= made.hash then
    return nil, ("%s changed since the plan was made (%s, now %s); plan again"):format(flow.file, made.hash, flow.hash)
  end
  return made, nil, flow, p
end

local function open_store(state)
  local ok, err = store.open(state)
  if ok then return true end
  if err.code == "busy" then
    return nil, err.text .. "; a running engine does this work by itself: stop it to apply a plan"
  end
  return nil, control.explain(err)
end

local function same_systems(made, endpoints)
  local now = plan.systems(endpoints)
  for _, side in ipairs { "nav", "odoo" } do
    if made.systems[side] ~= now[side] then
      return nil, ("the plan is for %s, this is %s; plan again"):format(tostring(made.systems[side]), now[side])
    end
  end
  return true
end

local function go(made, flow, p, a, tell)
  local pair, why = live.pair(p, made.pair)
  if not pair then return nil, why, 2 end
  local endpoints
  endpoints, why = live.endpoints(p, pair, false)
  if not endpoints then return nil, why, 2 end
  local ok
  ok, why = same_systems(made, endpoints)
  if not ok then return nil, why, 2 end
  ok, why = open_store(a.state or "state")
  if not ok then return nil, why, 1 end
  local err
  ok, err = applying.run(live.spec(p, flow, pair, endpoints), flow.compiled, made, tell)
  store.close()
  if not ok then return nil, err.text, (err.class == "auth" or err.class == "config") and 2 or 1 end
  return true
end

---@param a table
---@return integer
function apply.run(a)
  if not a[1] then
    out.complain("apply: which plan? As in: navodoo plan customer --out p.json && navodoo apply p.json")
    return 2
  end
  local made, why, flow, p = read(a)
  if not made then
    if why ~= "" then out.complain("apply: %s", why) end
    return 2
  end
  local applied, refused, list = 0, 0, json.array {}
  local ok, code
  ok, why, code = go(made, flow, p, a, function(record, outcome)
    if outcome.ok then applied = applied + 1 else refused = refused + 1 end
    list[#list + 1] = { direction = record.direction, record = record.record, applied = outcome.ok,
                        result = outcome.result, why = outcome.text }
    if not a.json then
      out.line("%-8s %s %s%s", outcome.result or "refused", record.direction == "odoo_to_nav" and "Odoo" or "NAV",
        record.record, outcome.text and ": " .. outcome.text or "")
    end
  end)
  if not ok then
    out.complain("apply: %s", why)
    return code
  end
  if a.json then out.json { applied = applied, refused = refused, records = list }
  else out.line("%d applied, %d refused", applied, refused) end
  return refused > 0 and 3 or 0
end

return apply
