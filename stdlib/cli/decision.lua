--- What a person decides about a review, written into the store.
--
-- A conflict is decided by changing the base of the link: the side that loses is taken for
-- seen, as it was shown, so that only the winner's change is left to travel. Should the
-- loser have moved since, that is a new change, and a new conflict. A value that a person
-- dictates goes to NAV and from there to Odoo. Routes of cli/commands.lua.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"

local decision = {}

--- The review with this number, and what it is about.
local function review_of(id, rules)
  local rows, err = store.query("job", id)
  if not rows then return nil, err end
  local job = rows[1]
  if not job then return nil, { text = ("there is no job %d; see navodoo review"):format(id) } end
  if job.state ~= "review" then
    return nil, { text = ("job %d is %s; only a review can be decided"):format(id, job.state) }
  end
  local about = json.decode(job.error or "") or {}
  if rules[about.rule] then return job, about end
  if about.rule == "adopt" then
    return nil, { text = ("review %d is about two records that look alike: navodoo review link %d KEY, or "
      .. "navodoo review separate %d"):format(id, id, id) }
  end
  if about.rule == "conflict" or about.rule == "restless" then
    return nil, { text = ("review %d is about values: navodoo review take %d nav, odoo or FIELD=VALUE"):format(id, id) }
  end
  return nil, { text = ("review %d cannot be decided here: %s"):format(id,
    about.way_out or about.text or "see navodoo dead show") }
end

local function holds(list, name)
  for _, v in ipairs(list or {}) do
    if v == name then return true end
  end
  return false
end

--- Who wins a conflict: "nav", "odoo", "value" with the field and its text, or nil.
local function verdict_on(conflict, a)
  for field, word in pairs(a.set or {}) do -- a conflict takes one answer; two are refused before
    if holds(conflict.nav_fields, field) or holds(conflict.odoo_fields, field) then
      if word == "nav" or word == "odoo" then return word end
      return "value", field, word
    end
  end
  return a.winner
end

local function known(values, fields)
  for _, field in ipairs(fields) do
    if values[field] == nil then return false end
  end
  return true
end

--- Changes the base so that only `winner`'s change is left.
local function let_win(it, conflict, winner)
  local loser = winner == "nav" and "odoo" or "nav"
  for _, field in ipairs(conflict[loser .. "_fields"]) do it[loser][field] = conflict[loser][field] end
  local fields = conflict[winner .. "_fields"]
  local still = known(it[winner], fields) and base.changed(it[winner], conflict[winner], fields)
  if not still then
    for _, field in ipairs(fields) do it[winner][field] = base.NOT_KNOWN end
  end
end

local function unknown_fields(about, a)
  local names = {}
  for field in pairs(a.set or {}) do names[#names + 1] = field end
  table.sort(names)
  for _, field in ipairs(names) do
    local found, choices = false, {}
    for _, c in ipairs(about.conflicts) do
      found = found or holds(c.nav_fields, field) or holds(c.odoo_fields, field)
      choices[#choices + 1] = table.concat(c.nav_fields, ", ")
    end
    if not found then
      return ("the review has no field %s; there are %s"):format(field, table.concat(choices, ", "))
    end
  end
end

--- Decides a conflict. Arguments: id, and winner ("nav", "odoo") or set (field -> "nav",
-- "odoo" or a text).
function decision.take(a)
  local job, about = review_of(a.id, { conflict = true, restless = true })
  if not job then return nil, about end
  local problem = unknown_fields(about, a)
  if problem then return nil, { text = problem } end
  local links, err = store.query("links_by_nav", job.flow, assert(json.encode(json.array { about.nav })))
  if not links then return nil, err end
  local link = links[1]
  if not link then return nil, { text = ("%s is no longer linked; drop the review"):format(about.nav) } end
  local it, forth, back, set, open = base.read(link) or { nav = {}, odoo = {} }, false, false, nil, 0
  local lost = json.array {}
  for _, c in ipairs(about.conflicts) do
    local winner, field, text = verdict_on(c, a)
    if winner == "value" then
      if not holds(c.nav_fields, field) then
        return nil, { text = ("say it in NAV's words: %s=%s"):format(c.nav_fields[1], text) }
      end
      for _, name in ipairs(c.odoo_fields) do it.odoo[name] = c.odoo[name] end
      set = set or {}
      set[field] = text
    elseif winner then
      forth, back = forth or winner == "nav", back or winner == "odoo"
      let_win(it, c, winner)
    else
      open = open + 1
    end
    if winner then lost[#lost + 1] = { nav = c.nav, odoo = c.odoo, winner = winner } end
  end
  if #lost == 0 then return nil, { text = "nothing is decided; say nav, odoo or FIELD=VALUE" } end
  local now = time.now()
  local nav_text = assert(json.canonical(json.object({}, it.nav)))
  local odoo_text = assert(json.canonical(json.object({}, it.odoo)))
  local ops = {
    { "job_drop", job.id }, { "effects_drop", job.id },
    { "link_put", job.flow, link.nav, link.odoo, link.xmlid, crypto.hash(nav_text), link.nav_version,
      link.odoo_version, crypto.hash(odoo_text), base.pack(nav_text, odoo_text), now },
    { "journal_add", now, job.flow, job.direction, job.record, job.id, "decided",
      assert(json.encode { decided = lost }), nil } }
  if forth or open > 0 then
    ops[#ops + 1] = { "job_put", job.flow, "nav_to_odoo", link.nav, now, now, nil, nil, nil }
  end
  if back or set then
    ops[#ops + 1] = { "job_order", job.flow, "odoo_to_nav", link.odoo, now,
                      set and assert(json.encode { set = set }) or nil }
  end
  local ok
  ok, err = store.apply(ops)
  if not ok then return nil, err end
  task.event("wake:" .. job.flow):set()
  return { decided = #lost, open = open, record = job.record }
end

local function order(a, what)
  local job, err = review_of(a.id, { adopt = true })
  if not job then return nil, err end
  if what.adopt and job.direction == "nav_to_odoo" and not what.adopt:find "^%d+$" then
    return nil, { text = ("%s is a record of NAV: name the Odoo record by its id, a number"):format(job.record) }
  end
  local ok
  ok, err = store.apply { { "job_decide", job.id, assert(json.encode(what)), time.now() } }
  if not ok then return nil, err end
  task.event("wake:" .. job.flow):set()
  return { record = job.record }
end

--- Links two records that look alike. Arguments: id, to (Odoo id, or NAV key).
function decision.link(a) return order(a, { adopt = a.to }) end

--- Says that two records are not the same: the new one is created. Arguments: id.
function decision.separate(a) return order(a, { create = true }) end

return decision
