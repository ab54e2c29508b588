--- Reads `flows/navodoo.lua`: the endpoints, and what changes from environment to environment.
--
-- Everything is checked at once, in all environments, so that a mistake in `prod` shows
-- before the day it is needed. Passwords stay names; whoever opens an endpoint asks the core
-- for their handles.

local alerting = require "navodoo.alerting"
local companies = require "navodoo.companies"
local duration = require "navodoo.duration"
local loader = require "navodoo.loader"
local lookup = require "navodoo.lookup"
local nav_tables = require "navodoo.nav_tables"
local navodoo = require "navodoo"
local outline = require "navodoo.outline"
local problem = require "navodoo.problem"
local storage = require "navodoo.storage"
local time = require "navodoo.time"

local config = {}

---@class navodoo.Endpoint
---@field name string
---@field kind "nav"|"odoo"
---@field url string             without a slash at the end
---@field company string?        NAV: name of the company
---@field company_id integer?    Odoo: id of the company
---@field database string?       Odoo
---@field auth string            how it signs in, see AUTHS
---@field user string?
---@field password { kind: "secret", name: string, default: string? }?  OAuth2: the client secret
---@field token_url string?      OAuth2, as are:
---@field client_id string?
---@field scope string?
---@field expires string?        YYYY-MM-DD: last day of the password, key or client secret
---@field api "auto"|"jsonrpc"|"json2"
---@field settle_ms integer      how long a call that was cut off may still take effect
---@field page_size integer
---@field batch integer
---@field zone string
---@field timeout_ms integer?
---@field connections integer?
---@field requests_per_second integer?
---@field ca_file string?
---@field hook_url string?        how Odoo reaches the listener of `navodoo run --listen`
---@field hook_secret { kind: "secret", name: string, default: string? }?
---@field protocol "odata_v4"|"odata_v3"|nil  NAV; else the address tells
---@field version string?        NAV: by which lengths are known; else the address tells

---@class navodoo.Config
---@field file string
---@field env string             the environment in force
---@field environments string[]  all of them, sorted
---@field endpoints table<string, navodoo.Endpoint>
---@field pairs navodoo.Pair[]   of companies; one without anything where none are declared
---@field alerts navodoo.Alerts?
---@field monitor { token: table? }?  who may look from another machine
---@field storage navodoo.Storage  what the store may keep, what its disk must have left

local KEYS <const> = {
  kind = "string", auth = "string", token_url = "string", client_id = "string", client_secret = "secret",
  scope = "string", expires = "string", url = "string", company = "string", company_id = "integer", database = "string",
  user = "string", password = "secret", api = "string", settle = "duration", page_size = "integer",
  batch = "integer", zone = "string", timeout = "duration", connections = "integer",
  requests_per_second = "integer", ca_file = "string", hook_url = "string", hook_secret = "secret",
  protocol = "string", version = "string",
}
local VERSIONS <const> = nav_tables.versions
local NEEDED <const> = {
  nav = { "url", "company" },
  odoo = { "url", "database" },
}
-- Ways to sign in: what each needs beside that. The first is the default.
local AUTHS <const> = {
  nav = { "basic", "ntlm", "negotiate", "oauth2",
    basic = { "user", "password" }, ntlm = { "user", "password" }, negotiate = {},
    oauth2 = { "token_url", "client_id", "client_secret" } },
  odoo = { "password", "api_key", "session",
    password = { "user", "password" }, api_key = { "user", "password" }, session = { "user", "password" } },
}
-- What NAV speaks, and how such an address ends.
local PROTOCOLS <const> = { { "odata_v4", "ODataV4" }, { "odata_v3", "OData" } }
local ADDRESSES <const> = { url = true, token_url = true, hook_url = true }
-- Keys that one way has and the others do not.
local OAUTH2_ONLY <const> = { "token_url", "client_id", "client_secret", "scope" }
local DEFAULTS <const> = {
  nav = { settle = "8m", page_size = 1000, batch = 100, zone = "UTC", api = "auto" },
  odoo = { settle = "120s", page_size = 1000, batch = 200, zone = "UTC", api = "auto" },
}
local EXAMPLE <const> = {
  nav = 'nav = { kind = "nav", url = "https://nav.example.com:7048/DynamicsNAV110/ODataV4", '
    .. 'company = "...", user = "...", password = secret "NAV_PASSWORD" }',
  odoo = 'odoo = { kind = "odoo", url = "https://odoo.example.com", database = "...", '
    .. 'user = "...", password = secret "ODOO_PASSWORD" }',
}

