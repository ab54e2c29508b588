--- What a look at the folder of flows makes of it: which files are taken, what slots are
-- given to run, and where a refusal goes back to. The lives themselves are pretended.

local log = require "navodoo.log"
local project = require "cli.project"
local reload = require "cli.reload"
local store = require "navodoo.store"
local supervisor = require "cli.supervisor"

local FLOW <const> = [[
local navodoo = require "navodoo"
return navodoo.flow %q {
  nav = { read = "CustomerCard", key = "No", watch = { stamp = "Last_Date_Modified" } },
  odoo = { model = "res.partner"%s },
  link = { xmlid = "customer" },
  fields = { { "No", "ref" }, { "Name", %q } },
}
]]
local HOOK <const> = ', watch = { hook = "partner", every = "5m" }'

--- A folder in memory, and slots that nobody runs.
local function world(files)
  local registered, seams = 0, { project.read, supervisor.register, store.query, store.apply, log.error, log.info }
  local w = { files = files, began = {} }
  project.read = function()
    local list = {}
    for name, source in pairs(w.files) do list[#list + 1] = { file = name, source = source } end
    table.sort(list, function(a, b) return a.file < b.file end)
    return { files = list, lookups = {}, config = w.config or "config" }
  end
  local ids = {}
  supervisor.register = function(flow, version)
    local key = flow .. " " .. version.hash
    if not ids[key] then registered = registered + 1; ids[key] = registered end
    return ids[key]
  end
  store.query, store.apply = function() return {} end, function() return true end
  log.error, log.info = function() end, function() end
  w.lives = { slots = {}, by_name = {} }
  function w.lives:add(name, flow, wanted)
    local slot = { name = name, flow = flow, wanted = wanted, news = { set = function() end } }
    self.slots[#self.slots + 1], self.by_name[name] = slot, slot
  end
  function w.lives:remove(slot)
    for i, s in ipairs(self.slots) do if s == slot then table.remove(self.slots, i) end end
    self.by_name[slot.name] = nil
  end
  w.p = { folder = "flows", flows = {}, pairs = { { nav = "C", odoo = 1 } }, config_source = "config",
          endpoints = { nav = { name = "nav" }, odoo = { name = "odoo" } },
          config = { file = "navodoo.lua", text = "config",
                     endpoints = { nav = { kind = "nav" }, odoo = { kind = "odoo" } } } }
  w.reload = reload.new(w.p, w.lives, {})
  function w:look(...) self.reload:look(...) end
  --- Names of the slots, with the field that their version writes.
  function w:runs()
    local list = {}
    for _, slot in ipairs(self.lives.slots) do
      list[#list + 1] = slot.name .. " " .. slot.wanted.source:match '"Name", "([%w_]+)"'
    end
    table.sort(list)
    return table.concat(list, ", ")
  end
  function w:refused()
    local list = {}
    for i, r in ipairs(self.reload:refusals()) do list[i] = r.text end
    return table.concat(list, "; ")
  end
  --- What the supervisor does when a version does not fit the systems, or took over.
  function w:refuse(name, before)
    local slot = self.lives.by_name[name]
    local wanted = slot.wanted
    slot.wanted = before
    self.lives.on_refused(slot, wanted, "there is no such field")
  end
  function w:took(name) self.lives.on_replaced(self.lives.by_name[name]) end
  return setmetatable(w, { __close = function()
    project.read, supervisor.register, store.query, store.apply, log.error, log.info = table.unpack(seams)
  end })
end

local function flow(name, field, odoo) return FLOW:format(name, odoo or "", field) end

describe("a look at the flows", function()
  it("takes what changed and leaves what did not", function()
    local w <close> = world { ["a.lua"] = flow("a", "name"), ["b.lua"] = flow("b", "name") }
    w:look()
    local before = w.lives.by_name.b.wanted
    w.files["a.lua"] = flow("a", "phone")
    w:look()
    expect(w:runs()):equals "a phone, b name"
    expect(w.lives.by_name.b.wanted == before):is_true()
  end)

  it("goes back to what runs when the second of two quick changes is refused", function()
    local w <close> = world { ["a.lua"] = flow("a", "name") }
    w:look()
    local first = w.lives.by_name.a.wanted
    w.files["a.lua"] = flow("a", "phone")
    w:look()
    w.files["a.lua"] = flow("a", "phnoe") -- before the first of them had its turn
    w:look()
    w:refuse("a", first)
    expect(w.reload:file_hash "a"):equals(first.hash)
    w.files["a.lua"] = flow("a", "phone") -- that was good
    w:look()
    expect(w:runs()):equals "a phone"
  end)

  it("takes the file's version for what runs when only its endpoints were refused", function()
    local w <close> = world { ["a.lua"] = flow("a", "name") }
    w:look()
    w.files["a.lua"] = flow("a", "phone")
    w:look()
    w:took "a"
    local second = w.lives.by_name.a.wanted
    w.reload.read_config = function() return true end -- the endpoints are others now
    w:look()
    expect(w.lives.by_name.a.wanted.cause):equals "endpoints"
    w:refuse("a", second)
    w:look() -- and right again
    expect(w:runs()):equals "a phone"
    expect(w.lives.by_name.a.wanted.cause):equals "endpoints"
  end)

  it("lets files exchange their flows, and a flow move to a file that comes before", function()
    local w <close> = world { ["a.lua"] = flow("x", "name"), ["b.lua"] = flow("y", "phone") }
    w:look()
    w.files = { ["a.lua"] = flow("y", "phone"), ["b.lua"] = flow("x", "name") }
    w:look()
    expect(w:refused()):equals ""
    expect(w:runs()):equals "x name, y phone"
    w.files = { ["a.lua"] = flow("x", "name"), ["b.lua"] = flow("z", "city") }
    w:look()
    expect(w:refused()):equals ""
    expect(w:runs()):equals "x name, z city"
  end)

  it("refuses a flow that another file has, also one that goes on because its file is refused", function()
    local w <close> = world { ["a.lua"] = flow("x", "name") }
    w:look()
    w.files["b.lua"] = flow("x", "phone")
    w:look()
    expect(w:refused()):equals 'b.lua:2: flow "x" is declared in a.lua already'
    w.files = { ["a.lua"] = "no Lua", ["b.lua"] = flow("x", "phone") }
    w:look()
    expect(w:runs()):equals "x name"
    w.files = { ["b.lua"] = flow("x", "phone") }
    w:look()
    expect(w:refused() .. w:runs()):equals "x phone"
  end)

  it("tells of flows that came, and of those that a refusal brings back", function()
    local w <close> = world { ["a.lua"] = flow("a", "name") }
    local told
    w.reload.on_looked = function()
      local names = {}
      for i, f in ipairs(w.p.flows) do
        names[i] = f.name .. (f.compiled.odoo.watch and " " .. f.compiled.odoo.watch.hook or "")
      end
      told = table.concat(names, ", ")
    end
    w:look()
    expect(told):equals "a"
    w.files["b.lua"] = flow("b", "phone", HOOK)
    w:look()
    expect(told):equals "a, b partner"
    local first = w.lives.by_name.b.wanted
    w:took "b"
    w.files["b.lua"] = flow("b", "phnoe")
    w:look()
    expect(told):equals "a, b"
    w:refuse("b", first)
    expect(told):equals "a, b partner"
    w.files["b.lua"] = nil
    w:look()
    expect(told):equals "a"
  end)

  it("gives each pair of companies its slot, and takes it away with the pair", function()
    local w <close> = world { ["a.lua"] = flow("a", "name") }
    w:look()
    w.reload.read_config = function(self)
      self.p.pairs = { { nav = "C", odoo = 1 }, { name = "ag", nav = "AG", odoo = 2 } }
      return true
    end
    w:look()
    expect(w:runs()):equals "a name, a@ag name"
    expect(w.lives.by_name.a.wanted.pairs):equals(2)
    w.reload.read_config = function(self)
      self.p.pairs = { { nav = "C", odoo = 1 } }
      return true
    end
    w:look()
    expect(w:runs()):equals "a name"
  end)
end)
