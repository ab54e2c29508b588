--- navodoo review: what waits for a person, and the person's word on it.

local json = require "navodoo.json"
local out = require "cli.out"
local parked = require "cli.parked"
local problem = require "navodoo.problem"

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
  separate ID          the two are not one: the new record is created, and a
                       review of the other side about these two alone ends, too

A record that is gone from one side has three ways out: link ID KEY names the record
there that takes its place, separate ID forgets the link and lets what is left begin
anew as the flow says, and navodoo dead drop ID leaves it as it is.

A side that changed again since the review was made is asked about anew. A value that
NAV or a rule of the flow does not take is refused at once; should NAV find out later,
the review comes back with what was said and NAV's words.

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
  out.line("review %d: %s", job.id, job.name)
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
  parked.show_candidates(e.candidates)
  for _, field in ipairs(e.refused and problem.names(e.refused.set) or {}) do
    out.line("said      %s=%s", field, e.refused.set[field])
  end
  if e.refused then out.line("refused   %s", e.refused.text) end
  if e.way_out then out.line("way out   %s", e.way_out) end
  parked.show_journal(job)
end

local function id_of(a) return parked.id(a, "a review", "review") end

local actions = {}

function actions.list(state, a)
  return parked.ask(state, a, "jobs", { flow = a.flow, state = "review", after = a.after or 0, limit = a.limit or 100 },
    function(result)
      if #result.jobs == 0 then return out.line("nothing to review") end
      out.table({ { "id" }, { "flow" }, { "name", "record" }, { "why" } }, result.jobs)
      out.more(result.jobs, a.limit or 100)
    end)
end

function actions.show(state, a)
  local id, err = id_of(a)
  if not id then return nil, err end
  return parked.ask(state, a, "job", { id = id }, function(result) show(result.job) end)
end

--- Reads "nav", "odoo" and FIELD=VALUE; nil and what is wrong.
local function words_of(a)
  local winner, rest = nil, { a[1], a[2] }
  for i = 3, #a do
    if a[i] == "nav" or a[i] == "odoo" then
      if winner then return nil, "nav or odoo, once" end
      winner = a[i]
    else
      rest[#rest + 1] = a[i]
    end
  end
  local set, why = parked.words(rest, 3)
  if not set then return nil, (why:gsub("is not FIELD", "is neither nav, odoo nor FIELD")) end
  if not winner and not next(set) then return nil, "take needs nav, odoo or FIELD=VALUE" end
  return { winner = winner, set = next(set) and set or nil }
end

function actions.take(state, a)
  local id, err = id_of(a)
  if not id then return nil, err end
  local words, wrong = words_of(a)
  if not words then return nil, { text = wrong, use = true } end
  words.id = id
  return parked.ask(state, a, "take", words, function(result)
    out.line("%s: %d decided%s", result.record, result.decided,
             result.open > 0 and (", %d left to decide"):format(result.open) or "")
  end)
end

function actions.link(state, a)
  local id, err = id_of(a)
  if not id then return nil, err end
  if not a[3] then return nil, { text = "link needs the record on the other side", use = true } end
  return parked.ask(state, a, "link", { id = id, to = a[3] }, function(result) out.line("%s", result.text) end)
end

function actions.separate(state, a)
  local id, err = id_of(a)
  if not id then return nil, err end
  return parked.ask(state, a, "separate", { id = id }, function(result) out.line("%s", result.text) end)
end

local ORDER <const> = { "list", "show", "take", "link", "separate" }
--- Words that each action takes, its own name included.
local TAKES <const> = { list = 1, show = 2, take = 40, link = 3, separate = 2 }

---@param a table
---@return integer
function review.run(a) return parked.run("review", actions, ORDER, TAKES, a) end

return review
