--- The commands of the repl. Each gets the session and the rest of its line, prints, and
-- answers true, or nil after it said what was wrong.

local explain = require "cli.explain"
local fs = require "navodoo.fs"
local out = require "cli.out"
local problem = require "navodoo.problem"
local sample = require "navodoo.sample"
local show = require "cli.repl.show"
local task = require "navodoo.task"

local commands = {}

local function fail(why)
  if why and why ~= "" then out.complain("%s", tostring(why)) end
  return nil
end

local function map_and_show(s, to)
  local t, why = s:map(to)
  if not t then return fail(why) end
  out.line("%s: %s, %s%s", s.flow.name, s.origin or "record", (t.direction:gsub("_", " ")),
    s.sample.creating and ", new" or "")
  show.trace(t, s.flow.compiled)
  return true
end

-- ---- what the commands do ---------------------------------------------------------------

local run = {}

function run.flow(s, name)
  if name == "" then
    for _, flow in ipairs(s.project.flows) do
      out.line("%s %-20s %s", flow == s.flow and "*" or " ", flow.name, flow.file)
    end
    return true
  end
  local ok, why = s:choose(name)
  if not ok then return fail(why) end
  out.line("flow %s (%s)", s.flow.name, s.flow.file)
  return true
end

function run.load(s, what)
  local kind, rest = what:match "^(%a+)%s+(.+)$"
  local ok, why
  if kind == "nav" or kind == "odoo" then ok, why = s:load_live(kind, rest)
  elseif kind == "job" or kind == "dead" then
    local id = math.tointeger(tonumber(rest))
    if not id then return fail(("a job is named by its number, not %q; see navodoo dead"):format(rest)) end
    ok, why = s:load_job(id)
  elseif what ~= "" then
    ok, why = s:load_file(what)
  else
    return fail "load FILE, load nav KEY, load odoo ID or load job ID"
  end
  if not ok then return fail(why) end
  return map_and_show(s)
end

function run.map(s, to)
  if to ~= "" and to ~= "nav" and to ~= "odoo" then return fail "map, map nav or map odoo" end
  return map_and_show(s, to ~= "" and to or nil)
end

function run.why(s, field)
  local t, why = s.trace, nil
  if not t then t, why = s:map() end
  if not t then return fail(why) end
  local names = {}
  for i, f in ipairs(t.fields) do
    names[i] = f.field
    local named = f.field == field
    for _, source in ipairs(f.sources) do named = named or source.field == field end
    if named then
      for _, line in ipairs(explain.field(f, s.flow.file)) do out.line("%s", line) end
      names.found = true
    end
  end
  if names.found then return true end
  local near = problem.near(field, names)
  return fail(("no field %s is mapped%s"):format(field, near and "; did you mean " .. near .. "?" or ""))
end

function run.record(s)
  if not s.sample then return fail "no record yet" end
  show.value(s.sample.record)
  return true
end

function run.set(s, what)
  local field, text = what:match "^([%a_][%w_]*)%s*=%s*(.+)$"
  if not field then return fail 'set FIELD = EXPRESSION, as in set Name = "Anna"' end
  local ok, why = s:set(field, text)
  if not ok then return fail(why) end
  local before = s.trace
  local t
  t, why = s:map()
  if not t then return fail(why) end
  show.changes(before, t, s.flow.compiled)
  return true
end

function run.new(s)
  if not s.sample then return fail "no record yet" end
  s.sample.creating, s.sample.current = true, nil
  return map_and_show(s)
end

function run.current(s, what)
  if not s.sample then return fail "no record yet" end
  if what == "" then
    if not s.sample.current then out.line("nothing: the record is new there") else show.value(s.sample.current) end
    return true
  end
  local side = sample.target[s.sample.direction]
  local connection, why = s:live()
  if not connection then return fail(why) end
  local record, etag
  record, why, etag = connection:record(side, what)
  if not record then return fail(why) end
  s.sample.current, s.sample.creating, s.sample.etag, s.from_live = record, false, etag, true
  return map_and_show(s)
end

