--- navodoo restore: a backup becomes the store of a folder that no engine runs on.

local backup = require "cli.backup"
local control = require "cli.control"
local fs = require "navodoo.fs"
local out = require "cli.out"
local past = require "navodoo.engine.past"
local store = require "navodoo.store"
local time = require "navodoo.time"

local restore = {}

restore.options = { state = { value = true }, replace = {}, json = {} }
restore.places = 1

restore.help = [[usage: navodoo restore FILE --state DIR [--replace] [--json]

Makes a backup (navodoo backup) the store of the folder DIR. The file is checked page by
page first, and tried as backup --verify does. It is refused while an engine runs on the
folder, when a newer navodoo wrote the file, and when the folder holds a store already.

The store is older than both systems then. Nothing is done twice for that: the engine
reads what changed since from its positions of then, asks for writes of unknown outcome
before it writes again, and finds what it created since by external id and number. What
was decided on reviews and dead letters since is lost.

  --state DIR   folder of the engine's store
  --replace     a store that is there is kept as navodoo.db.before-<time> beside the new one
  --json        for machines

exit codes: 0 done; 1 refused, nothing was changed; 2 wrong use

example:
  navodoo restore /backup/navodoo-2026-11-24.db --state /var/lib/navodoo]]

---@param a table
---@return integer
function restore.run(a)
  if not a[1] or not a.state then
    out.complain("restore: name the file and the folder, as in: navodoo restore FILE --state DIR")
    return 2
  end
  local there = fs.kind(a.state .. "/navodoo.db") ~= nil
  if there and not a.replace then
    out.complain("restore: %s holds a store, and what a backup brings is older; nothing was changed. "
      .. "--replace keeps that one aside", a.state)
    return 1
  end
  local found, why = backup.try(a[1])
  if not found then
    out.complain("restore: %s", why)
    return 1
  end
  local aside = "before-" .. time.iso(time.now()):gsub("%.%d+", ""):gsub("[-:]", "")
  local ok, err = store.restore(a[1], a.state, aside, a.replace)
  if not ok then
    out.complain("restore: %s", control.explain(err))
    return 1
  end
  ok, err = store.open(a.state)
  if ok then -- what it does not know may be its own all the same
    local ops = {}
    for i, f in ipairs(found.flows) do ops[i] = { "meta_put", past.key(f.flow), "yes" } end
    ok, err = store.apply(ops)
    store.close()
  end
  if not ok then
    out.complain("restore: %s; restore once more before you start an engine", err.text)
    return 1
  end
  found.kept = there and ("%s/navodoo.db.%s"):format(a.state, aside) or nil
  if a.json then
    out.json(found)
    return 0
  end
  out.line("%s is the store of %s now%s", a[1], a.state, found.kept and "; the one of before: " .. found.kept or "")
  backup.tell(found)
  return 0
end

return restore
