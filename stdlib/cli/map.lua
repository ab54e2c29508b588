--- navodoo map: one record through one flow, for pipes; traced field by field on demand.

local bench = require "cli.bench"
local explain = require "cli.explain"
local out = require "cli.out"
local sample = require "navodoo.sample"
local trace = require "navodoo.trace"

local map = {}

map.options = { to = { value = true, one_of = { "nav", "odoo" } }, trace = {}, json = {}, live = {},
                flows = { value = true }, env = { value = true }, set = { value = true, list = true } }
map.places = 2

map.help = [[usage: navodoo map FLOW SAMPLE [--to nav|odoo] [--trace] [--json] [--live]

Maps one record and prints the values as JSON. FLOW is a flow's name or file, SAMPLE a
file or - for standard input: a sample of flows/samples, or a record as NAV or Odoo
answers it. Writes nothing, anywhere.

  --to SIDE     map to NAV or to Odoo (default: the sample tells, or its field names)
  --trace       each field with its reason: source fields and values, every step with
                what went in and came out, why a field is left alone or refused
  --json        values, problems and, with --trace, the fields, for machines
  --live        ask the configured Odoo for the codes that lookups need; without it they
                come from the sample and from samples/lookups.json beside the flows
  --flows DIR   folder of the flows when FLOW is a name (default: flows)
  --env NAME    environment of navodoo.lua, with --live
  --set E.K=V   override a setting of an endpoint, with --live

exit codes: 0 mapped; 1 the record is refused, the problems are on stderr; 2 wrong use

examples:
  navodoo map customer flows/samples/customer/new.json
  navodoo map customer flows/samples/customer/new.json --trace
  curl -s -u user:key "$NAV/CustomerCard('10000')" | navodoo map customer - --live | jq .email]]

--- What a mapping needs of the live systems.
local function live(flow, p)
  local connection, why = require("cli.live").open(p, flow)
  if not connection then return nil, why end
  return connection:lookups()
end

---@param a table
---@return integer
function map.run(a)
  if not a[1] or not a[2] then
    out.complain("map: which flow and which sample? As in: navodoo map customer flows/samples/customer/new.json")
    return 2
  end
  local flow, p = bench.open(a[1], a)
  local why = not flow and p or nil
  local s
  if flow then s, why = bench.sample(flow, a[2], sample.towards(a.to)) end
  local lookups
  if s then
    if a.live then lookups, why = live(flow, p) else lookups, why = bench.sample_lookups(p.folder) end
  end
  if not lookups then
    if why ~= "" then out.complain("map: %s", why) end
    return 2
  end
  local t = trace.run(flow.compiled, s.direction, s.record, sample.context(s, lookups))
  if a.json then
    local data = explain.data(t)
    if not a.trace then data.fields = nil end
    out.json(data)
  elseif a.trace then
    explain.print(t, flow.compiled)
  elseif not t.error then
    out.json(t.values)
  end
  if t.error then
    out.complain("map: %s:%s: %s", t.error.file or flow.file, t.error.line or "?", t.error.text)
    return 1
  end
  for _, problem in ipairs(t.problems) do
    if not a.json and not a.trace then out.complain("map: %s", explain.problem(problem, flow.file)) end
  end
  return #t.problems > 0 and 1 or 0
end

return map
