--- The trace tells what the mapper does: same values, same problems, on samples and on
-- records that nobody thought of. And what only looks cannot write.

local bench = require "cli.bench"
local call = require "connector.call"
local connector = require "connector"
local fs = require "navodoo.fs"
local generate = require "testing.generate"
local json = require "navodoo.json"
local project = require "cli.project"
local sample = require "navodoo.sample"
local trace = require "navodoo.trace"

local p = assert(project.load("flows", "dev"))
local lookups = assert(bench.sample_lookups "flows")

local function samples_of(flow)
  local list = {}
  local folder = "flows/samples/" .. flow.name
  if fs.kind(folder) ~= "folder" then return list end
  for _, name in ipairs(fs.list(folder)) do
    list[#list + 1] = assert(bench.sample(flow, folder .. "/" .. name))
  end
  return list
end

local function mapped(flow, s)
  local method = s.direction == "nav_to_odoo" and "to_odoo" or "to_nav"
  local ok, values, problems = pcall(flow.compiled[method], flow.compiled, s.record, sample.context(s, lookups))
  return ok, ok and json.canonical(values) or nil, ok and json.canonical(json.array(problems)) or nil
end

local function same_as_mapper(flow, s, about)
  local ok, values, problems = mapped(flow, s)
  local t = trace.run(flow.compiled, s.direction, s.record, sample.context(s, lookups))
  if not ok then return t.error ~= nil end
  if json.canonical(t.values) ~= values or json.canonical(json.array(t.problems)) ~= problems then
    error(("%s: traced %s %s, mapped %s %s"):format(about, json.canonical(t.values),
      json.canonical(json.array(t.problems)), values, problems))
  end
  -- each value stands in one field of the trace, and every field has a reason
  local seen = {}
  for _, f in ipairs(t.fields) do
    seen[f.field] = f
    expect(type(f.why)):equals("string")
  end
  for field, v in pairs(t.values) do
    if seen[field].outcome ~= "refused" then
      expect(json.canonical { v }):equals(json.canonical { seen[field].value })
    end
  end
  return true
end

describe("trace", function()
  for _, flow in ipairs(p.flows) do
    local samples = samples_of(flow)
    it(("of flow %s tells what the mapper does with every sample"):format(flow.name), function()
      for i, s in ipairs(samples) do
        expect(same_as_mapper(flow, s, ("%s sample %d"):format(flow.name, i))):is_true()
      end
    end)
    for _, direction in ipairs(flow.compiled.directions) do
      it(("of flow %s, %s, tells what the mapper does with generated records"):format(flow.name, direction),
        function()
          local gen = generate.open(flow.compiled, sample.source[direction], samples,
            { lookups = lookups, seed = 7 })
          for i = 1, 300 do
            local s = { direction = direction, record = gen:next(), creating = i % 2 == 0, current = {} }
            if s.creating then s.current = nil end
            expect(same_as_mapper(flow, s, ("%s record %d %s"):format(flow.name, i,
              json.canonical(s.record)))):is_true()
          end
        end)
    end
  end
  it("names source, step with values, and line", function()
    local flow = assert(bench.flow(p, "customer"))
    local s = assert(bench.sample(flow, "flows/samples/customer/blocked.json"))
    local t = trace.run(flow.compiled, s.direction, s.record, sample.context(s, lookups))
    local by_name = {}
    for _, f in ipairs(t.fields) do by_name[f.field] = f end
    local country = by_name.country_id
    expect(country.sources[1].value):equals "EL"
    expect(country.steps[1].got[1]):equals "GR"
    expect(country.steps[2].got[1]):equals(88)
    expect(by_name.lang.outcome):equals "left"
    expect(by_name.website.outcome):equals "cleared"
    local source = assert(bench.read_file "flows/customer.lua")
    local line, n = nil, 0
    for text in source:gmatch "([^\n]*)\n" do
      n = n + 1
      if text:find('"country_id", lookup', 1, true) then line = n end
    end
    expect(country.line):equals(line)
  end)
  it("follows a link to another flow, and a lookup that goes through another's codes", function()
    local flow = assert(bench.flow(p, "ship_to"))
    local s = assert(bench.sample(flow, "flows/samples/ship_to/new.json"))
    local t = trace.run(flow.compiled, s.direction, s.record, sample.context(s, lookups))
    expect({ t.fields[1].field, t.fields[1].steps[1].what, t.fields[1].steps[1].got[1] }):equals {
      "parent_id", "links of customer", 42 }
    s = assert(bench.sample(flow, "flows/samples/ship_to/waits.json"))
    t = trace.run(flow.compiled, s.direction, s.record, sample.context(s, lookups))
    expect({ t.fields[1].outcome, t.problems[1].rule, t.problems[1].waits_for.flow }):equals {
      "refused", "lookup link customer", "customer" }
    flow = assert(bench.flow(p, "customer"))
    s = assert(bench.sample(flow, "flows/samples/customer/from_odoo_new.json"))
    t = trace.run(flow.compiled, s.direction, s.record, sample.context(s, lookups))
    local steps = t.fields[#t.fields].steps
    expect({ t.fields[#t.fields].field, #steps, steps[1].what, steps[2].what }):equals {
      "Customer_Posting_Group", 2, "lookup country", "flows/lookups/posting_group.lua" }
  end)
  it("says what is unchanged, and what a raising function was given", function()
    local flow = assert(bench.flow(p, "customer"))
    local s = assert(bench.sample(flow, "flows/samples/customer/blocked.json"))
    local plain = trace.run(flow.compiled, s.direction, s.record, sample.context(s, lookups))
    s.current = plain.values
    local again = trace.run(flow.compiled, s.direction, s.record, sample.context(s, lookups))
    for _, f in ipairs(again.fields) do
      if f.value ~= nil then expect({ f.field, f.outcome }):equals { f.field, "unchanged" } end
    end
  end)
end)

describe("an endpoint that is only looked at", function()
  local function opened(kind)
    local withheld = {}
    local e = { name = kind, kind = kind, company = "C", database = "d", user = "u", secret = "s", api = "jsonrpc",
                read_only = true, withheld = function(r) withheld[#withheld + 1] = r end }
    return connector.open(e), withheld
  end
  it("gets no call that changes anything, whatever the method", function()
    local request, report, sent = call.request, call.report, {}
    call.report = function() end
    call.request = function(r)
      sent[#sent + 1] = r.body or r.path
      if r.body and r.body:find '"authenticate"' then
        return { status = 200, body = '{"jsonrpc":"2.0","id":1,"result":2}', headers = {} }
      end
      return nil, { code = "network", text = "nothing listens", maybe_sent = false }
    end
    local odoo, withheld = opened "odoo"
    for _, method in ipairs { "write", "create", "unlink", "load", "action_archive", "message_post", "copy" } do
      local result, err = odoo:call("res.partner", method, { ids = json.array { 1 } })
      expect({ method, result, err.code }):equals { method, nil, "read_only" }
    end
    local _, err = odoo:link_xmlid("res.partner", 1, "x")
    expect(err.code):equals "read_only"
    call.request, call.report = request, report
    expect(#withheld):equals(8)
    expect(withheld[8].body):matches "ir.model.data"
    for _, body in ipairs(sent) do expect(body):matches "authenticate" end
  end)
  it("is asked by nothing in the connectors that goes past that one place", function()
    local found = {}
    local function walk(folder)
      for _, name in ipairs(fs.list(folder)) do
        local path = folder .. "/" .. name
        if fs.kind(path) == "folder" then walk(path)
        elseif path ~= "stdlib/connector/call.lua" then
          local n = 0
          for line in io.lines(path) do
            n = n + 1
            if line:find "http%.request" or line:find "call%.request" or line:find 'require "navodoo.http"' then
              found[#found + 1] = path .. ":" .. n
            end
          end
        end
      end
    end
    walk "stdlib/connector"
    expect(table.concat(found, " ")):equals ""
  end)
end)
