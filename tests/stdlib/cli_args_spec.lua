--- The command line's arguments, and that help, man page and completions name them all.

local args = require "cli.args"
local out = require "cli.out"

local OPTIONS <const> = {
  once = {}, state = { value = true }, ["odoo-version"] = { value = true, one_of = { "14", "19" } },
  limit = { value = true, whole = true }, set = { value = true, list = true },
}

local function parse(words, places) return args.parse(words, OPTIONS, places) end

local function complaint(words, places)
  local parsed, why = parse(words, places)
  expect(parsed):is_nil()
  return expect(why)
end

describe("args.parse", function()
  it("reads values behind a space and behind =", function()
    expect(parse { "--state", "a", "flows/" }):equals { state = "a", [1] = "flows/" }
    expect(parse { "flows/", "--state=a=b" }):equals { state = "a=b", [1] = "flows/" }
  end)
  it("names an option with - as one with _", function()
    expect(parse { "--odoo-version", "14" }):equals { odoo_version = "14" }
  end)
  it("collects what may be given several times, in order", function()
    expect(parse { "--set", "a.b=1", "--set=a.c=2" }):equals { set = { "a.b=1", "a.c=2" } }
  end)
  it("takes the last of what may not", function()
    expect(parse { "--state", "a", "--state", "b" }):equals { state = "b" }
  end)
  it("reads whole numbers as such", function()
    expect(parse { "--limit", "10" }):equals { limit = 10 }
    for _, wrong in ipairs { "abc", "-1", "1.5", "1e3", "0x10", " 1", "99999999999999999999" } do
      complaint { "--limit=" .. wrong }:matches "^option %-%-limit needs a whole number, got "
    end
  end)
  it("refuses a value that is none of those there are, and lists them", function()
    complaint { "--odoo-version", "15" }:matches "^option %-%-odoo%-version is one of 14, 19, not \"15\"$"
  end)
  it("says which option lacks its value", function()
    complaint { "--state" }:matches "^option %-%-state needs a value$"
    complaint { "--state", "--once" }:matches "^option %-%-state needs a value$"
    complaint { "--state=" }:matches "^option %-%-state has an empty value$"
    complaint { "--state", "" }:matches "^option %-%-state has an empty value$"
  end)
  it("refuses a value for an option that takes none", function()
    complaint { "--once=yes" }:matches "^option %-%-once takes no value$"
  end)
  it("names the option that was probably meant", function()
    complaint { "--stat", "x" }:matches "^unknown option %-%-stat; did you mean %-%-state%?$"
    complaint { "--zzz" }:matches "^unknown option %-%-zzz; see %-%-help$"
    complaint { "--hepl" }:matches "did you mean %-%-help%?$"
  end)
  it("refuses single letters but -h, and odd words", function()
    complaint { "-x" }:matches "^unknown option %-x; see %-%-help$"
    complaint { "--state.x", "y" }:matches "^unknown option %-%-state%.x"
    complaint { "--=x" }:matches "^unknown option"
    expect(parse { "-h" }):equals { help = true }
    expect(parse { "--help" }):equals { help = true }
  end)
  it("takes everything behind -- and a lone - as it stands", function()
    expect(parse { "--once", "--", "--state", "-x", "--" }):equals { once = true, "--state", "-x", "--" }
    expect(parse { "-" }):equals { "-" }
  end)
  it("refuses one argument too many, unless help is asked for", function()
    complaint({ "a", "b" }, 1):matches '^"b" is one argument too many; see %-%-help$'
    complaint({ "a" }, 0):matches '^"a" is one argument too many'
    expect(parse({ "a", "b", "--help" }, 1)):equals { help = true, "a", "b" }
  end)
  it("reads nothing from nothing", function() expect(parse {}):equals {} end)
end)

describe("out.address", function()
  local function read(text) return table.concat({ out.address(text) }, " ") end
  it("reads address and port, also of IPv6", function()
    expect(read "0.0.0.0:80"):equals "0.0.0.0 80"
    expect(read ":0"):equals "127.0.0.1 0"
    expect(read "::1:8080"):equals "::1 8080"
  end)
  it("refuses what is none", function()
    for _, wrong in ipairs { "", "host", "host:", "host:x", "host:65536", "host:-1", "host:123456" } do
      expect(out.address(wrong)):is_nil()
    end
  end)
end)

describe("every command", function()
  local function read(path)
    local f <close> = assert(io.open(path, "rb"))
    return f:read "a"
  end
  --- Whether `name` stands in `text` as a whole option.
  local function names(text, name)
    return (" " .. text .. " "):find("[^%w-]%-?%-" .. name:gsub("%-", "%%-") .. "[^%w-]") ~= nil
  end
  local man = read "examples/packaging/navodoo.1"
  local bash, zsh = read "examples/packaging/completion.bash", read "examples/packaging/_navodoo"

  local COMMANDS <const> = {
    "run",
    "check",
    "map",
    "repl",
    "test",
    "plan",
    "apply",
    "sandbox",
    "status",
    "jobs",
    "dead",
    "links",
  }
  for _, command in ipairs(COMMANDS) do
    local module = require("cli." .. command)
    local options = {}
    for name in pairs(module.options) do options[#options + 1] = name end
    table.sort(options)
    local missing = {}
    local function look(where, text)
      for _, name in ipairs(options) do
        if not names(text, name) then missing[#missing + 1] = where .. " lacks --" .. name end
      end
    end
    it(command .. " has all its options in help, man page and completions", function()
      look("help", module.help)
      look("man page", man)
      look("bash", bash:match("\n%s+" .. command .. "%) (options=[^\n]*)"))
      -- what several commands share stands in variables
      local part = zsh:match("\n    " .. command .. "%)(.-);;")
      for name, text in zsh:gmatch "\n  (%w+)=(%b())" do part = part:gsub("%$" .. name .. " ", "%0" .. text) end
      look("zsh", part)
      expect(table.concat(missing, ", ")):equals ""
    end)
    it(command .. " has an example in its help, and lines of at most 100 columns", function()
      expect(module.help):matches "\nexamples?:\n  navodoo "
      for line in module.help:gmatch "[^\n]+" do expect(#line <= 100):is_true() end
    end)
    it(command .. " says how many arguments it takes", function()
      expect(math.type(module.places)):equals "integer"
    end)
  end
end)
