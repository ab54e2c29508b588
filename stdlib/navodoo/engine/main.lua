--- One generation of a flow at work: opens both connectors, then polls and pumps.
--
-- Runs in the flow's own lua_State. What flows share (logins, schemas, limits,
-- breakers) belongs to the endpoints in the core; jobs, links and cursors are in the
-- store. Counters and troubles are published to the cache space "board", where
-- `navodoo status` finds them.

local cache = require "navodoo.cache"
local http = require "navodoo.http"
local json = require "navodoo.json"
local log = require "navodoo.log"
local store = require "navodoo.store"
local task = require "navodoo.task"
local time = require "navodoo.time"
local check = require "navodoo.check"
local companies = require "navodoo.companies"
local connector = require "connector"
local loader = require "navodoo.loader"
local values = require "connector.odoo.values"
local base = require "navodoo.engine.base"
local delivery = require "navodoo.engine.delivery"
local company = require "navodoo.engine.company"
local express = require "navodoo.engine.express"
local gone = require "navodoo.engine.gone"
local held = require "navodoo.engine.held"
local identity = require "navodoo.engine.identity"
local keys = require "navodoo.engine.keys"
local life = require "navodoo.engine.life"
local outcome = require "navodoo.engine.outcome"
local problem = require "navodoo.problem"
local proof = require "navodoo.proof"
local unfold = require "navodoo.engine.unfold"
local ways = require "navodoo.engine.ways"

local main = {}

local LOOKUP_TTL_US <const> = 3600 * 1000000
local LOOKUP_RETRY_US <const> = 30 * 1000000 -- an unknown code asks again, but not for ever
local STORE_PATIENCE_MS <const> = 10000      -- with --once: a store that fails for longer ends the run
local HELD_MAX <const> = 3000 -- records in memory beside their jobs on disk

local engine = {}
engine.__index = engine

--- Adds to a counter of the board.
function engine:count(name, n)
  self.counters[name] = (self.counters[name] or 0) + (n or 1)
  if name ~= "retried" then self.progress_us = time.now() end
end

--- Remembers the last trouble with an endpoint, for `navodoo status`.
function engine:trouble(err)
  self.last_trouble = { at = time.iso(time.now()), class = err.class, code = err.code, endpoint = err.endpoint,
                        text = err.text }
  self:publish()
end

--- With `once`: true when nothing was got done for longer than `wait_ms`, or would not be before a
-- pause is over.
---@param pause_ms integer|nil
function engine:out_of_time(pause_ms)
  local since = self.progress_us or self.started_us
  return time.now() - since + (pause_ms or 0) * 1000 > self.wait_ms * 1000
end

--- The store failed, or took a write again (nil). It may be mended, so work goes on where it is;
-- with `once` nobody waits long for that.
---@param err table|nil
function engine:store_failed(err)
  if not err then
    self.store_failing = nil
    return
  end
  log.error("store: " .. tostring(err.text), { flow = self.flow.name })
  self.store_failing = self.store_failing or time.monotonic()
  if not self.once or time.monotonic() - self.store_failing < math.min(STORE_PATIENCE_MS, self.wait_ms) then return end
  self.gave_up = true
  self:halt { class = "transient", code = "store", text = ("the store cannot be written: %s; what it has is safe, "
    .. "and the next run goes on with it"):format(tostring(err.text)) }
end

--- Makes the counters visible to other states of the process.
function engine:publish()
  life.publish(self.board, {
    flow = self.flow.name, started = time.iso(self.started_us), counters = self.counters,
    trouble = self.last_trouble, hash = self.hash,
    failed = self.halted and self.halted.text, class = self.halted and self.halted.class,
    code = self.halted and self.halted.code, endpoint = self.halted and self.halted.endpoint,
    unfinished = self.unfinished or false, ended = self.ended or false, polling = self.polls_open > 0 })
  self.room:set()
end

--- Ends this life because of something that only a person can clear; what runs is finished.
function engine:halt(err)
  if self.halted then return end
  self.halted, self.retiring = err, true
  self.wake:set()
  self.poll_now:set()
  self.poll_odoo_now:set()
  self.room:set()
end

function engine:effect_key(record)
  return self.effect_prefix .. keys.nav_key(self.company, record)
end

function engine:xmlid(record)
  return self.xmlid_prefix .. keys.part(keys.nav_key(self.company, record))
end

