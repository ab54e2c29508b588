--- The command line: finds the command, prints help, returns the exit code.
--
-- Exit codes: 0 done; 1 failed; 2 wrong use, flow or configuration; 3 this run made
-- dead letters or reviews; 4 jobs are left waiting; 70 a defect of navodoo.

local args = require "cli.args"
local out = require "cli.out"
local problem = require "navodoo.problem"

local main = {}

--- Commands in the order of the help text.
local COMMANDS <const> = {
  { "run", "run the flows of a folder" },
  { "check", "check flows and configuration without running them" },
  { "schema", "what the systems look like: pull, show, diff" },
  { "map", "map one record, and tell why each field is as it is" },
  { "repl", "try flows on records, field by field" },
  { "test", "samples, generated records and specs of the flows" },
  { "plan", "what a flow would write, record by record" },
  { "apply", "send exactly what a plan says, or refuse" },
  { "sandbox", "a NAV and an Odoo to play with" },
  { "status", "what runs, what waits, what went wrong" },
  { "jobs", "list jobs" },
  { "dead", "dead letters: groups, show, edit, retry, export" },
  { "hooks", "the rules by which Odoo tells of changes" },
  { "review", "what waits for a person, and the person's word on it" },
  { "generations", "versions of the flows, and which of them runs" },
  { "rollback", "an older version of a flow runs again" },
  { "accept", "a cloned or restored system is the right one" },
  { "links", "which NAV record is which Odoo record" },
  { "backup", "the store in one file, and whether such a file is good" },
  { "restore", "a backup becomes the store again" },
}


local function usage()
  out.line("navodoo %s: keeps Microsoft Dynamics NAV and Odoo in step", out.VERSION)
  out.line("")
  out.line("usage: navodoo COMMAND [OPTIONS]")
  out.line("")
  for _, c in ipairs(COMMANDS) do out.line("  %-11s %s", c[1], c[2]) end
  out.line("")
  out.line("navodoo COMMAND --help tells the options, with examples.")
end

local function is_command(name)
  for _, c in ipairs(COMMANDS) do
    if c[1] == name then return true end
  end
  return false
end

local function unknown_command(name)
  local known = { "help", "version" }
  for _, c in ipairs(COMMANDS) do known[#known + 1] = c[1] end
  local near = problem.near(name, known)
  out.complain("unknown command %q; %s", name, near and "did you mean " .. near .. "?" or "see navodoo --help")
  return 2
end

--- `navodoo help [COMMAND]`.
local function help(name)
  if name == nil then
    usage()
    return 0
  end
  if not is_command(name) then return unknown_command(name) end
  out.line(require("cli." .. name).help)
  return 0
end

--- Runs one command.
---@param argv string[]
---@return integer exit code
function main.start(argv)
  local name = argv[1]
  if name == nil then
    usage()
    return 2
  end
  if name == "--help" or name == "-h" or name == "help" then return help(argv[2]) end
  if name == "--version" or name == "version" then
    out.line("navodoo %s", out.VERSION)
    return 0
  end
  if not is_command(name) then return unknown_command(name) end
  local command = require("cli." .. name)
  local parsed, complaint = args.parse(table.move(argv, 2, #argv, 1, {}), command.options, command.places)
  if not parsed then
    out.complain("%s: %s", name, complaint)
    return 2
  end
  if parsed.help then
    out.line(command.help)
    return 0
  end
  return command.run(parsed)
end

return main
