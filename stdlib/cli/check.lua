--- navodoo check: every mistake of flows and configuration, without running anything.

local check_all = require "navodoo.check".all
local out = require "cli.out"
local problem = require "navodoo.problem"
local project = require "cli.project"

local check = {}

check.options = { env = { value = true } }
check.places = 1

check.help = [[usage: navodoo check FLOWS [--env NAME]

Reads and compiles every flow of the folder and its navodoo.lua, and prints all
mistakes at once as file:line:column: what, nearest name:

  names that a flow, NAV or Odoo does not have, types and lengths that do not
  fit, against FLOWS/schema (navodoo schema pull) and what is known of NAV's
  standard pages; floats where money is; nil, null, "" and Odoo's false taken
  for each other; codes and options that nothing stands for; fields that two
  flows write; records that do not come back as they were, with the smallest
  sample

Asks no ERP; `run` compares the flows with what both systems really have before
it starts. Then it prints, for every flow, the key by which a record that was
made is found again when the answer was lost.

  --env NAME   environment of navodoo.lua (default: the one it names)

exit codes: 0 no mistake; 2 mistakes, or wrong use

example:
  navodoo check flows/]]

-- What makes a record of the other side findable.
local function keys_of(flow)
  local keys = { ("Odoo: external id navodoo.<company>_%s_<%s>"):format(flow.link.xmlid,
    table.concat(flow.nav.key, ",")) }
  local policy, last = flow.policy, flow.nav.key[#flow.nav.key]
  if type(policy.number) == "table" then
    keys[2] = ("NAV: %s = %s and the id in Odoo, %d digits"):format(last, policy.number.prefix, policy.number.digits)
  elseif policy.number then
    keys[2] = ("NAV: %s, numbered by its series"):format(policy.probe)
  end
  return table.concat(keys, "; ")
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
  for _, flow in ipairs(p.flows) do
    local compiled = flow.compiled
    out.line("%s: %s, %d fields, generation %s", flow.file, flow.name, #compiled.odoo_fields, flow.hash)
    out.line("  %s; %s", table.concat(compiled.directions, " and "), keys_of(compiled))
  end
  return 0
end

return check
