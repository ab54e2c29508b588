--- A NAV and an Odoo inside the test, and the real engine between them.
--
--     local world = testing.world()
--     world:nav("Customer", "C1", { Name = "Anna", Customer_Posting_Group = "EU" })
--     world:run "customer"
--     expect(world:sent()):equals { { to = "odoo", what = "res.partner load", args = {...} } }
--
-- Both sides are the sandbox, which answers and refuses as the real systems do; nothing goes
-- over a network. `world:answer` puts an answer of the test's own in front of it.

local call = require "connector.call"
local applying = require "navodoo.engine.applying"
local cache = require "navodoo.cache"
local crypto = require "navodoo.crypto"
local engine = require "navodoo.engine.main"
local fs = require "navodoo.fs"
local http = require "navodoo.http"
local json = require "navodoo.json"
local loader = require "navodoo.loader"
local log = require "navodoo.log"
local nav = require "sandbox.nav"
local odoo = require "sandbox.odoo"
local plan = require "cli.plan"
local planning = require "navodoo.engine.planning"
local secret = require "navodoo.secret"
local server = require "sandbox.server"
local store = require "navodoo.store"
local task = require "navodoo.task"

local world = {}
world.__index = world

local count = 0

local function remove_folder(path)
  for _, name in ipairs(fs.list(path) or {}) do os.remove(path .. "/" .. name) end
  os.remove(path)
end

---@param p table        project: its flows and endpoints
---@param options { odoo_version: integer?, seed: integer? }?
---@return table world
function world.open(p, options)
  options = options or {}
  count = count + 1
  local self = setmetatable({ project = p, answers = {}, requests = {} }, world)
  local company = p.endpoints.nav.company
  self.sides = {
    nav = { kind = "nav", module = nav, state = nav.new { customers = 0, seed = options.seed or 1, plain = true,
                                                        company = company } },
    odoo = { kind = "odoo", module = odoo, state = odoo.new { version = options.odoo_version or 19,
                                                           seed = options.seed or 1 } },
  }
  local token = tostring(assert(secret.define("TESTING", "sandbox")))
  self.endpoints = {}
  for _, name in ipairs { "nav", "odoo" } do
    local e = {}
    for key, v in pairs(p.endpoints[name]) do e[key] = v end
    e.name = ("%s of test %d"):format(name, count)
    e.url = name == "nav" and "http://nav/DynamicsNAV110/ODataV4" or "http://odoo"
    e.user = name == "nav" and "navodoo" or "navodoo@example.com"
    e.secret, e.password, e.settle_ms = token, nil, 1
    if name == "odoo" then e.database = "sandbox" end
    assert(http.endpoint { name = e.name, base_url = e.url })
    self.sides[name].handler = server.handler(self.sides[name])
    self.endpoints[name] = e
  end
  return self
end

local function edit(self, side, change)
  local response = self.sides[side].handler { method = "POST", path = "/_sandbox/edit", headers = {},
                                              body = assert(json.encode(change)) }
  if response.status ~= 200 then error(("%s refuses: %s"):format(side, response.body), 3) end
  return json.decode(response.body)
end

--- A person makes or changes a record in NAV.
---@param table_name string   "Customer"
---@param key string
---@param fields table
function world:nav(table_name, key, fields)
  local there = false
  for _, record in ipairs(nav.dump(self.sides.nav.state, table_name) or {}) do
    there = there or record.No == key
  end
  return edit(self, "nav", { table = table_name, key = key, insert = not there or nil, fields = fields })
end

--- A person makes (without `id`) or changes a record in Odoo; answers its id.
---@param model string
---@param fields table
---@param id integer?
---@return integer id
function world:odoo(model, fields, id)
  return edit(self, "odoo", { model = model, key = id, action = not id and "insert" or nil, fields = fields }).key
end

--- All records that a side holds.
---@param side "nav"|"odoo"
---@param name string  table or model
---@return table[]
function world:records(side, name) return self.sides[side].module.dump(self.sides[side].state, name) end

