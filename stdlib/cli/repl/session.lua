--- What a repl works on: the flows of a folder, one record, and how it maps.
--
-- Whatever is read here is read through endpoints that send no change, and from a store that
-- is opened for reading or asked through its engine. There is no way from here to a write.

local bench = require "cli.bench"
local commands = require "cli.commands"
local control = require "cli.control"
local fs = require "navodoo.fs"
local keys = require "navodoo.engine.keys"
local live = require "cli.live"
local loader = require "navodoo.loader"
local problem = require "navodoo.problem"
local project = require "cli.project"
local sample = require "navodoo.sample"
local store = require "navodoo.store"
local task = require "navodoo.task"
local trace = require "navodoo.trace"

local session = {}
session.__index = session

local BUDGET <const> = 2000000 -- instructions of an expression

---@class cli.Session
---@field project table
---@field flow table          of the project
---@field sample navodoo.Sample|nil
---@field origin string|nil   where the record came from
---@field trace navodoo.Trace|nil
---@field problems table[]    of the last reading of the folder

---@param a { [1]: string?, env: string?, set: string[]?, state: string?, pair: string? }
---@return cli.Session|nil
---@return table|nil problems
function session.open(a)
  local self = setmetatable({ options = a, folder = a[1] or "flows", lives = {} }, session)
  local problems = self:reload()
  if problems then return nil, problems end
  return self
end

--- Reads the folder again. When it has mistakes, what was read before stays.
---@return table|nil problems
function session:reload()
  local p, problems = project.load(self.folder, self.options.env, self.options.set)
  if not p then return problems end
  local lookups, why = bench.sample_lookups(p.folder)
  if not lookups then return { { file = p.folder .. "/samples/lookups.json", text = why } } end
  self.project, self.file_lookups, self.lives = p, lookups, {}
  self.flow = self.flow and bench.flow(p, self.flow.name) or p.flows[1]
  return nil
end

---@param name string
---@return true|nil ok
---@return string|nil why
function session:choose(name)
  local flow, why = bench.flow(self.project, name)
  if not flow then return nil, why end
  if self.flow ~= flow then self.sample, self.trace, self.origin = nil, nil, nil end
  self.flow = flow
  return true
end

--- The live systems, opened when they are first needed. Waits.
function session:live()
  local connection = self.lives[self.flow.name]
  if connection then return connection end
  local why
  connection, why = live.open(self.project, self.flow, self.options.pair)
  self.lives[self.flow.name] = connection
  return connection, why
end

-- ---- records ------------------------------------------------------------------------------

function session:take(s, origin)
  self.sample, self.origin, self.trace = s, origin, nil
  return true
end

---@param path string
function session:load_file(path)
  local s, why = bench.sample(self.flow, path)
  if not s then return nil, why end
  self.from_live = false
  return self:take(s, path)
end

-- Asks the engine, or reads its store; nil when there is none.
local function look(state, name, arguments)
  if fs.kind(state .. "/control.sock") then
    local result, err = control.call(state, name, arguments)
    store.close()
    return result, err and err.text
  end
  if not fs.kind(state .. "/navodoo.db") then return nil, state .. " holds no store; name it with --state" end
  local ok, err = store.open(state, "read")
  if not ok then return nil, err.text end
  local result
  result, err = commands[name](arguments)
  store.close()
  return result, err and err.text
end

-- The record of the other side that a record is linked with.
function session:partner(connection, side, key)
  local e = connection.engine
  local result = look(self.options.state or "state", "links", {
    flow = e.flow.name, nav = side == "nav" and keys.nav(e.company, key) or nil, odoo = side == "odoo" and key or nil })
  local link = result and result.links[1]
  if not link then return nil end
  if side == "nav" then return connection:record("odoo", link.odoo) end
  return connection:record("nav", keys.nav_key(e.company, link.nav))
end

--- A record of a live system, with what it is linked to. Waits.
---@param side "nav"|"odoo"
---@param key string
function session:load_live(side, key)
  local connection, why = self:live()
  if not connection then return nil, why end
  local record
  record, why = connection:record(side, key)
  if not record then return nil, why end
  local current, _, etag = self:partner(connection, side, key)
  self.from_live = true
  return self:take({ direction = side == "nav" and "nav_to_odoo" or "odoo_to_nav", record = record,
                     creating = current == nil, current = current, etag = etag },
                   ("%s %s%s"):format(side == "nav" and connection.engine.entity or connection.engine.model, key,
                     current and ", linked" or ", not linked"))
end

--- The record of a dead letter, a review, or any other job.
---@param id integer
function session:load_job(id)
  local result, why = look(self.options.state or "state", "job", { id = id })
  if not result then return nil, why end
  local job = result.job
  local name = job.flow:match "^[^@]*"
  local ok
  ok, why = self:choose(name)
  if not ok then return nil, why end
  if type(job.payload) ~= "table" then
    local key = job.direction == "odoo_to_nav" and job.record or job.record:match "/(.*)$"
    return self:load_live(job.direction == "odoo_to_nav" and "odoo" or "nav", key)
  end
  self.from_live = false
  return self:take({ direction = job.direction, record = job.payload, creating = true },
                   ("job %d, %s: %s"):format(id, job.state, tostring(job.why or job.record)))
end

-- ---- mapping ------------------------------------------------------------------------------

