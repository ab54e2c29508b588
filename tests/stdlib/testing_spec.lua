--- `navodoo test` finds what it promises to find, each at its line of the flow.

local cover = require "testing.cover"
local json = require "navodoo.json"
local loader = require "navodoo.loader"
local records = require "testing.records"
local sample = require "navodoo.sample"
local samples = require "testing.samples"

local FLOW <const> = [[
local navodoo = require "navodoo"
local flow, map, rule = navodoo.flow, navodoo.map, navodoo.rule
local function kept(v)
  if v == "never" then
    return nil, "no"
  end
  return v
end
local function GET end_of_line
return flow "thing" {
  nav  = { read = "Thing", key = "No" },
  odoo = { model = "thing" },
  link = { xmlid = "thing" },
  fields = {
    { "No",   "ref" },
    { "Name", "name", map.upper },
    { "City", "city", get = kept },
    { "Limit", "limit", get = made },
  },
  rules = { rule "has a name" { "Name", required = true } },
}
]]

local RECORD <const> = { No = "1", Name = "a", City = "b", Limit = 5 }

-- The flow with `made` written so; the rest of its lines stay where they are.
local function thing(body)
  local source = FLOW:gsub("GET end_of_line", function() return "made(v) " .. body .. " end" end)
  local compiled, problems = loader.compile { file = "flows/thing.lua", source = source }
  if not compiled then error(problems[1].text) end
  return compiled, source
end

local function item(flow, value)
  return { file = "samples/one.json", sample = assert(sample.read(flow, assert(json.decode(json.encode(value))))) }
end

local function checked(body, value)
  local flow = thing(body)
  return samples.check(flow, item(flow, value), {}, pcall, {})
end

local function recorded(body)
  local flow = thing(body)
  return records.check(flow, { item(flow, { nav = RECORD, problems = json.array {} }) }, { lookups = {} })
end

describe("a sample", function()
  local good = { ref = "1", name = "A", city = "b", limit = 5 }
  it("that comes out as expected is no failure", function()
    expect(checked("return v", { nav = RECORD, odoo = good })):equals {}
  end)
  it("names the line of the entry that gave another value, with the reason", function()
    local failures = checked("return v", { nav = RECORD, odoo = { ref = "1", name = "a", city = "b", limit = 5 } })
    expect(#failures):equals(1)
    expect({ failures[1].file, failures[1].line }):equals { "flows/thing.lua", 16 }
    expect(failures[1].text):equals 'name: expected "a", got "A": from Name by map upper'
  end)
  it("that expects a value which nothing writes is a failure", function()
    local failures = checked("return v", { nav = RECORD,
      odoo = { ref = "1", name = "A", city = "b", limit = 5, zip = "1" } })
    expect(failures[1].text):equals 'zip: expected "1", got absent: no entry of the flow writes it'
  end)
  it("names the rule that did not refuse, and the line that did", function()
    local failures = checked("return v", { nav = RECORD, problems = { { field = "Name", rule = "has a name" } } })
    expect({ #failures, failures[1].line }):equals { 1, 20 }
    expect(failures[1].text):matches "expected to be refused for Name"
    local nameless = { No = "1", Name = "", City = "b", Limit = 5 }
    failures = checked("return v", { nav = nameless, problems = json.array {} })
    expect({ #failures, failures[1].line }):equals { 1, 20 }
    expect(failures[1].text):matches "^refused, which was not expected"
  end)
  it("names the line that raised", function()
    local failures = checked("return v.x.y", { nav = RECORD, odoo = good })
    expect({ #failures, failures[1].line }):equals { 1, 9 }
    failures = checked("while true do pcall(function() while true do end end) end", { nav = RECORD, odoo = good })
    expect(failures[1].text):matches "budget"
  end)
end)

describe("generated records", function()
  it("find nothing wrong with a careful flow", function()
    local failures, tried = recorded "return v"
    expect({ #failures, tried }):equals { 0, 150 }
  end)
  it("find a function that cannot take every value, and make the record small", function()
    local failures = recorded 'return v:sub(1)'
    expect(failures[1].line):equals(9)
    expect(failures[1].text):matches '; the smallest record: {"Limit":[^,]*}$'
  end)
  it("find a float", function()
    local failures = recorded "return math.type(v) == 'integer' and v / 2 or v"
    expect(failures[1].line):equals(18)
    expect(failures[1].text):matches "float"
  end)
  it("find a mapping that remembers", function()
    local failures = recorded "n = (n or 0) + 1 return n"
    expect(#failures > 0):is_true()
    local flow = thing "return v"
    local count = 0
    flow.to_odoo = function() count = count + 1 return { ref = count }, {} end
    failures = records.check(flow, { item(flow, { nav = RECORD, problems = json.array {} }) }, { lookups = {} })
    expect(failures[1].text):matches "two results"
  end)
  it("end a function that does not", function()
    local failures = recorded "while true do end"
    expect(failures[1].text):matches "breaks off"
  end)
end)

describe("coverage", function()
  it("tells lines of functions that never ran, entries that nothing sets, rules that never refuse", function()
    local flow, source = thing "return v"
    local c, seen = cover.new(), {}
    samples.check(flow, item(flow, { nav = { No = "1", Name = "a", City = "b" },
      odoo = { ref = "1", name = "A", city = "b" } }), {}, function(fn, ...) return c:run(fn, ...) end, seen)
    expect(c:missed(flow, source)):equals { 5, 9 }
    local gaps = samples.uncovered(flow, seen)
    local texts = {}
    for i, gap in ipairs(gaps) do texts[i] = gap.line .. " " .. gap.text end
    expect(texts):equals { "18 no sample sets limit (nav to odoo)", '20 no sample is refused by rule "has a name"' }
  end)
  it("stops what does not end", function()
    local ok, err = cover.new():run(function() while true do end end)
    expect(ok):is_false()
    expect(err):matches "does not come to an end"
  end)
end)
