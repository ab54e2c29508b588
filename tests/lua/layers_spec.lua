--- The rule of the layers: core <- lua <- stdlib <- flows, and nothing else on top.

local fs = require "navodoo.fs"

local function walk(folder, pattern, visit)
  for _, name in ipairs(fs.list(folder)) do
    local path = folder .. "/" .. name
    if fs.kind(path) == "folder" then walk(path, pattern, visit)
    elseif name:match(pattern) then
      local n = 0
      for line in io.lines(path) do
        n = n + 1
        visit(path, n, line)
      end
    end
  end
end

local function offenders(folder, pattern, is_bad)
  local found = {}
  walk(folder, pattern, function(path, n, line)
    if is_bad(line) then found[#found + 1] = ("%s:%d: %s"):format(path, n, line) end
  end)
  return table.concat(found, "\n")
end

describe("layers", function()
  it("core knows no Lua, no NAV and no Odoo", function()
    expect(offenders("core", "%.[ch]$", function(line)
      return line:match('#include.*lua') or line:match('#include ".*%.%./')
    end)):equals("")
  end)
  it("lua knows core, nothing above", function()
    expect(offenders("lua", "%.[ch]$", function(line)
      local quoted = line:match('#include "(.-)"')
      return quoted and quoted:match("/") and not quoted:match("^%.%./core/[%w_]+%.h$")
    end)):equals("")
  end)
  it("only the listed files of core call libuv or libcurl", function()
    local allowed = { ["core/loop.c"] = true, ["core/http_curl.c"] = true, ["core/watch.c"] = true,
                      ["core/process.c"] = true, ["core/work.c"] = true }
    local found = {}
    walk("core", "%.c$", function(path, n, line)
      if line:match("#include <uv.h>") or line:match("#include <curl") then
        if not allowed[path] then found[#found + 1] = path .. ":" .. n end
      end
    end)
    expect(table.concat(found, " ")):equals("")
  end)
  it("only the store's own files speak SQL", function()
    expect(offenders("lua", "%.c$", function(line) return line:match("sqlite3") end)):equals("")
    local found = {}
    walk("core", "%.c$", function(path, n, line)
      if line:match("#include <sqlite3") and not path:match("^core/store_") then
        found[#found + 1] = path .. ":" .. n
      end
    end)
    expect(table.concat(found, " ")):equals("")
  end)
  it("stdlib requires itself only", function()
    expect(offenders("stdlib", "%.lua$", function(line)
      local name = line:match('require%s*%(?%s*["\']([^"\']+)["\']')
      return name and not name:find("%", 1, true)
        and not (name == "navodoo" or name:match("^navodoo%.") or name == "connector"
        or name:match("^connector%.") or name:match("^cli%.") or name:match("^sandbox%.")
        or name == "testing" or name:match("^testing%."))
    end)):equals("")
  end)
  it("the engine does not know the command line, the sandbox or the tests", function()
    for _, folder in ipairs { "stdlib/navodoo", "stdlib/connector" } do
      expect(offenders(folder, "%.lua$", function(line)
        return line:match('require%s*%(?%s*["\']cli%.') or line:match('require%s*%(?%s*["\']sandbox%.')
          or line:match('require%s*%(?%s*["\']testing')
      end)):equals("")
    end
  end)
  it("a flow requires navodoo and nothing else", function()
    local found = {}
    walk("flows", "%.lua$", function(path, n, line)
      local name = line:match('require%s*%(?%s*["\']([^"\']+)["\']')
      if name and name ~= "navodoo" and not path:match("^flows/tests/") then
        found[#found + 1] = path .. ":" .. n
      end
    end)
    expect(table.concat(found, " ")):equals("")
  end)
  it("nothing but the agreed entries stands at the top", function()
    local agreed = { core = 1, lua = 1, flows = 1, stdlib = 1, tests = 1, examples = 1, state = 1,
                     ["CMakeLists.txt"] = 1, ["README.md"] = 1, LICENSE = 1 }
    for _, name in ipairs(fs.list(".")) do
      if not agreed[name] and not name:match("^%.") and not name:match("^build") then
        error("unexpected at the top: " .. name)
      end
    end
  end)
end)