--- The NAV key that an external id of this flow names; nil for those of others.
function engine:key_of_xmlid(name)
  if name:sub(1, #self.xmlid_prefix) ~= self.xmlid_prefix then return nil end
  return keys.unpart(name:sub(#self.xmlid_prefix + 1))
end

--- Key of the effect that brings an Odoo record into NAV.
function engine:back_key(id)
  return keys.effect_back(self.flow.name, self.company, self.model, id)
end

--- Name in the store of another flow of the same companies.
function engine:instance_of(flow) return companies.beside(self.flow.name, flow) end

--- Is a flow still at work whose links this one may wait for?
function engine:others_at_work()
  for _, name in ipairs(self.flow.needs) do
    local text = cache.get("board", self:instance_of(name))
    local board = text and json.decode(text) or {}
    if not board.failed and not board.ended then return true end
  end
  return false
end

--- Reads the tables that lookups fall back to in the target (countries, ...): small, so
-- whole, and shared by all flows.
---@param fresh boolean|nil  ask, whatever another flow was told
function engine:load_lookups(fresh)
  local tables = { back = {} }
  for _, need in ipairs(self.flow.lookup_needs) do
    local found, err, codes = {}, nil, {}
    if need.model then found, err = self.odoo:codes(need.model, need.where, need.match, fresh) end
    if not found then return nil, err end
    for code, id in pairs(found) do codes[id] = code end
    tables[need.name], tables.back[need.name] = found, codes
  end
  self.lookups, self.lookups_at = tables, time.now()
  return true
end

--- Reads them again when they are an hour old, or, after a code that they lack, when
-- a person may have added it meanwhile. True when they are new.
---@param missed boolean
---@return boolean
function engine:refresh_lookups(missed)
  local age = time.now() - self.lookups_at
  if age < (missed and LOOKUP_RETRY_US or LOOKUP_TTL_US) then return false end
  local ok, err = self:load_lookups(true)
  if not ok then self:trouble(err) end
  return ok == true
end

-- With `once`: a system that never answered is given up soon, one that fails at times when the
-- time for waiting is over.
local function patience_is_over(self, err, rounds, attempts, pause_ms)
  local info = http.info(err.endpoint or "")
  if self:out_of_time(pause_ms) then return true end
  if info and info.answered > 0 then return false end
  return attempts >= 3 or rounds >= 6
end

--- Keeps trying what an unreachable system makes fail; gives up on what no waiting
-- mends (a wrong password, an unknown company).
local function insist(self, what, fn)
  local rounds, attempts = 0, 0
  while not self.stopping do
    local result, err = fn()
    if result then return result end
    self:trouble(err)
    if err.class ~= "transient" and err.class ~= "unknown" then return nil, err end
    rounds, attempts = rounds + 1, attempts + (outcome.tried(err) and 1 or 0)
    local pause_ms = outcome.delay(attempts, err)
    if self.once and patience_is_over(self, err, rounds, attempts, pause_ms) then return nil, err end
    log.warn(what .. ": " .. tostring(err.text), { flow = self.flow.name, pause_ms = pause_ms })
    task.sleep(pause_ms)
  end
  return nil, { class = "cancelled", text = "stopping" }
end

-- What is read of either side, once it is known what this Odoo has of the flow.
local function take_flow(self)
  local flow = self.flow
  ways.learn(self)
  self.sources = base.sources(flow)
  self.read_fields = table.move(self.odoo_fields, 1, #self.odoo_fields, 1, {})
  self.read_fields[#self.read_fields + 1] = "write_date"
  if self.paired then self.read_fields[#self.read_fields + 1] = "create_date" end
  self.back_fields = self.read_fields
  self.nav_read_fields = table.move(flow.nav_fields, 1, #flow.nav_fields, 1, {})
  for _, name in ipairs(flow.nav_fields) do
    if name == self.stamp then self.flow_reads_stamp = true end
  end
  if self.stamp and not self.flow_reads_stamp then
    self.nav_read_fields[#self.nav_read_fields + 1] = self.stamp
  end
end

--- Asks both systems what they look like and compares the flow with it.
local function prepare(self)
  local nav_schema, odoo_schema, err
  nav_schema, err = insist(self, "schema", function() return self.nav:schema(self.entity) end)
  if not nav_schema then return nil, err end
  odoo_schema, err = insist(self, "schema", function() return self.odoo:schema(self.model) end)
  if not odoo_schema then return nil, err end
  self.flow:fit(odoo_schema)
  take_flow(self)
  local problems = check.run(self.flow, { nav = nav_schema, odoo = odoo_schema })
  if #problems > 0 then
    return nil, { class = "config", code = "flow", text = problem.format_all(problems) }
  end
  self.typed = self.nav:reader(nav_schema, self.nav_read_fields)
  self.fields, self.nav_schema = odoo_schema.fields, nav_schema
  company.settle(self)
  gone.prepare(self)
  self.flow:learn { nav = nav_schema, odoo = odoo_schema }
  self.blank_on_create, err = insist(self, "defaults", function()
    return self.odoo:blank_on_create(self.model, self.flow.odoo_fields)
  end)
  if not self.blank_on_create then return nil, err end
  self.blank_fields = {}
  for _, name in ipairs(self.flow.odoo_fields) do
    if self.blank_on_create[name] then self.blank_fields[#self.blank_fields + 1] = name end
  end
  return insist(self, "lookups", function() return self:load_lookups() end)
end

--- Makes jobs of what an earlier process or life left. After a crash, effects may still land in
-- the target: their jobs wait out the settle time, counted from now.
local function take_up(self, spec)
  local ok, err = true, nil
  if not spec.pinned then ok, err = unfold.leftovers(self) end
  if ok and not spec.beside then
    ok, err = store.apply { { "jobs_settle", self.flow.name, self.started_us + self.settle_us } }
  end
  if not ok then error("store: " .. tostring(err.text), 0) end
end

local function new_engine(spec, flow)
  local nav, odoo = spec.endpoints.nav, spec.endpoints.odoo
  local self = setmetatable({
    flow = flow, direction = flow.directions[1], hash = spec.hash,
    pairs = spec.pairs or 1, generation = spec.generation, pinned = spec.pinned, board = life.board(spec, flow.name),
    nav = connector.open(nav), odoo = connector.open(odoo),
    company = nav.company, entity = flow.nav.read, model = flow.odoo.model,
    stamp = flow.nav.watch and flow.nav.watch.stamp,
    every_ms = flow.nav.watch and flow.nav.watch.every_ms or 30000,
    sweep = flow.nav.watch and flow.nav.watch.scan, zone = nav.zone or "UTC",
    page_size = nav.page_size or 500, batch_size = odoo.batch or 200,
    high_water = spec.high_water or 2500,
    settle_us = proof.settle_ms(odoo, "odoo") * 1000,
    once = spec.once, once_all = spec.all, wait_ms = spec.wait_ms or 300000,
    settle_nav_us = proof.settle_ms(nav, "nav") * 1000,
    same = values.same, same_nav = delivery.same, counters = {}, bugs = 0, polls_open = 0,
    started_us = spec.started or time.now(), room = task.event(),
    poll_now = task.event("poll:" .. flow.name), poll_odoo_now = task.event("poll_odoo:" .. flow.name),
    claims = {}, sends_over = {}, express = express.new(flow), held = held.new(HELD_MAX),
    effect_prefix = keys.effect(flow.name, nav.company, flow.nav.read, ""),
    xmlid_prefix = keys.xmlid(nav.company, flow.link.xmlid, ""),
  }, engine)
  ways.prepare(self)
  return self
end

--- Opens both systems for a flow without polling or pumping, for those who only look: connectors,
-- schemas, the comparison with the flow, lookups. Waits.
---@param spec table  as `start` gets it
---@param flow navodoo.Compiled
---@return table|nil engine
---@return table|nil err
function main.open(spec, flow)
  flow.declared = flow.declared or flow.name
  flow.name = spec.instance or flow.declared
  local self = new_engine(spec, flow)
  local ok, err = prepare(self)
  if not ok then return nil, err end
  return self
end

--- Entry point of a generation; returns when the work is done (`once`), stopped or handed over.
---@param argument string  JSON: { flow={ file=, source=, lookups= }, config=, endpoints={ nav=, odoo= },
--   once=, all=, wait_ms=, high_water=, hash=, and from the one who opens lives:
--   instance= (name in the store), life= (name of this state), generation= (id in the store),
--   beside= (another life of the flow runs), known= (on the same endpoints, which it has looked at),
--   pinned= (only jobs that this generation began),
--   started= (of the process) }
function main.start(argument)
  local spec = assert(json.decode(argument))
  local flow, problems = loader.compile {
    file = spec.flow.file, source = spec.flow.source, lookups = spec.flow.lookups,
    config = spec.config or { endpoints = spec.endpoints } }
  local name = spec.instance or spec.flow.name
  if not flow then return life.give_up(spec, name, { class = "config", text = problem.format_all(problems) }) end
  flow.declared, flow.name = flow.name, name
  local self = new_engine(spec, flow)
  life.listen(self, spec)
  local ok, err = prepare(self)
  if ok and not spec.known then
    ok, err = insist(self, "fingerprint", function() return identity.check(self) end)
  end
  if not ok then return life.give_up(spec, name, err) end
  if not spec.beside then take_up(self, spec) end -- nobody else is at work: other versions finish theirs first
  if not life.take_turn(self, spec) then return end
  if spec.beside then take_up(self, spec) end
  self:publish()
  collectgarbage() -- what compiling and comparing left behind
  log.info("flow runs", { flow = name, generation = spec.hash, pinned = self.pinned })
  ways.run(self)
  express.finish(self)
  self.ended = not self.retiring
  self:publish()
end

return main
