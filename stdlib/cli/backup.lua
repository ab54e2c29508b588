--- navodoo backup: the store in one file, beside a running engine; and the drill that
-- proves such a file good: it is restored for a try, counted, and told what would follow.

local commands = require "cli.commands"
local fs = require "navodoo.fs"
local json = require "navodoo.json"
local out = require "cli.out"
local store = require "navodoo.store"
local time = require "navodoo.time"

local backup = {}

backup.options = { state = { value = true }, verify = {}, json = {} }
backup.places = 1

backup.help = [[usage: navodoo backup FILE [--state DIR] [--json]
       navodoo backup --verify FILE [--json]

Writes the engine's store into one new FILE, as it is at this moment. An engine may run,
and does not wait for it. The file has its name when it is complete and on disk; it holds
business data and no passwords. A file that is there already is never overwritten.

With --verify the file is put to the test that counts: it is restored into a temporary
folder, checked page by page, opened as an engine would, and counted; then you are told
what an engine that starts from it would read, ask and send again.

  --state DIR   folder of the engine's store (default: ./state)
  --verify      test the file; nothing else is touched
  --json        for machines

exit codes: 0 done; 1 no store, no room, or a bad file; 2 wrong use

examples:
  navodoo backup /backup/navodoo-$(date +%F).db --state /var/lib/navodoo
  navodoo backup --verify /backup/navodoo-2026-11-24.db]]

--- Takes the file out again and leaves nothing behind.
local function remove_folder(path)
  for _, name in ipairs(fs.list(path) or {}) do os.remove(path .. "/" .. name) end
  os.remove(path)
end

--- Time between then and now, in the two largest units.
local function age(us)
  local minutes = math.max(us // 60000000, 0)
  if minutes < 60 then return ("%d min"):format(minutes) end
  if minutes < 1440 then return ("%d h %d min"):format(minutes // 60, minutes % 60) end
  return ("%d d %d h"):format(minutes // 1440, minutes // 60 % 24)
end

--- What is in the open store, or nil and why it is no good.
local function account()
  local found = assert(commands.status {})
  local effects = assert(store.query("effects_open", nil))
  local generations = assert(store.query("generations_list", nil))
  local size, meta = assert(store.query "store_size")[1], assert(store.query("meta", "backup"))[1]
  local kept = {}
  for _, row in ipairs(assert(store.query("journal_counts", nil, 1))) do
    local key = row.flow .. " " .. row.outcome
    kept[key] = (kept[key] or 0) + row.count
  end
  for _, row in ipairs(assert(store.query("journal_counts", nil, 0))) do
    local key = row.flow .. " " .. row.outcome
    if (kept[key] or 0) > row.count then
      return nil, ("%s of flow %s: %d entries in the journal and only %d counted"):format(row.outcome, row.flow,
        kept[key], row.count)
    end
  end
  for _, e in ipairs(effects) do
    if e.job and not e.record then return nil, ("the effect %s belongs to no job"):format(e.key) end
  end
  local flows, cursors, journal = json.array {}, json.array {}, 0
  for i, c in ipairs(assert(store.query "cursors_list")) do cursors[i] = { name = c.name, at = time.iso(c.updated) } end
  for i, f in ipairs(found.flows) do
    flows[i] = { flow = f.flow, links = f.links, jobs = f.jobs, outcomes = f.outcomes }
  end
  for _, n in pairs(kept) do journal = journal + n end
  return { at = meta and time.iso(meta.value), age_us = meta and time.now() - meta.value, flows = flows,
           cursors = cursors, unknown = #effects, journal = journal, generations = #generations,
           bytes = size.pages * size.page_size }
end

--- Restores the file into a temporary folder and opens it as an engine does.
---@param file string
---@return table|nil account
---@return string|nil why
function backup.try(file)
  local folder = os.tmpname()
  os.remove(folder)
  local ok, err = store.restore(file, folder, "before")
  if ok then ok, err = store.open(folder) end
  local found, why = nil, err and err.text
  if ok then
    local fine
    fine, found, why = pcall(account)
    if not fine then found, why = nil, type(found) == "table" and found.text or tostring(found) end
    store.close()
  end
  remove_folder(folder)
  return found, why
end

local function plural(n, one, many) return ("%d %s"):format(n, n == 1 and one or many) end

--- Says in words what starting from an account means.
---@param found table
function backup.tell(found)
  local ready, parked = 0, 0
  for _, f in ipairs(found.flows) do
    local j = f.jobs
    out.line("  flow %-12s %s; jobs: %d ready, %d waiting, %d for review, %d dead", f.flow,
             plural(f.links, "link", "links"), j.ready or 0, j.waiting or 0, j.review or 0, j.dead or 0)
    ready, parked = ready + (j.ready or 0) + (j.waiting or 0), parked + (j.review or 0) + (j.dead or 0)
  end
  out.line("An engine that starts from it")
  for _, c in ipairs(found.cursors) do
    out.line("  reads again   %s: what changed since %s", c.name, out.instant(c.at))
  end
  out.line("  asks          for %s of unknown outcome, before anything is written again",
           plural(found.unknown, "write", "writes"))
  out.line("  sends         %s that waited then, with what the records hold when it comes to them",
           plural(ready, "change", "changes"))
  out.line("  finds         records that were created since, by external id and number; it creates none of them again")
  out.line("  has lost      decisions on reviews and dead letters since then (%d of them stood there); and where both",
           parked)
  out.line("                sides were changed since, it decides as the flow says, or asks")
end

local function verify(a)
  local found, why = backup.try(a[1])
  if not found then
    out.complain("backup: %s", why)
    return 1
  end
  if a.json then
    out.json(found)
    return 0
  end
  out.line("%s: good; restored for a try, every page checked, opened", a[1])
  out.line("  made          %s", found.at and ("%s, %s ago"):format(out.instant(found.at), age(found.age_us))
           or "by a copy of the folder: when, it does not say")
  out.line("  holds         %.1f MiB, %s, %s", found.bytes / (1 << 20),
           plural(found.journal, "journal entry", "journal entries"),
           plural(found.generations, "version of a flow", "versions of flows"))
  backup.tell(found)
  return 0
end

---@param a table
---@return integer
function backup.run(a)
  if not a[1] then
    out.complain("backup: which file? As in: navodoo backup /backup/navodoo.db")
    return 2
  end
  if a.verify then
    if a.state then
      out.complain("backup: --verify looks at the file alone: leave out --state")
      return 2
    end
    return verify(a)
  end
  local state, began = a.state or "state", time.monotonic()
  local ok, err = store.backup(state, a[1], time.now())
  if not ok then
    out.complain("backup: %s%s", err.text, err.code == "notfound" and "; name the engine's folder with --state" or "")
    return 1
  end
  local bytes, ms = fs.size(a[1]), math.floor(time.monotonic() - began)
  if a.json then
    out.json { file = a[1], bytes = bytes, ms = ms }
  else
    out.line("%s: %.1f MiB in %.1f s; navodoo backup --verify %s tells what it is good for", a[1], bytes / (1 << 20),
             ms / 1000, a[1])
  end
  return 0
end

return backup
