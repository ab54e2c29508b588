--- navodoo test: samples, generated records and specs of a folder of flows, and what of the
-- flows they reach.

local bench = require "cli.bench"
local cover = require "testing.cover"
local fs = require "navodoo.fs"
local json = require "navodoo.json"
local out = require "cli.out"
local project = require "cli.project"
local records = require "testing.records"
local samples = require "testing.samples"
local spec = require "testing.spec"
local task = require "navodoo.task"
local testing = require "testing"

local test = {}

test.options = { filter = { value = true }, strict = {}, json = {}, env = { value = true } }
test.places = 1

test.help = [[usage: navodoo test FLOWS [--filter TEXT] [--strict] [--env NAME] [--json]

Tries the flows of a folder without any system:

  samples    FLOWS/samples/<flow>/*.json: a record of one side, and what is expected on
             the other, or which problems; both directions
  records    made up from the samples, options and codes: the mapping never breaks off,
             makes no float, explains each refusal; what goes there and back settles
  specs      FLOWS/tests/*_spec.lua: describe, it, expect; require "testing" gives the
             flows, and a NAV and an Odoo to run them between

then tells which entries, rules and lines of the flows' own functions no sample or spec
reaches. A failure names the line of the flow.

  --filter TEXT  only flows, files and tests with this in their name
  --strict       what nothing reaches is a failure too
  --env NAME     environment of navodoo.lua
  --json         for machines

exit codes: 0 all passed; 1 a test failed; 2 mistakes in the flows, or wrong use

examples:
  navodoo test flows/
  navodoo test flows/ --filter customer]]

local function wanted(filter, ...)
  if not filter then return true end
  for _, name in ipairs { ... } do
    if name:find(filter, 1, true) then return true end
  end
  return false
end

local function spec_files(folder, filter)
  local list, all = {}, {}
  local path = folder .. "/tests"
  if fs.kind(path) ~= "folder" then return list, all end
  for _, name in ipairs(fs.list(path)) do
    if name:find "_spec%.lua$" then
      all[#all + 1] = path .. "/" .. name
      if wanted(filter, name) then list[#list + 1] = path .. "/" .. name end
    end
  end
  return list, all
end

-- Folders of samples that belong to no flow: nobody would ever read them.
local function strays(p)
  local failures, path = {}, p.folder .. "/samples"
  if fs.kind(path) ~= "folder" then return failures end
  for _, name in ipairs(fs.list(path)) do
    local known = fs.kind(path .. "/" .. name) ~= "folder"
    for _, flow in ipairs(p.flows) do known = known or flow.name == name end
    if not known then
      failures[#failures + 1] = { file = path .. "/" .. name, name = "samples",
        text = ("there is no flow %s that these samples could be of"):format(name) }
    end
  end
  return failures
end

local function try_flow(p, flow, a, state)
  local compiled, seen = flow.compiled, {}
  local result = { flow = flow.name, file = flow.file, passed = 0, failures = {} }
  local items, broken = samples.load(compiled, p.folder, bench.read_json)
  local function add(failures)
    for _, f in ipairs(failures) do result.failures[#result.failures + 1] = f end
    if #failures == 0 then result.passed = result.passed + 1 end
  end
  for _, f in ipairs(broken) do add { f } end
  local function run(fn, ...) return state.cover:run(fn, ...) end
  for _, item in ipairs(items) do
    task.sleep(0) -- the loop has other work too
    local failures = samples.check(compiled, item, state.lookups, run, seen)
    if wanted(a.filter, flow.name, item.file) then add(failures) end
  end
  if wanted(a.filter, flow.name, "generated records") then
    local failures, tried = records.check(compiled, items, { lookups = state.lookups, schemas = p.schemas })
    add(failures)
    result.tried = tried
  end
  result.samples = #items
  result.gaps, result.entries = samples.uncovered(compiled, seen)
  return result
end

local function add_lines(result, flow, covered)
  local missed, total = covered:missed(flow.compiled, flow.source)
  result.lines = total
  for _, line in ipairs(missed) do
    result.gaps[#result.gaps + 1] = { line = line, text = "this line was never run" }
  end
  table.sort(result.gaps, function(x, y)
    if (x.line or 0) ~= (y.line or 0) then return (x.line or 0) < (y.line or 0) end
    return x.text < y.text
  end)
  result.missed = #missed
end

-- Takes what was not reached for a failure.
local function fail_gaps(result)
  for _, gap in ipairs(result.gaps) do
    result.failures[#result.failures + 1] = { file = result.file, line = gap.line, name = "coverage", text = gap.text }
  end
end

local function show_failure(f)
  out.line("FAILED %s%s: %s", f.file or "?", f.line and ":" .. f.line or "", (f.text:gsub("\n.*", "")))
  if f.name and f.name ~= f.file then out.line("       in %s", f.name) end
end

local function show(results, spec_failures, passed, failed, strict)
  for _, r in ipairs(results) do
    for _, f in ipairs(r.failures) do show_failure(f) end
  end
  for _, f in ipairs(spec_failures) do show_failure(f) end
  for _, r in ipairs(results) do
    local reached = r.entries + r.lines - #r.gaps
    out.line("%s: %d samples, %d generated records, %d of %d entries, rules and lines reached", r.flow, r.samples,
      r.tried or 0, reached, r.entries + r.lines)
    for _, gap in ipairs(strict and {} or r.gaps) do out.line("  %s:%s: %s", r.file, gap.line or "?", gap.text) end
  end
  out.line("%d passed, %d failed", passed, failed)
end

local function failure_view(f) return { file = f.file, line = f.line, test = f.name, text = f.text } end

local function views(list)
  local array = json.array {}
  for i, f in ipairs(list) do array[i] = failure_view(f) end
  return array
end

local function as_json(results, spec_failures, passed, failed)
  local flows = json.array {}
  for i, r in ipairs(results) do
    local gaps = json.array {}
    for k, gap in ipairs(r.gaps) do gaps[k] = { line = gap.line, text = gap.text } end
    flows[i] = { flow = r.flow, file = r.file, samples = r.samples, records = r.tried, failures = views(r.failures),
                 coverage = { of = r.entries + r.lines, reached = r.entries + r.lines - #r.gaps, gaps = gaps } }
  end
  return { flows = flows, specs = views(spec_failures), passed = passed, failed = failed }
end

---@param a table
---@return integer
function test.run(a)
  if not a[1] then
    out.complain("test: which folder of flows? As in: navodoo test flows/")
    return 2
  end
  local p, problems = project.load(a[1], a.env)
  if not p then
    project.complain(problems)
    return 2
  end
  local lookups, why = bench.sample_lookups(p.folder)
  if not lookups then
    out.complain("test: %s", why)
    return 2
  end
  testing.folder = p.folder
  local state = { cover = cover.new(), lookups = lookups }
  local results, spec_failures, passed = {}, wanted(a.filter, "samples") and strays(p) or {}, 0
  for _, flow in ipairs(p.flows) do results[#results + 1] = try_flow(p, flow, a, state) end
  local files, all = spec_files(p.folder, a.filter)
  local by_sentence = #files == 0 and a.filter or nil
  local _, good, bad = state.cover:run(spec.collect, by_sentence and all or files, by_sentence)
  passed = passed + good
  table.move(bad, 1, #bad, #spec_failures + 1, spec_failures)
  local failed = #spec_failures
  for i, flow in ipairs(p.flows) do
    add_lines(results[i], flow, state.cover)
    if a.strict then fail_gaps(results[i]) end
    passed, failed = passed + results[i].passed, failed + #results[i].failures
  end
  if a.json then out.json(as_json(results, spec_failures, passed, failed))
  else show(results, spec_failures, passed, failed, a.strict) end
  if failed > 0 then return 1 end
  if passed == 0 and a.filter then
    out.complain("test: nothing has %q in its name", a.filter)
    return 2
  end
  return 0
end

return test
