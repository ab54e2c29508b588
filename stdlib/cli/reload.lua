--- Looks at the folder of flows again: what changed is checked, what is good runs.
--
-- Each flow has its own version, the hash of its file and of the lookup tables that it
-- names. A file with a mistake changes nothing: its flow goes on as it was, and the log
-- and `navodoo status` say why, with file and line. A changed navodoo.lua opens the
-- endpoints again; the versions of the flows stay. A version that a person went back to
-- runs until the file changes again.

local fs = require "navodoo.fs"
local json = require "navodoo.json"
local loader = require "navodoo.loader"
local log = require "navodoo.log"
local problem = require "navodoo.problem"
local project = require "cli.project"
local store = require "navodoo.store"
local supervisor = require "cli.supervisor"
local task = require "navodoo.task"
local time = require "navodoo.time"

local reload = {}
reload.__index = reload

--- A folder that goes away is looked for so often.
local LOOK_AGAIN_MS <const> = 5000

---@param p table            of project.load
---@param lives table        of supervisor.new
---@param a table            env and set, as the command line gave them
function reload.new(p, lives, a)
  local self = setmetatable({ p = p, lives = lives, env = a.env, set = a.set, config_source = p.config_source,
                              files = {}, before = {}, back = {}, rejected = {}, refused = {} }, reload)
  -- what compiles here and not beside the ERPs: an unknown field, say
  lives.on_refused = function(slot, wanted, text)
    local file = wanted.file
    local flow = self.files[file]
    if wanted.cause == "file" then self.rejected[file] = wanted.hash end
    if flow and flow.hash == wanted.hash then self.files[file] = self.before[file] or flow end
    self:refuse(file, text, slot)
    self:tell()
  end
  -- from here on this is what a refusal goes back to
  lives.on_replaced = function(slot)
    local flow = self.files[slot.wanted.file]
    if flow and flow.hash == slot.wanted.hash then self.before[flow.file] = nil end
  end
  return self
end

-- ---- what is refused --------------------------------------------------------------------

--- Remembers why a file is not taken, and says so once.
function reload:refuse(file, text, slot)
  local known = self.refused[file]
  if known and known.text == text then return end
  self.refused[file] = { file = file, text = text, at = time.now() }
  log.error("file is not taken, what ran before goes on: " .. text, { file = file, flow = slot and slot.name })
end

