--- navodoo jobs: the durable units of work.

local control = require "cli.control"
local out = require "cli.out"

local jobs = {}

jobs.options = { state = { value = true }, flow = { value = true }, only = { value = true },
                 after = { value = true }, limit = { value = true }, json = {} }

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
    flow = a.flow, state = a.only, after = math.tointeger(tonumber(a.after or 0)),
    limit = math.tointeger(tonumber(a.limit or 100)) })
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
  end
  return 0
end

return jobs
