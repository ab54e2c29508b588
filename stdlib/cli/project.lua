--- A folder of flows on disk: reads every file, compiles all flows, and opens what
-- the configuration names. Shared by `run` and `check`.

local companies = require "navodoo.companies"
local config = require "navodoo.config"
local crypto = require "navodoo.crypto"
local duration = require "navodoo.duration"
local fs = require "navodoo.fs"
local http = require "navodoo.http"
local json = require "navodoo.json"
local loader = require "navodoo.loader"
local oauth = require "connector.oauth"
local out = require "cli.out"
local problem = require "navodoo.problem"
local schema = require "navodoo.schema"
local secret = require "navodoo.secret"
local time = require "navodoo.time"

local project = {}

local function read_file(path)
  local f, err = io.open(path, "rb")
  if not f then return nil, err end
  local source = f:read("a")
  f:close()
  return source
end

--- Lua files of a folder: { { name =, path =, source = } }, sorted by name.
local function lua_files(folder)
  local list = {}
  if fs.kind(folder) ~= "folder" then return list end
  for _, entry in ipairs(assert(fs.list(folder))) do
    local name = entry:match("^([%w_%-]+)%.lua$")
    local path = folder .. "/" .. entry
    if name and fs.kind(path) == "file" then
      list[#list + 1] = { name = name, path = path, source = assert(read_file(path)) }
    end
  end
  return list
end

-- FLOWS/schema/<endpoint>/<entity>.json: by endpoint, then by entity.
function project.read_schemas(folder, problems)
  local schemas, root = {}, folder .. "/schema"
  if fs.kind(root) ~= "folder" then return schemas end
  for _, endpoint in ipairs(assert(fs.list(root))) do
    local path = root .. "/" .. endpoint
    for _, name in ipairs(fs.kind(path) == "folder" and assert(fs.list(path)) or {}) do
      local entity = name:match "^(.+)%.json$"
      if entity then
        local file = path .. "/" .. name
        local found, why = schema.decode(assert(read_file(file)), file)
        schemas[endpoint] = schemas[endpoint] or {}
        schemas[endpoint][entity] = found
        if not found then problems[#problems + 1] = { file = file, line = 1, text = why } end
      end
    end
  end
  return schemas
end

--- What --set may override, and how its value is read. Passwords never stand there:
-- everybody sees the arguments of a process.
local SETTINGS <const> = {
  url = "url", company = "text", company_id = "whole", database = "text", user = "text", api = "text",
  protocol = "text", auth = "text", token_url = "url", client_id = "text", scope = "text", expires = "text",
  settle = "duration", page_size = "whole", batch = "whole", zone = "text", timeout = "duration",
  connections = "whole", requests_per_second = "whole", ca_file = "text", hook_url = "url",
}

--- The key to set and its value, or nil and what is wrong.
local function read_setting(key, text)
  local kind = SETTINGS[key]
  if key == "password" then
    return nil, "a password is not given on the command line; set the environment variable that names it"
  elseif not kind then
    local near = problem.near(key, problem.names(SETTINGS))
    return nil, ("there is no setting %s%s"):format(key, near and "; did you mean " .. near .. "?" or
      "; there are " .. table.concat(problem.names(SETTINGS), ", "))
  elseif text == "" then
    return nil, "the value is empty"
  elseif kind == "whole" then
    local n = text:match "^%d+$" and math.tointeger(tonumber(text))
    if not n or n < 1 then return nil, ("a whole number above 0 is expected, got %q"):format(text) end
    return key, n
  elseif kind == "duration" then
    local ms, why = duration.ms(text)
    if not ms then return nil, why end
    return key .. "_ms", ms
  elseif kind == "url" and not text:find "^https?://[^/%s]+" then
    return nil, ("http://host or https://host is expected, got %q"):format(text)
  elseif key == "zone" and not time.zone_valid(text) then
    return nil, ("there is no time zone %q"):format(text)
  end
  return key, kind == "url" and text:gsub("/+$", "") or text
end

--- Applies `--set endpoint.key=value` to the configuration.
local function apply_settings(settings, endpoints, problems)
  local touched = {}
  for _, setting in ipairs(settings or {}) do
    local endpoint, key, text = setting:match("^([%w_]+)%.([%w_]+)=(.*)$")
    local value
    if not endpoint or not endpoints[endpoint] then
      value = ("expected ENDPOINT.KEY=VALUE with %s, as in --set nav.url=http://..."):format(
        table.concat(problem.names(endpoints), " or "))
      key = nil
    else
      key, value = read_setting(key, text)
    end
    if key then endpoints[endpoint][key], touched[endpoint] = value, setting
    else problems[#problems + 1] = { file = "--set " .. setting, text = value } end
  end
  for _, name in ipairs(problem.names(touched)) do
    local text = config.sign_in_problem(endpoints[name]) or config.protocol_problem(endpoints[name])
    if text then problems[#problems + 1] = { file = "--set " .. touched[name], text = text }
    else config.settle_sign_in(endpoints[name]) end
  end
end

--- The files of a folder: { folder =, config = source, files = { { file =, source = } },
-- lookups = { name = source } }.
---@param folder string
---@return table|nil read
---@return table|nil problems
function project.read(folder)
  folder = folder:gsub("/+$", "")
  if fs.kind(folder) ~= "folder" then
    return nil, { { file = folder, text = "no such folder; name the folder that holds navodoo.lua and the flows" } }
  end
  local path = folder .. "/navodoo.lua"
  local source = read_file(path)
  if not source then
    return nil, { { file = path,
      text = "no configuration: this file declares the endpoints nav and odoo; copy the one that ships with navodoo" } }
  end
  local read = { folder = folder, config = source, files = {}, lookups = {} }
  for _, file in ipairs(lua_files(folder .. "/lookups")) do read.lookups[file.name] = file.source end
  for _, file in ipairs(lua_files(folder)) do
    if file.name ~= "navodoo" then read.files[#read.files + 1] = { file = file.path, source = file.source } end
  end
  if #read.files == 0 then return nil, { { file = folder, text = "no flow in this folder" } } end
  return read
end

--- The configuration in force: navodoo.lua, one environment of it, and what --set overrides.
-- `text` is all of it, to be compared.
---@param folder string
---@param source string
---@param env string|nil
---@param settings string[]|nil
---@return navodoo.Config|nil settled
---@return table problems
function project.settle(folder, source, env, settings)
  local settled, problems = config.load { file = folder .. "/navodoo.lua", source = source, env = env }
  problems = problems or {}
  if settled then
    apply_settings(settings, settled.endpoints, problems)
    for _, setting in ipairs(settled.pairs[1].nav and settings or {}) do
      if setting:find "^nav%.company=" or setting:find "^odoo%.company_id=" then
        problems[#problems + 1] = { file = "--set " .. setting,
          text = "navodoo.lua pairs the companies (`companies`), which says more than this" }
      end
    end
  end
  if #problems > 0 then return nil, problems end
  settled.text = assert(json.canonical { endpoints = settled.endpoints, pairs = json.array(settled.pairs) })
  return settled, problems
end

--- Content hash of a flow with the lookup tables that it names, and these tables.
---@param source string
---@param lookups table<string, string>
---@return string hash
---@return table<string, string> named
function project.version(source, lookups)
  local text, named = { source }, {}
  for _, name in ipairs(problem.names(lookups)) do
    -- a name that stands there in another sense costs a needless reload, no more
    if source:find("%f[%w_]" .. name:gsub("%-", "%%-") .. "%f[^%w_]") then
      named[name] = lookups[name]
      text[#text + 1] = name .. "\0" .. lookups[name]
    end
  end
  return crypto.hash(table.concat(text, "\0")):sub(1, 12), named
end

--- Reads and compiles a folder. Every mistake of every file is reported at once.
---@param folder string
---@param env string|nil      environment, default: the configuration's own
---@param settings string[]|nil  overrides from the command line
---@return table|nil project  { folder =, flows = {...}, config =, endpoints =, pairs =, config_source =, schemas = }
---@return table|nil problems
function project.load(folder, env, settings)
  local read, problems = project.read(folder)
  if not read then return nil, problems end
  local settled
  settled, problems = project.settle(read.folder, read.config, env, settings)
  local schemas = project.read_schemas(read.folder, problems)
  local compiled, flow_problems = loader.compile_all {
    files = read.files, lookups = read.lookups, config = settled, schemas = schemas }
  for _, p in ipairs(flow_problems or {}) do problems[#problems + 1] = p end
  if #problems > 0 then return nil, problems end
  local flows = {}
  for i, flow in ipairs(compiled) do
    local file = read.files[i]
    local hash, named = project.version(file.source, read.lookups)
    flows[i] = { name = flow.name, file = file.file, source = file.source, compiled = flow, hash = hash,
                 lookups = named }
  end
  return { folder = read.folder, flows = flows, config = settled, endpoints = settled.endpoints,
           pairs = settled.pairs, config_source = read.config, schemas = schemas }
end

--- Name of a flow in the store, for one pair of companies.
project.instance = companies.instance

--- The flows of a project as they run, once for each pair of companies.
---@param p table
---@return { name: string, compiled: navodoo.Compiled, flow: table }[]
function project.instances(p)
  local list = {}
  for _, flow in ipairs(p.flows) do
    for _, pair in ipairs(p.pairs) do
      list[#list + 1] = { name = companies.instance(flow.name, pair), compiled = flow.compiled, flow = flow }
    end
  end
  return list
end

--- What a flow is told of the endpoints: everything but where their secrets are, with the
-- companies of a pair.
---@param endpoints table
---@param pair navodoo.Pair
---@return { nav: table, odoo: table }
function project.views(endpoints, pair)
  local views = {}
  for _, name in ipairs { "nav", "odoo" } do
    views[name] = {}
    for key, value in pairs(endpoints[name]) do
      if type(value) ~= "table" then views[name][key] = value end
    end
  end
  views.nav.company = pair.nav or views.nav.company
  views.odoo.company_id = pair.odoo or views.odoo.company_id
  return views
end

--- Prints problems, one a line, on stderr.
function project.complain(problems)
  for _, p in ipairs(problems) do io.stderr:write(problem.format(p), "\n") end
  out.complain("%d %s", #problems, #problems == 1 and "mistake" or "mistakes")
end

--- Where the password of an endpoint is looked for, as the way out of not having the right one.
---@param endpoint table
---@return string
function project.password_places(endpoint)
  if not endpoint.password then
    return "it signs in with the Kerberos ticket of this process: see klist, or name a keytab in KRB5_CLIENT_KTNAME"
  end
  local name = endpoint.password.name:upper():gsub("[-.]", "_")
  return ("set the environment variable NAVODOO_%s, or %s_FILE to the path of a file that holds it"):format(name, name)
end

--- The handle of a secret that the configuration names: from its places, else its default.
---@param declared table  { name =, default = }
---@return navodoo.SecretHandle|nil
---@return string|nil complaint
function project.find_secret(declared)
  local handle, err = secret.get(declared.name)
  if not handle and err.code == "notfound" and declared.default then
    handle, err = secret.define(declared.name, declared.default)
  end
  if handle then return handle end
  return nil, ("%s; %s"):format(err.text, project.password_places { password = declared })
end

--- The settings of the core for an endpoint, and for its token endpoint where it has one.
local function doors_of(name, e)
  local ways = { basic = "basic", ntlm = "ntlm", negotiate = "negotiate" }
  local way = e.kind == "nav" and ways[e.auth] or nil
  local list = { { name = name, base_url = e.url, max_connections = e.connections, timeout_ms = e.timeout_ms,
    requests_per_second = e.requests_per_second, ca_file = e.ca_file, auth = way,
    user = way and e.user or nil, secret = way and e.secret or nil } }
  if e.auth == "oauth2" then
    list[2] = { name = oauth.door(e), base_url = e.token_url, max_connections = 1, ca_file = e.ca_file }
  end
  return list
end

--- Resolves secrets and makes the endpoints known to the HTTP client.
---@param endpoints table  by name; each gets `secret` (a token, never the value)
---@return true|nil ok
---@return string|nil complaint
function project.open_endpoints(endpoints)
  for _, name in ipairs { "nav", "odoo" } do
    local e = endpoints[name]
    if e.password then
      local handle, complaint = project.find_secret(e.password)
      if not handle then return nil, ("endpoint %s: %s"):format(name, complaint) end
      e.secret, e.secret_name = tostring(handle), e.password.name
    end
    for _, door in ipairs(doors_of(name, e)) do
      local ok, err = http.endpoint(door)
      if not ok then return nil, ("endpoint %s: %s"):format(name, err.text) end
    end
  end
  return true
end

return project
