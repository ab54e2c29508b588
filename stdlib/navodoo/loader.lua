--- From the text of flow files to compiled flows, or to all mistakes of all files.
--
-- A flow file is text (never bytecode), runs in an environment of its own that offers pure
-- functions and `require "navodoo"` and nothing else, within an instruction budget, and must
-- return a flow. Nothing here reads a disk: the caller brings the sources, which are the
-- same ones that the store keeps.

local compile = require "navodoo.compile"
local declare = require "navodoo.declare"
local lookup = require "navodoo.lookup"
local navodoo = require "navodoo"
local outline = require "navodoo.outline"
local problem = require "navodoo.problem"
local task = require "navodoo.task"

local loader = {}

--- Instructions that a file may take to load. It only builds tables.
local LOAD_BUDGET <const> = 10000000

-- Left out on purpose: whatever reads a clock, draws random numbers, loads code, or reaches
-- files. Mapping must give the same result on every run.
local GLOBALS <const> = {
  "select", "pairs", "ipairs", "next", "type", "tostring", "tonumber", "error", "assert", "pcall",
  "xpcall", "setmetatable", "rawget", "rawset", "rawequal", "rawlen",
}
local LIBRARIES <const> = { "string", "table", "math", "utf8" }
local LEFT_OUT <const> = { string = { dump = true }, math = { random = true, randomseed = true } }
local COROUTINE <const> = { "create", "wrap", "resume", "status", "close" }

