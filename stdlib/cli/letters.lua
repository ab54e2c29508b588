--- Dead letters and reviews in the store: listed, grouped, mended, tried again, carried from
-- one store to another. Routes of cli/commands.lua; cli/dead.lua is how a person calls them.
--
-- Groups are read from totals, letters of a group through an index and in pages, so that
-- fifty thousand of them cost no more memory than a hundred.

local crypto = require "navodoo.crypto"
local gone = require "navodoo.engine.gone"
local json = require "navodoo.json"
local judging = require "cli.judging"
local problem = require "navodoo.problem"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"

local letters = {}

local PAGE <const> = 1000
--- What marks a line of an export.
letters.MARK = "letter 1"

local PARKED <const> = { dead = true, review = true }

local function decoded(text)
  if not text then return nil end
  local value = json.decode(text)
  return value == nil and text or value
end

--- A job as it is shown.
---@param row table
---@return table
function letters.view(row)
  local err = decoded(row.error)
  local nav = type(err) == "table" and err.nav or nil
  return { id = row.id, flow = row.flow, direction = row.direction, record = row.record,
           name = row.direction == "odoo_to_nav" and ("Odoo %s%s"):format(row.record, nav and ", " .. nav or "")
             or row.record,
           state = row.state, attempts = row.attempts, due = time.iso(row.due),
           created = time.iso(row.created), error = err, group = row.fingerprint,
           decision = decoded(row.decision), why = type(err) == "table" and err.text or err }
end

