--- navodoo check: every mistake of flows and configuration, without running anything.

local check_all = require "navodoo.check".all
local json = require "navodoo.json"
local out = require "cli.out"
local problem = require "navodoo.problem"
local project = require "cli.project"
local proof = require "navodoo.proof"

local check = {}

check.options = { env = { value = true }, keys = {}, json = {} }
check.places = 1

check.help = [[usage: navodoo check FLOWS [--env NAME] [--keys] [--json]

Reads and compiles every flow of the folder and its navodoo.lua, and prints all
mistakes at once as file:line:column: what, nearest name:

  names that a flow, NAV or Odoo does not have, types and lengths that do not
  fit, against FLOWS/schema (navodoo schema pull) and what is known of NAV's
  standard pages; floats where money is; nil, null, "" and Odoo's false taken
  for each other; codes and options that nothing stands for; fields that two
  flows write; records that do not come back as they were, with the smallest
  sample

Asks no ERP; `run` compares the flows with what both systems really have before
it starts.

  --env NAME   environment of navodoo.lua (default: the one it names)
  --keys       every write of every flow: the key that stands in the record, what
               enforces it or how it is searched, the call by which the engine asks
               for it after a lost answer, the name of the effect in the store, and
               how long a lost write may still land
  --json       the keys as JSON

exit codes: 0 no mistake; 2 mistakes, or wrong use

examples:
  navodoo check flows/
  navodoo check flows/ --keys
  navodoo check flows/ --keys --json | jq '.keys[] | select(.enforced | not)']]

local FIELDS <const> = { "flow", "direction", "step", "target", "key", "enforced", "by", "probe", "idempotency",
                         "settle_ms", "lost" }

-- One write, as a person reads it.
local function show(row)
  out.line("  %-12s %-8s %s", row.direction, row.step, row.target)
  out.line("    key       %s", row.key)
  out.line("    %s  %s", row.enforced and "enforced" or "searched", row.by)
  if row.probe then out.line("    probe     %s", row.probe) end
  out.line("    effect    %s", row.idempotency)
  out.line("    settle    %d s; a lost answer: %s", row.settle_ms // 1000, row.lost)
end

local function print_keys(p, as_json)
  local list = json.array {}
  for _, flow in ipairs(p.flows) do
    local rows = proof.of(flow.compiled, p.endpoints)
    if not as_json then out.line("%s: %s", flow.file, flow.name) end
    for _, row in ipairs(rows) do
      list[#list + 1] = json.object(FIELDS, row)
      if not as_json then show(row) end
    end
  end
  if as_json then out.json { keys = list } end
  return 0
end

---@param a table
---@return integer
function check.run(a)
  if not a[1] then
    out.complain("check: which folder of flows? As in: navodoo check flows/")
    return 2
  end
  local p, problems = project.load(a[1], a.env)
  if p then
    local flows, sources = {}, {}
    for i, flow in ipairs(p.flows) do flows[i], sources[flow.file] = flow.compiled, flow.source end
    problems = problem.sort(check_all { flows = flows, sources = sources, schemas = p.schemas })
  end
  if #problems > 0 then
    project.complain(problems)
    return 2
  end
  if a.keys or a.json then return print_keys(p, a.json) end
  for _, flow in ipairs(p.flows) do
    local compiled = flow.compiled
    out.line("%s: %s, %d fields, generation %s", flow.file, flow.name, #compiled.odoo_fields, flow.hash)
    out.line("  %s; new records are found by", table.concat(compiled.directions, " and "))
    for _, row in ipairs(proof.of(compiled, p.endpoints)) do
      if row.step == "create" then out.line("    %s: %s", row.target, row.key) end
    end
  end
  return 0
end

return check
