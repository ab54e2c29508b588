--- Every flow on its samples, in both directions.

local fs = require "navodoo.fs"
local json = require "navodoo.json"
local loader = require "navodoo.loader"
local sample = require "navodoo.sample"

local function read(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read "a"
end

local function lookups()
  local out = {}
  for _, name in ipairs(fs.list "flows/lookups") do
    out[name:match "^(.*)%.lua$"] = read("flows/lookups/" .. name)
  end
  return out
end

-- What this Odoo knows.
local KNOWN <const> = assert(json.decode(read "flows/samples/lookups.json"))
local VERSION <const> = { endpoints = { nav = { version = "nav2018" } } }

for _, name in ipairs(fs.list "flows") do
  local flow = name:match "^(.*)%.lua$"
  if flow and flow ~= "navodoo" then
    local compiled = assert(loader.compile {
      file = "flows/" .. name, source = read("flows/" .. name), lookups = lookups(), config = VERSION })
    describe("the samples of " .. flow, function()
      local ways = {}
      for _, file in ipairs(fs.list("flows/samples/" .. flow)) do
        local s = assert(sample.read(compiled, assert(json.decode(read(("flows/samples/%s/%s"):format(flow, file))))))
        ways[s.direction] = true
        it(("%s: %s"):format(file, s.about), function()
          local map = s.direction == "odoo_to_nav" and compiled.to_nav or compiled.to_odoo
          local values, problems = map(compiled, s.record, sample.context(s, KNOWN))
          local found = json.array {}
          for i, p in ipairs(problems) do found[i] = { field = p.field, rule = p.rule } end
          expect(json.canonical(found)):equals(json.canonical(s.problems or json.array {}))
          if s.expected then expect(json.canonical(values)):equals(json.canonical(s.expected)) end
        end)
      end
      it("go both ways", function()
        for _, direction in ipairs(compiled.directions) do expect(ways[direction]):equals(true) end
      end)
    end)
  end
end