-- One page of what is parked, by id. Arguments of a: flow, group.
local function page_of(a, after, limit)
  if a.group then return store.query("parked_of_group", a.flow, a.group, after, limit) end
  local rows, err = store.query("parked_list", a.flow, "dead", after, limit)
  if not rows then return nil, err end
  local more
  more, err = store.query("parked_list", a.flow, "review", after, limit)
  if not more then return nil, err end
  table.move(more, 1, #more, #rows + 1, rows)
  table.sort(rows, function(x, y) return x.id < y.id end)
  return table.move(rows, 1, math.min(#rows, limit), 1, {})
end

--- Dead letters and reviews. Arguments: flow, group, after (id), limit.
function letters.list(a)
  local rows, err = page_of(a, a.after or 0, a.limit or 100)
  if not rows then return nil, err end
  local list = json.array {}
  for i, row in ipairs(rows) do list[i] = letters.view(row) end
  return { jobs = list }
end

--- Dead letters and reviews by cause, the largest group first. Arguments: flow.
function letters.groups(a)
  local rows, err = store.query("dead_groups")
  if not rows then return nil, err end
  local list = json.array {}
  for _, row in ipairs(rows) do
    if not a.flow or row.flow == a.flow then
      local cause = decoded(row.error)
      list[#list + 1] = { group = row.fingerprint, count = row.count, flow = row.flow, state = row.state,
                          oldest = row.oldest, why = type(cause) == "table" and cause.text or cause }
    end
  end
  return { groups = list }
end

--- The parked job with a number, or why it is none.
---@param id integer
---@param verb string  what was to be done with it
---@return table|nil row
---@return table|nil err
function letters.parked(id, verb)
  local rows, err = store.query("job", id)
  if not rows then return nil, err end
  local job = rows[1]
  if not job then return nil, { text = ("there is no job %d; see navodoo dead"):format(id) } end
  if PARKED[job.state] then return job end
  return nil, { text = ("job %d is %s; only dead letters and reviews can be %s"):format(id, job.state, verb) }
end

local function revive(ids)
  if #ids == 0 then return 0 end
  local ok, changed = store.apply { { "jobs_revive", assert(json.encode(json.array(ids))), time.now() } }
  if not ok then return nil, changed end
  return changed
end

-- Revives page by page, going up: what comes back dead meanwhile is not taken twice.
local function revive_all(a)
  local after, count, flows = 0, 0, {}
  repeat
    local rows, err = page_of(a, after, PAGE)
    if not rows then return nil, err end
    local ids = {}
    for i, row in ipairs(rows) do ids[i], flows[row.flow], after = row.id, true, row.id end
    local changed
    changed, err = revive(ids)
    if not changed then return nil, err end
    count = count + changed
  until #rows < PAGE
  return count, flows
end

--- Sends a dead letter, a review, a whole group or all again. Arguments: id, group or all; flow.
function letters.retry(a)
  local count, flows
  if a.id then
    local job, err = letters.parked(a.id, "retried")
    if not job then return nil, err end
    count, flows = revive { job.id }, { [job.flow] = true }
  else
    count, flows = revive_all(a)
    if count == 0 then return nil, { text = "no dead letter or review matches; see navodoo dead" } end
  end
  if not count then return nil, flows end
  for flow in pairs(flows) do task.event("wake:" .. flow):set() end
  return { retried = count }
end

-- What is left alone by a person is not asked about again: the link remembers it as it is.
local function remember(job)
  local about = decoded(job.error)
  local forth = job.direction == "nav_to_odoo"
  local rows = store.query(forth and "links_by_nav" or "links_by_odoo", job.flow,
                           assert(json.encode(json.array { job.record })))
  local link = rows and rows[1]
  if not link then return end
  local rule = type(about) == "table" and about.rule or nil
  local nav, odoo = link.hash, link.odoo_hash
  if rule == "gone" and about.side == "nav" then nav = gone.HASH
  elseif rule == "gone" and not about.archived then odoo = gone.HASH
  elseif forth and job.hash then nav = job.hash
  else return end
  return { "link_put", link.flow, link.nav, link.odoo, link.xmlid, nav, link.nav_version, link.odoo_version, odoo,
           rule == "gone" and about.archived and gone.with_archived(link) or link.base, time.now() }
end

--- Drops a dead letter or review for good. Arguments: id.
function letters.drop(a)
  local job, err = letters.parked(a.id, "dropped")
  if not job then return nil, err end
  local ok
  ok, err = store.apply {
    { "job_done", job.id, job.rev, expect = 1 }, { "effects_drop", job.id },
    { "journal_add", time.now(), job.flow, job.direction, job.record, job.id, "dropped", nil, nil },
    remember(job) }
  if not ok then return nil, err end
  return { dropped = job.id, record = job.record, name = letters.view(job).name }
end

-- ---- mending ---------------------------------------------------------------------------

--- A letter with its payload, for an editor. Arguments: id.
function letters.letter(a)
  local job, err = letters.parked(a.id, "edited")
  if not job then return nil, err end
  if job.direction == "odoo_to_nav" then return { id = job.id, record = job.record } end -- `edit` says why
  return { id = job.id, record = job.record, direction = job.direction, payload = decoded(job.payload),
           edited = decoded(job.edited), why = letters.view(job).why }
end

-- Field and text of the command line, put into a payload as the field's kind asks.
local function put_words(payload, set)
  for field, said in pairs(set) do -- one place each
    local was = payload[field]
    if was == nil then return nil, ("the record has no field %s"):format(field) end
    local value = said
    if type(was) ~= "string" and was ~= json.null then
      value = json.decode(said)
      if value == nil then return nil, ("%s: %q is no %s"):format(field, said, type(was)) end
    end
    payload[field] = value
  end
  return payload
end

-- What Odoo's record shall say in NAV is a person's word, which the job takes along.
local function word_for_nav(job, set)
  local flow = judging.flow(job.flow)
  for _, field in ipairs(flow and problem.names(set) or {}) do
    if not problem.is_in(flow.nav_write_fields, field) then
      local near = problem.near(field, flow.nav_write_fields)
      return nil, { text = ("the flow writes no %s into NAV%s"):format(field, near and "; did you mean " .. near .. "?"
        or "") }
    end
  end
  local about = decoded(job.error)
  local decision = decoded(job.decision) or {}
  if type(about) == "table" and about.rule == "gone" then
    return nil, { text = ("job %d is about a record that is gone; see navodoo review show %d"):format(job.id, job.id) }
  end
  decision.set = decision.set or {}
  for field, said in pairs(set) do decision.set[field] = said end
  return assert(json.encode(decision))
end

--- Stores what a person made of a letter; it goes out with its next attempt. Arguments: id,
-- and payload (the whole of it) or set (field -> text).
function letters.edit(a)
  local job, err = letters.parked(a.id, "edited")
  if not job then return nil, err end
  local original, edited, decision = decoded(job.payload), nil, nil
  if job.direction == "odoo_to_nav" then
    if not a.set then
      return nil, { text = ("job %d goes to NAV and reads Odoo's record again when it runs; navodoo dead edit %d "
        .. "FIELD=VALUE gives a field of NAV another value"):format(job.id, job.id) }
    end
    decision, err = word_for_nav(job, a.set)
    if not decision then return nil, err end
  elseif type(original) ~= "table" or job.hash == gone.HASH then
    return nil, { text = ("job %d has no record to be mended; navodoo dead show %d"):format(job.id, job.id) }
  else
    local why
    edited = a.payload
    if a.set then
      edited, why = put_words(decoded(job.edited) or decoded(job.payload), a.set)
      if not edited then return nil, { text = why } end
    end
    why = judging.payload(judging.flow(job.flow), original, edited)
    if why then return nil, { text = why } end
    edited = assert(json.canonical(edited))
  end
  local ok
  ok, err = store.apply { { "job_edit", job.id, edited, decision, expect = 1 },
    { "journal_add", time.now(), job.flow, job.direction, job.record, job.id, "edited", nil, nil } }
  if not ok then return nil, err end
  return { edited = job.id, record = job.record, name = letters.view(job).name }
end

-- ---- export and import -----------------------------------------------------------------

local function letter_of(row)
  return { navodoo = letters.MARK, flow = row.flow, direction = row.direction, record = row.record,
           state = row.state, group = row.fingerprint, attempts = row.attempts, created = time.iso(row.created),
           version = row.version, hash = row.hash, error = decoded(row.error), decision = decoded(row.decision),
           payload = decoded(row.payload), edited = decoded(row.edited) }
end

--- A page of letters, whole. Arguments: id, or group, flow; after (id), limit.
function letters.export(a)
  if a.id then
    local job, err = letters.parked(a.id, "exported")
    if not job then return nil, err end
    return { letters = json.array { letter_of(job) } }
  end
  local rows, err = page_of(a, a.after or 0, a.limit or 50)
  if not rows then return nil, err end
  local list, last = json.array {}, nil
  for _, row in ipairs(rows) do
    local full
    full, err = store.query("job", row.id)
    if not full then return nil, err end
    if full[1] then list[#list + 1] = letter_of(full[1]) end
    last = row.id
  end
  return { letters = list, after = last }
end

local TEXTS <const> = { "flow", "direction", "record", "state", "group", "created" }

-- What is wrong with a letter of a file; nil: nothing.
local function mistake_in(l, known)
  if type(l) ~= "table" or l.navodoo ~= letters.MARK then return "no letter of navodoo dead export" end
  for _, name in ipairs(TEXTS) do
    if type(l[name]) ~= "string" then return ("%s is missing"):format(name) end
  end
  if not PARKED[l.state] then return ("state %q is neither dead nor review"):format(l.state) end
  if l.direction ~= "nav_to_odoo" and l.direction ~= "odoo_to_nav" then
    return ("direction %q is neither nav_to_odoo nor odoo_to_nav"):format(l.direction)
  end
  if math.type(l.attempts) ~= "integer" then return "attempts is no whole number" end
  if not time.parse_iso(l.created) then return ("created %q is no instant"):format(l.created) end
  if next(known) and not known[l.flow:gsub("@.*$", "")] then return ("no flow %s ran on this store"):format(l.flow) end
  return nil
end

local function known_flows()
  local known = {}
  for _, row in ipairs(store.query("generations_list", nil) or {}) do known[row.flow] = true end
  return known
end

local function text_of(v) return v ~= nil and v ~= json.null and assert(json.canonical(v)) or nil end

-- Payload and mended payload of a letter. One whose payload was mended in the file has
-- another hash than it says: what was polled is what the store has.
local function payloads_of(l, held)
  local payload, edited = text_of(l.payload), text_of(l.edited)
  if payload and not edited and l.hash and l.hash ~= gone.HASH and crypto.hash(payload) ~= l.hash then
    return held and held.payload or payload, payload
  end
  return payload, edited
end

local function name_of(l) return l.flow .. "\0" .. l.direction .. "\0" .. l.record end

-- Adds to `held` the jobs that the letters' records have here; those that are parked with
-- their payloads.
local function look_up(list, held)
  local ways, ids, by_id = {}, json.array {}, {}
  for _, l in ipairs(list) do
    local way = l.flow .. "\0" .. l.direction
    if not ways[way] then
      ways[way] = { flow = l.flow, direction = l.direction, records = json.array {} }
      ways[#ways + 1] = ways[way]
    end
    table.insert(ways[way].records, l.record)
  end
  for _, way in ipairs(ways) do
    local rows = assert(store.query("jobs_by_record", way.flow, way.direction, assert(json.encode(way.records))))
    for _, row in ipairs(rows) do
      held[name_of { flow = way.flow, direction = way.direction, record = row.record }] = row
      if PARKED[row.state] then ids[#ids + 1], by_id[row.id] = row.id, row end
    end
  end
  for _, row in ipairs(assert(store.query("job_payloads", assert(json.encode(ids))))) do
    local there = by_id[row.id]
    there.payload, there.edited, there.decision = row.payload, row.edited, row.decision
  end
end

-- What becomes of a letter: "newer", "known", "mended", "added" and its operation, or nil
-- and why it is refused.
local function bring(l, there, judges)
  if there and not (PARKED[there.state] and there.hash == l.hash) then return "newer" end
  local payload, edited = payloads_of(l, there)
  local decision = text_of(l.decision)
  if edited then
    if judges[l.flow] == nil then judges[l.flow] = judging.flow(l.flow) or false end
    local why = judging.payload(judges[l.flow] or nil, json.decode(payload), json.decode(edited))
    if why then return nil, why end
  end
  if there and (edited or there.edited) == there.edited and (decision or there.decision) == there.decision then
    return "known"
  end
  return there and "mended" or "added", { "job_import", l.flow, l.direction, l.record, l.state, l.attempts,
    time.parse_iso(l.created), l.version, l.hash, type(l.error) == "string" and l.error or text_of(l.error), l.group,
    decision, edited, payload }
end

--- Brings letters into this store, each once. Arguments: letters.
function letters.import(a)
  local result = { added = 0, mended = 0, known = 0, newer = 0, refused = json.array {} }
  local known, sound, held, judges, ops, seen = known_flows(), {}, {}, {}, {}, {}
  local function refuse(at, l, why)
    result.refused[#result.refused + 1] = { at = at, record = type(l) == "table" and l.record or nil, why = why }
  end
  for i, l in ipairs(a.letters or {}) do
    local why = mistake_in(l, known)
    if not why and seen[name_of(l)] then why = "the record has a letter above" end
    if why then refuse(i, l, why)
    else
      sound[#sound + 1], seen[name_of(l)] = l, i
    end
  end
  look_up(sound, held)
  for _, l in ipairs(sound) do
    local what, more = bring(l, held[name_of(l)], judges)
    if what then
      result[what] = result[what] + 1
      ops[#ops + 1] = more
    else
      refuse(seen[name_of(l)], l, more)
    end
  end
  local ok, err = true, nil
  if #ops > 0 then ok, err = store.apply(ops) end
  if not ok then return nil, err end
  return result
end

return letters
