--- navodoo plan: what a flow would write, record by record, field by field. Writes a file that
-- `apply` takes, and nothing else.

local bench = require "cli.bench"
local control = require "cli.control"
local explain = require "cli.explain"
local fs = require "navodoo.fs"
local json = require "navodoo.json"
local live = require "cli.live"
local out = require "cli.out"
local planning = require "navodoo.engine.planning"
local store = require "navodoo.store"
local time = require "navodoo.time"

local plan = {}

plan.options = { key = { value = true }, out = { value = true }, json = {}, state = { value = true },
                 flows = { value = true }, env = { value = true }, pair = { value = true },
                 set = { value = true, list = true } }
plan.places = 1

plan.help = [[usage: navodoo plan FLOW [--key K] [--out FILE] [--state DIR] [--env NAME] [--json]

Tells what a run of the flow would write now, in both directions, each record with its
fields, old and new, and the reason; and which records would wait for a person. It is the
engine itself that is asked: it runs on a copy of the store (one record is read from the
store itself) and on connections that send no change, and is held before each write. An
engine may run meanwhile.

  --key K       only this record: its key in NAV, or odoo:ID
  --out FILE    write the plan to FILE, for navodoo apply
  --state DIR   folder of the engine's store (default: ./state); without one, as at first
  --flows DIR   folder of the flows when FLOW is a name (default: flows)
  --env NAME    environment of navodoo.lua
  --pair NAME   pair of companies, where navodoo.lua has several: its name, or NAV's company
  --set E.K=V   override a setting of an endpoint
  --json        print the plan as JSON

exit codes: 0 told; 1 a system does not answer; 2 mistakes in the flow, or wrong use

examples:
  navodoo plan customer --key 10000
  navodoo plan customer --out monday.plan && navodoo apply monday.plan]]

--- What a plan may only be applied to.
function plan.systems(endpoints)
  return { nav = endpoints.nav.url .. " " .. endpoints.nav.company,
           odoo = ("%s %s %s"):format(endpoints.odoo.url, endpoints.odoo.database, endpoints.odoo.company_id or "") }
end

local function remove_folder(path)
  for _, name in ipairs(fs.list(path) or {}) do os.remove(path .. "/" .. name) end
  os.remove(path)
end

--- Reads the engine's store as it is, beside its engine, for as long as `fn` runs; answers what
-- it answers. Whatever `fn` would store is left.
---@param state string
---@param fn fun(): any, table?
---@return any|nil result
---@return table|nil err
function plan.on_store(state, fn)
  if not fs.kind(state .. "/navodoo.db") then return plan.on_copy(state, fn) end
  local ok = store.open(state, "read")
  if not ok then return plan.on_copy(state, fn) end -- of an older version: its copy is brought up to date
  local apply = store.apply
  store.apply = function() return true end
  local result, err
  ok, result, err = pcall(fn)
  store.apply = apply
  store.close()
  if not ok then return nil, { text = tostring(result) } end
  return result, err
end

--- Opens a copy of the engine's store, or an empty one where there is none yet, for as long as
-- `fn` runs; answers what it answers.
---@param state string
---@param fn fun(): any, table?
---@return any|nil result
---@return table|nil err
function plan.on_copy(state, fn)
  local folder = os.tmpname()
  os.remove(folder)
  local ok, err
  if fs.kind(state .. "/navodoo.db") then ok, err = store.copy(state, folder) else ok, err = fs.make(folder) end
  if ok then ok, err = store.open(folder) end
  local result
  if ok then
    ok, result, err = pcall(fn)
    store.close()
    err = not ok and { text = tostring(result) } or err
  else
    err = { text = control.explain(err) }
  end
  remove_folder(folder)
  if err then return nil, err end
  return result
end

local function name_of(p)
  return (p.direction == "odoo_to_nav" and "Odoo " or "NAV ") .. p.record
end

local PARKED <const> = { review = "review", dead = "refuse", waiting = "wait" }

local function show(made)
  for _, p in ipairs(made.records) do
    local sure = p.confidence and (" (confidence %s)"):format(p.confidence) or ""
    out.line("%-7s %s -> %s%s", p.what, name_of(p), p.to, sure)
    local rows = {}
    for i, f in ipairs(p.fields) do
      rows[i] = { field = "  " .. f.field, old = explain.value(f.old), new = explain.value(f.new), why = f.why }
    end
    local columns = { { "field", "  field" }, { "old" }, { "new" }, { "why" } }
    if p.what == "create" then table.remove(columns, 2) end -- there is nothing old
    if #rows > 0 then out.table(columns, rows) end
    if #p.conflicts > 0 then
      out.line("  then for a person: both sides changed %s, and differently", table.concat(p.conflicts, ", "))
    end
    out.line("")
  end
  for _, p in ipairs(made.parked) do
    out.line("%-7s %s: %s", PARKED[p.state], name_of(p), p.why)
  end
  local count = { create = 0, update = 0, adopt = 0, archive = 0, block = 0 }
  for _, p in ipairs(made.records) do count[p.what] = count[p.what] + 1 end
  out.line("%s: %d to create, %d to adopt, %d to update, %d to archive or block, %d for a person", made.flow,
    count.create, count.adopt, count.update, count.archive + count.block, #made.parked)
end

local function write_file(path, made)
  local f, why = io.open(path, "wb")
  if not f then return nil, why end
  local ok
  ok, why = f:write(assert(json.encode(made)), "\n")
  local closed, late = f:close()
  if ok and closed then return true end
  return nil, why or late
end

local function make(flow, p, a)
  local pair, why = live.pair(p, a.pair)
  if not pair then return nil, why, 2 end
  local endpoints
  endpoints, why = live.endpoints(p, pair, true)
  if not endpoints then return nil, why, 2 end
  local spec = live.spec(p, flow, pair, endpoints)
  local made, err
  if a.key then
    made, err = plan.on_store(a.state or "state", function() return planning.one(spec, flow.compiled, a.key) end)
  else
    made, err = plan.on_copy(a.state or "state", function() return planning.run(spec, flow.compiled) end)
  end
  if not made then return nil, err.text, (err.class == "auth" or err.class == "config") and 2 or 1 end
  return { navodoo = "plan 1", flow = flow.name, file = flow.file, folder = p.folder, env = p.config.env,
           pair = live.pair_name(pair), hash = flow.hash, made = time.iso(time.now()),
           systems = plan.systems(endpoints),
           records = made.records, parked = made.parked }
end

---@param a table
---@return integer
function plan.run(a)
  if not a[1] then
    out.complain("plan: which flow? As in: navodoo plan customer")
    return 2
  end
  local flow, p = bench.open(a[1], a)
  if not flow then
    if p ~= "" then out.complain("plan: %s", p) end
    return 2
  end
  local made, why, code = make(flow, p, a)
  if not made then
    out.complain("plan: %s", why)
    return code
  end
  if a.out then
    local ok
    ok, why = write_file(a.out, made)
    if not ok then
      out.complain("plan: --out: %s", why)
      return 1
    end
  end
  if a.json then out.json(made) else show(made) end
  if a.out and not a.json then out.line("written to %s; navodoo apply %s sends exactly this", a.out, a.out) end
  return 0
end

return plan
