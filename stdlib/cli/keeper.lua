--- Keeps the store as small as it was told to: entries of the journal that are older than
-- `journal.keep` go, ids of deliveries beyond those that are remembered, versions of flows
-- that nothing refers to; and the room goes back to the disk.
--
-- All of it in slices, each a transaction of its own between those of the flows. A slice
-- that took long is followed by a smaller one, and every slice by a rest of four times its
-- length, so that the flows have the writer for themselves most of the time.

local inbox = require "navodoo.engine.inbox"
local log = require "navodoo.log"
local store = require "navodoo.store"
local supervisor = require "cli.supervisor"
local task = require "navodoo.task"
local time = require "navodoo.time"

local keeper = {}

local START_MS <const>, ROUND_MS <const> = 30000, 60000
--- Rows of a slice, and how long one should take.
local FIRST <const>, LEAST <const>, MOST <const> = 500, 50, 4000
local LONG_MS <const>, SHORT_MS <const> = 15, 5
local REST <const> = 4
--- Free pages that the file may keep: it will need them again. A twentieth, or 4 MiB.
local FREE_PART <const>, FREE_PAGES <const> = 20, 1024

---@class cli.Kept  what a round did
---@field entries integer     of the journal
---@field deliveries integer
---@field pages integer       given back
---@field longest_ms number   of all slices, from handing over to being on disk

--- Applies one kind of slice until it has nothing left to do, or `enough` says so.
local function slices(kept, name, op_of, enough)
  local size = FIRST
  while not enough() and time.monotonic() < kept.ends do
    local began = time.monotonic()
    local ok, rows = store.apply { op_of(size) }
    if not ok then return nil, rows end
    local took = time.monotonic() - began
    kept[name] = kept[name] + rows
    kept.longest_ms = math.max(kept.longest_ms, took)
    if rows == 0 then break end
    if took > LONG_MS then size = math.max(size // 2, LEAST)
    elseif took < SHORT_MS then size = math.min(size * 2, MOST) end
    task.sleep(math.max(1, math.floor(took * REST)))
  end
  return true
end

local function never() return false end

--- Does the file have more free pages than it should keep?
local function small_enough()
  local rows = store.query "store_size"
  if not rows then return true end
  return rows[1].free <= math.max(rows[1].pages // FREE_PART, FREE_PAGES)
end

--- One round over everything.
---@param keep_ms integer|false
---@param limit_ms number?  how long it may take; what is left then waits for the next one
---@return cli.Kept|nil kept
---@return table|nil err
function keeper.round(keep_ms, limit_ms)
  local kept = { entries = 0, deliveries = 0, pages = 0, longest_ms = 0,
                 ends = time.monotonic() + (limit_ms or math.huge) }
  local ok, err = true, nil
  if keep_ms then
    local before = time.now() - keep_ms * 1000
    ok, err = slices(kept, "entries", function(n) return { "journal_prune", before, n } end, never)
  end
  if ok then
    ok, err = slices(kept, "deliveries", function(n) return { "deliveries_prune", inbox.DELIVERIES_KEPT, n } end, never)
  end
  if ok then ok, err = supervisor.prune() end
  if ok then ok, err = slices(kept, "pages", function() return { "store_shrink" } end, small_enough) end
  if not ok then return nil, err end
  return kept
end

--- Goes round until the process ends; says what it did when that was something. To be spawned.
---@param p table  project; its configuration may be read anew meanwhile
function keeper.watch(p)
  task.sleep(START_MS)
  while true do
    local kept, err = keeper.round(p.config.storage.keep_ms)
    if not kept then log.warn("what is old stays in the store for now: " .. err.text, {})
    elseif kept.entries + kept.deliveries + kept.pages > 0 then
      log.debug("store kept small", { entries = kept.entries, deliveries = kept.deliveries, pages = kept.pages,
                                      longest_ms = math.floor(kept.longest_ms) })
    end
    task.sleep(ROUND_MS)
  end
end

return keeper
