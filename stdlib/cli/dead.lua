--- navodoo dead: dead letters and reviews, explained, mended, sent again, carried elsewhere.

local bench = require "cli.bench"
local control = require "cli.control"
local json = require "navodoo.json"
local out = require "cli.out"
local parked = require "cli.parked"
local problem = require "navodoo.problem"

local dead = {}

dead.options = { state = { value = true }, flow = { value = true }, group = { value = true }, all = {},
                 from = { value = true }, out = { value = true },
                 after = { value = true, whole = true }, limit = { value = true, whole = true }, json = {} }
dead.places = 40 -- what, of which job, and fields

dead.help = [[usage: navodoo dead [list] [--flow NAME] [--group G] [--after ID] [--limit N]
       navodoo dead groups [--flow NAME]
       navodoo dead show ID
       navodoo dead edit ID [FIELD=VALUE ... | --from FILE]
       navodoo dead retry ID | --group G | --all [--flow NAME]
       navodoo dead drop ID
       navodoo dead export ID | --group G | --all [--flow NAME] [--out FILE]
       navodoo dead import FILE

A dead letter is a job given up, kept whole: it names the record, the field, the
value, the rule or the ERP's own words, and the way out. A review waits for a
person's decision. Those of one cause form a group.

  show    what went wrong, what was to be written, and what happened before
  edit    give fields other values, in $EDITOR, from a JSON file or on the command
          line. What was polled stays to be seen; the mended record is checked by the
          flow's rules, and goes out with the next retry. It stands for what the source
          holds until the source changes that field: correct it there, too. A job to NAV
          takes FIELD=VALUE in NAV's words; from there the value goes on to Odoo
  retry   send again: one, all of a cause, or all
  drop    give up for good: the record comes back with its next change, and one that is
          not linked yet with the next full walk. A record that is gone from one side is
          left as it is on the other
  export  one JSON object a line, payloads included; import brings them into this store
          or another one, each once, with what was mended in the file. A record that
          changed meanwhile keeps its newer job

  --flow NAME   of one flow only
  --group G     all of one cause, by the group shown in the list
  --all         all of them
  --from FILE   the mended payload, a JSON object; - is standard input
  --out FILE    where to write (default: standard output)
  --after ID    go on after this job
  --limit N     at most N (default 100)
  --state DIR   folder of the engine's store (default: ./state)
  --json        for machines

exit codes: 0 done; 1 no such job, no store, or something was refused; 2 wrong use

examples:
  navodoo dead groups
  navodoo dead show 17
  navodoo dead edit 17 Country_Region_Code=DE && navodoo dead retry 17
  navodoo dead retry --group 5f0c21aa90de
  navodoo dead export --group 5f0c21aa90de --out monday.jsonl]]

-- ---- showing -----------------------------------------------------------------------------

-- A record, a field a line; with what a person made of it behind.
local function show_payload(payload, edited)
  if type(payload) ~= "table" then
    out.line("payload   none: the record is read again when the job runs")
    return
  end
  local rows = {}
  for i, name in ipairs(problem.names(payload)) do
    local mended = edited and edited[name]
    rows[i] = { field = name, value = json.encode(payload[name]) }
    if mended ~= nil and json.canonical { mended } ~= json.canonical { payload[name] } then
      rows[i].mended = json.encode(mended)
    end
  end
  local columns = { { "field", "payload" }, { "value", "as it was read" } }
  if edited then columns[3] = { "mended", "mended, goes out with retry" } end
  out.table(columns, rows)
end

local function show_cause(p)
  out.line("")
  if p.text then out.line("why       %s", p.text) end
  if p.field then out.line("field     %s", p.field) end
  if p.value ~= nil then out.line("value     %s", json.encode(p.value)) end
  if p.rule then out.line("rule      %s", p.rule) end
  if p.code then out.line("code      %s", p.code) end
  if p.file then out.line("place     %s%s", p.file, p.line and ":" .. p.line or "") end
  parked.show_candidates(p.candidates)
  if p.way_out then out.line("way out   %s", p.way_out) end
end

local function show(job)
  out.line("job %d: %s, %s", job.id, job.state, job.name)
  out.line("flow      %s (%s), attempts %d, since %s", job.flow, job.direction, job.attempts, out.instant(job.created))
  if job.link then out.line("link      %s, Odoo %s", job.link.nav, job.link.odoo) end
  out.line("group     %s", job.group or "none")
  local e = job.error or {}
  if type(e) ~= "table" then e = { text = e } end
  for _, p in ipairs(e.problems or { e }) do show_cause(p) end
  local set = job.decision and job.decision.set
  for _, field in ipairs(set and problem.names(set) or {}) do
    out.line("said      %s=%s, goes out with retry", field, set[field])
  end
  if job.state == "dead" then
    out.line("then      navodoo dead retry %d; or mend it here: navodoo dead edit %d FIELD=VALUE%s", job.id, job.id,
             job.direction == "odoo_to_nav" and ", a field of NAV" or "")
  end
  out.line("")
  show_payload(job.payload, job.edited)
  out.line("")
  parked.show_journal(job)
