--- navodoo repl: try a flow on records, and see why each field is as it is. Never writes.

local bench = require "cli.bench"
local commands = require "cli.repl.commands"
local edit = require "navodoo.edit"
local fs = require "navodoo.fs"
local out = require "cli.out"
local project = require "cli.project"
local session = require "cli.repl.session"
local task = require "navodoo.task"

local repl = {}

repl.options = { env = { value = true }, set = { value = true, list = true }, state = { value = true },
                 pair = { value = true }, flow = { value = true } }
repl.places = 1

repl.help = [[usage: navodoo repl [FLOWS] [--flow NAME] [--env NAME] [--state DIR] [--pair NAME]

Tries the flows of a folder on records: loads one from a file, from the configured NAV or
Odoo, or from a dead letter; shows it side by side, each field with its reason; shows the
calls that would go out; opens the flow in $EDITOR and shows what changed. It never
writes: its connections send no change. `help` tells the commands; the tab key completes.

  --flow NAME   begin with this flow
  --env NAME    environment of navodoo.lua
  --state DIR   folder of an engine's store, for dead letters and links (default: ./state)
  --pair NAME   pair of companies, where navodoo.lua has several
  --set E.K=V   override a setting of an endpoint

Where standard input is no terminal, commands are read line by line.

exit codes: 0 ended; 1 a command failed, with no terminal; 2 mistakes in the flows, or wrong use

examples:
  navodoo repl flows/
  echo 'load flows/samples/customer/new.json' | navodoo repl flows/ --flow customer]]

local function history_file()
  local home = os.getenv "HOME"
  return home and home ~= "" and fs.kind(home) == "folder" and home .. "/.navodoo_history" or nil
end

-- Words that may stand where the cursor is.
local function completer(s)
  return function(line, cursor)
    local before = line:sub(1, cursor)
    local start = #before - #before:match "[^%s%.%(]*$" + 1
    if before:find "^%s*load%s" or before:find "/" then start = #before - #before:match "%S*$" + 1 end
    local prefix, words = before:sub(start), {}
    for _, word in ipairs(commands.words(s, before:sub(1, start - 1))) do
      if word:sub(1, #prefix) == prefix then words[#words + 1] = word end
    end
    table.sort(words)
    return words, start
  end
end

local function read_loop(s, terminal)
  local editor = edit.open { prompt = "navodoo> ", history = history_file(), complete = completer(s) }
  local code = 0
  s.editor = editor
  while true do
    local line = editor:line()
    if line == nil then break end
    local verdict = commands.run(s, line)
    io.stdout:flush()
    if verdict == "quit" then break end
    if not verdict and not terminal then code = 1 end
  end
  editor:close()
  return code
end

---@param a table
---@return integer
function repl.run(a)
  task.event "stop" -- from now on Ctrl-C ends what runs, not the process
  local s, problems = session.open(a)
  if not s then
    project.complain(problems)
    return 2
  end
  if a.flow then
    local flow, why = bench.flow(s.project, a.flow)
    if not flow then
      out.complain("repl: %s", why)
      return 2
    end
    s.flow = flow
  end
  local terminal = fs.terminal(0) ~= nil
  if terminal then
    out.line("flow %s (%s); help tells the commands, nothing is ever written", s.flow.name, s.flow.file)
  end
  local code = read_loop(s, terminal)
  if terminal then out.line("") end
  return code
end

return repl
