--- What a person decides about a review, written into the store.
--
-- A conflict is decided by changing the base of the link: the side that loses is taken for
-- seen, as it was shown, so that only the winner's change is left to travel. Should the
-- loser have moved since, that is a new change, and a new conflict. A value that a person
-- dictates goes to NAV and from there to Odoo; until NAV took it, both sides still differ.
-- The engine may be at work on the pair: its names are locked meanwhile. Routes of
-- cli/commands.lua.

local crypto = require "navodoo.crypto"
local json = require "navodoo.json"
local judging = require "cli.judging"
local problem = require "navodoo.problem"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local base = require "navodoo.engine.base"
local keys = require "navodoo.engine.keys"
local past = require "navodoo.engine.past"
local word = require "navodoo.engine.word"

local decision = {}

--- A record that the engine is writing is waited for so long.
local BUSY_MS <const>, LOOK_MS <const> = 8000, 20

local PAGE <const> = 1000

-- Commands that decide reviews of a rule.
local WAYS <const> = {
  adopt = "review %d is about two records that may be one: navodoo review link %d KEY, or navodoo review separate %d",
  conflict = "review %d is about values: navodoo review take %d nav, odoo or FIELD=VALUE",
  gone = "review %d is about a record that is gone: navodoo review link %d KEY, navodoo review separate %d, "
    .. "or navodoo dead drop %d",
}
WAYS.restless = WAYS.conflict

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
  local way = WAYS[about.rule]
  if way then return nil, { text = way:format(id, id, id, id) } end
  return nil, { text = ("review %d cannot be decided here: %s"):format(id,
    about.way_out or about.text or "see navodoo dead show") }
end

--- Calls `fn` with the review while nobody else works on its pair.
local function alone(id, rules, fn)
  local job, about = review_of(id, rules)
  if not job then return nil, about end
  local names, lock = about.lane, nil
  if type(names) == "table" and #names > 0 then
    local began = time.monotonic()
    while not task.is_free(names) do
      if time.monotonic() - began > BUSY_MS then
        return nil, { text = ("%s is being written just now; try again"):format(job.record) }
      end
      task.sleep(LOOK_MS)
    end
    lock = task.lock(names)
    job, about = review_of(id, rules) -- the writing may have been its end
  end
  local ok, result, err
  if job then ok, result, err = pcall(fn, job, about) else ok, result, err = true, nil, about end
  if lock then lock:release() end
  if not ok then error(result, 0) end
  return result, err
end

-- Applies what was decided, where that is still open.
local function apply(job, ops)
  local ok, err = store.apply(ops)
  if not ok then
    if err.code == "count" then err = { text = ("review %d changed just now; look at it again"):format(job.id) } end
    return nil, err
  end
  task.event("wake:" .. job.flow):set()
  return true
end

-- The same, as the end of the review; it must be the one that was looked at.
local function settle(job, ops)
  table.insert(ops, 1, { "job_done", job.id, job.rev, expect = 1 })
  table.insert(ops, 2, { "effects_drop", job.id })
  return apply(job, ops)
end

local function note(job, what, detail)
  return { "journal_add", time.now(), job.flow, job.direction, job.record, job.id, what,
           assert(json.encode(detail)), nil }
end

local function holds(list, name)
  for _, v in ipairs(list or {}) do
    if v == name then return true end
  end
  return false
end

--- Who wins a conflict: "nav", "odoo", "value" with the field and its text, or nil.
local function verdict_on(conflict, a)
  for field, said in pairs(a.set or {}) do -- a conflict takes one answer; two are refused before
    if holds(conflict.nav_fields, field) or holds(conflict.odoo_fields, field) then
      if said == "nav" or said == "odoo" then return said end
      return "value", field, said
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

-- What NAV's schema and the flow's rules say against dictated values; nil: nothing.
local function complaint(job, about, known_nav, set)
  local record = {}
  for name, v in pairs(known_nav) do record[name] = v end -- one place each
  for _, c in ipairs(about.conflicts) do
    for name, v in pairs(c.nav) do record[name] = v end
  end
  local values = {}
  for _, field in ipairs(problem.names(set)) do
    local value, why = word.read(field, (about.fields or {})[field], set[field])
    if why then return why end
    values[field], record[field] = value, value
  end
  return judging.complaint(judging.flow(job.flow), record, values)
