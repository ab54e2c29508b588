--- The hidden doors of the sandbox, under /_sandbox/ on each listener: look, break, edit, reset.
--
-- | route | what |
-- | --- | --- |
-- | GET /_sandbox/dump[?table=Customer[&company=...]] | all records, of all tables or one (`model=` for Odoo) |
-- | GET /_sandbox/stats | counters of calls, reads, creates, updates |
-- | GET, POST, DELETE /_sandbox/faults | list, add, clear fault rules (sandbox.faults) |
-- | POST /_sandbox/edit | a person changes a record: { table or model, key, fields, insert?, delete?, late_ms? } |
-- | POST /_sandbox/crowd | many records changed at once: { edits, seed?, table or model?, except? } |
-- | POST /_sandbox/clock | the time of both sides moves on: { seconds or days } |
-- | POST /_sandbox/sign_out | sessions, tokens and signed-in connections end |
-- | POST /_sandbox/snapshot | takes a backup, in memory |
-- | POST /_sandbox/restore | the data as at the last snapshot, as after restoring a backup |
-- | POST /_sandbox/reset | everything as at the start: { customers?, seed?, ... } |
--
-- `late_ms` is how long ago the transaction began that is committed now: its stamps are of then, so
-- the record turns up behind what a poll has read. `except` are NAV numbers whose records (in Odoo:
-- partners with this reference) the crowd leaves alone. These calls are not counted and no fault strikes them.

local json = require "navodoo.json"
local crowd = require "sandbox.crowd"
local faults = require "sandbox.faults"
local ordered = require "sandbox.nav.ordered"
local time = require "navodoo.time"

local control = {}

local function reply(status, value)
  return { status = status, headers = { ["Content-Type"] = "application/json" }, body = json.encode(value) }
end

local function refuse(status, text) return reply(status, { error = text }) end

