--- What can be asked of an engine, running or stopped: the routes of the control
-- socket and, with no engine, the same calls on the store itself.
--
-- Each function takes a table of arguments and returns a table, or nil and
-- { text= }. They only read and write the store and wake the flows of this process.

local cache = require "navodoo.cache"
local decision = require "cli.decision"
local door = require "navodoo.engine.door"
local expiry = require "cli.expiry"
local gate = require "connector.gate"
local http = require "navodoo.http"
local identity = require "navodoo.engine.identity"
local json = require "navodoo.json"
local letters = require "cli.letters"
local store = require "navodoo.store"
local time = require "navodoo.time"
local versions = require "cli.versions"

local commands = {}

--- An address of a running engine knows its flows; a stopped one has none.
commands.running = nil -- set by cli/run.lua: { lives =, reload =, endpoints = { names }, started = us, inbox = }

--- Those that change nothing: on a stopped engine they take no lock.
commands.reads = { status = true, jobs = true, dead = true, groups = true, job = true, links = true,
                   generations = true, letter = true, export = true }

local function decoded(text)
  if not text then return nil end
  local value = json.decode(text)
  return value == nil and text or value
end

--- Flows, queue, outcomes since the start of the store's journal, endpoints.
function commands.status()
  local counts, err = store.query("jobs_counts")
  if not counts then return nil, err end
  local lots = assert(store.query("lots_counts"))
  local links = assert(store.query("links_count"))
  local outcomes = assert(store.query("journal_counts", nil, 0))
  local cursors = assert(store.query("cursors_list"))
  local flows, order = {}, {}
  local function flow(name)
    if not flows[name] then
      flows[name] = { flow = name, jobs = json.object({}, {}), outcomes = json.object({}, {}), links = 0 }
      order[#order + 1] = name
    end
    return flows[name]
  end
  local running = commands.running
  for _, slot in ipairs(running and running.lives.slots or {}) do
    local f, wanted = flow(slot.name), slot.current and slot.current.wanted or slot.wanted
    f.generation = { hash = wanted.hash, cause = wanted.cause, file = wanted.file,
                     handing_over = slot.retiring ~= nil, finishing = slot.pinned and slot.pinned.wanted.hash }
  end
  for _, c in ipairs(counts) do -- of either direction
    local jobs = flow(c.flow).jobs
    jobs[c.state] = (jobs[c.state] or 0) + c.count
  end
  for _, l in ipairs(lots) do -- new records that are ready without a job of their own
    local jobs = flow(l.flow).jobs
    jobs.ready = (jobs.ready or 0) + l.count
  end
  for _, l in ipairs(links) do flow(l.flow).links = l.count end
  for _, o in ipairs(outcomes) do flow(o.flow).outcomes[o.outcome] = o.count end
  for _, c in ipairs(cursors) do
    local f = flow(c.name:match("^[^/]+"))
    f.cursor = decoded(c.value)
    f.cursor_at = time.iso(c.updated)
  end
  table.sort(order)
  local list = json.array {}
  for i, name in ipairs(order) do
    local board = decoded(cache.get("board", name))
    list[i] = flows[name]
    list[i].board = board
  end
  local endpoints = json.array {}
  for i, name in ipairs(running and running.endpoints or {}) do
    local e = http.info(name)
    e.login, e.expiry = gate.state(e), expiry.of(name)
    endpoints[i] = e
  end
  local size = assert(store.query "store_size")[1]
  return { intake_stopped = door.closed(), store = { bytes = size.pages * size.page_size,
                                                     free_bytes = size.free * size.page_size },
           hooks = running and running.inbox and running.inbox.counters or nil,
           running = running ~= nil, flows = list, endpoints = endpoints,
           refused = running and running.reload:refusals() or nil,
           started = running and time.iso(running.started) or nil }
end

--- Jobs, newest last. Arguments: flow, state, after (id), limit.
function commands.jobs(a)
  local rows, err = store.query("jobs_list", a.flow, a.state, a.after or 0, a.limit or 100)
  if not rows then return nil, err end
  local list = json.array {}
  for i, row in ipairs(rows) do list[i] = letters.view(row) end
  return { jobs = list }
end

--- One job with its payload.
function commands.job(a)
  local rows, err = store.query("job", a.id)
  if not rows then return nil, err end
  if not rows[1] then return nil, { text = ("there is no job %d; see navodoo jobs"):format(a.id) } end
  local view = letters.view(rows[1])
  view.payload, view.edited = decoded(rows[1].payload), decoded(rows[1].edited)
  local links = store.query(view.direction == "odoo_to_nav" and "links_by_odoo" or "links_by_nav", view.flow,
                            assert(json.encode(json.array { view.record })))
  local link = links and links[1]
  view.link = link and { nav = link.nav, odoo = link.odoo } or nil
  view.journal = assert(store.query("journal_tail", rows[1].flow, rows[1].record, 20))
  for _, j in ipairs(view.journal) do
    j.at, j.detail = time.iso(j.at), decoded(j.detail)
  end
  return { job = view }
end

--- Dead letters and reviews; see cli/letters.lua.
commands.dead, commands.groups, commands.letter = letters.list, letters.groups, letters.letter
commands.retry, commands.drop, commands.edit = letters.retry, letters.drop, letters.edit
commands.export, commands.import = letters.export, letters.import

--- Links, by id. Arguments: flow, nav, odoo, after, limit.
function commands.links(a)
  local rows, err
  if a.nav or a.odoo then
    if not a.flow then return nil, { text = "--nav and --odoo need --flow" } end
    rows, err = store.query(a.nav and "links_by_nav" or "links_by_odoo", a.flow,
                            assert(json.encode(json.array { a.nav or a.odoo })))
  else
    rows, err = store.query("links_list", a.flow, a.after or 0, a.limit or 100)
  end
  if not rows then return nil, err end
  local list = json.array {}
  for i, row in ipairs(rows) do
    list[i] = { id = row.id, flow = row.flow, nav = row.nav, odoo = row.odoo, xmlid = row.xmlid,
                updated = time.iso(row.updated), base = decoded(row.base) }
  end
  return { links = list }
end

--- A person's word on a review; see cli/decision.lua.
commands.take, commands.link, commands.separate = decision.take, decision.link, decision.separate

--- What an endpoint is now is right, whatever was known of it. Arguments: endpoint.
function commands.accept(a)
  local ops, err = identity.forget(a.endpoint)
  if not ops then return nil, err end
  local ok
  ok, err = store.apply(ops)
  if not ok then return nil, err end
  local restarted = 0
  for _, slot in ipairs(commands.running and commands.running.lives.slots or {}) do
    if slot.resting and slot.class == "fingerprint" then
      slot.again = true
      slot.news:set()
      restarted = restarted + 1
    end
  end
  return { endpoint = a.endpoint, restarted = restarted }
end

--- Versions of flows. Arguments: flow.
function commands.generations(a) return versions.list(a, commands.running) end

--- An older version of a flow runs again. Arguments: flow, hash.
function commands.rollback(a) return versions.rollback(a, commands.running) end

return commands
