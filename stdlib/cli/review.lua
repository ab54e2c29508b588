--- navodoo review: what waits for a person, and the person's word on it.

local control = require "cli.control"
local json = require "navodoo.json"
local out = require "cli.out"

local review = {}

review.options = { state = { value = true }, flow = { value = true }, after = { value = true, whole = true },
                   limit = { value = true, whole = true }, json = {} }
review.places = 40 -- what, of which review, and fields

review.help = [[usage: navodoo review [list] [--flow NAME] [--after ID] [--limit N]
       navodoo review show ID
       navodoo review take ID nav | odoo | FIELD=nav|odoo|VALUE ...
       navodoo review link ID KEY
       navodoo review separate ID

A review waits for a person: both sides changed one thing differently, two records
look alike and may be one, or a record keeps changing hands. Nothing of what it is
about is written until somebody decides; the rest of the record goes on.

  take ID nav          NAV's values are right: they are written into Odoo
  take ID odoo         Odoo's values are right: they are written into NAV
  take ID FIELD=nav    for one field only, as in Phone_No=odoo
  take ID FIELD=VALUE  neither is: this value, in NAV's words, goes to both
  link ID KEY          the two are one: KEY is the record on the other side, the id in
                       Odoo or the number in NAV
  separate ID          the two are not one: the new record is created

A side that changed again since the review was made is asked about anew.

  --flow NAME   of one flow only
  --after ID    go on after this review
  --limit N     at most N (default 100)
  --state DIR   folder of the engine's store (default: ./state)
  --json        for machines

exit codes: 0 done; 1 no such review, no store; 2 wrong use

examples:
  navodoo review
  navodoo review show 17
  navodoo review take 17 odoo
  navodoo review take 17 Phone_No=nav Name="Nordlicht Handel GmbH"
  navodoo review link 21 4711]]

local function value(v)
  if v == nil or v == false or v == json.null then return "" end
  if type(v) == "string" then return v end
  return json.encode(v)
end

--- One line for each field that a conflict is about.
local function rows_of(conflict)
  local rows, nav, odoo = {}, conflict.nav_fields or {}, conflict.odoo_fields or {}
  for i = 1, math.max(#nav, #odoo) do
    rows[i] = { field = nav[i] or "", odoo_field = odoo[i] or "",
                base = value((conflict.base_nav or {})[nav[i]]),
                nav = value((conflict.nav or {})[nav[i]]), odoo = value((conflict.odoo or {})[odoo[i]]) }
  end
  return rows
end

local function show(job)
  local e = type(job.error) == "table" and job.error or { text = job.error }
  out.line("review %d: %s", job.id, job.record)
  out.line("flow      %s (%s), since %s", job.flow, job.direction, out.instant(job.created))
  if e.nav then out.line("link      %s, Odoo %s", e.nav, e.odoo or "?") end
  out.line("why       %s", e.text or "")
  local rows = {}
  for _, c in ipairs(e.conflicts or {}) do table.move(rows_of(c), 1, #rows_of(c), #rows + 1, rows) end
  if #rows > 0 then
    out.line("")
    out.table({ { "field" }, { "base", "last in step" }, { "nav", "NAV" }, { "odoo", "Odoo" },
                { "odoo_field", "in Odoo" } }, rows)
    out.line("")
  end
  for _, c in ipairs(e.candidates or {}) do
    out.line("looks like  %s %s, confidence %s%s", c.id, c.name, c.confidence or "?",
             c.linked and ", linked to " .. c.linked or "")
  end
  if e.way_out then out.line("way out   %s", e.way_out) end
  for _, j in ipairs(job.journal or {}) do
    out.line("journal   %s %s %s", out.instant(j.at), j.outcome, j.detail and json.encode(j.detail) or "")
  end
end

--- The number that stands behind the action.
local function id_of(a)
  local id = a[2] and a[2]:match "^%d+$" and math.tointeger(tonumber(a[2]))
  if id then return id end
  return nil, { text = ("%s needs the number of a review%s; see navodoo review"):format(a[1],
    a[2] and (", got %q"):format(a[2]) or ""), use = true }
end

local actions = {}

function actions.list(state, a)
  local result, err = control.call(state, "jobs", { flow = a.flow, state = "review", after = a.after or 0,
                                                    limit = a.limit or 100 })
  if not result then return nil, err end
  if a.json then out.json(result)
  elseif #result.jobs == 0 then out.line("nothing to review")
  else
    out.table({ { "id" }, { "flow" }, { "record" }, { "why" } }, result.jobs)
    out.more(result.jobs, a.limit or 100)
  end
  return true
end

function actions.show(state, a)
  local id, err = id_of(a)
  if not id then return nil, err end
  local result
  result, err = control.call(state, "job", { id = id })
  if not result then return nil, err end
  if a.json then out.json(result) else show(result.job) end
  return true
end

--- Reads "nav", "odoo" and FIELD=VALUE; nil and what is wrong.
local function words_of(a)
  local winner, set = nil, nil
  for i = 3, #a do
    local field, text = a[i]:match "^([%w_]+)=(.*)$"
    if a[i] == "nav" or a[i] == "odoo" then
      if winner then return nil, "nav or odoo, once" end
      winner = a[i]
    elseif field then
      set = set or {}
      if set[field] then return nil, field .. " is named twice" end
      set[field] = text
    else
      return nil, ("%q is neither nav, odoo nor FIELD=VALUE"):format(a[i])
    end
  end
  if not winner and not set then return nil, "take needs nav, odoo or FIELD=VALUE" end
  return { winner = winner, set = set }
end

function actions.take(state, a)
  local id, err = id_of(a)
  if not id then return nil, err end
  local words, wrong = words_of(a)
  if not words then return nil, { text = wrong, use = true } end
  words.id = id
  local result
  result, err = control.call(state, "take", words)
  if not result then return nil, err end
  if a.json then out.json(result)
  else
    out.line("%s: %d decided%s", result.record, result.decided,
             result.open > 0 and (", %d left to decide"):format(result.open) or "")
  end
  return true
end

function actions.link(state, a)
  local id, err = id_of(a)
  if not id then return nil, err end
  if not a[3] then return nil, { text = "link needs the record on the other side", use = true } end
  local result
  result, err = control.call(state, "link", { id = id, to = a[3] })
  if not result then return nil, err end
  if a.json then out.json(result) else out.line("%s is linked to %s when its job runs", result.record, a[3]) end
  return true
end

function actions.separate(state, a)
  local id, err = id_of(a)
  if not id then return nil, err end
  local result
  result, err = control.call(state, "separate", { id = id })
  if not result then return nil, err end
  if a.json then out.json(result) else out.line("%s becomes a record of its own", result.record) end
  return true
end

--- Words that each action takes, its own name included.
local TAKES <const> = { list = 1, show = 2, take = 40, link = 3, separate = 2 }

---@param a table
---@return integer
function review.run(a)
  local name = a[1] or "list"
  local action = actions[name]
  if not action then
    out.complain("review: %q is none of list, show, take, link, separate%s", name,
                 name:match "^%d+$" and ("; navodoo review show %s?"):format(name) or "")
    return 2
  end
  if #a > TAKES[name] then
    out.complain("review: %s takes no %q", name, a[TAKES[name] + 1])
    return 2
  end
  local ok, err = action(a.state or "state", a)
  if ok then return 0 end
  out.complain("review: %s", err.text)
  return err.use and 2 or 1
end

return review