end

-- ---- editing -----------------------------------------------------------------------------

local function pretty(record)
  local lines = {}
  for i, name in ipairs(problem.names(record)) do
    lines[i] = ("  %s: %s"):format(json.encode(name), json.encode(record[name]))
  end
  return "{\n" .. table.concat(lines, ",\n") .. "\n}\n"
end

local function read_object(path)
  local content, why = bench.read_file(path)
  if not content then return nil, why end
  content = ("\n" .. content):gsub("\n[ \t]*#[^\n]*", "\n"):sub(2) -- what the editor was told
  local value, err = json.decode(content)
  if value == nil then
    return nil, ("%s:%s: %s"):format(path == "-" and "standard input" or path, err.line or "?", err.text)
  end
  return value
end

-- Has a person edit a letter; the path of the text that came of it, or nil and why not.
local function ask_editor(letter)
  local editor = os.getenv "VISUAL" or os.getenv "EDITOR"
  if not editor or editor == "" then
    return nil, "no editor: set EDITOR, give FIELD=VALUE, or --from FILE"
  end
  local path = os.tmpname()
  local f, why = io.open(path, "wb")
  if not f then return nil, why end
  local text = pretty(letter.edited or letter.payload)
  f:write("# ", letter.record, ": ", (tostring(letter.why):gsub("%c", " ")), "\n", text)
  f:close()
  local ok, how, code = os.execute(("%s '%s'"):format(editor, path))
  if not ok then
    os.remove(path)
    return nil, ("%s ended with %s %s"):format(editor, how, code)
  end
  return path
end

local function edited_by_person(state, id)
  local letter, err = control.call(state, "letter", { id = id })
  if not letter then return nil, err end
  if type(letter.payload) ~= "table" then return {} end -- the engine's side says what to do instead
  local path, why = ask_editor(letter)
  if not path then return nil, { text = why } end
  local payload
  payload, why = read_object(path)
  if not payload then return nil, { text = ("%s; your text is there, and --from takes it"):format(why) } end
  return { payload = payload, path = path }
end

-- ---- actions -----------------------------------------------------------------------------

local actions = {}

function actions.list(state, a)
  return parked.ask(state, a, "dead", { flow = a.flow, group = a.group, after = a.after or 0, limit = a.limit or 100 },
    function(result)
      if #result.jobs == 0 then return out.line("no dead letters, no reviews") end
      out.table({ { "id" }, { "state" }, { "flow" }, { "name", "record" }, { "group" }, { "why" } }, result.jobs)
      out.more(result.jobs, a.limit or 100)
    end)
end

function actions.groups(state, a)
  return parked.ask(state, a, "groups", { flow = a.flow }, function(result)
    if #result.groups == 0 then return out.line("no dead letters, no reviews") end
    out.table({ { "group" }, { "count" }, { "state" }, { "flow" }, { "oldest", "oldest id" },
                { "why", "why, of the oldest" } }, result.groups)
  end)
end

local function job_id(a) return parked.id(a, "a job", "dead") end

function actions.show(state, a)
  local id, err = job_id(a)
  if not id then return nil, err end
  return parked.ask(state, a, "job", { id = id }, function(result) show(result.job) end)
end

function actions.edit(state, a)
  local id, err = job_id(a)
  if not id then return nil, err end
  local set, why = parked.words(a, 3)
  if not set then return nil, { text = why, use = true } end
  local question = { id = id }
  if next(set) then
    if a.from then return nil, { text = "FIELD=VALUE or --from, not both", use = true } end
    question.set = set
  elseif a.from then
    question.payload, why = read_object(a.from)
    if not question.payload then return nil, { text = why } end
  else
    local made
    made, err = edited_by_person(state, id)
    if not made then return nil, err end
    question.payload = made.payload
    question.path = made.path
  end
  local path = question.path
  question.path = nil
  local result
  result, err = control.call(state, "edit", question)
  if not result then
    return nil, path and { text = ("%s; your text is in %s: navodoo dead edit %d --from %s"):format(err.text, path, id,
      path) } or err
  end
  if path then os.remove(path) end
  if a.json then out.json(result)
  else out.line("job %d (%s) is mended; navodoo dead retry %d sends it", result.edited, result.name, id) end
  return true