--- What the file may hold.
local SECTIONS <const> = { "alerts", "companies", "default", "disk", "endpoints", "environments", "journal", "monitor" }
--- What an environment may have of its own beside its endpoints, and who reads it.
local OWN <const> = {
  { "companies", companies.read }, { "alerts", alerting.read }, { "monitor", alerting.monitor },
}

local reader = {}
reader.__index = reader

function reader:note(path, text, near)
  local line, column = outline.find(self.places, path)
  self.problems[#self.problems + 1] = problem.new {
    file = self.file, line = line, column = column, text = text, near = near,
  }
end

local function is_loopback(url)
  local host = url:match "^https?://%[(.-)%]" or url:match "^https?://([^/:]*)" or ""
  return host == "localhost" or host == "::1" or host:find "^127%.%d+%.%d+%.%d+$" ~= nil
end

local function is_day(text)
  local us = text:match "^%d%d%d%d%-%d%d%-%d%d$" and time.parse_iso(text .. "T00:00:00Z")
  return us ~= nil and us ~= false and time.date(us, "UTC") == text
end

-- One value of an endpoint; false when it is not usable, which is noted.
function reader:value(path, key, v, wanted)
  if v == problem.broken then return false end
  local t = math.type(v) or type(v)
  if wanted == "secret" then
    if type(v) == "table" and v.kind == "secret" then return v end
    self:note(path, ('%s: a password is written by its name, secret "NAME"; its value stays out '
      .. "of this file"):format(path))
  elseif wanted == "duration" then
    local ms, why = duration.ms(v)
    if ms then return ms end
    self:note(path, ("%s: %s"):format(path, why))
  elseif t ~= wanted then
    self:note(path, ("%s must be %s %s, got %s"):format(path, wanted == "integer" and "an" or "a",
      wanted, problem.a(v)))
  elseif v == "" then
    self:note(path, ("%s is empty: leave it out, or say what it is"):format(path))
  elseif t == "integer" and v < 1 then
    self:note(path, ("%s must be above 0"):format(path))
  elseif ADDRESSES[key] and not v:find "^https?://[^/%s]+" then
    self:note(path, ("%s: http://host or https://host is expected, got %q"):format(path, v))
  elseif ADDRESSES[key] and v:find "^https?://[^/]*@" then
    self:note(path, ("%s: user and password have their own keys, they do not stand in the "
      .. "address"):format(path))
  elseif key == "expires" and not is_day(v) then
    self:note(path, ("%s: the last day is expected, as in %q, got %q"):format(path, "2027-01-31", v))
  elseif key == "zone" and not time.zone_valid(v) then
    self:note(path, ("%s: there is no time zone %q"):format(path, v))
  elseif key == "version" and not problem.is_in(VERSIONS, v) then
    self:note(path, ("%s is one of %s"):format(path, table.concat(VERSIONS, ", ")),
      problem.near(v, VERSIONS))
  elseif key == "api" and v ~= "auto" and v ~= "jsonrpc" and v ~= "json2" then
    self:note(path, ('%s is "auto", "jsonrpc" or "json2"'):format(path),
      problem.near(v, { "auto", "json2", "jsonrpc" }))
  else
    return v
  end
  return false
end

-- Reads the endpoints of a section into { name = { key = value } }.
function reader:section(path, section)
  local out = {}
  if section == nil then return out end
  if type(section) ~= "table" then
    self:note(path, ("%s must be a table of endpoints, got %s"):format(path, problem.a(section)))
    return out
  end
  for _, name in ipairs(problem.names(section)) do
    local here, given = path .. "." .. name, section[name]
    out[name] = {}
    if type(given) ~= "table" then
      self:note(here, ("%s must be a table, got %s"):format(here, problem.a(given)))
      given = {}
    end
    for _, key in ipairs(problem.names(given)) do
      local wanted = KEYS[key]
      if not wanted then
        self:note(here .. "." .. key, ("unknown key in %s: %q"):format(here, key),
          problem.near(key, problem.names(KEYS)))
      else
        out[name][key] = self:value(here .. "." .. key, key, given[key], wanted)
      end
    end
  end
  return out
end

