--- The position of a walk in the order of (stamp, id), for a system that stamps each record
-- with the start of the transaction that wrote it (Odoo: write_date).
--
-- Such a record appears late, when its transaction commits, and with a stamp that the walk
-- has passed by then. So the next walk begins earlier than where this one ended: by the
-- longest transaction allowed for (`overlap`) and by the time that this walk took, since
-- whatever was committed behind its back began no earlier than that. What is seen twice is
-- known by its content. A full walk goes by id alone, and finds what carries no stamp.
--
--     { mark = "2026-01-15T10:00:00Z", scan = { from=, high=, stamp=, id=, began=, full= } }
--
-- Pure functions; instants are microseconds.

local time = require "navodoo.time"

local position = {}

---@class navodoo.Walk
---@field from string|nil   stamp to start at, nil for all records
---@field high string|nil   highest stamp seen
---@field stamp string|nil  of the last record handled
---@field id integer|nil    of the last record handled
---@field began integer     our clock when it began; a walk that was interrupted keeps it
---@field full boolean

---@class navodoo.Position
---@field mark string|nil   records with an older stamp are known
---@field scan navodoo.Walk|nil

--- Begins a walk, or goes on with the one that was interrupted.
---@param state navodoo.Position
---@param full boolean
---@param now integer
---@return navodoo.Position
function position.begin(state, full, now)
  if state.scan and (state.scan.full or not full) then return state end
  full = full or state.mark == nil
  return { mark = state.mark, scan = { from = not full and state.mark or nil, high = state.mark,
                                       began = now, full = full } }
end

local function earlier(stamp, us)
  return time.iso(time.parse_iso(stamp) - us)
end

--- The state after one page.
---@param state navodoo.Position
---@param rows table[]    in the order of the walk: { id=, stamp= }
---@param more boolean    another page follows
---@param now integer
---@param overlap integer
---@return navodoo.Position state
---@return boolean done
function position.advance(state, rows, more, now, overlap)
  local scan = state.scan
  local high, stamp, id = scan.high, scan.stamp, scan.id
  for _, row in ipairs(rows) do
    if type(row.stamp) == "string" and (not high or row.stamp > high) then high = row.stamp end
    stamp, id = row.stamp or stamp, row.id
  end
  if more then
    return { mark = state.mark, scan = { from = scan.from, high = high, stamp = stamp, id = id,
                                         began = scan.began, full = scan.full } }, false
  end
  local mark = state.mark
  if high then
    local back = earlier(high, overlap + math.max(now - scan.began, 0))
    if not mark or back > mark then mark = back end
  end
  return { mark = mark }, true
end

return position
