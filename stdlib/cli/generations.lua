--- navodoo generations: the versions of the flows, and which of them runs.

local control = require "cli.control"
local out = require "cli.out"

local generations = {}

generations.options = { state = { value = true }, flow = { value = true }, json = {} }
generations.places = 0

generations.help = [[usage: navodoo generations [--flow NAME] [--state DIR] [--json]

Lists the versions of each flow that the store keeps, the newest first: its hash, since
when and by what it ran last (start, file, endpoints, rollback), whether it runs, and how
many jobs it has begun to write and not finished. Such a job is pinned: it is finished
by the version that began it. A version is kept while a job or the journal refers to it.

  running   takes the jobs of its flow
  old       finishes what it began
  stored    can be gone back to with navodoo rollback
  new       has not run yet

  --flow NAME   of one flow only
  --state DIR   folder of the engine's store (default: ./state)
  --json        for machines

exit codes: 0 told; 1 no store, or its engine does not answer; 2 wrong use

examples:
  navodoo generations
  navodoo generations --flow customer --json]]

---@param a table
---@return integer
function generations.run(a)
  local result, err = control.call(a.state or "state", "generations", { flow = a.flow })
  if not result then
    out.complain("generations: %s", err.text)
    return 1
  end
  if a.json then
    out.json(result)
  elseif #result.generations == 0 then
    out.line("no versions")
  else
    out.table({ { "flow" }, { "hash" }, { "since" }, { "cause", "by" }, { "state" }, { "pinned", "jobs pinned" },
                { "file" } }, result.generations)
  end
  return 0
end

return generations