end

-- Exactly one of: the number of a job, --group, --all.
local function which(a)
  local n = (a[2] and 1 or 0) + (a.group and 1 or 0) + (a.all and 1 or 0)
  if n ~= 1 then
    return nil, { text = ("%s needs %sthe number of a job, --group or --all"):format(a[1], n > 1 and "one of " or ""),
                  use = true }
  end
  if not a[2] then return { group = a.group, all = a.all, flow = a.flow } end
  local id, err = job_id(a)
  if not id then return nil, err end
  return { id = id }
end

function actions.retry(state, a)
  local question, err = which(a)
  if not question then return nil, err end
  return parked.ask(state, a, "retry", question, function(result)
    out.line("%d ready to be tried again", result.retried)
  end)
end

function actions.drop(state, a)
  local id, err = job_id(a)
  if not id then return nil, err end
  return parked.ask(state, a, "drop", { id = id }, function(result)
    out.line("job %d (%s) dropped", result.dropped, result.name)
  end)
end

function actions.export(state, a)
  local question, err = which(a)
  if not question then return nil, err end
  local f, count = io.stdout, 0
  if a.out then
    local why
    f, why = io.open(a.out, "wb")
    if not f then return nil, { text = "--out: " .. why } end
  end
  repeat
    local page
    page, err = control.call(state, "export", question)
    if not page then return nil, err end
    for _, letter in ipairs(page.letters) do
      local ok, failed = f:write(assert(json.canonical(letter)), "\n")
      if not ok then return nil, { text = failed } end
      count = count + 1
    end
    question.after = page.after
  until not page.after
  if a.out then
    local ok, late = f:close()
    if not ok then return nil, { text = "--out: " .. late } end
    out.line("%d written to %s", count, a.out)
  end
  return true
end

--- Letters that travel in one call.
local PAGE <const>, PAGE_BYTES <const> = 100, 1 << 20

-- Reads letters line by line, and calls `send` with a page of them and their lines.
local function each_page(path, send)
  local f = io.stdin
  if path ~= "-" then
    local why
    f, why = io.open(path, "rb")
    if not f then return nil, why end
  end
  local page, lines, bytes, n = json.array {}, {}, 0, 0
  local function flush()
    if #page == 0 then return true end
    local ok, failed = send(page, lines)
    page, lines, bytes = json.array {}, {}, 0
    return ok, failed
  end
  for line in f:lines() do
    n = n + 1
    if line:find "%S" then
      local letter, err = json.decode(line)
      if letter == nil then
        return nil, ("%s:%d: %s (one letter a line, as jq -c writes it)"):format(path, n, err.text)
      end
      page[#page + 1], lines[#lines + 1], bytes = letter, n, bytes + #line
    end
    if #page == PAGE or bytes > PAGE_BYTES then
      local ok, failed = flush()
      if not ok then return nil, failed end
    end
  end
  if path ~= "-" then f:close() end
  return flush()
end

function actions.import(state, a)
  if not a[2] then return nil, { text = "import needs the file of an export", use = true } end
  local total = { added = 0, mended = 0, known = 0, newer = 0, refused = json.array {} }
  local ok, why = each_page(a[2], function(page, lines)
    local result, err = control.call(state, "import", { letters = page })
    if not result then return nil, err.text end
    for _, name in ipairs { "added", "mended", "known", "newer" } do total[name] = total[name] + result[name] end
    for _, r in ipairs(result.refused) do
      r.line, r.at = lines[r.at], nil
      total.refused[#total.refused + 1] = r
    end
    return true
  end)
  if not ok then return nil, { text = why } end
  if a.json then out.json(total)
  else
    out.line("%d added, %d mended, %d known already, %d left out for a newer job", total.added, total.mended,
             total.known, total.newer)
  end
  for _, r in ipairs(total.refused) do
    out.complain("%s:%d: %s%s", a[2], r.line, r.record and r.record .. ": " or "", r.why)
  end
  if #total.refused > 0 then return nil, { text = ("%d refused"):format(#total.refused) } end
  return true
end

local ORDER <const> = { "list", "groups", "show", "edit", "retry", "drop", "export", "import" }
local TAKES <const> = { list = 1, groups = 1, show = 2, edit = 40, retry = 2, drop = 2, export = 2, import = 2 }

---@param a table
---@return integer
function dead.run(a) return parked.run("dead", actions, ORDER, TAKES, a) end

return dead
