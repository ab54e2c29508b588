--- navodoo dead: dead letters and reviews, explained; sent again or dropped.

local control = require "cli.control"
local json = require "navodoo.json"
local out = require "cli.out"

local dead = {}

dead.options = { state = { value = true }, flow = { value = true }, group = { value = true }, all = {},
                 after = { value = true, whole = true }, limit = { value = true, whole = true }, json = {} }
dead.places = 2 -- what, and of which job

dead.help = [[usage: navodoo dead [list] [--flow NAME] [--group G] [--after ID] [--limit N]
       navodoo dead groups [--flow NAME]
       navodoo dead show ID
       navodoo dead retry ID | --group G | --all [--flow NAME]
       navodoo dead drop ID

A dead letter is a job given up, kept whole: it names the record, the field, the
value, the rule or the ERP's own words, and the way out. A review waits for a
person's decision. Those of one cause form a group. What is dropped comes back only
with the next change of its record.

  --flow NAME   of one flow only
  --group G     all of one cause, by the group shown in the list
  --all         all of them
  --after ID    go on after this job
  --limit N     at most N (default 100)
  --state DIR   folder of the engine's store (default: ./state)
  --json        for machines

exit codes: 0 done; 1 no such job, no store; 2 wrong use

examples:
  navodoo dead
  navodoo dead groups
  navodoo dead show 17
  navodoo dead retry --group 5f0c21aa90de]]

local function show(job)
  out.line("job %d: %s, %s", job.id, job.state, job.record)
  out.line("flow      %s (%s), attempts %d, since %s", job.flow, job.direction, job.attempts, out.instant(job.created))
  out.line("group     %s", job.group or "none")
  local e = job.error or {}
  if type(e) ~= "table" then e = { text = e } end
  for _, p in ipairs(e.problems or { e }) do
    out.line("")
    if p.text then out.line("why       %s", p.text) end
    if p.field then out.line("field     %s", p.field) end
    if p.value ~= nil then out.line("value     %s", json.encode(p.value)) end
    if p.rule then out.line("rule      %s", p.rule) end
    if p.code then out.line("code      %s", p.code) end
    if p.file then out.line("place     %s%s", p.file, p.line and ":" .. p.line or "") end
    for _, c in ipairs(type(p.candidates) == "table" and p.candidates or {}) do
      out.line("looks like  %s %s, confidence %s%s", c.id, c.name, c.confidence or "?",
               c.linked and ", linked to " .. c.linked or "")
    end
    if p.way_out then out.line("way out   %s", p.way_out) end
  end
  out.line("")
  out.line("payload   %s", json.encode(job.payload))
  for _, j in ipairs(job.journal) do
    out.line("journal   %s %s %s", out.instant(j.at), j.outcome, j.detail and json.encode(j.detail) or "")
  end
end

local actions = {}

function actions.list(state, a)
  local result, err = control.call(state, "dead", {
    flow = a.flow, group = a.group, after = a.after or 0, limit = a.limit or 100 })
  if not result then return nil, err end
  if a.json then out.json(result)
  elseif #result.jobs == 0 then out.line("no dead letters, no reviews")
  else
    out.table({ { "id" }, { "state" }, { "flow" }, { "record" }, { "group" }, { "why" } }, result.jobs)
    out.more(result.jobs, a.limit or 100)
  end
  return true
end

function actions.groups(state, a)
  local result, err = control.call(state, "groups", { flow = a.flow })
  if not result then return nil, err end
  if a.json then out.json(result)
  elseif #result.groups == 0 then out.line("no dead letters, no reviews")
  else
    out.table({ { "group" }, { "count" }, { "flow" }, { "oldest", "oldest id" }, { "why", "why, of the oldest" } },
              result.groups)
  end
  return true
end

--- The number of a job that stands behind the action.
local function job_id(a)
  local id = a[2] and a[2]:match "^%d+$" and math.tointeger(tonumber(a[2]))
  if id then return id end
  return nil, { text = ("%s needs the number of a job%s; see navodoo dead"):format(a[1],
    a[2] and (", got %q"):format(a[2]) or ""), use = true }
end

function actions.show(state, a)
  local id, err = job_id(a)
  if not id then return nil, err end
  local result
  result, err = control.call(state, "job", { id = id })
  if not result then return nil, err end
  if a.json then out.json(result) else show(result.job) end
  return true
end

function actions.retry(state, a)
  local which = (a[2] and 1 or 0) + (a.group and 1 or 0) + (a.all and 1 or 0)
  if which ~= 1 then
    return nil, { text = ("retry needs %sthe number of a job, --group or --all"):format(
      which > 1 and "one of " or ""), use = true }
  end
  local id, result, err
  if a[2] then
    id, err = job_id(a)
    if not id then return nil, err end
  end
  result, err = control.call(state, "retry", { id = id, group = a.group, all = a.all, flow = a.flow })
  if not result then return nil, err end
  if a.json then out.json(result) else out.line("%d ready to be tried again", result.retried) end
  return true
end

function actions.drop(state, a)
  local id, err = job_id(a)
  if not id then return nil, err end
  local result
  result, err = control.call(state, "drop", { id = id })
  if not result then return nil, err end
  if a.json then out.json(result) else out.line("job %d (%s) dropped", result.dropped, result.record) end
  return true
end

---@param a table
---@return integer
function dead.run(a)
  local action = actions[a[1] or "list"]
  if not action then
    out.complain("dead: %q is none of list, groups, show, retry, drop%s", a[1],
                 a[1]:match "^%d+$" and ("; navodoo dead show %s?"):format(a[1]) or "")
    return 2
  end
  if a[2] and (action == actions.list or action == actions.groups) then
    out.complain("dead: %s takes no argument, got %q; navodoo dead show %s?", a[1], a[2], a[2])
    return 2
  end
  local ok, err = action(a.state or "state", a)
  if ok then return 0 end
  out.complain("dead: %s", err.text)
  return err.use and 2 or 1
end

return dead