local function environment(words)
  local env = { coroutine = {}, _VERSION = _VERSION }
  for _, name in ipairs(GLOBALS) do env[name] = _G[name] end
  for _, name in ipairs(LIBRARIES) do
    env[name] = {}
    for k, v in pairs(_G[name]) do
      if not (LEFT_OUT[name] and LEFT_OUT[name][k]) then env[name][k] = v end
    end
  end
  for _, name in ipairs(COROUTINE) do env.coroutine[name] = coroutine[name] end
  -- the metatable of strings is shared by everything in this state
  env.getmetatable = function(v)
    if type(v) == "string" then return nil end
    return getmetatable(v)
  end
  env.require = function(name)
    if name == "navodoo" then return words end
    return problem.note(('require "%s": a flow can require "navodoo" only'):format(tostring(name)),
      problem.near(name, { "navodoo" }))
  end
  env._G = env
  local known = problem.names(env)
  for _, word in ipairs(problem.names(words)) do
    known[#known + 1] = word
  end
  return setmetatable(env, {
    __index = function(_, name)
      return problem.note(("unknown name %s"):format(tostring(name)), problem.near(name, known))
    end,
    __newindex = function(_, name)
      problem.note(("%s is made global: write local %s"):format(tostring(name), tostring(name)))
    end,
    __metatable = false,
  })
end

-- "file:3: text" as Lua writes it -> 3, "text". The file is cut short there when it is long. A
-- line of another file (of this library) is none, and a text that is cut off ends on its last
-- line, not behind it. `err` has the place of an error that is no text.
local function split_message(message, file, source, err)
  local name, line, rest = tostring(message):match "^([^\n]-):(%d+): (.*)$"
  if not name then name, line, rest = err and err.file or "", err and err.line, tostring(message) end
  local tail = name:gsub("^%.%.%.", "")
  if not line or file:sub(-#tail) ~= tail then return nil, rest end
  local _, breaks = source:gsub("\n", "\n")
  local last = source:find "[^\n]$" and breaks + 1 or breaks
  return math.min(math.tointeger(tonumber(line)), math.max(last, 1)), rest
end

-- Runs a chunk; returns what it returned, or nil and the problem.
local function run(file, source, env)
  local chunk, message = load(source, "@" .. file, "t", env)
  if not chunk then
    local line, text = split_message(message, file, source)
    return nil, problem.new { file = file, line = line, text = text }
  end
  local ok, result = task.guard(LOAD_BUDGET, chunk)
  if ok then return result end
  local line, text = split_message(result.text, file, source, result)
  if text == "" then text = "error raised with no message" end
  if result.code == "budget" then
    text = "this file does not come to an end: nothing runs while a flow loads"
  end
  return nil, problem.new { file = file, line = line, text = text }
end

--- Runs a file of flows or of settings and collects what it notes.
---@param file string
---@param source string
---@param words table  what `require "navodoo"` gives
---@return any result
---@return navodoo.Problem[] problems
function loader.run(file, source, words)
  local problems, result, failure = problem.collect(file, run, file, source, environment(words))
  -- an error that follows from a mistake noted before says nothing new
  if failure and #problems == 0 then problems[1] = failure end
  return result, problems
end

local function folder_of(file) return file:match "^(.*)/[^/]*$" or "." end

-- Reads the tables of the folder's lookups; they are plain data.
local function read_tables(folder, sources, problems)
  local tables, places = {}, {}
  for _, name in ipairs(problem.names(sources)) do
    places[name] = outline.read_returned(sources[name])
    local file = ("%s/lookups/%s.lua"):format(folder, name)
    local content, found = loader.run(file, sources[name], {})
    for _, p in ipairs(found) do problems[#problems + 1] = p end
    if #found == 0 then
      if type(content) == "table" and content.kind ~= "broken" then
        tables[name] = content
      else
        problems[#problems + 1] = problem.new {
          file = file, text = ("a lookup returns a table of codes, this file returns %s"):format(
            problem.a(content)),
        }
      end
    end
  end
  return tables, places
end

-- Reads what a flow declares. Its tables may have metatables, which are code of the flow:
-- guarded as well, and what they note is collected.
local function read_flow(file, source, flow)
  local ok, spec, found = task.guard(LOAD_BUDGET, declare.read, flow, outline.read(source), file)
  if ok then return spec, found end
  local line, text = split_message(spec.text, file, source, spec)
  return nil, { problem.new { file = file, line = line, text = text } }
end

-- The version of NAV by which lengths are known: what the endpoint says, or its address, in
-- which a server of NAV 2018 is usually called DynamicsNAV110.
local BY_INSTANCE <const> = { ["100"] = "nav2017", ["110"] = "nav2018" }

local function nav_version(config)
  local nav = config and config.endpoints and config.endpoints.nav
  if not nav then return nil end
  return nav.version or BY_INSTANCE[(nav.url or ""):match "DynamicsNAV(%d+)"]
    or (nav.url or ""):find "/BC%d*/" and "bc" or nil
end

local function compile_one(file, source, words, problems, options)
  local flow, found = loader.run(file, source, words)
  local function note(line, text)
    found[#found + 1] = problem.new { file = file, line = line, text = text }
  end
  if type(flow) ~= "table" or flow.kind ~= "flow" then
    if #found == 0 then
      note(outline.flow_line(source), flow == nil and 'this file returns nothing: write return flow "name" { ... }'
        or ('this file returns %s, not a flow: write return flow "name" { ... }'):format(
          problem.a(flow)))
    end
    flow = nil
  end
  local spec
  if flow then
    local noted, more
    noted, spec, more = problem.collect(file, read_flow, file, source, flow)
    table.move(noted, 1, #noted, #found + 1, found)
    table.move(more, 1, #more, #found + 1, found)
  end
  table.move(found, 1, #found, #problems + 1, problems)
  if #found > 0 then return nil, flow end
  local schemas = options.schemas or {}
  return compile.flow(spec, {
    nav_version = nav_version(options.config),
    schemas = { nav = (schemas.nav or {})[spec.nav.write], odoo = (schemas.odoo or {})[spec.odoo.model] },
  }), flow
end

--- Compiles all flow files of one folder. All or nothing.
---@param options { files: { file: string, source: string }[], lookups: table<string, string>?,
--   config: navodoo.Config?, schemas: { nav: table, odoo: table }? }
---@return navodoo.Compiled[]? flows  in the order of `files`
---@return navodoo.Problem[]? problems  sorted by file and line
function loader.compile_all(options)
  local flows, problems, named = {}, {}, {}
  local folder = options.files[1] and folder_of(options.files[1].file) or "flows"
  local tables, places = read_tables(folder, options.lookups or {}, problems)
  local noted, lookups = problem.collect(nil, lookup.open, tables, folder, places)
  table.move(noted, 1, #noted, #problems + 1, problems)
  for _, f in ipairs(options.files) do
    local compiled, flow = compile_one(f.file, f.source, navodoo.open(lookups), problems, options)
    flows[#flows + 1] = compiled
    if flow then
      local other = named[flow.name]
      if other then
        problems[#problems + 1] = problem.new {
          file = f.file, line = flow.line,
          text = ("flow %q is declared in %s already"):format(flow.name, other),
        }
      end
      named[flow.name] = f.file
    end
  end
  if #problems > 0 then return nil, problem.sort(problems) end
  return flows
end

--- Compiles one flow file.
---@param options { file: string, source: string, lookups: table<string, string>?,
--   config: navodoo.Config?, schemas: { nav: table, odoo: table }? }
---@return navodoo.Compiled? compiled
---@return navodoo.Problem[]? problems
function loader.compile(options)
  local flows, problems = loader.compile_all {
    files = { { file = options.file, source = options.source } }, lookups = options.lookups,
    config = options.config, schemas = options.schemas,
  }
  if not flows then return nil, problems end
  return flows[1]
end

return loader