--- What lookups know: the live Odoo for a live record, else the samples' one.
function session:lookups()
  if not self.from_live then return self.file_lookups end
  local connection, why = self:live()
  if not connection then return nil, why end
  return connection:lookups()
end

--- Maps the record, and keeps the trace. Waits where the record is a live one.
---@param to "nav"|"odoo"|nil  the side; turning a sample round takes its other side as the record
---@return navodoo.Trace|nil
---@return string|nil why
function session:map(to)
  local s = self.sample
  if not s then return nil, "no record yet: load FILE, load nav KEY, load odoo ID or load job ID" end
  local direction = sample.towards(to)
  if direction and direction ~= s.direction then
    local other = s.current or s.expected
    if not other then return nil, ("this record is one of %s already"):format(to == "nav" and "NAV" or "Odoo") end
    s = { direction = direction, record = other, current = s.record, creating = false, lookups = s.lookups,
          links = s.links }
    self.sample = s
  end
  local found = false
  for _, d in ipairs(self.flow.compiled.directions) do found = found or d == s.direction end
  if not found then return nil, ("flow %s does not go from %s"):format(self.flow.name, sample.source[s.direction]) end
  local lookups, why = self:lookups()
  if not lookups then return nil, why end
  local options
  local connection = self.from_live and self:live()
  if connection and s.direction == "nav_to_odoo" then
    options = { fields = connection.engine.fields, same = connection.engine.same }
  elseif connection then
    options = { fields = connection.engine.nav_schema.fields, same = connection.engine.same_nav }
  end
  self.trace = trace.run(self.flow.compiled, s.direction, s.record, sample.context(s, lookups), options)
  return self.trace
end

--- Maps again with the flow as it stands on disk now.
---@return navodoo.Trace|nil trace
---@return table|string why  problems of the folder, or a text
---@return navodoo.Trace|nil before
function session:again()
  local before = self.trace
  local problems = self:reload()
  if problems then return nil, problems end
  if not self.sample then return nil, "no record yet", before end
  local t, why = self:map()
  return t, why, before
end

-- ---- calls --------------------------------------------------------------------------------

--- The requests that would bring the record to its target; none of them is sent. Waits.
---@return connector.Request[]|nil
---@return string|nil why
function session:calls()
  local t, why = self:map()
  if not t then return nil, why end
  if t.error then return nil, "the mapping broke off: " .. tostring(t.error.text) end
  if #t.problems > 0 then return nil, "nothing would be sent: the record is refused" end
  local connection
  connection, why = self:live()
  if not connection then return nil, why end
  local requests = {}
  local function note(request) requests[#requests + 1] = request end
  for _, e in pairs(connection.endpoints) do e.withheld = note end
  local _, err = connection:send(self.sample, t)
  for _, e in pairs(connection.endpoints) do e.withheld = nil end
  if err and err.code ~= "read_only" then return nil, err.text end
  return requests
end

-- ---- expressions --------------------------------------------------------------------------

local WORDS <const> = [[local navodoo = require "navodoo"
local map, lookup, rule, decimal, null = navodoo.map, navodoo.lookup, navodoo.rule, navodoo.decimal, navodoo.null
return function(record, values, current) %s end]]

--- Evaluates a Lua expression (or statements with `return`) against the record, in the
-- environment of a flow and within its limits.
---@param text string
---@return boolean ok
---@return any value_or_why
function session:evaluate(text)
  local words = require "navodoo"
  local fn, problems
  for _, body in ipairs { "return " .. text, text } do
    fn, problems = loader.run("expression", WORDS:format(body), words)
    if type(fn) == "function" then break end
  end
  if type(fn) ~= "function" then return false, problem.format(problems[1]):gsub("^expression:%d*:?%s*", "") end
  local results
  local noted = problem.collect("expression", function()
    results = table.pack(task.guard(BUDGET, fn, self.sample and self.sample.record or {},
      self.trace and self.trace.values or {}, self.sample and self.sample.current or {}))
  end)
  if #noted > 0 then
    local near = noted[1].near
    return false, noted[1].text .. (near and (" (did you mean %s?)"):format(near) or "")
  end
  if not results[1] then return false, tostring(results[2].text) end
  return true, results[2]
end

--- Puts a value into a field of the record.
function session:set(field, text)
  if not self.sample then return nil, "no record yet" end
  local ok, value = self:evaluate(text)
  if not ok then return nil, value end
  self.sample.record[field] = value
  return true
end

-- ---- words for completion -------------------------------------------------------------------

--- Field names of the record and of the flow.
---@return string[]
function session:fields()
  local seen, list = {}, {}
  local function add(name)
    if not seen[name] then seen[name], list[#list + 1] = true, name end
  end
  for _, entry in ipairs(self.flow.compiled.spec.entries) do
    for _, name in ipairs(entry.nav) do add(name) end
    for _, name in ipairs(entry.odoo) do add(name) end
  end
  for name in pairs(self.sample and self.sample.record or {}) do add(name) end
  table.sort(list)
  return list
end

--- Samples of the flow.
---@return string[]
function session:files()
  local folder, list = ("%s/samples/%s"):format(self.project.folder, self.flow.name), {}
  if fs.kind(folder) == "folder" then
    for _, name in ipairs(fs.list(folder)) do
      if name:find "%.json$" then list[#list + 1] = folder .. "/" .. name end
    end
  end
  return list
end

return session