--- An answer of the test's own for calls to a side: instead of what the sandbox would say.
---@param answer { to: string, what: string?, status: integer?, body: string?, times: integer?, code: string?,
---   act: fun()?, cut: boolean?, retry_after_ms: integer? }
--   `what`: a pattern of the call's name; `code`: no answer comes at all, and why ("network", "timeout");
--   `act`: what happens before; `cut`: the call is carried out, and its answer is lost
function world:answer(answer)
  answer.times = answer.times or 1
  self.answers[#self.answers + 1] = answer
end

local function scripted(self, side, what)
  for _, a in ipairs(self.answers) do
    if a.to == side and a.times > 0 and (not a.what or what:find(a.what)) then
      a.times = a.times - 1
      return a
    end
  end
end

-- Name and arguments of a call to Odoo, whatever the protocol; of a call to NAV the path.
local function describe(side, request)
  local body = request.body and json.decode(request.body)
  if side == "nav" then
    local path = request.path:gsub("^/Company%('[^']*'%)/", "")
    return ("%s %s"):format(request.method or "GET", path), body
  end
  local model, method = request.path:match "^/json/2/([^/]+)/([^/]+)$"
  if model then return model .. " " .. method, body end
  local params = type(body) == "table" and body.params or {}
  if params.method == "execute_kw" then
    return params.args[4] .. " " .. params.args[5], json.array { params.args[6], params.args[7] }
  end
  return tostring(params.method), params.args
end

local function through(self, request)
  local side = request.endpoint == self.endpoints.nav.name and "nav" or "odoo"
  local what, args = describe(side, request)
  self.requests[#self.requests + 1] = { to = side, what = what, args = args, method = request.method,
                                        path = request.path, body = request.body }
  local own = scripted(self, side, what)
  if own and own.act then own.act() end
  if own and own.code then return nil, { code = own.code, text = side .. ": " .. own.code, maybe_sent = true } end
  if own and (own.status or own.body) then
    return { status = own.status or 200, headers = {}, body = own.body or "", retry_after_ms = own.retry_after_ms }
  end
  local e = self.endpoints[side]
  local headers = {}
  for name, v in pairs(request.headers or {}) do
    headers[name:lower()] = tostring(v):gsub(e.secret:gsub("%p", "%%%0"), "sandbox")
  end
  if side == "nav" then headers.authorization = "Basic " .. crypto.base64(e.user .. ":sandbox") end
  local prefix = side == "nav" and "/DynamicsNAV110/ODataV4" or ""
  local body = request.body and request.body:gsub(e.secret:gsub("%p", "%%%0"), "sandbox") or nil
  local response = self.sides[side].handler { method = request.method or "GET", path = prefix .. request.path,
                                              headers = headers, body = body, remote = "test" }
  if response.cut or own and own.cut then
    return nil, { code = "network", text = side .. ": cut off", maybe_sent = true }
  end
  local answered = {}
  for name, v in pairs(response.headers or {}) do answered[name:lower()] = v end
  return { status = response.status, headers = answered, body = response.body }
end

local function flow_of(self, name)
  for _, f in ipairs(self.project.flows) do
    if f.name == name then return f end
  end
  error(("there is no flow %s"):format(name), 3)
end

-- Where this world keeps its store.
local function folder_of(self)
  if not self.folder then
    self.folder = os.tmpname()
    os.remove(self.folder)
    assert(fs.make(self.folder))
  end
  return self.folder
end

-- Calls `fn` while every request goes to the two sides of this world.
local function between(self, fn, ...)
  local request, info, warn = call.request, log.info, log.warn
  local function say_nothing() end
  call.request, log.info, log.warn = function(r) return through(self, r) end, say_nothing, say_nothing
  local results = table.pack(pcall(fn, ...))
  call.request, log.info, log.warn = request, info, warn
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

local function look(self, name)
  self.left = store.query("jobs_list", name, nil, 0, 100)
  self.linked = store.query("links_list", name, 0, 100)
end

--- Runs a flow until its work is done, as `navodoo run --once` does.
---@param name string
---@param options { all: boolean? }?
---@return table<string, integer> counters
function world:run(name, options)
  local flow = flow_of(self, name)
  assert(store.open(folder_of(self)))
  local ok, err = pcall(between, self, engine.start, assert(json.encode {
    flow = { name = flow.name, file = flow.file, source = flow.source,
             lookups = json.object({}, flow.lookups) },
    endpoints = { nav = self.endpoints.nav, odoo = self.endpoints.odoo }, hash = flow.hash, once = true,
    all = options and options.all or false, wait_ms = 3000 }))
  look(self, flow.name)
  task.event("stop:" .. flow.name):set()
  store.close()
  local board = cache.get("board", flow.name)
  board = board and json.decode(board) or {}
  if not ok then error(err, 0) end
  if board.failed then error("the flow does not run: " .. board.failed, 2) end
  return board.counters
end

-- A flow compiled anew, and what an engine is opened with.
local function spec_of(self, flow, readonly)
  local endpoints = {}
  for side, e in pairs(self.endpoints) do
    endpoints[side] = {}
    for key, v in pairs(e) do endpoints[side][key] = v end
    endpoints[side].read_only = readonly
  end
  local compiled = assert(loader.compile { file = flow.file, source = flow.source, lookups = flow.lookups,
                                           config = self.project.config })
  return { endpoints = endpoints, hash = flow.hash, once = true, wait_ms = 0 }, compiled
end

--- What a flow would write now, as `navodoo plan` tells it; nothing is sent.
---@param name string
---@param key string|nil  of one record
---@return { records: navodoo.Planned[], parked: table[] }
function world:plan(name, key)
  local spec, compiled = spec_of(self, flow_of(self, name), true)
  local made, err
  if key then
    made, err = plan.on_store(folder_of(self), function() return between(self, planning.one, spec, compiled, key) end)
  else
    made, err = plan.on_copy(folder_of(self), function() return between(self, planning.run, spec, compiled) end)
  end
  if not made then error(err.text, 2) end
  return assert(json.decode(assert(json.encode(made)))) -- as it comes out of a file
end

--- Sends what a plan says, as `navodoo apply` does.
---@param name string
---@param made table
---@return table<string, table> outcomes  by record: { ok =, result =, text = }
function world:apply(name, made)
  local spec, compiled = spec_of(self, flow_of(self, name), false)
  local outcomes = {}
  assert(store.open(folder_of(self)))
  local ran, ok, err = pcall(between, self, applying.run, spec, compiled, made, function(p, outcome)
    outcomes[p.direction .. " " .. p.record] = outcome
  end)
  look(self, name)
  store.close()
  if not ran then error(ok, 0) end
  if not ok then error(err.text, 2) end
  return outcomes
end

local READS <const> = { read = true, search = true, search_read = true, search_count = true, fields_get = true,
                        default_get = true, context_get = true }

--- The calls that change something, in their order.
---@return { to: string, what: string, args: any }[]
function world:sent()
  local list = {}
  for _, r in ipairs(self.requests) do
    local method = r.what:match "^%S+ (%S+)$"
    local changes = r.to == "nav" and (r.method or "GET") ~= "GET"
      or r.to == "odoo" and method ~= nil and not READS[method]
    if changes then list[#list + 1] = { to = r.to, what = r.what, args = r.args } end
  end
  return list
end

--- The rows of the `load` calls for a model: `{ id = "navodoo....", name = "Anna", ... }`, cells as
-- they were sent.
---@param model string
---@return table[]
function world:loaded(model)
  local rows = {}
  for _, call_sent in ipairs(self:sent()) do
    if call_sent.to == "odoo" and call_sent.what == model .. " load" then
      local args = call_sent.args.fields and { call_sent.args.fields, call_sent.args.data } or call_sent.args[1]
      for _, cells in ipairs(args[2]) do
        local row = {}
        for i, name in ipairs(args[1]) do row[name] = cells[i] end
        rows[#rows + 1] = row
      end
    end
  end
  return rows
end

--- Jobs that are left, with what parked them.
---@return table[]
function world:jobs() return self.left or {} end

--- Links that were made.
---@return table[]
function world:links() return self.linked or {} end

--- Removes the store of this world; `local world <close> = ...` does it by itself.
function world:close()
  if self.folder then remove_folder(self.folder) end
  self.folder = nil
end
world.__close = world.close

return world
