--- What `navodoo dead` and `navodoo review` share: the number of a job, its asking and showing.

local control = require "cli.control"
local json = require "navodoo.json"
local out = require "cli.out"

local parked = {}

--- The number that stands behind the action.
---@param a table
---@param noun string     "a job", "a review"
---@param list string     command that lists them
---@return integer|nil id
---@return table|nil err
function parked.id(a, noun, list)
  local id = a[2] and a[2]:match "^%d+$" and math.tointeger(tonumber(a[2]))
  if id then return id end
  return nil, { text = ("%s needs the number of %s%s; see navodoo %s"):format(a[1], noun,
    a[2] and (", got %q"):format(a[2]) or "", list), use = true }
end

--- Asks for a command and prints what it answers: as JSON, or by `show`.
---@param state string
---@param a table
---@param name string
---@param arguments table
---@param show fun(result: table)
---@return boolean|nil ok
---@return table|nil err
function parked.ask(state, a, name, arguments, show)
  local result, err = control.call(state, name, arguments)
  if not result then return nil, err end
  if a.json then out.json(result) else show(result) end
  return true
end

--- Prints who a record looks like.
function parked.show_candidates(list)
  for _, c in ipairs(type(list) == "table" and list or {}) do
    out.line("looks like  %s %s, confidence %s%s", c.id, c.name or "", c.confidence or "?",
             c.linked and ", linked to " .. c.linked or "")
  end
end

--- Prints what the journal has of a job's record, newest first.
function parked.show_journal(job)
  for _, j in ipairs(job.journal or {}) do
    out.line("journal   %s %s %s", out.instant(j.at), j.outcome, j.detail and json.encode(j.detail) or "")
  end
end

--- Reads FIELD=VALUE words; nil and what is wrong.
---@param a table
---@param from integer
---@return table<string, string>|nil
---@return string|nil why
function parked.words(a, from)
  local set
  for i = from, #a do
    local field, said = a[i]:match "^([%w_]+)=(.*)$"
    if not field then return nil, ("%q is not FIELD=VALUE"):format(a[i]) end
    set = set or {}
    if set[field] then return nil, field .. " is named twice" end
    set[field] = said
  end
  return set or {}
end

--- Runs the action that the first word names, and says what went wrong.
---@param name string      of the command
---@param actions table<string, fun(state: string, a: table): boolean?, table?>
---@param order string[]   their names, for the complaint
---@param takes table<string, integer>  words that each takes, its own name included
---@return integer exit code
function parked.run(name, actions, order, takes, a)
  local what = a[1] or "list"
  if not actions[what] then
    out.complain("%s: %q is none of %s%s", name, what, table.concat(order, ", "),
                 what:match "^%d+$" and ("; navodoo %s show %s?"):format(name, what) or "")
    return 2
  end
  local extra = a[takes[what] + 1]
  if extra then
    out.complain("%s: %s takes no %q%s", name, what, extra,
                 extra:match "^%d+$" and takes[what] == 1 and ("; navodoo %s show %s?"):format(name, extra) or "")
    return 2
  end
  local ok, err = actions[what](a.state or "state", a)
  if ok then return 0 end
  out.complain("%s: %s", name, err.text)
  return err.use and 2 or 1
end

return parked
