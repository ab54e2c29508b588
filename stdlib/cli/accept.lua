--- navodoo accept: a person says that a changed system is the right one.

local control = require "cli.control"
local out = require "cli.out"

local accept = {}

accept.options = { state = { value = true }, json = {} }
accept.places = 1

accept.help = [[usage: navodoo accept ENDPOINT [--state DIR] [--json]

A flow stops when a system is not the one that its links were made with: a cloned Odoo
(its database.uuid is another one), a NAV or an Odoo that was restored from a backup (the
records that were written last are older, or gone), or another pair of companies. status
says which, what was expected and what was found. This says that what is there now is
right: what was known is forgotten, and the flows go on.

After a restore the flows see what changed since as news: look at navodoo links and take a
backup of the engine's folder first. A copy for testing gets a folder of its own (--state).

  ENDPOINT      nav or odoo
  --state DIR   folder of the engine's store (default: ./state)
  --json        for machines

exit codes: 0 done; 1 no store, or its engine does not answer; 2 wrong use

example:
  navodoo accept odoo]]

---@param a table
---@return integer
function accept.run(a)
  if a[1] ~= "nav" and a[1] ~= "odoo" then
    out.complain("accept: which endpoint, nav or odoo?%s", a[1] and (" got %q"):format(a[1]) or "")
    return 2
  end
  local result, err = control.call(a.state or "state", "accept", { endpoint = a[1] })
  if not result then
    out.complain("accept: %s", err.text)
    return 1
  end
  if a.json then
    out.json(result)
  else
    out.line("%s is taken as it is now%s", a[1], result.restarted > 0 and
             ("; %d %s"):format(result.restarted, result.restarted == 1 and "flow goes on" or "flows go on") or "")
  end
  return 0
end

return accept
