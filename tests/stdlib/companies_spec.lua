-- Pairs of companies: what navodoo.lua may say, and the names that come of it.

local companies = require "navodoo.companies"
local config = require "navodoo.config"
local project = require "cli.project"

local function source(pairs_of)
  return ([[
local secret = require "navodoo".secret
return {
  %s
  environments = { dev = {
    nav = { url = "http://127.0.0.1:7048/N/ODataV4", user = "u", password = secret "N" },
    odoo = { url = "http://127.0.0.1:8069", database = "d", user = "u", password = secret "O" } } } }
]]):format(pairs_of)
end

local function load(pairs_of)
  return config.load { file = "flows/navodoo.lua", source = source(pairs_of) }
end

local function complaint(pairs_of)
  local settled, problems = load(pairs_of)
  expect(settled):equals(nil)
  expect(problems[1].line ~= nil):is_true()
  return problems[1].text
end

local function says(text, part)
  if not text:find(part, 1, true) then error(("%q does not say %q"):format(text, part), 2) end
end

describe("companies", function()
  it("give every flow a name for each pair; one pair keeps the plain name", function()
    local settled = assert(load [[companies = {
      { nav = "CRONUS International Ltd.", odoo = 1 }, { name = "ag", nav = "CRONUS AG", odoo = 2 } },]])
    expect(#settled.pairs):equals(2)
    expect(companies.instance("customer", settled.pairs[1])):equals "customer"
    expect(companies.instance("customer", settled.pairs[2])):equals "customer@ag"
    expect(companies.beside("customer@ag", "contact")):equals "contact@ag"
    expect(companies.beside("customer", "contact")):equals "contact"
    local views = project.views(settled.endpoints, settled.pairs[2])
    expect(views.nav.company):equals "CRONUS AG"
    expect(views.odoo.company_id):equals(2)
    expect(views.nav.password):equals(nil)
    expect(settled.endpoints.nav.company):equals "CRONUS International Ltd."
  end)

  it("are one pair, the endpoints' own, where none are declared", function()
    says(complaint(""), "company is missing")
    local text = source(""):gsub('user = "u"', 'user = "u", company = "C"', 1)
    local settled = assert(config.load { file = "f", source = text })
    expect(#settled.pairs):equals(1)
    expect(project.views(settled.endpoints, settled.pairs[1]).nav.company):equals "C"
    expect(companies.instance("customer", settled.pairs[1])):equals "customer"
  end)

  it("say what is wrong, and where", function()
    says(complaint("companies = {},"), "companies is a list of pairs, as in")
    says(complaint("companies = { { odoo = 1 } },"), "nav is the name of a company")
    says(complaint("companies = { { nav = 'A', odo = 1 } },"), 'unknown key in companies.1: "odo"')
    says(complaint("companies = { { nav = 'A', odoo = 'x' } },"), "odoo is the id of a company")
    says(complaint("companies = { { nav = 'A' }, { nav = 'B' } },"), "only one pair may have no name")
    says(complaint("companies = { { nav = 'A' }, { name = 'b', nav = 'A' } },"), "two owners")
    says(complaint("companies = { { nav = 'A', name = 'B x' } },"), "lower-case letters")
  end)

  it("may differ from one environment to the next", function()
    local text = source("companies = { { nav = 'A', odoo = 1 } },")
      :gsub("dev = {", "dev = { companies = { { nav = 'B', odoo = 7 } },")
    local settled = assert(config.load { file = "f", source = text })
    expect(settled.pairs[1].nav):equals "B"
    expect(settled.endpoints.nav.company):equals "B"
  end)
end)

describe("project.version", function()
  it("is the hash of the file and of the lookups that it names", function()
    local flow, lookups = 'x = lookup.country, lookup.table "term"', { country = "a", term = "b", other = "c" }
    local hash, named = project.version(flow, lookups)
    expect(named.country):equals "a"
    expect(named.term):equals "b"
    expect(named.other):equals(nil)
    lookups.other = "changed"
    expect((project.version(flow, lookups))):equals(hash)
    lookups.term = "changed"
    expect((project.version(flow, lookups)) ~= hash):is_true()
  end)
end)

describe("--pair", function()
  local live = require "cli.live"
  local named, plain = { name = "ag", nav = "CRONUS AG" }, { nav = "CRONUS International Ltd." }
  local several = { pairs = { plain, named } }
  it("names a pair, also the one without a name of its own", function()
    expect(live.pair(several, "ag")):equals(named)
    expect(live.pair(several, "CRONUS International Ltd.")):equals(plain)
    expect(live.pair({ pairs = { plain } }, nil)):equals(plain)
    expect(live.pair({ pairs = { plain } }, live.pair_name(plain))):equals(plain)
  end)
  it("says what there is when it names none", function()
    local _, why = live.pair(several, nil)
    expect(why):equals 'navodoo.lua pairs several companies: name one with --pair, of "CRONUS International Ltd.", "ag"'
    _, why = live.pair(several, "ug")
    expect(why):equals 'there is no pair "ug": name one with --pair, of "CRONUS International Ltd.", "ag"'
  end)
end)
