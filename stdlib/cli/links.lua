--- navodoo links: which NAV record is which Odoo record.

local control = require "cli.control"
local out = require "cli.out"

local links = {}

links.options = { state = { value = true }, flow = { value = true }, nav = { value = true },
                  odoo = { value = true, whole = true }, after = { value = true, whole = true },
                  limit = { value = true, whole = true }, json = {} }
links.places = 0

links.help = [[usage: navodoo links [--flow NAME] [--nav KEY | --odoo ID] [--after ID] [--limit N] [--json]

Lists the links, or finds one by either side. --json adds the base: the values of
both sides as they were last in step.

  --flow NAME   of one flow only
  --nav KEY     company and key, as in "CRONUS International Ltd./C00010"
  --odoo ID     database id in Odoo
  --after ID    go on after this link
  --limit N     at most N (default 100)
  --state DIR   folder of the engine's store (default: ./state)

examples:
  navodoo links --flow customer --odoo 42
  navodoo links --json --limit 1000]]

---@param a table
---@return integer
function links.run(a)
  if (a.nav or a.odoo) and not a.flow then
    out.complain("links: --nav and --odoo look in one flow: add --flow NAME")
    return 2
  end
  if a.nav and a.odoo then
    out.complain("links: --nav or --odoo, not both")
    return 2
  end
  local result, err = control.call(a.state or "state", "links", {
    flow = a.flow, nav = a.nav, odoo = a.odoo and tostring(a.odoo), after = a.after or 0,
    limit = a.limit or 100 })
  if not result then
    out.complain("links: %s", err.text)
    return 1
  end
  if a.json then
    out.json(result)
  elseif #result.links == 0 then
    out.line(a.nav and not a.nav:find("/", 1, true) and
      "no links; --nav takes company and key, as in \"CRONUS International Ltd./C00010\"" or "no links")
  else
    out.table({ { "id" }, { "flow" }, { "nav" }, { "odoo" }, { "xmlid", "external id" }, { "updated" } },
              result.links)
    if not (a.nav or a.odoo) then out.more(result.links, a.limit or 100) end
  end
  return 0
end

return links
