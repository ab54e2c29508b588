--- Pairs of companies: which company of NAV is which company of Odoo.
--
--     companies = {
--       { nav = "CRONUS International Ltd.", odoo = 1 },
--       { name = "ag", nav = "CRONUS AG", odoo = 2 },
--     }
--
-- Every flow runs once for each pair, and is known in the store as "<flow>@<name>". One
-- pair may have no name: its flows keep their plain names, so a second company is added to
-- a running installation without losing a link. The name is what links and cursors are
-- found by: the company behind it is written down and may not be exchanged.
--
-- With several pairs a record that is made in Odoo belongs to the pair's company
-- (`company_id`), so two NAV customers of two companies are two partners, each with the
-- external id of its own. A partner that is shared (no company) is adopted by the first
-- that claims it; the second goes to review, because one record cannot have two owners.

local problem = require "navodoo.problem"

local companies = {}

---@class navodoo.Pair
---@field name string?   nil: its flows keep their plain names
---@field nav string?    NAV company; nil: the endpoint's
---@field odoo integer?  id of the Odoo company; nil: the endpoint's

local KEYS <const> = { "name", "nav", "odoo" }
local EXAMPLE <const> = 'companies = { { nav = "CRONUS International Ltd.", odoo = 1 }, '
  .. '{ name = "ag", nav = "CRONUS AG", odoo = 2 } }'

-- One pair, or nil when something is wrong with it, which is noted.
local function read_pair(note, here, given)
  if type(given) ~= "table" then
    return note(here, ("%s must be a table, got %s; as in %s"):format(here, problem.a(given), EXAMPLE))
  end
  for _, key in ipairs(problem.names(given)) do
    if key ~= "name" and key ~= "nav" and key ~= "odoo" then
      return note(here .. "." .. key, ("unknown key in %s: %q"):format(here, key), problem.near(key, KEYS))
    end
  end
  local name, nav, odoo = given.name, given.nav, given.odoo
  if type(nav) ~= "string" or nav == "" then
    return note(here, ("%s: nav is the name of a company of NAV"):format(here))
  elseif odoo ~= nil and (math.type(odoo) ~= "integer" or odoo < 1) then
    return note(here .. ".odoo", ("%s: odoo is the id of a company of Odoo (res.company), got %s"):format(
      here, problem.a(odoo)))
  elseif name ~= nil and (type(name) ~= "string" or not name:find "^[a-z][a-z0-9_]*$" or #name > 20) then
    return note(here .. ".name", ("%s: name is short: lower-case letters, digits and _"):format(here))
  end
  return { name = name, nav = nav, odoo = odoo }
end

--- Reads `companies`; notes what is wrong with it.
---@param note fun(path: string, text: string, near: string?)
---@param path string
---@param given any
---@return navodoo.Pair[]
function companies.read(note, path, given)
  if type(given) ~= "table" or #given == 0 then
    note(path, ("%s is a list of pairs, as in %s"):format(path, EXAMPLE))
    return {}
  end
  local list, names, navs = {}, {}, {}
  for i = 1, #given do
    local here = path .. "." .. i
    local pair = read_pair(note, here, given[i])
    if pair then
      local name = pair.name or ""
      if names[name] then
        note(here, pair.name and ("%s: there is a pair named %s already"):format(here, name)
          or ("%s: only one pair may have no name: it names its flows in the store"):format(here))
      end
      if navs[pair.nav] then
        note(here, ("%s: %s is in another pair: a record of NAV would have two owners"):format(here, pair.nav))
      end
      names[name], navs[pair.nav] = true, true
      list[#list + 1] = pair
    end
  end
  return list
end

--- Name of a flow in the store, for one pair.
---@param flow string
---@param pair navodoo.Pair
---@return string
function companies.instance(flow, pair)
  return pair.name and flow .. "@" .. pair.name or flow
end

--- The same pair's name of another flow: "contact" beside "customer@ag" is "contact@ag".
---@param instance string  of a flow
---@param flow string      declared name of the other
---@return string
function companies.beside(instance, flow)
  return flow .. (instance:match "@.*$" or "")
end

return companies
