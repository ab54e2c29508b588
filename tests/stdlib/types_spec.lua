--- The annotations of the primitives name what the modules have, all of it and nothing else.

local MODULES <const> = {
  "json", "decimal", "text", "crypto", "xml", "time", "task", "store", "cache", "log", "secret", "http",
  "fs", "generation",
}

local function names_of(t)
  local out = {}
  for k, v in pairs(t) do
    if type(v) == "function" then out[#out + 1] = k end
  end
  table.sort(out)
  return table.concat(out, " ")
end

describe("stdlib/types/navodoo.lua", function()
  local f <close> = assert(io.open("stdlib/types/navodoo.lua"))
  local source = f:read "a"
  local annotated = {}
  for owner, dot, name in source:gmatch "\nfunction ([%w_]+)([.:])([%w_]+)" do
    local key = owner .. dot
    annotated[key] = annotated[key] or {}
    annotated[key][name] = print
  end
  for _, module in ipairs(MODULES) do
    it("has all functions of navodoo." .. module, function()
      expect(names_of(annotated[module .. "."] or {})):equals(names_of(require("navodoo." .. module)))
    end)
  end
  it("has all methods of decimals", function()
    local methods = {}
    for name in pairs(annotated["number:"]) do
      methods[name] = require("navodoo.decimal").new(1)[name]
    end
    expect(names_of(methods)):equals(names_of(annotated["number:"]))
  end)
  it("is Lua", function() expect((load(source, "@types", "t"))):matches "^function" end)
end)