-- What the environment says, over what holds everywhere, over the defaults.
function reader:merge(env, shared, own, paired)
  local out, path = {}, "environments." .. env
  local names = {}
  for _, section in ipairs { shared, own } do
    for name in pairs(section) do names[name] = true end
  end
  for _, name in ipairs(problem.names(names)) do
    local e = { name = name }
    for _, section in ipairs { shared, own } do
      for key, v in pairs(section[name] or {}) do e[key] = v end
    end
    e.kind = e.kind or (NEEDED[name] and name)
    local here = path .. "." .. name
    if e.kind == "nav" and paired and paired[1] then e.company = e.company or paired[1].nav end
    if not NEEDED[e.kind] then
      self:note(here, ('%s: kind is "nav" or "odoo"'):format(here),
      problem.near(e.kind, { "nav", "odoo" }))
    else
      self:complete(here, e)
    end
    out[name] = e
  end
  for _, name in ipairs { "nav", "odoo" } do
    if not out[name] then
      self:note(path, ("environment %s has no endpoint %s: add %s"):format(
        env, name, EXAMPLE[name]))
    end
  end
  return out
end

--- What is wrong with how a complete endpoint signs in, or nil; and the names of what is missing.
---@param e navodoo.Endpoint
---@return string|nil problem
---@return string[] missing
function config.sign_in_problem(e)
  local ways, missing = AUTHS[e.kind], {}
  local needs = ways[e.auth]
  if type(e.auth) ~= "string" or not needs then
    return ("%s has no auth = %q; there are %s"):format(e.kind, tostring(e.auth), table.concat(ways, ", ")), missing
  end
  for _, key in ipairs(needs) do
    if e[key] == nil and not (key == "client_secret" and e.password) then missing[#missing + 1] = key end
  end
  for _, key in ipairs(OAUTH2_ONLY) do
    if e.auth ~= "oauth2" and e[key] ~= nil then
      return ('%s is for auth = "oauth2", this endpoint has %q'):format(key, e.auth), missing
    end
  end
  if e.token_url and e.token_url:find "^http://" and not is_loopback(e.token_url) then
    return "token_url: a client secret goes over https only", missing
  end
  if #missing > 0 then
    return ("auth = %q needs %s"):format(e.auth, table.concat(missing, ", ")), missing
  end
  return nil, missing
end

--- What is wrong with the protocol that a complete endpoint names, or nil.
---@param e navodoo.Endpoint
---@return string|nil problem
function config.protocol_problem(e)
  local named, last = e.protocol, (e.url or ""):match "([^/]*)/*$"
  if named == nil then return nil end
  if e.kind ~= "nav" then return "protocol is what NAV speaks; Odoo's is `api`" end
  local known, means = false, nil
  for _, one in ipairs(PROTOCOLS) do
    known = known or one[1] == named
    if last:lower() == one[2]:lower() then means = one[1] end
  end
  if not known then return ('protocol is "odata_v4" or "odata_v3", got %q'):format(tostring(named)) end
  if means and means ~= named then
    return ("protocol = %q, and the url ends in /%s, which is %q: one of them is wrong"):format(named, last, means)
  end
  return nil
end

--- One name from here on, `password`, for the secret that signs in.
---@param e navodoo.Endpoint
function config.settle_sign_in(e)
  if e.auth == "oauth2" then
    e.password, e.client_secret, e.user = e.client_secret or e.password, nil, e.user or e.client_id
  elseif e.auth == "negotiate" then -- the ticket of the process signs in
    e.password, e.user = nil, "of the Kerberos ticket"
  end
end

function reader:sign_in(here, e, missing)
  e.auth = e.auth or AUTHS[e.kind][1]
  local text, lacks = config.sign_in_problem(e)
  table.move(lacks, 1, #lacks, #missing + 1, missing)
  if text and #lacks == 0 then self:note(here, here .. ": " .. text, problem.near(tostring(e.auth), AUTHS[e.kind])) end
  config.settle_sign_in(e)
end

function reader:complete(here, e)
  local missing = {}
  for _, key in ipairs(NEEDED[e.kind]) do
    if e[key] == nil then missing[#missing + 1] = key end
  end
  self:sign_in(here, e, missing)
  if #missing > 0 then
    self:note(here, ("%s: %s missing; an endpoint looks like %s"):format(here,
      table.concat(missing, ", ") .. (#missing == 1 and " is" or " are"), EXAMPLE[e.kind]))
  end
  for key, v in pairs(DEFAULTS[e.kind]) do
    if e[key] == nil then e[key] = KEYS[key] == "duration" and duration.ms(v) or v end
  end
  local talk = config.protocol_problem(e)
  if talk then self:note(here .. ".protocol", here .. ": " .. talk) end
  e.settle_ms, e.settle = e.settle, nil
  e.timeout_ms, e.timeout = e.timeout, nil
  if e.hook_secret and e.hook_secret.default and not is_loopback(e.hook_url or e.url or "") then
    self:note(here, ("%s: a default hook_secret is for the sandbox on this machine"):format(here))
  end
  if e.hook_url then e.hook_url = e.hook_url:gsub("/+$", "") end
  if e.url then
    e.url = e.url:gsub("/+$", "")
    local goes_to = e.auth == "oauth2" and e.token_url or e.url
    if e.password and e.password.default and not is_loopback(goes_to) then
      self:note(here, ("%s: a default password is for the sandbox on this machine, not for %s")
        :format(here, goes_to))
    end
  end
end

-- What a section says of what is not an endpoint.
local function extras(note, path, section)
  local found = {}
  for _, one in ipairs(OWN) do
    local name, reader_of = one[1], one[2]
    if section[name] ~= nil then found[name] = reader_of(note, path .. name, section[name]) end
  end
  return found
end

local function read(r, content, wanted)
  if type(content) ~= "table" then
    r:note("", ("this file returns %s; it returns { endpoints = { ... }, environments = { ... } }")
      :format(problem.a(content)))
    return nil
  end
  for _, key in ipairs(problem.names(content)) do
    if not problem.is_in(SECTIONS, key) then
      r:note(key, ("unknown key %q"):format(key), problem.near(key, SECTIONS))
    end
  end
  local function note(path, text, near) r:note(path, text, near) end
  local kept = storage.read(note, content)
  local shared = r:section("endpoints", content.endpoints)
  local environments = content.environments
  if type(environments) ~= "table" or #problem.names(environments) == 0 then
    r:note("environments", "no environment: add environments = { dev = { nav = { url = ... }, "
      .. "odoo = { url = ... } } }")
    return nil
  end
  local names, merged = problem.names(environments), {}
  local everywhere, own, extra = extras(note, "", content), {}, {}
  for _, name in ipairs(names) do
    local section, path = environments[name], "environments." .. name
    if type(section) == "table" then
      extra[name] = extras(note, path .. ".", section)
      local rest = {}
      for key, v in pairs(section) do rest[key] = v end
      for _, one in ipairs(OWN) do rest[one[1]] = nil end
      section = rest
    end
    extra[name] = setmetatable(extra[name] or {}, { __index = everywhere })
    own[name] = r:section(path, section)
  end
  for _, name in ipairs(names) do merged[name] = r:merge(name, shared, own[name], extra[name].companies) end
  local env = wanted or content.default or names[1]
  if not merged[env] then
    r:note(wanted and "environments" or "default", ("there is no environment %s; there are %s")
      :format(tostring(env), table.concat(names, ", ")), problem.near(env, names))
    return nil
  end
  return { file = r.file, env = env, environments = names, endpoints = merged[env],
           pairs = extra[env].companies or { {} }, alerts = extra[env].alerts, monitor = extra[env].monitor,
           storage = kept }
end

--- Reads the configuration and merges one environment.
---@param options { file: string, source: string?, env: string? }  without `source` there is
--   no such file
---@return navodoo.Config? config
---@return navodoo.Problem[]? problems
function config.load(options)
  local file, source = options.file, options.source
  if not source then
    return nil, { problem.new { file = file, text = "there is no such file: it declares the "
      .. "endpoints, as in return { environments = { dev = { " .. EXAMPLE.nav .. ", "
      .. EXAMPLE.odoo .. " } } }" } }
  end
  local content, problems = loader.run(file, source, navodoo.open(lookup.open({}, "flows")))
  if #problems > 0 then return nil, problem.sort(problems) end
  local places = outline.read_returned(source)
  local r = setmetatable({ file = file, places = places, problems = {} }, reader)
  local result = read(r, content, options.env)
  if #r.problems > 0 then return nil, problem.sort(r.problems) end
  return result
end

return config
