--- navodoo rollback: an older version of a flow runs again.

local control = require "cli.control"
local out = require "cli.out"

local rollback = {}

rollback.options = { state = { value = true }, json = {} }
rollback.places = 2 -- flow, hash

rollback.help = [[usage: navodoo rollback FLOW [HASH] [--state DIR] [--json]

Runs an older version of a flow, from the sources that the store keeps: the one before
the present, or the one that HASH names (the first digits are enough; see navodoo
generations). It runs until the flow's file changes again, also over a restart; status
says so. The hash of the file itself ends the going back. On a stopped engine it takes
effect at the next start.

  --state DIR   folder of the engine's store (default: ./state)
  --json        for machines

exit codes: 0 done; 1 no such version, it does not compile, no store; 2 wrong use

examples:
  navodoo rollback customer
  navodoo rollback customer 5f0c21aa]]

---@param a table
---@return integer
function rollback.run(a)
  if not a[1] then
    out.complain("rollback: which flow? As in: navodoo rollback customer")
    return 2
  end
  local result, err = control.call(a.state or "state", "rollback", { flow = a[1], hash = a[2] })
  if not result then
    out.complain("rollback: %s", err.text)
    return 1
  end
  if a.json then
    out.json(result)
  else
    out.line("flow %s %s version %s%s", result.flow, result.running and "runs" or "will run", result.hash,
             result.file and ", that of its file" or (", until %s changes"):format(result.path))
  end
  return 0
end

return rollback