--- The refused files, sorted: { file=, text=, at= }.
---@return table[]
function reload:refusals()
  local list = json.array {}
  for _, file in ipairs(problem.names(self.refused)) do
    local r = self.refused[file]
    list[#list + 1] = { file = file, text = r.text, at = time.iso(r.at) }
  end
  return list
end

-- ---- versions ---------------------------------------------------------------------------

--- The version that a person went back to, while the file is the one that he left.
function reload:rolled_back(name, hash)
  local back = self.back[name]
  if back == nil then
    local rows = store.query("meta", "rollback:" .. name)
    back = rows and rows[1] and rows[1].value and json.decode(rows[1].value) or false
    self.back[name] = back
  end
  if not back then return nil end
  if back.of ~= hash then
    self.back[name] = false
    store.apply { { "meta_put", "rollback:" .. name, nil } }
    return nil
  end
  local rows = store.query("generation", name, back.hash)
  local row = rows and rows[1]
  if not row then return nil end
  return { hash = row.hash, file = row.file, source = row.source, lookups = json.decode(row.lookups) }
end

--- Hash of the file of a flow, nil when no file declares it.
---@param name string
---@return string|nil
function reload:file_hash(name)
  for _, flow in pairs(self.files) do
    if flow.name == name then return flow.hash end
  end
  return nil
end

--- What a flow's slots should run; nil and the problem when the store fails.
function reload:wanted(flow, cause, began)
  local version = self:rolled_back(flow.name, flow.hash)
  if version then cause = "rollback" else version = flow end
  local id, err, kept = supervisor.register(flow.name, version, cause)
  if not id then return nil, err end
  local list = {}
  for i, pair in ipairs(self.p.pairs) do
    list[i] = { id = id, hash = version.hash, file = version.file, source = version.source,
                lookups = version.lookups, cause = cause, began = began, kept = kept, pairs = #self.p.pairs,
                endpoints = project.views(self.p.endpoints, pair) }
  end
  return list
end

--- Starts all flows of the project.
---@return true|nil ok
---@return table|nil err
function reload:start()
  for _, flow in ipairs(self.p.flows) do
    local list, err = self:wanted(flow, "start")
    if not list then return nil, err end
    local ok
    ok, err = list[1].kept:wait()
    if not ok then return nil, err end
    self.files[flow.file] = flow
    for i, pair in ipairs(self.p.pairs) do
      self.lives:add(project.instance(flow.name, pair), flow.name, list[i])
    end
  end
  return supervisor.prune()
end

-- ---- looking ----------------------------------------------------------------------------

--- Compiles a file that changed; nil when it is refused.
function reload:read_flow(file, lookups)
  local hash, named = project.version(file.source, lookups)
  local known = self.files[file.file]
  if self.rejected[file.file] == hash then return known end
  self.rejected[file.file] = nil
  if known and known.hash == hash then
    self.refused[file.file] = nil
    return known
  end
  local compiled, problems = loader.compile { file = file.file, source = file.source, lookups = named,
                                              config = self.p.config, schemas = self.p.schemas }
  if problems then
    self:refuse(file.file, problem.format_all(problems))
    return nil
  end
  self.refused[file.file] = nil
  return { name = compiled.name, file = file.file, source = file.source, lookups = named, hash = hash,
           compiled = compiled }
end

-- The first file, by name, that declares what another one has; and that other one. What stays
-- as it is has its name before what changed.
local function namesake(self, there, flows)
  local holder, paths = {}, problem.names(there)
  for _, path in ipairs(paths) do
    local old = self.files[path]
    if old and (flows[path] or old) == old then holder[old.name] = path end
  end
  for _, path in ipairs(paths) do
    local flow = flows[path]
    if flow and flow ~= self.files[path] then
      if holder[flow.name] then return path, holder[flow.name] end
      holder[flow.name] = path
    end
  end
end

--- Leaves out the changed files whose flow another file declares.
---@param there table<string, true>   the files of the folder
---@param flows table<string, table>  those of them that are not refused; changed
function reload:part_namesakes(there, flows)
  local path, other = namesake(self, there, flows)
  while path do -- what is refused goes on under the name that it had
    local flow = flows[path]
    self:refuse(path, problem.format_all { problem.new { file = path, line = flow.compiled.line,
      text = ("flow %q is declared in %s already"):format(flow.name, other) } })
    flows[path] = nil
    path, other = namesake(self, there, flows)
  end
end

--- Opens the endpoints as navodoo.lua declares them now; true when something changed.
function reload:read_config(source)
  if source == self.config_source then
    self.refused[self.p.config.file] = nil
    return false
  end
  local settled, problems = project.settle(self.p.folder, source, self.env, self.set)
  local ok = settled ~= nil
  if ok then
    self.config_source = source
    if settled.text == self.p.config.text then -- what concerns no endpoint holds from here on
      for _, section in ipairs { "storage", "alerts", "monitor" } do self.p.config[section] = settled[section] end
      self.refused[self.p.config.file] = nil
      return false
    end
    local complaint
    ok, complaint = project.open_endpoints(settled.endpoints)
    problems = not ok and { problem.new { file = self.p.config.file, text = complaint } } or nil
  end
  if not ok then
    self:refuse(self.p.config.file, problem.format_all(problems))
    return false
  end
  self.refused[self.p.config.file] = nil
  self.p.config, self.p.endpoints, self.p.pairs = settled, settled.endpoints, settled.pairs
  log.info("endpoints opened again", { file = self.p.config.file })
  return true
end

--- Gives the slots of a flow what they should run, where that is something else.
function reload:apply(flow, cause, began)
  local list, err = self:wanted(flow, cause, began)
  if not list then
    self:refuse(flow.file, err.text)
    return
  end
  -- of two changes, one soon after the other, what runs is what was before both
  if self.files[flow.file] ~= flow then self.before[flow.file] = self.before[flow.file] or self.files[flow.file] end
  self.files[flow.file] = flow
  for i, pair in ipairs(self.p.pairs) do
    local name = project.instance(flow.name, pair)
    local slot = self.lives.by_name[name]
    if not slot then
      self.lives:add(name, flow.name, list[i])
    elseif slot.wanted.id ~= list[i].id or cause == "endpoints" then
      slot.wanted = list[i]
      slot.news:set()
    end
  end
end

--- Ends the slots that no file and no pair of companies asks for.
function reload:remove_others(files)
  local asked = {}
  for _, path in ipairs(problem.names(self.files)) do
    local flow = self.files[path]
    if files[path] then
      for _, pair in ipairs(self.p.pairs) do asked[project.instance(flow.name, pair)] = true end
    else
      self.files[path], self.refused[path], self.before[path], self.rejected[path] = nil, nil, nil, nil
    end
  end
  for i = #self.lives.slots, 1, -1 do
    local slot = self.lives.slots[i]
    if not asked[slot.name] then
      log.info("flow is gone", { flow = slot.name })
      self.lives:remove(slot)
    end
  end
end

--- Looks at all files once.
---@param cause string|nil  of changes that are no file's, as "rollback"
function reload:look(cause)
  local lock <close> = task.lock { "reload" } -- luacheck: ignore lock
  local began = time.monotonic()
  local read, problems = project.read(self.p.folder)
  if not read then return self:refuse(self.p.folder, problem.format_all(problems)) end
  self.refused[self.p.folder] = nil
  local reopened = self:read_config(read.config)
  local there, flows = {}, {}
  for _, file in ipairs(read.files) do
    there[file.file] = true
    flows[file.file] = self:read_flow(file, read.lookups)
  end
  self:part_namesakes(there, flows)
  for _, file in ipairs(read.files) do
    local flow, before = flows[file.file], self.files[file.file]
    if flow and (flow ~= before or reopened or cause) then
      self:apply(flow, flow ~= before and "file" or reopened and "endpoints" or cause, began)
    elseif not flow and reopened and before then
      self:apply(before, "endpoints", began) -- the file is refused, the endpoints are not
    end
  end
  self:remove_others(there)
  self:tell()
end

--- The flows are others now: the project and whoever looks after the hooks learn of it.
function reload:tell()
  self.p.flows = {}
  for i, path in ipairs(problem.names(self.files)) do self.p.flows[i] = self.files[path] end
  if self.on_looked then self.on_looked() end
end

--- Watches the folder and hears SIGHUP, for as long as the process runs.
function reload:watch()
  local event, folder = task.event "reload", self.p.folder
  local watched = {}
  local function arm()
    for _, path in ipairs { folder, folder .. "/lookups" } do
      if fs.kind(path) ~= "folder" then
        if watched[path] then watched[path]:close() end
        watched[path] = nil
      elseif not watched[path] then
        local err
        watched[path], err = fs.watch(path, "reload")
        if err then log.warn("changes are seen on SIGHUP only: " .. err.text) end
      end
    end
  end
  task.spawn(function()
    while true do
      arm()
      local heard = event:wait(watched[folder] and nil or LOOK_AGAIN_MS)
      if heard or not watched[folder] then
        local ok, err = xpcall(self.look, debug.traceback, self)
        if not ok then log.error("reload: " .. tostring(err)) end
      end
    end
  end)
end

return reload