local function query_value(path, name)
  local query = path:match("%?(.*)$") or ""
  for part in query:gmatch("[^&]+") do
    local key, value = part:match("^([^=]*)=(.*)$")
    if key == name then
      return (value:gsub("%+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
    end
  end
end

-- The body as a table, {} when there is none.
local function body_of(request)
  local text = request.body or ""
  if not text:find("%S") then return {} end
  local value, problem = json.decode(text)
  if problem then return nil, problem.text end
  if type(value) ~= "table" or json.is_array(value) then return nil, "a JSON object is expected" end
  return value
end

-- What a side's module must offer for these routes: dump, stats, tables, edit, reset. The Odoo module
-- keeps to what its protocols need, so the rest is put together here: a person there is the
-- administrator, and what he does is not counted as a call.
local odoo_door = {}

function odoo_door.tables(state)
  local list = {}
  for name in pairs(state.models) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local function copied(value)
  if type(value) ~= "table" then return value end
  local copy = {}
  for key, inner in pairs(value) do copy[key] = copied(inner) end
  return copy
end

local ADMINISTRATOR <const> = 2

function odoo_door.edit(state, change, clock)
  local call = require "sandbox.odoo.call"
  local method = ({ insert = "create", delete = "unlink" })[change.action] or "write"
  local args = method == "create" and { change.fields or {} } or { json.array { change.key }, change.fields }
  if method == "unlink" then args[2] = nil end
  if type(change.model) ~= "string" then return nil, "a model is needed" end
  if method ~= "create" and math.type(change.key) ~= "integer" then return nil, "the key is the record's id" end
  local stats = copied(state.stats)
  local ok, result = pcall(call.run, state, {
    uid = ADMINISTRATOR, door = "rpc", model = change.model, method = method, args = json.array(args),
    named = {}, now = clock.now(), late_us = (change.late_ms or 0) * 1000,
  })
  state.stats = stats
  if not ok then return nil, type(result) == "table" and result.message or tostring(result) end
  return { key = method == "create" and result or change.key }
end

function odoo_door.reset(state, options, module)
  local kept = { version = state.version }
  for name, value in pairs(state.config) do kept[name] = value end
  kept.deny = nil
  for name, value in pairs(options) do kept[name] = value end
  local fresh = module.new(kept)
  fresh.config.deny = state.config.deny
  for name in pairs(state) do state[name] = nil end
  for name, value in pairs(fresh) do state[name] = value end
end

-- Records that people change: cards of the table, partners that are somebody's customer or vendor
-- and no user.
local function keys_of_nav(state, name, except)
  local t, keys = state.tables[name], {}
  if not t then return nil end
  for _, key in ipairs(t.keys) do
    local parts = {}
    for part in (key .. "\0"):gmatch "(%Z*)%z" do parts[#parts + 1] = part end
    if not except[parts[1]] then keys[#keys + 1] = #parts == 1 and key or json.array(parts) end
  end
  return keys
end

local function keys_of_odoo(state, name, except)
  if not state.models[name] then return nil end
  local keys = {}
  for id, row in state:table(name):each() do
    local ranked = name ~= "res.partner" or (row.customer_rank or 0) + (row.supplier_rank or 0) > 0
    if ranked and row.active and not except[row.ref or ""] then keys[#keys + 1] = id end
  end
  return keys
end

local function crowd_edit(side, change, entry, clock)
  local fields = {}
  if side.kind == "nav" then
    fields = entry.changes
  else
    for _, c in ipairs(entry.changes) do fields[c.key] = c.value end
  end
  local edit = side.module.edit or odoo_door.edit
  return edit(side.state, { table = change.table, model = change.model, key = entry.key, fields = fields }, clock)
end

-- A function of the side's module, or the one put together for it.
local function offered(side, name)
  return side.module[name] or side.kind == "odoo" and odoo_door[name] or error("sandbox: no " .. name)
end

local routes = {}

routes["GET dump"] = function(request, side)
  local name = query_value(request.path, "table") or query_value(request.path, "model")
  if name then
    local records = side.module.dump(side.state, name, query_value(request.path, "company"))
    if not records then return refuse(404, ("there is no %q here"):format(name)) end
    return reply(200, { [name] = records })
  end
  local all = {}
  for _, each in ipairs(offered(side, "tables")(side.state)) do all[each] = side.module.dump(side.state, each) end
  return reply(200, all)
end

routes["GET stats"] = function(_, side) return reply(200, side.module.stats(side.state)) end

routes["GET faults"] = function(_, side) return reply(200, { rules = faults.list(side.state) }) end

routes["POST faults"] = function(request, side)
  local spec, problem = body_of(request)
  if not spec then return refuse(400, problem) end
  local added
  added, problem = faults.install(side.state, spec)
  if not added then return refuse(400, problem) end
  return reply(200, { rules = faults.list(side.state) })
end

routes["DELETE faults"] = function(_, side)
  faults.clear(side.state)
  return reply(200, { rules = faults.list(side.state) })
end

-- Fields keep the order in which they were written: a person types them one after the other.
routes["POST edit"] = function(request, side, clock)
  local change, problem = body_of(request)
  if not change then return refuse(400, problem) end
  if change.insert then change.action = "insert" end
  if change.delete then change.action = "delete" end
  if side.kind == "nav" and change.fields ~= nil then
    for _, member in ipairs(ordered.members(request.body)) do
      if member.key == "fields" then change.fields = ordered.members(member.raw) end
    end
    if not change.fields then return refuse(400, "fields is an object") end
  end
  local done, refused = offered(side, "edit")(side.state, change, clock)
  if not done then return refuse(400, type(refused) == "table" and (refused.message or refused.text) or refused) end
  return reply(200, type(done) == "table" and done or { done = done })
end

routes["POST crowd"] = function(request, side, clock)
  local options, problem = body_of(request)
  if not options then return refuse(400, problem) end
  if math.type(options.edits) ~= "integer" or options.edits < 1 then
    return refuse(400, "edits is how many records are changed")
  end
  local except = {}
  for _, key in ipairs(options.except or {}) do except[key] = true end
  options.table, options.model = options.table or "Customer", options.model or "res.partner"
  local keys = (side.kind == "nav" and keys_of_nav or keys_of_odoo)(side.state,
    side.kind == "nav" and options.table or options.model, except)
  if not keys then return refuse(404, "there is no such table here") end
  local done, refused = json.array {}, json.array {}
  for _, entry in ipairs(crowd.plan(side.kind, keys, options)) do
    local changed = {}
    for _, c in ipairs(entry.changes) do changed[c.key] = c.value end
    local ok, why = crowd_edit(side, options, entry, clock)
    if ok then
      done[#done + 1] = { key = entry.key, changed = changed }
    else
      refused[#refused + 1] = { key = entry.key, why = type(why) == "table" and (why.message or why.text) or why }
    end
  end
  return reply(200, { done = done, refused = refused })
end

routes["POST clock"] = function(request, _, clock)
  local options, problem = body_of(request)
  if not options then return refuse(400, problem) end
  local seconds = options.seconds or options.days and math.type(options.days) == "integer" and options.days * 86400
  if math.type(seconds) ~= "integer" or seconds < 0 then
    return refuse(400, "seconds or days is a whole number: time moves forward only")
  end
  if not clock.advance then return refuse(400, "this clock cannot be moved") end
  clock.advance(seconds * 1000000)
  return reply(200, { now = time.iso(clock.now()) })
end

routes["POST snapshot"] = function(_, side)
  side.snapshot = assert(json.encode(side.module.save(side.state)))
  return reply(200, { bytes = #side.snapshot })
end

routes["POST restore"] = function(_, side)
  if not side.snapshot then return refuse(409, "there is no snapshot yet") end
  local old = side.module.restore(assert(json.decode(side.snapshot, { max_depth = 64 })))
  for name in pairs(side.state) do side.state[name] = nil end
  for name, value in pairs(old) do side.state[name] = value end
  setmetatable(side.state, getmetatable(old))
  return reply(200, { done = true })
end

routes["POST reset"] = function(request, side)
  local options, problem = body_of(request)
  if not options then return refuse(400, problem) end
  for _, name in ipairs { "customers", "vendors", "contacts", "addresses", "items", "partners", "seed" } do
    local value = options[name]
    if value ~= nil and (math.type(value) ~= "integer" or value < 0) then
      return refuse(400, name .. " is a whole number")
    end
  end
  offered(side, "reset")(side.state, options, side.module)
  return reply(200, { reset = true })
end

routes["POST sign_out"] = function(_, side)
  require(("sandbox.%s.auth"):format(side.kind)).forget(side.state)
  return reply(200, { signed_out = true })
end

local KNOWN <const> = { dump = "GET", stats = "GET", faults = "GET, POST, DELETE", edit = "POST", crowd = "POST",
                       clock = "POST", reset = "POST", sign_out = "POST" }

--- Answers a control call; any other request is none of its business.
---@param request { method: string, path: string, body: string? }
---@param side { kind: string, state: table, module: table }
---@param clock { now: fun(): integer }
---@return table? response
function control.handle(request, side, clock)
  local name = request.path:match("^/_sandbox/([^?/]*)")
  if not name then return nil end
  local route = routes[request.method .. " " .. name]
  if route then return route(request, side, clock) end
  if KNOWN[name] then
    local response = refuse(405, "only " .. KNOWN[name] .. " here")
    response.headers.Allow = KNOWN[name]
    return response
  end
  return refuse(404, "routes: dump, stats, faults, edit, crowd, clock, reset, sign_out, each under /_sandbox/")
end

return control
