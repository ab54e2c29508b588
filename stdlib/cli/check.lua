--- navodoo check: every mistake of flows and configuration, without running anything.

local out = require "cli.out"
local project = require "cli.project"

local check = {}

check.options = { env = { value = true } }
check.places = 1

check.help = [[usage: navodoo check FLOWS [--env NAME]

Reads and compiles every flow of the folder and its navodoo.lua, and prints all
mistakes at once as file:line: what, nearest name. Asks no ERP; `run` compares field
names and types with what both systems really have before it starts.

  --env NAME   environment of navodoo.lua (default: the one it names)

exit codes: 0 no mistake; 2 mistakes, or wrong use

example:
  navodoo check flows/]]

---@param a table
---@return integer
function check.run(a)
  if not a[1] then
    out.complain("check: which folder of flows? As in: navodoo check flows/")
    return 2
  end
  local p, problems = project.load(a[1], a.env)
  if not p then
    project.complain(problems)
    return 2
  end
  for _, flow in ipairs(p.flows) do
    out.line("%s: %s, %d fields, generation %s", flow.file, flow.name, #flow.compiled.odoo_fields, flow.hash)
  end
  return 0
end

return check
