--- navodoo jobs: the durable units of work.

local control = require "cli.control"
local out = require "cli.out"

local jobs = {}

jobs.options = { state = { value = true }, flow = { value = true },
                 only = { value = true, one_of = { "ready", "waiting", "review", "dead" } },
                 after = { value = true, whole = true }, limit = { value = true, whole = true }, json = {} }
jobs.places = 0

jobs.help = [[usage: navodoo jobs [--flow NAME] [--only STATE] [--after ID] [--limit N] [--state DIR] [--json]

Lists unfinished jobs: ready, waiting, review, dead. A finished job leaves only its
row in the journal.

  --flow NAME    of one flow only
  --only STATE   ready, waiting, review or dead
  --after ID     go on after this job
  --limit N      at most N (default 100)
  --state DIR    folder of the engine's store (default: ./state)
  --json         for machines

examples:
  navodoo jobs --only review
  navodoo jobs --flow customer --json]]

---@param a table
---@return integer
function jobs.run(a)
  local result, err = control.call(a.state or "state", "jobs", {
    flow = a.flow, state = a.only, after = a.after or 0, limit = a.limit or 100 })
  if not result then
    out.complain("jobs: %s", err.text)
    return 1
  end
  if a.json then
    out.json(result)
  elseif #result.jobs == 0 then
    out.line("no jobs")
  else
    out.table({ { "id" }, { "flow" }, { "record" }, { "state" }, { "attempts", "tries" }, { "due" },
                { "why" } }, result.jobs)
    out.more(result.jobs, a.limit or 100)
  end
  return 0
end

return jobs