end

-- Sorts the conflicts by who wins: changes `it` where a side does, gathers what is dictated.
local function judge(about, a, it)
  local said = { set = nil, forth = false, back = false, open = 0, settled = false, list = json.array {} }
  for _, c in ipairs(about.conflicts) do
    local winner, field, text = verdict_on(c, a)
    if winner == "value" then
      if not holds(c.nav_fields, field) then
        return nil, ("say it in NAV's words: %s=%s"):format(c.nav_fields[1], text)
      end
      said.set = said.set or {}
      said.set[field] = text
    elseif winner then
      said.forth, said.back = said.forth or winner == "nav", said.back or winner == "odoo"
      said.settled = true
      let_win(it, c, winner)
    else
      said.open = said.open + 1
    end
    if winner then
      said.list[#said.list + 1] = { nav = c.nav, odoo = c.odoo, winner = winner,
                                    said = field and { [field] = text } or nil }
    end
  end
  if #said.list == 0 then return nil, "nothing is decided; say nav, odoo or FIELD=VALUE" end
  return said
end

local function take(job, about, a)
  local unknown = unknown_fields(about, a)
  if unknown then return nil, { text = unknown } end
  local links, err = store.query("links_by_nav", job.flow, assert(json.encode(json.array { about.nav })))
  if not links then return nil, err end
  local link = links[1]
  if not link then
    return nil, { text = ("%s is no longer linked; navodoo dead drop %d"):format(about.nav, job.id) }
  end
  local it = base.read(link) or { nav = {}, odoo = {} }
  local said, why = judge(about, a, it)
  if said and said.set then why = complaint(job, about, it.nav, said.set) end
  if why then return nil, { text = why } end
  local now, ops = time.now(), { note(job, "decided", { decided = said.list }) }
  if said.settled then
    local nav_text = assert(json.canonical(json.object({}, it.nav)))
    local odoo_text = assert(json.canonical(json.object({}, it.odoo)))
    ops[#ops + 1] = { "link_put", job.flow, link.nav, link.odoo, link.xmlid, crypto.hash(nav_text), link.nav_version,
                      link.odoo_version, crypto.hash(odoo_text), base.pack(nav_text, odoo_text), now }
  end
  if said.forth or said.open > 0 then
    ops[#ops + 1] = { "job_put", job.flow, "nav_to_odoo", link.nav, now, now, nil, nil, nil }
  end
  if said.back or said.set then
    ops[#ops + 1] = { "job_order", job.flow, "odoo_to_nav", link.odoo, now,
                      said.set and assert(json.encode { set = said.set }) or nil }
  end
  local ok
  ok, err = settle(job, ops)
  if not ok then return nil, err end
  return { decided = #said.list, open = said.open, record = about.nav }
end

--- Decides a conflict. Arguments: id, and winner ("nav", "odoo") or set (field -> "nav",
-- "odoo" or a text).
function decision.take(a)
  return alone(a.id, { conflict = true, restless = true }, function(job, about) return take(job, about, a) end)
end

-- ---- two records that may be one -----------------------------------------------------------

-- Who decides has looked: a write of unknown outcome is settled by that, and what is written
-- from now on is an effect of its own.
local function decide(job, what, told, mirrored)
  local said, now = assert(json.encode(what)), time.now()
  local ops = { { "job_decide", job.id, said, now, expect = 1 }, { "effects_drop", job.id } }
  for _, id in ipairs(mirrored or {}) do
    ops[#ops + 1] = { "job_decide", id, said, now, expect = 1 } -- else its effects are of a new attempt
    ops[#ops + 1] = { "effects_drop", id }
  end
  local ok, err = apply(job, ops)
  if not ok then return nil, err end
  return { record = job.record, text = told }
end

-- Is this record the one that a candidate of a review names? NAV's is written behind its company.
local function names(candidate, record)
  local key = tostring(candidate.id)
  return record == key or record:sub(-#key - 1) == "/" .. key
end

--- Reviews of the other side about the same two records, which look alike from there as well: the
-- one word is enough for both. Not where that record is like further ones.
local function mirrors(job, about)
  local list, last = {}, 0
  repeat
    local rows, err = store.query("jobs_list", job.flow, "review", last, PAGE)
    if not rows then return nil, err end
    for _, other in ipairs(rows) do
      last = other.id
      local its = other.direction ~= job.direction and json.decode(other.error or "") or {}
      local only = its.rule == "adopt" and #(its.candidates or {}) == 1 and its.candidates[1]
      for _, c in ipairs(only and names(only, job.record) and about.candidates or {}) do
        if names(c, other.record) then list[#list + 1] = other.id end
      end
    end
  until #rows < PAGE
  return list
end

-- Does the flow go back to NAV, too? Its own words tell, where the store has them.
local function has_way_back(job)
  local flow = judging.flow(job.flow)
  return flow == nil or #flow.directions == 2
end

-- The link is forgotten; what is left has a job of its own, with the word on it.
local function start_anew(job, about, direction, record, what, told)
  local now = time.now()
  local ops = { { "link_drop", job.flow, about.nav }, { "meta_put", past.key(job.flow), "yes" },
                note(job, what.adopt and "linked" or "separated", what) }
  if direction then
    ops[#ops + 1] = { "job_order", job.flow, direction, record, now, assert(json.encode(what)) }
  end
  local ok, err = settle(job, ops)
  if not ok then return nil, err end
  return { record = job.record, text = told }
end

local function is_id(key) return key:find "^%d+$" ~= nil end

local function link_gone(job, about, key)
  if about.archived then
    return nil, { text = ("Odoo %s is archived, not gone; make it active and navodoo dead retry %d, or navodoo dead "
      .. "drop %d"):format(about.odoo, job.id, job.id) }
  end
  if about.side == "odoo" then
    if not is_id(key) then
      return nil, { text = ("%s is a record of NAV: name the Odoo record by its id, a number"):format(about.nav) }
    end
    if key == about.odoo then return nil, { text = ("Odoo %s is the one that is gone"):format(key) } end
    return start_anew(job, about, "nav_to_odoo", about.nav, { adopt = key },
      ("%s is linked to Odoo %s when its job runs"):format(about.nav, key))
  end
  local name = keys.nav(about.nav:match "^(.*)/" or "", key)
  if name == about.nav then return nil, { text = ("%s is the one that is gone"):format(key) } end
  return start_anew(job, about, "nav_to_odoo", name, { adopt = about.odoo },
    ("Odoo %s is linked to %s when its job runs"):format(about.odoo, name))
end

local function separate_gone(job, about)
  if about.archived then return link_gone(job, about, "") end
  if about.side == "odoo" then
    return start_anew(job, about, "nav_to_odoo", about.nav, { create = true },
      ("%s becomes a new record in Odoo when its job runs"):format(about.nav))
  end
  if has_way_back(job) then
    return start_anew(job, about, "odoo_to_nav", about.odoo, { create = true },
      ("Odoo %s begins anew when its job runs: a new card in NAV where the flow makes them, else it stands alone")
        :format(about.odoo))
  end
  return start_anew(job, about, nil, nil, { create = true }, ("Odoo %s stands alone from now on"):format(about.odoo))
end

--- Links two records that look alike, or what is left of a pair to another record. Arguments:
-- id, to (Odoo id, or NAV key).
function decision.link(a)
  return alone(a.id, { adopt = true, gone = true }, function(job, about)
    if about.rule == "gone" then return link_gone(job, about, a.to) end
    if job.direction == "nav_to_odoo" and not is_id(a.to) then
      return nil, { text = ("%s is a record of NAV: name the Odoo record by its id, a number"):format(job.record) }
    end
    return decide(job, { adopt = a.to }, ("%s is linked to %s when its job runs"):format(job.record, a.to))
  end)
end

--- Says that two records are not the same, or that what is left of a pair begins anew.
-- Arguments: id.
function decision.separate(a)
  return alone(a.id, { adopt = true, gone = true }, function(job, about)
    if about.rule == "gone" then return separate_gone(job, about) end
    local mirrored, err = mirrors(job, about)
    if not mirrored then return nil, err end
    return decide(job, { create = true }, ("%s becomes a record of its own"):format(job.record), mirrored)
  end)
end

return decision