function run.calls(s)
  local requests, why = s:calls()
  if not requests then return fail(why) end
  local secrets = {}
  for _, e in pairs(s:live().endpoints) do
    if e.secret then secrets[#secrets + 1] = e.secret end
  end
  show.calls(requests, function(body)
    for _, secret in ipairs(secrets) do
      local from, to = body:find(secret, 1, true)
      while from do
        body = body:sub(1, from - 1) .. "***" .. body:sub(to + 1)
        from, to = body:find(secret, from, true)
      end
    end
    return body
  end)
  out.line("not sent: this command only reads")
  return true
end

local function say_again(s)
  local t, why, before = s:again()
  if t then
    show.changes(before, t, s.flow.compiled)
    return true
  end
  if type(why) == "table" then
    for _, p in ipairs(why) do out.line("%s", problem.format(p)) end
    out.line("%d mistakes; what was read before stays", #why)
    return nil
  end
  out.line("%s", "read again; " .. why)
  return true
end

function run.reload(s) return say_again(s) end

function run.edit(s)
  local editor = os.getenv "VISUAL" or os.getenv "EDITOR"
  if not editor or editor == "" then return fail "no editor: set EDITOR, as in EDITOR=nano navodoo repl" end
  local ok, how, code = os.execute(("%s '%s'"):format(editor, s.flow.file:gsub("'", "'\\''")))
  if not ok then return fail(("%s ended badly (%s %d)"):format(editor, how, code)) end
  return say_again(s)
end

--- Maps again whenever a file of the folder is saved, until Enter or Ctrl-C.
function run.watch(s)
  local event, stop = task.event "repl:saved", task.event "stop"
  local watcher, err = fs.watch(s.project.folder, "repl:saved")
  if not watcher then return fail(err.text) end
  out.line("watching %s; Enter ends it", s.project.folder)
  io.stdout:flush()
  while not s.editor:pending(0) and not stop:wait(0) do
    if event:wait(200) then
      task.sleep(100) -- an editor saves in several steps
      event:wait(0)
      say_again(s)
      io.stdout:flush()
    end
  end
  watcher:close()
  if s.editor:pending(0) then s.editor:line() end
  return true
end

function run.quit() return "quit" end

local HELP <const> = {
  { "flow [NAME]", "the flows, or the one to go on with" },
  { "load FILE", "a sample, or a record as NAV or Odoo answers it" },
  { "load nav KEY", "a record of the configured NAV, with the partner that it is linked to" },
  { "load odoo ID", "a record of the configured Odoo, with the card that it is linked to" },
  { "load job ID", "the record of a dead letter, a review or another job" },
  { "map [nav|odoo]", "side by side again; the other way round" },
  { "why FIELD", "every step of one field, of either side" },
  { "record", "the record itself" },
  { "set FIELD = EXPR", "another value in the record, and what that changes" },
  { "new", "as if the other side had nothing yet" },
  { "current [KEY]", "what the other side holds; take this record of it" },
  { "calls", "the requests that would go out; none does" },
  { "edit", "open the flow in $EDITOR, then what changed" },
  { "watch", "map again whenever a file is saved, until Enter" },
  { "reload", "read the folder again" },
  { "EXPRESSION", "Lua on record, values and current: record.Name:upper(), map.lower.get(\"A\")" },
  { "quit", "or Ctrl-D" },
}

function run.help()
  for _, h in ipairs(HELP) do out.line("  %-18s %s", h[1], h[2]) end
  return true
end

local NAMES <const> = problem.names(run)

local function expression(s, line)
  local ok, value = s:evaluate(line)
  if ok then
    show.value(value)
    return true
  end
  local first = line:match "^%a+"
  local near = first and problem.near(first, NAMES)
  return fail(tostring(value) .. (near and near ~= first and ("; did you mean %s?"):format(near) or ""))
end

--- Runs one line.
---@param s cli.Session
---@param line string
---@return true|"quit"|nil
function commands.run(s, line)
  line = line:match "^%s*(.-)%s*$"
  if line == "" then return true end
  local name, rest = line:match "^(%a+)%s*(.*)$"
  local command = name and run[name]
  -- `record.Name` and `new(...)` are Lua; a command stands alone or before a blank
  if not command or line:find("^%a+[%.%(%[:]") then return expression(s, (line:gsub("^=%s*", ""))) end
  local ok, verdict = pcall(command, s, rest)
  if ok then return verdict end
  return fail("this command broke off: " .. tostring(verdict))
end

--- Words that may follow what stands before the cursor.
---@param s cli.Session
---@param before string
---@return string[]
function commands.words(s, before)
  local first = before:match "^%s*(%a+)%s"
  if before:find "^%s*$" then return table.move(NAMES, 1, #NAMES, 4, { "record", "values", "current" }) end
  if first == "flow" then
    local names = {}
    for i, flow in ipairs(s.project.flows) do names[i] = flow.name end
    return names
  end
  if first == "load" then
    local files = s:files()
    return table.move(files, 1, #files, 4, { "nav", "odoo", "job" })
  end
  if first == "map" then return { "nav", "odoo" } end
  return s:fields()
end

return commands
