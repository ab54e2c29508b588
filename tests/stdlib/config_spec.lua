--- The configuration file: endpoints and environments.

local config = require "navodoo.config"
local problem = require "navodoo.problem"

local GOOD <const> = [[
local secret = require("navodoo").secret
return {
  default = "dev",
  endpoints = {
    nav = { company = "CRONUS", user = "n", password = secret "NAV_PASSWORD", zone = "Europe/Berlin" },
    odoo = { user = "o", password = secret "ODOO_PASSWORD", batch = 50 },
  },
  environments = {
    dev = { nav = { url = "http://127.0.0.1:7048/x/", settle = "1s",
                    password = secret "NAV_PASSWORD" { default = "sandbox" } },
            odoo = { url = "http://localhost:8069", database = "d" } },
    prod = { nav = { url = "https://nav.example.com/x" }, odoo = { url = "https://odoo.example.com", database = "p" } },
  },
}]]

local function load(source, env) return config.load { file = "flows/navodoo.lua", source = source, env = env } end

local function mistakes(source, env)
  local loaded, problems = load(source, env)
  return loaded and "loaded" or problem.format_all(problems)
end

describe("config.load", function()
  it("merges an environment over what holds everywhere, over the defaults", function()
    local c = assert(load(GOOD))
    expect(c.env):equals("dev")
    expect(c.environments):equals({ "dev", "prod" })
    local nav, odoo = c.endpoints.nav, c.endpoints.odoo
    expect({ nav.name, nav.kind, nav.url, nav.company, nav.user }):equals(
      { "nav", "nav", "http://127.0.0.1:7048/x", "CRONUS", "n" })
    expect({ nav.zone, nav.settle_ms, nav.page_size, nav.api }):equals({ "Europe/Berlin", 1000, 1000, "auto" })
    expect({ nav.password.kind, nav.password.name, nav.password.default }):equals(
      { "secret", "NAV_PASSWORD", "sandbox" })
    expect({ odoo.kind, odoo.batch, odoo.settle_ms, odoo.database, odoo.zone, odoo.password.default }):equals(
      { "odoo", 50, 120000, "d", "UTC" })
  end)
  it("takes another environment when asked to", function()
    local c = assert(load(GOOD, "prod"))
    expect({ c.env, c.endpoints.nav.url, c.endpoints.nav.settle_ms }):equals(
      { "prod", "https://nav.example.com/x", 480000 })
    expect(mistakes(GOOD, "prd")):equals(
      "flows/navodoo.lua:8:3: there is no environment prd; there are dev, prod (did you mean prod?)")
    expect(mistakes((GOOD:gsub('default = "dev"', 'default = "devel"')))):matches("3:3: there is no environment devel")
  end)
  it("says in one line what is missing and how it is added", function()
    local _, problems = config.load { file = "flows/navodoo.lua" }
    expect(#problems):equals(1)
    expect(problem.format_all(problems)):matches("^flows/navodoo.lua: there is no such file: it declares the endpoints")
    expect(mistakes "return {}"):matches("^flows/navodoo.lua: no environment: add environments = {[^\n]*$")
    expect(mistakes 'return { environments = { dev = {} } }'):equals(
      'flows/navodoo.lua:1:27: environment dev has no endpoint nav: add nav = { kind = "nav", url = '
      .. '"https://nav.example.com:7048/DynamicsNAV110/ODataV4", company = "...", user = "...", '
      .. 'password = secret "NAV_PASSWORD" }\n'
      .. 'flows/navodoo.lua:1:27: environment dev has no endpoint odoo: add odoo = { kind = "odoo", url = '
      .. '"https://odoo.example.com", database = "...", user = "...", password = secret "ODOO_PASSWORD" }')
    local told = mistakes('return {\n environments = { dev = { nav = { url = "http://x" }, '
      .. 'odoo = { url = "http://x", user = "u" } } } }')
    expect(told):matches "2:27: environments.dev.nav: company, user, password are missing; an endpoint looks like nav"
    expect(told):matches "2:55: environments.dev.odoo: database, password are missing; an endpoint looks like odoo"
  end)
  it("tells all mistakes of all environments at once", function()
    expect(mistakes [[
local secret = require("navodoo").secret
return {
  enviroments = {},
  endpoints = { nav = { company = "C", user = "u", password = "hunter2", batch = "5", zone = "Europe/Brelin" },
                odoo = { user = "u", password = secret "P", databse = "d", page_size = 0 } },
  environments = {
    dev = { nav = { url = "ftp://x" }, odoo = { url = "http://o", api = "json" } },
    prod = { nav = { url = "https://n", settle = "soon" }, odoo = { url = "https://o", database = "d" },
             crm = { url = "https://c" }, shop = "x" },
  },
}]]):equals(([[
flows/navodoo.lua:3:3: unknown key "enviroments" (did you mean environments?)
flows/navodoo.lua:4:52: endpoints.nav.password: a password is written by its name, secret "NAME"; OUT
flows/navodoo.lua:4:74: endpoints.nav.batch must be an integer, got a string
flows/navodoo.lua:4:87: endpoints.nav.zone: there is no time zone "Europe/Brelin"
flows/navodoo.lua:5:61: unknown key in endpoints.odoo: "databse" (did you mean database?)
flows/navodoo.lua:5:76: endpoints.odoo.page_size must be above 0
flows/navodoo.lua:7:21: environments.dev.nav.url: http://host or https://host is expected, got "ftp://x"
flows/navodoo.lua:7:40: environments.dev.odoo: database is missing; LIKE
flows/navodoo.lua:7:67: environments.dev.odoo.api is "auto", "jsonrpc" or "json2" (did you mean json2?)
flows/navodoo.lua:8:41: environments.prod.nav.settle: "soon": expected a duration such as 250ms, 30s, 5m, 2h or 1d
flows/navodoo.lua:9:14: environments.prod.crm: kind is "nav" or "odoo"
flows/navodoo.lua:9:43: environments.prod.shop must be a table, got a string
flows/navodoo.lua:9:43: environments.prod.shop: kind is "nav" or "odoo"]])
      :gsub("OUT", "its value stays out of this file")
      :gsub("LIKE", 'an endpoint looks like odoo = { kind = "odoo", url = "https://odoo.example.com", '
        .. 'database = "...", user = "...", password = secret "ODOO_PASSWORD" }'))
  end)
  it("knows the versions of NAV by whose lengths flows are checked", function()
    expect(mistakes((GOOD:gsub("company = ", 'version = "nav2018", company = ')))):equals("loaded")
    expect(mistakes((GOOD:gsub("company = ", 'version = "nav2081", company = ')))):matches(
      "endpoints.nav.version is one of nav2017, nav2018, bc14, bc %(did you mean nav2018%?%)")
  end)
  it("takes no empty text for a setting", function()
    expect(mistakes((GOOD:gsub('company = "[^"]*"', 'company = ""')))):matches(
      "endpoints.nav.company is empty: leave it out, or say what it is")
  end)
  it("checks how an endpoint signs in", function()
    local function nav(keys) return mistakes((GOOD:gsub('user = "n", password = secret "NAV_PASSWORD"', keys))) end
    expect(nav 'auth = "ntlm", user = "D\\\\u", password = secret "P"'):equals "loaded"
    expect(nav 'auth = "negotiate"'):equals "loaded"
    local client = 'auth = "oauth2", client_id = "c", client_secret = secret "S", token_url = '
    expect(nav(client .. '"https://l/t"')):equals "loaded"
    expect(nav 'auth = "kerberos", user = "u", password = secret "P"'):matches(
      'nav has no auth = "kerberos"; there are basic, ntlm, negotiate, oauth2')
    expect(nav 'auth = "oauth2", client_id = "c"'):matches "nav: token_url, client_secret are missing"
    expect(nav 'user = "u", password = secret "P", scope = "x"'):matches(
      'nav: scope is for auth = "oauth2", this endpoint has "basic"')
    expect(nav(client .. '"http://l.example.com/t"'))
      :matches "token_url: a client secret goes over https only"
    expect(nav 'user = "u", password = secret "P", expires = "2027-02-30"'):matches(
      'nav.expires: the last day is expected, as in "2027%-01%-31", got "2027%-02%-30"')
    expect(nav 'user = "u", password = secret "P", expires = "2027-02-28"'):equals "loaded"
  end)
  it("keeps default passwords on this machine, and user names out of addresses", function()
    local elsewhere = GOOD:gsub("127.0.0.1:7048", "nav.example.com")
    expect(mistakes(elsewhere)):matches(
      "a default password is for the sandbox on this machine, not for http://nav.example.com/x")
    elsewhere = GOOD:gsub("127.0.0.1:7048", "127.0.0.1.example.com")
    expect(mistakes(elsewhere)):matches("a default password is for the sandbox on this machine")
    expect(mistakes((GOOD:gsub("http://localhost", "http://u:p@localhost")))):matches(
      "user and password have their own keys")
  end)
  it("passes on what Lua says", function()
    expect(mistakes "return {"):matches("^flows/navodoo.lua:1: ")
    expect(mistakes "return 5"):matches("^flows/navodoo.lua: this file returns an integer")
    expect(mistakes ""):matches("^flows/navodoo.lua: this file returns nothing")
    expect(mistakes 'return { nav = require("navodoo").secret("a b") }'):matches(
      'secret: a name such as "NAV_PASSWORD" is expected')
  end)
end)
